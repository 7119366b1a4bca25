"""Measuring: rounds in which everybody takes a turn, and answers that are looked at before they count."""

import gc
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from postgres_server import running_server

from benchmarks.contender import Contender, Place, Tables
from benchmarks.contenders import CONTENDERS
from benchmarks.data import Row, authors, books, links, tags
from benchmarks.environments import Environment
from benchmarks.ours import create_tables
from benchmarks.parent import PeerContender, PeerFailed
from benchmarks.workloads import WORKLOADS, Sizes, Workload

# Where files are kept in memory, on the systems that have it: what a disk takes to write says nothing of a library.
MEMORY = next((folder for folder in ("/dev/shm",) if Path(folder).is_dir()), None)  # noqa: S108


SCHEMA = "ferro_benchmark"


class WrongAnswer(Exception):
    """A contender gave back something else than it was asked for: its time says nothing."""


@dataclass
class Measured:
    """The seconds of each contender in each round of a workload; the first contender is the bare driver."""

    workload: Workload
    sizes: Sizes
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        sizes = self.sizes
        return self.workload.title.format(
            rows=sizes.rows, bulk=sizes.bulk, related=sizes.related, parents=sizes.parents
        )

    @property
    def driver_seconds(self) -> float:
        """The median time of the bare driver for one call."""
        return median(next(iter(self.seconds.values()))) / self.workload.calls(self.sizes)

    def ratio(self, name: str) -> float | None:
        """The median of a contender's time over the driver's in the same round; None if it takes no part."""
        if name not in self.seconds:
            return None
        driver = next(iter(self.seconds.values()))
        return median(own / other for own, other in zip(self.seconds[name], driver, strict=True))


@contextmanager
def database(backend: str, url: str | None = None) -> Iterator[Place]:
    """Provide a place of our own: in a SQLite file, on the server of `url`, or on a server of our own."""
    with ExitStack() as stack:
        if backend == "sqlite":
            path = Path(stack.enter_context(TemporaryDirectory(prefix="ferro-benchmark-", dir=MEMORY))) / "benchmark.db"
            yield Place(str(path), f"sqlite:{path}?mode=rwc")
        else:
            yield stack.enter_context(schema(url or stack.enter_context(running_server()).url, SCHEMA))


@contextmanager
def schema(url: str, name: str) -> Iterator[Place]:
    """Provide a schema, so that no table of anybody's is touched."""
    more = f"{url}{'&' if '?' in url else '?'}"
    with psycopg.connect(url, autocommit=True) as administrator:
        administrator.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        administrator.execute(f"CREATE SCHEMA {name}")
        try:
            options = f"options=-csearch_path%3D{name}%20-ctimezone%3DUTC"
            yield Place(f"{more}{options}", f"{more}ferro_search_path={name}", url)
        finally:
            administrator.execute(f"DROP SCHEMA {name} CASCADE")


@contextmanager
def beside(place: Place, name: str) -> Iterator[Place]:
    """Provide a place of a peer's own: another file of the same folder, another schema of the same server."""
    if place.url:
        with schema(place.url, f"{SCHEMA}_{name}") as own:
            yield own
        return
    path = Path(place.driver).with_name(f"{name}.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # the file remembers it
    yield Place(str(path), f"sqlite:{path}?mode=rwc")


@contextmanager
def contenders(
    backend: str, place: Place, sizes: Sizes, peers: Sequence[Environment] = ()
) -> Iterator[list[Contender]]:
    """Provide everybody who takes part, with the tables filled."""
    create_tables(place)
    with ExitStack() as stack:
        made = [stack.enter_context(closing(contender(place))) for contender in CONTENDERS[backend]]
        fill(keeper(made), sizes)
        for peer in peers:
            own = stack.enter_context(beside(place, peer.name))
            try:
                guest = stack.enter_context(closing(PeerContender(own, peer)))
                fill(guest, sizes)
            except PeerFailed as failed:
                print(f"{peer.name} is left out: {failed}", file=sys.stderr)
            else:
                made.append(guest)
        yield made


def fill(tables: Tables, sizes: Sizes) -> None:
    tables.load("author", authors(sizes.rows))
    tables.load("book", books(sizes.books, sizes.writers))
    tables.load("tag", tags())
    tables.load("book_tags", links(sizes.books))


def keeper(everybody: Sequence[Contender]) -> Tables:
    """Give the bare driver, which fills the tables and looks into them."""
    driver = everybody[0]
    assert isinstance(driver, Tables)
    return driver


def measure(
    backend: str, place: Place, sizes: Sizes, names: Sequence[str] = (), peers: Sequence[Environment] = ()
) -> list[Measured]:
    """Measure the workloads of these names, or all."""
    chosen = [workload for workload in WORKLOADS if not names or workload.name in names]
    with contenders(backend, place, sizes, peers) as everybody:
        return in_rounds(chosen, everybody, sizes)


def in_rounds(workloads: Sequence[Workload], everybody: Sequence[Contender], sizes: Sizes) -> list[Measured]:
    """Measure workloads, each of them once in every round: what disturbs the machine for a while spoils one round of each."""
    measured = [Measured(workload, sizes) for workload in workloads]
    left_out: set[tuple[str, str]] = set()
    try:
        # The first round fills caches and prepares statements, for everybody.
        for turn in range(sizes.rounds + 1):
            # What stays is not for the collector to look through in everybody's time.
            gc.collect()
            gc.freeze()
            for one in measured:
                take_turns(one, everybody, left_out, counts=turn > 0)
    finally:
        gc.unfreeze()
    return measured


def take_turns(
    measured: Measured, everybody: Sequence[Contender], left_out: set[tuple[str, str]], *, counts: bool
) -> None:
    """Let everybody who takes part have a turn; a guest who fails is left out from then on."""
    workload, tables = measured.workload, keeper(everybody)
    for contender in everybody:
        key = workload.name, contender.name
        if key in left_out or not contender.takes_part(workload.name):
            continue
        own = contender if isinstance(contender, Tables) else tables
        try:
            seconds = take_turn(workload, contender, own, measured.sizes)
        except (WrongAnswer, PeerFailed) as wrong:
            if not contender.guest:
                raise
            print(f"{contender.name} takes no part in {workload.name}: {wrong}", file=sys.stderr)
            left_out.add(key)
            measured.seconds.pop(contender.name, None)
            continue
        if counts:
            measured.seconds.setdefault(contender.name, []).append(seconds)


def prepared(workload: Workload, contender: Contender, tables: Tables, sizes: Sizes) -> Sequence[Any]:
    """Give what a contender is to work on, with the tables as they must be before it begins."""
    if workload.writes:
        tables.empty()
    if workload.filled is not None:
        tables.load("written", workload.filled(sizes))
    return contender.given(workload.name, workload.given(sizes))


def take_turn(workload: Workload, contender: Contender, tables: Tables, sizes: Sizes) -> float:
    given = prepared(workload, contender, tables, sizes)
    gc.collect()
    seconds, found = contender.timed(workload.name, given)
    expected = workload.expected(sizes)
    where = f"{contender.name}, {workload.name}"
    if workload.writes:
        check(where, tables.written(), expected)
        if found is not None and found != [row[0] for row in expected]:
            raise WrongAnswer(f"{where}: the keys that came back are {found}")
    else:
        check(where, contender.plain(workload.shape, found), expected)
    return seconds


def check(where: str, found: Sequence[Row], expected: Sequence[Row]) -> None:
    """Compare rows with what they must be, types included; raise WrongAnswer for the first that differs."""
    if len(found) != len(expected):
        raise WrongAnswer(f"{where}: {len(found)} rows instead of {len(expected)}")
    for at, (row, right) in enumerate(zip(found, expected, strict=True), 1):
        if difference := first_difference(row, right):
            raise WrongAnswer(f"{where}: row {at} has {difference[0]!r} instead of {difference[1]!r}")


def first_difference(found: Any, right: Any) -> tuple[Any, Any] | None:
    """Give the first value that is not what it must be, and what it must be; inside of rows and lists of them."""
    if type(found) is not type(right):
        return found, right
    if not isinstance(right, tuple | list):
        return None if found == right else (found, right)
    if len(found) != len(right):
        return found, right
    return next(filter(None, map(first_difference, found, right)), None)
