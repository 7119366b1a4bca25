"""Cancel a coroutine at its n-th await, found by counting."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import anyio

Cancel = Callable[[], object]


class AtAwait:
    """Runs a coroutine, and calls `cancel` when it suspends for the n-th time."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], number: int, cancel: Cancel) -> None:
        self.coroutine = coroutine
        self.number = number
        self.cancel = cancel
        self.reached = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self.coroutine.__await__()
        sent: Any = None
        error: BaseException | None = None
        while True:
            try:
                waits_for = steps.throw(error) if error else steps.send(sent)
            except StopIteration as stop:
                return stop.value
            self.reached += 1
            if self.reached == self.number:
                self.cancel()
            sent, error = None, None
            try:
                sent = yield waits_for
            except BaseException as thrown:
                error = thrown


async def by_task(make: Callable[[], Coroutine[Any, Any, Any]], number: int) -> bool:
    """Cancel as asyncio does: once. False when the coroutine ended before its n-th await."""
    task: asyncio.Task[Any]

    async def run() -> AtAwait:
        at = AtAwait(make(), number, task.cancel)
        runs.append(at)
        await at
        return at

    runs: list[AtAwait] = []
    task = asyncio.ensure_future(run())
    try:
        await task
    except asyncio.CancelledError:
        return True
    return runs[0].reached >= number


async def by_scope(make: Callable[[], Coroutine[Any, Any, Any]], number: int) -> bool:
    """Cancel as anyio does: again at every await, until the scope is left."""
    with anyio.CancelScope() as scope:
        at = AtAwait(make(), number, scope.cancel)
        await at
    return scope.cancelled_caught or at.reached >= number
