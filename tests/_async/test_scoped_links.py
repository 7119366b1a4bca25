"""Links that are rows of a model with a scope: what its queries do not see does not link."""

from contextvars import ContextVar
from typing import Annotated, Any

import pytest
from statements import sent

from ferro import (
    AsyncDatabase,
    BackRef,
    Field,
    ForeignKey,
    ManyToMany,
    Model,
    Relation,
    Scope,
    SoftDelete,
    UniqueViolationError,
)


class Sailor(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    boats: Relation[list["Boat"]] = BackRef()
    log: Relation[list["Voyage"]] = ManyToMany(related_name="crew", through="Watch")


class Berth(SoftDelete, Model):
    __ferro_composite_uniques__ = (("boat_id", "sailor_id"),)

    id: int | None = Field(default=None, primary_key=True)
    boat: Annotated["Boat", ForeignKey()]
    sailor: Annotated[Sailor, ForeignKey()]
    rank: str = "hand"


class Boat(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    sailors: Relation[list[Sailor]] = ManyToMany(related_name="boats", through=Berth)


# Of a pair there may be any number.
class Watch(SoftDelete, Model):
    id: int | None = Field(default=None, primary_key=True)
    sailor: Annotated[Sailor, ForeignKey()]
    voyage: Annotated["Voyage", ForeignKey()]


class Voyage(Model):
    id: int | None = Field(default=None, primary_key=True)
    crew: Relation[list[Sailor]] = BackRef()


harbour: ContextVar[str] = ContextVar("harbour")


class Pilot(Model):
    id: int | None = Field(default=None, primary_key=True)
    ships: Relation[list["Ship"]] = BackRef()


class Port(Model):
    name: str = Field(primary_key=True)
    open: bool = True


class Booking(Model):
    __ferro_scope__ = Scope(lambda b: (b.port.name == harbour.get()) & (b.port.open == True))

    ship: Annotated["Ship", ForeignKey()]
    ship_id: int = Field(primary_key=True)
    pilot: Annotated[Pilot, ForeignKey()]
    pilot_id: int = Field(primary_key=True)
    port: Annotated[Port, ForeignKey()]


class Ship(Model):
    id: int | None = Field(default=None, primary_key=True)
    pilots: Relation[list[Pilot]] = ManyToMany(related_name="ships", through=Booking)


@pytest.fixture
async def boat(database: AsyncDatabase) -> Boat:
    await database.create_tables(Sailor, Berth, Boat, Watch, Voyage, Pilot, Port, Booking, Ship)
    boat = await Boat.create(name="Argo")
    for name in ("Ann", "Bob", "Cid"):
        await Sailor.create(name=name)
    await boat.sailors.add(1, 2, 3)
    await Berth.where(lambda b: b.sailor_id == 2).delete()
    return boat


def names(found: Any) -> list[str]:
    return sorted(sailor.name for sailor in found)


async def berths() -> list[tuple[int, str, bool]]:
    found = await Berth.unscoped().order_by("sailor_id").all()
    return [(berth.sailor_id, berth.rank, berth.deleted_at is None) for berth in found]


async def test_a_link_that_was_deleted_softly_does_not_link(boat):
    assert names(await boat.sailors.all()) == ["Ann", "Cid"]
    assert await boat.sailors.count() == 2
    assert names((await Boat.include(lambda b: b.sailors).one()).sailors) == ["Ann", "Cid"]
    limited = await Boat.include(lambda b: b.sailors.order_by("-name").limit(2)).one()
    assert [sailor.name for sailor in limited.sailors] == ["Cid", "Ann"]
    assert await Boat.where(lambda b: b.sailors.any(lambda s: s.name == "Bob")).all() == []
    assert await Boat.select(lambda b: b.sailors.count()).all() == [2]
    assert [s.name for s in await Sailor.where(lambda s: s.boats.none()).all()] == ["Bob"]
    # A scope of the far rows is left out; the links are not the rows a query is for.
    assert names(await boat.sailors.unscoped().all()) == ["Ann", "Cid"]


async def test_links_without_a_unique_pair_that_were_deleted_do_not_link(boat):
    voyage = await Voyage.create()
    await voyage.crew.add(1, 1, 2)
    await Watch.where(lambda w: w.sailor_id == 2).delete()
    assert names(await voyage.crew.all()) == ["Ann"]
    assert names((await Voyage.include(lambda v: v.crew).one()).crew) == ["Ann"]
    assert await Voyage.select(lambda v: v.crew.count()).all() == [1]
    await voyage.crew.add(2)
    assert names(await voyage.crew.all()) == ["Ann", "Bob"]
    assert await Watch.unscoped().count() == 4


async def test_undoing_links_keeps_their_rows(boat):
    await boat.sailors.remove(1)
    assert await berths() == [(1, "hand", False), (2, "hand", False), (3, "hand", True)]
    await boat.sailors.clear()
    assert await berths() == [(1, "hand", False), (2, "hand", False), (3, "hand", False)]


async def test_a_link_that_is_added_again_comes_back(boat):
    await boat.sailors.add(2, rank="mate")
    assert await berths() == [(1, "hand", True), (2, "mate", True), (3, "hand", True)]
    await Berth.where(lambda b: b.sailor_id == 2).delete()
    # Without the column it has what it had.
    await boat.sailors.add(2)
    assert (await berths())[1] == (2, "mate", True)


async def test_set_marks_brings_back_and_makes(boat):
    await Sailor.create(name="Dan")
    await boat.sailors.set(2, 3, 4)
    assert await berths() == [(1, "hand", False), (2, "hand", True), (3, "hand", True), (4, "hand", True)]
    assert names(await boat.sailors.all()) == ["Bob", "Cid", "Dan"]


async def test_the_statements(boat, backend):
    one, two = ("?", "?") if backend == "sqlite" else ("$1", "$2")
    with sent() as texts:
        await boat.sailors.all()
    (text,) = texts
    assert text == (
        'SELECT "sailor"."id", "sailor"."name" FROM "sailor" WHERE EXISTS (SELECT 1 FROM "berth" WHERE '
        f'"berth"."sailor_id" = "sailor"."id" AND "berth"."boat_id" = {one} AND "berth"."deleted_at" IS NULL)'
    )
    with sent() as texts:
        await Boat.include(lambda b: b.sailors).all()
    known = "IN (?)" if backend == "sqlite" else "= ANY($1)"
    assert texts[1] == (
        'SELECT "berth"."boat_id", "sailor"."id", "sailor"."name" FROM "sailor" JOIN "berth" ON '
        f'"berth"."sailor_id" = "sailor"."id" WHERE "berth"."boat_id" {known} AND "berth"."deleted_at" IS NULL'
    )
    with sent() as texts:
        await boat.sailors.remove(1)
    known = "IN (?)" if backend == "sqlite" else "= ANY($3)"
    (text,) = [text for text in texts if "UPDATE" in text]
    assert text == (
        f'UPDATE "berth" SET "deleted_at"={one} WHERE "berth"."deleted_at" IS NULL AND '
        f'"berth"."boat_id" = {two} AND "berth"."sailor_id" {known}'
    )


async def test_a_scope_of_the_links_may_look_along_their_relations_and_at_who_asks(database):
    await database.create_tables(Pilot, Port, Booking, Ship)
    ship, _ = await Ship.bulk_create([Ship(), Ship()])
    await Pilot.bulk_create([Pilot() for _ in range(4)])
    for name in ("Cork", "Hull"):
        await Port.create(name=name)
    for ship_id, pilot_id, port in ((1, 1, "Cork"), (1, 2, "Hull"), (1, 3, "Hull"), (2, 4, "Hull")):
        await Booking.create(ship_id=ship_id, pilot_id=pilot_id, port_id=port)

    async def seen(port: str) -> list[list[int]]:
        harbour.set(port)
        first = await Ship.get(1)
        included = await Ship.include(lambda s: s.pilots.order_by("id")).order_by("id").all()
        counted = await Ship.order_by("id").select(lambda s: s.pilots.count()).all()
        return [
            [pilot.id for pilot in await first.pilots.order_by("id").all()],
            *[[pilot.id for pilot in ship.pilots] for ship in included],
            counted,
        ]

    found = [await seen(port) for port in ("Cork", "Hull", "Dover")]
    assert found == [[[1], [1], [], [1, 0]], [[2, 3], [2, 3], [4], [2, 1]], [[], [], [], [0, 0]]]
    harbour.set("Hull")
    await ship.pilots.clear()
    harbour.set("Cork")
    assert [pilot.id for pilot in await ship.pilots.all()] == [1]
    # A link that is out of sight is not made again, and the caller is told.
    harbour.set("Hull")
    for link in (lambda: ship.pilots.set(1, port="Hull"), lambda: ship.pilots.add(1, port="Hull")):
        with pytest.raises(UniqueViolationError) as hidden:
            await link()
        assert str(hidden.value).endswith(
            "Ship 1 is linked to Pilot 1 by Ship.pilots already, perhaps by a link that the scope of Booking keeps out of "
            "sight: look for it with Booking.unscoped()"
        )
    harbour.set("Cork")
    assert await Booking.unscoped().order_by("ship_id").select("pilot_id").all() == [(1,), (4,)]
    await Port.where(lambda p: p.name == "Cork").update(open=False)
    assert await ship.pilots.all() == []
