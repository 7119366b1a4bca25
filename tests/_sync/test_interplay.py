# Generated from tests/_async/test_interplay.py by scripts/unasync.py: edit that file, never this one.
"""What is loaded with rows, inside a session: where its objects have unsaved edits."""

from typing import Annotated

import pytest

from ferro.sync import BackRef, Database, Field, ForeignKey, Model, Relation, session


class Writer(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    novels: Relation[list["Novel"]] = BackRef()


class Novel(Model):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    writer: Annotated[Writer, ForeignKey(related_name="novels")]


@pytest.fixture
def novels(database: Database) -> Database:
    """Ann wrote a and b, Bob wrote c."""
    database.create_tables(Writer, Novel)
    ann, bob = [Writer.create(name=name) for name in ("Ann", "Bob")]
    for title, writer in (("a", ann), ("b", ann), ("c", bob)):
        Novel.create(title=title, writer=writer)
    return database


def titles(found: object) -> list[str]:
    return [novel.title for novel in found]


def test_an_included_row_that_is_to_move_is_still_where_its_row_is(novels):
    with session():
        a = Novel.where(lambda n: n.title == "a").one()
        bob = Writer.where(lambda w: w.name == "Bob").one()
        a.writer = bob
        ann = Writer.where(lambda w: w.name == "Ann").include(lambda w: w.novels.order_by("title")).one()
        assert titles(ann.novels) == ["a", "b"]
        assert ann.novels[0] is a
        assert (a.writer, a.writer_id) == (bob, bob.id)
        assert ann.novels[1].writer is ann
        both = Writer.include(lambda w: w.novels.order_by("title")).order_by("name").all()
        assert [titles(writer.novels) for writer in both] == [["a", "b"], ["c"]]
        a.save()
        Writer.include(lambda w: w.novels.order_by("title")).all()
        assert (titles(ann.novels), titles(bob.novels)) == (["b"], ["a", "c"])
        assert a.writer is bob


def test_a_key_assigned_by_its_column_does_not_move_an_included_row_either(novels):
    with session():
        a = Novel.where(lambda n: n.title == "a").one()
        a.writer_id = 2
        ann = Writer.where(lambda w: w.name == "Ann").include(lambda w: w.novels.order_by("title")).one()
        assert (titles(ann.novels), a.writer_id) == (["a", "b"], 2)
        assert a.writer.name == "Bob"


def test_a_row_whose_key_is_edited_is_still_what_foreign_keys_lead_to(novels):
    with session():
        ann = Writer.where(lambda w: w.name == "Ann").one()
        ann.id = 77
        found = Novel.include("writer").order_by("title").all()
        assert [novel.writer.name for novel in found] == ["Ann", "Ann", "Bob"]
        assert (found[0].writer is ann, ann.id) == (True, 77)
