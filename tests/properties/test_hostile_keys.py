"""No key, document, unit or pattern of a user's becomes SQL."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import given, note, settings

from ferro import FerroError, col, date_trunc
from ferro.sync import Database

from .strategies import hostile_names, hostile_texts
from .test_hostile_strings import Guest, harmless_statements, must_be_harmless, sent, statements_of, tables

__all__ = ["tables"]

CALLS: dict[str, Callable[[Database, str], Any]] = {
    "a path": lambda db, text: db.query(Guest).where(lambda g: g.tags[text][text][0] == 1).all(),
    "what a path equals": lambda db, text: db.query(Guest).where(lambda g: g.tags["a"] == {text: text}).all(),
    "what a path is more than": lambda db, text: db.query(Guest).where(lambda g: g.tags["a"] > text).all(),
    "a path among": lambda db, text: db.query(Guest).where(lambda g: g.tags["a"].in_([text, [text]])).all(),
    "a selected path": lambda db, text: db.query(Guest).select(lambda g: (g.tags[text], g.id)).all(),
    "a sort": lambda db, text: db.query(Guest).order_by(lambda g: g.tags[text].length()).all(),
    "contains": lambda db, text: db.query(Guest).where(lambda g: col(g.tags).contains({text: text})).all(),
    "contained_by": lambda db, text: db.query(Guest).where(lambda g: g.tags.contained_by({text: [text]})).all(),
    "has_key": lambda db, text: db.query(Guest).where(lambda g: g.tags.has_key(text)).all(),
    "has_any_key": lambda db, text: db.query(Guest).where(lambda g: g.tags.has_any_key([text, "a"])).all(),
    "has_all_keys": lambda db, text: db.query(Guest).where(lambda g: g.tags.has_all_keys([text])).all(),
    "merge": lambda db, text: db.query(Guest).update(lambda g: {"tags": g.tags.merge({text: {text: text}})}),
    "without": lambda db, text: db.query(Guest).update(lambda g: {"tags": g.tags.without(text)}),
}


@settings(max_examples=500)
@given(text=hostile_texts())
def test_the_sql_of_a_hostile_key_is_that_of_a_harmless_one(tables, text):
    for (name, call), (backend, database) in product(CALLS.items(), tables.items()):
        note(f"{name} on {backend}")
        must_be_harmless(database, call, text)


@settings(max_examples=500)
@given(text=hostile_names())
def test_a_hostile_unit_is_refused_and_nothing_is_sent(tables, text):
    for database in tables.values():
        with sent() as statements, pytest.raises(FerroError, match="date_trunc"):
            database.query(Guest).select(lambda g: date_trunc(text, g.name)).all()
        assert statements == []


def matching(db: Database, text: str) -> Any:
    return db.query(Guest).where(lambda g: col(g.name).matches(text) | col(g.name).imatches(text)).all()


@settings(max_examples=500)
@given(text=hostile_texts())
def test_a_hostile_pattern_is_a_parameter(tables, text):
    for name, database in tables.items():
        if name == "sqlite":
            continue

        statements, _ = statements_of(database, matching, text)
        assert statements in (harmless_statements(database, matching), [])
