"""The values of many rows as one list, or as one text."""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, cast, overload

from ferro.caches import informing
from ferro.errors import QueryError
from ferro.query.expressions import (
    Aggregate,
    Expression,
    Order,
    Shape,
    Valued,
    Values,
    is_expression,
    must_be,
    operand,
    orders_of,
    same,
    type_for,
)
from ferro.query.selected import A
from ferro.query.sqltext import ATOM, Text, quote
from ferro.query.writer import Writer, filled
from ferro.types.base import ColumnType, Convert, Stored

T = TypeVar("T")


class Gather(Aggregate[T]):
    """The values of the rows, in an order, as a list or joined by a separator."""

    __slots__ = ("order_by", "separator")

    def __init__(
        self,
        name: str,
        value: Expression[Any],
        separator: Expression[Any] | None,
        result: ColumnType | None,
        order_by: tuple[Order, ...],
        *,
        distinct: bool,
        filter: object,
    ) -> None:
        super().__init__(name, value, result, distinct=distinct, filter=filter)
        self.separator = separator
        self.order_by = order_by

    @property
    def value(self) -> Expression[Any]:
        """What is gathered."""
        return cast(Expression[Any], self.operand)

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        among = () if self.separator is None else (self.separator,)
        return (*super().children, *among, *(order.expression for order in self.order_by))

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += (self.name, self._type, self.distinct, self.separator is None, len(self.order_by))
        self.value.collect(shape, values, arrays)
        if self.separator is not None:
            self.separator.collect(shape, values, arrays)
        for order in self.order_by:
            order.collect(shape, values, arrays)
        shape.append(self.filter is None)
        if self.filter is not None:
            self.filter.collect(shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """`array_agg(DISTINCT … ORDER BY …)`, or ferro's own aggregate with the order among its arguments."""
        # A text is joined, or listed, as plain text, whatever its column is.
        value = writer.write(self.value)
        given = [writer.as_text(value, self.value).sql if self.value.kind == "text" else value.sql]
        if self.separator is not None:
            given.append(writer.beside(self.separator, self.value).sql)
        form = writer.dialect.form("gathered")
        if form is not None:
            call = f"{quote(form.sql.format(self.name))}({self.in_arguments(writer, given)})"
        else:
            order = ", ".join(writer.order(order) for order in self.order_by)
            inner = f"{', '.join(given)} ORDER BY {order}" if order else ", ".join(given)
            call = f"{self.name}({'DISTINCT ' if self.distinct else ''}{inner})"
        call += writer.filter(self)
        nothing = writer.dialect.form(f"empty:{self.name}")
        return Text(filled(nothing, Text(call, ATOM)) if nothing else call, ATOM)

    def in_arguments(self, writer: Writer, given: list[str]) -> str:
        """How to sort as the first argument, made of ferro's own words; what to sort by as the last ones."""
        how = [f"distinct:{collation_of(writer, self.value)}" if self.distinct else "all"]
        how += [order_of(writer, order) for order in self.order_by]
        keys = [writer.sql(order.expression) for order in self.order_by]
        return ", ".join([f"'{'|'.join(how)}'", *given, *keys])


def collation_of(writer: Writer, found: Expression[Any]) -> str:
    return (writer.stored(found.type).collation if found.type else None) or ""


def order_of(writer: Writer, order: Order) -> str:
    nulls = order.nulls
    if nulls == "native":
        nulls = "last" if order.descending else "first"
    return f"{collation_of(writer, order.expression)}:{'down' if order.descending else 'up'}:{nulls}"


def string_agg(
    text: object,
    separator: str | Valued[str | None] = ",",
    *,
    distinct: bool = False,
    order_by: object = (),
    filter: object = None,
) -> Expression[str | None]:
    """The texts of the rows, joined: `string_agg(b.title, ", ", order_by=b.title)`; None when there is none."""
    found = must_be(a_column(text, "string_agg"), "string_agg", "text")
    between = operand(separator, found, "string_agg", type_for(str))
    orders = orders_of(order_by)
    must_sort_by_itself("string_agg", found, distinct=distinct, orders=orders)
    return Gather[Any]("string_agg", found, between, type_for(str), orders, distinct=distinct, filter=filter)


@overload
def array_agg(
    value: Expression[T], *, distinct: bool = False, order_by: object = (), filter: object = None
) -> Expression[list[T]]: ...
@overload
def array_agg(
    value: A, *, distinct: bool = False, order_by: object = (), filter: object = None
) -> Expression[list[A]]: ...
def array_agg(value: Any, *, distinct: bool = False, order_by: object = (), filter: object = None) -> Any:
    """The values of the rows as a list: `array_agg(b.title, order_by=b.title)`; nulls are None, no rows an empty list."""
    found = a_column(value, "array_agg")
    if found.type is None:
        raise QueryError(f"array_agg() needs to know the type of {found.label}: cast() it")
    orders = orders_of(order_by)
    must_sort_by_itself("array_agg", found, distinct=distinct, orders=orders)
    return Gather[Any]("array_agg", found, None, list_of(found.type), orders, distinct=distinct, filter=filter)


def a_column(value: object, function: str) -> Expression[Any]:
    if is_expression(value):
        return value
    raise QueryError(f"{function}() expects a column or an expression, got {type(value).__name__}: {value!r}")


def must_sort_by_itself(name: str, found: Expression[Any], *, distinct: bool, orders: tuple[Order, ...]) -> None:
    if distinct and any(not same(order.expression, found) for order in orders):
        raise QueryError(f"{name}(distinct=True) can be sorted by its own values only: leave out order_by=")


@informing("lists")
@lru_cache(maxsize=1024)
def list_of(member: ColumnType) -> ColumnType:
    """A list of values as the database hands it over."""
    load = member.stored["postgresql"].load
    return ColumnType(
        name=f"list[{member.name}]",
        python_type=list,
        kind="array",
        accept=refuse,
        stored={
            "sqlite": Stored("array_text", load=from_json(member)),
            "postgresql": Stored("array", load=None if load is None else each(load)),
        },
        secret=member.secret,
        item=member,
    )


def refuse(value: Any) -> Any:
    raise ValueError(f"a list made of rows cannot be compared with {value!r}")


def each(load: Convert) -> Convert:
    return lambda values: [None if value is None else load(value) for value in values]


def from_json(member: ColumnType) -> Convert:
    steps: list[Callable[[Any], Any]] = []
    if member.kind == "bytes":
        steps.append(bytes.fromhex)
    if (load := member.stored["sqlite"].load) is not None:
        steps.append(load)

    def loaded(value: Any) -> Any:
        for step in steps if value is not None else ():
            value = step(value)
        return value

    return lambda text: [loaded(value) for value in json.loads(text)]
