"""SQLAlchemy's ORM, blocking: a session for each workload, and for each of many concurrent gets."""

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import psycopg
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Engine,
    ForeignKey,
    Integer,
    Numeric,
    Table,
    create_engine,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import SAWarning
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship, selectinload

from benchmarks.contender import OwnTables, OwnTypes, Place, by_threads, values_of
from benchmarks.data import AUTHOR, BOOK, TAG, Row
from benchmarks.workloads import PAGE, POOL, THREADS

REQUIREMENTS = ["SQLAlchemy>=2", "psycopg[binary]"]

# That SQLite has no decimals: with two digits they come back exactly.
warnings.filterwarnings("ignore", message=".*does \\*not\\* support Decimal", category=SAWarning)


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dict[str, Any]: JSON().with_variant(JSONB(), "postgresql"),
        Decimal: Numeric(12, 2),
        datetime: DateTime(timezone=True),
    }


class Columns:
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    email: Mapped[str]
    age: Mapped[int]
    balance: Mapped[Decimal]
    joined: Mapped[datetime]
    active: Mapped[bool]
    settings: Mapped[dict[str, Any]]
    token: Mapped[UUID]


class Author(Columns, Base):
    __tablename__ = "author"

    books: Mapped[list["Book"]] = relationship(back_populates="author")


class Written(Columns, Base):
    __tablename__ = "written"


book_tags = Table(
    "book_tags",
    Base.metadata,
    Column("book_id", Integer, ForeignKey("book.id"), primary_key=True),
    Column("tag_id", Integer, ForeignKey("tag.id"), primary_key=True),
)


class Book(Base):
    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"), index=True)
    pages: Mapped[int]
    price: Mapped[Decimal]
    published: Mapped[date]
    author: Mapped[Author] = relationship(back_populates="books")
    tags: Mapped[list["Tag"]] = relationship(secondary=book_tags)


class Tag(Base):
    __tablename__ = "tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


NAMES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "author": (Author, AUTHOR),
    "written": (Written, AUTHOR[1:]),
    "book": (Book, BOOK),
    "tag": (Tag, TAG),
    "book_tags": (book_tags, ("book_id", "tag_id")),
}


def made_engine(place: Place) -> Engine:
    if not place.url:
        return create_engine(f"sqlite:///{place.driver}", pool_size=POOL)
    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(place.driver), pool_size=POOL)


class Peer(OwnTables, OwnTypes):
    name = "sqlalchemy"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.engine = made_engine(place)
        self.threads = ThreadPoolExecutor(THREADS)
        Base.metadata.create_all(self.engine)

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
            return self.plain_authors(session.scalars(select(Written).order_by(Written.id)))

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
            return session.scalars(select(Author)).all()

    def columns(self, _: Sequence[Any]) -> Sequence[Any]:
        with self.session() as session:
            return session.execute(select(Author.id, Author.name, Author.age)).all()

    def page(self, starts: Sequence[str]) -> list[Author]:
        with self.session() as session:
            return [
                author
                for start in starts
                for author in session.scalars(
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
            return session.scalars(asked.options(joinedload(Book.author))).all()

    def with_books(self, given: Sequence[int]) -> Sequence[Author]:
        asked = select(Author).where(Author.id <= given[0]).order_by(Author.id)
        with self.session() as session:
            return session.scalars(asked.options(selectinload(Author.books))).all()

    def with_tags(self, given: Sequence[int]) -> Sequence[Book]:
        asked = select(Book).where(Book.id <= given[0]).order_by(Book.id)
        with self.session() as session:
            return session.scalars(asked.options(selectinload(Book.tags))).all()

    def concurrent(self, keys: Sequence[int]) -> list[Any]:
        def get(key: int) -> Author | None:
            with self.session() as session:
                return session.get(Author, key)

        return by_threads(self.threads, keys, get)
