"""The same names as where threads make the calls: here whoever calls makes them."""

from collections.abc import Callable
from typing import Any, TypeVar

from ferro._concurrency._sync import run_quietly

T = TypeVar("T")


class Worker:
    """The same calls, made by the caller's own thread."""

    idle = True

    def __init__(self, name: str, shared: str = "") -> None:
        self.name = name

    def call(self, function: Callable[..., T], *args: Any, interrupt: Callable[[], None] | None = None) -> T:
        """Make a call. Ctrl-C interrupts it where that is possible."""
        try:
            return function(*args)
        except KeyboardInterrupt:
            if interrupt is not None:
                interrupt()
            raise

    def finish(self, function: Callable[[], object]) -> None:
        """Make one last call."""
        run_quietly(function)
