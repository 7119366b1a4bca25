"""`bytes`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferro.types import column_type


@settings(max_examples=200, deadline=None)
@given(value=st.binary())
def test_all_bytes_come_back(through, value):
    back = through(bytes, value)
    assert back == value
    assert type(back) is bytes


@pytest.mark.parametrize("value", [bytearray(b"\0a"), memoryview(b"\0a")])
def test_other_containers_of_bytes_are_accepted(value, dialect):
    assert column_type(bytes).accept(value) == b"\0a"
    assert type(column_type(bytes).stored[dialect].dump(value)) is bytes


def test_a_text_is_not_bytes(dialect):
    with pytest.raises(ValueError, match=r"^expected bytes, got 'abc'$"):
        column_type(bytes).stored[dialect].dump("abc")
