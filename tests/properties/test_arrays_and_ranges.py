"""What the databases say of arrays and ranges is what Python says of lists and ranges."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from ferro import Field, ModelBase, Range
from ferro.schema.registry import active, declared
from ferro.sync import Database


class Pair(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    words: list[str | None] = Field(db_type="array")
    prices: list[Decimal | None] = Field(db_type="array")
    numbers: Range[int]
    costs: Range[Decimal]
    days: Range[date]


for known in (declared, active):
    known.pop("Pair")

FIRST = date(2024, 1, 1)
words = st.lists(st.none() | st.sampled_from(["", "a", "A", "é", '"', "NULL", "\\"]), max_size=4)
prices = st.lists(st.none() | st.sampled_from(["0", "1", "1.0", "1.00", "2.5", "-3"]).map(Decimal), max_size=4)


def ranges(ends: st.SearchStrategy[Any]) -> st.SearchStrategy[Range[Any]]:
    bounds = st.sampled_from(["[)", "(]", "[]", "()"])
    whole = st.builds(lambda one, other, kept: Range(min(one, other), max(one, other), kept), ends, ends, bounds)
    half = st.builds(Range, ends, st.none(), bounds) | st.builds(Range, st.none(), ends, bounds)
    return st.one_of(whole, whole, half, st.sampled_from([Range(), Range[Any].empty()]))


ENDS: dict[str, st.SearchStrategy[Any]] = {
    "numbers": st.integers(-4, 4),
    "costs": st.sampled_from(["-1", "0", "0.5", "0.50", "1", "1.0"]).map(Decimal),
    "days": st.integers(0, 6).map(lambda days: FIRST + timedelta(days)),
}


class Undo(Exception):
    """The end of an example."""


@contextmanager
def undone(database: Database) -> Iterator[None]:
    try:
        with database.transaction():
            yield
            raise Undo
    except Undo:
        pass


@pytest.fixture(scope="session")
def paired(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(Pair)
    return databases


def pair(**given: Any) -> Pair:
    empty: dict[str, Any] = {"words": [], "prices": [], "numbers": Range(), "costs": Range(), "days": Range()}
    return Pair(**{**empty, **given})


def holds(database: Database, predicate: Callable[[Any], Any]) -> bool:
    return database.query(Pair).where(predicate).count() == 1


def asking(name: str, question: str, other: Any) -> Callable[[Any], Any]:
    return lambda row: getattr(getattr(row, name), question)(other)


@pytest.mark.parametrize(("name", "values"), [("words", words), ("prices", prices)])
@given(data=st.data())
def test_arrays_are_asked_as_lists_are(name, values, paired, data):
    kept, other = data.draw(values), data.draw(values)
    present, among = {one for one in kept if one is not None}, {one for one in other if one is not None}
    value = data.draw(values.filter(bool).map(lambda found: found[0]).filter(lambda one: one is not None))
    at = data.draw(st.integers(-5, 5))
    item = kept[at] if -len(kept) <= at < len(kept) else None
    for backend, database in paired.items():
        note(f"on {backend}")
        with undone(database):
            database.create(Pair, **dict(pair(**{name: kept})))

            def column(row: Any) -> Any:
                return getattr(row, name)

            assert holds(database, lambda row: column(row) == other) == (kept == other)
            assert holds(database, lambda row: column(row).in_([other, kept, other]))
            assert holds(database, lambda row: column(row).contains(other)) == (None not in other and among <= present)
            assert holds(database, lambda row: column(row).contained_by(other)) == (
                None not in kept and present <= among
            )
            assert holds(database, lambda row: column(row).overlaps(other)) == bool(present & among)
            assert holds(database, lambda row: column(row).has(value)) == (value in present)
            assert holds(database, lambda row: column(row).length() == len(kept))
            query = database.query(Pair)
            assert query.select(lambda row: column(row)[at]).one() == item
            query.update(lambda row: {name: (column(row) + other).append(value)})
            assert query.select(column).one() == [*kept, *other, value]
            query.update(lambda row: {name: column(row).remove(value)})
            assert query.select(column).one() == [one for one in [*kept, *other] if one != value]


@pytest.mark.parametrize("name", ENDS)
@given(data=st.data())
def test_ranges_are_asked_as_python_asks_them(name, paired, data):
    one, other, value = data.draw(ranges(ENDS[name])), data.draw(ranges(ENDS[name])), data.draw(ENDS[name])
    for backend, database in paired.items():
        note(f"on {backend}")
        with undone(database):
            database.create(Pair, **dict(pair(**{name: one})))

            def column(row: Any) -> Any:
                return getattr(row, name)

            assert holds(database, lambda row: column(row).contains(value)) == (value in one)
            assert holds(database, lambda row: column(row).is_empty()) == one.is_empty
            assert holds(database, lambda row: column(row) == other) == (one == other)
            assert holds(database, lambda row: column(row).in_([other, one]))
            for question in ("contains", "contained_by", "overlaps", "adjacent_to", "left_of", "right_of"):
                note(question)
                assert holds(database, asking(name, question, other)) == getattr(one, question)(other)
            ends = database.query(Pair).select(lambda row: (column(row).lower(), column(row).upper())).one()
            assert ends == (one.lower, one.upper)


@given(one=ranges(ENDS["numbers"]), other=ranges(ENDS["numbers"]))
def test_a_range_of_numbers_is_the_set_of_them(one, other):
    """Far enough beyond the bounds there is nothing new to see."""

    def members(found: Range[int]) -> set[int]:
        return {number for number in range(-9, 10) if number in found}

    assert (one == other) == (members(one) == members(other))
    assert one.contains(other) == (members(other) <= members(one))
    assert one.overlaps(other) == bool(members(one) & members(other))
    assert one.is_empty == (not members(one))
    if members(one) and members(other):
        assert one.left_of(other) == (max(members(one)) < min(members(other)))
