"""Both databases find the rows that a search in plain Python finds; no text that is searched for is ever SQL."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from ferro import Field, Model, Search, search, search_rank
from ferro.dialects import postgres, sqlite
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.search_text import Term, parse
from ferro.schema.registry import active, declared, table_of
from ferro.sync import Database

from .strategies import CHARACTERS, NASTY_TEXTS, REFUSED_TEXTS


class Page(Model):
    __ferro_search__: ClassVar = Search("title", "body")

    id: int | None = Field(default=None, primary_key=True)
    title: str
    body: str | None = None


for known in (declared, active):
    known.pop("Page")

plain_words = st.sampled_from(
    ["a", "ab", "abc", "b", "B", "or", "OR", "not", "near", "x1", "42", "fox's", "e-mail", "a_b"]
)
marks = st.sampled_from(
    [" ", " ", " ", "  ", ", ", ". ", "/", "@", " - ", "\n", "(", ")", "*", "'", '"', ":", "&", "|", "!", "“"]
)
texts = st.lists(st.tuples(plain_words, marks), max_size=6).map(lambda parts: "".join(map("".join, parts)))
typed = st.lists(
    st.tuples(st.sampled_from(["", "", "", "-", '"', "--"]), plain_words, st.sampled_from(["", "*", '"', '"*']), marks),
    max_size=5,
).map(lambda parts: "".join(map("".join, parts)))
hostile = st.sampled_from(
    [*NASTY_TEXTS[:-2], *REFUSED_TEXTS, "' OR 1=1 --", '") OR ("', "NEAR(a b)", "^a", "{a}:b", "a + b"]
)
anything = hostile | st.text(CHARACTERS, max_size=20) | typed


@pytest.fixture(scope="session")
def pages(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(Page)
    return databases


def words_in(text: str | None) -> list[str]:
    return "".join(one if one.isalnum() else " " for one in (text or "").lower()).split()


def has(term: Term, fields: list[list[str]]) -> bool:
    *whole, last = [word.lower() for word in term.words]
    return any(
        field[at : at + len(whole)] == whole
        and len(field) > at + len(whole)
        and (field[at + len(whole)].startswith(last) if term.prefix else field[at + len(whole)] == last)
        for field in fields
        for at in range(len(field))
    )


def fits(text: str, page: Page) -> bool:
    fields = [words_in(page.title), words_in(page.body)]
    return any(
        all(has(term, fields) for term in one.wanted) and not any(has(term, fields) for term in one.unwanted)
        for one in parse(text)
    )


def found(database: Database, text: str) -> list[Page]:
    return database.query(Page).where(lambda p: search(p, text)).order_by("id").all()


@given(
    rows=st.lists(st.tuples(texts, st.none() | texts), min_size=1, max_size=6),
    asked=st.lists(typed, min_size=1, max_size=4),
)
def test_both_databases_find_what_python_finds(pages, rows, asked):
    for backend, database in pages.items():
        note(f"on {backend}")
        database.query(Page).delete()
        made = [Page(title=title, body=body) for title, body in rows]
        database.bulk_create(Page, made)
        for text in asked:
            assert found(database, text) == [page for page in made if fits(text, page)], text


@given(text=anything)
def test_no_text_is_an_error(pages, text):
    for database in pages.values():
        query = database.query(Page).where(lambda p: search(p, text)).order_by(lambda p: search_rank(p, text).desc())
        assert query.count() >= 0
        assert query.all() is not None


@given(text=anything)
def test_no_text_is_a_part_of_the_statement(text):
    pages: QueryBase[Any] = QueryBase(Page, table_of(Page))

    def sql(given: str, dialect: Any) -> str:
        query = pages.where(lambda p: search(p, given)).order_by(lambda p: search_rank(p, given).desc())
        return compile(query.select_statement(), dialect).sql

    for dialect in (postgres, sqlite):
        assert sql(text, dialect) == sql("harmless", dialect)
