# Generated from tests/_async/test_bulk_update.py by scripts/unasync.py: edit that file, never this one.
"""bulk_update: the changes of many instances, all or none."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from pydantic import SecretStr

from ferro.sync import Database, DataError, Field, Model, ModelDoesNotExist, QueryError


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Crate(Model):
    shelf: UUID = Field(primary_key=True)
    place: str = Field(primary_key=True)
    price: Decimal | None = None
    code: str = Field(default="", db_type="varchar(3)")
    seen: datetime | None = None
    colour: Colour | None = None
    labels: dict[str, int] | None = None
    photo: bytes | None = None
    open: bool | None = None
    weight: float | None = None
    count: int = Field(default=0, db_type="smallint")


@pytest.fixture
def crates(database: Database) -> list[Crate]:
    database.create_tables(Crate)
    return Crate.bulk_create([Crate(shelf=UUID(int=at), place="a") for at in range(3)])


def test_values_of_every_kind_are_written(crates: list[Crate]) -> None:
    first, second, third = crates
    first.price, first.seen, first.colour = Decimal("1.50"), datetime(2024, 5, 1, tzinfo=UTC), Colour.BLUE
    first.labels, first.photo, first.open, first.weight, first.count = {"a": 1}, b"\0", True, 0.1, 7
    second.labels = {"b": 2}
    names = ["price", "seen", "colour", "labels", "photo", "open", "weight", "count", "code"]
    assert Crate.bulk_update([first, second], names) == 2
    for one in crates:
        third.refresh()
        assert Crate.get((one.shelf, "a")) == one


def test_only_what_changed_is_written(crates: list[Crate]) -> None:
    first, second, _ = crates
    first.price, second.count = Decimal(5), 3
    Crate.where(lambda c: c.shelf == UUID(int=0)).update(count=99)
    assert Crate.bulk_update(crates) == 2
    found = Crate.get((UUID(int=0), "a"))
    assert (found.price, found.count) == (Decimal(5), 99)
    assert Crate.bulk_update(crates) == 0


def test_a_number_that_cannot_be_compared_is_refused(crates: list[Crate]) -> None:
    first, second, _ = crates
    first.price = second.price = Decimal("1.50")
    first.save()
    first.price = second.price = Decimal("sNaN")
    for save in (first.save, second.save, lambda: Crate.bulk_update([first])):
        with pytest.raises(DataError, match=r"^Crate\.price: "):
            save()
    first.price = Decimal("1.50")
    first.save()
    assert Crate.get((UUID(int=0), "a")).price == Decimal("1.50")


def test_one_row_is_told_by_its_key_however_that_is_spelled(database: Database) -> None:
    class Shift(Model):
        start: datetime = Field(primary_key=True)
        crew: str

    database.create_tables(Shift)
    first = Shift.create(start=datetime(2024, 5, 1, 14, tzinfo=timezone(timedelta(hours=2))), crew="a")
    again = Shift.get(first.start)
    first.crew, again.crew = "b", "c"
    with pytest.raises(QueryError, match=r"^bulk_update\(\) got Shift .* more than once: one row is written once$"):
        Shift.bulk_update([first, again])
    assert Shift.get(first.start).crew == "a"


def test_rows_with_secret_keys_are_told_apart(database: Database) -> None:
    class Door(Model):
        code: SecretStr = Field(primary_key=True)
        opened: int = 0

    database.create_tables(Door)
    doors = Door.bulk_create([Door(code=SecretStr(code)) for code in ("a", "b")])
    doors[0].opened, doors[1].opened = 1, 2
    assert Door.bulk_update(doors) == 2
    assert [door.opened for door in Door.order_by("opened").all()] == [1, 2]


def test_a_row_that_is_gone_undoes_all(crates: list[Crate]) -> None:
    Crate.where(lambda c: c.shelf == UUID(int=1)).delete()
    for one in crates:
        one.count = 5
    with pytest.raises(ModelDoesNotExist) as caught:
        Crate.bulk_update(crates)
    assert str(caught.value) == (
        "Bulk update failed: Crate (UUID('00000000-0000-0000-0000-000000000001'), 'a') is not in the database any more, "
        "and nothing was written"
    )
    assert caught.value.pk == (UUID(int=1), "a")
    assert Crate.select(lambda c: c.count).all() == [0, 0]
    assert Crate.bulk_update([crates[0], crates[2]]) == 2


def test_a_value_too_long_for_its_column_is_not_cut(crates: list[Crate]) -> None:
    crates[0].code = "long"
    with pytest.raises(DataError):
        Crate.bulk_update(crates)
    assert Crate.where(lambda c: c.code != "").count() == 0


def test_inside_a_transaction_it_fails_alone(database: Database, crates: list[Crate]) -> None:
    with database.transaction():
        Crate.where(lambda c: c.shelf == UUID(int=1)).delete()
        crates[0].count = crates[1].count = 5
        with pytest.raises(ModelDoesNotExist):
            Crate.bulk_update(crates)
        Crate.where(lambda c: c.shelf == UUID(int=2)).update(count=1)
    assert sorted(Crate.select(lambda c: c.count).all()) == [0, 1]


def test_progress_is_told_to_whoever_asks(database: Database) -> None:
    database.create_tables(Crate)
    crates = Crate.bulk_create([Crate(shelf=UUID(int=at), place="a") for at in range(1500)])
    for one in crates:
        one.count = 5
    told: list[int] = []
    assert Crate.bulk_update(crates, progress=told.append) == 1500
    assert told == [1000, 1500]
    assert Crate.where(lambda c: c.count == 5).count() == 1500


def test_what_fails_late_undoes_what_was_reported(database: Database) -> None:
    database.create_tables(Crate)
    crates = Crate.bulk_create([Crate(shelf=UUID(int=at), place="a") for at in range(1500)])
    for one in crates:
        one.count = 5
    told: list[int] = []
    Crate.where(lambda c: c.shelf == UUID(int=1300)).delete()
    with pytest.raises(ModelDoesNotExist):
        Crate.bulk_update(crates, progress=told.append)
    assert told == [1000]
    assert Crate.where(lambda c: c.count == 5).count() == 0
    assert Crate.bulk_update(crates[:1000]) == 1000
