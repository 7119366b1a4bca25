"""Documents: what comes back from JSON is what was stored, or it is refused."""

import math
import re
import sys
from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    VERSION,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    PrivateAttr,
    SecretStr,
    computed_field,
    field_serializer,
)
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict

from ferro.errors import DataError
from ferro.types import column_type

pydantic_version = tuple(int(part) for part in VERSION.split(".")[:2])

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


class Colour(StrEnum):
    RED = "red"


@dataclass
class Point:
    x: int
    seen: date


class Span(NamedTuple):
    start: int
    name: str


class Options(TypedDict, total=False):
    depth: int
    colours: set[Colour]


class Address(BaseModel):
    street: str = Field(alias="streetName")
    since: datetime | None = None
    price: Decimal = Decimal("1.50")
    floors: dict[int, UUID] = Field(default_factory=dict)

    @computed_field
    @property
    def shout(self) -> str:
        return self.street.upper()


class Photo(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    pixels: bytes


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    at: datetime
    kinds: tuple[int, ...]


ADDRESS = Address(streetName="Ring", since=datetime(2024, 1, 1, tzinfo=UTC), floors={1: UUID(int=5)})

DOCUMENTS = [
    (dict, {"a": [1, 2.5, True, None, "x", {"": []}]}),
    (dict[str, Any], {}),
    (list, [[], {}]),
    (list[Any], [1, "1"]),
    (list[int], [1, 2]),
    (list[Decimal], [Decimal("1.50"), Decimal("1E+3")]),
    (dict[int, float], {1: 1e22}),
    (dict[str, datetime], {"a": datetime(2024, 1, 1, tzinfo=UTC)}),
    (set[str], {"a", "b", "c"}),
    (frozenset[int], frozenset({3, 1})),
    (tuple[int, str], (1, "a")),
    (tuple, (1, "a")),
    (deque[int], deque([1, 2])),
    (Point, Point(1, date(2024, 1, 1))),
    (Span, Span(1, "a")),
    (Options, {"depth": 1, "colours": {Colour.RED}}),
    (Address, ADDRESS),
    (list[Address | None], [ADDRESS, None]),
    (Strict, Strict(at=datetime(2024, 1, 1, tzinfo=UTC), kinds=(1, 2))),
    (Json[list[int]], [1, 2]),
    (Json, {"a": 1}),
]


@pytest.mark.parametrize(("annotation", "value"), DOCUMENTS)
def test_documents_come_back_as_they_were(through, annotation, value):
    back = through(annotation, value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(("annotation", "value"), DOCUMENTS)
def test_documents_come_back_from_what_postgresql_hands_over(annotation, value):
    stored = column_type(annotation).stored["postgresql"]
    parsed = from_json(stored.dump(value))
    back = parsed if stored.load is None else stored.load(parsed)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.skipif(pydantic_version < (2, 9), reason="val_json_bytes came with Pydantic 2.9")
def test_bytes_inside_a_model_come_back_where_it_says_how_they_are_written(through):
    photo = Photo(pixels=b"\xff\0")
    stored = column_type(Photo).stored["postgresql"]
    assert through(Photo, photo) == photo
    assert stored.load(from_json(stored.dump(photo))) == photo


def test_bytes_that_are_no_text_are_refused_otherwise(dialect):
    with pytest.raises(ValueError, match=r"^expected list\[bytes\], got \[b'\\xff'\]: .*invalid utf-8"):
        column_type(list[bytes]).stored[dialect].dump([b"\xff"])


@settings(max_examples=200, deadline=None)
@given(value=st.dictionaries(words, json_values, max_size=4))
def test_every_plain_document_comes_back_from_both(through, value):
    for back in (through(dict, value), from_json(like_jsonb(column_type(dict).stored["postgresql"].dump(value)))):
        assert back == value
        assert to_json(back) == to_json(value)


def like_jsonb(text: str) -> str:
    """The numbers of a document as PostgreSQL writes a numeric: no exponents."""
    return re.sub(
        r'"(?:[^"\\]|\\.)*"|[-+.e\d]*\de[-+.e\d]*',
        lambda token: token[0] if token[0].startswith('"') else f"{Decimal(token[0]):f}",
        text,
    )


def test_floats_are_written_so_that_they_stay_floats(dialect):
    dump = column_type(list).stored[dialect].dump
    assert dump([1e23, -1.5e300, 1e-7, 2.0, "1e+23", 10**20]) == (
        "[100000000000000000000000.0,-15" + "0" * 299 + '.0,1e-7,2.0,"1e+23",100000000000000000000]'
    )


def test_what_json_has_no_word_for_is_refused(dialect):
    circle: list[Any] = []
    circle.append(circle)
    refusals = {
        "(1, 2) at ['a'] is a tuple, which would not come back from JSON as one": {"a": (1, 2)},
        "datetime.date(2024, 1, 1) at ['a'][1] is a date, which would not come": {"a": [1, date(2024, 1, 1)]},
        "Decimal('1') at ['a'] is a Decimal, which would not come": {"a": Decimal(1)},
        "{1} at ['a'] is a set, which would not come back": {"a": {1}},
        "the key 1 would come back from JSON as a text: use texts as keys": {"a": {1: 2}},
        "nan at ['a'] has no place in JSON": {"a": math.nan},
        "-inf at ['a'][0] has no place in JSON": {"a": [-math.inf]},
        r"'x\x00' at ['a'] contains a NUL character at position 1": {"a": "x\0"},
        r"the key 'x\x00' contains a NUL character": {"x\0": 1},
        r"'\ud800' at ['a'] contains a lone surrogate": {"a": "\ud800"},
    }
    for message, value in refusals.items():
        with pytest.raises(ValueError) as refused:
            column_type(dict).stored[dialect].dump(value)
        assert str(refused.value).startswith(message)
    with pytest.raises(ValueError, match="^the document contains itself, or is nested too deeply$"):
        column_type(list).stored[dialect].dump(circle)


def test_what_no_reader_takes_is_refused(through, dialect):
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    assert through(list, deep) == deep
    with pytest.raises(ValueError, match="^recursion limit exceeded"):
        column_type(list).stored[dialect].dump([deep])
    long = 10**4299 - 1
    assert through(list, [long]) == [long]
    with pytest.raises(ValueError, match="^number out of range"):
        column_type(list).stored[dialect].dump([10**4300])


def test_a_backslash_before_u0000_is_no_nul(through):
    value = {"a": "\\u0000", "b": "\\\\u0000"}
    assert through(dict, value) == value


class Account(BaseModel):
    name: str
    password: SecretStr | None = None


class Shown(Account):
    @field_serializer("password", when_used="json")
    def write_password(self, value):
        return value and value.get_secret_value()


class Excluding(BaseModel):
    name: str
    note: str = Field(default="", exclude=True)


class Private(BaseModel):
    _seen: int = PrivateAttr(default=0)


class TwoNames(BaseModel):
    name: str = Field(validation_alias="in", serialization_alias="out")


class Measured(BaseModel):
    value: float | None = None


class Constants(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="constants")

    value: float


def seen() -> Private:
    made = Private()
    made._seen = 1
    return made


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Account, Account(name="a", password="hush")),
        (Excluding, Excluding(name="a", note="b")),
        (Private, seen()),
        (Measured, Measured(value=math.nan)),
        (Measured, Measured(value=math.inf)),
        (Account, Shown(name="a", password="hush")),
        (list[Account], [Account(name="a", password="hush")]),
    ],
)
def test_what_would_get_lost_in_a_model_is_refused(annotation, value, dialect):
    with pytest.raises(
        ValueError, match="would not come back from JSON as it is: a nan, a SecretStr, an excluded"
    ) as no:
        column_type(annotation).stored[dialect].dump(value)
    assert "hush" not in str(no.value)


def test_a_secret_that_says_how_it_is_written_is_stored(through):
    assert through(Shown, Shown(name="a", password="hush")).password.get_secret_value() == "hush"
    assert through(Account, Account(name="a")) == Account(name="a")


def test_names_that_are_not_read_as_they_are_written_are_refused(dialect):
    with pytest.raises(
        ValueError, match=r"^this TwoNames could not be read again from its JSON \(in: Field required\)"
    ):
        column_type(TwoNames).stored[dialect].dump(TwoNames.model_validate({"in": "x"}))


def test_an_infinity_that_a_model_would_write_is_refused(dialect):
    with pytest.raises(ValueError, match="infinity|NaN|not finite|expected"):
        column_type(Constants).stored[dialect].dump(Constants(value=math.inf))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [(list[int], ["a"]), (list[int], "abc"), (Address, {"streetName": 5}), (Point, 5), (dict, [1]), (list, {"a": 1})],
)
def test_a_value_of_another_type_is_refused(annotation, value, dialect):
    name = column_type(annotation).name
    for refuse in (column_type(annotation).accept, column_type(annotation).stored[dialect].dump):
        with pytest.raises(ValueError) as refused:
            refuse(value)
        assert str(refused.value).startswith(f"expected {name}, got {value!r}"[:60])


def test_a_filter_may_say_what_a_model_is_made_of():
    assert column_type(Address).accept({"streetName": "Ring"}) == Address(streetName="Ring")
    assert column_type(set[int]).accept([1, 2]) == {1, 2}


def test_a_stored_document_of_another_form_is_a_data_error(dialect):
    load = column_type(list[int]).stored[dialect].load
    with pytest.raises(DataError, match=r"^a stored document is no list\[int\]: 0: Input should be a valid integer"):
        load('["a"]' if dialect == "sqlite" else ["a"])


def test_equal_sets_are_equal_documents(dialect):
    dump = column_type(set[str]).stored[dialect].dump
    names = [f"name{number}" for number in range(50)]
    assert dump(set(names)) == dump({*names[25:], *names[:25]})


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    tricks: list[str]


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Any, 5),
        (Any, "x"),
        (object, [1]),
        (int | str, "5"),
        (int | str, 5),
        (int | list[date], [date(2024, 1, 1)]),
        (Annotated[Cat | Dog, Field(discriminator="kind")], Dog(tricks=["sit"])),
    ],
)
def test_db_type_json_stores_what_pydantic_can_write(through, annotation, value):
    back = through(annotation, value, "json")
    assert back == value
    assert type(back) is type(value)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement came with Python 3.12")
def test_an_alias_may_mention_itself(through):
    names: dict[str, Any] = {}
    exec("type Tree = dict[str, Tree] | list[Tree] | int", names)
    value = {"a": [1, {"b": 2}]}
    assert through(names["Tree"], value, "json") == value


class Leaf(BaseModel):
    branches: "list[Leaf]" = Field(default_factory=list)


def test_a_model_may_mention_itself(through):
    value = Leaf(branches=[Leaf(), Leaf(branches=[Leaf()])])
    assert through(Leaf, value) == value


def test_documents_can_change_in_place_unless_they_are_tuples_of_plain_values():
    assert column_type(dict).mutable
    assert column_type(Address).mutable
    assert column_type(tuple[list[int], ...]).mutable
    assert not column_type(tuple[int, ...]).mutable
    assert not column_type(frozenset[str]).mutable


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ('{"a": 1, "b": [2]}', '{"b":[2],"a":1}'),
        ("[1.0, 1e2]", "[1,100]"),
        ('"\\u00e9"', '"é"'),
        ("[100000000000000000000000.0]", "[1e23]"),
    ],
)
def test_documents_are_equal_however_they_are_spelled(keeper, left, right):
    assert keeper.evaluate("? = ? COLLATE ferro_json", left, right) == 1


@pytest.mark.parametrize(
    ("left", "right"),
    [("[1,2]", "[2,1]"), ("1", "true"), ("0", "false"), ('"1"', "1"), ("null", "[]"), ('{"a":1}', '{"a":1,"b":null}')],
)
def test_different_documents_are_not_equal(keeper, left, right):
    assert keeper.evaluate("? = ? COLLATE ferro_json", left, right) == 0


def test_documents_sort_as_postgresql_sorts_a_jsonb(keeper):
    ordered = [
        "[]",
        "null",
        '""',
        '"a"',
        "-1",
        "0.5",
        "10",
        "false",
        "true",
        "[1]",
        "[2]",
        "[0,0]",
        "{}",
        '{"aa":0}',
        '{"b":9}',
        '{"a":0,"b":0}',
    ]
    rows = keeper.connection.execute(
        "SELECT value FROM json_each(?) ORDER BY CAST(value AS TEXT) COLLATE ferro_json",
        [to_json(ordered[::-1]).decode()],
    )
    assert [text for (text,) in rows] == ordered
