"""When the link dies, an error says not done, done or unknown, and is right."""

import asyncio
import gc
import socket
import time
import warnings
from collections.abc import Iterator

import anyio
import pytest
from proxy import Wire

from ferro import (
    AsyncDatabase,
    CommitUnknown,
    DatabaseConnectionError,
    OperationalError,
    connect,
    sync,
)

# What the client says when it commits, and what the server answers to it.
COMMIT = b"P\x00\x00\x00\x0e\x00COMMIT\x00"
COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"


@pytest.fixture
def wire(tagged_url) -> Iterator[Wire]:
    wire = Wire(tagged_url[0])
    yield wire
    wire.close()


@pytest.fixture
async def database(wire, entry):
    async with connect(wire.url, max_connections=3, connect_timeout=2) as connected:
        await connected.create_tables(entry)
        yield connected


@pytest.fixture
def blocking(wire, entry):
    with sync.connect(wire.url, max_connections=3, connect_timeout=2) as connected:
        connected.create_tables(entry)
        yield connected


async def two_inserts(database: AsyncDatabase, entry) -> None:
    async with database.transaction():
        await database.create(entry, name="ann")
        await database.create(entry, name="bob")


def two_inserts_blocking(database: sync.Database, entry) -> None:
    with database.transaction():
        database.create(entry, name="ann")
        database.create(entry, name="bob")


async def test_a_commit_whose_answer_was_lost_is_found_to_be_done(database, wire, outside, entry):
    wire.cut_at_answer = COMMITTED
    await two_inserts(database, entry)
    assert outside.names() == ["ann", "bob"]


def test_a_commit_whose_answer_was_lost_is_found_to_be_done_blocking(blocking, wire, outside, entry):
    wire.cut_at_answer = COMMITTED
    two_inserts_blocking(blocking, entry)
    assert outside.names() == ["ann", "bob"]


async def test_a_commit_after_a_read_whose_answer_was_lost_is_found_to_be_done(database, wire, outside, entry):
    wire.cut_at_answer = COMMITTED
    async with database.transaction():
        await database.create(entry, name="ann")
        await database.create(entry, name="bob")
        assert len(await database.query(entry).all()) == 2
    assert outside.names() == ["ann", "bob"]


async def test_a_commit_that_never_arrived_is_known_not_to_be_done(database, wire, outside, entry):
    wire.cut_before = COMMIT
    with pytest.raises(DatabaseConnectionError, match="nothing of the transaction is stored") as caught:
        await two_inserts(database, entry)
    assert not isinstance(caught.value, CommitUnknown)
    assert outside.names() == []


def test_a_commit_that_never_arrived_is_known_not_to_be_done_blocking(blocking, wire, outside, entry):
    wire.cut_before = COMMIT
    with pytest.raises(DatabaseConnectionError, match="nothing of the transaction is stored") as caught:
        two_inserts_blocking(blocking, entry)
    assert not isinstance(caught.value, CommitUnknown)
    assert outside.names() == []


async def test_a_commit_nobody_can_be_asked_about_is_unknown(database, wire, outside, entry):
    with pytest.raises(CommitUnknown, match="may or may not be in the database: look before you repeat it"):
        async with database.transaction():
            await database.create(entry, name="ann")
            wire.cut_at_answer = b"D\x00\x00\x00"
    assert outside.names() == ["ann"]


async def test_a_single_insert_whose_answer_was_lost_is_unknown(database, wire, outside, entry):
    wire.cut_at_answer = b"C\x00\x00\x00\x0fINSERT"
    with pytest.raises(CommitUnknown, match="^Save failed: the link to"):
        await database.create(entry, name="ann")
    assert outside.names() == ["ann"]


async def test_of_a_pipeline_whose_answer_was_lost_every_write_is_unknown(database, wire, outside, entry):
    wire.cut_at_answer = b"C\x00\x00\x00\x0fINSERT"
    with pytest.raises(CommitUnknown, match="the link to"):
        async with database.pipeline() as pipe:
            ann = pipe.create(entry, name="ann")
            bob = pipe.create(entry, name="bob")
    assert isinstance(ann.error, CommitUnknown)
    assert isinstance(bob.error, CommitUnknown)
    assert outside.names() == ["ann", "bob"]


async def test_a_read_on_a_lost_link_is_a_connection_error(database, wire, entry):
    wire.cut_at_answer = b"T\x00\x00\x00"
    with pytest.raises(DatabaseConnectionError) as caught:
        await database.query(entry).all()
    assert not isinstance(caught.value, CommitUnknown)
    assert isinstance(caught.value, ConnectionError)


async def test_the_pool_is_whole_within_a_second_of_the_server_being_back(database, wire, entry):
    await database.create(entry, name="ann")
    for _ in range(3):
        wire.cut()
        await asyncio.sleep(0.05)
        began = time.monotonic()
        assert await database.query(entry).count() == 1
        assert time.monotonic() - began < 1


async def test_a_socket_may_have_the_number_of_one_that_was_closed_by_anyone(database, wire, tagged_url, entry):
    """By the server, by its holder, by another thread or by the garbage collector: nobody waits for the wrong one."""
    url = tagged_url[0]
    held: list[AsyncDatabase] = []

    async def closed_by_the_server() -> None:
        wire.cut()
        await asyncio.sleep(0.01)

    async def closed_by_a_thread() -> None:
        async with connect(url, default=False) as other:
            await other.check_connection()
            await asyncio.to_thread(other.drop)
            held.append(other)

    async def closed_at_once() -> None:
        async with connect(url, default=False) as other:
            await other.check_connection()
            other.drop()
            held.append(other)

    async def closed_by_nobody() -> None:
        with warnings.catch_warnings(action="ignore"):
            other = await connect(url, default=False)
            await other.check_connection()
            del other
            # Of the step of a task in which an answer came the loop still holds it.
            await asyncio.sleep(0)
            gc.collect()

    loop = asyncio.get_running_loop()
    for close in (closed_by_the_server, closed_at_once, closed_by_a_thread, closed_by_nobody):
        for _ in range(5):
            await close()
            ends = [end for _ in range(10) for end in socket.socketpair()]
            heard = [loop.create_future() for _ in ends]
            for end, future in zip(ends, heard, strict=True):
                loop.add_reader(end, lambda future=future: future.done() or future.set_result("heard"))
            for end in ends:
                end.send(b"hello")
            async with asyncio.timeout(5):
                assert await asyncio.gather(*heard) == ["heard"] * 20
                assert await asyncio.gather(*[database.query(entry).count() for _ in range(3)]) == [0] * 3
            for end in ends:
                loop.remove_reader(end)
                end.close()


async def test_no_call_outlives_its_deadline_when_the_server_is_frozen(database, wire, outside, entry):
    wire.freeze()
    for attempt in range(3):
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await database.query(entry).count()
        assert time.monotonic() - began < 0.8, attempt
    wire.thaw()
    began = time.monotonic()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for at in range(6):
                tasks.start_soon(lambda at=at: database.create(entry, name=str(at)))
    assert time.monotonic() - began < 1
    assert len(outside.names()) == 6


async def test_a_frozen_transaction_is_left_in_time_and_undone(database, wire, outside, entry):
    began = 0.0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            async with database.transaction():
                await database.create(entry, name="ann")
                wire.freeze()
                began = time.monotonic()
                await database.create(entry, name="bob")
    assert time.monotonic() - began < 2
    wire.thaw()
    deadline = time.monotonic() + 5
    while outside.sessions("left(state, 19) = 'idle in transaction'") and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert outside.names() == []
    await database.create(entry, name="cid")
    assert outside.names() == ["cid"]


async def test_a_server_that_is_not_there_is_named_without_its_password():
    with pytest.raises(DatabaseConnectionError, match="^DB Connection failed: ") as caught:
        await connect("postgresql://ann:s3cret@127.0.0.1:1/none", connect_timeout=2)
    assert isinstance(caught.value, OperationalError)
    assert "postgresql://ann:***@127.0.0.1:1/none" in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_a_link_that_is_lost_among_copied_rows_leaves_none(database, outside, entry):
    def rows(cut: int):
        for at in range(2500):
            if at == cut:
                assert outside.terminate() == 1
            yield {"name": str(at)}

    for cut in (0, 1500, 2499):
        with pytest.raises(DatabaseConnectionError):
            await database.bulk_create(entry, rows(cut), returning=False)
        assert outside.names() == []
    assert await database.bulk_create(entry, rows(-1), returning=False) == 2500


def test_a_link_that_is_lost_among_copied_rows_leaves_none_blocking(blocking, outside, entry):
    def rows(cut: int):
        for at in range(2500):
            if at == cut:
                assert outside.terminate() == 1
            yield {"name": str(at)}

    for cut in (0, 1500, 2499):
        with pytest.raises(DatabaseConnectionError):
            blocking.bulk_create(entry, rows(cut), returning=False)
        assert outside.names() == []
    assert blocking.bulk_create(entry, rows(-1), returning=False) == 2500
