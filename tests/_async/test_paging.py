"""Paging: every row once, whatever the order, the nulls and the direction."""

from decimal import Decimal
from itertools import product

import pytest
from statements import sent

from ferro import AsyncDatabase, Field, Model, Page, QueryError


class Runner(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    points: int | None = None
    fee: Decimal | None = None
    fit: bool | None = None


ROWS = [
    ("Ann", 5, "1.50", True),
    ("Bob", None, "1.5", None),
    ("Cyd", 5, None, False),
    ("Ann", None, "-2", True),
    ("Dan", 1, "10", None),
    ("Bob", 5, None, False),
    ("Eve", -3, "9", None),
]


@pytest.fixture(autouse=True)
async def runners(database: AsyncDatabase) -> None:
    await database.create_tables(Runner)
    await Runner.bulk_create(
        [
            Runner(name=name, points=points, fee=Decimal(fee) if fee else None, fit=fit)
            for name, points, fee, fit in ROWS
        ]
    )


@pytest.mark.parametrize("key", ["name", "points", "fee", "fit"])
async def test_after_and_before_split_the_rows_at_every_position(key: str) -> None:
    for direction, nulls, last in product(("asc", "desc"), ("first", "last"), ("id", "-id")):
        query = Runner.order_by(key, direction=direction, nulls=nulls).order_by(last)
        whole = await query.all()
        for at, row in enumerate(whole):
            assert await query.after(row).all() == whole[at + 1 :]
            assert await query.before(query.cursor_of(row)).all() == whole[:at]
            assert await query.before(row).limit(2).all() == whole[max(0, at - 2) : at]
            assert await query.after(query.position_of(row)).count() == len(whole) - at - 1


async def test_walking_by_cursor_meets_every_row_once() -> None:
    query = Runner.order_by("-points", "name", "id").limit(3)
    met, page = [], await query.all()
    while page:
        met += page
        page = await query.after(query.cursor_of(page[-1])).all()
    assert met == await Runner.order_by("-points", "name", "id").all()


async def test_the_first_row_of_a_previous_page_is_its_first() -> None:
    query = Runner.order_by("id")
    assert [row.id for row in await query.before((6,)).limit(3).all()] == [3, 4, 5]
    first = await query.before((6,)).limit(3).first()
    assert first is not None
    assert first.id == 3
    assert await query.before((6,)).limit(3).count() == 3
    assert await query.before((1,)).limit(3).first() is None
    last = await query.before((6,)).limit(1).one()
    assert last.id == 5


async def test_what_is_calculated_of_the_nearest_rows_before_is_of_those() -> None:
    nearest = Runner.order_by("id").before((7,)).limit(3)
    assert [(row.id, row.points) for row in await nearest.all()] == [(4, None), (5, 1), (6, 5)]
    assert (await nearest.sum("id"), await nearest.sum("points"), await nearest.min("points")) == (15, 6, 1)
    assert (await nearest.max("id"), await nearest.avg("id"), await nearest.count()) == (6, 5, 3)


async def test_selected_rows_have_positions_too() -> None:
    query = Runner.order_by("points", "id").select(lambda r: {"id": r.id, "points": r.points}).limit(2)
    page = await query.all()
    assert page == [{"id": 7, "points": -3}, {"id": 5, "points": 1}]
    page = await query.after(query.cursor_of(page[-1])).all()
    assert page == [{"id": 1, "points": 5}, {"id": 3, "points": 5}]


async def test_a_page_has_its_rows_and_the_totals() -> None:
    page = await Runner.order_by("name").page(2, 3)
    assert [(row.name, row.id) for row in page] == [("Bob", 6), ("Cyd", 3), ("Dan", 5)]
    assert (page.number, page.size, page.total, page.pages) == (2, 3, 7, 3)
    assert (page.has_previous, page.has_next) == (True, True)
    assert await Runner.where(lambda r: r.id > 99).page(1, 3) == Page((), 1, 3, 0)  # type: ignore[operator]
    assert await Runner.order_by("id").select("name").page(3, 3) == Page((("Eve",),), 3, 3, 7)
    with sent() as statements:
        assert len(await Runner.order_by("name").page(4, 3)) == 0
    assert len(statements) == 1


async def test_a_page_is_a_page_of_groups_too() -> None:
    names = Runner.select(lambda r: r.name).distinct().order_by("name")
    assert await names.page(2, 2) == Page(("Cyd", "Dan"), 2, 2, 5)


@pytest.mark.parametrize(
    ("number", "size", "message"), [(0, 5, "a number of 1 or more, got 0"), (1, 0, "a size of 1 or more, got 0")]
)
async def test_pages_and_their_sizes_begin_at_one(number: int, size: int, message: str) -> None:
    with pytest.raises(QueryError, match=rf"^page\(\) expects {message}$"):
        await Runner.order_by("id").page(number, size)
