# Generated from tests/_async/test_read.py by scripts/unasync.py: edit that file, never this one.
"""Reading: every terminal, and every operator by the rows it finds."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from statements import sent

from ferro.sync import (
    Database,
    Field,
    Mapped,
    Model,
    ModelDoesNotExist,
    MultipleRowsFound,
    OperationalError,
    OptionError,
    QueryError,
    UnknownColumnError,
    abs_,
    array_agg,
    avg,
    cast,
    coalesce,
    col,
    connect,
    count,
    exists,
    fn,
    length,
    lower,
    max_,
    min_,
    not_,
    now,
    raw,
    rows,
    scalar,
    sum_,
    upper,
)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 9


class Toy(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    price: Decimal | None = None
    stock: int = 0
    sold: int = 0
    weight: float | None = None
    fragile: bool = False
    made: date | None = None
    seen: datetime | None = None
    colour: Colour | None = None
    size: Size | None = None
    code: UUID | None = None
    host: IPv4Address | None = None
    tags: list[str] | None = None
    picture: bytes | None = None
    nickname: str | None = None
    pin: SecretStr | None = None


NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
TOYS = [
    {
        "name": "Bear",
        "price": Decimal("9.50"),
        "stock": 3,
        "sold": 5,
        "weight": 0.5,
        "made": date(2020, 1, 1),
        "seen": NOON,
        "colour": Colour.RED,
        "size": Size.LARGE,
        "code": UUID(int=1),
        "host": IPv4Address("10.0.0.9"),
        "tags": ["soft"],
        "picture": b"\x00\xff",
        "pin": SecretStr("1234"),
    },
    {
        "name": "100% Car_t",
        "price": Decimal("100.25"),
        "stock": 7,
        "sold": 2,
        "weight": 1.5,
        "fragile": True,
        "made": date(2021, 6, 1),
        "colour": Colour.BLUE,
        "size": Size.SMALL,
        "code": UUID(int=2),
        "nickname": "Zed",
    },
    {"name": "doll", "stock": 0, "sold": 0, "tags": ["soft", "old"], "nickname": "Ada"},
    {"name": "ÄRA", "price": Decimal("9.5"), "stock": -4, "sold": 4, "fragile": True, "host": IPv4Address("10.0.0.10")},
]


@pytest.fixture
def database(database: Database) -> Database:
    """Give the test a database with four toys in it."""
    database.create_tables(Toy)
    Toy.bulk_create([Toy(**values) for values in TOYS])
    return database


@pytest.fixture
def toys() -> list[Toy]:
    return [Toy(id=number, **values) for number, values in enumerate(TOYS, 1)]


def exactly(text: str) -> str:
    return f"^{re.escape(text)}$"


# One row.


def test_get_reads_a_row_whole(database, toys):
    assert Toy.get(1) == toys[0]
    assert database.get(Toy, 2) == toys[1]


def test_get_of_a_missing_row_raises(database):
    text = "Toy 9 does not exist: where that may be so, use get_or_none()"
    with pytest.raises(ModelDoesNotExist, match=exactly(text)) as caught:
        Toy.get(9)
    assert (caught.value.model, caught.value.pk) == (Toy, 9)
    assert isinstance(caught.value, LookupError)


def test_get_or_none_of_a_missing_row_is_none(database, toys):
    assert Toy.get_or_none(9) is None
    assert database.get_or_none(Toy, 9) is None
    assert Toy.get_or_none(1) == toys[0]


@pytest.mark.parametrize(
    ("pk", "text"),
    [
        ("one", "Toy.id: expected int, got 'one'"),
        (None, "Toy.id is a primary key and never None"),
        (1.5, "Toy.id: expected int, got 1.5"),
    ],
)
def test_a_key_that_is_none_is_refused(database, pk, text):
    with pytest.raises(QueryError, match=f"^{re.escape(text)}"):
        Toy.get(pk)


def test_get_takes_a_key_and_nothing_else(database):
    with pytest.raises(TypeError):
        Toy.get()
    with pytest.raises(TypeError):
        Toy.get(id=1)


def test_first_is_one_row_or_none(database, toys):
    assert Toy.order_by("-id").first() == toys[3]
    assert Toy.where(lambda t: t.stock > 100).first() is None
    assert Toy.order_by("id").offset(2).first() == toys[2]
    assert Toy.limit(0).first() is None
    assert Toy.first() in toys


def test_one_is_the_only_row(database, toys):
    assert Toy.where(lambda t: t.name == "doll").one() == toys[2]
    text = "no Toy matches this query, and one() needs exactly one: where there may be none, use one_or_none()"
    with pytest.raises(ModelDoesNotExist, match=exactly(text)):
        Toy.where(lambda t: t.name == "nobody").one()
    text = (
        "more than one Toy matches this query, and one() allows only one: "
        "add a condition that tells them apart, or take the first() of an order_by()"
    )
    with pytest.raises(MultipleRowsFound, match=exactly(text)):
        Toy.where(lambda t: t.fragile).one()


def test_one_or_none_is_the_only_row_or_none(database, toys):
    assert Toy.where(lambda t: t.name == "doll").one_or_none() == toys[2]
    assert Toy.where(lambda t: t.name == "nobody").one_or_none() is None
    with pytest.raises(MultipleRowsFound, match="^more than one Toy matches this query, and one_or_none\\(\\) allows"):
        Toy.query().one_or_none()


# All rows, and their number.


def test_all_reads_every_row(database, toys):
    assert Toy.order_by("id").all() == toys
    assert sorted(toy.id for toy in Toy.all()) == [1, 2, 3, 4]
    assert Toy.where(lambda t: t.id == 77).all() == []


def test_count_and_exists(database):
    assert Toy.count() == 4
    assert Toy.exists() is True
    assert Toy.where(lambda t: t.fragile).count() == 2
    assert Toy.where(lambda t: t.stock > 100).exists() is False
    assert Toy.order_by("id").limit(3).count() == 3
    assert Toy.offset(3).count() == 1
    assert Toy.offset(4).exists() is False
    assert Toy.limit(0).exists() is False


def test_there_is_a_row_where_equal_ones_are_once_and_some_are_left_out(database):
    kinds = Toy.select("fragile").distinct()
    assert [kinds.offset(at).count() for at in range(4)] == [2, 1, 0, 0]
    assert [kinds.offset(at).exists() for at in range(4)] == [True, True, False, False]
    assert Toy.where(lambda t: exists(kinds.offset(1))).count() == 4
    assert Toy.where(lambda t: exists(kinds.offset(2))).count() == 0


def test_exists_asks_for_one_row(database):
    with sent() as statements:
        Toy.where(lambda t: t.stock > 0).exists()
    assert len(statements) == 1
    assert re.fullmatch(r'SELECT 1 FROM "toy" WHERE "toy"."stock" > (\?|\$1) LIMIT (\?|\$2)', statements[0])


def test_aggregates_of_a_whole_query(database):
    assert Toy.sum("stock") == 6
    assert Toy.sum(lambda t: t.stock * 2) == 12
    assert Toy.sum(Toy.price) == Decimal("119.25")
    assert Toy.where(lambda t: t.price != None).avg("price") == Decimal("39.75")
    assert Toy.avg("stock") == 1.5
    assert Toy.min("name") == "100% Car_t"
    assert Toy.max("price") == Decimal("100.25")
    assert Toy.max("made") == date(2021, 6, 1)
    assert Toy.where(lambda t: t.id > 99).sum("stock") is None


# Conditions.

CONDITIONS: dict[str, list[tuple[Callable[[Any], Any], list[int]]]] = {
    "comparing": [
        (lambda t: t.name == "doll", [3]),
        (lambda t: t.name != "doll", [1, 2, 4]),
        (lambda t: t.stock < 0, [4]),
        (lambda t: t.stock <= 0, [3, 4]),
        (lambda t: t.stock > 3, [2]),
        (lambda t: t.stock >= 3, [1, 2]),
        (lambda t: t.stock == 3.0, [1]),
        (lambda t: t.price == Decimal("9.5"), [1, 4]),
        (lambda t: t.price > 9, [1, 2, 4]),
        (lambda t: t.price < Decimal(100), [1, 4]),
        (lambda t: t.weight >= 1.5, [2]),
        (lambda t: t.fragile, [2, 4]),
        (lambda t: t.fragile == True, [2, 4]),
        (lambda t: ~t.fragile, [1, 3]),
        (lambda t: not_(t.fragile), [1, 3]),
        (lambda t: t.made < date(2021, 1, 1), [1]),
        (lambda t: t.seen == NOON, [1]),
        (lambda t: t.seen == datetime.fromisoformat("2024-05-01T14:00:00+02:00"), [1]),
        (lambda t: t.colour == Colour.BLUE, [2]),
        (lambda t: t.colour != Colour.BLUE, [1]),
        (lambda t: t.size == Size.LARGE, [1]),
        (lambda t: t.size > Size.SMALL, [1]),
        (lambda t: t.code == UUID(int=1), [1]),
        (lambda t: t.code == str(UUID(int=1)), [1]),
        (lambda t: t.host == IPv4Address("10.0.0.9"), [1]),
        (lambda t: t.host > IPv4Address("10.0.0.9"), [4]),
        (lambda t: t.tags == ["soft", "old"], [3]),
        (lambda t: t.picture == b"\x00\xff", [1]),
        (lambda t: t.pin == SecretStr("1234"), [1]),
    ],
    "column against column": [
        (lambda t: t.stock == t.sold, [3]),
        (lambda t: t.stock < t.sold, [1, 4]),
        (lambda t: t.price > t.stock, [1, 2, 4]),
        (lambda t: t.name > t.nickname, [3]),
    ],
    "null": [
        (lambda t: t.price == None, [3]),
        (lambda t: t.price != None, [1, 2, 4]),
        (lambda t: t.tags.is_null(), [2, 4]),
        (lambda t: t.tags.is_not_null(), [1, 3]),
    ],
    "lists": [
        (lambda t: t.id.in_([1, 3, 99]), [1, 3]),
        (lambda t: t.id.in_((2,)), [2]),
        (lambda t: t.id.in_({1, 2}), [1, 2]),
        (lambda t: t.id << [4], [4]),
        (lambda t: t.id.in_([]), []),
        (lambda t: t.id.not_in([]), [1, 2, 3, 4]),
        (lambda t: t.id.not_in([1, 3]), [2, 4]),
        (lambda t: t.id.not_in_([1, 3]), [2, 4]),
        (lambda t: ~t.id.in_([1, 3]), [2, 4]),
        (lambda t: t.id.in_(range(2, 4)), [2, 3]),
        (lambda t: t.price.in_([Decimal("9.5")]), [1, 4]),
        (lambda t: t.price.in_([Decimal("9.50"), None]), [1, 3, 4]),
        (lambda t: t.price.not_in([Decimal("9.50"), None]), [2]),
        (lambda t: ~t.price.not_in([Decimal("9.50"), None]), [1, 3, 4]),
        (lambda t: ~t.price.in_([Decimal("9.50"), None]), [2]),
        (lambda t: t.price.in_([None]), [3]),
        (lambda t: t.price.not_in([None]), [1, 2, 4]),
        (lambda t: t.colour.in_([Colour.RED, Colour.BLUE]), [1, 2]),
        (lambda t: t.code.in_([UUID(int=2)]), [2]),
        (lambda t: t.made.in_([date(2020, 1, 1)]), [1]),
        (lambda t: t.name.in_(["doll", "x' OR 1=1 --"]), [3]),
        (lambda t: t.id.in_(list(range(3, 2000))), [3, 4]),
    ],
    "ranges": [
        (lambda t: t.stock.between(0, 3), [1, 3]),
        (lambda t: t.price.between(Decimal("9.5"), 50), [1, 4]),
        (lambda t: t.made.between(date(2020, 1, 1), date(2020, 1, 1)), [1]),
        (lambda t: t.sold.between(t.stock, 5), [1, 3, 4]),
    ],
    "text": [
        (lambda t: t.name.like("B%"), [1]),
        (lambda t: t.name.like("_oll"), [3]),
        (lambda t: t.name.like("b%"), []),
        (lambda t: t.name.like("100\\% Car\\__"), [2]),
        (lambda t: t.name.ilike("b%"), [1]),
        (lambda t: t.name.ilike("%är%"), [4]),
        (lambda t: t.name.startswith("100%"), [2]),
        (lambda t: t.name.startswith("100_"), []),
        (lambda t: t.name.endswith("_t"), [2]),
        (lambda t: t.name.endswith("t"), [2]),
        (lambda t: t.name.contains("% C"), [2]),
        (lambda t: t.name.contains("%"), [2]),
        (lambda t: t.name.contains("_"), [2]),
        (lambda t: t.name.contains("*"), []),
        (lambda t: t.name.contains("?"), []),
        (lambda t: t.name.contains("["), []),
        (lambda t: t.name.contains("\\"), []),
        (lambda t: t.name.contains(""), [1, 2, 3, 4]),
        (lambda t: t.name.contains("oll"), [3]),
        (lambda t: t.name.contains("OLL"), []),
        (lambda t: t.name.lower() == "bear", [1]),
        (lambda t: lower(t.name) == "ära", [4]),
        (lambda t: t.name.upper() == "DOLL", [3]),
        (lambda t: upper(t.name).startswith("DO"), [3]),
        (lambda t: t.name.length() == 4, [1, 3]),
        (lambda t: length(t.name) == 3, [4]),
        (lambda t: length(t.picture) == 2, [1]),
        (lambda t: t.name + "!" == "doll!", [3]),
        (lambda t: "a " + t.name == "a doll", [3]),
        (lambda t: t.name + t.nickname == "dollAda", [3]),
    ],
    "numbers": [
        (lambda t: t.stock + 1 == 4, [1]),
        (lambda t: 10 - t.stock == 3, [2]),
        (lambda t: t.stock * t.sold == 15, [1]),
        (lambda t: t.stock - (t.sold - 1) == -1, [1]),
        (lambda t: t.stock / 2 == 1.5, [1]),
        (lambda t: t.stock // 2 == 1, [1]),
        (lambda t: t.stock % 4 == 3, [1, 2]),
        (lambda t: -t.stock == 4, [4]),
        (lambda t: abs(t.stock) == 4, [4]),
        (lambda t: abs_(t.stock) == 4, [4]),
        (lambda t: t.stock / t.sold == 0.6, [1]),
        (lambda t: (t.stock / t.sold).is_null(), [3]),
        (lambda t: t.price * 2 == Decimal("19.00"), [1, 4]),
        (lambda t: t.price + Decimal("0.5") == 10, [1, 4]),
        (lambda t: t.weight * 2 == 3.0, [2]),
    ],
    "functions": [
        (lambda t: coalesce(t.nickname, t.name) == "Bear", [1]),
        (lambda t: coalesce(t.nickname, "none") == "none", [1, 4]),
        (lambda t: cast(t.stock, str) == "7", [2]),
        (lambda t: cast(t.price, int) == 9, [1, 4]),
        (lambda t: cast(t.seen, date) == date(2024, 5, 1), [1]),
        (lambda t: t.seen < now, [1]),
        (lambda t: t.seen > now(), []),
        (lambda t: fn.length(t.name) == 3, [4]),
        (lambda t: fn.nullif(t.stock, 3).is_null(), [1]),
        (lambda t: fn.replace(t.name, "l", "r") == "dorr", [3]),
        (lambda t: col(t.name) == "doll", [3]),
    ],
    "logic": [
        (lambda t: (t.stock > 0) & (t.fragile), [2]),
        (lambda t: (t.stock > 3) | (t.name == "doll"), [2, 3]),
        (lambda t: ~((t.stock > 3) | (t.name == "doll")), [1, 4]),
        (lambda t: (t.id == 1) | (t.id == 2) & (t.stock == 0), [1]),
        (lambda t: ((t.id == 1) | (t.id == 2)) & (t.stock == 7), [2]),
        (lambda t: ~(t.price > 50), [1, 4]),
        (lambda t: (t.stock > 0) == t.fragile, [2, 3]),
    ],
}


@pytest.mark.parametrize("group", CONDITIONS)
def test_a_condition_finds_its_rows(database, group):
    wrong: list[tuple[str, list[int]]] = []
    for condition, expected in CONDITIONS[group]:
        query = Toy.where(condition).order_by("id")
        found = [toy.id for toy in query.all()]
        wrong += [(repr(query), found)] if found != expected else []
    assert wrong == []


def test_conditions_are_all_met(database):
    both = Toy.where(lambda t: t.stock > 0).where(lambda t: t.fragile)
    assert [toy.id for toy in both.all()] == [2]
    assert [toy.id for toy in Toy.where(lambda t: t.stock > 0, lambda t: t.sold > 2).all()] == [1]
    assert [toy.id for toy in Toy.query().filter_by(stock=3, name="Bear").all()] == [1]


def test_operators_on_the_class_say_the_same_as_on_a_row(database):
    pairs = [
        (Toy.stock > 3, lambda t: t.stock > 3),
        ((Toy.name == "doll") | Toy.id.in_([1]), lambda t: (t.name == "doll") | t.id.in_([1])),
        (Toy.price == None, lambda t: t.price == None),
        (~Toy.fragile & Toy.name.contains("l"), lambda t: ~t.fragile & t.name.contains("l")),
        (Toy.id << [2, 3], lambda t: t.id << [2, 3]),
        (col(Toy.name).ilike("B%"), lambda t: col(t.name).ilike("B%")),
    ]
    for by_class, by_row in pairs:
        first, second = Toy.where(by_class).order_by(Toy.id), Toy.where(by_row).order_by("id")
        assert first.sql() == second.sql()
        assert first.all() == second.all()


def test_a_hostile_value_stays_a_value(database):
    for text in ("'; DROP TABLE toy; --", '"', "\\", "%s", "$1", "?", "\n", "🎁"):
        toy = Toy.create(name=text)
        assert [found.id for found in Toy.where(lambda t, text=text: t.name == text).all()] == [toy.id]
        assert [found.id for found in Toy.where(lambda t, text=text: t.name.contains(text)).all()][-1] == toy.id
    assert Toy.count() == 12


def test_the_sql_does_not_depend_on_the_values(database):
    def query(text):
        return Toy.where(lambda t: (t.name == text) | t.name.contains(text) | t.name.in_([text])).sql().sql

    assert query("'; DROP TABLE toy; --") == query("x")


def test_mapped_fields_have_the_same_operators(database):
    class Book(Model):
        id: Mapped[int | None] = Field(default=None, primary_key=True)
        pages: Mapped[int]

    database.create_tables(Book)
    Book.bulk_create([Book(pages=100), Book(pages=300)])
    assert [b.pages for b in Book.where(lambda b: b.pages >= 200).all()] == [300]
    assert Book.where(Book.pages.in_([100])).count() == 1


# Sorting, and parts of the rows.


@pytest.mark.parametrize(
    ("keys", "options", "found"),
    [
        (("stock",), {}, [4, 3, 1, 2]),
        (("-stock",), {}, [2, 1, 3, 4]),
        (("stock", "desc"), {}, [2, 1, 3, 4]),
        (("stock",), {"direction": "DESC"}, [2, 1, 3, 4]),
        (("price", "-id"), {}, [4, 1, 2, 3]),
        (("-price", "id"), {}, [2, 1, 4, 3]),
        (("-price", "id"), {"nulls": "first"}, [3, 2, 1, 4]),
        ((lambda t: t.stock,), {}, [4, 3, 1, 2]),
        ((lambda t: (t.fragile, t.stock.desc()),), {}, [1, 3, 2, 4]),
        ((lambda t: abs(t.stock),), {}, [3, 1, 4, 2]),
        ((lambda t: t.nickname.asc(nulls="first"), "id"), {}, [1, 4, 3, 2]),
        ((Toy.made, Toy.id), {}, [1, 2, 3, 4]),
        ((Toy.stock.desc(),), {}, [2, 1, 3, 4]),
        ((lambda t: t.name.length(), "name"), {}, [4, 1, 3, 2]),
    ],
)
def test_rows_come_in_the_order_asked_for(database, keys, options, found):
    assert [toy.id for toy in Toy.order_by(*keys, **options).all()] == found


def test_a_second_order_by_breaks_ties(database):
    assert [toy.id for toy in Toy.order_by("fragile").order_by("-id").all()] == [3, 1, 4, 2]


def test_decimals_are_sorted_as_numbers(database):
    assert [toy.price for toy in Toy.where(lambda t: t.price > 0).order_by("price", "id").all()] == [
        Decimal("9.50"),
        Decimal("9.5"),
        Decimal("100.25"),
    ]


def test_a_text_of_any_length_is_looked_for(database):
    part = "*é%" * 20_000
    Toy.bulk_create([Toy(id=10, name=f"{part}a"), Toy(id=11, name=f"a{part}"), Toy(id=12, name=part[1:])])
    longs = Toy.where(lambda t: t.id >= 10).order_by("id")
    assert [toy.id for toy in longs.where(lambda t: t.name.startswith(part)).all()] == [10]
    assert [toy.id for toy in longs.where(lambda t: t.name.endswith(part)).all()] == [11]
    assert [toy.id for toy in longs.where(lambda t: t.name.contains(part)).all()] == [10, 11]
    # The same question with a short text is another statement.
    assert [toy.id for toy in longs.where(lambda t: t.name.startswith("*")).all()] == [10]
    assert [toy.id for toy in longs.where(lambda t: t.name.contains(part[1:])).all()] == [10, 11, 12]


def test_limit_and_offset(database):
    rows = Toy.order_by("id")
    assert [toy.id for toy in rows.limit(2).all()] == [1, 2]
    assert [toy.id for toy in rows.offset(3).all()] == [4]
    assert [toy.id for toy in rows.limit(2).offset(1).all()] == [2, 3]
    assert rows.limit(0).all() == []
    assert rows.offset(99).all() == []


def test_equal_rows_are_returned_once(database):
    assert sorted(Toy.select(lambda t: t.fragile).distinct().all()) == [False, True]
    assert Toy.select("fragile").distinct().count() == 2
    assert len(Toy.distinct().all()) == 4


# Selecting.


def test_select_returns_values_tuples_or_dicts(database):
    rows = Toy.where(lambda t: t.id < 3).order_by("id")
    assert rows.select("name").all() == [("Bear",), ("100% Car_t",)]
    assert rows.select("id", "price").all() == [(1, Decimal("9.50")), (2, Decimal("100.25"))]
    assert rows.select(lambda t: t.colour).all() == [Colour.RED, Colour.BLUE]
    assert rows.select(lambda t: (t.id, t.seen)).all() == [(1, NOON), (2, None)]
    assert rows.select(lambda t: {"who": t.name.upper(), "left": t.stock - t.sold}).all() == [
        {"who": "BEAR", "left": -2},
        {"who": "100% CAR_T", "left": 5},
    ]
    assert rows.select(Toy.id, Toy.code).first() == (1, UUID(int=1))


def test_selected_values_are_read_by_their_types(database, toys):
    fields = list(Toy.model_fields)
    assert Toy.order_by("id").select(*fields).all() == [tuple(getattr(t, f) for f in fields) for t in toys]


def test_a_selection_has_every_terminal(database):
    names = Toy.select(lambda t: t.name)
    assert names.where(lambda t: t.id == 3).one() == "doll"
    assert names.where(lambda t: t.id == 9).one_or_none() is None
    assert names.order_by("id").first() == "Bear"
    assert names.count() == 4
    assert names.where(lambda t: t.id == 9).exists() is False


def test_aggregates_are_selected_beside_what_they_are_grouped_by(database):
    grouped = Toy.select(lambda t: (t.fragile, count(), sum_(t.stock), max_(t.price))).order_by("fragile")
    assert grouped.all() == [(False, 2, 3, Decimal("9.5")), (True, 2, 3, Decimal("100.25"))]
    assert grouped.count() == 2
    totals = Toy.select(lambda t: {"n": count(t.price), "least": min_(t.price), "mean": avg(t.stock)})
    assert totals.one() == {"n": 3, "least": Decimal("9.5"), "mean": 1.5}
    assert Toy.select(lambda t: t.price.count(distinct=True)).one() == 2
    assert Toy.select(lambda t: t.price.sum()).where(lambda t: t.id > 99).one() is None


def test_groups_are_sorted_by_an_aggregate(database):
    query = Toy.select(lambda t: (t.fragile, t.sold.sum())).order_by(lambda t: -t.sold.sum())
    assert query.all() == [(True, 6), (False, 5)]


# Changing and deleting rows.


def test_update_sets_values_in_the_rows_that_match(database):
    assert Toy.where(lambda t: t.fragile).update(stock=1, colour=Colour.RED, price=None, tags=["x"]) == 2
    changed = Toy.where(lambda t: t.stock == 1).order_by("id").all()
    assert [(t.id, t.colour, t.price, t.tags) for t in changed] == [
        (2, Colour.RED, None, ["x"]),
        (4, Colour.RED, None, ["x"]),
    ]
    assert Toy.where(lambda t: t.id == 99).update(stock=1) == 0
    assert Toy.update(sold=0) == 4


def test_update_calculates_from_the_row(database):
    Toy.where(lambda t: t.id == 1).update(stock=Toy.stock + 10)
    Toy.where(lambda t: t.id == 2).update(lambda t: {"stock": t.sold * 3, "name": t.name.upper(), "seen": now})
    Toy.where(lambda t: t.price == Decimal("9.5")).update(price=Toy.price * Decimal("1.1"))
    toys = Toy.order_by("id").all()
    assert [t.stock for t in toys] == [13, 6, 0, -4]
    assert toys[1].name == "100% CAR_T"
    assert abs((toys[1].seen - datetime.now(UTC)).total_seconds()) < 60
    assert [t.price for t in toys] == [Decimal("10.45"), Decimal("100.25"), None, Decimal("10.45")]


def test_swapping_two_columns_is_one_update(database):
    Toy.where(lambda t: t.id == 1).update(lambda t: {"stock": t.sold, "sold": t.stock})
    toy = Toy.get(1)
    assert (toy.stock, toy.sold) == (5, 3)


def test_delete_removes_the_rows_that_match(database):
    assert Toy.where(lambda t: t.fragile).delete() == 2
    assert sorted(toy.id for toy in Toy.all()) == [1, 3]
    assert Toy.where(lambda t: t.fragile).delete() == 0
    assert Toy.query().delete() == 2


# What a query is.


def test_a_query_is_never_changed(database, toys):
    query = Toy.order_by("id")
    query.where(lambda t: t.id == 1)
    query.limit(1)
    query.order_by("-stock")
    query.offset(1)
    query.select("id")
    assert query.all() == toys
    assert query.first() == toys[0]
    assert query.all() == toys


def test_a_query_can_be_asked_twice(database):
    query = Toy.where(lambda t: t.fragile)
    assert query.count() == 2
    Toy.create(name="vase", fragile=True)
    assert query.count() == 3


def test_sql_shows_what_would_be_sent_without_sending_it(database):
    query = Toy.where(lambda t: (t.name == "doll") & (t.pin == SecretStr("1234")))
    with sent() as statements:
        shown = query.sql()
    assert statements == []
    assert shown.dialect == database.dialect.name
    assert "doll" not in shown.sql and "1234" not in f"{shown!r}"
    assert str(shown) == shown.sql
    assert "REDACTED" in [str(value) for value in shown.params]
    with sent() as statements:
        query.all()
    assert statements == [shown.sql]


@pytest.mark.parametrize("call", ["all", "first", "count", "exists", "update", "delete"])
def test_the_sql_of_a_call_is_the_query_s_to_show(call):
    message = f"{call} has no sql(): call it on the query itself, query.sql(), which shows what all() would send"
    with pytest.raises(QueryError, match=exactly(message)):
        getattr(Toy.where(lambda t: t.stock > 3), call).sql()


def test_sql_can_be_shown_for_another_database(database):
    assert "$1" in Toy.where(lambda t: t.id == 1).sql("postgresql").sql
    assert "?" in Toy.where(lambda t: t.id == 1).sql("sqlite").sql
    with pytest.raises(OptionError, match=exactly("dialect is 'mysql'; it is one of 'postgresql', 'sqlite'")):
        Toy.query().sql("mysql")


def test_a_query_of_a_handle_stays_with_it(database, tmp_path):
    with connect(f"sqlite:{tmp_path}/other.db?mode=rwc", default=False) as other:
        other.create_tables(Toy)
        other.create(Toy, name="elsewhere")
        query = other.query(Toy).where(lambda t: t.id > 0).order_by("id").select("name")
        assert query.all() == [("elsewhere",)]
        assert Toy.count() == 4


def test_a_query_is_shown_with_its_conditions():
    assert repr(Toy.where(lambda t: t.stock > 3)) == "<Query model=Toy where=[(toy.stock > 3)]>"
    assert "1234" not in repr(Toy.where(lambda t: t.pin == SecretStr("1234")))


# Mistakes: each is told before anything is sent.

MISTAKES: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: Toy.where(lambda t: t.nmae == "doll"),
        "toy has no column 'nmae'; did you mean 'name'? its columns are id, ",
    ),
    (lambda: Toy.where(lambda t: t.zzz == 1), "toy has no column 'zzz'; its columns are id, name, "),
    (lambda: Toy.order_by("pirce"), "toy has no column 'pirce'; did you mean 'price'?"),
    (lambda: Toy.select("nmae"), "toy has no column 'nmae'; did you mean 'name'?"),
    (
        lambda: Toy.where(lambda t: t.stock > 1 and t.sold > 1),
        "a condition has no truth value in Python: use &, | and ~, in_() for `in`, and between() for a chain",
    ),
    (lambda: Toy.where(lambda t: t.stock > 1 or t.sold > 1), "a condition has no truth value in Python"),
    (lambda: Toy.where(lambda t: not t.fragile), "a condition has no truth value in Python"),
    (lambda: Toy.where(lambda t: 1 < t.stock < 5), "a condition has no truth value in Python"),
    (lambda: Toy.where(lambda t: t.stock in [1, 2]), "a condition has no truth value in Python"),
    (
        lambda: Toy.where(lambda t: "a" in t.name),
        "`in` has no meaning for an expression: use .in_([...]), or .contains(text)",
    ),
    (lambda: Toy.where(lambda t: f"{t.name}!" == "x"), "toy.name has no value in Python to format: join text with +"),
    (lambda: Toy.where(lambda t: t.stock > "many"), "toy.stock: expected int, got 'many'"),
    (lambda: Toy.where(lambda t: t.name == 5), "toy.name: expected str, got 5"),
    (lambda: Toy.where(lambda t: t.stock == t.name), "toy.stock == toy.name: an int and a str do not go together"),
    (lambda: Toy.where(lambda t: t.colour == "green"), "toy.colour: expected Colour, got 'green'"),
    (
        lambda: Toy.where(lambda t: t.seen > datetime(2024, 1, 1)),
        "toy.seen: 2024-01-01 00:00:00 has no timezone, and a datetime column holds an instant: add one, ",
    ),
    (lambda: Toy.where(lambda t: t.stock > None), "toy.stock > None is never true: use == None or != None"),
    (lambda: Toy.where(lambda t: t.id.in_("abc")), "in_ expects a list, tuple, or set, not str"),
    (lambda: Toy.where(lambda t: t.id.in_(5)), "in_ expects a list, tuple, or set, not int"),
    (lambda: Toy.where(lambda t: t.stock.like("a%")), "like has no meaning for toy.stock: it is an int"),
    (
        lambda: Toy.where(lambda t: t.name.like("a\\")),
        "toy.name.like(): the pattern 'a\\\\' ends with its escape character",
    ),
    (lambda: Toy.where(lambda t: t.name + 1 == "x"), "toy.name: expected str, got 1"),
    (lambda: Toy.where(lambda t: t.fragile + 1 == 2), "+ has no meaning for toy.fragile: it is a bool"),
    (lambda: Toy.where(lambda t: t.tags > ["a"]), "> has no meaning for toy.tags: "),
    (lambda: Toy.where(lambda t: t.stock), "where() expects a condition, got toy.stock, which is an int"),
    (lambda: Toy.where(lambda t: True), "where() expects a condition such as u.age >= 18"),
    (lambda: Toy.where(True), "where() expects a condition such as u.age >= 18"),
    (Toy.where, "where() needs a condition: where(lambda u: u.age >= 18)"),
    (Toy.order_by, 'order_by() needs a column: order_by("name")'),
    (lambda: Toy.order_by("name", "sideways"), "direction must be 'asc' or 'desc', not 'sideways'"),
    (lambda: Toy.order_by("name", nulls="middle"), "nulls must be 'first', 'last' or 'native', not 'middle'"),
    (lambda: Toy.order_by("tags"), "toy.tags cannot be sorted by: "),
    (lambda: Toy.limit(-1), "limit() expects a number of rows, 0 or more, got -1"),
    (lambda: Toy.limit("5"), "limit() expects a number of rows, 0 or more, got '5'"),
    (lambda: Toy.offset(1.5), "offset() expects a number of rows, 0 or more, got 1.5"),
    (lambda: Toy.select("id").select("name"), "this query has a selection already: call select() once"),
    (lambda: cast(Toy.name, UUID), "toy.name is a str and cannot be cast to UUID"),
    (lambda: getattr(fn, "drop table")(1), "'drop table' is not the name of a function: use letters, digits and _"),
]


@pytest.mark.parametrize(("mistake", "text"), MISTAKES)
def test_a_mistake_is_told_while_the_query_is_built(mistake, text):
    with pytest.raises(QueryError, match=f"^{re.escape(text)}"):
        mistake()


CALLS: list[tuple[Callable[[], Any], str]] = [
    (Toy.update, "update() needs at least one column: update(name='Ann')"),
    (lambda: Toy.update(nmae="x"), "toy has no column 'nmae'; did you mean 'name'?"),
    (lambda: Toy.update(stock="many"), "toy.stock: expected int, got 'many'"),
    (lambda: Toy.update(name=None), "toy.name cannot be None: the column is not nullable"),
    (lambda: Toy.update(name=Toy.stock + 1), "toy.name: an int cannot be stored in a column of str; cast() it"),
    (lambda: Toy.update(lambda t: {"stock": 1}, sold=1), "update() takes a recipe or keywords"),
    (lambda: Toy.update(lambda t: t.stock + 1), "update() expects a recipe that returns a dict"),
    (lambda: Toy.limit(1).update(stock=1), "update() changes every row that matches and cannot keep to limit(1)"),
    (lambda: Toy.offset(1).delete(), "delete() changes every row that matches and cannot keep to offset(1)"),
    (lambda: Toy.sum("name"), "sum has no meaning for toy.name: it is a str"),
    (lambda: Toy.max("tags"), "max has no meaning for toy.tags: "),
    (
        lambda: Toy.distinct().sum("stock"),
        "sum() counts every row that matches: leave out distinct()",
    ),
]


def test_a_mistake_is_told_before_anything_is_sent(database, toys):
    for call, text in CALLS:
        with sent() as statements, pytest.raises(QueryError, match=f"^{re.escape(text)}"):
            call()
        assert statements == []
    assert Toy.order_by("id").all() == toys


def test_windows_groups_and_queries_inside_of_queries_are_asked_for(database, toys):
    stocks = [toy.stock for toy in toys]
    by_id = Toy.order_by("id")
    assert by_id.limit(2).sum("stock") == sum(stocks[:2])
    running = by_id.select(lambda t: sum_(t.price).over(order_by=t.id, frame=rows(None, 0))).all()
    prices = [toy.price for toy in toys]
    known = [[price for price in prices[: at + 1] if price is not None] for at in range(len(prices))]
    assert running == [sum(found) if found else None for found in known]
    assert Toy.select(lambda t: array_agg(t.id, order_by=t.id)).one() == [toy.id for toy in toys]
    most = Toy.where(lambda t: t.stock == scalar(Toy.select(lambda o: max_(o.stock)))).all()
    assert {toy.stock for toy in most} == {max(stocks)}
    assert Toy.where(lambda t: exists(Toy.where(lambda o: o.id == t.id + 1))).count() == len(toys) - 1
    assert Toy.where(lambda t: raw("{} = {}", t.id, toys[0].id)).all() == toys[:1]


def test_a_misspelt_column_is_an_attribute_error_too():
    with pytest.raises(UnknownColumnError) as caught:
        Toy.where(lambda t: t.pricee > 1)
    assert isinstance(caught.value, AttributeError)
    with pytest.raises(AttributeError):
        _ = Toy.pricee


def test_a_function_the_database_does_not_have_is_told_by_the_database(database):
    with pytest.raises(OperationalError, match="^Fetch failed: .*no_such_function"):
        Toy.where(lambda t: fn.no_such_function(t.name) == "x").all()
