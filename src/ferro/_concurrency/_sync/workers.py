"""The same names as where threads make the calls: here whoever calls makes them."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ferro._concurrency._sync import CLEANUP, run_quietly

T = TypeVar("T")


class Worker:
    """The same calls, made by the caller's own thread."""

    def __init__(self, name: str, shared: str = "") -> None:
        self.name = name
        # Held during a call: another thread may not end the connection in the middle of one.
        self.busy = threading.Lock()

    @property
    def idle(self) -> bool:
        """Whether no call is under way."""
        return not self.busy.locked()

    def call(self, function: Callable[..., T], *args: Any, interrupt: Callable[[], None] | None = None) -> T:
        """Make a call. Ctrl-C interrupts it where that is possible."""
        with self.busy:
            try:
                return function(*args)
            except KeyboardInterrupt:
                if interrupt is not None:
                    interrupt()
                raise

    def finish(self, function: Callable[[], object]) -> None:
        """Make one last call, if the one that is under way is over in time."""
        if self.busy.acquire(timeout=CLEANUP):
            try:
                run_quietly(function)
            finally:
                self.busy.release()
