"""Relations: what is read along them is known to the checkers."""

from typing import Annotated, assert_type

from ferro import (
    AsyncDatabase,
    AsyncQuery,
    AsyncRelated,
    BackRef,
    Expression,
    Field,
    ForeignKey,
    ManyToMany,
    Model,
    Relation,
    col,
    sync,
)


class Author(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    books: Relation[list["Book"]] = BackRef()


class Book(Model):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    pages: int = 0
    author: Annotated[Author, ForeignKey(related_name="books")]
    tags: Relation[list["Tag"]] = ManyToMany(related_name="books")
    readers: Relation[list["Reader"]] = ManyToMany(
        related_name="read", through="Reading", through_fields=("book", "reader")
    )


class Tag(Model):
    id: int | None = Field(default=None, primary_key=True)
    books: Relation[list[Book]] = BackRef()


class Reader(Model):
    email: str = Field(primary_key=True)
    read: Relation[list[Book]] = BackRef()


class Reading(Model):
    id: int | None = Field(default=None, primary_key=True)
    book: Annotated[Book, ForeignKey()]
    reader: Annotated[Reader | None, ForeignKey(references="email")] = None
    stars: int = 3


class Shelf(Model):
    id: int | None = Field(default=None, primary_key=True)
    books: Relation[list[Book]] = ManyToMany(related_name="shelves", through=Reading)


class Room(sync.Model):
    id: int | None = Field(default=None, primary_key=True)
    chairs: sync.Relation[list["Chair"]] = BackRef()


class Chair(sync.Model):
    id: int | None = Field(default=None, primary_key=True)
    room: Annotated[Room, ForeignKey(related_name="chairs")]


async def awaited(author: Author, book: Book, db: AsyncDatabase) -> None:
    assert_type(await book.author, Author)
    assert_type((await book.author).name, str)
    assert_type(author.books, AsyncRelated[Book])
    assert_type(await author.books.all(), list[Book])
    assert_type(await author.books.where(lambda b: b.title == "SICP").first(), Book | None)
    assert_type(await author.books.create(title="SICP"), Book)
    assert_type(await book.tags.all(), list[Tag])
    assert_type(await db.load(book, lambda b: b.author), Author)
    assert_type(await db.query(author.books).all(), list[Book])
    assert_type(await db.load(author, lambda a: a.books), list[Book])
    assert_type(Author.include(lambda a: a.books, "books.tags"), AsyncQuery[Author])
    assert_type(await Book.include(lambda b: b.author.books).all(), list[Book])
    assert_type(
        Author.include(
            lambda a: a.books.where(lambda b: b.title == "SICP").order_by("-title").limit(3).include("tags")
        ),
        AsyncQuery[Author],
    )
    assert_type(db.query(Book).include(lambda b: (b.author, b.tags.filter_by(id=1))), AsyncQuery[Book])
    assert_type(author.books[0], Book)
    assert_type(author.books[:2], list[Book])
    assert_type([found.title for found in author.books], list[str])
    assert_type(author.books.loaded, tuple[Book, ...] | None)
    await db.load_many([author], lambda a: a.books.where(lambda b: b.title == "SICP"), "books.author")
    await book.tags.add(Tag(), ignore_existing=True)
    await book.readers.add("ann@x.org", stars=5)
    await book.readers.set(Reader(email="ann@x.org"), stars=4)
    await book.readers.remove("ann@x.org")
    assert_type(await book.readers.create(email="bob@x.org", through={"stars": 1}), Reader)
    await author.books.add(book, 3)
    await author.books.clear()
    assert_type(await Book.where(lambda b: b.title == "SICP").update(author=author), int)
    await book.save(only={"author"})
    book.author = author
    Book(title="SICP", author=author)


async def across() -> None:
    assert_type(await Book.where(lambda b: b.author.name == "Ann").all(), list[Book])
    assert_type(await Book.select(lambda b: (b.title, b.author.name)).all(), list[tuple[str, str]])
    assert_type(await Book.order_by(lambda b: b.author.name).join(lambda b: b.author).first(), Book | None)
    assert_type(Author.books.any(lambda b: b.title == "SICP"), Expression[bool])
    assert_type(Author.books.count(lambda b: b.pages > 3), Expression[int])
    assert_type(Author.books.sum(lambda b: b.pages), Expression[int | None])
    assert_type(Author.books.where(lambda b: b.pages > 3).max(lambda b: b.title), Expression[str | None])
    assert_type(await Author.where(lambda a: a.books.all(lambda b: b.tags.any())).all(), list[Author])
    assert_type(await Author.select(lambda a: a.books.count()).all(), list[int])
    await Book.where(lambda b: col(b.author.books).count() > 1).update(lambda b: {"title": b.author.name})
    Author.where(lambda a: (a.name == "Ann") & a.books.none())


def blocking(room: Room, chair: Chair, db: sync.Database) -> None:
    assert_type(chair.room, Room)
    assert_type(room.chairs, sync.Related[Chair])
    assert_type(room.chairs.all(), list[Chair])
    room.chairs.set(chair, 3)
    assert_type(db.load(chair, lambda c: c.room), Room)
    assert_type(db.query(room.chairs).all(), list[Chair])
    assert_type(db.query(Room).where(lambda r: r.chairs.any(lambda c: c.id == 3)).all(), list[Room])
    assert_type(db.query(Chair).select(lambda c: c.room.id).all(), list[int | None])
    assert_type(Room.include(lambda r: r.chairs.order_by("-id")).all(), list[Room])
    assert_type(db.load(room, lambda r: r.chairs), list[Chair])
    assert_type(room.chairs[0].room, Room)
    db.load_many([room], lambda r: r.chairs)
