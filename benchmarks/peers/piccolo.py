"""Piccolo, awaited: on aiosqlite, a connection for each query, and on asyncpg. It loads no collections."""

from collections.abc import Sequence
from typing import Any

from piccolo.columns import (
    JSONB,
    UUID,
    Boolean,
    Date,
    ForeignKey,
    Integer,
    Numeric,
    Serial,
    Timestamptz,
    Varchar,
)
from piccolo.engine.postgres import PostgresEngine
from piccolo.engine.sqlite import SQLiteEngine
from piccolo.table import Table, create_db_tables

from benchmarks.contender import AsyncContender, OwnTables, OwnTypes, Place, by_tasks, fields, values_of
from benchmarks.data import AUTHOR, BOOK, TAG, Row
from benchmarks.workloads import PAGE, POOL, TASKS

REQUIREMENTS = ["piccolo[postgres,sqlite]"]

# How many rows one statement inserts: the databases take some 32,766 values in one.
BATCH = 1000


class Author(Table):
    id = Serial(primary_key=True)
    name = Varchar(length=200, index=True)
    email = Varchar(length=200)
    age = Integer()
    balance = Numeric(digits=(12, 2))
    joined = Timestamptz()
    active = Boolean()
    settings = JSONB()
    token = UUID()


class Written(Table):
    id = Serial(primary_key=True)
    name = Varchar(length=200, index=True)
    email = Varchar(length=200)
    age = Integer()
    balance = Numeric(digits=(12, 2))
    joined = Timestamptz()
    active = Boolean()
    settings = JSONB()
    token = UUID()


class Book(Table):
    id = Serial(primary_key=True)
    title = Varchar(length=200)
    author = ForeignKey(Author, index=True, db_column_name="author_id")
    pages = Integer()
    price = Numeric(digits=(12, 2))
    published = Date()


class Tag(Table):
    id = Serial(primary_key=True)
    name = Varchar(length=200)


MODELS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "author": (Author, AUTHOR),
    "written": (Written, AUTHOR[1:]),
    "book": (Book, ("id", "title", "author", "pages", "price", "published")),
    "tag": (Tag, TAG),
}


class Peer(AsyncContender, OwnTables, OwnTypes):
    name = "piccolo"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.engine = PostgresEngine({"dsn": place.driver}) if place.url else SQLiteEngine(path=place.driver)
        for model, _ in MODELS.values():
            model._meta.db = self.engine
        if isinstance(self.engine, PostgresEngine):
            self.wait(self.engine.start_connection_pool(min_size=POOL, max_size=POOL))
        self.wait(create_db_tables(*(model for model, _ in MODELS.values())))

    def close(self) -> None:
        if isinstance(self.engine, PostgresEngine):
            self.wait(self.engine.close_connection_pool())
        self.loop.close()

    def execute(self, sql: str) -> None:
        async def work() -> None:
            await Author.raw(sql)

        self.wait(work())

    def load(self, table: str, rows: Sequence[Row]) -> None:
        if table == "book_tags":
            return
        model, names = MODELS[table]
        self.wait(self.bulk_insert([model(**values) for values in values_of(rows, names)]))
        self.execute("ANALYZE")

    def written(self) -> list[Row]:
        async def found() -> Any:
            return await Written.objects().order_by(Written.id).output(load_json=True)

        return self.plain_authors(self.wait(found()))

    def plain_books_with_author(self, found: Any) -> list[Row]:
        names = tuple(name.replace("author_id", "author") for name in BOOK)
        rows = [(fields(one, names), one.author) for one in found]
        authors = self.plain_authors([author for _, author in rows])
        return [((*book[:2], author.id, *book[3:]), row) for (book, author), row in zip(rows, authors, strict=True)]

    def plain_columns(self, found: Any) -> list[Row]:
        return [tuple(row.values()) for row in found]

    def given(self, workload: str, given: Sequence[Any]) -> Sequence[Any]:
        if workload == "bulk_insert":
            return [Written(**values) for values in values_of(given)]
        return values_of(given) if "insert" in workload else given

    async def get(self, keys: Sequence[int]) -> list[Any]:
        return [await author_of(key) for key in keys]

    async def insert(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        inserted: list[Any] = []
        for values in rows:
            written = Written(**values)
            await written.save()
            inserted.append(written.id)
        return inserted

    async def insert_in_transaction(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        async with self.engine.transaction():
            return await self.insert(rows)

    async def bulk_insert(self, rows: Sequence[Any]) -> None:
        async with self.engine.transaction():
            for start in range(0, len(rows), BATCH):
                await type(rows[0]).insert(*rows[start : start + BATCH])

    async def fetch(self, _: Sequence[Any]) -> Any:
        return await Author.objects().output(load_json=True)

    async def columns(self, _: Sequence[Any]) -> Any:
        return await Author.select(Author.id, Author.name, Author.age)

    async def page(self, starts: Sequence[str]) -> list[Any]:
        return [
            author
            for start in starts
            for author in await Author.objects()
            .where((Author.name >= start) & Author.active.eq(True))
            .order_by(Author.name)
            .limit(PAGE)
            .output(load_json=True)
        ]

    async def change(self, keys: Sequence[int]) -> None:
        for key in keys:
            written: Any = await Written.objects().get(Written.id == key)
            written.age += 1
            await written.save([Written.age])

    async def with_author(self, given: Sequence[int]) -> Any:
        asked = Book.objects(Book.author).where(Book.id <= given[0]).order_by(Book.id)
        return await asked.output(load_json=True)

    async def concurrent(self, keys: Sequence[int]) -> list[Any]:
        return await by_tasks(keys, TASKS, author_of)


async def author_of(key: int) -> Any:
    return await Author.objects().get(Author.id == key).output(load_json=True)
