"""Functions of the rows around a row: `row_number().over(order_by=b.sold.desc())`."""

from typing import Any, TypeVar, overload

from ferro.errors import QueryError
from ferro.query.expressions import Expression, Frame, Number, WindowFunction, is_expression, operand
from ferro.query.kinds import type_for
from ferro.query.selected import A

T = TypeVar("T")


def row_number() -> Expression[int]:
    """Which row of its window it is, from 1."""
    return WindowFunction("row_number", (), type_for(int))


def rank() -> Expression[int]:
    """Its rank, from 1: equal rows share one, and leave a gap after them."""
    return WindowFunction("rank", (), type_for(int))


def dense_rank() -> Expression[int]:
    """Its rank, from 1: equal rows share one, and leave no gap."""
    return WindowFunction("dense_rank", (), type_for(int))


def ntile(parts: int) -> Expression[int]:
    """In which of so many parts of equal size it is, from 1."""
    return WindowFunction("ntile", (Number(whole("ntile()", "a number of parts", parts, 1)),), type_for(int))


@overload
def lag(value: Expression[T], offset: int = 1, default: object = None) -> Expression[T | None]: ...
@overload
def lag(value: A, offset: int = 1, default: object = None) -> Expression[A | None]: ...
def lag(value: Any, offset: int = 1, default: object = None) -> Any:
    """The value of the row before it, or so many before it; `default`, or None, where there is no such row."""
    return shifted("lag", value, offset, default)


@overload
def lead(value: Expression[T], offset: int = 1, default: object = None) -> Expression[T | None]: ...
@overload
def lead(value: A, offset: int = 1, default: object = None) -> Expression[A | None]: ...
def lead(value: Any, offset: int = 1, default: object = None) -> Any:
    """The value of the row after it, or so many after it; `default`, or None, where there is no such row."""
    return shifted("lead", value, offset, default)


@overload
def first_value(value: Expression[T]) -> Expression[T | None]: ...
@overload
def first_value(value: A) -> Expression[A | None]: ...
def first_value(value: Any) -> Any:
    """The value of the first row of the frame."""
    return of_frame("first_value", value)


@overload
def last_value(value: Expression[T]) -> Expression[T | None]: ...
@overload
def last_value(value: A) -> Expression[A | None]: ...
def last_value(value: Any) -> Any:
    """The value of the last row of the frame: of a sorted window that is the row itself, unless `frame=` says more."""
    return of_frame("last_value", value)


def rows(start: int | None = None, end: int | None = None) -> Frame:
    """The frame of a window, counted from the row: `rows(-2, 0)` is two rows before it to itself.

    None is the beginning of the window, or its end.
    """
    for bound in (start, end):
        if bound is not None:
            whole("rows()", "numbers of rows or None", bound, None)
    if start is not None and end is not None and start > end:
        raise QueryError(f"rows({start}, {end}) begins after its end: give the earlier row first")
    return Frame(start, end)


def shifted(name: str, value: Any, offset: int, default: object) -> Expression[Any]:
    column = a_column(value, name)
    by = Number(whole(f"{name}()", "how many rows", offset, 0))
    given = () if default is None else (operand(default, column, name),)
    return WindowFunction[Any](name, (column, by, *given), column.type)


def of_frame(name: str, value: Any) -> Expression[Any]:
    column = a_column(value, name)
    return WindowFunction[Any](name, (column,), column.type)


def a_column(value: object, function: str) -> Expression[Any]:
    if is_expression(value):
        return value
    raise QueryError(f"{function}() expects a column or an expression, got {type(value).__name__}: {value!r}")


def whole(function: str, what: str, number: object, least: int | None) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or (least is not None and number < least):
        raise QueryError(f"{function} expects {what}{'' if least is None else f' from {least}'}, got {number!r}")
    if abs(number) >= 2**31:
        raise QueryError(f"{function}: {number} is more rows than a window has")
    return number
