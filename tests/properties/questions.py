"""Questions about rows, each of them twice: as ferro builds it, and as plain Python answers it.

The answers follow SQL's own rules and know nothing of ferro: null in, null out; a condition is true,
false or null; whole numbers are divided towards zero; dividing by zero gives null.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal
from typing import Any, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ferro import Field, Model, abs_, coalesce, length, lower, upper
from ferro.schema.registry import active, declared

Row: TypeAlias = Mapping[str, Any]

EXACT = Context(prec=200)
# Quotes and all wildcards of LIKE and GLOB. Of letters outside ASCII only such as have one letter in the
# other case, as SQL changes letters one by one and Python does not.
ALPHABET = "aAbBéÉöÖ%_\\*?[]^-'\" "


class Fact(Model):
    id: int | None = Field(default=None, primary_key=True)
    n: int | None = None
    m: int
    f: float | None = None
    d: Decimal | None = None
    e: Decimal
    t: str | None = None
    u: str
    b: bool | None = None
    day: date | None = None


# Other tests, which create all tables there are, need not know of it.
for known in (declared, active):
    known.pop("Fact")

COLUMNS = {
    "int": ["n", "m"],
    "float": ["f"],
    "decimal": ["d", "e"],
    "text": ["t", "u"],
    "bool": ["b"],
    "date": ["day"],
}
# Small enough that no calculation below leaves 64 bits, where the databases differ: PostgreSQL raises
# an error, SQLite turns to floats. Floats are eighths, whose sums are exact in any order, and decimals
# short, as SQLite reads those that stand beside a float into one.
VALUES: dict[str, SearchStrategy[Any]] = {
    "int": st.integers(-3, 3) | st.integers(-1000, 1000),
    "float": st.integers(-24, 24).map(lambda eighths: eighths / 8),
    "decimal": st.builds(
        lambda whole, places: Decimal(whole).scaleb(-places), st.integers(-9999, 9999), st.integers(0, 3)
    ),
    "text": st.text(ALPHABET, max_size=4),
    "bool": st.booleans(),
    "date": st.sampled_from([date.min, date(1999, 12, 31), date(2000, 2, 29), date.max]) | st.dates(),
}


def plain(value: Any) -> Any:
    """A decimal without a negative zero, which no database has."""
    return value.copy_abs() if isinstance(value, Decimal) and not value else value


def rows() -> SearchStrategy[list[dict[str, Any]]]:
    """The contents of the table: few rows, so that they often have values in common."""
    cells = {
        name: (VALUES[kind].map(plain) if name in "mue" else st.none() | VALUES[kind].map(plain))
        for kind, names in COLUMNS.items()
        for name in names
    }
    several = st.lists(st.fixed_dictionaries(cells), max_size=7)
    return several.map(lambda found: [{"id": at, **row} for at, row in enumerate(found, 1)])


@dataclass(frozen=True)
class Question:
    """Something that has a value for every row.

    Attributes:
        kind: the family of its values.
        text: how it reads, when an example fails.
        build: what is asked of ferro.
        answer: what Python says.
        literal: whether it is a value on its own, to which no operator of ferro's can be applied.
    """

    kind: str
    text: str
    build: Callable[[Any], Any]
    answer: Callable[[Row], Any]
    literal: bool = field(default=False)

    def __repr__(self) -> str:
        return self.text


def combined(
    kind: str, text: str, build: Callable[..., Any], answer: Callable[..., Any], *parts: Question, strict: bool = True
) -> Question:
    """A question made of questions; a strict one is null as soon as one of them is."""

    def answered(row: Row) -> Any:
        values = [part.answer(row) for part in parts]
        return None if strict and None in values else plain(answer(*values))

    return Question(kind, text.format(*parts), lambda row: build(*(part.build(row) for part in parts)), answered)


def column(name: str, kind: str) -> Question:
    return Question(kind, name, lambda row: getattr(row, name), lambda row: row[name])


def columns(kind: str) -> SearchStrategy[Question]:
    return st.sampled_from([column(name, kind) for name in COLUMNS[kind]])


def constant(value: Any, kind: str) -> Question:
    return Question(kind, repr(value), lambda row: value, lambda row: value, literal=True)


def constants(kind: str) -> SearchStrategy[Question]:
    return VALUES[kind].map(plain).map(lambda value: constant(value, kind))


# Calculating.


def divided(left: Any, right: Any) -> Any:
    return None if right == 0 else left / right


def whole_quotient(left: Any, right: Any) -> Any:
    if right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return EXACT.divide_int(left, right)


def remainder(left: Any, right: Any) -> Any:
    if right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int):
        return left - right * whole_quotient(left, right)
    left, right = Decimal(left), Decimal(right)
    rest = EXACT.remainder(left, right)
    # As many digits after the point as the longer of the two has.
    return rest.quantize(Decimal(1).scaleb(min(left.as_tuple().exponent, right.as_tuple().exponent)), context=EXACT)


def arithmetic(left: Question, symbol: str, right: Question) -> Question:
    kinds = {left.kind, right.kind}
    kind = (
        "float"
        if "float" in kinds or (symbol == "/" and kinds == {"int"})
        else "decimal"
        if "decimal" in kinds
        else "int"
    )
    convert = {"float": float, "decimal": Decimal, "int": int}[kind]
    calculate = ARITHMETIC[symbol]
    if symbol in ("//", "%"):
        return combined(kind, f"({{}} {symbol} {{}})", OPERATORS[symbol], calculate, left, right)

    def exactly(one: Any, other: Any) -> Any:
        return calculate(convert(one), convert(other))

    return combined(kind, f"({{}} {symbol} {{}})", OPERATORS[symbol], exactly, left, right)


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    **OPERATORS,
    "/": divided,
    "//": whole_quotient,
    "%": remainder,
}


@st.composite
def numbers(draw: st.DrawFn, kind: str, depth: int = 2) -> Question:
    """Numbers of one kind, calculated from columns and constants."""
    if depth == 0 or draw(st.booleans()):
        return draw(columns(kind))
    form = draw(st.sampled_from(["arithmetic", "arithmetic", "arithmetic", "-", "abs", "coalesce", "length"]))
    if form == "length" and kind == "int":
        return combined("int", "length({})", length, len, draw(texts(depth - 1)))
    if form == "coalesce":
        return draw(coalesced(numbers(kind, depth - 1), constants(kind) | columns(kind)))
    if form == "abs":
        return combined(kind, "abs({})", abs_, abs, draw(numbers(kind, depth - 1)))
    if form == "-":
        return combined(kind, "-{}", operator.neg, operator.neg, draw(numbers(kind, depth - 1)))
    return draw(calculated(kind, depth))


# What two numbers must be for their result to be of a kind. Quotients of decimals have a law of their
# own, as Python has another rule for their digits.
PAIRS: dict[str, list[tuple[str, str, str]]] = {
    "int": [("int", symbol, "int") for symbol in ("+", "-", "*", "//", "%")],
    "decimal": [
        pair
        for symbol in ("+", "-", "*", "//", "%")
        for pair in (("decimal", symbol, "decimal"), ("decimal", symbol, "int"), ("int", symbol, "decimal"))
    ],
    "float": [
        ("int", "/", "int"),
        *(
            pair
            for symbol in ("+", "-", "*", "/")
            for pair in (("float", symbol, "float"), ("float", symbol, "int"), ("decimal", symbol, "float"))
        ),
    ],
}


@st.composite
def calculated(draw: st.DrawFn, kind: str, depth: int) -> Question:
    first, symbol, second = draw(st.sampled_from(PAIRS[kind]))
    one = draw(numbers(first, depth - 1))
    # A float beside a decimal counts as a decimal, written as it is: only beside columns it is a float.
    other = draw(
        numbers(second, depth - 1) | constants(second) if first != "decimal" or second != "float" else columns(second)
    )
    if draw(st.booleans()):
        one, other = other, one
    return arithmetic(one, symbol, other)


@st.composite
def coalesced(draw: st.DrawFn, leading: SearchStrategy[Question], others: SearchStrategy[Question]) -> Question:
    first, *rest = parts = [draw(leading), *draw(st.lists(others, min_size=1, max_size=2))]
    shown = ", ".join("{}" for _ in parts)

    def first_known(*values: Any) -> Any:
        return next((value for value in values if value is not None), None)

    return combined(first.kind, f"coalesce({shown})", coalesce, first_known, first, *rest, strict=False)


# Text.


def each_letter(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(map(change, text))


@st.composite
def texts(draw: st.DrawFn, depth: int = 2) -> Question:
    if depth == 0 or draw(st.booleans()):
        return draw(columns("text"))
    form = draw(st.sampled_from(["lower", "upper", "+", "coalesce"]))
    if form == "lower":
        return combined("text", "lower({})", lower, each_letter(str.lower), draw(texts(depth - 1)))
    if form == "upper":
        return combined("text", "upper({})", upper, each_letter(str.upper), draw(texts(depth - 1)))
    if form == "coalesce":
        return draw(coalesced(texts(depth - 1), constants("text") | columns("text")))
    one, other = draw(texts(depth - 1)), draw(texts(depth - 1) | constants("text"))
    if draw(st.booleans()):
        one, other = other, one
    return combined("text", "({} + {})", operator.add, operator.add, one, other)


def dates() -> SearchStrategy[Question]:
    return columns("date") | coalesced(columns("date"), constants("date"))


def matches(text: str, pattern: str) -> bool:
    """LIKE, step by step: which places in the text may have been reached after so much of the pattern."""
    reached = {0}
    characters = iter(pattern)
    for character in characters:
        if character == "%":
            reached = set(range(min(reached), len(text) + 1)) if reached else set()
            continue
        wanted = None if character == "_" else next(characters) if character == "\\" else character
        reached = {at + 1 for at in reached if at < len(text) and wanted in (None, text[at])}
    return len(text) in reached


# Conditions.


def all_of(*values: bool | None) -> bool | None:
    return False if False in values else None if None in values else True


def any_of(*values: bool | None) -> bool | None:
    return True if True in values else None if None in values else False


def opposite(value: bool | None) -> bool | None:
    return None if value is None else not value


COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def of_kind(kind: str, depth: int = 1) -> SearchStrategy[Question]:
    """Anything of a kind but a bare value."""
    if kind == "text":
        return texts(depth)
    if kind == "date":
        return dates()
    return columns("bool") if kind == "bool" else numbers(kind, depth)


def numeric(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Compare as databases do: beside a float, every number is one."""

    def compared(left: Any, right: Any) -> Any:
        if isinstance(left, float) or isinstance(right, float):
            return compare(float(left), float(right))
        return compare(left, right)

    return compared


ORDERED = ["int", "float", "decimal", "text", "date"]
NUMBERS = ["int", "float", "decimal"]


@st.composite
def comparisons(draw: st.DrawFn) -> Question:
    kind = draw(st.sampled_from([*ORDERED, "bool"]))
    symbol = draw(st.sampled_from(list(COMPARISONS)[: 2 if kind == "bool" else 6]))
    left = draw(of_kind(kind))
    other = draw(st.sampled_from(NUMBERS)) if kind in NUMBERS and draw(st.booleans()) else kind
    right = draw(of_kind(other) | constants(kind))
    compare = numeric(COMPARISONS[symbol]) if kind in NUMBERS else COMPARISONS[symbol]
    return combined("bool", f"({{}} {symbol} {{}})", COMPARISONS[symbol], compare, left, right)


@st.composite
def memberships(draw: st.DrawFn) -> Question:
    kind = draw(st.sampled_from([*ORDERED, "bool"]))
    operand = draw(of_kind(kind))
    given = draw(st.lists(st.none() | VALUES[kind].map(plain), max_size=6))
    listed = [value for value in given if value is not None]

    def is_in(row: Row) -> bool | None:
        value = operand.answer(row)
        if value is None:
            return (None in given) or (None if listed else False)
        return value in listed

    if draw(st.booleans()):
        return Question("bool", f"{operand}.in_({given})", lambda row: operand.build(row).in_(given), is_in)

    def is_not_in(row: Row) -> bool | None:
        return opposite(is_in(row))

    return Question("bool", f"{operand}.not_in({given})", lambda row: operand.build(row).not_in(given), is_not_in)


@st.composite
def ranges(draw: st.DrawFn) -> Question:
    kind = draw(st.sampled_from(ORDERED))
    operand = draw(of_kind(kind))
    low, high = draw(of_kind(kind) | constants(kind)), draw(of_kind(kind) | constants(kind))

    def lies_between(value: Any, lowest: Any, highest: Any) -> bool | None:
        above = None if None in (value, lowest) else value >= lowest
        return all_of(above, None if None in (value, highest) else value <= highest)

    def build(found: Any, lowest: Any, highest: Any) -> Any:
        return found.between(lowest, highest)

    return combined("bool", "{}.between({}, {})", build, lies_between, operand, low, high, strict=False)


PATTERNS: dict[str, Callable[[str, str], bool]] = {
    "like": matches,
    "ilike": lambda text, pattern: matches(each_letter(str.lower)(text), each_letter(str.lower)(pattern)),
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": operator.contains,
}


def ends_in_escape(pattern: str) -> bool:
    return (len(pattern) - len(pattern.rstrip("\\"))) % 2 == 1


@st.composite
def patterns(draw: st.DrawFn) -> Question:
    method = draw(st.sampled_from(list(PATTERNS)))
    if method in ("like", "ilike"):
        # A pattern that ends in its escape character is refused. That of a column would not be seen
        # before PostgreSQL raises an error, so none comes from there.
        pattern = draw(constants("text").filter(lambda found: not ends_in_escape(found.answer({}))))
    else:
        pattern = draw(constants("text") | texts(1))

    def build(text: Any, part: Any) -> Any:
        return getattr(text, method)(part)

    return combined("bool", f"{{}}.{method}({{}})", build, PATTERNS[method], draw(texts(1)), pattern)


@st.composite
def nulls(draw: st.DrawFn, depth: int) -> Question:
    operand = draw(st.sampled_from([*ORDERED, "bool"]).flatmap(of_kind) | conditions(depth))
    if draw(st.booleans()):
        return combined(
            "bool", "{}.is_null()", lambda found: found.is_null(), lambda value: value is None, operand, strict=False
        )
    return combined(
        "bool",
        "{}.is_not_null()",
        lambda found: found.is_not_null(),
        lambda value: value is not None,
        operand,
        strict=False,
    )


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> Question:
    leaf = draw(st.integers(0, 2)) > 0 if depth else True
    if leaf:
        return draw(comparisons() | comparisons() | memberships() | ranges() | patterns() | nulls(0) | columns("bool"))
    form = draw(st.sampled_from(["&", "|", "~", "null"]))
    if form == "null":
        return draw(nulls(depth - 1))
    one = draw(conditions(depth - 1))
    if form == "~":
        return combined("bool", "~{}", operator.invert, opposite, one, strict=False)
    join, logic = (operator.and_, all_of) if form == "&" else (operator.or_, any_of)
    return combined("bool", f"({{}} {form} {{}})", join, logic, one, draw(conditions(depth - 1)), strict=False)


def anything() -> SearchStrategy[Question]:
    return st.sampled_from(ORDERED).flatmap(lambda kind: of_kind(kind, 2)) | conditions(2)


# Sorting.


@dataclass(frozen=True)
class Key:
    """One key of a sort."""

    question: Question
    descending: bool
    nulls: str

    def build(self, row: Any) -> Any:
        found = self.question.build(row)
        return found.desc(nulls=self.nulls) if self.descending else found.asc(nulls=self.nulls)

    def __repr__(self) -> str:
        return f"{self.question} {'desc' if self.descending else 'asc'} nulls {self.nulls}"


def keys() -> SearchStrategy[Key]:
    # "native" is left out: it is the one place where the databases are asked to differ.
    return st.builds(Key, anything(), st.booleans(), st.sampled_from(["first", "last"]))


def ordered(found: Iterable[Row], by: list[Key]) -> list[Row]:
    """Sort as SQL does: by the last key first, as every pass keeps the order of equal rows."""
    result = sorted(found, key=lambda row: row["id"])
    for key in reversed(by):
        absent = [row for row in result if key.question.answer(row) is None]
        present = [row for row in result if key.question.answer(row) is not None]
        present.sort(key=key.question.answer, reverse=False)
        if key.descending:
            present = stable_reverse(present, key.question.answer)
        result = [*absent, *present] if key.nulls == "first" else [*present, *absent]
    return result


def stable_reverse(found: list[Row], answer: Callable[[Row], Any]) -> list[Row]:
    return sorted(found, key=answer, reverse=True)
