"""What can be asked of a range column: `b.open.contains(now)`, `b.stay.overlaps(Range(monday, friday))`."""

from collections.abc import Callable
from typing import Any

from ferro.errors import QueryError
from ferro.query.expressions import Expression, is_expression, literal
from ferro.query.kinds import MEANINGS, described, fits
from ferro.query.operators import Operation, Question
from ferro.types.base import ColumnType
from ferro.types.range_values import Range


def item_of(found: Expression[Any]) -> ColumnType | None:
    return found.type.item if found.type else None


def contains(found: Expression[Any], other: object) -> Expression[bool]:
    """A range contains another range, or a value."""
    if is_range(other):
        return Question("contains", found, another(other, found, "contains"))
    if not is_expression(other):
        return Question("has", found, literal(other, found, item_of(found)))
    item = item_of(found)
    if item is not None and not fits(item.kind, other.kind):
        raise QueryError(
            f"{found.label} contains {other.label}: {described(other)} lies in no {described_range(found)}"
        )
    return Question("has", found, other)


def is_range(value: object) -> bool:
    return value.kind == "range" if is_expression(value) else isinstance(value, Range)


def another(value: object, beside: Expression[Any], operator: str) -> Expression[Any]:
    """The range on the other side: with bounds of the same kind."""
    if not is_expression(value):
        return literal(value, beside)
    one, other = item_of(beside), item_of(value)
    if value.kind != "range" or one is None or other is None or one.kind != other.kind:
        raise QueryError(
            f"{beside.label} {operator} {value.label}: {described(beside)} and {described(value)} do not go together"
        )
    return value


def described_range(found: Expression[Any]) -> str:
    return found.type.name if found.type else "range"


def asking(name: str) -> Callable[[Expression[Any], object], Expression[bool]]:
    """The question of that name about two ranges."""
    return lambda found, other: Question(name, found, another(other, found, name))


def lower(found: Expression[Any]) -> Expression[Any]:
    return Operation("lower", (found,), item_of(found))


def upper(found: Expression[Any]) -> Expression[Any]:
    return Operation("upper", (found,), item_of(found))


def is_empty(found: Expression[Any]) -> Expression[bool]:
    return Question("is_empty", found)


MEANINGS.update(
    {
        ("range", "contains"): contains,
        **{
            ("range", name): asking(name) for name in ("contained_by", "overlaps", "adjacent_to", "left_of", "right_of")
        },
        ("range", "lower"): lower,
        ("range", "upper"): upper,
        ("range", "is_empty"): is_empty,
    }
)
