"""Many rows at once, each inserted or written into the row that has its unique key."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from statements import sent

from ferro import (
    AsyncDatabase,
    Check,
    CheckViolationError,
    DataError,
    Field,
    Model,
    QueryError,
    Timestamps,
    UnknownColumnError,
    transaction,
)


class Stock(Model):
    __ferro_composite_uniques__ = (("shelf", "place"),)
    __ferro_checks__ = (Check("stock_count", lambda s: s.amount >= 0),)

    id: int | None = Field(default=None, primary_key=True)
    code: str | None = Field(default=None, unique=True)
    shelf: int | None = None
    place: str | None = None
    amount: int = 0
    note: str = "none"
    parts: list[str] = Field(default=[])
    state: str = Field(db_default="new")


class Counted(Timestamps, Model):
    code: str = Field(primary_key=True)
    amount: int = 0
    version: int = Field(version=True)


class Keyless(Model):
    __ferro_composite_uniques__ = ()

    id: int | None = Field(default=None, primary_key=True)
    name: str = ""


class Trouble(Exception):
    pass


@pytest.fixture(autouse=True)
async def tables(database: AsyncDatabase) -> None:
    await database.create_tables(Stock, Counted, Keyless)


async def rows() -> list[Any]:
    return await Stock.order_by("code").select("code", "amount", "note").all()


async def test_rows_are_inserted_or_updated_in_what_was_named():
    await Stock.create(code="b", amount=1, note="kept")
    made = await Stock.bulk_upsert([{"code": "a", "amount": 5}, {"code": "b", "amount": 6}])
    assert [(one.code, one.amount, one.note, one.state) for one in made] == [
        ("a", 5, "none", "new"),
        ("b", 6, "kept", "new"),
    ]
    assert await rows() == [("a", 5, "none"), ("b", 6, "kept")]
    assert made == await Stock.order_by("code").all()


async def test_what_comes_back_is_saved_by_its_changes():
    await Stock.create(code="b")
    made = await Stock.bulk_upsert([{"code": "a"}, {"code": "b", "parts": ["x"]}])
    made[0].amount = 4
    made[1].parts.append("y")
    with sent() as statements:
        for one in made:
            await one.save()
    assert [text.partition(" SET ")[0] for text in statements] == ['UPDATE "stock"'] * 2
    assert await Stock.order_by("code").select("amount", "parts").all() == [(4, []), (0, ["x", "y"])]


async def test_instances_are_written_in_what_was_set_on_them():
    await Stock.create(code="b", amount=1, note="kept")
    given = [Stock(code="b", amount=2), Stock(code="c", note="mine")]
    assert await Stock.bulk_upsert(given) == given
    assert [(one.id, one.note) for one in given] == [(1, "kept"), (given[1].id, "mine")]
    assert await rows() == [("b", 2, "kept"), ("c", 0, "mine")]


async def test_the_key_is_told_where_rows_name_several():
    there = await Stock.create(code="a", shelf=1, place="x")
    row = {"code": "b", "shelf": 1, "place": "x"}
    with pytest.raises(QueryError, match=r"^bulk_upsert\(\) of Stock names several unique keys") as caught:
        await Stock.bulk_upsert([row])
    assert caught.value.__notes__ == ["this is the Stock at position 0"]
    (changed,) = await Stock.bulk_upsert([row], key=("shelf", "place"))
    assert (changed.id, changed.code) == (there.id, "b")
    assert await Stock.bulk_upsert([{"code": "b", "id": 9}], key="code", returning=False) == 1
    assert await Stock.select(lambda s: s.id).all() == [9]


async def test_a_row_without_its_key_is_refused_with_its_position():
    good = [{"code": str(at)} for at in range(1100)]
    for bad, key, text in [
        ({"amount": 1}, None, r"^bulk_upsert\(\) of Stock needs all values of one of its unique keys"),
        ({"code": None}, "code", r"^bulk_upsert\(\) of Stock has no value for 'code', a part of its key"),
    ]:
        with pytest.raises(QueryError, match=text) as caught:
            await Stock.bulk_upsert([*good, bad], key=key)
        assert caught.value.__notes__ == ["this is the Stock at position 1100"]
    assert await Stock.count() == 0


async def test_what_is_no_new_row_is_refused_with_its_position():
    there = await Stock.create(code="a")
    with pytest.raises(QueryError, match="^the Stock at position 1 is in the database already: bulk_update"):
        await Stock.bulk_upsert([{"code": "b"}, there])
    with pytest.raises(QueryError, match=r"^bulk_upsert\(\) of Stock got a Keyless at position 0$"):
        await Stock.bulk_upsert([Keyless()])
    with pytest.raises(UnknownColumnError, match="stock has no column 'coed'"):
        await Stock.bulk_upsert([{"coed": "b"}])


async def test_of_two_rows_of_one_key_the_later_one_wins():
    given = [{"code": "a", "amount": 1, "note": "first"}, {"code": "b"}, {"code": "a", "amount": 2}]
    made = await Stock.bulk_upsert(given)
    assert [(one.id, one.amount, one.note) for one in made] == [(1, 1, "first"), (2, 0, "none"), (1, 2, "first")]
    assert await rows() == [("a", 2, "first"), ("b", 0, "none")]


def changing(count: int) -> Iterator[dict[str, Any]]:
    return ({"code": f"{at:05}", "amount": at} for at in range(count))


@pytest.mark.parametrize("returning", [True, False])
async def test_any_number_of_rows_goes_in_few_statements(returning):
    assert await Stock.bulk_create(({"code": f"{at:05}"} for at in range(0, 2500, 2)), returning=False) == 1250
    told: list[int] = []
    with sent() as statements:
        done = await Stock.bulk_upsert(changing(2500), returning=returning, progress=told.append)
    assert (len(done) if isinstance(done, list) else done) == 2500
    assert told == [1000, 2000, 2500]
    assert sum(text.startswith("INSERT") for text in statements) == 5
    assert await rows() == [(f"{at:05}", at, "none") for at in range(2500)]


async def test_rows_of_different_shapes_keep_their_order():
    given: list[Any] = [{"code": "a"}, {"shelf": 1, "place": "x", "amount": 3}, {"code": "a", "state": "old"}]
    made = await Stock.bulk_upsert(given)
    assert [(one.id, one.code, one.amount, one.state) for one in made] == [
        (1, "a", 0, "new"),
        (2, None, 3, "new"),
        (1, "a", 0, "old"),
    ]


async def test_a_version_is_counted_and_stamps_are_set():
    before = datetime.now(UTC)
    first = await Counted.create(code="a")
    again, new = await Counted.bulk_upsert([{"code": "a", "amount": 2}, {"code": "b"}])
    assert (again.version, again.amount, again.created_at) == (2, 2, first.created_at)
    assert first.updated_at < again.updated_at
    assert (new.version, new.created_at == new.updated_at) == (1, True)
    assert before <= new.created_at


# All or none.


async def test_a_row_that_is_refused_leaves_all_as_they_were():
    await Stock.create(code="00001", amount=7)
    rows_given = [*changing(1500), {"code": "x", "amount": -1}]
    with pytest.raises(CheckViolationError, match="^Bulk save failed for 'Stock': "):
        await Stock.bulk_upsert(rows_given)
    assert await rows() == [("00001", 7, "none")]
    with pytest.raises(DataError, match=r"^Stock\.note: "):
        await Stock.bulk_upsert([*changing(1500), {"code": "x", "note": "a\0"}], returning=False)
    assert await rows() == [("00001", 7, "none")]


async def test_a_transaction_that_is_undone_takes_the_rows_and_what_instances_know_along():
    given = [Stock(code="a", amount=2)]
    with pytest.raises(Trouble):
        async with transaction():
            await Stock.bulk_upsert(given)
            raise Trouble
    assert await Stock.count() == 0
    assert given[0].id is None
    await given[0].save()
    assert await rows() == [("a", 2, "none")]


async def test_in_a_session_a_row_is_the_object_that_is_held(database):
    async with database.session():
        held = await Stock.create(code="a", note="kept")
        made = await Stock.bulk_upsert([{"code": "a", "amount": 3}, {"code": "b"}])
        assert made[0] is held
        assert held.amount == 3
        assert await Stock.get(made[1].id) is made[1]
