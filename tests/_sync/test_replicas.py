# Generated from tests/_async/test_replicas.py by scripts/unasync.py: edit that file, never this one.
"""Replicas: which database answers which statement, what a dead one does, and reads that see the writes before them."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from proxy import Wire

from ferro.sync import (
    Database,
    Field,
    Model,
    OptionError,
    check_connection,
    connect,
    reset_engine,
    session,
    transaction,
)


class Note(Model):
    id: int | None = Field(default=None, primary_key=True)
    text: str = Field(unique=True)


PLACES = ("primary", "one", "two")


@pytest.fixture(autouse=True)
def nothing_is_left_connected():
    yield
    reset_engine()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Database]:
    """Give the test a database with two replicas; a row tells which one it was read from."""
    with connect(f"sqlite:{tmp_path}/primary.db?mode=rwc", default=False) as database:
        database.create_tables(Note)
        database.create(Note, text="primary")
    for name in ("one", "two"):
        shutil.copy(tmp_path / "primary.db", tmp_path / f"{name}.db")
        with connect(f"sqlite:{tmp_path}/{name}.db", default=False) as copy:
            copy.execute("UPDATE note SET text = ?", name)
    urls = [f"sqlite:{tmp_path}/{name}.db" for name in ("one", "two")]
    with connect(f"sqlite:{tmp_path}/primary.db", replicas=urls) as database:
        yield database


def where() -> str:
    return Note.get(1).text


def test_reads_go_to_the_replicas_in_turn(site):
    assert Counter([where() for _ in range(10)]) == {"one": 5, "two": 5}
    assert sorted([site.fetch_all("SELECT text FROM note")[0]["text"] for _ in range(2)]) == ["one", "two"]
    streamed: set[str] = set()
    for _ in range(2):
        for note in Note.where(lambda n: n.id == 1).stream():
            streamed.add(note.text)
    assert streamed == {"one", "two"}


def test_writes_and_transactions_go_to_the_primary(site):
    Note.create(text="new")
    assert Note.where(lambda n: n.text == "new").count() == 0
    with transaction():
        assert where() == "primary"
        assert Note.where(lambda n: n.text == "new").count() == 1
        assert Note.where(lambda n: n.id == 1).for_update().one().text == "primary"
    Note.bulk_create([Note(text=f"n{at}") for at in range(300)])
    with site.primary():
        assert Note.count() == 302
    assert site.query(Note).count() == 1
    assert check_connection()


def test_an_operation_that_reads_and_then_writes_ends_on_the_primary(site):
    Note.create(text="there")
    # No replica has the row, and the primary has it already.
    found, made = Note.get_or_create(text="there")
    assert (found.id, made) == (2, False)
    assert Note.get_or_create(text="brand new")[1] is True


def test_in_a_session_reads_see_the_writes_before_them(site):
    with session():
        assert where() in ("one", "two")
        Note.create(text="new")
        assert where() == "primary"
        assert Note.where(lambda n: n.text == "new").count() == 1
    assert where() in ("one", "two")
    with session():
        with transaction():
            assert where() == "primary"
        assert where() in ("one", "two")
        with transaction():
            Note.create(text="newer")
        assert where() == "primary"


def test_the_primary_can_be_asked_for(site):
    with site.primary() as same:
        assert same is site
        assert [where() for _ in range(4)] == ["primary"] * 4
        for note in Note.where(lambda n: n.id == 1).stream():
            assert note.text == "primary"


@pytest.mark.parametrize("found_dead", ["when connecting", "when reading"])
def test_a_dead_replica_is_passed_over_and_tried_again_later(tmp_path, monkeypatch, found_dead):
    clock = [1000.0]
    monkeypatch.setattr("ferro._sync.replicas.monotonic", lambda: clock[0])
    with connect(f"sqlite:{tmp_path}/primary.db?mode=rwc", default=False) as database:
        database.create_tables(Note)
        database.create(Note, text="primary")
    shutil.copy(tmp_path / "primary.db", tmp_path / "spare.db")
    with connect(f"sqlite:{tmp_path}/spare.db", default=False) as spare:
        spare.execute("UPDATE note SET text = 'late'")
    with connect(f"sqlite:{tmp_path}/primary.db", replicas=[f"sqlite:{tmp_path}/late.db"]):
        if found_dead == "when reading":
            clock[0] += 6
            assert where() == "primary"
        shutil.copy(tmp_path / "spare.db", tmp_path / "late.db")
        assert where() == "primary"
        clock[0] += 6
        assert where() == "late"


@pytest.mark.backends("postgres")
def test_a_read_whose_replica_dies_under_it_is_asked_again_elsewhere(database_url):
    with connect(database_url, default=False) as first:
        first.create_tables(Note)
        first.create(Note, text="primary")
    wire = Wire(database_url)
    try:
        with connect(database_url, replicas=[wire.url]):
            assert where() == "primary"
            # The question arrives; the answer does not.
            wire.cut_at_answer = b"primary"
            assert where() == "primary"
            wire.cut_at_answer = b""
            with session():
                Note.create(text="more")
                assert Note.count() == 2
    finally:
        wire.close()


def test_a_replica_that_refuses_is_passed_over_in_the_middle(tmp_path, database_url):
    with connect(database_url, default=False) as first:
        first.create_tables(Note)
        first.create(Note, text="primary")
    dead = f"sqlite:{tmp_path}/gone.db" if database_url.startswith("sqlite") else "postgresql://nobody@127.0.0.1:1/none"
    with connect(database_url, replicas=[dead, database_url]):
        assert [where() for _ in range(4)] == ["primary"] * 4
        for note in Note.where(lambda n: n.id == 1).stream():
            assert note.text == "primary"


def test_a_replica_is_only_read(site, tmp_path):
    assert [replica.pool.address.mode for replica in site.replicas.in_turn()] == ["ro", "ro"]


def test_replicas_are_urls_of_the_same_kind(tmp_path):
    url = f"sqlite:{tmp_path}/primary.db?mode=rwc"
    with pytest.raises(OptionError, match="replicas= takes a list of URLs, not a str"):
        connect(url, replicas=url)
    with pytest.raises(OptionError, match=r"^postgresql://ann:\*\*\*@db/shop cannot be a replica of sqlite:"):
        connect(url, replicas=["postgresql://ann:s3cret@db/shop"])
    with pytest.raises(OptionError, match="cannot be a replica"):
        connect(url, replicas=["sqlite::memory:"])
