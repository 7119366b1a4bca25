"""Questions asked in one turn of the loop, answered together."""

import asyncio
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeAlias

import anyio

Load: TypeAlias = Callable[[list[Any]], Coroutine[Any, Any, None]]


class Batch:
    """What is asked about, and by how many."""

    __slots__ = ("error", "members", "task", "traceback", "waiting")

    def __init__(self) -> None:
        self.members: list[Any] = []
        self.waiting = 0
        self.error: Exception | None = None
        self.traceback: TracebackType | None = None
        self.task: asyncio.Task[None]


class Batches:
    """Where the questions of one turn of the loop meet: those with one key are answered by one call."""

    def __init__(self) -> None:
        self._open: dict[object, Batch] = {}

    async def join(self, key: object, member: Any, load: Load) -> None:
        """Wait until `load` was called with this member and all that came in the same turn.

        Its error is everyone's. Who is cancelled leaves the others their answer; the last one takes the call along.
        """
        loop = asyncio.get_running_loop()
        key = loop, key
        batch = self._open.get(key)
        if batch is None:
            batch = self._open[key] = Batch()
            batch.task = loop.create_task(self._answer(key, batch, load))
        batch.members.append(member)
        batch.waiting += 1
        try:
            await asyncio.wait([batch.task])
        except asyncio.CancelledError:
            batch.waiting -= 1
            if not batch.waiting:
                self._close(key, batch)
                await stop(batch.task)
            raise
        if batch.error is not None:
            # Each raises the same error, which would collect the way of every one of them.
            raise batch.error.with_traceback(batch.traceback)
        batch.task.result()

    async def _answer(self, key: object, batch: Batch, load: Load) -> None:
        # Tasks that begin at once, where a loop is set so, would be ahead of those who ask.
        await asyncio.sleep(0)
        self._close(key, batch)
        try:
            await load(batch.members)
        except Exception as error:
            batch.error, batch.traceback = error, error.__traceback__

    def _close(self, key: object, batch: Batch) -> None:
        if self._open.get(key) is batch:
            del self._open[key]


async def stop(task: asyncio.Task[None]) -> None:
    """Cancel a call and wait until it has left everything in order."""
    task.cancel()
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                # A second cancellation: the first one is on its way already.
                continue


def runner() -> object:
    """Who is running: the task."""
    return asyncio.current_task()


# Which of the two sides knows its instances by the result they came with: the other one has turns of a loop.
SIBLINGS = False
