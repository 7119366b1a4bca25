"""An ORM for code that blocks: `from ferro.sync import Model, connect`. The same names as in `ferro`."""

from ferro._sync.bare import check_connection, create_tables, execute, fetch_all, fetch_one, pipeline, transaction
from ferro._sync.bound import ModelConnection
from ferro._sync.connecting import connect, disconnect, reset_engine
from ferro._sync.connections import set_default_connection
from ferro._sync.database import Database
from ferro._sync.model import Model
from ferro._sync.pipeline import Pipeline
from ferro._sync.query import Cte, Query, Selection
from ferro._sync.relations import Related, Relation
from ferro._sync.scope import using
from ferro._sync.session import Session, current_session, evict_instance, session
from ferro._sync.stream import Stream
from ferro._sync.transaction import Transaction
from ferro.about import version
from ferro.caches import CacheInfo, cache_info
from ferro.drivers.options import PoolConfig
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
    NPlusOneError,
    NPlusOneWarning,
    OperationalError,
    OptionError,
    PoolTimeout,
    QueryError,
    RowSecurityWarning,
    SerializationError,
    StaleObjectError,
    TransactionAborted,
    TransactionEnded,
    TransactionError,
    UniqueViolationError,
    UnknownColumnError,
)
from ferro.fields import BackRef, FerroField, FerroNullable, Field, ForeignKey, ManyToMany, ManyToManyField, varchar
from ferro.mixins import SoftDelete, Timestamps
from ferro.model import Mapped, ModelBase
from ferro.operations.pipeline import Queued
from ferro.query.builder import RenderedSql
from ferro.query.cases import When, case, when
from ferro.query.expressions import Expression
from ferro.query.fragments import raw
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
from ferro.query.gathering import array_agg, object_agg, string_agg
from ferro.query.moments import date_trunc, day, hour, minute, month, second, weekday, year
from ferro.query.paging import Page
from ferro.query.search import search, search_rank
from ferro.query.settings import current_setting
from ferro.query.subqueries import exists, scalar
from ferro.query.trees import depth
from ferro.query.windows import dense_rank, first_value, lag, last_value, lead, ntile, rank, row_number, rows
from ferro.rules import Check, RowPolicy, RowSecurity, Scope, Search
from ferro.schema.registry import clear_registry
from ferro.types.range_values import Range

__all__ = [
    # Models
    "Model",
    "ModelBase",
    "Field",
    "FerroField",
    "FerroNullable",
    "Mapped",
    "Check",
    "Timestamps",
    "SoftDelete",
    "Scope",
    "Search",
    "RowSecurity",
    "RowPolicy",
    "varchar",
    "Range",
    # Relations
    "ForeignKey",
    "BackRef",
    "ManyToManyField",
    "ManyToMany",
    "Relation",
    "Related",
    # Connecting
    "connect",
    "disconnect",
    "check_connection",
    "create_tables",
    "using",
    "reset_engine",
    "clear_registry",
    "version",
    "cache_info",
    "CacheInfo",
    "Database",
    "ModelConnection",
    "PoolConfig",
    "set_default_connection",
    # Sessions
    "session",
    "Session",
    "current_session",
    "evict_instance",
    # Queries
    "Query",
    "Selection",
    "Cte",
    "Stream",
    "Expression",
    "RenderedSql",
    "Page",
    "col",
    "not_",
    "fn",
    "raw",
    "now",
    "lower",
    "upper",
    "length",
    "abs_",
    "coalesce",
    "cast",
    "case",
    "when",
    "When",
    "current_setting",
    "exists",
    "scalar",
    "depth",
    "search",
    "search_rank",
    "count",
    "sum_",
    "avg",
    "min_",
    "max_",
    "array_agg",
    "object_agg",
    "string_agg",
    "year",
    "month",
    "day",
    "weekday",
    "hour",
    "minute",
    "second",
    "date_trunc",
    "row_number",
    "rank",
    "dense_rank",
    "ntile",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "rows",
    # Transactions and raw SQL
    "transaction",
    "Transaction",
    "pipeline",
    "Pipeline",
    "Queued",
    "execute",
    "fetch_all",
    "fetch_one",
    # Errors
    "FerroError",
    "ModelDefinitionError",
    "QueryError",
    "RowSecurityWarning",
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
    "StaleObjectError",
    "NPlusOneError",
    "NPlusOneWarning",
    "TransactionError",
    "TransactionAborted",
    "TransactionEnded",
]
