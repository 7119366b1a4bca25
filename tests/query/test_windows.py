"""Functions of the rows around a row: as SQL, as rows on both databases, and what is refused."""

from decimal import Decimal

import pytest

from ferro.dialects import postgres, sqlite
from ferro.errors import QueryError
from ferro.query.compiler import cache, compile
from ferro.query.functions import avg, count, max_, sum_
from ferro.query.gathering import array_agg, object_agg
from ferro.query.statements import Insert
from ferro.query.windows import dense_rank, first_value, lag, last_value, lead, ntile, rank, row_number, rows


@pytest.fixture
def more(database, people):
    """Two more people: keys 1 to 5, of whom two have no age."""
    columns = tuple(people.table.by_field[name] for name in ("id", "name", "age", "wealth", "active"))
    rows = [[4, "Ann", 30, Decimal("0.5"), True], [5, "Bo", None, Decimal("9.50"), False]]
    database.run(Insert(people.source, columns, rows))
    return database


def sql(people, expression, dialect):
    found = compile(people.select(expression).select_statement(), dialect).sql
    return found.removeprefix("SELECT ").removesuffix(' FROM "person"')


@pytest.mark.parametrize(
    ("expression", "on_postgres", "on_sqlite"),
    [
        (lambda p: row_number().over(), "ROW_NUMBER() OVER ()", "ROW_NUMBER() OVER ()"),
        (
            lambda p: rank().over(partition_by=p.active, order_by=p.age.desc()),
            'RANK() OVER (PARTITION BY "person"."active" ORDER BY "person"."age" DESC NULLS LAST)',
            'RANK() OVER (PARTITION BY "person"."active" ORDER BY "person"."age" DESC)',
        ),
        (
            lambda p: dense_rank().over(partition_by=(p.name, p.wealth), order_by=[p.wealth, p.id]),
            (
                'DENSE_RANK() OVER (PARTITION BY "person"."name", "person"."wealth"'
                ' ORDER BY "person"."wealth", "person"."id")'
            ),
            (
                'DENSE_RANK() OVER (PARTITION BY "person"."name", "person"."wealth" COLLATE "ferro_decimal"'
                ' ORDER BY "person"."wealth" COLLATE "ferro_decimal" NULLS LAST, "person"."id")'
            ),
        ),
        (
            lambda p: lag(p.name, 2, "nobody").over(order_by=p.id),
            'LAG("person"."name", 2, $1) OVER (ORDER BY "person"."id")',
            'LAG("person"."name", 2, ?) OVER (ORDER BY "person"."id")',
        ),
        (
            lambda p: ntile(3).over(order_by=p.id) + 1,
            'NTILE(3) OVER (ORDER BY "person"."id") + CAST($1 AS bigint)',
            'NTILE(3) OVER (ORDER BY "person"."id") + ?',
        ),
        (
            lambda p: sum_(p.age, filter=p.id > 3).over(order_by=p.id, frame=rows(None, 0)),
            (
                'CAST(SUM("person"."age") FILTER (WHERE "person"."id" > $1)'
                ' OVER (ORDER BY "person"."id" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS bigint)'
            ),
            (
                'SUM("person"."age") FILTER (WHERE "person"."id" > ?)'
                ' OVER (ORDER BY "person"."id" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)'
            ),
        ),
        (
            lambda p: sum_(p.wealth + 1, filter=p.id > 3).over(frame=rows(-2, 1)),
            (
                'SUM("person"."wealth" + CAST($1 AS bigint)) FILTER (WHERE "person"."id" > $2)'
                " OVER (ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING)"
            ),
            (
                '"ferro_decimal_sum"(CASE WHEN "person"."id" > ? THEN "ferro_decimal_add"("person"."wealth", ?) END)'
                " OVER (ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING)"
            ),
        ),
        (
            lambda p: max_(p.wealth).over(),
            'MAX("person"."wealth") OVER ()',
            'MAX("person"."wealth" COLLATE "ferro_decimal") OVER ()',
        ),
        (lambda p: count().over(), "COUNT(*) OVER ()", "COUNT(*) OVER ()"),
    ],
)
def test_a_window_reads_as_it_was_written(people, expression, on_postgres, on_sqlite):
    assert sql(people, expression, postgres) == on_postgres
    assert sql(people, expression, sqlite) == on_sqlite


def test_values_keep_their_places_though_a_filter_stands_before_its_operand(people):
    query = people.select(lambda p: sum_(p.wealth + 1, filter=p.id > 3).over(order_by=p.age + 2))
    assert compile(query.select_statement(), sqlite).params == [3, 1, 2]
    assert compile(query.select_statement(), postgres).params == [1, 3, 2]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda p: row_number().over(order_by=p.id.desc()), [5, 4, 3, 2, 1]),
        (lambda p: rank().over(order_by=p.age), [2, 1, 4, 2, 4]),
        (lambda p: dense_rank().over(order_by=p.age), [2, 1, 3, 2, 3]),
        (lambda p: rank().over(partition_by=p.name, order_by=p.wealth), [2, 1, 1, 1, 1]),
        (lambda p: dense_rank().over(order_by=p.wealth), [3, 2, 4, 1, 2]),
        (lambda p: count().over(partition_by=p.wealth), [1, 2, 1, 1, 2]),
        (lambda p: ntile(2).over(order_by=p.id), [1, 1, 1, 2, 2]),
        (lambda p: lag(p.name).over(order_by=p.id), [None, "Ann", "Örs 50%", "bob_[*]?\\", "Ann"]),
        (
            lambda p: lead(p.wealth, 1, 7).over(order_by=p.id),
            [Decimal("9.5"), None, *map(Decimal, ["0.5", "9.50", "7"])],
        ),
        (lambda p: first_value(p.role).over(order_by=p.id), "[<Role.ADMIN: 'admin'>, <Role.ADMIN: 'admin'>"),
        (lambda p: last_value(p.id).over(order_by=p.id), [1, 2, 3, 4, 5]),
        (lambda p: last_value(p.id).over(order_by=p.id, frame=rows()), [5, 5, 5, 5, 5]),
        (lambda p: sum_(p.age).over(order_by=p.id), [30, 23, 23, 53, 53]),
        (lambda p: sum_(p.age, filter=p.active).over(order_by=p.id), [30, 30, 30, 60, 60]),
        (lambda p: avg(p.age).over(order_by=p.id, frame=rows(-1, 1)), [11.5, 11.5, 11.5, 30.0, 30.0]),
        (
            lambda p: sum_(p.wealth).over(order_by=p.id),
            "[Decimal('10.50'), Decimal('20.00'), Decimal('20.00'), Decimal('20.50'), Decimal('30.00')]",
        ),
        (
            lambda p: sum_(p.wealth).over(order_by=p.id, frame=rows(-1, 0)),
            "[Decimal('10.50'), Decimal('20.00'), Decimal('9.5'), Decimal('0.5'), Decimal('10.00')]",
        ),
        (
            lambda p: sum_(p.wealth, filter=p.id > 3).over(order_by=p.id),
            [None, None, None, Decimal("0.5"), Decimal(10)],
        ),
        (lambda p: sum_(p.wealth, filter=p.id > 9).over(), [None] * 5),
        (
            lambda p: avg(p.wealth).over(partition_by=p.name),
            "[Decimal('5.5000000000000000'), Decimal('9.5000000000000000'), None, Decimal('5.5000000000000000'),",
        ),
        (lambda p: p.wealth.min().over(order_by=p.id), [*map(Decimal, ["10.5", "9.5", "9.5", "0.5", "0.5"])]),
        (lambda p: p.wealth.max(filter=p.id > 1).over(), [Decimal("9.5")] * 5),
        (lambda p: count(p.age).over(order_by=p.id, frame=rows(1, None)), [2, 1, 1, 0, 0]),
        (lambda p: p.age - avg(p.age).over(), [30 - 53 / 3, -7 - 53 / 3, None, 30 - 53 / 3, None]),
    ],
)
def test_a_window_gives_the_same_values_everywhere(more, people, expression, expected):
    found = more.select(people.select(expression).order_by("id"))
    if isinstance(expected, str):
        assert repr(found).startswith(expected)
    else:
        assert found == expected


def test_rows_are_sorted_by_a_window(more, people):
    query = people.select(lambda p: p.id).order_by(lambda p: (rank().over(order_by=p.age.desc()), p.id))
    assert more.select(query) == [1, 4, 2, 3, 5]


def test_groups_have_windows_too(more, people):
    query = people.select(
        lambda p: {
            "name": p.name,
            "n": count(),
            "rank": rank().over(order_by=count().desc()),
            "all": sum_(count()).over(),
        }
    )
    assert compile(query.select_statement(), postgres).sql.endswith(' FROM "person" GROUP BY 1')
    rows = [(row["name"], row["n"], row["rank"], row["all"]) for row in more.select(query.order_by("-n", "name"))]
    assert rows[0] == ("Ann", 2, 1, 5)
    assert {row[1:] for row in rows[1:]} == {(1, 2, 5)}


def test_the_window_is_part_of_the_shape(people):
    def template(**window):
        return compile(people.select(lambda p: sum_(p.age + 1).over(**window)).select_statement(), sqlite).template

    cache.clear()
    age = people.source.columns[2]
    made = [
        template(),
        template(partition_by=age),
        template(order_by=age),
        template(order_by=age.desc()),
        template(frame=rows(0, 1)),
        template(frame=rows(0, 2)),
    ]
    assert len(set(made)) == 6
    assert template(frame=rows(0, 2)) is made[-1]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda q: q.select(lambda p: p.age.over()), "person.age has no window: over() follows an aggregate, or row_"),
        (lambda q: q.select(lambda p: count(p.age, distinct=True).over()), "cannot be distinct over a window"),
        (
            lambda q: q.select(lambda p: count().over(partition_by="name")),
            "partition_by= takes columns, such as b.title",
        ),
        (lambda q: q.select(lambda p: count().over(order_by="name")), "order_by= takes columns, such as b.title or"),
        (lambda q: q.select(lambda p: count().over(frame=3)), "frame= takes rows(start, end), got 3"),
        (lambda q: rows(1, -1), "rows(1, -1) begins after its end: give the earlier row first"),
        (lambda q: rows("1; --"), "rows() expects numbers of rows or None, got '1; --'"),
        (lambda q: rows(2**40), "rows(): 1099511627776 is more rows than a window has"),
        (lambda q: ntile(0), "ntile() expects a number of parts from 1, got 0"),
        (lambda q: ntile(True), "ntile() expects a number of parts from 1, got True"),
        (lambda q: q.select(lambda p: lag(p.age, -1)), "lag() expects how many rows from 0, got -1"),
        (lambda q: q.select(lambda p: lag(p.age, 1, "x")), "person.age: expected int, got 'x'"),
        (lambda q: q.select(lambda p: lead("x")), "lead() expects a column or an expression, got str: 'x'"),
        (
            lambda q: compile(q.select(lambda p: row_number()).select_statement(), sqlite),
            "row_number() looks at the rows of a window: say which with .over(order_by=...)",
        ),
        (
            lambda q: compile(q.where(lambda p: count().over() > 1).select_statement(), sqlite),
            "where() comes before windows and cannot use over(): sort by it, or select it",
        ),
        (
            lambda q: compile(q.select("name").having(lambda p: count().over() > 1).select_statement(), postgres),
            "having() comes before windows and cannot use over(): sort by it, or select it",
        ),
        (
            lambda q: compile(q.select(lambda p: array_agg(p.age).over()).select_statement(), sqlite),
            "array_agg(person.age) has no window: the databases have it for groups only",
        ),
        (
            lambda q: compile(q.select(lambda p: object_agg(p.id, p.age).over()).select_statement(), postgres),
            "object_agg(person.id, person.age) has no window: the databases have it for groups only",
        ),
        (
            lambda q: compile(q.select(lambda p: p.wealth.sum().over(frame=rows(None, -1))).select_statement(), sqlite),
            "sum(person.wealth).over(): on sqlite the frame of a Decimal must hold the row itself, and rows(None, -1)",
        ),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(people, build, message):
    with pytest.raises(QueryError) as caught:
        build(people)
    assert message in str(caught.value)
