"""The rows that are written and read: nine columns, the same on every machine."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias
from uuid import UUID

Row: TypeAlias = tuple[Any, ...]

COLUMNS = ("id", "name", "email", "age", "balance", "joined", "active", "settings", "token")
SPREAD = 7919  # a prime: neighbours by key are strangers by name
FIRST_DAY = datetime(2020, 1, 1, 12, tzinfo=UTC)


def name_of(number: int, among: int) -> str:
    return f"name {number * SPREAD % among:08}"


def row(number: int, among: int) -> Row:
    """Make the row of a key, from 1; of `among` rows no two have the same name."""
    return (
        number,
        name_of(number, among),
        f"author{number}@example.org",
        18 + number % 60,
        Decimal(number * 37 % 1_000_000) / 100,
        FIRST_DAY + timedelta(seconds=number * 61, microseconds=number),
        number % 3 != 0,
        {"theme": "dark", "page": number % 10, "tags": ["a", "b"]},
        UUID(int=number * 2**64 + SPREAD),
    )


@cache
def rows(count: int) -> list[Row]:
    return [row(number, count) for number in range(1, count + 1)]
