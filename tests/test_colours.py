"""Both colours send the same statements, and get the same answers."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

import anyio
import pyarrow as pa
import pytest
from pydantic import SecretStr
from statements import recorded

import ferro
from ferro import (
    Check,
    Field,
    InterfaceError,
    Model,
    ModelBase,
    OptionError,
    connect,
    count,
    execute,
    now,
    sync,
)


class Item(ModelBase):
    """A row of the script."""

    __ferro_checks__ = (Check("stock", lambda m: m.stock >= 0),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    stock: int = Field(default=0, index=True)
    price: Decimal | None = None
    tags: list[str] = Field(default=[])
    made: datetime | None = None
    state: str = Field(db_default="new")
    pin: SecretStr | None = None


class Place(ModelBase):
    """A row with a key of two columns."""

    shelf: int = Field(primary_key=True)
    box: str = Field(primary_key=True)
    day: date | None = None
    code: UUID | None = None


class Cat(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str


class Dog(sync.Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str


class StopError(Exception):
    """Ends a block of the script badly."""


@dataclass(frozen=True)
class Block:
    """Steps inside a transaction; at the end of a failing one an error is raised."""

    steps: "Sequence[Step]"
    fails: bool = False
    options: dict[str, Any] = field(default_factory=dict)


Step: TypeAlias = Callable[[Any], Any] | Block

MOMENT = datetime(2024, 5, 1, 12, tzinfo=UTC)


def save_changed(db: Any, change: Callable[[Item], object], **options: Any) -> list[Step]:
    """Save an instance, change it, save it again, read it again, and delete it: steps of their own."""
    item = Item(name="loaded", tags=["x"])

    def saved(_: object) -> Any:
        change(item)
        return db.save(item, **options)

    return [lambda _: db.save(item, on_conflict="update"), saved, lambda _: db.refresh(item), lambda _: db.delete(item)]


def named(db: Any, name: str) -> Any:
    return db.query(Item).where(lambda i: i.name == name)


SCRIPT: list[Step] = [
    lambda db: db.create_tables(Item, Place),
    lambda db: db.create_tables(Item, Place),
    # Writing.
    lambda db: db.create(Item, name="ann", stock=1, price=Decimal("1.10"), made=MOMENT, pin=SecretStr("1234")),
    lambda db: db.create(Item, name="bob", state="old"),
    lambda db: db.create(Item, name="ann"),
    lambda db: db.create(Item, name="bad", stock=-1),
    lambda db: db.bulk_create(Item, []),
    lambda db: db.bulk_create(Item, [Item(name="one")]),
    lambda db: db.bulk_create(Item, [Item(name=f"n{n}", stock=n) for n in range(1200)]),
    lambda db: db.bulk_create(Item, [Item(name="p", state="old"), Item(name="q"), Item(id=9000, name="r")]),
    lambda db: db.bulk_create(Item, [Item(name="s"), Item(name="ann")]),
    lambda db: db.bulk_create(Place, [Place(shelf=s, box=b, code=UUID(int=s)) for s in (1, 2) for b in "ab"]),
    lambda db: db.bulk_create(Item, ({"name": f"d{n}"} for n in range(1200)), returning=False),
    lambda db: db.bulk_create(Item, [{"name": "e1"}, {"name": "ann"}], returning=False),
    lambda db: db.bulk_create(Item, [{"name": "e1"}, {"name": "e2"}]),
    lambda db: db.bulk_upsert(Item, [{"name": "e1", "stock": 4}, {"name": "e3"}]),
    lambda db: db.bulk_upsert(Item, [{"name": f"d{n}", "stock": n} for n in range(600)], returning=False),
    lambda db: db.upsert(Item, name="ann", stock=5),
    lambda db: db.upsert(Item, name="new"),
    lambda db: db.upsert(Place, shelf=1, box="a", day=date(2024, 1, 1)),
    lambda db: db.get_or_create(Item, name="ann"),
    lambda db: db.get_or_create(Item, name="eve", defaults={"stock": 2}),
    lambda db: db.get_or_create(Item, stock=77777, defaults={"name": "gus"}),
    lambda db: db.get_or_create(Place, day=date(2024, 2, 2), defaults={"shelf": 9, "box": "z"}),
    lambda db: db.update_or_create(Item, name="eve", defaults={"stock": 3}),
    lambda db: db.update_or_create(Item, name="fay", defaults={"stock": 3}),
    lambda db: save_changed(db, lambda item: setattr(item, "stock", 4)),
    lambda db: save_changed(db, lambda item: item.tags.append("y")),
    lambda db: save_changed(db, lambda item: None),
    lambda db: save_changed(db, lambda item: setattr(item, "stock", -4)),
    lambda db: save_changed(db, lambda item: setattr(item, "name", "z"), only={"name"}),
    lambda db: save_changed(db, lambda item: setattr(item, "stock", 4), exclude={"stock"}),
    lambda db: db.delete(Item(id=2, name="")),
    lambda db: db.delete(Item(name="never saved")),
    # Reading.
    lambda db: db.get(Item, 1),
    lambda db: db.get(Item, 99999),
    lambda db: db.get_or_none(Item, 99999),
    lambda db: db.get(Place, (1, "a")),
    *(lambda db: db.get(Item, 3) for _ in range(5)),
    lambda db: named(db, "ann").one(),
    lambda db: named(db, "nobody").one(),
    lambda db: named(db, "nobody").one_or_none(),
    lambda db: db.query(Item).one_or_none(),
    lambda db: db.query(Item).where(lambda i: i.stock > 1190).order_by("-stock", "name").all(),
    lambda db: (
        db.query(Item).where(lambda i: i.name.contains("n1") & ~i.stock.in_([1, 10])).order_by("id").limit(3).all()
    ),
    lambda db: db.query(Item).where(lambda i: i.id.in_([1, 3, 5])).order_by("id").offset(1).first(),
    lambda db: db.query(Item).where(lambda i: i.pin == SecretStr("1234")).count(),
    lambda db: db.query(Item).where(lambda i: (i.price == None) & (i.made < now)).exists(),
    lambda db: db.query(Item).select(lambda i: (i.state, count(), i.stock.sum())).order_by("state").all(),
    lambda db: db.query(Item).select("state").distinct().order_by("state").all(),
    lambda db: db.query(Item).select("id", "name", "price", "made").order_by("id").to_arrow(),
    lambda db: db.query(Item).select("name").where(lambda i: i.stock == 77777).to_polars(),
    lambda db: db.query(Item).to_pandas(),
    lambda db: db.to_arrow("SELECT count(*) AS items FROM item"),
    lambda db: db.from_arrow(Item, pa.table({"name": ["framed", "framed too"]})),
    lambda db: db.from_arrow(Item, pa.table({"name": ["framed"]})),
    lambda db: db.query(Item).sum("stock"),
    lambda db: db.query(Item).avg("price"),
    lambda db: db.query(Item).max("made"),
    # All rows of a query.
    lambda db: named(db, "ann").update(stock=8, tags=["t"]),
    lambda db: named(db, "ann").update(lambda i: {"stock": i.stock * 2, "price": i.price + 1}),
    lambda db: named(db, "ann").update(stock=-1),
    lambda db: db.query(Item).where(lambda i: i.stock > 1000).delete(),
    # Raw SQL.
    lambda db: db.execute("UPDATE item SET stock = 3 WHERE name = 'bob'"),
    lambda db: db.fetch_all("SELECT name FROM item WHERE stock = 3 ORDER BY name"),
    lambda db: db.fetch_one("SELECT count(*) AS n FROM item"),
    lambda db: db.execute("SELEC 1"),
    lambda db: db.check_connection(),
    # Transactions.
    Block([]),
    Block([lambda db: db.create(Item, name="t1"), lambda db: db.create(Item, name="t2")]),
    Block([lambda db: db.create(Item, name="t3")], fails=True),
    Block([lambda db: db.create(Item, name="ann")]),
    Block(
        [
            lambda db: db.create(Item, name="t4"),
            lambda db: db.create(Item, name="ann"),
            lambda db: db.query(Item).count(),
        ]
    ),
    Block(
        [
            lambda db: db.create(Item, name="t5"),
            Block([lambda db: db.create(Item, name="t6")], fails=True),
            Block([lambda db: db.create(Item, name="ann")]),
            Block([Block([lambda db: db.create(Item, name="t7")])]),
            Block([]),
            lambda db: db.bulk_create(Item, [Item(name=f"m{n}") for n in range(600)]),
            lambda db: db.get_or_create(Item, stock=88888, defaults={"name": "hal"}),
            lambda db: db.execute("DELETE FROM item WHERE stock = 0"),
        ]
    ),
    Block([lambda db: db.query(Item).count()], options={"read_only": True}),
    Block([lambda db: db.create(Item, name="t8")], options={"read_only": True}),
    Block([lambda db: db.query(Item).count()], options={"isolation": "serializable"}),
    lambda db: db.query(Item).order_by("id").all(),
    lambda db: db.execute("DROP TABLE item"),
    lambda db: db.execute("DROP TABLE place"),
]


def told(answer: object) -> str:
    """What a step answered, or how it failed, as text."""
    return f"{type(answer).__name__}: {answer}" if isinstance(answer, Exception) else repr(answer)


def is_steps(answer: object) -> bool:
    return isinstance(answer, list) and bool(answer) and all(map(inspect.isfunction, answer))


async def awaited(steps: Sequence[Step], database: Any, answers: list[str]) -> None:
    """Run the script on the event loop."""
    for step in steps:
        try:
            if isinstance(step, Block):
                async with database.transaction(**step.options):
                    await awaited(step.steps, database, answers)
                    if step.fails:
                        raise StopError
                continue
            answer = step(database)
            if is_steps(answer):
                await awaited(answer, database, answers)
                continue
            answers.append(told(await answer))
        except Exception as error:
            answers.append(told(error))


def blocked(steps: Sequence[Step], database: Any, answers: list[str]) -> None:
    """Run the script in this thread."""
    for step in steps:
        try:
            if isinstance(step, Block):
                with database.transaction(**step.options):
                    blocked(step.steps, database, answers)
                    if step.fails:
                        raise StopError
                continue
            answer = step(database)
            if is_steps(answer):
                blocked(answer, database, answers)
                continue
            answers.append(told(answer))
        except Exception as error:
            answers.append(told(error))


@dataclass
class Told:
    """What was sent, and what came of it."""

    statements: list[tuple[Any, ...]]
    answers: list[str]


def run_awaiting(url: str) -> Told:
    answers: list[str] = []

    async def main() -> None:
        async with connect(url) as database:
            await awaited(SCRIPT, database, answers)

    with recorded() as records:
        anyio.run(main)
    return Told(list(map(as_sent, records)), answers)


def run_blocking(url: str) -> Told:
    answers: list[str] = []
    with recorded() as records, sync.connect(url) as database:
        blocked(SCRIPT, database, answers)
    return Told(list(map(as_sent, records)), answers)


def as_sent(record: Any) -> tuple[Any, ...]:
    """What of a log record both colours must have in common."""
    return (
        record.sql,
        repr(record.params),
        record.operation,
        getattr(record, "rows", None),
        str(getattr(record, "error", "")),
    )


@pytest.fixture(scope="module")
def both() -> dict[str, tuple[Told, Told]]:
    return {}


@pytest.fixture
def colours(backend: str, database_url: str, both: dict[str, tuple[Told, Told]]) -> tuple[Told, Told]:
    """Give what the script sends and hears in each colour: run once on each database."""
    if backend not in both:
        both[backend] = run_awaiting(database_url), run_blocking(database_url)
    return both[backend]


def test_both_colours_send_the_same_statements(colours: tuple[Told, Told]) -> None:
    one, other = colours
    assert one.statements == other.statements
    assert len(one.statements) > 100


def test_both_colours_get_the_same_answers(colours: tuple[Told, Told]) -> None:
    one, other = colours
    assert one.answers == other.answers


def test_the_script_does_what_it_is_for(colours: tuple[Told, Told]) -> None:
    one, _ = colours
    sent = {sql.split()[0] for sql, *_ in one.statements}
    assert {
        "CREATE",
        "INSERT",
        "SELECT",
        "UPDATE",
        "DELETE",
        "BEGIN",
        "SAVEPOINT",
        "RELEASE",
        "ROLLBACK",
        "COMMIT",
    } <= sent
    failed = {found[1] for answer in one.answers if (found := re.match(r"([A-Z]\w+): ", answer))}
    assert failed == {
        "CheckViolationError",
        "ModelDoesNotExist",
        "MultipleRowsFound",
        "OperationalError",
        "QueryError",
        "StopError",
        "TransactionAborted",
        "UniqueViolationError",
    }


async def test_a_model_goes_to_a_database_of_the_other_colour_and_its_instances_do_not_take_it_along(tmp_path):
    class Tool(Model):
        id: int | None = Field(default=None, primary_key=True)
        name: str

    url = f"sqlite:{tmp_path}/tools.db?mode=rwc"
    async with connect(url, auto_migrate=True) as db:
        with sync.connect(url) as blocking, sync.connect(f"sqlite:{tmp_path}/more.db?mode=rwc", name="more"):
            tool = Tool.using(blocking).create(name="saw")
            assert Tool.using(blocking).all() == [tool]
            # The blocking side has two databases, and knows where it came from; this side has one.
            tool.name = "axe"
            await tool.save()
            assert [tool.name for tool in await db.query(Tool).all()] == ["axe"]


async def test_a_row_of_the_other_colour_s_database_is_not_written_here(tmp_path):
    async with connect(f"sqlite:{tmp_path}/a.db?mode=rwc") as here:
        await here.create_tables(Cat)
        with sync.connect(f"sqlite:{tmp_path}/b.db?mode=rwc") as there:
            there.create_tables(Cat)
            mine, other = await here.create(Cat, name="Mia"), there.create(Cat, name="Tom")
            other.name = "Tim"
            with pytest.raises(InterfaceError, match=f"came from sqlite:{tmp_path}/b.db, which is not open in ferro, "):
                await other.save()
            with pytest.raises(InterfaceError, match="which is not open in ferro, "):
                await other.delete()
            there.save(other)
            await mine.refresh()
            assert (mine.name, there.get(Cat, 1).name) == ("Mia", "Tim")


async def test_both_colours_of_one_database_share_its_rows(tmp_path):
    url = f"sqlite:{tmp_path}/a.db?mode=rwc"
    async with connect(url) as here:
        await here.create_tables(Cat)
        with sync.connect(url) as there:
            cat = there.create(Cat, name="Tom")
            cat.name = "Tim"
            await cat.save()
            assert (await here.get(Cat, 1)).name == "Tim"


async def test_a_handle_of_the_other_colour_is_refused_before_anything_is_done():
    awaiting = (
        r"^a database for the calls of ferro is a handle that ferro.connect\(\) has opened, or its name; "
        r"not <Database sqlite::memory:> of ferro.sync.connect\(\)$"
    )
    blocking = (
        r"^a database for the calls of ferro.sync is a handle that ferro.sync.connect\(\) has opened, or its name; "
        r"not <AsyncDatabase sqlite::memory:> of ferro.connect\(\)$"
    )
    async with connect("sqlite::memory:") as here:
        await here.create_tables(Cat, Dog)
        with sync.connect("sqlite::memory:") as there:
            there.create_tables(Cat, Dog)
            for wait in (
                lambda: Cat(name="Tom").save(using=there),
                lambda: execute("DELETE FROM cat", using=there),
                lambda: ferro.create_tables(using=there),
                lambda: ferro.transaction(using=there).__aenter__(),
                lambda: ferro.session(there).__aenter__(),
            ):
                with pytest.raises(OptionError, match=awaiting):
                    await wait()
            with pytest.raises(OptionError, match=awaiting), ferro.using(there):
                pass
            for call in (
                lambda: Dog(name="Rex").save(using=here),
                lambda: sync.execute("DELETE FROM dog", using=here),
                lambda: sync.create_tables(using=here),
                lambda: sync.transaction(using=here).__enter__(),
                lambda: sync.session(here).__enter__(),
                lambda: sync.using(here).__enter__(),
                lambda: sync.pipeline(using=here).__enter__(),
            ):
                with pytest.raises(OptionError, match=blocking):
                    call()
            assert (await here.query(Cat).count(), there.query(Dog).count()) == (0, 0)
            # The verbs of a model are of the colour of the handle.
            assert (await Dog.using(here).count(), Cat.using(there).count()) == (0, 0)


def test_a_database_that_was_not_awaited_says_so():
    for use in (lambda: connect("sqlite::memory:").query(Cat), lambda: connect("sqlite::memory:").__enter__()):
        with pytest.raises(
            InterfaceError, match=r"^this database is not open yet: write `await ferro.connect\(...\)`, or"
        ):
            use()
