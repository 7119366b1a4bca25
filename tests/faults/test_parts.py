"""Many rows are read a part at a time: cancelled, all is in order, and the loop has its turns."""

import asyncio
import gc
import time
from collections.abc import Callable

import pytest

from ferro import AsyncDatabase, Field, InterfaceError, Model, connect, sync

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


@pytest.fixture
def whenever(monkeypatch: pytest.MonkeyPatch):
    """Let a function be called for each row that is made, in the thread it is made in, which then rests a little."""

    def call(function: Callable[[], object]) -> None:
        def after_load(_: PartRow) -> None:
            function()
            time.sleep(0.0001)

        monkeypatch.setattr(PartRow, "after_load", after_load)

    return call


async def test_a_cancelled_load_leaves_the_connection_and_the_collector_in_order(database: AsyncDatabase, whenever):
    loop = asyncio.get_running_loop()
    made = 0

    def cancel_in_the_middle() -> None:
        nonlocal made
        made += 1
        if made == MANY // 2:
            loop.call_soon_threadsafe(load.cancel)

    whenever(cancel_in_the_middle)
    load = asyncio.ensure_future(database.query(PartRow).all())
    with pytest.raises(asyncio.CancelledError):
        await load
    assert MANY // 2 <= made < MANY
    assert gc.isenabled()
    assert await database.query(PartRow).count() == MANY


async def test_others_have_turns_on_the_loop_while_many_rows_are_made(database: AsyncDatabase, whenever):
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    # How many turns the others had when each row was made.
    seen: list[int] = []
    whenever(lambda: seen.append(turns))
    task = asyncio.create_task(others())
    try:
        await database.query(PartRow).all()
    finally:
        task.cancel()
    assert len(seen) == MANY
    assert len(set(seen)) > 5


def test_a_hook_that_asks_the_transaction_it_is_called_in_is_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    with sync.connect(database_url) as blocking:
        blocking.create_tables(PartRow)
        blocking.create(PartRow, number=7)
        monkeypatch.setattr(PartRow, "after_load", lambda _: blocking.query(PartRow).count())
        with blocking.transaction():
            with pytest.raises(InterfaceError, match="while another one of its transaction was under way: after_load"):
                blocking.query(PartRow).all()
            assert blocking.query(PartRow).count() == 1
            blocking.create(PartRow, number=8)
        assert blocking.query(PartRow).count() == 2
        # Without a transaction it has a connection of its own.
        assert [row.number for row in blocking.query(PartRow).order_by("id").all()] == [7, 8]
