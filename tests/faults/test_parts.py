"""Many rows are read a part at a time: cancelled, all is in order, and the loop has its turns."""

import asyncio
import gc

import pytest

from ferro import AsyncDatabase, Field, Model, connect

MANY = 1_753


class PartRow(Model):
    id: int | None = Field(default=None, primary_key=True)
    number: int

    def after_load(self) -> None:
        pass


@pytest.fixture
async def database(database_url: str):
    async with connect(database_url) as connected:
        await connected.create_tables(PartRow)
        await connected.bulk_create(PartRow, [PartRow(number=number) for number in range(MANY)])
        yield connected


async def test_a_cancelled_load_leaves_the_connection_and_the_collector_in_order(database: AsyncDatabase):
    load = asyncio.ensure_future(database.query(PartRow).all())
    for _ in range(3):
        await asyncio.sleep(0)
    load.cancel()
    with pytest.raises(asyncio.CancelledError):
        await load
    assert gc.isenabled()
    assert await database.query(PartRow).count() == MANY


async def test_others_have_turns_on_the_loop_while_many_rows_are_made(database: AsyncDatabase):
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    # Instances that look how many turns the others had when they were made.
    seen: list[int] = []

    def note(_: PartRow) -> None:
        seen.append(turns)

    task = asyncio.create_task(others())
    original = PartRow.after_load
    PartRow.after_load = note
    try:
        await database.query(PartRow).all()
    finally:
        PartRow.after_load = original
        task.cancel()
    assert len(seen) == MANY
    # The thread of SQLite has none of its own to give: there Python lets the threads take turns.
    assert database.dialect.name == "sqlite" or len(set(seen)) > 5
