"""What the model class reports: assignments, copies, and looks at values that can change in place."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ferro.instance.origin import copy_origin
from ferro.instance.related import related_to
from ferro.instance.state import NEW, UNDER_WAY, own_state, remember, state_of, state_slot
from ferro.instance.values import as_kept, is_same
from ferro.schema.registry import table_of
from ferro.schema.table import Column


def before_assignment(instance: BaseModel, name: str) -> None:
    """Write down what the database holds in a field that is about to change."""
    values = vars(instance)
    if not values:
        # Neither constructed nor filled yet: as Pydantic has it, it takes no attributes.
        object.__getattribute__(instance, "__pydantic_fields_set__")
    state = own_state(instance)
    if state is None:
        if state_slot(instance) is UNDER_WAY:
            remember(instance, NEW)
        return
    columns = table_of(type(instance)).by_field
    # Validators that run on assignment may change any field.
    names = columns if instance.model_config.get("validate_assignment") else (name,)
    for field in names:
        if (column := columns.get(field)) is None:
            continue
        if column.type.mutable:
            state.seen.setdefault(field, as_kept(column, values.get(field)))
        else:
            state.originals.setdefault(field, values.get(field, ...))


def before_sharing(instance: BaseModel) -> None:
    """Write down every value of a loaded row that can change in place: someone is about to hold them all."""
    if state_of(instance) is not None:
        for column in table_of(type(instance)).mutable:
            watch(instance, column)


def watch(instance: BaseModel, column: Column) -> None:
    """Write down, once, how the database keeps a value that can change in place."""
    state = own_state(instance)
    if state is not None and column.field not in state.seen and column.field in vars(instance):
        state.seen[column.field] = as_kept(column, vars(instance)[column.field])


class Watched:
    """The attribute of a column whose values can change in place: the first look at it writes the value down."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: BaseModel | None, owner: type) -> Any:
        if instance is None:
            # Python then asks the metaclass, which has the column.
            raise AttributeError(self.name)
        state = state_slot(instance)
        if state is None or (state.loaded and self.name not in state.seen):
            self.first_look(instance)
        try:
            return instance.__dict__[self.name]
        except KeyError:
            raise self.missing(instance) from None

    def first_look(self, instance: BaseModel) -> None:
        column = table_of(type(instance)).by_field[self.name]
        if column.type.mutable:
            watch(instance, column)

    def __set__(self, instance: BaseModel, value: Any) -> None:
        vars(instance)[self.name] = value

    def __delete__(self, instance: BaseModel) -> None:
        if self.name not in vars(instance):
            raise self.missing(instance)
        del vars(instance)[self.name]

    def missing(self, instance: BaseModel) -> AttributeError:
        return AttributeError(f"{type(instance).__name__!r} object has no attribute {self.name!r}")


# Copies.


def copy_state(original: BaseModel, copied: BaseModel) -> None:
    """Let a copy of a loaded instance be a loaded one."""
    if (state := state_of(original)) is not None:
        remember(copied, state.copy())
    copy_origin(original, copied)
    if known := related_to(original):
        object.__setattr__(copied, "__ferro_related__", dict(known))


def note_update(original: BaseModel, copied: BaseModel, update: Mapping[str, Any]) -> None:
    """A copy made with other values: changed in those, and a new row if its primary key is another one."""
    state = own_state(copied)
    if state is None:
        return
    columns = table_of(type(copied)).by_field
    for name in update.keys() & columns.keys():
        value = vars(original).get(name, ...)
        if columns[name].primary_key and not is_same(value, update[name]):
            remember(copied, NEW)
        elif columns[name].type.mutable:
            state.seen.setdefault(name, as_kept(columns[name], None if value is ... else value))
        else:
            state.originals.setdefault(name, value)
