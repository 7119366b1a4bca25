"""Raw SQL: the database's own placeholders, every kind of argument, rows as dicts."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address
from uuid import UUID

import pytest
from pydantic import BaseModel, SecretStr
from statements import sent
from tstrings import Value, tstring

from ferro import (
    AsyncDatabase,
    DataError,
    Field,
    Model,
    QueryError,
    execute,
    fetch_all,
    fetch_one,
    transaction,
)


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    LARGE = 9


class Point(BaseModel):
    x: int


class Line(Model):
    id: int | None = Field(default=None, primary_key=True)
    text: str | None = None
    number: int | None = None
    made: datetime | None = None
    day: date | None = None
    key: UUID | None = None
    price: Decimal | None = None
    data: dict[str, int] | None = None
    picture: bytes | None = None
    flag: bool | None = None


@pytest.fixture
async def database(database: AsyncDatabase) -> AsyncDatabase:
    await database.create_tables(Line)
    return database


@pytest.fixture
def placeholders(database: AsyncDatabase):
    """Write SQL with `?` for both databases."""

    def write(sql: str) -> str:
        if database.dialect.name == "sqlite":
            return sql
        numbers = iter(range(1, 100))
        return re.sub(r"\?", lambda _: f"${next(numbers)}", sql)

    return write


async def test_execute_says_how_many_rows_changed(database, placeholders):
    insert = placeholders("INSERT INTO line (text, number) VALUES (?, ?), (?, ?)")
    assert await execute(insert, "a", 1, "b", 2) == 2
    assert await execute("UPDATE line SET number = 5") == 2
    assert await execute(placeholders("UPDATE line SET number = 6 WHERE text = ?"), "a") == 1
    assert await execute(placeholders("DELETE FROM line WHERE text = ?"), "nobody") == 0
    assert await execute("SELECT * FROM line") == 0
    assert await execute("CREATE TABLE other (id integer)") == 0


async def test_fetch_all_returns_dicts_and_fetch_one_the_first(database, placeholders):
    await Line.bulk_create([Line(text="a", number=1), Line(text="b", number=2)])
    assert await fetch_all("SELECT text, number FROM line ORDER BY number") == [
        {"text": "a", "number": 1},
        {"text": "b", "number": 2},
    ]
    assert await fetch_one(placeholders("SELECT number AS n FROM line WHERE text = ?"), "b") == {"n": 2}
    assert await fetch_one("SELECT number FROM line WHERE text = 'c'") is None
    assert await fetch_all("SELECT number FROM line WHERE text = 'c'") == []


async def test_rows_a_change_returns_can_be_fetched(database, placeholders):
    sql = placeholders("INSERT INTO line (text) VALUES (?), (?) RETURNING id, text")
    assert await fetch_all(sql, "a", "b") == [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}]
    assert await fetch_one("DELETE FROM line WHERE id = 1 RETURNING text") == {"text": "a"}
    assert await Line.count() == 1


async def test_the_handle_runs_raw_sql_too(database, placeholders):
    assert await database.execute(placeholders("INSERT INTO line (text) VALUES (?)"), "a") == 1
    assert await database.fetch_one("SELECT text FROM line") == {"text": "a"}
    assert await database.fetch_all("SELECT text FROM line") == [{"text": "a"}]


async def test_the_sql_is_sent_as_it_is(database):
    sql = "SELECT '100%' AS \"a%s\", '?$1' AS b -- it's fine"
    with sent() as statements:
        assert await fetch_one(sql) == {"a%s": "100%", "b": "?$1"}
    assert statements == [sql]


ARGUMENTS = {
    "text": ["x", "", "'; DROP TABLE line; --", "%s $1 ?", "🎁"],
    "number": [0, -(2**63), 2**63 - 1, Size.LARGE],
    "made": [datetime(2024, 5, 1, 12, tzinfo=UTC), datetime(2024, 5, 1, 12, 0, 0, 7, tzinfo=UTC)],
    "day": [date(2024, 5, 1)],
    "key": [UUID(int=7)],
    "price": [Decimal("1.10"), Decimal("-1E+3"), Decimal("0.000001")],
    "data": [{"a": 1}, {}],
    "picture": [b"", b"\x00\xff"],
    "flag": [True, False],
}


@pytest.mark.parametrize("column", ARGUMENTS)
async def test_an_argument_is_stored_as_the_column_of_its_type_stores_it(database, placeholders, column):
    for value in (*ARGUMENTS[column], None):
        await execute("DELETE FROM line")
        await execute(placeholders(f"INSERT INTO line ({column}) VALUES (?)"), value)
        assert await Line.select(column).all() == [(value,)]
        if value is not None and column != "data":
            assert await fetch_all(placeholders(f"SELECT 1 AS found FROM line WHERE {column} = ?"), value) == [
                {"found": 1}
            ]


async def test_values_without_a_column_of_their_own_travel_as_what_they_hold(database, placeholders):
    for value, stored in (
        (Colour.RED, "red"),
        (SecretStr("pst"), "pst"),
        (timedelta(hours=1), None),
        (time(1, 2, 3), "01:02:03"),
        (IPv4Address("10.0.0.1"), "10.0.0.1"),
        (Point(x=1), '{"x":1}'),
    ):
        row = await fetch_one(placeholders("SELECT CAST(? AS text) AS value"), value)
        if stored is not None:
            assert row["value"].replace(" ", "").startswith(stored)


@pytest.mark.backends("postgres")
async def test_a_list_is_an_array_on_postgresql(database):
    await Line.bulk_create([Line(number=n) for n in range(5)])
    rows = await fetch_all("SELECT number FROM line WHERE number = ANY($1) ORDER BY number", [1, 3])
    assert rows == [{"number": 1}, {"number": 3}]
    assert await fetch_one("SELECT $1::text[] AS a", ["x", None, "y"]) == {"a": ["x", None, "y"]}


@pytest.mark.backends("sqlite")
async def test_a_list_is_a_document_on_sqlite(database):
    await Line.bulk_create([Line(number=n) for n in range(5)])
    sql = "SELECT number FROM line WHERE number IN (SELECT value FROM json_each(?)) ORDER BY number"
    assert await fetch_all(sql, [1, 3]) == [{"number": 1}, {"number": 3}]


@pytest.mark.backends("postgres")
async def test_postgresql_gives_python_values_back(database):
    row = await fetch_one(
        "SELECT 1 AS i, 1.50::numeric AS n, 'x' AS t, true AS b, date '2024-05-01' AS d, "
        "timestamptz '2024-05-01 12:00+00' AS ts, '{\"a\": 1}'::jsonb AS j, NULL AS nothing, "
        "'00000000-0000-0000-0000-000000000007'::uuid AS u, '\\x00ff'::bytea AS raw"
    )
    assert row == {
        "i": 1,
        "n": Decimal("1.50"),
        "t": "x",
        "b": True,
        "d": date(2024, 5, 1),
        "ts": datetime(2024, 5, 1, 12, tzinfo=UTC),
        "j": {"a": 1},
        "nothing": None,
        "u": UUID(int=7),
        "raw": b"\x00\xff",
    }


async def test_an_argument_that_no_database_holds_is_refused(database, placeholders):
    class Thing:
        pass

    text = "argument 2 of the SQL is of type Thing, which no database can hold: give its parts one by one, or a text"
    with sent() as statements, pytest.raises(QueryError, match=f"^{re.escape(text)}$") as caught:
        await execute(placeholders("INSERT INTO line (text, number) VALUES (?, ?)"), "a", Thing())
    assert isinstance(caught.value, TypeError)
    assert statements == []


async def test_a_number_that_does_not_fit_is_refused(database, placeholders):
    with pytest.raises(DataError):
        await execute(placeholders("INSERT INTO line (number) VALUES (?)"), 2**64)
    assert await Line.count() == 0


@pytest.mark.parametrize("sql", ["", "   ", ";", "-- nothing\n", "/* nothing */"])
async def test_empty_sql_is_refused(database, sql):
    for call in (execute, fetch_all, fetch_one):
        with pytest.raises(QueryError, match="^SQL must be a non-empty statement$") as caught:
            await call(sql)
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "sql", ["BEGIN", "commit", "ROLLBACK", "  savepoint x", "/* x */ START TRANSACTION", "RELEASE x"]
)
async def test_transactions_are_not_made_by_hand(database, sql):
    with pytest.raises(QueryError, match="cannot be sent as SQL, because ferro has to know .*: use transaction\\(\\)$"):
        await execute(sql)


async def test_sql_is_a_text(database):
    with pytest.raises(QueryError, match="^SQL is a str or a t-string, not bytes$"):
        await execute(b"SELECT 1")


async def test_a_wrong_number_of_arguments_is_told(database, placeholders):
    insert = placeholders("INSERT INTO line (text, number) VALUES (?, ?)")
    for arguments in (("a",), ("a", 1, 2)):
        with pytest.raises(QueryError, match=f"uses 2, and there are {len(arguments)} supplied|for 2 arguments, and "):
            await execute(insert, *arguments)
    assert await Line.count() == 0
    assert await fetch_one("SELECT '$1' AS a /* $2 */") == {"a": "$1"}


async def test_a_change_behind_a_with_is_counted(database):
    await Line.bulk_create([Line(text="a"), Line(text="b")])
    assert await execute("WITH t(x) AS (VALUES ('a')) UPDATE line SET number = 1 WHERE text IN (SELECT x FROM t)") == 1
    assert await execute("WITH t(x) AS (VALUES ('c'), ('d'), ('e')) INSERT INTO line (text) SELECT x FROM t") == 3
    assert await execute("WITH t(x) AS (VALUES ('a'), ('b')) DELETE FROM line WHERE text IN (SELECT x FROM t)") == 2
    assert await execute("WITH t(x) AS (VALUES ('a')) DELETE FROM line WHERE text IN (SELECT x FROM t)") == 0
    assert await execute("DROP TABLE line") == 0


async def test_a_question_that_names_a_change_is_one(database):
    await Line.create(text="banana")
    for sql in (
        "WITH t AS (SELECT replace(text, 'a', 'o') AS word FROM line) SELECT word FROM t",
        "WITH t AS (SELECT 'bonono' AS word, 'please delete' AS update_me) SELECT word FROM t",
    ):
        assert await execute(sql) == 0
        assert [row async for row in database.stream(sql)] == [{"word": "bonono"}]


async def test_two_columns_of_one_name_are_refused(database):
    text = "the result has several columns named 'a', and a dict holds one: rename them with AS"
    with pytest.raises(QueryError, match=f"^{text}$"):
        await fetch_all("SELECT 1 AS a, 2 AS a")


async def test_several_statements_at_once_are_refused(database):
    with pytest.raises(RuntimeError, match="^Raw SQL execute failed: "):
        await execute("DELETE FROM line; DELETE FROM line")


async def test_raw_sql_joins_the_transaction_and_is_undone_with_it(database, placeholders):
    with pytest.raises(KeyError):
        async with transaction() as block:
            await block.execute(placeholders("INSERT INTO line (text) VALUES (?)"), "a")
            await execute(placeholders("INSERT INTO line (text) VALUES (?)"), "b")
            assert [row["text"] for row in await block.fetch_all("SELECT text FROM line ORDER BY id")] == ["a", "b"]
            assert await Line.count() == 2
            raise KeyError
    assert await fetch_one("SELECT count(*) AS n FROM line") == {"n": 0}


async def test_every_call_that_takes_sql_takes_a_t_string(database: AsyncDatabase) -> None:
    hostile = "'; DROP TABLE line; --"
    line = await Line.create(text=hostile, day=date(2024, 5, 1))
    rows = tstring("SELECT * FROM line WHERE text = ", Value(hostile), " AND day = ", Value(date(2024, 5, 1)))
    names = tstring("SELECT text FROM line WHERE id = ", Value(1))
    assert await Line.raw(rows) == [line]
    assert await database.raw(Line, rows) == [line]
    assert await fetch_all(rows, into=Line) == [line]
    assert await fetch_one(names) == await database.fetch_one(names) == {"text": hostile}
    assert await database.fetch_all(names) == [{"text": hostile}]
    assert [row async for row in database.stream(names)] == [{"text": hostile}]
    async with transaction() as block:
        assert await block.fetch_one(names) == {"text": hostile}
        assert await block.fetch_all(rows, into=Line) == [line]
        assert [row async for row in block.stream(names)] == [{"text": hostile}]
        assert await block.execute(tstring("UPDATE line SET number = ", Value(5))) == 1
    assert await execute(tstring("DELETE FROM line WHERE number = ", Value(5))) == 1
    assert await database.execute(tstring("DELETE FROM line")) == 0
