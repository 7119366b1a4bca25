"""What sqlite3 raises, as ferro's errors."""

import sqlite3

from ferro.drivers.link import NO_TABLE
from ferro.errors import (
    CheckViolationError,
    DatabaseBusy,
    DatabaseConnectionError,
    DataError,
    FerroError,
    ForeignKeyViolationError,
    IntegrityError,
    InterfaceError,
    NotNullViolationError,
    OperationalError,
    QueryError,
    SerializationError,
    UniqueViolationError,
)

# What it says of a foreign key with ON DELETE RESTRICT, under the code of a trigger that raises.
RESTRICTED = "FOREIGN KEY constraint failed"

ERRORS: dict[int, type[FerroError]] = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: UniqueViolationError,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: UniqueViolationError,
    sqlite3.SQLITE_CONSTRAINT_ROWID: UniqueViolationError,
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: ForeignKeyViolationError,
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: NotNullViolationError,
    sqlite3.SQLITE_CONSTRAINT_CHECK: CheckViolationError,
    sqlite3.SQLITE_CONSTRAINT: IntegrityError,
    sqlite3.SQLITE_BUSY_SNAPSHOT: SerializationError,
    sqlite3.SQLITE_BUSY: DatabaseBusy,
    sqlite3.SQLITE_LOCKED: DatabaseBusy,
    sqlite3.SQLITE_MISMATCH: DataError,
    sqlite3.SQLITE_TOOBIG: DataError,
    sqlite3.SQLITE_NOTADB: DatabaseConnectionError,
    sqlite3.SQLITE_CANTOPEN: DatabaseConnectionError,
}

ERRORS_BY_CLASS: dict[type[Exception], type[FerroError]] = {
    sqlite3.IntegrityError: IntegrityError,
    sqlite3.DataError: DataError,
    OverflowError: DataError,
    sqlite3.ProgrammingError: InterfaceError,
    sqlite3.InterfaceError: InterfaceError,
}


# What SQLite says when one of ferro's functions refuses a value, or its own arithmetic does.
REFUSED = ("user-defined function raised", "user-defined aggregate", "integer overflow")


def was_interrupted(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT


def is_busy(error: Exception) -> bool:
    if isinstance(error, DatabaseBusy):
        return True
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def translated(error: Exception, prefix: str) -> FerroError:
    """The FerroError for what sqlite3 raised."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    kind = ERRORS.get(code) or ERRORS.get(code & 0xFF)
    if code == sqlite3.SQLITE_CONSTRAINT_TRIGGER and str(error) == RESTRICTED:
        kind = ForeignKeyViolationError
    if str(error).startswith(REFUSED):
        prefix += ": a number, date or time left the range of its type, or a pattern ends with its escape character"
        kind = DataError
    if str(error).startswith("Incorrect number of bindings"):
        kind = QueryError
    if "no such module: fts5" in str(error):
        prefix += ": this sqlite3 was built without FTS5, which __ferro_search__ needs; install a Python that has it"
    advice = ""
    if kind is DatabaseBusy:
        advice = "; another connection is at the file, and stayed longer than the busy_timeout: keep transactions short"
    elif "no such table" in str(error):
        advice = NO_TABLE
    if kind is None:
        kind = next((ours for theirs, ours in ERRORS_BY_CLASS.items() if isinstance(error, theirs)), OperationalError)
    return annotate(kind(f"{prefix}: {error}{advice}"), error)


def annotate(error: FerroError, cause: Exception) -> FerroError:
    """Say what SQLite says: its extended result code, and what its message names."""
    error.driver_message = str(cause)
    code: int | None = getattr(cause, "sqlite_errorcode", None)
    if code is not None:
        error.sqlstate = str(code)
    _, found, subject = str(cause).partition(" constraint failed: ")
    if not found:
        return error
    if isinstance(error, CheckViolationError):
        error.constraint = subject
    elif subject.startswith("index "):
        error.constraint = subject.removeprefix("index ").strip("'")
    else:
        columns = [name.rpartition(".") for name in subject.split(", ")]
        error.table = columns[0][0] or None
        error.column = ", ".join(name for _, _, name in columns)
    return error
