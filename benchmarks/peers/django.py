"""Django's ORM, blocking and without an application: a connection for each thread."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings
from django.db import connection, connections, models, transaction

from benchmarks.contender import Instances, OwnTables, Place, by_threads, values_of
from benchmarks.data import AUTHOR, BOOK, TAG, Row
from benchmarks.workloads import PAGE, THREADS

REQUIREMENTS = ["Django>=5", "psycopg[binary]"]

# Relations are looked up among the models of installed applications: this folder is one.
settings.configure(
    INSTALLED_APPS=["benchmarks.peers"],
    USE_TZ=True,
    TIME_ZONE="UTC",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()


class Named(models.Model):
    """What all have in common."""

    name = models.CharField(max_length=200, db_index=True)

    class Meta:
        abstract = True
        app_label = "peers"

    def __str__(self) -> str:
        return self.name


class Columns(Named):
    email = models.CharField(max_length=200)
    age = models.IntegerField()
    balance = models.DecimalField(max_digits=12, decimal_places=2)
    joined = models.DateTimeField()
    active = models.BooleanField()
    settings = models.JSONField()
    token = models.UUIDField()

    class Meta(Named.Meta):
        abstract = True


class Author(Columns):
    class Meta(Columns.Meta):
        abstract = False
        db_table = "author"


class Written(Columns):
    class Meta(Columns.Meta):
        abstract = False
        db_table = "written"


class Tag(Named):
    class Meta(Named.Meta):
        abstract = False
        db_table = "tag"


class Book(models.Model):
    title = models.CharField(max_length=200)
    author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="books")
    pages = models.IntegerField()
    price = models.DecimalField(max_digits=12, decimal_places=2)
    published = models.DateField()
    tags = models.ManyToManyField(Tag, db_table="book_tags")

    class Meta:
        app_label = "peers"
        db_table = "book"

    def __str__(self) -> str:
        return self.title


MODELS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "author": (Author, AUTHOR),
    "written": (Written, AUTHOR[1:]),
    "book": (Book, BOOK),
    "tag": (Tag, TAG),
    "book_tags": (Book.tags.through, ("book_id", "tag_id")),
}


def configured(place: Place) -> dict[str, Any]:
    """Give a place as Django is told it."""
    if not place.url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": place.driver}
    url = urlsplit(place.driver)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": url.hostname,
        "PORT": url.port,
        "USER": url.username,
        "PASSWORD": url.password or "",
        "NAME": url.path[1:],
        "OPTIONS": {name: values[0] for name, values in parse_qs(url.query).items()},
    }


class Peer(OwnTables, Instances):
    name = "django"
    counts = True

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        connections.settings = connections.configure_settings({"default": configured(place)})
        # That of this thread was made while there was no place yet.
        connections["default"] = connections.create_connection("default")
        with connection.schema_editor() as editor:
            for model in (Author, Written, Tag, Book):
                editor.create_model(model)
        self.threads = ThreadPoolExecutor(THREADS)

    def close(self) -> None:
        self.threads.shutdown()
        connection.close()

    def execute(self, sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    def load(self, table: str, rows: Sequence[Row]) -> None:
        model, names = MODELS[table]
        model.objects.bulk_create([model(**values) for values in values_of(rows, names)], batch_size=1000)
        self.execute("ANALYZE")

    def written(self) -> list[Row]:
        return self.plain_authors(Written.objects.order_by("id"))

    def related(self, found: Any) -> Sequence[Any]:
        return found.all()

    def given(self, workload: str, given: Sequence[Any]) -> Sequence[Any]:
        if workload == "bulk_insert":
            return [Written(**values) for values in values_of(given)]
        return values_of(given) if "insert" in workload else given

    def get(self, keys: Sequence[int]) -> list[Author]:
        return [Author.objects.get(pk=key) for key in keys]

    def insert(self, rows: Sequence[dict[str, Any]]) -> list[int]:
        return [Written.objects.create(**values).pk for values in rows]

    def insert_in_transaction(self, rows: Sequence[dict[str, Any]]) -> list[int]:
        with transaction.atomic():
            return self.insert(rows)

    def bulk_insert(self, rows: Sequence[Written]) -> None:
        Written.objects.bulk_create(rows)

    def fetch(self, _: Sequence[Any]) -> list[Author]:
        return list(Author.objects.all())

    def columns(self, _: Sequence[Any]) -> list[Any]:
        return list(Author.objects.values_list("id", "name", "age"))

    def page(self, starts: Sequence[str]) -> list[Author]:
        return [
            author
            for start in starts
            for author in Author.objects.filter(name__gte=start, active=True).order_by("name")[:PAGE]
        ]

    def change(self, keys: Sequence[int]) -> None:
        for key in keys:
            written = Written.objects.get(pk=key)
            written.age += 1
            written.save(update_fields=["age"])

    def with_author(self, given: Sequence[int]) -> list[Book]:
        return list(Book.objects.filter(id__lte=given[0]).order_by("id").select_related("author"))

    def with_books(self, given: Sequence[int]) -> list[Author]:
        return list(Author.objects.filter(id__lte=given[0]).order_by("id").prefetch_related("books"))

    def with_tags(self, given: Sequence[int]) -> list[Book]:
        return list(Book.objects.filter(id__lte=given[0]).order_by("id").prefetch_related("tags"))

    def concurrent(self, keys: Sequence[int]) -> list[Any]:
        return by_threads(self.threads, keys, lambda key: Author.objects.get(pk=key))
