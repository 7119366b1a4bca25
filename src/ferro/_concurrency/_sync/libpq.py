"""Waiting for a PostgreSQL conversation in a thread."""

from typing import Any, TypeVar

import psycopg
from psycopg import capabilities, pq
from psycopg.abc import PQGen
from psycopg.waiting import wait

from ferro._concurrency._sync import CLEANUP, in_background
from ferro.drivers.postgres import canceller, socket_of

T = TypeVar("T")

OK = pq.ConnStatus.OK
ACTIVE = pq.TransactionStatus.ACTIVE

# How often Ctrl-C is looked for, in seconds.
INTERVAL = 0.1
CANCEL = 0.25


class PsycopgConnection(psycopg.Connection[Any]):
    """A psycopg connection that survives the interruption of whoever waits for it."""

    def wait(self, gen: PQGen[T], interval: float = 0.0, timeout: float | None = None) -> T:
        """Drive a psycopg generator; interrupted, leave the connection in order."""
        return converse(self, gen)


def converse(connection: PsycopgConnection, conversation: PQGen[T], *, finish: bool = False) -> T:
    """Drive a conversation to its end.

    Interrupted, the statement is cancelled on the server too and its answer read, so that the
    connection can go on; with `finish` the conversation is brought to its end instead.
    """
    try:
        return wait(conversation, socket_of(connection.pgconn), interval=INTERVAL)
    except psycopg.Error:
        raise
    except BaseException:
        # Ctrl-C, or what the handler of another signal raised.
        settle(connection, conversation, finish)
        raise


def settle(connection: PsycopgConnection, conversation: PQGen[Any], finish: bool) -> None:
    try:
        if not finish:
            connection.cancel_safe(timeout=CANCEL)
        wait(conversation, socket_of(connection.pgconn), interval=INTERVAL, timeout=CLEANUP)
    except BaseException:
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
    connection.pgconn.finish()
