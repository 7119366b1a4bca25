"""Dates and times: their parts, cut to a unit, and calculating with them."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, Literal, TypeAlias, TypeVar, overload

from ferro.errors import QueryError
from ferro.query.expressions import Expression, Shape, Values, bound, expression, is_expression, literal
from ferro.query.kinds import MEANINGS, described, must_be, type_for
from ferro.query.selected import A
from ferro.query.sqltext import ATOM, OR, Text
from ferro.query.writer import Writer, filled
from ferro.types.base import ColumnType

T = TypeVar("T")

Unit: TypeAlias = Literal["year", "quarter", "month", "week", "day", "hour", "minute", "second"]

UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
UNITS_OF_A_DATE = UNITS[:5]
WITH_DATE = ("date", "datetime", "naive_datetime")
WITH_CLOCK = ("datetime", "naive_datetime", "time")


def year(moment: object) -> Expression[int]:
    """The year of a date or datetime; of an instant, in UTC."""
    return part("year", moment, WITH_DATE)


def month(moment: object) -> Expression[int]:
    """The month of a date or datetime, from 1 to 12."""
    return part("month", moment, WITH_DATE)


def day(moment: object) -> Expression[int]:
    """The day of the month of a date or datetime, from 1."""
    return part("day", moment, WITH_DATE)


def weekday(moment: object) -> Expression[int]:
    """The day of the week of a date or datetime: 1 is Monday and 7 is Sunday, as `isoweekday()` has it."""
    return part("weekday", moment, WITH_DATE)


def hour(moment: object) -> Expression[int]:
    """The hour of a datetime or time, from 0 to 23; of an instant, in UTC."""
    return part("hour", moment, WITH_CLOCK)


def minute(moment: object) -> Expression[int]:
    """The minute of a datetime or time."""
    return part("minute", moment, WITH_CLOCK)


def second(moment: object) -> Expression[int]:
    """The whole second of a datetime or time."""
    return part("second", moment, WITH_CLOCK)


@overload
def date_trunc(unit: Unit, moment: Expression[T]) -> Expression[T]: ...
@overload
def date_trunc(unit: Unit, moment: A) -> Expression[A]: ...
def date_trunc(unit: Unit, moment: Any) -> Any:
    """The beginning of the year, quarter, month, week, day, hour, minute or second that a moment lies in.

    Weeks begin on Monday. Instants are cut in UTC, a date stays a date: `date_trunc("month", u.joined)`.
    """
    if unit not in UNITS:
        raise QueryError(f"date_trunc() knows the units {', '.join(UNITS)}, not {unit!r}")
    found = must_be(expression(moment), "date_trunc", *WITH_DATE)
    if found.kind == "date" and unit not in UNITS_OF_A_DATE:
        raise QueryError(f"date_trunc({unit!r}): {found.label} is a date, which has no {unit}s")
    return Moment[Any](f"trunc:{unit}", found, found.type)


def part(unit: str, moment: object, kinds: tuple[str, ...]) -> Expression[int]:
    return Moment(f"part:{unit}", must_be(expression(moment), unit, *kinds), type_for(int))


class Moment(Expression[T]):
    """A part of a date or datetime, or one cut to a unit."""

    __slots__ = ("_type", "name", "operand")

    def __init__(self, name: str, operand: Expression[Any], result: ColumnType | None) -> None:
        self.name = name
        self.operand = operand
        self._type = result

    @property
    def type(self) -> ColumnType | None:
        return self._type

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return (self.operand,)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += (self.name, self._type)
        self.operand.collect(shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """A form of the dialect, on the clock of UTC."""
        dialect = writer.dialect
        form = dialect.form(f"{self.name}:{self.operand.kind}") or dialect.forms[self.name]
        return instant(writer, Text(filled(form, clock(writer, self.operand)), ATOM), self._type)

    def __repr__(self) -> str:
        return f"{self.name.replace(':', ' ')}({self.operand!r})"


class Moved(Expression[T]):
    """Two dates or times, or one and a timedelta, and `+` or `-`."""

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
    def children(self) -> tuple[Expression[Any], ...]:
        return (self.left, self.right)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("moved", self.operator, self._type)
        self.left.collect(shape, values, arrays)
        self.right.collect(shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """A form of the dialect, on the clock of UTC."""
        dialect, name = writer.dialect, f"moment:{self.operator}"
        left, right = clock(writer, self.left), clock(writer, self.right)
        form = dialect.form(f"{name}:{self.left.kind}:{self.right.kind}") or dialect.forms[name]
        return instant(writer, Text(filled(form, left, right), ATOM), self._type)

    def __repr__(self) -> str:
        return f"({self.left!r} {self.operator} {self.right!r})"


def clock(writer: Writer, node: Expression[Any]) -> Text:
    """An operand; an instant as the clock of UTC shows it, where the database would ask the session's."""
    text = writer.write(node)
    form = writer.dialect.form(f"clock:{stored_name(writer, node)}")
    return Text(filled(form, text), OR) if form else text


def instant(writer: Writer, text: Text, type: ColumnType | None) -> Text:
    """What came out of it, made an instant again if it is one."""
    form = writer.dialect.form(f"instant:{writer.stored(type).name}") if type else None
    return Text(f"({filled(form, text)})", ATOM) if form else text


def stored_name(writer: Writer, node: Expression[Any]) -> str:
    return writer.stored(node.type).name if node.type else ""


# Calculating.


def calculate(operator: str) -> Callable[..., Expression[Any]]:
    def calculated(first: Expression[Any], other: object, *, reflected: bool = False) -> Expression[Any]:
        second = other if is_expression(other) else moment(other, first, operator)
        left, right = (second, first) if reflected else (first, second)
        if left.kind == "timedelta" and operator == "+" and right.kind in WITH_DATE:
            left, right = right, left
        return Moved[Any](left, operator, right, result(left, operator, right))

    return calculated


def moment(value: object, beside: Expression[Any], operator: str) -> Expression[Any]:
    """A value to calculate with: a timedelta, or a date or datetime beside one."""
    if isinstance(value, datetime) and beside.kind in ("datetime", "naive_datetime"):
        return literal(value, beside)
    if isinstance(value, (date, timedelta)):
        return bound(value)
    raise QueryError(f"{beside.label} {operator} expects a timedelta, date or datetime, got {value!r}")


def result(left: Expression[Any], operator: str, right: Expression[Any]) -> ColumnType | None:
    if right.kind == "timedelta" and left.kind in (*WITH_DATE, "timedelta"):
        return left.type
    if operator == "-" and left.kind == right.kind and left.kind in WITH_DATE:
        return type_for(timedelta)
    raise QueryError(
        f"{left.label} {operator} {right.label}: {described(left)} and {described(right)} do not go together"
    )


MEANINGS.update(
    {(kind, operator): calculate(operator) for kind in (*WITH_DATE, "timedelta") for operator in ("+", "-")}
)
