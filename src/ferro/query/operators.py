"""Operators that one database writes as operators, and another as functions of ferro's."""

from typing import Any, TypeVar

from ferro.errors import QueryError
from ferro.query.expressions import Condition, Expression, Shape, Values
from ferro.query.sqltext import ATOM, COMPARE, Text, quote
from ferro.query.writer import Writer, filled
from ferro.types.base import ColumnType

T = TypeVar("T")


class Operation(Expression[T]):
    """An operator and its operands; the kind of the first says whose operator it is."""

    __slots__ = ("_type", "name", "operands")

    def __init__(self, name: str, operands: tuple[Expression[Any], ...], result: ColumnType | None) -> None:
        self.name = name
        self.operands = operands
        self._type = result

    @property
    def type(self) -> ColumnType | None:
        return self._type

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return self.operands

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += (type(self), self.name, self._type)
        collect_operands(self.operands, shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """A call, or an operator in a form that is one operand."""
        return Text(operation(writer, self.name, self.operands).sql, ATOM)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(map(repr, self.operands))})"


class Question(Condition):
    """An operator that is answered by yes or no."""

    __slots__ = ("name", "operands")

    def __init__(self, name: str, *operands: Expression[Any]) -> None:
        self.name = name
        self.operands = operands

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return self.operands

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += (type(self), self.name)
        collect_operands(self.operands, shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """A call, or two operands with the operator between them."""
        return operation(writer, self.name, self.operands)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(map(repr, self.operands))})"


def collect_operands(operands: tuple[Expression[Any], ...], shape: Shape, values: Values, arrays: bool) -> None:
    for operand in operands:
        operand.collect(shape, values, arrays)


def operation(writer: Writer, name: str, operands: tuple[Expression[Any], ...]) -> Text:
    first = operands[0]
    texts = [writer.write(operand) for operand in operands]
    function = writer.stored(first.type).functions.get(name) if first.type else None
    if function is not None:
        return Text(f"{quote(function)}({', '.join(text.sql for text in texts)})", ATOM)
    form = writer.dialect.form(f"{first.kind} {name}")
    if form is None:
        raise QueryError(f"{first.label}: {writer.dialect.name} has no {name} for {first.kind}s")
    return Text(filled(form, *texts), COMPARE)
