"""Arrays and ranges in conditions and changes: as SQL, and what is refused."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ferro import Field, ModelBase, QueryError, Range
from ferro.dialects import postgres, sqlite
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.ddl import create_table
from ferro.schema.registry import active, declared, table_of


class Room(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    tags: list[str] = Field(default_factory=list, db_type="array")
    counts: list[int | None] | None = Field(default=None, db_type="array")
    prices: set[Decimal] = Field(default_factory=set, db_type="array")
    words: list[str] = Field(default_factory=list)
    seats: Range[int] | None = None
    cost: Range[Decimal] = Field(default_factory=Range)
    days: Range[date] = Field(default_factory=Range)


for known in (declared, active):
    known.pop("Room")

rooms: QueryBase[Any] = QueryBase(Room, table_of(Room))


def where(predicate: Any, dialect: Any) -> tuple[str, list[Any]]:
    found = compile(rooms.select("id").where(predicate).select_statement(), dialect)
    return found.sql.partition(" WHERE ")[2].replace('"room".', ""), list(found.params)


@pytest.mark.parametrize(
    ("predicate", "on_postgres", "on_sqlite"),
    [
        (
            lambda r: r.tags == ["a", "b"],
            ('"tags" = $1', ['{"a","b"}']),
            ('"tags" COLLATE "ferro_array" = ?', ['["a","b"]']),
        ),
        (
            lambda r: r.tags.contains(["a"]),
            ('"tags" @> CAST($1 AS text[])', ['{"a"}']),
            ('"ferro_array_contains"("tags", ?)', ['["a"]']),
        ),
        (
            lambda r: r.tags.contained_by(("a",)),
            ('"tags" <@ CAST($1 AS text[])', ['{"a"}']),
            ('"ferro_array_contained_by"("tags", ?)', ['["a"]']),
        ),
        (
            lambda r: r.prices.overlaps({Decimal(10), Decimal("9.0")}),
            ('"prices" && CAST($1 AS numeric[])', ["{9.0,10}"]),
            ('"ferro_array_overlaps_decimal"("prices", ?)', ['["9.0","10"]']),
        ),
        (
            lambda r: r.counts.has(3),
            ('"counts" @> ARRAY[CAST($1 AS bigint)]', [3]),
            ('"ferro_array_has"("counts", ?)', [3]),
        ),
        (
            lambda r: r.counts.has(r.id),
            ('"counts" @> ARRAY["id"]', []),
            ('"ferro_array_has"("counts", "id")', []),
        ),
        (lambda r: r.tags.length() > 1, ('cardinality("tags") > $1', [1]), ('"ferro_array_length"("tags") > ?', [1])),
        (
            lambda r: r.counts[0] == 5,
            ('("counts")[CAST($1 AS bigint) + 1] = $2', [0, 5]),
            ('"ferro_array_item"("counts", ?) = ?', [0, 5]),
        ),
        (
            lambda r: r.counts[-1] == 5,
            ('("counts")[cardinality("counts") + CAST($1 AS bigint) + 1] = $2', [-1, 5]),
            ('"ferro_array_item_from_end"("counts", ?) = ?', [-1, 5]),
        ),
        (
            lambda r: r.counts.in_([[1], [2, None]]),
            (
                '"counts" = ANY(SELECT CAST(given AS bigint[]) FROM unnest(CAST($1 AS text[])) AS given)',
                [["{1}", "{2,NULL}"]],
            ),
            ('"counts" COLLATE "ferro_array" IN (?, ?)', ["[1]", "[2,null]"]),
        ),
        (
            lambda r: r.seats.contains(3),
            ('"seats" @> CAST($1 AS bigint)', [3]),
            ('"ferro_range_has"("seats", ?)', [3]),
        ),
        (
            lambda r: r.seats.contains(Range(1, 3, "[]")),
            ('"seats" @> CAST($1 AS int8range)', ["[1,4)"]),
            ('"ferro_range_contains"("seats", ?)', ['{"lower":1,"upper":4,"bounds":"[)"}']),
        ),
        (
            lambda r: r.cost.contained_by(Range(Decimal("1.50"))),
            ('"cost" <@ CAST($1 AS numrange)', ["[1.50,)"]),
            ('"ferro_range_contained_by_decimal"("cost", ?)', ['{"lower":"1.50","upper":null,"bounds":"[)"}']),
        ),
        (
            lambda r: r.days.overlaps(Range(date(2024, 1, 1), date(2024, 1, 1), "[]")),
            ('"days" && CAST($1 AS daterange)', ['["2024-01-01","2024-01-02")']),
            ('"ferro_range_overlaps"("days", ?)', ['{"lower":"2024-01-01","upper":"2024-01-02","bounds":"[)"}']),
        ),
        (
            lambda r: r.seats.adjacent_to(Range[int].empty()),
            ('"seats" -|- CAST($1 AS int8range)', ["empty"]),
            ('"ferro_range_adjacent_to"("seats", ?)', ['{"empty":true}']),
        ),
        (
            lambda r: r.seats.left_of(Range(1)) & ~r.seats.right_of(r.seats),
            ('"seats" << CAST($1 AS int8range) AND NOT ("seats" >> "seats")', ["[1,)"]),
            (
                '"ferro_range_left_of"("seats", ?) AND NOT "ferro_range_right_of"("seats", "seats")',
                ['{"lower":1,"upper":null,"bounds":"[)"}'],
            ),
        ),
        (
            lambda r: (r.seats.lower() == 1) | r.days.is_empty(),
            ('lower("seats") = $1 OR isempty("days")', [1]),
            ('"ferro_range_lower"("seats") = ? OR "ferro_range_is_empty"("days")', [1]),
        ),
    ],
)
def test_each_operator_has_its_sql(predicate, on_postgres, on_sqlite):
    assert where(predicate, postgres) == on_postgres
    assert where(predicate, sqlite) == on_sqlite


def test_arrays_are_changed_by_the_database():
    first, last = [0], [None]

    def recipe(r):
        return {"counts": first + r.counts + last, "tags": r.tags.append("new").remove("old")}

    changed = rooms.update_statement(recipe)
    assert compile(changed, postgres).sql == (
        'UPDATE "room" SET "counts"=((CAST($1 AS bigint[]) || "room"."counts") || CAST($2 AS bigint[])),'
        '"tags"=array_remove(array_append("room"."tags", CAST($3 AS text)), CAST($4 AS text))'
    )
    assert compile(changed, sqlite).sql == (
        'UPDATE "room" SET "counts"="ferro_array_concat"("ferro_array_concat"(?, "room"."counts"), ?),'
        '"tags"="ferro_array_remove"("ferro_array_append"("room"."tags", ?), ?)'
    )
    assert list(compile(changed, postgres).params) == ["{0}", "{NULL}", "new", "old"]


def test_the_columns_of_arrays_and_ranges_have_types_of_their_own_on_postgresql():
    on_postgres, on_sqlite = create_table(table_of(Room), postgres)[0], create_table(table_of(Room), sqlite)[0]
    for line in (
        '"tags" text[] NOT NULL',
        '"counts" bigint[],',
        '"prices" numeric[]',
        '"words" jsonb',
        '"seats" int8range,',
    ):
        assert line in on_postgres
    assert '"cost" numrange' in on_postgres and '"days" daterange' in on_postgres
    assert on_sqlite.count("json_text") == 7


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        (lambda r: r.tags.has(3), "room.tags: expected str, got 3"),
        (lambda r: r.tags.has(None), "room.tags: None has no place here; use == None or is_null()"),
        (lambda r: r.tags.contains("a"), "room.tags: expected list[str], got 'a'"),
        (lambda r: r.counts.contains([1, "x"]), "room.counts: element 1: expected int, got 'x'"),
        (lambda r: r.tags == ["a", None], "room.tags: element 1 is None, and those of list[str] never are"),
        (lambda r: r.tags < ["a"], "< has no meaning for room.tags: a list[str] has no order"),
        (
            lambda r: r.tags.overlaps(r.counts),
            "room.tags overlaps room.counts: a list[str] and a list[int | None] do not go together",
        ),
        (lambda r: r.tags.has(r.id), "room.tags has room.id: an int is no element of a list[str]"),
        (
            lambda r: r.tags[0:1] == "a",
            "room.tags[slice(0, 1, None)]: an element is found by a whole number, from 0, or from -1 for the last one",
        ),
        (
            lambda r: r.prices[0] == 1,
            "[...] has no meaning for room.prices: a set[Decimal] has no order; change it on an instance",
        ),
        (lambda r: r.words.has("a"), "has has no meaning for room.words: it is a list[str]"),
        (lambda r: r.id.overlaps(1), "overlaps has no meaning for room.id: it is an int"),
        (lambda r: r.seats.contains("x"), "room.seats: expected int, got 'x'"),
        (
            lambda r: r.seats.contains(r.days),
            "room.seats contains room.days: a Range[int] and a Range[date] do not go together",
        ),
        (lambda r: r.seats.overlaps(3), "room.seats: expected Range[int], got 3"),
        (lambda r: r.cost == Range(1, 2), "room.cost: expected Range[Decimal], got Range(1, 2)"),
        (lambda r: r.seats > Range(1), "> has no meaning for room.seats: a Range[int] has no order"),
    ],
)
def test_what_does_not_fit_is_refused_while_the_query_is_built(predicate, message):
    with pytest.raises(QueryError) as refusal:
        rooms.where(predicate)
    assert str(refusal.value) == message


@pytest.mark.parametrize("name", ["tags", "seats"])
def test_arrays_and_ranges_are_no_order(name):
    with pytest.raises(QueryError, match=f"room.{name} cannot be sorted by"):
        compile(rooms.order_by(name).select_statement(), sqlite)
