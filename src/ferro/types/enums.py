"""Enumerations: members of texts and of numbers by their value, all others by their name."""

from collections.abc import Iterable
from dataclasses import replace
from enum import Enum, Flag
from operator import attrgetter
from typing import Any, TypeVar

from ferro.errors import DataError
from ferro.types.annotations import Asked, DbType
from ferro.types.base import ColumnType, Convert, Stored
from ferro.types.integer import TOKENS as INTEGER_TOKENS
from ferro.types.integer import WIDTHS
from ferro.types.text import TEXT, stored_as_text, text_dump
from ferro.types.text import TOKENS as TEXT_TOKENS
from ferro.types.values import exact_text, shown, unexpected

E = TypeVar("E", bound=Enum)

# A member's value and name without the detour through its class.
value_of = attrgetter("_value_")
name_of = attrgetter("_name_")


def all_are(kind: type, values: Iterable[Any]) -> bool:
    return all(isinstance(value, kind) and not isinstance(value, bool) for value in values)


def members_by_value(enum: type[E]) -> dict[Any, E]:
    return {value_of(member): member for member in enum}


def members_by_name(enum: type[E]) -> dict[Any, E]:
    # Aliases too: another version of the program may have written one.
    return dict(enum.__members__)


def accepting(enum: type[E], names: dict[Any, E]) -> Convert:
    def accept(value: Any) -> E:
        if isinstance(value, enum):
            return value
        if not isinstance(value, (Enum, bool)):
            try:
                return enum(value)
            except ValueError:
                pass
            if isinstance(value, str) and value in names:
                return names[value]
        raise unexpected(enum.__name__, value)

    return accept


def loading(enum: type[E], members: dict[Any, E], by_value: bool) -> Convert:
    def load(stored: Any) -> E:
        try:
            return members[stored]
        except KeyError:
            return unlisted(stored)

    def unlisted(stored: Any) -> E:
        # A combination of flags, or what the class's own `_missing_` knows.
        try:
            if by_value:
                return enum(stored)
        except ValueError:
            pass
        raise DataError(f"no member of {enum.__name__} is stored as {shown(stored)}")

    return load


def by_number(enum: type[Enum], token: str | None) -> ColumnType:
    width = WIDTHS[token or "bigint"]
    for member in enum:
        width.check(int(member.value))
    accept = accepting(enum, {})

    def dump(value: Any) -> int:
        return width.check(int(value_of(value if type(value) is enum else accept(value))))

    kept = Stored(width.name, dump=dump, load=loading(enum, members_by_value(enum), by_value=True))
    return ColumnType(enum.__name__, enum, "int", accept, {"sqlite": kept, "postgresql": kept})


def by_text(enum: type[Enum], db_type: DbType, *, by_value: bool) -> ColumnType:
    members = members_by_value(enum) if by_value else members_by_name(enum)
    text_of = value_of if by_value else name_of
    accept = accepting(enum, {} if by_value else members)
    check = text_dump(db_type)
    # Every member's text is checked here, once, and never again when it is stored.
    for member in enum:
        check(exact_text(text_of(member)))

    def dump(value: Any) -> str:
        return exact_text(text_of(value if type(value) is enum else accept(value)))

    load = loading(enum, members, by_value)
    return ColumnType(enum.__name__, enum, "text", accept, stored_as_text(db_type, dump, load))


def match(asked: Asked) -> ColumnType | None:
    enum = asked.inner
    if not isinstance(enum, type) or not issubclass(enum, Enum) or not (enum.__members__ or issubclass(enum, Flag)):
        return None
    values = [member.value for member in enum]
    if issubclass(enum, Flag) or all_are(int, values):
        found = by_number(enum, asked.token(*INTEGER_TOKENS))
    else:
        asked.token(*TEXT_TOKENS)
        found = by_text(enum, asked.db_type or TEXT, by_value=all_are(str, values))
    return read_as_values(found) if asked.enum_values else found


def read_as_values(found: ColumnType) -> ColumnType:
    """The same for fields that hold the values of members."""

    def reading(load: Convert) -> Convert:
        return lambda stored: value_of(load(stored))

    stored = {name: replace(kept, load=kept.load and reading(kept.load)) for name, kept in found.stored.items()}
    return replace(found, stored=stored)
