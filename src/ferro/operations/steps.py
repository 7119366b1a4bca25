"""The type of an operation: a generator that yields statements, is sent results, and returns."""

from collections.abc import Generator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from ferro.instance.journal import Journal, journal
from ferro.query.dialect import Compiled, Result

T = TypeVar("T")
V = TypeVar("V")

Steps: TypeAlias = Generator[Compiled, Result, T]


@dataclass(frozen=True, slots=True, eq=False)
class Atomic(Generic[T]):
    """Steps that must happen whole or not at all: whoever runs them opens a transaction, or a savepoint in one."""

    steps: Steps[T]


Operation: TypeAlias = Steps[T] | Atomic[T]


def journaled(steps: Steps[T], pages: Journal) -> Steps[T]:
    """The same steps; how instances were before they are changed is written down."""
    return under(journal, pages, steps)


def under(variable: ContextVar[V], value: V, steps: Steps[T]) -> Steps[T]:
    """The same steps; while one of them is made a variable has this value, on whatever thread that is."""
    # A generator begins with being sent None.
    result: Any = None
    error: Exception | None = None
    while True:
        token = variable.set(value)
        problem, error = error, None
        try:
            statement = steps.send(result) if problem is None else steps.throw(problem)
        except StopIteration as stop:
            return stop.value
        finally:
            # An error that is raised on has this frame in its traceback: here nothing may hold it.
            del problem
            variable.reset(token)
        try:
            result = yield statement
        except Exception as raised:
            error = raised
