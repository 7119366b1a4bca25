"""Where an operation on SQLite runs: in its connection's thread, in that of short reads, or on the loop."""

from functools import partial
from typing import TypeVar

from ferro._concurrency._async.workers import Worker
from ferro.drivers.sqlite import SqliteLink
from ferro.operations.reading import Done
from ferro.operations.steps import Steps

T = TypeVar("T")


async def visit(worker: Worker, link: SqliteLink, steps: Steps[T], *, inline: bool) -> T:
    """Run an operation to its end. What begins with something short may be over before the long way is taken.

    With `inline` what is short runs here, and keeps the loop from everything else meanwhile; without, short reads
    share a thread.
    """
    link.interrupted = False
    # What waits to be sent is a lock to be got, or announces an operation of many statements.
    if link.pending or not worker.idle:
        return await worker.call(link.answer, steps, None, worker.soon, interrupt=link.interrupt)
    if not inline:
        worker.expect()
    try:
        statement = next(steps)
    except StopIteration as stop:
        return stop.value
    if link.is_short(statement, writes=inline):
        if inline:
            if link.open:
                await worker.streak.go_on()
            outcome = link.answer_shortly(steps, statement, writes=True)
        else:
            outcome = await worker.call(
                partial(link.answer_shortly, writes=False, soon=worker.soon),
                steps,
                statement,
                interrupt=link.interrupt,
                briefly=True,
            )
        if isinstance(outcome, Done):
            return outcome.value
        statement = outcome.statement
    return await worker.call(link.answer, steps, statement, worker.soon, interrupt=link.interrupt)
