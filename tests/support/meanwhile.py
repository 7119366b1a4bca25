"""Operations during which something happens, at a moment a test can choose."""

from collections.abc import Callable
from typing import Any

from ferro.operations.steps import Atomic, Operation, Steps


def meanwhile(operation: Operation[Any], happens: Callable[[], object]) -> Operation[Any]:
    """An operation, and what happens between its first statement and the answer to it."""
    return (
        Atomic(broken_into(operation.steps, happens))
        if isinstance(operation, Atomic)
        else broken_into(operation, happens)
    )


def broken_into(steps: Steps[Any], happens: Callable[[], object]) -> Steps[Any]:
    answer = yield next(steps)
    happens()
    try:
        while True:
            answer = yield steps.send(answer)
    except StopIteration as stop:
        return stop.value
