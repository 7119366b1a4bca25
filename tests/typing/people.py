"""The models of these programs, in both spellings and on both sides."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ferro import Field, Mapped, Model, now, sync


class User(Model):
    """Plain annotations."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True)
    age: int = 18
    nickname: str | None = None
    balance: Decimal = Field(default=Decimal(0))
    active: bool = True
    tags: list[str] = Field(default_factory=list[str])
    joined: datetime = Field(db_default=now)


class Member(Model):
    """The same columns with `Mapped`: every operator is on the attribute."""

    id: Mapped[int | None] = Field(default=None, primary_key=True)
    name: Mapped[str] = Field(index=True)
    age: Mapped[int] = Field(default=18)
    nickname: Mapped[str | None] = Field(default=None)
    balance: Mapped[Decimal] = Field(default=Decimal(0))
    active: Mapped[bool] = Field(default=True)
    tags: Mapped[list[str]] = Field(default_factory=list[str])
    joined: Mapped[datetime] = Field(db_default=now)


class Reader(sync.Model):
    """A model of a program that never sees a loop."""

    id: int | None = Field(default=None, primary_key=True)
    name: str
    age: int = 18


class Borrower(sync.Model):
    """One of them with `Mapped`."""

    id: Mapped[int | None] = Field(default=None, primary_key=True)
    name: Mapped[str]
    age: Mapped[int] = Field(default=18)


class Visit(Model):
    """Documents, dates and spans, with plain annotations and with `Mapped`."""

    id: int | None = Field(default=None, primary_key=True)
    meta: dict[str, Any]
    began: datetime
    born: Mapped[date]
    ended: Mapped[datetime | None]
    lasted: Mapped[timedelta]
    notes: Mapped[dict[str, Any]]
