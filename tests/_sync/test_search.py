# Generated from tests/_async/test_search.py by scripts/unasync.py: edit that file, never this one.
"""Full-text search in real tables: the same rows on both databases, whoever wrote them."""

from typing import Any, ClassVar

import pytest

from ferro.sync import Database, Field, Model, Search, connect, exists, search, search_rank


class Article(Model):
    __ferro_search__: ClassVar = Search("title", "body", weights={"title": "A"})

    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(unique=True)
    body: str | None = None


@pytest.fixture(autouse=True)
def articles(database: Database) -> None:
    database.create_tables(Article)
    Article.create(title="The quick brown fox", body="jumps over the lazy dog; write to me@example.com/path")
    Article.bulk_create(
        [Article(title="brown bread", body="quick_recipe: 1.5 kg"), Article(title="A end", body="b begins")]
    )


def found(text: str) -> list[int]:
    return Article.where(lambda a: search(a, text)).order_by("id").select(lambda a: a.id).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quick", [1, 2]),
        ("QUICK Fox", [1]),
        ('"quick brown"', [1]),
        ('"brown quick"', []),
        ("fox OR bread", [1, 2]),
        ("quick -fox", [2]),
        ("bro*", [1, 2]),
        ('"lazy do"*', [1]),
        ("me@example.com", [1]),
        ("recipe 1.5", [2]),
        ("end b", [3]),
        ('"end b"', []),
        ("", []),
        ("-fox", []),
        ("'; DROP TABLE article; --", []),
        ("title:quick NEAR(", []),
    ],
)
def test_the_same_rows_are_found_on_both_databases(text: str, expected: list[int]) -> None:
    assert found(text) == expected


def test_a_better_match_comes_first() -> None:
    best = Article.where(lambda a: search(a, "quick")).order_by(lambda a: search_rank(a, "quick").desc())
    assert best.select(lambda a: a.id).all() == [1, 2]
    ranks = Article.select(lambda a: search_rank(a, "quick")).order_by("id").all()
    assert ranks[0] > ranks[1] > ranks[2] == 0.0


def test_a_search_that_was_made_before_is_about_the_rows_of_its_own_query() -> None:
    bread = Article.where(lambda a: search(a, "bread")).order_by(lambda a: search_rank(a, "bread").desc())
    after = Article.where(lambda a: exists(bread.where(lambda b: b.id < a.id)))
    assert after.order_by("id").select(lambda a: a.id).all() == [3]
    beside = Article.where(lambda a: search(a, "fox") & exists(bread.where(lambda b: b.id > a.id)))
    assert beside.select(lambda a: a.id).all() == [1]


def test_every_way_to_write_keeps_the_index(database: Database, database_url: str) -> None:
    Article.where(lambda a: search(a, "fox")).update(title="cat")
    assert (found("fox"), found("cat")) == ([], [1])
    article = Article.get(1)
    article.body = "saved words"
    article.save()
    assert (found("lazy"), found("saved")) == ([], [1])
    database.execute("UPDATE article SET body = 'raw words' WHERE id = 2")
    assert (found("recipe"), found("raw")) == ([], [2])
    database.upsert(Article, title="cat", body="upserted")
    assert (found("saved"), found("upserted")) == ([], [1])
    Article.where(lambda a: search(a, "raw OR upserted")).delete()
    assert (found("raw"), found("words"), found("b")) == ([], [], [3])
    other = connect(database_url, default=False)
    try:
        other.execute("INSERT INTO article (title) VALUES ('from elsewhere')")
    finally:
        other.close()
    assert len(found("elsewhere")) == 1


def test_a_row_undone_is_not_found(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        with database.transaction():
            Article.create(title="for a moment")
            assert found("moment") == [4]
            raise ZeroDivisionError
    assert found("moment") == []


def test_rows_that_were_there_before_are_found(database: Database, backend: str) -> None:
    if backend == "sqlite":
        for statement in (
            "TRIGGER fts_article_insert",
            "TRIGGER fts_article_update",
            "TRIGGER fts_article_delete",
            "TABLE fts_article",
        ):
            database.execute(f"DROP {statement}")
    else:
        database.execute("DROP INDEX fts_article")
    database.execute("INSERT INTO article (title) VALUES ('older than its index')")
    database.create_tables(Article)
    database.create_tables(Article)
    assert found("older") == [4]
    assert found("bread") == [2]


@pytest.mark.backends("postgres")
def test_postgresql_uses_its_index(database: Database) -> None:
    database.execute("INSERT INTO article (title) SELECT 'row ' || n FROM generate_series(1, 3000) AS n")
    database.execute("ANALYZE article")
    plan: Any = Article.where(lambda a: search(a, "2999")).explain()
    assert "fts_article" in str(plan)


@pytest.mark.backends("sqlite")
def test_the_index_of_sqlite_is_sound(database: Database) -> None:
    Article.where(lambda a: a.id == 1).update(id=90, body=None)
    database.execute("INSERT INTO fts_article (fts_article, rank) VALUES ('integrity-check', 1)")
    names = database.fetch_all("SELECT name FROM sqlite_master WHERE name LIKE 'fts%' ORDER BY name")
    assert [row["name"] for row in names] == [
        "fts_article",
        "fts_article_config",
        "fts_article_data",
        "fts_article_delete",
        "fts_article_docsize",
        "fts_article_idx",
        "fts_article_insert",
        "fts_article_update",
    ]
