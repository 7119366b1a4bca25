"""One of several values, by the first condition that is true: CASE."""

from typing import Any, Generic, TypeVar, overload

from ferro.errors import QueryError
from ferro.query.expressions import (
    Expression,
    Shape,
    Value,
    Valued,
    Values,
    bound,
    is_expression,
    literal,
    must_be_condition,
)
from ferro.query.kinds import described
from ferro.query.selected import A
from ferro.query.sqltext import ATOM, Text
from ferro.query.writer import Writer
from ferro.types.base import ColumnType

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class When(Generic[T_co]):
    """A condition, and the value where it is the first one that is true."""

    __slots__ = ("condition", "value")

    def __init__(self, condition: Expression[Any], value: object) -> None:
        self.condition = condition
        self.value = value

    def __repr__(self) -> str:
        return f"when({self.condition!r}, {self.value!r})"


class Null(Expression[None]):
    """No value, written into the SQL."""

    __slots__ = ()

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append("null")

    def write(self, _writer: Writer) -> Text:
        """Written out: a parameter would need a type."""
        return Text("NULL", ATOM)

    def __repr__(self) -> str:
        return "None"


NULL = Null()


class Case(Expression[T]):
    """The value of the first condition that is true, or the last value."""

    __slots__ = ("_type", "conditions", "results")

    def __init__(
        self,
        conditions: tuple[Expression[Any], ...],
        results: tuple[Expression[Any], ...],
        result: ColumnType | None,
    ) -> None:
        self.conditions = conditions
        # One more than there are conditions: the last is for the rows that meet none.
        self.results = results
        self._type = result

    @property
    def type(self) -> ColumnType | None:
        return self._type

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return (*self.conditions, *self.results)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("case", self._type, len(self.conditions))
        for condition, result in zip(self.conditions, self.results, strict=False):
            condition.collect(shape, values, arrays)
            result.collect(shape, values, arrays)
        self.results[-1].collect(shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """`CASE WHEN … THEN … ELSE … END`."""
        typed = next((one for one in self.results if not isinstance(one, (Value, Null))), None)

        def result(one: Expression[Any]) -> str:
            return (writer.write(one) if typed is None else writer.alike(one, typed)).sql

        branches = [
            f"WHEN {writer.sql(condition)} THEN {result(value)}"
            for condition, value in zip(self.conditions, self.results, strict=False)
        ]
        return Text(f"CASE {' '.join(branches)} ELSE {result(self.results[-1])} END", ATOM)

    def __repr__(self) -> str:
        branches = ", ".join(
            f"when({condition!r}, {result!r})" for condition, result in zip(self.conditions, self.results, strict=False)
        )
        return f"case({branches}, else_={self.results[-1]!r})"


def when(condition: object, value: A | Valued[A]) -> When[A]:
    """A branch of `case()`: the value where the condition is true."""
    return When(must_be_condition(condition, "when()"), value)


@overload
def case(*branches: When[A], else_: A | Valued[A]) -> Expression[A]: ...
@overload
def case(*branches: When[A]) -> Expression[A | None]: ...
def case(*branches: When[Any], else_: Any = None) -> Expression[Any]:
    """The value of the first condition that is true: `case(when(u.age < 18, "child"), else_="adult")`.

    Where none is true, it is `else_`, or null. All values are of one type; None may be among them.
    """
    if not branches:
        raise QueryError('case() needs a condition: case(when(u.age < 18, "child"), else_="adult")')
    for branch in branches:
        if not isinstance(branch, When):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise QueryError(f"case() takes branches made by when(condition, value), got {branch!r}")
    results = same_type([*(branch.value for branch in branches), else_])
    typed = next((one for one in results if one.type is not None), None)
    return Case[Any](tuple(branch.condition for branch in branches), results, typed.type if typed is not None else None)


def same_type(given: list[Any]) -> tuple[Expression[Any], ...]:
    """The values as expressions of one type: that of the first expression, else of the first value."""
    leading = next((one for one in given if is_expression(one)), None)
    if leading is None:
        leading = next((bound(one) for one in given if one is not None), None)
    if leading is None:
        return tuple(NULL for _ in given)
    return tuple(branch_value(one, leading) for one in given)


def branch_value(value: object, leading: Expression[Any]) -> Expression[Any]:
    if value is None:
        return NULL
    if not is_expression(value):
        return literal(value, leading)
    if value.kind and leading.kind and value.kind != leading.kind:
        raise QueryError(
            f"case() gives values of one type, and {value.label} is {described(value)} where "
            f"{leading.label} is {described(leading)}; cast() one of them"
        )
    return value
