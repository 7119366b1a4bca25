"""A SQLite database that answers steps, with nothing of ferro's drivers between."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ferro.dialects.sqlite import AGGREGATES, COLLATIONS, FUNCTIONS, sqlite
from ferro.operations.schema import create_tables
from ferro.operations.steps import Atomic, Operation
from ferro.query.dialect import Compiled, Result
from ferro.schema.registry import table_of


class Database:
    """Answers operations, and remembers what it was asked."""

    def __init__(self) -> None:
        self.raw = sqlite3.connect(":memory:", isolation_level=None)
        for function in FUNCTIONS:
            self.raw.create_function(function.name, function.nargs, function.function, deterministic=True)
        for aggregate in AGGREGATES:
            self.raw.create_aggregate(aggregate.name, aggregate.nargs, aggregate.factory)
        for collation in COLLATIONS:
            self.raw.create_collation(collation.name, collation.compare)
        self.statements: list[Compiled] = []

    def create(self, *models: type) -> None:
        self.run(create_tables([table_of(model) for model in models], sqlite))
        self.statements.clear()

    def run(self, operation: Operation[Any]) -> Any:
        """Do what an operation says; an atomic one in a transaction."""
        if not isinstance(operation, Atomic):
            return self.answer(operation)
        self.raw.execute("BEGIN IMMEDIATE")
        try:
            answer = self.answer(operation.steps)
        except BaseException:
            self.raw.execute("ROLLBACK")
            raise
        self.raw.execute("COMMIT")
        return answer

    def answer(self, steps: Any) -> Any:
        try:
            statement = next(steps)
            while True:
                statement = steps.send(self.fetch(statement))
        except StopIteration as stop:
            return stop.value

    def fetch(self, statement: Compiled) -> Result:
        self.statements.append(statement)
        cursor = self.raw.execute(statement.sql, statement.params)
        rows = cursor.fetchall()
        described = cursor.description or ()
        names = tuple(column[0] for column in described) if statement.template.raw else ()
        return Result(rows, len(rows) if described else max(cursor.rowcount, 0), names)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.raw.execute(sql).fetchall()

    @property
    def sent(self) -> list[str]:
        """The SQL of the statements since the last look."""
        found = [statement.sql for statement in self.statements]
        self.statements.clear()
        return found


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database()
    yield database
    database.raw.close()


@pytest.fixture
def finish() -> Callable[[Any, Result], Any]:
    """Answer the last statement of an operation that is run by hand, and look at what it returns."""

    def send(steps: Any, result: Result) -> Any:
        with pytest.raises(StopIteration) as stopped:
            steps.send(result)
        return stopped.value.value

    return send
