"""Reading a page of a query, by its number."""

from typing import Any

from ferro.errors import QueryError
from ferro.operations.read import count, fetch_all
from ferro.operations.steps import Steps
from ferro.query.builder import QueryBase
from ferro.query.dialect import Dialect
from ferro.query.paging import Page


def fetch_page(query: QueryBase[Any], number: int, size: int, dialect: Dialect) -> Steps[Page[Any]]:
    """One page, and how many rows there are in all."""
    for name, value in (("number", number), ("size", size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise QueryError(f"page() expects a {name} of 1 or more, got {value!r}")
    return page(query.numbered(number, size), query, number, size, dialect)


def page(numbered: QueryBase[Any], query: QueryBase[Any], number: int, size: int, dialect: Dialect) -> Steps[Page[Any]]:
    total = yield from count(query, dialect)
    there_are = (number - 1) * size < total
    rows: list[Any] = (yield from fetch_all(numbered, dialect)) if there_are else []
    return Page(tuple(rows), number, size, total)
