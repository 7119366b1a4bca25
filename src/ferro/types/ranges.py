"""Ranges: `Range[int]` and its like, range types on PostgreSQL and JSON text on SQLite.

On SQLite ferro's own functions answer what PostgreSQL's operators answer: they ask the same class
that programs use.
"""

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias, cast, get_args, get_origin

from pydantic import AwareDatetime, NaiveDatetime

from ferro.caches import informing
from ferro.types.annotations import Asked, unwrap
from ferro.types.base import ColumnType, Convert, Stored
from ferro.types.functions import SqliteCollation, SqliteFunction
from ferro.types.range_values import EMPTY, Range, trusted
from ferro.types.values import unexpected

Find: TypeAlias = Callable[[Any], ColumnType]

# By the type of its bounds: what PostgreSQL calls the range.
NAMES: dict[Any, str] = {
    int: "int8range",
    Decimal: "numrange",
    date: "daterange",
    datetime: "tstzrange",
    AwareDatetime: "tstzrange",
    NaiveDatetime: "tsrange",
}
FLAVOURS = {"decimal": "_decimal"}


def as_it_is(value: Any) -> Any:
    return value


KEYS: dict[str, Convert] = {"": as_it_is, "_decimal": Decimal}


class Bounded:
    """What the bounds of a range are, and how it is written."""

    def __init__(self, name: str, item: ColumnType) -> None:
        self.name = name
        self.item = item

    def accept(self, value: Any) -> Range[Any]:
        if not isinstance(value, Range):
            raise unexpected(self.name, value)
        found = cast("Range[Any]", value)
        # The bounds of discrete ranges were made canonical by their type, so it must be the very type.
        for bound in (found.lower, found.upper):
            if bound is not None and type(self.item.accept(bound)) is not type(bound):
                raise unexpected(self.name, found)
        return found

    def dumped(self, value: Any, dialect: str) -> tuple[Any, Any]:
        found = self.accept(value)
        dump = self.item.stored[dialect].dump
        ends = (found.lower, found.upper)
        lower, upper = ends if dump is None else (None if end is None else dump(end) for end in ends)
        return lower, upper

    def to_text(self, value: Any) -> str:
        """As PostgreSQL spells it: `[1,4)`."""
        lower, upper = self.dumped(value, "postgresql")
        if value.is_empty:
            return "empty"
        return f"{value.bounds[0]}{spelled(lower)},{spelled(upper)}{value.bounds[1]}"

    def to_json(self, value: Any) -> str:
        lower, upper = self.dumped(value, "sqlite")
        parts = {"empty": True} if value.is_empty else {"lower": lower, "upper": upper, "bounds": value.bounds}
        return json.dumps(parts, separators=(",", ":"))

    def from_json(self, text: Any) -> Range[Any]:
        return self.loaded(parse(text, as_it_is), self.item.stored["sqlite"].load)

    def from_driver(self, value: Any) -> Range[Any]:
        """The range of a driver, which has its own class for them."""
        if value.isempty:
            return EMPTY
        return self.loaded(trusted(value.lower, value.upper, value.bounds), self.item.stored["postgresql"].load)

    @staticmethod
    def loaded(found: Range[Any], load: Convert | None) -> Range[Any]:
        if load is None or found.is_empty:
            return found
        lower = None if found.lower is None else load(found.lower)
        upper = None if found.upper is None else load(found.upper)
        return trusted(lower, upper, found.bounds)


def spelled(bound: Any) -> str:
    if bound is None:
        return ""
    if isinstance(bound, Decimal):
        return format(bound, "f")
    return f'"{bound.isoformat()}"' if isinstance(bound, date) else str(bound)


def match(asked: Asked, find: Find) -> ColumnType | None:
    if asked.inner is not Range and get_origin(asked.inner) is not Range:
        return None
    if asked.token("jsonb", "json"):
        return None
    arguments = get_args(asked.inner)
    bound = unwrap(arguments[0]) if arguments else None
    if bound not in NAMES:
        raise ValueError(
            f"{asked.name} cannot be stored in a column: a range has bounds of int, Decimal, date, datetime or NaiveDatetime"
        )
    return make(asked.name, NAMES[bound], find(bound))


@informing("range types")
@lru_cache(maxsize=64)
def make(name: str, native: str, item: ColumnType) -> ColumnType:
    kept = Bounded(name, item)
    flavour = FLAVOURS.get(item.kind, "")
    return ColumnType(
        name=name,
        python_type=Range,
        kind="range",
        accept=kept.accept,
        stored={
            "sqlite": Stored(
                "json_text",
                dump=kept.to_json,
                load=kept.from_json,
                collation=f"ferro_range{flavour}",
                functions={name: f"ferro_range_{name}{flavour}" for name in CALLS},
            ),
            "postgresql": Stored(native, dump=kept.to_text, load=kept.from_driver),
        },
        item=item,
    )


# What PostgreSQL's operators answer, for SQLite. Texts of dates and instants sort as what they say.


@informing("ranges")
@lru_cache(maxsize=512)
def parse(text: str, key: Convert) -> Range[Any]:
    parts: Any = json.loads(text)
    if parts.get("empty"):
        return EMPTY
    lower, upper = (None if parts[name] is None else key(parts[name]) for name in ("lower", "upper"))
    return trusted(lower, upper, parts["bounds"])


def between(name: str, key: Convert) -> Callable[[Any, Any], Any]:
    """A question about two ranges: null when either is."""
    ask: Callable[[Range[Any], Range[Any]], bool] = getattr(Range, name)

    def function(one: Any, other: Any) -> Any:
        return None if one is None or other is None else ask(parse(one, key), parse(other, key))

    return function


def having(key: Convert) -> Callable[[Any, Any], Any]:
    def function(found: Any, value: Any) -> Any:
        return None if found is None or value is None else parse(found, key).contains(key(value))

    return function


def part(name: str) -> Callable[[Any], Any]:
    def function(found: Any) -> Any:
        return None if found is None else getattr(parse(found, as_it_is), name)

    return function


def comparing(key: Convert) -> Callable[[str, str], int]:
    def compare(left: str, right: str) -> int:
        if left == right:
            return 0
        try:
            if parse(left, key) == parse(right, key):
                return 0
        except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
            pass
        return -1 if left < right else 1

    return compare


BETWEEN = ("contains", "contained_by", "overlaps", "adjacent_to", "left_of", "right_of")
PARTS = ("lower", "upper", "is_empty")
CALLS = (*BETWEEN, "has", *PARTS)
FUNCTIONS = tuple(
    function
    for flavour, key in KEYS.items()
    for function in (
        *(SqliteFunction(f"ferro_range_{name}{flavour}", 2, between(name, key)) for name in BETWEEN),
        SqliteFunction(f"ferro_range_has{flavour}", 2, having(key)),
        *(SqliteFunction(f"ferro_range_{name}{flavour}", 1, part(name)) for name in PARTS),
    )
)
COLLATIONS = tuple(SqliteCollation(f"ferro_range{flavour}", comparing(key)) for flavour, key in KEYS.items())
