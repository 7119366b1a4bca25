# Generated from tests/_async/test_belongings.py by scripts/unasync.py: edit that file, never this one.
"""Collections along a foreign key: rows that come to belong to an instance, and that no longer do."""

from typing import Annotated, Any

import pytest
from statements import sent

from ferro.instance.related import relate, related_to
from ferro.sync import (
    BackRef,
    Database,
    Field,
    ForeignKey,
    Model,
    ModelDoesNotExist,
    QueryError,
    Relation,
    StaleObjectError,
)

CALLED: list[str] = []


class Author(Model):
    email: str = Field(primary_key=True)
    books: Relation[list["Book"]] = BackRef()
    edited: BackRef[list["Book"]] | None = None
    pages: Relation[list["Page"]] = BackRef()


class Book(Model):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    author: Annotated[Author | None, ForeignKey(related_name="books")] = None
    editor: Annotated[Author, ForeignKey(related_name="edited")]

    def before_save(self) -> None:
        CALLED.append(f"before {self.title}")

    def after_save(self) -> None:
        CALLED.append(f"after {self.title}")


class Page(Model):
    number: int = Field(primary_key=True)
    side: str = Field(primary_key=True)
    author: Annotated[Author | None, ForeignKey(related_name="pages", on_delete="SET NULL")] = None
    version: int = Field(version=True)


class Seat(Model):
    row: int = Field(primary_key=True)
    letter: str = Field(primary_key=True)
    guests: Relation[list["Guest"]] = BackRef()
    labels: Relation[list["Label"]] = BackRef()


class Guest(Model):
    id: int | None = Field(default=None, primary_key=True)
    seat: Annotated["Seat | None", ForeignKey(related_name="guests")] = None
    host: Annotated["Guest | None", ForeignKey(related_name="party")] = None
    party: Relation[list["Guest"]] = BackRef()


class Label(Model):
    seat: Annotated[Seat, ForeignKey(related_name="labels")]
    seat_row: int = Field(primary_key=True)
    seat_letter: str = Field(primary_key=True)
    text: str = Field(primary_key=True)


@pytest.fixture
def ann(database: Database) -> Author:
    database.create_tables(Author, Book, Page, Seat, Guest, Label)
    CALLED.clear()
    return Author.create(email="ann")


def books(author: Author, *titles: str) -> list[Book]:
    return Book.bulk_create([Book(title=title, editor=author) for title in titles])


def owners() -> dict[str, str | None]:
    return {book.title: book.author_id for book in Book.order_by("title").all()}


def test_rows_are_moved_here_by_one_statement(ann):
    bob = Author.create(email="bob")
    one, two, _ = books(ann, "a", "b", "c")
    bob.books.add(two)
    with sent() as statements:
        ann.books.add(one, two.id, two)
    assert [sql.split(" ")[0] for sql in statements] == ["BEGIN", "UPDATE", "COMMIT"]
    assert owners() == {"a": "ann", "b": "ann", "c": None}
    assert (one.author_id, one.author) == ("ann", ann)
    assert one.author is ann
    with sent() as statements:
        one.save()
    assert statements == []


def test_what_was_assigned_to_a_row_that_is_moved_stays(ann):
    (one,) = books(ann, "a")
    one.title, one.author_id = "new", "nobody"
    ann.books.add(one)
    assert (one.title, one.author_id, owners()) == ("new", "ann", {"a": "ann"})
    one.save()
    assert owners() == {"new": "ann"}


def test_a_row_that_does_not_exist_moves_nothing(ann):
    one, two = books(ann, "a", "b")
    with pytest.raises(ModelDoesNotExist) as error:
        ann.books.add(one, two.id, 999)
    assert str(error.value) == "Add related rows failed: Book 999 does not exist, and nothing was written"
    assert (error.value.model, error.value.pk) == (Book, 999)
    assert owners() == {"a": None, "b": None}
    assert one.author_id is None
    with pytest.raises(ModelDoesNotExist, match="^Set related rows failed: Book 999 does not exist"):
        ann.books.set(one, 999)
    assert owners() == {"a": None, "b": None}


def test_only_saved_rows_of_the_right_model_belong_somewhere(ann):
    with pytest.raises(QueryError) as error:
        ann.books.add(Book(title="new", editor=ann))
    assert str(error.value) == (
        "Author.books: this Book is not saved yet; make one that belongs here with create(), or save it first"
    )
    with pytest.raises(QueryError, match=r"^Author.books takes a Book, not an Author$"):
        ann.books.add(ann)
    with pytest.raises(QueryError, match=r"^Book.id: "):
        ann.books.add("one")
    with pytest.raises(
        QueryError, match=r"^Author.books goes by the foreign key Book.author, and a link has no rank: "
    ):
        ann.books.add(1, rank=3)


def test_no_rows_are_no_statement(ann):
    with sent() as statements:
        ann.books.add()
        ann.books.remove()
        ann.edited.add()
    assert statements == []


def test_rows_are_let_go_where_the_key_may_be_null(ann):
    bob = Author.create(email="bob")
    one, two, three, other = books(ann, "a", "b", "c", "d")
    ann.books.add(one, two, three)
    bob.books.add(other)
    ann.books.remove(one, two.id, other, 999)
    assert owners() == {"a": None, "b": None, "c": "ann", "d": "bob"}
    assert (one.author_id, other.author_id, one.author, other.author) == (None, "bob", None, bob)
    ann.books.clear()
    assert owners() == {"a": None, "b": None, "c": None, "d": "bob"}


VERBS: list[Any] = [("remove", (1,)), ("clear", ()), ("set", (1,))]


@pytest.mark.parametrize(("verb", "given"), VERBS)
def test_rows_that_must_belong_somewhere_are_not_let_go(ann, verb, given):
    with pytest.raises(QueryError) as error:
        getattr(ann.edited, verb)(*given)
    assert str(error.value) == (
        f"Book.editor cannot be None, so Author.edited has no {verb}(): delete the rows, "
        "or move them with add() of where they are to belong"
    )


def test_set_is_both_at_once(ann):
    one, two, three = books(ann, "a", "b", "c")
    ann.books.add(one, two)
    with sent() as statements:
        ann.books.set(two, three.id)
    assert [sql.split(" ")[0] for sql in statements] == ["BEGIN", "SELECT", "UPDATE", "UPDATE", "COMMIT"]
    assert owners() == {"a": None, "b": "ann", "c": "ann"}
    assert two.author is ann
    ann.books.set()
    assert owners() == {"a": None, "b": None, "c": None}


def test_a_moved_row_counts_its_version_and_a_stale_one_moves_nothing(ann):
    one, two = Page.bulk_create([Page(number=1, side="r"), Page(number=1, side="v")])
    ann.pages.add(one, (1, "v"))
    assert (one.version, one.author_id) == (2, "ann")
    one.save()
    with pytest.raises(StaleObjectError) as error:
        ann.pages.remove(one, two)
    assert str(error.value) == (
        "Remove related rows failed: Page (1, 'v') was changed by someone else since it was read as version 1; "
        "refresh() it and try again"
    )
    assert ann.pages.count() == 2
    assert (one.version, one.author_id) == (2, "ann")
    two.refresh()
    ann.pages.set(two)
    assert (two.version, ann.pages.all()) == (2, [two])
    with pytest.raises(ModelDoesNotExist, match=r"Page \(7, 'r'\) does not exist"):
        ann.pages.add((7, "r"))


def test_a_composite_key_is_set_and_cleared_as_a_whole(ann):
    seat = Seat.create(row=1, letter="A")
    one, two = Guest.bulk_create([Guest(), Guest()])
    seat.guests.add(one, two)
    assert seat.guests.count() == 2
    seat.guests.remove(one)
    assert (one.seat_row, one.seat_letter, seat.guests.all()) == (None, None, [two])
    one.party.add(one, two)
    assert one.party.count() == 2


def test_a_row_whose_key_is_part_of_its_own_is_not_moved(ann):
    seat = Seat.create(row=1, letter="A")
    seat.labels.create(text="aisle")
    with pytest.raises(QueryError) as error:
        seat.labels.add((1, "A", "aisle"))
    assert str(error.value) == (
        "Label.seat is a part of the primary key of Label, so Seat.labels has no add(): create() and delete() the rows"
    )


def test_an_undone_transaction_leaves_rows_and_instances_as_they_were(database, ann):
    (one,) = books(ann, "a")
    with pytest.raises(ZeroDivisionError):
        with database.transaction():
            ann.books.add(one)
            1 / 0  # noqa: B018
    assert owners() == {"a": None}
    assert (one.author_id, one.author) == (None, None)
    one.save()
    assert owners() == {"a": None}
    ann.books.add(one)
    assert owners() == {"a": "ann"}


def test_create_sets_the_relation_and_calls_the_hooks(ann):
    made = ann.books.create(title="a", editor=ann)
    assert (made.author, CALLED) == (ann, ["before a", "after a"])
    with pytest.raises(QueryError) as error:
        ann.books.create(title="a", author=None, editor=ann)
    assert str(error.value) == "Author.books.create() sets Book.author itself: leave out author, or call Book.create()"
    with pytest.raises(QueryError, match="leave out author_id"):
        ann.books.create(title="a", author_id="bob", editor=ann)


def test_a_collection_that_was_loaded_is_forgotten_when_it_changes(ann):
    (one,) = books(ann, "a")
    collection = ann.books
    for change in (
        lambda: collection.add(one),
        collection.set,
        lambda: collection.create(title="b", editor=ann),
    ):
        relate(ann, "books", [])
        change()
        assert "books" not in related_to(ann)


def test_many_rows_take_few_statements(ann):
    made = Page.bulk_create([Page(number=number, side="r") for number in range(450)])
    with sent() as statements:
        ann.pages.add(*made)
    assert len([sql for sql in statements if sql.startswith("UPDATE")]) == 5
    assert ann.pages.count() == 450
