"""Waiting for a PostgreSQL conversation in a thread."""

from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import wait

from ferro._concurrency._sync import CLEANUP, in_background

T = TypeVar("T")

# How often Ctrl-C is looked for, in seconds.
INTERVAL = 0.1
CANCEL = 0.25


def converse(connection: psycopg.Connection[Any], conversation: PQGen[T], *, finish: bool = False) -> T:
    """Drive a conversation to its end.

    Interrupted, the statement is cancelled on the server too and its answer read, so that the
    connection can go on; with `finish` the conversation is brought to its end instead.
    """
    try:
        return wait(conversation, connection.pgconn.socket, interval=INTERVAL)
    except Exception:
        raise
    except BaseException:
        settle(connection, conversation, finish)
        raise


def settle(connection: psycopg.Connection[Any], conversation: PQGen[Any], finish: bool) -> None:
    try:
        if not finish:
            connection.cancel_safe(timeout=CANCEL)
        wait(conversation, connection.pgconn.socket, interval=INTERVAL, timeout=CLEANUP)
    except BaseException:
        if connection.pgconn.pipeline_status or connection.pgconn.transaction_status == 1:
            give_up(connection)


def give_up(connection: psycopg.Connection[Any]) -> None:
    """Close a connection that does not answer, and let the server know without waiting for it."""
    if connection.pgconn.status == 0:
        in_background(connection.pgconn.get_cancel().cancel)
    connection.pgconn.finish()
