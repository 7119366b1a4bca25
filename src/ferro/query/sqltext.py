"""The two ways a string may enter SQL text: as a quoted identifier, and as an operand already written."""

from typing import NamedTuple

from ferro.errors import QueryError
from ferro.types.values import why_text_is_refused


class Text(NamedTuple):
    """SQL and how tightly it binds, so that parentheses are written where they are needed."""

    sql: str
    level: int


OR, AND, NOT, COMPARE, CONCAT, SUM, PRODUCT, NEGATIVE, ATOM = range(1, 10)


def must_be_sendable(sql: str, what: str) -> None:
    """Refuse what a driver would cut off at a NUL, without a word, or cannot send at all."""
    if reason := why_text_is_refused(sql):
        raise QueryError(f"{what} {reason}: leave it out")


def quote(name: str) -> str:
    """An identifier as SQL takes it, whatever is in it."""
    if "\0" in name:
        raise QueryError(f"{name!r} cannot name anything in a database: it contains a NUL character")
    return '"' + name.replace('"', '""') + '"'


def within(text: Text, level: int) -> str:
    """The operand of an operator that binds at `level`: in parentheses unless it binds as tightly."""
    return text.sql if text.level >= level else f"({text.sql})"
