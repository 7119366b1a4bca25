"""Finding a row, or making it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

from ferro.errors import MultipleRowsFound, QueryError, UniqueViolationError
from ferro.identity import must_be_of_here, written
from ferro.instance.edits import before_assignment
from ferro.instance.marks import mark_saved
from ferro.model import ModelBase
from ferro.operations.hydrate import filler
from ferro.operations.inserting import inserting_unless_there, left_out
from ferro.operations.locks import lock
from ferro.operations.naming import input_name, named_column
from ferro.operations.stamps import stamp_new
from ferro.operations.steps import Atomic, Operation, Steps
from ferro.operations.write import changes, insert, update
from ferro.query.compared import Owner
from ferro.query.compiler import compile
from ferro.query.dialect import Compiled, Dialect
from ferro.query.expressions import ColumnRef, Comparison, Expression, IsNull, Value
from ferro.query.keys import by_column, owners
from ferro.query.plans import refused
from ferro.query.row import scope_of
from ferro.query.sources import source_of
from ferro.query.statements import Lock, Select
from ferro.schema.registry import table_of
from ferro.schema.table import Column, Table
from ferro.types.values import with_article

M = TypeVar("M", bound=ModelBase)

Values: TypeAlias = Mapping[str, Any]


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


@dataclass(frozen=True, slots=True, eq=False)
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
            result = yield plan.statement(sent)
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
