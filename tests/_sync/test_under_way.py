# Generated from tests/_async/test_under_way.py by scripts/unasync.py: edit that file, never this one.
"""What a program assigns while its rows are on their way to the database: it is not lost."""

import pytest
from meanwhile import meanwhile

from ferro.instance.state import changed_fields
from ferro.operations import bulk, bulk_create, bulk_upsert, write
from ferro.sync import Database, Field, Model, Timestamps, transaction


class Crew(Timestamps, Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    ship: str = Field(default="Argo", unique=True)
    hands: list[str] = Field(default=[])
    state: str = Field(db_default="ashore")


class Trouble(Exception):
    pass


@pytest.fixture(autouse=True)
def tables(database: Database):
    database.create_tables(Crew)


def stored() -> list[tuple[str, list[str]]]:
    return Crew.order_by("id").select(lambda c: (c.name, c.hands)).all()


@pytest.mark.parametrize("again", [[], ["cook"]])
def test_a_list_that_grows_during_an_update_is_saved_by_the_next(database, again):
    crew = Crew.create(name="Ann", hands=["mate"])
    crew.hands += again
    crew.name = "Anne"
    database.run(meanwhile(write.save(crew, database.dialect), lambda: crew.hands.append("boy")))
    assert stored() == [("Anne", ["mate", *again])]
    crew.save()
    assert stored() == [("Anne", ["mate", *again, "boy"])]


def test_a_list_that_grows_during_an_update_of_many_is_saved_by_the_next(database):
    crew = Crew.create(name="Ann")
    crew.hands = ["mate"]
    update = bulk.bulk_update(Crew, [crew], database.dialect)
    database.run(meanwhile(update, lambda: crew.hands.append("boy")))
    assert stored() == [("Ann", ["mate"])]
    crew.save()
    assert stored() == [("Ann", ["mate", "boy"])]


def test_what_is_assigned_while_many_rows_are_inserted_is_saved_by_the_next_save(database):
    crews = [Crew(name=name, ship=name) for name in ("Ann", "Bob", "Cyd", "Dee")]

    def changed() -> None:
        crews[0].name = "Anne"
        crews[1].hands.append("mate")
        crews[2].state = "aboard"

    created = database.run(meanwhile(bulk_create.bulk_create(Crew, crews, database.dialect), changed))
    assert [(crew.id, crew.state) for crew in created] == [(1, "ashore"), (2, "ashore"), (3, "aboard"), (4, "ashore")]
    assert [list(changed_fields(crew)) for crew in crews] == [["name"], ["hands"], ["state"], []]
    for crew in crews:
        crew.save()
    assert Crew.order_by("id").select("name", "hands", "state").all() == [
        ("Anne", [], "ashore"),
        ("Bob", ["mate"], "ashore"),
        ("Cyd", [], "aboard"),
        ("Dee", [], "ashore"),
    ]


def test_what_is_assigned_while_a_row_is_inserted_wins_over_the_databases_value(database):
    crew = Crew(name="Ann")
    database.run(meanwhile(write.save(crew, database.dialect), lambda: setattr(crew, "state", "aboard")))
    assert (crew.id, crew.state) == (1, "aboard")
    crew.save()
    assert Crew.get(1).state == "aboard"


def test_rows_assigned_to_on_their_way_are_new_again_when_it_is_undone(database):
    crews = [Crew(name=name, ship=name) for name in ("Ann", "Bob")]
    with pytest.raises(Trouble):
        with transaction():
            create = bulk_create.bulk_create(Crew, crews, database.dialect)
            database.run(meanwhile(create, lambda: setattr(crews[0], "name", "Anne")))
            raise Trouble
    assert [(crew.id, crew.name) for crew in crews] == [(None, "Anne"), (None, "Bob")]
    Crew.bulk_create(crews)
    assert stored() == [("Anne", []), ("Bob", [])]


@pytest.mark.parametrize("loaded", [True, False])
def test_what_is_assigned_while_a_row_is_overwritten_is_saved_by_the_next_save(database, loaded):
    crew = Crew.create(name="Ann")
    if not loaded:
        crew = Crew(id=crew.id, name="Ann", ship="Beagle")

    def changed() -> None:
        crew.name = "Anne"
        crew.hands.append("mate")

    database.run(meanwhile(write.save(crew, database.dialect, on_conflict="update"), changed))
    assert (crew.name, crew.hands, crew.state) == ("Anne", ["mate"], "ashore")
    assert stored() == [("Ann", [])]
    crew.save()
    assert stored() == [("Anne", ["mate"])]


def test_what_is_assigned_while_many_rows_are_upserted_is_saved_by_the_next_save(database):
    Crew.create(name="old", ship="Argo")
    crews = [Crew(name="Ann", ship="Argo"), Crew(name="Bob", ship="Beagle")]

    def changed() -> None:
        crews[0].name = "Anne"
        crews[1].hands.append("mate")

    (rows,) = bulk_upsert.given_rows(Crew, crews)
    database.run(meanwhile(bulk_upsert.bulk_upsert(Crew, rows, database.dialect), changed))
    assert stored() == [("Ann", []), ("Bob", [])]
    for crew in crews:
        crew.save()
    assert stored() == [("Anne", []), ("Bob", ["mate"])]
