"""Peewee, blocking: a connection for each thread."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from peewee import (
    AutoField,
    BooleanField,
    CharField,
    CompositeKey,
    Database,
    DatabaseProxy,
    DateField,
    DateTimeField,
    DecimalField,
    ForeignKeyField,
    IntegerField,
    JSONField,
    Model,
    PostgresqlDatabase,
    SqliteDatabase,
    UUIDField,
    prefetch,
)

from benchmarks.contender import OwnTables, OwnTypes, Place, by_threads, fields, values_of, without_zone
from benchmarks.data import AUTHOR, BOOK, TAG, Row
from benchmarks.workloads import PAGE, THREADS

REQUIREMENTS = ["peewee", "psycopg[binary]"]

database = DatabaseProxy()
# How many rows one statement inserts: SQLite takes 32,766 values in one.
BATCH = 1000


class Base(Model):
    id = AutoField()

    class Meta:
        database = database


class Columns(Base):
    name = CharField(index=True)
    email = CharField()
    age = IntegerField()
    balance = DecimalField(max_digits=12, decimal_places=2)
    joined = DateTimeField()  # it has none with a zone for both databases
    active = BooleanField()
    settings = JSONField()
    token = UUIDField()


class Author(Columns):
    pass


class Written(Columns):
    pass


class Book(Base):
    title = CharField()
    author = ForeignKeyField(Author, backref="books")
    pages = IntegerField()
    price = DecimalField(max_digits=12, decimal_places=2)
    published = DateField()


class Tag(Base):
    name = CharField()


class BookTag(Model):
    book = ForeignKeyField(Book, backref="links")
    tag = ForeignKeyField(Tag)

    class Meta:
        database = database
        table_name = "book_tags"
        primary_key = CompositeKey("book", "tag")


MODELS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "author": (Author, AUTHOR),
    "written": (Written, AUTHOR[1:]),
    "book": (Book, BOOK),
    "tag": (Tag, TAG),
}


class Peer(OwnTables, OwnTypes):
    name = "peewee"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.database: Database = PostgresqlDatabase(place.driver) if place.url else SqliteDatabase(place.driver)
        database.initialize(self.database)
        self.database.create_tables([Author, Written, Book, Tag, BookTag])
        self.threads = ThreadPoolExecutor(THREADS)

    def close(self) -> None:
        self.threads.shutdown()
        self.database.close()

    def execute(self, sql: str) -> None:
        self.database.execute_sql(sql)

    def load(self, table: str, rows: Sequence[Row]) -> None:
        with self.database.atomic():
            if table == "book_tags":
                self.load_links(rows)
            else:
                model, names = MODELS[table]
                insert_many(model, values_of(without_zone(rows), names))
        self.execute("ANALYZE")

    def written(self) -> list[Row]:
        return self.plain_authors(Written.select().order_by(Written.id))

    def plain_books_with_tags(self, found: Any) -> list[Row]:
        return [(fields(one, BOOK), sorted(fields(link.tag, TAG) for link in one.links)) for one in found]

    def given(self, workload: str, given: Sequence[Any]) -> Sequence[Any]:
        return values_of(without_zone(given)) if "insert" in workload else given

    def get(self, keys: Sequence[int]) -> list[Author]:
        return [Author.get_by_id(key) for key in keys]

    def insert(self, rows: Sequence[dict[str, Any]]) -> list[int]:
        return [Written.create(**values).id for values in rows]

    def insert_in_transaction(self, rows: Sequence[dict[str, Any]]) -> list[int]:
        with self.database.atomic():
            return self.insert(rows)

    def bulk_insert(self, rows: Sequence[dict[str, Any]]) -> None:
        with self.database.atomic():
            insert_many(Written, rows)

    def fetch(self, _: Sequence[Any]) -> list[Author]:
        return list(Author.select())

    def columns(self, _: Sequence[Any]) -> list[Any]:
        return list(Author.select(Author.id, Author.name, Author.age).tuples())

    def page(self, starts: Sequence[str]) -> list[Author]:
        return [
            author
            for start in starts
            for author in Author.select().where(Author.name >= start, Author.active).order_by(Author.name).limit(PAGE)
        ]

    def change(self, keys: Sequence[int]) -> None:
        for key in keys:
            written = Written.get_by_id(key)
            written.age += 1
            written.save(only=[Written.age])

    def with_author(self, given: Sequence[int]) -> list[Book]:
        asked = Book.select(Book, Author).join(Author)
        return list(asked.where(Book.id <= given[0]).order_by(Book.id))

    def with_books(self, given: Sequence[int]) -> list[Author]:
        return list(prefetch(Author.select().where(Author.id <= given[0]).order_by(Author.id), Book.select()))

    def with_tags(self, given: Sequence[int]) -> list[Book]:
        links = BookTag.select(BookTag, Tag).join(Tag)
        return list(prefetch(Book.select().where(Book.id <= given[0]).order_by(Book.id), links))

    def concurrent(self, keys: Sequence[int]) -> list[Any]:
        return by_threads(self.threads, keys, Author.get_by_id)


def insert_many(model: type[Any], rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), BATCH):
        model.insert_many(rows[start : start + BATCH]).execute()
