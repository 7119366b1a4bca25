# Generated from src/ferro/_async/scope.py by scripts/unasync.py: edit that file, never this one.
"""Which database is used when none is named, and which transaction and session a call belongs to."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel

from ferro._concurrency._sync import PACKAGE, owner
from ferro._sync.connections import default_database, is_open, named
from ferro.drivers.forks import in_children
from ferro.errors import InterfaceError, OptionError
from ferro.instance.origin import origin_of

if TYPE_CHECKING:
    from ferro._sync.database import Database
    from ferro._sync.session import Session
    from ferro._sync.transaction import Transaction


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A block in which bare calls go to one database: `using`, a transaction, or a session.

    Attributes:
        owner: whose block it is; what has an owner never goes along to another thread or loop.
        primary: reads go where writes go, not to a replica.
    """

    database: "Database"
    transaction: "Transaction | None"
    owner: object
    outer: "Scope | None"
    session: "Session | None" = None
    primary: bool = False


here: ContextVar[Scope | None] = ContextVar("ferro_scope", default=None)


def database_in_scope() -> "Database":
    """The database of the innermost block, else the default one."""
    scope = here.get()
    return default_database() if scope is None else scope.database


def transaction_in_scope(database: "Database") -> "Transaction | None":
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


def session_in_scope(database: "Database | None" = None) -> "Session | None":
    """The innermost session, or the innermost of a database, that the caller is inside of."""
    scope = here.get()
    while scope is not None:
        if scope.session is not None and (database is None or scope.database is database) and is_mine(scope):
            return scope.session
        scope = scope.outer
    return None


def is_mine(scope: Scope) -> bool:
    """Whether a block is the caller's: a context can be copied to another thread, and has come without it then."""
    try:
        return scope.owner == owner()
    except InterfaceError:
        return False


def reads_from_primary(database: "Database") -> bool:
    """Whether the caller has asked for what the primary knows."""
    scope = here.get()
    while scope is not None:
        if scope.primary and scope.database is database:
            return True
        scope = scope.outer
    return False


def chosen(database: "Database | str | None") -> "Database":
    """The database of `using=`, which a transaction or a session must agree with; the one in scope without it."""
    if database is None:
        return database_in_scope()
    wanted = named(database)
    scope = innermost()
    if scope is not None and scope.transaction is not None and scope.database is not wanted:
        raise elsewhere(wanted, scope.database)
    if scope is not None and scope.session is not None and scope.database is not wanted:
        scope.session.check_open()
        raise OptionError(
            f"using= names {wanted.called}, and the session here is one of {scope.database.called}: leave using= out, "
            "or open a session of the other one"
        )
    return wanted


def database_of(instance: BaseModel | None, using: "Database | str | None" = None) -> "Database":
    """Where the calls of an instance go: as `using=` says, as the block around says, else where it came from."""
    noted = None if instance is None or using is not None else origin_of(instance)
    if noted is None:
        return chosen(using)
    scope = innermost()
    while scope is not None and scope.session is not None:
        scope = scope.outer
    origin = noted.database()
    if origin is None or not is_open(origin):
        other = chosen(None)
        if scope is None and other.origin.where != noted.where:
            raise InterfaceError(
                f"this {type(instance).__name__} came from {noted.called}, which is not open in {PACKAGE}, and its row is not that of "
                f"{other.called}: connect() again, or name the database that has it with using()"
            )
        return other
    if scope is None:
        return origin
    if scope.transaction is not None and scope.database is not origin:
        raise elsewhere(origin, scope.database)
    return scope.database


def innermost() -> Scope | None:
    """The innermost block; one that only asks for the primary is as the block of that database around it."""
    scope = here.get()
    while scope is not None and scope.primary and scope.outer is not None and scope.outer.database is scope.database:
        scope = scope.outer
    return scope


def elsewhere(wanted: "Database", inside: "Database") -> OptionError:
    return OptionError(
        f"Operations inside a transaction inherit the transaction connection: this one is on {inside.called}, and the "
        f"call is for {wanted.called}; make it outside, or use the handle you have, as in db.save(instance)"
    )


@contextmanager
def using(database: "Database | str") -> Generator["Database"]:
    """Send the bare calls of a block to another database than the default one: a handle, or a name."""
    target = named(database)
    token = here.set(Scope(target, None, None, here.get()))
    try:
        yield target
    finally:
        here.reset(token)


@contextmanager
def on_primary(database: "Database") -> Generator["Database"]:
    """Send the reads of a block where the writes go."""
    token = here.set(Scope(database, None, None, here.get(), primary=True))
    try:
        yield database
    finally:
        here.reset(token)


def leave_every_block() -> None:
    """A child process is inside none of its parent's blocks."""
    here.set(None)


in_children(leave_every_block)
