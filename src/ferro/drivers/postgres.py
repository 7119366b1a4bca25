"""One PostgreSQL connection as a conversation: generators that psycopg's own waiting functions drive.

libpq is asked directly, through psycopg's public `pq` layer and its generators: what must reach the
server together travels in one pipeline, and every answer is looked at here.
"""

import logging
import select
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import capabilities, generators, pq
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGconn, PGresult
from psycopg.types.array import ListDumper
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg.waiting import wait_conn
from pydantic_core import from_json, to_json

from ferro.drivers import settings
from ferro.drivers.cursors import PostgresCursor
from ferro.drivers.link import Link, aborted, describe, log, log_control, log_statement, phrase
from ferro.drivers.postgres_errors import translated
from ferro.drivers.urls import Address
from ferro.errors import CommitUnknown, DatabaseConnectionError, DataError, FerroError, TransactionAborted
from ferro.query.dialect import Answers, Bulk, Compiled, Ready, Rest, Result, Several, Template

T = TypeVar("T")
Conversation: TypeAlias = Generator[Any, Any, T]
Send: TypeAlias = Callable[[], None]

TUPLES_OK = pq.ExecStatus.TUPLES_OK
TUPLES_CHUNK = pq.ExecStatus.TUPLES_CHUNK
COMMAND_OK = pq.ExecStatus.COMMAND_OK
EMPTY_QUERY = pq.ExecStatus.EMPTY_QUERY
FATAL_ERROR = pq.ExecStatus.FATAL_ERROR
PIPELINE_ABORTED = pq.ExecStatus.PIPELINE_ABORTED
COPY_IN = pq.ExecStatus.COPY_IN
DONE = (COMMAND_OK, EMPTY_QUERY)
CONNECTION_OK = pq.ConnStatus.OK
IDLE = pq.TransactionStatus.IDLE
ACTIVE = pq.TransactionStatus.ACTIVE
TEXT = pq.Format.TEXT

NULL = rb"\N"
ESCAPES = ((b"\\", rb"\\"), (b"\t", rb"\t"), (b"\n", rb"\n"), (b"\r", rb"\r"))

# A statement is prepared when a connection meets it for the third time, and no more than this many are.
PREPARE_AT = 3
PREPARED_LIMIT = 256

# How many rows are decoded before something is made of them, and others have their turn: a millisecond or two.
PART = 250
# Whether this libpq hands rows over while others are on their way: since version 17.
IN_CHUNKS = capabilities.has_stream_chunked()

# The server's answers that mean a prepared statement no longer fits the schema: it was not executed, and may be
# asked again. The last two come when a column was made anew with another type.
STALE_PLANS = ("0A000", "26000", "42883", "42804")

XID = b"SELECT pg_current_xact_id_if_assigned()::text"

SESSION = (
    b"SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1"
)


def answer_of(results: Sequence[PGresult]) -> PGresult:
    """What came of things that were asked for together: the first error, else the last of them."""
    return next((result for result in results if result.status == FATAL_ERROR), results[-1])


class ArrayDumper(ListDumper):
    """Whole numbers, as keys mostly are, are written all at once: psycopg looks at each."""

    def dump(self, obj: list[Any]) -> Any:
        if set(map(type, obj)) == {int}:
            return f"{{{','.join(map(str, obj))}}}".encode()
        return super().dump(obj)


class PostgresLink(Link):
    """A libpq connection with what ferro promises about it."""

    def __init__(
        self, connection: psycopg.BaseConnection[Any], address: Address, prepare: bool, close: Callable[[], None]
    ) -> None:
        super().__init__()
        self.address = address
        self.pgconn: PGconn = connection.pgconn
        self.readable = look_at(self.pgconn.socket)
        set_json_loads(from_json, connection)
        set_json_dumps(to_json, connection)
        connection.adapters.register_dumper(list, ArrayDumper)
        self.adapt = Transformer(connection)
        self.prepare = prepare
        self.close = close
        self.seen: dict[Template, int] = {}
        self.prepared: dict[Template, bytes] = {}
        self.serial = 0  # of the last prepared statement: a name is never used twice
        self.cursors = 0  # how many cursors there have been
        self.coming = False  # rows of a statement are on their way
        self.chunked = False  # the last statement's rows came in chunks

    def prepare_session(self) -> PQGen[None]:
        """Give the session what ferro's values rely on."""
        sql = SESSION
        if self.address.mode == "ro":
            sql += b"; SET default_transaction_read_only = on"
        if self.address.search_path:
            sql += f"; SET search_path TO {self.address.search_path}".encode()
        self.pgconn.send_query(sql)
        for result in (yield from generators.execute(self.pgconn)):
            if result.status == FATAL_ERROR:
                raise self.translated(error_from_result(result), "DB Connection failed")

    def fetch(self, statement: Compiled) -> PQGen[Result]:
        """Run one statement, in the transaction if there is one."""
        if isinstance(statement, Ready):
            return statement.read()
        if isinstance(statement, Rest):
            return (yield from self._read_on(statement))
        if isinstance(statement, Several):
            return (yield from self._fetch_each(statement.statements))
        template = statement.template
        self._check_link(template)
        started = perf_counter() if log.isEnabledFor(logging.DEBUG) else 0.0
        try:
            if isinstance(statement, Bulk):
                result = yield from self._copy(template, statement.parts)
            else:
                # Who listens is told of all rows at once.
                in_chunks = IN_CHUNKS and statement.in_parts and not started
                result = yield from self._execute(template, statement.params, in_chunks=in_chunks)
            if self._plan_is_stale(result, template):
                self.forget_plans()
                if not self.open:
                    result = yield from self._execute(template, statement.params)
            answer = self._read(result, statement)
        except (psycopg.Error, UnicodeEncodeError) as problem:
            raise self._failed(problem, statement, started) from problem
        if started:
            log_statement(statement, self.address, started, answer.count)
        return answer

    def _check_link(self, template: Template) -> None:
        self.check_failure()
        if self.lost:
            error = DatabaseConnectionError(
                f"{phrase(template)}: the link to {self.address.shown} is lost; this statement was not sent"
            )
            self.failed(error)
            raise error

    def _fetch_each(self, statements: Sequence[Compiled]) -> PQGen[Result]:
        """Run statements in one round trip. Outside a transaction each is one of its own, and none undoes another."""
        self._check_link(statements[0].template)
        started = perf_counter() if log.isEnabledFor(logging.DEBUG) else 0.0
        answers: list[Result | FerroError | None] = [None] * len(statements)
        groups: list[list[Send]] = []
        sent: list[tuple[int, bytes]] = []
        for at, statement in enumerate(statements):
            try:
                sends, name = self._sends(statement.template, statement.params)
            except (psycopg.Error, UnicodeEncodeError) as problem:
                answers[at] = self._failed(problem, statement, started)
                continue
            self.wrote = self.wrote or statement.template.writes
            groups.append([*map(self._control, self.pending), *self._missing_settings(), *sends])
            self.pending = []
            sent.append((at, name))
        try:
            found = yield from self._pipelines(groups)
        except psycopg.Error as problem:
            both = zip(answers, statements, strict=True)
            return Answers([answer or self._failed(problem, statement, started) for answer, statement in both])
        results: dict[int, PGresult] = {}
        for (at, name), group in zip(sent, found, strict=True):
            if name and group[-2].status == COMMAND_OK:
                self.prepared[statements[at].template] = name
            results[at] = answer_of(group)
        stale = {at for at, result in results.items() if self._plan_is_stale(result, statements[at].template)}
        if stale:
            self.forget_plans()
        for at, result in results.items():
            again = self.fetch(statements[at]) if at in stale and not self.open else None
            answers[at] = yield from self._outcome(statements[at], result, again, started)
        return Answers([answer for answer in answers if answer is not None])

    def _outcome(
        self, statement: Compiled, result: PGresult, again: PQGen[Result] | None, started: float
    ) -> PQGen[Result | FerroError]:
        """What one of several statements answered, at once or asked again, or failed with."""
        try:
            self.check_failure()
            if again is not None:
                return (yield from again)
            answer = self._read(result, statement)
        except FerroError as error:
            return error
        except psycopg.Error as problem:
            return self._failed(problem, statement, started)
        if started:
            log_statement(statement, self.address, started, answer.count)
        return answer

    def _failed(self, problem: Exception, statement: Compiled, started: float) -> FerroError:
        error = describe(self._classified(problem, statement.template), statement)
        error.__cause__ = problem
        if statement.template.secrets or isinstance(statement, Bulk) or "Failing row contains" in str(problem):
            # The server quotes values beside its message, and a traceback shows the cause too.
            problem.args = (error.driver_message,)
        if started:
            log_statement(statement, self.address, started, 0, error)
        self.failed(error)
        return error

    def _execute(self, template: Template, params: Sequence[Any], *, in_chunks: bool = False) -> PQGen[PGresult]:
        sends, name = self._sends(template, params)
        if template.writes:
            self.wrote = True
        if not self.pending and len(sends) == 1 and not self.settings:
            sends[0]()
            self.chunked = in_chunks
            if in_chunks:
                self.pgconn.set_chunked_rows_mode(PART)
                yield from generators.send(self.pgconn)
                return (yield from self._next_chunk())
            return (yield from generators.execute(self.pgconn))[-1]
        results = yield from self._pipeline([*map(self._control, self.pending), *self._missing_settings(), *sends])
        self.pending = []
        if name and results[-2].status == COMMAND_OK:
            self.prepared[template] = name
        return answer_of(results)

    def _copy(self, template: Template, parts: Iterator[Sequence[Sequence[Any]]]) -> PQGen[PGresult]:
        """Send many rows; an error on the way leaves none of them, and the connection as it was."""
        pgconn = self.pgconn
        self.wrote = True
        if settings := self._missing_settings():
            results = yield from self._pipeline([*map(self._control, self.pending), *settings])
            self.pending = []
            if failed := next((result for result in results if result.status == FATAL_ERROR), None):
                return failed
        if log.isEnabledFor(logging.DEBUG):
            for sql in self.pending:
                log_control(sql, self.address)
        pgconn.send_query("; ".join([*self.pending, template.sql]).encode())
        self.pending = []
        result = (yield from generators.execute(pgconn))[-1]
        if result.status != COPY_IN:
            return result
        try:
            for columns in parts:
                yield from generators.copy_to(pgconn, self._copied(columns))
        except Exception as error:
            self.failed(error)
            with suppress(psycopg.Error):
                yield from generators.copy_end(pgconn, b"the rest could not be sent")
            raise
        return (yield from generators.copy_end(pgconn, None))

    def _copied(self, columns: Sequence[Sequence[Any]]) -> bytes:
        """Rows in COPY's text format, of the same texts that parameters are sent as."""
        fields: list[Sequence[Any]] = []
        for column in columns:
            texts = self.adapt.dump_sequence(column, [PyFormat.TEXT] * len(column))
            if None in texts:
                kept = escaped([b"" if text is None else text for text in texts])
                fields.append([NULL if text is None else one for text, one in zip(texts, kept, strict=True)])
            else:
                fields.append(escaped(texts))
        return b"\n".join(map(b"\t".join, zip(*fields, strict=True))) + b"\n"

    def _missing_settings(self) -> list[Send]:
        """What gives the settings to the open transaction; without one, to that of the pipeline they travel in."""
        if not self.settings or (self.open and self.has_settings):
            return []
        self.has_settings = True
        sql = settings.statement(len(self.settings))
        if log.isEnabledFor(logging.DEBUG):
            log_control(sql, self.address)
        values = [part.encode() for pair in self.settings.items() for part in pair]
        return [partial(self.pgconn.send_query_params, sql.encode(), values)]

    def _sends(self, template: Template, params: Sequence[Any]) -> tuple[list[Send], bytes]:
        """The libpq calls that ask for a statement, and the name under which it is being prepared, if it is."""
        types: Sequence[int] | None = None
        values: Sequence[Any] | None = None
        formats: Sequence[pq.Format] | None = None
        if params:
            if template.raw:
                values = self.adapt.dump_sequence(params, [PyFormat.AUTO] * len(params))
                types = self.adapt.types
            else:
                # As text, the types of values are told by the columns beside them, and one plan serves all.
                values = self.adapt.dump_sequence(
                    params, [PyFormat.BINARY if value.__class__ is bytes else PyFormat.TEXT for value in params]
                )
            formats = self.adapt.formats
        if prepared := self.prepared.get(template):
            return [partial(self.pgconn.send_query_prepared, prepared, values, formats, TEXT)], b""
        if not template.raw and self._worth_preparing(template):
            self.serial += 1
            name = f"ferro_{self.serial}".encode()
            return [
                partial(self.pgconn.send_prepare, name, template.encoded),
                partial(self.pgconn.send_query_prepared, name, values, formats, TEXT),
            ], name
        return [partial(self.pgconn.send_query_params, template.encoded, values, types, formats, TEXT)], b""

    def _worth_preparing(self, template: Template) -> bool:
        if not self.prepare or len(self.prepared) >= PREPARED_LIMIT:
            return False
        times = self.seen.get(template, 0) + 1
        if times < PREPARE_AT:
            if len(self.seen) > 4 * PREPARED_LIMIT:
                self.seen.clear()
            self.seen[template] = times
            return False
        self.seen.pop(template, None)
        return True

    def _plan_is_stale(self, result: PGresult, template: Template) -> bool:
        """Whether a change of the schema spoilt a plan; outside a transaction the statement may simply be asked again."""
        if result.status != FATAL_ERROR or template not in self.prepared:
            return False
        state = result.error_field(pq.DiagnosticField.SQLSTATE) or b""
        return state.decode() in STALE_PLANS

    def _pipeline(self, sends: Sequence[Send]) -> PQGen[list[PGresult]]:
        """Ask for several things in one round trip: the last result of each, in order. The first error ends them."""
        return (yield from self._pipelines([sends]))[0]

    def _pipelines(self, groups: Sequence[Sequence[Send]]) -> PQGen[list[list[PGresult]]]:
        """The same for groups of things, in one round trip too; an error ends its group only."""
        pgconn = self.pgconn
        before = self._enter_pipeline()
        for sends in groups:
            for send in sends:
                send()
            pgconn.pipeline_sync()
        yield from generators.send(pgconn)
        if before:
            yield from generators.fetch_many(pgconn)
        answers: list[list[PGresult]] = []
        for sends in groups:
            results: list[PGresult] = []
            while len(results) < len(sends):
                results += (yield from generators.fetch_many(pgconn))[-1:]
            yield from generators.fetch_many(pgconn)
            answers.append(results)
        pgconn.exit_pipeline_mode()
        return answers

    def _enter_pipeline(self) -> bool:
        """Begin a pipeline; say whether an answer comes before those of what will be sent."""
        pgconn = self.pgconn
        pgconn.enter_pipeline_mode()
        chunked, self.chunked = self.chunked, False
        if chunked:
            # libpq hands over the rows of a pipeline's first statement as it did those of the last one before it:
            # an empty one has none.
            pgconn.send_query_params(b"", None)
        return chunked

    def _control(self, sql: str) -> Send:
        if log.isEnabledFor(logging.DEBUG):
            log_control(sql, self.address)
        return partial(self.pgconn.send_query_params, sql.encode(), None)

    def _read(self, result: PGresult, statement: Compiled) -> Result:
        status, template = result.status, statement.template
        if status == TUPLES_CHUNK:
            return self._read_chunk(result, statement)
        if status == TUPLES_OK:
            count = result.ntuples
            if statement.in_parts and count > PART:
                return self._read_part(result, statement, 0)
            self.adapt.set_pgresult(result)
            rows = self.adapt.load_rows(0, count, tuple)
            names = tuple((result.fname(at) or b"").decode() for at in range(result.nfields)) if template.raw else ()
            return Result(rows, count, names)
        if status in DONE:
            return Result([], result.command_tuples or 0)
        if status in (FATAL_ERROR, PIPELINE_ABORTED):
            raise error_from_result(result)
        raise psycopg.NotSupportedError("COPY cannot be run by execute(): use a driver connection of your own for it")

    def _read_part(self, result: PGresult, statement: Compiled, first: int) -> Result:
        """Decode some rows, all of which have come already; `count` is how many there are in the end."""
        count = result.ntuples
        last = min(first + PART, count)
        try:
            self.adapt.set_pgresult(result)
            rows = self.adapt.load_rows(first, last, tuple)
        except psycopg.Error as problem:
            raise self._failed(problem, statement, 0.0) from problem
        rest = Ready(statement, partial(self._read_part, result, statement, last)) if last < count else None
        return Result(rows, count, rest=rest)

    # Rows that are read while others come.

    def _next_chunk(self) -> PQGen[PGresult]:
        """The next rows of a statement, or what went wrong with it; `coming` then tells whether there are more."""
        result = yield from generators.fetch(self.pgconn)
        if result is None:
            raise psycopg.OperationalError("the server did not answer")
        self.coming = result.status == TUPLES_CHUNK and result.ntuples == PART
        return result if self.coming else answer_of([*(yield from generators.fetch_many(self.pgconn)), result])

    def _read_chunk(self, result: PGresult, statement: Compiled) -> Result:
        count = result.ntuples
        self.adapt.set_pgresult(result)
        return Result(self.adapt.load_rows(0, count, tuple), count, rest=Rest(statement) if self.coming else None)

    def _read_on(self, statement: Rest) -> PQGen[Result]:
        try:
            result = yield from self._next_chunk()
            if result.status == FATAL_ERROR:
                raise error_from_result(result)
            return self._read_chunk(result, statement)
        except psycopg.Error as problem:
            raise self._failed(problem, statement, 0.0) from problem

    def must_wait(self) -> bool:
        """Whether the next rows are not here yet."""
        if not self.coming:
            return False
        with suppress(psycopg.Error):
            # What is wrong with the link is said when they are read.
            self.pgconn.consume_input()
        return bool(self.pgconn.is_busy())

    def leave(self) -> bool:
        """Give up the rows that nobody reads any more; say whether some are still to come."""
        coming, self.coming = self.coming, False
        return coming and self.at_work

    # Cursors.

    def cursor(self, statement: Compiled, chunk: int) -> PostgresCursor:
        self.cursors += 1
        return PostgresCursor(statement, chunk, f"ferro_stream_{self.cursors}")

    def begin_reading(self, sql: str) -> None:
        """Begin a transaction for one cursor, to be read to its end: planned like a statement without one."""
        self.begin(sql)
        self.pending.append("SET LOCAL cursor_tuple_fraction = 1")

    def fetch_chunk(self, cursor: PostgresCursor) -> PQGen[Result]:
        """Read the next rows of a cursor, and open it before the first."""
        if not cursor.opened:
            yield from self.fetch(cursor.declare)
            cursor.opened = True
        result = yield from self.fetch(cursor.fetch)
        cursor.over = len(result.rows) < cursor.chunk
        return result

    def close_cursor(self, cursor: PostgresCursor) -> None:
        """Let the next statement of the transaction close it on the server; without one, it goes with its transaction."""
        cursor.close()
        if cursor.opened and self.begun and self.failure is None:
            self.pending.append(f'CLOSE "{cursor.name}"')

    # Errors.

    @property
    def lost(self) -> bool:
        return self.pgconn.status != CONNECTION_OK

    def _classified(self, problem: Exception, template: Template) -> FerroError:
        if not isinstance(problem, psycopg.Error):
            return DataError(f"{phrase(template)}: {problem}")
        # An answer from the server says that the statement was not done. Silence after a write says nothing.
        if self.lost and template.writes and not self.open and problem.sqlstate is None:
            return self.unknown(problem, phrase(template))
        return self.translated(problem, phrase(template))

    def unknown(self, problem: Exception, prefix: str) -> CommitUnknown:
        error = CommitUnknown(
            f"{prefix}: the link to {self.address.shown} was lost before the answer came; "
            "the change may or may not be in the database: look before you repeat it"
        )
        error.driver_message = self.address.masked(str(problem))
        return error

    def translated(self, problem: psycopg.Error, prefix: str) -> FerroError:
        return translated(problem, prefix, self.address, lost=self.lost)

    # Transactions.

    def commit(self) -> PQGen[None]:
        """End the transaction well, or raise saying what is known of it."""
        failure = self.failure
        if failure is not None:
            yield from self.rollback()
            raise aborted(failure) from failure
        if not self.begun:
            self.ended()
            return
        if not self.alive():
            self.ended()
            raise DatabaseConnectionError(
                "Failed to COMMIT: the link was lost before it was sent: nothing of the transaction is stored"
            )
        self.xid = None
        try:
            tag = yield from self._commit()
        except psycopg.Error as problem:
            wrote = self.wrote
            self.ended()
            if self.lost and wrote and problem.sqlstate is None:
                raise self.unknown(problem, "Failed to COMMIT") from problem
            raise self.translated(problem, "Failed to COMMIT") from problem
        self.ended()
        if tag == b"ROLLBACK":
            raise TransactionAborted("a statement failed in this transaction: none of it is in the database")

    def _commit(self) -> PQGen[bytes | None]:
        pgconn = self.pgconn
        sends = [*map(self._control, self.pending)]
        answers = len(sends)
        if self.wrote:
            # Flushed before COMMIT is looked at, so the number is known even when the answer to COMMIT is lost.
            sends += [partial(pgconn.send_query_params, XID, None), pgconn.send_flush_request]
            answers += 1
        sends.append(self._control("COMMIT"))
        before = self._enter_pipeline()
        for send in sends:
            send()
        pgconn.pipeline_sync()
        yield from generators.send(pgconn)
        if before:
            yield from generators.fetch_many(pgconn)
        for at in range(answers):
            result = (yield from generators.fetch_many(pgconn))[-1]
            if result.status == TUPLES_OK and self.wrote and at == answers - 1:
                value = result.get_value(0, 0)
                self.xid = value.decode() if value is not None else None
                if value is None:
                    self.wrote = False  # the server gave no number: no row was changed
        result = (yield from generators.fetch_many(pgconn))[-1]
        yield from generators.fetch_many(pgconn)
        pgconn.exit_pipeline_mode()
        if result.status != COMMAND_OK:
            raise error_from_result(result)
        return result.command_status

    def status_of(self, xid: str) -> PQGen[str | None]:
        """Ask what became of a transaction: "committed", "aborted", "in progress", or None."""
        self.pgconn.send_query_params(b"SELECT pg_xact_status($1::xid8)", [xid.encode()])
        result = (yield from generators.execute(self.pgconn))[-1]
        if result.status != TUPLES_OK:
            return None
        value = result.get_value(0, 0)
        return value.decode() if value else None

    def rollback(self) -> PQGen[None]:
        """Undo the transaction; a link that is gone has undone it."""
        begun = self.begun
        self.ended()
        if begun and not self.lost and self.pgconn.transaction_status != IDLE:
            yield from self.control("ROLLBACK")

    def rollback_to(self, name: str) -> PQGen[None]:
        """Undo what was done since the savepoint."""
        if self.lost:
            return
        if not self.drop_pending(name):
            yield from self.control(f"ROLLBACK TO SAVEPOINT {name}", f"RELEASE SAVEPOINT {name}")
        self.has_settings = False
        self.failure = None

    def control(self, *texts: str) -> PQGen[None]:
        """Run statements that answer nothing, in one round trip."""
        for sql in texts:
            if log.isEnabledFor(logging.DEBUG):
                log_control(sql, self.address)
        self.pgconn.send_query("; ".join(texts).encode())
        try:
            for result in (yield from generators.execute(self.pgconn)):
                if result.status == FATAL_ERROR:
                    raise error_from_result(result)
        except psycopg.Error as problem:
            error = self.translated(problem, f"Failed to {texts[0].split()[0]}")
            self.failed(error)
            raise error from problem

    def broke(self, problem: psycopg.Error) -> FerroError:
        """The error for a link that failed outside any conversation; it is of no more use."""
        self.close()
        error = DatabaseConnectionError(f"the link to {self.address.shown} broke: {self.address.masked(str(problem))}")
        self.failed(error)
        return error

    # Between two uses.

    @property
    def usable(self) -> bool:
        """Whether the next call may have it as it is."""
        pgconn = self.pgconn
        return (
            not self.open
            and pgconn.status == CONNECTION_OK
            and pgconn.transaction_status == IDLE
            and pgconn.pipeline_status == pq.PipelineStatus.OFF
        )

    @property
    def at_work(self) -> bool:
        """Whether the server is at a statement."""
        return self.pgconn.transaction_status == ACTIVE

    def alive(self) -> bool:
        """Whether the link still stands: nothing to read, or nothing bad. A look at the socket, not a round trip."""
        while not self.lost and self.readable():
            # A notice is read and done with; of a dead link the last words are read first, and then its end.
            try:
                self.pgconn.consume_input()
            except psycopg.Error:
                self.close()
        return not self.lost

    def forget_plans(self) -> None:
        self.seen.clear()
        self.prepared.clear()


def escaped(texts: Sequence[Any]) -> Sequence[Any]:
    """Texts as COPY takes them."""
    # No text has a NUL in it, so that all can be looked at, and changed, as one.
    whole = b"\0".join(texts)
    if len(whole.translate(None, b"\\\t\n\r")) == len(whole):
        return texts
    for sign, escape in ESCAPES:
        whole = whole.replace(sign, escape)
    return whole.split(b"\0")


def read_off(pgconn: PGconn) -> PQGen[None]:
    """Read what still comes, for nobody."""
    while (yield from generators.fetch(pgconn)) is not None:
        pass


def caught(conversation: PQGen[T]) -> PQGen[T | FerroError]:
    """A conversation that returns ferro's errors: psycopg's waiting functions take some of them for their own."""
    try:
        return (yield from conversation)
    except FerroError as error:
        return error


def canceller(pgconn: PGconn) -> Callable[[], None]:
    """What asks the server to stop a statement, on a link of its own, for a thread that may wait: five seconds."""
    request = pgconn.cancel_conn()
    request.start()
    return lambda: wait_conn(generators.cancel(request), interval=0.1, timeout=5.0)


def socket_of(pgconn: PGconn) -> int:
    """The socket to wait on; none when the link is lost, and a conversation about it has nothing to wait for."""
    return pgconn.socket if pgconn.status == CONNECTION_OK else -1


def look_at(fileno: int) -> Callable[[], bool]:
    """What says whether there is something to read on a socket, or nobody at its other end."""
    poll = select.poll()
    poll.register(fileno, select.POLLIN)
    return lambda: bool(poll.poll(0))
