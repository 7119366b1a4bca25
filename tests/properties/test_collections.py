"""A collection is a set: whatever is done to it, it holds what a Python set would."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from ferro import BackRef, Field, ForeignKey, ManyToMany, Relation
from ferro.schema.registry import active, declared
from ferro.sync import Database, Model


class Album(Model):
    id: int | None = Field(default=None, primary_key=True)
    bare: Relation[list["Photo"]] = ManyToMany(related_name="bare_in")
    captioned: Relation[list["Photo"]] = ManyToMany(related_name="captioned_in", through="Caption")
    owned: Relation[list["Photo"]] = BackRef()


class Photo(Model):
    id: int = Field(primary_key=True)
    size: str = Field(primary_key=True)
    owner: Annotated[Album | None, ForeignKey(related_name="owned")] = None


class Caption(Model):
    __ferro_composite_uniques__ = (("album_id", "photo_id", "photo_size"),)

    id: int | None = Field(default=None, primary_key=True)
    album: Annotated[Album, ForeignKey()]
    photo: Annotated[Photo, ForeignKey()]
    text: str = ""


MODELS = (Album, Photo, Caption)

# Other tests, which create all tables there are, need not know of them.
for model in MODELS:
    for known in (declared, active):
        known.pop(model.__name__)

KEYS = [(number, size) for number in range(3) for size in "SL"]
Verb = Literal["add", "remove", "set", "clear"]
changes = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["add", "remove", "set", "clear"]),
        st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), max_size=5),
    ),
    max_size=6,
)


class Undo(Exception):
    """The end of an example."""


@pytest.fixture(scope="session")
def tables(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(*MODELS)
    return databases


def changed(held: set[Any], verb: Verb, keys: set[Any]) -> set[Any]:
    """What a set holds after a change."""
    return {"add": held | keys, "remove": held - keys, "set": keys, "clear": set[Any]()}[verb]


@pytest.mark.parametrize("name", ["bare", "captioned", "owned"])
@settings(max_examples=25)
@given(changes=changes)
def test_a_collection_holds_what_a_set_would(tables, name, changes):
    for backend, db in tables.items():
        note(f"on {backend}")
        with pytest.raises(Undo), db.transaction():
            albums = [db.create(Album), db.create(Album)]
            photos = {key: db.create(Photo, id=key[0], size=key[1]) for key in KEYS}
            model: list[set[Any]] = [set(), set()]
            for at, verb, given_keys in changes:
                keys = {key for key, _ in given_keys}
                rows = [photos[key] if as_instance else key for key, as_instance in given_keys]
                options = {"ignore_existing": True} if verb == "add" else {}
                getattr(db.query(getattr(albums[at], name)), verb)(*([] if verb == "clear" else rows), **options)
                model[at] = changed(model[at], verb, keys)
                if name == "owned" and verb in {"add", "set"}:
                    # What belongs here belongs nowhere else.
                    model[1 - at] -= keys
                    told = [photos[key] for key, as_instance in given_keys if as_instance]
                    assert all(photo.owner_id == albums[at].id for photo in told)
                found = [{(p.id, p.size) for p in db.query(getattr(album, name)).all()} for album in albums]
                assert found == model
                assert [db.query(getattr(album, name)).count() for album in albums] == list(map(len, model))
            raise Undo
