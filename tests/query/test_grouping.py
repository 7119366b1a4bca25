"""Groups: having, filtered aggregates, lists and texts made of rows, and aggregates of some rows only."""

from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import IPv4Address
from uuid import UUID

import pytest

from ferro.dialects import postgres, sqlite
from ferro.errors import QueryError
from ferro.query.compiler import compile
from ferro.query.functions import avg, count, max_, sum_
from ferro.query.gathering import array_agg, string_agg
from ferro.query.statements import Insert


def sql(query, dialect):
    return compile(query.select_statement(), dialect).sql


@pytest.fixture
def more(database, people):
    """Three more people, two of them called Ann."""
    columns = tuple(people.table.by_field[name] for name in ("id", "name", "age", "wealth"))
    rows = [[4, "Ann", 5, Decimal("10.5")], [5, "Ann", None, None], [6, "Bo", 30, Decimal("9.50")]]
    database.run(Insert(people.source, columns, rows))
    return database


def test_having_looks_at_groups(people):
    query = people.where(lambda p: p.id > 1).select(lambda p: (p.name, p.age.sum())).having(lambda p: count() > 2)
    assert sql(query.having(lambda p: p.name != "x"), postgres) == (
        'SELECT "person"."name", CAST(SUM("person"."age") AS bigint) FROM "person" WHERE "person"."id" > $1'
        ' GROUP BY 1 HAVING COUNT(*) > $2 AND "person"."name" <> $3'
    )
    assert compile(query.limit(3).select_statement(), sqlite).params == [1, 2, 3]


def test_having_makes_groups_of_what_is_selected(people):
    query = people.select(lambda p: p.name).having(lambda p: sum_(p.wealth) > 3).order_by("name")
    assert sql(query, sqlite) == (
        'SELECT "person"."name" FROM "person" GROUP BY 1'
        ' HAVING "ferro_decimal_sum"("person"."wealth") COLLATE "ferro_decimal" > ? ORDER BY "person"."name"'
    )
    assert compile(query.count_statement(), postgres).sql == (
        'SELECT COUNT(*) FROM (SELECT "person"."name" FROM "person" GROUP BY 1'
        ' HAVING SUM("person"."wealth") > $1) AS "counted"'
    )


def test_groups_are_found_everywhere(more, people):
    names = people.select(lambda p: (p.name, count())).order_by("name")
    assert more.select(names.having(lambda p: count() > 1)) == [("Ann", 3)]
    assert more.select(names.having(lambda p: sum_(p.wealth) == Decimal("9.5")).limit(1)) == [("Bo", 1)]
    assert more.select(people.select("name").having(lambda p: max_(p.wealth) > 10, lambda p: p.name > "A")) == [
        ("Ann",)
    ]
    assert more.run(names.having(lambda p: count() > 1).count_statement()) == [(1,)]
    assert more.run(names.having(lambda p: count() > 9).exists_statement()) == []


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda q: q.having(), "having() needs a condition: having(lambda o: count() > 2)"),
        (lambda q: q.having(lambda p: p.age), "having() expects a condition, got person.age, which is an int"),
        (lambda q: q.having(lambda p: count() > 2).select_statement(), "having() looks at groups: say with select()"),
        (lambda q: q.having(lambda p: count() > 2).count_statement(), "having() looks at groups: say with select()"),
        (
            lambda q: q.select("name").having(lambda p: p.age > 2).select_statement(),
            "having() looks at groups, and person.age is not selected: select it, or use it in where()",
        ),
        (
            lambda q: q.select("name").having(lambda p: count() > 2).order_by("age").select_statement(),
            "person.age cannot be sorted by: grouping leaves only what is selected",
        ),
        (lambda q: q.having(lambda p: count() > 2).delete_statement(), "delete() changes rows, and having() looks at"),
        (
            lambda q: q.having(lambda p: count() > 2).aggregate_statement("sum", "age"),
            "sum() counts every row that matches: leave out having()",
        ),
        (lambda q: q.select(lambda p: count(filter=p.age)), "filter= expects a condition, got person.age"),
        (lambda q: q.select(lambda p: string_agg(p.age)), "string_agg has no meaning for person.age: it is an int"),
        (lambda q: q.select(lambda p: string_agg("x")), "string_agg() expects a column or an expression, got str: 'x'"),
        (lambda q: q.select(lambda p: string_agg(p.name, 3)), "person.name: expected str, got 3"),
        (lambda q: q.select(lambda p: array_agg(p.age, order_by="name")), "order_by= takes columns, such as b.title"),
        (
            lambda q: q.select(lambda p: array_agg(p.age, distinct=True, order_by=p.name)),
            "array_agg(distinct=True) can be sorted by its own values only: leave out order_by=",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(people, build, message):
    with pytest.raises(QueryError) as caught:
        build(people)
    assert message in str(caught.value)


def test_where_says_where_groups_are_looked_at(people):
    with pytest.raises(QueryError, match=r"cannot use count, sum, avg, min or max: having\(\) looks at groups"):
        sql(people.where(lambda p: count() > 1), sqlite)


def test_an_aggregate_may_look_at_some_rows_only(people):
    query = people.select(
        lambda p: (
            count(filter=p.active),
            p.age.sum(filter=p.age > 3) + 1,
            p.wealth.avg(distinct=True, filter=p.shoes < 9),
            p.key.min(filter=p.active),
        )
    )
    assert sql(query, postgres) == (
        'SELECT COUNT(*) FILTER (WHERE "person"."active"),'
        ' CAST(SUM("person"."age") FILTER (WHERE "person"."age" > $1) AS bigint) + CAST($2 AS bigint),'
        ' AVG(DISTINCT "person"."wealth") FILTER (WHERE "person"."shoes" < $3),'
        ' CAST(MIN(CAST("person"."key" AS text) COLLATE "C") FILTER (WHERE "person"."active") AS uuid) FROM "person"'
    )
    assert compile(query.select_statement(), sqlite).params == [3, 1, 9]
    assert '"ferro_decimal_avg"(DISTINCT "person"."wealth" COLLATE "ferro_decimal") FILTER (WHERE' in sql(query, sqlite)


def test_filtered_aggregates_give_the_same_numbers(more, people):
    query = people.select(
        lambda p: (
            count(filter=p.age > 3),
            count(p.name, distinct=True, filter=p.id > 3),
            sum_(p.age, filter=p.age > 5),
            sum_(p.wealth, distinct=True, filter=p.wealth > 10),
            avg(p.wealth, filter=p.id > 99),
            p.wealth.min(filter=p.name == "Ann"),
            p.key.max(filter=p.id < 2),
        )
    )
    assert more.select(query) == [(3, 2, 60, Decimal("10.5"), None, Decimal("10.5"), UUID(int=1))]


def test_texts_are_joined_and_values_listed(people):
    query = people.select(
        lambda p: (
            string_agg(p.name, ", ", order_by=(p.age.desc(), p.name)),
            array_agg(p.wealth, distinct=True, filter=p.active),
        )
    )
    assert sql(query, postgres) == (
        'SELECT string_agg("person"."name", $1 ORDER BY "person"."age" DESC NULLS LAST, "person"."name"),'
        ' COALESCE(array_agg(DISTINCT "person"."wealth") FILTER (WHERE "person"."active"), \'{}\') FROM "person"'
    )
    assert sql(query, sqlite) == (
        'SELECT "ferro_string_agg"(\'all|:down:last|:up:last\', "person"."name", ?, "person"."age", "person"."name"),'
        ' COALESCE("ferro_array_agg"(\'distinct:ferro_decimal\', "person"."wealth") FILTER (WHERE "person"."active"),'
        " '[]')"
        ' FROM "person"'
    )


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda p: string_agg(p.name, "-", order_by=p.id), "Ann-Örs 50%-bob_[*]?\\-Ann-Ann-Bo"),
        (lambda p: string_agg(p.name, order_by=p.id.desc(), filter=p.id > 3), "Bo,Ann,Ann"),
        (lambda p: string_agg(p.name, "", distinct=True, filter=p.id > 3), "AnnBo"),
        (lambda p: string_agg(p.name, p.name, order_by=p.id, filter=p.id > 4), "AnnBoBo"),
        (lambda p: string_agg(p.role, order_by=p.id), "admin,guest"),
        (lambda p: string_agg(p.name, filter=p.id > 99), None),
        (lambda p: string_agg(p.role, filter=p.id > 2), None),
        (lambda p: array_agg(p.age, order_by=(p.age, p.id)), [-7, 5, 30, 30, None, None]),
        (lambda p: array_agg(p.age, order_by=(p.age.desc(nulls="first"), p.id)), [None, None, 30, 30, 5, -7]),
        (lambda p: array_agg(p.age, order_by=p.age.desc(nulls="last")), [30, 30, 5, -7, None, None]),
        (lambda p: array_agg(p.id, order_by=(p.wealth.desc(), p.id)), [1, 4, 2, 6, 3, 5]),
        (lambda p: array_agg(p.age, distinct=True), [-7, 5, 30, None]),
        (lambda p: array_agg(p.age, distinct=True, order_by=p.age.desc()), [30, 5, -7, None]),
        (lambda p: array_agg(p.age, filter=p.id > 99), []),
        (lambda p: array_agg(p.age + 1, order_by=p.id, filter=p.id < 3), [31, -6]),
        (lambda p: array_agg(p.wealth, order_by=p.id), "[Decimal('10.50'), Decimal('9.5'), None, Decimal('10.5')"),
        (lambda p: array_agg(p.wealth > 10, order_by=p.id), [True, False, None, True, None, False]),
        (lambda p: array_agg(p.height * 0.1, order_by=p.id, filter=p.id < 3), [1.5 * 0.1, -2.5 * 0.1]),
        (lambda p: array_agg(p.seen, filter=p.id == 1), [datetime(2020, 1, 1, tzinfo=UTC)]),
        (lambda p: array_agg(p.key, order_by=p.id, filter=p.id < 4), [UUID(int=1), UUID(int=2), None]),
        (
            lambda p: array_agg(p.address, order_by=p.address, filter=p.id < 3),
            [IPv4Address("9.0.0.1"), IPv4Address("10.0.0.1")],
        ),
        (lambda p: array_agg(p.photo, order_by=p.id, filter=p.id < 4), [b"a", b"b", None]),
        (lambda p: array_agg(p.notes, order_by=p.id, filter=p.id < 3), [{"a": 1}, None]),
        (lambda p: array_agg(p.active, order_by=p.id, filter=p.id < 3), [True, False]),
        (lambda p: array_agg(p.role, order_by=p.id, filter=p.id < 2), "[<Role.ADMIN"),
    ],
)
def test_rows_become_the_same_list_or_text_everywhere(more, people, expression, expected):
    (found,) = more.select(people.select(expression))
    if isinstance(expected, str) and expected.startswith("["):
        assert repr(found).startswith(expected)
    else:
        assert found == expected


def test_lists_are_made_by_group(more, people):
    query = people.select(lambda p: {"name": p.name, "ids": array_agg(p.id, order_by=-p.id)}).order_by("name").limit(1)
    assert more.select(query) == [{"name": "Ann", "ids": [5, 4, 1]}]


def test_an_aggregate_heeds_limit_and_offset(people):
    statement = people.where(lambda p: p.id > 1).order_by("-wealth").limit(2).aggregate_statement("sum", "wealth")
    compiled = compile(statement, postgres)
    assert compiled.sql == (
        'SELECT SUM("chosen"."value") FROM (SELECT "person"."wealth" AS "value" FROM "person"'
        ' WHERE "person"."id" > $1 ORDER BY "person"."wealth" DESC NULLS LAST LIMIT $2) AS "chosen"'
    )
    assert compiled.params == [1, 2]


def test_an_aggregate_of_some_rows_gives_the_same_number(more, people):
    def one(query, name, column):
        statement = query.aggregate_statement(name, column)
        (row,) = more.run(statement)
        load = statement.columns[0].type.stored[more.dialect.name].load
        return row[0] if load is None or row[0] is None else load(row[0])

    first = people.order_by("id")
    assert one(first.limit(2), "sum", "wealth") == Decimal("20.00")
    assert one(first.offset(3), "max", "wealth") == Decimal("10.5")
    assert one(first.limit(4).offset(1), "avg", lambda p: p.age * 2) == -2.0
    assert one(people.order_by("-age").limit(3), "min", "age") == 5
    assert one(first.limit(0), "sum", "age") is None
