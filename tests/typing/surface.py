"""Rows into classes, dicts by name, scopes and mixins: what they are to a checker."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypedDict, assert_type

import pandas as pd
import polars as pl
import pyarrow as pa
from people import Member, Reader, User
from pydantic import BaseModel

from ferro import (
    AsyncDatabase,
    AsyncQuery,
    AsyncSelection,
    AsyncStream,
    AsyncTransaction,
    Field,
    Model,
    ModelBase,
    Page,
    Scope,
    SoftDelete,
    Timestamps,
    count,
    sync,
)


class Named(BaseModel):
    """A row, checked."""

    id: int
    name: str


class Only(BaseModel):
    """A row of one column."""

    name: str


@dataclass
class Point:
    """A row without a check of its own."""

    id: int
    name: str


class Pair(NamedTuple):
    """A row with places."""

    id: int
    name: str


class Keyed(TypedDict):
    """A row with keys."""

    id: int
    name: str


# Into a class.
assert_type(User.select("id", "name", into=Named), AsyncSelection[User, Named])
assert_type(User.select(lambda u: (u.id, u.name), into=Point), AsyncSelection[User, Point])
assert_type(User.select(lambda u: {"id": count(), "name": u.name}, into=Pair), AsyncSelection[User, Pair])
assert_type(Member.query().select(Member.id, Member.name, into=Keyed), AsyncSelection[Member, Keyed])
assert_type(Member.select(lambda m: m.name, into=Only), AsyncSelection[Member, Only])
assert_type(Reader.select("id", "name", into=Named), sync.Selection[Reader, Named])

# Dicts by name.
assert_type(User.values("id"), AsyncSelection[User, dict[str, Any]])
assert_type(Reader.query().values(), sync.Selection[Reader, dict[str, Any]])


async def check_terminals(db: AsyncDatabase, block: AsyncTransaction) -> None:
    """What is awaited gives the same class."""
    pairs = db.query(User).select("id", "name", into=Pair)
    assert_type(await pairs.all(), list[Pair])
    assert_type(await pairs.first(), Pair | None)
    assert_type(await pairs.one(), Pair)
    assert_type(await pairs.one_or_none(), Pair | None)
    assert_type(await pairs.page(1, 10), Page[Pair])
    assert_type(pairs.stream(), AsyncStream[Pair])
    assert_type(await pairs.claim(3), list[Pair])
    assert_type(await User.values("id").first(), dict[str, Any] | None)
    assert_type(await User.page(1, 10), Page[User])
    assert_type(await User.claim(3), list[User])
    assert_type(await User.explain(), str)
    assert_type(User.stream(), AsyncStream[User])
    assert_type(User.filter_by(name="Ann"), AsyncQuery[User])
    assert_type(User.for_update(nowait=True), AsyncQuery[User])
    assert_type(block.stream("SELECT 1"), AsyncStream[dict[str, Any]])


async def check_frames(db: AsyncDatabase, frame: pl.DataFrame) -> None:
    """A frame is one of its library's."""
    assert_type(await User.order_by("id").to_polars(), pl.DataFrame)
    assert_type(await User.select("id").to_pandas(), pd.DataFrame)
    assert_type(await User.to_arrow(), pa.Table)
    assert_type(await User.using(db).to_polars(), pl.DataFrame)
    assert_type(await db.to_arrow("SELECT 1 AS one"), pa.Table)
    assert_type(await User.from_polars(frame), int)
    assert_type(await db.from_polars(User, frame), int)


def check_blocking(db: sync.Database, block: sync.Transaction) -> None:
    """The twin says the same, without awaiting."""
    assert_type(db.query(Reader).select("id", "name", into=Keyed).all(), list[Keyed])
    assert_type(Reader.page(1, 10), Page[Reader])
    assert_type(block.stream("SELECT 1"), sync.Stream[dict[str, Any]])


# Scopes and mixins.
class Article(SoftDelete, Timestamps, Model):
    """Awaited."""

    __ferro_scope__ = Scope(lambda a: a.title != "")

    id: int | None = Field(default=None, primary_key=True)
    title: str


class Sheet(SoftDelete, Timestamps, sync.Model):
    """Blocking."""

    id: int | None = Field(default=None, primary_key=True)


class Bare(Timestamps, ModelBase):
    """Without a colour, and with a stamp of its own."""

    id: int | None = Field(default=None, primary_key=True)
    seen_at: datetime = Field(stamp="updated")


assert_type(Article(title="a").created_at, datetime)
assert_type(Article(title="a", created_at=datetime.now(UTC)).deleted_at, datetime | None)
assert_type(Bare().seen_at, datetime)
assert_type(Article.unscoped(), AsyncQuery[Article])
assert_type(Sheet.unscoped(), sync.Query[Sheet])
assert_type(Article.where(lambda a: a.updated_at > a.created_at).unscoped(), AsyncQuery[Article])


async def check_deleting(db: AsyncDatabase, article: Article) -> None:
    """Deleting says whether, or how many."""
    assert_type(await article.delete(hard=True), bool)
    assert_type(await article.restore(), bool)
    assert_type(await db.restore(article), bool)
    assert_type(await Article.query().delete(hard=True), int)
    assert_type(await Article.query().restore(), int)
    assert_type(await Article.select("id").delete_returning(hard=True), list[Any])
    assert_type(db.unscoped(Bare), AsyncQuery[Bare])
