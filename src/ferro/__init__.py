"""An ORM for code that awaits: `from ferro import Model, connect`. The blocking twin is `ferro.sync`."""

import logging
import sys
from importlib import import_module
from typing import TYPE_CHECKING

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

# A library says nothing until its user asks it to.
logging.getLogger("ferro").addHandler(logging.NullHandler())

if TYPE_CHECKING:
    from ferro._async.bare import check_connection, create_tables, execute, fetch_all, fetch_one, pipeline, transaction
    from ferro._async.bound import AsyncModelConnection
    from ferro._async.connecting import connect, disconnect, reset_engine
    from ferro._async.connections import set_default_connection
    from ferro._async.database import AsyncDatabase
    from ferro._async.model import Model
    from ferro._async.pipeline import AsyncPipeline
    from ferro._async.query import AsyncCte, AsyncQuery, AsyncSelection
    from ferro._async.relations import AsyncRelated, Relation
    from ferro._async.scope import using
    from ferro._async.session import AsyncSession, current_session, evict_instance, session
    from ferro._async.stream import AsyncStream
    from ferro._async.transaction import AsyncTransaction

# The awaiting side, and with it the event loop, is imported when a name of it is asked for: ferro.sync never does.
AWAITING = {
    "bare": "check_connection create_tables execute fetch_all fetch_one pipeline transaction",
    "bound": "AsyncModelConnection",
    "connecting": "connect disconnect reset_engine",
    "connections": "set_default_connection",
    "database": "AsyncDatabase",
    "model": "Model",
    "pipeline": "AsyncPipeline",
    "query": "AsyncCte AsyncQuery AsyncSelection",
    "relations": "AsyncRelated Relation",
    "scope": "using",
    "session": "AsyncSession current_session evict_instance session",
    "stream": "AsyncStream",
    "transaction": "AsyncTransaction",
}
WHERE = {name: module for module, names in AWAITING.items() for name in names.split()}


def __getattr__(name: str) -> object:
    if name not in WHERE:
        raise AttributeError(f"module 'ferro' has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    found = getattr(import_module(f"ferro._async.{WHERE[name]}"), name)
    globals()[name] = found
    return found


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
    "cache_info",
    "CacheInfo",
    "AsyncDatabase",
    "AsyncModelConnection",
    "PoolConfig",
    "set_default_connection",
    # Sessions
    "session",
    "AsyncSession",
    "current_session",
    "evict_instance",
    # Queries
    "AsyncQuery",
    "AsyncSelection",
    "AsyncCte",
    "AsyncStream",
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
    "AsyncTransaction",
    "pipeline",
    "AsyncPipeline",
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
