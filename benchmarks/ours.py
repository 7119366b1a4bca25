"""ferro, in both colours."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import ferro
import ferro.sync
from benchmarks.contender import AsyncContender, Instances, Place, by_tasks, by_threads, values_of
from benchmarks.workloads import PAGE, POOL, TASKS, THREADS
from ferro import BackRef, Field, ForeignKey, ManyToMany, ModelBase, Relation


class Columns(ModelBase):
    """The nine columns."""

    __ferro_abstract__ = True

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True)
    email: str
    age: int
    balance: Decimal
    joined: datetime
    active: bool
    settings: dict[str, Any]
    token: UUID


class Author(Columns):
    """What is read."""

    books: Relation[list["Book"]] = BackRef()


class Written(Columns):
    """What is written, and emptied again."""


class Book(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    author: Annotated[Author, ForeignKey(related_name="books", index=True)]
    pages: int
    price: Decimal
    published: date
    tags: Relation[list["Tag"]] = ManyToMany(related_name="books", through="book_tags")


class Tag(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    books: Relation[list[Book]] = BackRef()


def create_tables(place: Place) -> None:
    with ferro.sync.connect(place.ferro, default=False) as database:
        database.create_tables(Author, Written, Book, Tag)


def given_to(workload: str, given: Sequence[Any]) -> Sequence[Any]:
    if workload.startswith("insert"):
        return values_of(given)
    if workload == "bulk_insert":
        return [Written(**values) for values in values_of(given)]
    return given


def on_page(start: str) -> Callable[[type[Author]], object]:
    return lambda author: (author.name >= start) & author.active


class Ferro(Instances):
    name = "ferro"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.database = ferro.sync.connect(place.ferro, default=False, min_connections=POOL, max_connections=POOL)
        self.threads = ThreadPoolExecutor(THREADS)

    def close(self) -> None:
        self.threads.shutdown()
        self.database.close()

    def given(self, workload: str, given: Sequence[Any]) -> Sequence[Any]:
        return given_to(workload, given)

    def get(self, keys: Sequence[int]) -> list[Author]:
        database = self.database
        return [database.get(Author, key) for key in keys]

    def insert(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        database = self.database
        return [database.create(Written, **values).id for values in rows]

    def insert_in_transaction(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        with self.database.transaction():
            return self.insert(rows)

    def bulk_insert(self, rows: Sequence[Written]) -> None:
        self.database.bulk_create(Written, rows)

    def fetch(self, _: Sequence[Any]) -> list[Author]:
        return self.database.query(Author).all()

    def columns(self, _: Sequence[Any]) -> list[Any]:
        return self.database.query(Author).select("id", "name", "age").all()

    def page(self, starts: Sequence[str]) -> list[Author]:
        database = self.database
        return [
            author
            for start in starts
            for author in database.query(Author).where(on_page(start)).order_by("name").limit(PAGE).all()
        ]

    def change(self, keys: Sequence[int]) -> None:
        database = self.database
        for key in keys:
            written = database.get(Written, key)
            written.age += 1
            database.save(written)

    def with_author(self, given: Sequence[int]) -> list[Book]:
        query = self.database.query(Book).where(lambda b: b.id <= given[0])
        return query.order_by("id").include(lambda b: b.author).all()

    def with_books(self, given: Sequence[int]) -> list[Author]:
        query = self.database.query(Author).where(lambda a: a.id <= given[0])
        return query.order_by("id").include(lambda a: a.books).all()

    def with_tags(self, given: Sequence[int]) -> list[Book]:
        query = self.database.query(Book).where(lambda b: b.id <= given[0])
        return query.order_by("id").include(lambda b: b.tags).all()

    def concurrent(self, keys: Sequence[int]) -> list[Any]:
        database = self.database
        return by_threads(self.threads, keys, lambda key: database.get(Author, key))


class AsyncFerro(AsyncContender, Instances):
    name = "ferro async"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.database = self.wait(self.open())

    async def open(self) -> ferro.AsyncDatabase:
        return await ferro.connect(self.place.ferro, default=False, min_connections=POOL, max_connections=POOL)

    def close(self) -> None:
        self.wait(self.database.close())
        self.loop.close()

    def given(self, workload: str, given: Sequence[Any]) -> Sequence[Any]:
        return given_to(workload, given)

    async def get(self, keys: Sequence[int]) -> list[Author]:
        database = self.database
        return [await database.get(Author, key) for key in keys]

    async def insert(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        database = self.database
        return [(await database.create(Written, **values)).id for values in rows]

    async def insert_in_transaction(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        async with self.database.transaction():
            return await self.insert(rows)

    async def bulk_insert(self, rows: Sequence[Written]) -> None:
        await self.database.bulk_create(Written, rows)

    async def fetch(self, _: Sequence[Any]) -> list[Author]:
        return await self.database.query(Author).all()

    async def columns(self, _: Sequence[Any]) -> list[Any]:
        return await self.database.query(Author).select("id", "name", "age").all()

    async def page(self, starts: Sequence[str]) -> list[Author]:
        database = self.database
        return [
            author
            for start in starts
            for author in await database.query(Author).where(on_page(start)).order_by("name").limit(PAGE).all()
        ]

    async def change(self, keys: Sequence[int]) -> None:
        database = self.database
        for key in keys:
            written = await database.get(Written, key)
            written.age += 1
            await database.save(written)

    async def with_author(self, given: Sequence[int]) -> list[Book]:
        query = self.database.query(Book).where(lambda b: b.id <= given[0])
        return await query.order_by("id").include(lambda b: b.author).all()

    async def with_books(self, given: Sequence[int]) -> list[Author]:
        query = self.database.query(Author).where(lambda a: a.id <= given[0])
        return await query.order_by("id").include(lambda a: a.books).all()

    async def with_tags(self, given: Sequence[int]) -> list[Book]:
        query = self.database.query(Book).where(lambda b: b.id <= given[0])
        return await query.order_by("id").include(lambda b: b.tags).all()

    async def concurrent(self, keys: Sequence[int]) -> list[Any]:
        database = self.database
        return await by_tasks(keys, TASKS, lambda key: database.get(Author, key))
