# Generated from tests/_async/test_objects.py by scripts/unasync.py: edit that file, never this one.
"""Objects made of rows: keys and values of every type, by group, along relations and in queries around queries."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, NaiveDatetime, SecretStr

from ferro.sync import (
    BackRef,
    DataError,
    Field,
    ForeignKey,
    Model,
    QueryError,
    Range,
    Relation,
    array_agg,
    coalesce,
    count,
    object_agg,
    scalar,
)


class Colour(Enum):
    RED = "red"
    WHITE = "white"


class Soil(BaseModel):
    lime: Decimal


class Cellar(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    bottles: Relation[list["Bottle"]] = BackRef()


class Bottle(Model):
    id: int | None = Field(default=None, primary_key=True)
    label: str
    cellar: Cellar | None = ForeignKey(related_name="bottles")
    price: Decimal | None = None
    colour: Colour | None = None
    filled: datetime | None = None
    drunk: NaiveDatetime | None = None
    picked: date | None = None
    opened: time | None = None
    aged: timedelta | None = None
    code: UUID | None = None
    scanner: IPv4Address | None = None
    photo: bytes | None = None
    weight: float | None = None
    sealed: bool | None = None
    owner: SecretStr | None = None
    notes: dict[str, Any] | None = None
    soil: Soil | None = None
    grapes: list[str] | None = Field(default=None, db_type="array")
    bids: tuple[Decimal | None, ...] | None = Field(default=None, db_type="array")
    tastings: list[datetime] | None = Field(default=None, db_type="array")
    seals: list[bytes] | None = Field(default=None, db_type="array")
    grams: list[float] | None = Field(default=None, db_type="array")
    years: Range[int] | None = None
    drinkable: Range[datetime] | None = None
    offers: Range[Decimal] | None = None


AT = datetime(2024, 2, 29, 1, 2, 3, 40, tzinfo=UTC)
SCALARS: dict[str, Any] = {
    "price": Decimal("12345678901234567890.50"),
    "colour": Colour.WHITE,
    "filled": AT,
    "drunk": AT.replace(tzinfo=None),
    "picked": AT.date(),
    "opened": AT.time(),
    "aged": timedelta(days=-800, microseconds=1),
    "code": UUID(int=7),
    "scanner": IPv4Address("10.0.0.1"),
    "photo": b"\x00\xff",
    "weight": 0.1,
    "sealed": False,
    "owner": SecretStr("Ann"),
    "years": Range(1, 4),
    "drinkable": Range(AT, None, "(]"),
    "offers": Range(Decimal("1.0"), Decimal("2.50"), "(]"),
}
OTHERS: dict[str, Any] = {
    "notes": {"a": [1, 2.5, None], "b": "☃"},
    "soil": Soil(lime=Decimal("1.50")),
    "grapes": ["a", 'b,"{', ""],
    "bids": (Decimal("1.00"), None),
    "tastings": [AT, AT],
    "seals": [b"", b"\x01"],
    "grams": [1.0, 0.1, 1e300],
}
EVERYTHING = SCALARS | OTHERS
NOTHING = {"grapes": [], "seals": [], "notes": {}, "years": Range[int].empty(), "weight": float("-inf")}


@pytest.fixture
def bottles(database):
    database.create_tables(Cellar, Bottle)
    cellars = [Cellar.create(name=name) for name in ("north", "south", "empty")]
    Bottle.bulk_create(
        [
            Bottle(label="a", cellar=cellars[0], **EVERYTHING),
            Bottle(label="b", cellar=cellars[0]),
            Bottle(label="c", cellar=cellars[1], price=Decimal("2.50"), **NOTHING),
            Bottle(label="c", weight=-0.0),
        ]
    )
    return database


@pytest.mark.parametrize("name", EVERYTHING)
def test_values_are_what_instances_hold(bottles, name):
    found = Bottle.select(lambda b: object_agg(b.id, getattr(b, name), order_by=b.id)).one()
    assert repr(found) == repr({bottle.id: getattr(bottle, name) for bottle in Bottle.order_by("id").all()})
    assert repr(EVERYTHING[name]) in repr(found)


@pytest.mark.parametrize("name", SCALARS)
def test_keys_are_what_instances_hold(bottles, name):
    found = Bottle.where(lambda b: b.label == "a").select(lambda b: object_agg(getattr(b, name), b.id)).one()
    ((key, _),) = found.items()
    assert repr(key) == repr(SCALARS[name])


@pytest.mark.parametrize("name", OTHERS)
def test_what_python_cannot_hash_is_no_key(bottles, name):
    with pytest.raises(QueryError, match=rf"^object_agg\(\) makes a dict, and bottle.{name} cannot be a key of one"):
        Bottle.select(lambda b: object_agg(getattr(b, name), b.id))


@pytest.mark.backends("postgres")
def test_the_settings_of_a_session_change_no_value(bottles):
    with bottles.transaction() as block:
        block.execute("SET LOCAL timezone = 'America/St_Johns'")
        block.execute("SET LOCAL datestyle = 'SQL, DMY'")
        block.execute("SET LOCAL intervalstyle = 'sql_standard'")
        block.execute("SET LOCAL bytea_output = 'escape'")
        for name in ("filled", "drunk", "picked", "opened", "aged", "photo", "tastings", "seals", "drinkable"):
            query = Bottle.where(lambda b: b.label == "a").select(
                lambda b, name=name: object_agg(b.id, getattr(b, name))
            )
            assert repr(list(query.one().values())) == repr([EVERYTHING[name]])


def test_groups_have_objects_of_their_own(bottles):
    by_cellar = Bottle.select(
        lambda b: {"cellar": b.cellar.name, "prices": object_agg(b.label, b.price, order_by=b.id)}
    ).order_by("cellar")
    assert by_cellar.all() == [
        {"cellar": "north", "prices": {"a": EVERYTHING["price"], "b": None}},
        {"cellar": "south", "prices": {"c": Decimal("2.50")}},
        {"cellar": None, "prices": {"c": None}},
    ]
    assert by_cellar.having(lambda b: count() > 1).count() == 1


def test_of_rows_with_one_key_the_last_one_counts(bottles):
    up = Bottle.select(lambda b: object_agg(b.label, b.price, order_by=b.id)).one()
    down = Bottle.select(lambda b: object_agg(b.label, b.price, order_by=b.id.desc())).one()
    assert (up["c"], down["c"]) == (None, Decimal("2.50"))


def test_a_group_without_rows_has_an_empty_object(bottles):
    some = Bottle.select(lambda b: (b.label, object_agg(b.id, b.price, filter=b.sealed.is_not_null()))).order_by(
        "label"
    )
    assert some.all() == [("a", {1: EVERYTHING["price"]}), ("b", {}), ("c", {})]
    assert Bottle.where(lambda b: b.id > 99).select(lambda b: object_agg(b.id, b.label)).one() == {}


def test_a_row_without_a_key_is_an_error_on_every_database(bottles):
    with pytest.raises(
        DataError, match=r"is no dict\[Colour, int\]: a row has no key; leave such rows out by filter=$"
    ):
        Bottle.select(lambda b: object_agg(b.colour, b.id)).one()
    found = Bottle.select(lambda b: object_agg(b.colour, b.id, filter=b.colour.is_not_null())).one()
    assert found == {Colour.WHITE: 1}


def test_collections_and_queries_around_queries_have_objects(bottles):
    cellar = Cellar.get(1)
    assert cellar.bottles.select(lambda b: object_agg(b.id, b.label)).one() == {1: "a", 2: "b"}
    theirs = Cellar.select(
        lambda c: (
            c.name,
            scalar(Bottle.where(lambda b: b.cellar_id == c.id).select(lambda b: object_agg(b.label, b.price))),
        )
    )
    assert theirs.order_by("name").all() == [
        ("empty", {}),
        ("north", {"a": EVERYTHING["price"], "b": None}),
        ("south", {"c": Decimal("2.50")}),
    ]


def test_an_object_may_hold_objects_and_lists(bottles):
    groups = (
        Bottle.where(lambda b: b.cellar_id.is_not_null())
        .select(
            lambda b: {
                "cellar": b.cellar_id,
                "prices": object_agg(b.label, b.price, order_by=b.id),
                "ids": array_agg(b.price, order_by=b.id),
            }
        )
        .cte("groups")
    )
    north, south = EVERYTHING["price"], Decimal("2.50")
    assert groups.select(lambda g: object_agg(coalesce(g.cellar, 0), g.prices, order_by=g.cellar)).one() == {
        1: {"a": north, "b": None},
        2: {"c": south},
    }
    assert groups.select(lambda g: object_agg(g.cellar, g.ids)).one() == {1: [north, None], 2: [south]}
    assert groups.select(lambda g: array_agg(g.prices, order_by=g.cellar)).one() == [
        {"a": north, "b": None},
        {"c": south},
    ]


def test_objects_of_different_types_are_no_rows_of_one_query(bottles):
    prices = Bottle.select(lambda b: object_agg(b.id, b.price))
    with pytest.raises(QueryError, match=r"\(dict\[int, Decimal\]\) in the first query and .* \(dict\[int, str\]\) in"):
        prices.union(Bottle.select(lambda b: object_agg(b.id, b.label)))
    dearer = Bottle.where(lambda b: b.price > 100).select(lambda b: object_agg(b.id, b.price))
    assert prices.except_(dearer).all() == [{1: EVERYTHING["price"], 2: None, 3: Decimal("2.50"), 4: None}]


@dataclass
class Shelf:
    cellar: str | None
    prices: dict[str, Decimal | None]


def test_an_object_is_a_field_of_any_class(bottles):
    query = Bottle.where(lambda b: b.label == "b").select(
        lambda b: {"cellar": b.cellar.name, "prices": object_agg(b.label, b.price)}, into=Shelf
    )
    assert query.all() == [Shelf("north", {"b": None})]
    assert [shelf for shelf in query.stream()] == [Shelf("north", {"b": None})]


def test_arrays_of_any_length_make_a_list(database):
    database.create_tables(Cellar, Bottle)
    given = [["Merlot"], ["Malbec", "Syrah"], [], None]
    Bottle.bulk_create([Bottle(label=str(at), grapes=grapes) for at, grapes in enumerate(given)])
    bids = [(Decimal("1.50"), None), (), None, (Decimal("1e-7"),)]
    times = [[AT], [], [AT + timedelta(days=1), AT], None]
    for at in range(4):
        Bottle.where(lambda b, at=at: b.label == str(at)).update(bids=bids[at], tastings=times[at])
    for column, expected in (("grapes", given), ("bids", bids), ("tastings", times)):
        found = Bottle.select(lambda b, column=column: array_agg(getattr(b, column), order_by=b.label)).all()
        assert found == [expected]
