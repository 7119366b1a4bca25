"""`str`, its subclasses, and Pydantic's addresses."""

from enum import StrEnum
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AnyUrl, Field, HttpUrl, PostgresDsn, TypeAdapter
from pydantic_core import core_schema

from ferro.types import column_type

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(max_examples=200, deadline=None)
@given(value=texts)
def test_every_text_comes_back(through, value):
    back = through(str, value)
    assert back == value
    assert type(back) is str


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a\0b", r"'a\x00b' contains a NUL character at position 1, which no database keeps"),
        ("é\ud800", r"'é\ud800' contains a lone surrogate at position 1, which is no character"),
    ],
)
@pytest.mark.parametrize("db_type", [None, "varchar(9)"])
def test_what_a_database_would_cut_or_refuse_is_refused_on_both(dialect, db_type, value, message):
    with pytest.raises(ValueError) as refused:
        column_type(str, db_type=db_type).stored[dialect].dump(value)
    assert str(refused.value) == message


def test_a_text_longer_than_its_column_is_refused_on_both(dialect):
    dump = column_type(str, db_type="varchar(3)").stored[dialect].dump
    assert dump("äöü") == "äöü"
    for value in ("abcd", "abc "):
        with pytest.raises(ValueError, match=rf"^'{value}' has 4 characters and does not fit varchar\(3\)$"):
            dump(value)


@pytest.mark.parametrize("value", [5, b"abc", None, ["a"]])
def test_only_a_text_is_a_text(value, dialect):
    for refuse in (column_type(str).accept, column_type(str).stored[dialect].dump):
        with pytest.raises(ValueError) as refused:
            refuse(value)
        assert str(refused.value) == f"expected str, got {value!r}"


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(ValueError) as refused:
        column_type(int).accept("x" * 1000)
    assert len(str(refused.value)) < 100


def test_constraints_are_no_business_of_a_filter():
    assert column_type(Annotated[str, Field(min_length=5)]).accept("abc") == "abc"


class Colour(StrEnum):
    RED = "red"


def test_a_member_is_sent_as_its_characters(dialect):
    assert type(column_type(str).accept(Colour.RED)) is str
    assert type(column_type(str).stored[dialect].dump(Colour.RED)) is str


class Email(str):
    __slots__ = ()

    def __str__(self):
        return "hidden"

    @classmethod
    def __get_pydantic_core_schema__(cls, source, handler):
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


def test_a_subclass_of_str_is_wrapped_again(through, dialect):
    back = through(Email, Email("ann@x.org"))
    assert back == "ann@x.org"
    assert type(back) is Email
    column = column_type(Email)
    assert type(column.accept("ann@x.org")) is Email
    assert column.stored[dialect].dump(Email("ann@x.org")) == "ann@x.org"
    with pytest.raises(ValueError, match="^expected Email, got 5$"):
        column.accept(5)


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (HttpUrl, "https://example.org/a?b=c#d"),
        (AnyUrl, "ftp://user@example.org:21/x"),
        (PostgresDsn, "postgresql://ann:pw@one.example,two.example:5433/books"),
    ],
)
def test_an_address_comes_back_as_its_class(through, annotation, text):
    value = TypeAdapter(annotation).validate_python(text)
    back = through(annotation, value)
    assert back == value
    assert type(back) is type(value)
    assert column_type(annotation).accept(text) == value


def test_a_text_that_is_no_address_is_refused():
    with pytest.raises(ValueError, match="^expected .*Url, got 'no url'$"):
        column_type(HttpUrl).accept("no url")
