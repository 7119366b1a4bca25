"""Rows of an iterator are not kept: inserting many takes no more memory than inserting few."""

import subprocess
import sys

import pytest

ROWS = 300_000
GROWTH = 30_000_000

PROGRAM = """
import asyncio, resource, sys
import ferro, ferro.sync

class Measured(ferro.sync.Model):
    id: int | None = ferro.Field(default=None, primary_key=True)
    name: str
    number: int

def rows(count):
    return ({"name": f"name {at}", "number": at} for at in range(count))

def peak():
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024

def blocking(url, count):
    with ferro.sync.connect(url) as database:
        database.create_tables(Measured)
        database.bulk_create(Measured, rows(5000), returning=False)
        before = peak()
        assert database.bulk_create(Measured, rows(count), returning=False) == count
        return peak() - before

async def awaited(url, count):
    async with ferro.connect(url) as database:
        await database.create_tables(Measured)
        await database.bulk_create(Measured, rows(5000), returning=False)
        before = peak()
        assert await database.bulk_create(Measured, rows(count), returning=False) == count
        return peak() - before

colour, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
print(blocking(url, count) if colour == "blocking" else asyncio.run(awaited(url, count)))
"""


@pytest.mark.parametrize("colour", ["awaited", "blocking"])
def test_a_generator_of_any_length_is_inserted_in_the_same_memory(database_url, colour):
    program = [sys.executable, "-c", PROGRAM, colour, database_url, str(ROWS)]
    grown = subprocess.run(program, check=True, capture_output=True, text=True, timeout=300).stdout
    assert int(grown) < GROWTH
