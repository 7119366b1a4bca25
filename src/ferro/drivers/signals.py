"""Signals that come while SQLite is at work, in a statement or in a function that is called from there."""

import threading
from collections.abc import Callable, Generator
from typing import Any

# What sqlite3 says when a function it called has raised something.
CALLED = ("user-defined function raised", "user-defined aggregate")


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

    def take(self) -> BaseException:
        """What a handler has raised since the last time; Ctrl-C where nobody knows."""
        raised, self._raised = self._raised, None
        return raised or KeyboardInterrupt()

    def behind(self, problem: Exception) -> BaseException | None:
        """What a signal raised in a function that SQLite called; None where that refused a value, or nothing was called."""
        if not str(problem).startswith(CALLED):
            return None
        error = raised.take()
        if error is None:
            return self.take()
        return None if isinstance(error, REFUSALS) else error


# What a function of ferro's raises by itself, where it refuses a value.
REFUSALS = (ArithmeticError, ValueError, TypeError, LookupError, MemoryError)


class Raised(threading.local):
    """What a function that SQLite called has raised in this thread: sqlite3 says only that one did."""

    error: BaseException | None = None

    def take(self) -> BaseException | None:
        error, self.error = self.error, None
        return error


raised = Raised()


def noting(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function for SQLite that notes what it raises. What a signal raises before it begins is not noted."""

    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except BaseException as error:
            raised.error = error
            raise

    return call


def noting_class(factory: type[Any]) -> type[Any]:
    """The same for an aggregate."""
    steps = [name for name in ("step", "inverse", "value", "finalize") if hasattr(factory, name)]
    return type(factory.__name__, (factory,), {name: noting(getattr(factory, name)) for name in steps})
