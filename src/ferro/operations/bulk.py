"""Writing the changes of many instances with few statements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from ferro.caches import informing
from ferro.errors import ModelDoesNotExist, QueryError, StaleObjectError
from ferro.identity import written
from ferro.instance import is_loaded, loaded_key, mark_saved
from ferro.model import ModelBase
from ferro.operations.hydrate import row_loader
from ferro.operations.read import called, fresh_by_key
from ferro.operations.stamps import update_stamps
from ferro.operations.steps import Atomic, Steps
from ferro.operations.versions import next_version, not_assigned, version_of
from ferro.operations.write import LONGEST, ROWS, Columns, batched, changes, must_have_key, not_none, shown_key
from ferro.query.bulk import bulk_update as bulk_update_plan
from ferro.query.dialect import Compiled, Dialect
from ferro.query.keys import named_fields
from ferro.query.plans import InsertPlan
from ferro.schema.registry import table_of
from ferro.schema.table import Table

M = TypeVar("M", bound=ModelBase)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written of one instance: `version` is empty where rows have none, `stamps` are what ferro adds."""

    instance: ModelBase
    key: tuple[Any, ...]
    version: tuple[Any, ...]
    sent: dict[str, Any]
    stamps: dict[str, Any]


def bulk_update(
    model: type[M], instances: Iterable[M], dialect: Dialect, fields: Iterable[str] | None = None
) -> Atomic[int]:
    """Write the changed fields of loaded instances, or the named ones; return how many rows were written."""
    table = table_of(model)
    must_have_key(table, "update")
    given = list(instances)
    check_loaded(model, given)
    named = None if fields is None else chosen_fields(table, fields)
    groups: dict[Columns, list[Change]] = {}
    for instance in given:
        change = change_of(instance, table, named)
        columns = tuple(column for column in table.columns if column.field in change.sent)
        for column in columns:
            if column.primary_key:
                raise QueryError(
                    f"bulk_update() finds rows by their primary keys and cannot change {model.__name__}.{column.field}: "
                    "save() can"
                )
            if change.sent[column.field] is None and not column.nullable:
                raise not_none(table, column)
        if columns:
            groups.setdefault(columns, []).append(change)
    return Atomic(update_groups(table, groups, dialect))


def check_loaded(model: type[ModelBase], given: Sequence[ModelBase]) -> None:
    keys: list[Any] = []
    for at, instance in enumerate(given):
        if type(instance) is not model:
            raise QueryError(f"bulk_update() of {model.__name__} got a {type(instance).__name__} at position {at}")
        if not is_loaded(instance):
            raise QueryError(f"the {model.__name__} at position {at} is new: bulk_create() inserts it")
        keys.append(repr(loaded_key(instance)))
    if len(set(keys)) < len(keys):
        twice = next(at for at, key in enumerate(keys) if key in keys[:at])
        raise QueryError(
            f"bulk_update() got {called(table_of(model), loaded_key(given[twice]))} more than once: one row is written once"
        )


def chosen_fields(table: Table, fields: Iterable[str]) -> frozenset[str]:
    if isinstance(fields, str):
        raise QueryError(f"fields= takes a list of field names, not a str: fields=[{fields!r}]")
    names = named_fields(table, fields)
    if not names:
        raise QueryError("fields= is empty: name at least one field, or leave it out to write what changed")
    if table.version is not None and table.version.field in names:
        raise not_assigned(table)
    return names


def change_of(instance: ModelBase, table: Table, named: frozenset[str] | None) -> Change:
    values = vars(instance)
    changed = changes(instance)
    if table.version is not None and table.version.field in changed:
        raise not_assigned(table)
    sent = changed if named is None else {name: values[name] for name in named}
    stamps = update_stamps(table, sent)
    return Change(instance, loaded_key(instance), version_of(instance, table), {**sent, **stamps}, stamps)


def update_groups(table: Table, groups: dict[Columns, list[Change]], dialect: Dialect) -> Steps[int]:
    done: list[Change] = []
    for columns, changed in groups.items():
        width = len(columns) + len(table.primary_key) + 1
        for batch in batched(changed, min(ROWS[dialect.name], max(1, LONGEST[dialect.name] // width))):
            yield from update_batch(table, columns, batch, dialect)
            done += batch
    # Only now is it sure that none of them failed.
    for change in done:
        mark_saved(change.instance, {**next_version(table, change.version), **change.stamps}, sent=change.sent)
    written(*(change.instance for change in done))
    return len(done)


def update_batch(table: Table, columns: Columns, batch: list[Change], dialect: Dialect) -> Steps[None]:
    plan = planned(table, columns, len(batch), dialect)
    values: list[Any] = []
    for change in batch:
        values += (*change.key, *change.version, *(change.sent[column.field] for column in columns))
    result = yield Compiled(plan.template, plan.params(values))
    if len(result.rows) == len(batch):
        return
    found = row_loader(tuple(column.type for column in table.primary_key), dialect.name)(result.rows)
    missing = next(change.key for change in batch if change.key not in found)
    row = f"Bulk update failed: {called(table, missing)}"
    if table.version is not None and (yield from fresh_by_key(table, list(missing), dialect)) is not None:
        raise StaleObjectError(
            f"{row} was changed by someone else since it was read, and nothing was written: refresh() it and try again",
            model=table.model,
            pk=shown_key(missing),
        )
    raise ModelDoesNotExist(
        f"{row} is not in the database any more, and nothing was written", model=table.model, pk=shown_key(missing)
    )


@informing("bulk updates")
@lru_cache(maxsize=512)
def planned(table: Table, columns: Columns, rows: int, dialect: Dialect) -> InsertPlan:
    key = table.primary_key if table.version is None else (*table.primary_key, table.version)
    return bulk_update_plan(table, key, columns, rows, dialect)
