"""Tasks and threads around a transaction: who joins it, who may not, and who came too late."""

import asyncio
import contextvars
import threading

import anyio
import pytest

from ferro import TransactionEnded, TransactionError, connect, sync, transaction


@pytest.fixture
async def database(database_url, entry):
    async with connect(database_url, max_connections=4) as connected:
        await connected.create_tables(entry)
        yield connected


@pytest.fixture
def blocking(database_url, entry):
    with sync.connect(database_url, max_connections=4) as connected:
        connected.create_tables(entry)
        yield connected


class TroubleError(Exception):
    pass


async def test_tasks_started_inside_join_the_transaction(database, entry):
    with pytest.raises(TroubleError):
        async with transaction():
            async with anyio.create_task_group() as tasks:
                for at in range(20):
                    tasks.start_soon(lambda at=at: entry.create(name=str(at)))
            assert await entry.count() == 20
            raise TroubleError
    assert await entry.count() == 0


async def test_tasks_started_outside_do_not(database, entry):
    inside = anyio.Event()
    looked = anyio.Event()
    seen: list[int] = []

    async def look():
        await inside.wait()
        seen.append(await entry.count())
        looked.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        async with transaction():
            await entry.create(name="ann")
            inside.set()
            await looked.wait()
    assert seen == [0]


async def test_savepoints_of_sibling_tasks_at_once_are_refused(database, entry):
    opened = anyio.Event()
    refused: list[str] = []

    async def first():
        async with transaction():
            await entry.create(name="first")
            opened.set()
            await anyio.sleep(0.05)

    async def second():
        await opened.wait()
        try:
            async with transaction():
                await entry.create(name="second")
        except TransactionError as error:
            refused.append(str(error))

    async def third():
        await opened.wait()
        try:
            await entry.create(name="third")
        except TransactionError as error:
            refused.append(str(error))

    async with transaction():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            tasks.start_soon(second)
            tasks.start_soon(third)
        await entry.create(name="after")
    assert len(refused) == 2
    assert all("run the two one after the other, or give each task a transaction of its own" in one for one in refused)
    assert [row.name for row in await entry.order_by("id").all()] == ["first", "after"]


async def test_a_task_that_outlives_the_block_is_refused(database, entry):
    late: list[asyncio.Task[object]] = []

    async def write_later():
        await asyncio.sleep(0.05)
        await entry.create(name="late")

    async with transaction():
        await entry.create(name="ann")
        late.append(asyncio.ensure_future(write_later()))
    with pytest.raises(TransactionEnded, match="wait for such tasks inside the block"):
        await late[0]
    assert [row.name for row in await entry.all()] == ["ann"]


async def test_a_blocking_call_in_a_thread_is_not_inside(database, entry, database_url):
    async with transaction(read_only=True):
        assert await entry.count() == 0

        def elsewhere() -> int:
            with sync.connect(database_url, default=False) as other:
                other.create(entry, name="thread")
                return other.query(entry).count()

        assert await asyncio.to_thread(elsewhere) == 1


def test_a_thread_never_inherits_a_transaction(blocking, entry):
    counts: list[int] = []
    with blocking.transaction(read_only=True):
        context = contextvars.copy_context()

        def elsewhere() -> None:
            blocking.create(entry, name="thread")
            counts.append(blocking.query(entry).count())

        thread = threading.Thread(target=lambda: context.run(elsewhere))
        thread.start()
        thread.join()
        assert counts == [1]
    assert blocking.query(entry).count() == 1


async def test_a_function_called_again_after_a_deadlock_ends_well(database, entry, backend):
    one, two = await entry.create(name="one"), await entry.create(name="two")
    met = [anyio.Event(), anyio.Event()]
    tries = 0

    async def swap(first, second, mine: int):
        @transaction(retry=5)
        async def work():
            nonlocal tries
            tries += 1
            await entry.where(lambda e: e.id == first.id).update(name=f"{mine}")
            met[mine].set()
            if backend == "postgres":
                await met[1 - mine].wait()
            await entry.where(lambda e: e.id == second.id).update(name=f"{mine}")

        await work()

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(swap, one, two, 0)
            tasks.start_soon(swap, two, one, 1)
    names = {row.name for row in await entry.all()}
    assert names in ({"0"}, {"1"})
    assert tries == (3 if backend == "postgres" else 2)
