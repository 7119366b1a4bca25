"""What a program assigns while its rows are on their way to the database: it is not lost."""

import pytest
from meanwhile import meanwhile

from ferro import AsyncDatabase, Field, Model, Timestamps, transaction
from ferro.instance.state import changed_fields
from ferro.operations import bulk, bulk_create, bulk_upsert, write


class Crew(Timestamps, Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    ship: str = Field(default="Argo", unique=True)
    hands: list[str] = Field(default=[])
    state: str = Field(db_default="ashore")


class Trouble(Exception):
    pass


@pytest.fixture(autouse=True)
async def tables(database: AsyncDatabase):
    await database.create_tables(Crew)


async def stored() -> list[tuple[str, list[str]]]:
    return await Crew.order_by("id").select(lambda c: (c.name, c.hands)).all()


@pytest.mark.parametrize("again", [[], ["cook"]])
async def test_a_list_that_grows_during_an_update_is_saved_by_the_next(database, again):
    crew = await Crew.create(name="Ann", hands=["mate"])
    crew.hands += again
    crew.name = "Anne"
    await database.run(meanwhile(write.save(crew, database.dialect), lambda: crew.hands.append("boy")))
    assert await stored() == [("Anne", ["mate", *again])]
    await crew.save()
    assert await stored() == [("Anne", ["mate", *again, "boy"])]


async def test_a_list_that_grows_during_an_update_of_many_is_saved_by_the_next(database):
    crew = await Crew.create(name="Ann")
    crew.hands = ["mate"]
    update = bulk.bulk_update(Crew, [crew], database.dialect)
    await database.run(meanwhile(update, lambda: crew.hands.append("boy")))
    assert await stored() == [("Ann", ["mate"])]
    await crew.save()
    assert await stored() == [("Ann", ["mate", "boy"])]


async def test_what_is_assigned_while_many_rows_are_inserted_is_saved_by_the_next_save(database):
    crews = [Crew(name=name, ship=name) for name in ("Ann", "Bob", "Cyd", "Dee")]

    def changed() -> None:
        crews[0].name = "Anne"
        crews[1].hands.append("mate")
        crews[2].state = "aboard"

    created = await database.run(meanwhile(bulk_create.bulk_create(Crew, crews, database.dialect), changed))
    assert [(crew.id, crew.state) for crew in created] == [(1, "ashore"), (2, "ashore"), (3, "aboard"), (4, "ashore")]
    assert [list(changed_fields(crew)) for crew in crews] == [["name"], ["hands"], ["state"], []]
    for crew in crews:
        await crew.save()
    assert await Crew.order_by("id").select("name", "hands", "state").all() == [
        ("Anne", [], "ashore"),
        ("Bob", ["mate"], "ashore"),
        ("Cyd", [], "aboard"),
        ("Dee", [], "ashore"),
    ]


async def test_what_is_assigned_while_a_row_is_inserted_wins_over_the_databases_value(database):
    crew = Crew(name="Ann")
    await database.run(meanwhile(write.save(crew, database.dialect), lambda: setattr(crew, "state", "aboard")))
    assert (crew.id, crew.state) == (1, "aboard")
    await crew.save()
    assert (await Crew.get(1)).state == "aboard"


async def test_rows_assigned_to_on_their_way_are_new_again_when_it_is_undone(database):
    crews = [Crew(name=name, ship=name) for name in ("Ann", "Bob")]
    with pytest.raises(Trouble):
        async with transaction():
            create = bulk_create.bulk_create(Crew, crews, database.dialect)
            await database.run(meanwhile(create, lambda: setattr(crews[0], "name", "Anne")))
            raise Trouble
    assert [(crew.id, crew.name) for crew in crews] == [(None, "Anne"), (None, "Bob")]
    await Crew.bulk_create(crews)
    assert await stored() == [("Anne", []), ("Bob", [])]


@pytest.mark.parametrize("loaded", [True, False])
async def test_what_is_assigned_while_a_row_is_overwritten_is_saved_by_the_next_save(database, loaded):
    crew = await Crew.create(name="Ann")
    if not loaded:
        crew = Crew(id=crew.id, name="Ann", ship="Beagle")

    def changed() -> None:
        crew.name = "Anne"
        crew.hands.append("mate")

    await database.run(meanwhile(write.save(crew, database.dialect, on_conflict="update"), changed))
    assert (crew.name, crew.hands, crew.state) == ("Anne", ["mate"], "ashore")
    assert await stored() == [("Ann", [])]
    await crew.save()
    assert await stored() == [("Anne", ["mate"])]


async def test_what_is_assigned_while_many_rows_are_upserted_is_saved_by_the_next_save(database):
    await Crew.create(name="old", ship="Argo")
    crews = [Crew(name="Ann", ship="Argo"), Crew(name="Bob", ship="Beagle")]

    def changed() -> None:
        crews[0].name = "Anne"
        crews[1].hands.append("mate")

    (rows,) = bulk_upsert.given_rows(Crew, crews)
    await database.run(meanwhile(bulk_upsert.bulk_upsert(Crew, rows, database.dialect), changed))
    assert await stored() == [("Ann", []), ("Bob", [])]
    for crew in crews:
        await crew.save()
    assert await stored() == [("Anne", []), ("Bob", ["mate"])]
