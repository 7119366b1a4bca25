"""Relations that are read of many rows at one moment: one statement for all of them."""

import asyncio
import gc
import weakref
from contextlib import nullcontext
from contextvars import ContextVar
from typing import Annotated

import pytest
from statements import sent

import ferro
from ferro import BackRef, Field, ForeignKey, Model, OperationalError, Relation, Scope, connect, sync
from ferro.instance.related import forget_related


class Maker(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    cars: Relation[list["Car"]] = BackRef()
    seat: "Seat" = BackRef()


class Car(Model):
    id: int | None = Field(default=None, primary_key=True)
    maker: Annotated[Maker, ForeignKey(related_name="cars")]
    former: Annotated["Maker | None", ForeignKey(on_delete="SET NULL")] = None


class Seat(Model):
    id: int | None = Field(default=None, primary_key=True)
    maker: Annotated[Maker, ForeignKey(related_name="seat", unique=True)]


class House(sync.Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    rooms: sync.Relation[list["Room"]] = BackRef()
    roof: "Roof" = BackRef()


class Room(sync.Model):
    id: int | None = Field(default=None, primary_key=True)
    house: Annotated[House, ForeignKey(related_name="rooms")]


class Roof(sync.Model):
    id: int | None = Field(default=None, primary_key=True)
    house: Annotated[House, ForeignKey(related_name="roof", unique=True)]


async def fill(database: ferro.AsyncDatabase) -> None:
    await database.create_tables(Maker, Car, Seat)
    makers = await database.bulk_create(Maker, [Maker(name=str(number)) for number in range(10)])
    await database.bulk_create(Car, [Car(maker=makers[number % 10]) for number in range(1000)])
    await database.bulk_create(Seat, [Seat(maker=maker) for maker in makers[:5]])


@pytest.fixture
async def database(database_url):
    async with connect(database_url, max_connections=4) as connected:
        await fill(connected)
        yield connected


@pytest.fixture
def blocking(database_url):
    with sync.connect(database_url, max_connections=4) as connected:
        connected.create_tables(House, Room, Roof)
        houses = connected.bulk_create(House, [House(name=str(number)) for number in range(10)])
        connected.bulk_create(Room, [Room(house=houses[number % 10]) for number in range(100)])
        connected.bulk_create(Roof, [Roof(house=house) for house in houses[:5]])
        yield connected


async def maker_of(car: Car) -> Maker:
    return await car.maker


async def test_a_thousand_awaited_at_once_are_one_statement(database):
    cars = await Car.order_by("id").all()
    with sent() as statements:
        makers = await asyncio.gather(*[maker_of(car) for car in cars])
        assert [maker.id for maker in makers] == [car.maker_id for car in cars]
        assert cars[0].maker is makers[0] is makers[10]
    assert len(statements) == 1


async def test_tasks_of_a_group_and_of_a_loop_are_answered_together(database):
    cars = await Car.order_by("id").limit(20).all()
    with sent() as statements:
        async with asyncio.TaskGroup() as group:
            for car in cars[:10]:
                group.create_task(maker_of(car))
        await asyncio.wait([asyncio.ensure_future(maker_of(car)) for car in cars[10:]])
    assert len(statements) == 2
    assert all(isinstance(car.maker, Maker) for car in cars)


async def test_what_follows_is_asked_together_again(database):
    async def seat_of(car: Car) -> Seat | None:
        return await (await car.maker).seat

    cars = await Car.order_by("id").limit(100).all()
    with sent() as statements:
        seats = await asyncio.gather(*[seat_of(car) for car in cars])
    assert [seat and seat.maker_id for seat in seats[:7]] == [cars[n].maker_id if n < 5 else None for n in range(7)]
    assert len(statements) == 2
    assert await cars[9].maker.seat is None


async def test_collections_asked_at_once_are_one_statement_and_are_asked_anew_the_next_time(database):
    makers = await Maker.order_by("id").all()
    with sent() as statements:
        found = await asyncio.gather(*[maker.cars.all() for maker in [*makers, makers[0]]])
    assert [len(cars) for cars in found] == [100] * 11
    assert len(statements) == 1
    await makers[0].cars.delete()
    assert [len(await maker.cars.all()) for maker in makers[:2]] == [0, 100]


async def test_the_handle_asks_together_as_well(database):
    cars = await database.query(Car).limit(30).all()
    with sent() as statements:
        await asyncio.gather(*[database.load(car, lambda c: c.maker) for car in cars])
    assert len(statements) == 1


async def test_each_relation_has_a_statement_of_its_own(database):
    cars = await Car.order_by("id").limit(5).all()
    for car in cars:
        car.former_id = car.maker_id
    with sent() as statements:
        await asyncio.gather(*[car.maker for car in cars], *[car.former for car in cars])
    assert len(statements) == 2


async def test_relations_can_be_left_alone(database_url):
    async with connect(database_url, batch_relations=False) as plain:
        await fill(plain)
        cars = await Car.order_by("id").limit(5).all()
        with sent() as statements:
            await asyncio.gather(*[maker_of(car) for car in cars])
            makers = [car.maker for car in cars[:2]]
            await asyncio.gather(*[maker.cars.all() for maker in makers])
        assert len(statements) == 7


async def test_one_that_is_cancelled_leaves_the_others_their_answer(database):
    cars = await Car.order_by("id").limit(10).all()
    tasks = [asyncio.ensure_future(maker_of(car)) for car in cars]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.wait(tasks)
    assert tasks[0].cancelled()
    assert [task.result().id for task in tasks[1:]] == [car.maker_id for car in cars[1:]]


async def test_when_all_are_cancelled_the_statement_is_too_and_the_next_one_works(database):
    cars = await Car.order_by("id").limit(10).all()
    for turns in range(4):
        tasks = [asyncio.ensure_future(maker_of(car)) for car in cars]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        # After some turns the answer may have come before the cancellation.
        assert all(task.cancelled() or (turns > 1 and task.result()) for task in tasks)
        for car in cars:
            forget_related(car)
    assert (await cars[0].maker).id == cars[0].maker_id


async def test_an_error_is_everyone_s_and_does_not_grow(database):
    cars = await Car.order_by("id").limit(200).all()
    await database.execute("DROP TABLE seat")
    await database.execute("DROP TABLE car")
    await database.execute("DROP TABLE maker")
    errors = await asyncio.gather(*[maker_of(car) for car in cars], return_exceptions=True)
    assert {type(error) for error in errors} == {OperationalError}
    depth, traceback = 0, errors[-1].__traceback__
    while traceback is not None:
        depth, traceback = depth + 1, traceback.tb_next
    assert depth < 30


async def test_each_asks_in_the_transaction_it_is_in(database):
    new = await Maker.create(name="new")
    outside = await Car.create(maker=new)
    with sent() as statements:
        async with database.transaction():
            inside = await Car.order_by("id").limit(3).all()
            await Maker.where(lambda m: m.id <= 3).update(name="changed")
            names = [maker.name for maker in await asyncio.gather(*[maker_of(car) for car in inside])]
    assert names == ["changed"] * 3
    assert len([sql for sql in statements if 'FROM "maker"' in sql]) == 1
    assert await outside.maker == new


async def test_who_is_outside_sees_nothing_of_a_transaction_that_asks_in_the_same_turn(database):
    cars = await Car.order_by("id").limit(2).all()
    ready, changed, seen = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def inside() -> str:
        async with database.transaction():
            await Maker.query().update(name="changed")
            changed.set()
            await ready.wait()
            name = (await maker_of(cars[0])).name
            await seen.wait()
            return name

    async def outside() -> str:
        await ready.wait()
        name = (await maker_of(cars[1])).name
        seen.set()
        return name

    tasks = [asyncio.ensure_future(inside()), asyncio.ensure_future(outside())]
    await changed.wait()
    with sent() as statements:
        ready.set()
        assert await asyncio.gather(*tasks) == ["changed", "1"]
    assert len([sql for sql in statements if 'FROM "maker"' in sql]) == 2


async def test_two_databases_in_one_turn_are_asked_apart(database, tmp_path):
    async with connect(f"sqlite:{tmp_path}/other.db?mode=rwc", default=False) as other:
        await other.create_tables(Maker, Car)
        await other.create(Car, maker=await other.create(Maker, name="other"))
        here, there = await database.query(Car).limit(2).all(), await other.query(Car).all()
        found = await asyncio.gather(
            *[database.load(car, lambda c: c.maker) for car in here],
            *[other.load(car, lambda c: c.maker) for car in there],
        )
        assert [maker.name for maker in found] == ["0", "1", "other"]


@pytest.mark.parametrize("touch", [lambda room: room.house.name, lambda room: room.house])
def test_a_blocking_loop_loads_for_all_with_the_first(blocking, touch):
    rooms = House.query().database.query(Room).order_by("id").all()
    with sent() as statements:
        for room in rooms:
            touch(room)
    assert len(statements) == 1
    assert rooms[0].house is rooms[10].house


def test_ways_back_that_lead_nowhere_are_loaded_for_all_too(blocking):
    houses = House.order_by("id").all()
    with sent() as statements:
        assert [house.roof is not None for house in houses] == [True] * 5 + [False] * 5
    assert len(statements) == 1


def test_rows_that_were_included_know_each_other(blocking):
    rooms = [room for house in House.include("rooms").all() for room in house.rooms]
    for room in rooms:
        room.house_id = 1
    with sent() as statements:
        assert {room.house.name for room in rooms} == {"0"}
    assert len(statements) <= 2


def test_what_was_loaded_or_assigned_before_stays(blocking):
    first, second, third = Room.order_by("id").limit(3).all()
    mine = House(id=77, name="mine")
    second.house = mine
    loaded = blocking.load(third, lambda r: r.house)
    assert first.house.id == first.house_id
    assert second.house is mine
    assert third.house is loaded


def test_blocking_loops_can_be_left_alone_or_refused(database_url, blocking):
    with sync.connect(database_url, batch_relations=False):
        with sent() as statements:
            assert [room.house.id for room in Room.order_by("id").limit(3).all()] == [1, 2, 3]
        assert len(statements) == 4
    with sync.connect(database_url, strict_relations=True):
        room = Room.include("house").first()
        assert room.house.id == room.house_id
        with pytest.raises(ferro.InterfaceError, match=r"^Room.house is not loaded, and this database was opened with"):
            _ = Room.first().house


def test_an_instance_keeps_none_of_its_siblings_alive(blocking):
    rooms = Room.order_by("id").all()
    kept, others = rooms[0], [weakref.ref(room) for room in rooms[1:]]
    del rooms
    gc.collect()
    assert [ref for ref in others if ref() is not None] == []
    assert kept.house.id == kept.house_id


async def test_rows_of_two_databases_are_each_loaded_from_its_own(database, tmp_path):
    async with connect(f"sqlite:{tmp_path}/other.db?mode=rwc", name="other") as other:
        await fill(other)
        await other.query(Maker).update(name="elsewhere")
        cars = [await each.query(Car).order_by("id").limit(3).all() for each in (database, other)]
        makers = await asyncio.gather(*[maker_of(car) for pair in zip(*cars, strict=True) for car in pair])
        assert [maker.name for maker in makers] == ["0", "elsewhere", "1", "elsewhere", "2", "elsewhere"]
        former = await asyncio.gather(*[maker.cars.all() for maker in makers[:2]])
        assert [len(found) for found in former] == [100, 100]
        back = await asyncio.gather(*[maker_of(found[-1]) for found in former])
        assert [maker.name for maker in back] == ["0", "elsewhere"]


async def test_who_asks_for_the_primary_is_not_answered_with_the_others(database_url, tmp_path):
    async with connect(f"sqlite:{tmp_path}/copy.db?mode=rwc") as copy:
        await fill(copy)
        await copy.query(Maker).update(name="copy")
    async with connect(f"sqlite:{tmp_path}/first.db?mode=rwc") as first:
        await fill(first)
    async with connect(f"sqlite:{tmp_path}/first.db", replicas=[f"sqlite:{tmp_path}/copy.db"]) as database:

        async def read(car: Car, *, primary: bool) -> str:
            with database.primary() if primary else nullcontext():
                return (await car.maker).name

        cars = await Car.order_by("id").limit(4).all()
        found = await asyncio.gather(*[read(car, primary=bool(car.id % 2)) for car in cars])
        assert found == ["0", "copy", "2", "copy"]


# Scopes that look at whose request it is.

tenant: ContextVar[int] = ContextVar("tenant")


class Firm(Model):
    __ferro_scope__ = Scope(lambda f: f.tenant == tenant.get())

    id: int | None = Field(default=None, primary_key=True)
    tenant: int
    charges: Relation[list["Charge"]] = BackRef()


class Charge(Model):
    __ferro_scope__ = Scope(lambda c: c.tenant == tenant.get())

    id: int | None = Field(default=None, primary_key=True)
    tenant: int
    firm: Annotated[Firm, ForeignKey(related_name="charges")]


async def test_what_tenants_ask_at_one_moment_is_answered_each_by_its_own_rows(database_url):
    async with connect(database_url, max_connections=4) as connected:
        await connected.create_tables(Firm, Charge)
        tenant.set(0)
        firms = [await Firm.create(tenant=number) for number in (1, 2)]
        for firm in firms:
            await connected.bulk_create(Charge, [Charge(tenant=number, firm=firm) for number in (1, 1, 2)])
        firms = await Firm.unscoped().order_by("id").all()

        async def read(number: int, firm: Firm) -> tuple[int, list[int], list[int], int]:
            tenant.set(number)
            own = [charge.tenant for charge in await firm.charges.all()]
            (included,) = await Firm.include("charges").all()
            return included.tenant, own, [charge.tenant for charge in included.charges], await firm.charges.count()

        found = await asyncio.gather(*[read(number, firm) for firm in firms for number in (1, 2)])
        assert found == [(1, [1, 1], [1, 1], 2), (2, [2], [2], 1)] * 2
