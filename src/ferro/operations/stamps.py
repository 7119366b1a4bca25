"""Timestamps: what ferro writes down beside what it was given.

The moment is that of the program, so that it is the same on every database and known without asking; an explicitly
given value is never replaced.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from ferro.fields import utc_now
from ferro.instance.edits import before_assignment
from ferro.instance.state import changed_fields, is_loaded
from ferro.model import ModelBase
from ferro.schema.table import Column, Table

NEW = ("created", "updated")


def stamp_new(table: Table, instances: Iterable[ModelBase]) -> None:
    """Write into new instances that they are made now, all at one moment."""
    if not table.stamps:
        return
    columns = [column for stamp in NEW for column in table.stamps.get(stamp, ())]
    moment = utc_now()
    for instance in instances:
        for column in columns:
            if column.field not in instance.model_fields_set:
                vars(instance)[column.field] = moment


def stamp_again(table: Table, instance: ModelBase) -> None:
    """Write into an instance that its row is written over now."""
    if not is_loaded(instance):
        stamp_new(table, (instance,))
        return
    for name, moment in update_stamps(table, changed_fields(instance) or {"": None}).items():
        before_assignment(instance, name)
        vars(instance)[name] = moment


def update_stamps(table: Table, sent: Collection[str], untouched: Collection[str] = ()) -> dict[str, datetime]:
    """What an update that sends certain fields sets besides."""
    columns = table.stamps.get("updated", ()) if sent else ()
    if not columns:
        return {}
    moment = utc_now()
    return {column.field: moment for column in columns if column.field not in sent and column.field not in untouched}


def is_kept(instance: ModelBase, column: Column) -> bool:
    """Whether a row that is there keeps its own value, because a new instance was given none."""
    return not is_loaded(instance) and column.field not in instance.model_fields_set


def moments(table: Table, stamp: str, moment: datetime | None) -> dict[str, Any]:
    """The values by field of a row that is deleted or restored, which is updated by that."""
    updated = {column.field: utc_now() for column in table.stamps.get("updated", ())}
    return {**updated, **{column.field: moment for column in table.stamps.get(stamp, ())}}
