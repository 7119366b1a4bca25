"""Bytes: `bytes`, given as any of Python's byte containers."""

from typing import Any

from ferro.types.annotations import Asked
from ferro.types.base import ColumnType, Stored, unchanged
from ferro.types.values import BINARY, unexpected


def accept(value: Any) -> bytes:
    if isinstance(value, BINARY):
        return bytes(value)
    raise unexpected("bytes", value)


def dump(value: Any) -> bytes:
    return value if type(value) is bytes else accept(value)


BYTES = ColumnType(
    name="bytes",
    python_type=bytes,
    kind="bytes",
    accept=accept,
    stored={
        "sqlite": Stored("blob", dump=dump, dump_many=unchanged(bytes)),
        "postgresql": Stored("bytea", dump=dump, dump_many=unchanged(bytes)),
    },
)


def match(asked: Asked) -> ColumnType | None:
    if asked.inner is not bytes:
        return None
    asked.token()
    return BYTES
