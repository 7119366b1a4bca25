"""Cancelled at any await, a call leaves nothing open and nothing half-written."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import pyarrow as pa
import pytest
from cancelling import by_scope, by_task

from ferro import AsyncDatabase, InterfaceError, connect, transaction

WAYS = {"task": by_task, "scope": by_scope}
ENOUGH = 200


@pytest.fixture(params=list(WAYS))
def way(request) -> Callable[[Callable[[], Coroutine[Any, Any, Any]], int], Awaitable[bool]]:
    return WAYS[request.param]


@pytest.fixture
async def database(database_url, entry):
    async with connect(database_url, max_connections=3, acquire_timeout=5) as connected:
        await connected.create_tables(entry)
        yield connected


async def whole(database: AsyncDatabase) -> None:
    """Every place of the pool answers, and no transaction is open."""

    async def answer() -> None:
        async with database.transaction() as block:
            assert await block.fetch_one("SELECT 1 AS one") == {"one": 1}

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(database.pool.options.max_connections):
                tasks.start_soon(answer)
    assert not database.pool._lent


async def cancelled_everywhere(
    make: Callable[[], Coroutine[Any, Any, Any]],
    way: Callable[[Callable[[], Coroutine[Any, Any, Any]], int], Awaitable[bool]],
    look: Callable[[], Awaitable[None]],
) -> int:
    """Cancel at the first await, the second, … until there are no more; look around after each."""
    for number in range(1, ENOUGH):
        began = time.monotonic()
        cancelled = await way(make, number)
        assert time.monotonic() - began < 1.5
        await look()
        if not cancelled:
            return number - 1
    pytest.fail("the coroutine never came to an end")


async def repeatedly(call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """As often as it takes a call to wait even where it is made on the loop itself."""
    for _ in range(17):
        await call()


async def test_create(database, entry, way):
    async def look():
        await whole(database)
        assert {row.name for row in await entry.all()} <= {"ann"}

    assert await cancelled_everywhere(lambda: repeatedly(lambda: entry.create(name="ann")), way, look) >= 1


async def test_get(database, entry, way):
    row = await entry.create(name="ann")

    async def read():
        await repeatedly(lambda: entry.get(row.id))

    assert await cancelled_everywhere(read, way, lambda: whole(database)) >= 1


async def test_a_transaction_of_two_inserts(database, entry, way):
    async def pair():
        async with transaction():
            await entry.create(name="ann")
            await entry.create(name="bob")

    async def look():
        await whole(database)
        names = [row.name for row in await entry.order_by("id").all()]
        assert names == ["ann", "bob"] * (len(names) // 2)

    assert await cancelled_everywhere(pair, way, look) >= 2


async def test_a_savepoint_in_a_transaction(database, entry, way):
    async def nested():
        async with transaction():
            await entry.create(name="ann")
            async with transaction():
                await entry.create(name="bob")

    async def look():
        await whole(database)
        names = [row.name for row in await entry.order_by("id").all()]
        assert names == ["ann", "bob"] * (len(names) // 2)

    assert await cancelled_everywhere(nested, way, look) >= 2


async def test_a_run_of_statements(database, entry, way):
    async def many():
        for at in range(5):
            await entry.create(name=f"row {at}")
            await entry.count()

    assert await cancelled_everywhere(many, way, lambda: whole(database)) >= 5


async def test_many_rows(database, entry, way):
    await entry.bulk_create([entry(name="x" * 1000) for _ in range(1500)])

    async def read():
        assert len(await entry.all()) == 1500

    assert await cancelled_everywhere(read, way, lambda: whole(database)) >= 1


async def test_bulk_create(database, entry, way):
    async def many():
        await entry.bulk_create([entry(name=str(at)) for at in range(1500)])

    async def look():
        await whole(database)
        assert await entry.count() % 1500 == 0

    assert await cancelled_everywhere(many, way, look) >= 1


async def test_rows_of_an_iterator(database, entry, way):
    async def many():
        await entry.bulk_create(({"name": str(at)} for at in range(1500)), returning=False)

    async def look():
        await whole(database)
        assert await entry.count() % 1500 == 0

    assert await cancelled_everywhere(many, way, look) >= 1


async def test_a_frame(database, entry, way):
    await entry.bulk_create([entry(name=str(at)) for at in range(1500)])
    assert await cancelled_everywhere(entry.to_arrow, way, lambda: whole(database)) >= 1


async def test_a_frame_that_is_written(database, entry, way):
    frame = pa.table({"name": [str(at) for at in range(1500)]})

    async def look():
        await whole(database)
        assert await entry.count() % 1500 == 0

    assert await cancelled_everywhere(lambda: entry.from_arrow(frame), way, look) >= 1


async def test_a_pipeline(database, entry, way):
    async def pair():
        async with database.pipeline() as pipe:
            pipe.create(entry, name="ann")
            pipe.count(database.query(entry))
            pipe.create(entry, name="bob")

    async def look():
        await whole(database)
        assert {row.name for row in await entry.all()} <= {"ann", "bob"}

    assert await cancelled_everywhere(lambda: repeatedly(pair), way, look) >= 1


async def test_a_cancelled_pipeline_tells_what_it_knows(database, entry, backend):
    slow = {
        "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
        "postgres": "SELECT pg_sleep(30)",
    }[backend]
    began = time.monotonic()
    with anyio.move_on_after(0.1):
        async with database.pipeline() as pipe:
            first = pipe.create(entry, name="ann")
            pipe.fetch_all(slow)
            pipe.create(entry, name="bob")
    assert time.monotonic() - began < 0.6
    await whole(database)
    names = {row.name for row in await entry.all()}
    assert names <= {"ann", "bob"}
    if first.error is None:
        assert first.value.name in names
    else:
        with pytest.raises(InterfaceError, match="ended with an error"):
            print(first.value)


async def test_waiting_for_a_connection(database, entry, way):
    release = anyio.Event()

    async def hold():
        async with database.transaction(read_only=True):
            await entry.count()
            await release.wait()

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(hold)
        while len(database.pool._lent) < 3:
            await anyio.sleep(0.01)
        assert await way(entry.count, 1)
        release.set()
    await whole(database)


async def test_waiting_for_another_writer(database, database_url, entry, backend):
    patient = {"busy_timeout": 30} if backend == "sqlite" else {}
    began, end = asyncio.Event(), asyncio.Event()

    async def hold():
        async with database.transaction():
            await entry.create(id=1, name="ann")
            began.set()
            await end.wait()

    async with connect(database_url, default=False, **patient) as other:
        holding = asyncio.ensure_future(hold())
        await began.wait()
        kept = list(other.pool._idle)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.create(entry, id=1, name="bob"), 0.2)
        # It stopped waiting: who waits on has to be given up, and the connection with it.
        assert list(other.pool._idle) == kept
        end.set()
        await holding
        await other.create(entry, id=2, name="cid")
    assert [row.name for row in await entry.order_by("id").all()] == ["ann", "cid"]
    await whole(database)


async def test_connect_and_close(database_url, way):
    async def visit():
        handle = await connect(database_url, default=False)
        await handle.close()

    async def look():
        async with connect(database_url, default=False) as handle:
            assert await handle.check_connection()

    assert await cancelled_everywhere(visit, way, look) >= 1


async def test_a_timeout_is_kept_and_the_connection_with_it(database, entry, backend):
    slow = {
        "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
        "postgres": "SELECT pg_sleep(30)",
    }[backend]
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await database.fetch_all(slow)
        with pytest.raises(TimeoutError), anyio.fail_after(0.1):
            await database.fetch_all(slow)
    assert time.monotonic() - began < 6 * 0.6
    await whole(database)


async def test_a_timed_out_savepoint_leaves_the_transaction_whole(database, entry, backend):
    slow = {
        "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
        "postgres": "SELECT pg_sleep(30)",
    }[backend]
    async with transaction():
        await entry.create(name="ann")
        with anyio.move_on_after(0.1):
            async with transaction() as inner:
                await entry.create(name="bob")
                await inner.fetch_all(slow)
        await entry.create(name="cid")
    assert [row.name for row in await entry.order_by("id").all()] == ["ann", "cid"]
    await whole(database)
