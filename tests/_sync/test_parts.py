# Generated from tests/_async/test_parts.py by scripts/unasync.py: edit that file, never this one.
"""Many rows are read a part at a time: nothing of it is seen but that the loop and the collector go on."""

import gc
import sys
from typing import Annotated

import pytest

from ferro.sync import BackRef, Database, Field, ForeignKey, Model, Relation

MANY = 1_753  # neither a multiple of a part, nor few of them


class PartShelf(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    items: Relation[list["PartItem"]] = BackRef()


class PartItem(Model):
    id: int | None = Field(default=None, primary_key=True)
    number: int
    shelf: Annotated[PartShelf, ForeignKey(related_name="items")]

    def after_load(self) -> None:
        if self.number == -1:
            raise ValueError("no such item")


def filled(database: Database, *, numbers: list[int]) -> PartShelf:
    database.create_tables(PartShelf, PartItem)
    shelf = database.create(PartShelf, name="long")
    assert shelf.id is not None
    database.bulk_create(PartItem, [PartItem(number=number, shelf_id=shelf.id) for number in numbers])
    return shelf


def test_many_rows_come_whole_and_in_order(database: Database):
    filled(database, numbers=list(range(MANY)))
    query = database.query(PartItem).order_by("number")
    assert [item.number for item in query.all()] == list(range(MANY))
    assert query.select("number", "shelf_id").all() == [(number, 1) for number in range(MANY)]
    for count in (249, 250, 251, 499, 500, 501, 1_000):
        assert [item.number for item in query.limit(count).all()] == list(range(count))


def test_related_rows_come_whole(database: Database):
    filled(database, numbers=list(range(MANY)))
    shelves = database.query(PartShelf).include(lambda s: s.items).all()
    assert sorted(item.number for item in shelves[0].items) == list(range(MANY))
    items = database.query(PartItem).include(lambda i: i.shelf).all()
    assert {item.shelf.name for item in items} == {"long"}


def test_in_a_session_many_rows_are_the_objects_that_stand_for_them(database: Database):
    filled(database, numbers=list(range(MANY)))
    with database.session():
        items = database.query(PartItem).order_by("number").all()
        assert len(items) == MANY
        backwards = database.query(PartItem).order_by("-number").all()
        assert all(one is other for one, other in zip(items, reversed(backwards), strict=True))
        with database.transaction():
            (shelf,) = database.query(PartShelf).include(lambda s: s.items.order_by("number")).all()
            assert all(one is other for one, other in zip(items, shelf.items, strict=True))
    again = database.query(PartItem).order_by("number").all()
    assert not any(one is other for one, other in zip(items, again, strict=True))


def test_a_row_that_fails_leaves_everything_as_it_was(database: Database):
    filled(database, numbers=[*range(1_000), -1, *range(1_000)])
    interval = sys.getswitchinterval()
    with database.transaction():
        with pytest.raises(ValueError, match="no such item"):
            database.query(PartItem).order_by("id").all()
        assert gc.isenabled()
        assert sys.getswitchinterval() == interval
        # The statement is left as well: its table can be changed, and the transaction goes on.
        database.execute("DROP TABLE partitem")
        assert database.query(PartShelf).count() == 1
