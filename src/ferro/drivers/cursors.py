"""Cursors: a statement whose rows are read a chunk at a time, and how far it was read."""

import marshal
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

from ferro.errors import InterfaceError
from ferro.query.dialect import Compiled, Result, Template

if TYPE_CHECKING:
    import sqlite3  # while a program runs, with its first URL only

# How much of what is set aside stays in memory; what is more goes to a temporary file.
IN_MEMORY = 4 * 2**20
LENGTH = 8


class Store:
    """Chunks of rows in a temporary file, in order."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - it is closed with its cursor
        self._read_to = 0

    def write(self, rows: list[tuple[Any, ...]]) -> None:
        # What SQLite gives are integers, floats, texts, bytes and None: what marshal writes exactly, and fast.
        data = marshal.dumps(rows)
        self._file.write(len(data).to_bytes(LENGTH, "big"))
        self._file.write(data)

    def read(self) -> list[tuple[Any, ...]]:
        """The next chunk; an empty list after the last one."""
        self._file.seek(self._read_to)
        size = self._file.read(LENGTH)
        if not size:
            return []
        data = self._file.read(int.from_bytes(size, "big"))
        self._read_to = self._file.tell()
        rows: list[tuple[Any, ...]] = marshal.loads(data)  # noqa: S302 - written above, in a file nobody else has
        return rows

    def close(self) -> None:
        self._file.close()


class Cursor:
    """What every cursor is, whichever its driver.

    Attributes:
        opened: the database knows of it.
        over: its last row was read, or nobody wants the others.
        store: its rows, where they are kept outside the database.
    """

    def __init__(self, statement: Compiled, chunk: int) -> None:
        self.statement = statement
        self.chunk = chunk
        self.opened = False
        self.over = False
        self.names: tuple[str, ...] = ()
        self.store: Store | None = None

    def read_store(self, store: Store) -> Result:
        """Give the next chunk of what was set aside: no connection is needed for it."""
        rows = store.read()
        self.over = len(rows) < self.chunk
        return Result(rows, len(rows), self.names)

    def close(self) -> None:
        """Give up what it holds outside the database; the rest is its connection's to close."""
        self.over = True
        store, self.store = self.store, None
        if store is not None:
            store.close()


class PostgresCursor(Cursor):
    """A named cursor on the server: it lives as long as its transaction."""

    def __init__(self, statement: Compiled, chunk: int, name: str) -> None:
        super().__init__(statement, chunk)
        self.name = name
        asked = statement.template
        self.declare = Compiled(
            Template(
                f'DECLARE "{name}" NO SCROLL CURSOR FOR {asked.sql}',
                fetches=False,
                writes=asked.writes,
                operation=asked.operation,
                subject=asked.subject,
                secrets=asked.secrets,
                raw=asked.raw,
            ),
            statement.params,
        )
        # Raw, because its rows come with names, and because it is not worth a prepared statement.
        fetch = Template(
            f'FETCH FORWARD {chunk} FROM "{name}"',
            fetches=True,
            writes=False,
            operation=asked.operation,
            subject=asked.subject,
            raw=True,
        )
        self.fetch = Compiled(fetch, ())


class SqliteCursor(Cursor):
    """A statement SQLite has not run to its end."""

    def __init__(self, statement: Compiled, chunk: int, *, whole: bool) -> None:
        super().__init__(statement, chunk)
        self.whole = whole  # nobody else could use the database meanwhile: read everything at once
        self.problem: Exception | None = None
        self._rows: sqlite3.Cursor | None = None

    def open(self, raw: "sqlite3.Connection") -> None:
        self._rows = raw.execute(self.statement.template.sql, self.statement.params)
        self.opened = True
        if self.statement.template.raw:
            self.names = tuple(column[0] for column in self._rows.description or ())
        if self.whole:
            self.set_aside()

    def read(self) -> Result:
        """Give the next chunk."""
        if self.problem is not None:
            raise self.problem
        if self.store is not None:
            return self.read_store(self.store)
        if self._rows is None:
            raise InterfaceError("this stream has ended with its transaction: its last row was not read")
        rows: list[tuple[Any, ...]] = self._rows.fetchmany(self.chunk)
        if len(rows) < self.chunk:
            self.over = True
            self.leave()
        return Result(rows, len(rows), self.names)

    def set_aside(self) -> None:
        """Read the rest now: what an open statement sees of changes by its own connection is undefined in SQLite."""
        if self._rows is None:
            return
        store = Store()
        try:
            while rows := self._rows.fetchmany(self.chunk):
                store.write(rows)
        except BaseException:
            store.close()
            raise
        self.store = store
        self.leave()

    def lose(self, problem: Exception) -> None:
        """Its rows cannot be read any more: who asks for them is told why."""
        self.problem = problem
        self.leave()

    def leave(self) -> None:
        """End the statement; what was set aside stays."""
        rows, self._rows = self._rows, None
        if rows is not None:
            rows.close()
