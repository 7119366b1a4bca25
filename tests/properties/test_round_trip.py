"""What is written is what is read, for every type, on every database, by every way in."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import Any, Literal, Optional
from uuid import UUID

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import (
    AnyUrl,
    BaseModel,
    HttpUrl,
    IPvAnyAddress,
    NaiveDatetime,
    SecretBytes,
    SecretStr,
    ValidationError,
    create_model,
)

from ferro import DataError, Field, ModelBase, QueryError, Range
from ferro.schema.registry import active, declared
from ferro.sync import Database

from .strategies import (
    INT64,
    ZONES,
    Colour,
    Movie,
    NumberMember,
    Part,
    PlainMember,
    Point,
    Size,
    TextMember,
    Whole,
    any_texts,
    clocks,
    dates,
    decimals,
    floats,
    instants,
    json_objects,
    json_values,
    parts,
    short_texts,
    spans,
    texts,
    times,
    whole_numbers,
    wholes,
)

# Every example is so many values at once: statements are slower than choosing values. Together they
# are 500 values of each type for each database, and each goes through every way in and every question.
VALUES = 20
EXAMPLES = 25


# What a law needs to know of a type.


def itself(value: Any) -> Any:
    return value


def never(value: Any) -> bool:
    return False


@dataclass(frozen=True)
class Case:
    """A type, its values, and what Python says of them.

    Attributes:
        name: the type's, in the name of the test.
        annotation: the field's.
        values: what is written.
        refused: whether no database can hold a value.
        read: what a value is when it is read again.
        key: what makes two values equal.
        order: what a value is sorted by; None where values have no order.
        db_type: the column type the field asks for.
    """

    name: str
    annotation: Any
    values: SearchStrategy[Any]
    refused: Callable[[Any], bool] = never
    read: Callable[[Any], Any] = itself
    key: Callable[[Any], Any] = itself
    order: Callable[[Any], Any] | None = None
    db_type: str | None = None

    @cached_property
    def model(self) -> Any:
        made = create_model(
            f"RoundTrip{self.name.replace(' ', '')}",
            __base__=ModelBase,
            id=(Optional[int], Field(default=None, primary_key=True)),
            value=(self.annotation, Field(db_type=self.db_type)),
            maybe=(Optional[self.annotation], Field(default=None, db_type=self.db_type)),
        )
        # Other tests, which create all tables there are, need not know of it.
        for known in (declared, active):
            known.pop(made.__name__)
        return made

    @cached_property
    def key_model(self) -> Any:
        made = create_model(
            f"Keyed{self.name.replace(' ', '')}",
            __base__=ModelBase,
            code=(self.annotation, Field(primary_key=True, db_type=self.db_type)),
            value=(Optional[self.annotation], Field(default=None, db_type=self.db_type)),
            times=(int, 0),
        )
        for known in (declared, active):
            known.pop(made.__name__)
        return made

    def __hash__(self) -> int:
        return id(self)


def has_no_text(text: str) -> bool:
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


def is_no_decimal(value: Decimal) -> bool:
    return not value.is_finite() or value.adjusted() >= 131_072 or -int(value.as_tuple().exponent) > 16_383


def plain_digits(value: Decimal) -> Decimal:
    """The same number as PostgreSQL writes it: without an exponent, and without a negative zero."""
    return Decimal(f"{value or value.copy_abs():f}")


def leaves_the_calendar(value: datetime) -> bool:
    try:
        value.astimezone(UTC)
    except OverflowError:
        return True
    return False


def is_too_long(value: timedelta) -> bool:
    return not -INT64 <= value // timedelta(microseconds=1) < INT64


def is_no_json(value: Any) -> bool:
    """Whether a document holds anything that JSON has no word for, or PostgreSQL no place."""
    if isinstance(value, dict):
        return any(not isinstance(key, str) or is_no_json(key) or is_no_json(inner) for key, inner in value.items())
    if isinstance(value, list):
        return any(map(is_no_json, value))
    if isinstance(value, str):
        return has_no_text(value)
    if isinstance(value, float):
        return not math.isfinite(value)
    return not isinstance(value, int | None)


def content(value: Any) -> Any:
    """What PostgreSQL compares documents by: numbers by their digits, whatever their class; never as truth values."""
    if isinstance(value, dict):
        return frozenset((key, content(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return tuple(map(content, value))
    if isinstance(value, bool):
        return bool, value
    return Decimal(repr(value)) if isinstance(value, float) else value


def spelling(value: Any) -> Any:
    """A value down to its classes and digits: what is equal in spelling cannot be told apart."""
    if isinstance(value, BaseModel):
        return type(value), spelling(dict(value))
    if is_dataclass(value):
        return type(value), spelling(vars(value))
    if isinstance(value, dict):
        return dict, frozenset((key, spelling(inner)) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return type(value), tuple(map(spelling, value))
    if isinstance(value, set | frozenset):
        return type(value), frozenset(map(spelling, value))
    if isinstance(value, date | time):
        return type(value), value.isoformat()
    if isinstance(value, SecretStr | SecretBytes):
        return type(value), value.get_secret_value()
    if isinstance(value, Range):
        return Range, spelling(value.lower), spelling(value.upper), value.bounds, value.is_empty
    if isinstance(value, float):
        # A negative zero is equal to zero and may come back as it.
        return float, repr(value or 0.0)
    if isinstance(value, Decimal):
        return Decimal, str(value)
    return type(value), value


def secret(value: Any) -> Any:
    return value.get_secret_value()


def some(*values: Any) -> SearchStrategy[Any]:
    return st.sampled_from(values)


def interfaces(kind: type[IPv4Interface | IPv6Interface], bits: int) -> SearchStrategy[Any]:
    return st.builds(lambda number, prefix: kind((number, prefix)), st.integers(0, 2**bits - 1), st.integers(0, bits))


def networks(kind: type[IPv4Network | IPv6Network], bits: int) -> SearchStrategy[Any]:
    return st.builds(
        lambda number, prefix: kind((number >> (bits - prefix) << (bits - prefix), prefix)),
        st.integers(0, 2**bits - 1),
        st.integers(0, bits),
    )


def addresses(kind: Any) -> SearchStrategy[Any]:
    paths = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), max_size=8)
    return st.builds(
        lambda host, path, query: kind(f"https://{host}/{path}{query}"),
        st.sampled_from(["example.com", "user:p%40ss@example.com:8443", "xn--bcher-kva.example", "[::1]", "127.0.0.1"]),
        paths.map(lambda path: path.replace("?", "%3F").replace("#", "%23").replace("\\", "%5C").strip()),
        st.sampled_from(["", "?q='%25_", "#part", '?a="&b=%00']),
    )


# ISO 8601 has no seconds in its offsets: in a document a datetime keeps to zones of whole minutes.
whole_minutes = instants(ZONES[:3])
finite = st.floats(allow_nan=False, allow_infinity=False)
exact = decimals().filter(lambda value: not is_no_decimal(value))
CASES = [
    Case("bool", bool, st.booleans()),
    Case("int", int, whole_numbers(), lambda value: not -INT64 <= value < INT64, order=itself),
    # A nan has a law of its own below: the two databases differ.
    Case("float", float, floats(), order=itself),
    Case("Decimal", Decimal, decimals(), is_no_decimal, plain_digits, order=itself),
    Case("str", str, any_texts(), has_no_text, order=itself),
    Case("bytes", bytes, some(b"", b"\0", b"'", b"\\x41", b"\xff" * 5000) | st.binary(max_size=20), order=itself),
    Case("date", date, dates(), order=itself),
    Case(
        "time", time, times(), lambda value: value.tzinfo is not None, lambda value: value.replace(fold=0), order=itself
    ),
    Case(
        "datetime",
        datetime,
        instants(),
        leaves_the_calendar,
        lambda value: value.astimezone(UTC),
        lambda value: value.astimezone(UTC),
        lambda value: value.astimezone(UTC),
    ),
    Case("NaiveDatetime", NaiveDatetime, clocks(), read=lambda value: value.replace(fold=0), order=itself),
    Case("timedelta", timedelta, spans(), is_too_long, order=itself),
    Case("UUID", UUID, some(UUID(int=0), UUID(int=2**128 - 1)) | st.uuids(), order=itself),
    Case("StrEnum", Colour, st.sampled_from(Colour), order=str),
    Case("IntEnum", Size, st.sampled_from(Size), order=int),
    Case("enum of texts", TextMember, st.sampled_from(TextMember)),
    Case("enum of numbers", NumberMember, st.sampled_from(NumberMember)),
    Case("enum", PlainMember, st.sampled_from(PlainMember)),
    Case("Literal of texts", Literal["draft", "it's", ""], some("draft", "it's", "")),
    Case("Literal of numbers", Literal[1, -2], some(1, -2)),
    Case("IPv4Address", IPv4Address, st.ip_addresses(v=4), order=itself),
    Case("IPv6Address", IPv6Address, st.ip_addresses(v=6), order=itself),
    Case("IPvAnyAddress", IPvAnyAddress, st.ip_addresses(), order=lambda value: (value.version, int(value))),
    Case("IPv4Network", IPv4Network, networks(IPv4Network, 32), order=itself),
    Case("IPv6Network", IPv6Network, networks(IPv6Network, 128), order=itself),
    Case("IPv4Interface", IPv4Interface, interfaces(IPv4Interface, 32), order=itself),
    Case("IPv6Interface", IPv6Interface, interfaces(IPv6Interface, 128), order=itself),
    Case("SecretStr", SecretStr, any_texts().map(SecretStr), lambda value: has_no_text(secret(value)), key=secret),
    Case("SecretBytes", SecretBytes, st.binary(max_size=20).map(SecretBytes), key=secret),
    Case("dict", dict, json_objects(refused=True), is_no_json, key=content),
    Case("list", list, st.lists(json_values(refused=True), max_size=3), is_no_json, key=content),
    Case("model", Whole, wholes(), lambda value: is_no_json(value.model_dump(mode="json")), key=spelling),
    Case("list of models", list[Part], st.lists(parts(), max_size=3), key=spelling),
    Case("dataclass", Point, st.builds(Point, finite, st.integers(), short_texts()), key=spelling),
    Case("TypedDict", Movie, st.fixed_dictionaries({"title": short_texts(), "year": st.integers()}), key=spelling),
    Case("set", set[str], st.lists(texts(), max_size=4).map(set), key=spelling),
    Case("tuple", tuple[str, int], st.tuples(short_texts(), st.integers()), key=spelling),
    Case("tuple of any length", tuple[Decimal, ...], st.lists(exact, max_size=3).map(tuple), key=spelling),
    Case(
        "dict of datetimes",
        dict[str, datetime],
        st.dictionaries(short_texts(), whole_minutes, max_size=2),
        key=spelling,
    ),
    Case("HttpUrl", HttpUrl, addresses(HttpUrl), key=str),
    Case("AnyUrl", AnyUrl, addresses(AnyUrl), key=str),
]


def array_of(case: Case) -> Case:
    """Lists of a scalar type, as arrays: refused when any element is."""

    def each(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda values: [None if value is None else convert(value) for value in values]

    return Case(
        f"array of {case.name}",
        list[Optional[case.annotation]],
        st.lists(st.none() | case.values, max_size=4),
        lambda values: any(value is not None and case.refused(value) for value in values),
        each(case.read),
        lambda values: tuple(each(case.key)(values)),
        db_type="array",
    )


def ranges(ends: SearchStrategy[Any]) -> SearchStrategy[Range[Any]]:
    """Ranges with and without ends, and now and then the empty one."""
    bounds = some("[)", "(]", "[]", "()")
    whole = st.builds(lambda one, other, kept: Range(min(one, other), max(one, other), kept), ends, ends, bounds)
    half = st.builds(Range, ends, st.none(), bounds) | st.builds(Range, st.none(), ends, bounds)
    return whole | half | some(Range(), Range.empty())


def in_utc(found: Range[datetime]) -> Range[datetime]:
    if found.is_empty:
        return found
    ends = [None if end is None else end.astimezone(UTC) for end in (found.lower, found.upper)]
    return Range(*ends, found.bounds)


SCALARS = CASES[: 1 + [case.name for case in CASES].index("SecretBytes")] + CASES[-2:]
small_decimals = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-1000, max_value=1000)
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
CASES += [
    *map(array_of, SCALARS),
    Case("array as a set", set[str], st.sets(short_texts(), max_size=4), key=spelling, db_type="array"),
    Case(
        "array as a tuple",
        tuple[float, ...],
        st.lists(finite, max_size=4).map(tuple),
        key=spelling,
        db_type="array",
    ),
    Case("range of int", Range[int], ranges(st.integers(-INT64, INT64 - 2))),
    Case("range of Decimal", Range[Decimal], ranges(small_decimals)),
    Case("range of date", Range[date], ranges(st.dates(max_value=date(9999, 12, 30)))),
    Case(
        "range of datetime",
        Range[datetime],
        ranges(st.builds(lambda clock, zone: clock.replace(tzinfo=zone), moments, some(*ZONES))),
        read=in_utc,
    ),
    Case("range of NaiveDatetime", Range[NaiveDatetime], ranges(moments)),
]


@pytest.fixture(scope="session")
def tables(databases: Mapping[str, Database]) -> Callable[..., Any]:
    """Make the table of a case where it is missing."""
    made: set[str] = set()

    def table(case: Case, kind: str = "model") -> Any:
        model = getattr(case, kind)
        if model.__name__ not in made:
            for database in databases.values():
                database.create_tables(model)
            made.add(model.__name__)
        return model

    return table


class Undo(Exception):
    """The end of an example."""


@contextmanager
def undone(database: Database) -> Iterator[None]:
    """Leave nothing behind. A refusal before the wire does no harm to the transaction it happens in."""
    try:
        with database.transaction():
            yield
            raise Undo
    except Undo:
        pass


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_value_is_read_as_it_was_written_and_found_by_it(case, databases, tables, data):
    model = tables(case)
    values = data.draw(st.lists(case.values, min_size=VALUES, max_size=VALUES))
    kept = [value for value in values if not case.refused(value)]
    for name, database in databases.items():
        note(f"on {name}")
        with undone(database):
            for value in values:
                if case.refused(value):
                    assert_is_refused(database, model, value)
            if kept:
                assert_comes_back(database, case, kept)
                assert_is_found(database, case, kept)


def assert_is_refused(database: Database, model: Any, value: Any) -> None:
    """Every way in says no, and says it before the database is asked."""
    for attempt in (
        lambda: database.create(model, value=value),
        lambda: database.bulk_create(model, [model(value=value)]),
        lambda: database.bulk_create(model, [model(value=value) for _ in range(101)], returning=False),
        lambda: database.query(model).where(lambda row: row.value == value).all(),
        lambda: database.query(model).where(lambda row: row.value.in_([value])).count(),
        lambda: database.query(model).update(value=value),
    ):
        with pytest.raises((DataError, QueryError, ValidationError)) as refusal:
            attempt()
        assert getattr(refusal.value, "driver_message", None) is None


def assert_comes_back(database: Database, case: Case, values: list[Any]) -> None:
    model, count = case.model, len(values)

    def rotated(by: int) -> list[Any]:
        return [values[(at + by) % count] for at in range(count)]

    made = [model(value=value, maybe=value if at % 3 else None) for at, value in enumerate(values)]
    database.bulk_create(model, made)
    assert_reads(database, case, values)
    for instance, value in zip(made, rotated(1), strict=True):
        instance.value = value
        database.save(instance)
    assert_reads(database, case, rotated(1))
    for instance, value in zip(made, rotated(2), strict=True):
        assert database.query(model).filter_by(id=instance.id).update(value=value) == 1
    assert_reads(database, case, rotated(2))
    assert database.query(model).delete() == count
    assert_goes_in_by_the_hundred(database, case, values)
    for at, value in enumerate(values):
        database.create(model, value=value, maybe=value if at % 3 else None)
    assert_reads(database, case, values)


def assert_goes_in_by_the_hundred(database: Database, case: Case, values: list[Any]) -> None:
    """Many rows at once travel in another way than few."""
    many = values * (1 + 100 // len(values))
    made = [case.model(value=value, maybe=value if at % 3 else None) for at, value in enumerate(many)]
    assert database.bulk_create(case.model, made, returning=False) == len(many)
    assert_reads(database, case, many)
    found = database.query(case.model).order_by("id").all()
    assert [row.maybe is None for row in found] == [at % 3 == 0 for at in range(len(many))]
    assert database.query(case.model).delete() == len(many)


def assert_reads(database: Database, case: Case, values: list[Any]) -> None:
    rows = database.query(case.model).order_by("id").all()
    assert [spelling(row.value) for row in rows] == [spelling(case.read(value)) for value in values]


def assert_is_found(database: Database, case: Case, values: list[Any]) -> None:
    """Ask for the rows by their values: every other has no value in the second column."""
    query = database.query(case.model)
    rows = query.order_by("id").all()
    keys = [case.key(value) for value in values]

    def ids(predicate: Callable[[Any], Any]) -> list[int]:
        return query.where(predicate).select(lambda row: row.id).order_by("id").all()

    def expected(holds: Callable[[int], bool]) -> list[int]:
        return [row.id for at, row in enumerate(rows) if holds(at)]

    def equal(value: Any) -> Callable[[Any], Any]:
        return lambda row: row.value == value

    for value, key in zip(values, keys, strict=True):
        assert ids(equal(value)) == [row.id for row, other in zip(rows, keys, strict=True) if other == key]
    value, key = values[0], keys[0]
    assert ids(lambda row: row.maybe == value) == expected(lambda at: at % 3 > 0 and keys[at] == key)
    assert ids(lambda row: row.maybe != value) == expected(lambda at: at % 3 > 0 and keys[at] != key)
    assert ids(lambda row: row.maybe.is_null()) == expected(lambda at: at % 3 == 0)
    half = keys[::2]
    assert ids(lambda row: row.maybe.in_(values[::2])) == expected(lambda at: at % 3 > 0 and keys[at] in half)
    assert ids(lambda row: row.maybe.in_([*values[::2], None])) == expected(lambda at: at % 3 == 0 or keys[at] in half)
    assert ids(lambda row: row.maybe.not_in(values[::2])) == expected(lambda at: at % 3 > 0 and keys[at] not in half)
    if case.order is not None:
        assert_is_ordered(database, case, rows, [case.order(value) for value in values], values)


def assert_is_ordered(database: Database, case: Case, rows: list[Any], keys: list[Any], values: list[Any]) -> None:
    query = database.query(case.model)

    def less(value: Any) -> Callable[[Any], Any]:
        return lambda row: row.value < value

    for value, key in zip(values[:3], keys[:3], strict=True):
        below = query.where(less(value)).select(lambda row: row.id).order_by("id").all()
        assert below == [row.id for row, other in zip(rows, keys, strict=True) if other < key]
    present = [at for at in range(len(rows)) if at % 3]
    absent = [row.id for at, row in enumerate(rows) if at % 3 == 0]
    upwards = [rows[at].id for at in sorted(present, key=lambda at: keys[at])]
    assert query.select(lambda row: row.id).order_by("maybe", "id").all() == [*upwards, *absent]
    downwards = [rows[at].id for at in sorted(present, key=lambda at: keys[at], reverse=True)]
    assert query.select(lambda row: row.id).order_by("-maybe", "id").all() == [*downwards, *absent]
    assert case.order(query.min("value")) == min(keys)
    assert case.order(query.max("value")) == max(keys)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(max_examples=10)
@given(data=st.data())
def test_a_row_is_found_and_changed_by_a_key_of_any_type(case, databases, tables, data):
    model = tables(case, "key_model")
    # Of many types most values are refused: enough are drawn for two that are not, almost always.
    drawn = data.draw(st.lists(case.values, min_size=8, max_size=8))
    key, other = [*(value for value in drawn if not case.refused(value)), None, None][:2]
    if key is None or other is None:
        return
    for name, database in databases.items():
        note(f"on {name}")
        with undone(database):
            assert_is_a_key(database, case, model, key, other)


def assert_is_a_key(database: Database, case: Case, model: Any, key: Any, other: Any) -> None:
    """Every verb that looks for one row, by its key or by its other value, finds the only one there is."""
    database.create(model, code=key, value=other)
    row = database.get(model, key)
    assert case.key(row.code) == case.key(case.read(key))
    assert spelling(row.value) == spelling(case.read(other))
    assert not database.get_or_create(model, code=key, defaults={"times": 1})[1]
    assert not database.get_or_create(model, value=other, defaults={"code": key})[1]
    assert not database.update_or_create(model, code=key, defaults={"times": 2})[1]
    assert database.get(model, key).times == 2
    assert spelling(database.upsert(model, code=key, times=3).value) == spelling(case.read(other))
    database.save(model(code=key, value=other, times=4), on_conflict="update")
    database.refresh(row)
    assert row.times == 4
    row.code = other
    database.save(row)
    assert database.get(model, other).times == 4
    assert database.delete(row)
    assert database.get_or_none(model, other) is None


def test_a_nan_is_kept_by_postgresql_and_refused_by_sqlite(databases, tables):
    nan = math.nan
    case = next(case for case in CASES if case.annotation is float)
    model = tables(case)
    for name, database in databases.items():
        with undone(database):
            if name == "sqlite":
                assert_is_refused(database, model, nan)
                continue
            database.create(model, value=nan, maybe=1.0)
            database.create(model, value=math.inf)
            # To PostgreSQL a nan equals itself and is greater than any number.
            found = database.query(model).where(lambda row: row.value == nan).one()
            assert math.isnan(found.value) and found.maybe == 1.0
            assert database.query(model).where(lambda row: row.value > math.inf).count() == 1
