# Generated from tests/_async/test_references.py by scripts/unasync.py: edit that file, never this one.
"""Relations along another unique key than the primary one, read and changed."""

from typing import Annotated

import pytest
from statements import sent

from ferro.sync import (
    BackRef,
    Database,
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
def ann(database: Database) -> Buyer:
    database.create_tables(Order, Buyer, Card)
    Buyer.create(email="first")
    return Buyer.create(email="ann")


def test_a_relation_is_read_along_the_key_it_refers_to(ann):
    order, none = Order.create(buyer=ann), Order.create()
    assert order.buyer_id == "ann"
    found = Order.get(order.id)
    assert found.buyer == ann
    with sent() as statements:
        assert none.buyer is None
    assert statements == []
    assert ann.orders.all() == [order]
    assert Order.where(lambda o: o.buyer == ann).all() == [order]
    assert Order.query().filter_by(buyer="ann").count() == 1
    card = Card.create(buyer="ann")
    assert ann.card == card
    assert card.buyer_id == "ann"
    with pytest.raises(ForeignKeyViolationError):
        Order.create(buyer="nobody")


def test_a_relation_is_changed_along_the_key_it_refers_to(ann):
    order = Order.create()
    ann.orders.add(order)
    made = ann.orders.create()
    assert {row.id: row.buyer_id for row in Order.all()} == {order.id: "ann", made.id: "ann"}
    assert order.buyer is ann
    Order.update(buyer=ann)
    Buyer.where(lambda b: b.email == "ann").update(email="eve")
    assert [row.buyer_id for row in Order.all()] == ["eve", "eve"]
    ann.refresh()
    ann.orders.set(order)
    assert ann.orders.count() == 1


def test_a_row_without_that_key_is_not_referred_to(ann):
    nameless = Buyer.create()
    with pytest.raises(QueryError, match=r"^Order.buyer: this Buyer has no email to refer to: set it first$"):
        Order.create().buyer = nameless
    with pytest.raises(QueryError, match=r"^Buyer.orders: this Buyer has no email, and nothing can refer to it$"):
        _ = nameless.orders


def test_a_row_without_that_key_has_nothing_loaded_beside_others_that_have_some(ann):
    order, card = Order.create(buyer=ann), Card.create(buyer=ann)
    nameless = Buyer.create()
    both = Buyer.where(lambda b: (b.email == "ann") | (b.email == None)).order_by("id")
    for found in (
        both.include(lambda b: (b.orders.buyer, b.card)).all(),
        [buyer for buyer in both.include(lambda b: (b.orders.buyer, b.card)).stream()],
    ):
        assert [list(buyer.orders) for buyer in found] == [[order], []]
        assert [buyer.card for buyer in found] == [card, None]
        assert found[1].orders.all() == []
        assert found[1].orders.where(lambda o: o.id > 0).count() == 0
        with pytest.raises(QueryError, match=r"^Order.buyer: this Buyer has no email to refer to: set it first$"):
            found[1].orders.create()
    with sent() as statements:
        alone = Buyer.where(lambda b: b.id == nameless.id).include("orders", "card").one()
    assert (list(alone.orders), alone.card, len(statements)) == ([], None, 1)
