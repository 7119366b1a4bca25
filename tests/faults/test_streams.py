"""Whatever happens to a stream, its rows end with an error or are all there, and its connection comes back."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import pytest
from cancelling import by_scope, by_task
from proxy import Wire

from ferro import AsyncDatabase, DatabaseConnectionError, InterfaceError, TransactionAborted, connect, sync, transaction
from ferro._concurrency._sync import Slots

WAYS = {"task": by_task, "scope": by_scope}
ENOUGH = 200

# Rows that come slowly, and for ever.
SLOW = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n WHERE x % 1000000000 = 0",
    "postgres": "SELECT x FROM generate_series(1, 1000) AS x WHERE pg_sleep(1) IS NOT NULL",
}


@pytest.fixture(params=list(WAYS))
def way(request) -> Callable[[Callable[[], Coroutine[Any, Any, Any]], int], Awaitable[bool]]:
    return WAYS[request.param]


@pytest.fixture
async def database(database_url, entry):
    async with connect(database_url, max_connections=3, acquire_timeout=5) as connected:
        await connected.create_tables(entry)
        await entry.bulk_create([entry(name=f"row {at}") for at in range(50)])
        yield connected


@pytest.fixture
def blocking(database_url, entry):
    with sync.connect(database_url, max_connections=3, acquire_timeout=5) as connected:
        connected.create_tables(entry)
        connected.bulk_create(entry, [entry(name=f"row {at}") for at in range(50)])
        yield connected


async def whole(database: AsyncDatabase) -> None:
    """Every place of the pool is free within a tenth of a second, and answers."""
    began = time.monotonic()
    while database.pool._lent and time.monotonic() - began < 0.1:
        await asyncio.sleep(0.001)
    assert not database.pool._lent

    async def answer() -> None:
        async with database.transaction() as block:
            assert await block.fetch_one("SELECT 1 AS one") == {"one": 1}

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(database.pool.options.max_connections):
                tasks.start_soon(answer)
    assert not database.pool._lent


async def cancelled_everywhere(make, way, look) -> int:
    """Cancel at the first await, the second, … until there are no more; look around after each."""
    for number in range(1, ENOUGH):
        reached = await way(make, number)
        await look()
        if not reached:
            return number - 1
    raise AssertionError(f"still awaiting after {ENOUGH} cancellations")


# Cancelling.


async def test_a_stream_cancelled_at_any_await(database, entry, way):
    async def read():
        async for _ in entry.query().stream(chunk=10):
            pass

    assert await cancelled_everywhere(read, way, lambda: whole(database)) >= 6


async def test_a_stream_with_queries_in_its_body_cancelled_at_any_await(database, entry, way):
    async def read():
        async with entry.query().stream(chunk=20) as rows:
            async for row in rows:
                if row.id % 20 == 0:
                    assert await entry.count()

    assert await cancelled_everywhere(read, way, lambda: whole(database)) >= 5


async def test_a_stream_that_is_left_and_cancelled(database, entry, way):
    async def read():
        async for _ in entry.query().stream(chunk=10):
            break
        async with entry.query().stream(chunk=10) as rows:
            async for _ in rows:
                break
        await asyncio.sleep(0)

    assert await cancelled_everywhere(read, way, lambda: whole(database)) >= 3


async def test_a_stream_in_a_transaction_cancelled_at_any_await(database, entry, way):
    async def read():
        async with transaction():
            async for row in entry.order_by("id").stream(chunk=10):
                if row.id % 10 == 5:
                    row.name = "seen"
                    await row.save()

    async def look():
        await whole(database)
        assert await entry.where(lambda e: e.name == "seen").count() in (0, 5)
        await entry.query().update(name="row")

    assert await cancelled_everywhere(read, way, look) >= 10


async def test_a_slow_stream_is_left_in_time(database, backend):
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                async for _ in database.stream(SLOW[backend]):
                    pass
        assert time.monotonic() - began < 0.7
        await whole(database)


async def test_a_savepoint_whose_call_timed_out_does_not_shorten_a_stream(database, entry, backend):
    seen = []
    async with transaction() as outer:
        async for row in entry.order_by("id").stream(chunk=10):
            seen.append(row.id)
            if row.id == 15:
                with anyio.move_on_after(0.1):
                    async with transaction() as inner:
                        await inner.fetch_all(SLOW[backend])
                assert await outer.fetch_one("SELECT 1 AS one") == {"one": 1}
    assert seen == list(range(1, 51))
    await whole(database)


async def test_a_cancelled_stream_spoils_its_transaction(database, entry, backend):
    with pytest.raises(TransactionAborted, match="this transaction is aborted"):
        async with transaction():
            await entry.create(name="lost")
            with anyio.move_on_after(0.1):
                async for _ in database.stream(SLOW[backend]):
                    pass
    assert await entry.where(lambda e: e.name == "lost").count() == 0
    await whole(database)


# Threads and tasks.


async def test_tasks_share_a_stream_and_every_row_is_seen_once(database, entry):
    rows = entry.query().stream(chunk=7)
    seen: list[int] = []

    async def read():
        async for row in rows:
            seen.append(row.id)
            await asyncio.sleep(0)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(read)
    assert sorted(seen) == list(range(1, 51))
    await whole(database)


def test_threads_share_a_stream_and_every_row_is_seen_once(blocking, entry):
    rows = blocking.query(entry).stream(chunk=3)
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.extend(row.id for row in rows)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 51))
    assert not blocking.pool._lent


def test_a_place_may_be_given_back_by_the_thread_that_is_taking_one():
    # The garbage collector may run anywhere, and what it ends gives places back.
    places = Slots(1)
    assert places.take(0.1)
    with places._mutex:
        places.give()
    assert places.take(0.1)
    assert not places.take(0.01)
    waiting = threading.Thread(target=lambda: places.take(5) and places.give())
    waiting.start()
    while not places._waiting:
        time.sleep(0.001)
    places.give()
    waiting.join(1)
    assert not waiting.is_alive()
    assert places.take(0.1)


def test_threads_that_leave_streams_to_the_collector_lose_no_place(database_url, entry):
    with sync.connect(database_url, max_connections=3, acquire_timeout=5) as database:
        database.create_tables(entry)
        database.bulk_create(entry, [entry(name=f"row {at}") for at in range(50)])
        problems: list[BaseException] = []

        def abandon() -> None:
            try:
                for _ in range(30):
                    held: list[object] = [database.query(entry).stream(chunk=10)]
                    held.append(held)
                    next(held[0])
                    del held
                    gc.collect()
                    assert database.query(entry).count() == 50
            except BaseException as problem:
                problems.append(problem)

        threads = [threading.Thread(target=abandon) for _ in range(6)]
        # What the other tests have left is not to be looked through each time.
        gc.freeze()
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            gc.unfreeze()
        gc.collect()
        assert problems == []
        assert not database.pool._lent
        assert [database.pool._slots.take(0.0) for _ in range(4)] == [True, True, True, False]


INTERRUPTED = """
import sys
from ferro.sync import connect

url, slow = sys.argv[1:]
with connect(url, max_connections=2) as database:
    print("ready", flush=True)
    try:
        for row in database.stream(slow, chunk=5000):
            pass
    except KeyboardInterrupt:
        print("stopped", database.fetch_one("SELECT 1 AS one"), len(database.pool._lent), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a child process on Windows cannot be sent Ctrl-C alone")
def test_ctrl_c_stops_a_stream(database_url, backend):
    command = [sys.executable, "-W", "error", "-c", INTERRUPTED, database_url, SLOW[backend]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout.readline() == "ready\n"
        time.sleep(0.3)
        began = time.monotonic()
        program.send_signal(signal.SIGINT)
        assert program.stdout.readline() == "stopped {'one': 1} 0\n"
        assert time.monotonic() - began < 1
        assert program.wait(10) == 0
        assert program.stderr.read() == ""


# Nobody closes it.


def test_a_break_ends_a_blocking_stream_at_once(blocking, entry):
    for _ in blocking.query(entry).stream(chunk=10):
        assert len(blocking.pool._lent) == 1
        break
    assert not blocking.pool._lent
    assert len(blocking.pool._idle) == 1


async def test_a_stream_collected_in_another_thread_comes_back(database, entry):
    held = [entry.query().stream(chunk=10)]
    async for _ in held[0]:
        break
    gone = weakref.ref(held[0])
    await asyncio.get_running_loop().run_in_executor(None, held.clear)
    assert gone() is None
    await whole(database)


def test_a_stream_that_outlives_its_loop_is_closed_with_its_connection(database_url, entry, recwarn):
    held = []

    async def main():
        database = await connect(database_url, default=False)
        await database.create_tables(entry)
        await database.bulk_create(entry, [entry(name=str(at)) for at in range(50)])
        held.append(database.query(entry).stream(chunk=10))
        async for _ in held[0]:
            break
        return database

    database = asyncio.run(main())
    assert len(database.pool._lent) == 1
    held.clear()
    gc.collect()
    assert not database.pool._lent
    database.pool.drop()
    assert [str(warning.message) for warning in recwarn] == []


def test_a_stream_that_is_left_in_the_last_moment_of_its_loop_comes_back(database_url, entry):
    async def main():
        database = await connect(database_url, default=False)
        await database.create_tables(entry)
        await database.bulk_create(entry, [entry(name=str(at)) for at in range(50)])
        async for _ in database.query(entry).stream(chunk=10):
            break
        return database

    database = asyncio.run(main())
    assert not database.pool._lent
    database.pool.drop()


LEFT = """
import asyncio, sys
from ferro import Field, Model, connect, reset_engine

class Entry(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str

async def main(leave):
    database = await connect(sys.argv[1])
    await database.create_tables()
    if not await Entry.count():
        await Entry.bulk_create([Entry(name=str(at)) for at in range(50)])
    kept = Entry.query().stream(chunk=10)
    async for _ in kept:
        break
    async for _ in Entry.query().stream(chunk=10):
        break
    if leave == "task":
        asyncio.ensure_future(read())
        await asyncio.sleep(0.05)
    if leave == "close":
        await database.close()
    if leave == "error":
        raise SystemExit("done")

async def read():
    async for _ in Entry.query().stream(chunk=10):
        await asyncio.sleep(3600)

for leave in ("return", "task", "close", "error"):
    try:
        asyncio.run(main(leave))
    except SystemExit:
        pass
    reset_engine()
print("done")
"""


def test_a_program_that_leaves_its_streams_ends_without_a_word(database_url):
    command = [sys.executable, "-W", "error", "-c", LEFT, database_url]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "done\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_leaves_its_parent_s_stream_alone(blocking, entry):
    rows = blocking.query(entry).order_by("id").stream(chunk=10)
    assert next(rows).id == 1
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            list(rows)
        except InterfaceError as error:
            os.write(write, str(error).encode())
        del rows
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert b"the process forked, while this stream was read" in os.read(read, 1000)
    for end in (read, write):
        os.close(end)
    assert [row.id for row in rows] == list(range(2, 51))
    assert not blocking.pool._lent


# The server goes away.


async def test_a_terminated_backend_is_an_error_and_never_the_end(tagged_url, outside, entry):
    async with connect(tagged_url[0], max_connections=3) as database:
        await database.create_tables(entry)
        await entry.bulk_create([entry(name=str(at)) for at in range(50)])
        for left in (25, 50):
            seen = []
            with pytest.raises(DatabaseConnectionError, match="^Fetch failed"):
                async for row in entry.order_by("id").stream(chunk=25):
                    seen.append(row.id)
                    if row.id == left:
                        assert outside.terminate("left(state, 19) = 'idle in transaction'") == 1
            assert seen == list(range(1, left + 1))
            await whole(database)


def test_a_terminated_backend_is_an_error_and_never_the_end_blocking(tagged_url, outside, entry):
    with sync.connect(tagged_url[0], max_connections=3) as database:
        database.create_tables(entry)
        database.bulk_create(entry, [entry(name=str(at)) for at in range(50)])
        seen = []
        with pytest.raises(DatabaseConnectionError, match="^Fetch failed"):
            for row in database.query(entry).order_by("id").stream(chunk=10):
                seen.append(row.id)
                if row.id == 10:
                    assert outside.terminate("left(state, 19) = 'idle in transaction'") == 1
        assert seen == list(range(1, 11))
        assert not database.pool._lent
        assert database.query(entry).count() == 50


async def test_a_frozen_server_keeps_no_stream_for_long(tagged_url, entry):
    wire = Wire(tagged_url[0])
    try:
        async with connect(wire.url, max_connections=2, connect_timeout=2) as database:
            await database.create_tables(entry)
            await entry.bulk_create([entry(name=str(at)) for at in range(50)])
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    async for row in entry.order_by("id").stream(chunk=10):
                        if row.id == 10:
                            wire.freeze()
            assert not database.pool._lent
            wire.thaw()
            await whole(database)
    finally:
        wire.close()


# Memory.

GROWTH = """
import asyncio, resource, sys
from ferro import Field, Model, connect, sync

class Entry(Model):
    id: int = Field(primary_key=True)
    name: str

def megabytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20

def blocking(url, count):
    with sync.connect(url) as database:
        seen, highest, before = 0, 0.0, 0.0
        for row in database.query(Entry).stream():
            seen += 1
            if seen == 5000:
                before = megabytes()
            if seen % 20000 == 0:
                highest = max(highest, megabytes())
        print(seen, round(highest - before))

async def awaiting(url, count):
    async with connect(url) as database:
        seen, highest, before = 0, 0.0, 0.0
        async for row in Entry.query().stream():
            seen += 1
            if seen == 5000:
                before = megabytes()
            if seen % 20000 == 0:
                highest = max(highest, megabytes())
        print(seen, round(highest - before))

url, count = sys.argv[1], int(sys.argv[2])
blocking(url, count)
asyncio.run(awaiting(url, count))
"""

MANY = 1_000_000
ROWS = {
    "sqlite": "CREATE VIEW entry AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {count}) "
    "SELECT x AS id, 'name ' || x AS name FROM n",
    "postgres": "CREATE VIEW entry AS SELECT x AS id, 'name ' || x AS name FROM generate_series(1, {count}) AS x",
}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux how much memory it uses")
def test_a_million_rows_need_no_more_memory_than_a_few(database_url, backend):
    with sync.connect(database_url) as database:
        database.execute(ROWS[backend].format(count=MANY))
    command = [sys.executable, "-c", GROWTH, database_url, str(MANY)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    lines = [tuple(map(int, line.split())) for line in found.stdout.splitlines()]
    assert [seen for seen, _ in lines] == [MANY, MANY]
    assert all(grown < 30 for _, grown in lines), lines
