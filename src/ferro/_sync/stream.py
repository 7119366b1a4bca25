# Generated from src/ferro/_async/stream.py by scripts/unasync.py: edit that file, never this one.
"""Streams: rows read a chunk at a time, and a connection that comes back whatever happens."""

from contextlib import suppress
from operator import length_hint
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from ferro._concurrency._sync import Lock, afterwards, in_order, owner
from ferro._sync.drivers.base import Connection
from ferro._sync.pool import Pool, Pooled
from ferro._sync.running import answer, lend_reader, place_in
from ferro._sync.scope import session_in_scope, transaction_in_scope
from ferro.drivers.cursors import Cursor
from ferro.errors import FerroError, InterfaceError
from ferro.identity import Place, inside
from ferro.operations.steps import Steps
from ferro.operations.stream import Source, check_chunk
from ferro.operations.transaction import Terms, begin
from ferro.query.dialect import Result

if TYPE_CHECKING:
    from ferro._sync.database import Database
    from ferro._sync.transaction import Transaction

R = TypeVar("R")

READING = Terms(read_only=True)


class Lease:
    """A connection of the pool in a transaction of its own, given back once, by whoever comes first."""

    def __init__(self, pool: Pool, pooled: Pooled) -> None:
        self._pool = pool
        self._pooled: Pooled | None = pooled

    @property
    def connection(self) -> Connection:
        pooled = self._pooled
        if pooled is None or not self._pool.lends(pooled):
            raise InterfaceError(
                f"the database {self._pool.address.shown} was closed, or the process forked, while this stream was read"
            )
        return pooled.connection

    @property
    def held(self) -> bool:
        """Whether the connection is still to be given back."""
        return self._pooled is not None

    def _take(self) -> Pooled | None:
        """The connection, if it is still to be given back; what a forked process inherits is not."""
        pooled, self._pooled = self._pooled, None
        return pooled if pooled is not None and self._pool.lends(pooled) else None

    def end(self) -> None:
        """End the transaction and give the connection back."""
        pooled = self._take()
        if pooled is None:
            return
        try:
            pooled.connection.rollback()
        except FerroError:
            pooled.connection.drop()
        finally:
            self._pool.give(pooled)

    def drop(self) -> None:
        """Close the connection instead; needs no loop."""
        pooled = self._take()
        if pooled is not None:
            pooled.connection.drop()
            self._pool.give(pooled)


class Stream(Generic[R]):
    """The rows of a query as they come: `for user in User.where(...).stream()`.

    Holds one chunk of rows at a time, and a connection until the last row is read, the loop is left, or
    something fails. `with` closes one that has a name of its own.
    """

    def __init__(
        self,
        database: "Database",
        source: Source[R],
        chunk: int,
        transaction: "Transaction | None" = None,
    ) -> None:
        self._database = database
        self._source = source
        self._chunk = check_chunk(chunk)
        self._rows = iter(list[R]())
        self._lock = Lock()
        self._cursor: Cursor | None = None
        self._owner: object = None
        self._place: Place | None = None
        # One of these two is who reads.
        self._lease: Lease | None = None
        self._transaction = transaction
        self._over = False  # the last row was read
        self._closed = ""  # why there are no more rows, where it was not the last

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> R:
        for row in self._rows:
            return row
        return self._next_chunk()

    def _next_chunk(self) -> R:
        with self._lock:
            while not self._over:
                for row in self._rows:
                    return row
                if self._closed:
                    raise InterfaceError(self._closed)
                self._read()
            for row in self._rows:
                return row
        raise StopIteration

    def _read(self) -> None:
        try:
            result = self._fetch()
            with inside(self._place):
                rows = self._source.load(result)
            if self._source.include is not None and rows:
                self._run(self._source.include(rows))
            self._rows = iter(rows)
        except BaseException:
            self._closed = "this stream has failed: its rows after the error were not read; ask again for all of them"
            self._end()
            raise
        if self._cursor is not None and self._cursor.over:
            self._over = True
            self._end()

    def _fetch(self) -> Result:
        cursor = self._cursor
        if cursor is None:
            cursor = self._open()
        elif self._transaction is None and cursor.store is not None:
            return cursor.read_store(cursor.store)
        if self._transaction is not None:
            return self._transaction.fetch_chunk(cursor)
        assert self._lease is not None
        result = self._lease.connection.fetch_chunk(cursor)
        if cursor.store is not None:
            self._lease.end()
        return result

    def _run(self, steps: Steps[None]) -> None:
        """Run statements beside the cursor, where they see the same moment, if the connection is still held."""
        if self._transaction is not None:
            self._transaction.run(steps)
        elif self._lease is not None and self._lease.held:
            answer(self._lease.connection, steps, self._place)
        else:
            self._database.run(steps)

    def _open(self) -> Cursor:
        database = self._database
        transaction = self._transaction or transaction_in_scope(database)
        self._owner = owner()
        if transaction is not None:
            connection = transaction.usable_unit().connection
            self._transaction = transaction
            self._place = transaction.place()
        else:
            session = session_in_scope(database)
            if session is not None:
                session.check_open()
            self._place = place_in(database, session)
            self._lease = Lease(*lend_reader(database, session))
            connection = self._lease.connection
            connection.link.give_settings({} if session is None else session.settings)
            connection.begin_reading(begin(READING, database.dialect.name))
        # With one connection, a statement beside the stream would wait for it in vain.
        whole = transaction is None and database.pool.options.max_connections == 1
        self._cursor = connection.cursor(self._source.statement, self._chunk, whole=whole)
        return self._cursor

    # The end.

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading, and give the connection back. Calling it again does nothing."""
        in_order(self._lock, self._stop, self._drop)

    def _stop(self, problem: BaseException | None) -> None:
        if not self._closed and (not self._over or length_hint(self._rows)):
            self._over = False
            self._closed = "this stream is closed, and its last row was not read: call stream() for another one"
        self._rows = iter(list[R]())
        self._end()

    def _drop(self) -> None:
        if self._lease is not None:
            self._lease.drop()

    def _end(self) -> None:
        self._leave_cursor()
        if self._lease is not None:
            self._lease.end()

    def _leave_cursor(self) -> None:
        cursor, self._cursor = self._cursor, None
        if cursor is None:
            return
        cursor.close()
        if self._transaction is not None:
            self._transaction.leave_cursor(cursor)

    def __del__(self) -> None:
        # Nobody can ask for more rows: what is left of it is ended without this object.
        with suppress(Exception):
            self._leave_cursor()
            lease = self._lease
            if lease is not None and lease.held:
                afterwards(self._owner, lease.end, lease.drop)
