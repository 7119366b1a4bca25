# Generated from tests/_async/test_mixins.py by scripts/unasync.py: edit that file, never this one.
"""Timestamps and SoftDelete: what ferro writes down, and rows that can be brought back."""

from datetime import UTC, datetime
from typing import Annotated

import pytest
from pydantic import NaiveDatetime
from statements import sent

from ferro.sync import (
    BackRef,
    Database,
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
def tables(database: Database) -> Database:
    database.create_tables(Note, Plain, Folder, File, Draft)
    return database


# Timestamps.


def test_a_new_row_was_made_and_changed_at_the_same_moment(tables: Database) -> None:
    waiting = Note(name="a")
    before = datetime.now(UTC)
    waiting.save()
    assert before <= waiting.created_at == waiting.updated_at <= datetime.now(UTC)
    assert waiting.created_at.tzinfo is UTC
    assert Note.get(1) == waiting


def test_rows_inserted_together_have_one_moment(tables: Database) -> None:
    notes = Note.bulk_create([Note(name=str(number)) for number in range(3)])
    assert len({moment for note in notes for moment in (note.created_at, note.updated_at)}) == 1
    assert Note.order_by("id").all() == notes


def test_a_given_moment_wins(tables: Database) -> None:
    note = Note.create(name="a", created_at=LONG_AGO)
    assert note.created_at == LONG_AGO < note.updated_at
    note.updated_at = LONG_AGO
    note.save()
    assert Note.get(1).updated_at == LONG_AGO
    assert Note.update(updated_at=LONG_AGO, text="x") == 1
    assert Note.get(1).updated_at == LONG_AGO
    other, _ = Note.bulk_create([Note(name="b", updated_at=LONG_AGO), Note(name="c")])
    assert other.updated_at == LONG_AGO < other.created_at


def test_each_update_is_stamped(tables: Database) -> None:
    note = Note.create(name="a", created_at=LONG_AGO, updated_at=LONG_AGO)

    def was_stamped() -> bool:
        stored = Note.get(1)
        changed = stored.created_at == LONG_AGO < stored.updated_at
        Note.update(updated_at=LONG_AGO)
        return changed

    note.text = "b"
    note.save()
    assert note == Note.get(1)
    assert was_stamped()
    note.refresh()
    note.text = "c"
    note.save(only={"text"})
    assert note == Note.get(1)
    assert was_stamped()
    assert Note.where(lambda n: n.id == 1).update(text="d") == 1
    assert was_stamped()
    assert Note.query().update_returning(lambda n: {"text": "e"})[0].updated_at > LONG_AGO
    assert was_stamped()
    note.refresh()
    note.text = "f"
    assert Note.bulk_update([note]) == 1
    assert note == Note.get(1)
    assert was_stamped()
    assert Note.bulk_update([note], ["text"]) == 1
    assert was_stamped()
    upserted = Note.upsert(name="a", text="g")
    assert upserted == Note.get(1)
    assert was_stamped()
    Note.update_or_create({"text": "h"}, name="a")
    assert was_stamped()
    Note(id=1, name="a", text="i").save(on_conflict="update")
    assert was_stamped()
    note.save(on_conflict="update")
    assert note == Note.get(1)
    assert was_stamped()


def test_a_save_without_changes_and_one_that_says_so_stamp_nothing(tables: Database) -> None:
    note = Note.create(name="a", updated_at=LONG_AGO)
    with sent() as statements:
        note.save()
        assert Note.bulk_update([note]) == 0
    assert not any("UPDATE" in text for text in statements)
    note.text = "b"
    note.save(exclude={"updated_at"})
    assert Note.get(1).updated_at == note.updated_at == LONG_AGO


def test_a_moment_that_was_assigned_and_left_out_is_still_to_be_saved(tables: Database) -> None:
    note = Note.create(name="a")
    note.updated_at, note.text = LONG_AGO, "b"
    note.save(only={"text"})
    assert note.updated_at == LONG_AGO < Note.get(1).updated_at
    note.save()
    assert Note.get(1).updated_at == LONG_AGO
    note.updated_at, note.text = SOON, "c"
    Note.bulk_update([note], ["text"])
    assert note.updated_at == SOON != Note.get(1).updated_at
    note.save()
    assert Note.get(1).updated_at == SOON


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


def test_rows_that_are_moved_and_linked_know_their_moments(database: Database) -> None:
    database.create_tables(Rack, Volume, Term, TermOnRack)
    rack = Rack.create()
    volume = Volume.create(updated_at=LONG_AGO)
    rack.volumes.add(volume)
    assert volume == Volume.get(1)
    assert (volume.updated_at > LONG_AGO, volume.rack_id, volume.version) == (True, 1, 2)
    Volume.update(updated_at=LONG_AGO)
    volume.refresh()
    rack.volumes.remove(volume)
    assert volume == Volume.get(1)
    volume.updated_at = SOON
    rack.volumes.set(volume)
    assert volume.updated_at == SOON
    volume.save()
    assert Volume.get(1).updated_at == SOON
    rack.terms.add(Term.create(), Term.create())
    links = TermOnRack.all()
    assert len({moment for link in links for moment in (link.created_at, link.updated_at)}) == 1


def test_an_undone_update_takes_its_moment_along(tables: Database) -> None:
    note = Note.create(name="a", updated_at=LONG_AGO)
    with pytest.raises(ZeroDivisionError):
        with transaction():
            note.text = "b"
            note.save()
            raise ZeroDivisionError
    assert note.updated_at == LONG_AGO
    note.save()
    assert note.updated_at > LONG_AGO


def test_a_mixin_has_no_colour(tables: Database) -> None:
    plain = tables.create(Plain, created_at=LONG_AGO)
    plain.text = "b"
    tables.save(plain)
    assert tables.get(Plain, 1) == plain
    assert plain.created_at == LONG_AGO < plain.updated_at


def test_an_undone_save_leaves_the_version_it_was_read_as(tables: Database) -> None:
    draft = Draft.create()
    with pytest.raises(ZeroDivisionError):
        with transaction():
            draft.secret = True
            draft.save()
            raise ZeroDivisionError
    assert draft.version == 1
    draft.save()
    assert draft.version == 2


# SoftDelete.


def test_a_deleted_row_stays_and_is_not_seen(tables: Database) -> None:
    file = File.create(name="a")
    before = datetime.now(UTC)
    assert file.delete() is True
    assert file.deleted_at is not None
    assert before <= file.deleted_at <= datetime.now(UTC)
    assert File.count() == 0
    assert File.get_or_none(1) is None
    assert File.unscoped().all() == [file]
    assert file.delete() is False


def test_a_deleted_row_is_restored(tables: Database) -> None:
    file = File.create(name="a")
    assert file.restore() is False
    file.delete()
    assert file.restore() is True
    assert file.deleted_at is None
    assert File.get(1) == file
    assert tables.delete(file) is True
    assert tables.restore(file) is True
    assert File.count() == 1


def test_a_row_is_deleted_for_good_on_request(tables: Database) -> None:
    file = File.create(name="a")
    file.delete()
    assert file.delete(hard=True) is True
    assert File.unscoped().count() == 0
    assert file.restore() is False
    File.bulk_create([File(name="b"), File(name="c")])
    assert File.where(lambda f: f.name == "b").delete(hard=True) == 1
    assert File.unscoped().count() == 1


def test_a_query_marks_and_restores_the_rows_that_match(tables: Database) -> None:
    File.bulk_create([File(name=name) for name in "abc"])
    assert File.where(lambda f: f.name < "c").delete() == 2
    first = File.unscoped().where(lambda f: f.name == "a").one()
    assert File.unscoped().delete() == 1
    assert File.unscoped().where(lambda f: f.name == "a").one() == first
    assert File.where(lambda f: f.name == "a").restore() == 1
    assert File.unscoped().restore() == 2
    assert File.query().restore() == 0
    assert File.count() == 3


def test_what_a_query_deletes_comes_back_as_it_is_then(tables: Database) -> None:
    File.create(name="a")
    assert File.select("name").delete_returning() == [("a",)]
    File.query().restore()
    (file,) = File.query().delete_returning()
    assert file.deleted_at is not None
    assert file.restore() is True
    (gone,) = File.query().delete_returning(hard=True)
    assert gone.deleted_at is None
    assert File.unscoped().count() == 0


def test_related_rows_are_marked_and_not_seen(tables: Database) -> None:
    folder = Folder.create()
    folder.files.create(name="a")
    folder.files.create(name="b")
    assert folder.files.where(lambda f: f.name == "a").delete() == 1
    assert [file.name for file in folder.files.all()] == ["b"]
    assert folder.files.restore() == 1
    assert folder.files.count() == 2


def test_a_deleted_row_keeps_its_unique_values(tables: Database) -> None:
    file = File.create(name="a")
    file.delete()
    with pytest.raises(UniqueViolationError):
        File.create(name="a")
    assert File.upsert(name="a").deleted_at is not None
    assert File.count() == 0


def test_looking_for_a_deleted_row_to_be_made_says_what_to_do(tables: Database) -> None:
    file = File.create(name="a")
    file.delete()
    known = "a File with these values is there, and the scope of File keeps it out of sight"
    for verb in ("get_or_create", "update_or_create"):
        with pytest.raises(UniqueViolationError) as error:
            getattr(File, verb)(name="a")
        assert str(error.value) == f"{verb}(): {known}: restore() it, or look for it with File.unscoped()"
    File.unscoped().where(lambda f: f.name == "a").restore()
    found, made = File.get_or_create(name="a")
    assert (found.id, made) == (file.id, False)


def test_deleting_and_restoring_are_updates(tables: Database) -> None:
    draft = Draft.create(created_at=LONG_AGO, updated_at=LONG_AGO)
    stale = Draft.get(1)
    draft.delete()
    assert draft.version == 2
    assert draft.updated_at > LONG_AGO
    assert Draft.unscoped().one() == draft
    assert stale.delete() is False
    draft.restore()
    assert Draft.get(1) == draft
    with pytest.raises(StaleObjectError, match=r"^Delete failed: Draft 1 was changed by someone else"):
        stale.delete()
    Draft.query().delete()
    with pytest.raises(StaleObjectError, match=r"^Restore failed: Draft 1 was changed by someone else"):
        stale.restore()
    assert Draft.unscoped().one().version == 4


def test_restoring_keeps_to_the_rest_of_the_scope(tables: Database) -> None:
    Draft.bulk_create([Draft(), Draft(secret=True)])
    assert Draft.unscoped().delete() == 2
    assert Draft.query().restore() == 1
    assert Draft.unscoped().restore() == 1


def test_a_row_deleted_in_a_block_that_is_undone_is_not_deleted(tables: Database) -> None:
    file = File.create(name="a")
    with pytest.raises(ZeroDivisionError):
        with transaction():
            file.delete()
            raise ZeroDivisionError
    assert file.deleted_at is None
    assert File.get(1) == file


def test_only_models_that_keep_deleted_rows_can_restore(tables: Database) -> None:
    note = Note.create(name="a")
    message = "restore(): Note does not keep the rows that are deleted: let it inherit from SoftDelete"
    for restore in (note.restore, Note.query().restore):
        with pytest.raises(QueryError) as caught:
            restore()
        assert str(caught.value) == message
    assert note.delete(hard=True) is True


# A stamp of one's own.


class Parcel(Model):
    id: int | None = Field(default=None, primary_key=True)
    sent_at: datetime = Field(stamp="created")
    moved_at: datetime | None = Field(default=None, stamp="updated", column="moved")
    lost_at: datetime | None = Field(stamp="deleted")


def test_a_stamp_has_the_name_its_model_gives_it(database: Database) -> None:
    database.create_tables(Parcel)
    parcel = Parcel.create()
    assert parcel.sent_at == parcel.moved_at
    assert parcel.lost_at is None
    parcel.delete()
    assert Parcel.count() == 0
    assert Parcel.unscoped().all() == [parcel]


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
