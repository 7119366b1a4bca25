"""What the rows of a selection become, in the words of a type checker.

A lambda of `select()` returns values where the model has plain annotations, and expressions where it
has `Mapped` or a function is called. A signature that takes `A | Valued[A]` finds `A` in both, as long
as `A` is bound to what a column can hold: else an expression would be a value as well.
"""

from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar
from uuid import UUID

from pydantic import BaseModel, SecretBytes, SecretStr

from ferro.types.range_values import Range


class UrlLike(Protocol):
    """Any address of Pydantic's."""

    def unicode_string(self) -> str:
        """The whole address."""
        ...


class DataclassLike(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class TypedDictLike(Protocol):
    """Any TypedDict."""

    __total__: ClassVar[bool]


class NamedTupleLike(Protocol):
    """Any NamedTuple."""

    def _asdict(self) -> dict[str, Any]: ...


Scalar: TypeAlias = (
    int
    | float
    | Decimal
    | str
    | bytes
    | date
    | time
    | timedelta
    | UUID
    | Enum
    | IPv4Address
    | IPv4Interface
    | IPv4Network
    | IPv6Address
    | IPv6Interface
    | IPv6Network
    | SecretStr
    | SecretBytes
    | UrlLike
    | None
)
# Without dicts and tuples, which are what a selection is made of.
Bare: TypeAlias = (
    Scalar | BaseModel | DataclassLike | TypedDictLike | list[Any] | set[Any] | frozenset[Any] | Range[Any]
)
Cell: TypeAlias = Bare | dict[Any, Any] | tuple[Any, ...]
# More columns than there are signatures for.
ManyCells: TypeAlias = tuple[Any, Any, Any, Any, Any, Any, Any, *tuple[Any, ...]]

# What rows are made into: a class with typed fields.
Filled = TypeVar("Filled", bound=BaseModel | DataclassLike | TypedDictLike | NamedTupleLike)
V = TypeVar("V", bound=Bare)
A = TypeVar("A", bound=Cell)
B = TypeVar("B", bound=Cell)
C = TypeVar("C", bound=Cell)
D = TypeVar("D", bound=Cell)
E = TypeVar("E", bound=Cell)
F = TypeVar("F", bound=Cell)
