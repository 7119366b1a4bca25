"""No string from a user becomes SQL on the way along relations: neither values, nor keys, nor names."""

import sqlite3
from collections.abc import Callable, Mapping
from itertools import product
from typing import Annotated, Any

import pytest
from hypothesis import given, note, settings

from ferro import Field, ForeignKey, ManyToMany, ModelDefinitionError, Relation, UniqueViolationError
from ferro.dialects import sqlite
from ferro.instance.marks import mark_saved
from ferro.query.ddl import create_table
from ferro.schema.registry import active, declared, table_of
from ferro.sync import BackRef, Database, Model

from .strategies import UNREAD, hostile_names, hostile_texts
from .test_hostile_strings import must_be_harmless, must_be_refused


class Pupil(Model):
    name: str = Field(primary_key=True)
    courses: Relation[list["Course"]] = ManyToMany(related_name="pupils", through="Enrolment")
    likes: Relation[list["Course"]] = ManyToMany(related_name="liked_by")
    notes: Relation[list["Sheet"]] = BackRef()


class Course(Model):
    title: str = Field(primary_key=True)
    pupils: Relation[list[Pupil]] = BackRef()
    liked_by: Relation[list[Pupil]] = BackRef()


class Enrolment(Model):
    __ferro_composite_uniques__ = (("pupil_id", "course_id"),)

    id: int | None = Field(default=None, primary_key=True)
    pupil: Annotated[Pupil, ForeignKey()]
    course: Annotated[Course, ForeignKey()]
    remark: str = ""


class Sheet(Model):
    id: str = Field(primary_key=True)
    pupil: Annotated[Pupil | None, ForeignKey(related_name="notes")] = None


MODELS = (Pupil, Course, Enrolment, Sheet)

# Other tests, which create all tables there are, need not know of them.
for model in MODELS:
    for known in (declared, active):
        known.pop(model.__name__)


def school(db: Database, text: str) -> tuple[Pupil, Course, Sheet]:
    return db.create(Pupil, name=text), db.create(Course, title=text), db.create(Sheet, id=text)


def linked(db: Database, text: str, verb: str) -> None:
    """Link by a key and with a column that are hostile, and undo or do it again."""
    pupil, course, _ = school(db, text)
    courses = db.query(pupil.courses)
    courses.add(text, remark=text)
    if verb == "add":
        courses.add(course, remark=text, ignore_existing=True)
        raise_again(lambda: courses.add(text))
    elif verb == "set":
        courses.set(course, remark=f"{text}!")
        courses.set()
    else:
        getattr(courses, verb)(*((text,) if verb == "remove" else ()))


def raise_again(call: Callable[[], Any]) -> None:
    with pytest.raises(UniqueViolationError):
        call()


def moved(db: Database, text: str) -> None:
    pupil, _, sheet = school(db, text)
    notes = db.query(pupil.notes)
    notes.add(text)
    notes.remove(sheet)
    notes.set(sheet)
    notes.clear()


def assigned(db: Database, text: str) -> None:
    _, _, sheet = school(db, text)
    db.query(Sheet).filter_by(pupil=text).update(pupil=text)
    db.query(Sheet).update(lambda s: {"pupil": text})
    sheet.pupil = text
    db.save(sheet, only={"pupil"})


# Every call that takes a text as a value or a key.
CALLS: dict[str, Callable[[Database, str], Any]] = {
    "add": lambda db, text: linked(db, text, "add"),
    "set": lambda db, text: linked(db, text, "set"),
    "remove": lambda db, text: linked(db, text, "remove"),
    "clear": lambda db, text: linked(db, text, "clear"),
    "create": lambda db, text: db.query(school(db, text)[0].courses).create(title=f"{text}!", through={"remark": text}),
    "a bare link": lambda db, text: db.query(school(db, text)[0].likes).add(text),
    "rows of a foreign key": moved,
    "a relation as a value": assigned,
}

# Every call that takes a name, and can only refuse another one.
REFUSED: dict[str, Callable[[Database, str], Any]] = {
    "add": lambda db, text: db.query(Pupil(name="x").courses).add("y", **{text: 1}),
    "add to a foreign key": lambda db, text: db.query(Pupil(name="x").notes).add("y", **{text: 1}),
    "add to a bare link": lambda db, text: db.query(Pupil(name="x").likes).add("y", **{text: 1}),
    "set": lambda db, text: db.query(Pupil(name="x").courses).set("y", **{text: 1}),
    "create": lambda db, text: db.query(Pupil(name="x").courses).create(title="y", through={text: 1}),
    "only": lambda db, text: db.save(saved(Sheet(id="y")), only={text}),
    "fields": lambda db, text: db.bulk_update(Sheet, [saved(Sheet(id="y"))], fields=[text]),
    "on_delete": lambda db, text: ForeignKey(on_delete=text),
    "through_fields": lambda db, text: link_through(through="Enrolment", through_fields=(text, "course")),
}


def saved(sheet: Sheet) -> Sheet:
    """As if its row had been read."""
    mark_saved(sheet)
    return sheet


def link_through(**options: Any) -> Any:
    """The link of a relation that was declared with these options."""
    before = dict(declared), dict(active)
    try:
        body: dict[str, Any] = {
            "__annotations__": {"id": int, "to": Relation[list[Course]]},
            "model_config": UNREAD,
            "id": Field(primary_key=True),
            "to": ManyToMany(related_name="back", **options),
        }
        return table_of(type("Made", (Model,), body)).relations["to"].link
    finally:
        for known, models in zip((declared, active), before, strict=True):
            known.clear()
            known.update(models)


@pytest.fixture(scope="session")
def tables(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(*MODELS)
    return databases


@settings(max_examples=500)
@given(text=hostile_texts())
def test_the_sql_of_a_hostile_text_is_that_of_a_harmless_one(tables, text):
    for (name, call), (backend, database) in product(CALLS.items(), tables.items()):
        note(f"{name} on {backend}")
        must_be_harmless(database, call, text)


@settings(max_examples=500)
@given(text=hostile_names())
def test_a_hostile_name_is_refused_and_nothing_is_sent(tables, text):
    for (name, call), (backend, database) in product(REFUSED.items(), tables.items()):
        note(f"{name} on {backend}")
        must_be_refused(database, call, text)


@settings(max_examples=500)
@given(text=hostile_names())
def test_a_hostile_name_of_a_link_table_is_a_name_or_refused(text):
    try:
        link = link_through(through=text)
    except ModelDefinitionError:
        return
    with sqlite3.connect(":memory:") as raw:
        for statement in create_table(link.table, sqlite):
            raw.execute(statement)
        assert raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [(text,)]
    raw.close()
