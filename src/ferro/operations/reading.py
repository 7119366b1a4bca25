"""Which connection answers a statement: one that only reads may be answered by a replica."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from ferro.errors import DatabaseConnectionError
from ferro.operations.steps import Steps
from ferro.query.dialect import Compiled, Ready, Result

T = TypeVar("T")

# How many rows something is made of before others have their turn.
PART = 250


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
            # Whole, before anything is made of it: the link may be lost on the way.
            result = (yield from whole(statement)) if statement.in_parts else (yield statement)
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
        finally:
            # What throws an error holds it, and an error that is raised on has this frame in its traceback.
            del proceed
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
        finally:
            del proceed


def whole(statement: Compiled) -> Steps[Result]:
    """One statement and all its rows, as steps of their own."""
    result = yield statement
    if (rest := result.rest) is None:
        return result
    rows = list(result.rows)
    while rest is not None:
        part = yield rest
        rows += part.rows
        rest = part.rest
    return part_of(statement, rows, 0)


def part_of(statement: Compiled, rows: list[tuple[Any, ...]], first: int) -> Result:
    """Rows that are here already, a part at a time."""
    last = first + PART
    rest = Ready(statement, partial(part_of, statement, rows, last)) if last < len(rows) else None
    return Result(rows[first:last], len(rows), rest=rest)
