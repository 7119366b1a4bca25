"""Relations along another unique key than the primary one, read and changed."""

from typing import Annotated

import pytest
from statements import sent

from ferro import (
    AsyncDatabase,
    BackRef,
    Field,
    ForeignKey,
    ForeignKeyViolationError,
    Model,
    QueryError,
    Relation,
)


class Buyer(Model):
    id: int | None = Field(default=None, primary_key=True)
    email: str | None = Field(default=None, unique=True)
    orders: Relation[list["Order"]] = BackRef()
    card: BackRef["Card"] = None


class Order(Model):
    id: int | None = Field(default=None, primary_key=True)
    buyer: Annotated[Buyer | None, ForeignKey(references="email", related_name="orders", on_update="CASCADE")] = None


class Card(Model):
    id: int | None = Field(default=None, primary_key=True)
    buyer: Annotated[Buyer, ForeignKey(references="email", related_name="card", unique=True)]


@pytest.fixture
async def ann(database: AsyncDatabase) -> Buyer:
    await database.create_tables(Order, Buyer, Card)
    await Buyer.create(email="first")
    return await Buyer.create(email="ann")


async def test_a_relation_is_read_along_the_key_it_refers_to(ann):
    order, none = await Order.create(buyer=ann), await Order.create()
    assert order.buyer_id == "ann"
    found = await Order.get(order.id)
    assert await found.buyer == ann
    with sent() as statements:
        assert await none.buyer is None
    assert statements == []
    assert await ann.orders.all() == [order]
    assert await Order.where(lambda o: o.buyer == ann).all() == [order]
    assert await Order.query().filter_by(buyer="ann").count() == 1
    card = await Card.create(buyer="ann")
    assert await ann.card == card
    assert card.buyer_id == "ann"
    with pytest.raises(ForeignKeyViolationError):
        await Order.create(buyer="nobody")


async def test_a_relation_is_changed_along_the_key_it_refers_to(ann):
    order = await Order.create()
    await ann.orders.add(order)
    made = await ann.orders.create()
    assert {row.id: row.buyer_id for row in await Order.all()} == {order.id: "ann", made.id: "ann"}
    assert order.buyer is ann
    await Order.update(buyer=ann)
    await Buyer.where(lambda b: b.email == "ann").update(email="eve")
    assert [row.buyer_id for row in await Order.all()] == ["eve", "eve"]
    await ann.refresh()
    await ann.orders.set(order)
    assert await ann.orders.count() == 1


async def test_a_row_without_that_key_is_not_referred_to(ann):
    nameless = await Buyer.create()
    with pytest.raises(QueryError, match=r"^Order.buyer: this Buyer has no email to refer to: set it first$"):
        (await Order.create()).buyer = nameless
    with pytest.raises(QueryError, match=r"^Buyer.orders: this Buyer has no email, and nothing can refer to it$"):
        _ = nameless.orders


async def test_a_row_without_that_key_has_nothing_loaded_beside_others_that_have_some(ann):
    order, card = await Order.create(buyer=ann), await Card.create(buyer=ann)
    nameless = await Buyer.create()
    both = Buyer.where(lambda b: (b.email == "ann") | (b.email == None)).order_by("id")
    for found in (
        await both.include(lambda b: (b.orders.buyer, b.card)).all(),
        [buyer async for buyer in both.include(lambda b: (b.orders.buyer, b.card)).stream()],
    ):
        assert [list(buyer.orders) for buyer in found] == [[order], []]
        assert [buyer.card for buyer in found] == [card, None]
        assert await found[1].orders.all() == []
        assert await found[1].orders.where(lambda o: o.id > 0).count() == 0
        with pytest.raises(QueryError, match=r"^Order.buyer: this Buyer has no email to refer to: set it first$"):
            await found[1].orders.create()
    with sent() as statements:
        alone = await Buyer.where(lambda b: b.id == nameless.id).include("orders", "card").one()
    assert (list(alone.orders), alone.card, len(statements)) == ([], None, 1)
