"""What an annotation becomes, whatever it is wrapped in, and what is refused."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, NaiveDatetime, StringConstraints, conint
from typing_extensions import TypeAliasType, TypeVar

from ferro.types import column_type, split_optional, type_of_value

UserId = NewType("UserId", int)
Name = TypeAliasType("Name", Annotated[str, StringConstraints(max_length=5)])
Nickname = TypeAliasType("Nickname", Name | None)
T = TypeVar("T")
Maybe = TypeAliasType("Maybe", T | None, type_params=(T,))


class Role(StrEnum):
    ADMIN = "admin"


class Address(BaseModel):
    city: str


@pytest.mark.parametrize(
    ("annotation", "same_as"),
    [
        (Annotated[int, Field(gt=3)], int),
        (Annotated[int, ["metadata", "that has no hash"]], int),
        (conint(gt=3), int),
        (UserId, int),
        (NewType("Deeper", UserId), int),
        (Name, str),
        (Annotated[Name, "more"], str),
    ],
)
def test_wrappers_around_a_type_do_not_matter(annotation, same_as):
    assert column_type(annotation) is column_type(same_as)


def test_the_same_question_has_the_same_answer():
    assert column_type(list[int]) is column_type(list[int])
    assert column_type(int, db_type="smallint") is column_type(int, db_type="SMALLINT ")
    assert column_type(int, db_type="bigint") is not column_type(int, db_type="smallint")


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, (int, False)),
        (int | None, (int, True)),
        (Optional[int], (int, True)),
        (int | str, (int | str, False)),
        (Annotated[int | None, "x"], (Annotated[int, "x"], True)),
        (Annotated[int, "x"] | None, (Annotated[int, "x"], True)),
        (Annotated[int, "x"], (Annotated[int, "x"], False)),
        (Name, (Name, False)),
        (Nickname, (Name, True)),
        (Annotated[Nickname, "x"], (Annotated[Name, "x"], True)),
        (Maybe[int], (int, True)),
        (Literal["a", None], (Literal["a"], True)),
        (Literal["a"], (Literal["a"], False)),
        (dict[str, Any] | None, (dict[str, Any], True)),
    ],
)
def test_none_is_taken_out_of_an_annotation(annotation, expected):
    assert split_optional(annotation) == expected


def test_a_union_that_is_left_stays_a_union():
    inner, nullable = split_optional(int | str | None)
    assert nullable
    assert inner == int | str


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the type statement came with Python 3.12")
def test_the_type_statement_is_looked_through():
    names: dict[str, Any] = {}
    exec("type Age = int\ntype MaybeAge = Age | None\ntype Many[X] = list[X]", names)
    assert column_type(names["Age"]) is column_type(int)
    assert split_optional(names["MaybeAge"]) == (names["Age"], True)
    assert column_type(names["Many"][int]).name == "list[int]"


class Plain:
    pass


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        (Any, "Any"),
        (object, "object"),
        (int | str, "int | str"),
        (complex, "complex"),
        (Callable[[], int], "Callable[[], int]"),
        (Plain, "Plain"),
        (Path, "Path"),
    ],
)
def test_what_no_column_can_hold_is_refused_with_the_ways_out(annotation, name):
    with pytest.raises(ValueError) as refused:
        column_type(annotation)
    text = str(refused.value)
    assert text.startswith(f"{name} cannot be stored in a column: use one of the supported types (bool, int, float,")
    assert 'Field(db_type="json") for anything Pydantic can write as JSON' in text
    assert text.endswith("or ClassVar or a private attribute (_name) to keep it out of the table")


@pytest.mark.parametrize(
    ("annotation", "db_type", "message"),
    [
        (int, "text", 'int cannot be stored as db_type="text": it can be smallint, int or bigint'),
        (int, "jsonb", 'int cannot be stored as db_type="jsonb": it can be smallint, int or bigint'),
        (str, "bigint", 'str cannot be stored as db_type="bigint": it can be text or varchar'),
        (datetime, "date", 'datetime cannot be stored as db_type="date": it can be timestamptz or timestamp'),
        (NaiveDatetime, "timestamptz", 'NaiveDatetime cannot be stored as db_type="timestamptz": it can be timestamp'),
        (float, "bigint", 'float cannot be stored as db_type="bigint": leave db_type out'),
        (Decimal, "varchar(9)", 'Decimal cannot be stored as db_type="varchar(9)": leave db_type out'),
        (list[int], "text", 'list[int] cannot be stored as db_type="text": it can be jsonb or json'),
        (Role, "int", 'Role cannot be stored as db_type="int": it can be text or varchar'),
        (UUID, "int", 'UUID cannot be stored as db_type="int": it can be uuid, text or varchar'),
        (Plain, "json", "Plain cannot be stored as JSON: Pydantic cannot read and write it"),
        (Callable[[], int], "json", "Callable[[], int] cannot be stored as JSON: it is a function"),
    ],
)
def test_a_db_type_that_does_not_go_with_the_type_is_refused(annotation, db_type, message):
    with pytest.raises(ValueError) as refused:
        column_type(annotation, db_type=db_type)
    assert str(refused.value) == message


@pytest.mark.parametrize("db_type", ["number", "varchar", "varchar(0)", "varchar(-1)", "text); DROP TABLE x", ""])
def test_an_unknown_db_type_is_refused(db_type):
    with pytest.raises(ValueError, match=r"db_type .* is not known: use one of text, varchar\(n\), smallint"):
        column_type(str, db_type=db_type)


@pytest.mark.parametrize(
    ("annotation", "db_type", "sqlite", "postgresql"),
    [
        (int, None, "bigint", "bigint"),
        (int, "int", "integer", "integer"),
        (int, "smallint", "smallint", "smallint"),
        (str, None, "text", "text"),
        (str, "varchar(80)", "varchar(80)", "varchar(80)"),
        (bool, None, "boolean", "boolean"),
        (float, None, "double", "double precision"),
        (Decimal, None, "decimal_text", "numeric"),
        (bytes, None, "blob", "bytea"),
        (datetime, None, "timestamp_with_timezone_text", "timestamptz"),
        (datetime, "timestamp", "timestamp_text", "timestamp"),
        (UUID, None, "uuid_text", "uuid"),
        (UUID, "text", "text", "text"),
        (Role, None, "text", "text"),
        (IPv4Address, None, "inet_text", "inet"),
        (dict, None, "json_text", "jsonb"),
        (dict, "json", "json_text", "json"),
        (Any, "json", "json_text", "json"),
        (int | str, "jsonb", "json_text", "jsonb"),
    ],
)
def test_each_database_has_its_name_for_a_type(annotation, db_type, sqlite, postgresql):
    stored = column_type(annotation, db_type=db_type).stored
    assert (stored["sqlite"].name, stored["postgresql"].name) == (sqlite, postgresql)


class Email(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "bool"),
        (1, "int"),
        (1.5, "float"),
        (Decimal(1), "Decimal"),
        ("x", "str"),
        (Role.ADMIN, "Role"),
        (b"x", "bytes"),
        (datetime(2024, 1, 1, tzinfo=UTC), "datetime"),
        (datetime(2024, 1, 1), "NaiveDatetime"),
        (IPv4Address("127.0.0.1"), "IPv4Address"),
        ({"a": 1}, "dict"),
        ([1], "list"),
        (Address(city="Rome"), "Address"),
        (Email("a@b.c"), "Email"),
    ],
)
def test_a_value_on_its_own_has_the_type_of_its_class(value, name):
    assert type_of_value(value).name == name


def test_a_value_of_no_column_type_is_refused():
    with pytest.raises(ValueError, match=r"1j is no value a column can hold: complex is not one of bool, int"):
        type_of_value(1j)
