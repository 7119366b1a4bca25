"""What an expression is made of: aggregates, windows, parameters, columns; and whether two say the same."""

from typing import Any

from ferro.query.expressions import Aggregate, ColumnRef, Expression, Over, Shape, Values, WindowFunction


def is_aggregated(found: Expression[Any]) -> bool:
    """Whether it is one value made of many rows."""
    return isinstance(found, Aggregate) or any(map(is_aggregated, found.children))


def has_window(found: Expression[Any]) -> bool:
    """Whether a value over other rows is a part of it."""
    return isinstance(found, (Over, WindowFunction)) or any(map(has_window, found.children))


def has_values(found: Expression[Any]) -> bool:
    """Whether parameters are a part of it."""
    return bool(identity(found)[1])


def loose_columns(found: Expression[Any]) -> list[Expression[Any]]:
    """The columns in it that no aggregate has made one value of."""
    if isinstance(found, ColumnRef):
        return [found]
    if isinstance(found, Aggregate):
        return []
    return [column for child in found.children for column in loose_columns(child)]


def same(one: Expression[Any], other: Expression[Any]) -> bool:
    """Whether two expressions say the same with the same values."""
    return identity(one) == identity(other)


def identity(found: Expression[Any]) -> tuple[Shape, Values]:
    shape: Shape = []
    values: Values = []
    found.collect(shape, values, arrays=True)
    return shape, values
