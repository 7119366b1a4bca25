"""`UUID`, of its own type or as text."""

import copy
import pickle
from uuid import UUID, SafeUUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferro.types import column_type

ONE = UUID("0123abcd-0123-4567-89ab-0123456789ab")


@pytest.mark.parametrize("db_type", [None, "uuid", "text", "varchar(36)"])
@settings(max_examples=200, deadline=None)
@given(value=st.uuids())
def test_every_uuid_comes_back(through, db_type, value):
    back = through(UUID, value, db_type)
    assert back == value
    assert type(back) is UUID


def test_a_read_uuid_is_like_any_other(through):
    back = through(UUID, ONE)
    assert (str(back), hash(back), back.is_safe) == (str(ONE), hash(ONE), SafeUUID.unknown)
    assert pickle.loads(pickle.dumps(back)) == copy.deepcopy(back) == ONE
    with pytest.raises(TypeError):
        back.int = 5


def test_sqlite_keeps_36_characters():
    assert column_type(UUID).stored["sqlite"].dump(ONE) == "0123abcd-0123-4567-89ab-0123456789ab"
    assert column_type(UUID).stored["sqlite"].load("0123ABCD0123456789ab0123456789ab") == ONE


def test_postgresql_is_given_the_uuid_itself_or_its_text():
    assert column_type(UUID).stored["postgresql"].dump(ONE) is ONE
    assert column_type(UUID, db_type="text").stored["postgresql"].dump(ONE) == str(ONE)


def test_a_text_that_is_a_uuid_is_accepted(dialect):
    assert column_type(UUID).accept(str(ONE)) == ONE
    assert str(column_type(UUID).stored[dialect].dump(str(ONE))) == str(ONE)


@pytest.mark.parametrize("value", ["abc", 5, b"0123"])
def test_anything_else_is_refused(value, dialect):
    with pytest.raises(ValueError, match=f"^expected UUID, got {value!r}$"):
        column_type(UUID).stored[dialect].dump(value)


def test_a_varchar_too_short_for_a_uuid_is_refused():
    with pytest.raises(ValueError, match=r"^a UUID has 36 characters and does not fit varchar\(32\)$"):
        column_type(UUID, db_type="varchar(32)")


def test_uuids_sort_on_sqlite_as_in_python(in_order):
    values = [uuid4() for _ in range(50)]
    assert in_order(UUID, values) == sorted(values)
