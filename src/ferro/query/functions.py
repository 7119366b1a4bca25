"""SQL functions for conditions, updates and selections."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeGuard, TypeVar, overload

from ferro.errors import QueryError
from ferro.query.expressions import (
    Aggregate,
    Cast,
    Expression,
    Function,
    Now,
    Valued,
    expression,
    is_expression,
    must_be_condition,
    operand,
)
from ferro.query.kinds import described, must_be, type_for
from ferro.query.related import RelatedQuery
from ferro.query.row import Collection
from ferro.query.selected import A
from ferro.types.base import ColumnType
from ferro.types.document import PART

M = TypeVar("M")
T = TypeVar("T")
Text = TypeVar("Text", str, str | None)

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z", re.ASCII)

# Which kinds a database can turn into which, with one meaning on every database.
CASTS = {
    "text": {"text", "int", "decimal", "uuid", "date"},
    "int": {"int", "float", "decimal", "text", "bool"},
    "float": {"int", "float", "decimal", "text"},
    "decimal": {"int", "float", "decimal", "text"},
    "bool": {"bool", "int"},
    "date": {"date", "text", "datetime", "naive_datetime"},
    "uuid": {"uuid"},
}

# What a part of a document can be; what it is not is null.
PARTS = {"text", "int", "float", "decimal", "bool"}

# Functions of a decimal that answer with a decimal.
ROUNDING = {"round", "floor", "ceil", "ceiling", "trunc", "mod", "abs"}

now: Now[datetime] = Now()


@overload
def col(column: Expression[T]) -> Expression[T]: ...
@overload
def col(column: RelatedQuery[M]) -> Collection[M]: ...
@overload
def col(column: A) -> Expression[A]: ...
def col(column: Any) -> Any:
    """The same column, with every operator visible to type checkers: `col(b.title).ilike("%sicp%")`.

    To them the `books` in `b.author.books` are those of an instance; `col(b.author.books).count()` is a value in SQL.
    """
    return column if is_collection(column) else an_expression(column, "col")


def is_collection(value: object) -> TypeGuard[Collection[Any]]:
    return isinstance(value, Collection)


def not_(condition: object) -> Expression[bool]:
    """The opposite of a condition: what `~` does, for conditions a checker takes for a bool."""
    return ~must_be_condition(condition, "not_")


def lower(text: Text | Valued[Text]) -> Expression[Text]:
    """A text in lower case."""
    changed: Any = expression(text).lower()
    return changed


def upper(text: Text | Valued[Text]) -> Expression[Text]:
    """A text in upper case."""
    changed: Any = expression(text).upper()
    return changed


def length(text: object) -> Expression[int]:
    """How many characters a text has, or bytes a bytes column."""
    return expression(text).length()


@overload
def abs_(number: Expression[T]) -> Expression[T]: ...
@overload
def abs_(number: A) -> Expression[A]: ...
def abs_(number: Any) -> Any:
    """A number's distance from zero; Python's own `abs()` works too."""
    return expression(number).abs()


def coalesce(first: A | Valued[A | None] | None, *others: A | Valued[A | None] | None) -> Expression[A]:
    """The first of the values that is not null: `coalesce(u.nickname, u.name)`."""
    if not others:
        raise QueryError("coalesce needs at least two values")
    leading = an_expression(first, "coalesce")
    arguments = (leading, *(operand(other, leading, "coalesce") for other in others))
    for argument in arguments[1:]:
        must_be(argument, "coalesce", leading.kind or argument.kind)
    return Function[Any]("coalesce", arguments, leading.type)


@overload
def cast(value: object, to: type[T]) -> Expression[T]: ...
@overload
def cast(value: object, to: Any) -> Expression[Any]: ...
def cast(value: object, to: Any) -> Expression[Any]:
    """A value as another Python type, converted by the database: `cast(f.flight, str)`."""
    found = expression(value)
    try:
        target = type_for(to)
    except (TypeError, ValueError) as error:
        raise QueryError(f"cast(..., {to!r}): {error}") from None
    if found.type is PART and target.kind in PARTS:
        return Cast(found, target)
    if found.kind not in CASTS.get(target.kind, set()) | {""}:
        raise QueryError(f"{found.label} is {described(found)} and cannot be cast to {target.name}")
    return Cast(found, target)


def count(value: object = None, *, distinct: bool = False, filter: object = None) -> Expression[int]:
    """How many rows; given a column, how many of its values are not null.

    Of the rows of a group, only those take part that meet `filter`, a condition.
    """
    if value is None:
        if distinct:
            raise QueryError("count(distinct=True) needs a column: count(u.name, distinct=True)")
        return Aggregate("count", None, type_for(int), filter=filter)
    return an_expression(value, "count").count(distinct=distinct, filter=filter)


@overload
def sum_(value: Expression[T], *, distinct: bool = False, filter: object = None) -> Expression[T | None]: ...
@overload
def sum_(value: A, *, distinct: bool = False, filter: object = None) -> Expression[A | None]: ...
def sum_(value: Any, *, distinct: bool = False, filter: object = None) -> Any:
    """The sum over the rows; None when there is no value."""
    return an_expression(value, "sum_").sum(distinct=distinct, filter=filter)


def avg(value: object, *, distinct: bool = False, filter: object = None) -> Expression[Any]:
    """The average over the rows: a Decimal of decimals, otherwise a float."""
    return an_expression(value, "avg").avg(distinct=distinct, filter=filter)


@overload
def min_(value: Expression[T], *, filter: object = None) -> Expression[T | None]: ...
@overload
def min_(value: A, *, filter: object = None) -> Expression[A | None]: ...
def min_(value: Any, *, filter: object = None) -> Any:
    """The smallest value of the rows; None when there is no value."""
    return an_expression(value, "min_").min(filter=filter)


@overload
def max_(value: Expression[T], *, filter: object = None) -> Expression[T | None]: ...
@overload
def max_(value: A, *, filter: object = None) -> Expression[A | None]: ...
def max_(value: Any, *, filter: object = None) -> Any:
    """The greatest value of the rows; None when there is no value."""
    return an_expression(value, "max_").max(filter=filter)


class Functions:
    """Any other function of the database by its name: `fn.round(p.price, 2)`."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Callable[..., Expression[Any]]:
        if name.startswith("__"):
            raise AttributeError(name)
        if not IDENTIFIER.match(name):
            raise QueryError(f"{name!r} is not the name of a function: use letters, digits and _")

        def call(*arguments: object) -> Expression[Any]:
            return Function(
                name, tuple(given := [expression(argument) for argument in arguments]), result_type(name, given)
            )

        call.__name__ = name
        return call

    def __repr__(self) -> str:
        return "fn"


fn = Functions()


def result_type(name: str, arguments: list[Expression[Any]]) -> ColumnType | None:
    """What a function is known to answer with: rounding a decimal gives a decimal."""
    return arguments[0].type if arguments and arguments[0].kind == "decimal" and name.lower() in ROUNDING else None


def an_expression(value: object, function: str) -> Expression[Any]:
    if is_expression(value):
        return value
    raise QueryError(f"{function}() expects a column or an expression, got {type(value).__name__}: {value!r}")
