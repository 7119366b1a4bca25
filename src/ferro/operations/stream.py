"""Streaming: what is read, and what its rows become. The one verb that is not steps, because it waits for its caller."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ferro.errors import OptionError, QueryError
from ferro.operations import raw
from ferro.operations.include import load_all
from ferro.operations.read import loader
from ferro.operations.steps import Steps
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.dialect import Compiled, Dialect, Result
from ferro.query.templates import TString

R = TypeVar("R")

# What both databases can open a cursor for.
STREAMED = frozenset({"SELECT", "VALUES", "WITH"})


@dataclass(frozen=True, slots=True, eq=False)
class Source(Generic[R]):
    """A statement, what makes of its rows what the caller sees, and what loads for a chunk of them what is included."""

    statement: Compiled
    load: Callable[[Result], list[R]]
    include: Callable[[list[R]], Steps[None]] | None = None


def source(query: QueryBase[Any], dialect: Dialect) -> Source[Any]:
    """The rows of a query: instances, or what it selects."""
    statement = query.select_statement()
    if statement.lock is not None:
        raise QueryError("stream() reads a moment of its own and locks nothing: leave out for_update(), or use all()")
    if query.backwards:
        raise QueryError(
            "before() with a limit reads its rows from the last to the first, so they cannot come one by one: use all()"
        )
    load = loader(query, dialect)

    def include(rows: list[Any]) -> Steps[None]:
        return load_all(rows, query.includes, dialect, siblings=query.siblings)

    compiled = compile(statement, dialect)
    return Source(compiled, lambda result: load(result.rows), include if query.includes else None)


def raw_source(sql: str | TString, args: Sequence[object], dialect: Dialect) -> Source[dict[str, Any]]:
    """The rows of SQL the user wrote."""
    text, values = raw.apart(sql, args, dialect)
    known = raw.read(text, dialect.name)
    if not known.answers or raw.first_word(text) not in STREAMED:
        raise QueryError(
            f"stream() reads the rows of a SELECT, and this begins with {raw.first_word(text)} or changes rows: "
            "use fetch_all() or execute()"
        )
    return Source(raw.compiled(known, values, dialect, fetches=True), raw.as_dicts)


def check_chunk(chunk: int) -> int:
    """How many rows are read at a time."""
    if type(chunk) is not int or chunk < 1:
        raise OptionError(f"chunk is {chunk!r}; it is a number of rows, at least 1")
    return chunk
