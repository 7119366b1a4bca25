"""The event loop's side: the same names as the threads' side."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, Self, TypeAlias, TypeVar

import anyio

from ferro.errors import InterfaceError

T = TypeVar("T")

# What users import.
PACKAGE = "ferro"

# How long a cancelled call may still take to leave everything in order, in seconds.
CLEANUP = 0.45

Lock = partial(anyio.Lock, fast_acquire=True)
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
    lock: anyio.Lock, end: Callable[[BaseException | None], Later[None]], give_up: Callable[[], None]
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


class Slots:
    """A number of places, first come first served."""

    def __init__(self, count: int) -> None:
        self._semaphore = anyio.Semaphore(count, fast_acquire=True)

    async def take(self, timeout: float) -> bool:
        """Wait for a place; False when the timeout passed."""
        try:
            self._semaphore.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(timeout):
                await self._semaphore.acquire()
                return True
            return False
        return True

    def give(self) -> None:
        self._semaphore.release()


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


def opening(open_: Callable[[], Later[T]]) -> Opening[T]:
    return Opening(open_)


class Job:
    """A call a worker was given. Its thread runs `run`; everything else happens on the loop."""

    __slots__ = ("_call", "_error", "_loop", "_result", "answer", "over", "waiter")

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._result: Any = None
        self._error: BaseException | None = None
        self.answer: asyncio.Future[Any] = self._loop.create_future()
        self.waiter: asyncio.Future[None] | None = None
        self.over = False

    def run(self) -> None:
        try:
            self._result = self._call()
        except BaseException as error:
            self._error = error
        # A closed loop has nobody left who waits.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self.over = True
        if not self.answer.done():
            if self._error is not None:
                self.answer.set_exception(self._error)
            else:
                self.answer.set_result(self._result)
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def settle(self) -> None:
        """Wait until the thread is done with it, whether or not anybody wants the answer."""
        if not self.over:
            self.waiter = self._loop.create_future()
            await self.waiter


class Worker:
    """A thread that makes blocking calls for the loop, one at a time, in order."""

    def __init__(self, name: str) -> None:
        self._last: Job | None = None
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while job := self._jobs.get():
            job()

    async def call(self, function: Callable[..., T], *args: Any, interrupt: Callable[[], None] | None = None) -> T:
        """Make a call and wait for it. Cancelled, interrupt it where that is possible, and wait until it has stopped.

        A thread that does not come back within the clean-up time is left to its call.
        """
        job = self._last = Job(partial(function, *args))
        self._jobs.put(job.run)
        try:
            return await job.answer
        except asyncio.CancelledError:
            if not job.over:
                if interrupt is not None:
                    interrupt()
                with suppress(TimeoutError):
                    await shielded(job.settle)
            raise

    @property
    def idle(self) -> bool:
        """Whether the thread has come back from every call."""
        return self._last is None or self._last.over

    def finish(self, function: Callable[[], object]) -> None:
        """Make one last call and end the thread, waiting no longer than a clean-up may take: no loop is needed."""
        self._jobs.put(lambda: run_quietly(function))
        self._jobs.put(None)
        self._thread.join(timeout=CLEANUP)


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
