"""Pages of a sorted query: after a row, before a row, and by number."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Generic, TypeVar, cast

from ferro.errors import QueryError
from ferro.query.expressions import (
    ColumnRef,
    Comparison,
    Expression,
    IsNull,
    Logical,
    Nulls,
    Order,
    Value,
    literal,
    parts,
)
from ferro.query.inspecting import is_aggregated, same
from ferro.query.sources import Source
from ferro.types.values import shown, with_article

R = TypeVar("R")

FLIPPED: dict[Nulls, Nulls] = {"first": "last", "last": "first", "native": "native"}
DIGEST = 8


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page of a query, by its number: `for user in page` goes through its rows.

    Attributes:
        rows: the rows of this page.
        number: which page it is; the first one is 1.
        size: how many rows a page has at most.
        total: how many rows all pages have together.
    """

    rows: tuple[R, ...]
    number: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.size)

    @property
    def has_next(self) -> bool:
        """Whether there is a page after this one."""
        return self.number < self.pages

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before this one."""
        return self.number > 1

    def __iter__(self) -> Iterator[R]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """What a query is sorted by, as far as it can tell where a row stands."""

    source: Source
    orders: tuple[Order, ...]

    @property
    def names(self) -> str:
        return ", ".join(order.expression.label for order in self.orders)

    # Conditions.

    def beyond(self, values: Sequence[Any], *, before: bool) -> Expression[bool]:
        """That a row comes after the one with these values, or before it."""
        orders = tuple(map(reversed_order, self.orders)) if before else self.orders
        bounds = [self.value(order, value) for order, value in zip(orders, values, strict=True)]
        choices: list[Expression[Any]] = []
        equal: tuple[Expression[Any], ...] = ()
        for order, bound in zip(orders, bounds, strict=True):
            further = self.further(order, bound)
            if further is not None:
                choices += (Logical("AND", (*equal, further)),) if equal else parts(further, "OR", "|")
            equal += (equals(order.expression, bound),)
        beyond = choices[0] if len(choices) == 1 else Logical("OR", tuple(choices))
        first, bound = orders[0], bounds[0]
        if len(choices) == 1 or bound is None or self.nullable(first):
            return beyond
        # It follows from the rest. Said by itself it lets an index find where the page begins.
        return Logical("AND", (Comparison(first.expression, "<=" if first.descending else ">=", bound), beyond))

    def further(self, order: Order, bound: Value[Any] | None) -> Expression[bool] | None:
        """That a row is further than the bound by this key; None where no row can be."""
        found = order.expression
        if bound is None:
            return IsNull(found, negated=True) if order.nulls == "first" else None
        further = Comparison(found, "<" if order.descending else ">", bound)
        if order.nulls == "last" and self.nullable(order):
            return Logical("OR", (further, IsNull(found)))
        return further

    def nullable(self, order: Order) -> bool:
        found = order.expression
        if isinstance(found, ColumnRef) and found.source == self.source:
            return found.column.nullable and not found.column.primary_key
        return True

    def value(self, order: Order, value: Any) -> Value[Any] | None:
        if value is None:
            if not self.nullable(order):
                raise QueryError(f"{order.expression.label} is never null, so no row stands at None")
            return None
        return literal(value, order.expression)

    # Positions.

    def read(self, position: object, verb: str) -> tuple[Any, ...]:
        """The values of a position: a tuple of them, a cursor, or an instance."""
        if isinstance(position, str):
            return self.from_cursor(position)
        if isinstance(position, tuple):
            values = cast("tuple[Any, ...]", position)
            if len(values) != len(self.orders):
                raise QueryError(
                    f"{verb}() expects one value for each key of order_by() ({self.names}), got {len(values)}: "
                    "use what position_of() returns"
                )
            return values
        if isinstance(position, self.source.table.model):
            return self.of_instance(position)
        raise QueryError(
            f"{verb}() expects a position: a tuple from position_of(), a cursor from cursor_of(), or a "
            f"{self.source.table.model.__name__}; got {position!r}"
        )

    def of_instance(self, instance: object) -> tuple[Any, ...]:
        return tuple(self.held(order.expression, vars(instance)) for order in self.orders)

    def held(self, found: Expression[Any], values: Mapping[str, Any]) -> Any:
        if isinstance(found, ColumnRef) and found.source == self.source and found.column.field in values:
            return values[found.column.field]
        raise QueryError(
            f"{with_article(self.source.table.model.__name__)} does not hold {found.label}, which the query is sorted by: "
            "select() it as well, and take the position of that row"
        )

    def of_row(self, row: object, names: tuple[str, ...], columns: Sequence[Expression[Any]]) -> tuple[Any, ...]:
        """The position of a row that `select()` made."""
        if isinstance(row, Mapping):
            row = tuple(cast("Mapping[str, Any]", row)[name] for name in names)
        values = cast("tuple[Any, ...]", row) if isinstance(row, tuple) else (row,)
        found: list[Any] = []
        for order in self.orders:
            at = next((at for at, column in enumerate(columns) if same(column, order.expression)), None)
            if at is None or at >= len(values):
                raise QueryError(f"the row does not hold {order.expression.label}, a key of order_by(): select() it")
            found.append(values[at])
        return tuple(found)

    # Cursors: the values as SQLite keeps them, which has an exact and short form for every type. What
    # stands in front of them only fits this table and order.

    def to_cursor(self, values: Sequence[Any]) -> str:
        """A position as a text that can travel in a URL."""
        written = [self.packed(order, value) for order, value in zip(self.orders, values, strict=True)]
        payload = json.dumps(written, separators=(",", ":"), ensure_ascii=False).encode()
        return urlsafe_b64encode(self.digest(payload) + payload).rstrip(b"=").decode()

    def from_cursor(self, cursor: str) -> tuple[Any, ...]:
        try:
            packed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            digest, payload = packed[:DIGEST], packed[DIGEST:]
            if digest != self.digest(payload) or urlsafe_b64encode(packed).rstrip(b"=").decode() != cursor:
                raise ValueError
            written: list[Any] = json.loads(payload)
            return tuple(self.unpacked(order, value) for order, value in zip(self.orders, written, strict=True))
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
            raise QueryError(
                f"{shown(cursor)} is no cursor of this query: it was changed on the way, or made for another table "
                "or order_by(); use what cursor_of() returned"
            ) from None

    def digest(self, payload: bytes) -> bytes:
        made_for = [self.source.table.name]
        for order in self.orders:
            found = order.expression
            made_for += [repr(found), found.kind, str(order.descending), order.nulls]
        key = blake2b(repr(made_for).encode(errors="surrogatepass"), digest_size=32).digest()
        return blake2b(payload, digest_size=DIGEST, key=key).digest()

    def packed(self, order: Order, value: Any) -> Any:
        bound = self.value(order, value)
        if bound is None:
            return None
        if bound.secret:
            raise QueryError(f"{order.expression.label} is secret, and a cursor can be read: sort by something else")
        if bound.kind == "float":
            return [repr(float(bound.value))]
        dump = bound.type.stored["sqlite"].dump
        try:
            kept = bound.value if dump is None else dump(bound.value)
        except ValueError as error:
            raise QueryError(f"{order.expression.label}: {error}") from None
        return {"bytes": urlsafe_b64encode(kept).decode()} if isinstance(kept, bytes) else kept

    def unpacked(self, order: Order, packed: Any) -> Any:
        known = order.expression.type
        if packed is None or known is None:
            return None
        if known.kind == "float":
            return float(packed[0])
        kept = urlsafe_b64decode(cast("dict[str, str]", packed)["bytes"]) if isinstance(packed, dict) else packed
        load = known.stored["sqlite"].load
        return kept if load is None else load(kept)


def keys_of(source: Source, orders: tuple[Order, ...], verb: str) -> Keys:
    """The keys of a sorted query, once it is sure that they tell every row from every other."""
    keys = Keys(source, orders)
    model = source.table.model.__name__
    if not source.table.primary_key:
        raise QueryError(f"{model} has no primary key, so {verb}() cannot tell where a row stands")
    if not orders:
        raise QueryError(f"{verb}() goes by the order of the rows: call order_by() before it")
    for column in source.table.primary_key:
        if not any(same(order.expression, ColumnRef[Any](source, column)) for order in orders):
            raise QueryError(
                f"{verb}() needs keys that tell every row from every other, and order_by({keys.names}) does not: "
                f"add {column.field!r}"
            )
    for order in orders:
        if is_aggregated(order.expression):
            raise QueryError(f"{verb}() compares single rows, and {order.expression.label} is made of many")
        if order.expression.type is None:
            raise QueryError(
                f"{verb}() must know the type of {order.expression.label}, and only the database does: cast() it"
            )
        if order.nulls == "native" and keys.nullable(order):
            raise QueryError(
                f"{verb}() must know where nulls of {order.expression.label} stand, which differs between databases: "
                'say order_by(..., nulls="first") or nulls="last"'
            )
    return keys


def reversed_order(order: Order) -> Order:
    """The same key the other way round."""
    return Order(order.expression, descending=not order.descending, nulls=FLIPPED[order.nulls])


def equals(found: Expression[Any], bound: Value[Any] | None) -> Expression[bool]:
    return IsNull(found) if bound is None else Comparison(found, "==", bound)


def completed(source: Source, orders: tuple[Order, ...]) -> tuple[Order, ...]:
    """The order with the primary key at its end, so that no two rows stand at the same place."""
    missing = (ColumnRef[Any](source, column) for column in source.table.primary_key)
    return orders + tuple(
        Order(column) for column in missing if not any(same(order.expression, column) for order in orders)
    )
