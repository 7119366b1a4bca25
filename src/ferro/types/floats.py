"""Binary fractions: `float`. A negative zero is kept as zero by SQLite, to which it is equal."""

from math import isnan
from typing import Any

from ferro.types.annotations import Asked
from ferro.types.base import ColumnType, Stored, unchanged
from ferro.types.values import shown, unexpected


def accept(value: Any) -> float:
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return from_int(value)
    raise unexpected("float", value)


def from_int(value: int) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = 0.0
    if number == value:
        return number
    raise ValueError(f"{shown(value)} is not exact as a float")


def dump_for_sqlite(value: Any) -> float:
    number = value if type(value) is float else accept(value)
    if isnan(number):
        raise ValueError("nan cannot be stored: SQLite keeps it as NULL; use None, or a number")
    return number


def dump_for_postgresql(value: Any) -> float:
    return value if type(value) is float else accept(value)


FLOAT = ColumnType(
    name="float",
    python_type=float,
    kind="float",
    accept=accept,
    stored={
        "sqlite": Stored("double", dump=dump_for_sqlite),
        "postgresql": Stored("double precision", dump=dump_for_postgresql, dump_many=unchanged(float)),
    },
)


def match(asked: Asked) -> ColumnType | None:
    if asked.inner is not float:
        return None
    asked.token()
    return FLOAT
