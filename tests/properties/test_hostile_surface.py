"""No string given to a t-string, to `values()` or to a selection into a class becomes SQL."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tstrings import Value, tstring

from ferro import DataError, Field, ModelBase, QueryError
from ferro.dialects import postgres, sqlite
from ferro.operations.raw import asked
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.fragments import raw
from ferro.schema.registry import active, declared, table_of

from .strategies import texts


class Visitor(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    name: str


# Other tests, which create all tables there are, need not know of it.
for known in (declared, active):
    known.pop("Visitor")

INJECTIONS = ["'; DROP TABLE visitor; --", '"; --', "$1", "?", "{}", "{0!r}", "\x00", "\ud800", "' OR '1'='1"]
hostile = st.sampled_from(INJECTIONS) | texts()
names = hostile.filter(lambda text: not re.fullmatch(r"[A-Za-z0-9_]*", text))


@settings(max_examples=500)
@given(hostile)
def test_the_text_of_a_t_string_does_not_depend_on_its_values(text: str) -> None:
    for dialect, mark in ((sqlite, "?"), (postgres, "$1")):
        try:
            statement = asked(tstring("SELECT ", Value(text)), [], dialect)
        except DataError:
            # A text that no database can keep is refused; whatever is sent has the same words.
            continue
        assert statement.sql == f"SELECT {mark}"


@settings(max_examples=500)
@given(hostile)
def test_the_text_of_a_fragment_does_not_depend_on_its_values(text: str) -> None:
    query = QueryBase(Visitor, table_of(Visitor)).select("id")
    for dialect in (sqlite, postgres):
        calm = compile(
            query.where(lambda v: raw(tstring(Value(v.name), " = ", Value("a")))).select_statement(), dialect
        )
        wild = query.where(lambda v: raw(tstring(Value(v.name), " = ", Value(text)))).select_statement()
        try:
            assert compile(wild, dialect).sql == calm.sql
        except DataError:
            continue


@settings(max_examples=500)
@given(names)
def test_a_name_that_is_no_column_is_refused(name: str) -> None:
    query = QueryBase(Visitor, table_of(Visitor))
    with pytest.raises(QueryError, match=r"^visitor has no column "):
        query.values(name)
    with pytest.raises(QueryError, match=r"^visitor has no column "):
        query.select(name, into=dict)


@settings(max_examples=500)
@given(names)
def test_the_keys_of_a_dict_never_reach_the_text(name: str) -> None:
    query = QueryBase(Visitor, table_of(Visitor))
    calm = query.select(lambda v: {"a": v.name}).select_statement()
    wild = query.select(lambda v: {name: v.name}).select_statement()
    for dialect in (sqlite, postgres):
        assert compile(wild, dialect).sql == compile(calm, dialect).sql
