"""Places that threads wait for: those of a pool, and the one of the writer of a SQLite file."""

import os
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic

from ferro.drivers.forks import in_children

# How often who can be cancelled looks whether it was, in seconds.
GLANCE = 0.02


class Slots:
    """A number of places, first come first served.

    A semaphore of `threading` would do, at ten times the price, and it lets newcomers pass those who wait. `inline` means
    something on a loop, and nothing here.
    """

    def __init__(self, count: int, *, inline: bool = False) -> None:
        self._mutex = threading.Lock()
        # Taken and returned without the mutex; what is to be handed out is so by one thread at a time.
        self._free = deque([None] * count)
        self._waiting: deque[threading.Event] = deque()

    def take_now(self) -> bool:
        """Take a place, if there is one for which nobody waits."""
        if self._waiting:
            return False
        try:
            self._free.pop()
        except IndexError:
            return False
        return True

    def take(self, timeout: float, cancelled: Callable[[], bool] | None = None) -> bool:
        """Wait for a place; False when the timeout passed, or `cancelled` says so."""
        if self.take_now():
            return True
        mine = threading.Event()
        self._waiting.append(mine)
        try:
            # One may have been returned before that was seen.
            self._hand_out()
            if cancelled is None:
                mine.wait(timeout)
            else:
                deadline = monotonic() + timeout
                while not mine.wait(min(GLANCE, max(0.0, deadline - monotonic()))):
                    if monotonic() >= deadline or cancelled():
                        break
        except BaseException:
            if not self._leave(mine):
                self.give()
            raise
        return not self._leave(mine)

    def _leave(self, mine: threading.Event) -> bool:
        """Stop waiting; False when the place was given meanwhile."""
        with self._mutex:
            left = not mine.is_set()
            if left:
                self._waiting.remove(mine)
        self._hand_out()
        return left

    def give(self) -> None:
        self._free.append(None)
        # Who begins to wait after this has a look at what is free.
        if self._waiting:
            self._hand_out()

    def _hand_out(self) -> None:
        # The garbage collector may end a stream, and give its place back, while this very thread holds
        # the mutex: so nobody waits for it here. Who holds it hands out what was returned meanwhile.
        while self._waiting and self._free and self._mutex.acquire(blocking=False):
            try:
                while self._waiting and self._free:
                    self._free.pop()
                    self._waiting.popleft().set()
            finally:
                self._mutex.release()


# A file of SQLite's has one writer at a time: those of this process take turns.
turns: dict[str, Slots] = {}


def turn_of(path: str) -> Slots:
    """The turn to write a file, the same for every connection of this process, whatever its colour."""
    return turns.setdefault(os.path.realpath(path), Slots(1))


# A child process begins with no writer: those of its parent do not exist in it.
in_children(turns.clear)
