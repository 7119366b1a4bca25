"""Whatever a transaction does between two rows, a stream gives the rows all() gave when it was opened."""

import asyncio
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from ferro import AsyncDatabase, Field, Model
from ferro.schema.registry import active, declared
from ferro.sync import Database


class Drop(Model):
    id: int | None = Field(default=None, primary_key=True)
    size: int


# Other tests, which create all tables there are, need not know of it.
for known in (declared, active):
    known.pop("Drop")


class Trouble(Exception):
    """What undoes a savepoint."""


DEEDS = ("read", "insert", "update", "delete", "undone", "kept", "another", "none")
deeds = st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 12)), max_size=12)


@settings(max_examples=60)
@given(rows=st.integers(0, 13), chunk=st.integers(1, 6), downwards=st.booleans(), script=deeds)
def test_a_stream_is_what_all_was(databases: Mapping[str, Database], rows, chunk, downwards, script):
    for database in databases.values():
        blocking(database, rows, chunk, downwards, script)


def blocking(database: Database, rows: int, chunk: int, downwards: bool, script: list[tuple[str, int]]) -> None:
    query = database.query(Drop).order_by("-id" if downwards else "id")
    database.create_tables(Drop)
    database.query(Drop).delete()
    database.bulk_create(Drop, [Drop(id=at, size=at) for at in range(rows)])
    with database.transaction():
        expected = query.all()
        left = []
        seen = []
        for at, drop in enumerate(query.stream(chunk=chunk)):
            seen.append(drop)
            for deed, key in script[at : at + 1]:
                if deed == "another":
                    left.append(query.stream(chunk=1))
                    next(left[-1], None)
                elif deed in ("undone", "kept"):
                    try:
                        with database.transaction():
                            database.query(Drop).where(lambda d, key=key: d.id <= key).update(size=-1)
                            next(query.stream(chunk=1), None)
                            if deed == "undone":
                                raise Trouble
                    except Trouble:
                        pass
                else:
                    change(database, deed, key)
        assert seen == expected
        held = query.all()
    assert query.all() == held
    assert not database.pool._lent


def change(database: Database, deed: str, key: int) -> None:
    same = database.query(Drop).where(lambda d: d.id == key)
    if deed == "read":
        assert same.count() <= 1
    elif deed == "insert":
        database.upsert(Drop, id=key, size=100)
    elif deed == "update":
        same.update(size=Drop.size + 1)
    elif deed == "delete":
        same.delete()


@settings(max_examples=30)
@given(rows=st.integers(0, 30), chunk=st.integers(1, 8), stop=st.integers(0, 30))
async def test_a_stream_that_is_left_anywhere(async_databases: Mapping[str, AsyncDatabase], rows, chunk, stop):
    for database in async_databases.values():
        await database.create_tables(Drop)
        await database.query(Drop).delete()
        await database.bulk_create(Drop, [Drop(id=at, size=at) for at in range(rows)])
        seen = []
        async for drop in database.query(Drop).order_by("id").stream(chunk=chunk):
            if drop.id == stop:
                break
            seen.append(drop.id)
        assert seen == list(range(min(rows, stop)))
        for _ in range(100):
            await asyncio.sleep(0 if not database.pool._lent else 0.001)
        assert not database.pool._lent
