"""What a predicate receives: `lambda u: u.age >= 18`."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from typing import Any

from ferro.errors import UnknownColumnError
from ferro.query.compared import RelatedRow
from ferro.query.expressions import ColumnRef, Source
from ferro.schema.table import Column, Table


class Row:
    """Stands for each row of a source: its attributes are the columns, by field name."""

    __slots__ = ("_source",)

    def __init__(self, source: Source) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        relation = self._source.table.relations.get(name)
        if relation is not None:
            return RelatedRow(relation, self._source)
        column: ColumnRef[Any] = ColumnRef(self._source, find_column(self._source.table, name))
        return column

    def __repr__(self) -> str:
        return f"Row({self._source.name})"


# The rows that the functions running now were called with: a query built inside of one stands inside its query.
around: ContextVar[tuple[Source, ...]] = ContextVar("around", default=())


def enclosing() -> tuple[Source, ...]:
    """The sources of the queries that are being built around this one."""
    return around.get()


@contextmanager
def inside(source: Source) -> Generator[None, None, None]:
    """While a function is called with a row of this source."""
    token = around.set((*around.get(), source))
    try:
        yield
    finally:
        around.reset(token)


def source_behind(row: object) -> Source | None:
    """The table a row stands for; None when it is no row."""
    return object.__getattribute__(row, "_source") if isinstance(row, Row) else None


def find_column(table: Table, name: str) -> Column:
    """The column of a field, or an error that names the closest one."""
    column = table.by_field.get(name)
    if column is None:
        raise UnknownColumnError(unknown_column(table, name))
    return column


def unknown_column(table: Table, name: str) -> str:
    """What is wrong with a name, and what was probably meant."""
    close = closest(table, name)
    guess = f"; did you mean {close!r}?" if close else ";"
    return f"{table.name} has no column {name!r}{guess} its columns are {', '.join(table.by_field)}"


def closest(table: Table, name: str) -> str | None:
    """The field whose name is most like this one, if any is."""
    return next(iter(get_close_matches(name, table.by_field, n=1)), None)
