"""Nothing is kept: neither the rows of an iterator that is inserted, nor what was read."""

import asyncio
import gc
import subprocess
import sys
from weakref import ref

import pytest

import ferro.sync
from ferro import connect

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


async def test_what_was_read_is_its_readers_alone(database_url, entry):
    async with connect(database_url) as database:
        await database.create_tables(entry)
        await database.create(entry, name="ann")
        for query in (database.query(entry), database.query(entry).where(lambda e: e.id == 1)):
            found = await query.all()
            last = ref(found[0])
            del found
            # Of the step of a task in which an answer came the loop still holds it.
            await asyncio.sleep(0)
            gc.collect()
            assert last() is None


def test_what_was_read_is_its_readers_alone_blocking(database_url, entry):
    with ferro.sync.connect(database_url) as database:
        database.create_tables(entry)
        database.create(entry, name="ann")
        for query in (database.query(entry), database.query(entry).where(lambda e: e.id == 1)):
            found = query.all()
            last = ref(found[0])
            del found
            gc.collect()
            assert last() is None
