"""Dates, times and regular expressions: as SQL, and the same on both databases."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from pydantic import NaiveDatetime

from ferro.dialects import DIALECTS, postgres, sqlite
from ferro.errors import QueryError
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.ddl import create_table
from ferro.query.functions import count, max_, min_, now
from ferro.query.moments import date_trunc, day, hour, minute, month, second, weekday, year
from ferro.query.statements import Insert
from ferro.schema.table import Column, Table
from ferro.types import column_type


class Event:
    """Stands for a model class."""


def column(name: str, annotation: Any, **facts: Any) -> Column:
    token = facts.pop("db_type", None)
    return Column(name, name, column_type(annotation, db_type=token), **facts)


EVENT = Table(
    "event",
    Event,
    (
        column("id", int, primary_key=True),
        column("seen", datetime, nullable=True),
        column("kept", datetime, nullable=True, db_type="timestamp"),
        column("alarm", NaiveDatetime, nullable=True),
        column("born", date, nullable=True),
        column("at", time, nullable=True),
        column("span", timedelta, nullable=True),
        column("name", str, nullable=True),
    ),
)
SEEN = datetime(2024, 2, 29, 23, 59, 58, 123457, tzinfo=UTC)
ALARM = datetime(1969, 12, 28, 1, 2, 3, 999999)
BORN = date(2023, 12, 31)
SPAN = timedelta(days=1, hours=1, microseconds=1)
ROWS: list[dict[str, Any]] = [
    {
        "id": 1,
        "seen": SEEN,
        "kept": SEEN,
        "alarm": ALARM,
        "born": BORN,
        "at": time(4, 5, 6, 7),
        "span": SPAN,
        "name": "Ann",
    },
    {"id": 2},
]


@pytest.fixture
def events() -> QueryBase[Any]:
    return QueryBase(Event, EVENT)


@pytest.fixture
def database(empty_database, events):
    for sql in create_table(EVENT, empty_database.dialect):
        empty_database.fetch(sql, ())
    rows = [[row.get(name) for name in EVENT.by_field] for row in ROWS]
    empty_database.run(Insert(events.source, EVENT.columns, rows))
    return empty_database


def where(events: QueryBase[Any], predicate: Any, dialect: Any) -> tuple[str, list[Any]]:
    found = compile(events.select("id").where(predicate).select_statement(), dialect)
    return found.sql.partition(" WHERE ")[2], list(found.params)


WEEK = timedelta(days=7)
SQL: list[tuple[Any, str, str]] = [
    (
        lambda e: year(e.seen) == 2024,
        'CAST(substr("event"."seen", 1, 4) AS INTEGER) = ?',
        'CAST(EXTRACT(year FROM ("event"."seen" AT TIME ZONE \'UTC\')) AS integer) = $1',
    ),
    (
        lambda e: hour(e.at) == 4,
        'CAST(substr("event"."at", 1, 2) AS INTEGER) = ?',
        'CAST(EXTRACT(hour FROM "event"."at") AS integer) = $1',
    ),
    (
        lambda e: date_trunc("month", e.born) == BORN,
        '(substr("event"."born", 1, 7) || \'-01\') = ?',
        'CAST(date_trunc(\'month\', CAST("event"."born" AS timestamp)) AS date) = $1',
    ),
    (
        lambda e: e.seen > now - WEEK,
        "\"event\".\"seen\" > ferro_moment_subtract(strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'), ?)",
        "\"event\".\"seen\" > (((now() AT TIME ZONE 'UTC') - CAST($1 AS interval)) AT TIME ZONE 'UTC')",
    ),
    (
        lambda e: e.alarm + e.span > ALARM,
        'ferro_moment_add("event"."alarm", "event"."span") > ?',
        '("event"."alarm" + "event"."span") > $1',
    ),
]


@pytest.mark.parametrize(("predicate", "on_sqlite", "on_postgres"), SQL)
def test_dates_as_each_database_writes_them(events, predicate, on_sqlite, on_postgres):
    assert where(events, predicate, sqlite)[0] == on_sqlite
    assert where(events, predicate, postgres)[0] == on_postgres


# What each expression is for the first event; for the second, which has nothing, it is None.
VALUES: list[tuple[Any, Any]] = [
    (lambda e: year(e.seen), 2024),
    (lambda e: month(e.kept), 2),
    (lambda e: day(e.born), 31),
    (lambda e: hour(e.seen), 23),
    (lambda e: minute(e.kept), 59),
    (lambda e: second(e.alarm), 3),
    (lambda e: second(e.at), 6),
    (lambda e: minute(e.at), 5),
    (lambda e: weekday(e.seen), 4),
    (lambda e: weekday(e.born), 7),
    (lambda e: weekday(e.alarm), 7),
    (lambda e: date_trunc("year", e.seen), datetime(2024, 1, 1, tzinfo=UTC)),
    (lambda e: date_trunc("quarter", e.born), date(2023, 10, 1)),
    (lambda e: date_trunc("month", e.kept), datetime(2024, 2, 1, tzinfo=UTC)),
    (lambda e: date_trunc("week", e.seen), datetime(2024, 2, 26, tzinfo=UTC)),
    (lambda e: date_trunc("week", e.born), date(2023, 12, 25)),
    (lambda e: date_trunc("week", e.born + timedelta(days=1)), date(2024, 1, 1)),
    (lambda e: date_trunc("day", e.alarm), datetime(1969, 12, 28)),
    (lambda e: date_trunc("hour", e.kept), datetime(2024, 2, 29, 23, tzinfo=UTC)),
    (lambda e: date_trunc("minute", e.alarm), datetime(1969, 12, 28, 1, 2)),
    (lambda e: date_trunc("second", e.seen), SEEN.replace(microsecond=0)),
    (lambda e: e.seen + SPAN, SEEN + SPAN),
    (lambda e: SPAN + e.kept, SEEN + SPAN),
    (lambda e: e.span + e.alarm, ALARM + SPAN),
    (lambda e: e.alarm - e.span, ALARM - SPAN),
    (lambda e: e.born + SPAN, BORN + SPAN),
    (lambda e: e.born - e.span, BORN - SPAN),
    (lambda e: e.born - timedelta(hours=-1), BORN - timedelta(hours=-1)),
    (lambda e: e.born - date(2024, 3, 1), BORN - date(2024, 3, 1)),
    (lambda e: date(2024, 3, 1) - e.born, date(2024, 3, 1) - BORN),
    (lambda e: e.seen - datetime(1, 1, 1, tzinfo=UTC), SEEN - datetime(1, 1, 1, tzinfo=UTC)),
    (lambda e: datetime(9999, 1, 1, tzinfo=UTC) - e.kept, datetime(9999, 1, 1, tzinfo=UTC) - SEEN),
    (lambda e: e.seen - e.kept, timedelta(0)),
    (lambda e: e.alarm - ALARM.replace(year=1970), ALARM - ALARM.replace(year=1970)),
    (lambda e: e.span + e.span, SPAN + SPAN),
    (lambda e: e.span - WEEK, SPAN - WEEK),
    (lambda e: WEEK - e.span, WEEK - SPAN),
    (lambda e: e.seen + SPAN == SEEN + SPAN, True),
    (lambda e: e.seen - e.span < e.seen, True),
    (lambda e: e.born + e.span == date(2024, 1, 1), True),
    (lambda e: e.seen - SEEN == timedelta(0), True),
    (lambda e: (e.seen + e.span) - e.seen == e.span, True),
    (lambda e: date_trunc("day", e.seen) + WEEK > e.seen, True),
]


@pytest.mark.parametrize(("expression", "expected"), VALUES)
def test_a_date_is_the_same_everywhere(database, events, expression, expected):
    assert database.select(events.select(expression).order_by("id")) == [expected, None]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
@pytest.mark.backends("postgres")
def test_instants_are_utc_whatever_the_session_says(database, events, zone):
    database.fetch(f"SET timezone = '{zone}'", ())
    chosen = events.where(lambda e: e.id == 1).select(
        lambda e: (
            hour(e.seen),
            day(e.kept),
            date_trunc("day", e.seen) == datetime(2024, 2, 29, tzinfo=UTC),
            # Over the day New York's clocks are changed.
            e.seen + timedelta(days=20) == SEEN + timedelta(days=20),
            e.seen - e.kept == timedelta(0),
        )
    )
    assert database.select(chosen) == [(23, 29, True, True, True)]


def test_dates_stand_beside_aggregates_in_sorts_and_in_updates(database, events):
    by_month = events.where(lambda e: e.id == 1).select(lambda e: (date_trunc("month", e.seen), count()))
    assert database.select(by_month) == [(datetime(2024, 2, 1, tzinfo=UTC), 1)]
    lasted = events.select(lambda e: max_(e.seen) - min_(e.kept))
    assert database.select(lasted) == [timedelta(0)]
    assert len(database.select(events.select("id").order_by(lambda e: weekday(e.born).desc()))) == 2
    database.run(
        events.update_statement(lambda e: {"seen": e.seen + WEEK, "kept": e.seen - WEEK, "span": e.span + WEEK})
    )
    rows = database.select(events.select("seen", "kept", "span").where(lambda e: e.id == 1))
    assert rows == [(SEEN + WEEK, SEEN - WEEK, SPAN + WEEK)]
    # What an instant was calculated from does not show in how it is kept.
    kept = events.select("id").where(lambda e: e.kept == SEEN - WEEK)
    assert database.select(kept) == [(1,)]
    database.run(events.update_statement(lambda e: {"seen": e.kept, "kept": e.seen}))
    swapped = events.select("id").where(lambda e: (e.seen == SEEN - WEEK) & (e.kept == SEEN + WEEK))
    assert database.select(swapped) == [(1,)]
    assert database.select(events.select("id").where(lambda e: e.seen < now() - WEEK)) == [(1,)]


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        (
            lambda e: date_trunc("months", e.seen),
            "date_trunc\\(\\) knows the units year, quarter, month, week, day, hour",
        ),
        (lambda e: date_trunc("month'; --", e.seen), "date_trunc\\(\\) knows the units"),
        (lambda e: date_trunc("hour", e.born), "event.born is a date, which has no hours"),
        (lambda e: date_trunc("hour", e.at), "date_trunc has no meaning for event.at: it is a time"),
        (lambda e: hour(e.born), "hour has no meaning for event.born: it is a date"),
        (lambda e: year(e.at), "year has no meaning for event.at: it is a time"),
        (lambda e: year(e.name), "year has no meaning for event.name: it is a str"),
        (lambda e: e.seen + e.seen, "event.seen \\+ event.seen: a datetime and a datetime do not go together"),
        (lambda e: e.span - e.seen, "event.span - event.seen: a timedelta and a datetime do not go together"),
        (lambda e: e.seen - e.alarm, "event.seen - event.alarm: a datetime and a NaiveDatetime do not go together"),
        (lambda e: e.seen - e.born, "event.seen - event.born: a datetime and a date do not go together"),
        (lambda e: e.seen - ALARM, "has no timezone"),
        (lambda e: e.seen + 1, "event.seen \\+ expects a timedelta, date or datetime, got 1"),
        (lambda e: e.seen * 2, "\\* has no meaning for event.seen"),
        (lambda e: e.name.matches(1), "event.name.matches\\(\\): expected str, got 1"),
        (lambda e: e.id.matches("1"), "matches has no meaning for event.id: it is an int"),
    ],
)
def test_what_has_no_meaning_is_refused_while_the_query_is_built(events, predicate, message):
    with pytest.raises(QueryError, match=message):
        events.select(predicate)


def test_a_regular_expression_is_a_parameter(events):
    assert where(events, lambda e: e.name.matches("^A.*'"), postgres) == ('"event"."name" ~ $1', ["^A.*'"])
    assert where(events, lambda e: ~e.name.imatches("^a"), postgres) == ('NOT ("event"."name" ~* $1)', ["^a"])
    assert where(events, lambda e: e.name.matches(e.name + "$"), postgres) == (
        '"event"."name" ~ ("event"."name" || CAST($1 AS text))',
        ["$"],
    )


@pytest.mark.parametrize("call", ["matches", "imatches"])
def test_sqlite_has_no_regular_expressions(events, call):
    message = rf"sqlite has no regular expressions, which {call}\(\) needs: use like\(\), ilike\(\), startswith\(\)"
    for pattern in (lambda e: "x", lambda e: e.name):
        with pytest.raises(QueryError, match=message):
            where(events, lambda e, of=pattern: getattr(e.name, call)(of(e)), sqlite)


@pytest.mark.backends("postgres")
def test_a_regular_expression_finds_a_part(database, events):
    def names(predicate: Any) -> list[Any]:
        return [name for (name,) in database.select(events.select("name").where(predicate))]

    assert names(lambda e: e.name.matches("^A.n$")) == ["Ann"]
    assert names(lambda e: e.name.matches("^a")) == []
    assert names(lambda e: e.name.imatches("^a")) == ["Ann"]
    assert names(lambda e: ~e.name.matches("^a")) == ["Ann"]


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=repr)
def test_spans_of_any_length_share_one_statement(events, dialect):
    one = compile(events.where(lambda e: e.seen > now - WEEK).select_statement(), dialect)
    other = compile(events.where(lambda e: e.seen > now - SPAN).select_statement(), dialect)
    assert one.template is other.template
