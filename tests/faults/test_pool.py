"""The pool stays whole: under crowds, dead servers, forks and loops that have ended."""

import asyncio
import threading
import time

import anyio
import pytest

import ferro
from ferro import (
    DatabaseConnectionError,
    DatabaseError,
    FerroError,
    InterfaceError,
    PoolTimeout,
    TransactionAborted,
    connect,
    reset_engine,
    sync,
    transaction,
)


async def test_a_thousand_tasks_share_five_connections(database_url, entry):
    async with connect(database_url, max_connections=5, auto_migrate=False) as database:
        await database.create_tables(entry)
        row = await entry.create(name="ann")
        found: list[str] = []

        async def look(at: int) -> None:
            if at % 10 == 0:
                await entry.create(name=f"task {at}")
            found.append((await entry.get(row.id)).name)

        async with anyio.create_task_group() as tasks:
            for at in range(1000):
                tasks.start_soon(look, at)
        assert found == ["ann"] * 1000
        assert await entry.count() == 101


def test_sixty_four_threads_share_five_connections(database_url, entry):
    with sync.connect(database_url, max_connections=5) as database:
        database.create_tables(entry)
        problems: list[BaseException] = []

        def work(at: int) -> None:
            try:
                for turn in range(10):
                    with database.transaction():
                        database.create(entry, name=f"{at} {turn}")
                    assert database.query(entry).filter_by(name=f"{at} {turn}").count() == 1
            except BaseException as problem:
                problems.append(problem)

        threads = [threading.Thread(target=work, args=(at,)) for at in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert database.query(entry).count() == 640


async def test_a_full_pool_says_so_in_time(database_url):
    async with connect(database_url, max_connections=1, acquire_timeout=0.2) as database:
        async with database.pool.connection():
            began = time.monotonic()
            with pytest.raises(PoolTimeout, match=r"all 1 connections to .* stayed busy for 0\.2 s"):
                await database.fetch_all("SELECT 1")
            assert time.monotonic() - began < 0.7
        assert await database.check_connection()


@pytest.mark.backends("postgres")
async def test_a_terminated_transaction_leaves_no_row(tagged_url, outside, entry, backend):
    async with connect(tagged_url[0], max_connections=3) as database:
        await database.create_tables(entry)
        with pytest.raises(FerroError) as caught:
            async with transaction():
                await entry.create(name="ann")
                assert outside.terminate("state = 'idle in transaction'") == 1
                await entry.create(name="bob")
        assert caught.value.sqlstate == "57P01"
        assert outside.names() == []
        # A transaction that dies before its COMMIT is told so as well.
        with pytest.raises(DatabaseConnectionError, match="nothing of the transaction is stored"):
            async with transaction():
                await entry.create(name="cid")
                outside.terminate("state = 'idle in transaction'")
        # An error that was swallowed does not turn into a commit on another connection.
        with pytest.raises(TransactionAborted):
            async with transaction():
                await entry.create(name="dan")
                outside.terminate("state = 'idle in transaction'")
                with pytest.raises(FerroError):
                    await entry.create(name="eve")
        assert outside.names() == []
        await entry.create(name="fay")
        assert outside.names() == ["fay"]


@pytest.mark.backends("postgres")
async def test_terminated_idle_connections_are_replaced_unnoticed(tagged_url, outside, entry, backend):
    async with connect(tagged_url[0], min_connections=5, max_connections=5) as database:
        await database.create_tables(entry)
        assert outside.terminate() == 5
        await asyncio.sleep(0.05)
        async with anyio.create_task_group() as tasks:
            for at in range(10):
                tasks.start_soon(lambda at=at: entry.create(name=str(at)))
        assert len(outside.names()) == 10


async def test_the_engine_is_reset_after_its_loop_has_ended(database_url, entry):
    def in_a_loop_of_its_own() -> None:
        async def leave_everything_open() -> None:
            await connect(database_url)
            block = transaction()
            await block.__aenter__()
            await ferro.execute("CREATE TABLE left_open (id integer)")

        asyncio.run(leave_everything_open())
        reset_engine()

    await anyio.to_thread.run_sync(in_a_loop_of_its_own)
    async with connect(database_url) as database:
        await database.execute("CREATE TABLE left_open (id integer)")


async def test_a_call_that_waits_ends_when_the_engine_is_reset(database_url, backend):
    slow = {
        "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
        "postgres": "SELECT pg_sleep(30)",
    }[backend]
    database = await connect(database_url)
    waiting = asyncio.create_task(database.fetch_all(slow))
    await asyncio.sleep(0.1)
    reset_engine()
    with pytest.raises(DatabaseError):
        await asyncio.wait_for(waiting, 5)


async def test_another_loop_is_told_that_the_pool_is_not_its_own(database_url):
    async with connect(database_url, default=False) as database:

        def elsewhere() -> None:
            with pytest.raises(InterfaceError, match="was connected on another event loop"):
                asyncio.run(database.fetch_all("SELECT 1"))

        await anyio.to_thread.run_sync(elsewhere)


LONG = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
    "postgres": "SELECT pg_sleep(30)",
}


def test_a_call_of_another_thread_is_stopped_when_the_engine_is_reset(database_url, backend):
    database = sync.connect(database_url)
    problems = []

    def ask() -> None:
        try:
            database.fetch_all(LONG[backend])
        except DatabaseError as error:
            problems.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.2)
    began = time.monotonic()
    sync.reset_engine()
    thread.join(10)
    assert time.monotonic() - began < 2
    assert not thread.is_alive()
    assert len(problems) == 1
    with sync.connect(database_url) as again:
        assert again.check_connection()


@pytest.mark.backends("postgres")
def test_the_server_is_told_to_stop_what_nobody_waits_for_any_more(tagged_url, outside):
    database = sync.connect(tagged_url[0])

    def ask() -> None:
        with pytest.raises(DatabaseError):
            database.fetch_all(LONG["postgres"])

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.2)
    assert len(outside.sessions("state = 'active'")) == 1
    sync.reset_engine()
    thread.join(10)
    deadline = time.monotonic() + 5
    while outside.sessions("state = 'active'") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert outside.sessions("state = 'active'") == []
