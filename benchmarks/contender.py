"""What everybody who takes part has in common. Nothing here needs a database, or ferro."""

import asyncio
import gc
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from benchmarks.answers import check
from benchmarks.data import AUTHOR, BOOK, TAG, Row
from benchmarks.workloads import THREADS, Sizes, Workload

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Where the tables are, as a driver and as ferro is told it; and the server they are on, if there is one."""

    driver: str
    ferro: str
    url: str = ""


class Contender(ABC):
    """Made with a place, closed at the end; a method for each workload it takes part in, of the workload's name.

    Such a method is given rows or keys and gives back what its users would hold. For each shape of answer
    there is a method `plain_…`, which turns what is held into the rows it stands for.
    """

    name: str
    # Whether a guest, who has tables of its own: what goes wrong with one is said, and stops nobody else.
    guest: bool = False

    def __init__(self, place: Place) -> None:
        self.place = place

    def takes_part(self, workload: str) -> bool:
        return hasattr(self, workload)

    def given(self, workload: str, given: Sequence[Any]) -> Sequence[Any]:
        """Give a workload's rows as a user of this contender would hold them: made before the clock starts."""
        return given

    def turn(self, workload: Workload, sizes: Sizes) -> tuple[float, Any]:
        """Give the seconds a workload took, and of one that writes the keys that came back.

        Rows that are not what they must be are a WrongAnswer.
        """
        given = self.given(workload.name, workload.given(sizes))
        # What stays is not for the collector to look through in anybody's time.
        gc.collect()
        gc.freeze()
        seconds, found = self.timed(workload.name, given)
        if workload.writes:
            return seconds, found
        # Nothing of this is garbage, and the collector would go through all of it many times.
        gc.disable()
        try:
            check(f"{self.name}, {workload.name}", self.plain(workload.shape, found), workload.expected(sizes))
        finally:
            gc.enable()
        return seconds, None

    def timed(self, workload: str, given: Sequence[Any]) -> tuple[float, Any]:
        """Give the seconds a workload took, and its answer."""
        started = perf_counter()
        found = self.run(workload, given)
        return perf_counter() - started, found

    def run(self, workload: str, given: Sequence[Any]) -> Any:
        return getattr(self, workload)(given)

    def plain(self, shape: str, found: Any) -> list[Row]:
        return getattr(self, f"plain_{shape}")(found)

    @abstractmethod
    def close(self) -> None:
        """Let go of what it holds."""


class AsyncContender(Contender):
    """One whose methods are awaited, all on one loop."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.loop = asyncio.Runner()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    def timed(self, workload: str, given: Sequence[Any]) -> tuple[float, Any]:
        # On a loop that runs already, as that of a service does.
        async def inside() -> tuple[float, Any]:
            started = perf_counter()
            found = await getattr(self, workload)(given)
            return perf_counter() - started, found

        return self.wait(inside())

    def run(self, workload: str, given: Sequence[Any]) -> Any:
        return self.wait(getattr(self, workload)(given))


class Tables(Contender):
    """One that can fill tables and look into them: the driver for all, a peer for itself."""

    @abstractmethod
    def load(self, table: str, rows: Sequence[Row]) -> None:
        """Fill a table."""

    @abstractmethod
    def empty(self) -> None:
        """Empty the table `written`, and begin with the first key again."""

    @abstractmethod
    def written(self) -> list[Row]:
        """Give what is in the table `written`, by key."""


class OwnTables(Tables):
    """A peer, whose tables are its own; made with a place where there are none yet."""

    # Whether its keys on SQLite are AUTOINCREMENT, so that they are counted elsewhere than in the table.
    counts: ClassVar[bool] = False

    @abstractmethod
    def execute(self, sql: str) -> None:
        """Run a statement for which it has no words of its own."""

    def load_links(self, rows: Sequence[Row]) -> None:
        """Fill the table `book_tags`, for one that has no words for a table between two others."""
        for start in range(0, len(rows), 1000):
            pairs = ", ".join(f"({book}, {tag})" for book, tag in rows[start : start + 1000])
            self.execute(f"INSERT INTO book_tags (book_id, tag_id) VALUES {pairs}")

    @property
    def on_server(self) -> bool:
        return bool(self.place.url)

    def empty(self) -> None:
        if self.on_server:
            self.execute("TRUNCATE written RESTART IDENTITY")
            return
        self.execute("DELETE FROM written")
        if self.counts:
            self.execute("DELETE FROM sqlite_sequence WHERE name = 'written'")


class Instances(Contender):
    """One whose users hold instances, with an attribute for each column and relation."""

    def related(self, found: Any) -> Sequence[Any]:
        """Give what is in a collection that was loaded."""
        return found

    def plain_authors(self, found: Any) -> list[Row]:
        return [fields(one, AUTHOR) for one in found]

    def plain_columns(self, found: Any) -> list[Row]:
        return [tuple(one) for one in found]

    def plain_books_with_author(self, found: Any) -> list[Row]:
        return [(fields(one, BOOK), fields(one.author, AUTHOR)) for one in found]

    def plain_authors_with_books(self, found: Any) -> list[Row]:
        return [(fields(one, AUTHOR), self.ordered(one.books, BOOK)) for one in found]

    def plain_books_with_tags(self, found: Any) -> list[Row]:
        return [(fields(one, BOOK), self.ordered(one.tags, TAG)) for one in found]

    def ordered(self, collection: Any, names: Sequence[str]) -> list[Row]:
        return sorted(fields(one, names) for one in self.related(collection))


class OwnTypes(Instances):
    """One whose values are of types of its own: datetimes without a zone, subclasses of UUID or dict.

    They hold what they must, and are put right here, untimed.
    """

    def plain_authors(self, found: Any) -> list[Row]:
        return list(map(put_right, super().plain_authors(found)))

    def plain_books_with_author(self, found: Any) -> list[Row]:
        return [(book, put_right(author)) for book, author in super().plain_books_with_author(found)]

    def plain_authors_with_books(self, found: Any) -> list[Row]:
        return [(put_right(author), books) for author, books in super().plain_authors_with_books(found)]


def put_right(row: Row) -> Row:
    return tuple(plain_value(value) for value in row)


def plain_value(value: Any) -> Any:
    match value:
        case datetime(tzinfo=None):
            return value.replace(tzinfo=UTC)  # in which all were given
        case datetime():
            return value.astimezone(UTC)
        case UUID():
            return UUID(int=value.int)
        case dict():
            return dict(value)
        case _:
            return value


def without_zone(rows: Sequence[Row]) -> list[Row]:
    return [
        tuple(value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in row) for row in rows
    ]


def fields(one: Any, names: Sequence[str]) -> Row:
    return tuple(getattr(one, name) for name in names)


def values_of(rows: Sequence[Row], names: Sequence[str] = AUTHOR[1:]) -> list[dict[str, Any]]:
    """Give rows as keyword arguments, by default all of an author but the key."""
    return [dict(zip(names, row[-len(names) :], strict=True)) for row in rows]


def parts(given: Sequence[Any], count: int) -> list[Sequence[Any]]:
    """Deal what is given out to so many workers, in order."""
    size = -(-len(given) // count)
    return [given[start : start + size] for start in range(0, len(given), size)]


def by_threads(threads: ThreadPoolExecutor, keys: Sequence[Any], get: Any) -> list[Any]:
    """Let threads get the rows of keys, each its own part of them one after the other."""
    return [one for found in threads.map(one_after_the_other(get), parts(keys, THREADS)) for one in found]


def one_after_the_other(get: Callable[[Any], T]) -> Callable[[Sequence[Any]], list[T]]:
    return lambda keys: [get(key) for key in keys]


async def by_tasks(keys: Sequence[Any], tasks: int, get: Callable[[Any], Coroutine[Any, Any, T]]) -> list[T]:
    """Let tasks get the rows of keys, each its own part of them one after the other."""

    async def work(part: Sequence[Any]) -> list[T]:
        return [await get(key) for key in part]

    return [one for found in await asyncio.gather(*map(work, parts(keys, tasks))) for one in found]
