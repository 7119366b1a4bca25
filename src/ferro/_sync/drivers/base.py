# Generated from src/ferro/_async/drivers/base.py by scripts/unasync.py: edit that file, never this one.
"""What a connection can do, whichever its driver."""

from typing import Protocol, TypeVar

from ferro.drivers.link import Link
from ferro.operations.steps import Steps

T = TypeVar("T")


class Connection(Protocol):
    """One connection to a database, used by one call at a time."""

    @property
    def link(self) -> Link:
        """The transaction it is in."""
        ...

    @property
    def usable(self) -> bool:
        """Whether the next caller may have it: alive, idle and in no transaction."""
        ...

    def run(self, steps: Steps[T]) -> T:
        """Answer each statement the steps ask for, until they return."""
        ...

    def commit(self) -> None:
        """End the transaction well, or raise saying what is known of it; a cancellation waits for the answer."""
        ...

    def rollback(self) -> None:
        """Undo the transaction; a cancellation waits for it."""
        ...

    def rollback_to(self, name: str) -> None:
        """Undo what was done since a savepoint; a cancellation waits for it."""
        ...

    def fate_of(self, transaction: str) -> str | None:
        """What became of a transaction by its number: "committed", "aborted", "in progress" or None."""
        ...

    def close(self) -> None:
        """Close it in order."""
        ...

    def drop(self) -> None:
        """Close it at once; needs no loop and never fails."""
        ...
