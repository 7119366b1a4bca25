"""What differs between databases, mostly data, and what a compiled statement is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ferro.errors import FerroError

REDACTED = "REDACTED"


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """How one database writes something: its operands by number, and what becomes of a value in it."""

    sql: str
    convert: Callable[[Any], Any] | None = None


@dataclass(frozen=True, eq=False)
class Dialect:
    """One database as facts: compared by identity.

    Attributes:
        name: "sqlite" or "postgresql", also the key of `ColumnType.stored`.
        placeholder: a parameter in the text; `{}` is its number from 1, where the database counts them.
        arrays: a list can be one parameter.
        nulls_are_smallest: where nulls sort when nothing is said.
        limit_all: the LIMIT to write before an OFFSET that stands alone; empty where none is needed.
        row_security: a table can hide rows from a session.
        locks: SELECT … FOR UPDATE exists.
        updates_in_place: a query inside an UPDATE sees the rows it has changed already.
        casts: the type a bare value or a cast is given, by kind.
        bare: the type a parameter needs where nothing beside it tells one, by kind.
        forms: how an operation is written, by its name and the kinds it is about: `"sum:int"`; its
            operands are `{0}` and `{1}`.
        autoincrement: the column type of a column the database numbers, from the type it would have otherwise.
        inline_autoincrement: only a primary key written beside its column is numbered.
        clock: the current time as the default or value of a column, by stored name or by kind.
        literals: how a driver value is written into DDL, by class.
        copies: COPY takes many rows.
        sends: rows are sent by a server, which goes on with it while some are read.
        default_keyword: what stands for a column's default in VALUES; empty where there is no such word.
        rowids: the number it gives a row's key can be had of the driver, which is cheaper than RETURNING.
    """

    name: str
    placeholder: str
    arrays: bool
    nulls_are_smallest: bool
    limit_all: str
    row_security: bool
    locks: bool
    updates_in_place: bool
    casts: Mapping[str, str]
    bare: Mapping[str, str]
    forms: Mapping[str, Form]
    autoincrement: Callable[[str], str]
    inline_autoincrement: bool
    clock: Mapping[str, str]
    literals: Mapping[type, Callable[[Any], str]]
    default_keyword: str
    copies: bool
    sends: bool
    rowids: bool

    def form(self, *names: str) -> Form | None:
        """The first of the forms this database has."""
        for name in names:
            found = self.forms.get(name)
            if found is not None:
                return found
        return None

    def __repr__(self) -> str:
        return f"Dialect({self.name})"


class Template:
    """The part of a compiled statement that does not depend on its values: made once a shape."""

    __slots__ = (
        "by_key",
        "encoded",
        "fetches",
        "numbered",
        "operation",
        "raw",
        "secrets",
        "sql",
        "subject",
        "writes",
    )

    def __init__(
        self,
        sql: str,
        *,
        fetches: bool,
        writes: bool,
        operation: str = "Fetch",
        subject: str = "",
        secrets: frozenset[int] = frozenset(),
        raw: bool = False,
        by_key: bool = False,
    ) -> None:
        self.sql = sql
        self.encoded = sql.encode()
        self.fetches = fetches  # rows come back
        self.writes = writes  # needs the writer's turn on SQLite, the primary elsewhere
        self.operation = operation  # the verb of an error: "Save", "Fetch", "Count", "Update", "Delete"
        self.subject = subject  # the model's name
        self.secrets = secrets  # positions of values that must not be shown
        self.raw = raw  # written by the user: its rows come back with names, its values with their own types
        self.by_key = by_key  # about the one row of a key: short, however large the table is
        # What may be sent in its place, where the driver knows what it asks for.
        self.numbered: Numbered | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Numbered:
    """An INSERT of one row that does not ask for the key the database numbers: table and column of that key."""

    template: Template
    key: tuple[str, str]


class Compiled:
    """A statement as the database takes it: SQL, and driver values in the order of its placeholders."""

    __slots__ = ("in_parts", "params", "template")

    def __init__(self, template: Template, params: Sequence[Any], *, in_parts: bool = False) -> None:
        self.template = template
        self.params = params
        self.in_parts = in_parts  # who asks goes on asking for the rest, so many rows may come a part at a time

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


class Bulk(Compiled):
    """A statement that is given many rows: a COPY, or an INSERT of one that is run for each.

    It is run in a transaction.
    """

    __slots__ = ("parts",)

    def __init__(self, template: Template, parts: Iterator[Sequence[Sequence[Any]]]) -> None:
        super().__init__(template, ())
        self.parts = parts  # the driver values of some rows at a time, by column: converted while others are sent


class Several(Compiled):
    """Statements that need not wait for each other: what one of them answers, or fails with, is nothing to the others."""

    __slots__ = ("statements",)

    def __init__(self, statements: Sequence[Compiled]) -> None:
        sql = "; ".join(statement.sql for statement in statements)
        super().__init__(
            Template(sql, fetches=False, writes=any(statement.template.writes for statement in statements)), ()
        )
        self.statements = statements


class Result:
    """What the database answered: rows as tuples, and how many rows were changed."""

    __slots__ = ("count", "names", "rest", "rows")

    def __init__(
        self,
        rows: list[tuple[Any, ...]],
        count: int,
        names: tuple[str, ...] = (),
        rest: "Rest | None" = None,
    ) -> None:
        self.rows = rows
        self.count = count
        self.names = names  # of the columns, for raw statements
        self.rest = rest  # asked for next, where these are the first rows of many


class Answers(Result):
    """What the database answered to each of several statements, or what went wrong with it."""

    __slots__ = ("each",)

    def __init__(self, each: Sequence[Result | FerroError]) -> None:
        super().__init__([], 0)
        self.each = each


class Rest(Compiled):
    """The rows that a statement still has, asked for like a statement, of the connection that runs it."""

    __slots__ = ()

    def __init__(self, statement: Compiled) -> None:
        super().__init__(statement.template, statement.params)


class Ready(Rest):
    """Those that can be had without asking anybody."""

    __slots__ = ("read",)

    def __init__(self, statement: Compiled, read: Callable[[], Result]) -> None:
        super().__init__(statement)
        self.read = read
