"""SQL the user wrote: sent as it is, its rows given back as dicts."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from pydantic import SecretBytes, SecretStr

from ferro.caches import informing
from ferro.errors import DataError, QueryError
from ferro.operations.steps import Steps
from ferro.query.dialect import Compiled, Dialect, Result, Template
from ferro.query.sqltext import must_be_sendable
from ferro.query.templates import TString, parts_of
from ferro.types import ColumnType, type_of_value

TRANSACTION_WORDS = frozenset({"BEGIN", "COMMIT", "ROLLBACK", "END", "START", "SAVEPOINT", "RELEASE", "ABORT"})
# What comes before the first word of a statement and says nothing.
SKIPPED = re.compile(r"(?:[\s;(\ufeff]+|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
# In what is quoted, the signs of a comment are letters like others.
QUOTED = (
    r"""(?:(?<!\w)[Ee]'(?:\\.|''|[^'\\])*'|'(?:''|[^'])*'|"(?:""|[^"])*"|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)"""
)
QUOTATION = re.compile(QUOTED, re.DOTALL)
QUOTED_OR_COMMENT = re.compile(rf"(?P<quoted>{QUOTED})|{COMMENT.pattern}", re.DOTALL)
WORD = re.compile(r"[^\W\d]\w*")
CALL = re.compile(r"([\w\".$]+)\s*\(")
# The function, which changes nothing.
REPLACING = re.compile(r"\bREPLACE\s*\(")
NUMBERED = re.compile(r"\$(\d+)")
PLACEHOLDER = re.compile(r"[$?]\d+")

ANSWERS = frozenset({"SELECT", "VALUES", "TABLE", "SHOW", "EXPLAIN", "PRAGMA", "WITH"})
CHANGES = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "INTO", "ANALYZE", "ANALYSE", "TRUNCATE"})
ASKING_PRAGMAS = frozenset({"table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list"})
# A PostgreSQL function may write, so a statement only reads when it calls none but these. To take one
# that reads for one that writes does no harm.
HARMLESS = re.compile(
    r"""
    # words before a parenthesis that are no functions
    all | and | any | array | as | by | cast | distinct | else | except | exists | extract | filter | from | group | having
    | in | intersect | interval | lateral | materialized | not | numeric | on | or | over | row | select | then | union
    | using | values | varchar | when | where
    # aggregates and windows
    | array_agg | avg | bool_and | bool_or | count | json_agg | json_object_agg | jsonb_agg | jsonb_object_agg | max | min
    | rank | row_number | string_agg | sum
    # functions
    | abs | age | ceil | coalesce | concat | current_schema | current_setting | date_part | date_trunc | floor | format
    | generate_series | greatest | json_build_object | jsonb_build_object | least | left | length | lower | lpad
    | make_date | md5 | mod | now | nullif | position | power | replace | right | round | split_part | sqrt | substr
    | substring | to_char | to_date | to_timestamp | trim | unnest | upper | version
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """What is known of a text before it is sent.

    Attributes:
        answers: it is a question: the rows that come back are not rows it has changed.
        writes: it may change something.
        takes: how many arguments it has places for; None where the driver counts them.
    """

    sql: str
    answers: bool
    writes: bool
    takes: int | None = None


def execute(sql: str | TString, args: Sequence[object], dialect: Dialect) -> Steps[int]:
    """Run a statement; return how many rows it has changed."""
    text, values = apart(sql, args, dialect)
    raw = read(text, dialect.name)
    return changed_rows(compiled(raw, values, dialect, fetches=False), raw)


def changed_rows(statement: Compiled, raw: Raw) -> Steps[int]:
    result = yield statement
    return 0 if raw.answers else result.count


def fetch_all(sql: str | TString, args: Sequence[object], dialect: Dialect) -> Steps[list[dict[str, Any]]]:
    """Run a statement; return its rows, each as a dict by column name."""
    return all_rows(asked(sql, args, dialect))


def all_rows(statement: Compiled) -> Steps[list[dict[str, Any]]]:
    result = yield statement
    return as_dicts(result)


def as_dicts(result: Result) -> list[dict[str, Any]]:
    names = distinct_names(result)
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def fetch_one(sql: str | TString, args: Sequence[object], dialect: Dialect) -> Steps[dict[str, Any] | None]:
    """Run a statement; return its first row as a dict, or None. No LIMIT is added."""
    return first_row(asked(sql, args, dialect))


def first_row(statement: Compiled) -> Steps[dict[str, Any] | None]:
    result = yield statement
    names = distinct_names(result)
    return dict(zip(names, result.rows[0], strict=True)) if result.rows else None


def distinct_names(result: Result) -> tuple[str, ...]:
    """The names of the columns, once it is sure that a dict can hold them all."""
    names = result.names
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise QueryError(f"the result has several columns named {twice!r}, and a dict holds one: rename them with AS")
    return names


def asked(sql: str | TString, args: Sequence[object], dialect: Dialect) -> Compiled:
    """A statement whose rows are wanted."""
    text, values = apart(sql, args, dialect)
    return compiled(read(text, dialect.name), values, dialect, fetches=True)


def apart(sql: str | TString, args: Sequence[object], dialect: Dialect) -> tuple[str, Sequence[object]]:
    """The text as the database takes it, and its arguments: those of a t-string stand in it."""
    if not isinstance(sql, TString):
        return sql, args
    if args:
        raise QueryError(
            f"a t-string has its values in it, and {len(args)} arguments are given besides: write them into it as {{...}}"
        )
    texts, values = parts_of(sql)
    if found := next(filter(None, map(PLACEHOLDER.search, texts)), None):
        raise QueryError(
            f"a t-string has its values in it: write the value into it as {{...}}, in the place of {found[0]!r}"
        )
    marks = (dialect.placeholder.format(at) for at in range(1, len(values) + 1))
    return texts[0] + "".join(mark + text for mark, text in zip(marks, texts[1:], strict=True)), values


def compiled(raw: Raw, args: Sequence[object], dialect: Dialect, *, fetches: bool) -> Compiled:
    if raw.takes is not None and len(args) != raw.takes:
        raise QueryError(f"the SQL has placeholders for {raw.takes} arguments, and {len(args)} are given")
    params = [bind(value, at, dialect) for at, value in enumerate(args, 1)]
    secrets = frozenset(at for at, value in enumerate(args) if is_secret(value))
    template = Template(
        raw.sql, fetches=fetches, writes=raw.writes, operation="Raw", subject="", secrets=secrets, raw=True
    )
    return Compiled(template, params)


# What a text is.


def read(sql: object, dialect: str) -> Raw:
    """Look at a text as far as ferro must know it."""
    if not isinstance(sql, str):
        raise QueryError(f"SQL is a str or a t-string, not {type(sql).__name__}")
    return classified(sql, dialect)


@informing("raw SQL")
@lru_cache(maxsize=512)
def classified(sql: str, dialect: str) -> Raw:
    must_be_sendable(sql, "the SQL")
    start = SKIPPED.match(sql)
    first = first_word(sql)
    if not first and (start is None or start.end() == len(sql)):
        raise QueryError("SQL must be a non-empty statement")
    text = QUOTED_OR_COMMENT.sub(lambda found: found["quoted"] or " ", sql)
    if first in TRANSACTION_WORDS or (first == "PREPARE" and text.upper().split()[1:2] == ["TRANSACTION"]):
        raise QueryError(
            f"{first} cannot be sent as SQL, because ferro has to know about every transaction: use transaction()"
        )
    answers = first in ANSWERS and (first != "WITH" or changes_nothing(text))
    # PostgreSQL drops arguments that are too many without a word, and calls it a broken protocol when there are too few.
    takes = max(map(int, NUMBERED.findall(unquoted(text))), default=0) if dialect == "postgresql" else None
    return Raw(sql, answers=answers, writes=not (answers and READS[dialect](first, text)), takes=takes)


def first_word(sql: str) -> str:
    """What the statement begins with, in capitals; empty where that is no word."""
    start = SKIPPED.match(sql)
    found = WORD.match(sql, start.end() if start else 0)
    return found[0].upper() if found else ""


def unquoted(text: str) -> str:
    """A text without what is quoted in it."""
    return QUOTATION.sub(" ", text)


def changes_nothing(text: str) -> bool:
    return CHANGES.isdisjoint(WORD.findall(REPLACING.sub("(", unquoted(text).upper())))


def reads_on_sqlite(first: str, text: str) -> bool:
    if first == "PRAGMA":
        return ("=" not in text and "(" not in text) or not ASKING_PRAGMAS.isdisjoint(WORD.findall(text.lower()))
    return True


def reads_on_postgresql(first: str, text: str) -> bool:
    return first == "SHOW" or (changes_nothing(text) and all(map(HARMLESS.fullmatch, CALL.findall(text.lower()))))


READS: dict[str, Callable[[str, str], bool]] = {"sqlite": reads_on_sqlite, "postgresql": reads_on_postgresql}


# What may be given with it.

# Values the drivers take as they are; every other travels as in a column of its type.
TAKEN = {
    "sqlite": frozenset({type(None), bool, int, bytes}),
    "postgresql": frozenset(
        {type(None), bool, int, float, Decimal, bytes, bytearray, memoryview, UUID, date, time, datetime, timedelta}
    ),
}
ARRAYS = frozenset({list, tuple, set, frozenset})


def bind(value: object, at: int, dialect: Dialect) -> Any:
    """A Python value as the driver takes it; `at` is its number, from 1."""
    kind = type(value)
    if kind in TAKEN[dialect.name]:
        return value
    if kind in ARRAYS:
        items = list(cast("Iterable[object]", value))
        if dialect.arrays:
            return [bind(item, at, dialect) for item in items]
        value = items
    stored = type_of_argument(value, at).stored[dialect.name]
    try:
        return value if stored.dump is None else stored.dump(value)
    except ValueError as error:
        raise DataError(f"argument {at} of the SQL: {error}") from error


def type_of_argument(value: object, at: int) -> ColumnType:
    try:
        return type_of_value(value)
    except (ValueError, TypeError) as error:
        raise QueryError(
            f"argument {at} of the SQL is of type {type(value).__name__}, which no database can hold: "
            "give its parts one by one, or a text"
        ) from error


def is_secret(value: object) -> bool:
    return isinstance(value, (SecretStr, SecretBytes))
