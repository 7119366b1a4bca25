"""Forward relations that come with the rows of a query: the statements, and which queries they are not for."""

from datetime import date
from typing import Annotated, Any

import pytest

from ferro import count, exists, lower, raw, row_number, search
from ferro.dialects import postgres, sqlite
from ferro.errors import DataError, MultipleRowsFound
from ferro.fields import Field, ForeignKey
from ferro.instance.related import related_to
from ferro.instance.siblings import siblings_of
from ferro.model import ModelBase
from ferro.operations import explain, joined, read
from ferro.query.dialect import Result
from ferro.query.trees import TreeQuery
from ferro.rules import Search
from ferro.schema.registry import table_of


class Land(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    name: str


class Bard(ModelBase):
    __ferro_search__ = Search("name")

    id: int | None = Field(default=None, primary_key=True)
    name: str
    land: Annotated["Land | None", ForeignKey(related_name="bards")] = None
    ballads: list["Ballad"] | None = Field(default=None, back_ref=True)
    portrait: "Likeness | None" = Field(default=None, back_ref=True)


class Likeness(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    bard: Annotated[Bard, ForeignKey(related_name="portrait", unique=True)]


class Ballad(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    bard: Annotated[Bard, ForeignKey(related_name="ballads")]
    editor: Annotated["Bard | None", ForeignKey(related_name="edited")] = None


class Crown(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    made: date


class Reign(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    crown: Annotated[Crown, ForeignKey(related_name="reigns")]
    seal: Annotated["Seal | None", ForeignKey(related_name="reigns")] = None


class Seal(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    drawn: bytes


class Hall(ModelBase):
    row: int = Field(primary_key=True)
    side: str = Field(primary_key=True)
    beside: Annotated["Hall | None", ForeignKey(related_name="others", unique=False)] = None


def query(model: type) -> TreeQuery[Any, Any]:
    return TreeQuery(model, table_of(model))


def ballads() -> TreeQuery[Any, Any]:
    return query(Ballad)


def asked(wanted, dialect=sqlite, verb=read.fetch_all):
    """The first statement of a query: its text and its values."""
    statement = next(verb(wanted, dialect))
    return statement.sql, list(statement.params)


OWN = '"ballad"."id", "ballad"."name", "ballad"."bard_id", "ballad"."editor_id"'


def test_a_page_chooses_its_rows_and_then_joins_what_they_lead_to():
    page = (
        ballads().where(lambda p: p.name != "x").order_by("-name").limit(20).offset(40).include("bard.land", "editor")
    )
    columns = (
        f'{OWN}, "ballad.bard"."id", "ballad.bard"."name", "ballad.bard"."land_id", "ballad.bard.land"."id", '
        '"ballad.bard.land"."name", "ballad.editor"."id", "ballad.editor"."name", "ballad.editor"."land_id"'
    )
    text, values = asked(page)
    assert values == ["x", 20, 40]
    assert text == (
        f'SELECT {columns} FROM (SELECT {OWN} FROM "ballad" WHERE "ballad"."name" <> ? '
        'ORDER BY "ballad"."name" DESC LIMIT ? OFFSET ?) AS "ballad" '
        'LEFT JOIN "bard" AS "ballad.bard" ON "ballad.bard"."id" = "ballad"."bard_id" '
        'LEFT JOIN "land" AS "ballad.bard.land" ON "ballad.bard.land"."id" = "ballad.bard"."land_id" '
        'LEFT JOIN "bard" AS "ballad.editor" ON "ballad.editor"."id" = "ballad"."editor_id" '
        'ORDER BY "ballad"."name" DESC'
    )
    text, values = asked(page, postgres)
    assert values == ["x", 20, 40]
    assert text == (
        f'SELECT {columns} FROM (SELECT {OWN} FROM "ballad" WHERE "ballad"."name" <> $1 '
        'ORDER BY "ballad"."name" DESC LIMIT $2 OFFSET $3) AS "ballad" '
        'LEFT JOIN LATERAL (SELECT "ballad.bard"."id", "ballad.bard"."name", "ballad.bard"."land_id" '
        'FROM "bard" AS "ballad.bard" WHERE "ballad.bard"."id" = "ballad"."bard_id" LIMIT 1) '
        'AS "ballad.bard" ON TRUE '
        'LEFT JOIN LATERAL (SELECT "ballad.bard.land"."id", "ballad.bard.land"."name" '
        'FROM "land" AS "ballad.bard.land" WHERE '
        '"ballad.bard.land"."id" = "ballad.bard"."land_id" LIMIT 1) AS "ballad.bard.land" ON TRUE '
        'LEFT JOIN LATERAL (SELECT "ballad.editor"."id", "ballad.editor"."name", "ballad.editor"."land_id" '
        'FROM "bard" AS "ballad.editor" WHERE '
        '"ballad.editor"."id" = "ballad"."editor_id" LIMIT 1) AS "ballad.editor" ON TRUE '
        'ORDER BY "ballad"."name" DESC'
    )


@pytest.mark.parametrize(("verb", "rows"), [(read.fetch_first, 1), (read.fetch_one, 2), (read.fetch_one_or_none, 2)])
def test_first_and_one_read_few_rows_whatever_the_query_says(verb, rows):
    known = ballads().where(lambda p: p.id == 7).include("editor")
    columns = f'{OWN}, "ballad.editor"."id", "ballad.editor"."name", "ballad.editor"."land_id"'
    text, values = asked(known, sqlite, verb)
    assert values == [7, rows]
    assert text == (
        f'SELECT {columns} FROM (SELECT {OWN} FROM "ballad" WHERE "ballad"."id" = ? LIMIT ?) AS "ballad" '
        'LEFT JOIN "bard" AS "ballad.editor" ON "ballad.editor"."id" = "ballad"."editor_id"'
    )
    text, values = asked(known, postgres, verb)
    assert values == [7, rows]
    assert text == (
        f'SELECT {columns} FROM (SELECT {OWN} FROM "ballad" WHERE "ballad"."id" = $1 LIMIT $2) AS "ballad" '
        'LEFT JOIN LATERAL (SELECT "ballad.editor"."id", "ballad.editor"."name", "ballad.editor"."land_id" '
        'FROM "bard" AS "ballad.editor" WHERE '
        '"ballad.editor"."id" = "ballad"."editor_id" LIMIT 1) AS "ballad.editor" ON TRUE'
    )
    assert "JOIN" not in asked(known)[0]


def test_the_conditions_of_an_include_stand_in_its_join():
    chosen = ballads().include(lambda p: p.bard.where(lambda a: a.name == "Ann").filter_by(land=5)).limit(3)
    columns = f'{OWN}, "ballad.bard"."id", "ballad.bard"."name", "ballad.bard"."land_id"'
    text, values = asked(chosen)
    assert values == [3, "Ann", 5]
    assert text == (
        f'SELECT {columns} FROM (SELECT {OWN} FROM "ballad" LIMIT ?) AS "ballad" LEFT JOIN "bard" AS "ballad.bard" ON '
        '"ballad.bard"."id" = "ballad"."bard_id" AND "ballad.bard"."name" = ? AND "ballad.bard"."land_id" = ?'
    )
    text, values = asked(chosen, postgres)
    assert values == [3, "Ann", 5]
    assert text == (
        f'SELECT {columns} FROM (SELECT {OWN} FROM "ballad" LIMIT $1) AS "ballad" '
        'LEFT JOIN LATERAL (SELECT "ballad.bard"."id", "ballad.bard"."name", "ballad.bard"."land_id" '
        'FROM "bard" AS "ballad.bard" WHERE "ballad.bard"."id" = "ballad"."bard_id" '
        'AND "ballad.bard"."name" = $2 AND "ballad.bard"."land_id" = $3 LIMIT 1) AS "ballad.bard" ON TRUE'
    )


def test_composite_keys_and_a_table_that_leads_to_itself():
    halls = query(Hall).order_by("row").limit(2).include("beside.beside")
    columns = (
        '"hall"."row", "hall"."side", "hall"."beside_row", "hall"."beside_side", "hall.beside"."row", '
        '"hall.beside"."side", "hall.beside"."beside_row", "hall.beside"."beside_side", "hall.beside.beside"."row", '
        '"hall.beside.beside"."side", "hall.beside.beside"."beside_row", "hall.beside.beside"."beside_side"'
    )
    own = '"hall"."row", "hall"."side", "hall"."beside_row", "hall"."beside_side"'
    assert asked(halls)[0] == (
        f'SELECT {columns} FROM (SELECT {own} FROM "hall" ORDER BY "hall"."row" LIMIT ?) AS "hall" '
        'LEFT JOIN "hall" AS "hall.beside" ON "hall.beside"."row" = "hall"."beside_row" AND '
        '"hall.beside"."side" = "hall"."beside_side" '
        'LEFT JOIN "hall" AS "hall.beside.beside" ON "hall.beside.beside"."row" = "hall.beside"."beside_row" AND '
        '"hall.beside.beside"."side" = "hall.beside"."beside_side" ORDER BY "hall"."row"'
    )
    assert asked(halls, postgres)[0] == (
        f'SELECT {columns} FROM (SELECT {own} FROM "hall" ORDER BY "hall"."row" LIMIT $1) AS "hall" '
        'LEFT JOIN LATERAL (SELECT "hall.beside"."row", "hall.beside"."side", "hall.beside"."beside_row", '
        '"hall.beside"."beside_side" '
        'FROM "hall" AS "hall.beside" WHERE "hall.beside"."row" = "hall"."beside_row" AND '
        '"hall.beside"."side" = "hall"."beside_side" LIMIT 1) AS "hall.beside" ON TRUE '
        'LEFT JOIN LATERAL (SELECT "hall.beside.beside"."row", "hall.beside.beside"."side", '
        '"hall.beside.beside"."beside_row", "hall.beside.beside"."beside_side" '
        'FROM "hall" AS "hall.beside.beside" WHERE '
        '"hall.beside.beside"."row" = "hall.beside"."beside_row" AND '
        '"hall.beside.beside"."side" = "hall.beside"."beside_side" LIMIT 1) AS "hall.beside.beside" ON TRUE '
        'ORDER BY "hall"."row"'
    )


def test_a_way_that_the_rows_are_sorted_along_is_joined_once_more_and_serves_both():
    page = ballads().order_by(lambda p: p.bard.land.name).limit(2).include("bard")
    assert asked(page)[0] == (
        f'SELECT {OWN}, "ballad.bard"."id", "ballad.bard"."name", "ballad.bard"."land_id" FROM (SELECT {OWN} FROM "ballad" '
        'JOIN "bard" AS "ballad.bard" ON "ballad.bard"."id" = "ballad"."bard_id" '
        'LEFT JOIN "land" AS "ballad.bard.land" ON "ballad.bard.land"."id" = "ballad.bard"."land_id" '
        'ORDER BY "ballad.bard.land"."name" NULLS LAST LIMIT ?) AS "ballad" '
        'LEFT JOIN "bard" AS "ballad.bard" ON "ballad.bard"."id" = "ballad"."bard_id" '
        'LEFT JOIN "land" AS "ballad.bard.land" ON "ballad.bard.land"."id" = "ballad.bard"."land_id" '
        'ORDER BY "ballad.bard.land"."name" NULLS LAST'
    )


def test_the_rows_before_a_position_are_asked_for_backwards_inside_and_outside():
    page = ballads().order_by("id").before((9,)).limit(2).include("bard")
    text, values = asked(page)
    assert values == [9, 2]
    assert text.endswith(
        'WHERE "ballad"."id" < ? ORDER BY "ballad"."id" DESC LIMIT ?) AS "ballad" '
        'LEFT JOIN "bard" AS "ballad.bard" ON "ballad.bard"."id" = "ballad"."bard_id" ORDER BY "ballad"."id" DESC'
    )


@pytest.mark.parametrize(
    "wanted",
    [
        lambda q: q.include("bard"),
        lambda q: q.limit(51).include("bard"),
        lambda q: q.offset(5).include("bard"),
        lambda q: q.limit(5).for_update().include("bard"),
        lambda q: q.limit(5).distinct().include("bard"),
        lambda q: q.limit(5).distinct_on("name").include("bard"),
        lambda q: q.union(ballads()).limit(5).include("bard"),
        lambda q: q.limit(5).order_by(lambda p: raw("name")).include("bard"),
        lambda q: q.limit(5).order_by(lambda p: lower(raw("name", returns=str))).include("bard"),
        lambda q: q.limit(5).order_by(lambda p: row_number().over(order_by=p.id)).include("bard"),
        lambda q: q.limit(5).include(lambda p: p.bard.where(lambda a: raw("name = 'Ann'", returns=bool))),
        lambda q: q.limit(5).include(lambda p: p.bard.where(lambda a: a.land.name == "here")),
        lambda q: q.limit(5).include(lambda p: p.bard.where(lambda a: a.ballads.any())),
        lambda q: q.limit(5).include(
            lambda p: p.bard.where(lambda a: exists(query(Land).where(lambda land: land.id == a.land_id)))
        ),
        lambda q: q.limit(5).include(lambda p: p.bard.where(lambda a: a.land_id.in_(query(Land).select("id")))),
        lambda q: q.limit(5).include(lambda p: p.bard.where(lambda a: search(a, "ann"))),
        lambda q: q.limit(5).include(lambda p: p.bard.where(lambda a: count() > 1)),
        lambda q: q.limit(5).order_by(lambda p: p.bard.name).include(lambda p: p.bard.where(lambda a: a.id > 3)),
    ],
)
def test_other_queries_load_it_with_a_statement_of_its_own(wanted):
    for dialect in (sqlite, postgres):
        alone = wanted(ballads())
        assert asked(alone, dialect)[0] == asked(alone._with(includes=()), dialect)[0]


def test_only_what_a_foreign_key_leads_to_is_joined():
    for path in ("ballads", "portrait", "ballads.editor"):
        assert "JOIN" not in asked(query(Bard).limit(1).include(path))[0]
    text, _ = asked(query(Bard).limit(1).include("land", "portrait"))
    assert text.count("JOIN") == 1 and '"bard.land"' in text


def test_bytes_are_not_sent_again_for_each_row_that_leads_to_them():
    text, _ = asked(query(Reign).limit(5).include("crown", "seal"))
    assert text.count("JOIN") == 1 and '"reign.crown"' in text


def test_more_relations_than_a_planner_takes_as_they_stand_are_loaded_one_by_one():
    def along(steps: int) -> str:
        return asked(query(Hall).limit(1).include(".".join(["beside"] * steps)))[0]

    assert along(7).count("JOIN") == 7
    assert along(8).count("JOIN") == 0


def test_rows_that_would_be_too_wide_for_a_database_are_not_joined(monkeypatch):
    monkeypatch.setattr(joined, "MOST_COLUMNS", 7)
    assert asked(ballads().limit(1).include("bard"))[0].count("JOIN") == 1
    assert asked(ballads().limit(1).include("bard", "editor"))[0].count("JOIN") == 0


def test_what_is_shown_is_what_is_sent():
    page = ballads().order_by("id").limit(2).include("bard")
    assert asked(page, verb=explain.explain)[0] == f"EXPLAIN QUERY PLAN {asked(page)[0]}"


def test_wide_rows_become_instances_that_share_what_they_lead_to(finish):
    steps = read.fetch_all(ballads().limit(3).include("bard.land"), sqlite)
    next(steps)
    ann = (5, "Ann", 8, 8, "here")
    rows = [(1, "a", 5, None, *ann), (2, "b", 5, None, *ann), (3, "c", 6, None, 6, "Bob", None, None, None)]
    one, two, three = finish(steps, Result(rows, 3))
    assert [vars(one), vars(three)] == [
        {"id": 1, "name": "a", "bard_id": 5, "editor_id": None},
        {"id": 3, "name": "c", "bard_id": 6, "editor_id": None},
    ]
    bards = [related_to(ballad)["bard"] for ballad in (one, two, three)]
    assert [(kept.key, kept.value.name) for kept in bards] == [(5, "Ann"), (5, "Ann"), (6, "Bob")]
    assert bards[0].value is bards[1].value
    lands = [related_to(kept.value)["land"] for kept in bards]
    assert [(kept.key, kept.value and vars(kept.value)) for kept in lands] == [
        (8, {"id": 8, "name": "here"}),
        (8, {"id": 8, "name": "here"}),
        (None, None),
    ]
    assert "editor" not in related_to(one)


def test_what_rows_lead_to_know_each_other_where_that_is_wanted(finish):
    asking = ballads().limit(2).include("bard")
    rows = [(1, "a", 5, None, 5, "Ann", None), (2, "b", 6, None, 6, "Bob", None)]
    for wanted in (False, True):
        asking.siblings = wanted
        steps = read.fetch_all(asking, sqlite)
        next(steps)
        found = finish(steps, Result(rows, 2))
        bards = [related_to(ballad)["bard"].value for ballad in found]
        assert siblings_of(found[0]) == (found if wanted else found[:1])
        assert siblings_of(bards[0]) == (bards if wanted else bards[:1])


def test_two_rows_where_one_is_allowed_are_an_error_before_more_is_asked():
    steps = read.fetch_one(query(Bard).include("land", "ballads"), sqlite)
    next(steps)
    with pytest.raises(MultipleRowsFound, match="more than one Bard matches"):
        steps.send(Result([(1, "Ann", None, None, None), (2, "Bob", None, None, None)], 2))


def test_a_value_that_cannot_be_read_is_named_by_the_column_it_is_of():
    steps = read.fetch_all(query(Reign).limit(2).include("crown"), sqlite)
    next(steps)
    with pytest.raises(DataError, match=r"^Crown\.made: the database holds 'once', which is no date: "):
        steps.send(Result([(1, 4, None, 4, "2000-01-01"), (2, 5, None, 5, "once")], 2))
