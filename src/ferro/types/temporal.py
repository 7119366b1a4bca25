"""Dates and times: `date`, `time`, `datetime` as an instant, `NaiveDatetime` as a wall clock, `timedelta`.

`fold` tells two readings of a wall clock apart in a time zone. An instant takes it into account on
its way to UTC; a wall clock has no zone for it to mean anything in, and does not keep it.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from typing import Any

from pydantic import AwareDatetime, FutureDate, FutureDatetime, NaiveDatetime, PastDate, PastDatetime

from ferro.types.annotations import Asked
from ferro.types.base import ColumnType, Convert, Kinds, Stored, unchanged
from ferro.types.values import shown, unexpected

MICROSECOND = timedelta(microseconds=1)


def accept_date(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return read(date.fromisoformat, "date", value)
    raise unexpected("date", value)


def read(fromisoformat: Convert, expected: str, text: str) -> Any:
    try:
        return fromisoformat(text)
    except ValueError:
        raise unexpected(expected, text) from None


def dump_date(value: Any) -> date:
    return value if type(value) is date else accept_date(value)


def date_to_text(value: Any) -> str:
    return date.isoformat(dump_date(value))


def accept_time(value: Any) -> time:
    if isinstance(value, str):
        value = read(time.fromisoformat, "time", value)
    if not isinstance(value, time):
        raise unexpected("time", value)
    if value.tzinfo is not None:
        raise ValueError(f"{value} has a timezone, which a time column does not keep: use .replace(tzinfo=None)")
    return value


def dump_time(value: Any) -> time:
    return value if type(value) is time and value.tzinfo is None else accept_time(value)


def time_to_text(value: Any) -> str:
    # Always with microseconds, so that texts sort as the times they say.
    return time.isoformat(dump_time(value), "microseconds")


def accept_instant(value: Any) -> datetime:
    if isinstance(value, str):
        value = read(datetime.fromisoformat, "datetime", value)
    if not isinstance(value, datetime):
        raise unexpected("datetime", value)
    if value.utcoffset() is None:
        raise ValueError(
            f"{value} has no timezone, and a datetime column holds an instant:"
            " add one, such as tzinfo=timezone.utc, or annotate the field NaiveDatetime to keep a wall clock"
        )
    return value


def to_utc(value: Any) -> datetime:
    if type(value) is datetime and value.tzinfo is UTC:
        return value
    instant = accept_instant(value)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{value} is outside the years 1 to 9999 in UTC") from None


zone_of = attrgetter("tzinfo")


def all_in_utc(values: Sequence[Any], kinds: Kinds) -> Sequence[Any] | None:
    return values if kinds == {datetime} and all(zone is UTC for zone in map(zone_of, values)) else None


def instants_to_texts(values: Sequence[Any], kinds: Kinds) -> Sequence[Any] | None:
    if all_in_utc(values, kinds) is None:
        return None
    spell = datetime.isoformat
    return [f"{spell(value.replace(tzinfo=None), ' ', 'microseconds')}+00:00" for value in values]


TWO_DIGITS = [f"{number:02}" for number in range(100)]


def instant_to_text(value: Any) -> str:
    # Put together it takes a third of the time of isoformat(), and half of what filling in numbers does.
    at = value if type(value) is datetime and value.tzinfo is UTC else to_utc(value)
    two, (century, year) = TWO_DIGITS, divmod(at.year, 100)
    return (
        f"{two[century]}{two[year]}-{two[at.month]}-{two[at.day]}"
        f" {two[at.hour]}:{two[at.minute]}:{two[at.second]}.{at.microsecond:06}+00:00"
    )


def to_utc_clock(value: Any) -> datetime:
    return to_utc(value).replace(tzinfo=None)


def utc_clock_to_text(value: Any) -> str:
    return datetime.isoformat(to_utc_clock(value), " ", "microseconds")


def text_to_utc_clock(text: Any) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def as_utc(value: Any) -> datetime:
    """Whatever PostgreSQL keeps, as an instant in UTC."""
    # A table made by hand may have a plain timestamp, and a session another zone.
    zone = value.tzinfo
    if zone is UTC:
        return value
    return value.replace(tzinfo=UTC) if zone is None else value.astimezone(UTC)


def accept_clock(value: Any) -> datetime:
    if isinstance(value, str):
        value = read(datetime.fromisoformat, "datetime", value)
    if not isinstance(value, datetime):
        raise unexpected("datetime", value)
    if value.tzinfo is not None:
        raise ValueError(
            f"{value} has a timezone, and a NaiveDatetime column holds a wall clock:"
            " use .replace(tzinfo=None), or annotate the field datetime to keep an instant"
        )
    return value


def dump_clock(value: Any) -> datetime:
    return value if type(value) is datetime and value.tzinfo is None else accept_clock(value)


def clock_to_text(value: Any) -> str:
    return datetime.isoformat(dump_clock(value), " ", "microseconds")


def as_clock(value: Any) -> datetime:
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def microseconds(value: timedelta) -> int:
    return (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds


def accept_timedelta(value: Any) -> timedelta:
    if not isinstance(value, timedelta):
        raise unexpected("timedelta", value)
    if -(2**63) <= microseconds(value) < 2**63:
        return value
    raise ValueError(f"{shown(value)} does not fit a 64-bit column of microseconds")


def timedelta_to_integer(value: Any) -> int:
    return microseconds(accept_timedelta(value))


def integer_to_timedelta(value: Any) -> timedelta:
    return value * MICROSECOND


DATE = ColumnType(
    name="date",
    python_type=date,
    kind="date",
    accept=accept_date,
    stored={
        "sqlite": Stored("date_text", dump=date_to_text, load=date.fromisoformat),
        "postgresql": Stored("date", dump=dump_date, dump_many=unchanged(date)),
    },
)
TIME = ColumnType(
    name="time",
    python_type=time,
    kind="time",
    accept=accept_time,
    stored={
        "sqlite": Stored("time_text", dump=time_to_text, load=time.fromisoformat),
        "postgresql": Stored("time", dump=dump_time),
    },
)
INSTANT = ColumnType(
    name="datetime",
    python_type=datetime,
    kind="datetime",
    accept=accept_instant,
    stored={
        "sqlite": Stored(
            "timestamp_with_timezone_text",
            dump=instant_to_text,
            load=datetime.fromisoformat,
            dump_many=instants_to_texts,
        ),
        "postgresql": Stored("timestamptz", dump=to_utc, load=as_utc, dump_many=all_in_utc),
    },
)
INSTANT_AS_TIMESTAMP = ColumnType(
    name="datetime",
    python_type=datetime,
    kind="datetime",
    accept=accept_instant,
    stored={
        "sqlite": Stored("timestamp_text", dump=utc_clock_to_text, load=text_to_utc_clock),
        "postgresql": Stored("timestamp", dump=to_utc_clock, load=as_utc),
    },
)
CLOCK = ColumnType(
    name="NaiveDatetime",
    python_type=NaiveDatetime,
    kind="naive_datetime",
    accept=accept_clock,
    stored={
        "sqlite": Stored("timestamp_text", dump=clock_to_text, load=datetime.fromisoformat),
        "postgresql": Stored("timestamp", dump=dump_clock, load=as_clock),
    },
)
# The declared name begins with INT, which makes SQLite keep integers in it.
TIMEDELTA = ColumnType(
    name="timedelta",
    python_type=timedelta,
    kind="timedelta",
    accept=accept_timedelta,
    stored={
        "sqlite": Stored("interval_microseconds", dump=timedelta_to_integer, load=integer_to_timedelta),
        "postgresql": Stored("interval", dump=accept_timedelta),
    },
)

# By annotation: the column type for each db_type, the first being ferro's own choice.
INSTANTS = {"timestamptz": INSTANT, "timestamp": INSTANT_AS_TIMESTAMP}
TYPES: dict[Any, dict[str, ColumnType]] = {
    date: {"date": DATE},
    PastDate: {"date": DATE},
    FutureDate: {"date": DATE},
    time: {"time": TIME},
    datetime: INSTANTS,
    AwareDatetime: INSTANTS,
    PastDatetime: INSTANTS,
    FutureDatetime: INSTANTS,
    NaiveDatetime: {"timestamp": CLOCK},
    timedelta: {},
}


def match(asked: Asked) -> ColumnType | None:
    if not isinstance(asked.inner, type) or (types := TYPES.get(asked.inner)) is None:
        return None
    token = asked.token(*types)
    if asked.inner is timedelta:
        return TIMEDELTA
    return types[token or next(iter(types))]
