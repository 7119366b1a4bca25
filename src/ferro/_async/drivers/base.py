"""What a connection can do, whichever its driver."""

from typing import Any, Protocol, TypeVar

from ferro.drivers.cursors import Cursor
from ferro.drivers.link import Link
from ferro.operations.steps import Steps
from ferro.query.dialect import Compiled, Result

T = TypeVar("T")


class AsyncConnection(Protocol):
    """One connection to a database, used by one call at a time."""

    @property
    def link(self) -> Link:
        """The transaction it is in."""
        ...

    @property
    def usable(self) -> bool:
        """Whether the next caller may have it: alive, idle and in no transaction."""
        ...

    async def run(self, steps: Steps[T]) -> T:
        """Answer each statement the steps ask for, until they return."""
        ...

    def cursor(self, statement: Compiled, chunk: int, *, whole: bool) -> Cursor:
        """Make a cursor for a statement; with `whole`, one that keeps the connection no longer than it must."""
        ...

    def begin_reading(self, sql: str) -> None:
        """Begin a transaction for one cursor that is read to its end."""
        ...

    async def fetch_chunk(self, cursor: Any) -> Result:
        """Read the next rows of one of its cursors, and open it before the first."""
        ...

    def close_cursor(self, cursor: Any) -> None:
        """Give a cursor up, without waiting: the transaction it belongs to goes on."""
        ...

    async def commit(self) -> None:
        """End the transaction well, or raise saying what is known of it; a cancellation waits for the answer."""
        ...

    async def rollback(self) -> None:
        """Undo the transaction; a cancellation waits for it."""
        ...

    async def rollback_to(self, name: str) -> None:
        """Undo what was done since a savepoint; a cancellation waits for it."""
        ...

    async def fate_of(self, transaction: str) -> str | None:
        """What became of a transaction by its number: "committed", "aborted", "in progress" or None."""
        ...

    async def close(self) -> None:
        """Close it in order."""
        ...

    def drop(self) -> None:
        """Close it at once; needs no loop and never fails."""
        ...
