"""A loop and the threads that read SQLite for it: how they tell each other, and what is left when either has gone."""

import asyncio
import gc
from pathlib import Path
from weakref import ref

import pytest

from ferro import connect
from ferro._concurrency._async.workers import Bell


@pytest.fixture(params=["pipe", "call"])
def told(request, monkeypatch):
    """How a loop is told, where it can watch a pipe and where it cannot."""
    if request.param == "call":
        monkeypatch.setattr(Bell, "_watched_pipe", lambda bell, loop: bell._call_from_threads(ref(loop)))


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.mark.usefixtures("told")
def test_loops_that_have_ended_leave_nothing_open(tmp_path):
    async def count() -> int:
        async with connect(f"sqlite:{tmp_path / 'a.db'}?mode=rwc", max_connections=3) as database:
            counted = await asyncio.gather(*(database.fetch_one("SELECT 1 AS one") for _ in range(20)))
            return len(counted)

    def read() -> int:
        read = asyncio.run(count())
        gc.collect()
        return read

    assert read() == 20
    before = open_files()
    for _ in range(10):
        assert read() == 20
    assert open_files() == before


@pytest.mark.usefixtures("told")
async def test_every_one_of_many_connections_has_its_answer(tmp_path):
    async with connect(f"sqlite:{tmp_path / 'a.db'}?mode=rwc", max_connections=8) as database:

        async def ask(number: int) -> object:
            return await database.fetch_one("SELECT ? AS number", number)

        answers = await asyncio.gather(*(ask(number) for number in range(2000)))
        assert answers == [{"number": number} for number in range(2000)]


@pytest.mark.usefixtures("told")
def test_a_loop_that_is_closed_is_told_no_more(tmp_path):
    loop = asyncio.new_event_loop()

    async def opened():
        return await connect(f"sqlite:{tmp_path / 'a.db'}?mode=rwc")

    database = loop.run_until_complete(opened())
    left = loop.create_task(
        database.fetch_one(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT sum(i) AS s FROM n"
        )
    )
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    # The thread comes back to nobody, and ends with the connection it belongs to.
    database.drop()
    del left
    again = asyncio.new_event_loop()
    with asyncio.Runner(loop_factory=lambda: again) as runner:

        async def read() -> object:
            async with connect(f"sqlite:{tmp_path / 'a.db'}") as other:
                return await other.fetch_one("SELECT 1 AS one")

        assert runner.run(read()) == {"one": 1}
