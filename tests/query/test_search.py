"""Full-text search: what is read out of a text, what the databases are asked, and what makes their indexes."""

import sqlite3
from typing import Any, ClassVar

import pytest

from ferro import Field, ModelBase, ModelDefinitionError, QueryError, Search, search, search_rank
from ferro.dialects import postgres, sqlite
from ferro.drivers.sqlite_errors import translated
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.ddl import create_table, drop_table
from ferro.query.search_text import to_match, to_tsquery
from ferro.query.searching import SEPARATORS
from ferro.schema.registry import active, declared, table_of


class Essay(ModelBase):
    __ferro_search__: ClassVar = Search("title", "body", language="english", weights={"title": "A"})

    id: int | None = Field(default=None, primary_key=True)
    title: str
    body: str | None = Field(default=None, column='bo"dy')


class Memo(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    subject: str
    text: str


for name in ("Essay", "Memo"):
    for known in (declared, active):
        known.pop(name)


def query(model: Any) -> QueryBase[Any]:
    return QueryBase(model, table_of(model))


@pytest.mark.parametrize(
    ("text", "tsquery", "match"),
    [
        ("Quick fox", "('Quick' & 'fox')", '("Quick" AND "fox")'),
        ('a "quick fox"', "('a' & ('quick' <-> 'fox'))", '("a" AND "quick fox")'),
        ("fox OR bread -crumbs", "('fox') | ('bread' & !'crumbs')", '("fox") OR (("bread") NOT "crumbs")'),
        ('fox -"lazy dog" -cat', "('fox' & !('lazy' <-> 'dog') & !'cat')", '((("fox") NOT "lazy dog") NOT "cat")'),
        ('bro* "lazy do"*', "('bro':* & ('lazy' <-> 'do':*))", '("bro"* AND "lazy do"*)'),
        ("e-mail me@example.com", None, '("e mail" AND "me example com")'),
        ("", "", '""'),
        ("-fox", "", '""'),
        ('OR " " OR * OR -', "", '""'),
        ("fox or bread", "('fox' & 'or' & 'bread')", '("fox" AND "or" AND "bread")'),
        ('un"closed', "(('un' <-> 'closed'))", '("un closed")'),
        ("it's \\ & | ! :* <-> NEAR(a)", "(('it' <-> 's') & ('NEAR' <-> 'a'))", '("it s" AND "NEAR a")'),
        ("'; DROP TABLE x; --", "('DROP' & 'TABLE' & 'x')", '("DROP" AND "TABLE" AND "x")'),
        ("\0a \ud800b \u0301", "('a' & 'b')", '("a" AND "b")'),
        ("naïve 漢字 e\u0301", "('naïve' & '漢字' & 'e\u0301')", '("naïve" AND "漢字" AND "e\u0301")'),
    ],
)
def test_one_small_language_is_read_for_both_databases(text, tsquery, match):
    assert to_match(text) == match
    if tsquery is not None:
        assert to_tsquery(text) == tsquery


CLEANED = f"regexp_replace(COALESCE({{}}, ''), '{SEPARATORS}', ' ', 'g')"


def vectors(title: str, body: str) -> str:
    return (
        f"setweight(to_tsvector(CAST('english' AS regconfig), {CLEANED.format(title)}), 'A') || "
        f"CAST('''|'':1' AS tsvector) || to_tsvector(CAST('english' AS regconfig), {CLEANED.format(body)})"
    )


def test_a_search_is_one_condition_with_one_value():
    found = query(Essay).select("id").where(lambda e: search(e, "quick -fox") & (e.id > 3))
    on_postgres = compile(found.select_statement(), postgres)
    document = vectors('"essay"."title"', '"essay"."bo""dy"')
    assert on_postgres.sql == (
        f'SELECT "essay"."id" FROM "essay" WHERE {document} @@ to_tsquery(CAST(\'english\' AS regconfig), $1) '
        'AND "essay"."id" > $2'
    )
    assert list(on_postgres.params) == ["('quick' & !'fox')", 3]
    on_sqlite = compile(found.select_statement(), sqlite)
    assert on_sqlite.sql == (
        'SELECT "essay"."id" FROM "essay" WHERE "essay"."id" IN '
        '(SELECT rowid FROM "fts_essay" WHERE "fts_essay" MATCH ?) AND "essay"."id" > ?'
    )
    assert list(on_sqlite.params) == ['(("quick") NOT "fox")', 3]


def test_a_rank_is_a_number_to_sort_by():
    found = query(Essay).select("id").order_by(lambda e: search_rank(e, "fox").desc())
    on_sqlite = compile(found.select_statement(), sqlite)
    assert on_sqlite.sql == (
        'SELECT "essay"."id" FROM "essay" ORDER BY COALESCE((WITH "matched" ("key", "score") AS MATERIALIZED '
        '(SELECT rowid, -bm25("fts_essay", 1.0, 0.1) FROM "fts_essay" WHERE "fts_essay" MATCH ?) '
        'SELECT "score" FROM "matched" WHERE "key" = "essay"."id"), 0.0) DESC'
    )
    ranked = f"""CAST(ts_rank({vectors('"essay"."title"', '"essay"."bo""dy"')}, """
    assert ranked in compile(found.select_statement(), postgres).sql


def test_the_indexes_are_made_once_and_follow_the_table():
    table = table_of(Essay)
    assert create_table(table, postgres)[1:] == [
        f"""CREATE INDEX IF NOT EXISTS "fts_essay" ON "essay" USING gin (({vectors('"title"', '"bo""dy"')}))"""
    ]
    assert create_table(table, sqlite)[1:] == [
        (
            'CREATE VIRTUAL TABLE IF NOT EXISTS "fts_essay" USING fts5("title", "bo""dy", '
            "content='essay', content_rowid='id', tokenize='porter unicode61 remove_diacritics 0')"
        ),
        (
            'CREATE TRIGGER IF NOT EXISTS "fts_essay_insert" AFTER INSERT ON "essay" BEGIN '
            'INSERT INTO "fts_essay" (rowid, "title", "bo""dy") VALUES (new."id", new."title", new."bo""dy"); END'
        ),
        (
            'CREATE TRIGGER IF NOT EXISTS "fts_essay_delete" AFTER DELETE ON "essay" BEGIN '
            'INSERT INTO "fts_essay" ("fts_essay", rowid, "title", "bo""dy") '
            """VALUES ('delete', old."id", old."title", old."bo""dy"); END"""
        ),
        (
            'CREATE TRIGGER IF NOT EXISTS "fts_essay_update" AFTER UPDATE OF "id", "title", "bo""dy" ON "essay" BEGIN '
            'INSERT INTO "fts_essay" ("fts_essay", rowid, "title", "bo""dy") '
            """VALUES ('delete', old."id", old."title", old."bo""dy"); """
            'INSERT INTO "fts_essay" (rowid, "title", "bo""dy") VALUES (new."id", new."title", new."bo""dy"); END'
        ),
        (
            """INSERT INTO "fts_essay" ("fts_essay") SELECT 'rebuild' WHERE EXISTS (SELECT 1 FROM "essay") """
            'AND NOT EXISTS (SELECT 1 FROM "fts_essay_docsize")'
        ),
    ]
    assert drop_table(table) == ['DROP TABLE IF EXISTS "essay"', 'DROP TABLE IF EXISTS "fts_essay"']


def test_a_model_that_cannot_be_searched_says_what_to_declare():
    with pytest.raises(QueryError) as refusal:
        query(Memo).where(lambda m: search(m, "fox"))
    assert str(refusal.value) == (
        'Memo cannot be searched: declare __ferro_search__: ClassVar = Search("subject", "text") in its class body'
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: search(None, "fox"), "search() takes the row first, as in lambda p: search(p, ...), got None"),
        (lambda: search(Essay, 3), "search(): expected str, got 3"),  # type: ignore[arg-type]
        (lambda: search_rank(Essay, None), "search_rank(): expected str, got None"),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_call_is_refused(call, message):
    with pytest.raises(QueryError) as refusal:
        call()
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (Search, "Search takes the names of text fields, not ()"),
        (lambda: Search("a", "a"), "Search names a field twice: a, a"),
        (lambda: Search("a", language="klingon'"), 'Search(language="klingon\'") is not known: it is one of arabic, '),
        (
            lambda: Search("a", weights={"b": "A"}),
            'Search(weights=...) gives \'b\' the weight \'A\': it takes names out of a, and "A", "B", "C" or "D"',
        ),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(declare, message):
    with pytest.raises(ModelDefinitionError) as refusal:
        declare()
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(
    ("declaration", "fields", "message"),
    [
        (("title",), {}, "unknown column 'title': the fields are id, price"),
        (("price",), {}, "words are searched for in texts, and price is an int"),
        (("rank",), {"rank": (str, "")}, "'rank' cannot be the name of a searched column on SQLite"),
    ],
)
def test_a_search_names_texts_of_the_model(declaration, fields, message):
    namespace = {
        "__module__": __name__,
        "__ferro_search__": Search(*declaration),
        "__annotations__": {"id": int, "price": int, **{name: kind for name, (kind, _) in fields.items()}},
        "id": Field(primary_key=True),
    }
    with pytest.raises(ModelDefinitionError, match=message):
        table_of(type("Wrong", (ModelBase,), namespace))


def test_sqlite_numbers_the_rows_it_searches():
    class Ticket(ModelBase):
        __ferro_search__: ClassVar = Search("code")
        code: str = Field(primary_key=True)

    for known in (declared, active):
        known.pop("Ticket")
    assert len(create_table(table_of(Ticket), postgres)) == 2
    with pytest.raises(
        ModelDefinitionError, match="on SQLite a searched table needs a primary key that the database numbers"
    ):
        create_table(table_of(Ticket), sqlite)


def test_a_sqlite_without_fts5_is_named():
    error = translated(sqlite3.OperationalError("no such module: fts5"), "Create table failed")
    assert str(error) == (
        "Create table failed: this sqlite3 was built without FTS5, which __ferro_search__ needs; "
        "install a Python that has it: no such module: fts5"
    )
