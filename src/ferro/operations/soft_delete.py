"""Deleting so that it can be taken back: the row stays, and its model's queries do not see it."""

from typing import Any

from ferro.errors import QueryError
from ferro.fields import utc_now
from ferro.identity import written
from ferro.instance.marks import mark_saved
from ferro.instance.state import is_loaded
from ferro.model import ModelBase
from ferro.operations.read import fresh_by_key, has_key, is_whole
from ferro.operations.stamps import moments
from ferro.operations.steps import Steps
from ferro.operations.versions import has_version, must_not_be_stale, next_version, version_of
from ferro.query.assigned import counted_up
from ferro.query.compiler import compile
from ferro.query.dialect import Dialect
from ferro.query.expressions import ColumnRef, IsNull, Value
from ferro.query.sources import source_of
from ferro.query.statements import Update
from ferro.schema.table import Table


def soft_delete_by_key(instance: ModelBase, table: Table, key: tuple[Any, ...], dialect: Dialect) -> Steps[bool]:
    """Mark the row of an instance as deleted; False where it was so already, or is not there."""
    return mark(instance, table, key, dialect, deleted=True)


def restore_by_key(instance: ModelBase, table: Table, key: tuple[Any, ...], dialect: Dialect) -> Steps[bool]:
    """Take the mark away; False where there was none."""
    if table.deleted is None:
        raise QueryError(
            f"restore(): {table.model.__name__} does not keep the rows that are deleted: let it inherit from SoftDelete"
        )
    return mark(instance, table, key, dialect, deleted=False)


def mark(instance: ModelBase, table: Table, key: tuple[Any, ...], dialect: Dialect, *, deleted: bool) -> Steps[bool]:
    column = table.deleted
    # An instance without a key, or without one yet, has no row.
    if column is None or not is_whole(key):
        return False
    verb = "Delete" if deleted else "Restore"
    version = version_of(instance, table)
    values = moments(table, "deleted", utc_now() if deleted else None)
    source = source_of(table)
    assigned = tuple(
        (one, Value[Any](values[one.field], one.type, ColumnRef[Any](source, one)))
        for one in table.columns
        if one.field in values
    )
    if table.version is not None:
        assigned += (counted_up(source, table.version),)
    where = (
        *has_key(source, key),
        IsNull(ColumnRef[Any](source, column), negated=not deleted),
        *(has_version(source, version[0]) if version else ()),
    )
    result = yield compile(Update(source, assigned, where), dialect, operation=verb)
    if not result.count:
        found = (yield from fresh_by_key(table, list(key), dialect)) if version else None
        if found is not None and (vars(found)[column.field] is None) == deleted:
            yield from must_not_be_stale(table, key, version, verb, dialect)
        return False
    if is_loaded(instance):
        mark_saved(instance, {**next_version(table, version), **values}, sent={})
        written(instance)
    else:
        vars(instance).update(values)
    return True
