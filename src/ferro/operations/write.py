"""Writing: one instance, many, the row of a key, and all the rows of a query."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from operator import is_, itemgetter
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from ferro.caches import informing
from ferro.errors import InterfaceError, ModelDoesNotExist, MultipleRowsFound, QueryError, UniqueViolationError
from ferro.fields import SET_BY_DATABASE
from ferro.identity import changed_elsewhere, gone, must_be_of_here, must_refer_to_here, settled, written
from ferro.instance import (
    adopt,
    as_kept,
    before_assignment,
    changed_fields,
    fill_in,
    first_loaded,
    forget_related,
    is_loaded,
    journal,
    loaded_key,
    mark_all_inserted,
    mark_deleted,
    mark_inserted,
    mark_saved,
)
from ferro.model import ModelBase
from ferro.operations.hydrate import FEW, filler, no_collection, row_loader
from ferro.operations.locks import lock
from ferro.operations.read import called, fresh_by_key, has_key, is_whole, loader, shown_values
from ferro.operations.soft_delete import restore_by_key, soft_delete_by_key
from ferro.operations.stamps import is_kept, stamp_again, stamp_new, update_stamps
from ferro.operations.steps import Atomic, Operation, Steps
from ferro.operations.versions import has_version, must_not_be_stale, next_version, not_assigned, version_of
from ferro.query.assigned import counted_up
from ferro.query.builder import QueryBase
from ferro.query.compared import Owner
from ferro.query.compiler import compile, make_insert_plan, make_plan
from ferro.query.dialect import Compiled, Dialect, Result
from ferro.query.expressions import ColumnRef, Comparison, Expression, IsNull, Value, source_of
from ferro.query.keys import by_column, named_fields, owners
from ferro.query.plans import NONE, InsertPlan, Plan, refused
from ferro.query.row import find_column, scope_of
from ferro.query.statements import Conflict, Delete, Insert, Lock, OnConflict, Select, Update
from ferro.schema.registry import table_of
from ferro.schema.table import Column, Table
from ferro.types.base import Respelled
from ferro.types.values import with_article

M = TypeVar("M", bound=ModelBase)
T = TypeVar("T")

Columns: TypeAlias = tuple[Column, ...]
Values: TypeAlias = Mapping[str, Any]
# How the database keeps values that can change in place: those of each row, by field.
Kept: TypeAlias = dict[str, list[Any]]

# How many rows one statement inserts, and how many values it may carry.
ROWS = {"sqlite": 500, "postgresql": 500}
LONGEST = {"sqlite": 30_000, "postgresql": 60_000}


# Inserting. A plan is made once for a table, a set of columns and a number of rows; after that an
# insert costs the conversion of its values.


@dataclass(frozen=True, slots=True)
class Inserting:
    """An INSERT of certain columns of a table, ready for values.

    Attributes:
        pick: the values of its columns, out of an instance's `__dict__`.
        required: the columns that must not be None, and where they stand in a row.
        mutable: the columns whose values can change in place, and where they stand in a row.
        returning: the columns whose values come back.
        mutable_back: those of them that can change in place, and where they stand in what comes back.
        filled: the fields of what comes back; of keys the database numbers, None was there before.
        numbered: whether they are nothing but such keys.
        load: from the rows that come back to Python values, in the order of `returning`.
    """

    table: Table
    columns: Columns
    plan: InsertPlan
    pick: Callable[[dict[str, Any]], Sequence[Any]]
    required: tuple[tuple[int, Column], ...]
    mutable: tuple[tuple[int, Column], ...]
    returning: Columns
    mutable_back: tuple[tuple[int, Column], ...]
    filled: tuple[str, ...]
    numbered: bool
    load: Callable[[Sequence[tuple[Any, ...]]], list[Any]]

    def row(self, values: dict[str, Any]) -> list[Any]:
        """The values of one row, each of which may be sent."""
        row = self.picked(values)
        for at, column in self.required:
            if row[at] is None:
                raise not_none(self.table, column)
        return row

    def insertion(self, instances: Sequence[ModelBase]) -> Compiled:
        """The statement that inserts many rows."""
        return self.sending(self.dumped(instances), len(instances))

    def sending(self, columns: Sequence[Sequence[Any]], rows: int) -> Compiled:
        return Compiled(self.plan.template, self.plan.end_to_end(columns, rows))

    def dumped(self, instances: Sequence[ModelBase]) -> list[Sequence[Any]]:
        """The driver values of many rows, each of which may be sent, by column."""
        try:
            columns: list[Sequence[Any]] = list(zip(*map(self.pick, map(vars, instances)), strict=True))
        except KeyError as error:
            raise absent(self.table, error) from None
        kinds = [set(map(type, column)) for column in columns]
        for at, column in self.required:
            if NONE in kinds[at]:
                raise not_none(self.table, column)
        return self.plan.dumped(columns, kinds)

    def picked(self, values: dict[str, Any]) -> list[Any]:
        try:
            return list(self.pick(values))
        except KeyError as error:
            raise absent(self.table, error) from None

    def statement(self, row: list[Any]) -> Compiled:
        return Compiled(self.plan.template, self.plan.params(row))

    def returned(self, result: Result) -> dict[str, Any]:
        """What came back with the first row, by field."""
        values = self.load(result.rows)[0]
        return dict(zip(self.filled, values, strict=True))

    def note(self, instances: Sequence[ModelBase], sent: Kept, returned: Sequence[tuple[Any, ...]]) -> None:
        """Write what came back into new instances: both databases answer an INSERT in the order of its rows."""
        if (pages := journal.get()) is not None:
            pages.note_batch(instances, self.filled, numbered=self.numbered)
        if self.returning:
            for instance, values in zip(instances, returned, strict=True):
                fill_in(instance, self.filled, values)
        kept = {
            **sent,
            **{column.field: [as_kept(column, row[at]) for row in returned] for at, column in self.mutable_back},
        }
        mark_all_inserted(instances, kept)
        written(*instances)

    def kept(self, columns: Sequence[Sequence[Any]]) -> Kept:
        """How the database keeps what can change in place: such a value is sent as the text it is remembered by."""
        return {column.field: list(map(remembered, columns[at])) for at, column in self.mutable}

    def loaded(self, result: Result) -> Sequence[tuple[Any, ...]]:
        """What came back with each of the rows; nothing at all where nothing was asked for."""
        return self.load(result.rows) if self.returning else ()


def inserting(
    table: Table,
    left_out: Columns,
    dialect: Dialect,
    operation: str = "Save",
    conflict: Conflict | None = None,
    returning: Columns | None = None,
    rows: int = 1,
) -> Inserting:
    """Make the plan of an INSERT of all columns but some, which the database fills in and returns."""
    columns = tuple(column for column in table.columns if column not in left_out)
    back = left_out if returning is None else returning
    blank = [[None] * len(columns)] * rows
    statement = Insert(source_of(table), columns, blank, back, conflict)
    return inserting_by(
        table, columns, make_insert_plan(statement, dialect, operation, by_key=rows == 1), back, dialect
    )


def inserting_by(table: Table, columns: Columns, plan: InsertPlan, back: Columns, dialect: Dialect) -> Inserting:
    return Inserting(
        table,
        columns,
        plan,
        picker([column.field for column in columns]),
        tuple((at, column) for at, column in enumerate(columns) if not column.nullable),
        mutable_in(columns),
        back,
        mutable_in(back),
        tuple(column.field for column in back),
        all(column.autoincrement for column in back),
        row_loader(tuple(column.type for column in back), dialect.name),
    )


def remembered(sent: Any) -> Any:
    return sent.kept if isinstance(sent, Respelled) else sent


def mutable_in(columns: Columns) -> tuple[tuple[int, Column], ...]:
    return tuple((at, column) for at, column in enumerate(columns) if column.type.mutable)


@informing("inserts")
@lru_cache(maxsize=2048)
def inserting_one(table: Table, left_out: Columns, dialect: Dialect) -> Inserting:
    return inserting(table, left_out, dialect)


@informing("bulk inserts")
@lru_cache(maxsize=256)
def inserting_many(table: Table, left_out: Columns, dialect: Dialect, rows: int) -> Inserting:
    return inserting(table, left_out, dialect, "Bulk save", rows=rows)


@informing("inserts unless there")
@lru_cache(maxsize=512)
def inserting_unless_there(table: Table, left_out: Columns, dialect: Dialect) -> Inserting:
    """The INSERT that does nothing, and returns nothing, when the row would break a unique key."""
    returning = left_out or table.primary_key or table.columns[:1]
    return inserting(table, left_out, dialect, conflict=Conflict(OnConflict.NOTHING), returning=returning)


@informing("upserts")
@lru_cache(maxsize=512)
def upserting(table: Table, left_out: Columns, dialect: Dialect, key: Columns, update: Columns) -> Inserting:
    """The INSERT that becomes an UPDATE when there is a row of this key."""
    # Without a column to change the key is set to itself: a row that is left alone would not be returned.
    conflict = Conflict(OnConflict.UPDATE, key, update or key)
    return inserting(table, left_out, dialect, conflict=conflict, returning=table.columns)


def picker(fields: list[str]) -> Callable[[dict[str, Any]], Sequence[Any]]:
    if len(fields) == 1:
        (field,) = fields
        return lambda values: (values[field],)
    return itemgetter(*fields) if fields else lambda _: ()


def left_out(table: Table, instance: ModelBase) -> Columns:
    """The columns of a new row that the database is to fill in, because nobody has set them."""
    return chooser(table)(instance)


@informing("generated columns")
@lru_cache(maxsize=1024)
def chooser(table: Table) -> Callable[[ModelBase], Columns]:
    """The function behind `left_out`: most tables have nothing but a numbered key to ask for."""
    none: Columns = ()
    candidates = tuple(column for column in table.columns if column.generated)
    if not candidates:
        return lambda _: none
    if len(candidates) == 1 and candidates[0].autoincrement:
        field = candidates[0].field
        return lambda instance: candidates if vars(instance).get(field) is None else none
    return lambda instance: tuple(column for column in candidates if is_unset(instance, column))


def is_unset(instance: ModelBase, column: Column) -> bool:
    value = vars(instance).get(column.field)
    if column.autoincrement:
        return value is None
    return value is SET_BY_DATABASE or column.field not in instance.model_fields_set


def insert(instance: ModelBase, dialect: Dialect) -> Steps[None]:
    table = table_of(type(instance))
    must_refer_to_here((instance,))
    stamp_new(table, (instance,))
    plan = inserting_one(table, left_out(table, instance), dialect)
    sent = dict(vars(instance))
    statement = plan.statement(plan.row(sent))
    kept = {column.field: remembered(statement.params[at]) for at, column in plan.mutable}
    result = yield statement
    back = plan.returned(result) if plan.returning else {}
    for _, column in plan.mutable_back:
        kept[column.field] = as_kept(column, back[column.field])
    if all(map(is_, sent.values(), vars(instance).values())):
        if (pages := journal.get()) is not None:
            pages.note_batch((instance,), plan.filled, numbered=plan.numbered)
        mark_inserted(instance, back, kept)
    else:
        # Someone assigned to it while the statement was under way.
        mark_saved(instance, back, sent=sent, kept=kept)
    written(instance)


# Saving one instance.


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
    allowed = chosen_fields(table, only, exclude) if chosen else table.by_field.keys()
    changed = {field: value for field, value in changes(instance).items() if field in allowed}
    return update(instance, table, changed, dialect, untouched=frozenset(exclude or ()))


def changes(instance: ModelBase) -> dict[str, Any]:
    """The changed fields of a loaded instance, with the values to write."""
    return {field: vars(instance)[field] for field in changed_fields(instance)}


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


def update(
    instance: ModelBase,
    table: Table,
    sent: dict[str, Any],
    dialect: Dialect,
    untouched: frozenset[str] = frozenset(),
) -> Steps[None]:
    """Write some values into the row of a loaded instance; without any, nothing is sent.

    `untouched` are the fields that are not even stamped.
    """
    stamps = update_stamps(table, sent, untouched)
    sent = {**sent, **stamps}
    columns = tuple(column for column in table.columns if column.field in sent)
    if not columns:
        return
    for column in columns:
        if sent[column.field] is None and not column.nullable:
            raise not_none(table, column)
    if table.version in columns:
        raise not_assigned(table)
    key, version = loaded_key(instance), version_of(instance, table)
    plan = updating(table, columns, dialect)
    values = [*(sent[column.field] for column in columns), *key, *version]
    result = yield Compiled(plan.template, plan.params(values))
    if not result.count:
        yield from must_not_be_stale(table, key, version, "Save", dialect)
        raise ModelDoesNotExist(
            f"Save failed: {called(table, key)} is not in the database any more; "
            "save(on_conflict='update') inserts it again",
            model=table.model,
            pk=shown_key(key),
        )
    mark_saved(instance, {**next_version(table, version), **stamps}, sent=sent)
    written(instance)


@informing("saves")
@lru_cache(maxsize=2048)
def updating(table: Table, columns: Columns, dialect: Dialect) -> Plan:
    """The UPDATE of certain columns of the row of a key."""
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
    result = yield plan.statement(plan.row(sent))
    mark_saved(instance, plan.returned(result), sent=sent)
    written(instance)


# Many instances.


def bulk_create(model: type[M], instances: Iterable[M], dialect: Dialect) -> Operation[list[M]]:
    """Insert new instances, all or none, in their order; what the database fills in is written into them."""
    table = table_of(model)
    given = list(instances)
    check_new(model, given)
    batches = [
        (unset, batch)
        for unset, run in groupby(given, key=chooser(table))
        for batch in batched(list(run), rows_at_once(table, unset, dialect))
    ]
    steps = insert_batches(table, given, batches, dialect)
    return Atomic(steps) if len(batches) > 1 else steps


def check_new(model: type[ModelBase], given: Sequence[ModelBase], start: int = 0) -> None:
    for at, instance in enumerate(given, start):
        if type(instance) is not model:
            raise QueryError(
                f"bulk_create() of {model.__name__} got {with_article(type(instance).__name__)} at position {at}"
            )
    if (at := first_loaded(given)) is not None:
        raise QueryError(
            f"the {model.__name__} at position {start + at} is in the database already: save() writes its changes"
        )
    if len(set(map(id, given))) < len(given):
        raise QueryError(f"bulk_create() got the same {model.__name__} more than once: each instance is one row")


def rows_at_once(table: Table, unset: Columns, dialect: Dialect) -> int:
    width = len(table.columns) - len(unset)
    # A statement that names no column cannot hold several rows.
    return min(ROWS[dialect.name], max(1, LONGEST[dialect.name] // width)) if width else 1


def batched(items: list[T], size: int) -> Generator[list[T], None, None]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def insert_batches(
    table: Table, given: list[M], batches: Sequence[tuple[Columns, list[M]]], dialect: Dialect
) -> Steps[list[M]]:
    must_refer_to_here(given)
    stamp_new(table, given)
    answers: list[tuple[Inserting, list[M], Kept, Sequence[tuple[Any, ...]]]] = []
    for unset, batch in batches:
        plan = inserting_many(table, unset, dialect, len(batch))
        columns = plan.dumped(batch)
        result = yield plan.sending(columns, len(batch))
        if plan.returning and len(result.rows) != len(batch):
            raise InterfaceError(
                f"Bulk save failed for {table.model.__name__!r}: {len(batch)} rows were sent and {len(result.rows)} "
                "came back: a trigger or a rule of the database keeps rows out"
            )
        answers.append((plan, batch, plan.kept(columns), plan.loaded(result)))
    # Only now is it sure that none of them failed.
    with no_collection() if len(given) > FEW else nullcontext():
        for plan, batch, sent, returned in answers:
            plan.note(batch, sent, returned)
    return given


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


# One row by a unique key.


def upsert(model: type[M], values: Values, dialect: Dialect, *, key: Iterable[str] | None = None) -> Steps[M]:
    """Insert a row, or update the named columns of the row that has the same unique key."""
    table = table_of(model)
    named = tuple(named_column(model, table, name) for name in by_column(table, values))
    instance = model(**values)
    chosen = deduced_key(table, named, instance) if key is None else named_key(table, key, instance)
    stamp_new(table, (instance,))
    unset = left_out(table, instance)
    update = updated_columns(table, named, chosen, unset)
    return upserted(instance, upserting(table, unset, dialect, chosen, update))


def updated_columns(table: Table, named: Columns, key: Columns, unset: Columns) -> Columns:
    """What an upsert changes in a row that is there: what was named, its stamp and its version."""
    update = tuple(
        column for column in named if column not in key and column not in unset and column is not table.version
    )
    if update:
        update += tuple(column for column in table.stamps.get("updated", ()) if column not in update)
    if update and table.version is not None:
        update += (table.version,)
    return update


def upserted(instance: M, plan: Inserting) -> Steps[M]:
    must_refer_to_here((instance,))
    result = yield plan.statement(plan.row(vars(instance)))
    adopt(instance, plan.returned(result))
    return settled([instance])[0]


def named_column(model: type[ModelBase], table: Table, name: str) -> Column:
    """The column of a field or of its alias."""
    if name not in table.by_field:
        for field, info in model.model_fields.items():
            if name in (info.alias, info.validation_alias) and field in table.by_field:
                return table.by_field[field]
    return find_column(table, name)


def deduced_key(table: Table, named: Columns, instance: ModelBase, verb: str = "upsert()") -> Columns:
    """The one unique key that is given whole."""
    given = [column for column in named if vars(instance)[column.field] is not None]
    found = [key for key in table.keys if all(column in given for column in key)]
    if len(found) == 1:
        return found[0]
    model = table.model.__name__
    if not table.keys:
        raise QueryError(f"{model} has no unique key that tells which row to update: declare one")
    if not found:
        raise QueryError(f"{verb} of {model} needs all values of one of its unique keys: {spelled(table.keys)}")
    raise QueryError(f"{verb} of {model} names several unique keys: say which with key=, one of {spelled(found)}")


def named_key(table: Table, names: Iterable[str], instance: ModelBase, verb: str = "upsert()") -> Columns:
    given = named_fields(table, (names,) if isinstance(names, str) else names)
    wanted = {table.by_field[name] for name in given}
    for key in table.keys:
        if set(key) == wanted:
            for column in key:
                if vars(instance)[column.field] is None:
                    raise QueryError(
                        f"{verb} of {table.model.__name__} has no value for {column.field!r}, a part of its key"
                    )
            return key
    shown = ", ".join(repr(column.field) for column in table.columns if column in wanted)
    raise QueryError(
        f"({shown}) is not a unique key of {table.model.__name__}: "
        + (f"it can be {spelled(table.keys)}" if table.keys else "it has none")
    )


def spelled(keys: Sequence[Columns]) -> str:
    return ", ".join("(" + ", ".join(repr(column.field) for column in key) + ")" for key in keys)


# Finding a row, or making it.


def get_or_create(model: type[M], values: Values, defaults: Values, dialect: Dialect) -> Operation[tuple[M, bool]]:
    """The row with these values and False, or a new one and True. Of any number of calls at once, one creates it."""
    table = table_of(model)
    row = wanted(model, table, values, defaults, dialect, "get_or_create()")
    return row.found_or_made() if row.is_unique else Atomic(row.found_or_made())


def update_or_create(model: type[M], values: Values, defaults: Values, dialect: Dialect) -> Atomic[tuple[M, bool]]:
    """The row with these values, the defaults set in it, and False; or a new one with both, and True."""
    table = table_of(model)
    return Atomic(wanted(model, table, values, defaults, dialect, "update_or_create()", lock=Lock()).changed_or_made())


# Kinds whose equal values have one spelling, so that a lock can be named by them.
EXACT = frozenset({"bool", "int", "text", "bytes", "date", "time", "datetime", "naive_datetime", "timedelta", "uuid"})


@dataclass(frozen=True, slots=True)
class Wanted(Generic[M]):
    """A row that is looked for and, where there is none, made.

    Attributes:
        values: what tells the row, by column.
        defaults: what else a new one holds.
        owners: the instances whose keys are among these.
        select: the statement that looks for it, as far as the model's scope sees.
        scope: how many of its conditions, from the first, are that scope.
        verb: what the caller called, for errors.
    """

    model: type[M]
    table: Table
    values: dict[Column, Any]
    defaults: dict[Column, Any]
    owners: tuple[Owner, ...]
    select: Select
    scope: int
    verb: str
    dialect: Dialect

    @property
    def is_unique(self) -> bool:
        """Whether the database itself keeps two such rows apart."""
        given = {column for column, value in self.values.items() if value is not None}
        return any(given.issuperset(key) for key in self.table.keys)

    def found_or_made(self) -> Steps[tuple[M, bool]]:
        for owner in self.owners:
            must_be_of_here(*owner)
        if not self.is_unique and self.dialect.locks:
            # No key of the table stops two programs from making the row at once, so they wait for
            # each other. On SQLite a transaction that writes is alone anyway.
            yield self.lock()
        found = yield from self.find()
        if found is not None:
            return found, False
        return (yield from self.make())

    def changed_or_made(self) -> Steps[tuple[M, bool]]:
        row, made = yield from self.found_or_made()
        if not made:
            for column, value in self.defaults.items():
                before_assignment(row, column.field)
                vars(row)[column.field] = value
            # An object of a session may have other unsaved edits: they stay what they are.
            defaulted = {column.field for column in self.defaults}
            changed = {field: value for field, value in changes(row).items() if field in defaulted}
            yield from update(row, self.table, changed, self.dialect)
        return row, made

    def find(self) -> Steps[M | None]:
        result = yield compile(self.select, self.dialect)
        if len(result.rows) > 1:
            raise MultipleRowsFound(
                f"more than one {self.model.__name__} has these values, and {self.verb} needs them to tell one row: "
                "look for more columns"
            )
        return filler(self.model, self.table.columns, self.dialect.name)(result.rows)[0] if result.rows else None

    def make(self) -> Steps[tuple[M, bool]]:
        given = {**self.values, **self.defaults}
        instance = self.model(**{input_name(self.model, column.field): value for column, value in given.items()})
        if self.is_unique:
            stamp_new(self.table, (instance,))
            plan = inserting_unless_there(self.table, left_out(self.table, instance), self.dialect)
            sent = dict(vars(instance))
            result = yield plan.statement(plan.row(sent))
            if result.rows:
                mark_saved(instance, plan.returned(result), sent=sent)
                written(instance)
                return instance, True
            found = yield from self.find()
            if found is not None:
                return found, False
            yield from self.must_not_be_hidden()
            # Another unique key was in the way. The plain INSERT says which.
        yield from insert(instance, self.dialect)
        return instance, True

    def must_not_be_hidden(self) -> Steps[None]:
        """Say so where the row is there, and its model's scope keeps it out of sight."""
        if not self.scope:
            return
        result = yield compile(replace(self.select, where=self.select.where[self.scope :]), self.dialect)
        if result.rows:
            model = self.model.__name__
            how = "restore() it, or " if self.table.deleted is not None else ""
            raise UniqueViolationError(
                f"{self.verb}: {with_article(model)} with these values is there, and the scope of {model} keeps it out of sight: "
                f"{how}look for it with {model}.unscoped()"
            )

    def lock(self) -> Compiled:
        named = sorted(self.values, key=lambda column: column.name)
        return lock(
            self.table.name,
            *((column.name, self.dumped(column) if column.type.kind in EXACT else None) for column in named),
        )

    def dumped(self, column: Column) -> Any:
        value = self.values[column]
        dump = column.type.stored["sqlite"].dump
        try:
            return value if value is None or dump is None else dump(value)
        except ValueError as error:
            raise refused(f"{self.model.__name__}.{column.field}", error) from error


def wanted(
    model: type[M],
    table: Table,
    values: Values,
    defaults: Values,
    dialect: Dialect,
    verb: str,
    lock: Lock | None = None,
) -> Wanted[M]:
    if not values:
        raise QueryError(f"{verb} needs at least one value to look for")
    looked_for = accepted(model, table, by_column(table, values))
    defaulted = accepted(model, table, by_column(table, defaults))
    keys = {**owners(table, values), **owners(table, defaults)}
    for column in looked_for:
        if column in defaulted:
            raise QueryError(f"{verb} looks for {column.field!r} and has a default for it: keep one of them")
    source = source_of(table)
    scope = scope_of(table, source)
    where = scope + tuple(equals(ColumnRef(source, column), value) for column, value in looked_for.items())
    select = Select(source, source.columns, where, limit=2, lock=lock)
    return Wanted(model, table, looked_for, defaulted, tuple(keys.values()), select, len(scope), verb, dialect)


def equals(column: ColumnRef[Any], value: object) -> Expression[bool]:
    return IsNull(column) if value is None else Comparison(column, "=", Value(value, column.type, column))


def accepted(model: type[ModelBase], table: Table, values: Values) -> dict[Column, Any]:
    """The values by column, each exactly as its column type has it."""
    found: dict[Column, Any] = {}
    for name, value in values.items():
        column = named_column(model, table, name)
        try:
            found[column] = None if value is None else column.type.accept(value)
        except ValueError as error:
            raise QueryError(f"{table.model.__name__}.{column.field}: {error}") from None
    return found


def input_name(model: type[ModelBase], field: str) -> str:
    """The name under which a model's constructor takes a field."""
    config = model.model_config
    alias = model.model_fields[field].validation_alias
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    return alias if isinstance(alias, str) and not by_name else field


# All rows of a query.


def update_where(query: QueryBase[Any], recipe: Sequence[Any], values: Values, dialect: Dialect) -> Steps[int]:
    """Change every row that matches; return how many there were."""
    return counted(query.model, query.update_statement(*recipe, **values), dialect, "Update")


def delete_where(query: QueryBase[Any], dialect: Dialect, *, hard: bool = False) -> Steps[int]:
    """Delete every row that matches, or mark it as deleted; return how many there were."""
    soft = query.table.deleted is not None and not hard
    statement = query.soft_delete_statement() if soft else query.delete_statement()
    return counted(query.model, statement, dialect, "Delete")


def restore_where(query: QueryBase[Any], dialect: Dialect) -> Steps[int]:
    """Take back that the rows that match were deleted; return how many there were."""
    return counted(query.model, query.restore_statement(), dialect, "Restore")


def update_returning(
    query: QueryBase[Any], recipe: Sequence[Any], values: Values, dialect: Dialect
) -> Steps[list[Any]]:
    """Change every row that matches; return them as they are now."""
    statement = query.update_returning_statement(recipe, values)
    return given_back(query, statement, dialect, "Update")


def delete_returning(query: QueryBase[Any], dialect: Dialect, *, hard: bool = False) -> Steps[list[Any]]:
    """Delete every row that matches; return what they were, as new instances; those only marked as they are now."""
    soft = query.table.deleted is not None and not hard
    statement = query.delete_returning_statement(soft=soft)
    found = yield from given_back(query, statement, dialect, "Delete", new=not soft)
    if query.projection is None and not soft:
        for instance in found:
            mark_deleted(instance)
    return found


def given_back(
    query: QueryBase[Any], statement: Update | Delete, dialect: Dialect, operation: str, *, new: bool = False
) -> Steps[list[Any]]:
    result = yield compile(statement, dialect, operation=operation)
    changed_elsewhere(query.model)
    return loader(query, dialect, new=new)(result.rows)


def counted(model: type, statement: Update | Delete, dialect: Dialect, operation: str) -> Steps[int]:
    result = yield compile(statement, dialect, operation=operation)
    changed_elsewhere(model)
    return result.count


# What is wrong with a row.


def must_have_key(table: Table, verb: str) -> None:
    if not table.primary_key:
        raise QueryError(
            f"Model {table.model.__name__} does not define a primary key, so nothing tells which row to {verb}: "
            "give it one, or use where() with update() or delete()"
        )


def not_none(table: Table, column: Column) -> QueryError:
    return QueryError(f"{table.model.__name__}.{column.field} cannot be None: the column is not nullable")


def absent(table: Table, error: KeyError) -> QueryError:
    return QueryError(f"{table.model.__name__}.{error.args[0]} has no value: set it before the row is saved")


def shown_key(key: tuple[Any, ...]) -> Any:
    return key[0] if len(key) == 1 else key
