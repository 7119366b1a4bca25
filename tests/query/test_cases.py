"""`case(when(...), else_=...)`: as SQL, as rows, and what it refuses."""

from decimal import Decimal

import pytest

from ferro.dialects import postgres, sqlite
from ferro.errors import QueryError
from ferro.query.cases import case, when
from ferro.query.compiler import compile
from ferro.query.functions import coalesce, count, sum_


def sql_of(query):
    statement = query.select_statement()
    return [compile(statement, dialect).sql for dialect in (postgres, sqlite)]


def test_a_case_reads_as_it_was_written(condition):
    def predicate(p):
        return case(when(p.age < 18, p.shoes), when(p.active, 5), else_=p.age) + 1 > 7

    assert condition(predicate, postgres) == (
        (
            'CASE WHEN "person"."age" < $1 THEN "person"."shoes" WHEN "person"."active" THEN $2 ELSE "person"."age" END'
            " + CAST($3 AS bigint) > $4"
        ),
        [18, 5, 1, 7],
    )
    assert condition(predicate, sqlite) == (
        (
            'CASE WHEN "person"."age" < ? THEN "person"."shoes" WHEN "person"."active" THEN ? ELSE "person"."age" END'
            " + ? > ?"
        ),
        [18, 5, 1, 7],
    )


def test_values_alone_are_given_their_type(people):
    query = people.select(lambda p: case(when(p.age < 18, "child"), else_="adult"))
    assert sql_of(query) == [
        'SELECT CASE WHEN "person"."age" < $1 THEN CAST($2 AS text) ELSE CAST($3 AS text) END FROM "person"',
        'SELECT CASE WHEN "person"."age" < ? THEN ? ELSE ? END FROM "person"',
    ]


def test_without_a_last_value_it_is_null(people):
    query = people.select(lambda p: case(when(p.age < 18, p.name)))
    assert sql_of(query)[1] == 'SELECT CASE WHEN "person"."age" < ? THEN "person"."name" ELSE NULL END FROM "person"'


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda p: case(when(p.age < 18, "child"), when(p.age < 65, "adult"), else_="?"), ["adult", "child", "?"]),
        (lambda p: case(when(p.age > 0, p.wealth)), [Decimal("10.50"), None, None]),
        (lambda p: case(when(p.age > 0, p.wealth), else_=1.25), [Decimal("10.50"), Decimal("1.25"), Decimal("1.25")]),
        (lambda p: case(when(p.age > 0, None), when(p.age < 0, 3), else_=4), [None, 3, 4]),
        (lambda p: case(when(p.active, p.role), else_="guest").in_(["guest"]), [False, True, True]),
        (lambda p: case(when(p.active, p.age > 3), else_=False), [True, False, False]),
        (lambda p: case(when(p.active, p.wealth), else_=Decimal(9)) > Decimal("9.5"), [True, False, False]),
        (lambda p: coalesce(case(when(p.active, p.notes)), {"b": 2}), [{"a": 1}, {"b": 2}, {"b": 2}]),
        (lambda p: case(when(p.active | p.age.is_null(), p.key)), None),
    ],
)
def test_a_case_has_the_same_value_everywhere(database, people, expression, expected):
    found = database.select(people.select(expression).order_by("id"))
    if expected is None:
        expected = [database.select(people.select("key").order_by("id"))[0][0], None, None]
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


def test_a_case_sorts_decimals_as_numbers(database, people):
    query = people.select(lambda p: p.id).order_by(lambda p: case(when(p.id < 3, p.wealth), else_=Decimal(10)))
    assert database.select(query) == [2, 3, 1]


def test_a_case_is_summed_grouped_and_assigned(database, people):
    counted = people.select(lambda p: (sum_(case(when(p.age > 0, 1), else_=0)), count(case(when(p.age > 0, p.id)))))
    assert database.select(counted) == [(1, 1)]
    kind = lambda p: {"kind": case(when(p.active, "on"), else_="off"), "n": count()}  # noqa: E731
    assert database.select(people.select(kind).order_by("kind")) == [{"kind": "off", "n": 2}, {"kind": "on", "n": 1}]
    database.run(people.update_statement(lambda p: {"age": case(when(p.age < 0, p.age + 100), else_=1)}))
    assert database.select(people.select(lambda p: p.age).order_by("id")) == [1, 93, 1]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (lambda p: case(), 'case() needs a condition: case(when(u.age < 18, "child"), else_="adult")'),
        (lambda p: case(p.age > 1), "case() takes branches made by when(condition, value), got (person.age > 1)"),
        (lambda p: case(when(p.age, 1)), "when() expects a condition, got person.age, which is an int"),
        (lambda p: case(when(True, 1)), "when() expects a condition, got True"),
        (lambda p: case(when(p.active, p.age), else_="x"), "person.age: expected int, got 'x'"),
        (lambda p: case(when(p.active, "x"), else_=p.age), "person.age: expected int, got 'x'"),
        (
            lambda p: case(when(p.active, p.age), else_=p.name),
            "case() gives values of one type, and person.name is a str where person.age is an int; cast() one of them",
        ),
    ],
)
def test_a_case_that_makes_no_sense_is_refused(people, expression, message):
    with pytest.raises(QueryError) as caught:
        people.select(expression)
    assert message in str(caught.value)


def test_a_case_shows_what_it_is_made_of(people):
    found = people.select(lambda p: case(when(p.age < 3, "x"))).projection.columns[0]
    assert repr(found) == "case(when((person.age < 3), 'x'), else_=None)"
    assert repr(when(people.source.columns[6], 1)) == "when(person.active, 1)"
