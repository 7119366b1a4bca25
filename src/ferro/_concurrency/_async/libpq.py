"""Waiting for a PostgreSQL conversation on an event loop."""

from typing import Any, TypeVar

import psycopg
from psycopg import capabilities, pq
from psycopg.abc import PQGen
from psycopg.waiting import wait_async

from ferro._concurrency._async import in_background, shielded
from ferro.drivers.postgres import canceller, socket_of

T = TypeVar("T")

OK = pq.ConnStatus.OK
ACTIVE = pq.TransactionStatus.ACTIVE

# The loop wakes us; looking around more often than this has no use.
INTERVAL = 60.0
CANCEL = 0.25


async def converse(connection: psycopg.AsyncConnection[Any], conversation: PQGen[T], *, finish: bool = False) -> T:
    """Drive a conversation to its end.

    Cancelled, the statement is cancelled on the server too and its answer read, so that the connection
    can go on; with `finish` the conversation is brought to its end instead. Both within a deadline,
    after which the connection is given up.
    """
    try:
        return await wait_async(conversation, socket_of(connection.pgconn), interval=INTERVAL)
    except Exception:
        raise
    except BaseException:
        await settle(connection, conversation, finish)
        raise


async def settle(connection: psycopg.AsyncConnection[Any], conversation: PQGen[Any], finish: bool) -> None:
    async def leave_in_order() -> None:
        if not finish:
            await connection.cancel_safe(timeout=CANCEL)
        await wait_async(conversation, socket_of(connection.pgconn), interval=INTERVAL)

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
