"""What can be asked of an array column, and how its elements change: `b.tags.has("sql")`, `b.tags + ["new"]`."""

from typing import Any, cast

from ferro.errors import QueryError
from ferro.query.expressions import Expression, is_expression, literal
from ferro.query.kinds import MEANINGS, described, fits, type_for
from ferro.query.operators import Operation, Question
from ferro.types.base import ColumnType

# PostgreSQL counts elements in 32 bits.
LAST = 2**31 - 2


def item_of(array: Expression[Any], operator: str) -> ColumnType:
    """What an array is made of; one that was made of rows is only ever read."""
    item = array.type.item if array.type else None
    # What is made of rows has elements too, but no functions of SQLite's to ask about them.
    if item is None or (array.type and not array.type.stored["sqlite"].functions):
        raise QueryError(f"{operator} has no meaning for {array.label}: it is a list made of rows, not a column")
    return item


def another(value: object, beside: Expression[Any], operator: str) -> Expression[Any]:
    """The array on the other side: of elements of the same kind."""
    item = item_of(beside, operator)
    if not is_expression(value):
        return literal(value, beside)
    other = value.type.item if value.type else None
    if value.kind != "array" or (other is not None and not fits(item.kind, other.kind)):
        raise QueryError(
            f"{beside.label} {operator} {value.label}: {described(beside)} and {described(value)} do not go together"
        )
    return value


def element(value: object, beside: Expression[Any], operator: str) -> Expression[Any]:
    """A value that may be an element of the array beside it."""
    item = item_of(beside, operator)
    if not is_expression(value):
        return literal(value, beside, item)
    if not fits(item.kind, value.kind):
        raise QueryError(
            f"{beside.label} {operator} {value.label}: {described(value)} is no element of {described(beside)}"
        )
    return value


def contains(array: Expression[Any], other: object) -> Expression[bool]:
    return Question("contains", array, another(other, array, "contains"))


def contained_by(array: Expression[Any], other: object) -> Expression[bool]:
    return Question("contained_by", array, another(other, array, "contained_by"))


def overlaps(array: Expression[Any], other: object) -> Expression[bool]:
    return Question("overlaps", array, another(other, array, "overlaps"))


def has(array: Expression[Any], value: object) -> Expression[bool]:
    return Question("has", array, element(value, array, "has"))


def length(array: Expression[Any]) -> Expression[int]:
    item_of(array, "length")
    return Operation("length", (array,), type_for(int))


def item(array: Expression[Any], at: object) -> Expression[Any]:
    must_have_an_order(array, "[...]")
    if isinstance(at, bool) or not isinstance(at, int) or not -LAST <= at <= LAST:
        raise QueryError(
            f"{array.label}[{at!r}]: an element is found by a whole number, from 0, or from -1 for the last one"
        )
    place = literal(at, array, type_for(int))
    return Operation("item" if at >= 0 else "item_from_end", (array, place), item_of(array, "[...]"))


def plus(array: Expression[Any], other: object, *, reflected: bool) -> Expression[Any]:
    must_have_an_order(array, "+")
    second = another(other, array, "+")
    return Operation("concat", (second, array) if reflected else (array, second), array.type)


def append(array: Expression[Any], value: object) -> Expression[Any]:
    must_have_an_order(array, "append")
    return Operation("append", (array, element(value, array, "append")), array.type)


def remove(array: Expression[Any], value: object) -> Expression[Any]:
    return Operation("remove", (array, element(value, array, "remove")), array.type)


def must_have_an_order(array: Expression[Any], operator: str) -> None:
    item_of(array, operator)
    container = cast(ColumnType, array.type).python_type
    if container in (set, frozenset):
        raise QueryError(
            f"{operator} has no meaning for {array.label}: {described(array)} has no order; change it on an instance"
        )


MEANINGS.update(
    {
        ("array", "contains"): contains,
        ("array", "contained_by"): contained_by,
        ("array", "overlaps"): overlaps,
        ("array", "has"): has,
        ("array", "length"): length,
        ("array", "[]"): item,
        ("array", "+"): plus,
        ("array", "append"): append,
        ("array", "remove"): remove,
    }
)
