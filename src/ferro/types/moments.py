"""Calculating with dates and times kept as text, which SQLite does to the millisecond only."""

from datetime import date, datetime, timedelta
from typing import Any

from ferro.types.functions import SqliteFunction
from ferro.types.temporal import microseconds

DATE = len("2026-01-31")
CLOCK = len("2026-01-31 00:00:00.000000")


def add(text: Any, span: Any) -> str | None:
    """A date or datetime some microseconds later; whatever stands behind the clock stays."""
    return None if text is None or span is None else moved(text, timedelta(microseconds=span))


def subtract(text: Any, span: Any) -> str | None:
    """A date or datetime some microseconds earlier. A date looks at whole days, as in Python."""
    if text is None or span is None:
        return None
    if len(text) == DATE:
        return moved(text, timedelta(days=-timedelta(microseconds=span).days))
    return moved(text, timedelta(microseconds=-span))


def moved(text: str, span: timedelta) -> str:
    if len(text) == DATE:
        return date.isoformat(date.fromisoformat(text) + span)
    moment = datetime.fromisoformat(text[:CLOCK]) + span
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
