"""Threads that make blocking calls for a loop."""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from contextvars import Context
from functools import partial
from queue import SimpleQueue
from time import perf_counter
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary, finalize, ref

from ferro._concurrency._async import CLEANUP, Streak, in_background, run_quietly, shielded
from ferro.drivers.forks import in_children

T = TypeVar("T")

# How long after something is done the same thread may begin something else before it tells of it, in seconds.
LATEST = 0.0005


class Job:
    """A call a thread was given. The thread runs `run`; everything else happens on the loop.

    The one task that waits for it awaits it as a future, by the protocol that asyncio's tasks have for futures of
    other makes (`asyncio.isfuture`). A future of asyncio's own would wake its task in the loop's next round; this one
    goes on with it in the round in which the loop is told.
    """

    __slots__ = (
        "_args",
        "_asyncio_future_blocking",
        "_cancelled",
        "_context",
        "_error",
        "_function",
        "_loop",
        "_result",
        "_wake",
        "over",
        "waiter",
    )

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], loop: asyncio.AbstractEventLoop) -> None:
        self._function = function
        self._args = args
        self._loop = loop
        self._result: Any = None
        self._error: BaseException | None = None
        self._cancelled: asyncio.CancelledError | None = None
        self._wake: Callable[[Job], object] | None = None
        self._context: Context | None = None
        self._asyncio_future_blocking = False
        self.waiter: asyncio.Future[None] | None = None
        self.over = False

    def run(self) -> None:
        try:
            self._result = self._function(*self._args)
        except BaseException as error:
            self._error = error

    def deliver(self) -> None:
        """Note that the thread is done with it, and go on with the task that waits."""
        self.over = True
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)
        wake, self._wake = self._wake, None
        if wake is not None and self._context is not None:
            self._context.run(wake, self)

    async def settle(self) -> None:
        """Wait until the thread is done with it, whether or not anybody wants the answer."""
        if not self.over:
            self.waiter = self._loop.create_future()
            await self.waiter

    # What a task asks of a future.

    def __await__(self) -> Generator["Job", None, Any]:
        if not self.over:
            self._asyncio_future_blocking = True
            yield self
        return self.result()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def add_done_callback(self, wake: Callable[["Job"], object], *, context: Context) -> None:
        self._wake = wake
        self._context = context

    def cancel(self, msg: Any = None) -> bool:
        """Wake the task at once: the thread may still be at it."""
        wake, self._wake = self._wake, None
        if wake is None:
            return False
        self._cancelled = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self._loop.call_soon(wake, self, context=self._context)
        return True

    def result(self) -> Any:
        """What the call returned, or raised: taken once, and kept no longer."""
        error = self._cancelled or self._error
        if error is None:
            return self._result
        self._cancelled = self._error = None
        try:
            raise error
        finally:
            # Its traceback has this frame.
            del error


class Bell:
    """What threads have done for a loop, and how they let it know."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._done: deque[Job] = deque()
        # Whether the loop is told already: it fetches all that is done when it comes.
        self._told = False
        self._tell = self._watched_pipe(loop) if os.name == "posix" else self._call_from_threads(ref(loop))

    def put(self, job: Job) -> None:
        """Put a job down that is done; the loop may fetch it at once, and will when it is told."""
        self._done.append(job)

    def ring(self) -> None:
        """Have the loop deliver what is done. A closed loop has nobody who waits."""
        if not self._told:
            self._told = True
            self._tell()

    def _deliver(self) -> None:
        self._told = False
        # What is done meanwhile is told of again: the loop has its turn before.
        try:
            for _ in range(len(self._done)):
                self._done.popleft().deliver()
        except BaseException:
            # A task that ends the program ends this too; the others may still be waited for.
            self.ring()
            raise

    def _watched_pipe(self, loop: asyncio.AbstractEventLoop) -> Callable[[], object]:
        """Costs less than being called from another thread: a fifth of handing a call over."""
        hears, rings = ends = os.pipe()
        # At the end of the program threads may still ring.
        finalize(self, close, ends).atexit = False
        for end in ends:
            os.set_blocking(end, False)

        def heard() -> None:
            os.read(hears, 1)
            self._deliver()

        loop.add_reader(hears, heard)
        return partial(os.write, rings, b"!")

    def _call_from_threads(self, loop: "ref[asyncio.AbstractEventLoop]") -> Callable[[], object]:
        """The way of loops that watch no pipes."""

        def call() -> None:
            running = loop()
            if running is not None:
                with suppress(RuntimeError):
                    running.call_soon_threadsafe(self._deliver)

        return call


def close(ends: tuple[int, int]) -> None:
    for end in ends:
        os.close(end)


# One for each loop that has connections, as long as there is that loop.
bells: WeakKeyDictionary[asyncio.AbstractEventLoop, Bell] = WeakKeyDictionary()


def bell_of(loop: asyncio.AbstractEventLoop) -> Bell:
    bell = bells.get(loop)
    if bell is None:
        bell = bells[loop] = Bell(loop)
    return bell


class Hand:
    """A thread that makes blocking calls for a loop, one at a time, in order; it ends when nobody holds this."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.get_running_loop()
        self.jobs: SimpleQueue[Job | Callable[[], None] | None] = SimpleQueue()
        self.bell = bell_of(self.loop)
        self.thread = threading.Thread(target=work, args=(self.bell, self.jobs), name=name, daemon=True)
        self.thread.start()
        finalize(self, self.jobs.put, None)


def nudge() -> None:
    """What wakes a thread while a call for it is being prepared: another core takes its time to wake."""


def work(bell: Bell, jobs: "SimpleQueue[Job | Callable[[], None] | None]") -> None:
    # Since when something is done that the loop was not told of.
    since: float | None = None
    while True:
        job = jobs.get()
        if isinstance(job, Job):
            job.run()
            bell.put(job)
            since = since or perf_counter()
        elif job is not nudge:
            bell.ring()
            since = None
            if job is None:
                return
            job()
        # What it holds is not this thread's to keep until the next one comes.
        del job
        # While others wait here, the loop would only take the interpreter from them.
        if since is not None and (jobs.empty() or perf_counter() - since > LATEST):
            bell.ring()
            since = None


# Where the connections of one loop to one file have their short calls made. Threads that do so side by side would
# only wait for each other, for there is one interpreter; one that finds the next call waiting goes straight on.
shared_hands: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, str], Hand] = WeakValueDictionary()

# A child process has none of its parent's threads.
in_children(shared_hands.clear)
in_children(bells.clear)


class Worker:
    """Makes blocking calls for the loop, one at a time, in order: in a thread of its own, or short ones in a shared one."""

    def __init__(self, name: str, shared: str = "") -> None:
        self._last: Job | None = None
        self._own = self._latest = self._brief = Hand(name)
        self.streak = Streak()
        if shared:
            key = self._own.loop, shared
            hand = shared_hands.get(key)
            if hand is None:
                hand = shared_hands[key] = Hand(f"{name}-short")
            self._brief = hand

    async def call(
        self,
        function: Callable[..., T],
        *args: Any,
        interrupt: Callable[[], None] | None = None,
        briefly: bool = False,
    ) -> T:
        """Make a call and wait for it. Cancelled, interrupt it where that is possible, and wait until it has stopped.

        A thread that does not come back within the clean-up time is left to its call.
        """
        if self.idle:
            self._latest = self._brief if briefly else self._own
        # Else behind the call that was left: never beside it.
        hand = self._latest
        job = self._last = Job(function, args, hand.loop)
        hand.jobs.put(job)
        try:
            return await job
        except asyncio.CancelledError:
            if not job.over:
                if interrupt is not None:
                    interrupt()
                with suppress(TimeoutError):
                    await shielded(job.settle)
            raise
        finally:
            if job.over and self._last is job:
                # What it answered is its caller's alone.
                self._last = None

    def expect(self) -> None:
        """Wake the thread that made the last call: it is likely to make the next one, which is about to come."""
        jobs = self._latest.jobs
        if jobs.empty():
            jobs.put(nudge)

    def soon(self) -> None:
        """Wake the loop for a call that is about to be done; by the thread that makes it."""
        hand = self._latest
        if hand.jobs.empty():
            hand.bell.ring()

    @property
    def idle(self) -> bool:
        """Whether the thread has come back from every call."""
        return self._last is None or self._last.over

    def finish(self, function: Callable[[], object], interrupt: Callable[[], None] | None = None) -> None:
        """Make one last call and end the thread, waiting no longer than a clean-up may take: no loop is needed.

        Behind a call that is interrupted, nobody waits.
        """
        if not self.idle and interrupt is not None:
            interrupt()
            in_background(partial(self.finish, function))
            return
        over = threading.Event()

        def end() -> None:
            run_quietly(function)
            over.set()

        # Behind the call that was made last, wherever that is.
        self._latest.jobs.put(end)
        answered = over.wait(CLEANUP)
        self._own.jobs.put(None)
        if answered:
            self._own.thread.join(CLEANUP)
