# Generated from tests/_async/test_mistaken_calls.py by scripts/unasync.py: edit that file, never this one.
"""Calls that are given something else than they take: the error says what to give instead."""

from typing import Annotated, Any

import pytest

from ferro.sync import BackRef, Database, Field, ForeignKey, Model, QueryError, Relation, UnknownColumnError


class Kennel(Model):
    id: int | None = Field(default=None, primary_key=True)
    dogs: Relation[list["Dog"]] = BackRef()


class Dog(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = "Rex"
    kennel: Annotated[Kennel | None, ForeignKey(related_name="dogs")] = None


@pytest.fixture
def dog(database: Database) -> Dog:
    database.create_tables(Kennel, Dog)
    return Dog.create(kennel=Kennel.create())


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
def test_an_instance_is_saved_and_deleted(database: Database, given: Any, what: str):
    message = rf"^expected an instance of a model, such as User\(name='Ann'\), and got {what}$"
    for call in (database.save, database.delete):
        with pytest.raises(QueryError, match=message):
            call(given)
    with pytest.raises(QueryError, match=message):
        with database.pipeline() as pipe:
            pipe.save(given)


def test_rows_are_created_and_asked_of_a_model(database: Database, dog: Any):
    with pytest.raises(QueryError, match=r"^create\(\) takes a model and .* not an instance, which save\(\) inserts$"):
        database.create(dog)
    with pytest.raises(QueryError, match=r"^create\(\) takes a model and the values of a row, .* not a dict$"):
        database.create({"name": "Rex"})
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
def test_many_rows_are_a_list_of_them(database: Database, dog: Dog, given: Any, what: str):
    for verb, call in (
        ("bulk_create", lambda: database.bulk_create(Dog, given)),
        ("bulk_create", lambda: database.bulk_create(Dog, given, returning=False)),
        ("bulk_upsert", lambda: database.bulk_upsert(Dog, given)),
        ("bulk_update", lambda: database.bulk_update(Dog, given)),
    ):
        with pytest.raises(QueryError, match=rf"^{verb}\(\) of Dog takes a list of rows, .*, not {what}$"):
            call()
    assert Dog.count() == 1


def test_a_relation_is_loaded_by_its_name_too(database: Database, dog: Dog):
    kennel = database.load(dog, "kennel")
    assert kennel.id == 1
    assert database.load(kennel, "dogs") == [dog]
    with pytest.raises(UnknownColumnError, match="^Dog has no relation 'kennels'; its relations are kennel$"):
        database.load(dog, "kennels")
