"""How a value is stored: the column type of a Python type, and what SQLite must be taught for it."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from pydantic import NaiveDatetime
from pydantic_core import MultiHostUrl, Url

from ferro.caches import informing
from ferro.types import (
    arrays,
    binary,
    boolean,
    contents,
    decimals,
    document,
    enums,
    floats,
    gathering,
    inet,
    integer,
    literals,
    moments,
    ranges,
    secret,
    temporal,
    text,
    uuids,
)
from ferro.types.annotations import Asked, DbType, is_union, read_db_type, spell, split_optional, unwrap
from ferro.types.base import ColumnType, Convert, Stored
from ferro.types.functions import SqliteAggregate, SqliteCollation, SqliteFunction
from ferro.types.values import shown

__all__ = [
    "SQLITE_AGGREGATES",
    "SQLITE_COLLATIONS",
    "SQLITE_FUNCTIONS",
    "ColumnType",
    "Convert",
    "SqliteAggregate",
    "SqliteCollation",
    "SqliteFunction",
    "Stored",
    "column_type",
    "split_optional",
    "type_of_value",
]

# Asked in this order: an enumeration of texts is also a `str`.
FAMILIES: tuple[Callable[[Asked], ColumnType | None], ...] = (
    boolean.match,
    enums.match,
    literals.match,
    integer.match,
    floats.match,
    decimals.match,
    text.match,
    binary.match,
    secret.match,
    temporal.match,
    uuids.match,
    inet.match,
    lambda asked: arrays.match(asked, partial(column_type, enum_values=asked.enum_values)),
    lambda asked: ranges.match(asked, column_type),
    document.match,
    document.match_anything,
)
SUPPORTED = (
    "bool, int, float, Decimal, str, bytes, date, time, datetime, NaiveDatetime, timedelta, UUID, Enum, Literal,"
    " IP addresses, SecretStr, SecretBytes, list, dict, set, tuple, Pydantic models, dataclasses and TypedDicts"
)

SQLITE_FUNCTIONS: tuple[SqliteFunction, ...] = (
    *decimals.FUNCTIONS,
    *integer.FUNCTIONS,
    *contents.FUNCTIONS,
    *moments.FUNCTIONS,
    *arrays.FUNCTIONS,
    *ranges.FUNCTIONS,
)
SQLITE_COLLATIONS: tuple[SqliteCollation, ...] = (
    *decimals.COLLATIONS,
    *inet.COLLATIONS,
    *document.COLLATIONS,
    *arrays.COLLATIONS,
    *ranges.COLLATIONS,
)
SQLITE_AGGREGATES: tuple[SqliteAggregate, ...] = (*decimals.AGGREGATES, *gathering.aggregates(SQLITE_COLLATIONS))


def column_type(annotation: Any, *, db_type: str | None = None, enum_values: bool = False) -> ColumnType:
    """The column type of an annotation that has no `| None`: the same object for the same question.

    Raises ValueError for a type that no column can hold, or that does not go with `db_type`.
    """
    asked_for = read_db_type(db_type)
    try:
        return cached(annotation, asked_for, enum_values)
    except TypeError:
        if is_hashable(annotation):
            raise
    # Annotations may carry anything, lists too. They hardly ever matter to storage.
    inner = unwrap(annotation)
    return (cached if is_hashable(inner) else find)(inner, asked_for, enum_values)


def is_hashable(annotation: Any) -> bool:
    try:
        hash(annotation)
    except TypeError:
        return False
    return True


@informing("column types")
@lru_cache(maxsize=4096)
def cached(annotation: Any, db_type: DbType | None, enum_values: bool) -> ColumnType:
    inner = unwrap(annotation)
    # One object for `int` and for `Annotated[int, ...]`, unless the annotation says how to read JSON.
    if inner is not annotation and is_hashable(inner) and not needs_annotation(inner):
        return cached(inner, db_type, enum_values)
    return find(annotation, db_type, enum_values)


def needs_annotation(inner: Any) -> bool:
    """Whether Pydantic must see what an annotation says besides the type.

    That is a union's discriminator, an alias that mentions itself, the limits of an address.
    """
    return is_union(inner) or inner in (Url, MultiHostUrl)


def find(annotation: Any, db_type: DbType | None, enum_values: bool) -> ColumnType:
    asked = Asked(annotation, unwrap(annotation), db_type, enum_values)
    for family in FAMILIES:
        if (found := family(asked)) is not None:
            return found
    raise ValueError(
        f"{spell(asked.inner)} cannot be stored in a column: use one of the supported types ({SUPPORTED}),"
        f' Field(db_type="json") for anything Pydantic can write as JSON,'
        " or ClassVar or a private attribute (_name) to keep it out of the table"
    )


def type_of_value(value: object) -> ColumnType:
    """The column type of a value that stands alone in an expression."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return column_type(NaiveDatetime)
    # A class of someone's own, made from one that ferro knows, is stored as that one.
    for kind in type(value).__mro__[:-1]:
        try:
            return column_type(kind)
        except ValueError:
            continue
    raise ValueError(f"{shown(value)} is no value a column can hold: {type(value).__name__} is not one of {SUPPORTED}")
