"""Many tasks at once: one row is made, and no change is lost."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from ferro import connect

MANY = 20


async def at_once(call: Callable[[int], Awaitable[Any]]) -> list[Any]:
    """Make the call in many tasks, and collect what they return or raise."""
    answers: list[Any] = []

    async def one(number: int) -> None:
        try:
            answers.append(await call(number))
        except Exception as error:
            answers.append(error)

    async with anyio.create_task_group() as group:
        for number in range(MANY):
            group.start_soon(one, number)
    return answers


@pytest.fixture
async def database(database_url, reader):
    async with connect(database_url, max_connections=8) as connected:
        await connected.create_tables(reader)
        yield connected


async def test_get_or_create_by_a_unique_column_makes_one_row(database, reader):
    answers = await at_once(lambda n: reader.get_or_create(email="ann@x", defaults={"visits": n}))
    assert sorted(created for _, created in answers) == [False] * (MANY - 1) + [True]
    assert len({found.visits for found, _ in answers}) == 1
    assert await reader.count() == 1


async def test_get_or_create_by_columns_that_are_no_key_makes_one_row(database, reader):
    answers = await at_once(lambda n: reader.get_or_create(name="ann", defaults={"visits": n}))
    assert sorted(created for _, created in answers) == [False] * (MANY - 1) + [True]
    assert await reader.count() == 1


async def test_update_or_create_by_a_unique_column_makes_one_row(database, reader):
    answers = await at_once(lambda n: reader.update_or_create(email="ann@x", defaults={"visits": n}))
    assert sorted(created for _, created in answers) == [False] * (MANY - 1) + [True]
    rows = await reader.all()
    assert len(rows) == 1 and rows[0].visits in range(MANY)


async def test_update_or_create_by_columns_that_are_no_key_makes_one_row(database, reader):
    answers = await at_once(lambda n: reader.update_or_create(name="ann", defaults={"visits": n}))
    assert sorted(created for _, created in answers) == [False] * (MANY - 1) + [True]
    assert await reader.count() == 1


async def test_upsert_makes_one_row(database, reader):
    answers = await at_once(lambda n: reader.upsert(email="ann@x", visits=n))
    assert {found.id for found in answers} == {(await reader.first()).id}
    assert await reader.count() == 1


async def test_expressions_lose_no_change(database, reader):
    await reader.create(email="ann@x")
    answers = await at_once(
        lambda _: reader.where(lambda r: r.email == "ann@x").update(lambda r: {"visits": r.visits + 1})
    )
    assert answers == [1] * MANY
    assert (await reader.first()).visits == MANY


async def test_other_rows_are_made_side_by_side(database, reader):
    answers = await at_once(lambda n: reader.get_or_create(email=f"{n}@x"))
    assert [created for _, created in answers] == [True] * MANY
    assert await reader.count() == MANY
