"""Waiting for a PostgreSQL conversation on an event loop."""

import asyncio
from typing import Any, TypeVar

import psycopg
from psycopg import capabilities, pq
from psycopg.abc import PQGen
from psycopg.waiting import Ready, Wait

from ferro._concurrency._async import in_background, shielded
from ferro.drivers.postgres import canceller, socket_of

T = TypeVar("T")

OK = pq.ConnStatus.OK
ACTIVE = pq.TransactionStatus.ACTIVE

CANCEL = 0.25


async def drive(conversation: PQGen[T], fileno: int) -> T:
    """Let a conversation wait for its socket until it ends.

    psycopg's own function looks around now and then as well: a short call has nothing of it, and pays for the timers.
    """
    loop = asyncio.get_running_loop()
    try:
        wanted = next(conversation)
        while True:
            ready: asyncio.Future[Ready] = loop.create_future()
            if wanted & Wait.R:
                loop.add_reader(fileno, wake, ready, Ready.R)
            if wanted & Wait.W:
                loop.add_writer(fileno, wake, ready, Ready.W)
            try:
                state = await ready
            finally:
                if wanted & Wait.R:
                    loop.remove_reader(fileno)
                if wanted & Wait.W:
                    loop.remove_writer(fileno)
            wanted = conversation.send(state)
    except StopIteration as stop:
        return stop.value
    except OSError as problem:
        raise psycopg.OperationalError(str(problem)) from problem


def wake(waiting: "asyncio.Future[Ready]", state: Ready) -> None:
    if not waiting.done():
        waiting.set_result(state)


async def converse(connection: psycopg.AsyncConnection[Any], conversation: PQGen[T], *, finish: bool = False) -> T:
    """Drive a conversation to its end.

    Cancelled, the statement is cancelled on the server too and its answer read, so that the connection
    can go on; with `finish` the conversation is brought to its end instead. Both within a deadline,
    after which the connection is given up.
    """
    try:
        return await drive(conversation, socket_of(connection.pgconn))
    except Exception:
        raise
    except BaseException:
        await settle(connection, conversation, finish)
        raise


async def settle(connection: psycopg.AsyncConnection[Any], conversation: PQGen[Any], finish: bool) -> None:
    async def leave_in_order() -> None:
        if not finish:
            await connection.cancel_safe(timeout=CANCEL)
        await drive(conversation, socket_of(connection.pgconn))

    try:
        await shielded(leave_in_order)
    except TimeoutError:
        give_up(connection)
    except Exception:
        # The conversation ended with an error of its own: it has ended, which is all that is asked here.
        if connection.pgconn.pipeline_status or connection.pgconn.transaction_status == ACTIVE:
            give_up(connection)


def give_up(connection: psycopg.AsyncConnection[Any]) -> None:
    """Close a connection that does not answer, and let the server know without waiting for it."""
    # The old way of cancelling would hold the interpreter while it waits.
    if connection.pgconn.status == OK and capabilities.has_cancel_safe():
        in_background(canceller(connection.pgconn))
    connection.pgconn.finish()
