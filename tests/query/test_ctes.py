"""Queries with a name: as SQL, and what is refused."""

from decimal import Decimal
from typing import Any

import pytest

from ferro.dialects import postgres, sqlite
from ferro.errors import QueryError
from ferro.query.compiler import cache, compile
from ferro.query.ctes import CteQuery
from ferro.query.functions import count, max_, sum_
from ferro.query.subqueries import exists, scalar
from ferro.schema.table import Column, Table
from ferro.types import column_type


class Pet:
    """The model of a small table."""


class Named(CteQuery[Any, Any]):
    """A query without a colour."""

    def cte(self, name: str) -> "Named":
        return self._under_name(name)

    def recursive(self, name: str, step: Any, *, all: bool = False) -> "Named":
        return self._recursive(name, step, all=all)


PET = Table(
    "pet",
    Pet,
    (
        Column("id", "id", column_type(int), primary_key=True),
        Column("dam", "mother", column_type(int), nullable=True),
        Column("worth", "worth", column_type(Decimal), nullable=True),
    ),
)


@pytest.fixture
def pets() -> Named:
    return Named(Pet, PET)


@pytest.fixture
def totals(pets) -> Named:
    return pets.where(lambda p: p.id > 7).select(lambda p: {"mother": p.mother, "total": sum_(p.worth)}).cte("totals")


WITH = (
    'WITH "totals"("mother", "total") AS (SELECT "pet"."dam", SUM("pet"."worth") FROM "pet" WHERE "pet"."id" > $1 '
    "GROUP BY 1) "
)


def sql(query: Any, dialect: Any) -> tuple[str, list[Any]]:
    compiled = compile(query.select_statement(), dialect)
    return compiled.sql, list(compiled.params)


def refused(make: Any) -> str:
    with pytest.raises(QueryError) as raised:
        make()
    return str(raised.value)


def test_a_name_is_a_query_like_any_other(totals):
    assert sql(totals.where(lambda t: t.total > 5).order_by("-total").limit(2), postgres) == (
        (
            f'{WITH}SELECT "totals"."mother", "totals"."total" FROM "totals" WHERE "totals"."total" > $2'
            ' ORDER BY "totals"."total" DESC NULLS LAST LIMIT $3'
        ),
        [7, Decimal(5), 2],
    )
    assert sql(totals.select(lambda t: max_(t.total)), sqlite)[0] == (
        'WITH "totals"("mother", "total") AS (SELECT "pet"."dam", "ferro_decimal_sum"("pet"."worth") '
        'COLLATE "ferro_decimal" FROM "pet" WHERE "pet"."id" > ? GROUP BY 1) '
        'SELECT "ferro_decimal_max"("totals"."total") FROM "totals"'
    )


def test_it_is_joined_to_the_rows_of_a_model(pets, totals):
    query = pets.join_cte(totals, on=lambda p, t: t.mother == p.id).where(lambda p: totals.row.total > p.id)
    query = query.select(lambda p: (p.id, totals.row.total)).order_by(lambda p: totals.row.total)
    assert sql(query, postgres) == (
        (
            f'{WITH}SELECT "pet"."id", "totals"."total" FROM "pet" JOIN "totals" ON "totals"."mother" = "pet"."id"'
            ' WHERE "totals"."total" > "pet"."id" ORDER BY "totals"."total"'
        ),
        [7],
    )
    left = pets.left_join_cte(totals, on=lambda p, t: (t.mother == p.id) & (t.total > 3)).where(lambda p: p.id > 1)
    assert compile(left.count_statement(), postgres).sql == (
        f'{WITH}SELECT COUNT(*) FROM "pet" LEFT JOIN "totals" ON "totals"."mother" = "pet"."id"'
        ' AND "totals"."total" > $2 WHERE "pet"."id" > $3'
    )


def test_it_is_defined_once_however_often_it_is_read(pets, totals):
    again = totals.alias("again")
    query = (
        pets.join_cte(totals, on=lambda p, t: t.mother == p.id)
        .join_cte(again, on=lambda p, a: a.total > totals.row.total)
        .where(lambda p: p.worth == scalar(totals.select(lambda t: max_(t.total))))
        .where(lambda p: exists(totals.where(lambda t: t.mother == p.id)))
        .select("id")
    )
    assert sql(query, postgres) == (
        (
            f'{WITH}SELECT "pet"."id" FROM "pet" JOIN "totals" ON "totals"."mother" = "pet"."id"'
            ' JOIN "totals" AS "again" ON "again"."total" > "totals"."total"'
            ' WHERE "pet"."worth" = (SELECT MAX("totals"."total") FROM "totals")'
            ' AND EXISTS (SELECT 1 FROM "totals" WHERE "totals"."mother" = "pet"."id")'
        ),
        [7],
    )


def test_one_may_read_another(totals):
    big = totals.where(lambda t: t.total > 100).select("mother").cte("big")
    assert sql(big.order_by("mother"), postgres) == (
        (
            f'{WITH[:-1]}, "big"("mother") AS (SELECT "totals"."mother" FROM "totals" WHERE "totals"."total" > $2)'
            ' SELECT "big"."mother" FROM "big" ORDER BY "big"."mother"'
        ),
        [7, Decimal(100)],
    )


def test_updates_and_deletes_read_it_as_well(pets, totals):
    found = pets.where(lambda p: p.id.in_(totals.select("mother")))
    assert compile(found.delete_statement(), postgres).sql == (
        f'{WITH}DELETE FROM "pet" WHERE "pet"."id" IN (SELECT "totals"."mother" FROM "totals")'
    )
    assert compile(found.update_statement(worth=1), postgres).sql.startswith(f'{WITH}UPDATE "pet" SET "worth"=$2')


def test_its_rows_may_be_instances(pets):
    few = pets.where(lambda p: p.id < 3).cte("few")
    assert sql(few.where(lambda f: f.mother == 1), sqlite)[0] == (
        'WITH "few"("id", "dam", "worth") AS (SELECT "pet"."id", "pet"."dam", "pet"."worth" FROM "pet" WHERE "pet"."id" < ?)'
        ' SELECT "few"."id", "few"."dam", "few"."worth" FROM "few" WHERE "few"."dam" = ?'
    )
    assert refused(lambda: few.order_by("id").after((1,))).startswith("after() needs a primary key that names one row")


def test_sqlite_looks_for_decimals_in_it_without_an_index(pets, totals):
    query = pets.join_cte(totals, on=lambda p, t: p.worth == t.total).select("id")
    assert sql(query, sqlite)[0].endswith(
        'FROM "pet" JOIN "totals" ON "pet"."worth" COLLATE "ferro_decimal" = +"totals"."total"'
    )


def test_a_query_inside_of_itself_takes_its_joins_along(pets, totals):
    inner = pets.join_cte(totals, on=lambda p, t: t.mother == p.id).where(lambda p: p.id > 3)
    query = pets.where(lambda p: exists(inner.where(lambda o: o.id == p.mother))).select("id")
    assert sql(query, postgres)[0] == (
        f'{WITH}SELECT "pet"."id" FROM "pet" WHERE EXISTS (SELECT 1 FROM "pet" AS "pet_2"'
        ' JOIN "totals" ON "totals"."mother" = "pet_2"."id" WHERE "pet_2"."id" > $2 AND "pet_2"."id" = "pet"."dam")'
    )


# Recursive ones.


def walk(pets: Named, *, all: bool = False) -> Named:
    return (
        pets.where(lambda p: p.id == 1)
        .select(lambda p: {"id": p.id, "n": 0})
        .recursive(
            "walk",
            lambda rows: pets.join_cte(rows, on=lambda p, r: p.mother == r.id).select(lambda p: (p.id, rows.row.n + 1)),
            all=all,
        )
    )


def test_a_step_goes_on_from_the_rows_there_are(pets):
    assert sql(walk(pets).where(lambda w: w.n < 9).order_by("n"), postgres) == (
        (
            'WITH RECURSIVE "walk"("id", "n") AS (SELECT "pet"."id", CAST($1 AS bigint) FROM "pet" WHERE "pet"."id" = $2'
            ' UNION SELECT "pet"."id", "walk"."n" + CAST($3 AS bigint) FROM "pet" JOIN "walk" ON "pet"."dam" = "walk"."id")'
            ' SELECT "walk"."id", "walk"."n" FROM "walk" WHERE "walk"."n" < $4 ORDER BY "walk"."n"'
        ),
        [0, 1, 1, 9],
    )
    assert " UNION ALL SELECT " in sql(walk(pets, all=True), sqlite)[0]


def test_a_step_may_start_from_the_rows(pets):
    numbers = pets.select(lambda p: {"n": p.id}).recursive(
        "numbers", lambda rows: rows.where(lambda r: r.n < 9).select(lambda r: r.n + 1)
    )
    assert sql(numbers, sqlite) == (
        (
            'WITH RECURSIVE "numbers"("n") AS (SELECT "pet"."id" FROM "pet" UNION'
            ' SELECT "numbers"."n" + ? FROM "numbers" WHERE "numbers"."n" < ?) SELECT "numbers"."n" FROM "numbers"'
        ),
        [1, 9],
    )


def test_the_shape_of_a_name_is_that_of_its_query(pets):
    cache.clear()
    first, second = (compile(walk(pets).select_statement(), sqlite) for _ in range(2))
    assert first.template is second.template
    assert cache.misses == 1


# What is refused.


def test_two_queries_of_one_name_cannot_be_told_apart(pets, totals):
    other = pets.select("id").cte("totals")
    query = totals.where(lambda t: t.mother.in_(other.select("id")))
    assert refused(lambda: sql(query, sqlite)) == (
        "this query reads two different queries of the name 'totals': rename one"
    )
    other = pets.select("id").cte("Totals")
    query = totals.where(lambda t: t.mother.in_(other.select("id")))
    assert refused(lambda: sql(query, sqlite)) == (
        "this query reads two queries whose names differ in case only, 'Totals': rename one"
    )


@pytest.mark.parametrize("name", ["pet", "PET"])
def test_a_name_cannot_hide_a_table(pets, name):
    assert refused(lambda: sql(pets.select("id").cte(name), sqlite)) == (
        f"cte({name!r}) has the name of a table this query reads: give it another name"
    )


@pytest.mark.parametrize("name", ["", 7, "a\0b", "x" * 64, "\ud800"])
def test_a_name_is_one_that_both_databases_take(pets, name):
    assert refused(lambda: pets.cte(name)).startswith("cte() takes a name ")


@pytest.mark.parametrize("name", ['a"b', "'; DROP TABLE pet; --", "select", "ö — ü", "$1 ? :x", "x" * 63, "A"])
def test_any_other_name_is_only_a_name(pets, name):
    harmless = sql(pets.select("id").cte("harmless").where(lambda h: h.id > 1), sqlite)
    quoted = '"' + name.replace('"', '""') + '"'
    made = sql(pets.select("id").cte(name).where(lambda h: h.id > 1), sqlite)
    assert made == (harmless[0].replace('"harmless"', quoted), harmless[1])
    alias = pets.select("id").cte("one").alias(name)
    assert sql(alias, sqlite)[0].endswith(f'SELECT {quoted}."id" FROM "one" AS {quoted}')


def test_it_stands_for_itself(pets):
    assert refused(lambda: pets.where(lambda p: exists(pets.where(lambda o: o.id == p.id).cte("x")))) == (
        "cte() stands for itself, and cannot look at pet.id, of a row around it"
    )
    assert refused(lambda: pets.for_update().cte("x")) == "cte() locks no rows: leave out for_update()"


def test_only_names_are_joined_and_each_once(pets, totals):
    assert refused(lambda: pets.join_cte(pets, on=lambda p, t: t.id == p.id)) == (
        "join_cte() takes a query with a name, such as Order.select(...).cte('totals'), got <Query model=Pet where=[]>"
    )

    def on(p: Any, t: Any) -> Any:
        return t.mother == p.id

    assert refused(lambda: pets.join_cte(totals, on=on).left_join_cte(totals, on=on)) == (
        "left_join_cte(): 'totals' is joined already: give it another name with alias()"
    )
    assert refused(lambda: pets.join_cte(totals.where(lambda t: t.total > 1), on=on)) == (
        "join_cte() joins all rows of a name: say where() and the like before cte()"
    )
    assert refused(lambda: pets.join_cte(totals, on=lambda p, t: True)) == (
        "join_cte() expects a condition such as on=lambda u, t: t.user_id == u.id, got True"
    )
    assert refused(lambda: pets.row) == "row stands for the rows of a query with a name: call cte() first"
    assert refused(lambda: pets.alias("x")) == "alias() is for the rows of a query with a name: call cte() first"


def test_a_misspelt_column_is_refused_while_the_query_is_built(totals):
    assert refused(lambda: totals.where(lambda t: t.totla > 1)) == (
        "totals has no column 'totla'; did you mean 'total'? its columns are mother, total"
    )


def test_what_no_database_goes_on_from_is_refused(pets):
    def stepping(step: Any) -> str:
        return refused(lambda: pets.select("id").recursive("r", step))

    def given(r: Any) -> Any:
        return pets.join_cte(r, on=lambda p, x: p.mother == x.id).select("id")

    assert stepping(lambda r: given(r).limit(1)) == (
        "recursive(): no database goes on from a step with limit(): ask it of the whole"
    )
    assert "a step with order_by()" in stepping(lambda r: given(r).order_by("id"))
    assert "a step with distinct()" in stepping(lambda r: given(r).distinct())
    assert "a step with an aggregate" in stepping(lambda r: r.select(lambda x: (count(),)))
    assert stepping(lambda r: pets.select("id")) == (
        "recursive() takes a step that reads the rows it is given: start from them, or join_cte() them"
    )
    assert stepping(lambda r: 7) == "recursive() takes a step that returns a query of the rows it is given, got 7"
    assert stepping(lambda r: pets.select("id", "worth")) == (
        "recursive() joins rows of as many columns, and these have 1 (id) and 2 (id, worth)"
    )
