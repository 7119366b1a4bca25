"""Arrays of scalars: how they are written for each database, and what is refused."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Network
from uuid import UUID

import pytest
from pydantic import SecretStr

from ferro.types import column_type

KEY = UUID(int=1)


@pytest.mark.parametrize(
    ("annotation", "value", "name", "postgresql", "sqlite"),
    [
        (list[int], [1, -2], "bigint[]", "{1,-2}", "[1,-2]"),
        (list[int | None], [None, 1], "bigint[]", "{NULL,1}", "[null,1]"),
        (list[bool], [True, False], "boolean[]", "{t,f}", "[true,false]"),
        (list[float], [0.1, float("-inf")], "double precision[]", "{0.1,-inf}", "[0.1,-9e999]"),
        (list[Decimal], [Decimal("1E+3"), Decimal("1.50")], "numeric[]", "{1000,1.50}", '["1000","1.50"]'),
        (
            list[str],
            ['a"\\', "NULL", "{,}", ""],
            "text[]",
            '{"a\\"\\\\","NULL","{,}",""}',
            r'["a\"\\","NULL","{,}",""]',
        ),
        (list[bytes], [b"\0a"], "bytea[]", r'{"\\x0061"}', '["0061"]'),
        (list[date], [date(1, 2, 3)], "date[]", '{"0001-02-03"}', '["0001-02-03"]'),
        (list[time], [time(1, 2)], "time[]", '{"01:02:00"}', '["01:02:00.000000"]'),
        (
            list[datetime],
            [datetime(2024, 1, 2, tzinfo=UTC)],
            "timestamptz[]",
            '{"2024-01-02T00:00:00+00:00"}',
            '["2024-01-02 00:00:00.000000+00:00"]',
        ),
        (
            list[timedelta],
            [timedelta(days=-1, microseconds=5)],
            "interval[]",
            '{"-1 days 0 seconds 5 microseconds"}',
            "[-86399999995]",
        ),
        (list[UUID], [KEY], "uuid[]", f'{{"{KEY}"}}', f'["{KEY}"]'),
        (list[IPv4Address], [IPv4Address("10.0.0.1")], "inet[]", '{"10.0.0.1"}', '["10.0.0.1"]'),
        (list[IPv6Network], [IPv6Network("::/8")], "cidr[]", '{"::/8"}', '["::/8"]'),
        (tuple[int, ...], (3, 1), "bigint[]", "{3,1}", "[3,1]"),
        (set[Decimal], {Decimal(10), Decimal("9.5"), Decimal(-1)}, "numeric[]", "{-1,9.5,10}", '["-1","9.5","10"]'),
        (frozenset[str | None], frozenset({"b", None, "a"}), "text[]", '{NULL,"a","b"}', '[null,"a","b"]'),
        (set[int], set(range(20, 0, -1)), "bigint[]", f"{{{','.join(map(str, range(1, 21)))}}}", None),
        (list[int], [], "bigint[]", "{}", "[]"),
    ],
)
def test_an_array_is_written_for_each_database(annotation, value, name, postgresql, sqlite):
    column = column_type(annotation, db_type="array")
    assert (column.kind, column.stored["postgresql"].name, column.stored["sqlite"].name) == ("array", name, "json_text")
    assert column.stored["postgresql"].dump(value) == postgresql
    text = column.stored["sqlite"].dump(value)
    assert sqlite is None or text == sqlite
    assert column.stored["sqlite"].load(text) == value
    assert type(column.stored["sqlite"].load(text)) is type(value)


def test_lists_and_sets_are_watched_and_the_others_cannot_change():
    assert [column_type(one, db_type="array").mutable for one in (list[int], set[int])] == [True, True]
    assert not any(column_type(one, db_type="array").mutable for one in (tuple[int, ...], frozenset[int]))


def test_without_the_option_a_list_stays_a_document():
    assert column_type(list[int]).stored["postgresql"].name == "jsonb"


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (list, r'list cannot be stored as db_type="array": an array is a list\[\.\.\.\] of one type'),
        (tuple[int, int], r'tuple\[int, int\] cannot be stored as db_type="array"'),
        (list[list[int]], r"its elements must be scalars, and list\[int\] is none"),
        (list[dict], "its elements must be scalars, and dict is none"),
        (int, 'int cannot be stored as db_type="array"'),
        (list[complex], "complex cannot be stored in a column"),
    ],
)
def test_what_is_no_array_is_refused(annotation, message):
    with pytest.raises(ValueError, match=message):
        column_type(annotation, db_type="array")


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (list[int], [1, "x"], "element 1: expected int, got 'x'"),
        (list[int], [2**63], "element 0: 9223372036854775808 does not fit a 64-bit column"),
        (list[str], ["a", None], r"element 1 is None, and those of list\[str\] never are"),
        (list[str], "ab", r"expected list\[str\], got 'ab'"),
        (list[str], {"a"}, r"expected list\[str\], got {'a'}"),
        (set[str], ["a"], r"expected set\[str\], got \['a'\]"),
        (list[float], [float("nan")], "element 0: nan cannot be stored"),
        (list[SecretStr], "hush", r"expected list\[SecretStr\], got <class 'str'>"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(dialect, annotation, value, message):
    column = column_type(annotation, db_type="array")
    with pytest.raises(ValueError, match=message):
        column.stored[dialect].dump(value)
