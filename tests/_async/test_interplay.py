"""The parts together: relations in sessions, on several databases, behind scopes, and in blocks that are undone."""

from contextlib import nullcontext
from typing import Annotated

import pytest

from ferro import (
    AsyncDatabase,
    BackRef,
    Field,
    ForeignKey,
    InterfaceError,
    Model,
    NoDatabaseError,
    QueryError,
    Relation,
    Search,
    count,
    search,
    session,
    transaction,
)
from ferro.instance.state import changed_fields


class Writer(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    novels: Relation[list["Novel"]] = BackRef()


class Novel(Model):
    __ferro_search__ = Search("title")

    id: int | None = Field(default=None, primary_key=True)
    title: str
    writer: Annotated[Writer, ForeignKey(related_name="novels")]


class Trouble(Exception):
    pass


@pytest.fixture
async def novels(database: AsyncDatabase) -> AsyncDatabase:
    """Ann wrote a and b, Bob wrote c."""
    await database.create_tables(Writer, Novel)
    ann, bob = [await Writer.create(name=name) for name in ("Ann", "Bob")]
    for title, writer in (("a", ann), ("b", ann), ("c", bob)):
        await Novel.create(title=title, writer=writer)
    return database


def titles(found: object) -> list[str]:
    return [novel.title for novel in found]


async def test_an_included_row_that_is_to_move_is_still_where_its_row_is(novels):
    async with session():
        a = await Novel.where(lambda n: n.title == "a").one()
        bob = await Writer.where(lambda w: w.name == "Bob").one()
        a.writer = bob
        ann = await Writer.where(lambda w: w.name == "Ann").include(lambda w: w.novels.order_by("title")).one()
        assert titles(ann.novels) == ["a", "b"]
        assert ann.novels[0] is a
        assert (a.writer, a.writer_id) == (bob, bob.id)
        assert ann.novels[1].writer is ann
        both = await Writer.include(lambda w: w.novels.order_by("title")).order_by("name").all()
        assert [titles(writer.novels) for writer in both] == [["a", "b"], ["c"]]
        await a.save()
        await Writer.include(lambda w: w.novels.order_by("title")).all()
        assert (titles(ann.novels), titles(bob.novels)) == (["b"], ["a", "c"])
        assert a.writer is bob


async def test_a_key_assigned_by_its_column_does_not_move_an_included_row_either(novels):
    async with session():
        a = await Novel.where(lambda n: n.title == "a").one()
        a.writer_id = 2
        ann = await Writer.where(lambda w: w.name == "Ann").include(lambda w: w.novels.order_by("title")).one()
        assert (titles(ann.novels), a.writer_id) == (["a", "b"], 2)
        assert (await a.writer).name == "Bob"


async def test_a_row_whose_key_is_edited_is_still_what_foreign_keys_lead_to(novels):
    async with session():
        ann = await Writer.where(lambda w: w.name == "Ann").one()
        ann.id = 77
        found = await Novel.include("writer").order_by("title").all()
        assert [novel.writer.name for novel in found] == ["Ann", "Ann", "Bob"]
        assert (found[0].writer is ann, ann.id) == (True, 77)


# What a block that is undone leaves behind.


async def by_name(name: str) -> Writer:
    return await Writer.where(lambda w: w.name == name).one()


@pytest.mark.parametrize("savepoint", [False, True])
async def test_what_was_loaded_in_a_block_that_is_undone_is_asked_for_again(novels, savepoint):
    ann = await by_name("Ann")
    async with transaction() if savepoint else nullcontext():
        with pytest.raises(Trouble):
            async with transaction():
                d = await ann.novels.create(title="d")
                await novels.load_many([ann], lambda w: w.novels)
                assert titles(await ann.novels.all()) == ["a", "b", "d"]
                raise Trouble
        assert titles(await ann.novels.all()) == ["a", "b"]
    with pytest.raises(InterfaceError, match="Writer.novels is not loaded"):
        len(ann.novels)
    assert (d.id, await d.writer) == (None, ann)


async def test_a_block_that_is_undone_takes_what_its_savepoints_loaded_along(novels):
    ann = await by_name("Ann")
    with pytest.raises(Trouble):
        async with transaction():
            async with transaction():
                await Novel.create(title="d", writer=ann)
                await novels.load_many([ann], lambda w: w.novels)
            assert titles(await ann.novels.all()) == ["a", "b", "d"]
            raise Trouble
    assert titles(await ann.novels.all()) == ["a", "b"]


async def test_what_was_loaded_in_a_block_that_is_stored_stays_loaded(novels):
    ann = await by_name("Ann")
    async with transaction():
        await Novel.create(title="d", writer=ann)
        await novels.load_many([ann], lambda w: w.novels)
    assert titles(ann.novels) == ["a", "b", "d"]


async def test_a_row_that_was_moved_in_a_block_that_is_undone_is_where_it_was(novels):
    bob = await by_name("Bob")
    a = await Novel.include("writer").where(lambda n: n.title == "a").one()
    with pytest.raises(Trouble):
        async with transaction():
            await bob.novels.add(a)
            assert a.writer is bob
            raise Trouble
    assert (a.writer_id, (await a.writer).name) == (1, "Ann")
    assert changed_fields(a) == {}
    assert titles(await bob.novels.all()) == ["c"]


async def test_what_its_user_assigned_in_a_block_that_is_undone_is_still_to_be_saved(novels):
    bob = await by_name("Bob")
    a = await Novel.where(lambda n: n.title == "a").one()
    with pytest.raises(Trouble):
        async with transaction():
            a.title = "A"
            await bob.novels.add(a)
            a.title = "AA"
            await a.save()
            raise Trouble
    assert (a.title, a.writer_id, changed_fields(a)) == ("AA", 1, {"title": "a"})
    await a.save()
    stored = await Novel.get(a.id)
    assert (stored.title, stored.writer_id) == ("AA", 1)


async def test_what_was_read_again_in_a_block_that_is_undone_is_what_it_was_before(novels):
    a = await Novel.where(lambda n: n.title == "a").one()
    with pytest.raises(Trouble):
        async with transaction():
            await Novel.where(lambda n: n.title == "a").update(title="changed", writer_id=2)
            await a.refresh()
            assert (a.title, a.writer_id) == ("changed", 2)
            raise Trouble
    assert (a.title, a.writer_id, changed_fields(a)) == ("a", 1, {})


# Queries along relations.


async def test_a_collection_is_searched(novels):
    ann = await by_name("Ann")
    await ann.novels.create(title="the red fox")
    await (await by_name("Bob")).novels.create(title="a red hen")
    assert titles(await ann.novels.where(lambda n: search(n, "red")).all()) == ["the red fox"]
    red = Writer.where(lambda w: w.novels.any(lambda n: search(n, "red") & (n.title != "the red fox")))
    assert [writer.name for writer in await red.all()] == ["Bob"]
    counted = Writer.order_by("name").select(lambda w: (w.name, w.novels.count(lambda n: search(n, "red"))))
    assert await counted.all() == [("Ann", 1), ("Bob", 1)]
    found = await Writer.order_by("name").include(lambda w: w.novels.where(lambda n: search(n, "red"))).all()
    assert [titles(writer.novels) for writer in found] == [["the red fox"], ["a red hen"]]


async def test_groups_are_looked_at_by_what_is_selected_of_other_rows_too(novels):
    named = Novel.select(lambda n: (n.writer.name, count())).having(lambda n: n.writer.name == "Ann")
    assert await named.all() == [("Ann", 2)]
    busy = Writer.select(lambda w: (w.id, count())).having(lambda w: w.novels.count() > 1)
    assert await busy.all() == [(1, 1)]
    expected = r"^having\(\) looks at groups, and {} is not selected: select it, or use it in where\(\)$"
    for build, column in (
        (lambda n: n.writer.name == "Ann", "novel.writer.name"),
        (lambda n: n.writer.novels.count() > 1, "novel.writer.id"),
    ):
        with pytest.raises(QueryError, match=expected.format(column)):
            await Novel.select(lambda n: (n.writer_id, count())).having(build).all()


async def test_rows_that_are_locked_paged_or_united_come_with_what_is_included(novels):
    async with transaction():
        locked = await Novel.include("writer").order_by("id").for_update().all()
        assert [(novel.title, novel.writer.name) for novel in locked] == [("a", "Ann"), ("b", "Ann"), ("c", "Bob")]
        claimed = await Writer.include("novels").order_by("id").claim(1)
        assert [titles(writer.novels) for writer in claimed] == [["a", "b"]]
    rows = Novel.include("writer").order_by("id").limit(2)
    first = await rows.all()
    assert [(novel.title, novel.writer.name) for novel in await rows.after(first[-1]).all()] == [("c", "Bob")]
    united = Novel.where(lambda n: n.title == "a").union(Novel.where(lambda n: n.title == "c")).include("writer")
    assert sorted((novel.title, novel.writer.name) for novel in await united.all()) == [("a", "Ann"), ("c", "Bob")]
    async with session(), transaction():
        streamed = [novel async for novel in Novel.include("writer").order_by("id").stream(chunk=1)]
        assert [(novel.title, novel.writer.name) for novel in streamed] == [("a", "Ann"), ("b", "Ann"), ("c", "Bob")]


async def test_what_is_held_after_its_database_was_closed_says_so(novels):
    (ann,) = await Writer.where(lambda w: w.name == "Ann").include("novels").all()
    bob = await by_name("Bob")
    novel = await Novel.where(lambda n: n.title == "c").one()
    await novels.close()
    assert titles(await ann.novels.all()) == ["a", "b"]
    with pytest.raises(NoDatabaseError, match="no database is connected; call "):
        await bob.novels.all()
    with pytest.raises(NoDatabaseError, match="no database is connected; call "):
        await novel.writer
    with pytest.raises(InterfaceError, match="is closed: call connect"):
        await novels.load(bob, lambda w: w.novels)
