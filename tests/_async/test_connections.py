"""Several databases: names, the default one, where an instance's calls go, and handles that only read."""

import inspect
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pytest
from pydantic import ValidationError

from ferro import (
    AsyncDatabase,
    AsyncModelConnection,
    BackRef,
    Field,
    ForeignKey,
    InterfaceError,
    ManyToMany,
    Model,
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
from ferro._concurrency._async import PACKAGE


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
async def main(database_url: str) -> AsyncIterator[AsyncDatabase]:
    async with connect(database_url, name="main", default=True) as connected:
        await connected.create_tables(Writer, Novel)
        yield connected


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[AsyncDatabase]:
    async with connect(f"sqlite:{tmp_path}/archive.db?mode=rwc", name="archive") as connected:
        await connected.create_tables(Writer, Novel)
        yield connected


# Names.


@pytest.mark.parametrize("name", ["", "a b", "a-b", "é", "a.b", "x\n", '"; DROP TABLE x; --', 7])
async def test_a_name_is_made_of_letters_digits_and_underscores(name):
    with pytest.raises(OptionError, match=re.escape(f"cannot be named {name!r}: use letters, digits and _")):
        await connect("sqlite::memory:", name=name)


async def test_a_name_is_used_once_and_free_again_when_its_database_is_closed(tmp_path):
    first = await connect("sqlite::memory:", name="first")
    with pytest.raises(OptionError, match=r"a connection named 'first' is already registered \(sqlite::memory:\)"):
        await connect("sqlite::memory:", name="first")
    await first.close()
    async with connect("sqlite::memory:", name="first") as again:
        assert again.name == "first"


async def test_a_name_that_nobody_has_is_an_error_that_names_the_others(main):
    with pytest.raises(OptionError, match="^no connection is named 'mian': there are 'main'$"):
        Writer.using("mian")
    with pytest.raises(OptionError, match="^no connection is named 'mian': there are 'main'$"):
        set_default_connection("mian")


async def test_a_connection_with_a_name_is_not_the_default(archive):
    with pytest.raises(NoDatabaseError, match="^No default connection selected: there are 'archive'; choose one with "):
        await Writer.all()
    set_default_connection("archive")
    assert await Writer.all() == []


async def test_replacing_the_default_closes_it_unless_it_has_a_name(main, tmp_path):
    nameless = await connect(f"sqlite:{tmp_path}/nameless.db?mode=rwc")
    other = await connect(f"sqlite:{tmp_path}/other.db?mode=rwc")
    with pytest.raises(InterfaceError, match="is closed"):
        await nameless.fetch_one("SELECT 1 AS one")
    assert await main.query(Writer).count() == 0
    await other.close()


async def test_a_database_that_was_the_default_is_dropped_with_the_others(archive, database_url):
    nameless = await connect(database_url)
    set_default_connection("archive")
    await nameless.fetch_one("SELECT 1 AS one")
    reset_engine()
    for database in (nameless, archive):
        with pytest.raises(InterfaceError, match="is closed"):
            await database.fetch_one("SELECT 1 AS one")


async def test_closing_the_default_leaves_the_others(main, archive):
    await main.close()
    assert await Writer.using("archive").all() == []
    with pytest.raises(NoDatabaseError, match="No default connection selected"):
        await Writer.all()


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
    assert arguments(getattr(AsyncModelConnection, name)) == arguments(getattr(Model, name))


async def test_every_way_of_reading_goes_to_the_bound_database(main, archive):
    await Writer.create(name="Main")
    writers = Writer.using("archive")
    ann = await writers.create(name="Ann")
    assert await writers.sum(lambda w: w.id) == ann.id
    assert await writers.avg(lambda w: w.id) == ann.id
    assert await writers.min(lambda w: w.name) == await writers.max(lambda w: w.name) == "Ann"
    assert [writer.name for writer in (await writers.page(1, 10)).rows] == ["Ann"]
    assert [writer.name async for writer in writers.stream()] == ["Ann"]
    assert await writers.values("name").all() == [{"name": "Ann"}]
    assert await writers.select(lambda w: (w.name,), into=Named).all() == [Named("Ann")]
    for query in (writers.unscoped(), writers.filter_by(name="Ann"), writers.distinct(), writers.offset(0)):
        assert [writer.name for writer in await query.all()] == ["Ann"]
    assert [list(writer.novels) for writer in await writers.include(lambda w: w.novels).all()] == [[]]
    assert await writers.update(name="Bea") == 1
    assert await writers.one() == await writers.first() == await writers.one_or_none()
    assert (await Writer.one()).name == "Main"


async def test_a_model_on_a_named_connection_has_every_verb(main, archive):
    writers = Writer.using("archive")
    ann = await writers.create(name="Ann")
    (bob,) = await writers.bulk_create([Writer(name="Bob")])
    cid, made = await writers.get_or_create(name="Cid")
    assert made
    assert (await writers.update_or_create({"name": "Cyd"}, id=cid.id))[0].name == "Cyd"
    assert (await writers.upsert(key="name", name="Ann")).id == ann.id
    bob.name = "Bea"
    assert await writers.bulk_update([bob]) == 1
    assert await writers.select(lambda w: w.name).order_by("name").all() == ["Ann", "Bea", "Cyd"]
    assert [writer.name for writer in await writers.where(lambda w: w.name != "Ann").order_by("name").all()] == [
        "Bea",
        "Cyd",
    ]
    assert [writer.name for writer in await writers.order_by("-name").limit(1).all()] == ["Cyd"]
    assert [writer.name for writer in await writers.limit(1).all()] != []
    assert await writers.get(ann.id) == ann
    assert await writers.get_or_none(999) is None
    assert await writers.count() == 3
    assert await writers.exists()
    assert await writers.first() is not None
    assert len(await writers.raw("SELECT * FROM writer")) == 3
    assert len(await writers.all()) == 3
    assert await Writer.count() == 0


async def test_the_calls_take_a_name_or_a_handle(main, archive):
    await Writer(name="Ann").save(using="archive")
    await Writer.bulk_create([Writer(name="Bob")], using=archive)
    assert len(await Writer.all(using="archive")) == 2
    assert await execute("UPDATE writer SET name = 'Cid' WHERE name = 'Bob'", using="archive") == 1
    assert await fetch_all("SELECT name FROM writer ORDER BY name", using=archive) == [{"name": "Ann"}, {"name": "Cid"}]
    assert await fetch_one("SELECT count(*) AS n FROM writer", using="archive") == {"n": 2}
    async with transaction(using="archive"):
        assert await Writer.count() == 2
    with using("archive") as same:
        assert same is archive
        assert await Writer.count() == 2
    assert await Writer.count() == 0


async def test_tables_are_created_where_the_call_says(main, tmp_path):
    async with connect(f"sqlite:{tmp_path}/empty.db?mode=rwc", name="empty"):
        await create_tables(Writer, using="empty")
        assert await Writer.using("empty").count() == 0


async def test_inside_a_transaction_another_connection_is_refused(main, archive):
    foreign = await archive.create(Writer, name="Ann")
    expected = "^Operations inside a transaction inherit the transaction connection: this one is on 'main'"
    async with transaction():
        with pytest.raises(OptionError, match=expected):
            await Writer.all(using="archive")
        with pytest.raises(ValueError, match=expected):
            await foreign.save()
        with main.primary(), pytest.raises(OptionError, match=expected):
            await foreign.save(using="archive")
        with pytest.raises(OptionError, match=expected):
            async with transaction(using="archive"):
                raise AssertionError
        assert await Writer.all(using="main") == []
        assert await Writer.using(archive).count() == 1


# Where an instance came from.


async def test_the_calls_of_an_instance_go_to_the_database_it_came_from(main, archive):
    await archive.create(Writer, name="Ann")
    ann = await Writer.using("archive").get(1)
    ann.name = "Bea"
    await ann.save()
    assert (await archive.get(Writer, 1)).name == "Bea"
    await archive.execute("UPDATE writer SET name = 'Cid'")
    await ann.refresh()
    assert ann.name == "Cid"
    assert await ann.delete() is True
    assert await archive.query(Writer).count() == 0


async def test_relations_are_read_where_their_owner_came_from(main, archive):
    there = await archive.create(Writer, name="Ann")
    await archive.create(Novel, title="There", writer=there)
    here = await main.create(Writer, name="Ann")
    await main.create(Novel, title="Here", writer=here)
    (ann,) = await Writer.using("archive").all()
    assert [novel.title for novel in await ann.novels.all()] == ["There"]
    assert await ann.novels.select(lambda n: n.title).all() == ["There"]
    (novel,) = await Novel.using("archive").all()
    assert (await novel.writer) == there
    await ann.novels.create(title="More")
    assert (await archive.query(Novel).count(), await main.query(Novel).count()) == (2, 1)


async def test_a_block_or_a_handle_goes_before_where_an_instance_came_from(main, archive):
    await archive.create(Writer, name="Ann")
    await main.create(Writer, name="Ann")
    ann = await Writer.using("archive").get(1)
    ann.name = "Bea"
    with using(main):
        await ann.save()
    assert [(await one.get(Writer, 1)).name for one in (main, archive)] == ["Bea", "Ann"]
    ann.name = "Cid"
    await ann.save()
    # It was saved to the main database, and belongs there now.
    assert [(await one.get(Writer, 1)).name for one in (main, archive)] == ["Cid", "Ann"]
    await ann.refresh(using="archive")
    assert ann.name == "Ann"


async def test_an_instance_without_changes_is_not_taken_for_saved_in_another_database(main, archive):
    ann = await archive.create(Writer, name="Ann")
    with pytest.raises(QueryError) as caught:
        await main.save(ann)
    assert str(caught.value) == (
        "this Writer came from 'archive', and nothing of it has changed that could be saved to 'main': "
        "save(on_conflict='update') writes all of it there, and model_copy(update={'id': None}) is a new Writer"
    )
    await archive.save(ann)
    await main.save(ann.model_copy(update={"id": None}))
    assert await main.query(Writer).select("id", "name").all() == [(1, "Ann")]
    ann.name = "Bea"
    await main.save(ann, on_conflict="update")
    assert await main.query(Writer).select("id", "name").all() == [(1, "Bea")]
    await main.save(ann)


async def test_the_calls_of_an_instance_whose_database_is_closed_go_to_no_other_one(main, archive):
    ann = await archive.create(Writer, name="Ann")
    novel = await archive.create(Novel, title="There", writer=ann)
    (novel,) = await archive.query(Novel).all()
    await archive.close()
    await main.create(Writer, name="Bob")
    del archive
    expected = (
        "^this {} came from 'archive', which is not open in {}, and its row is not that of 'main': connect\\(\\) again, or name "
        r"the database that has it with using\(\)$"
    )
    for call in (ann.refresh, ann.save, ann.delete, ann.novels.all, ann.novels.count):
        with pytest.raises(InterfaceError, match=expected.format("Writer", PACKAGE)):
            await call()
    with pytest.raises(InterfaceError, match=expected.format("Novel", PACKAGE)):
        await novel.writer
    await ann.refresh(using="main")
    assert ann.name == "Bob"
    with using("main"):
        assert (await novel.writer).name == "Bob"


async def test_an_instance_of_a_database_before_this_one_is_not_written_here(tmp_path):
    async with connect(f"sqlite:{tmp_path}/before.db?mode=rwc"):
        await create_tables(Writer, Novel)
        ann = await Writer.create(name="Ann")
    async with connect(f"sqlite:{tmp_path}/now.db?mode=rwc") as now:
        await create_tables(Writer, Novel)
        await Writer.create(name="Bob")
        ann.name = "Cid"
        with pytest.raises(
            InterfaceError, match=f"came from sqlite:{tmp_path}/before.db, which is not open in {PACKAGE}, "
        ):
            await ann.save()
        assert [writer.name for writer in await Writer.all()] == ["Bob"]
        # Whoever names the database says which row is meant.
        await now.save(ann)
        assert [writer.name for writer in await Writer.all()] == ["Cid"]


async def test_an_instance_whose_database_is_connected_again_belongs_there(main, archive, tmp_path):
    ann = await archive.create(Writer, name="Ann")
    await archive.close()
    async with connect(f"sqlite:{tmp_path}/archive.db", default=True) as again:
        await again.execute("UPDATE writer SET name = 'Bea'")
        await ann.refresh()
        assert ann.name == "Bea"


async def test_an_instance_of_one_database_is_not_referred_to_in_another(main, archive):
    here, there = await main.create(Writer, name="Ann"), await archive.create(Writer, name="Ann")
    novel = await main.create(Novel, title="Here", writer=here)
    expected = (
        "^{}: this {} came from 'archive', and what refers to it is in 'main', where its key is that of another row, or of "
        "none; give the {} of 'main', or the key itself if both have the row$"
    )
    of_writer = expected.format("Novel.writer", "Writer", "Writer")
    with pytest.raises(QueryError, match=of_writer):
        novel.writer = there
    with pytest.raises(QueryError, match=of_writer):
        await main.create(Novel, title="x", writer=there)
    with pytest.raises(QueryError, match=of_writer):
        await Novel.bulk_create([Novel(title="x", writer=there)])
    foreign = await archive.create(Novel, title="There", writer=there)
    for verb in ("add", "remove"):
        with pytest.raises(QueryError, match=expected.format("Writer.drafts", "Novel", "Novel")):
            await getattr(here.drafts, verb)(foreign)
    with pytest.raises(QueryError, match=expected.format("Writer.novels", "Novel", "Novel")):
        await here.novels.add(foreign)
    assert (novel.writer_id, await main.query(Novel).count(), await archive.query(Novel).count()) == (here.id, 1, 1)
    novel.writer = there.id
    await novel.save()


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
async def test_an_instance_of_one_database_tells_no_row_of_another(main, archive, call):
    there = await archive.create(Writer, name="Ann")
    await main.create(Novel, title="Here", writer=await main.create(Writer, name="Bob"))
    with pytest.raises(
        QueryError, match=r"^Novel.writer: this Writer came from 'archive', and what refers to it is in 'main'"
    ):
        await call(there)
    with pytest.raises(QueryError, match=r"^Novel.writer: this Writer came from 'archive'"):
        async with main.transaction():
            await call(there)
    assert [(novel.title, novel.writer_id) for novel in await Novel.all()] == [("Here", 1)]


async def test_an_instance_that_is_asked_for_tells_the_rows_of_its_own_database(main, archive):
    there = await archive.create(Writer, name="Ann")
    await archive.create(Novel, title="There", writer=there)
    assert await Novel.using(archive).where(Novel.writer == there).update(title="Elsewhere") == 1
    assert (await Novel.using(archive).get_or_create(title="Elsewhere", writer=there))[1] is False
    assert (await Novel.using(archive).upsert(id=1, title="There", writer=there)).writer is there
    assert await archive.query(Writer).where(lambda w: w.novels.any(lambda n: n.writer == there)).count() == 1


async def test_an_instance_of_another_handle_of_the_same_database_is_referred_to(main, database_url):
    await main.create(Writer, name="Ann")
    async with connect(database_url, name="reader", read_only=True):
        ann = await Writer.using("reader").get(1)
        novel = await main.create(Novel, title="x", writer=ann)
        novel.writer = ann
        await novel.save()


async def test_a_collection_is_changed_where_its_owner_came_from(main, archive):
    await main.create(Writer, name="Here")
    await archive.create(Writer, name="There")
    there = await Writer.using("archive").query().include("drafts").one()
    made = await there.drafts.create(title="first", writer=there)
    (again,) = await there.drafts.all()
    assert again.writer_id == made.writer_id
    await there.drafts.remove(made)
    await there.drafts.add(made.id)
    await there.drafts.set(again)
    assert await archive.fetch_all("SELECT * FROM writer_drafts") == [{"writer_id": 1, "novel_id": 1}]
    await there.drafts.clear()
    again.title = "second"
    await again.save()
    await made.refresh()
    assert made.title == "second"
    await made.delete()
    counts = [await database.query(Novel).count() for database in (main, archive)]
    assert (counts, await main.fetch_all("SELECT * FROM writer_drafts")) == ([0, 0], [])


async def test_an_instance_keeps_no_database_alive_and_its_copies_belong_there_too(main, archive):
    ann = (await archive.create(Writer, name="Ann")).model_copy()
    ann.name = "Bea"
    await ann.save()
    assert (await archive.get(Writer, 1)).name == "Bea"


# Options.


async def test_a_pool_can_be_described_in_one_object(database_url):
    async with connect(database_url, pool=PoolConfig(max_connections=3, min_connections=2)) as database:
        assert (database.pool.options.min_connections, database.pool.options.max_connections) == (2, 3)
    with pytest.raises(ValidationError, match="min_connections is 4, more than max_connections, which is 3"):
        PoolConfig(max_connections=3, min_connections=4)
    with pytest.raises(
        OptionError, match=r"^pool= takes a PoolConfig, not \{'max_connections': 3\}: pool=PoolConfig\("
    ):
        await connect(database_url, pool={"max_connections": 3})
    with pytest.raises(OptionError, match="^pool= says how many connections there are: leave min_connections and max"):
        await connect(database_url, pool=PoolConfig(), max_connections=4)
    with pytest.raises(ValidationError, match="frozen"):
        PoolConfig().max_connections = 2


async def test_a_connection_that_only_reads_refuses_writes(main, database_url):
    await main.create(Writer, name="Ann")
    async with connect(database_url, name="reader", read_only=True) as reader:
        assert [writer.name for writer in await Writer.using("reader").all()] == ["Ann"]
        with pytest.raises(OperationalError, match="(?i)read-?only"):
            await Writer.using("reader").create(name="Bob")
        async with reader.transaction():
            assert await reader.query(Writer).count() == 1
        with pytest.raises(OperationalError, match="(?i)read-?only"):
            async with reader.transaction():
                await reader.create(Writer, name="Bob")
    assert await main.query(Writer).count() == 1


async def test_a_database_in_memory_cannot_be_read_only():
    with pytest.raises(OptionError, match="a database in memory begins empty"):
        await connect("sqlite::memory:", read_only=True)


class Ward(Model):
    id: int | None = Field(default=None, primary_key=True)
    using: str = "nothing"


async def test_a_row_is_not_created_elsewhere_than_it_is_told(main):
    async with connect("sqlite::memory:", name="told", default=False) as told:
        await told.create_tables(Writer, Ward)
        refusal = (
            r"^create\(\) takes the values of a row, and Writer has no field 'using': Writer\.using\(\.\.\.\)\.create"
        )
        with pytest.raises(OptionError, match=refusal):
            await Writer.create(name="ann", using="told")
        with pytest.raises(OptionError, match=refusal):
            async with main.pipeline() as pipe:
                pipe.create(Writer, name="ann", using="told")
        await Writer.using("told").create(name="ann")
        assert (await Writer.count(), await Writer.using("told").count()) == (0, 1)
        # A field may have that name.
        assert (await told.create(Ward, using="much")).using == "much"
