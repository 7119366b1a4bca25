# Generated from src/ferro/_async/session.py by scripts/unasync.py: edit that file, never this one.
"""Sessions: a block in which one row is one object, reads see the writes before them, and settings hold."""

from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast
from uuid import uuid4

from ferro._concurrency._sync import Mutex, owner
from ferro._sync.connections import named
from ferro._sync.query import Query
from ferro._sync.scope import Scope, database_in_scope, here, session_in_scope, transaction_in_scope
from ferro.drivers.settings import check_setting, check_settings
from ferro.errors import InterfaceError, TransactionError
from ferro.identity import IdentityMap
from ferro.model import ModelBase

if TYPE_CHECKING:
    from ferro._sync.database import Database
    from ferro._sync.transaction import Transaction

M = TypeVar("M", bound=ModelBase)


class Session:
    """A block of calls that belong together, such as those of one request. Made by `session()`.

    Inside it a row is one object, however often it is read; where there are replicas, reads that follow a
    write see it; and on PostgreSQL every statement runs with the session's settings. It is no transaction, and
    holds no connection.
    """

    def __init__(self, database: "Database | str | None" = None, settings: Mapping[str, str] | None = None) -> None:
        self._named = database
        self._settings: dict[str, str] = dict(check_settings(settings, "postgresql"))
        self._database: Database | None = None
        self._scope: Scope | None = None
        self._transactions: set[Transaction] = set()
        self._id: str | None = None
        self._closed = False
        self.identities = IdentityMap(Mutex())
        self.wrote = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open" if self._scope is not None else "not entered"
        return f"<{type(self).__name__} {state}{'' if self._database is None else f' on {self._database.url}'}>"

    @property
    def database(self) -> "Database":
        """The database it is a session of."""
        if self._database is None:
            raise InterfaceError("this session is not open yet: enter its block first, with `with`")
        return self._database

    @property
    def connection_name(self) -> str | None:
        """The name its database was connected under; None when it has none."""
        return self.database.name

    @property
    def session_id(self) -> str | None:
        """What tells it from other sessions; None before it is open and once it is closed."""
        return self._id

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings its statements run with."""
        return MappingProxyType(self._settings)

    def query(self, model: type[M]) -> Query[M]:
        """Start a query in this session."""
        self.check_open()
        if session_in_scope(self.database) is not self:
            raise InterfaceError(
                "this session belongs to the block it was opened in, and the call comes from outside: open another one here"
            )
        return Query(model, database=self.database)

    def set_config(self, key: str, value: str) -> None:
        """Change a setting: for what is asked from now on, in transactions that are open already too.

        What was read with the settings as they were is forgotten. PostgreSQL only.
        """
        self.check_open()
        check_setting(key, value)
        self._settings = check_settings({**self._settings, key: value}, self.database.dialect.name)
        for transaction in list(self._transactions):
            transaction.give_settings(self._settings)
        self.identities.clear()

    def check_open(self) -> None:
        """Refuse what comes too late."""
        if self._closed:
            raise InterfaceError(
                "Session is closed. Open a new session for what comes after it, and wait for its tasks inside the block"
            )

    # The block.

    def __enter__(self) -> Self:
        if self._scope is not None or self._closed:
            raise InterfaceError("this session has been entered before: call session() for another one")
        database = database_in_scope() if self._named is None else named(self._named)
        check_settings(self._settings, database.dialect.name)
        if self._settings and transaction_in_scope(database) is not None:
            raise InterfaceError(
                "a transaction is open here, and keeps the settings it began with: open the session before the transaction"
            )
        self._database = database
        self._id = uuid4().hex
        self._scope = Scope(database, None, owner(), here.get(), session=self)
        here.set(self._scope)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._close()
        except InterfaceError as problem:
            if error is None:
                raise
            chain(error, problem)
        except TransactionError as problem:
            self._leave()
            if error is None:
                raise
            chain(error, problem)

    def close(self) -> None:
        """Close it before its block ends. Calling it again does nothing."""
        self._close()

    def _close(self) -> None:
        if not self._closed:
            if self._transactions:
                raise TransactionError(
                    "Cannot close session while transactions are active. "
                    "Exit all transaction() blocks before closing the session."
                )
            if self._is_shadowed():
                raise InterfaceError(
                    "this session cannot be closed yet: the ambient session does not match, a block opened inside it is "
                    "still open here; close the inner one first"
                )
            self._closed = True
            self._id = None
            self.identities.clear()
        self._leave()

    def _is_shadowed(self) -> bool:
        """Whether the caller is in another block, inside this session's."""
        scope = here.get()
        if scope is None or scope is self._scope:
            return False
        while scope is not None:
            if scope is self._scope:
                return True
            scope = scope.outer
        return False

    def _leave(self) -> None:
        """Let the caller be where it was before; in another context nothing is to be left."""
        if self._scope is not None and here.get() is self._scope:
            here.set(self._scope.outer)

    # What transactions tell.

    def began(self, transaction: "Transaction") -> None:
        self.check_open()
        self._transactions.add(transaction)
        transaction.give_settings(self._settings)

    def ended(self, transaction: "Transaction", *, wrote: bool) -> None:
        self.wrote = self.wrote or wrote
        self._transactions.discard(transaction)


def chain(error: BaseException, problem: BaseException) -> None:
    """The error of the body wins; what else went wrong is seen behind it."""
    if error.__context__ is None:
        error.__context__ = problem
    else:
        error.add_note(str(problem))


def session(database: "Database | str | None" = None, *, settings: Mapping[str, str] | None = None) -> Session:
    """Open a session for a block: `with session(): …`.

    Args:
        database: a handle or the name of a connection; the database in scope when left out.
        settings: on PostgreSQL, what `current_setting` answers inside: `{"app.tenant": "7"}`.
    """
    return Session(database, settings)


def current_session() -> Session | None:
    """The innermost session the caller is inside of."""
    return session_in_scope()


def evict_instance(
    model: type[ModelBase] | str,
    pk: object,
    *,
    using: "Database | str | None" = None,
    session: Session | None = None,
) -> None:
    """Forget the object that stands for a row: reading it again makes another one. Unknown rows are ignored.

    Args:
        model: the model or its name.
        pk: the primary key; a tuple for a composite one.
        using: the database whose objects are meant; else that in scope.
        session: the session whose objects are meant; else that in scope.
    """
    key = cast("tuple[object, ...]", pk) if isinstance(pk, tuple) else (pk,)
    database = None if using is None else named(using)
    inside = session or session_in_scope(database)
    if inside is not None:
        forget(inside.identities, model, key)
    if session is None:
        target = database or found_database()
        if target is not None and target.identities is not None:
            forget(target.identities, model, key)


def found_database() -> "Database | None":
    try:
        return database_in_scope()
    except InterfaceError:
        return None


def forget(identities: IdentityMap, model: type[ModelBase] | str, key: tuple[object, ...]) -> None:
    if isinstance(model, str):
        identities.evict_named(model, key)
    else:
        identities.evict(model, key)
