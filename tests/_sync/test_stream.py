# Generated from tests/_async/test_stream.py by scripts/unasync.py: edit that file, never this one.
"""Streams: the rows of all(), a chunk at a time, and a connection that comes back."""

import gc
import re
from decimal import Decimal
from time import monotonic

import pytest
from statements import sent

from ferro._concurrency._sync import sleep
from ferro.sync import (
    Database,
    DataError,
    Field,
    InterfaceError,
    Model,
    OperationalError,
    OptionError,
    QueryError,
    Stream,
    TransactionEnded,
    connect,
)


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
def sky(database: Database) -> Database:
    """Give a database with a hundred stars."""
    database.create_tables(Star)
    database.bulk_create(Star, stars(100))
    return database


def is_back(database: Database) -> bool:
    """Whether every connection is in the pool within a tenth of a second."""
    began = monotonic()
    while database.pool._lent and monotonic() - began < 0.1:
        sleep(0.001)
    return not database.pool._lent


# What is read.


@pytest.mark.parametrize("chunk", [1, 7, 50, 99, 100, 101, 1000])
def test_a_stream_gives_the_rows_of_all(sky, chunk):
    query = sky.query(Star).where(lambda s: s.mass > 1).order_by("-mass")
    streamed = [star for star in query.stream(chunk=chunk)]
    assert streamed == query.all()
    assert len(streamed) == 91
    assert is_back(sky)


def test_a_stream_of_no_rows_ends_at_once(sky):
    assert [star for star in sky.query(Star).where(lambda s: s.mass < 0).stream()] == []
    assert not sky.pool._lent


def test_a_query_that_is_looped_over_says_what_to_call(sky):
    query = sky.query(Star).where(lambda s: s.mass > 1)
    for each in (query, query.select("id"), query.select("id").cte("heavy")):
        with sent() as statements:
            for loop in (list, lambda rows: "star 0001" in rows, lambda rows: [*rows]):
                with pytest.raises(InterfaceError) as plain:
                    loop(each)
                assert str(plain.value) == NO_ROWS_YET
            with pytest.raises(InterfaceError) as error:
                for _ in each:
                    pass
            assert str(error.value) == NO_ROWS_YET
        assert statements == []
    assert not sky.pool._lent


def test_a_stream_keeps_to_order_limit_and_offset(sky):
    query = sky.query(Star).order_by("-id").offset(3).limit(10)
    assert [star.id for star in query.stream(chunk=4)] == [97, 96, 95, 94, 93, 92, 91, 90, 89, 88]


def test_a_selection_is_streamed_as_it_is_selected(sky):
    query = sky.query(Star).order_by("id").limit(2)
    assert [name for name in query.select(lambda s: s.name).stream()] == ["star 0000", "star 0001"]
    assert [row for row in query.select("id", "mass").stream()] == [(1, Decimal(0)), (2, Decimal("0.125"))]
    assert [row for row in query.select(lambda s: {"tags": s.tags}).stream()] == [
        {"tags": []},
        {"tags": ["bright"]},
    ]


def test_a_streamed_instance_is_one_that_was_loaded(sky):
    for star in sky.query(Star).where(lambda s: s.id == 5).stream():
        star.name = "Vega"
        sky.save(star)
    assert sky.get(Star, 5).name == "Vega"


def test_other_queries_run_while_a_stream_is_read(sky):
    seen = 0
    for star in sky.query(Star).order_by("id").stream(chunk=9):
        assert sky.get(Star, star.id).name == star.name
        seen += 1
    assert seen == 100


def test_two_streams_are_read_side_by_side(sky):
    first, second = (sky.query(Star).order_by(key).stream(chunk=3) for key in ("id", "-id"))
    with first, second:
        pairs = []
        for star in first:
            for other in second:
                pairs.append(star.id + other.id)
                break
    assert pairs == [101] * 100
    assert is_back(sky)


def test_a_stream_sees_one_moment(sky):
    names = []
    for star in sky.query(Star).order_by("id").stream(chunk=10):
        if star.id == 1:
            sky.query(Star).where(lambda s: s.id > 50).delete()
            sky.query(Star).update(name="changed")
            sky.bulk_create(Star, stars(7))
        names.append(star.name)
    assert names == [f"star {at:04}" for at in range(100)]
    assert sky.query(Star).count() == 57


def test_raw_sql_is_streamed_as_dicts(sky, backend):
    mark = "$1" if backend == "postgres" else "?"
    rows = sky.stream(f"SELECT id, name FROM star WHERE id <= {mark} ORDER BY id;", 3, chunk=2)
    assert [row for row in rows] == [
        {"id": 1, "name": "star 0000"},
        {"id": 2, "name": "star 0001"},
        {"id": 3, "name": "star 0002"},
    ]
    assert is_back(sky)


def test_a_stream_of_raw_sql_has_names_before_it_has_rows(sky):
    with pytest.raises(QueryError, match="several columns named 'id'"):
        [row for row in sky.stream("SELECT id, mass AS id FROM star WHERE id < 0")]
    assert is_back(sky)


def test_a_stream_of_nothing_else_than_reading_is_refused(sky):
    for sql, word in (("DELETE FROM star", "DELETE"), ("WITH a AS (SELECT 1) DELETE FROM star", "WITH")):
        with pytest.raises(QueryError, match=f"reads the rows of a SELECT, and this begins with {word}"):
            sky.stream(sql)


@pytest.mark.parametrize("chunk", [0, -1, True, 1.5, "10"])
def test_a_chunk_is_a_number_of_rows(sky, chunk):
    with pytest.raises(OptionError, match=re.escape(f"chunk is {chunk!r}; it is a number of rows, at least 1")):
        sky.query(Star).stream(chunk=chunk)


def test_what_is_sent(sky, backend):
    with sent() as statements:
        for _ in sky.query(Star).where(lambda s: s.id < 3).select("id").stream(chunk=2):
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


def test_a_break_gives_the_connection_back(sky):
    for _ in sky.query(Star).stream(chunk=10):
        assert len(sky.pool._lent) == 1
        break
    assert is_back(sky)
    assert len(sky.pool._idle) == 1


def test_an_error_in_the_body_gives_the_connection_back(sky):
    with pytest.raises(Trouble):
        for _ in sky.query(Star).stream(chunk=10):
            raise Trouble
    assert is_back(sky)
    assert len(sky.pool._idle) == 1


def test_a_return_out_of_the_loop_gives_the_connection_back(sky):
    def find() -> Star | None:
        for star in sky.query(Star).stream(chunk=10):
            return star
        return None

    assert find() is not None
    assert is_back(sky)


def test_a_stream_with_a_name_goes_on_after_a_break_and_is_closed_by_its_block(sky):
    with sky.query(Star).order_by("id").stream(chunk=10) as rows:
        for expected in (1, 2, 3):
            for star in rows:
                assert star.id == expected
                break
        assert len(sky.pool._lent) == 1
    assert not sky.pool._lent


def test_a_closed_stream_says_that_it_was_not_read_to_its_end(sky):
    for chunk in (10, 1000):
        rows = sky.query(Star).stream(chunk=chunk)
        for _ in rows:
            break
        rows.close()
        rows.close()
        assert not sky.pool._lent
        with pytest.raises(InterfaceError, match="this stream is closed, and its last row was not read"):
            [star for star in rows]


def test_a_stream_that_was_read_stays_at_its_end(sky):
    rows = sky.query(Star).stream(chunk=10)
    assert len([star for star in rows]) == 100
    rows.close()
    assert [star for star in rows] == []


def test_an_abandoned_stream_in_a_cycle_gives_its_connection_back_when_it_is_collected(sky):
    def abandon() -> None:
        rows: list[object] = [sky.query(Star).stream(chunk=10)]
        rows.append(rows)
        for _ in rows[0]:
            break

    gc.collect()
    abandon()
    assert len(sky.pool._lent) == 1
    gc.collect()
    assert is_back(sky)
    assert len(sky.pool._idle) == 1


def test_a_stream_that_was_never_read_holds_nothing(sky):
    rows = sky.query(Star).stream()
    assert isinstance(rows, Stream)
    assert not sky.pool._lent
    rows.close()


def test_the_database_s_own_error_is_raised_and_asking_again_does_not_look_like_the_end(sky, backend):
    text = "CAST(name AS integer)" if backend == "postgres" else "json(name)"
    rows = sky.stream(f"SELECT {text} AS n FROM star", chunk=10)
    for wanted in ("Raw SQL execute failed: ", "this stream has failed: its rows after the error were not read"):
        with pytest.raises((OperationalError, DataError, InterfaceError), match=wanted):
            [row for row in rows]
        assert is_back(sky)


def test_an_error_half_way_through_is_never_the_end(sky, backend):
    if backend == "postgres":
        sql = "SELECT n AS id, 1 / (n - 55) AS bad FROM generate_series(1, 100) AS n"
    else:
        sql = "SELECT id, json(CASE id WHEN 55 THEN '{' ELSE '1' END) AS bad FROM star ORDER BY id"
    rows = sky.stream(sql, chunk=10)
    seen = []
    with pytest.raises((OperationalError, DataError)):
        for row in rows:
            seen += [row["id"]]
    assert seen == list(range(1, 51))
    with pytest.raises(InterfaceError, match="this stream has failed"):
        [row for row in rows]
    assert is_back(sky)


def test_a_value_that_cannot_be_loaded_names_its_column(sky, backend):
    if backend == "postgres":
        sky.execute("""UPDATE star SET tags = '{"a": 1}' WHERE id = 42""")
    else:
        sky.execute("UPDATE star SET mass = 'heavy' WHERE id = 42")
    with pytest.raises(DataError, match=r"^Star\.(tags|mass): the database holds"):
        [star for star in sky.query(Star).order_by("id").stream(chunk=10)]
    assert is_back(sky)


def test_a_database_that_was_closed_is_named(sky):
    rows = sky.query(Star).stream(chunk=10)
    for _ in rows:
        sky.pool.drop()
        break
    with pytest.raises(InterfaceError, match="was closed, or the process forked, while this stream was read"):
        [star for star in rows]


# Inside a transaction.


def test_a_stream_in_a_transaction_sees_what_it_wrote(sky):
    with sky.transaction():
        sky.create(Star, name="nova", mass=Decimal(9))
        names = [star.name for star in sky.query(Star).order_by("-id").stream(chunk=10)]
        assert len(sky.pool._lent) == 1
    assert names[0] == "nova"
    assert len(names) == 101


def test_rows_are_changed_while_their_stream_is_read(sky):
    seen = []
    with sky.transaction():
        for star in sky.query(Star).order_by("id").stream(chunk=10):
            seen.append((star.id, star.name))
            if star.id > 60:
                break
            star.name = "seen"
            sky.save(star)
            if star.id == 15:
                sky.query(Star).where(lambda s: s.id > 60).delete()
                sky.bulk_create(Star, stars(20))
    assert seen == [(at + 1, f"star {at:04}") for at in range(61)]
    assert sky.query(Star).filter_by(name="seen").count() == 60


def test_a_stream_outlasts_a_savepoint_that_is_undone(sky):
    seen = []
    with sky.transaction():
        for star in sky.query(Star).order_by("id").stream(chunk=10):
            seen.append(star.id)
            if star.id % 10 == 0:
                with pytest.raises(Trouble):
                    with sky.transaction():
                        sky.query(Star).delete()
                        raise Trouble
    assert seen == list(range(1, 101))
    assert sky.query(Star).count() == 100


def test_a_stream_is_read_on_inside_a_savepoint(sky):
    with sky.transaction():
        rows = sky.query(Star).order_by("id").stream(chunk=1)
        for _ in rows:
            break
        with sky.transaction():
            for star in rows:
                assert star.id == 2
                break
        assert len([star for star in rows]) == 98


def test_streams_that_are_left_leave_the_transaction_whole(sky, backend):
    with sent() as statements:
        with sky.transaction():
            for _ in range(3):
                for _star in sky.query(Star).stream(chunk=10):
                    break
                with sky.query(Star).stream(chunk=10) as rows:
                    for _star in rows:
                        break
            sky.query(Star).where(lambda s: s.id > 10).delete()
            sky.execute("DROP TABLE star")
            sky.create_tables(Star)
    assert [sql for sql in statements if sql.startswith("CLOSE")] == (
        [f'CLOSE "ferro_stream_{at}"' for at in range(1, 7)] if backend == "postgres" else []
    )
    assert sky.query(Star).count() == 0


def test_a_stream_that_outlives_its_transaction_says_so(sky):
    for chunk in (10, 1000):
        with sky.transaction():
            rows = sky.query(Star).stream(chunk=chunk)
            for _ in rows:
                break
        if chunk == 10:
            with pytest.raises(TransactionEnded, match="this stream was opened in a transaction that has ended"):
                [star for star in rows]
        else:
            assert len([star for star in rows]) == 99
    assert is_back(sky)


def test_a_stream_opened_in_a_savepoint_ends_with_it(sky):
    with sky.transaction():
        with pytest.raises(Trouble):
            with sky.transaction():
                rows = sky.query(Star).stream(chunk=10)
                for _ in rows:
                    break
                raise Trouble
        with pytest.raises(TransactionEnded, match="this stream was opened in a transaction that has ended"):
            [star for star in rows]
        assert sky.query(Star).count() == 100


def test_a_stream_outside_does_not_see_what_a_transaction_writes_meanwhile(sky):
    rows = sky.query(Star).order_by("id").stream(chunk=10)
    for _ in rows:
        break
    with sky.transaction():
        sky.query(Star).update(name="changed")
        assert [star.name for star in rows] == [f"star {at:04}" for at in range(1, 100)]
    assert is_back(sky)


# With one connection.


@pytest.mark.backends("sqlite")
def test_a_database_in_memory_answers_while_a_stream_is_read():
    with connect("sqlite::memory:", default=False) as database:
        database.create_tables(Star)
        database.bulk_create(Star, stars(2500))
        seen = 0
        for star in database.query(Star).order_by("id").stream(chunk=100):
            seen += 1
            if seen == 1:
                database.query(Star).where(lambda s: s.id > 1).delete()
            assert star.id == seen
        assert seen == 2500
        for _ in database.query(Star).stream(chunk=1):
            break
        assert database.query(Star).count() == 1


@pytest.mark.backends("sqlite")
def test_what_is_set_aside_is_more_than_fits_into_memory(tmp_path):
    with connect(f"sqlite:{tmp_path}/one.db?mode=rwc", max_connections=1, default=False) as database:
        # Eight megabytes, in three kinds.
        rows = database.stream(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 8000) "
            "SELECT x, x / 2.0 AS half, zeroblob(1000) AS bytes, NULL AS none FROM n"
        )
        seen = 0
        for row in rows:
            seen += 1
            assert row == {"x": seen, "half": seen / 2, "bytes": bytes(1000), "none": None}
            assert not database.pool._lent
        assert seen == 8000


@pytest.mark.backends("postgres")
def test_a_pool_that_is_too_small_says_so(database_url):
    with connect(database_url, max_connections=1, acquire_timeout=0.1, default=False) as database:
        with pytest.raises(OperationalError, match="all 1 connections to .* stayed busy .* raise max_connections"):
            for _ in database.stream("SELECT generate_series(1, 10) AS n", chunk=2):
                database.fetch_one("SELECT 1 AS one")
        assert is_back(database)
