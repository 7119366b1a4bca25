"""Whole numbers: `int` in 64 bits, or in the fewer that `db_type` asks for."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import isfinite
from typing import Any

from ferro.types.annotations import Asked
from ferro.types.base import ColumnType, Convert, Kinds, Stored
from ferro.types.functions import SqliteFunction
from ferro.types.values import shown, unexpected


@dataclass(frozen=True, slots=True, eq=False)
class Width:
    """The range of an integer column, and what the databases call it."""

    name: str
    bits: int

    @property
    def low(self) -> int:
        return -(1 << (self.bits - 1))

    @property
    def high(self) -> int:
        return (1 << (self.bits - 1)) - 1

    def check(self, value: int) -> int:
        if self.low <= value <= self.high:
            return value
        raise ValueError(f"{shown(value)} does not fit a {self.bits}-bit column")


WIDTHS = {"smallint": Width("smallint", 16), "int": Width("integer", 32), "bigint": Width("bigint", 64)}
TOKENS = tuple(WIDTHS)


def whole(value: Any, expected: str = "int") -> int:
    """The whole number a value is: `True` is 1 and `5.0` is 5, but `"5"` is a text."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, (float, Decimal)):
        if isfinite(value) and value == int(value):
            return int(value)
        raise unexpected(expected, value)
    try:
        return operator.index(value)
    except TypeError:
        raise unexpected(expected, value) from None


def stored_in(width: Width, accept: Convert, load: Convert | None) -> dict[str, Stored]:
    low, high = width.low, width.high

    def dump(value: Any) -> int:
        if type(value) is int and low <= value <= high:
            return value
        return int(accept(value))

    def dump_many(values: Sequence[Any], kinds: Kinds) -> Sequence[Any] | None:
        return values if kinds == {int} and low <= min(values) and max(values) <= high else None

    postgres = Stored(width.name, dump=dump, load=load, dump_many=dump_many)
    return {"sqlite": replace(postgres, functions={"checked": f"ferro_{width.name}"}), "postgresql": postgres}


def integer(width: Width) -> ColumnType:
    low, high = width.low, width.high

    def accept(value: Any) -> int:
        if type(value) is int and low <= value <= high:
            return value
        return width.check(whole(value))

    return ColumnType("int", int, "int", accept, stored_in(width, accept, None))


def wrapped_integer(width: Width, python_type: type[int]) -> ColumnType:
    """A subclass of `int`: kept as the number it is, wrapped again when it is read."""

    def accept(value: Any) -> int:
        width.check(whole(value, python_type.__name__))
        return value if isinstance(value, python_type) else python_type(value)

    return ColumnType(python_type.__name__, python_type, "int", accept, stored_in(width, accept, python_type))


def checking(width: Width) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        return value if value is None else in_bits(value, width)

    return check


def in_bits(value: Any, width: Width) -> int:
    """A result of SQLite's, which turns to a float what leaves 64 bits, and knows no narrower columns."""
    if type(value) is int:
        return width.check(value)
    raise ValueError(f"the result does not fit {width.bits} bits")


def loaded(value: Any) -> int:
    return value if type(value) is int else in_bits(value, WIDTHS["bigint"])


INTEGERS = {token: integer(width) for token, width in WIDTHS.items()}
BIGINT = INTEGERS["bigint"]
# What is calculated of whole numbers, and checked when it is read where the database does not check it.
CALCULATED = replace(BIGINT, stored={**BIGINT.stored, "sqlite": replace(BIGINT.stored["sqlite"], load=loaded)})

FUNCTIONS = tuple(SqliteFunction(f"ferro_{width.name}", 1, checking(width)) for width in WIDTHS.values())


def match(asked: Asked) -> ColumnType | None:
    if not isinstance(asked.inner, type) or not issubclass(asked.inner, int):
        return None
    token = asked.token(*TOKENS) or "bigint"
    return INTEGERS[token] if asked.inner is int else wrapped_integer(WIDTHS[token], asked.inner)
