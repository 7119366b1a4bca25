"""One sqlite3 connection: blocking, used by the thread it is lent to."""

import sqlite3
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from time import monotonic, perf_counter, sleep
from typing import Any, TypeVar

from ferro.dialects.sqlite import AGGREGATES, COLLATIONS, FUNCTIONS
from ferro.drivers.cursors import SqliteCursor
from ferro.drivers.forks import files
from ferro.drivers.link import Link, aborted, describe, log, log_control, log_statement, phrase
from ferro.drivers.rowids import Rowids
from ferro.drivers.signals import Signals, noting, noting_class
from ferro.drivers.slots import Slots, turn_of
from ferro.drivers.sqlite_errors import annotate, is_busy, translated, was_interrupted
from ferro.drivers.urls import Address
from ferro.errors import DatabaseBusy, DatabaseConnectionError, FerroError, OperationalError
from ferro.operations.collector import Hold
from ferro.operations.reading import Done, Unanswered
from ferro.operations.steps import Steps
from ferro.operations.transaction import READ_ONLY
from ferro.query.dialect import Answers, Bulk, Compiled, Numbered, Ready, Result, Several

T = TypeVar("T")

# SQLite's own busy handler cannot be interrupted, so it waits shortly and ferro asks again.
BUSY_TIMEOUT_MS = 100
CACHED_STATEMENTS = 512
FIRST_PAUSE = 0.001
LONGEST_PAUSE = 0.05
# How many of its virtual machine's instructions SQLite runs between two looks at pending signals: some milliseconds.
BETWEEN_LOOKS = 200_000
# How many rows are read before something is made of them: tuples that die young cost least.
PART = 500

# What SQLite calls. Functions that refuse nothing are called as they are: what they raise was a signal.
CALLED_FUNCTIONS = [(one.name, one.nargs, noting(one.function) if one.refuses else one.function) for one in FUNCTIONS]
CALLED_AGGREGATES = [(one.name, one.nargs, noting_class(one.factory), one.window) for one in AGGREGATES]


class SqliteLink(Link):
    """A sqlite3 connection with what ferro promises about it.

    Every call blocks. `interrupt` is the one method another thread may call meanwhile.
    """

    def __init__(self, address: Address, busy_timeout: float) -> None:
        super().__init__()
        self.address = address
        self.timeout = busy_timeout
        self.turn: Slots | None = turn_of(address.path) if address.path and address.mode != "ro" else None
        self.has_turn = False
        self.interrupted = False
        self.reads_only = False
        self.closed = False
        self.cursors: list[SqliteCursor] = []
        self.waits = BUSY_TIMEOUT_MS
        self.reading: sqlite3.Cursor | None = None  # a statement whose rows are being read in parts
        self.rowids = Rowids()
        self.signals = Signals()
        if address.path:
            files.opened(self, address.path)
        try:
            self.raw = self._connect()
        except BaseException:
            files.closed(self)
            raise

    def _connect(self) -> sqlite3.Connection:
        if files.are_of_parent(self.address.path):
            raise DatabaseConnectionError(
                f"DB Connection failed: {self.address.shown}: this process was forked while its parent was in a "
                "transaction, a stream or a call on this file, and would take the parent's locks for its own: fork "
                "while nothing is under way, or start the process by spawning it"
            )
        try:
            raw = sqlite3.connect(
                self.address.target,
                uri=self.address.target.startswith("file:"),
                isolation_level=None,
                check_same_thread=False,
                cached_statements=CACHED_STATEMENTS,
                timeout=BUSY_TIMEOUT_MS / 1000,
            )
        except sqlite3.Error as error:
            raise self._refused(error) from error
        try:
            self.raw = raw
            self._patiently(lambda: raw.execute("PRAGMA foreign_keys = ON"))
            if self.address.path and self.address.mode != "ro":
                self._patiently(lambda: raw.execute("PRAGMA journal_mode = WAL").fetchall())
            if sys.version_info >= (3, 12):
                # An index on a column that is not there is an error, not an index on a text.
                raw.setconfig(sqlite3.SQLITE_DBCONFIG_DQS_DDL, False)
            raw.set_progress_handler(self.signals.look, BETWEEN_LOOKS)
            for name, nargs, function in CALLED_FUNCTIONS:
                raw.create_function(name, nargs, function, deterministic=True)
            for name, nargs, factory, window in CALLED_AGGREGATES:
                (raw.create_window_function if window else raw.create_aggregate)(name, nargs, factory)
            for collation in COLLATIONS:
                raw.create_collation(collation.name, collation.compare)
        except sqlite3.Error as error:
            raw.close()
            raise self._refused(error) from error
        return raw

    def _refused(self, error: sqlite3.Error) -> FerroError:
        text = f"DB Connection failed: {self.address.shown}: {error}"
        if self.address.mode == "rw" and "unable to open" in str(error):
            text += "; add ?mode=rwc to the URL to create the file"
        return annotate(DatabaseConnectionError(text), error)

    def answer(self, steps: Steps[T], statement: Compiled | None = None, soon: Callable[[], object] | None = None) -> T:
        """Run an operation to its end, from a statement it has asked for already: one visit, however many statements.

        `soon` is called when a short one is likely to be over in a moment. `interrupted` must be false when the call is
        asked for; it may be true when it begins.
        """
        if self.open:
            self._let_wait(BUSY_TIMEOUT_MS)
        hold: Hold | None = None
        try:
            if statement is None:
                statement = next(steps)
            while True:
                try:
                    result = self.fetch(statement)
                except FerroError as error:
                    statement = steps.throw(error)
                else:
                    if result.rest is not None:
                        hold = hold or Hold()
                        hold.take(len(result.rows))
                    elif soon is not None and statement.template.by_key:
                        soon()
                    statement = steps.send(result)
        except StopIteration as stop:
            return stop.value
        finally:
            if hold is not None:
                hold.end()
            if self.reading is not None:
                # Something went wrong before its last row was read.
                self.reading.close()
                self.reading = None

    def is_short(self, statement: Compiled, *, writes: bool) -> bool:
        """Whether a statement will be over soon, unless the file is busy: it is about the row of a key.

        A write is, where it is asked for: in a transaction once one before it has got the lock.
        """
        template = statement.template
        if not template.by_key or self.pending or self.cursors:
            return False
        return not template.writes or (writes and (self.wrote or not self.open))

    def answer_shortly(
        self, steps: Steps[T], statement: Compiled, *, writes: bool, soon: Callable[[], object] | None = None
    ) -> Done[T] | Unanswered:
        """Run an operation as long as its statements are short; stop at one that is not, or would have to wait."""
        self._let_wait(0)
        try:
            while self.is_short(statement, writes=writes):
                try:
                    result = self._fetch_at_once(statement)
                except FerroError as error:
                    statement = steps.throw(error)
                else:
                    if result is None:
                        break
                    if soon is not None:
                        soon()
                    statement = steps.send(result)
        except StopIteration as stop:
            return Done(stop.value)
        return Unanswered(statement)

    def _fetch_at_once(self, statement: Compiled) -> Result | None:
        """Run one statement; None when it would have to wait, in which case nothing was done."""
        self.check_failure()
        self._check_interrupted()
        commits = statement.template.writes and not self.open
        if commits and not self._get_turn(0):
            return None
        started = perf_counter() if log.isEnabledFor(10) else 0.0
        try:
            return self._ask(statement, started)
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as problem:
            if is_busy(problem) and self.raw.in_transaction == self.open:
                return None
            raise self._failed(problem, statement, started) from problem
        finally:
            if commits:
                self._give_turn()

    def _let_wait(self, milliseconds: int) -> None:
        """Say how long SQLite itself may wait for a lock."""
        if self.waits != milliseconds:
            self.raw.execute(f"PRAGMA busy_timeout = {milliseconds}")
            self.waits = milliseconds

    def fetch(self, statement: Compiled) -> Result:
        """Run one statement, in the transaction if there is one."""
        if type(statement) is not Compiled:
            if isinstance(statement, Ready):
                return statement.read()
            if isinstance(statement, Several):
                return Answers([self._outcome(one) for one in statement.statements])
        if self.failure is not None:
            self.check_failure()
        if self.interrupted:
            self._check_interrupted()
        if not self.open:
            return self._autocommit(statement)
        if self.pending:
            if self.pending[0] == "BEGIN" and statement.template.writes:
                # It has read nothing that would be old once it has waited.
                self.pending[0] = "BEGIN IMMEDIATE"
            try:
                self._send_pending()
            except FerroError as error:
                self.failed(error)
                raise
        self.wrote = self.wrote or statement.template.writes
        if self.cursors:
            self._make_way(reads_on=not statement.template.writes)
            self._check_interrupted()
        return self._run(statement)

    def _outcome(self, statement: Compiled) -> Result | FerroError:
        """What one of several statements answers, whole, or fails with."""
        try:
            return self.fetch(Compiled(statement.template, statement.params))
        except FerroError as error:
            return error

    def _check_interrupted(self) -> None:
        if self.interrupted:
            raise OperationalError("the call was cancelled before its statement was sent")

    def _autocommit(self, statement: Compiled) -> Result:
        writes = statement.template.writes
        if writes:
            self._take_turn()
        try:
            try:
                return self._run(statement)
            except (DatabaseBusy, sqlite3.OperationalError) as error:
                if not is_busy(error):
                    raise
            # Not while that is handled: an error of the next time would tell of both.
            return self._patiently(lambda: self._run(statement))
        finally:
            if writes:
                self._give_turn()

    def _run(self, statement: Compiled) -> Result:
        started = perf_counter() if log.isEnabledFor(10) else 0.0
        try:
            return self._ask(statement, started)
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as problem:
            raise self._failed(problem, statement, started) from problem
        except FerroError as error:
            self.failed(error)
            raise

    def _ask(self, statement: Compiled, started: float) -> Result:
        template = statement.template
        if (numbered := template.numbered) is not None and self.rowids.has(numbered.key, self.raw):
            return self._insert(numbered, statement.params, started)
        before = self.raw.total_changes if template.raw else 0
        if isinstance(statement, Bulk):
            rows_of_each = (zip(*part, strict=True) for part in statement.parts)
            cursor = self.raw.executemany(template.sql, chain.from_iterable(rows_of_each))
        else:
            cursor = self.raw.execute(template.sql, statement.params)
        names: tuple[str, ...] = ()
        changed = cursor.rowcount
        fetches = template.fetches
        if template.raw:
            # Nobody has said what it is.
            names = tuple(column[0] for column in cursor.description or ())
            fetches = bool(names)
            if template.writes and changed < 0:
                if self.raw.total_changes > before:
                    # It begins with WITH: sqlite3 counts rows where the first word is INSERT, UPDATE or DELETE.
                    (changed,) = self.raw.execute("SELECT changes()").fetchone()
                else:
                    # The tables may be others now.
                    self.rowids.forget()
        # Who listens is told of all rows at once.
        if statement.in_parts and not started:
            rows = cursor.fetchmany(PART)
            if len(rows) == PART:
                self.reading = cursor
                return Result(rows, PART, rest=Ready(statement, partial(self._read_on, cursor, statement)))
        else:
            rows = cursor.fetchall() if fetches else []
        count = len(rows) if fetches else max(changed, 0)
        if started:
            log_statement(statement, self.address, started, count)
        return Result(rows, count, names)

    def _insert(self, numbered: Numbered, params: Sequence[Any], started: float) -> Result:
        """Insert one row whose key is its rowid, and answer with that."""
        cursor = self.raw.execute(numbered.template.sql, params)
        if cursor.rowcount == 1:
            rows: list[tuple[Any, ...]] = [(cursor.lastrowid,)]
        else:
            # Something keeps it out; or the table is a view by now, and nobody knows what its trigger did with it.
            self.rowids.forget()
            rows = [] if self.rowids.has(numbered.key, self.raw) else [(None,)]
        if started:
            log_statement(Compiled(numbered.template, params), self.address, started, len(rows))
        return Result(rows, len(rows))

    def _sent(self, statement: Compiled) -> Compiled:
        """What was sent in the place of a statement."""
        numbered = statement.template.numbered
        if numbered is not None and self.rowids.has_seen(numbered.key):
            return Compiled(numbered.template, statement.params)
        return statement

    def _read_on(self, cursor: sqlite3.Cursor, statement: Compiled) -> Result:
        self._check_interrupted()
        try:
            rows = cursor.fetchmany(PART)
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as problem:
            raise self._failed(problem, statement, 0.0) from problem
        if len(rows) < PART:
            self.reading = None
            return Result(rows, len(rows))
        return Result(rows, PART, rest=Ready(statement, partial(self._read_on, cursor, statement)))

    def _failed(self, problem: Exception, statement: Compiled, started: float) -> FerroError:
        signal = self.signals.behind(problem)
        if was_interrupted(problem) and not self.interrupted:
            # Nobody of ferro's asked for it.
            signal = self.signals.take()
        if signal is not None:
            self.failed(OperationalError("a call inside it was interrupted"))
            raise signal from problem
        statement = self._sent(statement)
        error = describe(self._translated(problem, phrase(statement.template)), statement)
        if started:
            log_statement(statement, self.address, started, 0, error)
        self.failed(error)
        return error

    def _translated(self, problem: Exception, prefix: str) -> FerroError:
        if self.reads_only and getattr(problem, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY:
            return annotate(OperationalError(f"{prefix}: cannot write in a read-only transaction"), problem)
        return translated(problem, prefix)

    # Cursors.

    def cursor(self, statement: Compiled, chunk: int, *, whole: bool) -> SqliteCursor:
        return SqliteCursor(statement, chunk, whole=whole)

    def fetch_chunk(self, cursor: SqliteCursor) -> Result:
        """Read the next rows of a cursor, and open it before the first."""
        self._let_wait(BUSY_TIMEOUT_MS)
        self.check_failure()
        self._check_interrupted()
        statement = cursor.statement
        started = perf_counter() if log.isEnabledFor(10) and not cursor.opened else 0.0
        try:
            if not cursor.opened:
                self._send_pending()
                self.cursors.append(cursor)
                self._patiently(lambda: cursor.open(self.raw))
            result = cursor.read()
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as problem:
            raise self._failed(problem, statement, started) from problem
        except FerroError as error:
            self.failed(error)
            raise
        if started:
            log_statement(statement, self.address, started, result.count)
        return result

    def close_cursor(self, cursor: SqliteCursor) -> None:
        """Give it up: the statement itself is left at the connection's next call, in its own thread."""
        cursor.close()

    def _make_way(self, *, reads_on: bool) -> None:
        """Leave the statements nobody reads any more; read the others to their ends, if they cannot stay open."""
        for cursor in self.cursors:
            if cursor.over:
                cursor.leave()
            elif not reads_on:
                try:
                    cursor.set_aside()
                except sqlite3.Error as problem:
                    text = f"{phrase(cursor.statement.template)}: the rest of a stream could not be read: {problem}"
                    cursor.lose(annotate(OperationalError(text), problem))
        self.cursors = [cursor for cursor in self.cursors if not cursor.over]

    def _leave_cursors(self) -> None:
        for cursor in self.cursors:
            cursor.leave()
        self.cursors = []

    # Transactions.

    def _send_pending(self) -> None:
        while self.pending:
            sql = self.pending[0]
            if sql.startswith("BEGIN"):
                self._begin(sql)
            else:
                # To undo a savepoint, or to interrupt a call inside it, ends every statement of the connection.
                self._make_way(reads_on=False)
                self.control(sql)
            self.pending.pop(0)

    def _begin(self, sql: str) -> None:
        self.reads_only = sql.endswith(READ_ONLY)
        if sql.startswith("BEGIN IMMEDIATE"):
            self._take_turn()
        try:
            self._patiently(lambda: self.control(sql))
            if self.reads_only:
                self.raw.execute("PRAGMA query_only = ON")
        except BaseException:
            self._give_turn()
            raise

    def commit(self) -> None:
        """End the transaction well, or raise saying that nothing of it is there."""
        self._leave_cursors()
        failure = self.failure
        if failure is None and self.begun and not self.raw.in_transaction:
            failure = OperationalError("SQLite ended the transaction by itself")
        if failure is not None:
            self.rollback()
            raise aborted(failure) from failure
        try:
            if self.begun:
                self._patiently(lambda: self.control("COMMIT"))
        except BaseException:
            self.rollback()
            raise
        self._over()

    def rollback(self) -> None:
        """Undo the transaction; never fails on a transaction the database has ended already."""
        self._leave_cursors()
        self.rowids.forget()
        if self.raw.in_transaction:
            self.control("ROLLBACK")
        self._over()

    def rollback_to(self, name: str) -> None:
        """Undo what was done since the savepoint."""
        if not self.drop_pending(name):
            # What was opened before the savepoint has been read to its end; what was opened inside ends with it.
            self._leave_cursors()
            if not self.raw.in_transaction:
                return
            self.rowids.forget()
            self.control(f"ROLLBACK TO SAVEPOINT {name}")
            self.control(f"RELEASE SAVEPOINT {name}")
        self.failure = None

    def _over(self) -> None:
        if self.reads_only:
            self.raw.execute("PRAGMA query_only = OFF")
            self.reads_only = False
        self._give_turn()
        self.ended()

    def control(self, sql: str) -> None:
        if log.isEnabledFor(10):
            log_control(sql, self.address)
        try:
            self.raw.execute(sql)
        except sqlite3.Error as problem:
            error = translated(problem, f"Failed to {sql.partition(' ')[0]}")
            error.sql = sql
            raise error from problem

    # Waiting.

    def _take_turn(self) -> None:
        if self.turn is None or self.has_turn:
            return
        self.has_turn = self.turn.take_now()
        if not self.has_turn and not self._get_turn(self.timeout):
            if self.interrupted:
                raise OperationalError("the call was cancelled while it waited for its turn to write")
            raise DatabaseBusy(
                f"{self.address.shown} stayed busy for {self.timeout:g} s: another transaction of this process is "
                "writing; keep transactions short, or raise busy_timeout"
            )

    def _get_turn(self, timeout: float) -> bool:
        if self.turn is None or self.has_turn:
            return True
        self.has_turn = taken = self.turn.take(timeout, self._was_interrupted)
        return taken

    def _was_interrupted(self) -> bool:
        return self.interrupted

    def _give_turn(self) -> None:
        if self.turn is not None and self.has_turn:
            self.has_turn = False
            self.turn.give()

    def _patiently(self, action: Callable[[], T]) -> T:
        """Ask again while another process holds the file, up to the timeout; a busy answer has done nothing."""
        deadline = monotonic() + self.timeout
        pause = FIRST_PAUSE
        while True:
            try:
                return action()
            except (DatabaseBusy, sqlite3.OperationalError) as error:
                if not is_busy(error) or self.interrupted or monotonic() >= deadline:
                    raise
            sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def interrupt(self) -> None:
        """Stop what the connection's thread is doing: it raises there."""
        self.interrupted = True
        self.raw.interrupt()

    def close(self) -> None:
        self.closed = True
        try:
            self._leave_cursors()
            if self.raw.in_transaction:
                self.raw.execute("ROLLBACK")
        finally:
            self._give_turn()
            self.ended()
            self.raw.close()
            files.closed(self)
