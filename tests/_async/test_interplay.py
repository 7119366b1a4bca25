"""What is loaded with rows, inside a session: where its objects have unsaved edits."""

from typing import Annotated

import pytest

from ferro import AsyncDatabase, BackRef, Field, ForeignKey, Model, Relation, session


class Writer(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    novels: Relation[list["Novel"]] = BackRef()


class Novel(Model):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    writer: Annotated[Writer, ForeignKey(related_name="novels")]


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
