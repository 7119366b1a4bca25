"""Where the row of an instance is, if there are several databases. It is no part of the row."""

from dataclasses import dataclass
from typing import Any
from weakref import WeakSet, ref

from pydantic import BaseModel

from ferro.errors import QueryError
from ferro.instance.state import is_loaded


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A database that instances come from. They keep it from nothing, and know where it was when it is gone.

    Attributes:
        database: the database, as long as it is there.
        where: the same for all handles of one database.
        called: what an error calls it.
    """

    database: ref[Any]
    where: object
    called: str


class Origins:
    """The databases this process has opened, for awaiting and for blocking calls.

    As long as there is but one, no instance has to note where it came from.

    Attributes:
        first: where those came from that have noted nothing.
        several: there is another one, or there was; from then on every instance notes it.
    """

    def __init__(self) -> None:
        self.begin_again()

    def begin_again(self) -> None:
        self.first: Origin | None = None
        self.several = False
        self._open: WeakSet[Any] = WeakSet()

    def opened(self, database: Any, origin: Origin) -> None:
        if not self.several:
            self.several = self.first is not None and (bool(self._open) or origin.where != self.first.where)
            self.first = self.first if self.several else origin
        self._open.add(database)

    def closed(self, database: Any) -> None:
        self._open.discard(database)


origins = Origins()


def origin_of(instance: BaseModel) -> Origin | None:
    """Where an instance was loaded from or saved to; None where nobody has to know, or nobody can."""
    try:
        return object.__getattribute__(instance, "__ferro_origin__")
    except AttributeError:
        return origins.first if origins.several and is_loaded(instance) else None


def forget_origin(instance: BaseModel) -> None:
    """Let nobody know where an instance came from."""
    object.__setattr__(instance, "__ferro_origin__", None)


def copy_origin(original: BaseModel, copied: BaseModel) -> None:
    """Let an instance belong to the same database as another one."""
    if (origin := origin_of(original)) is not None:
        object.__setattr__(copied, "__ferro_origin__", origin)


def must_come_from(origin: Origin | None, instance: BaseModel, relation: str) -> None:
    """Refuse to let rows of one database refer to an instance that came from another one."""
    other = origin_of(instance)
    if origin is not None and other is not None and origin.where != other.where:
        name = type(instance).__name__
        raise QueryError(
            f"{relation}: this {name} came from {other.called}, and what refers to it is in {origin.called}, where its key "
            f"is that of another row, or of none; give the {name} of {origin.called}, or the key itself if both have the row"
        )
