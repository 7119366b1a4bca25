"""yara-orm, awaited: its engine is compiled."""

from collections.abc import Sequence
from typing import Any

from yara_orm import Model, YaraOrm, connections, fields, in_transaction

from benchmarks.contender import AsyncContender, Instances, OwnTables, Place, by_tasks, values_of
from benchmarks.data import AUTHOR, BOOK, TAG, Row
from benchmarks.workloads import PAGE, TASKS

REQUIREMENTS = ["yara-orm"]


class Columns(Model):
    id = fields.IntField(pk=True)
    name = fields.CharField(max_length=200, index=True)
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
    id = fields.IntField(pk=True)
    name = fields.CharField(max_length=200)

    class Meta:
        table = "tag"


class Book(Model):
    id = fields.IntField(pk=True)
    title = fields.CharField(max_length=200)
    author = fields.ForeignKeyField("Author", related_name="books", index=True)
    pages = fields.IntField()
    price = fields.DecimalField(max_digits=12, decimal_places=2)
    published = fields.DateField()
    tags = fields.ManyToManyField(
        "Tag", related_name="books", through="book_tags", forward_key="tag_id", backward_key="book_id"
    )

    class Meta:
        table = "book"


MODELS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "author": (Author, AUTHOR),
    "written": (Written, AUTHOR[1:]),
    "book": (Book, BOOK),
    "tag": (Tag, TAG),
}


class Peer(AsyncContender, OwnTables, Instances):
    name = "yara_orm"
    counts = True

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.wait(self.open())

    async def open(self) -> None:
        await YaraOrm.init(self.place.driver if self.on_server else f"sqlite://{self.place.driver}", use_tz=True)
        await YaraOrm.generate_schemas()

    def close(self) -> None:
        self.wait(YaraOrm.close())
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

    def related(self, found: Any) -> Sequence[Any]:
        async def loaded() -> Any:
            return await found

        return self.wait(loaded())

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
