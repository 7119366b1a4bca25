"""The event loop's side: the same names as the threads' side."""

import asyncio
import inspect
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar

import anyio
import anyio.to_thread

from ferro.errors import InterfaceError

T = TypeVar("T")
V = TypeVar("V")

# What users import.
PACKAGE = "ferro"

# How long a cancelled call may still take to leave everything in order, in seconds.
CLEANUP = 0.45

Lock = asyncio.Lock
# For what is never awaited, and may meet other threads.
Mutex = threading.RLock
sleep = anyio.sleep


async def take_turns() -> None:
    """Let whatever else is ready on the loop go first."""
    await asyncio.sleep(0)


Later: TypeAlias = Coroutine[Any, Any, T]


async def call_hook(hook: Callable[[], object]) -> None:
    """Call a plain function or a coroutine function."""
    result = hook()
    if inspect.isawaitable(result):
        await result


async def in_order(
    lock: asyncio.Lock, end: Callable[[BaseException | None], Later[None]], give_up: Callable[[], None]
) -> None:
    """End something once the calls on it are over. Cancelled while waiting for them, end it badly."""
    try:
        await lock.acquire()
    except BaseException as interruption:
        with anyio.move_on_after(CLEANUP, shield=True) as waiting:
            await lock.acquire()
        if waiting.cancelled_caught:
            give_up()
            await end(interruption)
        else:
            try:
                await end(interruption)
            finally:
                lock.release()
        raise
    try:
        await end(None)
    finally:
        lock.release()


async def aside(work: Callable[[V], T], given: V) -> T:
    """Let a thread do what would hold up the loop, and needs no database; cancelled, its answer is nobody's."""
    return await anyio.to_thread.run_sync(work, given, abandon_on_cancel=True)


def pool_owner() -> object:
    """Whoever a pool belongs to: the running loop."""
    return owner()


def owner() -> object:
    """Whoever a pool or a transaction belongs to: the running loop."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise InterfaceError(
            "no event loop is running: await this in one, or use ferro.sync, which makes the same calls and blocks"
        ) from None


# The loop holds tasks weakly; these are nobody else's.
endings: set[asyncio.Task[None]] = set()


def afterwards(loop: Any, end: Callable[[], Later[None]], give_up: Callable[[], None]) -> None:
    """End what nobody holds any more, on the loop it belongs to; give it up where that loop runs no more.

    May be called by any thread, and while the loop is being closed.
    """

    def over(task: asyncio.Task[None]) -> None:
        endings.discard(task)
        # Cancelled with its loop, it may never have begun.
        if task.cancelled() or task.exception() is not None:
            give_up()

    def start() -> None:
        task = loop.create_task(end())
        endings.add(task)
        task.add_done_callback(over)

    with suppress(RuntimeError):
        if asyncio.get_running_loop() is loop:
            start()
            return
    if loop.is_running():
        # A loop that stops before it comes to this is closed by whoever closes its database.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(start)
            return
    give_up()


# After so many calls that did not wait for anything, the loop has its turn.
IN_A_ROW = 16


class Streak:
    """Counts calls that are made on the loop itself, so that it is not kept from everything else."""

    def __init__(self) -> None:
        self._count = 0

    async def go_on(self) -> None:
        """Count one more; let the loop have its turn when it is due."""
        self._count += 1
        if self._count == IN_A_ROW:
            self._count = 0
            await asyncio.sleep(0)


class Slots:
    """A number of places, first come first served; `inline`, what is done there is done on the loop itself.

    anyio's semaphore would do; where many wait for few places, its waiting is what a short read costs.
    """

    def __init__(self, count: int, *, inline: bool = False) -> None:
        self._streak = Streak() if inline else None
        self._free = count
        self._waiting: deque[asyncio.Future[bool]] = deque()

    def take_now(self) -> bool:
        """Take a place, if there is one, and it is not the loop's turn."""
        if self._free and self._streak is None:
            self._free -= 1
            return True
        return False

    async def take(self, timeout: float) -> bool:
        """Wait for a place; False when the timeout passed."""
        if self._streak is not None:
            # Here, and not with a place in hand: others would begin to wait for it, and then never cease to.
            await self._streak.go_on()
        if self._free:
            self._free -= 1
            return True
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(mine)
        timer = loop.call_later(timeout, expire, mine)
        try:
            given = await mine
        except BaseException:
            if mine.done() and not mine.cancelled() and mine.result():
                # It was given in the same moment.
                self.give()
            else:
                self._leave(mine)
            raise
        finally:
            timer.cancel()
        if not given:
            self._leave(mine)
        return given

    def _leave(self, mine: "asyncio.Future[bool]") -> None:
        with suppress(ValueError):
            self._waiting.remove(mine)

    def give(self) -> None:
        while self._waiting:
            mine = self._waiting.popleft()
            if not mine.done():
                mine.set_result(True)
                return
        self._free += 1


def expire(waiting: "asyncio.Future[bool]") -> None:
    if not waiting.done():
        waiting.set_result(False)


async def shielded(cleanup: Callable[[], Later[T]], seconds: float = CLEANUP) -> T:
    """Run a clean-up to its end, or to its deadline, whoever cancels the caller meanwhile.

    Raises:
        TimeoutError: the deadline passed.
    """
    task = asyncio.ensure_future(asyncio.wait_for(cleanup(), seconds))
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                # A second cancellation: the first one is on its way already, and the deadline is near.
                continue
    return task.result()


class Opening(Generic[T]):
    """What is not open yet: await it, or enter it to have it closed at the end of the block."""

    def __init__(self, open_: Callable[[], Later[T]]) -> None:
        self._open = open_
        self._opened: Any = None

    def __await__(self) -> Generator[Any, Any, T]:
        return self._open().__await__()

    async def __aenter__(self) -> T:
        self._opened = await self._open()
        return await self._opened.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._opened.__aexit__(kind, error, traceback)

    # Hidden from type checkers, which say the same.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            raise InterfaceError(
                f"this database is not open yet: write `await {PACKAGE}.connect(...)`, or `async with {PACKAGE}.connect(...)`"
            )

        def __enter__(self) -> Any:
            return self.opened

        def __exit__(self, *_: object) -> None:
            """Never reached: nothing is entered."""


def opening(open_: Callable[[], Later[T]]) -> Opening[T]:
    return Opening(open_)


def run_quietly(function: Callable[[], object]) -> None:
    with suppress(Exception):
        function()


def in_background(function: Callable[[], object]) -> None:
    """Let a thread of its own do what may hang."""
    threading.Thread(target=run_quietly, args=(function,), daemon=True).start()


# Relations.


class Loaded:
    """What is loaded may still be awaited: `await book.author`, whether it is loaded or not."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, Self]:
        return self
        yield


class Unloaded:
    """A relation that was not loaded: awaiting it loads it, and anything else is a mistake."""

    __slots__ = ("_load", "_name")

    def __init__(self, load: Callable[[], Coroutine[Any, Any, Any]], name: str) -> None:
        self._load = load
        self._name = name

    def __await__(self) -> Generator[Any, None, Any]:
        return self._load().__await__()

    def __repr__(self) -> str:
        return f"<{self._name}: not loaded>"

    def _refuse(self, *_: object) -> Any:
        name = self._name.rpartition(".")[2]
        raise InterfaceError(
            f"{self._name} is not loaded: write `await` before it, "
            f"or load it with the query: `include(lambda m: m.{name})`"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._refuse()

    __bool__ = __len__ = __iter__ = __eq__ = __ne__ = __getitem__ = _refuse
    __hash__ = object.__hash__


def unloaded(load: Callable[[], Coroutine[Any, Any, Any]], name: str) -> Any:
    """What stands for a row that was not loaded: something to await."""
    return Unloaded(load, name)
