"""`float`."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferro.types import column_type


@settings(max_examples=200, deadline=None)
@given(value=st.floats(allow_nan=False))
def test_every_float_comes_back(through, value):
    back = through(float, value)
    assert back == value
    assert type(back) is float


def test_a_nan_is_refused_where_it_would_become_null():
    stored = column_type(float).stored
    assert math.isnan(stored["postgresql"].dump(math.nan))
    with pytest.raises(ValueError, match=r"^nan cannot be stored: SQLite keeps it as NULL; use None, or a number$"):
        stored["sqlite"].dump(math.nan)


def test_a_whole_number_is_a_float_where_that_is_exact(dialect):
    column = column_type(float)
    assert repr(column.stored[dialect].dump(3)) == "3.0"
    with pytest.raises(ValueError, match=r"^9007199254740993 is not exact as a float$"):
        column.accept(2**53 + 1)
    with pytest.raises(ValueError, match=r"is not exact as a float$"):
        column.accept(10**400)


@pytest.mark.parametrize("value", ["1.5", True, b"1"])
def test_anything_else_is_refused(value, dialect):
    with pytest.raises(ValueError, match=rf"^expected float, got {value!r}$"):
        column_type(float).stored[dialect].dump(value)
