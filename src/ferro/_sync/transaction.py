# Generated from src/ferro/_async/transaction.py by scripts/unasync.py: edit that file, never this one.
"""Transactions: one connection from BEGIN to COMMIT, shared by the tasks that were started inside."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import Token
from dataclasses import replace
from functools import wraps
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, overload

from ferro._concurrency._sync import Later, Lock, call_hook, in_order, owner, sleep
from ferro._sync.pool import Pooled
from ferro._sync.running import answer, place_in
from ferro._sync.scope import Scope, chosen, here, session_in_scope, transaction_in_scope
from ferro._sync.stream import Stream
from ferro.drivers.cursors import Cursor
from ferro.drivers.forks import process
from ferro.drivers.link import aborted
from ferro.errors import (
    CommitUnknown,
    DatabaseConnectionError,
    FerroError,
    InterfaceError,
    OperationalError,
    TransactionEnded,
    TransactionError,
)
from ferro.identity import IdentityMap, Place, Touched
from ferro.instance.journal import Journal
from ferro.instance.undo import undo
from ferro.operations import raw, typed_rows
from ferro.operations.steps import Atomic, Operation, Steps, journaled
from ferro.operations.stream import raw_source
from ferro.operations.transaction import PLAIN, Terms, begin, pause_before, worth_another_try
from ferro.query.dialect import Result
from ferro.query.selected import Filled
from ferro.query.templates import TString

if TYPE_CHECKING:
    from ferro._sync.database import Database
    from ferro._sync.session import Session

P = ParamSpec("P")
T = TypeVar("T")

# How long a lost COMMIT is asked after, in seconds.
ASK_AFTER = 5.0
BETWEEN_QUESTIONS = 0.05


class Unit:
    """What a transaction and its savepoints share: the connection, and whose turn on it is."""

    def __init__(self, pooled: Pooled) -> None:
        self.pooled = pooled
        self.connection = pooled.connection
        self.link = pooled.connection.link
        self.lock = Lock()
        self.savepoints = 0

    def next_savepoint(self) -> str:
        self.savepoints += 1
        return f"ferro_{self.savepoints}"


class Transaction:
    """A block whose changes are in the database together, or not at all.

    Made by `transaction()`. Inside it every call on the same database joins it, also from tasks
    started inside. A block within a block is a savepoint: it fails alone.
    """

    def __init__(
        self,
        database: "Database | None" = None,
        terms: Terms = PLAIN,
        retry: int = 0,
        using: "Database | str | None" = None,
    ) -> None:
        self._database = database
        self._using = using
        self._terms = terms
        self._retry = retry
        self._unit: Unit | None = None
        self._outer: Transaction | None = None
        self._inner: Transaction | None = None
        self._savepoint = ""
        self._hooks: list[Callable[[], object]] = []
        self._journal = Journal()
        self._touched = Touched()
        self._maps: set[IdentityMap] = set()
        self._session: Session | None = None
        self._token: Token[Scope | None] | None = None
        self._ended = False
        self._process = process.id

    @property
    def database(self) -> "Database":
        """The database it belongs to: found when the block is entered, where none was named."""
        return self._database or chosen(self._using)

    @property
    def terms(self) -> Terms:
        """What the outermost block was asked to be."""
        return self._terms if self._outer is None else self._outer.terms

    def __enter__(self) -> Self:
        if self._retry:
            raise InterfaceError(
                "retry needs a function it can call again: use transaction(retry=...) as a decorator, or its run_in()"
            )
        if self._unit is not None or self._ended:
            raise InterfaceError("this transaction has been entered before: call transaction() for another one")
        self._database = self.database
        outer = transaction_in_scope(self._database)
        if outer is None:
            self._begin(self._database)
        else:
            self._enter_savepoint(outer)
        self._token = here.set(Scope(self.database, self, owner(), here.get()))
        return self

    def _begin(self, database: "Database") -> None:
        if database.read_only and not self._terms.read_only:
            self._terms = replace(self._terms, read_only=True)
        sql = begin(self._terms, database.dialect.name)
        session = session_in_scope(database)
        if session is not None:
            session.check_open()
        self._unit = Unit(database.pool.take())
        if session is not None:
            try:
                session.began(self)
            except BaseException:
                database.pool.give(self._unit.pooled)
                raise
            self._session = session
        self._unit.link.begin(sql)

    def give_settings(self, settings: Mapping[str, str]) -> None:
        """Let its next statements run with the settings of a session."""
        if self._unit is not None:
            self._unit.link.give_settings(settings)

    def _enter_savepoint(self, outer: "Transaction") -> None:
        if self._terms != PLAIN:
            raise InterfaceError(
                "isolation, read_only, deferrable and immediate belong to the outermost transaction; "
                "a nested one is a savepoint in it"
            )
        unit = outer.usable_unit()
        with unit.lock:
            outer.usable_unit()
            unit.link.check_failure()
            self._savepoint = unit.next_savepoint()
            unit.link.savepoint(self._savepoint)
            self._unit = unit
            self._outer = outer
            outer._inner = self

    def usable_unit(self) -> Unit:
        """What statements run on, if this transaction may run one now."""
        if self._ended or self._unit is None or self._process != process.id:
            raise TransactionEnded(
                "this transaction has ended: a call made through it, or by a task started inside it, came too late; "
                "wait for such tasks inside the block"
            )
        if self._inner is not None:
            raise TransactionError(
                "a nested transaction() of another task is open in this transaction: its savepoint would take "
                "this call with it; run the two one after the other, or give each task a transaction of its own"
            )
        return self._unit

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            # A fixture may be left in another context than it was entered in; that one is gone.
            with suppress(ValueError):
                here.reset(self._token)
            self._token = None
        unit = self._unit
        if unit is None or self._ended or self._process != process.id:
            if error is None:
                raise TransactionEnded(
                    "this transaction has been ended from outside, by the one around it or in a parent process: "
                    "nothing is stored here"
                )
            return
        end = self._end_savepoint if self._outer is not None else self._end_outermost
        in_order(unit.lock, lambda problem: end(unit, error or problem), unit.connection.drop)
        if error is None and self._outer is None:
            self._run_hooks()

    def _end_savepoint(self, unit: Unit, error: BaseException | None) -> None:
        outer = self._outer
        self._close()
        failure = unit.link.failure
        if error is None and failure is None:
            unit.link.release(self._savepoint)
            if outer is not None:
                outer._hooks += self._hooks
                outer._journal.join(self._journal)
                outer._touched.join(self._touched)
                outer._maps |= self._maps
            return
        self._undo()
        unit.connection.rollback_to(self._savepoint)
        if error is None and failure is not None:
            raise aborted(failure) from failure

    def _end_outermost(self, unit: Unit, error: BaseException | None) -> None:
        self._close()
        wrote = unit.link.wrote
        try:
            if error is None:
                self._must_be_lent(unit)
                self._commit(unit)
            else:
                self._undo()
                self._rollback(unit)
        except CommitUnknown:
            self._forget_touched()
            raise
        except Exception:
            self._undo()
            raise
        finally:
            self.database.pool.give(unit.pooled)
            if self._session is not None:
                self._session.ended(self, wrote=wrote)

    def _undo(self) -> None:
        """Nothing of it was stored: instances are as they were, and objects that have seen it stand for no row."""
        undo(self._journal)
        self._forget_touched()

    def _forget_touched(self) -> None:
        for identities in self._maps:
            identities.forget(self._touched)

    def _close(self) -> None:
        """End this block and whatever is still open inside it."""
        inner = self._inner
        self._ended = True
        self._inner = None
        if inner is not None:
            inner._close()
            self._journal.join(inner._journal)
            self._touched.join(inner._touched)
            self._maps |= inner._maps
        if self._outer is not None and self._outer._inner is self:
            self._outer._inner = None

    def _must_be_lent(self, unit: Unit) -> None:
        """Make sure that nobody took the connection away, and the transaction with it."""
        if not self.database.pool.lends(unit.pooled):
            raise DatabaseConnectionError(
                f"Failed to COMMIT: {self.database.url} was connected anew, reset or dropped while this transaction was "
                "open: nothing of it is stored"
            )

    def _commit(self, unit: Unit) -> None:
        try:
            unit.connection.commit()
        except CommitUnknown as unknown:
            transaction = unit.link.xid
            fate = self._fate_of(transaction) if transaction else None
            if fate == "aborted":
                raise DatabaseConnectionError(
                    "Failed to COMMIT: the link was lost, and the server says that nothing of the transaction is stored"
                ) from unknown
            if fate != "committed":
                raise

    def _rollback(self, unit: Unit) -> None:
        try:
            unit.connection.rollback()
        except FerroError:
            # The link is gone, and the transaction with it; the error that ends the block says more.
            unit.connection.drop()

    def _fate_of(self, transaction: str) -> str | None:
        """Ask on another connection what became of a COMMIT, for a while."""
        deadline = monotonic() + ASK_AFTER
        fate = None
        while monotonic() < deadline:
            try:
                with self.database.pool.another() as connection:
                    fate = connection.fate_of(transaction)
            except DatabaseConnectionError:
                fate = None
            if fate in ("committed", "aborted"):
                return fate
            sleep(BETWEEN_QUESTIONS)
        return fate

    def _run_hooks(self) -> None:
        problems: list[Exception] = []
        for hook in self._hooks:
            try:
                call_hook(hook)
            except Exception as problem:
                problems.append(problem)
        if len(problems) == 1:
            raise problems[0]
        if problems:
            raise ExceptionGroup("the transaction is committed; several of its on_commit hooks failed", problems)

    def on_commit(self, hook: Callable[[], object]) -> None:
        """Call a function once the outermost transaction is committed; never if this block is undone."""
        self.usable_unit()
        self._hooks.append(hook)

    def run(self, operation: Operation[T]) -> T:
        """Run an operation's statements in this transaction."""
        unit = self.usable_unit()
        with unit.lock:
            self.usable_unit()
            try:
                if isinstance(operation, Atomic):
                    return self._run_whole(unit, operation.steps)
                return self._answer(unit, operation)
            except Exception:
                raise
            except BaseException:
                # Whether the statement was done can no longer be told, so nothing after it may count.
                unit.link.failed(OperationalError("a call inside it was cancelled"))
                raise

    def _answer(self, unit: Unit, steps: Steps[T]) -> T:
        return answer(unit.connection, journaled(steps, self._journal), self.place())

    def place(self) -> Place | None:
        """Where the instances that are read and written in it belong."""
        database = self.database
        session = session_in_scope(database) or self._session
        if session is not None:
            session.check_open()
        where = place_in(database, session, self._touched)
        if where is not None and where.identities is not None:
            self._maps.add(where.identities)
        return where

    def fetch_chunk(self, cursor: Cursor) -> Result:
        """Read the next rows of a cursor of this transaction, inside its savepoints too."""
        unit = self._unit_of_stream()
        with unit.lock:
            self._unit_of_stream()
            try:
                return unit.connection.fetch_chunk(cursor)
            except Exception:
                raise
            except BaseException:
                unit.link.failed(OperationalError("a stream inside it was cancelled"))
                raise

    def _unit_of_stream(self) -> Unit:
        if self._ended or self._unit is None or self._process != process.id:
            raise TransactionEnded(
                "this stream was opened in a transaction that has ended: read its rows inside the block, "
                "or open it outside"
            )
        return self._unit

    def leave_cursor(self, cursor: Cursor) -> None:
        """Give up a cursor of this transaction; it goes with the transaction at the latest."""
        if self._unit is not None and not self._ended and self._process == process.id:
            self._unit.connection.close_cursor(cursor)

    def _run_whole(self, unit: Unit, steps: Steps[T]) -> T:
        unit.link.check_failure()
        savepoint = unit.next_savepoint()
        unit.link.savepoint(savepoint)
        try:
            result = self._answer(unit, steps)
        except BaseException:
            self._forget_touched()
            unit.connection.rollback_to(savepoint)
            raise
        unit.link.release(savepoint)
        return result

    def execute(self, sql: str | TString, *args: object) -> int:
        """Run SQL in this transaction; return how many rows it changed."""
        return self.run(raw.execute(sql, args, self.database.dialect))

    @overload
    def fetch_all(self, sql: str | TString, *args: object) -> list[dict[str, Any]]: ...
    @overload
    def fetch_all(self, sql: str | TString, *args: object, into: type[Filled]) -> list[Filled]: ...
    def fetch_all(self, sql: str | TString, *args: object, into: type[Any] | None = None) -> Any:
        """Run SQL in this transaction; return its rows as dicts.

        With `into` they are made and checked as that class: a Pydantic model, a dataclass, a TypedDict or a
        NamedTuple. A ferro model is filled as by a query.
        """
        if into is None:
            return self.run(raw.fetch_all(sql, args, self.database.dialect))
        return self.run(typed_rows.fetch_all(sql, args, into, self.database.dialect))

    @overload
    def fetch_one(self, sql: str | TString, *args: object) -> dict[str, Any] | None: ...
    @overload
    def fetch_one(self, sql: str | TString, *args: object, into: type[Filled]) -> Filled | None: ...
    def fetch_one(self, sql: str | TString, *args: object, into: type[Any] | None = None) -> Any:
        """Run SQL in this transaction; return its first row as a dict, or None.

        With `into` it is made and checked as that class: a Pydantic model, a dataclass, a TypedDict or a
        NamedTuple. A ferro model is filled as by a query.
        """
        if into is None:
            return self.run(raw.fetch_one(sql, args, self.database.dialect))
        return self.run(typed_rows.fetch_one(sql, args, into, self.database.dialect))

    def stream(self, sql: str | TString, *args: object, chunk: int = 1000) -> Stream[dict[str, Any]]:
        """Read the rows of a SELECT as they come, each a dict, inside this transaction."""
        self.usable_unit()
        return Stream(self.database, raw_source(sql, args, self.database.dialect), chunk, self)

    def run_in(self, function: Callable[P, Later[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function inside a transaction, again if the database undid it for another one's sake.

        With `transaction(retry=3)` a function that ran into a serialization failure or a deadlock is
        called up to three times more, each time in a new transaction.
        """
        attempt = 0
        while True:
            nested = transaction_in_scope(self.database) is not None
            try:
                with Transaction(self._database, self._terms, using=self._using):
                    return function(*args, **kwargs)
            except FerroError as error:
                # Inside another transaction a new try would see the same conflict.
                if nested or attempt >= self._retry or not worth_another_try(error):
                    raise
            sleep(pause_before(attempt))
            attempt += 1

    def __call__(self, function: Callable[P, Later[T]]) -> Callable[P, Later[T]]:
        """Decorate a function so that each call of it is a transaction."""

        @wraps(function)
        def in_transaction(*args: P.args, **kwargs: P.kwargs) -> T:
            return self.run_in(function, *args, **kwargs)

        return in_transaction
