"""Queries made of queries on a database: set operations, queries with a name, and the first of equal rows."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ferro import (
    AsyncDatabase,
    Field,
    Model,
    QueryError,
    array_agg,
    case,
    coalesce,
    col,
    count,
    exists,
    max_,
    row_number,
    scalar,
    sum_,
    when,
)


class Sale(Model):
    id: int | None = Field(default=None, primary_key=True)
    buyer: str
    worth: Decimal | None = None
    tags: list[str] = Field(default_factory=list)
    after_id: int | None = None


SALES = [
    Sale(id=1, buyer="ann", worth="1.0", tags=["x"]),
    Sale(id=2, buyer="ann", worth="1.00", tags=["x"], after_id=1),
    Sale(id=3, buyer="bob", worth="10", after_id=2),
    Sale(id=4, buyer="cy", after_id=3),
]


@pytest.fixture
async def sales(database: AsyncDatabase) -> AsyncDatabase:
    await database.create_tables(Sale)
    await database.bulk_create(Sale, [sale.model_copy() for sale in SALES])
    return database


def part(database, low, high):
    return database.query(Sale).where(lambda s: s.id.between(low, high))


def ids(rows):
    return [row.id for row in rows]


async def test_instances_come_back(sales):
    low, high = part(sales, 1, 2), part(sales, 2, 3)
    assert ids(await low.union(high).order_by("-id").all()) == [3, 2, 1]
    assert ids(await low.union_all(high).order_by(lambda s: s.id).all()) == [1, 2, 2, 3]
    assert ids(await low.intersect(high).all()) == [2]
    assert ids(await low.except_(high).all()) == [1]
    found = await low.union(high).order_by(Sale.id).first()
    assert isinstance(found, Sale)
    found.buyer = "eve"
    await sales.save(found)
    assert (await sales.get(Sale, 1)).buyer == "eve"


async def test_it_answers_every_question_of_a_query(sales):
    both = part(sales, 1, 2).union(part(sales, 3, 4))
    assert await both.count() == 4
    assert await both.exists() is True
    assert (await both.where(lambda s: s.id == 3).one()).buyer == "bob"
    assert ids(await both.order_by("id").limit(2).offset(1).all()) == [2, 3]
    assert sorted([sale.id async for sale in both.stream(2)]) == [1, 2, 3, 4]
    page = await both.page(2, 3)
    assert (ids(page), page.total) == ([4], 4)
    assert ids(await both.order_by("id").limit(1).after((2,)).all()) == [3]
    assert await both.sum("worth") == Decimal("12.00")
    assert await both.select(lambda s: (s.buyer, sum_(s.id))).order_by("buyer").all() == [
        ("ann", 3),
        ("bob", 3),
        ("cy", 4),
    ]
    having = both.select(lambda s: {"buyer": s.buyer, "n": count()}).having(lambda s: count() > 1)
    assert await having.all() == [{"buyer": "ann", "n": 2}]
    numbered = both.select(lambda s: (s.id, row_number().over(order_by=s.id.desc()))).order_by("id")
    assert await numbered.first() == (1, 4)


async def test_selections_keep_the_form_of_the_first(sales):
    names = part(sales, 1, 1).select(lambda s: {"name": s.buyer, "n": s.id})
    assert await names.union(part(sales, 3, 3).select(lambda s: (s.buyer, s.id + 1))).order_by("n").all() == [
        {"name": "ann", "n": 1},
        {"name": "bob", "n": 4},
    ]
    values = part(sales, 1, 1).select(lambda s: s.tags).union(part(sales, 2, 4).select(lambda s: s.tags))
    assert sorted(await values.all()) == [[], ["x"]]


async def test_it_stands_in_conditions(sales):
    query = sales.query(Sale)
    some = part(sales, 1, 1).select("id").union(part(sales, 3, 3).select("id"))
    assert ids(await query.where(lambda s: s.id.in_(some)).order_by("id").all()) == [1, 3]
    assert ids(await query.where(lambda s: s.id.not_in(some)).order_by("id").all()) == [2, 4]
    twins = query.where(
        lambda s: exists(query.where(lambda o: o.after_id == s.id).intersect(query.where(lambda o: o.buyer == s.buyer)))
    )
    assert ids(await twins.all()) == [1]
    worth = scalar(part(sales, 3, 3).select("worth").union(part(sales, 3, 3).select("worth")))
    assert ids(await query.where(lambda s: s.worth == worth).all()) == [3]
    assert await query.where(lambda s: s.id.in_(some)).delete() == 2


async def test_totals_under_a_name(sales):
    query = sales.query(Sale)
    totals = query.select(lambda s: {"buyer": s.buyer, "total": sum_(s.worth), "n": count()}).cte('to"tals')
    assert await totals.where(lambda t: t.n > 1).one() == {"buyer": "ann", "total": Decimal("2.00"), "n": 2}
    joined = query.join_cte(totals, on=lambda s, t: t.buyer == s.buyer)
    shares = joined.where(lambda s: totals.row.n > 1).select(lambda s: (s.id, totals.row.total)).order_by("id")
    assert await shares.all() == [(1, Decimal("2.00")), (2, Decimal("2.00"))]
    assert ids(await joined.order_by(lambda s: (totals.row.n.desc(), s.id)).limit(2).all()) == [1, 2]
    best = query.where(lambda s: s.worth == scalar(totals.select(lambda t: max_(t.total))))
    assert ids(await best.all()) == [3]
    left = query.left_join_cte(totals, on=lambda s, t: (t.total == s.worth) & (t.n == 1))
    assert await left.order_by("id").select(lambda s: (s.id, totals.row.buyer)).all() == [
        (1, None),
        (2, None),
        (3, "bob"),
        (4, None),
    ]
    assert (await left.count(), await left.exists(), await left.sum("id")) == (4, True, 10)


async def test_decimals_are_found_whatever_their_digits(sales):
    query = sales.query(Sale)
    worths = query.select(lambda s: {"worth": s.worth, "n": count()}).cte("worths")
    joined = query.left_join_cte(worths, on=lambda s, w: w.worth == s.worth)
    assert await joined.order_by("id").select(lambda s: worths.row.n).all() == [2, 2, 1, None]


async def test_rows_lead_to_rows(sales):
    query = sales.query(Sale)
    first = query.where(lambda s: s.id == 1).select(lambda s: {"id": s.id, "step": 0})
    chain = first.recursive(
        "chain",
        lambda rows: query.join_cte(rows, on=lambda s, r: s.after_id == r.id).select(
            lambda s: (s.id, rows.row.step + 1)
        ),
    )
    assert await chain.order_by("-step").limit(2).all() == [{"id": 4, "step": 3}, {"id": 3, "step": 2}]
    back = query.where(lambda s: s.id == 3).recursive(
        "back", lambda rows: query.join_cte(rows, on=lambda s, r: s.id == r.after_id)
    )
    assert ids(await back.order_by("id").all()) == [1, 2, 3]
    numbers = query.where(lambda s: s.id == 1).select(lambda s: s.id)
    counted = numbers.recursive("n", lambda n: n.where(lambda r: r.id < 5).select(lambda r: r.id + 1), all=True)
    assert await counted.order_by("id").all() == [1, 2, 3, 4, 5]


async def test_the_first_of_equal_rows(sales):
    first = sales.query(Sale).distinct_on(lambda s: s.worth).order_by("worth", "-id")
    assert ids(await first.all()) == [2, 3, 4]
    assert ids(await first.limit(1).offset(1).all()) == [3]
    assert (await first.count(), await first.exists(), await first.sum("id")) == (3, True, 9)
    assert (await first.page(2, 2)).rows[0].id == 4
    assert [sale.id async for sale in first.stream()] == [2, 3, 4]
    assert ids(await first.union(part(sales, 1, 1)).order_by("id").all()) == [1, 2, 3, 4]
    assert await sales.query(Sale).where(lambda s: s.id.in_(first.select("id"))).count() == 3


async def test_streams_and_plans_begin_with_the_names(sales):
    few = part(sales, 1, 2).cte("few").order_by("id")
    assert [sale.id async for sale in few.stream()] == [1, 2]
    assert "few" in await few.explain() or "sale" in await few.explain()


async def test_a_union_cannot_be_deleted(sales):
    with pytest.raises(QueryError, match="delete\\(\\) is about the rows of a table, and these come from union\\(\\)"):
        await part(sales, 1, 2).union(part(sales, 3, 4)).delete()
    assert await sales.query(Sale).count() == 4


# Columns of one type in Python, which the database keeps in two ways.


class Twofold(Model):
    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    utc: datetime | None = Field(default=None, db_type="timestamp")
    old: Any = Field(default=None, nullable=True, db_type="json")
    new: Any = Field(default=None, nullable=True, db_type="jsonb")


NOON, LATER = datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2024, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
async def twofold(database: AsyncDatabase) -> AsyncDatabase:
    await database.create_tables(Twofold)
    await database.bulk_create(
        Twofold,
        [
            Twofold(id=1, at=NOON, utc=NOON, old={"a": 1}, new={"a": 1}),
            Twofold(id=2, at=LATER, utc=NOON, old={"a": 1}, new={"a": 2}),
            Twofold(id=3, at=LATER),
        ],
    )
    return database


async def test_moments_kept_in_two_ways_are_equal_in_set_operations(twofold):
    rows = Twofold.where(lambda t: t.id < 3)
    at, utc = rows.select(lambda t: t.at), rows.select(lambda t: t.utc)
    assert sorted(await at.union(utc).all()) == [NOON, LATER]
    assert sorted(await utc.union(at).all()) == [NOON, LATER]
    assert sorted(await at.union_all(utc).all()) == [NOON, NOON, NOON, LATER]
    assert await at.intersect(utc).all() == [NOON]
    assert await utc.intersect(at).all() == [NOON]
    assert await at.except_(utc).all() == [LATER]
    assert await utc.except_(at).all() == []
    assert ids(await Twofold.where(lambda t: t.at.in_(utc)).all()) == [1]
    assert ids(await Twofold.where(lambda t: t.utc.not_in(at.where(lambda t: t.id == 2))).order_by("id").all()) == [
        1,
        2,
    ]


async def test_moments_kept_in_two_ways_are_one_type_in_a_condition(twofold):
    rows = Twofold.order_by("id")
    assert ids(await rows.where(lambda t: t.at.between(t.utc, t.utc)).all()) == [1]
    assert ids(await rows.where(lambda t: t.utc.between(t.at, LATER)).all()) == [1]
    assert await rows.select(lambda t: coalesce(t.utc, t.at)).all() == [NOON, NOON, LATER]
    assert ids(await rows.where(lambda t: coalesce(t.utc, t.at) == t.at).all()) == [1, 3]
    assert await rows.select(lambda t: case(when(t.id == 2, t.at), else_=t.utc)).all() == [NOON, LATER, None]
    assert await rows.select(lambda t: case(when(t.id == 1, t.utc), else_=t.at)).all() == [NOON, LATER, LATER]
    assert ids(await rows.where(lambda t: case(when(t.id == 1, t.utc), else_=t.at) >= LATER).all()) == [2, 3]


async def test_documents_kept_in_two_ways_are_one_type(twofold):
    rows = Twofold.order_by("id")
    assert await rows.select(lambda t: coalesce(t.old, t.new)).all() == [{"a": 1}, {"a": 1}, None]
    assert await rows.select(lambda t: case(when(t.id == 1, t.old), else_=t.new)).all() == [{"a": 1}, {"a": 2}, None]
    old, new = Twofold.select("old"), Twofold.select("new")
    assert ids(await rows.where(lambda t: col(t.old).in_(old)).all()) == [1, 2]
    assert ids(await rows.where(lambda t: col(t.old).in_(new)).all()) == [1, 2]
    assert ids(await rows.where(lambda t: col(t.new).in_(old)).all()) == [1]
    assert ids(await rows.where(lambda t: col(t.new).not_in(old)).all()) == [2]
    once = Twofold.where(lambda t: t.old != None).select(lambda t: array_agg(t.old, distinct=True))
    assert await once.one() == [{"a": 1}]
