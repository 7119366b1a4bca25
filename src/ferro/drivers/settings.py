"""Settings a session gives to the transactions it asks for, where the database has such a thing."""

import re
from collections.abc import Mapping
from typing import Any, cast

from ferro.errors import InterfaceError, QueryError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)+", re.ASCII)


def check_settings(given: Mapping[str, str] | None, dialect: str) -> dict[str, str]:
    """Settings that can be sent: names with a dot, texts as values."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise QueryError(f"settings= takes a dict of names and texts, not {type(given).__name__}")
    for name, value in cast("Mapping[Any, Any]", given).items():
        check_setting(name, value)
    if given and dialect != "postgresql":
        raise InterfaceError(
            "a session has settings on PostgreSQL only: SQLite has none, so leave out settings= and set_config()"
        )
    return dict(given)


def check_setting(name: object, value: object) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise QueryError(f"{name!r} is no name of a setting: it is words with a dot between, such as 'app.tenant'")
    if not isinstance(value, str):
        raise QueryError(f"the setting {name!r} is a str, not {type(value).__name__}")
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise QueryError(f"the setting {name!r} holds a NUL or half of a surrogate pair, which PostgreSQL cannot keep")


def statement(count: int) -> str:
    """What gives so many settings to a transaction: names and values are its parameters, in turn."""
    return "SELECT " + ", ".join(f"set_config(${2 * at + 1}, ${2 * at + 2}, true)" for at in range(count))
