"""What is inside a JSON text, as SQLite is taught to see it: the answers are those of PostgreSQL's jsonb."""

import json
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Any

from ferro.types.document import compare, parse
from ferro.types.functions import SqliteFunction
from ferro.types.values import is_dict, is_list

SMALLEST, GREATEST = -(2**63), 2**63 - 1


def spell(value: Any) -> str:
    """A parsed document as text, its numbers with the digits they had."""
    if is_dict(value):
        return "{" + ",".join(f"{json.dumps(key)}:{spell(item)}" for key, item in value.items()) + "}"
    if is_list(value):
        return "[" + ",".join(map(spell, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


# Paths.


def value_at(text: Any, *steps: Any) -> str | None:
    """What the keys and indices lead to; None where they lead to nothing, or to a JSON null."""
    if text is None:
        return None
    found = parse(text)
    for step in steps:
        found = item(found, step)
    return None if found is None else spell(found)


def item(document: Any, step: Any) -> Any:
    if isinstance(step, str):
        return document.get(step) if is_dict(document) else None
    if step is None or not is_list(document) or not -len(document) <= step < len(document):
        return None
    return document[step]


# Values of one type; anything else is nothing.


def of_parsed(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda text: None if text is None else read(parse(text))


def as_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def as_decimal(value: Any) -> str | None:
    return f"{Decimal(value):f}" if is_number(value) else None


def as_integer(value: Any) -> int | None:
    whole = is_number(value) and SMALLEST <= value <= GREATEST and value == int(value)
    return int(value) if whole else None


def as_float(value: Any) -> float | None:
    if not is_number(value):
        return None
    number = float(Decimal(value))
    return number if isfinite(number) else None


def as_bool(value: Any) -> int | None:
    return int(value) if isinstance(value, bool) else None


def is_number(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


# Containment and keys.


def contains(text: Any, part: Any) -> int | None:
    """Whether a document contains another: `@>`."""
    if text is None or part is None:
        return None
    whole, wanted = parse(text), parse(part)
    # A list contains a plain value that is one of its items; this holds at the top only.
    if is_list(whole) and not is_container(wanted):
        return int(any(is_within(wanted, member) for member in whole))
    return int(is_within(wanted, whole))


def is_within(wanted: Any, whole: Any) -> bool:
    if is_dict(whole) and is_dict(wanted):
        return all(key in whole and is_within(item, whole[key]) for key, item in wanted.items())
    if is_list(whole) and is_list(wanted):
        return all(any(is_within(item, member) for member in whole) for item in wanted)
    return not is_container(whole) and not is_container(wanted) and compare(whole, wanted) == 0


def is_container(value: Any) -> bool:
    return is_dict(value) or is_list(value)


def keys_of(document: Any) -> set[str]:
    """The keys of an object, the texts of a list, or the text itself: what `?` looks at."""
    if is_dict(document):
        return set(document)
    members = document if is_list(document) else [document]
    return {member for member in members if isinstance(member, str)}


def has_key(text: Any, key: Any) -> int | None:
    return None if text is None or key is None else int(key in keys_of(parse(text)))


def has_any_key(text: Any, keys: Any) -> int | None:
    return None if text is None else int(not keys_of(parse(text)).isdisjoint(json.loads(keys)))


def has_all_keys(text: Any, keys: Any) -> int | None:
    return None if text is None else int(keys_of(parse(text)).issuperset(json.loads(keys)))


def length(document: Any) -> int | None:
    return len(document) if is_container(document) else None


# Changes. What is no object stays as it is.


def merge(text: Any, patch: Any) -> str | None:
    if text is None or patch is None:
        return None
    document, changes = parse(text), parse(patch)
    return spell({**document, **changes}) if is_dict(document) and is_dict(changes) else text


def without(text: Any, keys: Any) -> str | None:
    document = None if text is None else parse(text)
    if not is_dict(document):
        return text
    unwanted = json.loads(keys)
    return spell({key: item for key, item in document.items() if key not in unwanted})


FUNCTIONS = (
    SqliteFunction("ferro_json_at", -1, value_at),
    SqliteFunction("ferro_json_text", 1, of_parsed(as_text)),
    SqliteFunction("ferro_json_decimal", 1, of_parsed(as_decimal)),
    SqliteFunction("ferro_json_int", 1, of_parsed(as_integer)),
    SqliteFunction("ferro_json_float", 1, of_parsed(as_float)),
    SqliteFunction("ferro_json_bool", 1, of_parsed(as_bool)),
    SqliteFunction("ferro_json_contains", 2, contains),
    SqliteFunction("ferro_json_has", 2, has_key),
    SqliteFunction("ferro_json_has_any", 2, has_any_key),
    SqliteFunction("ferro_json_has_all", 2, has_all_keys),
    SqliteFunction("ferro_json_length", 1, of_parsed(length)),
    SqliteFunction("ferro_json_merge", 2, merge),
    SqliteFunction("ferro_json_without", 2, without),
)
