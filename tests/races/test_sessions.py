"""A thousand sessions at once: none sees the objects of another."""

import threading
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from ferro import connect, current_session, session
from ferro.sync import connect as connect_blocking
from ferro.sync import current_session as current_blocking_session
from ferro.sync import session as blocking_session

MANY = 1000


async def test_a_thousand_tasks_with_sessions_of_their_own_share_no_object(database_url, reader):
    async with connect(database_url, max_connections=8) as database:
        await database.create_tables(reader)
        await database.create(reader, name="Ann", email="ann@x")
        held: list[object] = []
        sessions: set[str | None] = set()

        async def request(number: int) -> None:
            async with session() as mine:
                assert current_session() is mine
                sessions.add(mine.session_id)
                ann = await reader.get_or_none(1)
                ann.name = f"unsaved {number}"
                await anyio.sleep(0)
                again = await reader.where(lambda r: r.email == "ann@x").one()
                assert again is ann
                assert again.name == f"unsaved {number}"
                held.append(ann)

        async with anyio.create_task_group() as group:
            for number in range(MANY):
                group.start_soon(request, number)
        assert len({id(one) for one in held}) == len(sessions) == MANY
        assert current_session() is None


async def test_tasks_of_one_session_share_its_objects_and_come_too_late_once_it_is_closed(database_url, reader):
    async with connect(database_url, max_connections=8) as database:
        await database.create_tables(reader)
        await database.create(reader, name="Ann", email="ann@x")
        found: list[object] = []
        closed = anyio.Event()
        late: list[str] = []

        async def read() -> None:
            found.append(await reader.get(1))

        async def come_late() -> None:
            await closed.wait()
            with pytest.raises(RuntimeError) as caught:
                await reader.get(1)
            late.append(str(caught.value))

        async with anyio.create_task_group() as outside:
            async with session():
                outside.start_soon(come_late)
                async with anyio.create_task_group() as group:
                    for _ in range(50):
                        group.start_soon(read)
                assert len({id(one) for one in found}) == 1
            closed.set()
        assert late[0].startswith("Session is closed. Open a new session")


async def test_a_session_whose_task_is_cancelled_leaves_nothing_behind(database_url, reader):
    async with connect(database_url, max_connections=1) as database:
        await database.create_tables(reader)
        await database.create(reader, name="Ann", email="ann@x")

        async def stuck(started: anyio.Event) -> None:
            async with session(), database.transaction():
                await reader.get(1)
                started.set()
                await anyio.sleep_forever()

        started = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(stuck, started)
            await started.wait()
            group.cancel_scope.cancel()
        assert current_session() is None
        assert await reader.count() == 1


def test_threads_share_the_objects_of_a_connection_with_an_identity_map_and_never_a_session(database_url, reader):
    with connect_blocking(database_url, max_connections=8, identity_map=True) as database:
        database.create_tables(reader)
        database.bulk_create(reader, [reader(email=f"{at}@x") for at in range(20)])
        barrier = threading.Barrier(8)

        def read(_: int) -> list[object]:
            assert current_blocking_session() is None
            barrier.wait()
            return [one for _ in range(20) for one in database.query(reader).all()]

        with blocking_session(database), ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(read, range(8)))
        assert len({id(one) for answer in answers for one in answer}) == 20
