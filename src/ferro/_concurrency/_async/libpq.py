"""Waiting for a PostgreSQL conversation on an event loop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, TypeVar

import psycopg
from psycopg import capabilities, pq
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.waiting import Ready, Wait

from ferro._concurrency._async import in_background, shielded
from ferro.drivers.postgres import canceller

T = TypeVar("T")

OK = pq.ConnStatus.OK
ACTIVE = pq.TransactionStatus.ACTIVE

CANCEL = 0.25


class Socket:
    """The socket of a connection, and who waits for something to read on it.

    The loop goes on watching it from one wait to the next: to begin and to cease each time would cost a sixth of a
    short call. It must cease before the socket is closed, as the next one may have the same number.
    """

    __slots__ = ("_loop", "_pgconn", "_watched", "waiting")

    def __init__(self, pgconn: PGconn) -> None:
        self.waiting: asyncio.Future[Ready] | None = None
        self._pgconn = pgconn
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched = -1

    @property
    def fileno(self) -> int:
        if self._pgconn.status != OK:
            raise OSError("the link is lost, and there is nothing to wait for")
        return self._pgconn.socket

    def tell(self, ready: "asyncio.Future[Ready]") -> None:
        """Let a future know when there is something to read."""
        if self._loop is None:
            loop, self._watched = ready.get_loop(), self.fileno
            loop.add_reader(self._watched, self._is_readable)
            self._loop = loop
        self.waiting = ready

    def _is_readable(self) -> None:
        if self.waiting is not None:
            wake(self.waiting, Ready.R)
        else:
            # Nobody has asked for it: it is looked at when the connection is used again.
            self.leave()

    def leave(self, then: Callable[[], None] | None = None) -> None:
        """Let the loop watch it no longer, and then close it: at once, but for a loop that runs in another thread."""
        loop = self._loop
        if loop is not None and loop.is_running() and loop is not running_loop():
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._leave, then)
                return
        self._leave(then)

    def _leave(self, then: Callable[[], None] | None) -> None:
        loop, self._loop = self._loop, None
        if loop is not None and not loop.is_closed():
            loop.remove_reader(self._watched)
            if then is not None and self.waiting is not None:
                # Whoever waits for an answer finds that the link is closed.
                wake(self.waiting, Ready.R)
        if then is not None:
            then()


def running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def drive(conversation: PQGen[T], socket: Socket) -> T:
    """Let a conversation wait for its socket until it ends.

    psycopg's own function looks around now and then as well: a short call has nothing of it, and pays for the timers.
    """
    loop = asyncio.get_running_loop()
    try:
        wanted = next(conversation)
        while True:
            ready: asyncio.Future[Ready] = loop.create_future()
            if wanted & Wait.R:
                socket.tell(ready)
            writes = socket.fileno if wanted & Wait.W else -1
            if writes >= 0:
                loop.add_writer(writes, wake, ready, Ready.W)
            try:
                state = await ready
            finally:
                socket.waiting = None
                if writes >= 0:
                    loop.remove_writer(writes)
            wanted = conversation.send(state)
    except StopIteration as stop:
        return stop.value
    except OSError as problem:
        raise psycopg.OperationalError(str(problem)) from problem


def wake(waiting: "asyncio.Future[Ready]", state: Ready) -> None:
    if not waiting.done():
        waiting.set_result(state)


class PsycopgConnection(psycopg.AsyncConnection[Any]):
    """A psycopg connection that survives the cancellation of whoever waits for it."""

    @cached_property
    def socket(self) -> Socket:
        return Socket(self.pgconn)

    def end(self) -> None:
        self.pgconn.finish()

    async def wait(self, gen: PQGen[T], interval: float = 0.0, timeout: float | None = None) -> T:
        """Drive a psycopg generator; cancelled, leave the connection in order."""
        return await converse(self, gen)


async def converse(connection: PsycopgConnection, conversation: PQGen[T], *, finish: bool = False) -> T:
    """Drive a conversation to its end.

    Cancelled, the statement is cancelled on the server too and its answer read, so that the connection
    can go on; with `finish` the conversation is brought to its end instead. Both within a deadline,
    after which the connection is given up.
    """
    try:
        return await drive(conversation, connection.socket)
    except Exception:
        raise
    except BaseException:
        await settle(connection, conversation, finish)
        raise
    finally:
        if connection.pgconn.status != OK:
            # libpq has closed it already.
            connection.socket.leave()


async def settle(connection: PsycopgConnection, conversation: PQGen[Any], finish: bool) -> None:
    async def leave_in_order() -> None:
        if not finish:
            await connection.cancel_safe(timeout=CANCEL)
        await drive(conversation, connection.socket)

    try:
        await shielded(leave_in_order)
    except TimeoutError:
        give_up(connection)
    except Exception:
        # The conversation ended with an error of its own: it has ended, which is all that is asked here.
        if connection.pgconn.pipeline_status or connection.pgconn.transaction_status == ACTIVE:
            give_up(connection)


def give_up(connection: PsycopgConnection) -> None:
    """Close a connection that does not answer, and let the server know without waiting for it."""
    # The old way of cancelling would hold the interpreter while it waits.
    if connection.pgconn.status == OK and capabilities.has_cancel_safe():
        in_background(canceller(connection.pgconn))
    close(connection)


def close(connection: PsycopgConnection) -> None:
    """Close a connection at once: terminating is one message that is not answered."""
    connection.socket.leave(connection.end)
