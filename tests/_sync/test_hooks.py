# Generated from tests/_async/test_hooks.py by scripts/unasync.py: edit that file, never this one.
"""Hooks: what a model overrides is called, and nothing else is."""

from functools import cached_property
from typing import ClassVar

import pytest
from pydantic import PrivateAttr

from ferro.sync import Database, Field, Model, session


class Note(Model):
    id: int | None = Field(default=None, primary_key=True)
    text: str = ""
    length: int = 0
    calls: ClassVar[list[str]] = []
    _seen: str = PrivateAttr(default="")

    def before_save(self) -> None:
        self.length = len(self.text)
        self.calls.append(f"before_save {self.id}")

    def after_save(self) -> None:
        self.calls.append(f"after_save {self.id} of {Note.count()}")

    def before_delete(self) -> None:
        if self.text == "keep":
            raise ValueError("kept")

    def after_delete(self) -> None:
        self.calls.append(f"after_delete {self.id}")

    def after_load(self) -> None:
        self._seen = self.text.upper()


class Plain(Model):
    id: int | None = Field(default=None, primary_key=True)
    before_save: str = ""  # type: ignore[assignment]
    after_load: list[str] = Field(default=[])  # type: ignore[assignment]


class Sum(Model):
    id: int | None = Field(default=None, primary_key=True)
    parts: list[int]

    @cached_property
    def total(self) -> int:
        return sum(self.parts)

    def after_load(self) -> None:
        _ = self.total


@pytest.fixture(autouse=True)
def tables(database: Database) -> None:
    Note.calls.clear()
    database.create_tables(Note, Plain)


def test_a_save_is_announced_and_reported() -> None:
    note = Note.create(text="abc")
    note.text = "ab"
    note.save()
    assert Note.calls == ["before_save None", "after_save 1 of 1", "before_save 1", "after_save 1 of 1"]
    assert Note.select("text", "length").all() == [("ab", 2)]


def test_many_rows_call_the_hooks_of_each() -> None:
    notes = Note.bulk_create(Note(text="x" * at) for at in range(2))
    assert Note.calls == ["before_save None", "before_save None", "after_save 1 of 2", "after_save 2 of 2"]
    notes[0].text = "long"
    assert Note.bulk_update(notes) == 1
    assert Note.order_by("id").select(lambda n: n.length).all() == [4, 1]


def test_a_hook_may_keep_the_row() -> None:
    kept, other = Note.create(text="keep"), Note.create()
    with pytest.raises(ValueError, match="kept"):
        kept.delete()
    Note.calls.clear()
    assert other.delete() is True
    assert other.delete() is False
    assert Note.calls == ["after_delete 2"]
    assert Note.count() == 1


def test_every_row_that_is_read_is_announced() -> None:
    Note.create(text="abc")
    for found in (Note.get(1), Note.all()[0], Note.raw("SELECT * FROM note")[0]):
        assert found._seen == "ABC"
        assert Note.query().sql("sqlite")
    Note.query().update(length=9)
    assert not [call for call in Note.calls if call.startswith("before_save 1")]


def test_fields_named_like_hooks_are_fields() -> None:
    Plain.create(before_save="a", after_load=["b"])
    found = Plain.get(1)
    assert (found.before_save, found.after_load) == ("a", ["b"])


def test_what_a_hook_works_out_is_no_field(database: Database) -> None:
    database.create_tables(Sum)
    Sum.create(parts=[1, 2])
    with session():
        held = Sum.get(1)
        assert held is Sum.get(1)
        assert (held.total, held.model_fields_set) == (3, {"id", "parts"})
    row = Sum.get(1)
    row.refresh()
    assert (row.total, row.model_fields_set) == (3, {"id", "parts"})
    assert row.model_dump(exclude_unset=True) == {"id": 1, "parts": [1, 2]}
