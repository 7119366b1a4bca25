"""Questions are answered as they are asked."""

import threading
from collections.abc import Callable
from typing import Any


class Batches:
    """Threads do not wait for each other: one question is one call."""

    def join(self, key: object, member: Any, load: Callable[[list[Any]], None]) -> None:
        """Call `load` with this member."""
        load([member])


def runner() -> object:
    """Who is running: the thread."""
    return threading.current_thread()


# Which of the two sides knows its instances by the result they came with: here the first one asks for all.
SIBLINGS = True
