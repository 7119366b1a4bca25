"""The floor: the driver, and the cheapest filling of Pydantic instances that is right, as a careful program does it."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from benchmarks.contender import Instances
from benchmarks.data import AUTHOR, BOOK, TAG, Row
from benchmarks.drivers import Psycopg, Sqlite, decoded, decoded_book

WRITING = ("insert", "insert_in_transaction", "bulk_insert", "change", "columns")


class Person(BaseModel):
    """What is filled: a model of Pydantic's own."""

    id: int
    name: str
    email: str
    age: int
    balance: Decimal
    joined: datetime
    active: bool
    settings: dict[str, Any]
    token: UUID
    books: list["Work"] = []


class Label(BaseModel):
    id: int
    name: str


class Work(BaseModel):
    id: int
    title: str
    author_id: int
    pages: int
    price: Decimal
    published: date
    author: Person | None = None
    tags: list[Label] = []


NAMES: dict[type[BaseModel], tuple[str, ...]] = {Person: AUTHOR, Work: BOOK, Label: TAG}


def filled(model: type[Any], rows: Iterable[Row], **more: Any) -> list[Any]:
    """Fill instances; `more` are functions that make the values of further fields."""
    new, put = object.__new__, object.__setattr__
    names = NAMES[model]
    made: list[Any] = []
    for row in rows:
        one = new(model)
        values = dict(zip(names, row, strict=True))
        for name, make in more.items():
            values[name] = make()
        put(one, "__dict__", values)
        put(one, "__pydantic_fields_set__", set(values))
        put(one, "__pydantic_extra__", None)
        put(one, "__pydantic_private__", None)
        made.append(one)
    return made


class Filling(Instances):
    """Turns the tuples of a driver into instances."""

    name = "fill"

    def takes_part(self, workload: str) -> bool:
        return workload not in WRITING

    def author(self, rows: Sequence[Row]) -> list[Any]:
        return filled(Person, rows)

    def book(self, rows: Sequence[Row]) -> list[Any]:
        return filled(Work, rows)

    def books_with_author(self, rows: Sequence[Row]) -> list[Any]:
        width = len(BOOK)
        written = {row[2]: row[width:] for row in rows}
        authors = dict(zip(written, self.author(list(written.values())), strict=True))
        books = self.book([row[:width] for row in rows])
        for book in books:
            vars(book)["author"] = authors[book.author_id]
        return books

    def authors_with_books(self, found: tuple[Sequence[Row], Sequence[Row]]) -> list[Any]:
        authors, books = self.author(found[0]), self.book(found[1])
        theirs: dict[int, list[Any]] = {}
        for book in books:
            theirs.setdefault(book.author_id, []).append(book)
        for author in authors:
            vars(author)["books"] = theirs.get(author.id, [])
        return authors

    def books_with_tags(self, found: tuple[Sequence[Row], Sequence[Row]]) -> list[Any]:
        books = self.book(found[0])
        known: dict[int, Any] = {}
        theirs: dict[int, list[Any]] = {}
        for row in found[1]:
            tag = known.get(row[1])
            if tag is None:
                (tag,) = filled(Label, [row[1:]])
                known[row[1]] = tag
            theirs.setdefault(row[0], []).append(tag)
        for book in books:
            vars(book)["tags"] = theirs.get(book.id, [])
        return books


class Decoding(Filling):
    """The same where the driver's tuples hold texts."""

    def author(self, rows: Sequence[Row]) -> list[Any]:
        return filled(Person, map(decoded, rows))

    def book(self, rows: Sequence[Row]) -> list[Any]:
        return filled(Work, map(decoded_book, rows))


class BlockingFill(Filling):
    """What is common to the floors over blocking drivers: `driver` asks, and its tuples are filled."""

    driver: Any

    def close(self) -> None:
        self.driver.close()

    def get(self, keys: Sequence[int]) -> list[Any]:
        get = self.driver.get
        return [self.author(get((key,)))[0] for key in keys]

    def fetch(self, given: Sequence[Any]) -> list[Any]:
        return self.author(self.driver.fetch(given))

    def page(self, starts: Sequence[str]) -> list[Any]:
        page = self.driver.page
        return [one for start in starts for one in self.author(page((start,)))]

    def with_author(self, given: Sequence[int]) -> list[Any]:
        return self.books_with_author(self.driver.with_author(given))

    def with_books(self, given: Sequence[int]) -> list[Any]:
        return self.authors_with_books(self.driver.with_books(given))

    def with_tags(self, given: Sequence[int]) -> list[Any]:
        return self.books_with_tags(self.driver.with_tags(given))

    def concurrent(self, keys: Sequence[int]) -> list[Any]:
        return self.author(self.driver.concurrent(keys))


class PsycopgFill(BlockingFill):
    def __init__(self, place: Any) -> None:
        super().__init__(place)
        self.driver = Psycopg(place)


class SqliteFill(BlockingFill, Decoding):
    def __init__(self, place: Any) -> None:
        super().__init__(place)
        self.driver = Sqlite(place)
