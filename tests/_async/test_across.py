"""Looking across relations on a database: what is found, sorted, counted and changed."""

from typing import Annotated

import pytest

from ferro import AsyncDatabase, BackRef, Field, ForeignKey, ManyToMany, Model, QueryError, Relation, count


class Team(Model):
    id: int | None = Field(default=None, primary_key=True)
    city: str
    authors: Relation[list["Author"]] = BackRef()


class Author(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    team: Annotated[Team | None, ForeignKey(related_name="authors")] = None
    books: Relation[list["Book"]] = BackRef()
    profile: "Profile" = BackRef()


class Profile(Model):
    id: int | None = Field(default=None, primary_key=True)
    bio: str
    author: Annotated[Author, ForeignKey(related_name="profile", unique=True)]


class Tag(Model):
    id: int | None = Field(default=None, primary_key=True)
    word: str
    books: Relation[list["Book"]] = BackRef()


class Book(Model):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    pages: int | None = None
    author: Annotated[Author, ForeignKey(related_name="books")]
    tags: Relation[list[Tag]] = ManyToMany(related_name="books")


MODELS = (Team, Author, Profile, Tag, Book)


@pytest.fixture
async def library(database: AsyncDatabase) -> AsyncDatabase:
    """Three authors, one of them without a team, and four books."""
    await database.create_tables(*MODELS)
    rome = await Team.create(city="Rome")
    oslo = await Team.create(city="Oslo")
    ann = await Author.create(name="Ann", team=rome)
    bob = await Author.create(name="Bob", team=oslo)
    cyd = await Author.create(name="Cyd")
    await Profile.create(bio="writes", author=ann)
    first = await Book.create(title="A", pages=100, author=ann)
    await Book.create(title="B", pages=300, author=ann)
    await Book.create(title="C", author=bob)
    last = await Book.create(title="D", pages=50, author=cyd)
    lisp = await Tag.create(word="lisp")
    await first.tags.add(lisp)
    await last.tags.add(lisp)
    return database


async def test_conditions_reach_across_relations(library):
    assert await Book.where(lambda b: b.author.team.city == "Rome").order_by("title").select("title").all() == [
        ("A",),
        ("B",),
    ]
    assert await Book.where(lambda b: b.author.team == None).select(lambda b: b.title).all() == ["D"]
    assert await Book.where(lambda b: b.author.team.city == "Rome").count() == 2
    assert await Book.where(lambda b: b.author.team.city == "Bonn").exists() is False


async def test_sorting_by_a_related_column_loses_no_row(library):
    found = await Book.order_by("-author.team.city", "title").select(lambda b: (b.title, b.author.team.city)).all()
    assert found == [("A", "Rome"), ("B", "Rome"), ("C", "Oslo"), ("D", None)]
    joined = await Book.join("author.team").order_by("title").all()
    assert [book.title for book in joined] == ["A", "B", "C"]


async def test_rows_that_come_once_are_sorted_by_their_own_columns(library):
    books = Book.query().distinct()
    assert [book.title for book in await books.order_by("-title").limit(3).all()] == ["D", "C", "B"]
    assert [book.title for book in await books.order_by(lambda b: (b.author.id, b.title)).all()] == ["A", "B", "C", "D"]
    for key, label in (
        (lambda b: b.author.name, "book.author.name"),
        (lambda b: b.pages * 2, "(book.pages * 2)"),
    ):
        with pytest.raises(QueryError) as refused:
            await books.order_by(key).all()
        assert str(refused.value) == f"{label} cannot be sorted by: distinct() leaves only what is selected"
        assert await books.order_by(key).count() == 4


async def test_collections_are_asked_inside_conditions(library):
    names = Author.order_by("name").select(lambda a: a.name)
    assert await names.where(lambda a: a.books.any(lambda b: b.pages > 200)).all() == ["Ann"]
    assert await names.where(lambda a: a.books.all(lambda b: b.pages > 60)).all() == ["Ann"]
    assert await names.where(lambda a: a.books.none(lambda b: b.pages > 60)).all() == ["Bob", "Cyd"]
    assert await names.where(lambda a: a.books.any(lambda b: b.tags.any(lambda t: t.word == "lisp"))).all() == [
        "Ann",
        "Cyd",
    ]
    assert await Author.order_by("name").select(lambda a: (a.name, a.books.count(), a.books.sum("pages"))).all() == [
        ("Ann", 2, 400),
        ("Bob", 1, None),
        ("Cyd", 1, 50),
    ]


async def test_an_instance_is_found_in_a_collection(library):
    lisp = await Tag.where(lambda t: t.word == "lisp").one()
    assert await Book.where(lambda b: b.tags.contains(lisp)).order_by("title").select(lambda b: b.title).all() == [
        "A",
        "D",
    ]


async def test_a_missing_row_at_the_other_end_is_none(library):
    assert await Author.where(lambda a: a.profile == None).order_by("name").select(lambda a: a.name).all() == [
        "Bob",
        "Cyd",
    ]
    assert await Author.order_by("name").select(lambda a: a.profile.bio).all() == ["writes", None, None]


async def test_groups_are_made_by_related_columns(library):
    found = await Book.order_by("author.team.city").select(lambda b: (b.author.team.city, count())).all()
    assert found == [("Oslo", 1), ("Rome", 2), (None, 1)]


async def test_changes_reach_across_relations(library):
    assert await Book.where(lambda b: b.author.team.city == "Rome").update(lambda b: {"title": b.author.name}) == 2
    assert await Book.order_by("id").select(lambda b: b.title).all() == ["Ann", "Ann", "C", "D"]
    assert await Author.where(lambda a: a.team == None).update(lambda a: {"name": "x"}) == 1
    assert await Book.where(lambda b: b.author.team.city != "Rome").delete() == 1
    assert await Book.join("author.team").delete() == 2
    assert [book.title for book in await Book.all()] == ["D"]


async def test_changed_rows_come_back_with_related_columns(library):
    changed = (
        await Book.where(lambda b: b.pages == 50).select(lambda b: (b.title, b.author.name)).update_returning(title="E")
    )
    assert changed == [("E", "Cyd")]


async def test_pages_follow_a_related_column(library):
    query = Book.order_by("author.name", "id").select(lambda b: (b.author.name, b.id))
    first = await query.limit(2).all()
    assert first == [("Ann", 1), ("Ann", 2)]
    assert await query.after(query.position_of(first[-1])).all() == [("Bob", 3), ("Cyd", 4)]


async def test_rows_are_locked_beside_what_they_lead_to(library):
    async with library.transaction():
        locked = await Book.where(lambda b: b.author.team.city == "Oslo").for_update().all()
    assert [book.title for book in locked] == ["C"]


async def test_the_rows_of_a_relation_are_asked_the_same_way(library):
    team = await Team.where(lambda t: t.city == "Rome").one()
    assert await team.authors.where(lambda a: a.books.count() == 2).select(lambda a: a.team.city).all() == ["Rome"]


async def test_a_relation_that_leads_to_many_rows_is_not_joined(library):
    with pytest.raises(QueryError, match=r"join\(\) goes along a relation to one row, and Author.books leads to many"):
        Author.join(lambda a: a.books)
