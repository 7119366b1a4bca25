"""The tree a condition becomes: columns, values and what is done with them, with no SQL in it.

Every node can describe itself in two lists at once: its *shape*, which decides the SQL, and its
*values*, which do not. Two trees of one shape share one compiled statement.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    Literal,
    NoReturn,
    Protocol,
    TypeAlias,
    TypeGuard,
    TypeVar,
    cast,
    overload,
    runtime_checkable,
)

from pydantic import BaseModel

from ferro.errors import QueryError
from ferro.query.kinds import (
    INTEGRAL,
    MEANINGS,
    NUMBERS,
    arithmetic_type,
    described,
    fits,
    meaning,
    must_be,
    must_be_ordered,
    must_be_sortable,
    plain_number,
    special,
    type_for,
)
from ferro.query.patterns import ends_in_escape
from ferro.schema.table import Column
from ferro.types import type_of_value
from ferro.types.base import ColumnType
from ferro.types.range_values import Range

if TYPE_CHECKING:
    from ferro.query.sources import Source

T = TypeVar("T")
E = TypeVar("E")
T_co = TypeVar("T_co", covariant=True)
D = TypeVar("D", bound=date)

Nulls: TypeAlias = Literal["first", "last", "native"]
Numeric: TypeAlias = float | Decimal
Shape: TypeAlias = list[Any]
Values: TypeAlias = list[Any]

NO_TRUTH = "a condition has no truth value in Python: use &, | and ~, in_() for `in`, and between() for a chain"
# How many placeholders a list takes on databases without arrays, and from where on it travels as JSON.
PADDED_UP_TO = 256
# SQLite takes patterns of 50,000 bytes. A character has four at most, and is spelt with three if it is a wildcard.
LONG_PATTERN = 10_000
NOT_AS_JSON = frozenset({"float", "bytes"})


class Valued(Generic[T_co]):
    """Anything that has a value in SQL, to a type checker: what may be null goes where null may be."""

    __slots__ = ()


class Nested(Generic[T_co]):
    """A query where it stands inside another, to a type checker; `T_co` is what its rows come as."""


@runtime_checkable
class Members(Protocol):
    """Values that are rows of the database: a query of one column."""

    def membership(self, left: "Expression[Any]", *, negated: bool) -> "Expression[bool]":
        """Whether a value is one of them, or none of them."""
        ...


class Expression(Valued[T]):
    """Anything that has a value in SQL; `T` is what that value is in Python."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __class_getitem__(cls, item: object) -> type:
            # The parameters of typing's generic classes are remembered by each instance, at ten times its own cost.
            return cls

    @property
    def type(self) -> ColumnType | None:
        """What its value is, or None when only the database knows."""
        return None

    @property
    def kind(self) -> str:
        """The family of its type; empty when only the database knows."""
        found = self.type
        return found.kind if found else ""

    @property
    def label(self) -> str:
        """What an error message calls it."""
        return repr(self)

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        """The expressions it is made of."""
        return ()

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        """Append what decides the SQL to `shape` and what does not to `values`."""
        raise TypeError(f"{type(self).__name__} cannot be part of a statement")

    # Comparing. Python expects a bool of == and !=; SQL answers with a condition.

    def __eq__(self, other: "T | Valued[T | None] | None") -> "Expression[bool]":  # pyright: ignore[reportIncompatibleMethodOverride]
        return IsNull(self) if other is None else compare(self, "==", other)

    def __ne__(self, other: "T | Valued[T | None] | None") -> "Expression[bool]":  # pyright: ignore[reportIncompatibleMethodOverride]
        return IsNull(self, negated=True) if other is None else compare(self, "!=", other)

    __hash__ = object.__hash__

    def __lt__(self, other: "T | Valued[T | None]") -> "Expression[bool]":
        return compare(self, "<", other)

    def __le__(self, other: "T | Valued[T | None]") -> "Expression[bool]":
        return compare(self, "<=", other)

    def __gt__(self, other: "T | Valued[T | None]") -> "Expression[bool]":
        return compare(self, ">", other)

    def __ge__(self, other: "T | Valued[T | None]") -> "Expression[bool]":
        return compare(self, ">=", other)

    def in_(self, values: "Iterable[T | None] | Nested[T | None]") -> "Expression[bool]":
        """Whether it is one of the values: `u.id.in_([1, 2])`. None among them means "or is null".

        The values may be those of a query that selects one column.
        """
        return membership(self, values, negated=False)

    def not_in(self, values: "Iterable[T | None] | Nested[T | None]") -> "Expression[bool]":
        """Whether it is none of the values. None among them means "and is not null".

        The values may be those of a query that selects one column; its nulls are left out.
        """
        return membership(self, values, negated=True)

    not_in_ = not_in

    def __lshift__(self, values: "Iterable[T | None] | Nested[T | None]") -> "Expression[bool]":
        return membership(self, values, negated=False)

    def between(self, low: "T | Valued[T | None]", high: "T | Valued[T | None]") -> "Expression[bool]":
        """Whether it lies between the two, both included."""
        if self.kind == "json":
            return compare(self, ">=", low) & compare(self, "<=", high)
        must_be_ordered(self, "between")
        bounds = operand(low, self, "between"), operand(high, self, "between")
        if any(bound.kind != self.kind for bound in bounds):
            return compare(self, ">=", bounds[0]) & compare(self, "<=", bounds[1])
        return Between(self, *bounds)

    def is_null(self) -> "Expression[bool]":
        """Whether it is null: the same as `== None`."""
        return IsNull(self)

    def is_not_null(self) -> "Expression[bool]":
        """Whether it is not null: the same as `!= None`."""
        return IsNull(self, negated=True)

    # Text.

    def like(self, pattern: "str | Valued[str | None]") -> "Expression[bool]":
        """Match a pattern where % is any text and _ any character; a backslash takes their meaning away."""
        return match(self, "like", pattern)

    def ilike(self, pattern: "str | Valued[str | None]") -> "Expression[bool]":
        """`like`, whatever the case of the letters."""
        return match(self, "ilike", pattern)

    def startswith(self, text: "str | Valued[str | None]") -> "Expression[bool]":
        """Whether it begins with this very text: % and _ mean themselves."""
        return match(self, "startswith", text)

    def endswith(self, text: "str | Valued[str | None]") -> "Expression[bool]":
        """Whether it ends with this very text: % and _ mean themselves."""
        return match(self, "endswith", text)

    @overload
    def contains(self: "Valued[str | None]", text: "str | Valued[str | None]") -> "Expression[bool]": ...
    @overload
    def contains(
        self: "Valued[Range[E] | None]", text: "E | Range[E] | Valued[E | Range[E] | None]"
    ) -> "Expression[bool]": ...
    @overload
    def contains(
        self: "Valued[Collection[E] | None]", text: "Collection[E] | Valued[Collection[E] | None]"
    ) -> "Expression[bool]": ...
    @overload
    def contains(
        self: "Valued[dict[Any, Any] | list[Any] | BaseModel | None]",
        text: "dict[str, Any] | list[Any] | float | Decimal | Valued[Any]",
    ) -> "Expression[bool]": ...
    def contains(self, text: Any) -> "Expression[bool]":
        """Whether this very text is in it: % and _ mean themselves.

        An array contains another if all its elements are in it; a range contains values, and other ranges. A
        document contains another, `col(u.meta).contains({"a": 1})`, that has a part of its keys and items; a list
        in it also contains each of its items.
        """
        own = meaning(self, "contains")
        return match(self, "contains", text) if own is None else own(self, text)

    def matches(self, pattern: "str | Valued[str | None]") -> "Expression[bool]":
        """Whether a part of it matches a regular expression; SQLite has none."""
        return match(self, "matches", pattern)

    def imatches(self, pattern: "str | Valued[str | None]") -> "Expression[bool]":
        """`matches`, whatever the case of the letters."""
        return match(self, "imatches", pattern)

    @overload
    def lower(self: "Valued[Range[E] | None]") -> "Expression[E | None]": ...
    @overload
    def lower(self: "Expression[str]") -> "Expression[str]": ...
    @overload
    def lower(self) -> "Expression[str | None]": ...
    def lower(self) -> Any:
        """Its text in lower case; of a range, where it begins."""
        if (own := meaning(self, "lower")) is not None:
            return own(self)
        return Function[Any]("lower", (must_be(self, "lower", "text"),), type_for(str))

    @overload
    def upper(self: "Valued[Range[E] | None]") -> "Expression[E | None]": ...
    @overload
    def upper(self: "Expression[str]") -> "Expression[str]": ...
    @overload
    def upper(self) -> "Expression[str | None]": ...
    def upper(self) -> Any:
        """Its text in upper case; of a range, where it ends."""
        if (own := meaning(self, "upper")) is not None:
            return own(self)
        return Function[Any]("upper", (must_be(self, "upper", "text"),), type_for(str))

    def length(self) -> "Expression[int]":
        """How many characters, bytes or elements it holds; of a document, how many items or keys."""
        if (own := meaning(self, "length")) is not None:
            return own(self)
        return Function("length", (must_be(self, "length", "text", "bytes"),), type_for(int))

    # Arrays and ranges: see arrays.py and ranges.py.

    def has(self, value: object) -> "Expression[bool]":
        """Whether a value is among the elements of an array: `b.tags.has("sql")`."""
        return special(self, "has", value)

    def contained_by(self, other: object) -> "Expression[bool]":
        """Whether every element of an array is in another, a range lies in another, or another document contains this one."""
        return special(self, "contained_by", other)

    def overlaps(self, other: object) -> "Expression[bool]":
        """Whether two arrays share an element, or two ranges a value."""
        return special(self, "overlaps", other)

    def append(self, value: object) -> "Expression[T]":
        """An array with one more element at its end."""
        return special(self, "append", value)

    def remove(self, value: object) -> "Expression[T]":
        """An array without any element that is equal to the value."""
        return special(self, "remove", value)

    @overload
    def __getitem__(self: "Valued[Sequence[E] | None]", at: int) -> "Expression[E | None]": ...
    @overload
    def __getitem__(self, at: Any) -> "Expression[Any]": ...
    def __getitem__(self, at: Any) -> Any:
        """The value under a key, or at an index, of a document: `u.meta["a"][0]`.

        Of an array, the element at a place, counted from 0 as in Python, or from its end by -1. Null where there is none.
        """
        return special(self, "[]", at)

    def adjacent_to(self, other: object) -> "Expression[bool]":
        """Whether one range begins just where the other ends."""
        return special(self, "adjacent_to", other)

    def left_of(self, other: object) -> "Expression[bool]":
        """Whether a range ends before the other begins."""
        return special(self, "left_of", other)

    def right_of(self, other: object) -> "Expression[bool]":
        """Whether a range begins after the other has ended."""
        return special(self, "right_of", other)

    def is_empty(self) -> "Expression[bool]":
        """Whether nothing lies in a range."""
        return special(self, "is_empty")

    # Documents: see documents.py.

    def has_key(self, key: str) -> "Expression[bool]":
        """Whether an object has a key, or a list this very text."""
        return special(self, "has_key", key)

    def has_any_key(self, keys: Iterable[str]) -> "Expression[bool]":
        """Whether an object has one of the keys, or a list one of these texts."""
        return special(self, "has_any_key", keys)

    def has_all_keys(self, keys: Iterable[str]) -> "Expression[bool]":
        """Whether an object has all of the keys, or a list all of these texts."""
        return special(self, "has_all_keys", keys)

    def merge(self, document: "dict[str, Any] | Valued[Any]") -> "Expression[T]":
        """The object with these keys put in, or replaced: for an update. What is no object stays as it is."""
        return special(self, "merge", document)

    def without(self, *keys: str) -> "Expression[T]":
        """The object without these keys: for an update. What is no object stays as it is."""
        return special(self, "without", keys)

    # Numbers. The same on every database: division is true division, // and % go towards zero as SQL
    # has them, and dividing by zero gives null.

    @overload
    def __add__(self, other: "T | Valued[T | None]") -> "Expression[T]": ...
    @overload
    def __add__(self: "Valued[date | None]", other: "timedelta | Valued[timedelta | None]") -> "Expression[T]": ...
    @overload
    def __add__(self: "Valued[timedelta]", other: "D | Valued[D | None]") -> "Expression[D]": ...
    @overload
    def __add__(self: "Valued[Decimal | None]", other: "float | Valued[int | None]") -> "Expression[T]": ...
    @overload
    def __add__(self: "Valued[Numeric | None]", other: "Numeric | Valued[Numeric | None]") -> "Expression[Any]": ...
    def __add__(self, other: Any) -> Any:
        return calculate(self, "+", other)

    @overload
    def __radd__(self, other: "T | Valued[T | None]") -> "Expression[T]": ...
    @overload
    def __radd__(self: "Valued[date | None]", other: "timedelta | Valued[timedelta | None]") -> "Expression[T]": ...
    @overload
    def __radd__(self: "Valued[timedelta]", other: "D | Valued[D | None]") -> "Expression[D]": ...
    @overload
    def __radd__(self: "Valued[Decimal | None]", other: "float | Valued[int | None]") -> "Expression[T]": ...
    @overload
    def __radd__(self: "Valued[Numeric | None]", other: "Numeric | Valued[Numeric | None]") -> "Expression[Any]": ...
    def __radd__(self, other: Any) -> Any:
        return calculate(self, "+", other, reflected=True)

    @overload
    def __sub__(self: "Valued[date | None]", other: "date | Valued[date | None]") -> "Expression[timedelta]": ...
    @overload
    def __sub__(self: "Valued[date | None]", other: "timedelta | Valued[timedelta | None]") -> "Expression[T]": ...
    @overload
    def __sub__(self, other: "T | Valued[T | None]") -> "Expression[T]": ...
    @overload
    def __sub__(self: "Valued[Decimal | None]", other: "float | Valued[int | None]") -> "Expression[T]": ...
    @overload
    def __sub__(self: "Valued[Numeric | None]", other: "Numeric | Valued[Numeric | None]") -> "Expression[Any]": ...
    def __sub__(self, other: Any) -> Any:
        return calculate(self, "-", other)

    @overload
    def __rsub__(self: "Valued[date | None]", other: "date | Valued[date | None]") -> "Expression[timedelta]": ...
    @overload
    def __rsub__(self: "Valued[timedelta]", other: "D | Valued[D | None]") -> "Expression[D]": ...
    @overload
    def __rsub__(self, other: "T | Valued[T | None]") -> "Expression[T]": ...
    @overload
    def __rsub__(self: "Valued[Decimal | None]", other: "float | Valued[int | None]") -> "Expression[T]": ...
    @overload
    def __rsub__(self: "Valued[Numeric | None]", other: "Numeric | Valued[Numeric | None]") -> "Expression[Any]": ...
    def __rsub__(self, other: Any) -> Any:
        return calculate(self, "-", other, reflected=True)

    @overload
    def __mul__(self, other: "T | Valued[T | None]") -> "Expression[T]": ...
    @overload
    def __mul__(self: "Valued[Decimal | None]", other: "float | Valued[int | None]") -> "Expression[T]": ...
    @overload
    def __mul__(self: "Valued[Numeric | None]", other: "Numeric | Valued[Numeric | None]") -> "Expression[Any]": ...
    def __mul__(self, other: Any) -> Any:
        return calculate(self, "*", other)

    @overload
    def __rmul__(self, other: "T | Valued[T | None]") -> "Expression[T]": ...
    @overload
    def __rmul__(self: "Valued[Decimal | None]", other: "float | Valued[int | None]") -> "Expression[T]": ...
    @overload
    def __rmul__(self: "Valued[Numeric | None]", other: "Numeric | Valued[Numeric | None]") -> "Expression[Any]": ...
    def __rmul__(self, other: Any) -> Any:
        return calculate(self, "*", other, reflected=True)

    @overload
    def __truediv__(self: "Expression[int]", other: "float | Valued[float | None]") -> "Expression[float]": ...
    @overload
    def __truediv__(
        self: "Expression[int | None]", other: "float | Valued[float | None]"
    ) -> "Expression[float | None]": ...
    @overload
    def __truediv__(self, other: "T | Valued[T | None] | float | Decimal") -> "Expression[T]": ...
    def __truediv__(self, other: Any) -> Any:
        return calculate(self, "/", other)

    def __rtruediv__(self, other: "T | Valued[T | None] | float | Decimal") -> "Expression[Any]":
        return calculate(self, "/", other, reflected=True)

    def __floordiv__(self, other: "T | Valued[T | None] | int") -> "Expression[int]":
        return calculate(self, "//", other)

    def __rfloordiv__(self, other: "T | Valued[T | None] | int") -> "Expression[int]":
        return calculate(self, "//", other, reflected=True)

    def __mod__(self, other: "T | Valued[T | None] | int") -> "Expression[T]":
        return calculate(self, "%", other)

    def __rmod__(self, other: "T | Valued[T | None] | int") -> "Expression[T]":
        return calculate(self, "%", other, reflected=True)

    def __neg__(self) -> "Expression[T]":
        return Negative(must_be(self, "-", *NUMBERS))

    def __pos__(self) -> "Expression[T]":
        return must_be(self, "+", *NUMBERS)

    def abs(self) -> "Expression[T]":
        """Its distance from zero."""
        return Function("abs", (must_be(self, "abs", *NUMBERS),), plain_number(self))

    __abs__ = abs

    # Aggregates.

    def count(self, *, distinct: bool = False, filter: object = None) -> "Expression[int]":
        """How many rows have a value here; `distinct=True` counts equal values once.

        `filter` is a condition: of the rows of a group, only those that meet it take part.
        """
        return Aggregate("count", self, type_for(int), distinct=distinct, filter=filter)

    def sum(self, *, distinct: bool = False, filter: object = None) -> "Expression[T | None]":
        """The sum over the rows; None when there is no value."""
        number = must_be(self, "sum", *NUMBERS)
        return Aggregate("sum", number, plain_number(self), distinct=distinct, filter=filter)

    def avg(self, *, distinct: bool = False, filter: object = None) -> "Expression[Any]":
        """The average over the rows: a Decimal of decimals, otherwise a float; None when there is no value."""
        result = self.type if self.kind == "decimal" else type_for(float)
        return Aggregate("avg", must_be(self, "avg", *NUMBERS), result, distinct=distinct, filter=filter)

    def min(self, *, filter: object = None) -> "Expression[T | None]":
        """The smallest value of the rows; None when there is no value."""
        must_be_ordered(self, "min")
        return Aggregate("min", self, self.type, filter=filter)

    def max(self, *, filter: object = None) -> "Expression[T | None]":
        """The greatest value of the rows; None when there is no value."""
        must_be_ordered(self, "max")
        return Aggregate("max", self, self.type, filter=filter)

    def over(
        self, *, partition_by: object = (), order_by: object = (), frame: "Frame | None" = None
    ) -> "Expression[T]":
        """The aggregate or window function over the rows around each row, which all stay.

        `sum_(b.sold).over(partition_by=b.author, order_by=b.title)` is a running total for each author.
        """
        if isinstance(self, (Aggregate, WindowFunction)):
            return Over(self, columns_of(partition_by, "partition_by="), orders_of(order_by), frame)
        raise QueryError(
            f"{self.label} has no window: over() follows an aggregate, or row_number(), rank(), lag() and their like"
        )

    # Conditions.

    # To a checker a comparison of plain annotations is a bool.

    def __and__(self: "Valued[bool | None]", other: "bool | Valued[bool | None]") -> "Expression[bool]":
        return Logical("AND", (*parts(self, "AND", "&"), *parts(other, "AND", "&")))

    __rand__ = __and__

    def __or__(self: "Valued[bool | None]", other: "bool | Valued[bool | None]") -> "Expression[bool]":
        return Logical("OR", (*parts(self, "OR", "|"), *parts(other, "OR", "|")))

    __ror__ = __or__

    def __invert__(self) -> "Expression[bool]":
        return Not(must_be_condition(self, "~"))

    # Sorting.

    def asc(self, *, nulls: Nulls = "last") -> "Order":
        """Sort by it, smallest first."""
        return Order(self, descending=False, nulls=nulls)

    def desc(self, *, nulls: Nulls = "last") -> "Order":
        """Sort by it, greatest first."""
        return Order(self, descending=True, nulls=nulls)

    # What Python would do in silence, and SQL cannot.

    def __bool__(self) -> NoReturn:
        raise QueryError(NO_TRUTH)

    def __contains__(self, item: object) -> NoReturn:
        raise QueryError("`in` has no meaning for an expression: use .in_([...]), or .contains(text)")

    def __iter__(self) -> Iterator[Any]:
        raise QueryError(f"{self.label} cannot be iterated: it has a value only in the database")

    def __len__(self) -> int:
        raise QueryError(f"{self.label} has no len() in Python: use .length()")

    def __int__(self) -> int:
        raise QueryError(f"{self.label} has no value in Python: use cast({self.label}, int)")

    def __float__(self) -> float:
        raise QueryError(f"{self.label} has no value in Python: use cast({self.label}, float)")

    def __index__(self) -> int:
        raise QueryError(f"{self.label} has no value in Python: it cannot be an index")

    def __format__(self, spec: str) -> str:
        raise QueryError(f"{self.label} has no value in Python to format: join text with +")


# Leaves.


class ColumnRef(Expression[T]):
    """A column of one source."""

    __slots__ = ("column", "key", "source")

    def __init__(self, source: "Source", column: Column) -> None:
        self.source = source
        self.column = column
        self.key: Any = column if source.alias is None else (column, source.alias)

    @property
    def type(self) -> ColumnType:
        return self.column.type

    @property
    def kind(self) -> str:
        return self.column.type.kind

    @property
    def label(self) -> str:
        return f"{self.source.name}.{self.column.field}"

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append(self.key)

    def __repr__(self) -> str:
        return self.label


class Value(Expression[T]):
    """A Python value: always a parameter of the statement, never a part of its text.

    `against` is the column or expression it is meant for: error messages name it, and its secrets stay secret.
    """

    __slots__ = ("_type", "against", "value")

    def __init__(self, value: T, type: ColumnType, against: Expression[Any] | None = None) -> None:
        self.value = value
        self._type = type
        self.against = against

    @property
    def type(self) -> ColumnType:
        return self._type

    @property
    def secret(self) -> bool:
        """Whether it must be masked wherever it would be shown."""
        other = None if self.against is None else self.against.type
        return self._type.secret or (other is not None and other.secret)

    @property
    def label(self) -> str:
        return self._type.name if self.against is None else self.against.label

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append(self._type)
        values.append(self.value)

    def __repr__(self) -> str:
        return "REDACTED" if self.secret else repr(self.value)


class Number(Expression[int]):
    """A whole number written into the SQL: only ferro's own, never a user's."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value

    @property
    def type(self) -> ColumnType:
        return type_for(int)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append(self.value)

    def __repr__(self) -> str:
        return str(self.value)


ONE = Number(1)


class Excluded(Expression[T]):
    """The value a row that met a conflict would have had: for the update of an upsert."""

    __slots__ = ("column",)

    def __init__(self, column: Column) -> None:
        self.column = column

    @property
    def type(self) -> ColumnType:
        return self.column.type

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("excluded", self.column)

    def __repr__(self) -> str:
        return f"excluded.{self.column.field}"


# Conditions.


class Condition(Expression[bool]):
    """An expression that is true, false or null."""

    __slots__ = ()

    @property
    def type(self) -> ColumnType:
        return type_for(bool)

    @property
    def kind(self) -> str:
        return "bool"

    @property
    def is_compound(self) -> bool:
        """Whether it is made of other conditions."""
        return False


class Comparison(Condition):
    """Two operands and `==`, `!=`, `<`, `<=`, `>` or `>=`."""

    __slots__ = ("left", "operator", "right")

    def __init__(self, left: Expression[Any], operator: str, right: Expression[Any]) -> None:
        self.left = left
        self.operator = operator
        self.right = right

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return (self.left, self.right)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append(self.operator)
        self.left.collect(shape, values, arrays)
        self.right.collect(shape, values, arrays)

    @property
    def column(self) -> str | None:
        """The name of the column on the left, if it is one."""
        return column_name(self.left)

    @property
    def value(self) -> Any:
        """The value on the right, or the expression that gives it."""
        return self.right.value if isinstance(self.right, Value) else self.right

    def __repr__(self) -> str:
        return f"({self.left!r} {self.operator} {self.right!r})"


class Logical(Condition):
    """Several conditions joined by AND, or by OR."""

    __slots__ = ("operands", "operator")

    def __init__(self, operator: Literal["AND", "OR"], operands: tuple[Expression[Any], ...]) -> None:
        self.operator: Literal["AND", "OR"] = operator
        self.operands = operands

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return self.operands

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += (self.operator, len(self.operands))
        for part in self.operands:
            part.collect(shape, values, arrays)

    @property
    def is_compound(self) -> bool:
        return True

    def __repr__(self) -> str:
        return "(" + f" {self.operator} ".join(repr(part) for part in self.operands) + ")"


class Not(Condition):
    """The opposite of a condition; null stays null."""

    __slots__ = ("operand",)

    def __init__(self, operand: Expression[Any]) -> None:
        self.operand = operand

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return (self.operand,)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append("NOT")
        self.operand.collect(shape, values, arrays)

    def __repr__(self) -> str:
        return f"~{self.operand!r}"


class IsNull(Condition):
    """Whether there is no value."""

    __slots__ = ("negated", "operand")

    def __init__(self, operand: Expression[Any], *, negated: bool = False) -> None:
        self.operand = operand
        self.negated = negated

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return (self.operand,)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append("IS NOT NULL" if self.negated else "IS NULL")
        self.operand.collect(shape, values, arrays)

    def __repr__(self) -> str:
        return f"({self.operand!r} IS {'NOT ' if self.negated else ''}NULL)"


class In(Condition):
    """Whether a value is one of a list, or none of it; the list holds no None.

    `sample` is one of the values: all of them have its type, and are meant for the same column.
    """

    __slots__ = ("negated", "operand", "sample", "value")

    def __init__(
        self, operand: Expression[Any], values: Sequence[Any], sample: "Value[Any] | None", *, negated: bool = False
    ) -> None:
        self.operand = operand
        self.value = values
        self.sample = sample
        self.negated = negated

    @property
    def column(self) -> str | None:
        """The name of the column looked at, if it is one."""
        return column_name(self.operand)

    @property
    def operator(self) -> str:
        return "NOT IN" if self.negated else "IN"

    @property
    def json(self) -> bool:
        """Whether the list travels as one JSON array on databases that know no arrays."""
        return self.sample is not None and len(self.value) > PADDED_UP_TO and self.sample.kind not in NOT_AS_JSON

    @property
    def width(self) -> int:
        """How many placeholders the list takes on databases that know no arrays."""
        return padded(len(self.value))

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return (self.operand,) if self.sample is None else (self.operand, self.sample)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        found = self.value
        shape.append(self.operator)
        self.operand.collect(shape, values, arrays)
        if self.sample is None:
            shape.append(0)
            return
        shape.append(self.sample.type)
        if arrays or self.json:
            shape.append("list")
            values.append(found)
            return
        # The last value is repeated, so that the text depends on a few widths only.
        width = self.width
        shape.append(width)
        values += found
        values += [found[-1]] * (width - len(found))

    def __repr__(self) -> str:
        held = "REDACTED" if self.sample is not None and self.sample.secret else repr(list(self.value))
        return f"({self.operand!r} {'NOT ' if self.negated else ''}IN {held})"


def padded(count: int) -> int:
    """How many placeholders a list of values takes: few widths, so that there are few texts."""
    return 1 << (count - 1).bit_length() if count <= PADDED_UP_TO else -(-count // PADDED_UP_TO) * PADDED_UP_TO


class Between(Condition):
    """Whether a value lies between two others, both included."""

    __slots__ = ("high", "low", "operand")

    def __init__(self, operand: Expression[Any], low: Expression[Any], high: Expression[Any]) -> None:
        self.operand = operand
        self.low = low
        self.high = high

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return (self.operand, self.low, self.high)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append("BETWEEN")
        self.operand.collect(shape, values, arrays)
        self.low.collect(shape, values, arrays)
        self.high.collect(shape, values, arrays)

    def __repr__(self) -> str:
        return f"({self.operand!r} BETWEEN {self.low!r} AND {self.high!r})"


MatchKind: TypeAlias = Literal["like", "ilike", "startswith", "endswith", "contains", "matches", "imatches"]


class Like(Condition):
    """A text and a pattern, or a part to look for."""

    __slots__ = ("match", "operand", "pattern")

    def __init__(self, operand: Expression[Any], match: MatchKind, pattern: Expression[Any]) -> None:
        self.operand = operand
        self.match: MatchKind = match
        self.pattern = pattern

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return (self.operand, self.pattern)

    @property
    def form(self) -> str:
        """What it is called where a dialect says how to write it."""
        if not isinstance(self.pattern, Value):
            return f"{self.match}:column"
        return self.match if len(self.pattern.value) <= LONG_PATTERN else f"{self.match}:long"

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append(self.form)
        self.operand.collect(shape, values, arrays)
        self.pattern.collect(shape, values, arrays)

    @property
    def column(self) -> str | None:
        """The name of the column looked at, if it is one."""
        return column_name(self.operand)

    @property
    def operator(self) -> str:
        return self.match.upper()

    @property
    def value(self) -> Any:
        """The pattern as it was given."""
        return self.pattern.value if isinstance(self.pattern, Value) else self.pattern

    def __repr__(self) -> str:
        return f"({self.operand!r} {self.match} {self.pattern!r})"


# Values made of values.


class Arithmetic(Expression[T]):
    """Two operands and `+ - * / // %`, or `||` for text."""

    __slots__ = ("_type", "left", "operator", "right")

    def __init__(self, left: Expression[Any], operator: str, right: Expression[Any], result: ColumnType | None) -> None:
        self.left = left
        self.operator = operator
        self.right = right
        self._type = result

    @property
    def type(self) -> ColumnType | None:
        return self._type

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return (self.left, self.right)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += (self.operator, self._type)
        self.left.collect(shape, values, arrays)
        self.right.collect(shape, values, arrays)

    def __repr__(self) -> str:
        return f"({self.left!r} {self.operator} {self.right!r})"


class Negative(Expression[T]):
    """A number with its sign turned."""

    __slots__ = ("operand",)

    def __init__(self, operand: Expression[T]) -> None:
        self.operand = operand

    @property
    def type(self) -> ColumnType | None:
        return plain_number(self.operand)

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return (self.operand,)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append("negative")
        self.operand.collect(shape, values, arrays)

    def __repr__(self) -> str:
        return f"-{self.operand!r}"


class Function(Expression[T]):
    """A function call; the name has been checked to be a plain identifier."""

    __slots__ = ("_type", "arguments", "name")

    def __init__(self, name: str, arguments: tuple[Expression[Any], ...], result: ColumnType | None = None) -> None:
        self.name = name
        self.arguments = arguments
        self._type = result

    @property
    def type(self) -> ColumnType | None:
        return self._type

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return self.arguments

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("function", self.name, self._type, len(self.arguments))
        for argument in self.arguments:
            argument.collect(shape, values, arrays)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(repr(argument) for argument in self.arguments)})"


class Cast(Expression[T]):
    """A value turned into another type by the database."""

    __slots__ = ("_type", "operand")

    def __init__(self, operand: Expression[Any], type: ColumnType) -> None:
        self.operand = operand
        self._type = type

    @property
    def type(self) -> ColumnType:
        return self._type

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return (self.operand,)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("cast", self._type)
        self.operand.collect(shape, values, arrays)

    def __repr__(self) -> str:
        return f"cast({self.operand!r}, {self._type.name})"


class Aggregate(Expression[T]):
    """One value made from many rows; `operand` is None in COUNT(*).

    `filter` is what the rows must meet that take part.
    """

    __slots__ = ("_type", "distinct", "filter", "name", "operand")

    def __init__(
        self,
        name: str,
        operand: Expression[Any] | None,
        result: ColumnType | None,
        *,
        distinct: bool = False,
        filter: object = None,
    ) -> None:
        self.name = name
        self.operand = operand
        self._type = result
        self.distinct = distinct
        self.filter = None if filter is None else must_be_condition(filter, "filter=")

    @property
    def type(self) -> ColumnType | None:
        return self._type

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return tuple(part for part in (self.operand, self.filter) if part is not None)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("aggregate", self.name, self._type, self.distinct, self.filter is not None)
        if self.operand is None:
            shape.append("*")
        else:
            self.operand.collect(shape, values, arrays)
        if self.filter is not None:
            self.filter.collect(shape, values, arrays)

    def __repr__(self) -> str:
        inner = "*" if self.operand is None else repr(self.operand)
        kept = "" if self.filter is None else f", filter={self.filter!r}"
        return f"{self.name}({'distinct ' if self.distinct else ''}{inner}{kept})"


class Now(Expression[T]):
    """The server's clock; `now` and `now()` are the same."""

    __slots__ = ()

    @property
    def type(self) -> ColumnType | None:
        return type_for(datetime)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append("now")

    def __call__(self) -> "Now[T]":
        return self

    def __repr__(self) -> str:
        return "now"


class Order:
    """One key of a sort."""

    __slots__ = ("descending", "expression", "nulls")

    def __init__(self, expression: Expression[Any], *, descending: bool = False, nulls: Nulls = "last") -> None:
        if nulls not in ("first", "last", "native"):
            raise QueryError(f"nulls must be 'first', 'last' or 'native', not {nulls!r}")
        must_be_sortable(expression)
        self.expression = expression
        self.descending = descending
        self.nulls: Nulls = nulls

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += (self.descending, self.nulls)
        self.expression.collect(shape, values, arrays)

    def __repr__(self) -> str:
        return f"{self.expression!r} {'desc' if self.descending else 'asc'}"


# Windows.


@dataclass(frozen=True, slots=True)
class Frame:
    """Which rows of a window count, from the row itself: negative numbers are rows before it, None is no end."""

    start: int | None
    end: int | None


class WindowFunction(Expression[T]):
    """A function of the rows around a row: it has a value only over a window."""

    __slots__ = ("_type", "arguments", "name")

    def __init__(self, name: str, arguments: tuple[Expression[Any], ...], result: ColumnType | None) -> None:
        self.name = name
        self.arguments = arguments
        self._type = result

    @property
    def type(self) -> ColumnType | None:
        return self._type

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        return self.arguments

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("window function", self.name, self._type, len(self.arguments))
        for argument in self.arguments:
            argument.collect(shape, values, arrays)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(repr(argument) for argument in self.arguments)})"


class Over(Expression[T]):
    """An aggregate or a window function over the rows around each row."""

    __slots__ = ("frame", "function", "order_by", "partition_by")

    def __init__(
        self,
        function: "Aggregate[T] | WindowFunction[T]",
        partition_by: tuple[Expression[Any], ...],
        order_by: tuple[Order, ...],
        frame: Frame | None,
    ) -> None:
        if isinstance(function, Aggregate) and function.distinct:
            raise QueryError(f"{function!r} cannot be distinct over a window: no database can do that")
        if frame is not None and not isinstance(frame, Frame):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise QueryError(f"frame= takes rows(start, end), got {frame!r}")
        self.function = function
        self.partition_by = partition_by
        self.order_by = order_by
        self.frame = frame

    @property
    def type(self) -> ColumnType | None:
        return self.function.type

    @property
    def children(self) -> "tuple[Expression[Any], ...]":
        # Without the function itself: over a window, an aggregate makes no group.
        return (*self.function.children, *self.partition_by, *(order.expression for order in self.order_by))

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("over", len(self.partition_by), len(self.order_by), self.frame)
        self.function.collect(shape, values, arrays)
        for expression in self.partition_by:
            expression.collect(shape, values, arrays)
        for order in self.order_by:
            order.collect(shape, values, arrays)

    def __repr__(self) -> str:
        return f"{self.function!r}.over(...)"


def columns_of(given: object, argument: str) -> tuple[Expression[Any], ...]:
    """One expression or several, as the arguments of aggregates and windows take them."""
    several = cast(Iterable[object], given) if isinstance(given, (tuple, list)) else (given,)
    found = tuple(several)
    for one in found:
        if not is_expression(one):
            raise QueryError(f"{argument} takes columns, such as b.title, got {one!r}")
    return cast("tuple[Expression[Any], ...]", found)


def orders_of(given: object) -> tuple[Order, ...]:
    """What `order_by=` was given: columns, or columns with a direction, one or several."""
    keys = cast(Iterable[object], given) if isinstance(given, (tuple, list)) else (given,)
    orders: list[Order] = []
    for key in keys:
        if isinstance(key, Order):
            orders.append(key)
        elif is_expression(key):
            orders.append(Order(key))
        else:
            raise QueryError(f"order_by= takes columns, such as b.title or b.title.desc(), got {key!r}")
    return tuple(orders)


# Building nodes: every mistake that can be seen is reported here, while the query is being written.


def column_name(found: Expression[Any]) -> str | None:
    return found.column.name if isinstance(found, ColumnRef) else None


def is_expression(value: object) -> TypeGuard[Expression[Any]]:
    """Whether a value is part of a query rather than one of its parameters."""
    return isinstance(value, Expression)


def compare(left: Expression[Any], operator: str, other: object) -> Expression[bool]:
    """A comparison, once its two sides have been found to fit."""
    if other is None:
        raise QueryError(f"{left.label} {operator} None is never true: use == None or != None")
    if "json" in (left.kind, other.kind if is_expression(other) else ""):
        left, other = MEANINGS["json", "compare"](left, operator, other)
    if operator not in ("==", "!="):
        must_be_ordered(left, operator)
    return Comparison(left, operator, operand(other, left, operator))


def membership(left: Expression[Any], values: object, *, negated: bool) -> Expression[bool]:
    """`IN` or `NOT IN`, with None among the values read as "is null"."""
    if not isinstance(values, (Sequence, AbstractSet)) or isinstance(values, (str, bytes, bytearray)):
        if isinstance(values, Members):
            return values.membership(left, negated=negated)
        raise QueryError(f"in_ expects a list, tuple, or set, not {type(values).__name__}: put the values into a list")
    given: list[Any] = list(cast(Iterable[Any], values))
    present = [value for value in given if value is not None]
    if any(isinstance(value, Expression) for value in present):
        raise QueryError("in_ expects values; compare with other columns by == and |")
    taken = [literal(value, left) for value in present]
    listed = In(left, [one.value for one in taken], taken[0] if taken else None, negated=negated)
    if len(present) == len(given):
        return listed
    if negated:
        return Logical("AND", (listed, IsNull(left, negated=True)))
    return Logical("OR", (listed, IsNull(left))) if present else IsNull(left)


def match(left: Expression[Any], kind: MatchKind, pattern: object) -> Expression[bool]:
    """A pattern match, once both sides have been found to be text."""
    must_be(left, kind, "text")
    if is_expression(pattern):
        return Like(left, kind, must_be(pattern, kind, "text"))
    text = type_for(str)
    try:
        exact: str = text.accept(pattern)
    except ValueError as error:
        raise QueryError(f"{left.label}.{kind}(): {error}") from None
    if kind in ("like", "ilike") and ends_in_escape(exact):
        raise QueryError(f"{left.label}.{kind}(): the pattern {exact!r} ends with its escape character; double it")
    return Like(left, kind, Value(exact, text, left))


def calculate(first: Expression[Any], operator: str, other: object, *, reflected: bool = False) -> Expression[Any]:
    """Arithmetic on numbers; + joins text."""
    if (own := meaning(first, operator)) is not None:
        return own(first, other, reflected=reflected)
    if first.kind == "text" and operator == "+":
        second = operand(other, first, operator, type_for(str))
        left, right = (second, first) if reflected else (first, second)
        return Arithmetic(left, "||", right, type_for(str))
    must_be(first, operator, *NUMBERS)
    second = other if is_expression(other) else number(other, first, operator)
    must_be(second, operator, *NUMBERS)
    for found in (first, second):
        if found.kind not in INTEGRAL.get(operator, NUMBERS) and found.kind:
            raise QueryError(f"{operator} has no meaning for {found.label}: it is {described(found)}")
    left, right = (second, first) if reflected else (first, second)
    return Arithmetic(left, operator, right, arithmetic_type(left, operator, right))


def number(value: object, beside: Expression[Any], operator: str) -> Expression[Any]:
    """A number to calculate with: exact beside a decimal, of its own type beside other numbers."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise QueryError(f"{beside.label} {operator} expects a number, got {value!r}")
    if beside.kind == "decimal" and beside.type is not None and not isinstance(value, int):
        return literal(value, beside, type_for(Decimal))
    return literal(value, beside, type_for(type(value)))


def operand(value: object, beside: Expression[Any], operator: str, type: ColumnType | None = None) -> Expression[Any]:
    """The other side of an operator: an expression that fits, or a value of the same type."""
    if not is_expression(value):
        return literal(value, beside, type)
    if not fits(beside.kind, value.kind):
        raise QueryError(
            f"{beside.label} {operator} {value.label}: {described(beside)} and {described(value)} do not go together; "
            "cast() one of them"
        )
    return value


def literal(value: object, beside: Expression[Any], type: ColumnType | None = None) -> Value[Any]:
    """A value of the type of what it stands beside, refused at once when it cannot be one."""
    expected = type or beside.type
    if expected is None:
        return bound(value)
    if value is None:
        raise QueryError(f"{beside.label}: None has no place here; use == None or is_null()")
    try:
        return Value(expected.accept(value), expected, beside)
    except ValueError as error:
        raise QueryError(f"{beside.label}: {error}") from None


def bound(value: object) -> Value[Any]:
    """A value on its own: its type is the column type of its class."""
    try:
        found = type_of_value(value)
        return Value(found.accept(value), found)
    except (ValueError, TypeError) as error:
        raise QueryError(f"{value!r} cannot be a value in a query: {error}") from None


def expression(value: object) -> Expression[Any]:
    """An expression as it is, anything else as a bound value."""
    return value if is_expression(value) else bound(value)


def must_be_condition(found: object, operator: str) -> Expression[Any]:
    if not is_expression(found):
        raise QueryError(f"{operator} expects a condition, got {found!r}; write it as (…) {operator} (…)")
    if found.kind not in ("bool", ""):
        raise QueryError(f"{operator} expects a condition, got {found.label}, which is {described(found)}")
    return found


def parts(found: object, joined_by: str, operator: str) -> tuple[Expression[Any], ...]:
    """The conditions of an AND inside an AND side by side, so that long chains stay flat."""
    condition = must_be_condition(found, operator)
    if isinstance(condition, Logical) and condition.operator == joined_by:
        return condition.operands
    return (condition,)
