"""What ferro adds to SQLite's own functions."""

import sys
import unicodedata

import pytest
from psycopg.sql import SQL, Identifier

from ferro.dialects import DIALECTS, postgres, sqlite
from ferro.dialects.sqlite import AGGREGATES, COLLATIONS, FUNCTIONS, glob_of, lower, upper
from ferro.query.patterns import glob


def test_dialects_are_found_by_the_name_of_their_column_types():
    assert {"postgresql": postgres, "sqlite": sqlite} == DIALECTS


@pytest.mark.parametrize(
    ("text", "lowered", "raised"),
    [
        ("Straße", "straße", "STRAßE"),
        ("ÀÉ", "àé", "ÀÉ"),
        ("ΟΔΟΣ", "οδοσ", "ΟΔΟΣ"),
        ("İ", "i", "İ"),
        ("ᾀ", "ᾀ", "ᾈ"),
        ("ﬁ", "ﬁ", "ﬁ"),
        ("ASCII", "ascii", "ASCII"),
    ],
)
def test_case_changes_one_character_for_one(text, lowered, raised):
    assert lower(text) == lowered
    assert upper(text) == raised


def test_case_leaves_what_is_no_text():
    assert [lower(value) for value in (None, 1, b"A")] == [None, 1, b"A"]
    assert [upper(value) for value in (None, 1, b"a")] == [None, 1, b"a"]


def test_letters_change_case_as_they_do_in_postgresql(administrator):
    letters = [
        chr(code)
        for code in range(0x80, 0x2C00)
        if unicodedata.category(chr(code)) in {"Lu", "Ll", "Lt"} and code < sys.maxunicode
    ]
    # The built-in collation of PostgreSQL 17, or that of the C library before it.
    (collation,) = administrator.execute(
        "SELECT collname FROM pg_collation WHERE collname IN ('pg_c_utf8', 'C.utf8') ORDER BY collname DESC"
    ).fetchone() or (None,)
    rows = administrator.execute(
        SQL(
            "SELECT letter, lower(letter COLLATE {0}), upper(letter COLLATE {0}) FROM unnest(%s::text[]) AS letter"
        ).format(Identifier(collation)),
        [letters],
    ).fetchall()
    assert len(rows) == len(letters)
    # A server may know a newer Unicode than this Python.
    known = [row for row in rows if (lower(row[0]), upper(row[0])) != (row[0], row[0])]
    assert [(letter, lower(letter), upper(letter)) for letter, _, _ in known] == known


@pytest.mark.parametrize(
    ("pattern", "globbed"),
    [("a%b_", "a*b?"), ("\\%\\_\\\\", "%_\\"), ("*?[]", "[*][?][[]]"), ("\\*", "[*]"), ("", "")],
)
def test_a_like_pattern_becomes_a_glob(pattern, globbed):
    assert glob(pattern) == globbed
    assert glob_of(pattern) == globbed


def test_a_pattern_of_a_column_that_ends_in_its_escape_character_is_an_error():
    with pytest.raises(ValueError, match="ends with its escape character"):
        glob_of("a\\")
    assert glob_of("a\\\\") == "a\\"
    assert glob_of(None) is None


def test_every_name_a_connection_registers_is_ours():
    names = [found.name for found in (*FUNCTIONS, *AGGREGATES, *COLLATIONS)]
    assert all(name.startswith("ferro_") for name in names)
    assert len({found.name for found in FUNCTIONS}) == len(FUNCTIONS)
