"""Which connection answers a statement: one that only reads may be answered by a replica."""

from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from ferro.errors import DatabaseConnectionError
from ferro.operations.steps import Steps
from ferro.query.dialect import Compiled, Result

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The steps have returned."""

    value: T


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A statement that was not answered: it writes, or the link was lost, by `error`."""

    statement: Compiled
    error: DatabaseConnectionError | None = None


def only_reads(steps: Steps[T], statement: Compiled) -> Steps[Done[T] | Unanswered]:
    """Go on from a statement until one writes, or a link is lost: a read can be asked again elsewhere."""
    while not statement.template.writes:
        try:
            result = yield statement
        except DatabaseConnectionError as error:
            return Unanswered(statement, error)
        except Exception as error:
            proceed = partial(steps.throw, error)
        else:
            proceed = partial(steps.send, result)
        try:
            statement = proceed()
        except StopIteration as stop:
            return Done(stop.value)
    return Unanswered(statement)


def resumed(steps: Steps[T], statement: Compiled) -> Steps[T]:
    """Go on from a statement to the end."""
    while True:
        try:
            result = yield statement
        except Exception as error:
            proceed = partial(steps.throw, error)
        else:
            proceed = partial(steps.send, result)
        try:
            statement = proceed()
        except StopIteration as stop:
            return stop.value


def single(statement: Compiled) -> Steps[Result]:
    """One statement, as steps of its own."""
    return (yield statement)
