"""What an update stores in its columns."""

from typing import Any

from ferro.errors import QueryError
from ferro.query.compared import KeyOf, Owner
from ferro.query.expressions import ONE, Arithmetic, ColumnRef, Expression, Value, is_expression
from ferro.query.kinds import described
from ferro.query.sources import Source
from ferro.schema.table import Column


def assigned_value(target: ColumnRef[Any], value: object, owner: Owner | None = None) -> Expression[Any]:
    """What an update stores in a column, refused at once when it does not fit; `owner` is whose key it is."""
    column = target.column
    label = target.label
    if is_expression(value):
        if value.kind and not storable(value.kind, column.type.kind):
            raise QueryError(
                f"{label}: {described(value)} cannot be stored in a column of {column.type.name}; cast() it"
            )
        return value
    if value is None:
        if not column.nullable:
            raise QueryError(f"{label} cannot be None: the column is not nullable")
        return Value[Any](None, column.type, target)
    try:
        accepted = column.type.accept(value)
    except ValueError as error:
        raise QueryError(f"{label}: {error}") from None
    return Value(accepted, column.type, target) if owner is None else KeyOf(*owner, accepted, target)


def counted_up(source: Source, column: Column) -> tuple[Column, Expression[Any]]:
    """The assignment that counts a version."""
    return column, Arithmetic[Any](ColumnRef[Any](source, column), "+", ONE, column.type)


# What is stored in a column of another kind without a change.
WIDENS = {("int", "decimal"), ("int", "float")}


def storable(kind: str, into: str) -> bool:
    return kind == into or (kind, into) in WIDENS
