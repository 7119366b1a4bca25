"""Plans of INSERTs: made once for a table and a set of columns; after that an insert costs converting its values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias

from ferro.caches import informing
from ferro.errors import InterfaceError
from ferro.fields import SET_BY_DATABASE
from ferro.identity import written
from ferro.instance.journal import journal
from ferro.instance.marks import are_as_sent, fill_in, mark_all_inserted, mark_saved
from ferro.instance.values import as_kept
from ferro.model import ModelBase
from ferro.operations.dehydrate import Dump, absent, not_none, row_dumper
from ferro.operations.hydrate import row_loader
from ferro.operations.steps import Steps
from ferro.query.compiler import make_insert_plan
from ferro.query.dialect import Compiled, Dialect, Result, Template
from ferro.query.plans import NONE, InsertPlan
from ferro.query.sources import source_of
from ferro.query.statements import Conflict, Insert, OnConflict
from ferro.schema.table import Column, Table
from ferro.types.base import Respelled

Columns: TypeAlias = tuple[Column, ...]
# How the database keeps values that can change in place: those of each row, by field.
Kept: TypeAlias = dict[str, list[Any]]
# The values of many instances, by column.
Held: TypeAlias = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Inserting:
    """An INSERT of certain columns of a table, ready for values.

    Attributes:
        params: the parameters of one row, out of an instance's `__dict__`; each of them may be sent.
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
    params: Dump
    pick: Callable[[dict[str, Any]], Sequence[Any]]
    required: tuple[tuple[int, Column], ...]
    mutable: tuple[tuple[int, Column], ...]
    returning: Columns
    mutable_back: tuple[tuple[int, Column], ...]
    filled: tuple[str, ...]
    numbered: bool
    load: Callable[[Sequence[tuple[Any, ...]]], list[Any]]

    def statement(self, values: dict[str, Any]) -> Compiled:
        """The statement that inserts the row of an instance with these values."""
        return Compiled(self.plan.template, self.params(values))

    def insertion(self, instances: Sequence[ModelBase]) -> Compiled:
        """The statement that inserts many rows."""
        return self.sending(self.dumped(instances), len(instances))

    def sending(self, columns: Sequence[Sequence[Any]], rows: int) -> Compiled:
        return Compiled(self.plan.template, self.plan.end_to_end(columns, rows))

    def dumped(self, instances: Sequence[ModelBase]) -> list[Sequence[Any]]:
        """The driver values of many rows, each of which may be sent, by column."""
        return self.converted(self.picked(instances))

    def picked(self, instances: Sequence[ModelBase]) -> Held:
        """The values of many rows, by column."""
        try:
            return list(zip(*map(self.pick, map(vars, instances)), strict=True))
        except KeyError as error:
            raise absent(self.table, error.args[0]) from None

    def converted(self, values: Held) -> list[Sequence[Any]]:
        """Values as the driver values of them, each of which may be sent."""
        columns = list(values)
        kinds = [set(map(type, column)) for column in columns]
        for at, column in self.required:
            if NONE in kinds[at]:
                raise not_none(self.table, column)
        return self.plan.dumped(columns, kinds)

    def returned(self, result: Result) -> dict[str, Any]:
        """What came back with the first row, by field."""
        if not self.returning:
            return {}
        if not result.rows:
            raise kept_out(self.table, 1, 0)
        row, filled = self.load(result.rows)[0], self.filled
        if len(filled) == 1:
            return {filled[0]: row[0]}
        return {field: row[at] for at, field in enumerate(filled)}

    def held(self, instances: Sequence[ModelBase], picked: Held) -> Held:
        """What new instances hold in the columns that were picked, and in those that come back, by column."""
        if self.numbered:
            return [*picked, *([None] * len(instances) for _ in self.filled)]
        return [*picked, *([values.get(field) for values in map(vars, instances)] for field in self.filled)]

    def note(self, instances: Sequence[ModelBase], held: Held, sent: Kept, returned: Sequence[tuple[Any, ...]]) -> None:
        """Write what came back into new instances: both databases answer an INSERT in the order of its rows.

        `held` is what they held when they were sent.
        """
        kept = {
            **sent,
            **{column.field: [as_kept(column, row[at]) for row in returned] for at, column in self.mutable_back},
        }
        if are_as_sent(instances):
            if (pages := journal.get()) is not None:
                pages.note_batch(instances, self.filled, numbered=self.numbered)
            if self.returning:
                fill_in(instances, self.filled, returned)
            mark_all_inserted(instances, kept)
        else:
            fields = [*(column.field for column in self.columns), *self.filled]
            for at, instance in enumerate(instances):
                back = dict(zip(self.filled, returned[at], strict=True)) if returned else {}
                one = {field: column[at] for field, column in zip(fields, held, strict=True)}
                mark_saved(instance, back, sent=one, kept={field: column[at] for field, column in kept.items()})
        written(*instances)

    def kept(self, columns: Sequence[Sequence[Any]]) -> Kept:
        """How the database keeps what can change in place: such a value is sent as the text it is remembered by."""
        return {column.field: list(map(remembered, columns[at])) for at, column in self.mutable}

    def loaded(self, result: Result, sent: int, *, alone: bool = False) -> Sequence[tuple[Any, ...]]:
        """What came back with each of the rows that were sent; nothing at all where nothing was asked for.

        `alone` says that nothing but a transaction of the caller's would undo the statement.
        """
        if not self.returning:
            return ()
        if len(result.rows) != sent:
            raise kept_out(self.table, sent, len(result.rows), alone=alone)
        return self.load(result.rows)


# Asks whether a name is that of a view, where what its trigger puts elsewhere is not counted.
VIEWS = {
    "sqlite": Template(
        "SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = ? COLLATE NOCASE",
        fetches=True,
        writes=False,
        operation="Bulk save",
    )
}


def must_be_in(table: Table, sent: int, count: int, dialect: Dialect) -> Steps[None]:
    """Raise when not all of the rows were taken of which nothing comes back."""
    if count == sent:
        return
    look = None if count else VIEWS.get(dialect.name)
    if look is None or not (yield Compiled(look, [table.name])).rows:
        raise kept_out(table, sent, count, "went in")


def kept_out(table: Table, sent: int, back: int, became: str = "came back", *, alone: bool = False) -> InterfaceError:
    """The error for rows of which nothing came back, and what became of the others."""
    model = table.model.__name__
    if sent == 1:
        return InterfaceError(
            f"Save failed for {model!r}: the row did not come back: a trigger or a rule of the database keeps it out"
        )
    return InterfaceError(
        f"Bulk save failed for {model!r}: {sent} rows were sent and {back} {became}: a trigger or a rule of the "
        "database keeps rows out"
        + ("; those that came back are stored, unless a transaction around them is undone" if alone and back else "")
    )


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
        row_dumper(table, columns, dialect.name),
        picker([column.field for column in columns]),
        tuple((at, column) for at, column in enumerate(columns) if not column.nullable),
        mutable_in(columns),
        back,
        mutable_in(back),
        tuple(column.field for column in back),
        all(column.autoincrement for column in back),
        row_loader(tuple(column.type for column in back), dialect.name),
    )


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


def remembered(sent: Any) -> Any:
    return sent.kept if isinstance(sent, Respelled) else sent


def mutable_in(columns: Columns) -> tuple[tuple[int, Column], ...]:
    return tuple((at, column) for at, column in enumerate(columns) if column.type.mutable)


# Which columns a new row leaves out.


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
