"""Many new rows: of any iterator, by COPY where there is one, with or without anything that comes back."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import SecretStr, ValidationError
from statements import recorded, sent

from ferro import (
    AsyncDatabase,
    DataError,
    Field,
    ForeignKey,
    IntegrityError,
    Model,
    QueryError,
    UniqueViolationError,
    connect,
    transaction,
)


class Shop(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = ""


class Ware(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=20, default="")
    code: str | None = Field(default=None, unique=True)
    price: int = 0
    state: str = Field(db_default="new")
    tags: dict[str, Any] = Field(default={})
    made_at: datetime = Field(stamp="created")
    shop: Annotated[Shop | None, ForeignKey(related_name="wares")] = None


class Locked(Model):
    id: int | None = Field(default=None, primary_key=True)
    pin: SecretStr = Field(unique=True)


class Tock(Model):
    id: int | None = Field(default=None, primary_key=True)


class Told(Model):
    id: int | None = Field(default=None, primary_key=True)
    text: str = ""
    length: int = 0
    calls: ClassVar[list[str]] = []

    def before_save(self) -> None:
        self.length = len(self.text)

    async def after_save(self) -> None:
        self.calls.append(f"{self.text} of {await Told.count()}")


class Trouble(Exception):
    pass


@pytest.fixture(autouse=True)
async def tables(database: AsyncDatabase) -> None:
    Told.calls.clear()
    await database.create_tables(Shop, Ware, Locked, Tock, Told)


def wares(count: int) -> Iterator[dict[str, Any]]:
    return ({"name": f"w{at}", "price": at} for at in range(count))


@pytest.mark.parametrize("count", [0, 1, 100, 101, 1000, 2600])
async def test_any_number_of_rows_goes_in_and_their_number_comes_back(count):
    assert await Ware.bulk_create(wares(count), returning=False) == count
    assert await Ware.order_by("id").select("name", "price", "state").all() == [
        (f"w{at}", at, "new") for at in range(count)
    ]


async def test_instances_of_which_nothing_comes_back_stay_as_they_were(database):
    made = [Ware(name=str(at)) for at in range(300)]
    assert await database.bulk_create(Ware, made, returning=False) == 300
    assert [one.id for one in made] == [None] * 300
    await made[0].save()
    assert await Ware.count() == 301


async def test_dicts_become_instances(database):
    made = await database.bulk_create(Ware, [{"name": "a"}, Ware(name="b"), {"name": "c", "price": "7"}])
    assert [(type(one), one.id, one.name, one.price) for one in made] == [
        (Ware, 1, "a", 0),
        (Ware, 2, "b", 0),
        (Ware, 3, "c", 7),
    ]
    assert await Ware.order_by("id").all() == made


async def test_dicts_may_hold_the_rows_they_belong_to():
    shop = await Shop.create(name="corner")
    assert await Ware.bulk_create(({"shop": shop} for _ in range(150)), returning=False) == 150
    assert await Ware.where(lambda w: w.shop == shop).count() == 150


async def test_a_dict_that_is_no_row_is_refused_with_its_position():
    def rows() -> Iterator[dict[str, Any]]:
        yield from wares(1200)
        yield {"price": "much"}

    with pytest.raises(ValidationError) as caught:
        await Ware.bulk_create(rows(), returning=False)
    assert caught.value.__notes__ == ["this is the row at position 1200"]
    assert await Ware.count() == 0


@pytest.mark.parametrize("returning", [True, False])
async def test_what_is_no_new_row_is_refused_with_its_position(returning):
    there = await Ware.create()
    for wrong, text in [
        (Shop(), r"^bulk_create\(\) of Ware got a Shop at position 1100$"),
        (there, "^the Ware at position 1100 is in the database already: save"),
    ]:
        rows: list[Any] = [*(Ware() for _ in range(1100)), wrong]
        with pytest.raises(QueryError, match=text):
            await Ware.bulk_create(iter(rows), returning=returning)
    assert await Ware.count() == 1


async def test_every_row_is_stamped_and_values_that_are_given_stay():
    before = datetime.now(UTC)
    long_ago = datetime(1999, 1, 1, tzinfo=UTC)
    rows = [{"name": "a", "made_at": long_ago}, *wares(200)]
    await Ware.bulk_create(rows, returning=False)
    first, *others = await Ware.order_by("id").select(lambda w: w.made_at).all()
    assert first == long_ago
    assert len(set(others)) == 1
    assert before <= others[0] <= datetime.now(UTC)


async def test_rows_that_leave_different_columns_to_the_database_keep_their_order():
    rows = [{"name": "n", "state": "old"} if at // 150 % 2 else {"name": "n"} for at in range(600)]
    assert await Ware.bulk_create(rows, returning=False) == 600
    states = await Ware.order_by("id").select(lambda w: w.state).all()
    assert states == ["new"] * 150 + ["old"] * 150 + ["new"] * 150 + ["old"] * 150


async def test_rows_of_nothing_but_defaults_go_in_too():
    assert await Tock.bulk_create([Tock() for _ in range(120)], returning=False) == 120
    assert await Tock.count() == 120


@pytest.mark.backends("postgres")
async def test_copy_takes_the_rows_of_which_nothing_comes_back():
    with sent() as statements:
        await Ware.bulk_create(wares(101), returning=False)
    assert statements == [
        "BEGIN",
        'COPY "ware" ("name", "code", "price", "tags", "made_at", "shop_id") FROM STDIN',
        "COMMIT",
    ]


async def test_a_few_rows_are_one_statement(backend):
    with sent() as statements:
        await Tock.bulk_create([Tock(id=1), Tock(id=2)], returning=False)
    expected = {
        "postgres": 'INSERT INTO "tock" ("id") VALUES ($1),($2)',
        "sqlite": 'INSERT INTO "tock" ("id") VALUES (?)',
    }
    assert [text for text in statements if not text.startswith("BEGIN")] == [expected[backend], "COMMIT"]


HARD = ["\t", "\n", "\r\n", "\\", "\\N", "\\.", "\\x41", "", " ", "NULL", "é\u2028", "'\"", "\x01\x7f", "a\tb\\tc"]


async def test_texts_that_mean_something_to_copy_are_kept_as_they_are():
    rows = [{"name": text, "code": f"{at}{text}", "tags": {text: [text, None]}} for at, text in enumerate(HARD * 10)]
    rows += [{"code": None}]
    await Ware.bulk_create(rows, returning=False)
    found = await Ware.order_by("id").select("name", "code", "tags").all()
    assert found == [(text, f"{at}{text}", {text: [text, None]}) for at, text in enumerate(HARD * 10)] + [
        ("", None, {})
    ]


# All or none.


async def test_an_iterator_that_fails_leaves_no_row():
    def rows() -> Iterator[dict[str, Any]]:
        yield from wares(2500)
        raise Trouble

    with pytest.raises(Trouble):
        await Ware.bulk_create(rows(), returning=False)
    assert await Ware.count() == 0


async def test_a_value_that_cannot_be_stored_leaves_no_row_and_the_connection_in_order(database):
    rows = [Ware(name=str(at)) for at in range(1700)]
    rows[1650].name = "a\0b"
    async with database.transaction():
        await Ware.create(name="before")
        with pytest.raises(DataError, match=r"^Ware\.name: 'a\\x00b' contains a NUL character at position 1"):
            await Ware.bulk_create(rows, returning=False)
        await Ware.create(name="after")
    assert await Ware.order_by("id").select(lambda w: w.name).all() == ["before", "after"]


async def test_a_row_the_database_refuses_leaves_none_and_names_its_table(backend):
    rows = [{"code": str(at)} for at in range(1500)] + [{"code": "7"}]
    with pytest.raises(UniqueViolationError, match="(?i)^Bulk save failed for 'Ware': .*unique") as caught:
        await Ware.bulk_create(rows, returning=False)
    assert caught.value.table == "ware"
    assert caught.value.params == ()
    assert "1500" not in f"{caught.value} {caught.value.__cause__}"
    assert await Ware.count() == 0
    assert await Ware.bulk_create(rows[:-1], returning=False) == 1500


@pytest.mark.backends("postgres")
async def test_an_error_of_copy_names_the_column(database):
    await database.execute('ALTER TABLE "ware" ALTER COLUMN "price" TYPE smallint')
    with pytest.raises(DataError, match="^Bulk save failed for 'Ware': value \"70000\" is out of range") as caught:
        await Ware.bulk_create([{"price": 70_000 + at} for at in range(150)], returning=False)
    assert caught.value.column == "price"


async def test_no_error_shows_a_secret():
    rows = [Locked(pin=SecretStr(f"s3cret-{at // 2}")) for at in range(300)]
    with recorded() as records, pytest.raises(IntegrityError) as caught:
        await Locked.bulk_create(rows, returning=False)
    error = caught.value
    assert "s3cret" not in f"{error} {error.params!r} {error.driver_message} {error.__cause__!r} {vars(error)!r}"
    assert not any("s3cret" in f"{record.getMessage()} {vars(record)!r}" for record in records)


async def test_a_transaction_takes_the_rows_along():
    with pytest.raises(Trouble):
        async with transaction():
            assert await Ware.bulk_create(wares(1500), returning=False) == 1500
            assert await Ware.count() == 1500
            raise Trouble
    assert await Ware.count() == 0


async def test_a_failure_inside_a_transaction_undoes_its_own_rows_only():
    async with transaction():
        await Ware.create(code="7")
        with pytest.raises(UniqueViolationError):
            await Ware.bulk_create(({"code": str(at)} for at in range(1500)), returning=False)
        await Ware.create(code="8")
    assert await Ware.order_by("id").select(lambda w: w.code).all() == ["7", "8"]


async def test_the_iterator_may_use_the_database_itself(database):
    await Shop.bulk_create([Shop(name=str(at)) for at in range(1200)])
    shops = [shop async for shop in Shop.order_by("id").stream()]
    rows = ({"name": shop.name, "shop": shop} for shop in shops)
    assert await Ware.bulk_create(rows, returning=False) == 1200
    assert await Ware.where(lambda w: w.shop.name == w.name).count() == 1200


@pytest.mark.backends("postgres")
async def test_the_settings_of_a_session_hold_while_rows_are_copied(database):
    await database.execute('ALTER TABLE "ware" ALTER COLUMN "state" SET DEFAULT current_setting(\'app.state\', true)')
    async with database.session(settings={"app.state": "set"}):
        assert await Ware.bulk_create(wares(300), returning=False) == 300
    assert await Ware.where(lambda w: w.state == "set").count() == 300


async def test_objects_of_a_session_are_not_made_of_what_nobody_got(database):
    async with database.session() as session:
        await database.bulk_create(Ware, wares(200), returning=False)
        assert len(session.identities) == 0


# Hooks.


async def test_hooks_are_called_for_each_row():
    assert await Told.bulk_create(({"text": "x" * at} for at in range(3)), returning=False) == 3
    assert await Told.order_by("id").select("text", "length").all() == [("", 0), ("x", 1), ("xx", 2)]
    assert Told.calls == [" of 3", "x of 3", "xx of 3"]


# Progress.


@pytest.mark.parametrize("returning", [True, False])
async def test_progress_is_told_to_whoever_asks(returning):
    told: list[int] = []
    made = await Ware.bulk_create(wares(2500), returning=returning, progress=told.append)
    assert told == [1000, 2000, 2500]
    assert (len(made) if isinstance(made, list) else made) == 2500
    assert await Ware.count() == 2500


async def test_progress_may_be_a_line_on_stderr(capsys):
    await Ware.bulk_create(wares(1200), returning=False, progress=True)
    written = capsys.readouterr()
    assert written.out == ""
    last = written.err.rpartition("\r")[2]
    assert last.startswith("bulk_create(Ware): 1,200 rows, ")
    assert last.endswith(" rows/s\n")


async def test_nothing_is_told_to_who_did_not_ask(capsys):
    await Ware.bulk_create(wares(1200), returning=False)
    await Ware.bulk_create(wares(3))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("returning", [True, False])
async def test_who_is_told_may_stop_it_and_nothing_is_written(returning):
    def stop(done: int) -> None:
        if done > 1000:
            raise Trouble

    made = [Ware(name=str(at)) for at in range(2500)]
    with pytest.raises(Trouble):
        await Ware.bulk_create(made, returning=returning, progress=stop)
    assert await Ware.count() == 0
    assert [one.id for one in made] == [None] * 2500


@pytest.fixture
async def other(tmp_path) -> AsyncIterator[AsyncDatabase]:
    async with connect(f"sqlite:{tmp_path}/other.db?mode=rwc", name="bulk_other") as connected:
        await connected.create_tables(Shop, Ware)
        yield connected


async def test_rows_go_where_they_are_sent(other):
    assert await Ware.bulk_create(wares(3), using=other, returning=False) == 3
    assert await Ware.using(other).bulk_create(wares(2), returning=False) == 2
    assert await Ware.count() == 0
    assert await other.query(Ware).count() == 5


async def test_rows_of_another_database_are_not_referred_to(other):
    shop = await other.create(Shop)
    with pytest.raises(QueryError, match=r"^Ware\.shop: this Shop came from "):
        await Ware.bulk_create([Ware(shop=shop)], returning=False)


async def test_what_is_overwritten_comes_back():
    text = r"^what is overwritten comes back: leave out returning=False, or use bulk_upsert\(\)$"
    for rows in ([Ware(id=1)], []):
        with pytest.raises(QueryError, match=text):
            await Ware.bulk_create(rows, returning=False, on_conflict="update")


async def test_rows_are_overwritten_with_progress_too():
    await Ware.bulk_create([Ware(id=at, name="old") for at in range(1, 3)])
    told: list[int] = []
    made = [Ware(id=at, name=str(at)) for at in range(1, 1201)]
    await Ware.bulk_create(made, on_conflict="update", progress=told.append)
    assert told == [1000, 1200]
    assert await Ware.count() == 1200
    assert (await Ware.get(2)).name == "2"
