"""What operations tell an instance: that its row was written, deleted, or read again."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any

from pydantic import BaseModel

from ferro.instance.journal import journal, note_before, note_source
from ferro.instance.state import (
    LOADED,
    NEW,
    State,
    changed_fields,
    facts_of_slots,
    fill_slots,
    remember,
    state_of,
    vars_of_slots,
)
from ferro.instance.values import as_kept, is_same
from ferro.schema.registry import table_of


def mark_saved(
    instance: BaseModel,
    returned: Mapping[str, Any] | None = None,
    *,
    sent: Mapping[str, Any] | None = None,
    kept: Mapping[str, Any] | None = None,
) -> None:
    """Note that the row was written: with what the database returned, and, of a loaded row, the fields that were sent.

    A field assigned to while the statement was under way keeps counting as changed. Without `sent` everything was
    written; `kept` is how the database keeps values that can change in place, where that is known.
    """
    pages = journal.get()
    if pages is not None:
        pages.note(instance)
    state = state_of(instance)
    values = vars(instance)
    written = {**(values if sent is None else sent), **(returned or {})}
    if pages is not None:
        pages.note_source({**dict.fromkeys(sent or (), False), **dict.fromkeys(returned or (), True)}, instance)
    if returned:
        values.update(returned)
        instance.__pydantic_fields_set__.update(returned)
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


def adopt(instance: BaseModel, values: Mapping[str, Any], *, keep_edits: bool = False) -> None:
    """Take over what the database holds now; `keep_edits` leaves the changed fields as they are."""
    note_before(instance)
    edited = changed_fields(instance) if keep_edits else {}
    note_source(dict.fromkeys(values.keys() - edited.keys(), True), instance)
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
