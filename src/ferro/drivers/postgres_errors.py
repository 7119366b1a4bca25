"""What psycopg raises, as ferro's errors."""

import re

import psycopg

from ferro.drivers.link import NO_TABLE
from ferro.drivers.urls import Address
from ferro.errors import (
    CheckViolationError,
    DatabaseBusy,
    DatabaseConnectionError,
    DataError,
    DeadlockError,
    FerroError,
    ForeignKeyViolationError,
    IntegrityError,
    NotNullViolationError,
    OperationalError,
    SerializationError,
    TransactionAborted,
    UniqueViolationError,
)

# Where the server says an error of COPY is; the value that follows is for nobody.
COPIED_TO = re.compile(r"COPY .+?, line \d+(?:, column (?P<column>[^:\n]+))?")

UNDEFINED_TABLE = "42P01"
ERRORS: dict[str, type[FerroError]] = {
    "23505": UniqueViolationError,
    "23503": ForeignKeyViolationError,
    "23001": ForeignKeyViolationError,  # of a foreign key that says RESTRICT
    "23502": NotNullViolationError,
    "23514": CheckViolationError,
    "40001": SerializationError,
    "40P01": DeadlockError,
    "55P03": DatabaseBusy,
    "25P02": TransactionAborted,
    # The server ends the session: told to, crashed, starting up, or tired of waiting.
    "57P01": DatabaseConnectionError,
    "57P02": DatabaseConnectionError,
    "57P03": DatabaseConnectionError,
    "57P05": DatabaseConnectionError,
    "25P03": DatabaseConnectionError,
    "08P01": OperationalError,  # what was sent is at fault, and the link is as it was
}
ERROR_CLASSES: dict[str, type[FerroError]] = {
    "08": DatabaseConnectionError,
    "22": DataError,
    "23": IntegrityError,
    "28": DatabaseConnectionError,
    "3D": DatabaseConnectionError,
}


def translated(problem: psycopg.Error, prefix: str, address: Address, *, lost: bool) -> FerroError:
    """The FerroError for what psycopg raised; `lost` says that the link to the server is gone."""
    state = problem.sqlstate
    if state is not None:
        kind = ERRORS.get(state) or ERROR_CLASSES.get(state[:2], OperationalError)
    elif lost:
        kind = DatabaseConnectionError
    else:
        kind = DataError if isinstance(problem, psycopg.DataError) else OperationalError
    text = address.masked(problem.diag.message_primary or str(problem)).strip()
    error = kind(f"{prefix}: {text}{NO_TABLE if state == UNDEFINED_TABLE else ''}")
    error.driver_message = text
    error.sqlstate = state
    error.constraint = problem.diag.constraint_name
    error.table = problem.diag.table_name
    error.column = problem.diag.column_name or copied_column(problem)
    return error


def copied_column(problem: psycopg.Error) -> str | None:
    """The column a COPY failed at."""
    found = COPIED_TO.match(problem.diag.context or "")
    return None if found is None else found["column"]


def connection_refused(problem: psycopg.Error, address: Address) -> DatabaseConnectionError:
    text = address.masked(str(problem)).strip()
    error = DatabaseConnectionError(f"DB Connection failed: {address.shown}: {text}")
    error.driver_message = text
    error.sqlstate = problem.sqlstate
    return error
