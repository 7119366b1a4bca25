"""bulk_update: the changes of many instances, all or none."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from pydantic import SecretStr

from ferro import AsyncDatabase, DataError, Field, Model, ModelDoesNotExist, QueryError


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
async def crates(database: AsyncDatabase) -> list[Crate]:
    await database.create_tables(Crate)
    return await Crate.bulk_create([Crate(shelf=UUID(int=at), place="a") for at in range(3)])


async def test_values_of_every_kind_are_written(crates: list[Crate]) -> None:
    first, second, third = crates
    first.price, first.seen, first.colour = Decimal("1.50"), datetime(2024, 5, 1, tzinfo=UTC), Colour.BLUE
    first.labels, first.photo, first.open, first.weight, first.count = {"a": 1}, b"\0", True, 0.1, 7
    second.labels = {"b": 2}
    names = ["price", "seen", "colour", "labels", "photo", "open", "weight", "count", "code"]
    assert await Crate.bulk_update([first, second], names) == 2
    for one in crates:
        await third.refresh()
        assert await Crate.get((one.shelf, "a")) == one


async def test_only_what_changed_is_written(crates: list[Crate]) -> None:
    first, second, _ = crates
    first.price, second.count = Decimal(5), 3
    await Crate.where(lambda c: c.shelf == UUID(int=0)).update(count=99)
    assert await Crate.bulk_update(crates) == 2
    found = await Crate.get((UUID(int=0), "a"))
    assert (found.price, found.count) == (Decimal(5), 99)
    assert await Crate.bulk_update(crates) == 0


async def test_a_number_that_cannot_be_compared_is_refused(crates: list[Crate]) -> None:
    first, second, _ = crates
    first.price = second.price = Decimal("1.50")
    await first.save()
    first.price = second.price = Decimal("sNaN")
    for save in (first.save, second.save, lambda: Crate.bulk_update([first])):
        with pytest.raises(DataError, match=r"^Crate\.price: "):
            await save()
    first.price = Decimal("1.50")
    await first.save()
    assert (await Crate.get((UUID(int=0), "a"))).price == Decimal("1.50")


async def test_one_row_is_told_by_its_key_however_that_is_spelled(database: AsyncDatabase) -> None:
    class Shift(Model):
        start: datetime = Field(primary_key=True)
        crew: str

    await database.create_tables(Shift)
    first = await Shift.create(start=datetime(2024, 5, 1, 14, tzinfo=timezone(timedelta(hours=2))), crew="a")
    again = await Shift.get(first.start)
    first.crew, again.crew = "b", "c"
    with pytest.raises(QueryError, match=r"^bulk_update\(\) got Shift .* more than once: one row is written once$"):
        await Shift.bulk_update([first, again])
    assert (await Shift.get(first.start)).crew == "a"


async def test_rows_with_secret_keys_are_told_apart(database: AsyncDatabase) -> None:
    class Door(Model):
        code: SecretStr = Field(primary_key=True)
        opened: int = 0

    await database.create_tables(Door)
    doors = await Door.bulk_create([Door(code=SecretStr(code)) for code in ("a", "b")])
    doors[0].opened, doors[1].opened = 1, 2
    assert await Door.bulk_update(doors) == 2
    assert [door.opened for door in await Door.order_by("opened").all()] == [1, 2]


async def test_a_row_that_is_gone_undoes_all(crates: list[Crate]) -> None:
    await Crate.where(lambda c: c.shelf == UUID(int=1)).delete()
    for one in crates:
        one.count = 5
    with pytest.raises(ModelDoesNotExist) as caught:
        await Crate.bulk_update(crates)
    assert str(caught.value) == (
        "Bulk update failed: Crate (UUID('00000000-0000-0000-0000-000000000001'), 'a') is not in the database any more, "
        "and nothing was written"
    )
    assert caught.value.pk == (UUID(int=1), "a")
    assert await Crate.select(lambda c: c.count).all() == [0, 0]
    assert await Crate.bulk_update([crates[0], crates[2]]) == 2


async def test_a_value_too_long_for_its_column_is_not_cut(crates: list[Crate]) -> None:
    crates[0].code = "long"
    with pytest.raises(DataError):
        await Crate.bulk_update(crates)
    assert await Crate.where(lambda c: c.code != "").count() == 0


async def test_inside_a_transaction_it_fails_alone(database: AsyncDatabase, crates: list[Crate]) -> None:
    async with database.transaction():
        await Crate.where(lambda c: c.shelf == UUID(int=1)).delete()
        crates[0].count = crates[1].count = 5
        with pytest.raises(ModelDoesNotExist):
            await Crate.bulk_update(crates)
        await Crate.where(lambda c: c.shelf == UUID(int=2)).update(count=1)
    assert sorted(await Crate.select(lambda c: c.count).all()) == [0, 1]


async def test_progress_is_told_to_whoever_asks(database: AsyncDatabase) -> None:
    await database.create_tables(Crate)
    crates = await Crate.bulk_create([Crate(shelf=UUID(int=at), place="a") for at in range(1500)])
    for one in crates:
        one.count = 5
    told: list[int] = []
    assert await Crate.bulk_update(crates, progress=told.append) == 1500
    assert told == [1000, 1500]
    assert await Crate.where(lambda c: c.count == 5).count() == 1500


async def test_what_fails_late_undoes_what_was_reported(database: AsyncDatabase) -> None:
    await database.create_tables(Crate)
    crates = await Crate.bulk_create([Crate(shelf=UUID(int=at), place="a") for at in range(1500)])
    for one in crates:
        one.count = 5
    told: list[int] = []
    await Crate.where(lambda c: c.shelf == UUID(int=1300)).delete()
    with pytest.raises(ModelDoesNotExist):
        await Crate.bulk_update(crates, progress=told.append)
    assert told == [1000]
    assert await Crate.where(lambda c: c.count == 5).count() == 0
    assert await Crate.bulk_update(crates[:1000]) == 1000
