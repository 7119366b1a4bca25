"""What differs between databases, mostly data, and what a compiled statement is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

REDACTED = "REDACTED"


class Template:
    """The part of a compiled statement that does not depend on its values: made once a shape."""

    __slots__ = ("encoded", "fetches", "operation", "secrets", "sql", "subject", "writes")

    def __init__(
        self,
        sql: str,
        *,
        fetches: bool,
        writes: bool,
        operation: str = "Fetch",
        subject: str = "",
        secrets: frozenset[int] = frozenset(),
    ) -> None:
        self.sql = sql
        self.encoded = sql.encode()
        self.fetches = fetches  # rows come back
        self.writes = writes  # needs the writer's turn on SQLite, the primary elsewhere
        self.operation = operation  # the verb of an error: "Save", "Fetch", "Count", "Update", "Delete"
        self.subject = subject  # the model's name
        self.secrets = secrets  # positions of values that must not be shown


class Compiled:
    """A statement as the database takes it: SQL, and driver values in the order of its placeholders."""

    __slots__ = ("params", "template")

    def __init__(self, template: Template, params: Sequence[Any]) -> None:
        self.template = template
        self.params = params

    @property
    def sql(self) -> str:
        return self.template.sql

    @property
    def shown(self) -> tuple[Any, ...]:
        """The values fit for a log: secrets masked."""
        secrets = self.template.secrets
        return tuple(REDACTED if at in secrets else value for at, value in enumerate(self.params))

    def __repr__(self) -> str:
        return f"Compiled({self.sql!r}, {self.shown!r})"


class Result:
    """What the database answered: rows as tuples, and how many rows were changed."""

    __slots__ = ("count", "rows")

    def __init__(self, rows: list[tuple[Any, ...]], count: int) -> None:
        self.rows = rows
        self.count = count
