# Generated from tests/_async/test_paging.py by scripts/unasync.py: edit that file, never this one.
"""Paging: every row once, whatever the order, the nulls and the direction."""

from decimal import Decimal
from itertools import product

import pytest
from statements import sent

from ferro.sync import Database, Field, Model, Page, QueryError


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
def runners(database: Database) -> None:
    database.create_tables(Runner)
    Runner.bulk_create(
        [
            Runner(name=name, points=points, fee=Decimal(fee) if fee else None, fit=fit)
            for name, points, fee, fit in ROWS
        ]
    )


@pytest.mark.parametrize("key", ["name", "points", "fee", "fit"])
def test_after_and_before_split_the_rows_at_every_position(key: str) -> None:
    for direction, nulls, last in product(("asc", "desc"), ("first", "last"), ("id", "-id")):
        query = Runner.order_by(key, direction=direction, nulls=nulls).order_by(last)
        whole = query.all()
        for at, row in enumerate(whole):
            assert query.after(row).all() == whole[at + 1 :]
            assert query.before(query.cursor_of(row)).all() == whole[:at]
            assert query.before(row).limit(2).all() == whole[max(0, at - 2) : at]
            assert query.after(query.position_of(row)).count() == len(whole) - at - 1


def test_walking_by_cursor_meets_every_row_once() -> None:
    query = Runner.order_by("-points", "name", "id").limit(3)
    met, page = [], query.all()
    while page:
        met += page
        page = query.after(query.cursor_of(page[-1])).all()
    assert met == Runner.order_by("-points", "name", "id").all()


def test_the_first_row_of_a_previous_page_is_its_first() -> None:
    query = Runner.order_by("id")
    assert [row.id for row in query.before((6,)).limit(3).all()] == [3, 4, 5]
    first = query.before((6,)).limit(3).first()
    assert first is not None
    assert first.id == 3
    assert query.before((6,)).limit(3).count() == 3
    assert query.before((1,)).limit(3).first() is None
    last = query.before((6,)).limit(1).one()
    assert last.id == 5


def test_what_is_calculated_of_the_nearest_rows_before_is_of_those() -> None:
    nearest = Runner.order_by("id").before((7,)).limit(3)
    assert [(row.id, row.points) for row in nearest.all()] == [(4, None), (5, 1), (6, 5)]
    assert (nearest.sum("id"), nearest.sum("points"), nearest.min("points")) == (15, 6, 1)
    assert (nearest.max("id"), nearest.avg("id"), nearest.count()) == (6, 5, 3)


def test_selected_rows_have_positions_too() -> None:
    query = Runner.order_by("points", "id").select(lambda r: {"id": r.id, "points": r.points}).limit(2)
    page = query.all()
    assert page == [{"id": 7, "points": -3}, {"id": 5, "points": 1}]
    page = query.after(query.cursor_of(page[-1])).all()
    assert page == [{"id": 1, "points": 5}, {"id": 3, "points": 5}]


def test_a_page_has_its_rows_and_the_totals() -> None:
    page = Runner.order_by("name").page(2, 3)
    assert [(row.name, row.id) for row in page] == [("Bob", 6), ("Cyd", 3), ("Dan", 5)]
    assert (page.number, page.size, page.total, page.pages) == (2, 3, 7, 3)
    assert (page.has_previous, page.has_next) == (True, True)
    assert Runner.where(lambda r: r.id > 99).page(1, 3) == Page((), 1, 3, 0)  # type: ignore[operator]
    assert Runner.order_by("id").select("name").page(3, 3) == Page((("Eve",),), 3, 3, 7)
    with sent() as statements:
        assert len(Runner.order_by("name").page(4, 3)) == 0
    assert len(statements) == 1


def test_a_page_is_a_page_of_groups_too() -> None:
    names = Runner.select(lambda r: r.name).distinct().order_by("name")
    assert names.page(2, 2) == Page(("Cyd", "Dan"), 2, 2, 5)


@pytest.mark.parametrize(
    ("number", "size", "message"), [(0, 5, "a number of 1 or more, got 0"), (1, 0, "a size of 1 or more, got 0")]
)
def test_pages_and_their_sizes_begin_at_one(number: int, size: int, message: str) -> None:
    with pytest.raises(QueryError, match=rf"^page\(\) expects {message}$"):
        Runner.order_by("id").page(number, size)
