"""Foreign keys that refer to another unique key than the primary one."""

from typing import Annotated

import pytest

from ferro.dialects import sqlite
from ferro.errors import ModelDefinitionError
from ferro.fields import BackRef, Field, ForeignKey, ManyToMany, RelationMark
from ferro.model import ModelBase
from ferro.query.ddl import create_table
from ferro.schema.registry import forget_models, table_of
from ferro.schema.relations import check_every_relation


@pytest.fixture(autouse=True)
def forgotten():
    """Leave no model behind."""
    forget_models()
    yield
    forget_models()


class Base(ModelBase):
    __ferro_abstract__ = True

    id: int | None = Field(default=None, primary_key=True)


def constraints_of(model: type) -> list[str]:
    lines = create_table(table_of(model), sqlite)[0].splitlines()
    return [line.strip(" ,").partition("REFERENCES ")[2] for line in lines if "REFERENCES" in line]


def test_a_column_may_hold_any_unique_key():
    class Order(Base):
        buyer: Annotated["Buyer", ForeignKey(references="email", related_name="orders")]
        depot: Annotated["Depot | None", ForeignKey(references=("city", "street"), on_delete="SET NULL")] = None

    class Buyer(Base):
        email: str = Field(unique=True, db_type="varchar(80)", max_length=80)
        orders: BackRef[list[Order]] | None = None

    class Depot(Base):
        __ferro_composite_uniques__ = (("street", "city"),)

        street: str
        city: str | None = None

    check_every_relation()
    assert list(Order.model_fields) == ["id", "buyer_id", "depot_city", "depot_street"]
    assert constraints_of(Order) == [
        '"buyer" ("email") ON DELETE CASCADE',
        '"depot" ("city", "street") ON DELETE SET NULL',
    ]
    assert Order(buyer=Buyer(email="a@x"), depot=("Rome", "Via")).model_dump(exclude={"id"}) == {
        "buyer_id": "a@x",
        "depot_city": "Rome",
        "depot_street": "Via",
    }
    assert create_table(table_of(Order), sqlite)[0].splitlines()[2].strip(" ,") == '"buyer_id" varchar(80) NOT NULL'


def test_what_is_referred_to_must_be_there_and_unique():
    class Buyer(Base):
        email: str
        name: str

    with pytest.raises(ModelDefinitionError) as error:

        class Order(Base):
            buyer: Annotated[Buyer, ForeignKey(references="mail")]

    assert (
        str(error.value) == "Order.buyer refers to 'mail', which is no field of Buyer: its fields are id, email, name"
    )

    class Receipt(Base):
        buyer: Annotated[Buyer, ForeignKey(references="email")]

    class Bill(Base):
        buyer: Annotated[Buyer, ForeignKey(references=("email", "name"))]

    for model, message in (
        (
            Receipt,
            "Receipt.buyer refers to email of Buyer, which no constraint keeps unique: declare Field(unique=True) on",
        ),
        (
            Bill,
            "Bill.buyer refers to email, name of Buyer, which no constraint keeps unique: declare __ferro_composite_u",
        ),
    ):
        with pytest.raises(ModelDefinitionError) as error:
            create_table(table_of(model), sqlite)
        assert str(error.value).startswith(message)


@pytest.mark.parametrize("names", [3, (), ("a", 3), ["a"]])
def test_references_are_names(names):
    with pytest.raises(
        ModelDefinitionError, match=r"^ForeignKey references= names a field of the other model, or several"
    ):
        ForeignKey(references=names)


def test_links_are_made_of_primary_keys():
    class Node(Base):
        code: str = Field(unique=True)
        near: RelationMark[list["Node"]] = ManyToMany(related_name="b", through="Edge", through_fields=("one", "two"))

    class Edge(Base):
        one: Annotated[Node, ForeignKey()]
        two: Annotated[Node, ForeignKey(references="code")]

    with pytest.raises(ModelDefinitionError) as error:
        check_every_relation()
    assert str(error.value) == (
        "Node.near goes through Edge, and Edge.two does not refer to the primary key of Node: leave out its references="
    )
