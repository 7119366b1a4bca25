"""What people type into a search box, and what the databases are asked for it.

Words must all be there; `"a phrase"` stands together, `OR` gives a choice, `-word` must not be there, `word*`
is a beginning. Everything else separates words. Nothing that is typed is an error, and nothing but letters and
digits reaches a database's own language for searching.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ferro.caches import informing
from ferro.types.base import ColumnType, Stored
from ferro.types.values import unexpected

# A phrase or a word with what stands around it; a quotation mark without a second one is a mark like any other.
PIECE = re.compile(r'-?"[^"]*"\*?|\S+')


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """Words that stand together; of the last one only the beginning where it is a `prefix`."""

    words: tuple[str, ...]
    prefix: bool


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Terms that must all be there, and terms that must not."""

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...]


@informing("searches")
@lru_cache(maxsize=1024)
def parse(text: str) -> tuple[Choice, ...]:
    """The choices of a text; those that want nothing are left out, so an empty text finds nothing."""
    choices: list[Choice] = []
    wanted: list[Term] = []
    unwanted: list[Term] = []
    for piece in [*PIECE.findall(text), "OR"]:
        if piece == "OR":
            if wanted:
                choices.append(Choice(tuple(wanted), tuple(unwanted)))
            wanted, unwanted = [], []
            continue
        words = words_of(piece)
        if words:
            term = Term(words, piece.endswith("*"))
            (unwanted if piece.startswith("-") else wanted).append(term)
    return tuple(choices)


def words_of(text: str) -> tuple[str, ...]:
    """The runs of letters, digits and the marks on them; marks alone are no word."""
    runs = "".join(one if is_part_of_word(one) else " " for one in text).split()
    return tuple(run for run in runs if any(map(str.isalnum, run)))


def is_part_of_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"


def accept(value: Any) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    raise unexpected("str", value)


def to_tsquery(text: str) -> str:
    """As PostgreSQL's `to_tsquery` takes it: `('quick' & 'fox' & !'lazy') | ('brown':*)`."""
    return " | ".join(
        "(" + " & ".join([*map(tsquery_term, one.wanted), *(f"!{tsquery_term(term)}" for term in one.unwanted)]) + ")"
        for one in parse(text)
    )


def tsquery_term(term: Term) -> str:
    words = [f"'{word}'" for word in term.words]
    if term.prefix:
        words[-1] += ":*"
    return words[0] if len(words) == 1 else f"({' <-> '.join(words)})"


def to_match(text: str) -> str:
    """As FTS5 takes it: `("quick" AND "fox") NOT "lazy" OR ("brown"*)`."""
    choices: list[str] = []
    for one in parse(text):
        found = f"({' AND '.join(map(match_term, one.wanted))})"
        for term in one.unwanted:
            found = f"({found} NOT {match_term(term)})"
        choices.append(found)
    # The empty phrase is in no row.
    return " OR ".join(choices) or '""'


def match_term(term: Term) -> str:
    return f'"{" ".join(term.words)}"{"*" if term.prefix else ""}'


SEARCH_TEXT = ColumnType(
    name="str",
    python_type=str,
    kind="text",
    accept=accept,
    stored={"sqlite": Stored("text", dump=to_match), "postgresql": Stored("text", dump=to_tsquery)},
)
