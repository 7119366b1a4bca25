"""Relations: what is read along them is known to the checkers."""

from typing import Annotated, assert_type

from ferro import AsyncDatabase, AsyncQuery, AsyncRelated, BackRef, Field, ForeignKey, ManyToMany, Model, Relation, sync


class Author(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    books: Relation[list["Book"]] = BackRef()


class Book(Model):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    author: Annotated[Author, ForeignKey(related_name="books")]
    tags: Relation[list["Tag"]] = ManyToMany(related_name="books")


class Tag(Model):
    id: int | None = Field(default=None, primary_key=True)
    books: Relation[list[Book]] = BackRef()


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
    book.author = author
    Book(title="SICP", author=author)


def blocking(room: Room, chair: Chair, db: sync.Database) -> None:
    assert_type(chair.room, Room)
    assert_type(room.chairs, sync.Related[Chair])
    assert_type(room.chairs.all(), list[Chair])
    assert_type(db.load(chair, lambda c: c.room), Room)
    assert_type(db.query(room.chairs).all(), list[Chair])
    assert_type(Room.include(lambda r: r.chairs.order_by("-id")).all(), list[Room])
    assert_type(db.load(room, lambda r: r.chairs), list[Chair])
    assert_type(room.chairs[0].room, Room)
    db.load_many([room], lambda r: r.chairs)
