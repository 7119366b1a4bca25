"""Sessions: one row is one object, edits stay, and what a transaction undid is forgotten."""

import contextvars
import gc
import re
from pathlib import Path
from threading import Thread
from typing import Annotated

import pytest

from ferro import (
    AsyncDatabase,
    BackRef,
    Field,
    ForeignKey,
    InterfaceError,
    Model,
    OptionError,
    Relation,
    StaleObjectError,
    TransactionError,
    connect,
    current_session,
    evict_instance,
    reset_engine,
    session,
    transaction,
)


class Plant(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    height: int = 0
    tags: list[str] = Field(default_factory=list)


class Shelf(Model):
    id: int | None = Field(default=None, primary_key=True)
    label: str
    version: int = Field(default=1, version=True)


class Owner(Model):
    id: int | None = Field(default=None, primary_key=True)
    pets: Relation[list["Pet"]] = BackRef()


class Pet(Model):
    id: int | None = Field(default=None, primary_key=True)
    owner: Annotated[Owner, ForeignKey(related_name="pets")]


class Trouble(Exception):
    pass


@pytest.fixture
async def plants(database: AsyncDatabase) -> AsyncDatabase:
    await database.create_tables(Plant, Shelf)
    await database.bulk_create(Plant, [Plant(name="Fern", height=1), Plant(name="Moss", height=2)])
    return database


@pytest.fixture(autouse=True)
def nothing_is_left_connected():
    yield
    reset_engine()


# One row, one object.


async def test_in_a_session_a_row_is_one_object_however_it_is_read(plants):
    async with session():
        fern = await Plant.get(1)
        assert await Plant.get(1) is fern
        assert await Plant.where(lambda p: p.name == "Fern").first() is fern
        assert (await Plant.where(lambda p: p.id == 1).all())[0] is fern
        assert (await plants.raw(Plant, "SELECT * FROM plant WHERE id = 1"))[0] is fern
        assert (await Plant.get_or_create(name="Fern"))[0] is fern
        assert await Plant.upsert(key="name", name="Fern", height=9) is fern
        assert fern.height == 9
        async with transaction():
            assert await Plant.get(1) is fern
        async for plant in Plant.where(lambda p: p.id == 1).stream():
            assert plant is fern


async def test_in_a_session_what_was_saved_is_the_object_of_its_row(plants):
    async with session():
        ivy = await Plant.create(name="Ivy")
        assert await Plant.get(ivy.id) is ivy
        (oak,) = await Plant.bulk_create([Plant(name="Oak")])
        assert await Plant.get(oak.id) is oak


async def test_outside_a_session_two_reads_are_two_objects(plants):
    assert await Plant.get(1) is not await Plant.get(1)
    async with session():
        first = await Plant.get(1)
    assert await Plant.get(1) is not first


async def test_a_row_read_again_refreshes_its_object_and_keeps_unsaved_edits(plants):
    async with session():
        fern = await Plant.get(1)
        fern.name = "Bracken"
        fern.tags.append("green")
        await plants.execute("UPDATE plant SET height = 7, name = 'Other' WHERE id = 1")
        assert await Plant.get(1) is fern
        assert (fern.name, fern.height, fern.tags) == ("Bracken", 7, ["green"])
        await fern.save()
    found = await Plant.get(1)
    assert (found.name, found.height, found.tags) == ("Bracken", 7, ["green"])


async def test_unsaved_edits_of_a_row_with_a_version_are_still_held_against_the_version_they_began_with(plants):
    shelf = await Shelf.create(label="low")
    async with session():
        mine = await Shelf.get(shelf.id)
        mine.label = "mine"
        await plants.execute("UPDATE shelf SET label = 'theirs', version = version + 1")
        assert await Shelf.get(shelf.id) is mine
        with pytest.raises(StaleObjectError):
            await mine.save()


async def test_refresh_in_a_session_overwrites_unsaved_edits(plants):
    async with session():
        fern = await Plant.get(1)
        fern.name = "Bracken"
        await fern.refresh()
        assert fern.name == "Fern"
        assert await Plant.get(1) is fern


async def test_update_or_create_in_a_session_writes_what_it_was_given_and_no_other_edit(plants):
    async with session():
        fern = await Plant.get(1)
        fern.tags = ["unsaved"]
        found, made = await Plant.update_or_create({"height": 5}, name="Fern")
        assert (found is fern, made) == (True, False)
        assert (fern.height, fern.tags) == (5, ["unsaved"])
        assert (await plants.fetch_one("SELECT height, tags FROM plant WHERE id = 1"))["height"] == 5
    assert (await Plant.get(1)).tags == []


async def test_a_key_that_was_saved_anew_leads_to_its_own_row(plants):
    async with session():
        fern = await Plant.get(1)
        fern.id = 100
        await fern.save()
        await plants.execute("INSERT INTO plant (id, name, height, tags) VALUES (1, 'New', 0, '[]')")
        assert await Plant.get(1) is not fern
        assert await Plant.get(100) is fern
        assert fern.name == "Fern"


async def test_the_objects_of_a_session_are_held_weakly(plants):
    async with session() as open_session:
        fern = await Plant.get(1)
        assert len(open_session.identities) == 1
        assert fern.name == "Fern"
        del fern
        gc.collect()
        assert len(open_session.identities) == 0


# Forgetting.


async def test_changing_all_rows_of_a_query_forgets_the_objects_of_the_model(plants):
    async with session():
        fern, moss = await Plant.where(lambda p: p.id > 0).order_by("id").all()
        await Plant.where(lambda p: p.id == 1).update(height=50)
        again = await Plant.get(1)
        assert again is not fern
        assert (fern.height, again.height) == (1, 50)
        await Plant.where(lambda p: p.id == 2).delete()
        assert await Plant.get_or_none(2) is None
        assert moss.name == "Moss"


async def test_rows_given_back_by_a_change_are_objects_of_their_own(plants):
    async with session():
        fern = await Plant.get(1)
        (changed,) = await Plant.where(lambda p: p.id == 1).update_returning(height=3)
        assert changed is not fern
        assert await Plant.get(1) is changed
        (deleted,) = await Plant.where(lambda p: p.id == 1).delete_returning()
        assert deleted is not changed


async def test_a_deleted_instance_is_forgotten(plants):
    async with session():
        fern = await Plant.get(1)
        await fern.delete()
        await plants.execute("INSERT INTO plant (id, name, height, tags) VALUES (1, 'New', 0, '[]')")
        assert await Plant.get(1) is not fern


async def test_a_rollback_forgets_what_the_transaction_touched_and_nothing_else(plants):
    async with session():
        fern = await Plant.get(1)
        with pytest.raises(Trouble):
            async with transaction():
                moss = await Plant.get(2)
                await plants.execute("UPDATE plant SET height = 99 WHERE id = 2")
                assert await Plant.get(2) is moss
                assert moss.height == 99
                raise Trouble
        assert await Plant.get(1) is fern
        assert await Plant.get(2) is not moss
        assert (await Plant.get(2)).height == 2


async def test_a_savepoint_that_is_undone_forgets_what_it_touched(plants):
    async with session():
        async with transaction():
            fern = await Plant.get(1)
            with pytest.raises(Trouble):
                async with transaction():
                    moss = await Plant.get(2)
                    raise Trouble
            assert await Plant.get(1) is fern
            assert await Plant.get(2) is not moss
        assert await Plant.get(1) is fern


async def test_a_rollback_forgets_what_its_savepoints_touched(plants):
    async with session():
        with pytest.raises(Trouble):
            async with transaction():
                async with transaction():
                    moss = await Plant.get(2)
                raise Trouble
        assert await Plant.get(2) is not moss


async def test_an_instance_can_be_evicted_by_class_or_name(plants):
    async with session() as here:
        fern = await Plant.get(1)
        evict_instance(Plant, 1)
        second = await Plant.get(1)
        assert second is not fern
        evict_instance("Plant", "1")
        third = await Plant.get(1)
        assert third is not second
        evict_instance("Plant", 1, session=here)
        assert await Plant.get(1) is not third
        evict_instance("Plant", 77)
        evict_instance("Nobody", "1")
    evict_instance(Plant, 1)


# For a whole connection.


async def test_a_connection_can_have_an_identity_map(database_url):
    async with connect(database_url, identity_map=True) as database:
        await database.create_tables(Plant)
        fern = await database.create(Plant, name="Fern")
        assert await database.get(Plant, 1) is fern
        async with database.session():
            inside = await Plant.get(1)
            assert inside is not fern
        assert await Plant.get(1) is fern
        evict_instance(Plant, 1, using=database)
        assert await Plant.get(1) is not fern


# The block.


async def test_a_session_tells_what_it_is(plants):
    async with session() as first:
        assert (first.connection_name, first.database, dict(first.settings)) == (None, plants, {})
        assert first.session_id
        assert current_session() is first
        assert [plant.name for plant in await first.query(Plant).order_by("id").all()] == ["Fern", "Moss"]
        async with plants.session() as second:
            assert current_session() is second
            assert second.session_id != first.session_id
        assert current_session() is first
    assert first.session_id is None
    assert current_session() is None


async def test_a_session_of_a_named_connection_takes_its_bare_calls(plants, tmp_path: Path):
    async with connect(f"sqlite:{tmp_path}/other.db?mode=rwc", name="other") as other:
        await other.create_tables(Plant)
        async with session("other") as inside:
            assert inside.connection_name == "other"
            assert await Plant.count() == 0
            with pytest.raises(OptionError, match="and the session here is one of 'other': leave using= out"):
                await Plant.all(using=plants)
            assert len(await Plant.using(plants).all()) == 2
        assert await Plant.count() == 2


async def test_a_closed_session_says_so(plants):
    async with session() as closed:
        await closed.close()
        await closed.close()
        assert closed.session_id is None
        assert current_session() is None
    for call in (lambda: closed.query(Plant), closed.check_open):
        with pytest.raises(InterfaceError, match=r"^Session is closed\. Open a new session"):
            call()
    with pytest.raises(InterfaceError, match="has been entered before"):
        async with closed:
            raise AssertionError


async def test_a_session_with_open_transactions_stays_open(plants):
    expected = re.escape(
        "Cannot close session while transactions are active. Exit all transaction() blocks before closing the session."
    )
    async with session() as here:
        async with transaction():
            with pytest.raises(TransactionError, match=f"^{expected}$"):
                await here.close()
            assert await Plant.count() == 2
        assert here.session_id is not None


async def test_sessions_are_closed_from_the_inside_out(plants):
    async with session() as outer, session() as inner:
        with pytest.raises(InterfaceError, match="the ambient session does not match"):
            await outer.close()
        assert await Plant.count() == 2
        await inner.close()
        await outer.close()
        assert current_session() is None


async def test_the_error_of_the_body_wins_over_what_is_wrong_with_the_close(plants):
    opened = transaction()
    here = session()
    with pytest.raises(Trouble) as caught:
        async with here:
            await opened.__aenter__()
            raise Trouble
    problem = caught.value.__context__
    assert "Cannot close session while transactions are active" in str(problem)
    await opened.__aexit__(None, None, None)
    await here.close()
    assert current_session() is None


async def test_another_thread_never_inherits_a_session(plants):
    async with session():
        seen: list[object] = []
        context = contextvars.copy_context()
        thread = Thread(target=lambda: seen.append(context.run(current_session)))
        thread.start()
        thread.join()
        assert seen == [None]


async def test_a_session_can_not_be_used_before_it_is_entered(plants):
    with pytest.raises(InterfaceError, match="not open yet"):
        session().query(Plant)


# Relations.


async def test_what_is_included_is_what_the_database_has_and_unsaved_edits_stay(database):
    await database.create_tables(Owner, Pet)
    first, second = await Owner.create(), await Owner.create()
    await Pet.create(owner=first)
    async with session():
        pet = await Pet.where(lambda p: p.id == 1).one()
        other = await Owner.get(second.id)
        pet.owner = other
        owners = await Owner.include("pets").order_by("id").all()
        assert [list(owner.pets) for owner in owners] == [[pet], []]
        assert owners[0].pets[0] is pet
        assert (pet.owner is other, pet.owner_id, owners[1] is other) == (True, second.id, True)
        await pet.save()
        again = await Owner.include("pets").order_by("id").all()
        assert [list(owner.pets) for owner in again] == [[], [pet]]
        assert again[1].pets[0].owner is again[1]
