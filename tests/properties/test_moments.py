"""Dates are calculated with as in Python, to the microsecond, on SQLite and on PostgreSQL."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from pydantic import NaiveDatetime

from ferro import Field, Model, date_trunc, day, hour, minute, month, second, weekday, year
from ferro.schema.registry import active, declared
from ferro.sync import Database

from .test_queries import filled

# Far enough from both ends of the calendar for the spans that are added.
EARLY, LATE = datetime(200, 1, 1), datetime(9800, 1, 1)
clocks = st.datetimes(EARLY, LATE)
dates = st.dates(EARLY.date(), LATE.date())
spans = st.timedeltas(timedelta(days=-60_000), timedelta(days=60_000)) | st.timedeltas(
    timedelta(days=-2), timedelta(days=2)
)


class Happening(Model):
    id: int | None = Field(default=None, primary_key=True)
    seen: datetime
    kept: datetime = Field(db_type="timestamp")
    alarm: NaiveDatetime
    born: date
    span: timedelta


# Other tests, which create all tables there are, need not know of it.
for known in (declared, active):
    known.pop("Happening")


@pytest.fixture(scope="session")
def tables(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(Happening)
    return databases


def happening(clock: datetime, born: date, span: timedelta) -> dict[str, Any]:
    seen = clock.replace(tzinfo=UTC)
    return {"seen": seen, "kept": seen, "alarm": clock, "born": born, "span": span}


def same_everywhere(tables: Mapping[str, Database], row: dict[str, Any], expression: Any, expected: Any) -> None:
    for name, database in tables.items():
        note(f"on {name}")
        with filled(database, [row], Happening) as query:
            assert query.select(expression).all() == [expected]


def begun(unit: str, moment: Any) -> Any:
    """The beginning of a unit, in plain Python."""
    if unit == "week":
        return begun("day", moment - timedelta(days=moment.weekday()))
    names = ["month", "day", *(["hour", "minute", "second", "microsecond"] if isinstance(moment, datetime) else [])]
    if unit == "quarter":
        return begun("month", moment.replace(day=1, month=(moment.month - 1) // 3 * 3 + 1))
    smaller = names if unit == "year" else names[names.index(unit) + 1 :]
    return moment.replace(**{name: 1 if name in ("month", "day") else 0 for name in smaller})


@given(clocks, dates)
def test_the_parts_are_pythons(tables, clock, born):
    row = happening(clock, born, timedelta(0))
    parts = (clock.year, clock.month, clock.day, clock.hour, clock.minute, clock.second, clock.isoweekday())
    for name in ("seen", "kept", "alarm"):

        def ask(h: Any, name: str = name) -> Any:
            found = getattr(h, name)
            return tuple(part(found) for part in (year, month, day, hour, minute, second, weekday))

        same_everywhere(tables, row, ask, parts)
    expected = (born.year, born.month, born.day, born.isoweekday())
    same_everywhere(tables, row, lambda h: (year(h.born), month(h.born), day(h.born), weekday(h.born)), expected)


@pytest.mark.parametrize("unit", ["year", "quarter", "month", "week", "day", "hour", "minute", "second"])
@given(clock=clocks | st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59)), born=st.dates())
def test_a_unit_begins_where_it_does_in_python(tables, unit, clock, born):
    row = happening(clock, born, timedelta(0))
    instant = row["seen"]

    def ask(h: Any) -> Any:
        return date_trunc(unit, h.seen), date_trunc(unit, h.kept), date_trunc(unit, h.alarm)

    same_everywhere(tables, row, ask, (begun(unit, instant), begun(unit, instant), begun(unit, clock)))
    if unit not in ("hour", "minute", "second"):
        same_everywhere(tables, row, lambda h: date_trunc(unit, h.born), begun(unit, born))


@given(clocks, dates, spans, spans)
def test_spans_are_added_and_taken_away_exactly(tables, clock, born, span, other):
    row = happening(clock, born, span)
    instant = row["seen"]

    def moved(h: Any) -> Any:
        return h.seen + h.span, h.kept - h.span, h.alarm + other, other + h.seen, h.seen - other

    same_everywhere(
        tables, row, moved, (instant + span, instant - span, clock + other, instant + other, instant - other)
    )

    def of_dates(h: Any) -> Any:
        return h.born + h.span, h.born - h.span, h.born + other, h.born - other

    same_everywhere(tables, row, of_dates, (born + span, born - span, born + other, born - other))
    same_everywhere(
        tables,
        row,
        lambda h: (h.span + other, h.span - other, other - h.span),
        (span + other, span - other, other - span),
    )


@given(clocks, dates, clocks, dates)
def test_the_time_between_two_moments_is_exact(tables, clock, born, other, another):
    row = happening(clock, born, timedelta(0))
    instant = other.replace(tzinfo=UTC)

    def ask(h: Any) -> Any:
        return h.seen - instant, instant - h.kept, h.alarm - other, h.born - another, another - h.born, h.seen - h.kept

    between = clock - other
    expected = (between, -between, between, born - another, another - born, timedelta(0))
    same_everywhere(tables, row, ask, expected)
    compared = (clock - other > timedelta(0), clock - between == other)
    same_everywhere(tables, row, lambda h: (h.seen - instant > timedelta(0), h.alarm - between == other), compared)
