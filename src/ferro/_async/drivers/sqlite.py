"""SQLite: a sqlite3 connection and a thread for it; a whole operation is one visit to it."""

from typing import TypeVar

from ferro._async.drivers.base import AsyncConnection
from ferro._concurrency._async.visits import visit
from ferro._concurrency._async.workers import Worker
from ferro.drivers.cursors import SqliteCursor
from ferro.drivers.link import Link
from ferro.drivers.options import Options
from ferro.drivers.sqlite import SqliteLink
from ferro.drivers.urls import Address
from ferro.operations.steps import Steps
from ferro.query.dialect import Compiled, Result

T = TypeVar("T")


class AsyncSqliteConnection:
    """One connection to a SQLite file."""

    def __init__(self, worker: Worker, link: SqliteLink, *, inline: bool) -> None:
        self._worker = worker
        self.link: Link = link
        self._link = link
        self._inline = inline

    @property
    def usable(self) -> bool:
        link = self._link
        return self._worker.idle and not (link.closed or link.open or link.raw.in_transaction)

    async def run(self, steps: Steps[T]) -> T:
        return await visit(self._worker, self._link, steps, inline=self._inline)

    def cursor(self, statement: Compiled, chunk: int, *, whole: bool) -> SqliteCursor:
        return self._link.cursor(statement, chunk, whole=whole)

    def begin_reading(self, sql: str) -> None:
        self._link.begin(sql)

    async def fetch_chunk(self, cursor: SqliteCursor) -> Result:
        self._link.interrupted = False
        return await self._worker.call(self._link.fetch_chunk, cursor, interrupt=self._link.interrupt)

    def close_cursor(self, cursor: SqliteCursor) -> None:
        self._link.close_cursor(cursor)

    async def commit(self) -> None:
        self._link.interrupted = False
        if self._link.begun:
            await self._worker.call(self._link.commit)
        else:
            self._link.commit()

    async def rollback(self) -> None:
        self._link.interrupted = False
        if self._link.begun:
            await self._worker.call(self._link.rollback)
        else:
            self._link.ended()

    async def rollback_to(self, name: str) -> None:
        self._link.interrupted = False
        await self._worker.call(self._link.rollback_to, name)

    async def fate_of(self, transaction: str) -> str | None:
        return None

    async def close(self) -> None:
        if self._worker.idle:
            await self._worker.call(self._link.close)
        self.drop()

    def drop(self) -> None:
        self._worker.finish(self._link.close, self._link.interrupt)


async def open_connection(address: Address, options: Options) -> AsyncConnection:
    worker = Worker("ferro-sqlite", address.path)
    opened: list[SqliteLink] = []
    try:
        await worker.call(lambda: opened.append(SqliteLink(address, options.busy_timeout)))
    except BaseException:
        # The thread may have opened the file after its caller was cancelled.
        worker.finish(lambda: [link.close() for link in opened])
        raise
    return AsyncSqliteConnection(worker, opened[0], inline=address.inline)
