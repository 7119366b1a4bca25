"""N+1: one statement sent again and again by one line, where one query would do."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from inspect import currentframe
from time import monotonic
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from ferro.errors import NPlusOneError, NPlusOneWarning, OptionError
from ferro.operations.steps import Atomic, Operation, Steps
from ferro.query.dialect import Template
from ferro.schema.relations import Relation

T = TypeVar("T")

Action: TypeAlias = Literal["warn", "raise"]

# A line that waits so long before it asks again, in seconds, polls: it goes through no rows.
PAUSE = 1.0
# How much of a statement is shown.
SHOWN = 200


class Place(NamedTuple):
    """Who sends a statement: a task or thread, the line of the user's code, and the relation it loads, if any."""

    runner: object
    file: str
    line: int
    relation: Relation | None = None


@dataclass(slots=True)
class Series:
    """How often a statement was sent by a line, and when last."""

    count: int = 0
    last: float = 0.0


Counts: TypeAlias = dict[tuple[str, str, int], Series]


@dataclass(eq=False)
class Guard:
    """Counts what each line reads, and reports the one that reads the same more than `after` times.

    With `pause` it counts for each task or thread by itself, and begins anew after so many seconds; without, a
    statement counts wherever it is sent.
    """

    action: Action
    after: int
    pause: float | None = None
    everywhere: Counts = field(default_factory=dict[tuple[str, str, int], Series])
    of_runner: "WeakKeyDictionary[Any, Counts]" = field(default_factory=WeakKeyDictionary[Any, Counts])

    def __post_init__(self) -> None:
        if self.action not in ("warn", "raise"):
            raise OptionError(f'n_plus_one is {self.action!r}; it is "warn", "raise" or None')
        if type(self.after) is not int or self.after < 1:
            raise OptionError(f"n_plus_one_after is {self.after!r}; it is a number of statements, at least 1")

    def notice(self, template: Template, place: Place) -> None:
        """Count a statement that is about to be sent."""
        counts = self.everywhere
        if self.pause is not None and place.runner is not None:
            counts = self.of_runner.setdefault(place.runner, {})
        series = counts.setdefault((template.sql, place.file, place.line), Series())
        now = monotonic()
        if self.pause is not None and now - series.last > self.pause:
            series.count = 0
        series.count += 1
        series.last = now
        if self.action == "raise" and series.count > self.after:
            raise NPlusOneError(report(template, place, series.count))
        if series.count == self.after + 1:
            warnings.warn_explicit(report(template, place, series.count), NPlusOneWarning, place.file, place.line)


def report(template: Template, place: Place, count: int) -> str:
    sql = template.sql if len(template.sql) <= SHOWN else f"{template.sql[:SHOWN]}…"
    relation = place.relation
    if relation is None:
        advice = "ask for all of the rows with one query, such as where(lambda m: m.id.in_(...))"
    else:
        advice = f"load {relation.where} with the rows: include(lambda m: m.{relation.name})"
    return f"{place.file}:{place.line} sent one statement {count} times, the last one for one row more: {sql}; {advice}"


# The guards of the blocks that the caller is inside of, and who asked for what is being loaded on behalf of others.
guards: ContextVar[tuple[Guard, ...]] = ContextVar("ferro_guards", default=())
asking: ContextVar[Place | None] = ContextVar("ferro_asking", default=None)


def watched(operation: Operation[T], own: Guard | None, runner: object) -> Operation[T]:
    """The same operation, whose reads are counted by the database's own guard and those of the blocks around."""
    watching = guards.get() if own is None else (own, *guards.get())
    place = asking.get() or here(runner)
    if place is None:
        return operation
    if isinstance(operation, Atomic):
        return Atomic(counted(operation.steps, watching, place))
    return counted(operation, watching, place)


def counted(steps: Steps[T], watching: tuple[Guard, ...], place: Place) -> Steps[T]:
    proceed = partial(next, steps)
    while True:
        try:
            statement = proceed()
        except StopIteration as stop:
            return stop.value
        finally:
            # What throws an error holds it, and an error that is raised on has this frame in its traceback.
            del proceed
        template = statement.template
        if template.fetches and not template.writes:
            for guard in watching:
                guard.notice(template, place)
        try:
            result = yield statement
        except Exception as error:
            proceed = partial(steps.throw, error)
        else:
            proceed = partial(steps.send, result)


@contextmanager
def on_behalf_of(relation: Relation, runner: object) -> Generator[None]:
    """While a relation is loaded: whoever sends the statement, this line has asked for it."""
    # What is loaded on the way to it was asked for by the same line.
    place = asking.get() or here(runner)
    token = asking.set(None if place is None else place._replace(relation=relation))
    try:
        yield
    finally:
        asking.reset(token)


def here(runner: object) -> Place | None:
    """The line of the user's code that is running; None in a task that is nothing but ferro's."""
    frame = currentframe()
    while frame is not None:
        room = frame.f_globals.get("__name__", "").partition(".")[0]
        if room == "asyncio":
            return None
        if room not in ("ferro", "contextlib"):
            return Place(runner, frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None
