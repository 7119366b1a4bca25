"""Calculating with dates and times kept as text, which SQLite does to the millisecond only."""

from datetime import date, datetime, timedelta
from typing import Any

from ferro.types.functions import SqliteFunction
from ferro.types.temporal import microseconds

DATE = len("2026-01-31")
CLOCK = len("2026-01-31 00:00:00.000000")
DAY = 24 * 60 * 60 * 1_000_000


def add(text: Any, span: Any) -> str | None:
    """A date or datetime some microseconds later; whatever stands behind the clock stays."""
    return None if text is None or span is None else moved(text, span)


def subtract(text: Any, span: Any) -> str | None:
    """A date or datetime some microseconds earlier. A date looks at whole days, as in Python."""
    if text is None or span is None:
        return None
    return moved(text, -(span - span % DAY) if len(text) == DATE else -span)


def moved(text: str, span: int) -> str:
    try:
        by = timedelta(microseconds=span)
        if len(text) == DATE:
            return date.isoformat(date.fromisoformat(text) + by)
        moment = datetime.fromisoformat(text[:CLOCK]) + by
    except OverflowError as error:
        # sqlite3 would take it for a text that is too long.
        raise ValueError(str(error)) from None
    return moment.isoformat(" ", "microseconds") + text[CLOCK:]


def difference(one: Any, other: Any) -> int | None:
    """The microseconds from the second to the first."""
    if one is None or other is None:
        return None
    return microseconds(datetime.fromisoformat(one[:CLOCK]) - datetime.fromisoformat(other[:CLOCK]))


FUNCTIONS = (
    SqliteFunction("ferro_moment_add", 2, add),
    SqliteFunction("ferro_moment_subtract", 2, subtract),
    SqliteFunction("ferro_moment_difference", 2, difference),
)
