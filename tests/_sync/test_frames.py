# Generated from tests/_async/test_frames.py by scripts/unasync.py: edit that file, never this one.
"""Data frames: rows as columns of the model's types, and columns as new rows."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any
from uuid import UUID

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import NaiveDatetime, SecretStr

from ferro._concurrency._sync import PACKAGE
from ferro.sync import (
    BackRef,
    Database,
    DataError,
    Field,
    ForeignKey,
    Model,
    QueryError,
    Range,
    Relation,
    UniqueViolationError,
    UnknownColumnError,
    array_agg,
    connect,
    fn,
    object_agg,
    transaction,
)


class State(Enum):
    NEW = "new"
    OLD = "old"


class Level(IntEnum):
    LOW = 1


class FrameStation(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    probes: Relation[list["FrameProbe"]] = BackRef()


class FrameProbe(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    price: Decimal = Field(default=Decimal(0), max_digits=10, decimal_places=2)
    stock: Annotated[int, Field(ge=0)] = 0
    station: FrameStation | None = ForeignKey(related_name="probes")


class FrameEverything(Model):
    id: int | None = Field(default=None, primary_key=True)
    text: str
    number: float | None = None
    exact: Decimal | None = None
    yes: bool | None = None
    day: date | None = None
    at: time | None = None
    moment: datetime | None = None
    clock: NaiveDatetime | None = None
    span: timedelta | None = None
    key: UUID | None = None
    raw: bytes | None = None
    document: dict[str, Any] | None = None
    state: State | None = None
    level: Level | None = None
    tags: list[str] | None = Field(default=None, db_type="array")
    between: Range[int] | None = None


class FrameAccount(Model):
    id: int | None = Field(default=None, primary_key=True)
    pin: SecretStr


KEY = UUID("12345678-1234-5678-1234-567812345678")
NASTY = 'a "b",\n(\\c) \t\r\n\'é😀'

EVERYTHING = FrameEverything(
    text=NASTY,
    number=0.1,
    exact=Decimal("1.25"),
    yes=True,
    day=date(2024, 2, 29),
    at=time(1, 2, 3, 4),
    moment=datetime(2024, 1, 1, 12, 0, 0, 5, tzinfo=UTC),
    clock=datetime(2024, 1, 1, 12),
    span=timedelta(days=-1, microseconds=3),
    key=KEY,
    raw=b"\x00\xff",
    document={"a": [1, None]},
    state=State.OLD,
    level=Level.LOW,
    tags=["x", "y"],
    between=Range(1, 5),
)
SCHEMA = {
    "id": pa.int64(),
    "text": pa.string(),
    "number": pa.float64(),
    "exact": pa.decimal128(38, 2),
    "yes": pa.bool_(),
    "day": pa.date32(),
    "at": pa.time64("us"),
    "moment": pa.timestamp("us", "UTC"),
    "clock": pa.timestamp("us"),
    "span": pa.duration("us"),
    "key": pa.string(),
    "raw": pa.binary(),
    "document": pa.string(),
    "state": pa.string(),
    "level": pa.int64(),
    "tags": pa.list_(pa.string()),
    "between": pa.struct({"lower": pa.int64(), "upper": pa.int64(), "bounds": pa.string()}),
}


@pytest.fixture
def probes(database: Database) -> list[FrameProbe]:
    database.create_tables(FrameStation, FrameProbe)
    station = FrameStation.create(name="north")
    return FrameProbe.bulk_create(
        [
            FrameProbe(name="a", price=Decimal("1.50"), stock=3, station=station),
            FrameProbe(name="b", price=Decimal(20), stock=1),
            FrameProbe(name="c", stock=2, station=station),
        ]
    )


# Out of the database.


def test_the_types_of_a_frame_are_those_of_the_model(database):
    database.create_tables(FrameEverything)
    made = EVERYTHING.model_copy()
    made.save()
    FrameEverything.create(text="")
    table = FrameEverything.order_by("id").to_arrow()
    assert {field.name: field.type for field in table.schema} == SCHEMA
    full, empty = table.to_pylist()
    assert full.pop("document").replace(" ", "") == '{"a":[1,null]}'
    assert full == {
        "id": made.id,
        "text": NASTY,
        "number": 0.1,
        "exact": Decimal("1.25"),
        "yes": True,
        "day": date(2024, 2, 29),
        "at": time(1, 2, 3, 4),
        "moment": datetime(2024, 1, 1, 12, 0, 0, 5, tzinfo=UTC),
        "clock": datetime(2024, 1, 1, 12),
        "span": timedelta(days=-1, microseconds=3),
        "key": str(KEY),
        "raw": b"\x00\xff",
        "state": "old",
        "level": 1,
        "tags": ["x", "y"],
        "between": {"lower": 1, "upper": 5, "bounds": "[)"},
    }
    assert {value for name, value in empty.items() if name not in ("id", "text")} == {None}
    assert empty["text"] == ""


def test_texts_of_any_length_and_with_any_line_ends_are_whole(database):
    database.create_tables(FrameEverything)
    texts = [f"{number}\n{'é' * 1000}\r\n" for number in range(1500)]
    texts.append("\n" * 3_000_000)
    FrameEverything.bulk_create([FrameEverything(text=text) for text in texts])
    assert FrameEverything.order_by("id").to_arrow()["text"].to_pylist() == texts


def test_a_frame_without_rows_has_the_same_types(database):
    database.create_tables(FrameEverything)
    table = FrameEverything.to_arrow()
    # How many digits a number has behind the point is told by the numbers.
    assert {field.name: field.type for field in table.schema} == {**SCHEMA, "exact": pa.decimal128(38, 0)}
    assert table.num_rows == 0


def test_the_digits_behind_the_point_are_those_the_model_declares(probes):
    table = FrameProbe.where(lambda p: p.name == "nobody").to_arrow()
    assert table.schema.field("price").type == pa.decimal128(38, 2)
    assert FrameProbe.to_polars().schema["price"] == pl.Decimal(38, 2)


def test_every_library_gets_its_own_frame(probes):
    query = FrameProbe.select("name", "price", "station_id").order_by("name")
    polars = query.to_polars()
    assert polars.schema == {"name": pl.String, "price": pl.Decimal(38, 2), "station_id": pl.Int64}
    assert polars.rows() == [("a", Decimal("1.50"), 1), ("b", Decimal(20), None), ("c", Decimal(0), 1)]
    pandas = query.to_pandas()
    assert pandas.dtypes.map(str).to_dict() == {
        "name": "string[pyarrow]",
        "price": "decimal128(38, 2)[pyarrow]",
        "station_id": "int64[pyarrow]",
    }
    assert pandas["price"].tolist() == [Decimal("1.50"), Decimal(20), Decimal(0)]
    assert query.to_arrow().equals(polars.to_arrow().cast(query.to_arrow().schema))


def test_a_selection_names_the_columns(probes):
    query = FrameProbe.order_by("name")
    assert query.select(lambda p: p.name).to_polars().to_dicts() == [
        {"name": "a"},
        {"name": "b"},
        {"name": "c"},
    ]
    pairs = query.select(lambda p: (p.name, p.stock * 2, p.stock + 1)).limit(1).to_polars()
    assert pairs.to_dicts() == [{"name": "a", "value": 6, "value_2": 4}]
    named = query.select(lambda p: {"Stock": p.stock, "at": p.station.name}).to_polars()
    assert named.to_dict(as_series=False) == {"Stock": [3, 1, 2], "at": ["north", None, "north"]}
    totals = FrameProbe.select(lambda p: {"station": p.station_id, "total": p.price.sum()}).order_by("station")
    assert totals.to_polars().rows() == [(1, Decimal("1.50")), (None, Decimal(20))]


def test_what_queries_make_of_rows_has_its_place_in_a_frame(probes):
    groups = FrameProbe.select(
        lambda p: {
            "station": p.station_id,
            "names": array_agg(p.name, order_by=p.name),
            "prices": array_agg(p.price, order_by=p.name),
            "priced": object_agg(p.name, p.price, order_by=p.name),
            "length": fn.length(p.station.name).max(),
        }
    ).order_by("station")
    expected = [
        {
            "station": 1,
            "names": ["a", "c"],
            "prices": [Decimal("1.50"), Decimal(0)],
            "priced": [("a", Decimal("1.50")), ("c", Decimal(0))],
            "length": 5,
        },
        {"station": None, "names": ["b"], "prices": [Decimal(20)], "priced": [("b", Decimal(20))], "length": None},
    ]
    assert groups.to_arrow().to_pylist() == expected
    assert groups.to_polars().schema["names"] == pl.List(pl.String)
    assert groups.to_arrow().schema.field("priced").type == pa.map_(pa.string(), pa.decimal128(38, 2))
    assert [len(one) for one in groups.to_polars()["priced"].to_list()] == [2, 1]
    assert groups.to_pandas()["priced"][1] == [("b", Decimal(20))]
    assert groups.cte("groups").order_by("station").to_arrow().to_pylist() == expected
    both = FrameProbe.where(lambda p: p.name == "a").union(FrameProbe.where(lambda p: p.name == "b"))
    assert sorted(both.to_polars()["name"]) == ["a", "b"]
    firsts = FrameProbe.query().distinct_on(lambda p: p.station_id).order_by("station_id", "-name")
    assert firsts.to_polars()["name"].to_list() == ["c", "b"]


def test_collections_and_handles_have_frames_too(database, probes):
    station = FrameStation.first()
    assert station is not None
    assert station.probes.order_by("name").to_polars()["name"].to_list() == ["a", "c"]
    assert database.query(FrameProbe).to_arrow().num_rows == 3
    assert FrameProbe.using(database).to_arrow().num_rows == 3
    assert len(FrameProbe.using(database).to_pandas()) == len(FrameProbe.to_pandas()) == 3
    assert len(FrameProbe.using(database).to_polars()) == 3


def test_a_frame_is_read_inside_the_transaction_around_it(database_url):
    with connect(database_url, max_connections=1) as database:
        database.create_tables(FrameStation, FrameProbe)
        with transaction():
            FrameProbe.create(name="new")
            assert FrameProbe.for_update().to_polars()["name"].to_list() == ["new"]
            assert database.to_polars("SELECT name FROM frameprobe").to_dicts() == [{"name": "new"}]


def test_the_rows_stand_in_the_order_of_the_query(probes):
    assert FrameProbe.order_by("-stock").to_polars()["name"].to_list() == ["a", "c", "b"]
    last = FrameProbe.order_by("stock", "id").before((3, 1)).limit(2)
    assert last.to_polars()["stock"].to_list() == [1, 2]


def test_the_values_of_sql_say_what_they_are(database, probes):
    mark = database.dialect.placeholder.format(1)
    frame = database.to_polars(f"SELECT name, stock FROM frameprobe WHERE stock > {mark} ORDER BY name", 1)
    assert frame.schema == {"name": pl.String, "stock": pl.Int64}
    assert frame.rows() == [("a", 3), ("c", 2)]
    numbers = database.to_arrow("SELECT 1.5 AS n UNION ALL SELECT 2 ORDER BY 1")
    assert [float(number) for number in numbers["n"].to_pylist()] == [1.5, 2.0]
    assert len(database.to_pandas("SELECT NULL AS unknown")) == 1
    assert database.to_arrow("SELECT 1 AS one WHERE 1 = 0").column_names == ["one"]
    with pytest.raises(QueryError, match="several columns named 'a'"):
        database.to_arrow("SELECT 1 AS a, 2 AS a")


@pytest.mark.backends("sqlite")
def test_a_column_of_sql_that_mixes_types_is_refused(database):
    with pytest.raises(DataError, match=r"^x does not fit into a frame: "):
        database.to_arrow("SELECT 1 AS x UNION ALL SELECT 'a'")


@pytest.mark.backends("sqlite")
def test_a_whole_number_is_never_cut_out_of_another(database):
    database.create_tables(FrameStation, FrameProbe)
    database.execute("INSERT INTO frameprobe (name, stock, price) VALUES ('x', 1.5, '1')")
    with pytest.raises(DataError, match=r"^FrameProbe\.stock does not fit into a frame: it holds values of double"):
        FrameProbe.to_arrow()


@pytest.mark.backends("sqlite")
def test_what_others_have_written_is_read_as_instances_read_it(database):
    database.create_tables(FrameEverything)
    values = "('x', 1.5, '2024-W05-3', '2024-01-01T10:00:00.5+02:00', '12:30', 7)"
    database.execute(f"INSERT INTO frameeverything (text, span, day, moment, at, exact) VALUES {values}")
    row = FrameEverything.select("span", "day", "moment", "at", "exact").one()
    assert row == (
        timedelta(microseconds=2),
        date(2024, 1, 31),
        datetime(2024, 1, 1, 8, 0, 0, 500000, tzinfo=UTC),
        time(12, 30),
        Decimal(7),
    )
    assert FrameEverything.select("span", "day", "moment", "at", "exact").to_polars().row(0) == row


def test_numbers_of_more_digits_than_a_frame_has_are_refused(database):
    database.create_tables(FrameEverything)
    FrameEverything.create(text="long", exact=Decimal("9" * 30))
    FrameEverything.create(text="fine", exact=Decimal("0.123456789"))
    with pytest.raises(
        DataError, match=r"^FrameEverything\.exact does not fit .* 30 digits before the point and 9 after"
    ):
        FrameEverything.to_polars()
    assert FrameEverything.where(lambda e: e.text == "fine").to_polars()["exact"][0] == Decimal("0.123456789")


def test_arrays_among_rows_are_lists_of_lists(database):
    database.create_tables(FrameEverything)
    tags = [["x", "y"], [], None, ["it's"]]
    FrameEverything.bulk_create([FrameEverything(text="a", tags=some) for some in tags])
    gathered = FrameEverything.select(lambda p: {"text": p.text, "tags": array_agg(p.tags, order_by=p.id)})
    assert gathered.one() == {"text": "a", "tags": tags}
    frame = gathered.to_arrow()
    assert frame.to_pylist() == [{"text": "a", "tags": tags}]
    assert frame.schema.field("tags").type == pa.list_(pa.list_(pa.string()))
    assert gathered.to_polars().rows() == [("a", tags)]
    nobody = FrameEverything.where(lambda p: p.text == "b").select(lambda p: {"tags": array_agg(p.tags)})
    assert nobody.to_arrow().to_pylist() == [{"tags": []}]


@pytest.mark.backends("postgres")
def test_floats_are_exact_whatever_a_role_is_set_to(postgres_database_url):
    with connect(f"{postgres_database_url}&options=-c%20extra_float_digits%3D-3") as database:
        database.create_tables(FrameEverything)
        FrameEverything.bulk_create([FrameEverything(text="sum", number=0.1 + 0.2)])
        assert FrameEverything.query().one().number == 0.30000000000000004
        assert FrameEverything.select("number").to_arrow().to_pylist() == [{"number": 0.30000000000000004}]


@pytest.mark.backends("postgres")
def test_what_postgresql_holds_and_arrow_does_not_is_named(database):
    database.create_tables(FrameEverything)
    database.execute("INSERT INTO frameeverything (text, day, exact) VALUES ('x', 'infinity', 'NaN')")
    with pytest.raises(DataError, match=r"^FrameEverything\.day does not fit into a frame: invalid value 'infinity'"):
        FrameEverything.to_arrow()
    with pytest.raises(DataError, match=r"^FrameEverything\.exact does not fit into a frame: .*'NaN'"):
        FrameEverything.select("exact").to_arrow()
    with pytest.raises(
        DataError, match=r"^spread does not fit into a frame: it holds a Range, which has no type there"
    ):
        database.to_arrow("SELECT int8range(1, 3) AS spread")


def test_a_secret_is_not_shown(database):
    with pytest.raises(QueryError, match=r"FrameAccount\.pin is a secret, and a frame would show it"):
        FrameAccount.to_polars()


@pytest.mark.parametrize(("name", "reason"), [("a\0b", "a NUL character"), ("a\ud800", "a lone surrogate")])
def test_a_column_of_a_frame_has_a_name_that_can_be_written(database, name, reason):
    with pytest.raises(QueryError, match=rf"^a column of a frame cannot be named 'a.*': it contains {reason}"):
        FrameProbe.select(lambda p: {name: p.id}).to_arrow()


def test_what_is_included_has_no_place_in_a_frame(database):
    with pytest.raises(QueryError, match=r"a frame has columns, and include\(\)"):
        FrameStation.include("probes").to_polars()


# Into the database.


def test_a_frame_becomes_rows(database, probes):
    assert FrameProbe.from_polars(pl.DataFrame({"name": ["d", "e"], "stock": [5, 6]})) == 2
    assert FrameProbe.from_arrow(pa.table({"name": ["f"], "price": ["2.5"]})) == 1
    # pandas turns whole numbers that may be missing into floats.
    assert FrameProbe.from_pandas(pd.DataFrame({"name": ["g", "h"], "station_id": [1.0, float("nan")]})) == 2
    assert database.from_polars(FrameProbe, pl.DataFrame({"name": ["i"]})) == 1
    assert FrameProbe.using(database).from_arrow(pa.table({"name": ["j"]})) == 1
    assert FrameProbe.using(database).from_polars(pl.DataFrame({"name": ["k"]})) == 1
    assert FrameProbe.using(database).from_pandas(pd.DataFrame({"name": ["l"]})) == 1
    assert database.from_pandas(FrameProbe, pd.DataFrame({"name": []})) == 0
    assert database.from_arrow(FrameProbe, pa.table({"name": ["m"]})) == 1
    rows = (
        FrameProbe.where(lambda p: p.name > "c").order_by("name").values("name", "stock", "price", "station_id").all()
    )
    assert [tuple(row.values()) for row in rows] == [
        ("d", 5, Decimal(0), None),
        ("e", 6, Decimal(0), None),
        ("f", 0, Decimal("2.5"), None),
        ("g", 0, Decimal(0), 1),
        *((name, 0, Decimal(0), None) for name in "hijklm"),
    ]


def test_a_frame_that_was_read_is_written_as_it_was(database):
    database.create_tables(FrameEverything)
    EVERYTHING.model_copy().save()
    FrameEverything.create(text="", between=Range.empty(), tags=[])
    rows = FrameEverything.order_by("id").all()
    ways: list[tuple[Any, Callable[[Any], Any]]] = [
        (FrameEverything.order_by("id").to_arrow(), FrameEverything.from_arrow),
        (FrameEverything.order_by("id").to_polars(), FrameEverything.from_polars),
        (FrameEverything.order_by("id").to_pandas(), FrameEverything.from_pandas),
    ]
    for frame, write in ways:
        FrameEverything.query().delete()
        assert write(frame) == 2
        assert FrameEverything.order_by("id").all() == rows


def test_objects_of_python_in_a_frame_are_taken_as_they_are(database):
    database.create_tables(FrameEverything)
    columns = {"text": ["a", "b"], "key": [KEY, None], "state": [State.OLD, pd.NA], "document": [{"a": 1}, {"b": 2}]}
    assert FrameEverything.from_pandas(pd.DataFrame(columns)) == 2
    assert FrameEverything.from_polars(pl.DataFrame({"text": ["c"], "key": pl.Series([KEY], dtype=pl.Object)})) == 1
    found = FrameEverything.order_by("text").all()
    assert [row.key for row in found] == [KEY, None, KEY]
    assert [row.state for row in found] == [State.OLD, None, None]
    assert [row.document for row in found] == [{"a": 1}, {"b": 2}, None]


def test_a_frame_is_written_whole_or_not_at_all(probes):
    names = [f"n{number}" for number in range(1200)]
    with pytest.raises(UniqueViolationError):
        FrameProbe.from_polars(pl.DataFrame({"name": [*names, "a"]}))
    assert FrameProbe.count() == 3


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"nam": ["x"]}, UnknownColumnError, "frameprobe has no column 'nam'; did you mean 'name'?"),
        ({"na\0me": ["x"]}, UnknownColumnError, r"frameprobe has no column 'na\\x00me'"),
        ({"stock": [1]}, QueryError, "the frame has no column 'name', and every FrameProbe needs one"),
        (
            {"name": ["x"], "stock": ["5"]},
            DataError,
            r"^FrameProbe\.stock: row 1 of the frame: expected int, got '5'$",
        ),
        ({"name": ["x", "y"], "stock": [1.0, 1.5]}, DataError, r"stock: row 2 of the frame: expected int, got 1\.5$"),
        (
            {"name": ["x", None]},
            DataError,
            r"^row 2 of the frame is no FrameProbe: name: Input should be a valid string$",
        ),
        (
            {"name": ["x", "y"], "stock": [0, -1]},
            DataError,
            r"^row 2 of the frame is no FrameProbe: stock: Input should be greater than or equal to 0$",
        ),
    ],
)
def test_a_frame_that_does_not_fit_is_refused_before_it_is_sent(database, columns, error, message):
    # There is no such table, which is never found out.
    with pytest.raises(error, match=message):
        FrameProbe.from_polars(pl.DataFrame(columns, strict=False))


def test_what_a_column_would_lose_is_refused(database):
    late = pa.table({"text": ["x"], "moment": pa.array([1], pa.timestamp("ns", "UTC"))})
    with pytest.raises(DataError, match=r"the column 'moment' of the frame holds timestamp\[ns, tz=UTC\]"):
        FrameEverything.from_arrow(late)
    with pytest.raises(DataError, match=r"FrameEverything\.moment: row 1 of the frame: .* has no timezone"):
        FrameEverything.from_polars(pl.DataFrame({"text": ["x"], "moment": [datetime(2024, 1, 1)]}))
    with pytest.raises(DataError, match=r"FrameEverything\.document: row 1 of the frame: "):
        FrameEverything.from_polars(pl.DataFrame({"text": ["x"], "document": ["{"]}))


def test_only_frames_are_taken(database):
    with pytest.raises(
        QueryError, match=r"from_polars\(\) takes a DataFrame of polars, not a polars LazyFrame: collect\(\) it"
    ):
        FrameProbe.from_polars(pl.LazyFrame({"name": ["x"]}))
    with pytest.raises(QueryError, match=r"from_pandas\(\) takes a DataFrame of pandas, not a polars DataFrame"):
        FrameProbe.from_pandas(pl.DataFrame({"name": ["x"]}))
    with pytest.raises(
        QueryError, match=r"from_arrow\(\) takes a table of pyarrow, or what it can read as one, not a builtins int"
    ):
        FrameProbe.from_arrow(5)
    with pytest.raises(QueryError, match="the frame has a column 0, and columns are found by their names"):
        FrameProbe.from_pandas(pd.DataFrame([[1]]))


# The libraries.


def test_no_library_is_imported_before_a_frame_is_asked_for():
    program = f"import sys, {PACKAGE}; print([name for name in ('pyarrow', 'polars', 'pandas', 'numpy') if name in sys.modules])"
    assert answer_of(program) == "[]"


def test_a_library_that_is_missing_is_named_with_its_extra():
    program = f"""
import sys
for name in ("polars", "pandas", "pyarrow"):
    sys.modules[name] = None
from ferro.operations import frames
from ferro.errors import InterfaceError
for kind in (frames.POLARS, frames.PANDAS, frames.ARROW):
    try:
        frames.must_be_there(kind)
    except InterfaceError as error:
        print(error)
import {PACKAGE}
"""
    assert answer_of(program).splitlines() == [
        'frames of polars need the package polars, which is not installed: pip install "ferro-dual[polars]"',
        'frames of pandas need the package pandas, which is not installed: pip install "ferro-dual[pandas]"',
        'frames of pyarrow need the package pyarrow, which is not installed: pip install "ferro-dual[arrow]"',
    ]


def answer_of(program: str) -> str:
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return found.stdout.strip()
