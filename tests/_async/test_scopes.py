"""Scopes: which rows the queries of a model see."""

from contextvars import ContextVar
from typing import Annotated

import pytest
from statements import sent

from ferro import (
    AsyncDatabase,
    BackRef,
    Field,
    ForeignKey,
    ManyToMany,
    Model,
    ModelDefinitionError,
    ModelDoesNotExist,
    QueryError,
    Relation,
    Scope,
    UniqueViolationError,
    count,
    exists,
)
from ferro.schema.registry import active, declared


class Writer(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    articles: Relation[list["Article"]] = BackRef()


class Label(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    articles: Relation[list["Article"]] = BackRef()


class Article(Model):
    __ferro_scope__ = Scope(lambda a: a.published == True)

    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(unique=True)
    published: bool = True
    writer: Annotated[Writer | None, ForeignKey(related_name="articles", nullable=True)] = None
    labels: Relation[list[Label]] = ManyToMany(related_name="articles")
    comments: Relation[list["Comment"]] = BackRef()


class Comment(Model):
    id: int | None = Field(default=None, primary_key=True)
    article: Annotated[Article, ForeignKey(related_name="comments")]


@pytest.fixture
async def articles(database: AsyncDatabase) -> AsyncDatabase:
    await database.create_tables(Writer, Label, Article, Comment)
    ann = await Writer.create(name="Ann")
    shown = await Article.create(title="shown", writer=ann)
    hidden = await Article.create(title="hidden", published=False, writer=ann)
    label = await Label.create(name="a")
    await shown.labels.add(label)
    await hidden.labels.add(label)
    await Comment.create(article=shown)
    await Comment.create(article=hidden)
    return database


async def test_every_way_to_read_starts_from_the_scope(articles: AsyncDatabase) -> None:
    assert [article.title for article in await Article.all()] == ["shown"]
    assert await Article.count() == 1
    assert await Article.where(lambda a: a.title == "hidden").exists() is False
    assert await Article.where(lambda a: a.title == "hidden").first() is None
    assert (await Article.one()).title == "shown"
    assert await Article.max(lambda a: a.title) == "shown"
    assert await Article.select("title").all() == [("shown",)]
    assert [article.title async for article in Article.select().stream()] == ["shown"]
    assert (await Article.order_by("id").page(1, 10)).total == 1
    assert await articles.query(Article).count() == 1


async def test_every_way_to_change_starts_from_the_scope(articles: AsyncDatabase) -> None:
    assert await Article.update(title="new") == 1
    assert [row.title for row in await Article.query().update_returning(title="newer")] == ["newer"]
    assert await Article.query().delete() == 1
    assert [article.title for article in await Article.unscoped().all()] == ["hidden"]


async def test_the_scope_stands_in_the_sql_before_every_other_condition(articles: AsyncDatabase) -> None:
    found = Article.where(lambda a: a.title == "x").select("id").sql("sqlite")
    assert found.sql == (
        'SELECT "article"."id" FROM "article" WHERE "article"."published" = ? AND "article"."title" = ?'
    )
    assert found.params == (1, "x")


async def test_unscoped_leaves_the_scope_out_and_nothing_else(articles: AsyncDatabase) -> None:
    assert await Article.unscoped().count() == 2
    assert await articles.unscoped(Article).count() == 2
    assert await articles.query(Article).unscoped().count() == 2
    late = Article.where(lambda a: a.title != "shown").unscoped()
    assert [article.title for article in await late.all()] == ["hidden"]
    assert late.sql("sqlite").sql.partition(" WHERE ")[2] == '"article"."title" <> ?'
    assert await Article.where(lambda a: a.title == "hidden").select("id").unscoped().count() == 1
    assert late.unscoped().sql("sqlite") == late.sql("sqlite")


async def test_get_does_not_find_what_the_scope_hides(articles: AsyncDatabase) -> None:
    assert (await Article.get(1)).title == "shown"
    assert await Article.get_or_none(2) is None
    with pytest.raises(ModelDoesNotExist, match=r"^Article 2 does not exist"):
        await Article.get(2)
    assert (await Article.unscoped().where(lambda a: a.id == 2).one()).title == "hidden"


async def test_an_instance_that_is_held_is_saved_refreshed_and_deleted_whatever_the_scope_says(
    articles: AsyncDatabase,
) -> None:
    article = await Article.get(1)
    article.published = False
    await article.save()
    await article.refresh()
    article.title = "still mine"
    assert await Article.bulk_update([article]) == 1
    await article.refresh()
    assert article.title == "still mine"
    assert await article.delete() is True
    assert await Article.unscoped().count() == 1


async def test_collections_are_rows_in_scope_and_a_foreign_key_leads_to_its_row(articles: AsyncDatabase) -> None:
    ann, label = await Writer.get(1), await Label.get(1)
    assert [article.title for article in await ann.articles.all()] == ["shown"]
    assert await ann.articles.unscoped().count() == 2
    assert [article.title for article in await label.articles.all()] == ["shown"]
    assert await label.articles.unscoped().count() == 2
    first, second = await Comment.order_by("id").all()
    assert (await first.article).title == "shown"
    assert (await second.article).title == "hidden"
    assert await Comment.order_by("id").select(lambda c: c.article.title).all() == ["shown", "hidden"]
    assert await Writer.select(lambda w: w.articles.count()).all() == [1]
    assert not await Writer.where(lambda w: w.articles.any(lambda a: a.title == "hidden")).exists()
    assert [article.title for article in await articles.query(ann.articles).all()] == ["shown"]
    assert await ann.articles.delete() == 1
    assert await Article.unscoped().count() == 1


async def test_a_query_inside_another_has_its_own_scope(articles: AsyncDatabase) -> None:
    with_articles = Writer.where(lambda w: exists(Article.where(lambda a: a.writer_id == w.id)))
    assert await with_articles.count() == 1
    await Article.update(published=False)
    assert await with_articles.count() == 0
    twins = Article.unscoped().where(lambda a: exists(Article.where(lambda b: b.title != a.title)))
    assert twins.sql("sqlite").sql.endswith(
        'WHERE EXISTS (SELECT 1 FROM "article" AS "article_2" WHERE "article_2"."published" = ? '
        'AND "article_2"."title" <> "article"."title")'
    )


async def test_get_or_create_looks_in_the_scope_and_uniqueness_does_not(articles: AsyncDatabase) -> None:
    assert (await Article.get_or_create(title="shown"))[1] is False
    with pytest.raises(UniqueViolationError) as hidden:
        await Article.get_or_create(title="hidden")
    assert str(hidden.value) == (
        "get_or_create(): an Article with these values is there, and the scope of Article keeps it out of sight: "
        "look for it with Article.unscoped()"
    )
    await Article.upsert(title="hidden", published=True)
    assert await Article.count() == 2


tenant: ContextVar[int] = ContextVar("tenant")


class Owned(Model):
    __ferro_abstract__ = True
    __ferro_scope__ = Scope(lambda row: row.tenant == tenant.get())

    tenant: int = 0


class Invoice(Owned):
    __ferro_scope__ = Scope(lambda row: row.paid == False)

    id: int | None = Field(default=None, primary_key=True)
    paid: bool = False


async def test_the_scopes_of_a_model_and_its_parents_all_hold_and_are_asked_anew_for_each_query(
    database: AsyncDatabase,
) -> None:
    await database.create_tables(Invoice)
    await Invoice.bulk_create([Invoice(tenant=1), Invoice(tenant=2), Invoice(tenant=2, paid=True), Invoice(tenant=2)])
    counts: list[int] = []
    for number in (1, 2, 3):
        token = tenant.set(number)
        counts.append(await Invoice.count())
        tenant.reset(token)
    assert counts == [1, 2, 0]
    token = tenant.set(2)
    assert await Invoice.get_or_none(1) is None
    assert (await Invoice.get(2)).id == 2
    tenant.reset(token)
    with pytest.raises(LookupError):
        Invoice.where(lambda i: i.id == 1)
    assert await Invoice.unscoped().count() == 4


async def test_a_model_without_a_scope_sends_what_it_always_did(database: AsyncDatabase) -> None:
    await database.create_tables(Writer)
    with sent() as statements:
        await Writer.get_or_none(1)
        await Writer.unscoped().count()
    assert [text.partition(" FROM ")[2] for text in statements] == [
        f'"writer" WHERE "writer"."id" = {"?" if database.dialect.name == "sqlite" else "$1"}',
        '"writer"',
    ]


def test_a_scope_that_makes_no_sense_is_refused_where_the_class_is_defined() -> None:
    with pytest.raises(ModelDefinitionError, match=r"^Misspelt.__ferro_scope__: misspelt has no column 'publishd'"):

        class Misspelt(Model):
            __ferro_scope__ = Scope(lambda m: m.publishd == 1)
            id: int | None = Field(default=None, primary_key=True)
            published: int = 0

    with pytest.raises(
        ModelDefinitionError, match=r"^Bare.__ferro_scope__ must be a Scope\(\.\.\.\), not 'published'$"
    ):

        class Bare(Model):
            __ferro_scope__ = "published"
            id: int | None = Field(default=None, primary_key=True)

    with pytest.raises(ModelDefinitionError, match=r"^Scope takes a lambda over the model, not True$"):
        Scope(True)


def test_a_scope_must_return_a_condition() -> None:
    class Loose(Model):
        __ferro_scope__ = Scope(lambda _: True)
        id: int | None = Field(default=None, primary_key=True)

    with pytest.raises(QueryError) as caught:
        Loose.query()
    assert str(caught.value) == (
        "Loose.__ferro_scope__ expects a lambda that returns a condition such as p.published == True, got bool: True"
    )
    for known in (declared, active):
        known.pop("Loose")


# Whose request it is, wherever the rows are looked for.


class Stall(Model):
    __ferro_scope__ = Scope(lambda s: s.tenant == tenant.get())

    id: int | None = Field(default=None, primary_key=True)
    tenant: int
    name: str
    pieces: Relation[list["Piece"]] = BackRef()


class Piece(Model):
    __ferro_scope__ = Scope(lambda w: w.tenant == tenant.get())

    id: int | None = Field(default=None, primary_key=True)
    tenant: int
    name: str
    stall: Annotated[Stall, ForeignKey(related_name="pieces")]
    stickers: Relation[list["Sticker"]] = ManyToMany(related_name="pieces")


class Sticker(Model):
    __ferro_scope__ = Scope(lambda t: t.tenant == tenant.get())

    id: int | None = Field(default=None, primary_key=True)
    tenant: int
    name: str
    pieces: Relation[list[Piece]] = BackRef()


@pytest.fixture
async def stalls(database: AsyncDatabase) -> AsyncDatabase:
    """Each tenant has a stall, each stall a piece of each tenant, and each piece a sticker of each tenant."""
    await database.create_tables(Stall, Piece, Sticker)
    tenant.set(0)
    for owner in (1, 2):
        stall = await Stall.create(tenant=owner, name=f"stall {owner}")
        for number in (1, 2):
            piece = await Piece.create(tenant=number, name=f"piece {owner}{number}", stall=stall)
            stickers = [Sticker(tenant=one, name=f"sticker {owner}{number}{one}") for one in (1, 2)]
            await piece.stickers.add(*await database.bulk_create(Sticker, stickers))
    tenant.set(1)
    return database


async def names(query) -> list[str]:
    return sorted([row.name for row in await query.all()])


async def test_no_row_of_another_tenant_is_loaded_with_others(stalls):
    stall = await Stall.include("pieces.stickers").one()
    assert [(piece.name, [sticker.name for sticker in piece.stickers]) for piece in stall.pieces] == [
        ("piece 11", ["sticker 111"])
    ]
    sticker = await Sticker.where(lambda t: t.name == "sticker 111").include("pieces.stickers").one()
    assert [[one.name for one in piece.stickers] for piece in sticker.pieces] == [["sticker 111"]]
    again = await Stall.one()
    await stalls.load_many([again], "pieces.stickers")
    assert [(piece.name, len(piece.stickers)) for piece in again.pieces] == [("piece 11", 1)]
    async for streamed in Stall.include("pieces.stickers").stream(chunk=1):
        assert [(piece.name, len(piece.stickers)) for piece in streamed.pieces] == [("piece 11", 1)]
    page = await Stall.include("pieces").order_by("id").page(1, 10)
    assert (page.total, [len(one.pieces) for one in page.rows]) == (1, [1])


async def test_no_row_of_another_tenant_is_counted_or_found_in_a_condition(stalls):
    foreign = await Piece.unscoped().where(lambda w: w.name == "piece 12").one()
    assert await names(Stall.where(lambda s: s.pieces.any(lambda w: w.name == "piece 12"))) == []
    assert await names(Stall.where(lambda s: s.pieces.all(lambda w: w.name == "piece 11"))) == ["stall 1"]
    assert await names(Stall.where(lambda s: s.pieces.none(lambda w: w.tenant == 2))) == ["stall 1"]
    assert await names(Stall.where(lambda s: s.pieces.contains(foreign))) == []
    assert await names(Stall.where(lambda s: s.pieces.any(lambda w: w.stickers.any(lambda t: t.tenant == 2)))) == []
    told = Stall.select(lambda s: (s.pieces.count(), s.pieces.max("name"), s.pieces.sum("tenant")))
    assert await told.all() == [(1, "piece 11", 1)]
    grouped = Piece.select(lambda w: (w.tenant, count())).having(lambda w: count() > 0)
    assert await grouped.all() == [(1, 2)]


async def test_no_row_of_another_tenant_comes_by_queries_in_queries(stalls):
    own = ["piece 11", "piece 21"]
    assert await names(Piece.where(lambda w: w.stall_id.in_(Stall.select("id")))) == ["piece 11"]
    seen = Stall.unscoped().where(
        lambda s: exists(Piece.where(lambda w: (w.stall_id == s.id) & (w.name == "piece 12")))
    )
    assert await names(seen) == []
    assert await names(Piece.where(lambda w: w.name == "piece 11").union(Piece.where(lambda w: w.id > 0))) == own
    assert await names(Piece.unscoped().intersect(Piece.where(lambda w: w.id > 0))) == own
    assert await names(Piece.unscoped().except_(Piece.where(lambda w: w.id > 0))) == ["piece 12", "piece 22"]
    mine = Piece.where(lambda w: w.id > 0).cte("mine")
    assert await names(Piece.unscoped().where(lambda w: w.id.in_(mine.select("id")))) == own
    rows = Piece.order_by("id").limit(1)
    first = await rows.all()
    assert await names(rows.after(first[0])) == ["piece 21"]


async def test_no_row_of_another_tenant_is_changed(stalls):
    stall = await Stall.one()
    assert await Piece.where(lambda w: w.name == "piece 12").update(name="taken") == 0
    assert await stall.pieces.update(name="mine") == 1
    assert await stall.pieces.delete() == 1
    assert await names(Piece.unscoped()) == ["piece 12", "piece 21", "piece 22"]
    assert await names(stall.pieces.unscoped()) == ["piece 12"]
    tenant.set(2)
    assert await names(stall.pieces) == ["piece 12"]
    assert await names(Stall.query()) == ["stall 2"]
