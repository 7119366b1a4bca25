"""Timestamps and SoftDelete: what ferro writes down, and rows that can be brought back."""

from datetime import UTC, datetime
from typing import Annotated

import pytest
from pydantic import NaiveDatetime
from statements import sent

from ferro import (
    AsyncDatabase,
    BackRef,
    Field,
    ForeignKey,
    ManyToMany,
    Model,
    ModelBase,
    ModelDefinitionError,
    QueryError,
    Relation,
    Scope,
    SoftDelete,
    StaleObjectError,
    Timestamps,
    UniqueViolationError,
    transaction,
)

LONG_AGO = datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
SOON = datetime(2100, 1, 1, tzinfo=UTC)


class Note(Timestamps, Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    text: str = ""


class Plain(Timestamps, ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    text: str = ""


class Folder(Model):
    id: int | None = Field(default=None, primary_key=True)
    files: Relation[list["File"]] = BackRef()


class File(SoftDelete, Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    folder: Annotated[Folder | None, ForeignKey(related_name="files", nullable=True)] = None


class Draft(SoftDelete, Timestamps, Model):
    __ferro_scope__ = Scope(lambda d: d.secret == False)

    id: int | None = Field(default=None, primary_key=True)
    secret: bool = False
    version: int = Field(version=True)


@pytest.fixture
async def tables(database: AsyncDatabase) -> AsyncDatabase:
    await database.create_tables(Note, Plain, Folder, File, Draft)
    return database


# Timestamps.


async def test_a_new_row_was_made_and_changed_at_the_same_moment(tables: AsyncDatabase) -> None:
    waiting = Note(name="a")
    before = datetime.now(UTC)
    await waiting.save()
    assert before <= waiting.created_at == waiting.updated_at <= datetime.now(UTC)
    assert waiting.created_at.tzinfo is UTC
    assert await Note.get(1) == waiting


async def test_rows_inserted_together_have_one_moment(tables: AsyncDatabase) -> None:
    notes = await Note.bulk_create([Note(name=str(number)) for number in range(3)])
    assert len({moment for note in notes for moment in (note.created_at, note.updated_at)}) == 1
    assert await Note.order_by("id").all() == notes


async def test_a_given_moment_wins(tables: AsyncDatabase) -> None:
    note = await Note.create(name="a", created_at=LONG_AGO)
    assert note.created_at == LONG_AGO < note.updated_at
    note.updated_at = LONG_AGO
    await note.save()
    assert (await Note.get(1)).updated_at == LONG_AGO
    assert await Note.update(updated_at=LONG_AGO, text="x") == 1
    assert (await Note.get(1)).updated_at == LONG_AGO
    other, _ = await Note.bulk_create([Note(name="b", updated_at=LONG_AGO), Note(name="c")])
    assert other.updated_at == LONG_AGO < other.created_at


async def test_each_update_is_stamped(tables: AsyncDatabase) -> None:
    note = await Note.create(name="a", created_at=LONG_AGO, updated_at=LONG_AGO)

    async def was_stamped() -> bool:
        stored = await Note.get(1)
        changed = stored.created_at == LONG_AGO < stored.updated_at
        await Note.update(updated_at=LONG_AGO)
        return changed

    note.text = "b"
    await note.save()
    assert note == await Note.get(1)
    assert await was_stamped()
    await note.refresh()
    note.text = "c"
    await note.save(only={"text"})
    assert note == await Note.get(1)
    assert await was_stamped()
    assert await Note.where(lambda n: n.id == 1).update(text="d") == 1
    assert await was_stamped()
    assert (await Note.query().update_returning(lambda n: {"text": "e"}))[0].updated_at > LONG_AGO
    assert await was_stamped()
    await note.refresh()
    note.text = "f"
    assert await Note.bulk_update([note]) == 1
    assert note == await Note.get(1)
    assert await was_stamped()
    assert await Note.bulk_update([note], ["text"]) == 1
    assert await was_stamped()
    upserted = await Note.upsert(name="a", text="g")
    assert upserted == await Note.get(1)
    assert await was_stamped()
    await Note.update_or_create({"text": "h"}, name="a")
    assert await was_stamped()
    await Note(id=1, name="a", text="i").save(on_conflict="update")
    assert await was_stamped()
    await note.save(on_conflict="update")
    assert note == await Note.get(1)
    assert await was_stamped()


async def test_a_save_without_changes_and_one_that_says_so_stamp_nothing(tables: AsyncDatabase) -> None:
    note = await Note.create(name="a", updated_at=LONG_AGO)
    with sent() as statements:
        await note.save()
        assert await Note.bulk_update([note]) == 0
    assert not any("UPDATE" in text for text in statements)
    note.text = "b"
    await note.save(exclude={"updated_at"})
    assert (await Note.get(1)).updated_at == note.updated_at == LONG_AGO


async def test_a_moment_that_was_assigned_and_left_out_is_still_to_be_saved(tables: AsyncDatabase) -> None:
    note = await Note.create(name="a")
    note.updated_at, note.text = LONG_AGO, "b"
    await note.save(only={"text"})
    assert note.updated_at == LONG_AGO < (await Note.get(1)).updated_at
    await note.save()
    assert (await Note.get(1)).updated_at == LONG_AGO
    note.updated_at, note.text = SOON, "c"
    await Note.bulk_update([note], ["text"])
    assert note.updated_at == SOON != (await Note.get(1)).updated_at
    await note.save()
    assert (await Note.get(1)).updated_at == SOON


class Rack(Model):
    id: int | None = Field(default=None, primary_key=True)
    volumes: Relation[list["Volume"]] = BackRef()
    terms: Relation[list["Term"]] = ManyToMany(related_name="racks", through="TermOnRack")


class Volume(Timestamps, Model):
    id: int | None = Field(default=None, primary_key=True)
    rack: Annotated[Rack | None, ForeignKey(related_name="volumes")] = None
    version: int = Field(version=True)


class Term(Model):
    id: int | None = Field(default=None, primary_key=True)
    racks: Relation[list[Rack]] = BackRef()


class TermOnRack(Timestamps, Model):
    id: int | None = Field(default=None, primary_key=True)
    rack: Annotated[Rack, ForeignKey()]
    term: Annotated[Term, ForeignKey()]


async def test_rows_that_are_moved_and_linked_know_their_moments(database: AsyncDatabase) -> None:
    await database.create_tables(Rack, Volume, Term, TermOnRack)
    rack = await Rack.create()
    volume = await Volume.create(updated_at=LONG_AGO)
    await rack.volumes.add(volume)
    assert volume == await Volume.get(1)
    assert (volume.updated_at > LONG_AGO, volume.rack_id, volume.version) == (True, 1, 2)
    await Volume.update(updated_at=LONG_AGO)
    await volume.refresh()
    await rack.volumes.remove(volume)
    assert volume == await Volume.get(1)
    volume.updated_at = SOON
    await rack.volumes.set(volume)
    assert volume.updated_at == SOON
    await volume.save()
    assert (await Volume.get(1)).updated_at == SOON
    await rack.terms.add(await Term.create(), await Term.create())
    links = await TermOnRack.all()
    assert len({moment for link in links for moment in (link.created_at, link.updated_at)}) == 1


async def test_an_undone_update_takes_its_moment_along(tables: AsyncDatabase) -> None:
    note = await Note.create(name="a", updated_at=LONG_AGO)
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            note.text = "b"
            await note.save()
            raise ZeroDivisionError
    assert note.updated_at == LONG_AGO
    await note.save()
    assert note.updated_at > LONG_AGO


async def test_a_mixin_has_no_colour(tables: AsyncDatabase) -> None:
    plain = await tables.create(Plain, created_at=LONG_AGO)
    plain.text = "b"
    await tables.save(plain)
    assert await tables.get(Plain, 1) == plain
    assert plain.created_at == LONG_AGO < plain.updated_at


async def test_an_undone_save_leaves_the_version_it_was_read_as(tables: AsyncDatabase) -> None:
    draft = await Draft.create()
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            draft.secret = True
            await draft.save()
            raise ZeroDivisionError
    assert draft.version == 1
    await draft.save()
    assert draft.version == 2


# SoftDelete.


async def test_a_deleted_row_stays_and_is_not_seen(tables: AsyncDatabase) -> None:
    file = await File.create(name="a")
    before = datetime.now(UTC)
    assert await file.delete() is True
    assert file.deleted_at is not None
    assert before <= file.deleted_at <= datetime.now(UTC)
    assert await File.count() == 0
    assert await File.get_or_none(1) is None
    assert await File.unscoped().all() == [file]
    assert await file.delete() is False


async def test_a_deleted_row_is_restored(tables: AsyncDatabase) -> None:
    file = await File.create(name="a")
    assert await file.restore() is False
    await file.delete()
    assert await file.restore() is True
    assert file.deleted_at is None
    assert await File.get(1) == file
    assert await tables.delete(file) is True
    assert await tables.restore(file) is True
    assert await File.count() == 1


async def test_a_row_is_deleted_for_good_on_request(tables: AsyncDatabase) -> None:
    file = await File.create(name="a")
    await file.delete()
    assert await file.delete(hard=True) is True
    assert await File.unscoped().count() == 0
    assert await file.restore() is False
    await File.bulk_create([File(name="b"), File(name="c")])
    assert await File.where(lambda f: f.name == "b").delete(hard=True) == 1
    assert await File.unscoped().count() == 1


async def test_a_query_marks_and_restores_the_rows_that_match(tables: AsyncDatabase) -> None:
    await File.bulk_create([File(name=name) for name in "abc"])
    assert await File.where(lambda f: f.name < "c").delete() == 2
    first = await File.unscoped().where(lambda f: f.name == "a").one()
    assert await File.unscoped().delete() == 1
    assert await File.unscoped().where(lambda f: f.name == "a").one() == first
    assert await File.where(lambda f: f.name == "a").restore() == 1
    assert await File.unscoped().restore() == 2
    assert await File.query().restore() == 0
    assert await File.count() == 3


async def test_what_a_query_deletes_comes_back_as_it_is_then(tables: AsyncDatabase) -> None:
    await File.create(name="a")
    assert await File.select("name").delete_returning() == [("a",)]
    await File.query().restore()
    (file,) = await File.query().delete_returning()
    assert file.deleted_at is not None
    assert await file.restore() is True
    (gone,) = await File.query().delete_returning(hard=True)
    assert gone.deleted_at is None
    assert await File.unscoped().count() == 0


async def test_related_rows_are_marked_and_not_seen(tables: AsyncDatabase) -> None:
    folder = await Folder.create()
    await folder.files.create(name="a")
    await folder.files.create(name="b")
    assert await folder.files.where(lambda f: f.name == "a").delete() == 1
    assert [file.name for file in await folder.files.all()] == ["b"]
    assert await folder.files.restore() == 1
    assert await folder.files.count() == 2


async def test_a_deleted_row_keeps_its_unique_values(tables: AsyncDatabase) -> None:
    file = await File.create(name="a")
    await file.delete()
    with pytest.raises(UniqueViolationError):
        await File.create(name="a")
    assert (await File.upsert(name="a")).deleted_at is not None
    assert await File.count() == 0


async def test_looking_for_a_deleted_row_to_be_made_says_what_to_do(tables: AsyncDatabase) -> None:
    file = await File.create(name="a")
    await file.delete()
    known = "a File with these values is there, and the scope of File keeps it out of sight"
    for verb in ("get_or_create", "update_or_create"):
        with pytest.raises(UniqueViolationError) as error:
            await getattr(File, verb)(name="a")
        assert str(error.value) == f"{verb}(): {known}: restore() it, or look for it with File.unscoped()"
    await File.unscoped().where(lambda f: f.name == "a").restore()
    found, made = await File.get_or_create(name="a")
    assert (found.id, made) == (file.id, False)


async def test_deleting_and_restoring_are_updates(tables: AsyncDatabase) -> None:
    draft = await Draft.create(created_at=LONG_AGO, updated_at=LONG_AGO)
    stale = await Draft.get(1)
    await draft.delete()
    assert draft.version == 2
    assert draft.updated_at > LONG_AGO
    assert await Draft.unscoped().one() == draft
    assert await stale.delete() is False
    await draft.restore()
    assert await Draft.get(1) == draft
    with pytest.raises(StaleObjectError, match=r"^Delete failed: Draft 1 was changed by someone else"):
        await stale.delete()
    await Draft.query().delete()
    with pytest.raises(StaleObjectError, match=r"^Restore failed: Draft 1 was changed by someone else"):
        await stale.restore()
    assert (await Draft.unscoped().one()).version == 4


async def test_restoring_keeps_to_the_rest_of_the_scope(tables: AsyncDatabase) -> None:
    await Draft.bulk_create([Draft(), Draft(secret=True)])
    assert await Draft.unscoped().delete() == 2
    assert await Draft.query().restore() == 1
    assert await Draft.unscoped().restore() == 1


async def test_a_row_deleted_in_a_block_that_is_undone_is_not_deleted(tables: AsyncDatabase) -> None:
    file = await File.create(name="a")
    with pytest.raises(ZeroDivisionError):
        async with transaction():
            await file.delete()
            raise ZeroDivisionError
    assert file.deleted_at is None
    assert await File.get(1) == file


async def test_only_models_that_keep_deleted_rows_can_restore(tables: AsyncDatabase) -> None:
    note = await Note.create(name="a")
    message = "restore(): Note does not keep the rows that are deleted: let it inherit from SoftDelete"
    for restore in (note.restore, Note.query().restore):
        with pytest.raises(QueryError) as caught:
            await restore()
        assert str(caught.value) == message
    assert await note.delete(hard=True) is True


# A stamp of one's own.


class Parcel(Model):
    id: int | None = Field(default=None, primary_key=True)
    sent_at: datetime = Field(stamp="created")
    moved_at: datetime | None = Field(default=None, stamp="updated", column="moved")
    lost_at: datetime | None = Field(stamp="deleted")


async def test_a_stamp_has_the_name_its_model_gives_it(database: AsyncDatabase) -> None:
    await database.create_tables(Parcel)
    parcel = await Parcel.create()
    assert parcel.sent_at == parcel.moved_at
    assert parcel.lost_at is None
    await parcel.delete()
    assert await Parcel.count() == 0
    assert await Parcel.unscoped().all() == [parcel]


def test_a_stamp_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(
        ModelDefinitionError, match=r"^Odd.at: stamp is 'read'; it is one of 'created', 'updated', 'del"
    ):

        class Odd(Model):
            id: int | None = Field(default=None, primary_key=True)
            at: datetime = Field(stamp="read")

    with pytest.raises(
        ModelDefinitionError, match=r"^Local.at: a stamp is a moment, so it is a datetime with a time zo"
    ):

        class Local(Model):
            id: int | None = Field(default=None, primary_key=True)
            at: NaiveDatetime = Field(stamp="created")

    with pytest.raises(
        ModelDefinitionError, match=r"^Both.at: a stamp is set by ferro, and db_default by the database"
    ):

        class Both(Model):
            id: int | None = Field(default=None, primary_key=True)
            at: datetime = Field(stamp="created", db_default=LONG_AGO)

    with pytest.raises(ModelDefinitionError, match=r"^Never.at: a row that is not deleted has None in it"):

        class Never(Model):
            id: int | None = Field(default=None, primary_key=True)
            at: datetime = Field(stamp="deleted")

    with pytest.raises(
        ModelDefinitionError, match=r"^Twice: a row is deleted once, and deleted_at and gone_at both say"
    ):

        class Twice(SoftDelete, Model):
            id: int | None = Field(default=None, primary_key=True)
            gone_at: datetime | None = Field(stamp="deleted")
