"""Calls on the database in scope, which need no handle."""

from typing import Any, TypeVar, overload

from ferro._async.database import AsyncDatabase
from ferro._async.pipeline import AsyncPipeline
from ferro._async.scope import (
    chosen,
    database_in_scope,
)
from ferro._async.transaction import AsyncTransaction
from ferro.model import ModelBase
from ferro.operations.transaction import Isolation, Terms
from ferro.query.selected import Filled
from ferro.query.templates import TString

R = TypeVar("R")


async def check_connection() -> bool:
    """Whether the database in scope answers."""
    return await database_in_scope().check_connection()


async def create_tables(*models: type[ModelBase], using: AsyncDatabase | str | None = None) -> None:
    """Create the missing tables of these models, or of all, in the database in scope, or in another one."""
    await chosen(using).create_tables(*models)


def transaction(
    *,
    isolation: Isolation | None = None,
    read_only: bool = False,
    deferrable: bool = False,
    immediate: bool | None = None,
    retry: int = 0,
    using: AsyncDatabase | str | None = None,
) -> AsyncTransaction:
    """Open a transaction on the database in scope: `async with transaction(): …`.

    The arguments are those of `AsyncDatabase.transaction`; `using` is a handle or the name of a connection.
    """
    terms = Terms(isolation=isolation, read_only=read_only, deferrable=deferrable, immediate=immediate)
    return AsyncTransaction(None, terms, retry, using)


def pipeline(*, using: AsyncDatabase | str | None = None) -> AsyncPipeline:
    """Send the calls of a block together to the database in scope: `async with pipeline() as pipe: …`."""
    return AsyncPipeline(None, using)


async def execute(sql: str | TString, *args: object, using: AsyncDatabase | str | None = None) -> int:
    """Run SQL on the database in scope; return how many rows it changed."""
    return await chosen(using).execute(sql, *args)


@overload
async def fetch_all(
    sql: str | TString, *args: object, using: AsyncDatabase | str | None = None
) -> list[dict[str, Any]]: ...
@overload
async def fetch_all(
    sql: str | TString, *args: object, into: type[Filled], using: AsyncDatabase | str | None = None
) -> list[Filled]: ...
async def fetch_all(
    sql: str | TString, *args: object, into: type[Any] | None = None, using: AsyncDatabase | str | None = None
) -> Any:
    """Run SQL on the database in scope; return its rows as dicts.

    With `into` they are made and checked as that class: a Pydantic model, a dataclass, a TypedDict or a
    NamedTuple. A ferro model is filled as by a query.
    """
    database = chosen(using)
    return await (database.fetch_all(sql, *args) if into is None else database.fetch_all(sql, *args, into=into))


@overload
async def fetch_one(
    sql: str | TString, *args: object, using: AsyncDatabase | str | None = None
) -> dict[str, Any] | None: ...
@overload
async def fetch_one(
    sql: str | TString, *args: object, into: type[Filled], using: AsyncDatabase | str | None = None
) -> Filled | None: ...
async def fetch_one(
    sql: str | TString, *args: object, into: type[Any] | None = None, using: AsyncDatabase | str | None = None
) -> Any:
    """Run SQL on the database in scope; return its first row as a dict, or None.

    With `into` it is made and checked as that class: a Pydantic model, a dataclass, a TypedDict or a
    NamedTuple. A ferro model is filled as by a query.
    """
    database = chosen(using)
    return await (database.fetch_one(sql, *args) if into is None else database.fetch_one(sql, *args, into=into))
