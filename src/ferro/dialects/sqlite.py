"""SQLite as facts, and what ferro's connections add to it."""

from functools import lru_cache
from math import isnan
from typing import Any

from ferro import types
from ferro.errors import ModelDefinitionError
from ferro.query.dialect import Dialect, Form
from ferro.query.patterns import ends_in_escape, glob, glob_containing, glob_ending, glob_starting
from ferro.types.functions import SqliteFunction

# The case of letters as PostgreSQL changes it: one character for one, whatever stands around it.


@lru_cache(maxsize=4096)
def lower_character(character: str) -> str:
    lowered = character.lower()
    return lowered if len(lowered) == 1 else "i" if character == "\u0130" else character


@lru_cache(maxsize=4096)
def upper_character(character: str) -> str:
    raised = character.upper()
    if len(raised) == 1:
        return raised
    titled = character.title()
    return titled if len(titled) == 1 else character


def lower(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return text.lower() if text.isascii() else "".join(map(lower_character, text))


def upper(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return text.upper() if text.isascii() else "".join(map(upper_character, text))


def glob_of(pattern: Any) -> Any:
    """The pattern of another column; one that ends in its escape character is an error, as in PostgreSQL."""
    if not isinstance(pattern, str):
        return pattern
    if ends_in_escape(pattern):
        raise ValueError(f"the pattern {pattern!r} ends with its escape character")
    return glob(pattern)


def lower_glob(pattern: str) -> str:
    return lower(glob(pattern))


TEXT_FUNCTIONS = (
    SqliteFunction("ferro_lower", 1, lower),
    SqliteFunction("ferro_upper", 1, upper),
    SqliteFunction("ferro_glob", 1, glob_of),
)
# Everything a connection must register before it runs a statement of ferro's.
FUNCTIONS = (*TEXT_FUNCTIONS, *types.SQLITE_FUNCTIONS)
AGGREGATES = types.SQLITE_AGGREGATES
COLLATIONS = types.SQLITE_COLLATIONS

FORMS = {
    "like": Form("{0} GLOB {1}", glob),
    "ilike": Form("ferro_lower({0}) GLOB {1}", lower_glob),
    "startswith": Form("{0} GLOB {1}", glob_starting),
    "endswith": Form("{0} GLOB {1}", glob_ending),
    "contains": Form("{0} GLOB {1}", glob_containing),
    "like:column": Form("{0} GLOB ferro_glob({1})"),
    "ilike:column": Form("ferro_lower({0}) GLOB ferro_lower(ferro_glob({1}))"),
    "startswith:column": Form("substr({0}, 1, length({1})) = {1}"),
    "endswith:column": Form("substr({0}, length({0}) - length({1}) + 1) = {1}"),
    "contains:column": Form("instr({0}, {1}) > 0"),
    "divisor:decimal": Form("NULLIF(CAST({0} AS TEXT) COLLATE ferro_decimal, '0')"),
    # Beside a float a decimal is one; beside a whole number both are compared as decimals.
    "compare:decimal:float": Form("CAST({0} AS REAL)"),
    "compare:float:decimal": Form("CAST({0} AS REAL)"),
    "compare:decimal:int": Form("CAST({0} AS TEXT)"),
    "compare:int:decimal": Form("CAST({0} AS TEXT)"),
    # The same instants, with and without their offset.
    "stored:timestamp_text:timestamp_with_timezone_text": Form("substr({0}, 1, 26)"),
    "stored:timestamp_with_timezone_text:timestamp_text": Form("substr({0}, 1, 26)"),
    "gathered": Form("ferro_{0}"),
    "empty:array_agg": Form("COALESCE({0}, '[]')"),
    "function:lower": Form("ferro_lower"),
    "function:upper": Form("ferro_upper"),
    "cast:int:bool": Form("({0} <> 0)"),
    "cast:text:date": Form("date({0})"),
    "cast:date:date": Form("{0}"),
    "cast:datetime:date": Form("date({0})"),
    "cast:naive_datetime:date": Form("date({0})"),
}


def quoted(text: str) -> str:
    if "\0" in text:
        raise ModelDefinitionError(f"{text!r} cannot be stored: it contains a NUL character")
    return "'" + text.replace("'", "''") + "'"


def a_float(value: float) -> str:
    if isnan(value):
        return "NULL"
    return repr(value) if value - value == 0 else "9e999" if value > 0 else "-9e999"


sqlite = Dialect(
    name="sqlite",
    placeholder="?",
    arrays=False,
    nulls_are_smallest=True,
    limit_all="-1",
    row_security=False,
    locks=False,
    casts={
        "bool": "INTEGER",
        "int": "INTEGER",
        "float": "REAL",
        "decimal": "TEXT",
        "text": "TEXT",
        "uuid": "TEXT",
    },
    bare={},
    forms=FORMS,
    autoincrement=lambda _: "integer",
    inline_autoincrement=True,
    default_keyword="",
    clock={
        "timestamp_text": "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
        "datetime": "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')",
        "naive_datetime": "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
        "date": "date('now')",
        "time": "strftime('%H:%M:%f000', 'now')",
    },
    literals={
        bool: lambda value: "1" if value else "0",
        int: int.__repr__,
        float: a_float,
        str: lambda value: quoted(str.__str__(value)),
        bytes: lambda value: f"x'{value.hex()}'",
    },
)
