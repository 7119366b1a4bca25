"""How many steps of Python ferro takes in ten calls: the same number on every machine, unlike a time.

`python benchmarks/counts.py` compares them with `counts.json`, and fails where one is more than a tenth above it.
`--write` writes them there, for this Python and for those that are named: `--write python3.12 python3.13`.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The parent of this folder: a module in it would hide one of Python's own.
    sys.path[0] = str(Path(__file__).parents[1])

import argparse
import asyncio
import gc
import json
import subprocess
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from datetime import datetime
from decimal import Decimal
from inspect import isawaitable
from itertools import count
from types import CodeType, FrameType
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import ferro
import ferro.sync
from benchmarks.data import AUTHOR, author
from ferro import BackRef, Field, ForeignKey, ModelBase, Relation
from ferro.instance.origin import origins

TABLE = Path(__file__).with_suffix(".json")
COMMAND = "python benchmarks/counts.py --write"
MARGIN = 1.1
# Where this Python has no table, the nearest one's has to do: what is one instruction here may be two there.
MARGIN_OF_ANOTHER = 1.2
ROWS = 1000
# Each call is made so often without being counted, and as often counted: the least is what it takes, for a thread
# that answers a loop may still be busy with an earlier call.
TIMES = 3

# The instructions in ferro's own files, and the calls from there into other code.
Counts: TypeAlias = dict[str, list[int]]


class CountedAuthor(ModelBase):
    """The nine columns of the benchmarks."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True)
    email: str
    age: int
    balance: Decimal
    joined: datetime
    active: bool
    settings: dict[str, Any]
    token: UUID
    books: Relation[list["CountedBook"]] = BackRef()


class CountedBook(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    author: Annotated[CountedAuthor, ForeignKey(related_name="books", index=True)]


# Counting.


class Meter:
    """Counts what is done in ferro's files, in this thread and in those that are started after it was made."""

    def __init__(self) -> None:
        # Code that ferro generates is its own as well.
        self.house = (str(Path(ferro.__file__).parent), "<ferro")
        self.on = False
        self.instructions = self.calls = count()
        if sys.version_info >= (3, 12):
            # All threads at once; and Python 3.13.0 forgets to trace the instructions of some frames.
            events = sys.monitoring
            events.use_tool_id(events.PROFILER_ID, "counts")
            events.register_callback(events.PROFILER_ID, events.events.INSTRUCTION, self.step)
        else:
            threading.settrace(self.trace)
        threading.setprofile(self.profile)

    @contextmanager
    def counting(self) -> Iterator[None]:
        self.instructions, self.calls = count(), count()
        gc.collect()
        gc.disable()
        self.on = True
        sys.setprofile(self.profile)
        self.watch(watching=True)
        try:
            yield
        finally:
            self.watch(watching=False)
            sys.setprofile(None)
            self.on = False
            gc.enable()

    def watch(self, *, watching: bool) -> None:
        if sys.version_info >= (3, 12):
            events = sys.monitoring
            events.set_events(events.PROFILER_ID, events.events.INSTRUCTION if watching else 0)
        else:
            sys.settrace(self.trace if watching else None)

    def read(self) -> list[int]:
        return [next(self.instructions), next(self.calls)]

    def is_ours(self, frame: FrameType | None) -> bool:
        return frame is not None and frame.f_code.co_filename.startswith(self.house)

    def step(self, code: CodeType, _: int) -> Any:
        if not code.co_filename.startswith(self.house):
            return sys.monitoring.DISABLE
        return next(self.instructions) and None

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            next(self.instructions)
        elif event == "call":
            if not self.on or not self.is_ours(frame):
                return None
            frame.f_trace_lines = False
            frame.f_trace_opcodes = True
        return self.trace

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        if not self.on:
            return
        calls_c = event == "c_call" and self.is_ours(frame)
        if calls_c or (event == "call" and self.is_ours(frame.f_back) and not self.is_ours(frame)):
            next(self.calls)


# The calls.


async def answer(given: Any) -> Any:
    """What a method gives, whatever its colour."""
    return await given if isawaitable(given) else given


@asynccontextmanager
async def entered(block: Any) -> AsyncIterator[None]:
    if hasattr(block, "__aenter__"):
        async with block:
            yield
    else:
        with block:
            yield


def values(number: int) -> dict[str, Any]:
    return dict(zip(AUTHOR[1:], author(number, ROWS)[1:], strict=True))


def instances() -> list[CountedAuthor]:
    return [CountedAuthor(**values(number)) for number in range(1, ROWS + 1)]


async def fill(database: Any) -> None:
    await answer(database.create_tables(CountedAuthor, CountedBook))
    await answer(database.bulk_create(CountedAuthor, instances()))
    authors = await answer(database.query(CountedAuthor).order_by("id").limit(100).all())
    books = [CountedBook(title=f"book {number}", author=authors[number % 100]) for number in range(500)]
    await answer(database.bulk_create(CountedBook, books))


Block: TypeAlias = AbstractContextManager[None]


class Paths:
    """Ten calls: what stands in the block is counted."""

    @staticmethod
    async def get(database: Any, counting: Block) -> None:
        with counting:
            await answer(database.get(CountedAuthor, 7))

    @staticmethod
    async def insert(database: Any, counting: Block) -> None:
        given = values(1)
        with counting:
            await answer(database.create(CountedAuthor, **given))

    @staticmethod
    async def insert_in_a_transaction(database: Any, counting: Block) -> None:
        given = values(1)
        with counting:
            async with entered(database.transaction()):
                await answer(database.create(CountedAuthor, **given))

    @staticmethod
    async def save_a_change(database: Any, counting: Block) -> None:
        changed = await answer(database.get(CountedAuthor, 7))
        with counting:
            changed.age += 1
            await answer(database.save(changed))

    @staticmethod
    async def page(database: Any, counting: Block) -> None:
        with counting:
            query = database.query(CountedAuthor).where(lambda a: (a.name >= "name 00000100") & a.active)
            await answer(query.order_by("name").limit(20).all())

    @staticmethod
    async def fetch_1000(database: Any, counting: Block) -> None:
        with counting:
            await answer(database.query(CountedAuthor).limit(ROWS).all())

    @staticmethod
    async def include_books(database: Any, counting: Block) -> None:
        with counting:
            query = database.query(CountedAuthor).where(lambda a: a.id <= 100)
            await answer(query.include(lambda a: a.books).all())

    @staticmethod
    async def bulk_create_1000(database: Any, counting: Block) -> None:
        given = instances()
        with counting:
            await answer(database.bulk_create(CountedAuthor, given))

    @staticmethod
    async def update(database: Any, counting: Block) -> None:
        with counting:
            query = database.query(CountedAuthor).where(lambda a: a.id == 9)
            await answer(query.update(lambda a: {"age": a.age + 1}))

    @staticmethod
    async def get_in_a_session(database: Any, counting: Block) -> None:
        async with entered(database.session()):
            kept = await answer(database.get(CountedAuthor, 7))
            with counting:
                again = await answer(database.get(CountedAuthor, 7))
            assert again is kept


PATHS = {name: vars(Paths)[name].__func__ for name in vars(Paths) if not name.startswith("_")}


async def counted(database: Any, meter: Meter, colour: str) -> Counts:
    await fill(database)
    counts: Counts = {}
    for name, path in PATHS.items():
        taken: list[list[int]] = []
        for _ in range(2 * TIMES):
            await path(database, meter.counting())
            taken.append(meter.read())
        counts[f"{name}, {colour}"] = [min(each) for each in zip(*taken[TIMES:], strict=True)]
    return counts


def finish(coroutine: Coroutine[Any, Any, Counts]) -> Counts:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the blocking colour does not wait for a loop")


async def count_awaiting(meter: Meter) -> Counts:
    # As in a program that has opened no other one.
    origins.begin_again()
    async with ferro.connect("sqlite::memory:", default=False) as database:
        return await counted(database, meter, "async")


def count_all() -> Counts:
    meter = Meter()
    with ferro.sync.connect("sqlite::memory:", default=False) as database:
        blocking = finish(counted(database, meter, "blocking"))
    return blocking | asyncio.run(count_awaiting(meter))


# The table.


def read_table() -> dict[str, Counts]:
    return json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.exists() else {}


def minor(version: str) -> int:
    return int(version.split(".")[1])


def this_version() -> str:
    return f"3.{sys.version_info.minor}"


def exceeding(counts: Counts, known: Counts, margin: float) -> list[str]:
    """A line for each count that is further above the known one than the margin, or has none to be beside."""
    lines = [f"{name}: not in the table" for name in counts if name not in known]
    lines += [f"{name}: in the table, and not counted" for name in known if name not in counts]
    for name in counts.keys() & known.keys():
        for what, now, before in zip(("instructions", "calls"), counts[name], known[name], strict=True):
            if now > before * margin:
                lines.append(f"{name}: {now} {what}, and {before} in the table: {now / before - 1:+.1%}")
    return sorted(lines)


def check(counts: Counts, table: dict[str, Counts], version: str) -> list[str]:
    """What is wrong with these counts of this version of Python."""
    if not table:
        return [f"{TABLE.name} is empty"]
    nearest = min(table, key=lambda known: (abs(minor(known) - minor(version)), -minor(known)))
    return exceeding(counts, table[nearest], MARGIN if nearest == version else MARGIN_OF_ANOTHER)


def counted_by(python: str) -> tuple[str, Counts]:
    """What another Python counts, and which one it is."""
    command = [python, str(Path(__file__)), "--print"]
    version, counts = json.loads(subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout)
    return version, counts


def write(table: dict[str, Counts]) -> None:
    lines = [
        f'  "{version}": {{\n'
        + ",\n".join(f"    {json.dumps(name)}: {json.dumps(both)}" for name, both in table[version].items())
        + "\n  }"
        for version in sorted(table, key=minor)
    ]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", nargs="*", metavar="PYTHON", help="write the table, for other Pythons as well")
    parser.add_argument("--print", action="store_true", help="the version and the counts, as JSON")
    asked = parser.parse_args()
    version, counts = this_version(), count_all()
    if asked.print:
        print(json.dumps([version, counts]))
        return
    table = read_table()
    if asked.write is not None:
        write(table | {version: counts} | dict(counted_by(python) for python in asked.write))
        return
    for name, both in counts.items():
        print(f"{name:36} {both[0]:9} instructions {both[1]:8} calls")
    if wrong := check(counts, table, version):
        sys.exit("\n".join([*wrong, "if that is the price of something, write the table anew: " + COMMAND]))


if __name__ == "__main__":
    main()
