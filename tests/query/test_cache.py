"""Statements of one shape are rendered once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from ferro.dialects import postgres, sqlite
from ferro.query.compiler import cache, compile
from ferro.query.plans import Cache, Plan
from ferro.query.statements import Insert


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()
    yield
    cache.clear()


def older_than(people, age, name="Ann"):
    return people.where(lambda p: (p.age > age) & (p.name == name)).limit(age).select_statement()


def test_the_same_shape_gives_the_same_template_with_other_values(people):
    first = compile(older_than(people, 1), sqlite)
    second = compile(older_than(people, 2, "Bo"), sqlite)
    assert first.template is second.template
    assert (first.params, second.params) == ([1, "Ann", 1], [2, "Bo", 2])
    assert (cache.hits, cache.misses, len(cache)) == (1, 1, 1)


def test_a_class_operator_and_a_lambda_share_a_template(people):
    age = people.source.columns[2]
    by_class = compile(people.where(age > 1).select_statement(), sqlite)
    by_lambda = compile(people.where(lambda p: p.age > 5).select_statement(), sqlite)
    assert by_class.template is by_lambda.template


@pytest.mark.parametrize(
    "other",
    [
        lambda q: q.where(lambda p: p.age >= 1),
        lambda q: q.where(lambda p: p.shoes > 1),
        lambda q: q.where(lambda p: p.age > p.shoes),
        lambda q: q.where(lambda p: p.age > 1).limit(1),
        lambda q: q.where(lambda p: p.age > 1).offset(1),
        lambda q: q.where(lambda p: p.age > 1).distinct(),
        lambda q: q.where(lambda p: p.age > 1).order_by("id"),
        lambda q: q.where(lambda p: p.age > 1).order_by("-id"),
        lambda q: q.where(lambda p: ~(p.age > 1)),
        lambda q: q.where(lambda p: p.age + 1 > 1),
        lambda q: q.where(lambda p: p.age > 1).select("id"),
    ],
)
def test_another_shape_gives_another_text(people, other):
    plain = compile(people.where(lambda p: p.age > 1).select_statement(), sqlite)
    assert compile(other(people).select_statement(), sqlite).sql != plain.sql


def test_the_database_and_the_operation_are_part_of_the_shape(people):
    statement = older_than(people, 1)
    templates = {
        compile(statement, sqlite).template,
        compile(statement, postgres).template,
        compile(statement, sqlite, operation="Count").template,
    }
    assert len(templates) == 3


def test_inserts_share_a_template_by_columns_and_number_of_rows(people):
    columns = people.table.columns[:2]

    def template(rows):
        return compile(Insert(people.source, columns, rows), sqlite).template

    assert template([[1, "a"]]) is template([[2, "b"]])
    assert template([[1, "a"]]) is not template([[1, "a"], [2, "b"]])


def test_compiling_leaves_the_statement_as_it_was(people):
    row = [1, "a"]
    statement = Insert(people.source, people.table.columns[:2], [row])
    compiled = compile(statement, sqlite)
    assert compiled.params == [1, "a"]
    assert row == [1, "a"]
    assert compile(statement, sqlite).params is not compiled.params


def test_an_expression_used_twice_keeps_its_values_apart(people):
    def doubled(number):
        one = people.source.columns[2] + number
        return people.where(one > 10, one < 20).select("id").select_statement()

    compile(doubled(1), sqlite)
    assert compile(doubled(2), sqlite).params == [2, 10, 2, 20]

    def two(first, second):
        age = people.source.columns[2]
        return people.where(age + first > 10, age + second < 20).select("id").select_statement()

    assert compile(two(3, 4), sqlite).params == [3, 10, 4, 20]
    assert cache.misses == 1


def test_the_cache_forgets_what_is_not_used():
    small = Cache(size=8)
    plans = {key: Plan(None, None) for key in range(20)}
    for key, plan in plans.items():
        small.get(key)
        small.put(key, plan)
        small.get(0)
    assert len(small) <= 8
    assert small.get(0) is plans[0]
    assert small.get(1) is None


def test_threads_agree_on_one_template(people):
    with ThreadPoolExecutor(8) as threads:
        templates = set(threads.map(lambda age: compile(older_than(people, age), sqlite).template, range(200)))
    assert len(templates) == 1
