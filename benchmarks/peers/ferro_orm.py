"""ferro-orm, awaited: its engine is compiled. A session for each workload."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import ferro
from benchmarks.contender import AsyncContender, Instances, OwnTables, Place, by_tasks, fields, values_of
from benchmarks.data import AUTHOR, BOOK, TAG, Row
from benchmarks.workloads import PAGE, POOL, TASKS
from ferro import BackRef, Field, ForeignKey, ManyToMany, Model, PoolConfig, Relation, engines

REQUIREMENTS = ["ferro-orm==0.26.*"]
PYTHON = (3, 13)


class Author(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True)
    email: str
    age: int
    balance: Decimal
    joined: datetime
    active: bool
    settings: dict[str, Any]
    token: UUID
    books: Relation[list["Book"]] = BackRef()


class Written(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True)
    email: str
    age: int
    balance: Decimal
    joined: datetime
    active: bool
    settings: dict[str, Any]
    token: UUID


class Book(Model):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    author: Annotated[Author, ForeignKey(related_name="books", index=True)]
    pages: int
    price: Decimal
    published: date
    tags: Relation[list["Tag"]] = ManyToMany(related_name="books", through="book_tags")


class Tag(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    books: Relation[list[Book]] = BackRef()


MODELS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "author": (Author, AUTHOR),
    "written": (Written, AUTHOR[1:]),
    "book": (Book, BOOK),
    "tag": (Tag, TAG),
}


class Peer(AsyncContender, OwnTables, Instances):
    name = "ferro_orm"
    counts = True

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        pool = PoolConfig(max_connections=POOL, min_connections=POOL)
        self.wait(ferro.connect(place.ferro, auto_migrate=True, default=True, pool=pool))

    def close(self) -> None:
        self.loop.close()

    def run(self, workload: str, given: Sequence[Any]) -> Any:
        async def work() -> Any:
            async with engines.session():
                return await getattr(self, workload)(given)

        return self.wait(work())

    def execute(self, sql: str) -> None:
        async def work() -> None:
            async with engines.session():
                await ferro.execute(sql)

        self.wait(work())

    def load(self, table: str, rows: Sequence[Row]) -> None:
        if table == "book_tags":
            self.load_links(rows)
        else:
            model, names = MODELS[table]
            self.run("bulk_insert", [model(**values) for values in values_of(rows, names)])
        self.execute("ANALYZE")

    def written(self) -> list[Row]:
        async def found() -> list[Written]:
            async with engines.session():
                return await Written.select().order_by("id").all()

        return self.plain_authors(self.wait(found()))

    def given(self, workload: str, given: Sequence[Any]) -> Sequence[Any]:
        if workload == "bulk_insert":
            return [Written(**values) for values in values_of(given)]
        return values_of(given) if "insert" in workload else given

    def plain_columns(self, found: Any) -> list[Row]:
        return [(row.id, row.name, row.age) for row in found]

    def plain_authors_with_books(self, found: Any) -> list[Row]:
        return [(fields(one, AUTHOR), sorted(fields(book, BOOK) for book in books)) for one, books in found]

    def plain_books_with_tags(self, found: Any) -> list[Row]:
        return [(fields(one, BOOK), sorted(fields(tag, TAG) for tag in tags)) for one, tags in found]

    async def get(self, keys: Sequence[int]) -> list[Author]:
        return [await Author.get(key) for key in keys]

    async def insert(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        return [(await Written.create(**values)).id for values in rows]

    async def insert_in_transaction(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        async with ferro.transaction():
            return await self.insert(rows)

    async def bulk_insert(self, rows: Sequence[Any]) -> None:
        async with ferro.transaction():
            for start in range(0, len(rows), 1000):
                await type(rows[0]).bulk_create(rows[start : start + 1000])

    async def fetch(self, _: Sequence[Any]) -> list[Author]:
        return await Author.all()

    async def columns(self, _: Sequence[Any]) -> Any:
        return await Author.select("id", "name", "age").all()

    async def page(self, starts: Sequence[str]) -> list[Author]:
        return [author for start in starts for author in await page_from(start)]

    async def change(self, keys: Sequence[int]) -> None:
        for key in keys:
            written = await Written.get(key)
            written.age += 1
            await written.save()

    async def with_author(self, given: Sequence[int]) -> list[Book]:
        return await Book.where(lambda b: b.id <= given[0]).order_by("id").include(lambda b: b.author).all()

    async def with_books(self, given: Sequence[int]) -> list[tuple[Author, list[Book]]]:
        # It loads no collections with a query: two queries are what a careful user writes.
        authors = await Author.where(lambda a: a.id <= given[0]).order_by("id").all()
        theirs: dict[int, list[Book]] = {}
        for book in await Book.where(lambda b: b.author_id <= given[0]).all():
            theirs.setdefault(book.author_id, []).append(book)
        return [(author, theirs.get(author.id, [])) for author in authors]

    async def with_tags(self, given: Sequence[int]) -> list[tuple[Book, list[Tag]]]:
        books = await Book.where(lambda b: b.id <= given[0]).order_by("id").all()
        return [(book, await book.tags.all()) for book in books]

    async def concurrent(self, keys: Sequence[int]) -> list[Any]:
        return await by_tasks(keys, TASKS, Author.get)


async def page_from(start: str) -> list[Author]:
    found = Author.where(lambda a: (a.name >= start) & (a.active == True))  # noqa: E712 - a condition
    return await found.order_by("name").limit(PAGE).all()
