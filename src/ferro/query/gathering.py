"""The values of many rows as one list, one object or one text."""

import json
from datetime import datetime
from functools import lru_cache
from types import GenericAlias
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
    operand,
    orders_of,
)
from ferro.query.inspecting import same
from ferro.query.kinds import advice, described, must_be, type_for
from ferro.query.selected import A, B
from ferro.query.sqltext import ATOM, Text, quote
from ferro.query.writer import Writer, filled
from ferro.types.base import ColumnType, Convert, Stored
from ferro.types.ranges import parse

T = TypeVar("T")

UNHASHABLE = frozenset({"json", "array", "object"})
# What a value is made of for a pair, besides itself.
PARTS = {"array": ("element",), "range": ("lower({})", "upper({})")}
# What JSON holds as a text, or as another number.
SPELLED: dict[str, Convert] = {"bytes": bytes.fromhex, "float": float}


class Gather(Aggregate[T]):
    """The values of the rows, in an order: as a list, or joined by what stands beside each."""

    __slots__ = ("beside", "order_by")

    def __init__(
        self,
        name: str,
        value: Expression[Any],
        beside: Expression[Any] | None,
        result: ColumnType | None,
        order_by: tuple[Order, ...],
        *,
        distinct: bool,
        filter: object,
    ) -> None:
        super().__init__(name, value, result, distinct=distinct, filter=filter)
        self.beside = beside
        self.order_by = order_by

    @property
    def value(self) -> Expression[Any]:
        """What is gathered."""
        return cast(Expression[Any], self.operand)

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        beside = () if self.beside is None else (self.beside,)
        return (*super().children, *beside, *(order.expression for order in self.order_by))

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += (self.name, self._type, self.distinct, self.beside is None, len(self.order_by))
        self.value.collect(shape, values, arrays)
        if self.beside is not None:
            self.beside.collect(shape, values, arrays)
        for order in self.order_by:
            order.collect(shape, values, arrays)
        shape.append(self.filter is None)
        if self.filter is not None:
            self.filter.collect(shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """`array_agg(DISTINCT … ORDER BY …)`, or ferro's own aggregate with the order among its arguments."""
        given = self.given(writer)
        form = writer.dialect.form("gathered")
        if form is not None:
            call = f"{quote(form.sql.format(self.name))}({self.in_arguments(writer, given)})"
        else:
            order = ", ".join(writer.order(order) for order in self.order_by)
            inner = f"{', '.join(given)} ORDER BY {order}" if order else ", ".join(given)
            own = writer.dialect.form(f"function:{self.name}")
            call = f"{own.sql if own else self.name}({'DISTINCT ' if self.distinct else ''}{inner})"
        call += writer.filter(self)
        nothing = writer.dialect.form(f"empty:{self.name}")
        return Text(filled(nothing, Text(call, ATOM)) if nothing else call, ATOM)

    def given(self, writer: Writer) -> list[str]:
        """What is gathered, as arguments."""
        value = plain(writer, self.value)
        if self.value.kind == "array":
            # PostgreSQL's arrays of arrays are all of one length: each goes as a text.
            value = in_pair(writer, value, self.value.type)
        if self.distinct:
            value = writer.comparable(value, self.value.type)
        return [value.sql] if self.beside is None else [value.sql, writer.beside(self.beside, self.value).sql]

    def in_arguments(self, writer: Writer, given: list[str]) -> str:
        """How to sort as the first argument, made of ferro's own words; what to sort by as the last ones."""
        how = [f"distinct:{collation_of(writer, self.value)}" if self.distinct else "all"]
        how += [order_of(writer, order) for order in self.order_by]
        keys = [writer.sql(order.expression) for order in self.order_by]
        return ", ".join([f"'{'|'.join(how)}'", *given, *keys])


class GatherPairs(Gather[T]):
    """The keys of the rows, and the value beside each, as an object."""

    __slots__ = ()

    def given(self, writer: Writer) -> list[str]:
        pair = [in_pair(writer, plain(writer, one), one.type) for one in (self.value, self.beside) if one is not None]
        form = writer.dialect.form("pair")
        return [filled(form, *pair)] if form else [one.sql for one in pair]

    def __repr__(self) -> str:
        kept = "" if self.filter is None else f", filter={self.filter!r}"
        return f"{self.name}({self.value!r}, {self.beside!r}{kept})"


def plain(writer: Writer, found: Expression[Any]) -> Text:
    """A value to gather; a text as plain text, whatever its column is."""
    text = writer.write(found)
    return writer.as_text(text, found) if found.kind == "text" else text


def in_pair(writer: Writer, text: Text, type: ColumnType | None) -> Text:
    """A value where JSON holds it: written so that nothing of it is lost."""
    form = writer.dialect.form(f"in pair:{type.kind}") if type else None
    if type is None or form is None:
        return text
    parts = [Text(part.format(text.sql), ATOM) for part in PARTS.get(type.kind, ())]
    return Text(filled(form, text, *(in_pair(writer, part, type.item) for part in parts)), ATOM)


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


def object_agg(
    key: A | Valued[A | None] | None, value: B | Valued[B], *, order_by: object = (), filter: object = None
) -> Expression[dict[A, B]]:
    """The values of the rows by their keys: `object_agg(b.title, b.sold)`; nulls are None, no rows an empty dict.

    Of rows with the same key the last one counts, in the order of `order_by`. A key that is null is an error: leave
    such rows out by `filter`.
    """
    keys, values = a_column(key, "object_agg"), a_column(value, "object_agg")
    result = object_of(known_type(keys), known_type(values))
    if keys.kind in UNHASHABLE:
        raise QueryError(
            f"object_agg() makes a dict, and {keys.label} cannot be a key of one: it is {described(keys)}{advice(keys)}"
        )
    return GatherPairs[Any]("object_agg", keys, values, result, orders_of(order_by), distinct=False, filter=filter)


def known_type(found: Expression[Any]) -> ColumnType:
    if found.type is None or not found.kind:
        raise QueryError(f"object_agg() needs to know the type of {found.label}: cast() it")
    return found.type


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
    load = reader(member) if member.kind == "array" else member.stored["postgresql"].load
    return ColumnType(
        name=f"list[{member.name}]",
        python_type=list,
        kind="array",
        accept=refusing("list"),
        stored={
            "sqlite": Stored("array_text", load=from_json(member)),
            "postgresql": Stored("array", load=None if load is None else each(load)),
        },
        secret=member.secret,
        item=member,
    )


@informing("objects")
@lru_cache(maxsize=1024)
def object_of(key: ColumnType, value: ColumnType) -> ColumnType:
    """An object of values as the database hands it over: the JSON of its pairs, the same on both."""
    stored = Stored("text", load=from_pairs(key, value))
    return ColumnType(
        name=f"dict[{key.name}, {value.name}]",
        python_type=GenericAlias(dict, (key.python_type, value.python_type)),
        kind="object",
        accept=refusing("dict"),
        stored={"sqlite": stored, "postgresql": stored},
        secret=key.secret or value.secret,
        item=value,
        key=key,
    )


def refusing(name: str) -> Convert:
    def refuse(value: Any) -> Any:
        raise ValueError(f"a {name} made of rows cannot be compared with {value!r}")

    return refuse


def each(load: Convert) -> Convert:
    return lambda values: [None if value is None else load(value) for value in values]


def from_json(member: ColumnType) -> Convert:
    read = reader(member)
    return lambda text: [read(value) for value in json.loads(text)]


def from_pairs(key: ColumnType, value: ColumnType) -> Convert:
    read_key, read_value = reader(key), reader(value)

    def load(text: str) -> dict[Any, Any]:
        pairs = json.loads(text)
        if any(pair[0] is None for pair in pairs):
            raise ValueError("a row has no key; leave such rows out by filter=")
        return {read_key(one): read_value(other) for one, other in pairs}

    return load


def reader(member: ColumnType) -> Convert:
    """What makes a value of what stands for it in JSON, on either database."""
    steps = [step for step in steps_of(member) if step is not None]

    def read(value: Any) -> Any:
        for step in steps if value is not None else ():
            value = step(value)
        return value

    return read


def steps_of(member: ColumnType) -> tuple[Convert | None, ...]:
    kind, item = member.kind, member.item
    if kind == "array" and item is not None:
        return from_json(item), member.python_type
    if kind == "range" and item is not None:
        read = reader(item)
        return (lambda text: parse(text, read),)
    if kind in ("datetime", "naive_datetime"):
        # PostgreSQL writes it in the time zone of the session.
        return datetime.fromisoformat, member.stored["postgresql"].load
    return SPELLED.get(kind), member.stored["sqlite"].load
