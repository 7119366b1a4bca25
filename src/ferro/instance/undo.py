"""Taking back what a transaction did to instances: each remembers what it did before."""

from pydantic import BaseModel

from ferro.instance.journal import Before, Journal
from ferro.instance.related import forget_related
from ferro.instance.state import NEW, changed_fields, remember, state_of
from ferro.instance.values import is_same
from ferro.schema.registry import table_of


def undo(pages: Journal) -> None:
    """Let every instance remember what it did before: its row was not written.

    What was loaded along relations may be what others have never seen, and is forgotten.
    """
    for name, instance in pages.loaded_along():
        forget_related(instance, name)
    for instance, noted in pages.noted():
        put_back(instance, noted)


def put_back(instance: BaseModel, noted: Before) -> None:
    """Let an instance be as it was before its row was written; what its user has assigned since stays."""
    now = state_of(instance) or NEW
    values = vars(instance)
    edited = changed_fields(instance)
    if noted.state is None:
        for name, value in noted.values.items():
            if name not in edited:
                values[name] = value
                if name not in noted.given:
                    instance.__pydantic_fields_set__.discard(name)
        remember(instance, NEW)
        return
    fresh = noted.state.copy()
    fresh.seen = {**now.seen, **fresh.seen}
    columns = table_of(type(instance)).by_field
    for name, value in noted.values.items():
        if name not in columns:
            continue
        if noted.told.get(name) and name not in edited:
            values[name] = value
            if name in fresh.seen and name not in noted.state.seen:
                del fresh.seen[name]
        elif not columns[name].type.mutable and not is_same(value, values.get(name, ...)):
            fresh.originals.setdefault(name, value)
    remember(instance, fresh)
