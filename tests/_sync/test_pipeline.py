# Generated from tests/_async/test_pipeline.py by scripts/unasync.py: edit that file, never this one.
"""Pipelines: calls that are sent together, each with an answer of its own."""

from typing import Annotated

import pytest

from ferro.sync import (
    BackRef,
    Database,
    Field,
    ForeignKey,
    InterfaceError,
    Model,
    ModelDoesNotExist,
    QueryError,
    Relation,
    TransactionAborted,
    TransactionError,
    UniqueViolationError,
    connect,
    pipeline,
    session,
    transaction,
)


class PipedShelf(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    pots: Relation[list["PipedPot"]] = BackRef()


class PipedPot(Model):
    id: int | None = Field(default=None, primary_key=True)
    label: str
    shelf: Annotated[PipedShelf, ForeignKey(related_name="pots")]


class PipedNote(Model):
    id: int | None = Field(default=None, primary_key=True)
    text: str
    told: list[str] = Field(default=[])

    def before_save(self) -> None:
        self.told = [*self.told, "before"]

    def after_save(self) -> None:
        self.text += " (saved)"


@pytest.fixture(autouse=True)
def shelves(database: Database):
    database.create_tables(PipedShelf, PipedPot, PipedNote)
    PipedShelf.bulk_create([PipedShelf(name="top"), PipedShelf(name="middle")])
    PipedPot.bulk_create([PipedPot(label=label, shelf_id=1) for label in ("jam", "honey")])


def names() -> list[str]:
    return PipedShelf.select(lambda s: s.name).order_by("name").all()


def test_each_call_has_its_answer_when_the_block_ends(database):
    with database.pipeline() as pipe:
        top = pipe.get(PipedShelf, 1)
        missing = pipe.get_or_none(PipedShelf, 99)
        shelves = pipe.all(PipedShelf.order_by("-name"))
        first = pipe.first(PipedShelf.order_by("name"))
        one = pipe.one(PipedShelf.where(lambda s: s.name == "top"))
        none = pipe.one_or_none(PipedShelf.where(lambda s: s.name == "cellar"))
        labels = pipe.all(PipedPot.select(lambda p: p.label).order_by("label"))
        count = pipe.count(PipedPot.where(lambda p: p.shelf.name == "top"))
        exists = pipe.exists(PipedPot.where(lambda p: p.label == "salt"))
        rows = pipe.fetch_all("SELECT name FROM pipedshelf ORDER BY id")
        row = pipe.fetch_one("SELECT count(*) AS n FROM pipedpot")
    assert (top.value.name, missing.value) == ("top", None)
    assert [shelf.name for shelf in shelves.value] == ["top", "middle"]
    assert first.value is not None
    assert (first.value.name, one.value.id, none.value) == ("middle", 1, None)
    assert (labels.value, count.value, exists.value) == (["honey", "jam"], 2, False)
    assert rows.value == [{"name": "top"}, {"name": "middle"}]
    assert row.value == {"n": 2}


def test_what_is_included_comes_with_it(database):
    top = PipedShelf.get(1)
    with pipeline() as pipe:
        shelves = pipe.all(PipedShelf.order_by("id").include(lambda s: s.pots))
        pots = pipe.all(PipedPot.order_by("id").include(lambda p: p.shelf))
        of_top = pipe.all(top.pots.order_by("id"))
    assert [[pot.label for pot in shelf.pots] for shelf in shelves.value] == [["jam", "honey"], []]
    assert [pot.shelf.name for pot in pots.value] == ["top", "top"]
    assert [pot.label for pot in of_top.value] == ["jam", "honey"]


def test_the_calls_are_made_in_their_order(database):
    pot = PipedPot.get(1)
    pot.label = "marmalade"
    with pipeline() as pipe:
        before = pipe.count(PipedShelf.order_by("id"))
        low = pipe.create(PipedShelf, name="low")
        saved = pipe.save(pot)
        changed = pipe.update_rows(PipedPot.where(lambda p: p.label == "honey"), label="wax")
        deleted = pipe.delete_rows(PipedShelf.where(lambda s: s.name == "middle"))
        ran = pipe.execute("UPDATE pipedshelf SET name = 'attic' WHERE name = 'top'")
        after = pipe.all(PipedShelf.select(lambda s: s.name).order_by("name"))
    assert (before.value, saved.value, changed.value, deleted.value, ran.value) == (2, None, 1, 1, 1)
    assert after.value == ["attic", "low"]
    assert low.value.id == 3
    assert names() == ["attic", "low"]
    assert PipedPot.select(lambda p: p.label).order_by("id").all() == ["marmalade", "wax"]
    with pipeline() as pipe:
        gone = pipe.delete(low.value)
        refreshed = pipe.refresh(pot)
    assert (gone.value, refreshed.value) == (True, None)
    assert names() == ["attic"]


def test_one_that_fails_undoes_no_other(database):
    with pytest.raises(UniqueViolationError):
        with pipeline() as pipe:
            low = pipe.create(PipedShelf, name="low")
            again = pipe.create(PipedShelf, name="top")
            missing = pipe.get(PipedShelf, 99)
            cellar = pipe.create(PipedShelf, name="cellar")
    assert names() == ["cellar", "low", "middle", "top"]
    assert (low.value.name, cellar.value.name) == ("low", "cellar")
    assert isinstance(again.error, UniqueViolationError)
    with pytest.raises(ModelDoesNotExist, match="PipedShelf"):
        print(missing.value)


def test_in_a_transaction_nothing_of_it_counts_after_an_error(database):
    with pytest.raises(UniqueViolationError):
        with transaction(), pipeline() as pipe:
            pipe.create(PipedShelf, name="low")
            pipe.create(PipedShelf, name="top")
            after = pipe.create(PipedShelf, name="cellar")
    assert isinstance(after.error, TransactionAborted)
    assert names() == ["middle", "top"]
    with transaction():
        with pytest.raises(UniqueViolationError):
            with transaction(), pipeline() as pipe:
                pipe.create(PipedShelf, name="low")
                pipe.create(PipedShelf, name="top")
        with pipeline() as pipe:
            pipe.create(PipedShelf, name="cellar")
            pipe.create(PipedShelf, name="attic")
    assert names() == ["attic", "cellar", "middle", "top"]


def test_of_a_block_that_fails_nothing_is_sent(database):
    with pytest.raises(ZeroDivisionError):
        with pipeline() as pipe:
            low = pipe.create(PipedShelf, name="low")
            print(1 / 0)
    assert names() == ["middle", "top"]
    with pytest.raises(InterfaceError, match="ended with an error"):
        print(low.value)


def test_bad_input_is_seen_before_anything_is_sent(database):
    with pytest.raises(ValueError, match="name"):
        with pipeline() as pipe:
            pipe.create(PipedShelf, name="low")
            pipe.create(PipedShelf, name=None)
    with pytest.raises(
        QueryError, match=r"^a pipeline takes queries, such as User\.query\(\) or User\.where\(\.\.\.\), not"
    ):
        with pipeline() as pipe:
            pipe.create(PipedShelf, name="low")
            pipe.count(PipedShelf)
    with pytest.raises(QueryError, match="cannot keep to limit"):
        with pipeline() as pipe:
            pipe.create(PipedShelf, name="low")
            pipe.update_rows(PipedShelf.order_by("name").limit(1), name="first")
    with pytest.raises(QueryError, match="PipedShelf"):
        with pipeline() as pipe:
            pipe.create(PipedShelf, name="low")
            pipe.get(PipedShelf, "one")
    assert names() == ["middle", "top"]


def test_an_answer_is_not_there_before_the_end(database):
    with pipeline() as pipe:
        top = pipe.get(PipedShelf, 1)
        with pytest.raises(InterfaceError, match="when its block has ended"):
            print(top.value)
    assert top.value.name == "top"


def test_a_pipeline_is_one_block(database):
    unused = database.pipeline()
    with pytest.raises(InterfaceError, match="inside its block"):
        unused.get(PipedShelf, 1)
    with unused as pipe:
        pass
    with pytest.raises(InterfaceError, match="inside its block"):
        pipe.get(PipedShelf, 1)
    with pytest.raises(InterfaceError, match="make another one"):
        with unused:
            pass


def test_a_query_of_another_database_has_no_place_in_it(database):
    with connect("sqlite::memory:", default=False, name="piped_other") as other:
        other.create_tables(PipedShelf)
        with pipeline(using=other) as pipe:
            here = pipe.count(PipedShelf.where(lambda s: s.id > 0))
            with pytest.raises(QueryError, match="and the pipeline of 'piped_other'"):
                pipe.count(database.query(PipedShelf))
        assert here.value == 0


def test_rows_are_locked_in_a_transaction_only(database):
    with pipeline() as pipe:
        with pytest.raises(TransactionError, match="open a transaction"):
            pipe.all(PipedShelf.where(lambda s: s.id == 1).for_update())


def test_hooks_are_called(database):
    with pipeline() as pipe:
        note = pipe.create(PipedNote, text="one")
        other = pipe.create(PipedNote, text="two")
    assert (note.value.text, other.value.text) == ("one (saved)", "two (saved)")
    assert PipedNote.select("text", "told").order_by("id").all() == [("one", ["before"]), ("two", ["before"])]


@pytest.mark.parametrize(
    ("chosen", "saved"),
    [({}, ("two", ["before"])), ({"only": ["told"]}, ("one", ["before"])), ({"exclude": ["told"]}, ("two", []))],
)
def test_what_a_hook_assigns_to_a_row_that_is_there_is_saved_too(database, chosen, saved):
    PipedNote.upsert(id=1, text="one")
    note = PipedNote.get(1)
    note.text = "two"
    with pipeline() as pipe:
        pipe.save(note, **{option: iter(names) for option, names in chosen.items()})
    assert PipedNote.select("text", "told").all() == [saved]


def test_what_cannot_be_saved_is_refused_at_once_where_there_is_a_hook(database):
    note = PipedNote.create(text="one")
    with pytest.raises(QueryError, match="only= is empty"):
        with pipeline() as pipe:
            pipe.create(PipedShelf, name="low")
            pipe.save(note, only=[])
    assert names() == ["middle", "top"]


def test_a_new_row_is_inserted_once(database):
    low = PipedShelf(name="low")
    with pytest.raises(QueryError, match="^this PipedShelf is new, and this pipeline inserts it already"):
        with pipeline() as pipe:
            pipe.save(low)
            pipe.save(low)
    assert names() == ["middle", "top"]
    with pipeline() as pipe:
        pipe.save(low)
    low.name = "lower"
    with pipeline() as pipe:
        pipe.save(low)
        pipe.save(low)
    assert names() == ["lower", "middle", "top"]


def test_in_a_session_a_row_is_one_object(database):
    with session():
        held = PipedShelf.get(1)
        with pipeline() as pipe:
            again = pipe.get(PipedShelf, 1)
            found = pipe.all(PipedShelf.order_by("id"))
        assert again.value is held
        assert found.value[0] is held


def test_there_may_be_many_calls_and_much_in_them(database):
    for turn in range(3):
        with pipeline() as pipe:
            made = [pipe.create(PipedShelf, name=f"{turn} {at} " + "x" * 2000) for at in range(200)]
            found = [pipe.all(PipedShelf.order_by("id").limit(50)) for _ in range(50)]
        assert [shelf.value.name[:6].split()[1] for shelf in made] == [str(at) for at in range(200)]
        assert {len(shelves.value) for shelves in found} == {50}
    assert len(names()) == 602


def test_an_empty_one_does_nothing(database):
    with pipeline():
        pass
    assert names() == ["middle", "top"]


@pytest.mark.backends("postgres")
def test_a_plan_that_a_change_of_the_schema_spoilt_is_made_anew(database):
    for kind in ("varchar(40)", "text"):
        for _ in range(5):
            with pipeline() as pipe:
                top = pipe.get(PipedShelf, 1)
                shelves = pipe.all(PipedShelf.order_by("id"))
            assert (top.value.name, len(shelves.value)) == ("top", 2)
        database.execute(f"ALTER TABLE pipedshelf ALTER COLUMN name TYPE {kind}")


@pytest.mark.backends("postgres")
def test_every_call_has_the_settings_of_the_session(database):
    with session(settings={"app.tenant": "7"}), pipeline() as pipe:
        tenants = [pipe.fetch_one("SELECT current_setting('app.tenant', true) AS tenant") for _ in range(3)]
    assert [tenant.value for tenant in tenants] == [{"tenant": "7"}] * 3


def test_long_answers_of_several_calls_do_not_get_in_each_others_way(database: Database):
    PipedShelf.bulk_create([PipedShelf(name=f"shelf {number:03}") for number in range(300)])
    for shelf in (2, 3):
        PipedPot.bulk_create([PipedPot(label=f"pot {number:03}", shelf_id=shelf) for number in range(900)])
    one = PipedShelf.where(lambda s: s.id == 2).include(lambda s: s.pots)
    many = PipedShelf.where(lambda s: s.id > 2).order_by("id").include(lambda s: s.pots)
    for _ in range(4):
        with pipeline() as pipe:
            first, second, third = pipe.all(one), pipe.all(many), pipe.all(PipedPot.order_by("id"))
        assert [len(shelf.pots) for shelf in first.value] == [900]
        assert [len(shelf.pots) for shelf in second.value] == [900, *[0] * 299]
        assert [pot.id for pot in third.value] == list(range(1, 1803))
