"""Enumerations by value or by name."""

from enum import Enum, Flag, IntEnum, IntFlag, StrEnum, auto

import pytest

from ferro.errors import DataError
from ferro.types import column_type


class Role(StrEnum):
    ADMIN = "admin"
    GUEST = "guest"


class Mixed(str, Enum):  # noqa: UP042 - still written this way by many
    A = "a"


class PlainText(Enum):
    ONE = "one"
    UNO = "one"  # noqa: PIE796 - an alias


class Level(IntEnum):
    LOW = 1
    HIGH = 10


class Number(Enum):
    ONE = 1


class Perm(IntFlag):
    READ = auto()
    WRITE = auto()


class Style(Flag):
    BOLD = auto()
    WIDE = auto()


class Shape(Enum):
    POINT = (0, 0)
    LINE = [1]  # noqa: RUF012 - the value of a member, which is not shared
    DOT = (0, 0)  # noqa: PIE796 - an alias


class Half(Enum):
    TEXT = "text"
    NUMBER = 1


class Colour(Enum):
    RED = "red"

    @classmethod
    def _missing_(cls, value):
        return cls.RED if value == "crimson" else None


@pytest.mark.parametrize(
    ("member", "kept"),
    [
        (Role.ADMIN, "admin"),
        (Mixed.A, "a"),
        (PlainText.UNO, "one"),
        (Level.HIGH, 10),
        (Number.ONE, 1),
        (Perm.READ | Perm.WRITE, 3),
        (Perm(0), 0),
        (Style.BOLD | Style.WIDE, 3),
        (Shape.LINE, "LINE"),
        (Shape.DOT, "POINT"),
        (Half.NUMBER, "NUMBER"),
    ],
)
def test_members_are_kept_plainly_and_come_back_as_members(through, dialect, member, kept):
    dumped = column_type(type(member)).stored[dialect].dump(member)
    assert dumped == kept
    assert type(dumped) is type(kept)
    back = through(type(member), member)
    assert back == member
    assert type(back) is type(member)


@pytest.mark.parametrize(
    ("enum", "value", "member"),
    [
        (Role, "admin", Role.ADMIN),
        (Level, 10, Level.HIGH),
        (Perm, 3, Perm.READ | Perm.WRITE),
        (Shape, (0, 0), Shape.POINT),
        (Shape, "LINE", Shape.LINE),
        (Shape, "DOT", Shape.POINT),
        (Half, 1, Half.NUMBER),
        (Colour, "crimson", Colour.RED),
    ],
)
def test_a_value_that_names_a_member_is_accepted_and_stored_as_it(enum, value, member, dialect):
    column = column_type(enum)
    assert column.accept(value) is member
    assert column.stored[dialect].dump(value) == column.stored[dialect].dump(member)


@pytest.mark.parametrize(
    ("enum", "value"),
    [
        (Role, "boss"),
        (Role, "ADMIN"),
        (Role, Mixed.A),
        (Level, 2),
        (Level, "LOW"),
        (Level, True),
        (Perm, "x"),
        (Shape, "X"),
    ],
)
def test_anything_else_is_refused(enum, value, dialect):
    for refuse in (column_type(enum).accept, column_type(enum).stored[dialect].dump):
        with pytest.raises(ValueError) as refused:
            refuse(value)
        assert str(refused.value) == f"expected {enum.__name__}, got {value!r}"


@pytest.mark.parametrize(("enum", "stored"), [(Role, "boss"), (Level, 2), (Shape, "X"), (Half, "text")])
def test_an_unknown_stored_value_is_a_data_error(enum, stored, dialect):
    with pytest.raises(DataError) as refused:
        column_type(enum).stored[dialect].load(stored)
    assert str(refused.value) == f"no member of {enum.__name__} is stored as {stored!r}"


def test_what_the_class_itself_knows_is_read():
    assert column_type(Colour).stored["sqlite"].load("crimson") is Colour.RED
    assert column_type(Shape).stored["sqlite"].load("DOT") is Shape.POINT


class Big(IntEnum):
    HUGE = 2**40


class Long(StrEnum):
    WORD = "incomprehensible"


class Broken(StrEnum):
    NUL = "a\0"


def test_members_that_do_not_fit_the_column_are_refused_when_it_is_defined():
    assert column_type(Big).stored["sqlite"].name == "bigint"
    with pytest.raises(ValueError, match="^1099511627776 does not fit a 32-bit column$"):
        column_type(Big, db_type="int")
    with pytest.raises(ValueError, match=r"^'incomprehensible' has 16 characters and does not fit varchar\(5\)$"):
        column_type(Long, db_type="varchar(5)")
    with pytest.raises(ValueError, match="contains a NUL character"):
        column_type(Broken)


def test_an_enumeration_without_members_has_no_column():
    class Empty(Enum):
        pass

    with pytest.raises(ValueError, match="^Empty cannot be stored in a column"):
        column_type(Empty)
