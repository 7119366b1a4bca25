"""What is known of one connection: the transaction it is in, what waits to be sent, what went wrong."""

import logging
from collections.abc import Mapping, Sequence
from time import perf_counter

from ferro.drivers.urls import Address
from ferro.errors import FerroError, TransactionAborted
from ferro.query.dialect import Compiled, Template

log = logging.getLogger("ferro.sql")

# What is said beside a database's words for a table that is not there.
NO_TABLE = "; create_tables() makes the tables that are missing"

PHRASES = {
    "Bulk save": "Bulk save failed for {subject!r}",
    "Create table": "SQL Execution failed for {subject!r} table",
    "Raw": "Raw SQL execute failed",
}


class Link:
    """The state every connection shares, whichever its driver.

    BEGIN and SAVEPOINT are not sent when they are asked for: they wait in `pending` and travel with
    the first statement that needs them, so a transaction nothing happens in costs nothing.
    """

    def __init__(self) -> None:
        self.pending: list[str] = []
        self.open = False  # a transaction has begun, sent or not
        self.wrote = False  # something in it may have changed a row
        self.failure: Exception | None = None  # what aborted it
        self.xid: str | None = None  # its number, where the database gives one and its COMMIT is on its way
        self.settings: Mapping[str, str] = {}  # what every transaction is given before its statements
        self.has_settings = False  # the open one has been given them

    def give_settings(self, settings: Mapping[str, str]) -> None:
        """Give these to every transaction from now on, the open one included."""
        self.settings = settings
        self.has_settings = False

    def begin(self, sql: str) -> None:
        self.has_settings = False
        self.pending = [sql]
        self.open = True
        self.wrote = False
        self.failure = None

    def savepoint(self, name: str) -> None:
        self.pending.append(f"SAVEPOINT {name}")

    def release(self, name: str) -> None:
        if self.pending and self.pending[-1] == f"SAVEPOINT {name}":
            self.pending.pop()
        else:
            self.pending.append(f"RELEASE SAVEPOINT {name}")

    def drop_pending(self, name: str) -> bool:
        """Forget what waits inside a savepoint that is undone; say whether the savepoint itself still waited."""
        savepoint = f"SAVEPOINT {name}"
        unsent = savepoint in self.pending
        # What waits behind a savepoint that was sent was asked for inside it.
        del self.pending[self.pending.index(savepoint) if unsent else 0 :]
        return unsent

    @property
    def begun(self) -> bool:
        """Whether the database knows of the transaction."""
        return self.open and not (self.pending and self.pending[0].startswith("BEGIN"))

    def ended(self) -> None:
        self.pending = []
        self.open = self.wrote = False
        self.failure = None

    def check_failure(self) -> None:
        if self.failure is not None:
            raise aborted(self.failure) from self.failure

    def failed(self, error: Exception) -> None:
        """Remember what went wrong: inside a transaction, nothing after it may count."""
        if self.open and self.failure is None:
            self.failure = error


def aborted(failure: Exception) -> TransactionAborted:
    return TransactionAborted(
        f"this transaction is aborted and none of it is in the database: {failure}; "
        "to survive an expected error, put the call in a nested transaction() of its own"
    )


def describe(error: FerroError, statement: Compiled) -> FerroError:
    """Attach the statement to its error, secrets masked."""
    error.sql = statement.sql
    error.params = statement.shown
    return error


def phrase(template: Template) -> str:
    """What failed, in the words callers match on: "Save failed"."""
    return PHRASES.get(template.operation, "{operation} failed").format(
        operation=template.operation, subject=template.subject
    )


def log_statement(
    statement: Compiled, address: Address, started: float, rows: int, error: BaseException | None = None
) -> None:
    """Write one line to `ferro.sql`; called only when that logger listens."""
    milliseconds = (perf_counter() - started) * 1000
    params: Sequence[object] = statement.shown
    log.debug(
        "%s params=%r %.2fms%s",
        statement.sql,
        params,
        milliseconds,
        f" failed: {error}" if error else "",
        extra={
            "sql": statement.sql,
            "params": params,
            "dialect": address.dialect,
            "connection": address.name,
            "duration_ms": milliseconds,
            "operation": statement.template.operation,
            "subject": statement.template.subject,
            "rows": rows,
            "error": error,
        },
    )


def log_control(sql: str, address: Address) -> None:
    """Log BEGIN, COMMIT and their kin."""
    told = {"dialect": address.dialect, "connection": address.name, "operation": "Transaction"}
    log.debug("%s", sql, extra={"sql": sql, "params": (), **told})
