"""How many rows and values one statement carries, and lists cut to fit."""

from collections.abc import Generator
from typing import TypeVar

from ferro.operations.inserting import Columns
from ferro.query.dialect import Dialect
from ferro.schema.table import Table

T = TypeVar("T")

# How many rows one statement inserts, and how many values it may carry.
ROWS = {"sqlite": 500, "postgresql": 500}
LONGEST = {"sqlite": 30_000, "postgresql": 60_000}


def rows_at_once(table: Table, unset: Columns, dialect: Dialect) -> int:
    width = len(table.columns) - len(unset)
    # A statement that names no column cannot hold several rows.
    return min(ROWS[dialect.name], max(1, LONGEST[dialect.name] // width)) if width else 1


def batched(items: list[T], size: int) -> Generator[list[T], None, None]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
