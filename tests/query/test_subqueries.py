"""Queries inside of queries: as SQL, as rows on both databases, and what is refused."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from ferro.dialects import postgres, sqlite
from ferro.errors import QueryError
from ferro.query.builder import QueryBase
from ferro.query.cases import case, when
from ferro.query.compiler import cache, compile
from ferro.query.ddl import create_table
from ferro.query.functions import coalesce, count, max_, sum_
from ferro.query.statements import Insert
from ferro.query.subqueries import exists, scalar
from ferro.schema.table import Column, Table
from ferro.types import column_type


class Gift:
    """The model of the second table."""


GIFT = Table(
    "gift",
    Gift,
    (
        Column("id", "id", column_type(int), primary_key=True),
        Column("person_id", "person_id", column_type(int), nullable=True),
        Column("worth", "worth", column_type(Decimal), nullable=True),
        Column("name", "name", column_type(str)),
    ),
)
GIFTS: list[list[Any]] = [
    [1, 1, Decimal("9.50"), "book"],
    [2, 1, Decimal(100), "chair"],
    [3, 2, Decimal("20.5"), "book"],
    [4, None, None, "pen"],
]


@pytest.fixture
def gifts() -> QueryBase[Any]:
    return QueryBase(Gift, GIFT)


@pytest.fixture
def filled(database, gifts):
    for sql in create_table(GIFT, database.dialect):
        database.fetch(sql, ())
    database.run(Insert(gifts.source, GIFT.columns, GIFTS))
    return database


def test_in_takes_a_query_of_one_column(condition, gifts):
    cheap = gifts.where(lambda g: g.worth < 10).select(lambda g: g.person_id)
    assert condition(lambda p: (p.age > 1) & p.id.in_(cheap.limit(5)) & (p.age < 9), postgres) == (
        (
            '"person"."age" > $1 AND "person"."id" IN '
            '(SELECT "gift"."person_id" FROM "gift" WHERE "gift"."worth" < $2 LIMIT $3) AND "person"."age" < $4'
        ),
        [1, Decimal(10), 5, 9],
    )
    assert condition(lambda p: p.id << cheap, sqlite) == (
        '"person"."id" IN (SELECT "gift"."person_id" FROM "gift" WHERE "gift"."worth" COLLATE "ferro_decimal" < ?)',
        ["10"],
    )


def test_not_in_leaves_the_nulls_of_the_query_out(condition, gifts):
    assert condition(lambda p: p.id.not_in(gifts.select("person_id")), sqlite)[0] == (
        '"person"."id" NOT IN (WITH "given"("value") AS (SELECT "gift"."person_id" FROM "gift")'
        ' SELECT "value" FROM "given" WHERE "value" IS NOT NULL)'
    )
    assert condition(lambda p: p.id.not_in(gifts.select("id")), postgres)[0] == (
        '"person"."id" NOT IN (SELECT "gift"."id" FROM "gift")'
    )


def test_exists_may_look_at_the_row_around_it(condition, gifts):
    def predicate(p):
        return exists(gifts.where(lambda g: (g.person_id == p.id) & (g.worth > 5))) | p.active

    assert condition(predicate, postgres) == (
        (
            'EXISTS (SELECT 1 FROM "gift" WHERE "gift"."person_id" = "person"."id" AND "gift"."worth" > $1)'
            ' OR "person"."active"'
        ),
        [Decimal(5)],
    )
    assert condition(lambda p: ~exists(gifts.limit(0)), sqlite)[0] == (
        'NOT EXISTS (SELECT 1 FROM (SELECT 1 FROM "gift" LIMIT ?) AS "found")'
    )


def test_a_scalar_is_a_value_like_any_other(people, gifts):
    def dearest(p):
        return scalar(gifts.where(lambda g: g.person_id == p.id).select(lambda g: max_(g.worth)))

    query = people.where(lambda p: dearest(p) > p.wealth).select(lambda p: (p.id, dearest(p) + 1))
    sub = '(SELECT MAX("gift"."worth") FROM "gift" WHERE "gift"."person_id" = "person"."id")'
    assert compile(query.select_statement(), postgres).sql == (
        f'SELECT "person"."id", {sub} + CAST($1 AS bigint) FROM "person" WHERE {sub} > "person"."wealth"'
    )
    sub = sub.replace('MAX("gift"."worth")', '"ferro_decimal_max"("gift"."worth")')
    assert compile(query.select_statement(), sqlite).sql == (
        f'SELECT "person"."id", "ferro_decimal_add"({sub}, ?) FROM "person"'
        f' WHERE {sub} COLLATE "ferro_decimal" > "person"."wealth"'
    )
    recipe = people.update_statement(lambda p: {"wealth": dearest(p)})
    assert compile(recipe, postgres).sql == (
        'UPDATE "person" SET "wealth"=(SELECT MAX("gift"."worth") FROM "gift" WHERE "gift"."person_id" = "person"."id")'
    )


def test_a_table_inside_a_query_of_itself_gets_an_alias(people):
    def older(p):
        return people.where(lambda o: o.age > p.age)

    query = people.where(lambda p: ~exists(older(p))).select("id")
    assert compile(query.select_statement(), sqlite).sql == (
        'SELECT "person"."id" FROM "person" WHERE NOT EXISTS '
        '(SELECT 1 FROM "person" AS "person_2" WHERE "person_2"."age" > "person"."age")'
    )
    nested = people.where(lambda p: exists(older(p).where(lambda o: exists(older(o).filter_by(id=3))))).select("id")
    assert compile(nested.select_statement(), postgres).sql == (
        'SELECT "person"."id" FROM "person" WHERE EXISTS (SELECT 1 FROM "person" AS "person_2"'
        ' WHERE "person_2"."age" > "person"."age" AND EXISTS (SELECT 1 FROM "person" AS "person_3"'
        ' WHERE "person_3"."age" > "person_2"."age" AND "person_3"."id" = $1))'
    )


def test_what_was_asked_before_goes_along_under_the_alias(people, gifts):
    begun = (
        people.where(lambda p: case(when(p.active, p.age), else_=3).in_([1, 2]))
        .where(lambda p: p.id.in_(gifts.select("person_id")) & exists(gifts.where(lambda g: g.id == p.id)))
        .order_by("-age")
        .select(lambda p: p.shoes)
    )
    query = people.where(lambda p: p.shoes.in_(begun.where(lambda o: o.id == p.id).limit(1))).select("id")
    assert compile(query.select_statement(), postgres).sql == (
        'SELECT "person"."id" FROM "person" WHERE "person"."shoes" IN (SELECT "person_2"."shoes"'
        ' FROM "person" AS "person_2"'
        ' WHERE CASE WHEN "person_2"."active" THEN "person_2"."age" ELSE $1 END = ANY($2)'
        ' AND ("person_2"."id" IN (SELECT "gift"."person_id" FROM "gift")'
        ' AND EXISTS (SELECT 1 FROM "gift" WHERE "gift"."id" = "person_2"."id"))'
        ' AND "person_2"."id" = "person"."id" ORDER BY "person_2"."age" DESC NULLS LAST LIMIT $3)'
    )
    assert '"person_2"' not in compile(begun.select_statement(), postgres).sql


def test_a_query_that_looks_at_nothing_around_it_stays_as_it_is(people):
    grown = people.where(lambda p: p.age > 18).select("id")
    query = people.where(lambda p: p.id.in_(grown)).select("id")
    assert compile(query.select_statement(), sqlite).sql == (
        'SELECT "person"."id" FROM "person" WHERE "person"."id" IN'
        ' (SELECT "person"."id" FROM "person" WHERE "person"."age" > ?)'
    )


def test_a_failing_lambda_leaves_no_row_behind(people):
    with pytest.raises(QueryError):
        people.where(lambda p: p.age == "x")
    assert '"person_2"' not in compile(people.where(lambda p: p.id == 1).select_statement(), sqlite).sql


def test_the_shape_of_a_subquery_is_part_of_the_shape(people, gifts):
    def template(count, *, more=False):
        inner = gifts.where(lambda g: g.worth > count).select("person_id")
        inner = inner.where(lambda g: g.id > 0) if more else inner
        return compile(people.where(lambda p: p.id.in_(inner)).select_statement(), sqlite)

    cache.clear()
    first, second, third = template(1), template(2), template(1, more=True)
    assert first.template is second.template
    assert (first.params, second.params) == (["1"], ["2"])
    assert third.template is not first.template
    assert third.params == ["1", 0]
    assert cache.misses == 2


def test_secrets_in_a_subquery_stay_secret(people):
    query = people.where(lambda p: p.id.in_(people.where(lambda o: o.password == "hunter2").select("id")))
    assert "hunter2" not in repr(compile(query.select_statement(), sqlite))


@pytest.mark.parametrize(
    ("predicate", "keys"),
    [
        (lambda p, g: p.id.in_(g.select("person_id")), [1, 2]),
        (lambda p, g: p.id.not_in(g.select("person_id")), [3]),
        (lambda p, g: p.id.not_in(g.where(lambda x: x.id > 99).select("person_id")), [1, 2, 3]),
        (lambda p, g: ~p.id.in_(g.where(lambda x: x.worth > 0).select("person_id")), [3]),
        (lambda p, g: p.wealth.in_(g.select("worth")), [2]),
        (lambda p, g: (p.wealth - 1).in_(g.select("worth")), [1]),
        (lambda p, g: (p.wealth - 1).not_in(g.where(lambda x: x.person_id == p.id).select("worth")), [2, 3]),
        (lambda p, g: exists(g.where(lambda x: x.person_id == p.id, lambda x: x.worth > 50)), [1]),
        (lambda p, g: ~exists(g.where(lambda x: x.person_id == p.id)), [3]),
        (lambda p, g: exists(g), [1, 2, 3]),
        (lambda p, g: exists(g.offset(4)), []),
        (lambda p, g: scalar(g.where(lambda x: x.person_id == p.id).select(lambda x: count())) == 2, [1]),
        (
            lambda p, g: p.wealth < scalar(g.where(lambda x: x.person_id == p.id).select(lambda x: max_(x.worth))),
            [1, 2],
        ),
        (lambda p, g: coalesce(scalar(g.where(lambda x: x.id == p.id + 1).select("worth")), Decimal(1)) < 50, [2, 3]),
        (lambda p, g: scalar(g.order_by("-worth").limit(1).select("worth")) == 100, [1, 2, 3]),
    ],
)
def test_a_subquery_finds_the_same_rows_everywhere(filled, people, gifts, predicate, keys):
    query = people.where(lambda p: predicate(p, gifts)).select(lambda p: p.id).order_by("id")
    assert filled.select(query) == keys


def test_a_table_is_asked_about_itself(filled, people):
    eldest = people.where(lambda p: (p.age != None) & ~exists(people.where(lambda o: o.age > p.age)))
    assert filled.select(eldest.select(lambda p: p.id)) == [1]
    older = people.select(lambda p: (p.id, scalar(people.where(lambda o: o.id > p.id).select(lambda o: count()))))
    assert filled.select(older.order_by("id")) == [(1, 2), (2, 1), (3, 0)]


def test_a_scalar_is_selected_grouped_sorted_by_and_assigned(filled, people, gifts):
    def total(p):
        return scalar(gifts.where(lambda g: g.person_id == p.id).select(lambda g: sum_(g.worth)))

    assert filled.select(people.select(lambda p: (p.id, total(p))).order_by(lambda p: (total(p).desc(), p.id))) == [
        (1, Decimal("109.50")),
        (2, Decimal("20.5")),
        (3, None),
    ]
    number = people.select(lambda p: {"gift": scalar(gifts.where(lambda g: g.id == p.id).select("name")), "n": count()})
    assert filled.select(number.order_by("gift")) == [{"gift": "book", "n": 2}, {"gift": "chair", "n": 1}]
    filled.run(people.update_statement(lambda p: {"wealth": total(p)}))
    assert filled.select(people.select(lambda p: p.wealth).order_by("id")) == [
        Decimal("109.50"),
        Decimal("20.5"),
        None,
    ]
    filled.run(people.where(lambda p: exists(gifts.where(lambda g: g.person_id == p.id))).delete_statement())
    assert filled.select(people.select(lambda p: p.id)) == [3]


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        (
            lambda p, g: p.id.in_(g),
            "in_() takes a query of one column, and this one has 4: choose one with select(lambda u: u.id)",
        ),
        (lambda p, g: p.id.not_in(g.select("id", "name")), "not_in() takes a query of one column, and this one has 2"),
        (lambda p, g: p.id.in_(g.select("name")), "person.id.in_(): an int and the query's str do not go together"),
        (lambda p, g: p.wealth.in_(g.select("id")), "a Decimal and the query's int do not go together; cast() one"),
        (lambda p, g: exists(3), "exists() takes a query, such as User.where(...), got 3"),
        (lambda p, g: exists(QueryBase), "exists() takes a query, such as User.where(...), got <class"),
        (lambda p, g: scalar(g) == 3, "scalar() takes a query of one column, and this one has 4"),
        (
            lambda p, g: scalar(g.select("name")) == p.age,
            "the subquery of gift.name == person.age: a str and an int do not go together",
        ),
        (lambda p, g: scalar(g.select("id")) == datetime(2020, 1, 1), "expected int, got datetime.datetime(2020"),
    ],
)
def test_a_subquery_that_makes_no_sense_is_refused(people, gifts, predicate, message):
    with pytest.raises(QueryError) as caught:
        people.where(lambda p: predicate(p, gifts))
    assert message in str(caught.value)


def test_a_subquery_shows_what_it_is(people, gifts):
    row = people.source.columns
    assert repr(row[0].in_(gifts.select("id"))) == "(person.id IN (...))"
    assert repr(row[0].not_in(gifts.select("id"))) == "(person.id NOT IN (...))"
    assert repr(exists(gifts)) == "exists(...)"
    assert repr(scalar(gifts.select("id"))) == "scalar(gift.id)"
