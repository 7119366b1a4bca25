"""How a transaction begins, what ends it, and when it is worth another try."""

import random
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from ferro.errors import (
    DatabaseBusy,
    InterfaceError,
    OptionError,
    SerializationError,
    TransactionAborted,
    TransactionError,
)

Isolation: TypeAlias = Literal["read uncommitted", "read committed", "repeatable read", "serializable"]

READ_ONLY = "/* read only */"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a transaction was asked to be."""

    isolation: Isolation | None = None
    read_only: bool = False
    deferrable: bool = False
    immediate: bool | None = None

    def __post_init__(self) -> None:
        if self.isolation is not None and self.isolation not in get_args(Isolation):
            raise OptionError(
                f"isolation is {self.isolation!r}; it is one of " + ", ".join(map(repr, get_args(Isolation)))
            )
        if self.deferrable and not (self.read_only and self.isolation == "serializable"):
            raise OptionError("deferrable is for transactions that are read_only with isolation='serializable'")
        if self.immediate and self.read_only:
            raise OptionError("immediate is for transactions that write; leave it out of a read_only one")


PLAIN = Terms()


def begin(terms: Terms, dialect: str) -> str:
    """The statement that opens a transaction."""
    return begin_sqlite(terms) if dialect == "sqlite" else begin_postgresql(terms)


def begin_sqlite(terms: Terms) -> str:
    # Every SQLite transaction is serializable, so any weaker level is kept as well; a writing one takes its
    # place at once, because one that begins to write after another has written can only fail.
    if terms.read_only:
        return f"BEGIN {READ_ONLY}"
    return "BEGIN" if terms.immediate is False else "BEGIN IMMEDIATE"


def begin_postgresql(terms: Terms) -> str:
    if terms.immediate is not None:
        raise InterfaceError(
            "immediate is for SQLite, which has one writer at a time; on PostgreSQL choose an isolation level"
        )
    words = ["BEGIN"]
    if terms.isolation is not None:
        words.append(f"ISOLATION LEVEL {terms.isolation.upper()}")
    if terms.read_only:
        words.append("READ ONLY")
    if terms.deferrable:
        words.append("DEFERRABLE")
    return " ".join(words)


def must_keep_rows(terms: Terms | None, dialect: str) -> None:
    """Refuse to lock rows where nothing would keep them: `terms` are those of the transaction, if there is one."""
    if terms is None:
        raise TransactionError(
            "a row is locked until its transaction ends, and there is none: open a transaction() around for_update() "
            "and what is done with the rows"
        )
    if dialect == "sqlite" and (terms.read_only or terms.immediate is False):
        option = "read_only=True" if terms.read_only else "immediate=False"
        raise TransactionError(
            f"on SQLite a transaction({option}) lets others write, so it cannot keep rows for_update(): "
            f"leave out {option}"
        )


def worth_another_try(error: BaseException) -> bool:
    """Whether the transaction was undone only because another one was faster."""
    if isinstance(error, TransactionAborted):
        return error.__cause__ is not None and worth_another_try(error.__cause__)
    return isinstance(error, SerializationError | DatabaseBusy)


def pause_before(attempt: int) -> float:
    """How long to wait before another try, in seconds: longer each time, and never two alike."""
    return random.uniform(0.5, 1.0) * min(0.01 * 2**attempt, 1.0)
