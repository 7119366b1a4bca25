"""Exact decimals: `Decimal`, a `numeric` on PostgreSQL and a text on SQLite that ferro computes with.

SQLite would turn numbers into binary fractions and keep 15 digits of them. So the digits are stored
as text, and compared, added and averaged by the functions below, which follow PostgreSQL's rules
for the digits of a result: both databases give the same answer.
"""

from collections.abc import Callable, Sequence
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from decimal import InvalidOperation as NotDecimal
from typing import Any

from ferro.types.annotations import Asked
from ferro.types.base import ColumnType, Kinds, Stored
from ferro.types.functions import SqliteAggregate, SqliteCollation, SqliteFunction
from ferro.types.values import shown, unexpected

# The limits of PostgreSQL's numeric, kept on SQLite too so that every row fits both.
DIGITS_BEFORE = 131_072
DIGITS_AFTER = 16_383
# Texts up to this length without an exponent are within both limits.
SURELY_SHORT = DIGITS_AFTER
PLAIN = frozenset("0123456789.-")

# Wide enough for any product of two numbers within the limits: nothing is ever rounded here.
EXACT = Context(prec=2 * (DIGITS_BEFORE + DIGITS_AFTER) + 2, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[NotDecimal])
ZERO = Decimal(0)


def accept(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return within_limits(value)
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return within_limits(Decimal(str(value) if isinstance(value, float) else value))
        except NotDecimal:
            pass
    raise unexpected("Decimal", value)


def within_limits(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError(f"{value} cannot be stored in a Decimal column: only finite numbers can")
    exponent = value.as_tuple().exponent
    if value.adjusted() >= DIGITS_BEFORE or (isinstance(exponent, int) and -exponent > DIGITS_AFTER):
        raise ValueError(
            f"{shown(value)} does not fit a Decimal column:"
            f" at most {DIGITS_BEFORE} digits before the point and {DIGITS_AFTER} after it"
        )
    return value


def plain_text(value: Any) -> str:
    """The digits as PostgreSQL would show them: never with an exponent, no negative zero."""
    if type(value) is Decimal and value and value.is_finite():
        text = str(value)
        if "E" not in text and len(text) <= SURELY_SHORT:
            return text
    exact = accept(value)
    return format(exact or exact.copy_abs(), "f")


def plain_texts(values: Sequence[Any], kinds: Kinds) -> Sequence[Any] | None:
    if kinds != {Decimal}:
        return None
    texts = list(map(str, values))
    # An exponent, Infinity and NaN have letters; a negative zero needs a look at each.
    is_plain = set("".join(texts)) <= PLAIN and max(map(len, texts)) <= SURELY_SHORT
    return texts if is_plain and ("-" not in "".join(texts) or all(values)) else None


def dump_many_for_postgresql(values: Sequence[Any], kinds: Kinds) -> Sequence[Any] | None:
    return None if plain_texts(values, kinds) is None else values


def dump_for_postgresql(value: Any) -> Decimal:
    if type(value) is Decimal and value.is_finite():
        text = str(value)
        if "E" not in text and len(text) <= SURELY_SHORT:
            return value
    return accept(value)


def number(value: Any) -> Decimal:
    """A number as SQLite hands it to a function: a text of ours, or an integer or float of the query."""
    return Decimal(str(value) if isinstance(value, float) else value)


def compare_texts(left: str, right: str) -> int:
    """Order two texts as numbers; what is no number comes after all numbers."""
    if left == right:
        return 0
    try:
        a, b = Decimal(left), Decimal(right)
        return (a > b) - (a < b)
    except NotDecimal:
        return compare_odd_texts(left, right)


def compare_odd_texts(left: str, right: str) -> int:
    a, b = odd_key(left), odd_key(right)
    return (a > b) - (a < b)


def odd_key(text: str) -> tuple[bool, Decimal, str]:
    try:
        value = Decimal(text)
    except NotDecimal:
        return True, ZERO, text
    return (True, ZERO, text) if value.is_nan() else (False, value, "")


def exact(calculate: Callable[[Decimal, Decimal], Decimal]) -> Callable[[Any, Any], str | None]:
    """A function of two numbers as SQLite calls it: NULL when either is NULL."""

    def function(left: Any, right: Any) -> str | None:
        if left is None or right is None:
            return None
        return plain_text(calculate(number(left), number(right)))

    return function


def exact_one(calculate: Callable[[Decimal], Decimal]) -> Callable[[Any], str | None]:
    def function(value: Any) -> str | None:
        return None if value is None else plain_text(calculate(number(value)))

    return function


def multiply(left: Decimal, right: Decimal) -> Decimal:
    product = EXACT.multiply(left, right)
    if scale(product) > DIGITS_AFTER:
        return to_scale(product, DIGITS_AFTER)
    return product


def divide(left: Decimal, right: Decimal) -> Decimal:
    """Divide to as many digits as PostgreSQL does."""
    if not right:
        raise ZeroDivisionError("division by zero")
    digits = quotient_scale(left, right)
    if not left:
        return to_scale(ZERO, digits)
    # Cut off one digit further than asked, then rounded by that digit: exact, as only the first
    # digit that goes decides.
    needed = max(left.adjusted() - right.adjusted() + digits + 3, 3)
    return to_scale(Context(prec=needed, rounding=ROUND_DOWN, Emax=MAX_EMAX, Emin=MIN_EMIN).divide(left, right), digits)


def quotient_scale(left: Decimal, right: Decimal) -> int:
    """The digits after the point of a quotient.

    They are 16 significant ones, counted in PostgreSQL's groups of four, and no fewer than either
    operand has.
    """
    left_weight, left_first = leading_group(left)
    right_weight, right_first = leading_group(right)
    weight = left_weight - right_weight - (left_first <= right_first)
    return min(max(16 - 4 * weight, scale(left), scale(right), 0), 1000)


def leading_group(value: Decimal) -> tuple[int, int]:
    """The first base-10,000 digit of a number, and its power."""
    if not value:
        return 0, 0
    weight = value.adjusted() // 4
    return weight, int(value.copy_abs().scaleb(-4 * weight, context=EXACT))


def whole_quotient(left: Decimal, right: Decimal) -> Decimal:
    """Divide and cut the fraction off, as Python's `//` does with decimals."""
    if not right:
        raise ZeroDivisionError("division by zero")
    return to_scale(EXACT.divide_int(left, right), 0)


def modulo(left: Decimal, right: Decimal) -> Decimal:
    if not right:
        raise ZeroDivisionError("division by zero")
    return to_scale(EXACT.remainder(left, right), max(scale(left), scale(right)))


def scale(value: Decimal) -> int:
    """How many digits a number has after the point."""
    exponent = value.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def to_scale(value: Decimal, digits: int, rounding: str = ROUND_HALF_UP) -> Decimal:
    return value.quantize(Decimal((0, (1,), -digits)), rounding=rounding, context=EXACT)


def rounded(value: Any, digits: Any = 0) -> str | None:
    if value is None or digits is None:
        return None
    result = to_scale(number(value), int(digits))
    # Rounding to tens leaves an exponent: PostgreSQL writes the zeros.
    return plain_text(result)


def to_whole(rounding: str) -> Callable[[Decimal], Decimal]:
    return lambda value: to_scale(value, 0, rounding)


class Sum:
    """The exact sum of a column: NULL of no rows."""

    def __init__(self) -> None:
        self.total = ZERO
        self.count = 0
        # The sum shows as many digits as its longest member, as in PostgreSQL.
        self.scales: dict[int, int] = {}

    def step(self, value: Any, /) -> None:
        if value is not None:
            given = number(value)
            self.total = EXACT.add(self.total, given)
            self.count += 1
            self.scales[scale(given)] = self.scales.get(scale(given), 0) + 1

    def inverse(self, value: Any, /) -> None:
        if value is not None:
            given = number(value)
            self.total = EXACT.subtract(self.total, given)
            self.count -= 1
            self.scales[scale(given)] -= 1

    @property
    def scale(self) -> int:
        return max((digits for digits, times in self.scales.items() if times), default=0)

    def value(self) -> Any:
        return plain_text(to_scale(self.total, self.scale)) if self.count else None

    def finalize(self) -> Any:
        return self.value()


class Average(Sum):
    """The mean of a column, divided as PostgreSQL divides."""

    def value(self) -> Any:
        if not self.count:
            return None
        return plain_text(divide(to_scale(self.total, self.scale), Decimal(self.count)))


class Smallest:
    """The smallest number of a column."""

    def __init__(self) -> None:
        self.best: Decimal | None = None

    def step(self, value: Any, /) -> None:
        if value is not None:
            given = number(value)
            if self.best is None or self.is_better(given, self.best):
                self.best = given

    def is_better(self, given: Decimal, best: Decimal) -> bool:
        return given < best

    def finalize(self) -> Any:
        return None if self.best is None else plain_text(self.best)


class Largest(Smallest):
    """The largest number of a column."""

    def is_better(self, given: Decimal, best: Decimal) -> bool:
        return given > best


COLLATION = "ferro_decimal"
COLLATIONS = (SqliteCollation(COLLATION, compare_texts),)
FUNCTIONS = (
    SqliteFunction("ferro_decimal_add", 2, exact(EXACT.add)),
    SqliteFunction("ferro_decimal_subtract", 2, exact(EXACT.subtract)),
    SqliteFunction("ferro_decimal_multiply", 2, exact(multiply)),
    SqliteFunction("ferro_decimal_divide", 2, exact(divide)),
    SqliteFunction("ferro_decimal_div", 2, exact(whole_quotient)),
    SqliteFunction("ferro_decimal_modulo", 2, exact(modulo)),
    SqliteFunction("ferro_decimal_negative", 1, exact_one(Decimal.copy_negate)),
    SqliteFunction("ferro_decimal_abs", 1, exact_one(Decimal.copy_abs)),
    SqliteFunction("ferro_decimal_round", -1, rounded),
    SqliteFunction("ferro_decimal_floor", 1, exact_one(to_whole(ROUND_FLOOR))),
    SqliteFunction("ferro_decimal_ceil", 1, exact_one(to_whole(ROUND_CEILING))),
    SqliteFunction("ferro_decimal_trunc", 1, exact_one(to_whole(ROUND_DOWN))),
)
AGGREGATES = (
    SqliteAggregate("ferro_decimal_sum", 1, Sum, window=True),
    SqliteAggregate("ferro_decimal_avg", 1, Average, window=True),
    SqliteAggregate("ferro_decimal_min", 1, Smallest),
    SqliteAggregate("ferro_decimal_max", 1, Largest),
)

DECIMAL = ColumnType(
    name="Decimal",
    python_type=Decimal,
    kind="decimal",
    accept=accept,
    stored={
        "sqlite": Stored(
            "decimal_text",
            dump=plain_text,
            dump_many=plain_texts,
            load=Decimal,
            collation=COLLATION,
            functions={
                "+": "ferro_decimal_add",
                "-": "ferro_decimal_subtract",
                "*": "ferro_decimal_multiply",
                "/": "ferro_decimal_divide",
                "//": "ferro_decimal_div",
                "%": "ferro_decimal_modulo",
                "mod": "ferro_decimal_modulo",
                "negative": "ferro_decimal_negative",
                "abs": "ferro_decimal_abs",
                "round": "ferro_decimal_round",
                "floor": "ferro_decimal_floor",
                "ceil": "ferro_decimal_ceil",
                "ceiling": "ferro_decimal_ceil",
                "trunc": "ferro_decimal_trunc",
                "sum": "ferro_decimal_sum",
                "avg": "ferro_decimal_avg",
                "min": "ferro_decimal_min",
                "max": "ferro_decimal_max",
            },
        ),
        "postgresql": Stored("numeric", dump=dump_for_postgresql, dump_many=dump_many_for_postgresql),
    },
)


def match(asked: Asked) -> ColumnType | None:
    if asked.inner is not Decimal:
        return None
    asked.token()
    return DECIMAL
