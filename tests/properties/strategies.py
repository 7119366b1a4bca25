"""Values no one would think of, for every type a column can have."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import BaseModel, ConfigDict

# Pydantic asks for this one before Python 3.12.
from typing_extensions import TypedDict

INT64 = 2**63
# Text that has hurt databases before: quotes, wildcards, placeholders, comments, line ends, letters of
# several bytes, letters that change their length with their case.
NASTY_TEXTS = [
    "",
    " ",
    "'",
    "''",
    '"',
    "\\",
    "\\\\'",
    "%",
    "_",
    "%s",
    "$1",
    "?",
    ":name",
    "{0}",
    "--",
    "/*",
    "; DROP TABLE x; --",
    "NULL",
    "true",
    "0",
    "1e5",
    "nan",
    "[a]*?",
    "\n",
    "\r\n",
    "\t",
    "\x01",
    "\x7f",
    "\x85",
    "\u200b",
    "\u2028",
    "\ufeff",
    "\ufffe",
    "\uffff",
    "e\u0301",
    "é",
    "ß",
    "İ",
    "ς",
    "ﬁ",
    "漢字",
    "😀",
    "\U0010ffff",
    "א\u202eb",
    "{}",
    "[]",
    "x" * 70_000,
    "é'\\" * 3_000,
]
REFUSED_TEXTS = ["\0", "a\0b", "\ud800", "a\udfff", "\udc00\ud800"]
# What somebody sends who wants to be read as SQL, and the signs of which such texts are made.
INJECTIONS = [
    "'; DROP TABLE guest; --",
    "' OR '1'='1",
    '"; DROP TABLE guest; --',
    "\\'; DROP TABLE guest; --",
    "') UNION SELECT 1 --",
    "$1; DROP TABLE guest",
    "$$; DROP TABLE guest; $$",
    "?); DELETE FROM guest; --",
    "%s' %(name)s",
    "/* */ OR 1=1",
    "name = name OR name",
    "{0!r}{}",
    "app.x', 'y', false); --",
    "\x00",
    "\ud800'",
]
LONG_NAMES = ["x" * 64, "é" * 32, "漢" * 22, '"' * 70, "x" * 63 + "'", "x" * 63 + "\ud800", "%s" * 40]
SIGNS = [
    *"'\"\\%{}:?$;()[]-*/.,=~@#&|^` \n\t\r\0",
    "%s",
    "$1",
    "?1",
    ":a",
    "{0}",
    "--",
    "/*",
    "*/",
    "$$",
    "::",
    "a",
    "é",
    "\ud800",
]


# For models that are made by the hundred: Pydantic would read this source for the docstrings of each.
UNREAD = ConfigDict(use_attribute_docstrings=False)
PLAIN_WORD = re.compile(r"(?!x{64})[A-Za-z0-9_]*")
CHARACTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")


def short_texts() -> SearchStrategy[str]:
    return st.text(CHARACTERS, max_size=5)


def texts() -> SearchStrategy[str]:
    """Texts that every database can hold."""
    return st.sampled_from(NASTY_TEXTS) | st.text(CHARACTERS, max_size=20)


def any_texts() -> SearchStrategy[str]:
    """Texts, and now and then one that no database can hold."""
    return st.one_of(texts(), texts(), texts(), st.sampled_from(REFUSED_TEXTS))


def hostile_texts() -> SearchStrategy[str]:
    """Texts that would do harm, were they ever read as SQL; some of them no database can hold."""
    made = st.lists(st.sampled_from(SIGNS), min_size=1, max_size=8).map("".join)
    return st.sampled_from(INJECTIONS) | texts() | made


def hostile_names() -> SearchStrategy[str]:
    """Such texts, and some that are too long, where a name is expected. A plain word is one: it is not among them."""
    return (hostile_texts() | st.sampled_from(LONG_NAMES)).filter(lambda text: not PLAIN_WORD.fullmatch(text))


def whole_numbers() -> SearchStrategy[int]:
    edges = [0, 1, -1, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1, INT64 - 1, -INT64, INT64, -INT64 - 1, 10**30]
    return st.sampled_from(edges) | st.integers(-INT64, INT64 - 1) | st.integers(-100, 100)


def floats() -> SearchStrategy[float]:
    edges = [0.0, -0.0, 0.1, 1e16, 2.0**53 + 2, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf")]
    return st.sampled_from(edges) | st.floats(allow_nan=False) | st.integers(-50, 50).map(float)


def decimals() -> SearchStrategy[Decimal]:
    edges = ["0", "-0", "0.00", "-0.00", "1.10", "1.1", "1E+5", "1E-20", "9" * 60, "0." + "0" * 50 + "1", "-9.99"]
    limits = ["1E+131071", "1E+131072", "1E-16383", "1E-16384", "Infinity", "-Infinity", "NaN", "sNaN"]
    return st.one_of(
        st.sampled_from(edges).map(Decimal),
        st.sampled_from(limits).map(Decimal),
        st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-1000, max_value=1000),
        st.builds(
            lambda whole, places: Decimal(whole).scaleb(-places), st.integers(-(10**30), 10**30), st.integers(0, 40)
        ),
        st.builds(lambda whole, power: Decimal((0, (whole,), power)), st.integers(1, 9), st.integers(-60, 60)),
    )


def dates() -> SearchStrategy[date]:
    return st.sampled_from([date.min, date.max, date(1582, 10, 10), date(2000, 2, 29)]) | st.dates()


def times() -> SearchStrategy[time]:
    edges = [time.min, time.max, time(12), time(1, 2, 3, 4), time(2, 30, fold=1), time(1, tzinfo=UTC)]
    return st.sampled_from(edges) | st.times()


# Around these moments clocks are turned, back or forward, and one hour comes twice or never.
TURNED = [datetime(2024, 3, 31, 2, 30), datetime(2024, 10, 27, 2, 30), datetime(1916, 6, 14, 23, 30)]
ZONES: list[tzinfo] = [
    UTC,
    timezone(timedelta(hours=14)),
    timezone(timedelta(hours=-12, minutes=30)),
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("America/St_Johns"),
    ZoneInfo("Pacific/Apia"),
    ZoneInfo("Africa/Monrovia"),
    timezone(timedelta(hours=5, minutes=30, seconds=17)),
    timezone(timedelta(microseconds=1)),
]


def clocks() -> SearchStrategy[datetime]:
    """Wall clocks, in no zone."""
    edges = [datetime.min, datetime.max, datetime(1, 1, 1, 0, 0, 0, 1), datetime(1970, 1, 1), *TURNED]
    return st.sampled_from(edges) | st.datetimes()


def instants(zones: list[tzinfo] = ZONES) -> SearchStrategy[datetime]:
    """Moments, in many zones; those at both ends may fall out of the calendar in UTC."""
    return st.builds(
        lambda clock, zone, fold: clock.replace(tzinfo=zone, fold=fold),
        clocks(),
        st.sampled_from(zones),
        st.sampled_from([0, 1]),
    )


def spans() -> SearchStrategy[timedelta]:
    edges = [
        timedelta(0),
        timedelta(microseconds=1),
        timedelta(microseconds=-1),
        timedelta(days=30),
        timedelta(hours=720),
        timedelta(days=-1, hours=23),
        timedelta(microseconds=INT64 - 1),
        timedelta(microseconds=-INT64),
        timedelta(microseconds=INT64),
        timedelta.min,
        timedelta.max,
    ]
    return st.sampled_from(edges) | st.timedeltas() | st.timedeltas(timedelta(days=-400), timedelta(days=400))


# Documents.


def json_values(*, refused: bool = False) -> SearchStrategy[Any]:
    """Whatever JSON can say; on demand also what it cannot, or what PostgreSQL cannot keep."""
    numbers = st.sampled_from([0, -1, INT64, 10**30, 0.5, -0.0, 1e23, 1.5e300, 1e-7, 5e-324, 1.7976931348623157e308])
    leaves = (
        st.none()
        | st.booleans()
        | st.integers(-(10**20), 10**20)
        | numbers
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.sampled_from(NASTY_TEXTS[:-2])
        | short_texts()
    )
    if refused:
        leaves |= st.sampled_from([float("nan"), float("inf"), "\0", "\ud800", (1, 2), {1}, b"x", date.min, Decimal(1)])
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["", "a", "é", "'", '"']), inner),
        max_leaves=6,
    )


def json_objects(*, refused: bool = False) -> SearchStrategy[dict[str, Any]]:
    keys = st.sampled_from(["", "a", "B", "é", "'", '"', "\\", "😀", "a b", "$", "x" * 300]) | short_texts()
    if refused:
        return st.dictionaries(keys | st.sampled_from([1, "\0", "\ud800", None]), json_values(refused=True), max_size=3)
    return st.dictionaries(keys, json_values(), max_size=3)


class Colour(StrEnum):
    RED = "red"
    NOT_SAID = ""
    QUOTED = 'it\'s "50%" \\ 漢'


class Size(IntEnum):
    SMALL = -(2**63)
    NONE = 0
    LARGE = 2**63 - 1


class TextMember(Enum):
    ONE = "1"
    TWO = "é"


class NumberMember(Enum):
    ONE = 1
    TWO = -2


class PlainMember(Enum):
    ONE = 1.5
    TWO = "two"
    THREE = (1, 2)


class Part(BaseModel):
    name: str
    weight: float | None = None
    price: Decimal = Decimal(0)
    made: datetime | None = None


class Whole(BaseModel):
    parts: list[Part]
    main: Part | None
    extra: dict[str, int]


def parts(names: SearchStrategy[str] | None = None) -> SearchStrategy[Part]:
    return st.builds(
        Part,
        name=short_texts() if names is None else names,
        weight=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        price=st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-99, max_value=99),
        made=st.none() | st.datetimes(timezones=st.just(UTC)),
    )


def wholes() -> SearchStrategy[Whole]:
    names = short_texts() | st.sampled_from(["\0", *NASTY_TEXTS])
    extra = st.dictionaries(short_texts(), st.integers(-(2**63), 2**63 - 1), max_size=2)
    return st.builds(Whole, parts=st.lists(parts(names), max_size=2), main=st.none() | parts(names), extra=extra)


@dataclass
class Point:
    x: float
    y: int
    label: str = ""


class Movie(TypedDict):
    title: str
    year: int
