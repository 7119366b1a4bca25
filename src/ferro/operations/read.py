"""Reading: rows of a query, their number, and the row of a key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar, cast

from ferro.caches import informing
from ferro.errors import ModelDoesNotExist, MultipleRowsFound, QueryError
from ferro.fields import SET_BY_DATABASE
from ferro.instance.siblings import Siblings, acquaint
from ferro.model import ModelBase
from ferro.operations.hydrate import FEW, Rows, are_new, as_they_are, filler, in_parts, new_filler, row_loader
from ferro.operations.include import load_all
from ferro.operations.joined import Joining, joining
from ferro.operations.steps import Steps
from ferro.operations.typed_rows import selected
from ferro.query.builder import AggregateName, QueryBase
from ferro.query.compiler import compile, make_plan
from ferro.query.dialect import REDACTED, Compiled, Dialect
from ferro.query.expressions import ColumnRef, Comparison, Expression, Value
from ferro.query.plans import Plan
from ferro.query.row import scope_of
from ferro.query.sources import Source, source_of
from ferro.query.statements import Select
from ferro.schema.registry import table_of
from ferro.schema.table import Column, Table

M = TypeVar("M", bound=ModelBase)


# The rows of a query.


def fetch_all(query: QueryBase[Any], dialect: Dialect) -> Steps[list[Any]]:
    """Every row: instances, or what the query selects."""
    return fetch(query, query.select_statement(), dialect)


def fetch_first(query: QueryBase[Any], dialect: Dialect) -> Steps[Any]:
    """The first row, or None."""
    if query.backwards:
        # Of rows that come the other way round the first one comes last.
        found = (yield from fetch_rows(query, query.select_statement(), dialect))[:1]
        yield from load_all(found, query.includes, dialect, siblings=query.siblings)
    else:
        found = yield from fetch(query, at_most(1, query), dialect)
    return found[0] if found else None


def fetch_one(query: QueryBase[Any], dialect: Dialect) -> Steps[Any]:
    """The only row."""
    found = yield from at_most_one(query, dialect, "one()")
    if not found:
        raise ModelDoesNotExist(
            f"no {query.model.__name__} matches this query, and one() needs exactly one: "
            "where there may be none, use one_or_none()",
            model=query.model,
        )
    return found[0]


def fetch_one_or_none(query: QueryBase[Any], dialect: Dialect) -> Steps[Any]:
    """The only row, or None."""
    found = yield from at_most_one(query, dialect, "one_or_none()")
    return found[0] if found else None


def at_most_one(query: QueryBase[Any], dialect: Dialect, verb: str) -> Steps[list[Any]]:
    # A second row is asked for only to be sure that there is none.
    found, loading = yield from begin(query, at_most(2, query), dialect)
    if len(found) > 1:
        raise MultipleRowsFound(
            f"more than one {query.model.__name__} matches this query, and {verb} allows only one: "
            "add a condition that tells them apart, or take the first() of an order_by()"
        )
    yield from loading
    return found


def at_most(count: int, query: QueryBase[Any]) -> Select:
    statement = query.select_statement()
    return replace(statement, limit=count if statement.limit is None else min(count, statement.limit))


def fetch(query: QueryBase[Any], statement: Select, dialect: Dialect) -> Steps[list[Any]]:
    """The rows, and what is included with them."""
    return fetch_included(query, statement, dialect) if query.includes else fetch_rows(query, statement, dialect)


def fetch_included(query: QueryBase[Any], statement: Select, dialect: Dialect) -> Steps[list[Any]]:
    found, loading = yield from begin(query, statement, dialect)
    yield from loading
    return found


def begin(query: QueryBase[Any], statement: Select, dialect: Dialect) -> Steps[tuple[list[Any], Steps[None]]]:
    """The rows, and the steps that load what is included with them."""
    along = joining(query, statement, dialect)
    if along is None:
        found = yield from fetch_rows(query, statement, dialect)
        new = bool(query.includes) and are_new(query.model)
        return found, load_all(found, query.includes, dialect, siblings=query.siblings, new=new)
    found = yield from fetch_rows(query, along.statement, dialect, along)
    return found, along.load(found)


def statement_of_all(query: QueryBase[Any], dialect: Dialect) -> Select:
    """What `fetch_all` asks first."""
    statement = query.select_statement()
    along = joining(query, statement, dialect)
    return statement if along is None else along.statement


def fetch_rows(
    query: QueryBase[Any], statement: Select, dialect: Dialect, along: Joining | None = None
) -> Steps[list[Any]]:
    """The rows alone, without what is included, which may come along with them."""
    make = maker(query, dialect)
    if along is not None:
        make = along.own(make)
    if query.siblings and query.projection is None:
        make = acquainting(make, Siblings())
    # Where nothing is made of them, and nobody sends the next meanwhile, parts would gain nothing.
    gains = dialect.sends or make is not as_they_are
    many = gains and (statement.limit is None or statement.limit > FEW)
    found = yield from in_parts(compile(statement, dialect), make, many=many)
    if query.backwards:
        found.reverse()
    return found


def loader(query: QueryBase[Any], dialect: Dialect, *, new: bool = False) -> Callable[[Rows], list[Any]]:
    """From all rows of a query, or of a chunk, to what its caller sees; with `new`, instances that nobody else has."""
    make = maker(query, dialect, new=new)
    return acquainting(make) if query.siblings and query.projection is None else make


def maker(query: QueryBase[Any], dialect: Dialect, *, new: bool = False) -> Callable[[Rows], list[Any]]:
    """The same of some of the rows: instances do not know each other yet."""
    chosen = query.projection
    if chosen is None:
        return (new_filler if new else filler)(query.model, query.table.columns, dialect.name)
    if chosen.into is not None:
        return selected(chosen, dialect)
    return row_loader(tuple(one.type for one in chosen.columns), dialect.name, chosen.kind, chosen.names)


def acquainting(fill: Callable[[Rows], list[Any]], siblings: Siblings | None = None) -> Callable[[Rows], list[Any]]:
    """The same, to instances that know each other: those made of one call, or all of these siblings."""

    def fill_and_acquaint(rows: Rows) -> list[Any]:
        found = fill(rows)
        acquaint(found, siblings or Siblings())
        return found

    return fill_and_acquaint


# What is known of all rows together.


def count(query: QueryBase[Any], dialect: Dialect) -> Steps[int]:
    """How many rows there are."""
    result = yield compile(query.count_statement(), dialect, operation="Count")
    return result.rows[0][0]


def exists(query: QueryBase[Any], dialect: Dialect) -> Steps[bool]:
    """Whether there is any row; the database stops at the first."""
    result = yield compile(query.exists_statement(), dialect)
    return bool(result.rows)


def aggregate(query: QueryBase[Any], name: AggregateName, column: object, dialect: Dialect) -> Steps[Any]:
    """The sum, average, least or greatest value of a column or expression; None where there are no values."""
    statement = query.aggregate_statement(name, column)
    result = yield compile(statement, dialect)
    return row_loader((statement.columns[0].type,), dialect.name, "value")(result.rows)[0]


# One row by its primary key.


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """The SELECT of a row by its primary key, and what makes an instance of it: made once a model and database.

    `fill_new` makes one that nobody else has.
    """

    plan: Plan
    fill: Callable[[Rows], list[Any]]
    fill_new: Callable[[Rows], list[Any]]


@informing("gets")
@lru_cache(maxsize=1024)
def lookup(table: Table, dialect: Dialect) -> Lookup:
    source = source_of(table)
    statement = Select(source, source.columns, has_key(source))
    plan = make_plan(statement, dialect, "Fetch", len(table.primary_key), by_key=True)
    made = (table.model, table.columns, dialect.name)
    return Lookup(plan, filler(*made), new_filler(*made))


def has_key(source: Source, key: Sequence[Any] | None = None) -> tuple[Expression[bool], ...]:
    """That a row has a certain primary key; without its values, they come later, in the order of its columns."""
    columns = [ColumnRef[Any](source, column) for column in source.table.primary_key]
    values = [None] * len(columns) if key is None else key
    return tuple(
        Comparison(column, "=", Value[Any](value, column.type, column))
        for column, value in zip(columns, values, strict=True)
    )


def get(model: type[M], pk: object, dialect: Dialect) -> Steps[M]:
    """The row with this primary key; a tuple for a composite one."""
    table = table_of(model)
    key = read_key(table, pk)
    return must_be_found(table, key, seen_by_key(table, key, dialect))


def must_be_found(table: Table, key: list[Any], steps: Steps[Any]) -> Steps[Any]:
    found = yield from steps
    if found is None:
        raise ModelDoesNotExist(
            f"{called(table, key)} does not exist: where that may be so, use get_or_none()",
            model=table.model,
            pk=key[0] if len(key) == 1 else tuple(key),
        )
    return found


def get_or_none(model: type[M], pk: object, dialect: Dialect) -> Steps[M | None]:
    """The row with this primary key, or None."""
    table = table_of(model)
    return seen_by_key(table, read_key(table, pk), dialect)


def seen_by_key(table: Table, key: list[Any], dialect: Dialect) -> Steps[Any]:
    """The row with this primary key, or None; also where the model's scope keeps it out of sight."""
    if not table.scoped:
        return by_key(table, key, dialect)
    # A scope is asked here, on the side of its caller: the steps may run in another thread.
    source = source_of(table)
    statement = Select(source, source.columns, scope_of(table, source) + has_key(source, key))
    return one_row(table, compile(statement, dialect), dialect)


def one_row(table: Table, statement: Compiled, dialect: Dialect) -> Steps[Any]:
    fill: Callable[[Rows], list[Any]] = filler(table.model, table.columns, dialect.name)
    result = yield statement
    return fill(result.rows)[0] if result.rows else None


def by_key(table: Table, key: list[Any], dialect: Dialect) -> Steps[Any]:
    """The row with this primary key, whatever the model's scope says, or None."""
    found = lookup(table, dialect)
    result = yield Compiled(found.plan.template, found.plan.params(key))
    return found.fill(result.rows)[0] if result.rows else None


def fresh_by_key(table: Table, key: list[Any], dialect: Dialect) -> Steps[Any]:
    """The row of a key as an instance that nobody else has."""
    found = lookup(table, dialect)
    result = yield Compiled(found.plan.template, found.plan.params(key))
    return found.fill_new(result.rows)[0] if result.rows else None


def read_key(table: Table, pk: object) -> list[Any]:
    """The values of a primary key, in the order of its columns."""
    columns = table.primary_key
    if len(columns) == 1:
        return [key_value(table, columns[0], pk)]
    model = table.model.__name__
    if not columns:
        raise QueryError(f"Model {model} does not define a primary key: find its rows with where()")
    if not isinstance(pk, tuple) or len(cast("tuple[Any, ...]", pk)) != len(columns):
        fields = ", ".join(column.field for column in columns)
        raise QueryError(f"the primary key of {model} is ({fields}): give a tuple of {len(columns)} values, not {pk!r}")
    return [key_value(table, column, value) for column, value in zip(columns, cast("tuple[Any, ...]", pk), strict=True)]


def is_whole(key: Sequence[object]) -> bool:
    """Whether a key can be that of a row: the database has not still to fill it in."""
    return all(value is not None and value is not SET_BY_DATABASE for value in key)


def key_value(table: Table, column: Column, value: object) -> Any:
    if value is None:
        raise QueryError(f"{table.model.__name__}.{column.field} is a primary key and never None")
    try:
        return column.type.accept(value)
    except ValueError as error:
        raise QueryError(f"{table.model.__name__}.{column.field}: {error}") from None


def called(table: Table, key: Sequence[object]) -> str:
    """A row in an error message: `User 5`, `Seat (3, 'B')`."""
    shown = shown_values(table, key)
    return f"{table.model.__name__} {shown[0] if len(shown) == 1 else '(' + ', '.join(shown) + ')'}"


def shown_values(table: Table, key: Sequence[object]) -> list[str]:
    """The values of a primary key as an error message may show them."""
    return [
        REDACTED if column.type.secret else repr(value) for column, value in zip(table.primary_key, key, strict=True)
    ]
