"""Where instances belong: the database they came from, and the map in which one row is one object."""

from collections.abc import Generator, Hashable, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from pydantic import BaseModel

from ferro.errors import QueryError
from ferro.instance.marks import adopt
from ferro.instance.origin import Origin, copy_origin, must_come_from, origin_of
from ferro.instance.related import related_to
from ferro.instance.state import changed_fields, is_loaded, loaded_key
from ferro.schema.registry import table_of

M = TypeVar("M", bound=BaseModel)
Key: TypeAlias = tuple[type[BaseModel], tuple[Any, ...]]
Entries: TypeAlias = "WeakValueDictionary[tuple[Any, ...], BaseModel]"


class IdentityMap:
    """The objects that stand for rows, each row by one: weakly, so that it keeps nothing alive."""

    def __init__(self, lock: AbstractContextManager[Any]) -> None:
        # Rows are filled by any thread.
        self._lock = lock
        self._models: dict[type[BaseModel], Entries] = {}

    def __len__(self) -> int:
        return sum(len(entries) for entries in list(self._models.values()))

    def of(self, model: type[BaseModel]) -> Entries:
        entries = self._models.get(model)
        return self._models.setdefault(model, WeakValueDictionary()) if entries is None else entries

    def settle(self, made: Sequence[M], touched: "Touched | None") -> list[M]:
        """The objects that stand for rows that were just read: those held already, refreshed, or the new ones."""
        with self._lock:
            return [self._settled(instance, touched) for instance in made]

    def _settled(self, instance: M, touched: "Touched | None") -> M:
        model = type(instance)
        key = loaded_key(instance)
        if not has_identity(key):
            return instance
        entries = self.of(model)
        held = entries.get(key)
        if held is None or not isinstance(held, model) or not is_loaded(held) or loaded_key(held) != key:
            entries[key] = held = instance
        else:
            take_over(held, instance)
        if touched is not None:
            touched.add(model, key, held)
        return held

    def put(self, instances: Iterable[BaseModel], touched: "Touched | None") -> None:
        """Let instances that were just written stand for their rows."""
        with self._lock:
            for instance in instances:
                key = loaded_key(instance)
                if has_identity(key):
                    self.of(type(instance))[key] = instance
                    if touched is not None:
                        touched.add(type(instance), key, instance)

    def evict(self, model: type[BaseModel], key: tuple[Any, ...] | None = None) -> None:
        """Forget the object of a row, or all those of a model."""
        with self._lock:
            if key is None:
                self._models.pop(model, None)
            elif model in self._models and has_identity(key):
                self._models[model].pop(key, None)

    def evict_named(self, name: str, key: tuple[Any, ...]) -> None:
        """Forget the object of a row of a model known by its name; a key may be given as text."""
        with self._lock:
            for model, entries in self._models.items():
                if model.__name__ == name:
                    for held in [held for held in list(entries) if held == key or spelled(held) == key]:
                        entries.pop(held, None)

    def clear(self) -> None:
        """Forget every object."""
        with self._lock:
            self._models.clear()

    def forget(self, touched: "Touched") -> None:
        """Forget the objects that a transaction which is undone has read or written."""
        with self._lock:
            for model, key in touched.rows():
                self.of(model).pop(key, None)


class Touched:
    """The rows a transaction has read or written through a map, as long as somebody holds their objects."""

    def __init__(self) -> None:
        self._rows: dict[type[BaseModel], Entries] = {}

    def add(self, model: type[BaseModel], key: tuple[Any, ...], instance: BaseModel) -> None:
        self._rows.setdefault(model, WeakValueDictionary())[key] = instance

    def join(self, inner: "Touched") -> None:
        """Take over what a block inside this one has touched."""
        for model, entries in inner._rows.items():
            self._rows.setdefault(model, WeakValueDictionary()).update(entries)

    def rows(self) -> list[Key]:
        return [(model, key) for model, entries in self._rows.items() for key in list(entries)]


def spelled(key: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(str, key))


def has_identity(key: tuple[Any, ...]) -> bool:
    """Whether a key tells a row from all others, and can be looked up."""
    return bool(key) and all(part is not None and isinstance(part, Hashable) for part in key)


def take_over(held: BaseModel, read: BaseModel) -> None:
    """Refresh an object from its row; unsaved edits stay."""
    if table_of(type(held)).version is not None and changed_fields(held):
        # With the version of the row as it is now, save() could not notice that someone else has changed it.
        return
    copy_origin(read, held)
    adopt(held, vars(read), changed_fields(held))


# What is known while the steps of an operation run.


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where the instances that are being read or written belong.

    Attributes:
        origin: the database, where there are several.
        identities: the map, where there is one.
        touched: what the transaction they are read in has touched.
    """

    origin: Origin | None = None
    identities: IdentityMap | None = None
    touched: Touched | None = None

    def settle(self, made: list[M]) -> list[M]:
        """What the caller gets to see of the instances made from rows."""
        if self.origin is not None:
            for instance in made:
                object.__setattr__(instance, "__ferro_origin__", self.origin)
        return made if self.identities is None else self.identities.settle(made, self.touched)

    def put(self, instances: Sequence[BaseModel]) -> None:
        """Note that instances were written here."""
        for instance in instances:
            # One that has come from elsewhere belongs here now.
            if self.origin is not None or origin_of(instance) is not None:
                object.__setattr__(instance, "__ferro_origin__", self.origin)
        if self.identities is not None:
            self.identities.put(instances, self.touched)


place: ContextVar[Place | None] = ContextVar("ferro_place", default=None)


@contextmanager
def inside(where: Place | None) -> Generator[None]:
    """Read the rows of a block for a place."""
    token = place.set(where)
    try:
        yield
    finally:
        place.reset(token)


def settled(made: list[M]) -> list[M]:
    """Instances made from rows, as those who asked for them see them."""
    here = place.get()
    return made if here is None else here.settle(made)


def must_be_of_here(relation: str, *referred: object) -> None:
    """Refuse instances that came from another database than the one that is about to refer to them."""
    here = place.get()
    if here is not None and here.origin is not None:
        for one in referred:
            if isinstance(one, BaseModel):
                must_come_from(here.origin, one, relation)


def must_refer_to_here(instances: Iterable[BaseModel]) -> None:
    """Refuse new instances that were made with an instance from another database than they are about to be in."""
    here = place.get()
    if here is None or here.origin is None:
        return
    for instance in instances:
        if origin_of(instance) is None:
            relations = table_of(type(instance)).relations
            for name, one in related_to(instance).items():
                must_be_of_here(relations[name].where, one)


def must_be_in_here(instance: BaseModel) -> None:
    """Refuse to leave an instance of another database unsaved because nothing of it has changed there."""
    here, there = place.get(), origin_of(instance)
    if here is not None and here.origin is not None and there is not None and there.where != here.origin.where:
        name = type(instance).__name__
        key = ", ".join(f"{column.field!r}: None" for column in table_of(type(instance)).primary_key)
        raise QueryError(
            f"this {name} came from {there.called}, and nothing of it has changed that could be saved to "
            f"{here.origin.called}: save(on_conflict='update') writes all of it there, and "
            f"model_copy(update={{{key}}}) is a new {name}"
        )


def written(*instances: BaseModel) -> None:
    """Note that instances were written."""
    here = place.get()
    if here is not None:
        here.put(instances)


def gone(instance: BaseModel, key: tuple[Any, ...]) -> None:
    """Note that the row of an instance was deleted."""
    here = place.get()
    if here is not None and here.identities is not None:
        here.identities.evict(type(instance), key)


def changed_elsewhere(model: type[BaseModel]) -> None:
    """Note that rows of a model were changed without their objects."""
    here = place.get()
    if here is not None and here.identities is not None:
        here.identities.evict(model)
