"""Arrays of scalars: `list[int]` with `db_type="array"`, `bigint[]` on PostgreSQL and JSON text on SQLite.

PostgreSQL is sent the text of an array, whose type its column tells. SQLite has no arrays: ferro's own
functions answer there what PostgreSQL's operators answer, nulls included.
"""

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, TypeAlias, cast, get_args, get_origin
from uuid import UUID

from pydantic_core import from_json

from ferro.caches import informing
from ferro.types.annotations import Asked, split_optional
from ferro.types.base import ColumnType, Convert, Respelled, Stored
from ferro.types.functions import SqliteCollation, SqliteFunction
from ferro.types.inet import inet_key
from ferro.types.values import is_list, unexpected

Find: TypeAlias = Callable[[Any], ColumnType]

ASKED = "array"
ORDERED = (list, tuple)
SETS = (set, frozenset)
SCALARS = frozenset(
    {"bool", "int", "float", "decimal", "text", "bytes", "date", "time", "datetime", "naive_datetime", "timedelta"}
    | {"uuid", "inet"}
)
NUMBERS = frozenset({"int", "float", "decimal"})


# How PostgreSQL spells an array.


def quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def an_interval(value: timedelta) -> str:
    return f'"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"'


SPELLINGS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "NULL",
    bool: lambda value: "t" if value else "f",
    int: int.__repr__,
    float: float.__repr__,
    Decimal: lambda value: format(value, "f"),
    str: lambda value: quoted(str.__str__(value)),
    bytes: lambda value: f'"\\\\x{value.hex()}"',
    datetime: lambda value: quoted(value.isoformat()),
    date: lambda value: quoted(value.isoformat()),
    time: lambda value: quoted(value.isoformat()),
    timedelta: an_interval,
    UUID: quoted,
    IPv4Address: quoted,
    IPv6Address: quoted,
    IPv4Network: quoted,
    IPv6Network: quoted,
}


def spelled(value: Any) -> str:
    """A driver value as an element of PostgreSQL's text of an array."""
    return next(SPELLINGS[kind] for kind in type(value).__mro__ if kind in SPELLINGS)(value)


# One array.


class Items:
    """What the elements of an array are, and what Python keeps them in."""

    def __init__(self, name: str, container: type, item: ColumnType, *, nullable: bool) -> None:
        self.name = name
        self.container = container
        self.item = item
        self.nullable = nullable

    @property
    def is_set(self) -> bool:
        return issubclass(self.container, SETS)

    @property
    def is_mutable(self) -> bool:
        return self.container in (list, set)

    def accept(self, value: Any) -> Any:
        return self.container(self.each(value, self.item.accept))

    def each(self, value: Any, convert: Convert | None) -> list[Any]:
        """The elements, converted; one that cannot be is named by its place."""
        if not isinstance(value, SETS if self.is_set else ORDERED):
            raise unexpected(self.name, hidden(value) if self.item.secret else value)
        converted: list[Any] = []
        for at, element in enumerate(cast("Sequence[Any]", value)):
            if element is None:
                if not self.nullable:
                    raise ValueError(f"element {at} is None, and those of {self.name} never are")
                converted.append(None)
                continue
            try:
                converted.append(element if convert is None else convert(element))
            except ValueError as error:
                raise ValueError(f"element {at}: {error}") from None
        return converted

    def dumped(self, value: Any, dialect: str) -> list[Any]:
        """Its elements as driver values; those of a set in one order, so that equal sets are equal arrays."""
        found = self.each(value, self.item.stored[dialect].dump)
        if self.is_set:
            found.sort(key=lambda element: (element is not None, element is not None and self.order(element)))
        return found

    def order(self, element: Any) -> Any:
        if self.item.kind in NUMBERS:
            return Decimal(element)
        return str(element)

    def to_array(self, value: Any) -> str:
        text = f"{{{','.join(map(spelled, self.dumped(value, 'postgresql')))}}}"
        return Respelled(text, self.to_json(value)) if self.is_mutable else text

    def to_json(self, value: Any) -> str:
        found = self.dumped(value, "sqlite")
        if self.item.kind == "bytes":
            found = [None if element is None else element.hex() for element in found]
        text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
        # JSON has no word for it, but reads numbers of any size.
        return text.replace("Infinity", "9e999") if self.item.kind == "float" else text

    def loading(self, dialect: str, parse: Convert) -> Convert:
        """A reader of what the database hands over."""
        container, load = self.container, self.item.stored[dialect].load
        if dialect == "sqlite" and self.item.kind == "bytes":
            load = from_hex(load)
        if load is None:
            return parse if container is list else lambda value: container(parse(value))
        return lambda value: container([None if element is None else load(element) for element in parse(value)])


def hidden(value: object) -> object:
    """What is shown of a secret: its class."""
    return type(value)


def as_it_is(value: Any) -> Any:
    return value


def from_hex(load: Convert | None) -> Convert:
    return bytes.fromhex if load is None else lambda text: load(bytes.fromhex(text))


def match(asked: Asked, find: Find) -> ColumnType | None:
    """The array that `db_type="array"` asks for; `find` tells the column type of its elements."""
    if asked.db_type is None or asked.db_type.token != ASKED:
        return None
    container, arguments = get_origin(asked.inner), get_args(asked.inner)
    if container is tuple and arguments[1:] == (...,):
        arguments = arguments[:1]
    if container not in (*ORDERED, *SETS) or len(arguments) != 1:
        raise ValueError(
            f'{asked.name} cannot be stored as db_type="array": an array is a list[...] of one type, '
            "a tuple[..., ...], a set[...] or a frozenset[...]"
        )
    element, nullable = split_optional(arguments[0])
    item = find(element)
    if item.kind not in SCALARS:
        raise ValueError(
            f'{asked.name} cannot be stored as db_type="array": its elements must be scalars, and {item.name} is none; '
            "without db_type it is stored as JSON"
        )
    return make(asked.name, container, item, nullable)


@informing("array types")
@lru_cache(maxsize=1024)
def make(name: str, container: type, item: ColumnType, nullable: bool) -> ColumnType:
    items = Items(name, container, item, nullable=nullable)
    flavour = FLAVOURS.get(item.kind, "")
    return ColumnType(
        name=name,
        python_type=container,
        kind="array",
        accept=items.accept,
        stored={
            "sqlite": Stored(
                "json_text",
                dump=items.to_json,
                load=items.loading("sqlite", from_json),
                collation=f"ferro_array{flavour}",
                functions={name: f"ferro_array_{name}{flavour}" for name in CALLS},
            ),
            "postgresql": Stored(
                f"{item.stored['postgresql'].name}[]",
                dump=items.to_array,
                load=items.loading("postgresql", as_it_is) if needs_loading(container, item) else None,
            ),
        },
        mutable=items.is_mutable,
        secret=item.secret,
        item=item,
    )


def needs_loading(container: type, item: ColumnType) -> bool:
    return container is not list or item.stored["postgresql"].load is not None


# What PostgreSQL's operators answer, for SQLite. An element that is null is equal to nothing.

# What the elements of a kind are told apart by, where it is not their text or number.
FLAVOURS = {"decimal": "_decimal", "inet": "_inet", "bytes": "_bytes"}
KEYS: dict[str, Convert] = {"": as_it_is, "_decimal": Decimal, "_inet": inet_key, "_bytes": as_it_is}
# What an element is, taken out of its array.
TAKEN_OUT: dict[str, Convert] = {"_bytes": bytes.fromhex}


@informing("arrays")
@lru_cache(maxsize=512)
def parse(text: str) -> tuple[Any, ...]:
    found: Any = json.loads(text)
    if not is_list(found):
        raise ValueError(f"{text[:80]!r} is no array")
    return tuple(found)


def written(elements: Sequence[Any]) -> str:
    text = json.dumps(elements, ensure_ascii=False, separators=(",", ":"))
    return text.replace("Infinity", "9e999") if float("inf") in elements or float("-inf") in elements else text


def element_of(value: Any) -> Any:
    """A driver value as it is written in an array."""
    return value.hex() if isinstance(value, bytes) else value


class Calls:
    """The functions of arrays whose elements are told apart by one key."""

    def __init__(self, flavour: str) -> None:
        self.key = KEYS[flavour]
        self.take_out = TAKEN_OUT.get(flavour, as_it_is)

    def keys(self, elements: Sequence[Any]) -> set[Any]:
        return {self.key(element) for element in elements if element is not None}

    def contains(self, one: Any, other: Any) -> Any:
        if one is None or other is None:
            return None
        wanted = parse(other)
        return None not in wanted and self.keys(wanted) <= self.keys(parse(one))

    def contained_by(self, one: Any, other: Any) -> Any:
        return self.contains(other, one)

    def overlaps(self, one: Any, other: Any) -> Any:
        if one is None or other is None:
            return None
        return not self.keys(parse(one)).isdisjoint(self.keys(parse(other)))

    def has(self, array: Any, value: Any) -> Any:
        if array is None:
            return None
        return value is not None and self.key(element_of(value)) in self.keys(parse(array))

    def length(self, array: Any) -> Any:
        return None if array is None else len(parse(array))

    def item(self, array: Any, at: Any) -> Any:
        if array is None or at is None:
            return None
        elements = parse(array)
        return self.taken_out(elements[at]) if 0 <= at < len(elements) else None

    def item_from_end(self, array: Any, at: Any) -> Any:
        if array is None or at is None:
            return None
        elements = parse(array)
        return self.taken_out(elements[at]) if -len(elements) <= at < 0 else None

    def taken_out(self, element: Any) -> Any:
        return None if element is None else self.take_out(element)

    def concat(self, one: Any, other: Any) -> Any:
        if one is None or other is None:
            return one if other is None else other
        return written((*parse(one), *parse(other)))

    def append(self, array: Any, value: Any) -> Any:
        return written((*(parse(array) if array is not None else ()), element_of(value)))

    def remove(self, array: Any, value: Any) -> Any:
        if array is None:
            return None
        unwanted = None if value is None else self.key(element_of(value))
        kept = [element for element in parse(array) if self.comparable(element) != unwanted]
        return written(kept)

    def comparable(self, element: Any) -> Any:
        return None if element is None else self.key(element)

    def compare(self, left: str, right: str) -> int:
        """Order two arrays, by their elements: what is equal on PostgreSQL is equal here."""
        if left == right:
            return 0
        try:
            a = [(element is None, self.comparable(element)) for element in parse(left)]
            b = [(element is None, self.comparable(element)) for element in parse(right)]
            return 0 if a == b else -1 if a < b else 1
        except (ValueError, TypeError, ArithmeticError):
            return -1 if left < right else 1


CALLS = {
    "contains": 2,
    "contained_by": 2,
    "overlaps": 2,
    "has": 2,
    "length": 1,
    "item": 2,
    "item_from_end": 2,
    "concat": 2,
    "append": 2,
    "remove": 2,
}
FUNCTIONS = tuple(
    SqliteFunction(f"ferro_array_{name}{flavour}", count, getattr(Calls(flavour), name))
    for flavour in KEYS
    for name, count in CALLS.items()
)
COLLATIONS = tuple(SqliteCollation(f"ferro_array{flavour}", Calls(flavour).compare) for flavour in KEYS)
