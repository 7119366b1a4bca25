"""Tortoise, awaited: on aiosqlite and asyncpg."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from tortoise import Tortoise, fields
from tortoise.connection import connections
from tortoise.models import Model
from tortoise.transactions import in_transaction

from benchmarks.contender import AsyncContender, OwnTables, OwnTypes, Place, by_tasks, values_of
from benchmarks.data import AUTHOR, BOOK, TAG, Row
from benchmarks.workloads import PAGE, POOL, TASKS

REQUIREMENTS = ["tortoise-orm", "asyncpg"]


class Columns(Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=200, db_index=True)
    email = fields.CharField(max_length=200)
    age = fields.IntField()
    balance = fields.DecimalField(max_digits=12, decimal_places=2)
    joined = fields.DatetimeField()
    active = fields.BooleanField()
    settings = fields.JSONField()
    token = fields.UUIDField()

    class Meta:
        abstract = True


class Author(Columns):
    class Meta:
        table = "author"


class Written(Columns):
    class Meta:
        table = "written"


class Tag(Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=200)

    class Meta:
        table = "tag"


class Book(Model):
    id = fields.IntField(primary_key=True)
    title = fields.CharField(max_length=200)
    author = fields.ForeignKeyField("benchmark.Author", related_name="books", db_index=True)
    pages = fields.IntField()
    price = fields.DecimalField(max_digits=12, decimal_places=2)
    published = fields.DateField()
    tags = fields.ManyToManyField(
        "benchmark.Tag", related_name="books", through="book_tags", forward_key="tag_id", backward_key="book_id"
    )

    class Meta:
        table = "book"


MODELS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "author": (Author, AUTHOR),
    "written": (Written, AUTHOR[1:]),
    "book": (Book, BOOK),
    "tag": (Tag, TAG),
}


class Peer(AsyncContender, OwnTables, OwnTypes):
    name = "tortoise"
    counts = True

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.wait(self.open())

    async def open(self) -> None:
        schema = f"&schema={self.place.ferro.rpartition('=')[2]}"
        url = urlsplit(self.place.url)._replace(scheme="asyncpg", query=f"minsize={POOL}&maxsize={POOL}{schema}")
        await Tortoise.init(
            db_url=url.geturl() if self.on_server else f"sqlite://{self.place.driver}",
            modules={"benchmark": [__name__]},
            _enable_global_fallback=True,
        )
        await Tortoise.generate_schemas()

    def close(self) -> None:
        self.wait(connections.close_all())
        self.loop.close()

    def execute(self, sql: str) -> None:
        self.wait(connections.get("default").execute_script(sql))

    def load(self, table: str, rows: Sequence[Row]) -> None:
        if table == "book_tags":
            self.load_links(rows)
        else:
            model, names = MODELS[table]
            self.wait(insert_many([model(**values) for values in values_of(rows, names)]))
        self.execute("ANALYZE")

    def written(self) -> list[Row]:
        async def found() -> Any:
            return await Written.all().order_by("id")

        return self.plain_authors(self.wait(found()))

    def given(self, workload: str, given: Sequence[Any]) -> Sequence[Any]:
        if workload == "bulk_insert":
            return [Written(**values) for values in values_of(given)]
        return values_of(given) if "insert" in workload else given

    async def get(self, keys: Sequence[int]) -> list[Author]:
        return [await Author.get(id=key) for key in keys]

    async def insert(self, rows: Sequence[dict[str, Any]]) -> list[int]:
        return [(await Written.create(**values)).id for values in rows]

    async def insert_in_transaction(self, rows: Sequence[dict[str, Any]]) -> list[int]:
        async with in_transaction():
            return await self.insert(rows)

    async def bulk_insert(self, rows: Sequence[Written]) -> None:
        await insert_many(rows)

    async def fetch(self, _: Sequence[Any]) -> list[Author]:
        return await Author.all()

    async def columns(self, _: Sequence[Any]) -> list[Any]:
        return await Author.all().values_list("id", "name", "age")

    async def page(self, starts: Sequence[str]) -> list[Author]:
        return [
            author
            for start in starts
            for author in await Author.filter(name__gte=start, active=True).order_by("name").limit(PAGE)
        ]

    async def change(self, keys: Sequence[int]) -> None:
        for key in keys:
            written = await Written.get(id=key)
            written.age += 1
            await written.save(update_fields=["age"])

    async def with_author(self, given: Sequence[int]) -> list[Book]:
        return await Book.filter(id__lte=given[0]).order_by("id").select_related("author")

    async def with_books(self, given: Sequence[int]) -> list[Author]:
        return await Author.filter(id__lte=given[0]).order_by("id").prefetch_related("books")

    async def with_tags(self, given: Sequence[int]) -> list[Book]:
        return await Book.filter(id__lte=given[0]).order_by("id").prefetch_related("tags")

    async def concurrent(self, keys: Sequence[int]) -> list[Any]:
        async def get(key: int) -> Author:
            return await Author.get(id=key)

        return await by_tasks(keys, TASKS, get)


async def insert_many(rows: Sequence[Any]) -> None:
    async with in_transaction():
        await type(rows[0]).bulk_create(rows, batch_size=1000)
