"""The threads' side: the same names as the event loop's side."""

import inspect
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, TypeVar

from ferro.drivers.slots import Slots as Slots
from ferro.errors import InterfaceError

T = TypeVar("T")
V = TypeVar("V")

# What users import.
PACKAGE = "ferro.sync"

# How long an interrupted call may still take to leave everything in order, in seconds.
CLEANUP = 0.45


class Lock:
    """A lock that refuses the thread that holds it, which would wait for itself."""

    __slots__ = ("_holder", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None

    def __enter__(self) -> None:
        caller = threading.get_ident()
        if self._holder == caller:
            raise InterfaceError(
                "this call was made while another one of its transaction was under way: after_load(), and whatever else "
                "runs while rows are read, cannot ask the database; make the call when the other one is over"
            )
        self._lock.acquire()
        self._holder = caller

    def __exit__(self, *_: object) -> None:
        self._holder = None
        self._lock.release()


# For what never waits.
Mutex = threading.RLock
sleep = time.sleep


def take_turns() -> None:
    """Nothing: another thread takes its turn by itself."""


# What a function that is called gives: here it gives it at once.
Later = Annotated[T, "at once"]


def call_hook(hook: Callable[[], object]) -> None:
    """Call a plain function."""
    result = hook()
    if inspect.iscoroutine(result):
        result.close()
        raise InterfaceError(f"{hook!r} is a coroutine function: the blocking side calls plain functions")


def in_order(lock: Lock, end: Callable[[BaseException | None], None], give_up: Callable[[], None]) -> None:
    """End something once the calls on it are over."""
    with lock:
        end(None)


def aside(work: Callable[[V], T], given: V) -> T:
    """Do it: nobody waits but the caller."""
    return work(given)


def pool_owner() -> object:
    """Whoever a pool belongs to: every thread of the process."""
    return threading


def owner() -> object:
    """Whoever a transaction belongs to: the running thread."""
    return threading.get_ident()


def afterwards(thread: object, end: Callable[[], None], give_up: Callable[[], None]) -> None:
    """End what nobody holds any more: at once."""
    try:
        end()
    except Exception:
        give_up()


# What `connect()` gives: here it is open at once.
Opening = Annotated[T, "open"]


def opening(open_: Callable[[], T]) -> T:
    return open_()


def run_quietly(function: Callable[[], object]) -> None:
    with suppress(Exception):
        function()


def in_background(function: Callable[[], object]) -> None:
    """Let a thread of its own do what may hang."""
    threading.Thread(target=run_quietly, args=(function,), daemon=True).start()


# Relations.


class Loaded:
    """Nothing is awaited here."""

    __slots__ = ()


def unloaded(load: Callable[[], T], name: str) -> T:
    """The row that was not loaded, which is loaded now."""
    return load()
