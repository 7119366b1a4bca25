"""`bool`."""

import pytest

from ferro.types import column_type


def test_truth_values_come_back_as_they_were(through):
    assert through(bool, True) is True
    assert through(bool, False) is False


@pytest.mark.parametrize("value", [1, 0, "true", 1.0])
def test_only_a_bool_is_a_bool(value, dialect):
    column = column_type(bool)
    with pytest.raises(ValueError, match=f"^expected bool, got {value!r}$"):
        column.accept(value)
    with pytest.raises(ValueError, match="expected bool"):
        column.stored[dialect].dump(value)
