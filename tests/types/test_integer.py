"""`int`, in the bits that `db_type` gives it."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ByteSize

from ferro.types import column_type


@settings(max_examples=200, deadline=None)
@given(value=st.integers(-(2**63), 2**63 - 1))
def test_every_64_bit_number_comes_back(through, value):
    assert through(int, value) == value


@pytest.mark.parametrize(
    ("db_type", "bits"),
    [(None, 64), ("bigint", 64), ("int", 32), ("smallint", 16)],
)
def test_a_number_that_does_not_fit_its_column_is_refused(db_type, bits, dialect):
    column = column_type(int, db_type=db_type)
    dump = column.stored[dialect].dump
    highest, lowest = 2 ** (bits - 1) - 1, -(2 ** (bits - 1))
    assert (dump(highest), dump(lowest)) == (highest, lowest)
    for value in (highest + 1, lowest - 1):
        for refuse in (dump, column.accept):
            with pytest.raises(ValueError, match=f"^{value} does not fit a {bits}-bit column$"):
                refuse(value)


@pytest.mark.parametrize(("value", "number"), [(True, 1), (5.0, 5), (Decimal("7.00"), 7)])
def test_what_is_a_whole_number_is_accepted_as_one(value, number, dialect):
    column = column_type(int)
    assert column.accept(value) == number
    assert type(column.accept(value)) is int
    assert column.stored[dialect].dump(value) == number


@pytest.mark.parametrize("value", ["abc", "5", 5.5, float("nan"), float("inf"), None, b"5", Decimal("1.5")])
def test_anything_else_is_refused(value, dialect):
    for refuse in (column_type(int).accept, column_type(int).stored[dialect].dump):
        with pytest.raises(ValueError) as refused:
            refuse(value)
        assert str(refused.value) == f"expected int, got {value!r}"


def test_a_subclass_of_int_is_wrapped_again(through):
    size = through(ByteSize, ByteSize(2_000))
    assert size == 2_000
    assert type(size) is ByteSize
    assert type(column_type(ByteSize).stored["postgresql"].dump(ByteSize(5))) is int
