"""No path of include() becomes SQL: it names a relation, or is refused; and keys are values, whatever is in them."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated

import pytest
from hypothesis import given, settings
from statements import recorded, sent

from ferro import BackRef, FerroError, Field, ForeignKey, ManyToMany
from ferro.sync import Database, Model, Relation
from ferro.types.values import why_text_is_refused

from .strategies import hostile_texts


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
@given(text=hostile_texts())
def test_a_path_names_a_relation_or_is_refused(shelves: Mapping[str, Database], text: str) -> None:
    database = next(iter(shelves.values()))
    query, folder = database.query(Folder), Folder(name="a", part="b")
    for path in (text, f"files.{text}", f"{text}.files"):
        calls: list[Callable[[str], object]] = [
            query.include,
            query.join,
            query.left_join,
            lambda path: query.include(lambda f: f.files.include(path)),
            lambda path: query.include(lambda f: f.files.order_by(path)),
            lambda path: query.include(lambda f: f.files.filter_by(**{path: 1})),
            lambda path: database.load_many([folder], path),
        ]
        for call in calls:
            with sent() as statements, pytest.raises(FerroError):
                call(path)
            assert statements == []


def selects(database: Database, name: str, part: str) -> list[str]:
    """What is read to load along relations whose keys are these."""
    found: list[str] = []
    try:
        with database.transaction():
            folder = database.create(Folder, name=name, part=part)
            file = database.create(File, folder=folder)
            mark = database.create(Mark, text=name)
            database.query(folder.marks).add(mark)
            with recorded() as records:
                (loaded,) = database.query(Folder).include("files.folder", "marks.folders").all()
            assert [one.folder for one in loaded.files] == [folder]
            assert (list(loaded.files), list(loaded.marks)) == ([file], [mark])
            found = [record.sql for record in records if record.sql.startswith("SELECT")]
            raise Undo
    except Undo:
        return found


@cache
def harmless(database: Database) -> list[str]:
    return selects(database, "harmless", "word")


@settings(max_examples=500)
@given(name=hostile_texts(), part=hostile_texts())
def test_keys_are_values(shelves: Mapping[str, Database], name: str, part: str) -> None:
    if why_text_is_refused(name) or why_text_is_refused(part):
        return
    for database in shelves.values():
        assert selects(database, name, part) == harmless(database) != []
