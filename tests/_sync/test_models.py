# Generated from tests/_async/test_models.py by scripts/unasync.py: edit that file, never this one.
"""Models and their tables: what is declared is what the database keeps to."""

import copy
import pickle
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import pydantic
import pytest
from postponed import Margin, Mood, Note
from pydantic import BaseModel, ConfigDict, NaiveDatetime, PrivateAttr, SecretStr, computed_field, field_validator

from ferro.sync import (
    Check,
    CheckViolationError,
    DataError,
    FerroField,
    Field,
    Model,
    ModelBase,
    ModelDefinitionError,
    NotNullViolationError,
    OperationalError,
    UniqueViolationError,
    cast,
    col,
    varchar,
)


def columns_of(database, table: str) -> list[str]:
    if database.dialect.name == "sqlite":
        rows = database.fetch_all(f"SELECT name FROM pragma_table_info('{table}')")
    else:
        rows = database.fetch_all(
            "SELECT column_name AS name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position",
            table,
        )
    return [row["name"] for row in rows]


def indexes_of(database, table: str) -> set[str]:
    if database.dialect.name == "sqlite":
        rows = database.fetch_all(f"SELECT name FROM pragma_index_list('{table}')")
    else:
        rows = database.fetch_all(
            "SELECT indexname AS name FROM pg_indexes WHERE schemaname = current_schema() AND tablename = $1", table
        )
    return {row["name"] for row in rows}


# Inheritance.


def test_fields_are_inherited_and_each_class_has_its_table(database):
    class Animal(Model):
        id: int | None = Field(default=None, primary_key=True)
        name: str = Field(index=True)
        legs: int = 4

    class Bird(Animal):
        wings: int = 2
        legs: int = 2

    database.create_tables(Animal, Bird)
    Animal.create(name="cat")
    Bird.create(name="owl")
    assert columns_of(database, "bird") == ["id", "name", "legs", "wings"]
    assert [(b.name, b.legs, b.wings) for b in Bird.where(lambda b: b.wings == 2).all()] == [("owl", 2, 2)]
    assert [a.name for a in Animal.all()] == ["cat"]
    assert type(Bird.get(1)) is Bird


def test_an_abstract_base_has_fields_and_no_table(database):
    class Stamped(Model):
        __ferro_abstract__ = True

        id: int | None = Field(default=None, primary_key=True)
        made: datetime = Field(default_factory=lambda: datetime.now(UTC))

        def age(self) -> timedelta:
            return datetime.now(UTC) - self.made

    class Letter(Stamped):
        text: str

    database.create_tables(Letter)
    letter = Letter.create(text="hello")
    assert Letter.get(letter.id).age() < timedelta(minutes=1)
    assert columns_of(database, "letter") == ["id", "made", "text"]
    assert columns_of(database, "stamped") == []
    text = "^Stamped is abstract and has no table: use one of its subclasses$"
    with pytest.raises(ModelDefinitionError, match=text):
        Stamped.all()


def test_a_plain_class_can_mix_in_fields_and_methods(database):
    class Named(BaseModel):
        name: str

        def shout(self) -> str:
            return self.name.upper()

    class Boat(Named, Model):
        id: int | None = Field(default=None, primary_key=True)

    database.create_tables(Boat)
    Boat.create(name="Argo")
    assert Boat.where(Boat.name == "Argo").one().shout() == "ARGO"


def test_a_model_without_colour_belongs_to_every_handle(database):
    class Plain(ModelBase):
        id: int | None = Field(default=None, primary_key=True)
        text: str = ""

    database.create_tables(Plain)
    plain = database.create(Plain, text="one")
    plain.text = "two"
    database.save(plain)
    assert [found.text for found in database.query(Plain).all()] == ["two"]
    assert not hasattr(plain, "save")


def test_pydantics_own_features_work_on_rows_that_were_read(database):
    class Circle(Model):
        id: int | None = Field(default=None, primary_key=True)
        radius: int
        unit: ClassVar[str] = "cm"
        _drawn: bool = PrivateAttr(default=False)

        @field_validator("radius")
        @classmethod
        def positive(cls, radius: int) -> int:
            assert radius > 0
            return radius

        @computed_field
        @property
        def across(self) -> int:
            return self.radius * 2

    database.create_tables(Circle)
    Circle.create(radius=3)
    circle = Circle.get(1)
    assert circle.model_dump() == {"id": 1, "radius": 3, "across": 6}
    assert circle._drawn is False
    assert circle.model_copy(update={"radius": 4}).across == 8
    assert Circle.model_validate_json(circle.model_dump_json()) == circle
    assert columns_of(database, "circle") == ["id", "radius"]


class Answering:
    def __getattr__(self, name: str) -> str:
        if name.startswith("say_"):
            return name.removeprefix("say_")
        raise AttributeError(name)


class Parrot(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    words: list[str] = Field(default_factory=list)

    __getattr__ = vars(Answering)["__getattr__"]


class Mynah(Answering, Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    words: list[str] = Field(default_factory=list)


@pytest.mark.parametrize("model", [Parrot, Mynah])
def test_a_model_may_answer_for_attributes_that_are_not_there(database, model):
    database.create_tables(model)
    made = model.create(name="Jo", words=["hi"])
    for look in (
        lambda one: one == made,
        lambda one: one.model_fields_set == {"id", "name", "words"},
        lambda one: one.model_dump(exclude_unset=True) == {"id": 1, "name": "Jo", "words": ["hi"]},
        lambda one: copy.deepcopy(one) == made,
        lambda one: pickle.loads(pickle.dumps(one)) == made,
        lambda one: (one.say_hello, one.model_extra) == ("hello", None),
    ):
        assert look(model.get(1))
    with pytest.raises(AttributeError, match="sing"):
        _ = model.get(1).sing


class Hue(Enum):
    RED = "r"
    BLUE = "b"


class Depth(IntEnum):
    LOW = 1


class Corner(Enum):
    HERE = (1, 2)


@dataclass
class Spot:
    hue: Hue


class Paint(Model):
    model_config = ConfigDict(use_enum_values=True)

    id: int | None = Field(default=None, primary_key=True)
    hue: Hue
    depth: Depth
    corner: Corner
    other: Hue | None = None
    always: Literal[Hue.RED] = Field(default=Hue.RED, validate_default=True)
    hues: list[Hue] = Field(default_factory=list)
    spots: dict[str, Spot] = Field(default_factory=dict)
    spot: Spot | None = None
    tags: list[Hue] = Field(default_factory=list, db_type="array")


def test_a_model_may_hold_the_values_of_enumerations(database):
    database.create_tables(Paint)
    made = Paint.create(
        hue=Hue.BLUE, depth=1, corner=(1, 2), hues=["r"], spots={"a": Spot("b")}, spot=Spot("r"), tags=[Hue.RED]
    )
    found = Paint.get(1)
    assert found == made
    assert (found.hue, type(found.depth), found.corner, found.other, found.always) == ("b", int, (1, 2), None, "r")
    assert (found.hues, found.tags) == (["r"], ["r"])
    assert found.model_dump() == made.model_dump()
    assert Paint.where(lambda p: (p.hue == Hue.BLUE) & (p.tags == [Hue.RED])).select("hue").all() == [("b",)]
    found.hue, found.corner, found.hues = "r", Corner.HERE, [*found.hues, "b"]
    found.save()
    assert Paint.where(lambda p: p.hue == "r").select("hue", "corner", "hues").all() == [("r", (1, 2), ["r", "b"])]


def test_validators_do_not_run_on_rows_that_are_read(database):
    class Guarded(Model):
        id: int | None = Field(default=None, primary_key=True)
        size: int

        @field_validator("size")
        @classmethod
        def small(cls, size: int) -> int:
            assert size < 10, "too large"
            return size

    database.create_tables(Guarded)
    database.execute("INSERT INTO guarded (size) VALUES (99)")
    assert Guarded.first().size == 99
    with pytest.raises(pydantic.ValidationError, match="too large"):
        Guarded.create(size=99)


# Ways to write the same.


def test_every_way_to_declare_a_column_makes_the_same_table(database):
    class One(Model):
        id: int | None = Field(default=None, primary_key=True)
        name: str = Field(unique=True)

    class Two(Model):
        id: Annotated[int | None, Field(default=None, primary_key=True)]
        name: Annotated[str, Field(unique=True)]

    class Three(Model):
        id: Annotated[int | None, FerroField(primary_key=True)] = None
        name: Annotated[str, FerroField(unique=True)]

    class Four(Model):
        id: int | None = pydantic.Field(default=None, json_schema_extra={"primary_key": True})
        name: str = pydantic.Field(json_schema_extra={"unique": True})

    database.create_tables(One, Two, Three, Four)
    for model in (One, Two, Three, Four):
        made = model.create(name="ann")
        assert (made.id, model.get(1).name) == (1, "ann")
        with pytest.raises(UniqueViolationError):
            model.create(name="ann")


def test_annotations_that_are_text_are_understood(database):
    database.create_tables(Note)
    written = datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    note = database.create(
        Note, text="hi", mood=Mood.SAD, worth=Decimal("1.10"), written=written, margin=Margin(words=["x"])
    )
    assert database.get(Note, note.id) == note
    assert database.query(Note).where(lambda n: n.mood == Mood.SAD).count() == 1


def test_a_class_defined_again_replaces_the_first(database):
    class Draft(Model):
        id: int | None = Field(default=None, primary_key=True)

    first = Draft

    class Draft(Model):
        id: int | None = Field(default=None, primary_key=True)
        text: str = "new"

    database.create_tables(Draft)
    assert Draft.create().text == "new"
    assert columns_of(database, "draft") == ["id", "text"]
    assert [row.id for row in first.all()] == [1]


def test_tables_and_columns_are_named_as_declared(database):
    class Odd(Model):
        __ferro_table__ = "Order"

        id: int | None = Field(default=None, primary_key=True, column="order id")
        select: str = Field(column="group", index=True)
        percent: int = Field(default=0, column='100% "sure"')

    database.create_tables(Odd)
    assert columns_of(database, "Order") == ["order id", "group", '100% "sure"']
    odd = Odd.create(select="x", percent=5)
    odd.percent = 6
    odd.save()
    found = Odd.where(lambda o: (o.select == "x") & (o.percent > 5)).order_by("-percent").all()
    assert found == [Odd(id=1, select="x", percent=6)]
    assert Odd.where(lambda o: o.id == 1).update(percent=Odd.percent + 1) == 1
    assert Odd.query().select("percent").all() == [(7,)]
    assert Odd.upsert(id=1, percent=9, select="x").percent == 9


def test_columns_stand_in_the_order_of_the_fields(database):
    class Zoo(Model):
        zebra: int = 0
        id: int | None = Field(default=None, primary_key=True)
        ant: int = 0

    database.create_tables(Zoo)
    assert columns_of(database, "zoo") == ["zebra", "id", "ant"]


# Constraints.


def test_composite_uniques_are_kept_and_named(database):
    class Grade(Model):
        __ferro_composite_uniques__ = (("pupil", "subject"),)
        __ferro_composite_indexes__ = (("subject", "mark"),)

        id: int | None = Field(default=None, primary_key=True)
        pupil: str
        subject: str
        mark: int | None = Field(default=None, index=True)

    database.create_tables(Grade)
    Grade.create(pupil="ann", subject="art")
    Grade.create(pupil="ann", subject="maths")
    with pytest.raises(UniqueViolationError) as caught:
        Grade.create(pupil="ann", subject="art")
    if database.dialect.name == "postgresql":
        assert caught.value.constraint == "uq_grade_pupil_subject"
    else:
        assert (caught.value.table, caught.value.column) == ("grade", "pupil, subject")
    assert {"idx_grade_subject_mark", "idx_grade_mark"} <= indexes_of(database, "grade")


def test_a_check_is_kept_by_the_database(database):
    class Price(Model):
        __ferro_checks__ = (
            Check("positive", lambda m: m.amount > 0),
            Check("order", lambda m: (m.low <= m.high) | (m.high == None)),
        )

        id: int | None = Field(default=None, primary_key=True)
        amount: Decimal
        low: int = 0
        high: int | None = None

    database.create_tables(Price)
    Price.create(amount=Decimal("0.01"), low=1, high=1)
    Price.create(amount=Decimal(2), low=1)
    with pytest.raises(CheckViolationError) as caught:
        Price.create(amount=Decimal(-1))
    assert caught.value.constraint == "ck_price_positive"
    with pytest.raises(CheckViolationError) as caught:
        Price.where(lambda p: p.id == 1).update(low=2)
    assert caught.value.constraint == "ck_price_order"
    assert Price.count() == 2


def test_an_enum_is_checked_by_the_database_where_asked_for(database):
    class State(Enum):
        OPEN = "open"
        SHUT = "shut"

    class Level(IntEnum):
        LOW = 1
        HIGH = 2

    class Door(Model):
        id: int | None = Field(default=None, primary_key=True)
        state: State = Field(db_type="text", db_check=True)
        level: Level | None = Field(default=None, db_type="int", db_check=True)

    database.create_tables(Door)
    Door.create(state=State.OPEN, level=Level.HIGH)
    with pytest.raises(CheckViolationError) as caught:
        database.execute("INSERT INTO door (state) VALUES ('ajar')")
    assert caught.value.constraint == "ck_door_state"
    with pytest.raises(CheckViolationError) as caught:
        database.execute("INSERT INTO door (state, level) VALUES ('open', 3)")
    assert caught.value.constraint == "ck_door_level"
    assert Door.all() == [Door(id=1, state=State.OPEN, level=Level.HIGH)]


def test_what_may_be_null_follows_the_annotation(database):
    class Form(Model):
        id: int | None = Field(default=None, primary_key=True)
        needed: str = "default"
        free: str | None = "default"
        forced: str | None = Field(default=None, nullable=False)

    database.create_tables(Form)
    for values in ("NULL, 'x', 'x'", "'x', 'x', NULL"):
        with pytest.raises(NotNullViolationError):
            database.execute(f"INSERT INTO form (needed, free, forced) VALUES ({values})")
    database.execute("INSERT INTO form (needed, free, forced) VALUES ('x', NULL, 'x')")
    assert Form.first().free is None


def test_a_column_holds_no_more_than_its_type_says(database):
    class Narrow(Model):
        id: int | None = Field(default=None, primary_key=True)
        small: int = Field(default=0, db_type="smallint")
        short: str = Field(default="", db_type=varchar(3))

    database.create_tables(Narrow)
    Narrow.create(small=32767, short="abc")
    for values in ({"small": 32768}, {"short": "abcd"}, {"small": 2**63}):
        with pytest.raises((DataError, ValueError)):
            Narrow.create(**values)
    assert Narrow.count() == 1


def test_making_tables_again_changes_nothing(database):
    class Box(Model):
        id: int | None = Field(default=None, primary_key=True)
        label: str = Field(default="", unique=True, index=True)

    database.create_tables(Box)
    Box.create(label="a")
    database.create_tables(Box)
    assert [box.label for box in Box.all()] == ["a"]


def test_tables_are_made_all_or_none(database):
    class Good(Model):
        id: int | None = Field(default=None, primary_key=True)

    class Clash(Model):
        id: int | None = Field(default=None, primary_key=True)
        name: str = Field(index=True)

    database.execute("CREATE VIEW clash AS SELECT 1 AS id, 'ann' AS name")
    with pytest.raises(OperationalError, match="^SQL Execution failed for 'Clash' table: .*(view|relation)"):
        database.create_tables(Good, Clash)
    assert columns_of(database, "good") == []


# Tables that others made.


def test_an_index_on_a_column_the_table_does_not_have_is_an_error(database):
    class Shelf(Model):
        id: int | None = Field(default=None, primary_key=True)
        place: str = Field(index=True)

    database.execute("CREATE TABLE shelf (id integer PRIMARY KEY)")
    with pytest.raises(OperationalError, match="^SQL Execution failed for 'Shelf' table: .*column.*place"):
        database.create_tables(Shelf)


@pytest.mark.backends("postgres")
def test_a_table_made_by_hand_is_read_and_written_by_its_own_types(database):
    database.execute("CREATE TYPE mood AS ENUM ('glad', 'sad')")
    database.execute(
        "CREATE TABLE memo (id serial PRIMARY KEY, mood mood, mood_text mood, key uuid, written timestamp, "
        "price numeric(10, 2), size smallint, doc json, label varchar(10), day date, at time, flag boolean, ratio real)"
    )

    class Memo(Model):
        id: int | None = Field(default=None, primary_key=True)
        mood: Mood | None = None
        mood_text: str | None = None
        key: UUID | None = None
        written: datetime | None = None
        price: Decimal | None = None
        size: int | None = None
        doc: dict[str, Any] | None = Field(default=None, db_type="json")
        label: str | None = None
        day: date | None = None
        at: time | None = None
        flag: bool | None = None
        ratio: float | None = None

    empty = Memo.create()
    full = Memo.create(
        mood=Mood.GLAD,
        mood_text="sad",
        key=UUID(int=5),
        price=Decimal("1.50"),
        size=7,
        doc={"a": 1},
        label="x",
        day=date(2024, 1, 2),
        at=time(3, 4, 5),
        flag=True,
        ratio=0.5,
    )
    assert Memo.get(empty.id) == empty
    assert Memo.get(full.id) == full
    for condition in (
        lambda m: m.mood == Mood.GLAD,
        lambda m: m.mood_text == "sad",
        lambda m: m.mood_text.in_(["sad"]),
        lambda m: m.mood.in_([Mood.GLAD]),
        lambda m: m.key == UUID(int=5),
        lambda m: m.price == Decimal("1.5"),
        lambda m: m.size == 7,
        lambda m: m.size.in_([7, 8]),
        lambda m: m.doc == {"a": 1},
        lambda m: m.label.startswith("x"),
        lambda m: m.day == date(2024, 1, 2),
        lambda m: m.at == time(3, 4, 5),
        lambda m: m.flag,
        lambda m: m.ratio == 0.5,
    ):
        query = Memo.where(condition)
        assert (repr(query), [memo.id for memo in query.all()]) == (repr(query), [full.id])
    full.mood, full.mood_text, full.key, full.price = Mood.SAD, None, None, None
    full.save()
    assert Memo.get(full.id) == full
    assert Memo.update(mood=None, key=UUID(int=6), doc=None, size=Memo.size + 1) == 2


@pytest.mark.backends("postgres")
def test_a_timestamp_without_time_zone_is_read_as_utc_under_datetime(database):
    database.execute("CREATE TABLE entry (id serial PRIMARY KEY, written timestamp)")
    database.execute("INSERT INTO entry (written) VALUES ('2024-05-01 12:00:00')")

    class Entry(Model):
        id: int | None = Field(default=None, primary_key=True)
        written: datetime | None = Field(default=None, db_type="timestamp")

    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    assert Entry.get(1).written == noon
    assert Entry.where(lambda e: e.written == noon).count() == 1
    entry = Entry.create(written=noon)
    assert Entry.get(entry.id).written == noon


@pytest.mark.backends("postgres")
def test_a_timestamp_without_time_zone_is_understood_unannounced(database):
    database.execute("CREATE TABLE entry (id serial PRIMARY KEY, written timestamp)")

    class Entry(Model):
        id: int | None = Field(default=None, primary_key=True)
        written: datetime | None = None

    noon = datetime(2024, 5, 1, 12, tzinfo=UTC)
    Entry.create(written=noon)
    assert Entry.where(lambda e: e.written == noon).count() == 1
    found = Entry.get(1).written
    assert found == noon
    assert found.tzinfo is not None


@pytest.mark.backends("sqlite")
def test_other_tools_can_open_the_file(database):
    class Kind(Enum):
        BIG = "big"

    class Ware(Model):
        id: int | None = Field(default=None, primary_key=True)
        name: str = Field(unique=True)
        price: Decimal = Field(index=True)
        made: datetime
        day: date
        key: UUID
        kind: Kind
        data: dict[str, int]
        pin: SecretStr
        fresh: bool = True

    database.create_tables(Ware)
    for number, price in enumerate(("9.50", "10.25", "100")):
        Ware.create(
            name=f"w{number}",
            price=Decimal(price),
            made=datetime(2024, 5, 1, 12, tzinfo=UTC),
            day=date(2024, 5, 1),
            key=UUID(int=number),
            kind=Kind.BIG,
            data={"a": number},
            pin=SecretStr("1234"),
        )
    with closing(sqlite3.connect(database.address.path, isolation_level=None)) as other:
        assert other.execute("SELECT count(*) FROM ware").fetchone() == (3,)
        assert other.execute("SELECT name, price, day, kind, fresh FROM ware WHERE price = '10.25'").fetchall() == [
            ("w1", "10.25", "2024-05-01", "big", 1)
        ]
        assert other.execute("SELECT name FROM ware WHERE made >= '2024-05-01' AND made < '2024-05-02'").fetchall() == [
            ("w0",),
            ("w1",),
            ("w2",),
        ]
        assert other.execute("SELECT data ->> 'a', pin FROM ware WHERE name = 'w2'").fetchone() == (2, "1234")
        assert other.execute("SELECT round(sum(price), 2) FROM ware").fetchone() == (119.75,)
        other.execute("UPDATE ware SET price = '7.25' WHERE name = 'w0'")
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert Ware.order_by("price").first().price == Decimal("7.25")


# What cannot be a table is told when the class is defined.


def test_a_type_that_cannot_be_stored_is_told_with_the_ways_out():
    class Thing:
        pass

    with pytest.raises(ModelDefinitionError, match="^Holder.thing: Thing cannot be stored in a column: use one of"):

        class Holder(Model):
            id: int | None = Field(default=None, primary_key=True)
            thing: Thing


def test_a_model_inside_a_column_is_told_to_be_a_relation():
    class Owner(Model):
        id: int | None = Field(default=None, primary_key=True)

    with pytest.raises(ModelDefinitionError, match="^Pet.owner: Owner is a table of its own: say how the two are"):

        class Pet(Model):
            id: int | None = Field(default=None, primary_key=True)
            owner: Owner


def test_every_type_survives_the_round_trip(database):
    class Everything(Model):
        id: int | None = Field(default=None, primary_key=True)
        whole: int = -(2**63)
        real: float = 1.5e300
        exact: Decimal = Decimal("-0.000000000000000000000001")
        text: str = "ß 🎁 'quoted' \\ %"
        raw: bytes = bytes(range(256))
        day: date = date.max
        clock: time = time(23, 59, 59, 999999)
        instant: datetime = datetime(1, 1, 1, tzinfo=UTC)
        wall: NaiveDatetime = datetime(9999, 12, 31, 23, 59, 59, 999999)
        span: timedelta = timedelta(days=-3, microseconds=1)
        key: UUID = UUID(int=2**128 - 1)
        mood: Mood = Mood.GLAD
        choice: Literal["a", "b"] = "b"
        secret: SecretStr = SecretStr("pst")
        document: dict[str, list[int | None]] = Field(default={"a": [1, None]})
        nested: Margin = Field(default=Margin(words=["x"]))
        nothing: Decimal | None = None

    database.create_tables(Everything)
    made = Everything.create()
    found = Everything.get(1)
    assert found == made
    assert found.exact.as_tuple() == Decimal("-0.000000000000000000000001").as_tuple()
    for name in Everything.model_fields:
        if name != "id":
            query = Everything.query().filter_by(**{name: getattr(made, name)})
            assert (name, query.count()) == (name, 1)


def test_the_last_moment_has_a_date_and_none_after_it(database, backend):
    class Ticket(Model):
        id: int | None = Field(default=None, primary_key=True)
        until: datetime
        clock: NaiveDatetime

    database.create_tables(Ticket)
    last = datetime(9999, 12, 31, 23, 59, 59, 999999)
    Ticket.create(until=last.replace(tzinfo=UTC), clock=last)
    dates = Ticket.select(lambda t: (cast(t.until, date), cast(t.clock, date)))
    assert dates.one() == (date(9999, 12, 31), date(9999, 12, 31))
    assert Ticket.where(lambda t: cast(t.until, date) == date(9999, 12, 31)).count() == 1
    with pytest.raises(DataError) as refused:
        Ticket.select(lambda t: col(t.until) + timedelta(days=1)).all()
    if backend == "sqlite":
        assert str(refused.value) == (
            "Fetch failed: a number, date or time left the range of its type, or a pattern ends with its escape "
            "character: user-defined function raised exception"
        )


def test_a_field_hides_the_call_of_its_name_on_the_class_and_nothing_else(database) -> None:
    class Visit(Model):
        id: int | None = Field(default=None, primary_key=True)
        page: str
        count: int = 1
        query: str = ""

    class Return(Visit):
        days: int = 0

    database.create_tables(Visit, Return)
    Visit.bulk_create([Visit(page="/"), Visit(page="/a", count=3, query="x=1")])
    assert Visit.where(Visit.page != "/").one().count == 3
    assert [visit.page for visit in Visit.order_by(Visit.count.desc()).all()] == ["/a", "/"]
    assert Visit.max(Visit.query) == "x=1"
    assert Visit.where(lambda v: v.id > 0).count() == 2
    assert database.query(Visit).page(1, 1).total == 2
    assert Return.where(Return.page == "/").exists() is False
