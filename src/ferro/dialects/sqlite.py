"""SQLite as facts, and what ferro's connections add to it."""

from functools import lru_cache
from math import isnan
from typing import Any

from ferro import types
from ferro.caches import informing
from ferro.errors import ModelDefinitionError
from ferro.query.dialect import Dialect, Form
from ferro.query.patterns import ends_in_escape, glob, glob_containing, glob_ending, glob_starting
from ferro.types.functions import SqliteFunction

# The case of letters as PostgreSQL changes it: one character for one, whatever stands around it.


@informing("lower case")
@lru_cache(maxsize=4096)
def lower_character(character: str) -> str:
    lowered = character.lower()
    return lowered if len(lowered) == 1 else "i" if character == "\u0130" else character


@informing("upper case")
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
    SqliteFunction("ferro_lower", 1, lower, refuses=False),
    SqliteFunction("ferro_upper", 1, upper, refuses=False),
    SqliteFunction("ferro_glob", 1, glob_of),
)
# Everything a connection must register before it runs a statement of ferro's.
FUNCTIONS = (*TEXT_FUNCTIONS, *types.SQLITE_FUNCTIONS)
AGGREGATES = types.SQLITE_AGGREGATES
COLLATIONS = types.SQLITE_COLLATIONS

# Keys are arguments of a function: none of them is ever a part of a path in SQLite's own language.
DOCUMENTS = {
    "path": Form("ferro_json_at({0})"),
    "step:text": Form("{0}, {1}"),
    "step:int": Form("{0}, {1}"),
    **{f"cast:json:{kind}": Form(f"ferro_json_{kind}({{0}})") for kind in ("text", "int", "decimal", "float", "bool")},
    "json:contains": Form("ferro_json_contains({0}, {1})"),
    "json:contained_by": Form("ferro_json_contains({1}, {0})"),
    "json:has_key": Form("ferro_json_has({0}, {1})"),
    "json:has_any_key": Form("ferro_json_has_any({0}, {1})"),
    "json:has_all_keys": Form("ferro_json_has_all({0}, {1})"),
    "json:length": Form("ferro_json_length({0})"),
    "json:merge": Form("ferro_json_merge({0}, {1})"),
    "json:without": Form("ferro_json_without({0}, {1})"),
}

# A clock is `2026-01-31 00:00:00.000000`, at 27 its offset if it is an instant; a date is the first ten of it.
DAYS = {
    "year": "substr({0}, 1, 4) || '-01-01'",
    "quarter": (
        "substr({0}, 1, 5) || substr('010101040404070707101010', CAST(substr({0}, 6, 2) AS INTEGER) * 2 - 1, 2) || '-01'"
    ),
    "month": "substr({0}, 1, 7) || '-01'",
    "week": "date(substr({0}, 1, 10), '-6 days', 'weekday 1')",
    "day": "substr({0}, 1, 10)",
}
HOURS = {
    "hour": "substr({0}, 1, 13) || ':00:00.000000' || substr({0}, 27)",
    "minute": "substr({0}, 1, 16) || ':00.000000' || substr({0}, 27)",
    "second": "substr({0}, 1, 19) || '.000000' || substr({0}, 27)",
}
PLACES = {"year": (1, 4), "month": (6, 2), "day": (9, 2), "hour": (12, 2), "minute": (15, 2), "second": (18, 2)}
MOMENTS = {
    **{f"part:{unit}": Form(f"CAST(substr({{0}}, {at}, {width}) AS INTEGER)") for unit, (at, width) in PLACES.items()},
    **{
        f"part:{unit}:time": Form(f"CAST(substr({{0}}, {PLACES[unit][0] - 11}, 2) AS INTEGER)")
        for unit in ("hour", "minute", "second")
    },
    "part:weekday": Form("((CAST(strftime('%w', substr({0}, 1, 10)) AS INTEGER) + 6) % 7 + 1)"),
    **{f"trunc:{unit}:date": Form(f"({sql})") for unit, sql in DAYS.items()},
    **{f"trunc:{unit}": Form(f"({sql} || ' 00:00:00.000000' || substr({{0}}, 27))") for unit, sql in DAYS.items()},
    **{f"trunc:{unit}": Form(f"({sql})") for unit, sql in HOURS.items()},
    "moment:+": Form("ferro_moment_add({0}, {1})"),
    "moment:-": Form("ferro_moment_subtract({0}, {1})"),
    **{
        f"moment:-:{kind}:{kind}": Form("ferro_moment_difference({0}, {1})")
        for kind in ("date", "datetime", "naive_datetime")
    },
    "moment:+:timedelta:timedelta": Form("({0} + {1})"),
    "moment:-:timedelta:timedelta": Form("({0} - {1})"),
}

# What is looked for without a pattern: the text of another column, and one that is too long for a pattern.
NO_PATTERNS = ("column", "long")
FORMS = {
    "like": Form("{0} GLOB {1}", glob),
    "ilike": Form("ferro_lower({0}) GLOB {1}", lower_glob),
    "startswith": Form("{0} GLOB {1}", glob_starting),
    "endswith": Form("{0} GLOB {1}", glob_ending),
    "contains": Form("{0} GLOB {1}", glob_containing),
    "like:column": Form("{0} GLOB ferro_glob({1})"),
    "ilike:column": Form("ferro_lower({0}) GLOB ferro_lower(ferro_glob({1}))"),
    **{f"startswith:{kind}": Form("substr({0}, 1, length({1})) = {1}") for kind in NO_PATTERNS},
    **{f"endswith:{kind}": Form("substr({0}, length({0}) - length({1}) + 1) = {1}") for kind in NO_PATTERNS},
    **{f"contains:{kind}": Form("instr({0}, {1}) > 0") for kind in NO_PATTERNS},
    "divisor:decimal": Form("NULLIF(CAST({0} AS TEXT) COLLATE ferro_decimal, '0')"),
    # Beside a float a decimal is one; beside a whole number both are compared as decimals.
    "compare:decimal:float": Form("CAST({0} AS REAL)"),
    "compare:float:decimal": Form("CAST({0} AS REAL)"),
    "compare:decimal:int": Form("CAST({0} AS TEXT)"),
    "compare:int:decimal": Form("CAST({0} AS TEXT)"),
    # The same instants, with and without their offset.
    "stored:timestamp_text:timestamp_with_timezone_text": Form("substr({0}, 1, 26)"),
    "stored:timestamp_with_timezone_text:timestamp_text": Form("substr({0}, 1, 26)"),
    "assigned:timestamp_with_timezone_text:timestamp_text": Form("substr({0}, 1, 26)"),
    "assigned:timestamp_text:timestamp_with_timezone_text": Form("substr({0}, 1, 26) || '+00:00'"),
    "gathered": Form("ferro_{0}"),
    "empty:array_agg": Form("COALESCE({0}, '[]')"),
    "empty:object_agg": Form("COALESCE({0}, '[]')"),
    "function:lower": Form("ferro_lower"),
    "function:upper": Form("ferro_upper"),
    "cast:int:bool": Form("({0} <> 0)"),
    "cast:text:date": Form("date({0})"),
    "cast:date:date": Form("{0}"),
    "cast:datetime:date": Form("substr({0}, 1, 10)"),
    "cast:naive_datetime:date": Form("substr({0}, 1, 10)"),
    **DOCUMENTS,
    **MOMENTS,
    # The document, its language, the text, the key, the index and its weights.
    "search": Form("{3} IN (SELECT rowid FROM {4} WHERE {4} MATCH {2})"),
    # Materialised, the matches are ranked once, and not for every row again.
    "search_rank": Form(
        'COALESCE((WITH "matched" ("key", "score") AS MATERIALIZED (SELECT rowid, -bm25({4}, {5}) FROM {4} '
        'WHERE {4} MATCH {2}) SELECT "score" FROM "matched" WHERE "key" = {3}), 0.0)'
    ),
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
    updates_in_place=True,
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
    copies=False,
    sends=False,
    rowids=True,
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
