"""When a row was made, changed or deleted: what a statement sets beside what it was asked to."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from ferro.query.expressions import ColumnRef, Expression, Value
from ferro.query.sources import Source
from ferro.schema.table import Column


def stamped(
    source: Source, stamp: str, moment: datetime | None, given: Collection[Column] = ()
) -> tuple[tuple[Column, Expression[Any]], ...]:
    """The assignments of a moment to the columns of a stamp, but for those that are given."""
    columns = source.table.stamps.get(stamp, ())
    return tuple(
        (column, Value[Any](moment, column.type, ColumnRef[Any](source, column)))
        for column in columns
        if column not in given
    )
