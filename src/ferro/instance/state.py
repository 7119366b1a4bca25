"""What an instance remembers: whether its row is in the database, and what the row holds there."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from ferro.caches import informing
from ferro.instance.values import is_kept_as, is_same, restored
from ferro.schema.registry import table_of

# An instance filled from a row has nothing but its `__dict__`. Pydantic's slots are filled when they
# are first asked for; until then their absence is what tells such an instance from a constructed one.
LAZY = frozenset({"__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"})


class State:
    """What one instance remembers.

    Attributes:
        loaded: its row is in the database.
        originals: what the database holds in the fields that were assigned to.
        seen: how the database keeps the values that can change in place, written down before anyone could
            change them.
    """

    __slots__ = ("loaded", "originals", "seen")

    def __init__(
        self, loaded: bool, originals: dict[str, Any] | None = None, seen: dict[str, Any] | None = None
    ) -> None:
        self.loaded = loaded
        self.originals: dict[str, Any] = originals or {}
        self.seen: dict[str, Any] = seen or {}

    def copy(self) -> "State":
        return State(loaded=self.loaded, originals=dict(self.originals), seen=dict(self.seen))


# Shared by all instances nobody has touched, and never changed.
LOADED = State(loaded=True)
NEW = State(loaded=False)
# That of new instances whose rows are on their way to the database: one that is assigned to meanwhile is NEW again.
UNDER_WAY = State(loaded=False)


# What operations ask.


def is_loaded(instance: BaseModel) -> bool:
    """Whether the row is in the database, as far as the instance knows: it was read from there, or saved."""
    return state_of(instance) is not None


def changed_fields(instance: BaseModel) -> dict[str, Any]:
    """The fields of a loaded instance that differ from its row, and what the row holds in them."""
    state = state_of(instance)
    if state is None:
        return {}
    values = vars(instance)
    changed = {
        name: original
        for name, original in state.originals.items()
        if name in values and not is_same(original, values[name])
    }
    columns = table_of(type(instance)).by_field
    for name, kept in state.seen.items():
        if name in values and not is_kept_as(columns[name], values[name], kept):
            changed[name] = restored(columns[name], kept)
    return changed


def loaded_key(instance: BaseModel) -> tuple[Any, ...]:
    """The primary key under which the row is in the database, whatever was assigned since."""
    state = state_of(instance) or NEW
    values = vars(instance)
    key = table_of(type(instance)).primary_key
    originals, seen = state.originals, state.seen
    return tuple(
        [
            restored(column, seen[field]) if field in seen else originals.get(field, values.get(field))
            for column in key
            for field in (column.field,)
        ]
    )


def first_loaded(instances: Sequence[BaseModel]) -> int | None:
    """The place of the first instance whose row is in the database; None when all are new."""
    for at, instance in enumerate(instances):
        try:
            state: State = object.__getattribute__(instance, "__ferro_state__")
        except AttributeError:
            if not is_untouched(instance):
                continue
            return at
        if state.loaded:
            return at
    return None


# The state itself. It is read and set past the class, which would look for it in other places too.


def state_of(instance: BaseModel) -> State | None:
    """What a loaded instance remembers; None of one that is new."""
    state = state_slot(instance)
    if state is None:
        state = LOADED if is_untouched(instance) else NEW
        remember(instance, state)
    return state if state.loaded else None


def state_slot(instance: BaseModel) -> State | None:
    try:
        return object.__getattribute__(instance, "__ferro_state__")
    except AttributeError:
        return None


def own_state(instance: BaseModel) -> State | None:
    """The same, to be written to: no other instance has it."""
    # To look for what is not there takes long, so it is done once.
    untouched = is_untouched(instance)
    state = LOADED if untouched else state_of(instance)
    if state is not LOADED:
        return state
    own = State(loaded=True)
    remember(instance, own)
    if untouched:
        fill_untouched(instance)
    return own


def remember(instance: BaseModel, state: State) -> None:
    object.__setattr__(instance, "__ferro_state__", state)


# Pydantic's slots, and ferro's beside them.


def is_untouched(instance: BaseModel) -> bool:
    """Whether nothing was asked of an instance since it was filled from a row."""
    try:
        object.__getattribute__(instance, "__pydantic_fields_set__")
    except AttributeError:
        return bool(vars(instance))
    return False


def fill_slots(instance: BaseModel) -> None:
    """Fill Pydantic's slots of an instance that was filled from a row."""
    if is_untouched(instance):
        if state_slot(instance) is None:
            remember(instance, LOADED)
        fill_untouched(instance)


def fill_untouched(instance: BaseModel) -> None:
    fields, takes_extra = facts_of_slots(type(instance))
    # The slot whose absence is the sign comes last.
    object.__setattr__(instance, "__pydantic_extra__", {} if takes_extra else None)
    object.__setattr__(instance, "__pydantic_private__", None)
    object.__setattr__(instance, "__pydantic_fields_set__", vars(instance).keys() & fields)


def lazy_slot(instance: BaseModel, name: str) -> Any:
    """The value of a slot that was empty when it was asked for."""
    fill_slots(instance)
    return object.__getattribute__(instance, name)


@informing("filled slots")
@lru_cache(maxsize=1024)
def facts_of_slots(model: type[BaseModel]) -> tuple[frozenset[str], bool]:
    """The fields of a model, and whether its instances take others."""
    return frozenset(model.model_fields), model.model_config.get("extra") == "allow"


@informing("slots")
@lru_cache(maxsize=1024)
def vars_of_slots(model: type) -> dict[str, Any]:
    """The descriptors of the slots beside `__dict__`, past a metaclass that would look for columns."""
    return {
        name: vars(owner)[name]
        for owner in model.__mro__
        for name in ("__ferro_related__", "__ferro_siblings__", "__ferro_state__")
        if name in vars(owner)
    }
