"""Rows that PostgreSQL sends while others are made into instances already: whatever happens on the way, all is in order."""

import asyncio
import gc
import time
from collections.abc import Callable

import pytest
from proxy import Wire

from ferro import (
    AsyncDatabase,
    DatabaseConnectionError,
    DataError,
    Field,
    Model,
    TransactionAborted,
    connect,
    sync,
)

MANY = 2_000
# No socket keeps so much: the server still has most of it when the first rows are made.
LONG = "x" * 10_000


class LongRow(Model):
    id: int | None = Field(default=None, primary_key=True)
    text: str
    counts: dict[str, int]

    def after_load(self) -> None:
        pass


class Quotient(Model):
    """A view, whose row 900 divides by zero."""

    __ferro_tablename__ = "quotient"

    id: int = Field(primary_key=True)
    value: int


class Slow(Model):
    """A view, whose row 900 takes the server a while."""

    __ferro_tablename__ = "slow"

    id: int = Field(primary_key=True)
    value: int

    def after_load(self) -> None:
        pass


FILL = f"""INSERT INTO longrow (id, text, counts) SELECT n, repeat('x', {len(LONG)}), '{{"a": 1}}' FROM generate_series(1, {MANY}) AS n"""
SLEEPING = "CASE WHEN n = 900 THEN length(pg_sleep(0.4)::text) ELSE n END"
VIEWS = (
    f"CREATE VIEW quotient AS SELECT n AS id, 1000 / (n - 900) AS value FROM generate_series(1, {MANY}) AS n",
    f"CREATE VIEW slow AS SELECT n AS id, {SLEEPING} AS value FROM generate_series(1, {MANY}) AS n",
)


@pytest.fixture
def blocking(tagged_url):
    with sync.connect(tagged_url[0], max_connections=1, acquire_timeout=2) as connected:
        connected.create_tables(LongRow)
        for sql in (FILL, *VIEWS):
            connected.execute(sql)
        yield connected


@pytest.fixture
async def database(tagged_url, blocking):
    """The same tables."""
    async with connect(tagged_url[0], max_connections=1, acquire_timeout=2) as connected:
        yield connected


@pytest.fixture
def at_row(monkeypatch):
    """Let a function be called when the row of a key is made."""

    def call(number: int, function: Callable[[], object], model: type[LongRow | Slow] = LongRow) -> None:
        def after_load(row: LongRow | Slow) -> None:
            if row.id == number:
                function()

        monkeypatch.setattr(model, "after_load", after_load)

    return call


async def process(database: AsyncDatabase) -> object:
    """The server's process, by which a connection is known."""
    found = await database.fetch_one("SELECT pg_backend_pid() AS pid")
    return found and found["pid"]


def process_blocking(database: sync.Database) -> object:
    found = database.fetch_one("SELECT pg_backend_pid() AS pid")
    return found and found["pid"]


async def test_they_are_made_before_the_last_has_been_sent(tagged_url, database, at_row):
    wire = Wire(tagged_url[0])
    try:
        async with connect(wire.url, max_connections=1) as distant:
            first_row = asyncio.Event()
            loop = asyncio.get_running_loop()

            def freeze() -> None:
                wire.freeze()
                first_row.set()
                loop.call_later(0.2, wire.thaw)

            at_row(1, freeze)
            read = asyncio.ensure_future(distant.query(LongRow).order_by("id").all())
            await asyncio.wait_for(first_row.wait(), 5)
            await asyncio.sleep(0.1)
            assert not read.done()
            assert [row.id for row in await read] == list(range(1, MANY + 1))
    finally:
        wire.close()


async def test_an_error_among_them_is_raised_and_the_connection_kept(database):
    same = await process(database)
    for _ in range(4):
        with pytest.raises(DataError, match="Fetch failed: division by zero"):
            await database.query(Quotient).all()
        assert await process(database) == same


async def test_an_error_among_them_undoes_the_transaction(database):
    with pytest.raises(TransactionAborted):
        async with database.transaction():
            assert await database.query(LongRow).where(lambda row: row.id == 1).delete() == 1
            with pytest.raises(DataError, match="Fetch failed: division by zero"):
                await database.query(Quotient).all()
            await database.query(LongRow).count()
    assert await database.query(LongRow).count() == MANY


async def test_a_value_that_cannot_be_loaded_leaves_the_transaction_whole(database):
    same = await process(database)
    await database.execute("""UPDATE longrow SET counts = '{"a": "many"}' WHERE id = 300""")
    async with database.transaction():
        await database.query(LongRow).where(lambda row: row.id == MANY).delete()
        for _ in range(3):
            with pytest.raises(DataError, match=r"LongRow\.counts: the database holds"):
                await database.query(LongRow).order_by("id").all()
        assert await database.query(LongRow).count() == MANY - 1
    with pytest.raises(DataError, match=r"LongRow\.counts: the database holds"):
        await database.query(LongRow).order_by("id").all()
    assert await database.query(LongRow).count() == MANY - 1
    assert await process(database) == same


def test_a_value_that_cannot_be_loaded_leaves_the_transaction_whole_blocking(blocking):
    same = process_blocking(blocking)
    blocking.execute("""UPDATE longrow SET counts = '{"a": "many"}' WHERE id = 300""")
    with blocking.transaction():
        blocking.query(LongRow).where(lambda row: row.id == MANY).delete()
        for _ in range(3):
            with pytest.raises(DataError, match=r"LongRow\.counts: the database holds"):
                blocking.query(LongRow).order_by("id").all()
        assert blocking.query(LongRow).count() == MANY - 1
    with pytest.raises(DataError, match=r"LongRow\.counts: the database holds"):
        blocking.query(LongRow).order_by("id").all()
    assert blocking.query(LongRow).count() == MANY - 1
    assert process_blocking(blocking) == same


async def test_cancelled_among_them_the_server_stops_and_the_connection_is_kept(database, at_row):
    same = await process(database)
    for _ in range(4):
        read = asyncio.ensure_future(database.query(LongRow).order_by("id").all())
        at_row(300, read.cancel)
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await read
        assert time.monotonic() - began < 1
        assert gc.isenabled()
        assert await process(database) == same


async def test_cancelled_while_the_next_are_waited_for(database, at_row):
    same = await process(database)
    loop = asyncio.get_running_loop()
    read = asyncio.ensure_future(database.query(Slow).all())
    at_row(500, lambda: loop.call_later(0.1, read.cancel), Slow)
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await read
    assert time.monotonic() - began < 0.35
    assert await process(database) == same


def test_ctrl_c_among_them_leaves_the_connection_in_order(blocking, at_row):
    def press() -> None:
        raise KeyboardInterrupt

    same = process_blocking(blocking)
    at_row(300, press)
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            blocking.query(LongRow).order_by("id").all()
        assert gc.isenabled()
        assert process_blocking(blocking) == same


async def test_a_link_that_is_lost_among_them_is_a_connection_error(database, outside, at_row):
    at_row(300, outside.terminate)
    with pytest.raises(DatabaseConnectionError, match="Fetch failed"):
        await database.query(LongRow).order_by("id").all()
    assert gc.isenabled()
    assert await database.query(LongRow).count() == MANY


def test_a_link_that_is_lost_among_them_is_a_connection_error_blocking(blocking, outside, at_row):
    at_row(300, outside.terminate)
    with pytest.raises(DatabaseConnectionError, match="Fetch failed"):
        blocking.query(LongRow).order_by("id").all()
    assert gc.isenabled()
    assert blocking.query(LongRow).count() == MANY


async def test_the_collector_comes_while_they_are_waited_for(database, at_row):
    made: list[bool] = []
    seen: list[bool] = []
    at_row(500, lambda: made.append(True), Slow)

    async def look() -> None:
        while True:
            if made:
                seen.append(gc.isenabled())
            await asyncio.sleep(0.01)

    looking = asyncio.create_task(look())
    try:
        assert len(await database.query(Slow).all()) == MANY
    finally:
        looking.cancel()
    assert seen.count(True) > 20


async def test_a_pipeline_after_them_has_answers_of_its_own(database):
    for _ in range(4):
        assert len(await database.query(LongRow).all()) == MANY
        async with database.pipeline() as pipe:
            keys = pipe.fetch_all("SELECT id FROM longrow ORDER BY id")
            count = pipe.fetch_one("SELECT count(*) AS n FROM longrow")
        assert [row["id"] for row in keys.value] == list(range(1, MANY + 1))
        assert count.value == {"n": MANY}


async def test_those_of_a_replica_that_dies_meanwhile_are_read_elsewhere(tagged_url, database):
    await database.execute("UPDATE longrow SET text = 'cut here' WHERE id = 1500")
    wire = Wire(tagged_url[0])
    wire.cut_at_answer = b"cut here"
    try:
        async with connect(tagged_url[0], replicas=[wire.url], max_connections=1) as both:
            found = await both.query(LongRow).order_by("id").all()
            assert [(row.id, row.text) for row in found[1498:1501]] == [(1499, LONG), (1500, "cut here"), (1501, LONG)]
            assert len(found) == MANY
            assert both.replicas._replicas[0].resting
    finally:
        wire.close()
