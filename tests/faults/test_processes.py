"""Two processes on one SQLite file lose nothing and never see it locked."""

import subprocess
import sys

import pytest

from ferro import sync

TURNS = 250

BLOCKING = """
import sys
from ferro import Field
from ferro.sync import Model, connect

class Counter(Model):
    id: int = Field(primary_key=True)
    value: int

with connect(sys.argv[1], busy_timeout=60) as database:
    for _ in range(int(sys.argv[2])):
        with database.transaction():
            counter = Counter.get(1)
            counter.value += 1
            counter.save()
"""

AWAITING = """
import asyncio, sys
from ferro import Field, Model, connect, transaction

class Counter(Model):
    id: int = Field(primary_key=True)
    value: int

async def add(turns):
    for _ in range(turns):
        async with transaction():
            counter = await Counter.get(1)
            counter.value += 1
            await counter.save()

async def main():
    async with connect(sys.argv[1], busy_timeout=60):
        turns = int(sys.argv[2])
        await asyncio.gather(add(turns // 2), add(turns - turns // 2))

asyncio.run(main())
"""


@pytest.mark.parametrize("program", [BLOCKING, AWAITING], ids=["blocking", "awaiting"])
def test_two_processes_read_modify_and_write(tmp_path, program):
    url = f"sqlite:{tmp_path}/counter.db?mode=rwc"
    with sync.connect(url) as database:
        database.execute("CREATE TABLE counter (id integer PRIMARY KEY, value integer NOT NULL)")
        database.execute("INSERT INTO counter VALUES (1, 0)")
        both = [
            subprocess.Popen([sys.executable, "-c", program, url, str(TURNS)], stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = [process.communicate(timeout=120)[1] for process in both]
        assert said == ["", ""]
        assert database.fetch_one("SELECT value FROM counter") == {"value": 2 * TURNS}
