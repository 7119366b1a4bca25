"""PostgreSQL: a psycopg connection, spoken to in conversations."""

from typing import TypeVar

import psycopg
from psycopg.abc import PQGen

from ferro._async.drivers.base import AsyncConnection
from ferro._concurrency._async import take_turns
from ferro._concurrency._async.libpq import PsycopgConnection, close, converse, give_up, settle
from ferro.drivers.cursors import PostgresCursor
from ferro.drivers.link import Link
from ferro.drivers.options import Options
from ferro.drivers.postgres import PostgresLink, caught, read_off
from ferro.drivers.postgres_errors import connection_refused
from ferro.drivers.urls import Address
from ferro.errors import FerroError
from ferro.operations.collector import Hold
from ferro.operations.steps import Steps
from ferro.query.dialect import Compiled, Rest, Result

T = TypeVar("T")


class AsyncPostgresConnection:
    """One connection to a PostgreSQL server."""

    def __init__(self, raw: PsycopgConnection, link: PostgresLink) -> None:
        self._raw = raw
        self.link: Link = link
        self._link = link

    @property
    def usable(self) -> bool:
        return self._link.usable and self._link.alive()

    async def prepare_session(self) -> None:
        """Give a new connection the settings ferro's values rely on."""
        await self._converse(self._link.prepare_session())

    async def _converse(self, conversation: PQGen[T], *, finish: bool = False) -> T:
        try:
            answer = await converse(self._raw, caught(conversation), finish=finish)
        except psycopg.Error as problem:
            raise self._link.broke(problem) from problem
        if isinstance(answer, FerroError):
            raise answer
        return answer

    async def run(self, steps: Steps[T]) -> T:
        hold = Hold()
        try:
            statement = next(steps)
            while True:
                try:
                    if isinstance(statement, Rest):
                        if self._link.must_wait():
                            hold.pause()
                        else:
                            await take_turns()
                    result = await self._converse(self._link.fetch(statement))
                except FerroError as error:
                    statement = steps.throw(error)
                else:
                    if result.rest is not None:
                        hold.take(len(result.rows))
                    statement = steps.send(result)
        except StopIteration as stop:
            return stop.value
        except BaseException as problem:
            if self._link.leave():
                await self._read_off(problem)
            raise
        finally:
            hold.end()

    async def _read_off(self, problem: BaseException) -> None:
        """Leave the connection in order, where rows still come that nobody wants."""
        rest = read_off(self._raw.pgconn)
        if self._link.open and isinstance(problem, Exception):
            # The server is not told to stop: it would undo the transaction.
            await self._converse(rest, finish=True)
        else:
            await settle(self._raw, rest, finish=False)

    def cursor(self, statement: Compiled, chunk: int, *, whole: bool) -> PostgresCursor:
        return self._link.cursor(statement, chunk)

    def begin_reading(self, sql: str) -> None:
        self._link.begin_reading(sql)

    async def fetch_chunk(self, cursor: PostgresCursor) -> Result:
        return await self._converse(self._link.fetch_chunk(cursor))

    def close_cursor(self, cursor: PostgresCursor) -> None:
        self._link.close_cursor(cursor)

    async def commit(self) -> None:
        await self._converse(self._link.commit(), finish=True)

    async def rollback(self) -> None:
        await self._converse(self._link.rollback(), finish=True)

    async def rollback_to(self, name: str) -> None:
        await self._converse(self._link.rollback_to(name), finish=True)

    async def fate_of(self, transaction: str) -> str | None:
        return await self._converse(self._link.status_of(transaction))

    async def close(self) -> None:
        self.drop()

    def drop(self) -> None:
        # Nothing to wait for: no loop is needed.
        self._link.ended()
        if self._link.at_work:
            give_up(self._raw)
        else:
            close(self._raw)


async def open_connection(address: Address, options: Options) -> AsyncConnection:
    try:
        raw = await PsycopgConnection.connect(
            address.target,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=max(2, round(options.connect_timeout)),
        )
    except psycopg.Error as error:
        raise connection_refused(error, address) from (None if address.tells(str(error)) else error)
    try:
        connection = AsyncPostgresConnection(raw, PostgresLink(raw, address, options.prepare, lambda: close(raw)))
        await connection.prepare_session()
    except BaseException:
        close(raw)
        raise
    return connection
