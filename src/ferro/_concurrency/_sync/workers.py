"""The same names as where threads make the calls: here whoever calls makes them."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ferro._concurrency._sync import CLEANUP, run_quietly

T = TypeVar("T")


class Worker:
    """The same calls, made by the caller's own thread."""

    # Whoever asks is who makes the calls.
    idle = True

    def __init__(self, name: str, shared: str = "") -> None:
        self.name = name
        # Held during a call: another thread may not end the connection in the middle of one.
        self.busy = threading.Lock()

    def call(self, function: Callable[..., T], *args: Any, interrupt: Callable[[], None] | None = None) -> T:
        """Make a call. Ctrl-C interrupts it where that is possible."""
        with self.busy:
            try:
                return function(*args)
            except KeyboardInterrupt:
                if interrupt is not None:
                    interrupt()
                raise

    def finish(self, function: Callable[[], object], interrupt: Callable[[], None] | None = None) -> None:
        """Make one last call; one that another thread is at is interrupted, and must be over in time."""
        at_once = self.busy.acquire(blocking=False)
        if not at_once and interrupt is not None:
            interrupt()
        if at_once or self.busy.acquire(timeout=CLEANUP):
            try:
                run_quietly(function)
            finally:
                self.busy.release()
