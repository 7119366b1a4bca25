"""Queries made of queries: as SQL, and what is refused."""

from decimal import Decimal
from typing import Any

import pytest

from ferro.dialects import postgres, sqlite
from ferro.errors import QueryError
from ferro.query.compiler import cache, compile
from ferro.query.compound import SetQuery
from ferro.query.ddl import create_table
from ferro.query.fragments import raw
from ferro.query.functions import count, sum_
from ferro.query.statements import Insert
from ferro.query.subqueries import exists, scalar
from ferro.schema.table import Column, Table
from ferro.types import column_type


class Pet:
    """The model of a small table."""


class Toy:
    """The model of another one."""


def table(model: type, *more: Column) -> Table:
    key = Column("id", "id", column_type(int), primary_key=True)
    return Table(model.__name__.lower(), model, (key, Column("name", "name", column_type(str)), *more))


PET = table(Pet, Column("worth", "worth", column_type(Decimal), nullable=True))
TOY = table(Toy, Column("facts", "facts", column_type(dict), nullable=True))


@pytest.fixture
def pets() -> SetQuery[Any, Any]:
    return SetQuery(Pet, PET)


@pytest.fixture
def toys() -> SetQuery[Any, Any]:
    return SetQuery(Toy, TOY)


def sql(query: Any, dialect: Any) -> tuple[str, list[Any]]:
    compiled = compile(query.select_statement(), dialect)
    return compiled.sql, list(compiled.params)


def test_instances_of_two_queries_come_as_rows_of_the_table(pets):
    query = pets.where(lambda p: p.id < 3).union(pets.where(lambda p: p.worth > 9)).where(lambda p: p.name != "x")
    assert sql(query.order_by("-worth").limit(2), sqlite) == (
        (
            'SELECT "pet"."id", "pet"."name", "pet"."worth" FROM '
            '(SELECT "pet"."id" AS "id", "pet"."name" AS "name", "pet"."worth" COLLATE "ferro_decimal" AS "worth"'
            ' FROM "pet" WHERE "pet"."id" < ?'
            ' UNION SELECT "pet"."id", "pet"."name", "pet"."worth" COLLATE "ferro_decimal"'
            ' FROM "pet" WHERE "pet"."worth" COLLATE "ferro_decimal" > ?) AS "pet"'
            ' WHERE "pet"."name" <> ? ORDER BY "pet"."worth" COLLATE "ferro_decimal" DESC LIMIT ?'
        ),
        [3, "9", "x", 2],
    )
    assert sql(query.order_by("-worth").limit(2), postgres) == (
        (
            'SELECT "pet"."id", "pet"."name", "pet"."worth" FROM '
            '(SELECT "pet"."id" AS "id", "pet"."name" AS "name", "pet"."worth" AS "worth"'
            ' FROM "pet" WHERE "pet"."id" < $1'
            ' UNION SELECT "pet"."id", "pet"."name", "pet"."worth" FROM "pet" WHERE "pet"."worth" > $2) AS "pet"'
            ' WHERE "pet"."name" <> $3 ORDER BY "pet"."worth" DESC NULLS LAST LIMIT $4'
        ),
        [3, Decimal(9), "x", 2],
    )


@pytest.mark.parametrize(
    ("verb", "word"),
    [("union", "UNION"), ("union_all", "UNION ALL"), ("intersect", "INTERSECT"), ("except_", "EXCEPT")],
)
def test_each_operation_has_its_word(pets, verb, word):
    query = getattr(pets.select("id"), verb)(pets.select("id"), pets.select("id"))
    member = 'SELECT "pet"."id" FROM "pet"'
    first = 'SELECT "pet"."id" AS "id" FROM "pet"'
    expected = f'SELECT "pet"."id" FROM ({first} {word} {member} {word} {member}) AS "pet"'
    assert sql(query, sqlite) == sql(query, postgres) == (expected, [])


def test_a_part_that_is_sorted_or_cut_is_so_before_it_is_joined(pets):
    query = pets.order_by("-id").limit(1).select("id").union_all(pets.limit(2).select("id")).limit(3)
    assert sql(query, postgres) == (
        (
            'SELECT "pet"."id" FROM (SELECT * FROM (SELECT "pet"."id" AS "id" FROM "pet" ORDER BY "pet"."id" DESC LIMIT $1)'
            ' AS "part" UNION ALL SELECT * FROM (SELECT "pet"."id" FROM "pet" LIMIT $2) AS "part") AS "pet" LIMIT $3'
        ),
        [1, 2, 3],
    )


def test_what_is_nested_is_joined_first(pets):
    one, two, three = (pets.where(lambda p, at=at: p.id == at).select("id") for at in (1, 2, 3))
    left = one.union(two).except_(three)
    right = one.union(two.except_(three))
    part = 'SELECT "pet"."id"{} FROM "pet" WHERE "pet"."id" = ?'
    named, plain = part.format(' AS "id"'), part.format("")
    assert sql(left, sqlite)[0] == (
        f'SELECT "pet"."id" FROM (SELECT "pet"."id" AS "id" FROM ({named} UNION {plain}) AS "pet" EXCEPT {plain}) AS "pet"'
    )
    assert sql(right, sqlite)[0] == (
        f'SELECT "pet"."id" FROM ({named} UNION SELECT "pet"."id" FROM ({named} EXCEPT {plain}) AS "pet") AS "pet"'
    )


def test_selections_are_joined_under_the_names_of_the_first(pets, toys):
    query = pets.select(lambda p: {"k": p.id, "n": count()}).union(toys.select(lambda t: (t.id, t.id)))
    chosen = query.order_by("-n").where(lambda r: r.k > 1)
    assert sql(chosen, postgres)[0] == (
        'SELECT "pet"."k", "pet"."n" FROM (SELECT "pet"."id" AS "k", COUNT(*) AS "n" FROM "pet" GROUP BY 1 '
        'UNION SELECT "toy"."id", "toy"."id" FROM "toy") AS "pet" WHERE "pet"."k" > $1 ORDER BY "pet"."n" DESC NULLS LAST'
    )
    assert sql(query.select(lambda r: sum_(r.n)), sqlite)[0].startswith('SELECT SUM("pet"."n") FROM (')


def test_columns_of_one_name_are_told_apart(pets):
    query = pets.select(lambda p: (p.id, p.id, p.name + "x", p.name + "y")).union(
        pets.select(lambda p: (p.id, p.id, p.name, p.name))
    )
    assert query.projection.names == ("id", "id_2", "value", "value_2")
    assert sql(query.order_by("id_2"), sqlite)[0].endswith('AS "pet" ORDER BY "pet"."id_2"' + " NULLS LAST")


@pytest.mark.parametrize("key", ["", "a\0b", "x" * 80, "\ud800", "column_2"])
def test_a_key_that_is_no_name_is_only_a_key(pets, key):
    query = pets.select(lambda p: {"a": p.id, key: p.id}).union(pets.select(lambda p: (p.id, p.id))).order_by(key)
    assert query.projection.names == ("a", key)
    assert sql(query, sqlite)[0] == (
        'SELECT "pet"."a", "pet"."column_2" FROM (SELECT "pet"."id" AS "a", "pet"."id" AS "column_2" FROM "pet"'
        ' UNION SELECT "pet"."id", "pet"."id" FROM "pet") AS "pet" ORDER BY "pet"."column_2" NULLS LAST'
    )


@pytest.mark.parametrize("key", ['"; DROP TABLE pet; --', "A", "$1 ?", "select"])
def test_any_other_key_is_quoted(pets, key):
    query = pets.select(lambda p: {"a": p.id, key: p.id}).union(pets.select(lambda p: (p.id, p.id)))
    quoted = '"A_2"' if key == "A" else '"' + key.replace('"', '""') + '"'
    assert sql(query.where(lambda r: getattr(r, key) > 1), sqlite)[0].endswith(f'AS "pet" WHERE "pet".{quoted} > ?')
    assert sql(query.select(lambda r: r.a), sqlite)[0].startswith('SELECT "pet"."a" FROM (SELECT "pet"."id" AS "a", ')


def test_documents_are_compared_as_such(toys):
    query = toys.select("facts").intersect(toys.select("facts"))
    assert 'SELECT "toy"."facts" COLLATE "ferro_json" AS "facts" FROM' in sql(query, sqlite)[0]


def test_all_rows_can_be_counted_and_asked_for(pets):
    query = pets.select("id").union(pets.select("id"))
    rows = '(SELECT "pet"."id" AS "id" FROM "pet" UNION SELECT "pet"."id" FROM "pet") AS "pet"'
    assert compile(query.count_statement(), sqlite).sql == f"SELECT COUNT(*) FROM {rows}"
    assert compile(query.exists_statement(), sqlite).sql == f"SELECT 1 FROM {rows} LIMIT ?"
    assert compile(query.limit(3).count_statement(), postgres).sql == (
        f'SELECT COUNT(*) FROM (SELECT 1 FROM {rows} LIMIT $1) AS "counted"'
    )


def test_it_stands_inside_other_queries(pets, toys):
    both = pets.select("id").union(toys.select("id"))
    rows = '(SELECT "pet"."id" AS "id" FROM "pet" UNION SELECT "toy"."id" FROM "toy") AS "pet"'
    assert sql(toys.where(lambda t: t.id.in_(both)).select("name"), sqlite)[0] == (
        f'SELECT "toy"."name" FROM "toy" WHERE "toy"."id" IN (SELECT "pet"."id" FROM {rows})'
    )
    assert sql(toys.select(lambda t: scalar(both.limit(1))), postgres)[0] == (
        f'SELECT (SELECT "pet"."id" FROM {rows} LIMIT $1) FROM "toy"'
    )


def test_its_parts_may_look_at_the_row_around_it(pets):
    def twins(p):
        return pets.where(lambda o: o.id > p.id).union(pets.where(lambda o: o.name == p.name))

    query = pets.where(lambda p: exists(twins(p))).select("id")
    assert sql(query, postgres)[0] == (
        'SELECT "pet"."id" FROM "pet" WHERE EXISTS (SELECT 1 FROM (SELECT "pet_2"."id" AS "id", "pet_2"."name" AS "name",'
        ' "pet_2"."worth" AS "worth" FROM "pet" AS "pet_2" WHERE "pet_2"."id" > "pet"."id"'
        ' UNION SELECT "pet_2"."id", "pet_2"."name", "pet_2"."worth" FROM "pet" AS "pet_2"'
        ' WHERE "pet_2"."name" = "pet"."name") AS "pet_2")'
    )


def test_values_do_not_change_the_statement(pets):
    def made(low: int, high: int) -> Any:
        return compile(
            pets.where(lambda p: p.id < low)
            .select("id", "worth")
            .union(pets.where(lambda p: p.id > high).select("id", "worth"))
            .order_by("worth")
            .select_statement(),
            sqlite,
        )

    cache.clear()
    first, second = made(1, 2), made(3, 4)
    assert first.template is second.template
    assert (list(first.params), list(second.params)) == ([1, 2], [3, 4])


def refused(make: Any) -> str:
    with pytest.raises(QueryError) as raised:
        make()
    return str(raised.value)


def test_what_does_not_fit_is_refused_when_it_is_built(pets, toys):
    assert refused(pets.union) == "union() needs another query"
    assert refused(lambda: pets.union([1])) == "union() takes queries, such as User.where(...), got [1]"
    assert refused(lambda: pets.union(toys)) == (
        "union() joins instances of one model, and these are Pet and Toy: select() columns that both have"
    )
    assert refused(lambda: pets.except_(pets.select("id"))) == (
        "except_() joins rows of one kind, and only one of these queries has a select()"
    )
    assert refused(lambda: pets.select("id").intersect(pets.select("id", "name"))) == (
        "intersect() joins rows of as many columns, and these have 1 (id) and 2 (id, name)"
    )
    assert refused(lambda: pets.select("id", "name").union_all(pets.select("id", "worth"))) == (
        "union_all(): column 2 is name (str) in the first query and worth (Decimal) in another, which do not go "
        "together; cast() one of them"
    )
    assert refused(lambda: pets.for_update().union(pets)) == "union() locks no rows: leave out for_update()"


def test_what_is_said_of_a_table_cannot_be_said_of_it(pets):
    both = pets.union(pets)
    for verb, call in (
        ("update", lambda: both.update_statement(name="x")),
        ("delete", both.delete_statement),
        ("for_update", both.for_update),
    ):
        assert refused(call) == (
            f"{verb}() is about the rows of a table, and these come from union(): select their keys, and give them to in_()"
        )


def test_rows_that_may_come_twice_have_no_position(pets):
    assert refused(lambda: pets.union_all(pets).order_by("id").after((1,))) == (
        "after() needs a primary key that names one row, and the rows of union_all() have none: use page(), or limit() "
        "and offset()"
    )
    assert sql(pets.union(pets).order_by("id").after((1,)), sqlite)[0].endswith(
        'AS "pet" WHERE "pet"."id" > ? ORDER BY "pet"."id"'
    )
    assert refused(lambda: pets.select("id").union(pets.select("id")).numbered(1, 2)) == (
        'page() goes by the order of the rows: call order_by(), such as order_by("name")'
    )


def test_what_has_no_type_can_be_selected_and_not_compared(pets):
    query = pets.select(lambda p: {"a": raw("1")}).union(pets.select(lambda p: p.id))
    assert sql(query, sqlite)[0].startswith('SELECT "pet"."a" FROM (SELECT (1) AS "a" FROM "pet" UNION SELECT')
    assert refused(lambda: query.where(lambda r: r.a == 1)) == (
        "pet.a: only the database knows its type: cast() it, or say raw(..., returns=...), where it is selected"
    )


# The first of rows that are equal.


def test_the_first_of_equal_rows(pets):
    query = pets.distinct_on(lambda p: p.worth).order_by("worth", "-id").select("id", "name").limit(5)
    assert sql(query, postgres) == (
        (
            'SELECT DISTINCT ON ("pet"."worth") "pet"."id", "pet"."name" FROM "pet"'
            ' ORDER BY "pet"."worth", "pet"."id" DESC LIMIT $1'
        ),
        [5],
    )
    order = '"pet"."worth" COLLATE "ferro_decimal" NULLS LAST, "pet"."id" DESC'
    assert sql(query, sqlite) == (
        (
            'SELECT "1", "2" FROM (SELECT "pet"."id" AS "1", "pet"."name" AS "2",'
            f' ROW_NUMBER() OVER (PARTITION BY "pet"."worth" COLLATE "ferro_decimal" ORDER BY {order}) AS "number",'
            f' ROW_NUMBER() OVER (ORDER BY {order}) AS "place" FROM "pet") AS "first"'
            ' WHERE "number" = 1 ORDER BY "place" LIMIT ?'
        ),
        [5],
    )


def test_the_first_rows_are_what_is_counted(pets):
    query = pets.distinct_on("worth").order_by("worth", "id")
    assert compile(query.count_statement(), postgres).sql == (
        'SELECT COUNT(*) FROM (SELECT DISTINCT ON ("pet"."worth") 1 FROM "pet") AS "counted"'
    )
    assert 'SELECT DISTINCT ON ("pet"."worth") "pet"."id" AS "value"' in (
        compile(query.aggregate_statement("sum", "id"), postgres).sql
    )


def test_values_in_the_order_of_the_first_rows_are_sent_for_each_place(pets):
    query = pets.distinct_on("worth").order_by("worth", lambda p: p.id + 5).where(lambda p: p.id > 3).select("id")
    text, params = sql(query, sqlite)
    assert text.count("?") == len(params) == 3
    assert sorted(params) == [3, 5, 5]


def test_the_first_rows_must_stand_together(pets):
    assert refused(lambda: pets.distinct_on("worth", "name").order_by("name", "id")) == (
        "distinct_on(pet.worth, pet.name) takes the first of the rows that stand together: sort by pet.worth before pet.id"
    )
    assert refused(lambda: pets.order_by("id").distinct_on("name")) == (
        "distinct_on(pet.name) takes the first of the rows that stand together: sort by pet.name before pet.id"
    )
    assert refused(pets.distinct_on) == "distinct_on() needs a column: distinct_on(lambda o: o.customer_id)"
    assert refused(lambda: pets.distinct_on(lambda p: p.id + 1)).startswith("distinct_on() takes columns, or")
    first = pets.distinct_on("id")
    assert refused(first.distinct) == "distinct_on() leaves out rows already: leave out distinct()"
    assert refused(pets.distinct().distinct_on) == "distinct_on() does not go together with distinct(): leave one out"
    assert refused(lambda: first.update_statement(name="x")) == (
        "update() changes every row that matches: leave out distinct_on()"
    )
    assert refused(lambda: first.order_by("id").after((1,))) == (
        "after() would change which rows are the first ones: leave out distinct_on()"
    )
    assert (
        refused(lambda: first.for_update().select_statement()) == "distinct_on() locks no rows: leave out for_update()"
    )
    assert refused(lambda: first.select(lambda p: count()).select_statement()) == (
        "distinct_on() keeps single rows, and an aggregate makes one of many: leave one out"
    )


# On the databases.

ROWS = [
    [1, "a", Decimal("1.0")],
    [2, "b", Decimal("1.00")],
    [3, "c", Decimal(10)],
    [4, "d", Decimal(9)],
    [5, "e", None],
]


@pytest.fixture
def filled(empty_database, pets):
    for line in create_table(PET, empty_database.dialect):
        empty_database.fetch(line, ())
    empty_database.run(Insert(pets.source, PET.columns, ROWS))
    return empty_database


def test_equal_decimals_are_one_whatever_their_digits(filled, pets):
    one, two = pets.where(lambda p: p.id == 1).select("worth"), pets.where(lambda p: p.id == 2).select("worth")
    cut = pets.where(lambda p: p.id <= 2).order_by("-id").limit(1).select("worth")
    assert len(filled.select(one.union(two))) == 1
    assert len(filled.select(cut.union(one))) == 1
    assert len(filled.select(one.intersect(two))) == 1
    assert len(filled.select(one.except_(two))) == 0
    assert len(filled.select(one.union_all(two))) == 2
    everyone = pets.select("worth")
    assert filled.select(everyone.union(everyone).order_by("-worth", nulls="first").select(lambda p: p.worth))[:3] == [
        None,
        10,
        9,
    ]


def test_the_first_rows_are_the_same_everywhere(filled, pets):
    query = pets.distinct_on("worth").order_by("worth", "-id").select(lambda p: p.id)
    assert filled.select(query) == [2, 4, 3, 5]
    assert filled.select(query.limit(2).offset(1)) == [4, 3]
