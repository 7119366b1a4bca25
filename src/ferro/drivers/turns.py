"""One writer per SQLite file and process: writers take turns, first come first served."""

import os
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic

from ferro.drivers.forks import in_children

# How often a waiting writer looks whether its call was cancelled, in seconds.
GLANCE = 0.02


class Turn:
    """A fair lock that can be waited for with a deadline, and given up."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Event] = deque()

    def take(self, timeout: float, cancelled: Callable[[], bool]) -> bool:
        """Wait for the turn; False when the timeout passed or the call was cancelled."""
        with self._mutex:
            if not self._taken and not self._waiting:
                self._taken = True
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        deadline = monotonic() + timeout
        while not mine.wait(min(GLANCE, max(0.0, deadline - monotonic()))):
            if monotonic() >= deadline or cancelled():
                return self._leave(mine)
        return True

    def give(self) -> None:
        """End the turn; the longest waiting writer has the next."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False

    def _leave(self, mine: threading.Event) -> bool:
        with self._mutex:
            # The turn may have come between the last look and now: then it is ours after all.
            if mine.is_set():
                return True
            self._waiting.remove(mine)
            return False


turns: dict[str, Turn] = {}


def turn_of(path: str) -> Turn:
    """The turn of a file, the same for every connection of this process, whatever its colour."""
    return turns.setdefault(os.path.realpath(path), Turn())


# A child process begins with no writer: those of its parent do not exist in it.
in_children(turns.clear)
