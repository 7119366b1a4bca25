"""`Range`: all values between two bounds, as a value of its own."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Generic, Literal, Self, TypeAlias, TypeVar, cast, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")

Bounds: TypeAlias = Literal["[)", "(]", "[]", "()"]

BOUNDS: tuple[str, ...] = ("[)", "(]", "[]", "()")
ONE_DAY = timedelta(days=1)


def is_discrete(value: object) -> bool:
    """Whether between a value and the next there is nothing: whole numbers and days."""
    if isinstance(value, int):
        return not isinstance(value, bool)
    return isinstance(value, date) and not isinstance(value, datetime)


def following(value: Any) -> Any:
    """The next of the discrete values."""
    if isinstance(value, int):
        return value + 1
    try:
        return value + ONE_DAY
    except OverflowError:
        raise ValueError(
            f"a range that includes {value} ends on the day after, which Python has no date for: leave the end open"
        ) from None


class Range(Generic[T]):
    """All values from `lower` to `upper`: `Range(1, 4)` holds 1, 2 and 3. It never changes.

    A range of whole numbers or of days is kept as databases keep it, with its lower bound and without
    its upper one: `Range(1, 3, "[]")` is `Range(1, 4)`. A range in which nothing lies is `Range.empty()`.

    Args:
        lower: where it begins; None means that it has no beginning.
        upper: where it ends; None means that it has no end.
        bounds: which of the two belong to it: "[)", "(]", "[]" or "()".
    """

    __slots__ = ("_bounds", "_empty", "_lower", "_upper")

    _lower: T | None
    _upper: T | None
    _bounds: Bounds
    _empty: bool

    def __init__(self, lower: T | None = None, upper: T | None = None, bounds: Bounds = "[)") -> None:
        if bounds not in BOUNDS:
            raise ValueError(f'the bounds of a range are "[)", "(]", "[]" or "()", not {bounds!r}')
        if lower is not None and upper is not None:
            must_go_together(lower, upper)
        low_in, high_in = bounds[0] == "[" and lower is not None, bounds[1] == "]" and upper is not None
        if lower is not None and not low_in and is_discrete(lower):
            lower, low_in = following(lower), True
        if upper is not None and high_in and is_discrete(upper):
            upper, high_in = following(upper), False
        # A discrete range that holds nothing may have been left with its bounds in the wrong order: (1, 2) is [2, 2).
        empty = (
            lower is not None
            and upper is not None
            and (cast(Any, lower) > upper or (lower == upper and not (low_in and high_in)))
        )
        fill(self, None if empty else lower, None if empty else upper, low_in, high_in, empty=empty)

    @classmethod
    def empty(cls) -> Self:
        """The range in which nothing lies."""
        made = cls.__new__(cls)
        fill(made, None, None, False, False, empty=True)
        return made

    @property
    def lower(self) -> T | None:
        """Where it begins; None when it has no beginning, or is empty."""
        return self._lower

    @property
    def upper(self) -> T | None:
        """Where it ends; None when it has no end, or is empty."""
        return self._upper

    @property
    def bounds(self) -> Bounds:
        """Which of its ends belong to it; an end that is not there never does."""
        return self._bounds

    @property
    def is_empty(self) -> bool:
        """Whether nothing lies in it."""
        return self._empty

    @property
    def lower_inc(self) -> bool:
        """Whether its lower bound belongs to it."""
        return self._bounds[0] == "["

    @property
    def upper_inc(self) -> bool:
        """Whether its upper bound belongs to it."""
        return self._bounds[1] == "]"

    def __contains__(self, other: "T | Range[T]") -> bool:
        return self.contains(other)

    def contains(self, other: "T | Range[T]") -> bool:
        """Whether a value, or a whole range, lies in it: `3 in Range(1, 4)`."""
        if isinstance(other, Range):
            inner = cast("Range[T]", other)
            if inner._empty or self._empty:
                return inner._empty
            return starts(self) <= starts(inner) and ends(inner) <= ends(self)
        if self._empty:
            return False
        return starts(self) <= Edge(other, 0) <= ends(self)

    def contained_by(self, other: "Range[T]") -> bool:
        """Whether all of it lies in the other."""
        return other.contains(self)

    def overlaps(self, other: "Range[T]") -> bool:
        """Whether any value lies in both."""
        if self._empty or other._empty:
            return False
        return starts(self) <= ends(other) and starts(other) <= ends(self)

    def adjacent_to(self, other: "Range[T]") -> bool:
        """Whether one begins just where the other ends: nothing is between them, and nothing in both."""
        if self._empty or other._empty:
            return False
        return touches(self, other) or touches(other, self)

    def left_of(self, other: "Range[T]") -> bool:
        """Whether it ends before the other begins."""
        return not self._empty and not other._empty and ends(self) < starts(other)

    def right_of(self, other: "Range[T]") -> bool:
        """Whether it begins after the other has ended."""
        return other.left_of(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Range) and key_of(self) == key_of(cast("Range[Any]", other))

    def __hash__(self) -> int:
        return hash(key_of(self))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Range never changes: make a new one instead of setting {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Range never changes: {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return (rebuilt, (type(self), self._lower, self._upper, self._bounds, self._empty))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __repr__(self) -> str:
        if self._empty:
            return "Range.empty()"
        usual = ("[" if self._lower is not None else "(") + ")"
        shown = "" if self._bounds == usual else f", {self._bounds!r}"
        return f"Range({self._lower!r}, {self._upper!r}{shown})"

    # Pydantic.

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        arguments = get_args(source)
        inner = handler.generate_schema(arguments[0]) if arguments else core_schema.any_schema()
        end = core_schema.typed_dict_field(core_schema.nullable_schema(inner), required=False)
        parts = core_schema.typed_dict_schema(
            {
                "lower": end,
                "upper": end,
                "bounds": core_schema.typed_dict_field(core_schema.literal_schema(list(BOUNDS)), required=False),
                "empty": core_schema.typed_dict_field(core_schema.bool_schema(), required=False),
            },
            extra_behavior="forbid",
        )
        return core_schema.no_info_wrap_validator_function(
            validated,
            parts,
            serialization=core_schema.wrap_serializer_function_ser_schema(serialized, info_arg=True, schema=parts),
        )


def fill(made: Range[Any], lower: Any, upper: Any, low_in: bool, high_in: bool, *, empty: bool) -> None:
    """Give a new range its parts, which it then keeps."""
    parts = (lower, upper, f"{'[' if low_in and not empty else '('}{']' if high_in and not empty else ')'}", empty)
    for name, value in zip(("_lower", "_upper", "_bounds", "_empty"), parts, strict=True):
        object.__setattr__(made, name, value)


def trusted(lower: Any, upper: Any, bounds: str) -> Range[Any]:
    """A range as a database keeps it: in order already."""
    return rebuilt(Range, lower, upper, bounds, False)


def rebuilt(cls: type[Range[Any]], lower: Any, upper: Any, bounds: str, empty: bool) -> Range[Any]:
    made = cls.__new__(cls)
    fill(made, lower, upper, bounds[0] == "[", bounds[1] == "]", empty=empty)
    return made


EMPTY: Range[Any] = rebuilt(Range, None, None, "()", True)


def must_go_together(lower: Any, upper: Any) -> None:
    if is_discrete(lower) != is_discrete(upper):
        raise ValueError(f"{lower!r} and {upper!r} are no bounds of one range: give both the same type")
    try:
        backwards = lower > upper
    except TypeError as error:
        raise ValueError(f"{lower!r} and {upper!r} are no bounds of one range: {error}") from None
    if backwards:
        raise ValueError(f"a range cannot begin at {lower!r} and end at {upper!r}: its lower bound comes first")


# Bounds on one line: an edge lies just before its value, on it, or just after it; None is one of the two far ends.


class Edge:
    """A place on the line of values: `side` is -1 just before the value, 1 just after it."""

    __slots__ = ("far", "side", "value")

    def __init__(self, value: Any, side: int, far: int = 0) -> None:
        self.value = value
        self.side = side
        self.far = far

    def __lt__(self, other: "Edge") -> bool:
        if self.far or other.far:
            return self.far < other.far
        if self.value == other.value:
            return self.side < other.side
        return bool(self.value < other.value)

    def __le__(self, other: "Edge") -> bool:
        return not other < self


def starts(found: Range[Any]) -> Edge:
    if found.lower is None:
        return Edge(None, 0, far=-1)
    return Edge(found.lower, 0 if found.lower_inc else 1)


def ends(found: Range[Any]) -> Edge:
    if found.upper is None:
        return Edge(None, 0, far=1)
    return Edge(found.upper, 0 if found.upper_inc else -1)


def touches(one: Range[Any], other: Range[Any]) -> bool:
    """Whether one ends where the other begins, and exactly one of them has that value."""
    if one.upper is None or other.lower is None:
        return False
    return bool(one.upper == other.lower) and one.upper_inc != other.lower_inc


def key_of(found: Range[Any]) -> tuple[Any, ...]:
    return (found.lower, found.upper, found.bounds, found.is_empty)


# Reading and writing.


def validated(value: Any, read: core_schema.ValidatorFunctionWrapHandler) -> Range[Any]:
    """A range, its bounds read as the annotation says."""
    if isinstance(value, Range):
        given = cast("Range[Any]", value)
        parts: dict[str, Any] = read({"lower": given.lower, "upper": given.upper})
        for name, found in parts.items():
            old = getattr(given, name)
            if is_discrete(found) != is_discrete(old):
                raise ValueError(f"{given!r} is a range of other values: its bounds cannot be read as {found!r}")
        if all(getattr(given, name) is found for name, found in parts.items()):
            return given
        return rebuilt(Range, parts["lower"], parts["upper"], given.bounds, given.is_empty)
    found = read(value)
    if found.get("empty"):
        if len(found) > 1:
            raise ValueError("an empty range has no bounds")
        return EMPTY
    return Range(found.get("lower"), found.get("upper"), found.get("bounds", "[)"))


def serialized(
    found: Any, write: core_schema.SerializerFunctionWrapHandler, info: core_schema.SerializationInfo[Any]
) -> Any:
    """A dump to Python keeps a range as it is; JSON has no word for one."""
    return write(as_parts(found)) if info.mode_is_json() and isinstance(found, Range) else found


def as_parts(found: Any) -> Mapping[str, Any]:
    """A range in the words of JSON."""
    if found.is_empty:
        return {"empty": True}
    return {"lower": found.lower, "upper": found.upper, "bounds": found.bounds}
