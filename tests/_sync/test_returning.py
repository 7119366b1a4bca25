# Generated from tests/_async/test_returning.py by scripts/unasync.py: edit that file, never this one.
"""Changing rows and getting them back."""

from decimal import Decimal

import pytest

from ferro.sync import Database, Field, Model


class Crate(Model):
    id: int | None = Field(default=None, primary_key=True)
    price: Decimal = Decimal(0)
    labels: list[str] = Field(default=[])


@pytest.fixture(autouse=True)
def crates(database: Database) -> None:
    database.create_tables(Crate)
    Crate.bulk_create([Crate(price=Decimal(f"{at}.50"), labels=[str(at)]) for at in range(4)])


def test_updated_rows_come_back_as_loaded_instances() -> None:
    found = Crate.where(lambda c: c.price > Decimal(2)).update_returning(lambda c: {"price": c.price + 1})
    assert sorted((crate.id, crate.price, crate.labels) for crate in found) == [
        (3, Decimal("3.50"), ["2"]),
        (4, Decimal("4.50"), ["3"]),
    ]
    found[0].price = Decimal(9)
    found[0].save()
    assert Crate.where(lambda c: c.price == Decimal(9)).count() == 1


def test_selected_columns_come_back_decoded() -> None:
    chosen = Crate.where(lambda c: c.id == 1).select(lambda c: {"twice": c.price + c.price, "labels": c.labels})
    assert chosen.update_returning(price=Decimal("1.5")) == [{"twice": Decimal("3.0"), "labels": ["0"]}]
    assert Crate.where(lambda c: c.id == 1).select(lambda c: c.price).delete_returning() == [Decimal("1.5")]


def test_deleted_rows_come_back_as_new_instances() -> None:
    gone = Crate.where(lambda c: c.id == 2).delete_returning()
    assert [crate.price for crate in gone] == [Decimal("1.50")]
    assert Crate.query().count() == 3
    gone[0].save()
    assert Crate.get(2).labels == ["1"]
    assert Crate.where(lambda c: c.id == 99).delete_returning() == []
