# Generated from src/ferro/_async/running.py by scripts/unasync.py: edit that file, never this one.
"""How the steps of an operation are answered where more is to be known than one connection."""

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ferro._concurrency._sync import take_turns
from ferro._sync.drivers.base import Connection
from ferro._sync.pool import Pool, Pooled
from ferro._sync.scope import reads_from_primary
from ferro.errors import DatabaseConnectionError, FerroError
from ferro.identity import Place, Touched, place
from ferro.instance.origin import origins
from ferro.operations.reading import Done, Unanswered, only_reads, resumed, whole
from ferro.operations.steps import Steps, under
from ferro.query.dialect import Ready

if TYPE_CHECKING:
    from ferro._sync.database import Database
    from ferro._sync.session import Session

T = TypeVar("T")


def place_in(database: "Database", session: "Session | None", touched: Touched | None = None) -> Place | None:
    """Where the instances of an operation belong; None where nobody needs to know."""
    identities = database.identities if session is None else session.identities
    origin = database.origin if origins.several else None
    return None if identities is None and origin is None else Place(origin, identities, touched)


def answer(connection: Connection, steps: Steps[T], where: Place | None) -> T:
    """Run steps on a connection, for a place."""
    if where is None:
        return connection.run(steps)
    placed = under(place, where, steps)
    return connection.run(placed) if where.identities is None else one_by_one(connection, placed)


def one_by_one(connection: Connection, steps: Steps[T]) -> T:
    """Run steps here, and only their statements where the connection is.

    What others hold is changed by these steps, and must not change under their hands, in another thread.
    """
    proceed = partial(next, steps)
    while True:
        try:
            statement = proceed()
        except StopIteration as stop:
            return stop.value
        finally:
            # What throws an error holds it, and an error that is raised on has this frame in its traceback.
            del proceed
        try:
            if isinstance(statement, Ready):
                take_turns()
                result = statement.read()
            else:
                result = connection.run(whole(statement))
        except FerroError as error:
            proceed = partial(steps.throw, error)
        else:
            proceed = partial(steps.send, result)


def run_apart(database: "Database", steps: Steps[T], session: "Session | None") -> T:
    """Run steps outside any transaction: reads on a replica, where there are any."""
    where = place_in(database, session)
    if not database.replicas or must_be_fresh(database, session):
        return on_pool(database.pool, steps, where, session)
    # The replicas come and go while the steps run, so they know where they are from the first one on.
    steps = steps if where is None else under(place, where, steps)
    try:
        statement = next(steps)
    except StopIteration as stop:
        return stop.value
    for replica in () if statement.template.writes else database.replicas.in_turn():
        try:
            outcome = on_pool(replica.pool, only_reads(steps, statement), where, session)
        except DatabaseConnectionError as error:
            outcome = Unanswered(statement, error)
        if isinstance(outcome, Done):
            return outcome.value
        statement = outcome.statement
        if outcome.error is None:
            break
        replica.rest()
    if session is not None:
        # It writes; or no replica was there, and nobody looks whether it does.
        session.wrote = True
    return on_pool(database.pool, resumed(steps, statement), where, session)


def must_be_fresh(database: "Database", session: "Session | None") -> bool:
    """Whether a read must see every write before it."""
    return reads_from_primary(database) or (session is not None and session.wrote)


def on_pool(pool: Pool, steps: Steps[T], where: Place | None, session: "Session | None") -> T:
    pooled = pool.take()
    try:
        if session is not None:
            pooled.connection.link.give_settings(session.settings)
        return answer(pooled.connection, steps, where)
    finally:
        pool.give(pooled)


def lend_reader(database: "Database", session: "Session | None") -> tuple[Pool, Pooled]:
    """A connection for a stream, and the pool it is to be given back to."""
    if database.replicas and not must_be_fresh(database, session):
        for replica in database.replicas.in_turn():
            try:
                return replica.pool, replica.pool.take()
            except DatabaseConnectionError:
                replica.rest()
    return database.pool, database.pool.take()
