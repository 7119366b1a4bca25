"""A frame holds what instances hold, of every type, on every database; and a frame written is the rows it was made of."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from pydantic import AnyUrl, HttpUrl, TypeAdapter

from ferro import Range
from ferro.schema.registry import table_of

from .test_round_trip import CASES, Case, tables, undone

__all__ = ["tables"]

VALUES = 20

# Exact numbers have 38 digits in a frame, of which so many are behind the point as the longest has.
short_decimals = st.builds(
    lambda whole, places: Decimal(whole).scaleb(-places), st.integers(-(10**18), 10**18), st.integers(0, 18)
)
NARROWED: dict[str, Any] = {
    "Decimal": short_decimals,
    "array of Decimal": st.lists(st.none() | short_decimals, max_size=4),
}


FRAMED = [
    replace(case, values=NARROWED.get(case.name, case.values))
    for case in CASES
    # A frame would show it.
    if "Secret" not in case.name
]


def cell(value: Any) -> Any:
    """What stands in a frame for a value of Python's."""
    if isinstance(value, Enum):
        plain = isinstance(value.value, str | int) and all(type(one.value) is type(value.value) for one in type(value))
        return value.value if plain else value.name
    if isinstance(value, UUID | IPv4Address | IPv6Address | IPv4Network | IPv6Network | AnyUrl | HttpUrl):
        return str(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    if isinstance(value, Range):
        bounds = "empty" if value.is_empty else value.bounds
        return {"lower": cell(value.lower), "upper": cell(value.upper), "bounds": bounds}
    if isinstance(value, list | tuple):
        return [cell(one) for one in value]
    return value


def assert_holds(case: Case, found: list[Any], values: list[Any]) -> None:
    """The cells of a column are those of the values."""
    if table_of(case.model).by_field["value"].type.kind == "json":
        read = TypeAdapter(case.annotation).validate_json
        assert [text is None for text in found] == [value is None for value in values]
        assert [case.key(read(text)) for text in found if text is not None] == [
            case.key(value) for value in values if value is not None
        ]
    elif case.name == "array as a set":
        assert [None if one is None else set(one) for one in found] == values
    else:
        assert found == [cell(value) for value in values]


@pytest.mark.parametrize("case", FRAMED, ids=lambda case: case.name)
@settings(max_examples=5)
@given(data=st.data())
def test_a_frame_holds_what_instances_hold(case, databases, tables, data):
    model = tables(case)
    drawn = data.draw(st.lists(case.values, min_size=VALUES, max_size=VALUES))
    values = [value for value in drawn if not case.refused(value)]
    for name, database in databases.items():
        note(f"on {name}")
        with undone(database):
            made = [model(value=value, maybe=value if at % 3 else None) for at, value in enumerate(values)]
            database.bulk_create(model, made)
            query = database.query(model).order_by("id")
            rows = query.all()
            table = query.to_arrow()
            assert table.column_names == ["id", "value", "maybe"]
            assert table.column("id").to_pylist() == [row.id for row in rows]
            for column in ("value", "maybe"):
                assert_holds(case, table.column(column).to_pylist(), [getattr(row, column) for row in rows])
            ways: list[tuple[Any, Callable[..., int]]] = [
                (table, database.from_arrow),
                (query.to_polars(), database.from_polars),
                (query.to_pandas(), database.from_pandas),
            ]
            empty = query.where(lambda row: row.id < 0).to_arrow().schema
            if not any(isinstance(one, Decimal) for value in values for one in (value, *parts_of(value))):
                assert empty == table.schema
            for frame, write in ways:
                database.query(model).delete()
                assert write(model, frame) == len(rows)
                again = query.all()
                assert [row.id for row in again] == [row.id for row in rows]
                assert keyed(case, again) == keyed(case, rows)


def parts_of(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Range):
        return value.lower, value.upper
    return tuple(value) if isinstance(value, list) else ()


def keyed(case: Case, rows: list[Any]) -> list[Any]:
    return [(case.key(row.value), None if row.maybe is None else case.key(row.maybe)) for row in rows]
