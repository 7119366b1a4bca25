"""Truth values: `bool`."""

from typing import Any

from ferro.types.annotations import Asked
from ferro.types.base import ColumnType, Stored
from ferro.types.values import unexpected


def accept(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise unexpected("bool", value)


BOOL = ColumnType(
    name="bool",
    python_type=bool,
    kind="bool",
    accept=accept,
    stored={
        "sqlite": Stored("boolean", dump=accept, load=bool),
        "postgresql": Stored("boolean", dump=accept),
    },
)


def match(asked: Asked) -> ColumnType | None:
    if asked.inner is not bool:
        return None
    asked.token()
    return BOOL
