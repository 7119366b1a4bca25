# Generated from tests/_async/test_connections.py by scripts/unasync.py: edit that file, never this one.
"""Several databases: names, the default one, where an instance's calls go, and handles that only read."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pytest
from pydantic import ValidationError

from ferro._concurrency._sync import PACKAGE
from ferro.sync import (
    BackRef,
    Database,
    Field,
    ForeignKey,
    InterfaceError,
    ManyToMany,
    Model,
    ModelConnection,
    NoDatabaseError,
    OperationalError,
    OptionError,
    PoolConfig,
    QueryError,
    Relation,
    connect,
    create_tables,
    execute,
    fetch_all,
    fetch_one,
    reset_engine,
    set_default_connection,
    transaction,
    using,
)


class Writer(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    novels: Relation[list["Novel"]] = BackRef()
    drafts: Relation[list["Novel"]] = ManyToMany(related_name="drafted_by")


class Novel(Model):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    writer: Annotated[Writer, ForeignKey(related_name="novels")]
    drafted_by: Relation[list[Writer]] = BackRef()


@pytest.fixture(autouse=True)
def nothing_is_left_connected():
    yield
    reset_engine()


@pytest.fixture
def main(database_url: str) -> Iterator[Database]:
    with connect(database_url, name="main", default=True) as connected:
        connected.create_tables(Writer, Novel)
        yield connected


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Database]:
    with connect(f"sqlite:{tmp_path}/archive.db?mode=rwc", name="archive") as connected:
        connected.create_tables(Writer, Novel)
        yield connected


# Names.


@pytest.mark.parametrize("name", ["", "a b", "a-b", "é", "a.b", "x\n", '"; DROP TABLE x; --', 7])
def test_a_name_is_made_of_letters_digits_and_underscores(name):
    with pytest.raises(OptionError, match=re.escape(f"cannot be named {name!r}: use letters, digits and _")):
        connect("sqlite::memory:", name=name)


def test_a_name_is_used_once_and_free_again_when_its_database_is_closed(tmp_path):
    first = connect("sqlite::memory:", name="first")
    with pytest.raises(OptionError, match=r"a connection named 'first' is already registered \(sqlite::memory:\)"):
        connect("sqlite::memory:", name="first")
    first.close()
    with connect("sqlite::memory:", name="first") as again:
        assert again.name == "first"


def test_a_name_that_nobody_has_is_an_error_that_names_the_others(main):
    with pytest.raises(OptionError, match="^no connection is named 'mian': there are 'main'$"):
        Writer.using("mian")
    with pytest.raises(OptionError, match="^no connection is named 'mian': there are 'main'$"):
        set_default_connection("mian")


def test_a_connection_with_a_name_is_not_the_default(archive):
    with pytest.raises(NoDatabaseError, match="^No default connection selected: there are 'archive'; choose one with "):
        Writer.all()
    set_default_connection("archive")
    assert Writer.all() == []


def test_replacing_the_default_closes_it_unless_it_has_a_name(main, tmp_path):
    nameless = connect(f"sqlite:{tmp_path}/nameless.db?mode=rwc")
    other = connect(f"sqlite:{tmp_path}/other.db?mode=rwc")
    with pytest.raises(InterfaceError, match="is closed"):
        nameless.fetch_one("SELECT 1 AS one")
    assert main.query(Writer).count() == 0
    other.close()


def test_a_database_that_was_the_default_is_dropped_with_the_others(archive, database_url):
    nameless = connect(database_url)
    set_default_connection("archive")
    nameless.fetch_one("SELECT 1 AS one")
    reset_engine()
    for database in (nameless, archive):
        with pytest.raises(InterfaceError, match="is closed"):
            database.fetch_one("SELECT 1 AS one")


def test_closing_the_default_leaves_the_others(main, archive):
    main.close()
    assert Writer.using("archive").all() == []
    with pytest.raises(NoDatabaseError, match="No default connection selected"):
        Writer.all()


# Going to a certain one.


class Named(NamedTuple):
    name: str


def arguments(verb: object) -> list[tuple[str, object, object]]:
    assert callable(verb)
    parameters = inspect.signature(verb).parameters.values()
    return [(each.name, each.kind, each.default) for each in parameters if each.name not in ("self", "using")]


VERBS = sorted(name for name in vars(Model) if name[0] != "_" and inspect.ismethod(getattr(Model, name)))


@pytest.mark.parametrize("name", [name for name in VERBS if name != "using"])
def test_a_verb_of_the_class_is_on_the_bound_model_with_the_same_arguments(name):
    assert arguments(getattr(ModelConnection, name)) == arguments(getattr(Model, name))


def test_every_way_of_reading_goes_to_the_bound_database(main, archive):
    Writer.create(name="Main")
    writers = Writer.using("archive")
    ann = writers.create(name="Ann")
    assert writers.sum(lambda w: w.id) == ann.id
    assert writers.avg(lambda w: w.id) == ann.id
    assert writers.min(lambda w: w.name) == writers.max(lambda w: w.name) == "Ann"
    assert [writer.name for writer in writers.page(1, 10).rows] == ["Ann"]
    assert [writer.name for writer in writers.stream()] == ["Ann"]
    assert writers.values("name").all() == [{"name": "Ann"}]
    assert writers.select(lambda w: (w.name,), into=Named).all() == [Named("Ann")]
    for query in (writers.unscoped(), writers.filter_by(name="Ann"), writers.distinct(), writers.offset(0)):
        assert [writer.name for writer in query.all()] == ["Ann"]
    assert [list(writer.novels) for writer in writers.include(lambda w: w.novels).all()] == [[]]
    assert writers.update(name="Bea") == 1
    assert writers.one() == writers.first() == writers.one_or_none()
    assert Writer.one().name == "Main"


def test_a_model_on_a_named_connection_has_every_verb(main, archive):
    writers = Writer.using("archive")
    ann = writers.create(name="Ann")
    (bob,) = writers.bulk_create([Writer(name="Bob")])
    cid, made = writers.get_or_create(name="Cid")
    assert made
    assert writers.update_or_create({"name": "Cyd"}, id=cid.id)[0].name == "Cyd"
    assert writers.upsert(key="name", name="Ann").id == ann.id
    bob.name = "Bea"
    assert writers.bulk_update([bob]) == 1
    assert writers.select(lambda w: w.name).order_by("name").all() == ["Ann", "Bea", "Cyd"]
    assert [writer.name for writer in writers.where(lambda w: w.name != "Ann").order_by("name").all()] == [
        "Bea",
        "Cyd",
    ]
    assert [writer.name for writer in writers.order_by("-name").limit(1).all()] == ["Cyd"]
    assert [writer.name for writer in writers.limit(1).all()] != []
    assert writers.get(ann.id) == ann
    assert writers.get_or_none(999) is None
    assert writers.count() == 3
    assert writers.exists()
    assert writers.first() is not None
    assert len(writers.raw("SELECT * FROM writer")) == 3
    assert len(writers.all()) == 3
    assert Writer.count() == 0


def test_the_calls_take_a_name_or_a_handle(main, archive):
    Writer(name="Ann").save(using="archive")
    Writer.bulk_create([Writer(name="Bob")], using=archive)
    assert len(Writer.all(using="archive")) == 2
    assert execute("UPDATE writer SET name = 'Cid' WHERE name = 'Bob'", using="archive") == 1
    assert fetch_all("SELECT name FROM writer ORDER BY name", using=archive) == [{"name": "Ann"}, {"name": "Cid"}]
    assert fetch_one("SELECT count(*) AS n FROM writer", using="archive") == {"n": 2}
    with transaction(using="archive"):
        assert Writer.count() == 2
    with using("archive") as same:
        assert same is archive
        assert Writer.count() == 2
    assert Writer.count() == 0


def test_tables_are_created_where_the_call_says(main, tmp_path):
    with connect(f"sqlite:{tmp_path}/empty.db?mode=rwc", name="empty"):
        create_tables(Writer, using="empty")
        assert Writer.using("empty").count() == 0


def test_inside_a_transaction_another_connection_is_refused(main, archive):
    foreign = archive.create(Writer, name="Ann")
    expected = "^Operations inside a transaction inherit the transaction connection: this one is on 'main'"
    with transaction():
        with pytest.raises(OptionError, match=expected):
            Writer.all(using="archive")
        with pytest.raises(ValueError, match=expected):
            foreign.save()
        with main.primary(), pytest.raises(OptionError, match=expected):
            foreign.save(using="archive")
        with pytest.raises(OptionError, match=expected):
            with transaction(using="archive"):
                raise AssertionError
        assert Writer.all(using="main") == []
        assert Writer.using(archive).count() == 1


# Where an instance came from.


def test_the_calls_of_an_instance_go_to_the_database_it_came_from(main, archive):
    archive.create(Writer, name="Ann")
    ann = Writer.using("archive").get(1)
    ann.name = "Bea"
    ann.save()
    assert archive.get(Writer, 1).name == "Bea"
    archive.execute("UPDATE writer SET name = 'Cid'")
    ann.refresh()
    assert ann.name == "Cid"
    assert ann.delete() is True
    assert archive.query(Writer).count() == 0


def test_relations_are_read_where_their_owner_came_from(main, archive):
    there = archive.create(Writer, name="Ann")
    archive.create(Novel, title="There", writer=there)
    here = main.create(Writer, name="Ann")
    main.create(Novel, title="Here", writer=here)
    (ann,) = Writer.using("archive").all()
    assert [novel.title for novel in ann.novels.all()] == ["There"]
    assert ann.novels.select(lambda n: n.title).all() == ["There"]
    (novel,) = Novel.using("archive").all()
    assert novel.writer == there
    ann.novels.create(title="More")
    assert (archive.query(Novel).count(), main.query(Novel).count()) == (2, 1)


def test_a_block_or_a_handle_goes_before_where_an_instance_came_from(main, archive):
    archive.create(Writer, name="Ann")
    main.create(Writer, name="Ann")
    ann = Writer.using("archive").get(1)
    ann.name = "Bea"
    with using(main):
        ann.save()
    assert [one.get(Writer, 1).name for one in (main, archive)] == ["Bea", "Ann"]
    ann.name = "Cid"
    ann.save()
    # It was saved to the main database, and belongs there now.
    assert [one.get(Writer, 1).name for one in (main, archive)] == ["Cid", "Ann"]
    ann.refresh(using="archive")
    assert ann.name == "Ann"


def test_an_instance_without_changes_is_not_taken_for_saved_in_another_database(main, archive):
    ann = archive.create(Writer, name="Ann")
    with pytest.raises(QueryError) as caught:
        main.save(ann)
    assert str(caught.value) == (
        "this Writer came from 'archive', and nothing of it has changed that could be saved to 'main': "
        "save(on_conflict='update') writes all of it there, and model_copy(update={'id': None}) is a new Writer"
    )
    archive.save(ann)
    main.save(ann.model_copy(update={"id": None}))
    assert main.query(Writer).select("id", "name").all() == [(1, "Ann")]
    ann.name = "Bea"
    main.save(ann, on_conflict="update")
    assert main.query(Writer).select("id", "name").all() == [(1, "Bea")]
    main.save(ann)


def test_the_calls_of_an_instance_whose_database_is_closed_go_to_no_other_one(main, archive):
    ann = archive.create(Writer, name="Ann")
    novel = archive.create(Novel, title="There", writer=ann)
    (novel,) = archive.query(Novel).all()
    archive.close()
    main.create(Writer, name="Bob")
    del archive
    expected = (
        "^this {} came from 'archive', which is not open in {}, and its row is not that of 'main': connect\\(\\) again, or name "
        r"the database that has it with using\(\)$"
    )
    for call in (ann.refresh, ann.save, ann.delete, ann.novels.all, ann.novels.count):
        with pytest.raises(InterfaceError, match=expected.format("Writer", PACKAGE)):
            call()
    with pytest.raises(InterfaceError, match=expected.format("Novel", PACKAGE)):
        novel.writer
    ann.refresh(using="main")
    assert ann.name == "Bob"
    with using("main"):
        assert novel.writer.name == "Bob"


def test_an_instance_of_a_database_before_this_one_is_not_written_here(tmp_path):
    with connect(f"sqlite:{tmp_path}/before.db?mode=rwc"):
        create_tables(Writer, Novel)
        ann = Writer.create(name="Ann")
    with connect(f"sqlite:{tmp_path}/now.db?mode=rwc") as now:
        create_tables(Writer, Novel)
        Writer.create(name="Bob")
        ann.name = "Cid"
        with pytest.raises(
            InterfaceError, match=f"came from sqlite:{tmp_path}/before.db, which is not open in {PACKAGE}, "
        ):
            ann.save()
        assert [writer.name for writer in Writer.all()] == ["Bob"]
        # Whoever names the database says which row is meant.
        now.save(ann)
        assert [writer.name for writer in Writer.all()] == ["Cid"]


def test_an_instance_whose_database_is_connected_again_belongs_there(main, archive, tmp_path):
    ann = archive.create(Writer, name="Ann")
    archive.close()
    with connect(f"sqlite:{tmp_path}/archive.db", default=True) as again:
        again.execute("UPDATE writer SET name = 'Bea'")
        ann.refresh()
        assert ann.name == "Bea"


def test_an_instance_of_one_database_is_not_referred_to_in_another(main, archive):
    here, there = main.create(Writer, name="Ann"), archive.create(Writer, name="Ann")
    novel = main.create(Novel, title="Here", writer=here)
    expected = (
        "^{}: this {} came from 'archive', and what refers to it is in 'main', where its key is that of another row, or of "
        "none; give the {} of 'main', or the key itself if both have the row$"
    )
    of_writer = expected.format("Novel.writer", "Writer", "Writer")
    with pytest.raises(QueryError, match=of_writer):
        novel.writer = there
    with pytest.raises(QueryError, match=of_writer):
        main.create(Novel, title="x", writer=there)
    with pytest.raises(QueryError, match=of_writer):
        Novel.bulk_create([Novel(title="x", writer=there)])
    foreign = archive.create(Novel, title="There", writer=there)
    for verb in ("add", "remove"):
        with pytest.raises(QueryError, match=expected.format("Writer.drafts", "Novel", "Novel")):
            getattr(here.drafts, verb)(foreign)
    with pytest.raises(QueryError, match=expected.format("Writer.novels", "Novel", "Novel")):
        here.novels.add(foreign)
    assert (novel.writer_id, main.query(Novel).count(), archive.query(Novel).count()) == (here.id, 1, 1)
    novel.writer = there.id
    novel.save()


REFERRING: list[Any] = [
    lambda there: Novel.get_or_create(title="Here", writer=there),
    lambda there: Novel.get_or_create({"writer": there}, title="There"),
    lambda there: Novel.update_or_create({"writer": there}, title="Here"),
    lambda there: Novel.upsert(id=1, title="There", writer=there),
    lambda there: Novel.bulk_upsert([{"id": 1, "title": "There", "writer": there}]),
    lambda there: Novel.update(writer=there),
    lambda there: Novel.update(lambda _: {"writer": there}),
    lambda there: Novel.where(Novel.writer == there).all(),
    lambda there: Novel.where(lambda n: n.writer == there).count(),
    lambda there: Novel.where(lambda n: ~(n.writer == there)).first(),
    lambda there: Novel.filter_by(writer=there).exists(),
    lambda there: Novel.filter_by(writer=there).stream().close(),
    lambda there: Novel.filter_by(writer=there).to_arrow(),
    lambda there: Novel.where(Novel.writer == there).update(title="There"),
    lambda there: Novel.where(Novel.writer == there).delete(),
    lambda there: Writer.where(lambda w: w.novels.any(lambda n: n.writer == there)).all(),
]


@pytest.mark.parametrize("call", REFERRING)
def test_an_instance_of_one_database_tells_no_row_of_another(main, archive, call):
    there = archive.create(Writer, name="Ann")
    main.create(Novel, title="Here", writer=main.create(Writer, name="Bob"))
    with pytest.raises(
        QueryError, match=r"^Novel.writer: this Writer came from 'archive', and what refers to it is in 'main'"
    ):
        call(there)
    with pytest.raises(QueryError, match=r"^Novel.writer: this Writer came from 'archive'"):
        with main.transaction():
            call(there)
    assert [(novel.title, novel.writer_id) for novel in Novel.all()] == [("Here", 1)]


def test_an_instance_that_is_asked_for_tells_the_rows_of_its_own_database(main, archive):
    there = archive.create(Writer, name="Ann")
    archive.create(Novel, title="There", writer=there)
    assert Novel.using(archive).where(Novel.writer == there).update(title="Elsewhere") == 1
    assert Novel.using(archive).get_or_create(title="Elsewhere", writer=there)[1] is False
    assert Novel.using(archive).upsert(id=1, title="There", writer=there).writer is there
    assert archive.query(Writer).where(lambda w: w.novels.any(lambda n: n.writer == there)).count() == 1


def test_an_instance_of_another_handle_of_the_same_database_is_referred_to(main, database_url):
    main.create(Writer, name="Ann")
    with connect(database_url, name="reader", read_only=True):
        ann = Writer.using("reader").get(1)
        novel = main.create(Novel, title="x", writer=ann)
        novel.writer = ann
        novel.save()


def test_a_collection_is_changed_where_its_owner_came_from(main, archive):
    main.create(Writer, name="Here")
    archive.create(Writer, name="There")
    there = Writer.using("archive").query().include("drafts").one()
    made = there.drafts.create(title="first", writer=there)
    (again,) = there.drafts.all()
    assert again.writer_id == made.writer_id
    there.drafts.remove(made)
    there.drafts.add(made.id)
    there.drafts.set(again)
    assert archive.fetch_all("SELECT * FROM writer_drafts") == [{"writer_id": 1, "novel_id": 1}]
    there.drafts.clear()
    again.title = "second"
    again.save()
    made.refresh()
    assert made.title == "second"
    made.delete()
    counts = [database.query(Novel).count() for database in (main, archive)]
    assert (counts, main.fetch_all("SELECT * FROM writer_drafts")) == ([0, 0], [])


def test_an_instance_keeps_no_database_alive_and_its_copies_belong_there_too(main, archive):
    ann = archive.create(Writer, name="Ann").model_copy()
    ann.name = "Bea"
    ann.save()
    assert archive.get(Writer, 1).name == "Bea"


# Options.


def test_a_pool_can_be_described_in_one_object(database_url):
    with connect(database_url, pool=PoolConfig(max_connections=3, min_connections=2)) as database:
        assert (database.pool.options.min_connections, database.pool.options.max_connections) == (2, 3)
    with pytest.raises(ValidationError, match="min_connections is 4, more than max_connections, which is 3"):
        PoolConfig(max_connections=3, min_connections=4)
    with pytest.raises(
        OptionError, match=r"^pool= takes a PoolConfig, not \{'max_connections': 3\}: pool=PoolConfig\("
    ):
        connect(database_url, pool={"max_connections": 3})
    with pytest.raises(OptionError, match="^pool= says how many connections there are: leave min_connections and max"):
        connect(database_url, pool=PoolConfig(), max_connections=4)
    with pytest.raises(ValidationError, match="frozen"):
        PoolConfig().max_connections = 2


def test_a_connection_that_only_reads_refuses_writes(main, database_url):
    main.create(Writer, name="Ann")
    with connect(database_url, name="reader", read_only=True) as reader:
        assert [writer.name for writer in Writer.using("reader").all()] == ["Ann"]
        with pytest.raises(OperationalError, match="(?i)read-?only"):
            Writer.using("reader").create(name="Bob")
        with reader.transaction():
            assert reader.query(Writer).count() == 1
        with pytest.raises(OperationalError, match="(?i)read-?only"):
            with reader.transaction():
                reader.create(Writer, name="Bob")
    assert main.query(Writer).count() == 1


def test_a_database_in_memory_cannot_be_read_only():
    with pytest.raises(OptionError, match="a database in memory begins empty"):
        connect("sqlite::memory:", read_only=True)


class Ward(Model):
    id: int | None = Field(default=None, primary_key=True)
    using: str = "nothing"


def test_a_row_is_not_created_elsewhere_than_it_is_told(main):
    with connect("sqlite::memory:", name="told", default=False) as told:
        told.create_tables(Writer, Ward)
        refusal = (
            r"^create\(\) takes the values of a row, and Writer has no field 'using': Writer\.using\(\.\.\.\)\.create"
        )
        with pytest.raises(OptionError, match=refusal):
            Writer.create(name="ann", using="told")
        with pytest.raises(OptionError, match=refusal):
            with main.pipeline() as pipe:
                pipe.create(Writer, name="ann", using="told")
        Writer.using("told").create(name="ann")
        assert (Writer.count(), Writer.using("told").count()) == (0, 1)
        # A field may have that name.
        assert told.create(Ward, using="much").using == "much"
