"""Dates, times, instants, wall clocks and spans of time."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, FutureDatetime, NaiveDatetime, PastDate, PastDatetime

from ferro.types import column_type

NEW_YEAR = datetime(2024, 1, 1, 12, tzinfo=UTC)
CLOCK = NEW_YEAR.replace(tzinfo=None)
KOLKATA = timezone(timedelta(hours=5, minutes=30))
BERLIN = ZoneInfo("Europe/Berlin")

offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
clocks = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))
instants = st.builds(lambda clock, zone: clock.replace(tzinfo=zone), clocks, offsets)
spans = st.integers(-(2**63), 2**63 - 1).map(lambda number: number * timedelta(microseconds=1))


@settings(max_examples=200, deadline=None)
@given(day=st.dates(), at=st.times(), clock=st.datetimes(), span=spans)
def test_every_date_time_and_span_comes_back(through, day, at, clock, span):
    for annotation, value in ((date, day), (time, at), (NaiveDatetime, clock), (timedelta, span)):
        back = through(annotation, value)
        assert back == value
        assert type(back) is type(value)


@settings(max_examples=200, deadline=None)
@given(value=instants)
@pytest.mark.parametrize("db_type", ["timestamptz", "timestamp"])
def test_every_instant_comes_back_in_utc(through, db_type, value):
    back = through(datetime, value, db_type)
    assert back == value
    assert back.isoformat() == value.astimezone(UTC).isoformat()


@settings(max_examples=200, deadline=None)
@given(
    days=st.lists(st.dates(), max_size=6),
    times=st.lists(st.times(), max_size=6),
    moments=st.lists(instants, max_size=6),
    lengths=st.lists(spans, max_size=6),
)
def test_they_sort_as_in_python(in_order, days, times, moments, lengths):
    assert in_order(date, days) == sorted(days)
    assert in_order(time, times) == sorted(times)
    assert in_order(datetime, moments) == sorted(moments)
    assert in_order(timedelta, lengths) == sorted(lengths)


@pytest.mark.parametrize(
    ("annotation", "value", "text"),
    [
        (date, date(987, 6, 5), "0987-06-05"),
        (time, time(1, 2, 3), "01:02:03.000000"),
        (datetime, NEW_YEAR, "2024-01-01 12:00:00.000000+00:00"),
        (datetime, datetime(7, 6, 5, 4, 3, 2, 1, tzinfo=UTC), "0007-06-05 04:03:02.000001+00:00"),
        (datetime, datetime(2024, 1, 1, 12, tzinfo=KOLKATA), "2024-01-01 06:30:00.000000+00:00"),
        (NaiveDatetime, datetime(987, 6, 5, 4, 3, 2, 1), "0987-06-05 04:03:02.000001"),
        (timedelta, timedelta(days=-1, microseconds=1), -86_399_999_999),
    ],
)
def test_what_sqlite_keeps_sorts_as_what_it_says(annotation, value, text):
    assert column_type(annotation).stored["sqlite"].dump(value) == text


def test_postgresql_is_given_instants_in_utc():
    dump = column_type(datetime).stored["postgresql"].dump
    assert repr(dump(datetime(2024, 1, 1, tzinfo=KOLKATA))) == repr(datetime(2023, 12, 31, 18, 30, tzinfo=UTC))
    as_timestamp = column_type(datetime, db_type="timestamp").stored["postgresql"]
    assert as_timestamp.dump(NEW_YEAR) == CLOCK
    assert as_timestamp.load(CLOCK) == NEW_YEAR


def test_whatever_zone_a_session_has_instants_are_read_in_utc():
    load = column_type(datetime).stored["postgresql"].load
    for value in (NEW_YEAR, NEW_YEAR.astimezone(BERLIN), CLOCK):
        assert load(value).isoformat() == "2024-01-01T12:00:00+00:00"


def test_a_wall_clock_is_read_without_a_zone_from_any_column():
    load = column_type(NaiveDatetime).stored["postgresql"].load
    assert load(CLOCK) == load(NEW_YEAR.astimezone(BERLIN)) == CLOCK


@pytest.mark.parametrize("fold", [0, 1])
def test_the_fold_of_an_instant_is_taken_into_account(through, fold):
    twice = datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=fold)
    assert through(datetime, twice).isoformat() == f"2024-10-27T0{fold}:30:00+00:00"


@pytest.mark.parametrize("annotation", [datetime, AwareDatetime, PastDatetime, FutureDatetime])
def test_a_clock_without_a_zone_is_no_instant(annotation, dialect):
    for refuse in (column_type(annotation).accept, column_type(annotation).stored[dialect].dump):
        with pytest.raises(ValueError) as refused:
            refuse(CLOCK)
        assert str(refused.value) == (
            "2024-01-01 12:00:00 has no timezone, and a datetime column holds an instant: add one, such as"
            " tzinfo=timezone.utc, or annotate the field NaiveDatetime to keep a wall clock"
        )


def test_an_instant_is_no_wall_clock(dialect):
    with pytest.raises(ValueError) as refused:
        column_type(NaiveDatetime).stored[dialect].dump(NEW_YEAR)
    assert str(refused.value) == (
        "2024-01-01 12:00:00+00:00 has a timezone, and a NaiveDatetime column holds a wall clock:"
        " use .replace(tzinfo=None), or annotate the field datetime to keep an instant"
    )


def test_a_time_keeps_no_timezone(dialect):
    with pytest.raises(ValueError, match="^01:02:00.00:00 has a timezone, which a time column does not keep"):
        column_type(time).stored[dialect].dump(time(1, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    "value",
    [datetime.min.replace(tzinfo=KOLKATA), datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))],
)
def test_an_instant_outside_python_s_years_in_utc_is_refused(value, dialect):
    with pytest.raises(ValueError, match="is outside the years 1 to 9999 in UTC$"):
        column_type(datetime).stored[dialect].dump(value)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_span_longer_than_64_bits_of_microseconds_is_refused_on_both(number, dialect):
    with pytest.raises(ValueError, match="does not fit a 64-bit column of microseconds$"):
        column_type(timedelta).stored[dialect].dump(number * timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (date, NEW_YEAR, f"expected date, got {NEW_YEAR!r}"),
        (date, "yesterday", "expected date, got 'yesterday'"),
        (datetime, date(2024, 1, 1), "expected datetime, got datetime.date(2024, 1, 1)"),
        (time, 5, "expected time, got 5"),
        (timedelta, 5, "expected timedelta, got 5"),
        (NaiveDatetime, "noon", "expected datetime, got 'noon'"),
    ],
)
def test_anything_else_is_refused(annotation, value, message, dialect):
    for refuse in (column_type(annotation).accept, column_type(annotation).stored[dialect].dump):
        with pytest.raises(ValueError) as refused:
            refuse(value)
        assert str(refused.value) == message


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (date, "2024-01-01", date(2024, 1, 1)),
        (PastDate, "2024-01-01", date(2024, 1, 1)),
        (time, "12:30", time(12, 30)),
        (datetime, "2024-01-01T12:00:00Z", NEW_YEAR),
        (NaiveDatetime, "2024-01-01 12:00", CLOCK),
    ],
)
def test_iso_texts_are_accepted(annotation, text, value):
    assert column_type(annotation).accept(text) == value


class Stardate(datetime):
    def isoformat(self, *_args, **_kwargs):
        return "stardate"


def test_a_subclass_is_stored_as_what_it_is(through):
    assert through(datetime, Stardate(2024, 1, 1, 12, tzinfo=UTC)) == NEW_YEAR
    assert through(NaiveDatetime, Stardate(2024, 1, 1, 12)) == CLOCK
