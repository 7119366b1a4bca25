"""What a query selects as a table that is nowhere: named columns, to be read by a query around it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ferro.caches import informing
from ferro.errors import QueryError
from ferro.query.builder import QueryBase
from ferro.query.expressions import ColumnRef, Expression
from ferro.query.projection import Projection
from ferro.schema.table import LONGEST_NAME, Column, Table
from ferro.types.base import ColumnType, Stored


def refuse(_value: Any) -> Any:
    raise ValueError("only the database knows its type: cast() it, or say raw(..., returns=...), where it is selected")


# For the number behind a name that comes again.
ROOM = 4

# What has a type in the database only.
UNKNOWN = ColumnType("expression", object, "", refuse, {"sqlite": Stored(""), "postgresql": Stored("")})


@informing("selections")
@lru_cache(maxsize=1024)
def table_of_rows(name: str, model: type, columns: tuple[tuple[str, str, ColumnType], ...]) -> Table:
    """A table of these columns; the same object every time, so that statements over it have one shape."""
    return Table(name, model, tuple(Column(*column, nullable=True) for column in columns))


def names_of(projection: Projection) -> tuple[str, ...]:
    """What the columns of a selection are called: as it says, or like the columns they are."""
    return projection.names or distinct_names([name_of(column) for column in projection.columns])


def name_of(column: Expression[Any]) -> str:
    return column.column.field if isinstance(column, ColumnRef) else "value"


def distinct_names(given: Sequence[str]) -> tuple[str, ...]:
    """The names, with a number behind those that come again: to databases, upper and lower case are one."""
    found: list[str] = []
    taken: set[str] = set()
    for name in given:
        made, number = name, 1
        while made.lower() in taken:
            number += 1
            made = f"{name}_{number}"
        taken.add(made.lower())
        found.append(made)
    return tuple(found)


def sql_name(field: str, number: int) -> str:
    """A name both databases can tell from others: a key of a dict may be anything."""
    try:
        fits = 0 < len(field.encode()) <= LONGEST_NAME - ROOM and "\0" not in field
    except UnicodeEncodeError:
        fits = False
    return field if fits else f"column_{number}"


def selected_table(query: QueryBase[Any], name: str) -> Table:
    """The rows of a query as a table of this name: as it selects them, or the columns of its model."""
    chosen = query.projection
    if chosen is None:
        columns = tuple((column.name, column.field, column.type) for column in query.source.table.columns)
    else:
        fields = names_of(chosen)
        names = distinct_names([sql_name(field, at) for at, field in enumerate(fields, 1)])
        named = zip(names, fields, chosen.columns, strict=True)
        columns = tuple((name, field, one.type or UNKNOWN) for name, field, one in named)
    return table_of_rows(name, query.model, columns)


def must_be_readable(query: QueryBase[Any], verb: str) -> None:
    """Refuse a query whose rows are not only read."""
    if query.lock is not None:
        raise QueryError(f"{verb} locks no rows: leave out for_update()")
    if query.includes:
        raise QueryError(f"{verb} makes new rows of these: call include() on the whole")
