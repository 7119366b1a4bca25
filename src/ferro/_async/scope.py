"""Which database is used when none is named, and which transaction a call belongs to."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ferro._concurrency._async import PACKAGE, owner
from ferro.drivers.forks import in_children
from ferro.errors import NoDatabaseError

if TYPE_CHECKING:
    from ferro._async.database import AsyncDatabase
    from ferro._async.transaction import AsyncTransaction


@dataclass(frozen=True, slots=True)
class Scope:
    """A block in which bare calls go to one database, inside a transaction or not."""

    database: "AsyncDatabase"
    transaction: "AsyncTransaction | None"
    owner: object
    outer: "Scope | None"


here: ContextVar[Scope | None] = ContextVar("ferro_scope", default=None)


class Default:
    """The database of the process, for bare calls outside any block."""

    database: "AsyncDatabase | None" = None


def database_in_scope() -> "AsyncDatabase":
    """The database of the innermost block, else the default one."""
    scope = here.get()
    if scope is not None:
        return scope.database
    if Default.database is None:
        raise NoDatabaseError(
            f"Engine not initialized: no database is connected; call {PACKAGE}.connect() first, "
            "or use the handle you have, as in db.query(User)"
        )
    return Default.database


def transaction_in_scope(database: "AsyncDatabase") -> "AsyncTransaction | None":
    """The innermost transaction of a database that the caller is inside of."""
    scope = here.get()
    if scope is None:
        return None
    caller = owner()
    while scope is not None:
        # A context can be copied to another thread or loop; a transaction never goes with it.
        if scope.transaction is not None and scope.database is database and scope.owner == caller:
            return scope.transaction
        scope = scope.outer
    return None


@contextmanager
def using(database: "AsyncDatabase") -> Generator["AsyncDatabase"]:
    """Send the bare calls of a block to another database than the default one."""
    token = here.set(Scope(database, None, None, here.get()))
    try:
        yield database
    finally:
        here.reset(token)


def leave_every_block() -> None:
    """A child process is inside none of its parent's blocks."""
    here.set(None)


in_children(leave_every_block)
