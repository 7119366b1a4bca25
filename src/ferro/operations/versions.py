"""Optimistic locking: a row is only written as the version it was read as."""

from typing import Any

from ferro.errors import QueryError, StaleObjectError
from ferro.instance.state import changed_fields, is_loaded
from ferro.model import ModelBase
from ferro.operations.read import called, fresh_by_key
from ferro.operations.steps import Steps
from ferro.query.dialect import Dialect
from ferro.query.expressions import ColumnRef, Comparison, Expression, Value
from ferro.query.sources import Source
from ferro.schema.table import Table


def version_of(instance: ModelBase, table: Table) -> tuple[Any, ...]:
    """The version a loaded instance was read as; empty where there is none to hold against the row's."""
    column = table.version
    if column is None or not is_loaded(instance):
        return ()
    return (changed_fields(instance).get(column.field, vars(instance).get(column.field)),)


def next_version(table: Table, version: tuple[Any, ...]) -> dict[str, Any]:
    """What the statement has made of it."""
    return {table.version.field: version[0] + 1} if table.version is not None and version else {}


def has_version(source: Source, version: int | None = None) -> tuple[Expression[bool], ...]:
    """That a row has a certain version; without the value, it comes later."""
    column = source.table.version
    if column is None:
        return ()
    found = ColumnRef[Any](source, column)
    return (Comparison(found, "==", Value[Any](version, column.type, found)),)


def must_not_be_stale(
    table: Table, key: tuple[Any, ...], version: tuple[Any, ...], verb: str, dialect: Dialect
) -> Steps[None]:
    """Raise when the row that was not written is there, as another version."""
    if version and (yield from fresh_by_key(table, list(key), dialect)) is not None:
        raise StaleObjectError(
            f"{verb} failed: {called(table, key)} was changed by someone else since it was read as version "
            f"{version[0]}; refresh() it and try again",
            model=table.model,
            pk=key[0] if len(key) == 1 else key,
        )


def not_assigned(table: Table) -> QueryError:
    field = table.version.field if table.version else ""
    return QueryError(f"{table.model.__name__}.{field} counts the versions of a row: leave it to the database")
