# Generated from src/ferro/_async/bare.py by scripts/unasync.py: edit that file, never this one.
"""Calls on the database in scope, which need no handle."""

from typing import Any, TypeVar, overload

from ferro._sync.database import Database
from ferro._sync.pipeline import Pipeline
from ferro._sync.scope import (
    chosen,
    database_in_scope,
)
from ferro._sync.transaction import Transaction
from ferro.model import ModelBase
from ferro.operations.transaction import Isolation, Terms
from ferro.query.selected import Filled
from ferro.query.templates import TString

R = TypeVar("R")


def check_connection() -> bool:
    """Whether the database in scope answers."""
    return database_in_scope().check_connection()


def create_tables(*models: type[ModelBase], using: Database | str | None = None) -> None:
    """Create the missing tables of these models, or of all, in the database in scope, or in another one."""
    chosen(using).create_tables(*models)


def transaction(
    *,
    isolation: Isolation | None = None,
    read_only: bool = False,
    deferrable: bool = False,
    immediate: bool | None = None,
    retry: int = 0,
    using: Database | str | None = None,
) -> Transaction:
    """Open a transaction on the database in scope: `with transaction(): …`.

    The arguments are those of `Database.transaction`; `using` is a handle or the name of a connection.
    """
    terms = Terms(isolation=isolation, read_only=read_only, deferrable=deferrable, immediate=immediate)
    return Transaction(None, terms, retry, using)


def pipeline(*, using: Database | str | None = None) -> Pipeline:
    """Send the calls of a block together to the database in scope: `with pipeline() as pipe: …`."""
    return Pipeline(None, using)


def execute(sql: str | TString, *args: object, using: Database | str | None = None) -> int:
    """Run SQL on the database in scope; return how many rows it changed."""
    return chosen(using).execute(sql, *args)


@overload
def fetch_all(sql: str | TString, *args: object, using: Database | str | None = None) -> list[dict[str, Any]]: ...
@overload
def fetch_all(
    sql: str | TString, *args: object, into: type[Filled], using: Database | str | None = None
) -> list[Filled]: ...
def fetch_all(
    sql: str | TString, *args: object, into: type[Any] | None = None, using: Database | str | None = None
) -> Any:
    """Run SQL on the database in scope; return its rows as dicts.

    With `into` they are made and checked as that class: a Pydantic model, a dataclass, a TypedDict or a
    NamedTuple. A ferro model is filled as by a query.
    """
    database = chosen(using)
    return database.fetch_all(sql, *args) if into is None else database.fetch_all(sql, *args, into=into)


@overload
def fetch_one(sql: str | TString, *args: object, using: Database | str | None = None) -> dict[str, Any] | None: ...
@overload
def fetch_one(
    sql: str | TString, *args: object, into: type[Filled], using: Database | str | None = None
) -> Filled | None: ...
def fetch_one(
    sql: str | TString, *args: object, into: type[Any] | None = None, using: Database | str | None = None
) -> Any:
    """Run SQL on the database in scope; return its first row as a dict, or None.

    With `into` it is made and checked as that class: a Pydantic model, a dataclass, a TypedDict or a
    NamedTuple. A ferro model is filled as by a query.
    """
    database = chosen(using)
    return database.fetch_one(sql, *args) if into is None else database.fetch_one(sql, *args, into=into)
