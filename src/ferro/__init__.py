"""An ORM for code that awaits: `from ferro import Model, connect`. The blocking twin is `ferro.sync`."""

import logging

from ferro._async.database import (
    AsyncDatabase,
    check_connection,
    connect,
    create_tables,
    disconnect,
    execute,
    fetch_all,
    fetch_one,
    reset_engine,
    transaction,
)
from ferro._async.model import Model
from ferro._async.query import AsyncQuery, AsyncSelection
from ferro._async.relations import AsyncRelated, Relation
from ferro._async.scope import using
from ferro._async.transaction import AsyncTransaction
from ferro.about import version
from ferro.errors import (
    CheckViolationError,
    CommitUnknown,
    DatabaseBusy,
    DatabaseConnectionError,
    DatabaseError,
    DataError,
    DeadlockError,
    FerroError,
    ForeignKeyViolationError,
    IntegrityError,
    InterfaceError,
    ModelDefinitionError,
    ModelDoesNotExist,
    MultipleRowsFound,
    NoDatabaseError,
    NotNullViolationError,
    OperationalError,
    OptionError,
    PoolTimeout,
    QueryError,
    SerializationError,
    TransactionAborted,
    TransactionEnded,
    TransactionError,
    UniqueViolationError,
    UnknownColumnError,
)
from ferro.fields import (
    BackRef,
    Check,
    FerroField,
    FerroNullable,
    Field,
    ForeignKey,
    ManyToMany,
    ManyToManyField,
    varchar,
)
from ferro.model import Mapped, ModelBase
from ferro.query.builder import RenderedSql
from ferro.query.expressions import Expression
from ferro.query.functions import (
    abs_,
    avg,
    cast,
    coalesce,
    col,
    count,
    fn,
    length,
    lower,
    max_,
    min_,
    not_,
    now,
    sum_,
    upper,
)
from ferro.schema.registry import clear_registry

# A library says nothing until its user asks it to.
logging.getLogger("ferro").addHandler(logging.NullHandler())

__all__ = [
    # Models
    "Model",
    "ModelBase",
    "Field",
    "FerroField",
    "FerroNullable",
    "Mapped",
    "Check",
    "varchar",
    # Relations
    "ForeignKey",
    "BackRef",
    "ManyToManyField",
    "ManyToMany",
    "Relation",
    "AsyncRelated",
    # Connecting
    "connect",
    "disconnect",
    "check_connection",
    "create_tables",
    "using",
    "reset_engine",
    "clear_registry",
    "version",
    "AsyncDatabase",
    # Queries
    "AsyncQuery",
    "AsyncSelection",
    "Expression",
    "RenderedSql",
    "col",
    "not_",
    "fn",
    "now",
    "lower",
    "upper",
    "length",
    "abs_",
    "coalesce",
    "cast",
    "count",
    "sum_",
    "avg",
    "min_",
    "max_",
    # Transactions and raw SQL
    "transaction",
    "AsyncTransaction",
    "execute",
    "fetch_all",
    "fetch_one",
    # Errors
    "FerroError",
    "ModelDefinitionError",
    "QueryError",
    "UnknownColumnError",
    "InterfaceError",
    "OptionError",
    "NoDatabaseError",
    "DatabaseError",
    "OperationalError",
    "DatabaseConnectionError",
    "CommitUnknown",
    "PoolTimeout",
    "DatabaseBusy",
    "SerializationError",
    "DeadlockError",
    "DataError",
    "IntegrityError",
    "UniqueViolationError",
    "ForeignKeyViolationError",
    "NotNullViolationError",
    "CheckViolationError",
    "ModelDoesNotExist",
    "MultipleRowsFound",
    "TransactionError",
    "TransactionAborted",
    "TransactionEnded",
]
