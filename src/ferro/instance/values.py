"""When two values count as the same: those that can change in place are compared as the database keeps them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from ferro.schema.table import Column


def is_same(one: Any, other: Any) -> bool:
    try:
        return one is other or (type(one) is type(other) and bool(one == other) and is_spelt_alike(one, other))
    except (ArithmeticError, TypeError, ValueError):
        # A signalling NaN cannot be compared: it is refused where it would be written.
        return False


def is_spelt_alike(one: Any, other: Any) -> bool:
    # 1.0 equals 1.00, but a Decimal column keeps the two apart.
    if isinstance(one, Decimal):
        return one.as_tuple() == other.as_tuple()
    # Half past two equals half past two, also where the clocks are turned back in between.
    return not isinstance(one, datetime) or one.fold == other.fold


# Values that can change in place are compared as SQLite's text for them, which every such type has.


def as_kept(column: Column, value: Any) -> Any:
    """How the database keeps a value; an ellipsis for one that it would refuse."""
    dump = column.type.stored["sqlite"].dump
    try:
        return value if value is None or dump is None else dump(value)
    except ValueError:
        return ...


def is_kept_as(column: Column, value: Any, kept: Any) -> bool:
    return kept is not ... and is_same(as_kept(column, value), kept)


def restored(column: Column, kept: Any) -> Any:
    load = column.type.stored["sqlite"].load
    return kept if kept in (None, ...) or load is None else load(kept)
