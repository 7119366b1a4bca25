"""Measuring: rounds in which everybody takes a turn, and answers that are looked at before they count."""

import gc
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from inspect import getfile
from itertools import product
from math import ceil
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psycopg
from postgres_server import running_server

from benchmarks.answers import WrongAnswer, check
from benchmarks.contender import Contender, Place, Tables
from benchmarks.contenders import CONTENDERS
from benchmarks.data import authors, books, links, tags
from benchmarks.environments import Environment
from benchmarks.ours import create_tables
from benchmarks.parent import Apart, ChildFailed
from benchmarks.workloads import WORKLOADS, Sizes, Workload

# Where files are kept in memory, on the systems that have it: what a disk takes to write says nothing of a library.
MEMORY = next((folder for folder in ("/dev/shm",) if Path(folder).is_dir()), None)  # noqa: S108


SCHEMA = "ferro_benchmark"

# Seconds of the driver's that are enough in one round. Shorter turns are repeated: a moment's disturbance is more of them.
ENOUGH = 0.2


@dataclass
class Measured:
    """The seconds of each contender in each round of a workload; the first contender is the bare driver.

    `tries` is how often everybody takes a turn in a round.
    """

    workload: Workload
    sizes: Sizes
    seconds: dict[str, list[float]] = field(default_factory=dict)
    tries: int = 1

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
    backend: str, place: Place, sizes: Sizes, peers: Sequence[Environment] = (), *, apart: bool = False
) -> Iterator[list[Contender]]:
    """Provide everybody who takes part, with the tables filled; peers, and others if asked, in a process each."""
    create_tables(place)
    with ExitStack() as stack:
        made: list[Contender] = [
            stack.enter_context(closing(Apart(place, home_of(kind)) if apart else kind(place)))
            for kind in CONTENDERS[backend]
        ]
        fill(keeper(made), sizes)
        for peer in peers:
            own = stack.enter_context(beside(place, peer.name))
            try:
                guest = stack.enter_context(closing(Apart(own, peer)))
                fill(guest, sizes)
            except ChildFailed as failed:
                print(f"{peer.name} is left out: {failed}", file=sys.stderr)
            else:
                made.append(guest)
        yield made


def home_of(kind: type[Contender]) -> Environment:
    """Give what one of ours runs in: the Python that measures."""
    return Environment(kind.name, Path(getfile(kind)), contender=kind.__name__, guest=False)


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
    """Measure the workloads of these names, or all.

    Everybody has a process: nobody finds memory that another has just let go of, or waits for another's garbage.
    """
    chosen = [workload for workload in WORKLOADS if not names or workload.name in names]
    with contenders(backend, place, sizes, peers, apart=True) as everybody:
        return in_rounds(chosen, everybody, sizes)


def in_rounds(workloads: Sequence[Workload], everybody: Sequence[Contender], sizes: Sizes) -> list[Measured]:
    """Measure workloads, each of them once in every round: what disturbs the machine for a while spoils one round of each."""
    measured = [Measured(workload, sizes) for workload in workloads]
    left_out: set[tuple[str, str]] = set()
    try:
        # The first round fills caches and prepares statements, for everybody.
        for turn in range(sizes.rounds + 1):
            for one in measured:
                take_turns(one, everybody, left_out, counts=turn > 0)
    finally:
        gc.unfreeze()
    return measured


def take_turns(
    measured: Measured, everybody: Sequence[Contender], left_out: set[tuple[str, str]], *, counts: bool
) -> None:
    """Let everybody who takes part have the turns of a round; a guest who fails is left out from then on.

    Nobody has the second before all have had the first, and the best counts: what disturbs the machine for a moment
    disturbs nobody's. How many there are to be is known after a round that does not count.
    """
    workload, tables, sizes = measured.workload, keeper(everybody), measured.sizes
    best: dict[str, float] = {}
    for _, contender in product(range(measured.tries if counts else 1), everybody):
        key = workload.name, contender.name
        if key in left_out or not contender.takes_part(workload.name):
            continue
        own = contender if contender.guest and isinstance(contender, Tables) else tables
        try:
            seconds = take_turn(workload, contender, own, sizes)
        except (WrongAnswer, ChildFailed) as wrong:
            if not contender.guest:
                raise
            print(f"{contender.name} takes no part in {workload.name}: {wrong}", file=sys.stderr)
            left_out.add(key)
            best.pop(contender.name, None)
            measured.seconds.pop(contender.name, None)
            continue
        best[contender.name] = min(seconds, best.get(contender.name, seconds))
    if not counts:
        measured.tries = min(sizes.tries, ceil(ENOUGH / best[everybody[0].name]))
        return
    for name, seconds in best.items():
        measured.seconds.setdefault(name, []).append(seconds)


def prepare(workload: Workload, tables: Tables, sizes: Sizes) -> None:
    """Make the tables what they must be before a workload begins."""
    if workload.writes:
        tables.empty()
    if workload.filled is not None:
        tables.load("written", workload.filled(sizes))


def take_turn(workload: Workload, contender: Contender, tables: Tables, sizes: Sizes) -> float:
    prepare(workload, tables, sizes)
    seconds, keys = contender.turn(workload, sizes)
    if workload.writes:
        expected = workload.expected(sizes)
        where = f"{contender.name}, {workload.name}"
        check(where, tables.written(), expected)
        if keys is not None and keys != [row[0] for row in expected]:
            raise WrongAnswer(f"{where}: the keys that came back are {keys}")
    return seconds
