"""The workloads as data: what a contender is given, and what it must give back."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.data import Row, name_of, rows

PAGE = 20


@dataclass(frozen=True)
class Sizes:
    """How much is done: rows in the table, calls of a small workload, rows inserted in bulk, rounds."""

    rows: int = 50_000
    calls: int = 1_000
    bulk: int = 20_000
    rounds: int = 9


FULL = Sizes()
QUICK = Sizes(rows=20_000, calls=200, bulk=5_000, rounds=3)


@dataclass(frozen=True)
class Workload:
    """One kind of work.

    Attributes:
        name: also the method of a contender that does it.
        title: what it is called in the table.
        given: what that method is called with.
        expected: the rows that must come back or, of a workload that writes, be in the table afterwards.
        calls: how many calls of the driver the bare contender makes: its time is shown for one.
    """

    name: str
    title: str
    given: Callable[[Sizes], Sequence[Any]]
    expected: Callable[[Sizes], list[Row]]
    calls: Callable[[Sizes], int]
    writes: bool = False


def keys(sizes: Sizes) -> list[int]:
    return [number * 104_729 % sizes.rows + 1 for number in range(sizes.calls)]


def starts(sizes: Sizes) -> list[str]:
    """Name where each page begins."""
    return [name_of(key, sizes.rows) for key in keys(sizes)]


def found_by_key(sizes: Sizes) -> list[Row]:
    table = rows(sizes.rows)
    return [table[key - 1] for key in keys(sizes)]


def found_in_pages(sizes: Sizes) -> list[Row]:
    active = sorted((row for row in rows(sizes.rows) if row[6]), key=lambda row: row[1])
    names = [row[1] for row in active]
    found: list[Row] = []
    for start in starts(sizes):
        first = bisect_left(names, start)
        found += active[first : first + PAGE]
    return found


WORKLOADS = (
    Workload("get", "get by key", keys, found_by_key, lambda sizes: sizes.calls),
    Workload(
        "insert",
        "insert one",
        lambda sizes: rows(sizes.calls),
        lambda sizes: rows(sizes.calls),
        lambda sizes: sizes.calls,
        writes=True,
    ),
    Workload(
        "insert_in_transaction",
        "insert one inside a transaction",
        lambda sizes: rows(sizes.calls),
        lambda sizes: rows(sizes.calls),
        lambda sizes: sizes.calls,
        writes=True,
    ),
    Workload("fetch", "fetch {rows:,} instances", lambda _: (), lambda sizes: rows(sizes.rows), lambda _: 1),
    Workload("page", "filter, order, limit 20", starts, found_in_pages, lambda sizes: sizes.calls),
    Workload(
        "bulk_insert",
        "insert {bulk:,} at once",
        lambda sizes: rows(sizes.bulk),
        lambda sizes: rows(sizes.bulk),
        lambda _: 1,
        writes=True,
    ),
)
