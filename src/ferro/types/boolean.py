"""Truth values: `bool`."""

from typing import Any

from ferro.types.annotations import Asked
from ferro.types.base import ColumnType, Stored, unchanged
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
        "sqlite": Stored("boolean", dump=accept, load=bool, dump_many=unchanged(bool)),
        "postgresql": Stored("boolean", dump=accept, dump_many=unchanged(bool)),
    },
)


def match(asked: Asked) -> ColumnType | None:
    if asked.inner is not bool:
        return None
    asked.token()
    return BOOL
