"""Arrays and ranges in real tables: the same on both databases."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from ferro import AsyncDatabase, DataError, Field, Model, Range


class Visit(Model):
    id: int | None = Field(default=None, primary_key=True)
    tags: list[str] = Field(default_factory=list, db_type="array")
    counts: list[int | None] | None = Field(default=None, db_type="array")
    prices: set[Decimal] = Field(default_factory=set, db_type="array")
    keys: tuple[bytes, ...] = Field(default=(), db_type="array")
    seats: Range[int] | None = None
    cost: Range[Decimal] = Range[Decimal].empty()
    open: Range[datetime] = Field(default_factory=Range)
    days: Range[date] = Field(default_factory=Range)


ODD = ["a", 'b"\\{}, ', "NULL", ""]


@pytest.fixture(autouse=True)
async def visits(database: AsyncDatabase) -> None:
    await database.create_tables(Visit)
    await Visit.create(
        tags=ODD,
        counts=[1, None, 3],
        prices={Decimal("1.50"), Decimal(10)},
        keys=(b"\0\xff", b""),
        seats=Range(1, 3, "[]"),
        cost=Range(Decimal("1.5"), Decimal(2), "[]"),
        open=Range(datetime(2024, 1, 1, tzinfo=UTC)),
        days=Range(date(2024, 1, 1), date(2024, 1, 3), "(]"),
    )
    await Visit.bulk_create([Visit(tags=["a"], counts=[]), Visit(prices={Decimal(3)})])


async def found(predicate: Any) -> list[int]:
    return await Visit.where(predicate).order_by("id").select(lambda v: v.id).all()


async def test_what_was_written_is_read() -> None:
    visit = await Visit.get(1)
    assert (visit.tags, visit.counts, visit.prices) == (ODD, [1, None, 3], {Decimal("1.50"), Decimal(10)})
    assert visit.keys == (b"\0\xff", b"")
    assert (visit.seats, visit.days) == (Range(1, 4), Range(date(2024, 1, 2), date(2024, 1, 4)))
    assert visit.cost == Range(Decimal("1.5"), Decimal(2), "[]")
    assert visit.open == Range(datetime(2024, 1, 1, tzinfo=UTC))
    empty = await Visit.get(3)
    assert (empty.tags, empty.counts, empty.seats, empty.cost.is_empty) == ([], None, None, True)


async def test_arrays_are_found_by_their_elements() -> None:
    assert await found(lambda v: v.tags.contains(["a"])) == [1, 2]
    assert await found(lambda v: v.tags.contains([])) == [1, 2, 3]
    assert await found(lambda v: v.tags.contained_by(["a", "b"])) == [2, 3]
    assert await found(lambda v: v.tags.overlaps(["NULL"])) == [1]
    assert await found(lambda v: v.tags.has("")) == [1]
    assert await found(lambda v: v.counts.contains([None])) == []
    assert await found(lambda v: ~v.counts.has(1)) == [2]
    assert await found(lambda v: v.counts.has(v.id)) == [1]
    assert await found(lambda v: v.prices.has(Decimal("1.5"))) == [1]
    assert await found(lambda v: v.prices == {Decimal("10.0"), Decimal("1.500")}) == [1]
    assert await found(lambda v: v.keys.has(b"\0\xff")) == [1]
    assert await found(lambda v: v.counts == [1, None, 3]) == [1]
    assert await found(lambda v: v.counts.in_([[], [7], [1, 2]])) == [2]
    assert await found(lambda v: v.counts.not_in([[], [7]])) == [1]
    assert await found(lambda v: v.tags.length() == 1) == [2]


async def test_an_element_is_found_by_its_place() -> None:
    assert await Visit.select(lambda v: (v.counts[0], v.counts[-1], v.counts[1], v.keys[0])).order_by("id").all() == [
        (1, 3, None, b"\0\xff"),
        (None, None, None, None),
        (None, None, None, None),
    ]
    assert await found(lambda v: v.counts[-3] == 1) == [1]
    assert await found(lambda v: v.counts[-4] == 1) == []
    assert await found(lambda v: v.counts[3] == 1) == []


async def test_arrays_change_in_the_database() -> None:
    before, after = [0], [None, 0]
    await Visit.where(lambda v: v.id < 3).update(
        lambda v: {"counts": before + v.counts + after, "tags": v.tags.remove("a")}
    )
    assert await Visit.select(lambda v: v.counts).order_by("id").all() == [[0, 1, None, 3, None, 0], [0, None, 0], None]
    await Visit.update(lambda v: {"counts": v.counts.append(5), "prices": v.prices.remove(Decimal("3.0"))})
    assert await Visit.select(lambda v: v.counts).order_by("id").all() == [
        [0, 1, None, 3, None, 0, 5],
        [0, None, 0, 5],
        [5],
    ]
    assert (await Visit.get(3)).prices == set()
    assert (await Visit.get(2)).tags == []


async def test_a_change_in_place_is_saved(database: AsyncDatabase) -> None:
    made = await Visit.create(tags=["x"], prices={Decimal(1)})
    made.tags.append("y")
    made.prices.add(Decimal(2))
    await made.save()
    visit = await Visit.get(made.id)
    assert (visit.tags, visit.prices) == (["x", "y"], {Decimal(1), Decimal(2)})
    visit.tags.clear()
    visit.seats = Range(7)
    other = await Visit.get(2)
    other.counts = [9]
    assert await database.bulk_update(Visit, [visit, other]) == 2
    await made.refresh()
    assert (made.tags, made.seats, (await Visit.get(2)).counts) == ([], Range(7), [9])


async def test_ranges_are_asked() -> None:
    assert await found(lambda v: v.seats.contains(3)) == [1]
    assert await found(lambda v: v.seats.contains(4)) == []
    assert await found(lambda v: v.seats.contains(v.id)) == [1]
    assert await found(lambda v: v.seats.contains(Range(2, 4))) == [1]
    assert await found(lambda v: v.cost.contained_by(Range(Decimal("1.50"), Decimal("2.0"), "[]"))) == [1, 2, 3]
    assert await found(lambda v: v.seats.overlaps(Range(3, 9))) == [1]
    assert await found(lambda v: v.seats.adjacent_to(Range(4, 9))) == [1]
    assert await found(lambda v: v.seats.left_of(Range(4, 9))) == [1]
    assert await found(lambda v: v.seats.right_of(Range(None, 1))) == [1]
    assert await found(lambda v: v.cost.is_empty()) == [2, 3]
    assert await found(lambda v: v.cost == Range(Decimal("1.50"), Decimal("2.0"), "[]")) == [1]
    assert await found(lambda v: v.seats.in_([Range(1, 4), Range(5)])) == [1]
    assert await found(lambda v: v.open.contains(datetime(2023, 1, 1, tzinfo=UTC))) == [2, 3]
    ends = (
        await Visit.select(lambda v: (v.seats.lower(), v.seats.upper(), v.cost.upper(), v.open.lower()))
        .order_by("id")
        .all()
    )
    assert ends == [
        (1, 4, Decimal(2), datetime(2024, 1, 1, tzinfo=UTC)),
        (None, None, None, None),
        (None, None, None, None),
    ]


async def test_what_no_array_holds_is_refused_before_it_is_sent() -> None:
    with pytest.raises(DataError, match=r"Visit\.tags: element 1: 'a\\x00' contains a NUL character"):
        await Visit.create(tags=["fine", "a\0"])
    visit = await Visit.get(2)
    visit.tags.append(3)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"Visit\.tags: element 1: expected str, got 3"):
        await visit.save()
    with pytest.raises(DataError, match=r"Visit\.seats: 9223372036854775808 does not fit a 64-bit column"):
        await Visit.create(seats=Range(0, 2**63))
