"""SQLite with `inline=true`: short statements run on the loop itself, and the loop goes on all the same."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from ferro import DatabaseBusy, TransactionAborted, UniqueViolationError, connect, transaction

pytestmark = pytest.mark.backends("sqlite")

T = TypeVar("T")


@pytest.fixture
def inline_url(tmp_path) -> str:
    return f"sqlite:{tmp_path}/test.db?mode=rwc&inline=true"


@pytest.fixture
async def database(inline_url, entry):
    async with connect(inline_url, max_connections=3, busy_timeout=5) as connected:
        await connected.create_tables(entry)
        yield connected


@pytest.fixture
def writer(tmp_path, database):
    """Another process, as far as SQLite can tell: a connection that knows nothing of ferro's turns."""
    connection = sqlite3.connect(f"{tmp_path}/test.db", isolation_level=None, check_same_thread=False)
    yield connection
    connection.close()


class Waited(Exception):
    """The call has waited for something."""


def at_once(call: Coroutine[Any, Any, T]) -> T:
    """What a call gives that never waits; raises Waited for one that does."""
    try:
        call.send(None)
    except StopIteration as stop:
        return stop.value
    call.close()
    raise Waited


async def meanwhile(call: Coroutine[Any, Any, T], release: Callable[[], object]) -> T:
    """What a call gives that waits for something: it is released once the loop has gone round twenty times."""
    task = asyncio.ensure_future(call)
    for _ in range(20):
        await asyncio.sleep(0.001)
        assert not task.done()
    release()
    return await asyncio.wait_for(task, 10)


async def test_one_row_by_its_key_is_read_and_written_without_waiting(database, entry):
    ann = at_once(entry.create(name="ann"))
    assert at_once(entry.get(ann.id)).name == "ann"
    ann.name = "amy"
    at_once(ann.save())
    at_once(ann.refresh())
    assert ann.name == "amy"
    assert at_once(ann.delete())
    assert await entry.count() == 0


async def test_what_may_be_long_is_waited_for(database, entry):
    await entry.create(name="ann")
    for call in (
        entry.all(),
        entry.count(),
        entry.where(lambda e: e.id == 1).first(),
        entry.bulk_create([entry(name="b"), entry(name="c")]),
    ):
        with pytest.raises(Waited):
            at_once(call)


async def test_without_the_option_every_call_is_waited_for(tmp_path, entry):
    async with connect(f"sqlite:{tmp_path}/plain.db?mode=rwc") as plain:
        await plain.create_tables(entry)
        row = await plain.create(entry, name="ann")
        with pytest.raises(Waited):
            at_once(plain.get(entry, row.id))


async def test_a_transaction_waits_for_its_lock_and_for_its_end_only(database, entry):
    with pytest.raises(TransactionAborted, match="a call inside it was cancelled"):
        async with database.transaction():
            with pytest.raises(Waited):
                at_once(entry.create(name="lost"))
    async with database.transaction():
        ann = await entry.create(name="ann")
        bob = at_once(entry.create(name="bob"))
        assert at_once(entry.get(ann.id)).name == "ann"
        assert at_once(bob.delete())
    assert [row.name for row in await entry.all()] == ["ann"]


async def test_a_failure_inside_a_transaction_is_what_it_is_elsewhere(database, entry):
    with pytest.raises(UniqueViolationError):
        async with database.transaction():
            ann = await entry.create(name="ann")
            await entry.create(id=ann.id, name="again")
    with pytest.raises(TransactionAborted):
        async with database.transaction():
            ann = await entry.create(name="ann")
            with pytest.raises(UniqueViolationError):
                at_once(entry.create(id=ann.id, name="again"))
    assert await entry.count() == 0


async def test_a_savepoint_takes_back_what_was_written_on_the_loop(database, entry):
    async with database.transaction():
        ann = await entry.create(name="ann")
        with pytest.raises(UniqueViolationError):
            async with transaction():
                await entry.create(name="bob")
                at_once(entry.create(name="cy"))
                at_once(entry.create(id=ann.id, name="again"))
        at_once(entry.create(name="dee"))
    assert [row.name for row in await entry.order_by("id").all()] == ["ann", "dee"]


async def test_a_write_to_a_busy_file_waits_in_the_thread(inline_url, database, entry, writer, monkeypatch):
    # Were SQLite to wait on the loop, it would do so for longer than anybody waits here.
    monkeypatch.setattr("ferro.drivers.sqlite.BUSY_TIMEOUT_MS", 20_000)
    async with connect(inline_url, default=False, busy_timeout=30) as other:
        row = await other.create(entry, name="ann")
        writer.execute("BEGIN IMMEDIATE")
        assert at_once(other.get(entry, row.id)).name == "ann"
        bob = await asyncio.wait_for(
            meanwhile(other.create(entry, name="bob"), lambda: writer.execute("COMMIT")), timeout=15
        )
        assert at_once(other.get(entry, bob.id)).name == "bob"


async def test_a_file_that_stays_busy_is_busy(inline_url, database, entry, writer):
    async with connect(inline_url, busy_timeout=0.2, default=False) as other:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            await other.create(entry, name="ann")
        writer.execute("ROLLBACK")
        assert at_once(other.create(entry, name="bob")).id == 1


async def test_a_write_waits_for_its_turn_in_the_thread(database, entry):
    began, end = asyncio.Event(), asyncio.Event()

    async def hold():
        async with database.transaction():
            await entry.create(name="ann")
            began.set()
            await end.wait()

    holding = asyncio.ensure_future(hold())
    await began.wait()
    await meanwhile(entry.create(name="bob"), end.set)
    await holding
    assert [row.name for row in await entry.order_by("id").all()] == ["ann", "bob"]


async def test_a_transaction_that_began_by_reading_gets_its_lock_in_the_thread(database, entry, writer):
    row = await entry.create(name="ann")
    with pytest.raises(TransactionAborted, match="a call inside it was cancelled"):
        async with database.transaction(immediate=False):
            await entry.count()
            assert at_once(entry.get(row.id)).name == "ann"
            with pytest.raises(Waited):
                at_once(row.delete())
    assert await entry.count() == 1
    async with database.transaction(immediate=False):
        await entry.count()
        await entry.create(name="bob")
        at_once(entry.create(name="cy"))
    assert await entry.count() == 3


async def test_a_stream_that_is_open_keeps_its_moment(database, entry):
    await entry.bulk_create([entry(name=str(at)) for at in range(50)])
    async with database.transaction():
        await entry.create(name="new")
        seen = 0
        async for row in entry.query().stream(chunk=10):
            await row.delete()
            seen += 1
        assert seen == 51
    assert await entry.count() == 0


async def test_endless_calls_leave_the_loop_its_turn(database, entry):
    row = await entry.create(name="ann")

    async def read():
        while True:
            await entry.get(row.id)

    async def read_inside():
        async with database.transaction():
            await entry.count()
            while True:
                await entry.get(row.id)

    for endless in (read, read_inside):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(endless(), 0.05)
    assert not database.pool._lent
    assert await entry.count() == 1


async def test_many_tasks_share_few_connections(database, entry):
    rows = await entry.bulk_create([entry(name=str(at)) for at in range(100)])
    found = await asyncio.gather(*[entry.get(row.id) for row in rows for _ in range(5)])
    assert [row.name for row in found] == [str(at) for at in range(100) for _ in range(5)]
    assert not database.pool._lent
