"""Relations: what is read along them, and what is changed."""

from typing import Annotated
from uuid import UUID

import pytest
from pydantic import ValidationError
from statements import sent

from ferro import (
    AsyncDatabase,
    BackRef,
    Field,
    ForeignKey,
    ForeignKeyViolationError,
    InterfaceError,
    ManyToMany,
    ManyToManyField,
    Model,
    ModelBase,
    ModelDefinitionError,
    QueryError,
    Relation,
    UniqueViolationError,
    UnknownColumnError,
    connect,
)


class Book(Model):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    author: Annotated["Author", ForeignKey(related_name="books")]
    editor: Annotated["Author", ForeignKey(related_name="edited", on_delete="SET NULL", index=True)] | None = None
    tags: Relation[list["Tag"]] = ManyToMany(related_name="books")


class Author(Model):
    email: str = Field(primary_key=True)
    name: str = "Ann"
    books: Relation[list["Book"]] = BackRef()
    edited: BackRef[list["Book"]] | None = None
    profile: BackRef["Profile"] = None
    friends: Annotated[list["Author"], ManyToManyField(related_name="friend_of")] = None
    friend_of: list["Author"] | None = Field(default=None, back_ref=True)


class Profile(Model):
    id: int | None = Field(default=None, primary_key=True)
    author: Annotated[Author, ForeignKey(related_name="profile", unique=True)]


class Tag(Model):
    id: UUID = Field(primary_key=True)
    label: str
    books: BackRef[list[Book]] | None = None


class Shelf(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    rooms: Relation[list["Box"]] = BackRef()


class Box(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    shelf: Annotated[Shelf, ForeignKey(related_name="rooms")]


class Seat(Model):
    row: int = Field(primary_key=True)
    letter: str = Field(primary_key=True)
    guests: Relation[list["Guest"]] = BackRef()


class Guest(Model):
    id: int | None = Field(default=None, primary_key=True)
    seat: Annotated["Seat | None", ForeignKey(related_name="guests", unique=False)] = None


MODELS = (Author, Book, Profile, Tag, Shelf, Box, Seat, Guest)


@pytest.fixture
async def ann(database: AsyncDatabase) -> Author:
    await database.create_tables(*MODELS)
    return await Author.create(email="ann@x.org")


def tag(number: int, label: str = "new") -> Tag:
    return Tag(id=UUID(int=number), label=label)


async def test_a_relation_is_read_forwards_once(ann):
    await Book.create(title="SICP", author=ann)
    book = await Book.one()
    with sent() as statements:
        author = await book.author
        assert await book.author is author
        assert book.author is author
    assert (author, len(statements)) == (ann, 1)


async def test_a_relation_that_leads_nowhere_is_none(ann):
    book = await Book.create(title="SICP", author=ann)
    with sent() as statements:
        assert await book.editor is None
    assert statements == []


async def test_the_instance_a_model_was_made_with_is_there(ann):
    book = Book(title="SICP", author=ann)
    assert book.author is ann
    assert (book.author_id, book.model_dump()) == (
        "ann@x.org",
        {"id": None, "title": "SICP", "author_id": "ann@x.org", "editor_id": None},
    )
    assert Book(title="SICP", author="ann@x.org") == Book(title="SICP", author_id="ann@x.org") == book


async def test_a_relation_is_assigned_and_saved(ann):
    bob = await Author.create(email="bob@x.org")
    book = await Book.create(title="SICP", author=ann, editor=ann)
    book.author = bob
    book.editor = None
    assert (book.author, book.author_id, book.editor_id) == (bob, "bob@x.org", None)
    await book.save()
    found = await Book.one()
    assert (await found.author, found.editor_id) == (bob, None)


async def test_a_key_assigned_to_leads_somewhere_else(ann):
    bob = await Author.create(email="bob@x.org")
    book = await Book.create(title="SICP", author=ann)
    book.author_id = "bob@x.org"
    assert await book.author == bob


async def test_only_what_has_a_key_can_be_referred_to(ann):
    box = await Book.create(title="SICP", author=ann)
    with pytest.raises(QueryError, match=r"^Book.author takes an Author, not a Book$"):
        box.author = box
    with pytest.raises(ValidationError, match=r"Profile.author takes an Author, not a Book"):
        Profile(author=box)


async def test_the_sql_of_a_call_along_a_relation_is_the_query_s_to_show(ann):
    for call in (ann.books.all, ann.books.count, ann.books.update, ann.books.delete):
        with pytest.raises(QueryError, match=rf"^{call.__name__} has no sql\(\): call it on the query itself"):
            call.sql()


async def test_the_way_back_is_a_query(ann):
    for title in ("SICP", "HtDP"):
        await ann.books.create(title=title)
    await Book.create(title="Other", author=await Author.create(email="bob@x.org"))
    assert [book.title for book in await ann.books.order_by("title").all()] == ["HtDP", "SICP"]
    assert await ann.books.where(lambda b: b.title == "SICP").count() == 1
    assert (await ann.books.first()).author_id == "ann@x.org"
    assert await ann.edited.exists() is False


async def test_changes_along_a_relation_touch_related_rows_only(ann):
    bob = await Author.create(email="bob@x.org")
    await ann.books.create(title="a")
    await bob.books.create(title="b")
    assert await ann.books.update(title="new") == 1
    assert sorted(book.title for book in await Book.all()) == ["b", "new"]
    assert await ann.books.delete() == 1
    assert [book.title for book in await Book.all()] == ["b"]


async def test_one_to_one_is_read_from_both_ends(ann):
    assert await ann.profile is None
    profile = await Profile.create(author=ann)
    assert await ann.profile == profile
    assert ann.profile.author is ann
    assert await (await Profile.one()).author == ann
    with pytest.raises(UniqueViolationError):
        await Profile.create(author=ann)


async def test_many_to_many_links_are_added_removed_set_and_cleared(ann):
    book = await Book.create(title="SICP", author=ann)
    one, two, three = [await Tag.create(id=UUID(int=n), label=str(n)) for n in (1, 2, 3)]
    await book.tags.add(one, two.id)
    assert [found.label for found in await book.tags.order_by("label").all()] == ["1", "2"]
    assert await one.books.all() == [book]
    await book.tags.remove(one)
    assert await book.tags.all() == [two]
    await book.tags.set(one, three)
    assert [found.label for found in await book.tags.order_by("label").all()] == ["1", "3"]
    await book.tags.clear()
    assert (await book.tags.count(), await Tag.count()) == (0, 3)
    made = await book.tags.create(id=UUID(int=4), label="4")
    assert await book.tags.all() == [made]


async def test_a_link_that_is_there_says_so_or_does_not_mind(ann):
    book = await Book.create(title="SICP", author=ann)
    one = await Tag.create(id=UUID(int=1), label="1")
    await book.tags.add(one)
    with pytest.raises(UniqueViolationError, match=r"^Add M2M links failed: "):
        await book.tags.add(one)
    await book.tags.add(one, ignore_existing=True)
    assert await book.tags.count() == 1


async def test_changes_along_many_to_many_touch_linked_rows_only(ann):
    book = await Book.create(title="SICP", author=ann)
    one, two = [await Tag.create(id=UUID(int=n), label="old") for n in (1, 2)]
    await book.tags.add(one)
    assert await book.tags.update(label="new") == 1
    assert [(found.id.int, found.label) for found in await Tag.order_by("id").all()] == [(1, "new"), (2, "old")]
    assert await book.tags.where(lambda t: t.label == "old").delete() == 0
    assert await book.tags.delete() == 1
    assert await Tag.all() == [two]


async def test_a_relation_to_the_same_table_has_two_ends(ann):
    bob, eve = [await Author.create(email=f"{name}@x.org") for name in ("bob", "eve")]
    await ann.friends.add(bob, eve)
    assert await ann.friends.order_by("email").all() == [bob, eve]
    assert await bob.friend_of.all() == [ann]
    assert await bob.friends.all() == []


@pytest.mark.parametrize("verb", ["add", "remove", "set", "clear", "create"])
def test_collections_are_changed_and_plain_queries_are_not(verb):
    with pytest.raises(
        QueryError, match=rf"^'\.{verb}\(\)' can only be used on Many-to-Many relationships and on other"
    ):
        getattr(Book.where(lambda b: b.title == "SICP"), verb)
    assert not hasattr(Book.query(), verb)
    with pytest.raises(QueryError, match=rf"^{verb}\(\) needs a database: write db.query\(...rooms\).{verb}\(\)$"):
        getattr(Shelf(id=1).rooms, verb)


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_related_rows_are_changed_through_a_database(verb):
    with pytest.raises(QueryError, match=rf"^{verb}\(\) needs a database: write db.query\(...rooms\).{verb}\(\)$"):
        getattr(Shelf(id=1).rooms, verb)


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_a_selection_changes_no_rows(verb):
    with pytest.raises(QueryError, match=rf"^{verb}\(\) changes whole rows, and select\(\) chose columns to read"):
        getattr(Book.select("id"), verb)


@pytest.mark.parametrize("verb", ["prefetch_related", "select_related"])
def test_eager_loading_is_called_include(verb):
    for asked in (Book, Book.query(), Author(email="ann@x.org").books):
        with pytest.raises(AttributeError, match=rf"^{verb}\(\) is called include\(\) here: include\(lambda m"):
            getattr(asked, verb)


async def test_an_instance_that_is_not_saved_leads_nowhere(ann):
    book = Book(title="SICP", author=ann)
    with pytest.raises(QueryError, match=r"^Book.tags: this Book is not saved yet"):
        _ = book.tags


async def test_on_delete_is_kept_by_the_database(ann):
    bob = await Author.create(email="bob@x.org")
    await Book.create(title="one", author=ann, editor=bob)
    await bob.delete()
    assert (await Book.one()).editor_id is None
    await ann.delete()
    assert await Book.count() == 0
    with pytest.raises(ForeignKeyViolationError):
        await Book.create(title="two", author_id="nobody")


async def test_models_without_a_colour_are_read_through_a_handle(database, ann):
    shelf = await database.create(Shelf)
    box = await database.create(Box, shelf=shelf)
    found = await database.query(Box).one()
    with pytest.raises(
        InterfaceError, match=r"^Box.shelf is not loaded: load it with the database you hold, db.load\("
    ):
        _ = found.shelf
    assert await database.load(found, lambda b: b.shelf) == shelf
    assert found.shelf == shelf
    assert await database.query(shelf.rooms).where(lambda b: b.id == box.id).all() == [box]
    assert await database.load(shelf, lambda s: s.rooms) == [box]
    with pytest.raises(UnknownColumnError, match=r"^Shelf has no relation 'boxes'; its relations are rooms$"):
        await database.load(shelf, lambda s: s.boxes)


async def test_a_composite_key_is_held_by_as_many_columns(ann):
    seat = await Seat.create(row=3, letter="B")
    guest = await Guest.create(seat=seat)
    assert (guest.seat_row, guest.seat_letter) == (3, "B")
    found = await Guest.one()
    assert await found.seat == seat
    assert await seat.guests.all() == [guest]
    assert await (await Guest.create()).seat is None


class Hen(Model):
    id: int | None = Field(default=None, primary_key=True)
    egg: Annotated["Egg | None", ForeignKey(on_delete="SET NULL")] = None


class Egg(Model):
    id: int | None = Field(default=None, primary_key=True)
    hen: Annotated[Hen, ForeignKey()]


async def test_models_that_refer_to_each_other_are_created_once_and_both_keys_are_kept(database):
    await database.create_tables(Hen, Egg)
    await database.create_tables(Egg, Hen)
    hen = await Hen.create()
    egg = await Egg.create(hen=hen)
    hen.egg = egg
    await hen.save()
    with pytest.raises(ForeignKeyViolationError):
        await Hen.create(egg_id=77)
    with pytest.raises(ForeignKeyViolationError):
        await Egg.create(hen_id=77)
    await egg.delete()
    assert (await Hen.one()).egg_id is None


async def test_connecting_says_once_what_leads_nowhere_and_goes_on_the_next_time(database_url):
    class Lost(Model):
        id: int | None = Field(default=None, primary_key=True)
        home: Annotated["Nowhere", ForeignKey(related_name="lost")]  # noqa: F821

    with pytest.raises(
        ModelDefinitionError, match=r"^Relationship resolution failed: 'Nowhere' not found, which Lost.home"
    ):
        await connect(database_url)
    async with connect(database_url) as connected:
        assert await connected.check_connection()
    with pytest.raises(ModelDefinitionError, match="'Nowhere' not found"):
        await Lost.count()


async def test_relations_are_looked_for_and_written_by_every_verb(ann):
    bob = await Author.create(email="bob@x.org")
    book, made = await Book.get_or_create(author=ann, defaults={"title": "SICP", "editor": bob})
    assert (made, book.author_id, book.editor_id) == (True, "ann@x.org", "bob@x.org")
    assert await Book.get_or_create(author=ann) == (book, False)
    changed, made = await Book.update_or_create(title="SICP", defaults={"author": bob})
    assert (made, changed.author_id) == (False, "bob@x.org")
    profile = await Profile.upsert(author=ann, key=["author_id"])
    assert await ann.profile == profile
    assert await Book.query().filter_by(author=bob).count() == 1


async def test_refreshing_forgets_what_was_loaded(ann):
    await Profile.create(author=ann)
    assert await ann.profile is not None
    await Profile.query().delete()
    await ann.refresh()
    assert await ann.profile is None


async def test_a_copy_leads_where_its_original_does(ann):
    book = Book(title="SICP", author=ann)
    assert book.model_copy().author is ann
    assert book == book.model_copy() == Book(title="SICP", author_id="ann@x.org")


async def test_what_is_not_loaded_is_awaited_or_loaded_beforehand(database, ann):
    await Book.create(title="SICP", author=ann)
    book = await Book.one()
    loaded = await database.load(book, lambda b: b.author)
    assert loaded is book.author
    assert await database.load(ann, lambda a: a.books) == [book]


async def test_a_relation_is_compared_without_a_join(ann):
    bob = await Author.create(email="bob@x.org")
    await Book.create(title="a", author=ann, editor=bob)
    await Book.create(title="b", author=bob)
    with sent() as statements:
        assert [b.title for b in await Book.where(lambda b: b.author == ann).all()] == ["a"]
        assert [b.title for b in await Book.where(lambda b: b.author != ann).all()] == ["b"]
        assert [b.title for b in await Book.where(lambda b: b.editor == None).all()] == ["b"]
        assert [b.title for b in await Book.where(Book.editor != None).all()] == ["a"]
    assert not any("JOIN" in str(statement) for statement in statements)


async def test_seats_are_compared_by_every_column_of_their_key(ann):
    seat, other = [await Seat.create(row=3, letter=letter) for letter in "AB"]
    await Guest.create(seat=seat)
    await Guest.create()
    assert await Guest.where(lambda g: g.seat == seat).count() == 1
    assert await Guest.where(lambda g: g.seat == other).count() == 0
    assert await Guest.where(lambda g: g.seat == None).count() == 1


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            lambda b: b.author == "ann",
            "Book.author is compared with an Author or None, not with 'ann'; a key is compared with author_id",
        ),
        (
            lambda b: b.author.profile == 3,
            "Author.profile is compared with a Profile or None, not with 3; a key is compared with profile.id",
        ),
        (
            lambda b: b.tags.contains(3),
            "Book.tags is compared with a Tag or None, not with 3; a key is compared with the rows in any(): row.id",
        ),
        (lambda b: b.author == Author.model_construct(), "Book.author: this Author is not saved yet"),
        (lambda b: b.author < 3, "Book.author is a relation: compare it by == and != with an instance or None"),
        (lambda b: b.author.in_([1, 2]), "Book.author is a relation: look for its key, author_id.in_([...])"),
        (lambda b: b.tags == None, "Book.tags leads to many rows, and is no value to be compared"),
    ],
)
def test_what_a_relation_cannot_be_compared_with(condition, message):
    with pytest.raises(QueryError) as error:
        Book.where(condition)
    assert str(error.value).startswith(message)


async def test_a_relation_stands_for_its_columns_wherever_fields_are_named(ann):
    bob = await Author.create(email="bob@x.org")
    book, other = [await Book.create(title=title, author=ann) for title in ("a", "b")]
    for one in (book, other):
        one.author, one.title = bob, "new"
    await book.save(only={"author"})
    assert [(b.title, b.author_id) for b in await Book.where(lambda b: b.id == book.id).all()] == [("a", "bob@x.org")]
    await book.save(exclude={"author"})
    assert (await Book.where(lambda b: b.id == book.id).one()).title == "new"
    assert await Book.bulk_update([other], fields=["author"]) == 1
    assert [(b.title, b.author_id) for b in await Book.where(lambda b: b.id == other.id).all()] == [("b", "bob@x.org")]
    assert await Book.where(lambda b: b.title == "b").update(author="ann@x.org", editor=bob) == 1
    assert await Book.update(lambda b: {"editor": None}) == 2
    assert await Book.query().filter_by(author="ann@x.org", editor=None).count() == 1
    assert (await Profile.upsert(author=ann, key="author")).author_id == "ann@x.org"
    for call in (lambda: book.save(only={"tags"}), lambda: Book.bulk_update([book], fields=["tags"])):
        with pytest.raises(
            QueryError, match=r"^Book.tags is kept by no column of book, so it cannot be written there$"
        ):
            await call()
    with pytest.raises(QueryError, match=r"^book.author_id cannot be None: the column is not nullable$"):
        await Book.update(author=None)


async def test_only_a_foreign_key_is_assigned(ann):
    with pytest.raises(QueryError) as error:
        ann.profile = Profile(author=ann)
    assert str(error.value) == (
        "Author.profile is the way back: set the relation in Profile instead, Profile.author, and save that"
    )
    for name in ("books", "friends", "friend_of"):
        with pytest.raises(
            QueryError, match=rf"^Author.{name} leads to many rows, and is not set at once: change it with"
        ):
            setattr(ann, name, [])
    with pytest.raises(ValidationError, match=r"Author.profile is the way back"):
        Author(email="x", profile=None)
