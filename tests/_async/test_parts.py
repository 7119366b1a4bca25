"""Many rows are read a part at a time: nothing of it is seen but that the loop and the collector go on."""

import gc
import sys
from typing import Annotated

import pytest

from ferro import AsyncDatabase, BackRef, Field, ForeignKey, Model, Relation

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


async def filled(database: AsyncDatabase, *, numbers: list[int]) -> PartShelf:
    await database.create_tables(PartShelf, PartItem)
    shelf = await database.create(PartShelf, name="long")
    assert shelf.id is not None
    await database.bulk_create(PartItem, [PartItem(number=number, shelf_id=shelf.id) for number in numbers])
    return shelf


async def test_many_rows_come_whole_and_in_order(database: AsyncDatabase):
    await filled(database, numbers=list(range(MANY)))
    query = database.query(PartItem).order_by("number")
    assert [item.number for item in await query.all()] == list(range(MANY))
    assert await query.select("number", "shelf_id").all() == [(number, 1) for number in range(MANY)]
    for count in (249, 250, 251, 499, 500, 501, 1_000):
        assert [item.number for item in await query.limit(count).all()] == list(range(count))


async def test_related_rows_come_whole(database: AsyncDatabase):
    await filled(database, numbers=list(range(MANY)))
    shelves = await database.query(PartShelf).include(lambda s: s.items).all()
    assert sorted(item.number for item in shelves[0].items) == list(range(MANY))
    items = await database.query(PartItem).include(lambda i: i.shelf).all()
    assert {item.shelf.name for item in items} == {"long"}


async def test_in_a_session_many_rows_are_the_objects_that_stand_for_them(database: AsyncDatabase):
    await filled(database, numbers=list(range(MANY)))
    async with database.session():
        items = await database.query(PartItem).order_by("number").all()
        assert len(items) == MANY
        backwards = await database.query(PartItem).order_by("-number").all()
        assert all(one is other for one, other in zip(items, reversed(backwards), strict=True))
        async with database.transaction():
            (shelf,) = await database.query(PartShelf).include(lambda s: s.items.order_by("number")).all()
            assert all(one is other for one, other in zip(items, shelf.items, strict=True))
    again = await database.query(PartItem).order_by("number").all()
    assert not any(one is other for one, other in zip(items, again, strict=True))


async def test_a_row_that_fails_leaves_everything_as_it_was(database: AsyncDatabase):
    await filled(database, numbers=[*range(1_000), -1, *range(1_000)])
    interval = sys.getswitchinterval()
    async with database.transaction():
        with pytest.raises(ValueError, match="no such item"):
            await database.query(PartItem).order_by("id").all()
        assert gc.isenabled()
        assert sys.getswitchinterval() == interval
        # The statement is left as well: its table can be changed, and the transaction goes on.
        await database.execute("DROP TABLE partitem")
        assert await database.query(PartShelf).count() == 1
