"""What a column type is: a Python type, and how each database keeps its values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

Convert: TypeAlias = Callable[[Any], Any]
Kinds: TypeAlias = set[type]
ConvertMany: TypeAlias = Callable[[Sequence[Any], Kinds], Sequence[Any] | None]


class Respelled(str):
    """A driver text of a value that can change in place, with SQLite's text for it, by which it is remembered."""

    __slots__ = ("kept",)

    kept: str

    def __new__(cls, text: str, kept: str) -> Self:
        made = super().__new__(cls, text)
        made.kept = kept
        return made


def unchanged(kind: type) -> ConvertMany:
    """For values that are driver values already if their class is exactly this one."""
    return lambda values, kinds: values if kinds == {kind} else None


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """How one database keeps a value.

    Attributes:
        name: the column type in DDL.
        dump: Python value to driver value, never called with None; None when the driver takes the
            value as it is. Raises ValueError for a value this database would change or refuse.
        dump_many: the same as `dump` for many values, none of them None, given the classes they are of; it answers
            None where one of them needs a closer look. None when there is no quicker way.
        load: driver value to Python value, never called with None; None when it already is right.
        collation: the collation ferro names in its own SQL wherever values of this column are
            compared or sorted; None where the database compares them rightly by itself.
        functions: SQL functions to use for this type instead of operators and aggregates, by
            operator or lower-case function name: `{"+": "ferro_decimal_add", "sum": "ferro_decimal_sum"}`.
    """

    name: str
    dump: Convert | None = None
    load: Convert | None = None
    dump_many: ConvertMany | None = None
    collation: str | None = None
    functions: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, eq=False)
class ColumnType:
    """A Python type as a column: compared by identity, shared by all columns of the same type.

    Attributes:
        name: what an error message calls it: "int", "Decimal", "Role".
        python_type: the class of its values, for documentation and casts.
        kind: the family that decides which operators and functions make sense: one of
            "bool", "int", "float", "decimal", "text", "bytes", "date", "time", "datetime",
            "naive_datetime", "timedelta", "uuid", "inet", "json", "array", "range", "object".
        accept: any value a user may compare with or assign in a query -> the exact Python value;
            raises ValueError saying what was expected. Never called with None.
        stored: `Stored` by dialect name: "sqlite", "postgresql".
        mutable: values can change in place (JSON), so a loaded instance must watch them.
        secret: values are masked wherever they would be shown.
        item: what an array or a range is made of, or the values of an object.
        key: what the keys of an object are.
    """

    name: str
    python_type: Any
    kind: str
    accept: Convert
    stored: dict[str, Stored]
    mutable: bool = False
    secret: bool = False
    item: "ColumnType | None" = None
    key: "ColumnType | None" = None

    def __repr__(self) -> str:
        return f"ColumnType({self.name})"
