"""A piece of SQL in the middle of a query, with its values bound."""

import re
from collections.abc import Sequence
from string import Formatter
from typing import Any, TypeVar, overload

from ferro.errors import QueryError
from ferro.query.expressions import Expression, Shape, Values, expression
from ferro.query.kinds import type_for
from ferro.query.sqltext import ATOM, Text, must_be_sendable
from ferro.query.templates import TString, parts_of
from ferro.query.writer import Writer
from ferro.types.base import ColumnType

T = TypeVar("T")

# What a database would take for one of the statement's own parameters.
NUMBERED = re.compile(r"[$?]\d")


class Fragment(Expression[T]):
    """SQL as its author wrote it, around expressions and values."""

    __slots__ = ("_type", "operands", "texts")

    def __init__(
        self, texts: tuple[str, ...], operands: tuple[Expression[Any], ...], result: ColumnType | None
    ) -> None:
        # One more than there are operands, which stand between them.
        self.texts = texts
        self.operands = operands
        self._type = result

    @property
    def type(self) -> ColumnType | None:
        return self._type

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return self.operands

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("fragment", self.texts, self._type)
        for operand in self.operands:
            operand.collect(shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """The text in parentheses, and each operand in parentheses where it is more than one word."""
        parts = [self.texts[0]]
        for text, operand in zip(self.texts[1:], self.operands, strict=True):
            written = writer.write(operand)
            parts += (written.sql if written.level == ATOM else f"({written.sql})", text)
        return Text(f"({''.join(parts)})", ATOM)

    def __repr__(self) -> str:
        return f"raw({'{}'.join(self.texts)!r}, ...)"


@overload
def raw(sql: str | TString, *operands: object, returns: type[T]) -> Expression[T]: ...
@overload
def raw(sql: str | TString, *operands: object, returns: None = None) -> Expression[Any]: ...
def raw(sql: str | TString, *operands: object, returns: Any = None) -> Expression[Any]:
    """A piece of SQL inside a query: `raw("{} % {} = 0", u.id, 7)`; each `{}` is a column, an expression or a value.

    Values are bound as parameters, never written into the text. The text itself is sent as it is: write it
    into your program, and never make it of what somebody else has given. A brace is written `{{` or `}}`.
    From Python 3.14 on a t-string says the same: `raw(t"{u.id} % {7} = 0")`.

    Args:
        sql: the text, in the words of the database that will read it.
        operands: what stands for each `{}`, in order.
        returns: the Python type of its value, which lets it be compared and decoded as one.
    """
    if isinstance(sql, TString):
        texts, operands = interpolated(sql, operands)
    else:
        texts = read_template(sql)
    if len(texts) - 1 != len(operands):
        raise QueryError(
            f"raw({sql!r}) has {len(texts) - 1} times {{}}, and {len(operands)} values were given for them"
        )
    try:
        result = None if returns is None else type_for(returns)
    except (TypeError, ValueError) as error:
        raise QueryError(f"raw(returns={returns!r}): {error}") from None
    return Fragment[Any](texts, tuple(expression(operand) for operand in operands), result)


def interpolated(sql: TString, operands: tuple[object, ...]) -> tuple[tuple[str, ...], tuple[object, ...]]:
    """The texts and the operands of a t-string."""
    if operands:
        raise QueryError(
            f"raw(): a t-string has its values in it, and {len(operands)} are given besides: write them into it as {{...}}"
        )
    texts, values = parts_of(sql)
    must_have_no_placeholders(texts, "{}".join(texts))
    return texts, values


def read_template(sql: str) -> tuple[str, ...]:
    """The texts between the operands."""
    texts = [""]
    try:
        for text, name, spec, conversion in Formatter().parse(sql):
            texts[-1] += text
            if name is None:
                continue
            if name or spec or conversion:
                raise QueryError(f"raw({sql!r}): operands are given in order, as plain {{}}; a brace is written {{{{")
            texts.append("")
    except ValueError as error:
        raise QueryError(f"raw({sql!r}): {error}; a brace is written {{{{ or }}}}") from None
    must_have_no_placeholders(texts, sql)
    return tuple(texts)


def must_have_no_placeholders(texts: Sequence[str], sql: str) -> None:
    must_be_sendable(sql, f"raw({sql!r})")
    if any(map(NUMBERED.search, texts)):
        raise QueryError(f"raw({sql!r}): values are bound by {{}}, not by $1 or ?1")
