"""`Literal`."""

from enum import Enum
from typing import Literal

import pytest

from ferro.types import column_type


class Role(Enum):
    ADMIN = "admin"
    GUEST = "guest"


@pytest.mark.parametrize(
    ("annotation", "value", "name", "kind"),
    [
        (Literal["draft", "sent"], "sent", "Literal['draft', 'sent']", "text"),
        (Literal[1, 2], 2, "Literal[1, 2]", "int"),
        (Literal[True], True, "Literal[True]", "bool"),
        (Literal[Role.ADMIN], Role.ADMIN, "Literal[Role.ADMIN]", "text"),
    ],
)
def test_literals_are_stored_as_the_type_of_their_values(through, annotation, value, name, kind):
    column = column_type(annotation)
    assert (column.name, column.kind) == (name, kind)
    assert through(annotation, value) == value
    assert type(through(annotation, value)) is type(value)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (Literal["draft", "sent"], "lost", "expected Literal['draft', 'sent'], got 'lost'"),
        (Literal[1, 2], 3, "expected Literal[1, 2], got 3"),
        (Literal[True], False, "expected Literal[True], got False"),
        (Literal[Role.ADMIN], Role.GUEST, f"expected Literal[Role.ADMIN], got {Role.GUEST!r}"),
        (Literal["draft"], 5, "expected str, got 5"),
    ],
)
def test_only_the_values_themselves_are_taken(annotation, value, message, dialect):
    for refuse in (column_type(annotation).accept, column_type(annotation).stored[dialect].dump):
        with pytest.raises(ValueError) as refused:
            refuse(value)
        assert str(refused.value) == message


def test_values_of_different_types_are_refused():
    with pytest.raises(ValueError) as refused:
        column_type(Literal["a", 1])
    assert str(refused.value) == (
        "Literal['a', 1] mixes values of different types, and a column has one:"
        " use texts, whole numbers or members of one enumeration"
    )


def test_values_that_do_not_fit_the_column_are_refused_when_it_is_defined():
    with pytest.raises(ValueError, match=r"^'draft' has 5 characters and does not fit varchar\(3\)$"):
        column_type(Literal["draft"], db_type="varchar(3)")
