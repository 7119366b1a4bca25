"""The workloads as data: what a contender is given, and what it must give back."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from benchmarks.data import Row, authors, books, name_of, tags, tags_of

PAGE = 20
TASKS = 50
THREADS = 8
POOL = 10
BOOKS_OF_A_WRITER = 10


@dataclass(frozen=True)
class Sizes:
    """How much is done.

    Attributes:
        rows: authors in the table.
        calls: calls of a small workload in a round.
        bulk: rows inserted at once.
        related: books read with their author; a quarter as many authors with their books, or books with their tags.
        rounds: how many ratios there are of each workload, of which the median is shown.
        tries: how often everybody takes a turn in a round at most; the best counts.
    """

    rows: int = 50_000
    calls: int = 1_000
    bulk: int = 20_000
    related: int = 2_000
    rounds: int = 5
    tries: int = 5

    @property
    def parents(self) -> int:
        return self.related // 4

    @property
    def writers(self) -> int:
        """How many authors have written books."""
        return min(self.related, self.rows)

    @property
    def books(self) -> int:
        return self.writers * BOOKS_OF_A_WRITER


FULL = Sizes()
QUICK = Sizes(rows=20_000, calls=200, bulk=5_000, related=400, rounds=3, tries=1)


@dataclass(frozen=True)
class Workload:
    """One kind of work.

    Attributes:
        name: also the method of a contender that does it.
        title: what it is called in the table.
        given: what that method is called with.
        expected: the rows that must come back or, of a workload that writes, be in the table afterwards.
        calls: how many calls of the driver the bare contender makes: its time is shown for one.
        shape: what the answer is made of; a contender's `plain` turns each shape into rows.
        writes: the table `written` is emptied before each turn, and looked at after it.
        filled: it is filled again, with the rows of this.
    """

    name: str
    title: str
    given: Callable[[Sizes], Sequence[Any]]
    expected: Callable[[Sizes], list[Row]]
    calls: Callable[[Sizes], int]
    shape: str = "authors"
    writes: bool = False
    filled: Callable[[Sizes], list[Row]] | None = None


def keys(sizes: Sizes) -> list[int]:
    return [number * 104_729 % sizes.rows + 1 for number in range(sizes.calls)]


def every_key(sizes: Sizes) -> list[int]:
    return list(range(1, sizes.calls + 1))


def starts(sizes: Sizes) -> list[str]:
    """Name where each page begins."""
    return [name_of(key, sizes.rows) for key in keys(sizes)]


def written(sizes: Sizes) -> list[Row]:
    return authors(sizes.calls)


def in_bulk(sizes: Sizes) -> list[Row]:
    return authors(sizes.bulk)


def found_by_key(sizes: Sizes) -> list[Row]:
    table = authors(sizes.rows)
    return [table[key - 1] for key in keys(sizes)]


@cache
def found_in_pages(sizes: Sizes) -> list[Row]:
    active = sorted((row for row in authors(sizes.rows) if row[6]), key=lambda row: row[1])
    names = [row[1] for row in active]
    found: list[Row] = []
    for start in starts(sizes):
        first = bisect_left(names, start)
        found += active[first : first + PAGE]
    return found


def a_year_older(sizes: Sizes) -> list[Row]:
    return [(*row[:3], row[3] + 1, *row[4:]) for row in authors(sizes.calls)]


def three_columns(sizes: Sizes) -> list[Row]:
    return [row[:2] + row[3:4] for row in authors(sizes.rows)]


@cache
def with_author(sizes: Sizes) -> list[Row]:
    writers = authors(sizes.rows)
    return [(book, writers[book[2] - 1]) for book in books(sizes.books, sizes.writers)[: sizes.related]]


@cache
def with_books(sizes: Sizes) -> list[Row]:
    written: dict[int, list[Row]] = {}
    for book in books(sizes.books, sizes.writers):
        written.setdefault(book[2], []).append(book)
    return [(author, written.get(author[0], [])) for author in authors(sizes.rows)[: sizes.parents]]


@cache
def with_tags(sizes: Sizes) -> list[Row]:
    labels = tags()
    found = books(sizes.books, sizes.writers)[: sizes.parents]
    return [(book, [labels[tag - 1] for tag in tags_of(book[0])]) for book in found]


def calls(sizes: Sizes) -> int:
    return sizes.calls


def once(_: Sizes) -> int:
    return 1


def nothing(_: Sizes) -> tuple[Any, ...]:
    return ()


WORKLOADS = (
    Workload("get", "get by key", keys, found_by_key, calls),
    Workload("insert", "insert one", written, written, calls, writes=True),
    Workload("insert_in_transaction", "insert one inside a transaction", written, written, calls, writes=True),
    Workload("bulk_insert", "insert {bulk:,} at once", in_bulk, in_bulk, once, writes=True),
    Workload("fetch", "fetch {rows:,} instances", nothing, lambda sizes: authors(sizes.rows), once),
    Workload("columns", "fetch 3 columns of {rows:,} rows", nothing, three_columns, once, shape="columns"),
    Workload("page", "filter, order, limit 20", starts, found_in_pages, calls),
    Workload(
        "change",
        "load, change, save",
        every_key,
        a_year_older,
        lambda sizes: 2 * sizes.calls,
        writes=True,
        filled=written,
    ),
    Workload(
        "with_author",
        "{related:,} books with their author",
        lambda sizes: [sizes.related],
        with_author,
        once,
        shape="books_with_author",
    ),
    Workload(
        "with_books",
        "{parents:,} authors with their books",
        lambda sizes: [sizes.parents],
        with_books,
        once,
        shape="authors_with_books",
    ),
    Workload(
        "with_tags",
        "{parents:,} books with their tags",
        lambda sizes: [sizes.parents],
        with_tags,
        once,
        shape="books_with_tags",
    ),
    Workload("concurrent", "get by key, 50 tasks or 8 threads", keys, found_by_key, calls),
)
