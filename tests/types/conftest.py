"""Values on their way through a real SQLite, as ferro declares, writes and reads its columns."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ferro.types import SQLITE_AGGREGATES, SQLITE_COLLATIONS, SQLITE_FUNCTIONS, ColumnType, column_type


class Keeper:
    """A database with one table for each declared type."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.names: set[str] = set()
        for function in SQLITE_FUNCTIONS:
            self.connection.create_function(
                function.name, function.nargs, function.function, deterministic=function.deterministic
            )
        for aggregate in SQLITE_AGGREGATES:
            if aggregate.window:
                self.connection.create_window_function(aggregate.name, aggregate.nargs, aggregate.factory)
            else:
                self.connection.create_aggregate(aggregate.name, aggregate.nargs, aggregate.factory)
        for collation in SQLITE_COLLATIONS:
            self.connection.create_collation(collation.name, collation.compare)

    def fill(self, column: ColumnType, values: list[Any]) -> tuple[str, str]:
        """A table of these values, and the COLLATE clause its column is compared with."""
        kept = column.stored["sqlite"]
        if kept.name not in self.names:
            self.names.add(kept.name)
            self.connection.execute(f'CREATE TABLE "{kept.name}" (value {kept.name})')
        self.connection.execute(f'DELETE FROM "{kept.name}"')
        for value in values:
            self.connection.execute(f'INSERT INTO "{kept.name}" VALUES (?)', [dump(column, value)])
        return f'"{kept.name}"', f'COLLATE "{kept.collation}"' if kept.collation else ""

    def through(self, annotation: Any, value: Any, db_type: str | None = None) -> Any:
        """What comes back, once `WHERE value = ?` has found it."""
        column = column_type(annotation, db_type=db_type)
        table, collate = self.fill(column, [value])
        found = self.connection.execute(f"SELECT value FROM {table} WHERE value = ? {collate}", [dump(column, value)])
        load = column.stored["sqlite"].load
        [(stored,)] = found.fetchall()
        return stored if load is None else load(stored)

    def in_order(self, annotation: Any, values: list[Any]) -> list[Any]:
        """The values as `ORDER BY` sorts them."""
        column = column_type(annotation)
        table, collate = self.fill(column, values)
        load = column.stored["sqlite"].load or (lambda value: value)
        rows = self.connection.execute(f"SELECT value FROM {table} ORDER BY value {collate}").fetchall()
        return [load(stored) for (stored,) in rows]

    def evaluate(self, expression: str, *values: Any) -> Any:
        return self.connection.execute(f"SELECT {expression}", values).fetchone()[0]


def dump(column: ColumnType, value: Any) -> Any:
    out = column.stored["sqlite"].dump
    return value if out is None else out(value)


@pytest.fixture(scope="session")
def keeper() -> Iterator[Keeper]:
    made = Keeper()
    yield made
    made.connection.close()


@pytest.fixture(scope="session")
def through(keeper: Keeper) -> Callable[..., Any]:
    return keeper.through


@pytest.fixture(scope="session")
def in_order(keeper: Keeper) -> Callable[..., Any]:
    return keeper.in_order


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    return request.param
