"""Signals that come while SQLite is at work."""

from collections.abc import Callable, Generator


class Signals:
    """A look at pending signals, and what their handlers raised: sqlite3 drops it.

    A long statement is C code, which no signal stops. Python's handlers run when it is called from there, which is what
    `look` is for: it answers whether to stop, as SQLite's progress handlers do.
    """

    def __init__(self) -> None:
        self._raised: BaseException | None = None
        looks = self._looks()
        next(looks)
        self.look: Callable[[], int] = looks.__next__

    def _looks(self) -> Generator[int]:
        # A handler runs when Python code goes on, and may raise there: in a generator that is inside its `try` already.
        stop = 0
        while True:
            try:
                yield stop
                stop = 0
            except GeneratorExit:
                return
            except BaseException as raised:
                self._raised = raised
                stop = 1

    def take(self) -> BaseException | None:
        """What a handler has raised since the last time."""
        raised, self._raised = self._raised, None
        return raised
