"""Writing one instance: saving, deleting and restoring its row, and reading it again."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from operator import is_
from typing import Any, Literal

from ferro.caches import informing
from ferro.errors import ModelDoesNotExist, QueryError
from ferro.identity import gone, must_be_in_here, must_refer_to_here, place, written
from ferro.instance.journal import journal
from ferro.instance.marks import adopt, assigned_since, mark_deleted, mark_inserted, mark_saved
from ferro.instance.related import forget_related
from ferro.instance.state import changed_fields, is_loaded, loaded_key
from ferro.instance.values import as_kept
from ferro.model import ModelBase
from ferro.operations.dehydrate import not_none
from ferro.operations.inserting import Columns, chooser, inserting_one, left_out, remembered, upserting
from ferro.operations.read import called, fresh_by_key, has_key, is_whole, shown_values
from ferro.operations.soft_delete import restore_by_key, soft_delete_by_key
from ferro.operations.stamps import is_kept, stamp_again, stamp_new, update_stamps
from ferro.operations.steps import Steps
from ferro.operations.versions import has_version, must_not_be_stale, next_version, not_assigned, version_of
from ferro.query.assigned import counted_up
from ferro.query.compiler import make_plan
from ferro.query.dialect import Compiled, Dialect
from ferro.query.expressions import ColumnRef, Value
from ferro.query.keys import named_fields
from ferro.query.plans import Plan
from ferro.query.sources import source_of
from ferro.query.statements import Delete, Update
from ferro.schema.registry import table_of
from ferro.schema.table import Table


def save(
    instance: ModelBase,
    dialect: Dialect,
    *,
    only: Iterable[str] | None = None,
    exclude: Iterable[str] | None = None,
    on_conflict: Literal["update"] | None = None,
) -> Steps[None]:
    """Insert a new instance; update the changed columns of a loaded one."""
    chosen = only is not None or exclude is not None
    if on_conflict is not None:
        if on_conflict != "update":
            raise QueryError(f"on_conflict is {on_conflict!r}; it can be 'update'")
        if chosen:
            raise QueryError("on_conflict='update' writes the whole row: leave out only= and exclude=")
        return overwrite(instance, dialect)
    if not is_loaded(instance):
        if chosen:
            raise QueryError(
                f"only= and exclude= choose columns to update, and this {type(instance).__name__} is new: "
                "a new row is inserted whole"
            )
        return insert(instance, dialect)
    table = table_of(type(instance))
    must_have_key(table, "update")
    if not chosen:
        return update(instance, table, changes(instance), dialect)
    allowed = chosen_fields(table, only, exclude)
    changed = {field: value for field, value in changes(instance).items() if field in allowed}
    return update(instance, table, changed, dialect, untouched=frozenset(exclude or ()))


def changes(instance: ModelBase) -> dict[str, Any]:
    """The changed fields of a loaded instance, with the values to write."""
    values = vars(instance)
    return {field: values[field] for field in changed_fields(instance)}


def chosen_fields(table: Table, only: Iterable[str] | None, exclude: Iterable[str] | None) -> frozenset[str]:
    """The fields an update may touch."""
    if only is not None and exclude is not None:
        raise QueryError("save() takes only= or exclude=, not both")
    option, given = ("only", only) if only is not None else ("exclude", exclude)
    if isinstance(given, str):
        raise QueryError(f"{option}= takes a set of field names, not a str: {option}={{{given!r}}}")
    names = named_fields(table, given or ())
    if not names:
        raise QueryError(f"{option}= is empty: name at least one field, or leave it out")
    return names if option == "only" else frozenset(table.by_field) - names


def insert(instance: ModelBase, dialect: Dialect) -> Steps[None]:
    table = table_of(type(instance))
    here = place.get()
    if here is not None:
        must_refer_to_here((instance,))
    if table.stamps:
        stamp_new(table, (instance,))
    plan = inserting_one(table, chooser(table)(instance), dialect)
    sent = vars(instance).copy()
    statement = plan.statement(sent)
    kept: dict[str, Any] = {}
    for at, column in plan.mutable:
        kept[column.field] = remembered(statement.params[at])
    back = plan.returned((yield statement))
    for _, column in plan.mutable_back:
        kept[column.field] = as_kept(column, back[column.field])
    # Asked for once more: with validate_assignment Pydantic replaces the dict.
    if all(map(is_, sent.values(), vars(instance).values())):
        if (pages := journal.get()) is not None:
            pages.note_batch((instance,), plan.filled, numbered=plan.numbered)
        mark_inserted(instance, back, kept)
    else:
        # Someone assigned to it while the statement was under way.
        mark_saved(instance, back, sent=sent, kept=kept)
    if here is not None:
        written(instance)


def update(
    instance: ModelBase,
    table: Table,
    sent: dict[str, Any],
    dialect: Dialect,
    untouched: frozenset[str] = frozenset(),
) -> Steps[None]:
    """Write some values into the row of a loaded instance; without any, nothing is sent to where it came from.

    `untouched` are the fields that are not even stamped.
    """
    stamps = update_stamps(table, sent, untouched)
    if not sent:
        must_be_in_here(instance)
        return
    plan = updating(table, (*sent, *stamps), dialect)
    for column in plan.required:
        if sent.get(column.field, ...) is None:
            raise not_none(table, column)
    key, version = loaded_key(instance), version_of(instance, table)
    # Now: they may change while the statement is under way.
    kept = (
        {one.field: as_kept(one, sent[one.field]) for one in table.mutable if one.field in sent}
        if table.mutable
        else {}
    )
    result = yield plan.statement({**sent, **stamps}, key, version)
    if not result.count:
        yield from must_not_be_stale(table, key, version, "Save", dialect)
        raise ModelDoesNotExist(
            f"Save failed: {called(table, key)} is not in the database any more; "
            "save(on_conflict='update') inserts it again",
            model=table.model,
            pk=shown_key(key),
        )
    mark_saved(instance, next_version(table, version), sent=sent, kept=kept, stamps=stamps)
    written(instance)


@dataclass(frozen=True, slots=True, eq=False)
class Updating:
    """An UPDATE of certain columns of the row of a key, ready for values.

    Attributes:
        fields: the fields of its columns, in their order.
        required: the columns that must not be None.
    """

    plan: Plan
    fields: tuple[str, ...]
    required: Columns

    def statement(self, sent: dict[str, Any], key: tuple[Any, ...], version: tuple[Any, ...]) -> Compiled:
        values = [sent[field] for field in self.fields]
        values += key
        values += version
        return Compiled(self.plan.template, self.plan.params(values))


@informing("saves")
@lru_cache(maxsize=2048)
def updating(table: Table, fields: tuple[str, ...], dialect: Dialect) -> Updating:
    """The UPDATE of certain fields, in whatever order they were changed."""
    columns = tuple(column for column in table.columns if column.field in fields)
    if table.version in columns:
        raise not_assigned(table)
    return Updating(
        update_by_key(table, columns, dialect),
        tuple(column.field for column in columns),
        tuple(column for column in columns if not column.nullable),
    )


def update_by_key(table: Table, columns: Columns, dialect: Dialect) -> Plan:
    source = source_of(table)
    values = tuple((column, Value[Any](None, column.type, ColumnRef[Any](source, column))) for column in columns)
    where = has_key(source) + has_version(source)
    if table.version is not None:
        values += (counted_up(source, table.version),)
    return make_plan(Update(source, values, where), dialect, "Save", len(columns) + len(where), by_key=True)


def overwrite(instance: ModelBase, dialect: Dialect) -> Steps[None]:
    """Insert an instance, or overwrite the row that has its primary key."""
    table = table_of(type(instance))
    must_have_key(table, "overwrite")
    unset = left_out(table, instance)
    if any(column in unset for column in table.primary_key):
        yield from insert(instance, dialect)
        return
    kept = (*unset, *(column for column in table.stamps.get("created", ()) if is_kept(instance, column)))
    stamp_again(table, instance)
    update = tuple(column for column in table.columns if column not in kept and not column.primary_key)
    plan = upserting(table, unset, dialect, table.primary_key, update)
    sent = dict(vars(instance))
    statement = plan.statement(sent)
    kept = {column.field: remembered(statement.params[at]) for at, column in plan.mutable}
    back = plan.returned((yield statement))
    adopt(instance, back, assigned_since(instance, sent, kept))
    written(instance)


# Deleting and reading again.


def delete(instance: ModelBase, dialect: Dialect, *, hard: bool = False) -> Steps[bool]:
    """Delete an instance's row; say whether there was one. Without a key there is nothing to delete.

    A model that keeps its deleted rows only marks it, unless it is to be deleted for good.
    """
    table = table_of(type(instance))
    must_have_key(table, "delete")
    if table.deleted is not None and not hard:
        return soft_delete_by_key(instance, table, loaded_key(instance), dialect)
    return delete_by_key(instance, table, loaded_key(instance), dialect)


def delete_by_key(instance: ModelBase, table: Table, key: tuple[Any, ...], dialect: Dialect) -> Steps[bool]:
    if not is_whole(key):
        return False
    version = version_of(instance, table)
    plan = deleting(table, dialect, checked=bool(version))
    result = yield Compiled(plan.template, plan.params([*key, *version]))
    if not result.count:
        yield from must_not_be_stale(table, key, version, "Delete", dialect)
    mark_deleted(instance)
    gone(instance, key)
    return result.count > 0


@informing("deletes")
@lru_cache(maxsize=1024)
def deleting(table: Table, dialect: Dialect, *, checked: bool) -> Plan:
    """The DELETE of the row of a key, and of a version where that is checked."""
    source = source_of(table)
    where = has_key(source) + (has_version(source) if checked else ())
    return make_plan(Delete(source, where), dialect, "Delete", len(where), by_key=True)


def restore(instance: ModelBase, dialect: Dialect) -> Steps[bool]:
    """Take back that an instance's row was deleted; say whether it was."""
    table = table_of(type(instance))
    must_have_key(table, "restore")
    return restore_by_key(instance, table, loaded_key(instance), dialect)


def refresh(instance: ModelBase, dialect: Dialect) -> Steps[None]:
    """Read an instance's row again, into the instance."""
    table = table_of(type(instance))
    if not table.primary_key:
        raise QueryError("Cannot refresh a model without a primary key")
    return reread(instance, table, loaded_key(instance), dialect)


def reread(instance: ModelBase, table: Table, key: tuple[Any, ...], dialect: Dialect) -> Steps[None]:
    found: ModelBase | None = (yield from fresh_by_key(table, list(key), dialect)) if is_whole(key) else None
    if found is None:
        raise ModelDoesNotExist(
            f"Instance not found in database: {table.model.__name__}({', '.join(shown_values(table, key))})",
            model=table.model,
            pk=shown_key(key),
        )
    adopt(instance, vars(found))
    forget_related(instance)
    written(instance)


# What is wrong with a row.


def must_have_key(table: Table, verb: str) -> None:
    if not table.primary_key:
        raise QueryError(
            f"Model {table.model.__name__} does not define a primary key, so nothing tells which row to {verb}: "
            "give it one, or use where() with update() or delete()"
        )


def shown_key(key: tuple[Any, ...]) -> Any:
    return key[0] if len(key) == 1 else key
