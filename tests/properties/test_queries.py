"""A random question has one answer: SQLite's, PostgreSQL's, and that of plain Python."""

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from ferro import DataError, Field, Model
from ferro.schema.registry import active, declared
from ferro.sync import Database, Query

from .questions import (
    COLUMNS,
    Fact,
    Question,
    Row,
    anything,
    arithmetic,
    column,
    columns,
    combined,
    conditions,
    constant,
    constants,
    keys,
    numbers,
    of_kind,
    ordered,
    plain,
    rows,
)


class Undo(Exception):
    """The end of an example."""


@pytest.fixture(scope="session")
def tables(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(Fact, Counter64)
    return databases


@contextmanager
def filled(database: Database, contents: Sequence[Row], model: Any = Fact) -> Iterator[Query[Any]]:
    """Fill the table for an example, and leave nothing behind."""
    try:
        with database.transaction():
            database.bulk_create(model, [model(**row) for row in contents])
            yield database.query(model)
            raise Undo
    except Undo:
        pass


def same_everywhere(
    tables: Mapping[str, Database], contents: Sequence[Row], ask: Callable[[Query[Fact]], Any], expected: Any
) -> None:
    for name, database in tables.items():
        with filled(database, contents) as query:
            note(f"on {name}")
            assert ask(query) == expected


def spelling(value: Any) -> Any:
    """A value with its class and, of a decimal, its digits; a negative zero is a zero."""
    if isinstance(value, tuple):
        return tuple(map(spelling, value))
    if isinstance(value, Decimal):
        return Decimal, str(value)
    return type(value), value


def matching(contents: Sequence[Row], questions: Sequence[Question]) -> list[Row]:
    return [row for row in contents if all(question.answer(row) is True for question in questions)]


def wheres(query: Query[Fact], questions: Sequence[Question]) -> Query[Fact]:
    return query.where(*(question.build for question in questions)) if questions else query


some_conditions = st.lists(conditions(), max_size=2)
limits = st.none() | st.integers(0, 8)


def page(query: Any, limit: int | None, offset: int | None) -> Any:
    query = query if limit is None else query.limit(limit)
    return query if offset is None else query.offset(offset)


def paged(found: Sequence[Any], limit: int | None, offset: int | None) -> list[Any]:
    start = offset or 0
    return list(found[start:] if limit is None else found[start : start + limit])


@settings(max_examples=400)
@given(rows(), some_conditions, st.lists(keys(), max_size=2), limits, limits)
def test_the_same_rows_in_the_same_order(tables, contents, questions, by, limit, offset):
    def ask(query):
        query = wheres(query, questions)
        for key in by:
            query = query.order_by(key.build)
        found = page(query.order_by("id"), limit, offset)
        return [row.id for row in found.all()], found.count(), found.exists(), getattr(found.first(), "id", None)

    expected = [row["id"] for row in paged(ordered(matching(contents, questions), by), limit, offset)]
    same_everywhere(tables, contents, ask, (expected, len(expected), bool(expected), next(iter(expected), None)))


@settings(max_examples=400)
@given(rows(), st.lists(anything(), min_size=1, max_size=4))
def test_an_expression_has_the_same_values(tables, contents, questions):
    def ask(query):
        return spelling(
            tuple(query.select(lambda row: tuple(one.build(row) for one in questions)).order_by("id").all())
        )

    same_everywhere(
        tables, contents, ask, spelling(tuple(tuple(one.answer(row) for one in questions) for row in contents))
    )


@settings(max_examples=150)
@given(rows(), some_conditions, st.lists(st.sampled_from(list(COLUMNS)).flatmap(columns), min_size=1, max_size=2))
def test_distinct_leaves_each_value_once(tables, contents, questions, chosen):
    def ask(query):
        found = wheres(query, questions).select(lambda row: tuple(one.build(row) for one in chosen)).distinct()
        return Counter(found.all()), found.count()

    expected = {tuple(one.answer(row) for one in chosen) for row in matching(contents, questions)}
    same_everywhere(tables, contents, ask, (Counter(expected), len(expected)))


def mean(values: list[Any]) -> float | None:
    return sum(values) / len(values) if values else None


@settings(max_examples=200)
@given(
    rows(), some_conditions, st.sampled_from(["int", "float", "decimal", "text", "date"]).flatmap(of_kind), st.data()
)
def test_the_least_and_the_greatest_are_the_same(tables, contents, questions, question, data):
    values = [value for row in matching(contents, questions) if (value := question.answer(row)) is not None]

    def ask(query):
        query = wheres(query, questions)
        return (
            query.min(question.build),
            query.max(question.build),
            query.where(lambda row: question.build(row).is_not_null()).count(),
        )

    same_everywhere(tables, contents, ask, (min(values, default=None), max(values, default=None), len(values)))


@settings(max_examples=200)
@given(rows(), some_conditions)
def test_sums_and_averages_are_the_same(tables, contents, questions):
    def values(name):
        return [row[name] for row in matching(contents, questions) if row[name] is not None]

    def ask(query):
        query = wheres(query, questions)
        return spelling((query.sum("n"), query.avg("n"), query.sum("f"), query.avg("f"), query.sum("d")))

    def total(name):
        return plain(sum(values(name))) if values(name) else None

    expected = (total("n"), mean(values("n")), total("f"), mean(values("f")), plain_sum(values("d")))
    same_everywhere(tables, contents, ask, spelling(expected))


def plain_sum(values: list[Decimal]) -> Decimal | None:
    return plain(sum(values[1:], start=values[0])) if values else None


@settings(max_examples=200)
@given(rows(), numbers("decimal", 1), numbers("decimal", 1) | numbers("int", 1) | constants("decimal"))
def test_decimals_are_divided_to_the_same_digits(tables, contents, left, right):
    """Both databases give the same digits, at least 16 of them, the last one rounded rightly."""

    def ask(query):
        return [
            *query.select(lambda row: left.build(row) / right.build(row)).order_by("id").all(),
            query.avg(left.build),
        ]

    answers = []
    for name, database in tables.items():
        with filled(database, contents) as query:
            note(f"on {name}")
            answers.append(ask(query))
    assert all(spelling(tuple(answer)) == spelling(tuple(answers[0])) for answer in answers)
    *quotients, average = answers[0]
    known = [value for row in contents if (value := left.answer(row)) is not None]
    assert_is_nearest(average, sum(map(Fraction, known)), len(known))
    for row, quotient in zip(contents, quotients, strict=True):
        dividend, divisor = left.answer(row), right.answer(row)
        if dividend is None or not divisor:
            assert quotient is None
        else:
            assert_is_nearest(quotient, Fraction(dividend), divisor)


def assert_is_nearest(quotient: Decimal | None, dividend: Fraction, divisor: Any) -> None:
    if quotient is None:
        assert not divisor
        return
    digits = -int(quotient.as_tuple().exponent)
    exact = dividend / Fraction(divisor)
    assert abs(Fraction(quotient) - exact) <= Fraction(1, 2 * 10**digits)
    assert not exact or len(str(abs(int(exact * 10**digits)))) >= 16


ASSIGNED = {"n": ["int"], "f": ["float", "int"], "d": ["decimal", "int"], "t": ["text"], "b": ["bool"], "day": ["date"]}
STORED: dict[str, Callable[[Any], Any]] = {"f": float, "d": Decimal}


@st.composite
def recipes(draw: st.DrawFn) -> dict[str, Question]:
    chosen = draw(st.lists(st.sampled_from(list(ASSIGNED)), min_size=1, max_size=3, unique=True))
    return {name: draw(assigned(draw(st.sampled_from(ASSIGNED[name])))) for name in chosen}


def assigned(kind: str) -> st.SearchStrategy[Question]:
    if kind == "bool":
        return conditions(1) | constants("bool")
    return of_kind(kind, 2) | constants(kind) if kind != "date" else of_kind(kind)


@settings(max_examples=200)
@given(rows(), some_conditions, recipes())
def test_an_update_leaves_the_same_table(tables, contents, questions, recipe):
    changed = {row["id"] for row in matching(contents, questions)}

    def after(row):
        if row["id"] not in changed:
            return row
        values = {name: question.answer(row) for name, question in recipe.items()}
        return {**row, **{name: stored(name, value) for name, value in values.items()}}

    def ask(query):
        count = wheres(query, questions).update(lambda row: {name: one.build(row) for name, one in recipe.items()})
        return count, [spelling(tuple(dict(row).items())) for row in query.order_by("id").all()]

    expected = [spelling(tuple({name: after(row)[name] for name in Fact.model_fields}.items())) for row in contents]
    same_everywhere(tables, contents, ask, (len(changed), expected))


class Counter64(Model):
    id: int | None = Field(default=None, primary_key=True)
    n: int
    m: int
    small: int = Field(default=0, db_type="smallint")


for known in (declared, active):
    known.pop("Counter64")

LIMIT = 2**63
at_the_edge = st.sampled_from([LIMIT - 1, -LIMIT, LIMIT // 2, -LIMIT // 2 - 1, 2**32, -1, 0, 1]) | st.integers(
    -LIMIT, LIMIT - 1
)


class LeftRangeError(Exception):
    """A number that has no place in 64 bits came up."""


def within_64_bits(question: Question) -> Question:
    def answer(row: Row) -> Any:
        value = question.answer(row)
        if not -LIMIT <= value < LIMIT:
            raise LeftRangeError
        return value

    return replace(question, answer=answer)


def calculations() -> st.SearchStrategy[Question]:
    """Whole numbers, calculated step by step, none of which may leave 64 bits. No nulls: they hide a step."""
    leaves = st.sampled_from([column("n", "int"), column("m", "int")])
    few = st.integers(-3, 3).filter(bool).map(lambda value: constant(value, "int"))

    def larger(inner: st.SearchStrategy[Question]) -> st.SearchStrategy[Question]:
        calculated = st.builds(arithmetic, inner, st.sampled_from(["+", "-", "*"]), inner | few)
        divided = st.builds(arithmetic, inner, st.sampled_from(["//", "%"]), few)
        negative = inner.map(lambda one: combined("int", "-{}", operator.neg, operator.neg, one))
        return (calculated | divided | negative).map(within_64_bits)

    return larger(st.recursive(leaves, larger, max_leaves=4))


@settings(max_examples=300)
@given(at_the_edge, at_the_edge, calculations())
def test_a_whole_number_that_leaves_its_column_is_an_error_and_never_another_number(tables, n, m, question):
    try:
        expected = question.answer({"n": n, "m": m})
    except LeftRangeError:
        expected = None
    for name, database in tables.items():
        note(f"on {name}")
        with filled(database, [{"n": n, "m": m}], Counter64) as query:
            for ask, fits in (
                (lambda query: query.select(question.build).one(), expected is not None),
                (lambda query: update_one(query, "n", question), expected is not None),
                (
                    lambda query: update_one(query, "small", question),
                    expected is not None and -(2**15) <= expected < 2**15,
                ),
            ):
                if fits:
                    assert spelling(ask(query)) == (int, expected)
                    query.update(n=n, m=m)
                else:
                    with pytest.raises(DataError), database.transaction():
                        ask(query)


def update_one(query: Query[Any], name: str, question: Question) -> Any:
    assert query.update(lambda row: {name: question.build(row)}) == 1
    return getattr(query.one(), name)


def stored(name: str, value: Any) -> Any:
    return value if value is None or name not in STORED else STORED[name](value)


@settings(max_examples=100)
@given(rows(), some_conditions)
def test_a_delete_leaves_the_same_rows(tables, contents, questions):
    gone = {row["id"] for row in matching(contents, questions)}

    def ask(query):
        return wheres(query, questions).delete(), [row.id for row in query.order_by("id").all()]

    same_everywhere(tables, contents, ask, (len(gone), [row["id"] for row in contents if row["id"] not in gone]))
