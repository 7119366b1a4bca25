"""Streams: the rows of all(), a chunk at a time, and a connection that comes back."""

import gc
import re
from decimal import Decimal
from time import monotonic

import pytest
from statements import sent

from ferro import (
    AsyncDatabase,
    AsyncStream,
    DataError,
    Field,
    InterfaceError,
    Model,
    OperationalError,
    OptionError,
    QueryError,
    TransactionEnded,
    connect,
)
from ferro._concurrency._async import sleep


class Star(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    mass: Decimal
    tags: list[str] = Field(default_factory=list)


NO_ROWS_YET = "a query holds no rows until it is asked for them: call all(), or stream() to read them as they come"


class Trouble(Exception):
    """What goes wrong in the body of a loop."""


def stars(count: int) -> list[Star]:
    return [Star(name=f"star {at:04}", mass=Decimal(at) / 8, tags=["bright"] * (at % 3)) for at in range(count)]


@pytest.fixture
async def sky(database: AsyncDatabase) -> AsyncDatabase:
    """Give a database with a hundred stars."""
    await database.create_tables(Star)
    await database.bulk_create(Star, stars(100))
    return database


async def is_back(database: AsyncDatabase) -> bool:
    """Whether every connection is in the pool within a tenth of a second."""
    began = monotonic()
    while database.pool._lent and monotonic() - began < 0.1:
        await sleep(0.001)
    return not database.pool._lent


# What is read.


@pytest.mark.parametrize("chunk", [1, 7, 50, 99, 100, 101, 1000])
async def test_a_stream_gives_the_rows_of_all(sky, chunk):
    query = sky.query(Star).where(lambda s: s.mass > 1).order_by("-mass")
    streamed = [star async for star in query.stream(chunk=chunk)]
    assert streamed == await query.all()
    assert len(streamed) == 91
    assert await is_back(sky)


async def test_a_stream_of_no_rows_ends_at_once(sky):
    assert [star async for star in sky.query(Star).where(lambda s: s.mass < 0).stream()] == []
    assert not sky.pool._lent


async def test_a_query_that_is_looped_over_says_what_to_call(sky):
    query = sky.query(Star).where(lambda s: s.mass > 1)
    for each in (query, query.select("id"), query.select("id").cte("heavy")):
        with sent() as statements:
            for loop in (list, lambda rows: "star 0001" in rows, lambda rows: [*rows]):
                with pytest.raises(InterfaceError) as plain:
                    loop(each)
                assert str(plain.value) == NO_ROWS_YET
            with pytest.raises(InterfaceError) as error:
                async for _ in each:
                    pass
            assert str(error.value) == NO_ROWS_YET
        assert statements == []
    assert not sky.pool._lent


async def test_a_stream_keeps_to_order_limit_and_offset(sky):
    query = sky.query(Star).order_by("-id").offset(3).limit(10)
    assert [star.id async for star in query.stream(chunk=4)] == [97, 96, 95, 94, 93, 92, 91, 90, 89, 88]


async def test_a_selection_is_streamed_as_it_is_selected(sky):
    query = sky.query(Star).order_by("id").limit(2)
    assert [name async for name in query.select(lambda s: s.name).stream()] == ["star 0000", "star 0001"]
    assert [row async for row in query.select("id", "mass").stream()] == [(1, Decimal(0)), (2, Decimal("0.125"))]
    assert [row async for row in query.select(lambda s: {"tags": s.tags}).stream()] == [
        {"tags": []},
        {"tags": ["bright"]},
    ]


async def test_a_streamed_instance_is_one_that_was_loaded(sky):
    async for star in sky.query(Star).where(lambda s: s.id == 5).stream():
        star.name = "Vega"
        await sky.save(star)
    assert (await sky.get(Star, 5)).name == "Vega"


async def test_other_queries_run_while_a_stream_is_read(sky):
    seen = 0
    async for star in sky.query(Star).order_by("id").stream(chunk=9):
        assert (await sky.get(Star, star.id)).name == star.name
        seen += 1
    assert seen == 100


async def test_two_streams_are_read_side_by_side(sky):
    first, second = (sky.query(Star).order_by(key).stream(chunk=3) for key in ("id", "-id"))
    async with first, second:
        pairs = []
        async for star in first:
            async for other in second:
                pairs.append(star.id + other.id)
                break
    assert pairs == [101] * 100
    assert await is_back(sky)


async def test_a_stream_sees_one_moment(sky):
    names = []
    async for star in sky.query(Star).order_by("id").stream(chunk=10):
        if star.id == 1:
            await sky.query(Star).where(lambda s: s.id > 50).delete()
            await sky.query(Star).update(name="changed")
            await sky.bulk_create(Star, stars(7))
        names.append(star.name)
    assert names == [f"star {at:04}" for at in range(100)]
    assert await sky.query(Star).count() == 57


async def test_raw_sql_is_streamed_as_dicts(sky, backend):
    mark = "$1" if backend == "postgres" else "?"
    rows = sky.stream(f"SELECT id, name FROM star WHERE id <= {mark} ORDER BY id;", 3, chunk=2)
    assert [row async for row in rows] == [
        {"id": 1, "name": "star 0000"},
        {"id": 2, "name": "star 0001"},
        {"id": 3, "name": "star 0002"},
    ]
    assert await is_back(sky)


async def test_a_stream_of_raw_sql_has_names_before_it_has_rows(sky):
    with pytest.raises(QueryError, match="several columns named 'id'"):
        [row async for row in sky.stream("SELECT id, mass AS id FROM star WHERE id < 0")]
    assert await is_back(sky)


async def test_a_stream_of_nothing_else_than_reading_is_refused(sky):
    for sql, word in (("DELETE FROM star", "DELETE"), ("WITH a AS (SELECT 1) DELETE FROM star", "WITH")):
        with pytest.raises(QueryError, match=f"reads the rows of a SELECT, and this begins with {word}"):
            sky.stream(sql)


@pytest.mark.parametrize("chunk", [0, -1, True, 1.5, "10"])
async def test_a_chunk_is_a_number_of_rows(sky, chunk):
    with pytest.raises(OptionError, match=re.escape(f"chunk is {chunk!r}; it is a number of rows, at least 1")):
        sky.query(Star).stream(chunk=chunk)


async def test_what_is_sent(sky, backend):
    with sent() as statements:
        async for _ in sky.query(Star).where(lambda s: s.id < 3).select("id").stream(chunk=2):
            pass
    assert (
        statements
        == {
            "postgres": [
                "BEGIN READ ONLY",
                "SET LOCAL cursor_tuple_fraction = 1",
                'DECLARE "ferro_stream_1" NO SCROLL CURSOR FOR SELECT "star"."id" FROM "star" WHERE "star"."id" < $1',
                'FETCH FORWARD 2 FROM "ferro_stream_1"',
                'FETCH FORWARD 2 FROM "ferro_stream_1"',
                "ROLLBACK",
            ],
            "sqlite": [
                "BEGIN /* read only */",
                'SELECT "star"."id" FROM "star" WHERE "star"."id" < ?',
                "ROLLBACK",
            ],
        }[backend]
    )


# How it ends.


async def test_a_break_gives_the_connection_back(sky):
    async for _ in sky.query(Star).stream(chunk=10):
        assert len(sky.pool._lent) == 1
        break
    assert await is_back(sky)
    assert len(sky.pool._idle) == 1


async def test_an_error_in_the_body_gives_the_connection_back(sky):
    with pytest.raises(Trouble):
        async for _ in sky.query(Star).stream(chunk=10):
            raise Trouble
    assert await is_back(sky)
    assert len(sky.pool._idle) == 1


async def test_a_return_out_of_the_loop_gives_the_connection_back(sky):
    async def find() -> Star | None:
        async for star in sky.query(Star).stream(chunk=10):
            return star
        return None

    assert await find() is not None
    assert await is_back(sky)


async def test_a_stream_with_a_name_goes_on_after_a_break_and_is_closed_by_its_block(sky):
    async with sky.query(Star).order_by("id").stream(chunk=10) as rows:
        for expected in (1, 2, 3):
            async for star in rows:
                assert star.id == expected
                break
        assert len(sky.pool._lent) == 1
    assert not sky.pool._lent


async def test_a_closed_stream_says_that_it_was_not_read_to_its_end(sky):
    for chunk in (10, 1000):
        rows = sky.query(Star).stream(chunk=chunk)
        async for _ in rows:
            break
        await rows.close()
        await rows.close()
        assert not sky.pool._lent
        with pytest.raises(InterfaceError, match="this stream is closed, and its last row was not read"):
            [star async for star in rows]


async def test_a_stream_that_was_read_stays_at_its_end(sky):
    rows = sky.query(Star).stream(chunk=10)
    assert len([star async for star in rows]) == 100
    await rows.close()
    assert [star async for star in rows] == []


async def test_an_abandoned_stream_in_a_cycle_gives_its_connection_back_when_it_is_collected(sky):
    async def abandon() -> None:
        rows: list[object] = [sky.query(Star).stream(chunk=10)]
        rows.append(rows)
        async for _ in rows[0]:
            break

    gc.collect()
    await abandon()
    assert len(sky.pool._lent) == 1
    gc.collect()
    assert await is_back(sky)
    assert len(sky.pool._idle) == 1


async def test_a_stream_that_was_never_read_holds_nothing(sky):
    rows = sky.query(Star).stream()
    assert isinstance(rows, AsyncStream)
    assert not sky.pool._lent
    await rows.close()


async def test_the_database_s_own_error_is_raised_and_asking_again_does_not_look_like_the_end(sky, backend):
    text = "CAST(name AS integer)" if backend == "postgres" else "json(name)"
    rows = sky.stream(f"SELECT {text} AS n FROM star", chunk=10)
    for wanted in ("Raw SQL execute failed: ", "this stream has failed: its rows after the error were not read"):
        with pytest.raises((OperationalError, DataError, InterfaceError), match=wanted):
            [row async for row in rows]
        assert await is_back(sky)


async def test_an_error_half_way_through_is_never_the_end(sky, backend):
    if backend == "postgres":
        sql = "SELECT n AS id, 1 / (n - 55) AS bad FROM generate_series(1, 100) AS n"
    else:
        sql = "SELECT id, json(CASE id WHEN 55 THEN '{' ELSE '1' END) AS bad FROM star ORDER BY id"
    rows = sky.stream(sql, chunk=10)
    seen = []
    with pytest.raises((OperationalError, DataError)):
        async for row in rows:
            seen += [row["id"]]
    assert seen == list(range(1, 51))
    with pytest.raises(InterfaceError, match="this stream has failed"):
        [row async for row in rows]
    assert await is_back(sky)


async def test_a_value_that_cannot_be_loaded_names_its_column(sky, backend):
    if backend == "postgres":
        await sky.execute("""UPDATE star SET tags = '{"a": 1}' WHERE id = 42""")
    else:
        await sky.execute("UPDATE star SET mass = 'heavy' WHERE id = 42")
    with pytest.raises(DataError, match=r"^Star\.(tags|mass): the database holds"):
        [star async for star in sky.query(Star).order_by("id").stream(chunk=10)]
    assert await is_back(sky)


async def test_a_database_that_was_closed_is_named(sky):
    rows = sky.query(Star).stream(chunk=10)
    async for _ in rows:
        sky.pool.drop()
        break
    with pytest.raises(InterfaceError, match="was closed, or the process forked, while this stream was read"):
        [star async for star in rows]


# Inside a transaction.


async def test_a_stream_in_a_transaction_sees_what_it_wrote(sky):
    async with sky.transaction():
        await sky.create(Star, name="nova", mass=Decimal(9))
        names = [star.name async for star in sky.query(Star).order_by("-id").stream(chunk=10)]
        assert len(sky.pool._lent) == 1
    assert names[0] == "nova"
    assert len(names) == 101


async def test_rows_are_changed_while_their_stream_is_read(sky):
    seen = []
    async with sky.transaction():
        async for star in sky.query(Star).order_by("id").stream(chunk=10):
            seen.append((star.id, star.name))
            if star.id > 60:
                break
            star.name = "seen"
            await sky.save(star)
            if star.id == 15:
                await sky.query(Star).where(lambda s: s.id > 60).delete()
                await sky.bulk_create(Star, stars(20))
    assert seen == [(at + 1, f"star {at:04}") for at in range(61)]
    assert await sky.query(Star).filter_by(name="seen").count() == 60


async def test_a_stream_outlasts_a_savepoint_that_is_undone(sky):
    seen = []
    async with sky.transaction():
        async for star in sky.query(Star).order_by("id").stream(chunk=10):
            seen.append(star.id)
            if star.id % 10 == 0:
                with pytest.raises(Trouble):
                    async with sky.transaction():
                        await sky.query(Star).delete()
                        raise Trouble
    assert seen == list(range(1, 101))
    assert await sky.query(Star).count() == 100


async def test_a_stream_is_read_on_inside_a_savepoint(sky):
    async with sky.transaction():
        rows = sky.query(Star).order_by("id").stream(chunk=1)
        async for _ in rows:
            break
        async with sky.transaction():
            async for star in rows:
                assert star.id == 2
                break
        assert len([star async for star in rows]) == 98


async def test_streams_that_are_left_leave_the_transaction_whole(sky, backend):
    with sent() as statements:
        async with sky.transaction():
            for _ in range(3):
                async for _star in sky.query(Star).stream(chunk=10):
                    break
                async with sky.query(Star).stream(chunk=10) as rows:
                    async for _star in rows:
                        break
            await sky.query(Star).where(lambda s: s.id > 10).delete()
            await sky.execute("DROP TABLE star")
            await sky.create_tables(Star)
    assert [sql for sql in statements if sql.startswith("CLOSE")] == (
        [f'CLOSE "ferro_stream_{at}"' for at in range(1, 7)] if backend == "postgres" else []
    )
    assert await sky.query(Star).count() == 0


async def test_a_stream_that_outlives_its_transaction_says_so(sky):
    for chunk in (10, 1000):
        async with sky.transaction():
            rows = sky.query(Star).stream(chunk=chunk)
            async for _ in rows:
                break
        if chunk == 10:
            with pytest.raises(TransactionEnded, match="this stream was opened in a transaction that has ended"):
                [star async for star in rows]
        else:
            assert len([star async for star in rows]) == 99
    assert await is_back(sky)


async def test_a_stream_opened_in_a_savepoint_ends_with_it(sky):
    async with sky.transaction():
        with pytest.raises(Trouble):
            async with sky.transaction():
                rows = sky.query(Star).stream(chunk=10)
                async for _ in rows:
                    break
                raise Trouble
        with pytest.raises(TransactionEnded, match="this stream was opened in a transaction that has ended"):
            [star async for star in rows]
        assert await sky.query(Star).count() == 100


async def test_a_stream_outside_does_not_see_what_a_transaction_writes_meanwhile(sky):
    rows = sky.query(Star).order_by("id").stream(chunk=10)
    async for _ in rows:
        break
    async with sky.transaction():
        await sky.query(Star).update(name="changed")
        assert [star.name async for star in rows] == [f"star {at:04}" for at in range(1, 100)]
    assert await is_back(sky)


# With one connection.


@pytest.mark.backends("sqlite")
async def test_a_database_in_memory_answers_while_a_stream_is_read():
    async with connect("sqlite::memory:", default=False) as database:
        await database.create_tables(Star)
        await database.bulk_create(Star, stars(2500))
        seen = 0
        async for star in database.query(Star).order_by("id").stream(chunk=100):
            seen += 1
            if seen == 1:
                await database.query(Star).where(lambda s: s.id > 1).delete()
            assert star.id == seen
        assert seen == 2500
        async for _ in database.query(Star).stream(chunk=1):
            break
        assert await database.query(Star).count() == 1


@pytest.mark.backends("sqlite")
async def test_what_is_set_aside_is_more_than_fits_into_memory(tmp_path):
    async with connect(f"sqlite:{tmp_path}/one.db?mode=rwc", max_connections=1, default=False) as database:
        # Eight megabytes, in three kinds.
        rows = database.stream(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 8000) "
            "SELECT x, x / 2.0 AS half, zeroblob(1000) AS bytes, NULL AS none FROM n"
        )
        seen = 0
        async for row in rows:
            seen += 1
            assert row == {"x": seen, "half": seen / 2, "bytes": bytes(1000), "none": None}
            assert not database.pool._lent
        assert seen == 8000


@pytest.mark.backends("postgres")
async def test_a_pool_that_is_too_small_says_so(database_url):
    async with connect(database_url, max_connections=1, acquire_timeout=0.1, default=False) as database:
        with pytest.raises(OperationalError, match="all 1 connections to .* stayed busy .* raise max_connections"):
            async for _ in database.stream("SELECT generate_series(1, 10) AS n", chunk=2):
                await database.fetch_one("SELECT 1 AS one")
        assert await is_back(database)
