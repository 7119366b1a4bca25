"""The bare drivers, called as their documentation shows: the measure of all others."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from threading import local
from typing import Any
from uuid import UUID

import aiosqlite
import psycopg
import psycopg_pool
from psycopg.types.json import Jsonb

from benchmarks.contender import AsyncContender, Contender, Place, Tables, by_tasks, by_threads
from benchmarks.data import AUTHOR, BOOK, TAG, Row
from benchmarks.workloads import PAGE, POOL, TASKS, THREADS

COLUMNS_OF = {
    "author": AUTHOR,
    "written": AUTHOR[1:],
    "book": BOOK,
    "tag": TAG,
    "book_tags": ("book_id", "tag_id"),
}


def listed(names: Sequence[str], table: str = "") -> str:
    return ", ".join(f"{table}{name}" for name in names)


def insert_sql(table: str, mark: str) -> str:
    names = COLUMNS_OF[table]
    return f"INSERT INTO {table} ({listed(names)}) VALUES ({', '.join([mark] * len(names))})"


def get_sql(mark: str, table: str = "author") -> str:
    return f"SELECT {listed(AUTHOR)} FROM {table} WHERE id = {mark}"


def page_sql(mark: str) -> str:
    return f"SELECT {listed(AUTHOR)} FROM author WHERE name >= {mark} AND active ORDER BY name LIMIT {PAGE}"


def first_sql(table: str, mark: str) -> str:
    return f"SELECT {listed(COLUMNS_OF[table])} FROM {table} WHERE id <= {mark} ORDER BY id"


def with_author_sql(mark: str) -> str:
    return (
        f"SELECT {listed(BOOK, 'book.')}, {listed(AUTHOR, 'author.')} FROM book "
        f"JOIN author ON author.id = book.author_id WHERE book.id <= {mark} ORDER BY book.id"
    )


def books_of_sql(mark: str) -> str:
    return f"SELECT {listed(BOOK)} FROM book WHERE author_id <= {mark}"


def tags_of_sql(mark: str) -> str:
    return (
        "SELECT book_tags.book_id, tag.id, tag.name FROM book_tags JOIN tag ON tag.id = book_tags.tag_id "
        f"WHERE book_tags.book_id <= {mark}"
    )


ALL_SQL = f"SELECT {listed(AUTHOR)} FROM author"
COLUMNS_SQL = "SELECT id, name, age FROM author"
CHANGE_SQL = "UPDATE written SET age = {mark} WHERE id = {mark}"


class Tuples(Contender):
    """One whose users hold tuples; parents and what belongs to them in two lists."""

    decoded = staticmethod(lambda row: row)
    decoded_book = staticmethod(lambda row: row)

    def plain_authors(self, found: Any) -> list[Row]:
        return list(map(self.decoded, found))

    def plain_columns(self, found: Any) -> list[Row]:
        return found

    def plain_books_with_author(self, found: Any) -> list[Row]:
        width = len(BOOK)
        return [(self.decoded_book(row[:width]), self.decoded(row[width:])) for row in found]

    def plain_authors_with_books(self, found: Any) -> list[Row]:
        authors, books = found
        theirs: dict[int, list[Row]] = {}
        for row in books:
            theirs.setdefault(row[2], []).append(self.decoded_book(row))
        return [(self.decoded(row), sorted(theirs.get(row[0], []))) for row in authors]

    def plain_books_with_tags(self, found: Any) -> list[Row]:
        books, tags = found
        theirs: dict[int, list[Row]] = {}
        for book, *tag in tags:
            theirs.setdefault(book, []).append(tuple(tag))
        return [(self.decoded_book(row), sorted(theirs.get(row[0], []))) for row in books]


class Psycopg(Tables, Tuples):
    """psycopg as its documentation shows it: json.loads, tuples."""

    name = "psycopg"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.connection = psycopg.connect(place.driver, autocommit=True)
        self.pool = psycopg_pool.ConnectionPool(
            place.driver, kwargs={"autocommit": True}, min_size=POOL, max_size=POOL, open=True
        )
        self.threads = ThreadPoolExecutor(THREADS)

    def close(self) -> None:
        self.threads.shutdown()
        self.pool.close()
        self.connection.close()

    def load(self, table: str, rows: Sequence[Row]) -> None:
        with self.connection.cursor().copy(f"COPY {table} ({listed(COLUMNS_OF[table])}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(adapted(row[1:] if table == "written" else row))
        if table != "book_tags":
            self.connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            )
        self.connection.execute(f"ANALYZE {table}")

    def empty(self) -> None:
        self.connection.execute("TRUNCATE written RESTART IDENTITY")

    def written(self) -> list[Row]:
        return self.connection.execute(f"SELECT {listed(AUTHOR)} FROM written ORDER BY id").fetchall()

    def get(self, keys: Sequence[int]) -> list[Any]:
        sql, execute = get_sql("%s"), self.connection.execute
        return [execute(sql, (key,)).fetchone() for key in keys]

    def insert(self, rows: Sequence[Row]) -> list[int]:
        sql, execute = insert_sql("written", "%s") + " RETURNING id", self.connection.execute
        return [execute(sql, adapted(row[1:])).fetchone()[0] for row in rows]

    def insert_in_transaction(self, rows: Sequence[Row]) -> list[int]:
        with self.connection.transaction():
            return self.insert(rows)

    def bulk_insert(self, rows: Sequence[Row]) -> None:
        with self.connection.transaction():
            self.connection.cursor().executemany(insert_sql("written", "%s"), [adapted(row[1:]) for row in rows])

    def fetch(self, _: Sequence[Any]) -> list[Row]:
        return self.connection.execute(ALL_SQL).fetchall()

    def columns(self, _: Sequence[Any]) -> list[Row]:
        return self.connection.execute(COLUMNS_SQL).fetchall()

    def page(self, starts: Sequence[str]) -> list[Row]:
        sql, execute = page_sql("%s"), self.connection.execute
        return [row for start in starts for row in execute(sql, (start,)).fetchall()]

    def change(self, keys: Sequence[int]) -> None:
        get, put, execute = get_sql("%s", "written"), CHANGE_SQL.format(mark="%s"), self.connection.execute
        for key in keys:
            row = execute(get, (key,)).fetchone()
            execute(put, (row[3] + 1, key))

    def with_author(self, given: Sequence[int]) -> Any:
        return self.connection.execute(with_author_sql("%s"), given).fetchall()

    def with_books(self, given: Sequence[int]) -> Any:
        execute = self.connection.execute
        return execute(first_sql("author", "%s"), given).fetchall(), execute(books_of_sql("%s"), given).fetchall()

    def with_tags(self, given: Sequence[int]) -> Any:
        execute = self.connection.execute
        return execute(first_sql("book", "%s"), given).fetchall(), execute(tags_of_sql("%s"), given).fetchall()

    def concurrent(self, keys: Sequence[int]) -> list[Any]:
        sql, pool = get_sql("%s"), self.pool

        def get(key: int) -> Any:
            with pool.connection() as connection:
                return connection.execute(sql, (key,)).fetchone()

        return by_threads(self.threads, keys, get)


def adapted(row: Row) -> Row:
    """Turn a row into what psycopg takes."""
    return tuple(Jsonb(value) if isinstance(value, dict) else value for value in row)


class AsyncPsycopg(AsyncContender, Tuples):
    name = "psycopg async"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.connection = self.wait(psycopg.AsyncConnection.connect(place.driver, autocommit=True))
        self.pool = psycopg_pool.AsyncConnectionPool(
            place.driver, kwargs={"autocommit": True}, min_size=POOL, max_size=POOL, open=False
        )
        self.wait(self.pool.open(wait=True))

    def close(self) -> None:
        self.wait(self.pool.close())
        self.wait(self.connection.close())
        self.loop.close()

    async def get(self, keys: Sequence[int]) -> list[Any]:
        sql, execute = get_sql("%s"), self.connection.execute
        return [await (await execute(sql, (key,))).fetchone() for key in keys]

    async def insert(self, rows: Sequence[Row]) -> list[int]:
        sql, execute = insert_sql("written", "%s") + " RETURNING id", self.connection.execute
        return [(await (await execute(sql, adapted(row[1:]))).fetchone())[0] for row in rows]

    async def insert_in_transaction(self, rows: Sequence[Row]) -> list[int]:
        async with self.connection.transaction():
            return await self.insert(rows)

    async def bulk_insert(self, rows: Sequence[Row]) -> None:
        async with self.connection.transaction():
            cursor = self.connection.cursor()
            await cursor.executemany(insert_sql("written", "%s"), [adapted(row[1:]) for row in rows])

    async def rows(self, sql: str, given: Sequence[Any] = ()) -> list[Row]:
        return await (await self.connection.execute(sql, given)).fetchall()

    async def fetch(self, _: Sequence[Any]) -> list[Row]:
        return await self.rows(ALL_SQL)

    async def columns(self, _: Sequence[Any]) -> list[Row]:
        return await self.rows(COLUMNS_SQL)

    async def page(self, starts: Sequence[str]) -> list[Row]:
        sql = page_sql("%s")
        return [row for start in starts for row in await self.rows(sql, (start,))]

    async def change(self, keys: Sequence[int]) -> None:
        get, put, execute = get_sql("%s", "written"), CHANGE_SQL.format(mark="%s"), self.connection.execute
        for key in keys:
            row = await (await execute(get, (key,))).fetchone()
            await execute(put, (row[3] + 1, key))

    async def with_author(self, given: Sequence[int]) -> Any:
        return await self.rows(with_author_sql("%s"), given)

    async def with_books(self, given: Sequence[int]) -> Any:
        return await self.rows(first_sql("author", "%s"), given), await self.rows(books_of_sql("%s"), given)

    async def with_tags(self, given: Sequence[int]) -> Any:
        return await self.rows(first_sql("book", "%s"), given), await self.rows(tags_of_sql("%s"), given)

    async def concurrent(self, keys: Sequence[int]) -> list[Any]:
        sql, pool = get_sql("%s"), self.pool

        async def get(key: int) -> Any:
            async with pool.connection() as connection:
                return await (await connection.execute(sql, (key,))).fetchone()

        return await by_tasks(keys, TASKS, get)


def encoded(row: Row) -> Row:
    """Turn a row into what the file holds."""
    return tuple(ENCODERS[type(value)](value) if type(value) in ENCODERS else value for value in row)


ENCODERS = {
    Decimal: str,
    datetime: lambda value: value.isoformat(sep=" ", timespec="microseconds"),
    date: date.isoformat,
    bool: int,
    dict: json.dumps,
    UUID: str,
}


def decoded(row: Row) -> Row:
    key, name, email, age, balance, joined, active, settings, token = row
    return (
        key,
        name,
        email,
        age,
        Decimal(balance),
        datetime.fromisoformat(joined),
        bool(active),
        json.loads(settings),
        UUID(token),
    )


def decoded_book(row: Row) -> Row:
    key, title, author_id, pages, price, published = row
    return (key, title, author_id, pages, Decimal(price), date.fromisoformat(published))


class Sqlite(Tables, Tuples):
    """sqlite3, whose tuples hold what the file holds: texts and numbers, not decoded."""

    name = "sqlite3"
    decoded = staticmethod(decoded)
    decoded_book = staticmethod(decoded_book)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.connection = sqlite3.connect(place.driver, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.threads = ThreadPoolExecutor(THREADS)
        self.of_thread = local()
        self.connections: list[sqlite3.Connection] = []

    def close(self) -> None:
        self.threads.shutdown()
        for connection in (self.connection, *self.connections):
            connection.close()

    def load(self, table: str, rows: Sequence[Row]) -> None:
        given = [encoded(row[1:] if table == "written" else row) for row in rows]
        self.connection.execute("BEGIN")
        self.connection.executemany(insert_sql(table, "?"), given)
        self.connection.execute("COMMIT")
        self.connection.execute("ANALYZE")
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def empty(self) -> None:
        self.connection.execute("DELETE FROM written")
        self.connection.execute("DELETE FROM sqlite_sequence WHERE name = 'written'")

    def written(self) -> list[Row]:
        return [decoded(row) for row in self.connection.execute(f"SELECT {listed(AUTHOR)} FROM written ORDER BY id")]

    def get(self, keys: Sequence[int]) -> list[Any]:
        sql, execute = get_sql("?"), self.connection.execute
        return [execute(sql, (key,)).fetchone() for key in keys]

    def insert(self, rows: Sequence[Row]) -> list[Any]:
        sql, execute = insert_sql("written", "?"), self.connection.execute
        return [execute(sql, written_by_hand(row)).lastrowid for row in rows]

    def insert_in_transaction(self, rows: Sequence[Row]) -> list[Any]:
        self.connection.execute("BEGIN IMMEDIATE")
        inserted = self.insert(rows)
        self.connection.execute("COMMIT")
        return inserted

    def bulk_insert(self, rows: Sequence[Row]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(insert_sql("written", "?"), map(written_by_hand, rows))
        self.connection.execute("COMMIT")

    def fetch(self, _: Sequence[Any]) -> list[Row]:
        return self.connection.execute(ALL_SQL).fetchall()

    def columns(self, _: Sequence[Any]) -> list[Row]:
        return self.connection.execute(COLUMNS_SQL).fetchall()

    def page(self, starts: Sequence[str]) -> list[Row]:
        sql, execute = page_sql("?"), self.connection.execute
        return [row for start in starts for row in execute(sql, (start,)).fetchall()]

    def change(self, keys: Sequence[int]) -> None:
        get, put, execute = get_sql("?", "written"), CHANGE_SQL.format(mark="?"), self.connection.execute
        for key in keys:
            row = execute(get, (key,)).fetchone()
            execute(put, (row[3] + 1, key))

    def with_author(self, given: Sequence[int]) -> Any:
        return self.connection.execute(with_author_sql("?"), given).fetchall()

    def with_books(self, given: Sequence[int]) -> Any:
        execute = self.connection.execute
        return execute(first_sql("author", "?"), given).fetchall(), execute(books_of_sql("?"), given).fetchall()

    def with_tags(self, given: Sequence[int]) -> Any:
        execute = self.connection.execute
        return execute(first_sql("book", "?"), given).fetchall(), execute(tags_of_sql("?"), given).fetchall()

    def concurrent(self, keys: Sequence[int]) -> list[Any]:
        sql = get_sql("?")

        def get(key: int) -> Any:
            return self.connection_of_thread().execute(sql, (key,)).fetchone()

        return by_threads(self.threads, keys, get)

    def connection_of_thread(self) -> sqlite3.Connection:
        if not hasattr(self.of_thread, "connection"):
            connection = sqlite3.connect(self.place.driver, isolation_level=None, check_same_thread=False)
            self.connections.append(connection)
            self.of_thread.connection = connection
        return self.of_thread.connection


def written_by_hand(row: Row) -> Row:
    """Turn an author, without the key, into what the file holds, as a program writes it that knows its columns."""
    _, name, email, age, balance, joined, active, settings, token = row
    instant = joined.isoformat(sep=" ", timespec="microseconds")
    return (name, email, age, str(balance), instant, int(active), json.dumps(settings), str(token))


class Aiosqlite(AsyncContender, Tuples):
    """aiosqlite, a thread for each connection, and one visit to it for each statement; fifty tasks share ten."""

    name = "aiosqlite"
    decoded = staticmethod(decoded)
    decoded_book = staticmethod(decoded_book)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.connections = self.wait(self.open())
        self.connection = self.connections[0]

    async def open(self) -> list[aiosqlite.Connection]:
        return [await aiosqlite.connect(self.place.driver, isolation_level=None) for _ in range(POOL)]

    def close(self) -> None:
        for connection in self.connections:
            self.wait(connection.close())
        self.loop.close()

    async def rows(self, sql: str, given: Sequence[Any] = ()) -> Any:
        return await self.connection.execute_fetchall(sql, given)

    async def get(self, keys: Sequence[int]) -> list[Any]:
        sql = get_sql("?")
        return [(await self.rows(sql, (key,)))[0] for key in keys]

    async def insert(self, rows: Sequence[Row]) -> list[Any]:
        sql, insert = insert_sql("written", "?"), self.connection.execute_insert
        return [(await insert(sql, written_by_hand(row)))[0] for row in rows]

    async def insert_in_transaction(self, rows: Sequence[Row]) -> list[Any]:
        await self.connection.execute("BEGIN IMMEDIATE")
        inserted = await self.insert(rows)
        await self.connection.execute("COMMIT")
        return inserted

    async def bulk_insert(self, rows: Sequence[Row]) -> None:
        await self.connection.execute("BEGIN IMMEDIATE")
        await self.connection.executemany(insert_sql("written", "?"), [written_by_hand(row) for row in rows])
        await self.connection.execute("COMMIT")

    async def fetch(self, _: Sequence[Any]) -> Any:
        return await self.rows(ALL_SQL)

    async def columns(self, _: Sequence[Any]) -> Any:
        return await self.rows(COLUMNS_SQL)

    async def page(self, starts: Sequence[str]) -> list[Row]:
        sql = page_sql("?")
        return [row for start in starts for row in await self.rows(sql, (start,))]

    async def change(self, keys: Sequence[int]) -> None:
        get, put = get_sql("?", "written"), CHANGE_SQL.format(mark="?")
        for key in keys:
            row = (await self.rows(get, (key,)))[0]
            await self.connection.execute(put, (row[3] + 1, key))

    async def with_author(self, given: Sequence[int]) -> Any:
        return await self.rows(with_author_sql("?"), given)

    async def with_books(self, given: Sequence[int]) -> Any:
        return await self.rows(first_sql("author", "?"), given), await self.rows(books_of_sql("?"), given)

    async def with_tags(self, given: Sequence[int]) -> Any:
        return await self.rows(first_sql("book", "?"), given), await self.rows(tags_of_sql("?"), given)

    async def concurrent(self, keys: Sequence[int]) -> list[Any]:
        sql, idle = get_sql("?"), list(self.connections)
        free = asyncio.Semaphore(len(idle))

        async def get(key: int) -> Any:
            async with free:
                connection = idle.pop()
                rows = await connection.execute_fetchall(sql, (key,))
                idle.append(connection)
                return rows[0]

        return await by_tasks(keys, TASKS, get)
