"""Every exception ferro raises, one hierarchy.

Each class is a `FerroError`, which is a `RuntimeError`. An error that came from a database carries
the driver's own exception as its `__cause__`, and what the database said about it as attributes.
"""

import builtins
from collections.abc import Sequence
from typing import Any


class FerroError(RuntimeError):
    """The base of everything ferro raises.

    Attributes:
        driver_message: the text of the driver's exception, or None when no driver was involved.
        sqlstate: the five-character SQLSTATE on PostgreSQL, the extended result code as text
            (`"2067"`) on SQLite.
        constraint, table, column: what was violated, where the database says so.
        sql: the statement that failed, with placeholders.
        params: its values, those of secret fields as `REDACTED`.
    """

    driver_message: str | None = None
    sqlstate: str | None = None
    constraint: str | None = None
    table: str | None = None
    column: str | None = None
    sql: str | None = None
    params: Sequence[object] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild, (type(self), self.args, self.__dict__)


def rebuild(kind: type[FerroError], args: tuple[object, ...], attributes: dict[str, Any]) -> FerroError:
    """Make an unpickled error without running its `__init__`."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


# What is wrong with the program: raised before a database is asked.


class ModelDefinitionError(FerroError, TypeError, ValueError):
    """A model class says something that no table can be made from."""


class RowSecurityWarning(UserWarning):
    """A model asks for row security on a database that has none: everybody sees every row."""


class QueryError(FerroError, TypeError, ValueError):
    """A query, or a value in it, makes no sense."""


class UnknownColumnError(QueryError, AttributeError):
    """A query or a call names a column the model does not have."""


class InterfaceError(FerroError):
    """ferro is used in a way it cannot work: a closed handle, another loop's pool, a bad option."""


class OptionError(InterfaceError, ValueError):
    """An option or a URL holds a value that means nothing."""


class NoDatabaseError(InterfaceError):
    """No database is connected where one is needed."""


# What a database answered.


class DatabaseError(FerroError):
    """The base of what a database or its driver reports."""


class OperationalError(DatabaseError):
    """The database could not do it: unreachable, out of space, bad SQL, cancelled."""


class DatabaseConnectionError(OperationalError, builtins.ConnectionError):
    """No connection could be made, or the one in use was lost."""


class PoolTimeout(OperationalError, TimeoutError):
    """Every connection stayed busy until the acquire timeout had passed."""


class DatabaseBusy(OperationalError):
    """A lock was not given within its timeout; nothing was done."""


class SerializationError(OperationalError):
    """The transaction collided with another one and was undone: run it again."""


class DeadlockError(SerializationError):
    """The database broke a deadlock by undoing this transaction: run it again."""


class DataError(DatabaseError, ValueError):
    """A value cannot be stored in its column."""


class IntegrityError(DatabaseError):
    """A constraint refused the change."""


class UniqueViolationError(IntegrityError):
    """Another row already has this key."""


class ForeignKeyViolationError(IntegrityError):
    """The row referred to does not exist, or is still referred to."""


class NotNullViolationError(IntegrityError):
    """A column that must have a value was given none."""


class CheckViolationError(IntegrityError):
    """A check constraint refused the row."""


# What was asked for is not there.


class ModelDoesNotExist(FerroError, LookupError):
    """No row answers: `get` of a missing key, `one` of nothing, `save` of a deleted row.

    Attributes:
        model: the model class asked for.
        pk: the key asked for, or None when the question was not about a key.
    """

    def __init__(self, message: str, *, model: type | None = None, pk: object = None) -> None:
        super().__init__(message)
        self.model = model
        self.pk = pk


class StaleObjectError(FerroError):
    """A row with a version was changed by someone else since the instance was read: nothing was written.

    Attributes:
        model: the model class.
        pk: the key of the row.
    """

    def __init__(self, message: str, *, model: type | None = None, pk: object = None) -> None:
        super().__init__(message)
        self.model = model
        self.pk = pk


class MultipleRowsFound(FerroError, LookupError):
    """`one` or `one_or_none` matched more than one row."""


class NPlusOneError(FerroError):
    """One line sent the same statement more often than `n_plus_one` allows."""


class NPlusOneWarning(UserWarning):
    """One line sends the same statement again and again, where one query would do."""


# Transactions.


class TransactionError(FerroError):
    """A transaction is used in a way that could lose data."""


class TransactionAborted(TransactionError):
    """A statement failed earlier in this transaction: nothing of it is in the database."""


class TransactionEnded(TransactionError):
    """A call was made through a transaction whose block has ended."""


class CommitUnknown(DatabaseConnectionError):
    """The link died while a change was on its way, and nobody can be asked: it may or may not be done."""
