"""Many threads at once: one row is made, and no change is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from ferro.sync import connect

MANY = 20


def at_once(call: Callable[[int], Any]) -> list[Any]:
    """Make the call in many threads, and collect what they return or raise."""
    start = Barrier(MANY)

    def one(number: int) -> Any:
        start.wait()
        try:
            return call(number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(MANY) as threads:
        return list(threads.map(one, range(MANY)))


@pytest.fixture
def database(database_url, reader):
    with connect(database_url, max_connections=8) as connected:
        connected.create_tables(reader)
        yield connected


def test_get_or_create_by_a_unique_column_makes_one_row(database, reader):
    answers = at_once(lambda n: database.get_or_create(reader, email="ann@x", defaults={"visits": n}))
    assert sorted(created for _, created in answers) == [False] * (MANY - 1) + [True]
    assert len({found.visits for found, _ in answers}) == 1
    assert database.query(reader).count() == 1


def test_get_or_create_by_columns_that_are_no_key_makes_one_row(database, reader):
    answers = at_once(lambda n: database.get_or_create(reader, name="ann", defaults={"visits": n}))
    assert sorted(created for _, created in answers) == [False] * (MANY - 1) + [True]
    assert database.query(reader).count() == 1


def test_update_or_create_by_a_unique_column_makes_one_row(database, reader):
    answers = at_once(lambda n: database.update_or_create(reader, email="ann@x", defaults={"visits": n}))
    assert sorted(created for _, created in answers) == [False] * (MANY - 1) + [True]
    rows = database.query(reader).all()
    assert len(rows) == 1 and rows[0].visits in range(MANY)


def test_update_or_create_by_columns_that_are_no_key_makes_one_row(database, reader):
    answers = at_once(lambda n: database.update_or_create(reader, name="ann", defaults={"visits": n}))
    assert sorted(created for _, created in answers) == [False] * (MANY - 1) + [True]
    assert database.query(reader).count() == 1


def test_upsert_makes_one_row(database, reader):
    answers = at_once(lambda n: database.upsert(reader, email="ann@x", visits=n))
    assert {found.id for found in answers} == {database.query(reader).first().id}
    assert database.query(reader).count() == 1


def test_expressions_lose_no_change(database, reader):
    database.create(reader, email="ann@x")
    query = database.query(reader).where(lambda r: r.email == "ann@x")
    assert at_once(lambda _: query.update(lambda r: {"visits": r.visits + 1})) == [1] * MANY
    assert database.query(reader).first().visits == MANY


def test_other_rows_are_made_side_by_side(database, reader):
    answers = at_once(lambda n: database.get_or_create(reader, email=f"{n}@x"))
    assert [created for _, created in answers] == [True] * MANY
    assert database.query(reader).count() == MANY
