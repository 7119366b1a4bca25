"""Operations that do not wait for each other: what each of them asks next travels with what the others ask."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar, cast

from ferro.errors import FerroError, InterfaceError
from ferro.operations.steps import Steps
from ferro.query.dialect import Answers, Compiled, Several

T = TypeVar("T")

NOT_SENT = "this was not sent yet: what a pipeline is asked for is there when its block has ended"
LEFT = "what this call brought is not known: the block of its pipeline ended with an error"


class Queued(Generic[T]):
    """What a call of a pipeline will have brought: `value`, once the block has ended."""

    __slots__ = ("_error", "_value", "steps")

    def __init__(self, steps: Steps[T]) -> None:
        self.steps: Steps[Any] = steps
        self._value: Any = None
        self._error: Exception | None = InterfaceError(NOT_SENT)

    @property
    def value(self) -> T:
        """What came back.

        Raises:
            InterfaceError: the block has not ended, or ended with an error.
            FerroError: what this call, and perhaps no other of the pipeline, failed with.
        """
        if self._error is not None:
            raise self._error
        return self._value

    @property
    def error(self) -> Exception | None:
        """What it failed with, or None."""
        return self._error

    def arrived(self, value: T) -> None:
        self._value = value
        self._error = None

    def left(self) -> None:
        """Its answer was not waited for."""
        if isinstance(self._error, InterfaceError):
            self._error = InterfaceError(LEFT)

    def failed(self, error: Exception) -> None:
        self._error = error

    def __repr__(self) -> str:
        return f"Queued({self._value!r})" if self._error is None else f"Queued({self._error})"


def put_off(operation: Callable[[], Steps[T]]) -> Steps[T]:
    """An operation that looks at what it was given when its turn has come: hooks may change that before."""
    return (yield from operation())


def in_step(queued: Sequence[Queued[Any]]) -> Steps[None]:
    """Run operations side by side, and note in each what became of it.

    An error before anything is sent is raised, and nothing is sent.
    """
    waiting: dict[Queued[Any], Compiled] = {}

    def go_on(one: Queued[Any], proceed: Callable[[], Compiled]) -> None:
        try:
            waiting[one] = proceed()
        except StopIteration as stop:
            one.arrived(stop.value)

    def answered(one: Queued[Any], answer: object) -> None:
        failed = isinstance(answer, FerroError)
        try:
            go_on(one, partial(one.steps.throw if failed else one.steps.send, cast("Any", answer)))
        except Exception as error:
            one.failed(error)

    for one in queued:
        go_on(one, partial(next, one.steps))
    while waiting:
        asked, waiting = waiting, {}
        # The next part of an answer has no place among others. A single one is asked like several, too: its answer
        # comes whole, and leaves the connection to whatever is asked next.
        together = [one for one, statement in asked.items() if type(statement) is Compiled]
        if together:
            try:
                answers = cast("Answers", (yield Several([asked.pop(one) for one in together]))).each
            except FerroError as error:
                answers = [error] * len(together)
            for one, answer in zip(together, answers, strict=True):
                answered(one, answer)
        for one, statement in asked.items():
            try:
                answer = yield statement
            except FerroError as error:
                answer = error
            answered(one, answer)
