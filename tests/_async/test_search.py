"""Full-text search in real tables: the same rows on both databases, whoever wrote them."""

from typing import Any, ClassVar

import pytest

from ferro import AsyncDatabase, Field, Model, Search, connect, exists, search, search_rank


class Article(Model):
    __ferro_search__: ClassVar = Search("title", "body", weights={"title": "A"})

    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(unique=True)
    body: str | None = None


@pytest.fixture(autouse=True)
async def articles(database: AsyncDatabase) -> None:
    await database.create_tables(Article)
    await Article.create(title="The quick brown fox", body="jumps over the lazy dog; write to me@example.com/path")
    await Article.bulk_create(
        [Article(title="brown bread", body="quick_recipe: 1.5 kg"), Article(title="A end", body="b begins")]
    )


async def found(text: str) -> list[int]:
    return await Article.where(lambda a: search(a, text)).order_by("id").select(lambda a: a.id).all()


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
async def test_the_same_rows_are_found_on_both_databases(text: str, expected: list[int]) -> None:
    assert await found(text) == expected


async def test_a_better_match_comes_first() -> None:
    best = Article.where(lambda a: search(a, "quick")).order_by(lambda a: search_rank(a, "quick").desc())
    assert await best.select(lambda a: a.id).all() == [1, 2]
    ranks = await Article.select(lambda a: search_rank(a, "quick")).order_by("id").all()
    assert ranks[0] > ranks[1] > ranks[2] == 0.0


async def test_a_search_that_was_made_before_is_about_the_rows_of_its_own_query() -> None:
    bread = Article.where(lambda a: search(a, "bread")).order_by(lambda a: search_rank(a, "bread").desc())
    after = Article.where(lambda a: exists(bread.where(lambda b: b.id < a.id)))
    assert await after.order_by("id").select(lambda a: a.id).all() == [3]
    beside = Article.where(lambda a: search(a, "fox") & exists(bread.where(lambda b: b.id > a.id)))
    assert await beside.select(lambda a: a.id).all() == [1]


async def test_every_way_to_write_keeps_the_index(database: AsyncDatabase, database_url: str) -> None:
    await Article.where(lambda a: search(a, "fox")).update(title="cat")
    assert (await found("fox"), await found("cat")) == ([], [1])
    article = await Article.get(1)
    article.body = "saved words"
    await article.save()
    assert (await found("lazy"), await found("saved")) == ([], [1])
    await database.execute("UPDATE article SET body = 'raw words' WHERE id = 2")
    assert (await found("recipe"), await found("raw")) == ([], [2])
    await database.upsert(Article, title="cat", body="upserted")
    assert (await found("saved"), await found("upserted")) == ([], [1])
    await Article.where(lambda a: search(a, "raw OR upserted")).delete()
    assert (await found("raw"), await found("words"), await found("b")) == ([], [], [3])
    other = await connect(database_url, default=False)
    try:
        await other.execute("INSERT INTO article (title) VALUES ('from elsewhere')")
    finally:
        await other.close()
    assert len(await found("elsewhere")) == 1


async def test_a_row_undone_is_not_found(database: AsyncDatabase) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction():
            await Article.create(title="for a moment")
            assert await found("moment") == [4]
            raise ZeroDivisionError
    assert await found("moment") == []


async def test_rows_that_were_there_before_are_found(database: AsyncDatabase, backend: str) -> None:
    if backend == "sqlite":
        for statement in (
            "TRIGGER fts_article_insert",
            "TRIGGER fts_article_update",
            "TRIGGER fts_article_delete",
            "TABLE fts_article",
        ):
            await database.execute(f"DROP {statement}")
    else:
        await database.execute("DROP INDEX fts_article")
    await database.execute("INSERT INTO article (title) VALUES ('older than its index')")
    await database.create_tables(Article)
    await database.create_tables(Article)
    assert await found("older") == [4]
    assert await found("bread") == [2]


@pytest.mark.backends("postgres")
async def test_postgresql_uses_its_index(database: AsyncDatabase) -> None:
    await database.execute("INSERT INTO article (title) SELECT 'row ' || n FROM generate_series(1, 3000) AS n")
    await database.execute("ANALYZE article")
    plan: Any = await Article.where(lambda a: search(a, "2999")).explain()
    assert "fts_article" in str(plan)


@pytest.mark.backends("sqlite")
async def test_the_index_of_sqlite_is_sound(database: AsyncDatabase) -> None:
    await Article.where(lambda a: a.id == 1).update(id=90, body=None)
    await database.execute("INSERT INTO fts_article (fts_article, rank) VALUES ('integrity-check', 1)")
    names = await database.fetch_all("SELECT name FROM sqlite_master WHERE name LIKE 'fts%' ORDER BY name")
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
