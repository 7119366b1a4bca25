"""Statements as plain data: what to do, never how to say it in SQL."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self, TypeAlias

from ferro.query.expressions import Expression, Order, Shape, Values
from ferro.query.sources import Source
from ferro.schema.table import Column


@dataclass(frozen=True, slots=True, eq=False)
class Derived:
    """The rows of a select, under an alias, as the source of another; `names` are its columns' where they need any."""

    select: "Select"
    alias: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """Another source beside the rows of a select; an outer one leaves the rows that find no partner.

    Of one that is `single` too, each of a few rows finds one partner at most, by a key.
    """

    source: Source | Derived
    on: tuple[Expression[Any], ...]
    outer: bool = False
    single: bool = False


class Made(Source, ABC):
    """Rows that statements make, standing where a table stands; made in a file of its own, which writes it as well.

    `what` names what made them in an error message; `keyed` says whether a primary key names one of them only.
    """

    __slots__ = ()

    what = "a query"
    keyed = False

    @property
    def statements(self) -> "tuple[Select, ...]":
        """The selects in it that may look at a row around it."""
        return ()

    def with_statements(self, _statements: "tuple[Select, ...]") -> Self:
        """The same made of other selects."""
        return self

    def renamed(self, _alias: str) -> "Made":
        """What stands beside rows that have got another name."""
        return self

    @abstractmethod
    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        """Append what decides the SQL to `shape` and what does not to `values`."""

    @abstractmethod
    def write(self, writer: Any) -> str:
        """What stands after FROM."""


@dataclass(frozen=True, slots=True, eq=False)
class With:
    """Rows with a name, for the select that follows: of one select, or of several as set operations join them."""

    name: str
    names: tuple[str, ...]
    members: "tuple[Select, ...]"
    operator: str = ""
    recursive: bool = False


@dataclass(frozen=True, slots=True)
class Lock:
    """Rows kept for this transaction until it ends: `of` are the names of the sources, empty for all."""

    skip_locked: bool = False
    nowait: bool = False
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Select:
    """Rows of a source: `columns` are what each returned tuple holds, in order.

    `group_by` are the positions, from 1, of the columns that rows are grouped by; of the rows that are equal in
    `distinct_on` the first one is kept.
    """

    source: Source | Derived
    columns: tuple[Expression[Any], ...]
    where: tuple[Expression[Any], ...] = ()
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int | None = None
    distinct: bool = False
    group_by: tuple[int, ...] = ()
    lock: Lock | None = None
    having: tuple[Expression[Any], ...] = ()
    joins: tuple[Join, ...] = ()
    distinct_on: tuple[Expression[Any], ...] = ()
    ctes: tuple[With, ...] = ()


class OnConflict(Enum):
    """What an INSERT does about a row that is already there."""

    NOTHING = "nothing"
    UPDATE = "update"


@dataclass(frozen=True, slots=True, eq=False)
class Conflict:
    """The ON CONFLICT clause: `key` is empty for any key; `update` are the columns to overwrite."""

    action: OnConflict
    key: tuple[Column, ...] = ()
    update: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Insert:
    """New rows. `rows` are Python values in the order of `columns`; no columns means all defaults."""

    source: Source
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]
    returning: tuple[Column, ...] = ()
    conflict: Conflict | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """Changed columns of the rows that match: `returning` or `selected` is what comes back of each."""

    source: Source
    values: tuple[tuple[Column, Expression[Any]], ...]
    where: tuple[Expression[Any], ...] = ()
    returning: tuple[Column, ...] = ()
    selected: tuple[Expression[Any], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Delete:
    """The rows that match, gone: `returning` or `selected` is what comes back of each."""

    source: Source
    where: tuple[Expression[Any], ...] = ()
    returning: tuple[Column, ...] = ()
    selected: tuple[Expression[Any], ...] = ()


Statement: TypeAlias = Select | Insert | Update | Delete
