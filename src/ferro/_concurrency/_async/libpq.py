"""Waiting for a PostgreSQL conversation on an event loop."""

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import wait_async

from ferro._concurrency._async import in_background, shielded

T = TypeVar("T")

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
        return await wait_async(conversation, connection.pgconn.socket, interval=INTERVAL)
    except Exception:
        raise
    except BaseException:
        await settle(connection, conversation, finish)
        raise


async def settle(connection: psycopg.AsyncConnection[Any], conversation: PQGen[Any], finish: bool) -> None:
    async def leave_in_order() -> None:
        if not finish:
            await connection.cancel_safe(timeout=CANCEL)
        await wait_async(conversation, connection.pgconn.socket, interval=INTERVAL)

    try:
        await shielded(leave_in_order)
    except TimeoutError:
        give_up(connection)
    except Exception:
        # The conversation ended with an error of its own: it has ended, which is all that is asked here.
        if connection.pgconn.pipeline_status or connection.pgconn.transaction_status == 1:
            give_up(connection)


def give_up(connection: psycopg.AsyncConnection[Any]) -> None:
    """Close a connection that does not answer, and let the server know without waiting for it."""
    if connection.pgconn.status == 0:
        in_background(connection.pgconn.get_cancel().cancel)
    connection.pgconn.finish()
