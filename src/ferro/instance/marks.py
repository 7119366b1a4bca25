"""What operations tell an instance: that its row was written, deleted, or read again."""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import repeat
from operator import is_
from typing import Any

from pydantic import BaseModel

from ferro.instance.journal import journal, note_before, note_source
from ferro.instance.state import (
    LOADED,
    NEW,
    UNDER_WAY,
    State,
    facts_of_slots,
    fill_slots,
    remember,
    state_of,
    vars_of_slots,
)
from ferro.instance.values import as_kept, is_kept_as, is_same
from ferro.schema.registry import table_of


def mark_saved(
    instance: BaseModel,
    returned: Mapping[str, Any] | None = None,
    *,
    sent: Mapping[str, Any] | None = None,
    kept: Mapping[str, Any] | None = None,
    stamps: Mapping[str, Any] | None = None,
) -> None:
    """Note that the row was written: with what the database returned, and, of a loaded row, the fields that were sent.

    A field assigned to while the statement was under way keeps counting as changed. Without `sent` everything was
    written; `kept` is how the database keeps values that can change in place, where that is known. `stamps` were
    written besides; what was assigned to such a field, and not sent, still is to be saved.
    """
    pages = journal.get()
    if pages is not None:
        pages.note(instance)
    state = state_of(instance)
    values = vars(instance)
    told = {**(returned or {}), **(stamps or {})}
    written = {**(values if sent is None else sent), **told}
    if told:
        unsaved = [name for name in returned or () if sent and name in sent and values.get(name) is not sent[name]]
        originals = {} if state is None else state.originals
        unsaved += [name for name in stamps or () if name in originals and not is_same(originals[name], values[name])]
        for name in unsaved:
            del told[name]
        values.update(told)
        instance.__pydantic_fields_set__.update(told)
    if pages is not None:
        pages.note_source({**dict.fromkeys(sent or (), False), **dict.fromkeys(told, True)}, instance)
    table = table_of(type(instance))
    # What a journal holds is its own copy.
    fresh = State(loaded=True) if sent is None or state is None or state is LOADED else state
    for name, value in written.items():
        fresh.originals.pop(name, None)
        if name in table.by_field and name in values and not is_same(value, values[name]):
            fresh.originals[name] = value
    for column in table.mutable:
        if column.field in written:
            fresh.originals.pop(column.field, None)
            if kept is None or column.field not in kept:
                fresh.seen[column.field] = as_kept(column, written[column.field])
    fresh.seen.update(kept or {})
    remember(instance, fresh if fresh.originals or fresh.seen else LOADED)


def fill_in(instances: Sequence[BaseModel], fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write what the database made into new instances: a row for each."""
    for field, column in zip(fields, zip(*rows, strict=True), strict=True):
        for instance, value in zip(instances, column, strict=True):
            vars(instance)[field] = value
            instance.__pydantic_fields_set__.add(field)


def mark_inserted(instance: BaseModel, returned: Mapping[str, Any], kept: dict[str, Any]) -> None:
    """Note that a new row was written, whole: with what the database returned.

    `kept` is how it keeps the values that can change in place.
    """
    if returned:
        vars(instance).update(returned)
        instance.__pydantic_fields_set__.update(returned)
    object.__setattr__(instance, "__ferro_state__", State(True, None, kept) if kept else LOADED)


def mark_under_way(instances: Sequence[BaseModel]) -> None:
    """Note that the rows of new instances are sent."""
    if instances:
        note: Callable[..., None] = vars_of_slots(type(instances[0]))["__ferro_state__"].__set__
        deque(map(note, instances, repeat(UNDER_WAY)), maxlen=0)


def are_as_sent(instances: Sequence[BaseModel]) -> bool:
    """Whether nobody has assigned to new instances since their rows were sent."""
    if not instances:
        return True
    state: Callable[..., State] = vars_of_slots(type(instances[0]))["__ferro_state__"].__get__
    return all(map(is_, map(state, instances), repeat(UNDER_WAY)))


def mark_all_inserted(instances: Sequence[BaseModel], kept: Mapping[str, Sequence[Any]]) -> None:
    """Note that the rows of new instances were written, whole, and what the database returned is in them.

    `kept` is how the database keeps the values that can change in place: those of each row, by field.
    """
    if not instances:
        return
    note: Callable[..., None] = vars_of_slots(type(instances[0]))["__ferro_state__"].__set__
    if not kept:
        deque(map(note, instances, repeat(LOADED)), maxlen=0)
        return
    seen: list[dict[str, Any]] = [{} for _ in instances]
    for name, column in kept.items():
        for one, value in zip(seen, column, strict=True):
            one[name] = value
    deque(map(note, instances, [State(True, {}, one) for one in seen]), maxlen=0)


def mark_deleted(instance: BaseModel) -> None:
    """Note that the row is gone: the instance counts as new."""
    note_before(instance)
    fill_slots(instance)
    remember(instance, NEW)


def assigned_since(instance: BaseModel, sent: Mapping[str, Any], kept: Mapping[str, Any]) -> set[str]:
    """The fields that hold something else than what was sent of them, or were changed in place.

    `kept` is how the database keeps what was sent of the values that can change in place.
    """
    values, columns = vars(instance), table_of(type(instance)).by_field
    return {name for name, value in sent.items() if values.get(name) is not value} | {
        name for name, value in kept.items() if not is_kept_as(columns[name], values.get(name), value)
    }


def adopt(instance: BaseModel, values: Mapping[str, Any], edited: Collection[str] = ()) -> None:
    """Take over what the database holds now, but in the fields that were edited and are still to be saved."""
    note_before(instance)
    note_source(dict.fromkeys(values.keys() - set(edited), True), instance)
    columns = table_of(type(instance)).by_field
    fresh = State(loaded=True)
    for name, value in values.items():
        if name not in edited:
            vars(instance)[name] = value
        elif columns[name].type.mutable:
            fresh.seen[name] = as_kept(columns[name], value)
        else:
            fresh.originals[name] = value
    # A hook may have left other things in a row than fields, such as a cached property.
    fields, _ = facts_of_slots(type(instance))
    instance.__pydantic_fields_set__.update(values.keys() & fields)
    remember(instance, fresh)
