"""What values of a kind can do: which operators have a meaning for them, and which of them go together."""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from ferro.caches import informing
from ferro.errors import QueryError
from ferro.types import column_type
from ferro.types.base import ColumnType
from ferro.types.document import PART
from ferro.types.integer import CALCULATED
from ferro.types.values import with_article

NUMBERS = frozenset({"int", "float", "decimal"})
# The operators that need more than just any number.
INTEGRAL = {"//": frozenset({"int", "decimal"}), "%": frozenset({"int", "decimal"})}
UNORDERED = frozenset({"bool", "json", "array", "range", "object"})
UNSORTED = frozenset({"json", "array", "range", "object"})
# What may be compared with what, without a cast.
FAMILIES = {"int": "number", "float": "number", "decimal": "number"}
# What an operator does to values of a kind, by kind and operator: filled in by the files that know the kinds.
MEANINGS: dict[tuple[str, str], Callable[..., Any]] = {}


class HasKind(Protocol):
    """Anything whose value is of a kind, as far as that is known: an expression."""

    @property
    def type(self) -> ColumnType | None: ...

    @property
    def kind(self) -> str: ...

    @property
    def label(self) -> str: ...


F = TypeVar("F", bound=HasKind)


@informing("types")
@lru_cache(maxsize=1024)
def type_for(python_type: Any) -> ColumnType:
    """The column type of a Python type, the same object every time."""
    return column_type(python_type)


def meaning(found: HasKind, operator: str) -> Callable[..., Any] | None:
    """What an operator means for the kind of its first operand, where that is not what it means for all others."""
    return MEANINGS.get((found.kind, operator))


def special(found: HasKind, operator: str, *operands: object) -> Any:
    """What values of some kinds only can do."""
    own = meaning(found, operator)
    if own is None:
        raise QueryError(f"{operator} has no meaning for {found.label}: it is {described(found)}")
    return own(found, *operands)


def fits(one: str, other: str) -> bool:
    """Whether values of two kinds can be compared or stored as each other."""
    return not one or not other or FAMILIES.get(one, one) == FAMILIES.get(other, other)


def plain_number(found: HasKind) -> ColumnType | None:
    """The type of a result that is as wide as any number of its kind."""
    return CALCULATED if found.kind == "int" else found.type


def arithmetic_type(left: HasKind, operator: str, right: HasKind) -> ColumnType | None:
    kinds = {left.kind, right.kind}
    if "" in kinds:
        return None
    if "float" in kinds:
        return type_for(float)
    if "decimal" in kinds:
        return type_for(Decimal)
    return type_for(float) if operator == "/" else CALCULATED


def must_be(found: F, operator: str, *kinds: str) -> F:
    """Refuse what an operator has no meaning for; what only the database knows passes."""
    if found.kind and found.kind not in kinds:
        raise QueryError(f"{operator} has no meaning for {found.label}: it is {described(found)}{advice(found)}")
    return found


def must_be_ordered(found: HasKind, operator: str) -> None:
    if found.kind in UNORDERED:
        raise QueryError(f"{operator} has no meaning for {found.label}: {described(found)} has no order{advice(found)}")


def must_be_sortable(found: HasKind) -> None:
    if found.kind in UNSORTED:
        raise QueryError(f"{found.label} cannot be sorted by: {described(found)} has no order{advice(found)}")


def advice(found: HasKind) -> str:
    """What to do with a part of a document, which may be of any type."""
    return f"; say what it is, as in cast({found.label}, str)" if found.type is PART else ""


def described(found: HasKind) -> str:
    """Its type with an article: "an int", "a Decimal"."""
    name = found.type.name if found.type else "expression"
    return with_article(name)
