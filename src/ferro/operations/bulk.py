"""Writing many rows with few statements: new ones of which nothing comes back, and what changed in many instances."""

from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, islice
from typing import Any, TypeVar

from pydantic import ValidationError

from ferro.caches import informing
from ferro.errors import ModelDoesNotExist, QueryError, StaleObjectError
from ferro.identity import changed_elsewhere, must_refer_to_here, written
from ferro.instance.marks import mark_saved
from ferro.instance.state import is_loaded, loaded_key
from ferro.instance.values import as_kept
from ferro.model import ModelBase
from ferro.operations.batching import LONGEST, ROWS, batched, rows_at_once
from ferro.operations.bulk_create import check_new
from ferro.operations.dehydrate import not_none
from ferro.operations.hydrate import NoCollection, row_loader
from ferro.operations.inserting import Columns, Inserting, chooser, inserting, inserting_by, must_be_in
from ferro.operations.read import called, fresh_by_key
from ferro.operations.stamps import stamp_new, update_stamps
from ferro.operations.steps import Atomic, Steps
from ferro.operations.versions import next_version, not_assigned, version_of
from ferro.operations.write import changes, must_have_key, shown_key
from ferro.query.bulk import bulk_insert
from ferro.query.bulk import bulk_update as bulk_update_plan
from ferro.query.dialect import Bulk, Compiled, Dialect
from ferro.query.keys import named_fields
from ferro.query.plans import InsertPlan
from ferro.schema.registry import table_of
from ferro.schema.table import Table
from ferro.types.values import with_article

M = TypeVar("M", bound=ModelBase)


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What is to be written of one instance: `version` is empty where rows have none, `stamps` are what ferro adds.

    `kept` is how the database keeps what can change in place, known when the statement is made.
    """

    instance: ModelBase
    key: tuple[Any, ...]
    version: tuple[Any, ...]
    sent: dict[str, Any]
    stamps: dict[str, Any]
    kept: dict[str, Any] = field(default_factory=dict[str, Any])


# How many rows of an iterator are taken at once.
CHUNK = 1000
# How many are converted while others are sent, before whoever waits beside it has a turn.
PART = 250
# So few are not worth a COPY, which takes a round trip of its own.
FEW = 100


def chunks_of(model: type[M], rows: Iterable[M | Mapping[str, Any]], size: int = CHUNK) -> Iterator[list[M]]:
    """The rows of an iterator as instances, some at a time; dicts are validated."""
    must_be_many(model, rows, "bulk_create")
    numbered = enumerate(rows)
    while chunk := list(islice(numbered, size)):
        yield [made(model, row, at) for at, row in chunk]


def must_be_many(model: type, rows: object, verb: str) -> None:
    """Refuse one row, and what nobody can go through, where any number of rows is expected."""
    name = type(rows).__name__
    if isinstance(rows, Mapping | ModelBase | str) or not isinstance(rows, Iterable):
        how = "; gather the rows of an async iterator first" if isinstance(rows, AsyncIterable) else ""
        what = with_article(name)
        raise QueryError(
            f"{verb}() of {model.__name__} takes a list of rows, or what can be gone through, not {what}{how}"
        )


def made(model: type[M], row: M | Mapping[str, Any], at: int) -> M:
    if not isinstance(row, Mapping):
        return row
    try:
        return model(**row)
    except ValidationError as error:
        error.add_note(f"this is the row at position {at}")
        raise


def insert_rows(model: type[M], instances: Sequence[M], dialect: Dialect, start: int = 0) -> Steps[int]:
    """Insert new rows, in a transaction; nothing comes back, and the instances stay as they are.

    `start` is the position of the first one, for errors.
    """
    table = table_of(model)
    check_new(model, instances, start)
    must_refer_to_here(instances)
    stamp_new(table, instances)
    for unset, run in groupby(instances, key=chooser(table)):
        rows = list(run)
        columns = tuple(column for column in table.columns if column not in unset)
        # COPY gives way to policies, which look at the rows of an INSERT.
        if columns and (not dialect.copies or (len(rows) > FEW and table.secured is None)):
            plan = inserting_rows(table, unset, dialect)
            result = yield Bulk(plan.plan.template, map(plan.dumped, batched(rows, PART)))
            yield from must_be_in(table, len(rows), result.count, dialect)
        else:
            for batch in batched(rows, rows_at_once(table, unset, dialect)):
                plan = inserting_few(table, unset, dialect, len(batch))
                result = yield plan.insertion(batch)
                yield from must_be_in(table, len(batch), result.count, dialect)
    changed_elsewhere(model)
    return len(instances)


@informing("plain bulk inserts")
@lru_cache(maxsize=512)
def inserting_rows(table: Table, unset: Columns, dialect: Dialect) -> Inserting:
    columns = tuple(column for column in table.columns if column not in unset)
    return inserting_by(table, columns, bulk_insert(table, columns, dialect), (), dialect)


@informing("small bulk inserts")
@lru_cache(maxsize=256)
def inserting_few(table: Table, unset: Columns, dialect: Dialect, rows: int) -> Inserting:
    return inserting(table, unset, dialect, "Bulk save", returning=(), rows=rows)


def bulk_update(
    model: type[M], instances: Iterable[M], dialect: Dialect, fields: Iterable[str] | None = None
) -> Atomic[int]:
    """Write the changed fields of loaded instances, or the named ones; return how many rows were written."""
    table = table_of(model)
    must_have_key(table, "update")
    given = list(instances)
    with NoCollection():
        keys = loaded_keys(model, given)
        named = None if fields is None else chosen_fields(table, fields)
        groups: dict[Columns, list[Change]] = {}
        known: dict[tuple[str, ...], Columns] = {}
        for instance, key in zip(given, keys, strict=True):
            change = change_of(instance, key, table, named)
            sent = (*change.sent, *change.stamps)
            columns = known.get(sent)
            if columns is None:
                columns = known[sent] = updatable(table, sent)
            for column in columns:
                if change.sent.get(column.field, ...) is None and not column.nullable:
                    raise not_none(table, column)
            if columns:
                groups.setdefault(columns, []).append(change)
    return Atomic(update_groups(table, groups, dialect))


def updatable(table: Table, sent: Sequence[str]) -> Columns:
    for column in table.primary_key:
        if column.field in sent:
            raise QueryError(
                f"bulk_update() finds rows by their primary keys and cannot change "
                f"{table.model.__name__}.{column.field}: save() can"
            )
    return tuple(column for column in table.columns if column.field in sent)


def loaded_keys(model: type[ModelBase], given: Sequence[ModelBase]) -> list[tuple[Any, ...]]:
    """The keys of instances, each of which may be updated, and once."""
    keys: list[tuple[Any, ...]] = []
    for at, instance in enumerate(given):
        if type(instance) is not model:
            raise QueryError(
                f"bulk_update() of {model.__name__} got {with_article(type(instance).__name__)} at position {at}"
            )
        if not is_loaded(instance):
            raise QueryError(f"the {model.__name__} at position {at} is new: bulk_create() inserts it")
        keys.append(loaded_key(instance))
    columns = table_of(model).primary_key
    # Equal keys can be spelled in several ways, and secret ones all look the same.
    stored = [tuple(map(as_kept, columns, key)) for key in keys]
    if len(set(stored)) < len(keys):
        raise repeated(table_of(model), keys, stored)
    return keys


def repeated(table: Table, keys: Sequence[tuple[Any, ...]], stored: Sequence[tuple[Any, ...]]) -> QueryError:
    twice = next(at for at, key in enumerate(stored) if key in stored[:at])
    return QueryError(f"bulk_update() got {called(table, keys[twice])} more than once: one row is written once")


def chosen_fields(table: Table, fields: Iterable[str]) -> frozenset[str]:
    if isinstance(fields, str):
        raise QueryError(f"fields= takes a list of field names, not a str: fields=[{fields!r}]")
    names = named_fields(table, fields)
    if not names:
        raise QueryError("fields= is empty: name at least one field, or leave it out to write what changed")
    if table.version is not None and table.version.field in names:
        raise not_assigned(table)
    return names


def change_of(instance: ModelBase, key: tuple[Any, ...], table: Table, named: frozenset[str] | None) -> Change:
    values = vars(instance)
    changed = changes(instance)
    if table.version is not None and table.version.field in changed:
        raise not_assigned(table)
    sent = changed if named is None else {name: values[name] for name in named}
    stamps = update_stamps(table, sent)
    return Change(instance, key, version_of(instance, table), sent, stamps)


def update_groups(table: Table, groups: dict[Columns, list[Change]], dialect: Dialect) -> Steps[int]:
    done: list[Change] = []
    for columns, changed in groups.items():
        width = len(columns) + len(table.primary_key) + 1
        for batch in batched(changed, min(ROWS[dialect.name], max(1, LONGEST[dialect.name] // width))):
            yield from update_batch(table, columns, batch, dialect)
            done += batch
    # Only now is it sure that none of them failed.
    with NoCollection():
        for change in done:
            version = next_version(table, change.version)
            mark_saved(change.instance, version, sent=change.sent, kept=change.kept, stamps=change.stamps)
    written(*(change.instance for change in done))
    return len(done)


def update_batch(table: Table, columns: Columns, batch: list[Change], dialect: Dialect) -> Steps[None]:
    plan = planned(table, columns, len(batch), dialect)
    mutable = [column for column in columns if column.type.mutable]
    values: list[Any] = []
    for change in batch:
        written = {**change.sent, **change.stamps}
        values += (*change.key, *change.version, *(written[column.field] for column in columns))
        for column in mutable:
            change.kept[column.field] = as_kept(column, written[column.field])
    result = yield Compiled(plan.template, plan.params(values))
    if len(result.rows) == len(batch):
        return
    found = row_loader(tuple(column.type for column in table.primary_key), dialect.name)(result.rows)
    missing = next((change.key for change in batch if change.key not in found), None)
    if missing is None:
        keys = [change.key for change in batch]
        raise repeated(table, keys, keys)
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
