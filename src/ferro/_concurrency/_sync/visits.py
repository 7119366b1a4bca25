"""Where an operation on SQLite runs: in its caller's thread."""

from typing import TypeVar

from ferro._concurrency._sync.workers import Worker
from ferro.drivers.sqlite import SqliteLink
from ferro.operations.steps import Steps

T = TypeVar("T")


def visit(worker: Worker, link: SqliteLink, steps: Steps[T], *, inline: bool) -> T:
    """Run an operation to its end: `inline` changes nothing, there is no loop to be spared."""
    link.interrupted = False
    with worker.busy:
        try:
            return link.answer(steps)
        except KeyboardInterrupt:
            link.interrupt()
            raise
