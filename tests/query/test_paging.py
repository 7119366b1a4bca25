"""Keyset paging as text: the conditions, the positions, the cursors, and what is refused."""

import base64
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv6Network
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import NaiveDatetime, SecretStr

from ferro import Field, Model, QueryError
from ferro.dialects import DIALECTS
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.paging import Page
from ferro.schema.registry import table_of


class Runner(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = ""
    points: int | None = None
    pin: SecretStr | None = None


class Lap(Model):
    runner: int = Field(primary_key=True)
    number: int = Field(primary_key=True)


class Loose(Model):
    name: str


def runners() -> QueryBase[Runner]:
    return QueryBase(Runner, table_of(Runner))


def where(query: Any, dialect: str = "postgresql") -> str:
    return compile(query.select("id").select_statement(), DIALECTS[dialect]).sql.partition(" WHERE ")[2]


def test_one_key_is_one_comparison():
    assert where(runners().order_by("id").after((7,))) == '"runner"."id" > $1 ORDER BY "runner"."id"'
    assert where(runners().order_by("-id").after((7,)), "sqlite") == '"runner"."id" < ? ORDER BY "runner"."id" DESC'


def test_each_further_key_decides_between_rows_that_are_equal_so_far():
    assert where(runners().order_by("name", "-id").after(("Ann", 7))) == (
        '"runner"."name" >= $1 AND ("runner"."name" > $2 OR "runner"."name" = $3 AND "runner"."id" < $4) '
        'ORDER BY "runner"."name", "runner"."id" DESC'
    )


def test_nulls_come_after_the_values_where_the_order_has_them_last():
    assert where(runners().order_by("points", "id").after((5, 7))) == (
        '"runner"."points" > $1 OR "runner"."points" IS NULL OR "runner"."points" = $2 AND "runner"."id" > $3 '
        'ORDER BY "runner"."points", "runner"."id"'
    )
    assert where(runners().order_by("points", "id").after((None, 7))) == (
        '"runner"."points" IS NULL AND "runner"."id" > $1 ORDER BY "runner"."points", "runner"."id"'
    )


def test_nulls_come_before_the_values_where_the_order_has_them_first():
    first = runners().order_by("points", nulls="first").order_by("id")
    assert where(first.after((None, 7)), "sqlite") == (
        '"runner"."points" IS NOT NULL OR "runner"."points" IS NULL AND "runner"."id" > ? '
        'ORDER BY "runner"."points", "runner"."id"'
    )


def test_before_with_a_limit_asks_for_the_nearest_rows_the_other_way_round():
    assert where(runners().order_by("points", "id").before((5, 7)).limit(2), "sqlite") == (
        '"runner"."points" < ? OR "runner"."points" = ? AND "runner"."id" < ? '
        'ORDER BY "runner"."points" DESC NULLS FIRST, "runner"."id" DESC LIMIT ?'
    )


def test_the_values_of_a_position_do_not_change_the_sql():
    query = runners().order_by("name", "id")
    assert where(query.after(("Ann", 7))) == where(query.after(("'; DROP TABLE runner; --", 8)))


def test_a_position_is_what_the_query_is_sorted_by():
    ann = Runner(id=7, name="Ann", points=5)
    assert runners().order_by("-points", "id").position_of(ann) == (5, 7)
    chosen = runners().order_by("-points", "id")
    assert chosen.select(lambda r: (r.id, r.name, r.points)).position_of((7, "Ann", 5)) == (5, 7)
    assert chosen.select(lambda r: {"p": r.points, "i": r.id}).position_of({"i": 7, "p": 5}) == (5, 7)
    assert runners().order_by("id").select(lambda r: r.id).position_of(7) == (7,)


def test_an_instance_and_a_cursor_are_positions():
    query = runners().order_by("name", "id")
    ann = Runner(id=7, name="Ann")
    expected = repr(query.after(("Ann", 7)))
    assert repr(query.after(ann)) == expected
    assert repr(query.after(query.cursor_of(ann))) == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q: q.after((1,)), "after() goes by the order of the rows: call order_by() before it"),
        (
            lambda q: q.order_by("name").after(("Ann",)),
            "after() needs keys that tell every row from every other, and order_by(runner.name) does not: add 'id'",
        ),
        (
            lambda q: q.order_by("id").before((1, 2)),
            "before() expects one value for each key of order_by() (runner.id), got 2: use what position_of() returns",
        ),
        (lambda q: q.order_by("id").after((None,)), "runner.id is never null, so no row stands at None"),
        (lambda q: q.order_by("id").after(("x",)), "runner.id: expected int, got 'x'"),
        (
            lambda q: q.order_by("id").after(7),
            "after() expects a position: a tuple from position_of(), a cursor from cursor_of(), or a Runner; got 7",
        ),
        (
            lambda q: q.order_by("id").offset(3).after((1,)),
            "after() says where the page begins: leave out offset(3)",
        ),
        (
            lambda q: q.order_by("id").before((1,)).offset(3),
            "before() says where the page begins: leave out offset()",
        ),
        (
            lambda q: q.order_by("id").after((1,)).before((3,)),
            "this query has a position already: call after() or before() once, not before() again",
        ),
        (
            lambda q: q.order_by("id").after((1,)).order_by("name"),
            "after() goes by the order of the rows: call order_by() before it",
        ),
        (
            lambda q: q.order_by("points", nulls="native").order_by("id").after((1, 1)),
            (
                "after() must know where nulls of runner.points stand, which differs between databases: "
                'say order_by(..., nulls="first") or nulls="last"'
            ),
        ),
        (
            lambda q: q.order_by("id").after((1,)).delete_statement(),
            "delete() changes every row that matches: leave out after()",
        ),
        (
            lambda q: q.order_by("id").after((1,)).numbered(1, 5),
            "page() counts from the first row: leave out after()",
        ),
        (lambda q: q.limit(3).numbered(1, 5), "page() counts its rows by itself: leave out limit(3)"),
        (
            lambda q: q.select("name").distinct().numbered(1, 5),
            'page() goes by the order of the rows: call order_by(), such as order_by("name")',
        ),
        (
            lambda q: q.order_by("name", "id").select("id").position_of((7,)),
            "the row does not hold runner.name, a key of order_by(): select() it",
        ),
        (lambda q: q.order_by("id").position_of(7), "expected a Runner that this query returned, got 7"),
        (
            lambda q: q.order_by(q.source.columns[1].lower(), "id").position_of(Runner(id=1)),
            (
                "a Runner does not hold lower(runner.name), which the query is sorted by: "
                "select() it as well, and take the position of that row"
            ),
        ),
        (
            lambda q: q.order_by("pin", "id").cursor_of(Runner(id=1, pin=SecretStr("0000"))),
            "runner.pin is secret, and a cursor can be read: sort by something else",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(QueryError) as caught:
        call(runners())
    assert str(caught.value) == message


def test_a_table_without_a_key_has_no_positions():
    with pytest.raises(QueryError, match=r"^Loose has no primary key, so after\(\) cannot tell where a row stands$"):
        QueryBase(Loose, table_of(Loose)).order_by("name").after(("a",))


def test_every_column_of_a_composite_key_is_a_key():
    laps = QueryBase(Lap, table_of(Lap))
    with pytest.raises(QueryError, match="add 'number'"):
        laps.order_by("runner").after((1,))
    assert laps.order_by("-number", "runner").after((2, 1)).count_statement()


# Cursors.


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


VALUES: list[tuple[Any, Any]] = [
    (bool, True),
    (int, -(2**63)),
    (float, 0.1),
    (float, float("inf")),
    (float, -0.0),
    (Decimal, Decimal("12345678901234567890.10")),
    (str, 'Ann\'s \N{SNOWMAN} "%_" '),
    (bytes, b"\x00\xff"),
    (date, date(1, 2, 3)),
    (time, time(1, 2, 3, 4)),
    (datetime, datetime(2024, 5, 1, 12, 0, 0, 1, tzinfo=UTC)),
    (NaiveDatetime, datetime(2024, 5, 1, 12)),
    (timedelta, timedelta(days=-3, microseconds=1)),
    (UUID, UUID(int=7)),
    (Colour, Colour.BLUE),
    (Literal["a", "b"], "b"),
    (IPv4Address, IPv4Address("10.0.0.1")),
    (IPv6Network, IPv6Network("2001:db8::/32")),
]


@pytest.mark.parametrize(("annotation", "value"), VALUES)
def test_every_type_comes_back_from_a_cursor_as_it_was(annotation, value):
    namespace = {
        "__annotations__": {"id": int, "key": annotation | None if annotation is not None else None},
        "__module__": __name__,
        "id": Field(primary_key=True),
    }
    model = type("Anything", (Model,), namespace)
    query = QueryBase(model, table_of(model)).order_by("key", "id")
    for given in (value, None):
        keys = query._keys("after")
        found = keys.from_cursor(query.cursor_of(model(id=1, key=given)))
        assert repr(found) == repr((given, 1))
        assert type(found[0]) is type(given)


def foreign(query: QueryBase[Any]) -> str:
    return query.order_by("-id").cursor_of(Runner(id=7))


def changed(query: QueryBase[Any]) -> str:
    cursor = query.order_by("id").cursor_of(Runner(id=7))
    return cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")


@pytest.mark.parametrize(
    "make", [foreign, changed, lambda q: "", lambda q: "x", lambda q: "é", lambda q: "....", lambda q: "A" * 5000]
)
def test_a_foreign_or_changed_cursor_is_refused(make):
    cursor = make(runners())
    with pytest.raises(QueryError, match=r"^'.*' is no cursor of this query: it was changed on the way, or made for"):
        runners().order_by("id").after(cursor)


@pytest.mark.parametrize("forged", [b"7", b"[]", b"[1,2]", b'["x"]', b'[{"a":1}]', b"[[]]", b"[" * 5000, b"\xff"])
def test_whoever_forges_a_cursor_gets_an_error_as_well(forged):
    query = runners().order_by("id")
    cursor = base64.urlsafe_b64encode(query._keys("after").digest(forged) + forged).rstrip(b"=").decode()
    with pytest.raises(QueryError):
        query.after(cursor)


def test_a_cursor_says_what_it_holds():
    cursor = runners().order_by("name", "id").cursor_of(Runner(id=7, name="Ann"))
    assert json.loads(base64.urlsafe_b64decode(cursor + "==")[8:]) == ["Ann", 7]


# Pages by number.


def test_a_page_knows_its_neighbours():
    middle = Page(("a", "b"), 2, 2, 5)
    assert (middle.pages, middle.has_previous, middle.has_next, len(middle), list(middle)) == (
        3,
        True,
        True,
        2,
        ["a", "b"],
    )
    assert (Page((), 1, 2, 0).pages, Page((), 1, 2, 0).has_next, Page((), 1, 2, 0).has_previous) == (0, False, False)
    assert not Page(("e",), 3, 2, 5).has_next


def test_the_primary_key_decides_between_rows_that_sort_alike():
    assert where(runners().where(lambda r: r.id > 0).order_by("name").numbered(3, 10)) == (
        '"runner"."id" > $1 ORDER BY "runner"."name", "runner"."id" LIMIT $2 OFFSET $3'
    )


def test_an_order_by_an_expression_is_a_key():
    query = runners().order_by(runners().source.columns[1].lower(), "id").select(lambda r: (r.name.lower(), r.id))
    assert query.position_of(("ann", 7)) == ("ann", 7)
