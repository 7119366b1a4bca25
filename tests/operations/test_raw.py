"""SQL the user wrote."""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from pydantic import SecretStr
from tstrings import Value, tstring

from ferro.dialects import postgres, sqlite
from ferro.errors import DataError, QueryError
from ferro.operations import raw
from ferro.query.dialect import Result


class Colour(Enum):
    RED = "red"


@pytest.fixture
def pets(database):
    database.raw.execute("CREATE TABLE pet (id integer PRIMARY KEY, name text)")
    database.raw.execute("INSERT INTO pet VALUES (1, 'Rex'), (2, 'Tom')")
    return database


def test_execute_returns_how_many_rows_it_changed(pets):
    assert pets.run(raw.execute("UPDATE pet SET name = ?", ["Cat"], sqlite)) == 2
    assert pets.run(raw.execute("DELETE FROM pet WHERE id = ? RETURNING id", [1], sqlite)) == 1
    assert pets.run(raw.execute("SELECT * FROM pet", [], sqlite)) == 0
    assert pets.run(raw.execute("WITH p AS (SELECT 1) SELECT * FROM p", [], sqlite)) == 0


def test_rows_come_as_dicts(pets):
    assert pets.run(raw.fetch_all("SELECT id, name FROM pet ORDER BY id", [], sqlite)) == [
        {"id": 1, "name": "Rex"},
        {"id": 2, "name": "Tom"},
    ]
    assert pets.run(raw.fetch_one("SELECT name FROM pet WHERE id = ?", [2], sqlite)) == {"name": "Tom"}
    assert pets.run(raw.fetch_one("SELECT name FROM pet WHERE id = ?", [3], sqlite)) is None


def test_the_text_is_sent_as_it_is():
    sent = next(raw.fetch_one("SELECT 1 -- 100%", [], postgres))
    assert sent.sql == "SELECT 1 -- 100%"
    assert sent.template.raw
    assert sent.template.operation == "Raw"


def test_two_columns_of_one_name_are_refused_rather_than_lost(pets):
    with pytest.raises(QueryError) as raised:
        pets.run(raw.fetch_all("SELECT a.id, b.id FROM pet a, pet b", [], sqlite))
    assert str(raised.value) == ("the result has several columns named 'id', and a dict holds one: rename them with AS")


@pytest.mark.parametrize("sql", ["", "  \n", ";", "-- nothing\n", "/* nothing */ ;"])
def test_an_empty_statement_is_refused(sql):
    with pytest.raises(QueryError, match="^SQL must be a non-empty statement$"):
        raw.execute(sql, [], sqlite)


def test_sql_must_be_a_text():
    with pytest.raises(QueryError, match="^SQL is a str or a t-string, not bytes$"):
        raw.execute(b"SELECT 1", [], sqlite)


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("BEGIN", "BEGIN"),
        ("commit;", "COMMIT"),
        ("/* a */ -- b\n ; ROLLBACK TO x", "ROLLBACK"),
        ("end", "END"),
        ("Start transaction", "START"),
        ("SAVEPOINT a", "SAVEPOINT"),
        ("RELEASE a", "RELEASE"),
        ("abort", "ABORT"),
        ("PREPARE TRANSACTION 'x'", "PREPARE"),
    ],
)
def test_transactions_are_not_opened_behind_ferros_back(sql, word):
    with pytest.raises(QueryError) as raised:
        raw.execute(sql, [], postgres)
    assert str(raised.value) == (
        f"{word} cannot be sent as SQL, because ferro has to know about every transaction: use transaction()"
    )


@pytest.mark.parametrize(
    ("sql", "on_sqlite", "on_postgresql"),
    [
        ("SELECT * FROM pet", False, False),
        ("(SELECT 1) UNION (SELECT 2)", False, False),
        ("-- why\nselect count(*) from pet where id in (1, 2)", False, False),
        ("SELECT json_object_agg(name, id), jsonb_object_agg(name, id) FROM pet", False, False),
        ("SELECT nextval('ids')", False, True),
        # What is quoted begins no comment, and ends none.
        ("SELECT '--', nextval('ids')", False, True),
        ("SELECT 1 AS \"--\", nextval('ids')", False, True),
        ("SELECT 'it''s /*', nextval('ids'), '*/'", False, True),
        (r"SELECT E'\'--', nextval('ids')", None, True),
        (r"SELECT 1 WHERE 'a' LIKE 'b' ESCAPE'\' OR nextval('--') > 0", None, True),
        ("SELECT $a$'--$a$, nextval('ids')", None, True),
        ("WITH p AS (SELECT '--' AS s), q AS (DELETE FROM pet RETURNING id) SELECT * FROM q", True, True),
        ("SELECT 1 -- it's no DELETE", False, False),
        ("SELECT public.count(1)", False, True),
        ("SELECT * INTO copy FROM pet", False, True),
        ("SELECT * FROM pet FOR UPDATE", False, True),
        ("WITH p AS (SELECT 1) SELECT * FROM p", False, False),
        ("WITH p AS (SELECT 1) INSERT INTO pet SELECT * FROM p", True, True),
        ("VALUES (1)", False, False),
        ("EXPLAIN SELECT 1", False, False),
        ("EXPLAIN ANALYZE DELETE FROM pet", False, True),
        ("SHOW timezone", None, False),
        ("INSERT INTO pet VALUES (1)", True, True),
        ("CREATE TABLE x (id int)", True, True),
        ("PRAGMA table_info(pet)", False, None),
        ("PRAGMA user_version", False, None),
        ("PRAGMA user_version = 3", True, None),
        ("PRAGMA user_version(3)", True, None),
    ],
)
def test_what_may_write_is_told_from_what_only_reads(sql, on_sqlite, on_postgresql):
    for dialect, writes in ((sqlite, on_sqlite), (postgres, on_postgresql)):
        assert writes is None or next(raw.execute(sql, [], dialect)).template.writes is writes


MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "on_sqlite", "on_postgresql"),
    [
        (None, None, None),
        (True, True, True),
        (7, 7, 7),
        ("a", "a", "a"),
        (b"\0", b"\0", b"\0"),
        (1.5, 1.5, 1.5),
        (Decimal("1.10"), "1.10", Decimal("1.10")),
        (date(2026, 1, 2), "2026-01-02", date(2026, 1, 2)),
        (MOMENT, "2026-01-02 03:04:05.000000+00:00", MOMENT),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001", UUID(int=1)),
        (Colour.RED, "red", "red"),
        ({"a": 1}, '{"a":1}', '{"a":1}'),
        ([1, 2], "[1,2]", [1, 2]),
        (("a", None), '["a",null]', ["a", None]),
    ],
)
def test_arguments_travel_as_in_a_column_of_their_type(value, on_sqlite, on_postgresql):
    assert next(raw.execute("SELECT 1", [value], sqlite)).params == [on_sqlite]
    assert next(raw.execute("SELECT $1", [value], postgres)).params == [on_postgresql]


def test_arguments_that_postgresql_would_drop_are_refused():
    with pytest.raises(QueryError, match="^the SQL has placeholders for 2 arguments, and 3 are given$"):
        raw.execute("UPDATE t SET a = $2 WHERE b = $1", [1, 2, 3], postgres)
    with pytest.raises(QueryError, match="^the SQL has placeholders for 0 arguments, and 1 are given$"):
        raw.execute("SELECT 1", [1], postgres)


def test_an_argument_no_database_holds_is_refused_by_number_and_type():
    with pytest.raises(QueryError) as raised:
        raw.execute("SELECT 1", [1, object()], sqlite)
    assert str(raised.value) == (
        "argument 2 of the SQL is of type object, which no database can hold: give its parts one by one, or a text"
    )
    assert isinstance(raised.value, TypeError)


def test_an_argument_that_would_be_changed_is_refused():
    with pytest.raises(DataError, match="^argument 1 of the SQL: nan cannot be stored"):
        raw.execute("SELECT 1", [float("nan")], sqlite)


def test_the_members_of_an_array_travel_as_values_do():
    assert next(raw.execute("SELECT $1", [[Colour.RED]], postgres)).params == [["red"]]
    with pytest.raises(DataError, match=r"^argument 1 of the SQL: .*RED.* at \[0\] is a Colour"):
        raw.execute("SELECT ?", [[Colour.RED]], sqlite)


def test_a_secret_argument_is_sent_and_never_shown():
    sent = next(raw.execute("SELECT ?, ?", ["seen", SecretStr("hidden")], sqlite))
    assert sent.params == ["seen", "hidden"]
    assert sent.shown == ("seen", "REDACTED")


def test_a_statement_without_rows_fetches_none(finish):
    steps = raw.fetch_all("UPDATE pet SET name = 'x'", [], postgres)
    next(steps)
    assert finish(steps, Result([], 3)) == []


# t-strings.


def test_the_values_of_a_t_string_are_bound(pets):
    name = "'; DROP TABLE pet; --"
    assert (
        pets.run(raw.execute(tstring("UPDATE pet SET name = ", Value(name), " WHERE id = ", Value(1)), [], sqlite)) == 1
    )
    assert pets.sent == ["UPDATE pet SET name = ? WHERE id = ?"]
    assert pets.run(raw.fetch_all(tstring("SELECT id FROM pet WHERE name = ", Value(name)), [], sqlite)) == [{"id": 1}]
    assert pets.run(raw.fetch_one(tstring("SELECT ", Value(None), " AS x"), [], sqlite)) == {"x": None}


def test_the_values_of_a_t_string_are_numbered_on_postgresql_and_secrets_are_kept():
    query = tstring("SELECT ", Value(SecretStr("hush")), ", ", Value([1, 2]), ", ", Value(tstring(Value(3), " + 1")))
    statement = raw.asked(query, [], postgres)
    assert statement.sql == "SELECT $1, $2, $3 + 1"
    assert list(statement.params) == ["hush", [1, 2], 3]
    assert statement.shown == ("REDACTED", [1, 2], 3)


def test_a_t_string_takes_no_other_values():
    with pytest.raises(QueryError) as caught:
        raw.asked(tstring("SELECT ", Value(1)), [2], postgres)
    assert str(caught.value) == (
        "a t-string has its values in it, and 1 arguments are given besides: write them into it as {...}"
    )
    with pytest.raises(QueryError) as caught:
        raw.asked(tstring("SELECT $1, ", Value(1)), [], postgres)
    assert str(caught.value) == (
        "a t-string has its values in it: write the value into it as {...}, in the place of '$1'"
    )
    with pytest.raises(QueryError, match=r"^SQL must be a non-empty statement$"):
        raw.asked(tstring(" "), [], sqlite)


@pytest.mark.parametrize("dialect", [sqlite, postgres])
@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DELETE FROM pet\0 WHERE id = 1", "contains a NUL character at position 15, which no database keeps"),
        ("SELECT '\ud800'", "contains a lone surrogate at position 8, which is no character"),
    ],
)
def test_sql_that_a_driver_would_cut_off_is_refused(dialect, sql, reason):
    for ask in (raw.execute, raw.fetch_all, raw.fetch_one):
        with pytest.raises(QueryError, match=f"^the SQL {reason}"):
            next(ask(sql, [], dialect))
