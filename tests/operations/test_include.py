"""Loading related rows, as statements of both dialects and on a real SQLite."""

import gc
from typing import Annotated

import pytest

from ferro.caches import cache_info
from ferro.dialects import postgres, sqlite
from ferro.fields import Field, ForeignKey, ManyToMany
from ferro.instance.related import forget_related, related_to
from ferro.instance.siblings import siblings_of
from ferro.model import ModelBase
from ferro.operations import include, read, relations
from ferro.query.builder import QueryBase
from ferro.query.dialect import Result
from ferro.schema.registry import table_of


class Shop(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    shelves: list["Shelf"] | None = Field(default=None, back_ref=True)


class Shelf(ModelBase):
    row: int = Field(primary_key=True)
    side: str = Field(primary_key=True)
    shop: Annotated[Shop, ForeignKey(related_name="shelves")]
    things: list["Thing"] | None = Field(default=None, back_ref=True)
    labels: Annotated[list["Label"], ManyToMany(related_name="shelves")] = None


class Thing(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    price: int = 0
    shelf: Annotated[Shelf, ForeignKey(related_name="things", unique=False)]


class Label(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    shelves: list["Shelf"] | None = Field(default=None, back_ref=True)


def query(model):
    return QueryBase(model, table_of(model))


def asked(model, path, owners, dialect):
    """The first statement that loads a relation of some instances."""
    return next(include.load_all(owners, query(model).include(path).includes, dialect))


def shelf(row, side, shop=1):
    return Shelf.model_construct(row=row, side=side, shop_id=shop)


def test_forward_each_key_is_asked_for_once():
    owners = [shelf(1, "a"), shelf(2, "a"), shelf(3, "a", shop=7)]
    statement = asked(Shelf, "shop", owners, sqlite)
    assert (statement.sql, list(statement.params)) == (
        'SELECT "shop"."id" FROM "shop" WHERE "shop"."id" IN (?, ?)',
        [1, 7],
    )
    statement = asked(Shelf, "shop", owners, postgres)
    assert statement.sql == 'SELECT "shop"."id" FROM "shop" WHERE "shop"."id" = ANY($1)'
    assert list(statement.params) == [[1, 7]]


def test_nothing_is_asked_where_no_key_leads_anywhere(finish):
    lost = shelf(1, "a", shop=None)
    with pytest.raises(StopIteration):
        next(include.load_all([lost], query(Shelf).include("shop").includes, sqlite))
    assert related_to(lost)["shop"].value is None
    with pytest.raises(StopIteration):
        next(include.load_all([], query(Shelf).include("shop.shelves").includes, sqlite))


def test_the_text_is_the_same_for_any_number_of_keys():
    many = [Shop.model_construct(id=number) for number in range(1000)]
    more = [Shop.model_construct(id=number) for number in range(5000)]
    for dialect in (sqlite, postgres):
        assert asked(Shop, "shelves", many, dialect).sql == asked(Shop, "shelves", more, dialect).sql
    assert len(asked(Shop, "shelves", more, sqlite).params) == 1


def test_composite_keys_are_one_value_each_column_or_one_in_all():
    owners = [shelf(1, "a"), shelf(2, "it's")]
    statement = asked(Shelf, "things", owners, postgres)
    assert statement.sql == (
        'SELECT "thing"."id", "thing"."price", "thing"."shelf_row", "thing"."shelf_side" FROM "thing" WHERE '
        '("thing"."shelf_row", "thing"."shelf_side") IN '
        "(SELECT * FROM unnest(CAST($1 AS bigint[]), CAST($2 AS text[])))"
    )
    assert list(statement.params) == [[1, 2], ["a", "it's"]]
    statement = asked(Shelf, "things", owners, sqlite)
    assert statement.sql == (
        'SELECT "thing"."id", "thing"."price", "thing"."shelf_row", "thing"."shelf_side" FROM "thing" WHERE '
        '("thing"."shelf_row", "thing"."shelf_side") IN '
        "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"
    )
    assert list(statement.params) == ['[[1, "a"], [2, "it\'s"]]']


def test_a_limit_counts_the_rows_of_each_owner():
    path = lambda s: s.shelves.where(lambda one: one.side != "x").order_by("-row").offset(1).limit(2)  # noqa: E731
    statement = asked(Shop, path, [Shop.model_construct(id=1)], postgres)
    assert statement.sql == (
        'SELECT "chosen"."c0", "chosen"."c1", "chosen"."c2" FROM (SELECT "shelf"."row" AS "c0", "shelf"."side" AS "c1", '
        '"shelf"."shop_id" AS "c2", ROW_NUMBER() OVER (PARTITION BY "shelf"."shop_id" ORDER BY "shelf"."row" '
        'DESC) AS "c3" FROM "shelf" WHERE "shelf"."shop_id" = ANY($1) AND "shelf"."side" <> $2) AS "chosen" '
        'WHERE "chosen"."c3" > $3 AND "chosen"."c3" <= $4 ORDER BY "chosen"."c3"'
    )
    assert list(statement.params) == [[1], "x", 1, 3]


def test_linked_rows_come_with_the_key_of_their_owner():
    statement = asked(Shelf, lambda s: s.labels.limit(1), [shelf(1, "a")], postgres)
    assert statement.sql == (
        'SELECT "chosen"."c0", "chosen"."c1", "chosen"."c2" FROM (SELECT "shelf_labels"."shelf_row" AS "c0", '
        '"shelf_labels"."shelf_side" AS "c1", "label"."id" AS "c2", ROW_NUMBER() OVER (PARTITION BY '
        '"shelf_labels"."shelf_row", "shelf_labels"."shelf_side") AS "c3" FROM "label" JOIN "shelf_labels" ON '
        '"shelf_labels"."label_id" = "label"."id" WHERE ("shelf_labels"."shelf_row", "shelf_labels"."shelf_side") IN '
        '(SELECT * FROM unnest(CAST($1 AS bigint[]), CAST($2 AS text[])))) AS "chosen" '
        'WHERE "chosen"."c3" <= $3 ORDER BY "chosen"."c3"'
    )


def test_a_row_linked_twice_is_made_once(finish):
    owners = [shelf(1, "a"), shelf(2, "b")]
    steps = include.load_all(owners, query(Shelf).include("labels").includes, sqlite)
    next(steps)
    finish(steps, Result([(1, "a", 5), (2, "b", 5), (2, "b", 6)], 3))
    one, other = (related_to(owner)["labels"].value for owner in owners)
    assert [label.id for label in other] == [5, 6]
    assert one[0] is other[0]


def test_instances_of_one_result_know_each_other_where_that_is_wanted(database):
    database.create(Shop, Shelf)
    database.raw.executescript("INSERT INTO shop VALUES (1), (2); INSERT INTO shelf VALUES (1, 'a', 1), (2, 'a', 1)")
    asking = query(Shop).include("shelves").order_by("id")
    plain = database.run(read.fetch_all(asking, sqlite))
    assert siblings_of(plain[0]) == [plain[0]]
    asking.siblings = True
    shops = database.run(read.fetch_all(asking, sqlite))
    assert [id(one) for one in siblings_of(shops[0])] == [id(one) for one in shops]
    assert len(siblings_of(related_to(shops[0])["shelves"].value[0])) == 2


def three_shops(database):
    """A query for shops with their shelves: two, one and none."""
    database.create(Shop, Shelf)
    database.raw.executescript(
        "INSERT INTO shop VALUES (1), (2), (3); INSERT INTO shelf VALUES (1, 'a', 1), (2, 'a', 1), (3, 'a', 2)"
    )
    asking = query(Shop).include("shelves").order_by("id")
    asking.siblings = True
    return asking


def test_rows_that_belong_to_others_know_each_other_as_long_as_somebody_holds_them(database):
    asking = three_shops(database)
    shops = database.run(read.fetch_all(asking, sqlite))
    first, second, third = (row for shop in shops for row in related_to(shop)["shelves"].value)
    assert [one.row for one in siblings_of(third)] == [1, 2, 3]
    del shops, first, second
    gc.collect()
    # Of the first shop nobody holds anything any more.
    assert siblings_of(third) == [third]


def test_rows_that_forget_whom_they_belong_to_know_each_other_still(database):
    asking = three_shops(database)
    for end in ("shelves", "shops"):
        shops = database.run(read.fetch_all(asking, sqlite))
        shelves = [row for shop in shops for row in related_to(shop)["shelves"].value]
        assert siblings_of(shops[0]) == shops
        for one in shelves if end == "shelves" else shops:
            forget_related(one)
        del shops, one
        gc.collect()
        assert [[other.row for other in siblings_of(one)] for one in shelves] == [[1, 2, 3]] * 3


def test_what_is_loaded_for_one_is_loaded_for_its_siblings(database):
    database.create(Shop, Shelf)
    database.raw.executescript("INSERT INTO shop VALUES (1), (2); INSERT INTO shelf VALUES (1, 'a', 1), (2, 'a', 2)")
    asking = query(Shelf)
    asking.siblings = True
    shelves = database.run(read.fetch_all(asking, sqlite))
    database.statements.clear()
    database.run(relations.load_together(table_of(Shelf).relations["shop"], shelves[:1], sqlite))
    assert [related_to(one)["shop"].value.id for one in shelves] == [1, 2]
    assert len(database.sent) == 1


def test_what_is_loaded_for_one_is_loaded_for_those_that_belong_to_others_with_it(database):
    database.create(Shop, Shelf, Thing)
    database.raw.executescript(
        "INSERT INTO shop VALUES (1), (2); INSERT INTO shelf VALUES (1, 'a', 1), (2, 'a', 1), (3, 'a', 2);"
        "INSERT INTO thing VALUES (7, 5, 1, 'a'), (8, 5, 3, 'a')"
    )
    asking = query(Shop).include("shelves").order_by("id")
    asking.siblings = True
    shops = database.run(read.fetch_all(asking, sqlite))
    shelves = [row for shop in shops for row in related_to(shop)["shelves"].value]
    database.statements.clear()
    database.run(relations.load_together(table_of(Shelf).relations["things"], shelves[1:2], sqlite))
    assert [[thing.id for thing in related_to(one)["things"].value] for one in shelves] == [[7], [], [8]]
    assert len(database.sent) == 1


@pytest.mark.parametrize("path", ["shelves", lambda s: s.shelves.where(lambda f: f.row > 0)], ids=["all", "some"])
def test_a_relation_that_is_loaded_again_makes_no_statement_anew(database, path):
    three_shops(database)
    asking = query(Shop).include(path).order_by("id")
    database.run(read.fetch_all(asking, sqlite))
    before = cache_info()
    for _ in range(3):
        database.run(read.fetch_all(asking, sqlite))
    after = cache_info()
    known = "rows back along foreign keys"
    assert after["statements"].misses == before["statements"].misses
    assert after[known].misses == before[known].misses
    assert after[known].hits - before[known].hits == (3 if path == "shelves" else 0)
