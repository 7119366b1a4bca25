"""SQLModel, blocking, with Pydantic models on SQLAlchemy: a session for each workload, and for each of many concurrent gets."""

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import JSON, DateTime, Engine, insert, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SAWarning
from sqlalchemy.orm import joinedload, selectinload
from sqlmodel import Field, Relationship, Session, SQLModel, create_engine, select

from benchmarks.contender import OwnTables, OwnTypes, Place, by_threads, values_of
from benchmarks.data import AUTHOR, BOOK, TAG, Row
from benchmarks.workloads import PAGE, POOL, THREADS

REQUIREMENTS = ["sqlmodel", "psycopg[binary]"]

# That SQLite has no decimals: with two digits they come back exactly.
warnings.filterwarnings("ignore", message=".*does \\*not\\* support Decimal", category=SAWarning)


class Columns(SQLModel):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True)
    email: str
    age: int
    balance: Decimal = Field(max_digits=12, decimal_places=2)
    joined: datetime = Field(sa_type=DateTime(timezone=True))
    active: bool
    settings: dict[str, Any] = Field(sa_type=JSON().with_variant(JSONB(), "postgresql"))
    token: UUID


class Author(Columns, table=True):
    books: list["Book"] = Relationship(back_populates="author")


class Written(Columns, table=True):
    pass


class BookTag(SQLModel, table=True):
    __tablename__ = "book_tags"

    book_id: int | None = Field(default=None, foreign_key="book.id", primary_key=True)
    tag_id: int | None = Field(default=None, foreign_key="tag.id", primary_key=True)


class Tag(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str


class Book(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    author_id: int = Field(foreign_key="author.id", index=True)
    pages: int
    price: Decimal = Field(max_digits=12, decimal_places=2)
    published: date
    author: Author = Relationship(back_populates="books")
    tags: list[Tag] = Relationship(link_model=BookTag)


NAMES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "author": (Author, AUTHOR),
    "written": (Written, AUTHOR[1:]),
    "book": (Book, BOOK),
    "tag": (Tag, TAG),
    "book_tags": (BookTag, ("book_id", "tag_id")),
}


def made_engine(place: Place) -> Engine:
    if not place.url:
        return create_engine(f"sqlite:///{place.driver}", pool_size=POOL)
    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(place.driver), pool_size=POOL)


class Peer(OwnTables, OwnTypes):
    name = "sqlmodel"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.engine = made_engine(place)
        self.threads = ThreadPoolExecutor(THREADS)
        SQLModel.metadata.create_all(self.engine)

    def close(self) -> None:
        self.threads.shutdown()
        self.engine.dispose()

    def session(self) -> Session:
        return Session(self.engine, expire_on_commit=False)

    def execute(self, sql: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(sql))

    def load(self, table: str, rows: Sequence[Row]) -> None:
        target, names = NAMES[table]
        with self.session() as session:
            session.execute(insert(target), values_of(rows, names))
            session.commit()
        self.execute("ANALYZE")

    def written(self) -> list[Row]:
        with self.session() as session:
            return self.plain_authors(session.exec(select(Written).order_by(Written.id)))

    def given(self, workload: str, given: Sequence[Any]) -> Sequence[Any]:
        return values_of(given) if "insert" in workload else given

    def get(self, keys: Sequence[int]) -> list[Any]:
        with self.session() as session:
            return [session.get(Author, key) for key in keys]

    def insert(self, rows: Sequence[dict[str, Any]]) -> list[int]:
        inserted: list[int] = []
        with self.session() as session:
            for values in rows:
                written = Written(**values)
                session.add(written)
                session.commit()
                inserted.append(written.id)
        return inserted

    def insert_in_transaction(self, rows: Sequence[dict[str, Any]]) -> list[int]:
        inserted: list[int] = []
        with self.session() as session, session.begin():
            for values in rows:
                written = Written(**values)
                session.add(written)
                session.flush()
                inserted.append(written.id)
        return inserted

    def bulk_insert(self, rows: Sequence[dict[str, Any]]) -> None:
        with self.session() as session, session.begin():
            session.execute(insert(Written), rows)

    def fetch(self, _: Sequence[Any]) -> Sequence[Author]:
        with self.session() as session:
            return session.exec(select(Author)).all()

    def columns(self, _: Sequence[Any]) -> Sequence[Any]:
        with self.session() as session:
            return session.exec(select(Author.id, Author.name, Author.age)).all()

    def page(self, starts: Sequence[str]) -> list[Author]:
        with self.session() as session:
            return [
                author
                for start in starts
                for author in session.exec(
                    select(Author).where(Author.name >= start, Author.active).order_by(Author.name).limit(PAGE)
                )
            ]

    def change(self, keys: Sequence[int]) -> None:
        with self.session() as session:
            for key in keys:
                session.get_one(Written, key).age += 1
                session.commit()

    def with_author(self, given: Sequence[int]) -> Sequence[Book]:
        asked = select(Book).where(Book.id <= given[0]).order_by(Book.id)
        with self.session() as session:
            return session.exec(asked.options(joinedload(Book.author))).all()

    def with_books(self, given: Sequence[int]) -> Sequence[Author]:
        asked = select(Author).where(Author.id <= given[0]).order_by(Author.id)
        with self.session() as session:
            return session.exec(asked.options(selectinload(Author.books))).all()

    def with_tags(self, given: Sequence[int]) -> Sequence[Book]:
        asked = select(Book).where(Book.id <= given[0]).order_by(Book.id)
        with self.session() as session:
            return session.exec(asked.options(selectinload(Book.tags))).all()

    def concurrent(self, keys: Sequence[int]) -> list[Any]:
        def get(key: int) -> Author | None:
            with self.session() as session:
                return session.get(Author, key)

        return by_threads(self.threads, keys, get)
