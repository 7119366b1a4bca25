"""How often a call waits for PostgreSQL: counted on the wire, in both colours."""

from collections.abc import Iterator
from typing import Annotated

import pytest
from proxy import Wire

import ferro.sync
from ferro import Field, ForeignKey, Model, connect

# So far that a call that waited for the answer to another one would be seen to, in seconds.
FAR = 0.05

pytestmark = pytest.mark.backends("postgres")


class Warehouse(Model):
    id: int | None = Field(default=None, primary_key=True)
    city: str


class Parcel(Model):
    id: int | None = Field(default=None, primary_key=True)
    warehouse: Annotated[Warehouse, ForeignKey(related_name="parcels")]


@pytest.fixture
def wire(postgres_database_url, entry) -> Iterator[Wire]:
    with ferro.sync.connect(postgres_database_url, default=False) as database:
        database.create_tables(entry)
        database.create(entry, name="ann")
    wire = Wire(postgres_database_url)
    yield wire
    wire.close()


async def test_a_get_a_create_and_a_transaction_of_two_inserts_are_one_one_and_three(wire, entry):
    async with connect(wire.url) as database:
        before = wire.round_trips
        assert (await database.get(entry, 1)).name == "ann"
        assert wire.round_trips - before == 1

        before = wire.round_trips
        assert (await database.create(entry, name="bob")).id == 2
        assert wire.round_trips - before == 1

        before = wire.round_trips
        async with database.transaction():
            await database.create(entry, name="cy")
            await database.create(entry, name="dee")
        assert wire.round_trips - before == 3


def test_a_get_a_create_and_a_transaction_of_two_inserts_are_one_one_and_three_blocking(wire, entry):
    with ferro.sync.connect(wire.url) as database:
        before = wire.round_trips
        assert database.get(entry, 1).name == "ann"
        assert wire.round_trips - before == 1

        before = wire.round_trips
        assert database.create(entry, name="bob").id == 2
        assert wire.round_trips - before == 1

        before = wire.round_trips
        with database.transaction():
            database.create(entry, name="cy")
            database.create(entry, name="dee")
        assert wire.round_trips - before == 3


async def test_a_pipeline_of_many_calls_is_one(wire, entry):
    async with connect(wire.url) as database:
        wire.distance = FAR
        for turn in range(4):
            before = wire.round_trips
            async with database.pipeline() as pipe:
                ann = pipe.get(entry, 1)
                pipe.create(entry, name=f"bob {turn}")
                count = pipe.count(database.query(entry))
            assert (ann.value.name, count.value) == ("ann", 2 + turn)
            assert wire.round_trips - before == 1

        before = wire.round_trips
        async with database.transaction(), database.pipeline() as pipe:
            pipe.create(entry, name="cy")
            pipe.create(entry, name="dee")
        assert wire.round_trips - before == 2


def test_a_pipeline_of_many_calls_is_one_blocking(wire, entry):
    with ferro.sync.connect(wire.url) as database:
        wire.distance = FAR
        for turn in range(4):
            before = wire.round_trips
            with database.pipeline() as pipe:
                ann = pipe.get(entry, 1)
                pipe.create(entry, name=f"bob {turn}")
                count = pipe.count(database.query(entry))
            assert (ann.value.name, count.value) == ("ann", 2 + turn)
            assert wire.round_trips - before == 1


async def test_they_stay_so_once_their_statements_are_prepared(wire, entry):
    async with connect(wire.url) as database:
        for _ in range(5):
            before = wire.round_trips
            await database.get(entry, 1)
            assert wire.round_trips - before == 1


async def test_a_transaction_in_which_nothing_is_asked_sends_nothing(wire, entry):
    async with connect(wire.url) as database:
        before = wire.round_trips
        async with database.transaction(), database.transaction():
            pass
        assert wire.round_trips == before


async def test_a_page_of_rows_with_what_they_lead_to_is_one(wire):
    async with connect(wire.url) as database:
        await database.create_tables(Warehouse, Parcel)
        await database.bulk_create(Warehouse, [Warehouse(city=city) for city in ("Rome", "Oslo")])
        await database.bulk_create(Parcel, [Parcel(warehouse_id=1 + number % 2) for number in range(60)])
        page = database.query(Parcel).include(lambda p: p.warehouse).order_by("id")
        for _ in range(5):
            before = wire.round_trips
            found = await page.limit(20).all()
            assert wire.round_trips - before == 1
            assert {parcel.warehouse.city for parcel in found} == {"Rome", "Oslo"}

        before = wire.round_trips
        assert (await page.where(lambda p: p.id == 2).one()).warehouse.city == "Oslo"
        assert wire.round_trips - before == 1

        before = wire.round_trips
        assert len(await page.all()) == 60
        assert wire.round_trips - before == 2


def test_a_page_of_rows_with_what_they_lead_to_is_one_blocking(wire):
    with ferro.sync.connect(wire.url) as database:
        database.create_tables(Warehouse, Parcel)
        database.bulk_create(Warehouse, [Warehouse(city=city) for city in ("Rome", "Oslo")])
        database.bulk_create(Parcel, [Parcel(warehouse_id=1 + number % 2) for number in range(60)])
        before = wire.round_trips
        found = database.query(Parcel).include(lambda p: p.warehouse).order_by("id").limit(20).all()
        assert wire.round_trips - before == 1
        assert {database.load(parcel, lambda p: p.warehouse).city for parcel in found} == {"Rome", "Oslo"}
