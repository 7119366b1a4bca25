"""Sessions and identity maps when a call is cancelled in the middle, a process forks, or a replica dies."""

import os

import anyio
import pytest

from ferro import Field, Model, connect, current_session, session, transaction
from ferro.sync import connect as connect_blocking
from ferro.sync import current_session as current_blocking_session
from ferro.sync import session as blocking_session

SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000) SELECT max(i) FROM n",
    "postgres": "SELECT pg_sleep(30)",
}


class Lamp(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str


async def test_a_cancelled_call_of_a_session_leaves_its_connection_in_order(database_url, backend):
    async with connect(database_url, max_connections=1) as database:
        await database.create_tables(Lamp)
        await database.create(Lamp, name="desk")
        settings = {"app.tenant": "7"} if backend == "postgres" else None
        async with session(settings=settings):
            lamp = await Lamp.get(1)
            with anyio.move_on_after(0.2) as waiting:
                await database.fetch_one(SLOW[backend])
            assert waiting.cancelled_caught
            with anyio.move_on_after(0.2):
                async with transaction():
                    await database.fetch_one(SLOW[backend])
            assert await Lamp.get(1) is lamp
        assert current_session() is None
        if backend == "postgres":
            assert await database.fetch_one("SELECT nullif(current_setting('app.tenant', true), '') AS t") == {
                "t": None
            }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_no_session_and_an_empty_map_of_its_own(database_url):
    with connect_blocking(database_url, identity_map=True) as database:
        database.create_tables(Lamp)
        lamp = database.create(Lamp, name="desk")
        with blocking_session(database):
            child = os.fork()
            if child == 0:
                try:
                    own = database.get(Lamp, 1)
                    good = current_blocking_session() is None and own is not lamp and database.get(Lamp, 1) is own
                    os._exit(0 if good else 1)
                except BaseException:
                    os._exit(2)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert database.get(Lamp, 1) is lamp
