"""`raw("…{}…", …)`: SQL in the middle of a query, with its values bound."""

from decimal import Decimal

import pytest

from ferro.dialects import postgres, sqlite
from ferro.errors import QueryError
from ferro.query.compiler import cache, compile
from ferro.query.fragments import raw
from ferro.query.functions import count


def test_columns_and_values_take_their_places_in_the_text(condition):
    def predicate(p):
        return (p.age > 1) & raw("{} % {} = {}", p.id + 2, 7, 3) & (p.shoes < 9)

    assert condition(predicate, postgres) == (
        (
            '"person"."age" > $1 AND (("person"."id" + CAST($2 AS bigint)) % CAST($3 AS bigint) = CAST($4 AS bigint))'
            ' AND "person"."shoes" < $5'
        ),
        [1, 2, 7, 3, 9],
    )
    assert condition(predicate, sqlite) == (
        '"person"."age" > ? AND (("person"."id" + ?) % ? = ?) AND "person"."shoes" < ?',
        [1, 2, 7, 3, 9],
    )


def test_a_hostile_value_does_not_change_the_text(condition):
    harmless = condition(lambda p: raw("{} || {} = {}", p.name, "x", "y"), sqlite)
    hostile = condition(lambda p: raw("{} || {} = {}", p.name, "'; DROP TABLE person; --", "{}?$1\\"), sqlite)
    assert hostile[0] == harmless[0]
    assert hostile[1] == ["'; DROP TABLE person; --", "{}?$1\\"]


def test_the_text_is_part_of_the_shape(people):
    def template(text, value):
        return compile(people.where(lambda p: raw(text, p.id, value)).select_statement(), sqlite).template

    cache.clear()
    assert template("{} > {}", 1) is template("{} > {}", 2)
    assert template("{} < {}", 1) is not template("{} > {}", 1)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda p: raw("{} + {}", p.id, 1), [2, 3, 4]),
        (lambda p: 2 * raw("{} + {}", p.id, 1), [4, 6, 8]),
        (lambda p: raw("coalesce({}, 'a{{b}}')", p.role), ["admin", "guest", "a{b}"]),
        (lambda p: raw("{}", p.wealth, returns=Decimal), [Decimal("10.50"), Decimal("9.5"), None]),
        (lambda p: raw("{}", p.wealth, returns=Decimal) > 10, [True, False, None]),
        (lambda p: ~raw("{} > 0 OR {} = 3", p.age, p.id, returns=bool), [False, True, False]),
        (lambda p: raw("1", returns=int), [1, 1, 1]),
    ],
)
def test_a_fragment_has_a_value_like_any_other(database, people, expression, expected):
    found = database.select(people.select(expression).order_by("id"))
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


def test_a_fragment_is_sorted_by_grouped_and_assigned(database, people):
    assert database.select(people.select(lambda p: p.id).order_by(lambda p: raw("-{}", p.id))) == [3, 2, 1]
    query = people.select(lambda p: (raw("{} % {}", p.id, 2, returns=int), count())).order_by(lambda p: count())
    assert database.select(query) == [(0, 1), (1, 2)]
    database.run(people.update_statement(lambda p: {"age": raw("{} * {}", p.id, 10, returns=int)}))
    assert database.select(people.select(lambda p: p.age).order_by("id")) == [10, 20, 30]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: raw("{} > {}", 1), "raw('{} > {}') has 2 times {}, and 1 values were given for them"),
        (lambda: raw("1 = 1", 1), "raw('1 = 1') has 0 times {}, and 1 values were given for them"),
        (lambda: raw("{0}", 1), "raw('{0}'): operands are given in order, as plain {}; a brace is written {{"),
        (lambda: raw("{name}", 1), "operands are given in order, as plain {}"),
        (lambda: raw("{!r}", 1), "operands are given in order, as plain {}"),
        (lambda: raw("{:>3}", 1), "operands are given in order, as plain {}"),
        (lambda: raw("'{' || {}", 1), "a brace is written {{"),
        (lambda: raw("a = $1"), "raw('a = $1'): values are bound by {}, not by $1 or ?1"),
        (lambda: raw("a = ?1"), "values are bound by {}, not by $1 or ?1"),
        (lambda: raw("a\0"), "contains a NUL character at position 1"),
        (lambda: raw("a\ud800"), "contains a lone surrogate at position 1, which is no character: leave it out"),
        (lambda: raw("{}", object()), "cannot be a value in a query"),
        (lambda: raw("1", returns=object()), "raw(returns=<object object"),
    ],
)
def test_a_fragment_that_makes_no_sense_is_refused(build, message):
    with pytest.raises(QueryError) as caught:
        build()
    assert message in str(caught.value)


def test_a_fragment_shows_its_text(people):
    assert repr(raw("{} > {}", people.source.columns[0], 1)) == "raw('{} > {}', ...)"
