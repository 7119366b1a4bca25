"""Hooks: what a model overrides is called, and nothing else is."""

from functools import cached_property
from typing import ClassVar

import pytest
from pydantic import PrivateAttr

from ferro import AsyncDatabase, Field, Model, session


class Note(Model):
    id: int | None = Field(default=None, primary_key=True)
    text: str = ""
    length: int = 0
    calls: ClassVar[list[str]] = []
    _seen: str = PrivateAttr(default="")

    def before_save(self) -> None:
        self.length = len(self.text)
        self.calls.append(f"before_save {self.id}")

    async def after_save(self) -> None:
        self.calls.append(f"after_save {self.id} of {await Note.count()}")

    async def before_delete(self) -> None:
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
async def tables(database: AsyncDatabase) -> None:
    Note.calls.clear()
    await database.create_tables(Note, Plain)


async def test_a_save_is_announced_and_reported() -> None:
    note = await Note.create(text="abc")
    note.text = "ab"
    await note.save()
    assert Note.calls == ["before_save None", "after_save 1 of 1", "before_save 1", "after_save 1 of 1"]
    assert await Note.select("text", "length").all() == [("ab", 2)]


async def test_many_rows_call_the_hooks_of_each() -> None:
    notes = await Note.bulk_create(Note(text="x" * at) for at in range(2))
    assert Note.calls == ["before_save None", "before_save None", "after_save 1 of 2", "after_save 2 of 2"]
    notes[0].text = "long"
    assert await Note.bulk_update(notes) == 1
    assert await Note.order_by("id").select(lambda n: n.length).all() == [4, 1]


async def test_a_hook_may_keep_the_row() -> None:
    kept, other = await Note.create(text="keep"), await Note.create()
    with pytest.raises(ValueError, match="kept"):
        await kept.delete()
    Note.calls.clear()
    assert await other.delete() is True
    assert await other.delete() is False
    assert Note.calls == ["after_delete 2"]
    assert await Note.count() == 1


async def test_every_row_that_is_read_is_announced() -> None:
    await Note.create(text="abc")
    for found in (await Note.get(1), (await Note.all())[0], (await Note.raw("SELECT * FROM note"))[0]):
        assert found._seen == "ABC"
        assert Note.query().sql("sqlite")
    await Note.query().update(length=9)
    assert not [call for call in Note.calls if call.startswith("before_save 1")]


async def test_fields_named_like_hooks_are_fields() -> None:
    await Plain.create(before_save="a", after_load=["b"])
    found = await Plain.get(1)
    assert (found.before_save, found.after_load) == ("a", ["b"])


async def test_what_a_hook_works_out_is_no_field(database: AsyncDatabase) -> None:
    await database.create_tables(Sum)
    await Sum.create(parts=[1, 2])
    async with session():
        held = await Sum.get(1)
        assert held is await Sum.get(1)
        assert (held.total, held.model_fields_set) == (3, {"id", "parts"})
    row = await Sum.get(1)
    await row.refresh()
    assert (row.total, row.model_fields_set) == (3, {"id", "parts"})
    assert row.model_dump(exclude_unset=True) == {"id": 1, "parts": [1, 2]}
