"""The rows that are written and read, the same on every machine: authors, books, tags and the links between them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias
from uuid import UUID

Row: TypeAlias = tuple[Any, ...]

AUTHOR = ("id", "name", "email", "age", "balance", "joined", "active", "settings", "token")
BOOK = ("id", "title", "author_id", "pages", "price", "published")
TAG = ("id", "name")

SPREAD = 7919  # a prime: neighbours by key are strangers by name
FIRST_DAY = datetime(2020, 1, 1, 12, tzinfo=UTC)
TAGS = 50
TAGS_OF_A_BOOK = 3


def name_of(number: int, among: int) -> str:
    return f"name {number * SPREAD % among:08}"


def author(number: int, among: int) -> Row:
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


def book(number: int, writers: int) -> Row:
    """Make the row of a key, from 1: the first `writers` authors have written all the books, as many each."""
    return (
        number,
        f"book {number}",
        (number - 1) % writers + 1,
        100 + number % 400,
        Decimal(number % 5_000) / 100,
        date(2000, 1, 1) + timedelta(days=number % 9_000),
    )


@cache
def authors(count: int) -> list[Row]:
    return [author(number, count) for number in range(1, count + 1)]


@cache
def books(count: int, writers: int) -> list[Row]:
    return [book(number, writers) for number in range(1, count + 1)]


@cache
def tags() -> list[Row]:
    return [(number, f"tag {number:03}") for number in range(1, TAGS + 1)]


def tags_of(book: int) -> list[int]:
    """Give the keys of a book's tags, in their order."""
    return sorted((book + step * 7) % TAGS + 1 for step in range(TAGS_OF_A_BOOK))


@cache
def links(count: int) -> list[Row]:
    """Give the pairs of book and tag."""
    return [(book, tag) for book in range(1, count + 1) for tag in tags_of(book)]
