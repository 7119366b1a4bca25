"""Calls that are given something else than they take: the error says what to give instead."""

from typing import Annotated, Any

import pytest

from ferro import AsyncDatabase, BackRef, Field, ForeignKey, Model, QueryError, Relation, UnknownColumnError


class Kennel(Model):
    id: int | None = Field(default=None, primary_key=True)
    dogs: Relation[list["Dog"]] = BackRef()


class Dog(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = "Rex"
    kennel: Annotated[Kennel | None, ForeignKey(related_name="dogs")] = None


@pytest.fixture
async def dog(database: AsyncDatabase) -> Dog:
    await database.create_tables(Kennel, Dog)
    return await Dog.create(kennel=await Kennel.create())


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (5, "an int"),
        (None, "a NoneType"),
        (Dog, r"a model: create\(User, name='Ann'\) inserts a row of it"),
        ({"name": "Rex"}, r"a dict: create\(User, name='Ann'\) takes the values of a row"),
        ([Dog()], r"a list: bulk_create\(\) and bulk_update\(\) take many instances"),
    ],
)
async def test_an_instance_is_saved_and_deleted(database: AsyncDatabase, given: Any, what: str):
    message = rf"^expected an instance of a model, such as User\(name='Ann'\), and got {what}$"
    for call in (database.save, database.delete):
        with pytest.raises(QueryError, match=message):
            await call(given)
    with pytest.raises(QueryError, match=message):
        async with database.pipeline() as pipe:
            pipe.save(given)


async def test_rows_are_created_and_asked_of_a_model(database: AsyncDatabase, dog: Any):
    with pytest.raises(QueryError, match=r"^create\(\) takes a model and .* not an instance, which save\(\) inserts$"):
        await database.create(dog)
    with pytest.raises(QueryError, match=r"^create\(\) takes a model and the values of a row, .* not a dict$"):
        await database.create({"name": "Rex"})
    for query in (database.query, database.unscoped):
        with pytest.raises(QueryError, match="^expected a model, such as Dog, and got an instance of Dog$"):
            query(dog)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"name": "Rex"}, "a dict"),
        (Dog(), "a Dog"),
        (5, "an int"),
    ],
)
async def test_many_rows_are_a_list_of_them(database: AsyncDatabase, dog: Dog, given: Any, what: str):
    for verb, call in (
        ("bulk_create", lambda: database.bulk_create(Dog, given)),
        ("bulk_create", lambda: database.bulk_create(Dog, given, returning=False)),
        ("bulk_upsert", lambda: database.bulk_upsert(Dog, given)),
        ("bulk_update", lambda: database.bulk_update(Dog, given)),
    ):
        with pytest.raises(QueryError, match=rf"^{verb}\(\) of Dog takes a list of rows, .*, not {what}$"):
            await call()
    assert await Dog.count() == 1


async def test_a_relation_is_loaded_by_its_name_too(database: AsyncDatabase, dog: Dog):
    kennel = await database.load(dog, "kennel")
    assert kennel.id == 1
    assert await database.load(kennel, "dogs") == [dog]
    with pytest.raises(UnknownColumnError, match="^Dog has no relation 'kennels'; its relations are kennel$"):
        await database.load(dog, "kennels")
