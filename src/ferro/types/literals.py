"""A few fixed values: `Literal["draft", "sent"]`, kept as the type that all of them are of."""

from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

from ferro.types import boolean, enums, integer, text
from ferro.types.annotations import Asked
from ferro.types.base import ColumnType, Convert, Stored
from ferro.types.values import unexpected

FAMILIES = (boolean.match, enums.match, integer.match, text.match)


def match(asked: Asked) -> ColumnType | None:
    if get_origin(asked.inner) is not Literal:
        return None
    values: tuple[Any, ...] = get_args(asked.inner)
    kinds: set[type] = {type(value) for value in values}
    if len(kinds) != 1:
        raise ValueError(
            f"{asked.name} mixes values of different types, and a column has one:"
            " use texts, whole numbers or members of one enumeration"
        )
    base = Asked(kinds.pop(), type(values[0]), asked.db_type, asked.enum_values)
    for family in FAMILIES:
        if (found := family(base)) is not None:
            return limited(asked.name, found, frozenset(values))
    return None


def limited(name: str, base: ColumnType, allowed: frozenset[Any]) -> ColumnType:
    def accept(value: Any) -> Any:
        exact = base.accept(value)
        if exact in allowed:
            return exact
        raise unexpected(name, value)

    stored = {dialect: limited_storage(kept, accept) for dialect, kept in base.stored.items()}
    for value in allowed:
        store(value, base.stored["postgresql"])
    return replace(base, name=name, accept=accept, stored=stored)


def limited_storage(kept: Stored, accept: Convert) -> Stored:
    def dump(value: Any) -> Any:
        return store(accept(value), kept)

    return replace(kept, dump=dump, dump_many=None)


def store(value: Any, kept: Stored) -> Any:
    return value if kept.dump is None else kept.dump(value)
