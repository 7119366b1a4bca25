"""The type of an operation: a generator that yields statements, is sent results, and returns."""

import gc
from collections.abc import Callable, Generator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from ferro.instance import Journal, journal
from ferro.query.dialect import Compiled, Result

T = TypeVar("T")
V = TypeVar("V")

Steps: TypeAlias = Generator[Compiled, Result, T]


@dataclass(frozen=True, slots=True)
class Atomic(Generic[T]):
    """Steps that must happen whole or not at all: whoever runs them opens a transaction, or a savepoint in one."""

    steps: Steps[T]


Operation: TypeAlias = Steps[T] | Atomic[T]


def in_parts(statement: Compiled, make: Callable[[list[tuple[Any, ...]]], list[Any]]) -> Steps[list[Any]]:
    """What is made of all rows of a statement, a part at a time where there are many.

    While it runs on a loop, others have their turn between two parts.
    """
    result = yield Compiled(statement.template, statement.params, in_parts=True)
    made = make(result.rows)
    while (rest := result.rest) is not None:
        look_through_young()
        result = yield rest
        made += make(result.rows)
    return made


def look_through_young() -> None:
    """Let the garbage collector see what was just made while the processor still has it at hand.

    It would come by anyway, for all rows together, which takes three times as long.
    """
    if gc.isenabled():
        gc.collect(1)


def journaled(steps: Steps[T], pages: Journal) -> Steps[T]:
    """The same steps; how instances were before they are changed is written down."""
    return under(journal, pages, steps)


def under(variable: ContextVar[V], value: V, steps: Steps[T]) -> Steps[T]:
    """The same steps; while one of them is made a variable has this value, on whatever thread that is."""
    proceed = partial(next, steps)
    while True:
        token = variable.set(value)
        try:
            statement = proceed()
        except StopIteration as stop:
            return stop.value
        finally:
            variable.reset(token)
        try:
            result = yield statement
        except Exception as error:
            proceed = partial(steps.throw, error)
        else:
            proceed = partial(steps.send, result)
