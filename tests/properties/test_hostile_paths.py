"""No path of include() becomes SQL: it names a relation, or is refused; and keys are values, whatever is in them."""

from collections.abc import Mapping
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statements import recorded

from ferro import BackRef, Field, ForeignKey, ManyToMany, QueryError
from ferro.sync import Database, Model, Relation

from .strategies import NASTY_TEXTS, texts


class Folder(Model):
    name: str = Field(primary_key=True)
    part: str = Field(primary_key=True)
    files: Relation[list["File"]] = BackRef()
    marks: Relation[list["Mark"]] = ManyToMany(related_name="folders")


class File(Model):
    id: int | None = Field(default=None, primary_key=True)
    folder: Annotated[Folder, ForeignKey(related_name="files")]


class Mark(Model):
    text: str = Field(primary_key=True)
    folders: Relation[list[Folder]] = BackRef()


class Undo(Exception):
    """The end of an example."""


@pytest.fixture(scope="session")
def shelves(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(Folder, File, Mark)
    return databases


@settings(max_examples=500)
@given(text=st.sampled_from(NASTY_TEXTS) | st.text())
def test_a_path_names_a_relation_or_is_refused(shelves: Mapping[str, Database], text: str) -> None:
    if text in ("files", "marks"):
        return
    database = next(iter(shelves.values()))
    for path in (text, f"files.{text}", f"{text}.files"):
        if path.strip(".") in ("files", "marks"):
            continue
        with pytest.raises((QueryError, AttributeError)):
            database.query(Folder).include(path)


@settings(max_examples=500)
@given(name=texts(), part=texts())
def test_keys_are_values(shelves: Mapping[str, Database], name: str, part: str) -> None:
    found = {}
    for key in (("harmless", "word"), (name, part)):
        if any("\0" in one or any(0xD800 <= ord(letter) < 0xE000 for letter in one) for one in key):
            return
        for backend, database in shelves.items():
            try:
                with database.transaction():
                    folder = database.create(Folder, name=key[0], part=key[1])
                    file = database.create(File, folder=folder)
                    mark = database.create(Mark, text=key[0])
                    database.query(folder.marks).add(mark)
                    with recorded() as records:
                        (loaded,) = database.query(Folder).include("files.folder", "marks.folders").all()
                    assert [one.folder for one in loaded.files] == [folder]
                    assert (list(loaded.files), list(loaded.marks)) == ([file], [mark])
                    selects = [record.sql for record in records if record.sql.startswith("SELECT")]
                    assert found.setdefault(backend, selects) == selects
                    raise Undo
            except Undo:
                pass
