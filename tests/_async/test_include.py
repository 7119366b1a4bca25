"""What is loaded with the rows of a query, and with instances one has."""

import copy
import pickle
from typing import Annotated

import pytest
from statements import sent

from ferro import (
    AsyncDatabase,
    BackRef,
    Field,
    ForeignKey,
    InterfaceError,
    ManyToMany,
    Model,
    QueryError,
    Relation,
    UnknownColumnError,
    connect,
)


class Publisher(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    books: Relation[list["Book"]] = BackRef()


class Author(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    books: Relation[list["Book"]] = BackRef()
    profile: "Profile" = BackRef()
    friends: Relation[list["Author"]] = ManyToMany(related_name="friend_of")
    friend_of: Relation[list["Author"]] = BackRef()


class Book(Model):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    year: int = 2000
    author: Annotated[Author, ForeignKey(related_name="books", index=True)]
    publisher: Annotated["Publisher | None", ForeignKey(related_name="books", on_delete="SET NULL")] = None
    tags: Relation[list["Tag"]] = ManyToMany(related_name="books")


class Profile(Model):
    id: int | None = Field(default=None, primary_key=True)
    author: Annotated[Author, ForeignKey(related_name="profile", unique=True)]


class Tag(Model):
    name: str = Field(primary_key=True)
    books: Relation[list[Book]] = BackRef()


class Seat(Model):
    row: int = Field(primary_key=True)
    letter: str = Field(primary_key=True)
    guests: Relation[list["Guest"]] = BackRef()
    likers: Relation[list["Guest"]] = BackRef()


class Guest(Model):
    id: int | None = Field(default=None, primary_key=True)
    seat: Annotated["Seat | None", ForeignKey(related_name="guests", unique=False)] = None
    liked: Relation[list[Seat]] = ManyToMany(related_name="likers")


class Place(Model):
    x: float = Field(primary_key=True)
    y: float = Field(primary_key=True)
    people: Relation[list["Person"]] = BackRef()


class Person(Model):
    id: int | None = Field(default=None, primary_key=True)
    place: Annotated[Place, ForeignKey(related_name="people")]


MODELS = (Publisher, Author, Book, Profile, Tag, Seat, Guest, Place, Person)


@pytest.fixture
async def library(database: AsyncDatabase) -> AsyncDatabase:
    """Ann wrote a, b and c; Bob wrote d; Eve wrote nothing. Only Ann has a profile, only a and d a publisher."""
    await database.create_tables(*MODELS)
    ann, bob, _ = [await Author.create(name=name) for name in ("Ann", "Bob", "Eve")]
    house = await Publisher.create(name="House")
    await Profile.create(author=ann)
    x, y = [await Tag.create(name=name) for name in "xy"]
    for number, title in enumerate("abcd"):
        publisher = house if title in "ad" else None
        author = bob if title == "d" else ann
        book = await Book.create(title=title, year=2000 + number, author=author, publisher=publisher)
        await book.tags.add(*{"a": [x], "b": [x, y], "c": [], "d": [y]}[title])
    await ann.friends.add(bob)
    return database


def titles(books: object) -> list[str]:
    return [book.title for book in books]


async def test_collections_are_loaded_with_one_statement_more(library):
    with sent() as statements:
        authors = await Author.include(lambda a: a.books.order_by("title")).order_by("id").all()
        assert [titles(author.books) for author in authors] == [["a", "b", "c"], ["d"], []]
        assert [titles(await author.books.all()) for author in authors] == [["a", "b", "c"], ["d"], []]
    assert len(statements) == 2


async def test_a_collection_answers_without_asking_and_is_a_query_still(library):
    ann, eve = await Author.include("books").where(lambda a: a.name.in_(["Ann", "Eve"])).order_by("id").all()
    first = await Book.order_by("id").first()
    with sent() as statements:
        assert (len(ann.books), bool(ann.books), len(eve.books), bool(eve.books)) == (3, True, 0, False)
        assert first in ann.books and first not in eve.books
        assert ann.books[0] == first and ann.books[-1] is list(ann.books)[2]
        assert titles(ann.books[:2]) == ["a", "b"]
        with pytest.raises(IndexError):
            _ = eve.books[0]
    assert statements == []
    with sent() as statements:
        assert await ann.books.count() == 3
        assert titles(await ann.books.where(lambda b: b.year > 2001).all()) == ["c"]
    assert len(statements) == 2


async def test_what_is_not_loaded_says_how_to_load_it(library):
    ann = await Author.order_by("id").first()
    for touch in (len, list, bool, lambda books: books[0], lambda books: 1 in books):
        with pytest.raises(InterfaceError) as error:
            touch(ann.books)
        assert str(error.value) == (
            "Author.books is not loaded: read it with `await author.books.all()`, "
            "or load it with the query: `include(lambda m: m.books)`"
        )
    with pytest.raises(InterfaceError, match=r"^a query holds no rows until it is asked for them: call all\(\), or "):
        list(ann.books.where(lambda b: b.year > 2000))


async def test_single_relations_are_the_instance_or_none(library):
    with sent() as statements:
        books = await Book.include("author", "publisher").order_by("title").all()
        assert [book.author.name for book in books] == ["Ann", "Ann", "Ann", "Bob"]
        assert [book.publisher and book.publisher.name for book in books] == ["House", None, None, "House"]
        assert await books[0].author is books[0].author is books[1].author
    assert len(statements) == 3


async def test_the_way_back_of_one_to_one_is_loaded_and_leads_back(library):
    with sent() as statements:
        ann, bob = await Author.include("profile").order_by("id").limit(2).all()
        assert ann.profile.author is ann
        assert bob.profile is None
    assert len(statements) == 2


async def test_the_rows_of_a_collection_lead_back(library):
    ann = await Author.include("books").order_by("id").first()
    with sent() as statements:
        assert all(book.author is ann for book in ann.books)
    assert statements == []


async def test_linked_rows_are_one_instance_however_many_lead_there(library):
    with sent() as statements:
        books = await Book.include(lambda b: b.tags.order_by("name")).order_by("title").all()
        assert [[tag.name for tag in book.tags] for book in books] == [["x"], ["x", "y"], [], ["y"]]
        assert books[0].tags[0] is books[1].tags[0]
        assert books[1].tags[1] is books[3].tags[0]
    assert len(statements) == 2
    tags = await Tag.include("books").order_by("name").all()
    assert [sorted(titles(tag.books)) for tag in tags] == [["a", "b"], ["b", "d"]]


async def test_links_within_one_table_have_two_ends(library):
    ann, bob = await Author.include("friends", "friend_of").order_by("id").limit(2).all()
    assert (list(ann.friends), list(ann.friend_of)) == ([bob], [])
    assert (list(bob.friends), list(bob.friend_of)) == ([], [ann])


async def test_paths_that_begin_alike_are_loaded_once(library):
    with sent() as statements:
        authors = await Author.include("books.publisher", lambda a: a.books.tags).order_by("id").all()
        assert [[book.publisher and book.publisher.name for book in author.books] for author in authors] == [
            ["House", None, None],
            ["House"],
            [],
        ]
        assert [[len(book.tags) for book in author.books] for author in authors] == [[1, 2, 0], [1], []]
    assert len(statements) == 4


async def test_three_levels_over_a_thousand_rows_are_three_statements_more(library):
    authors = await Author.bulk_create([Author(name=str(number)) for number in range(1000)])
    house = await Publisher.first()
    made = [Book(title=f"{n}", author=author, publisher=house) for n in range(2) for author in authors]
    await Book.bulk_create(made)
    with sent() as statements:
        found = await Author.include(lambda a: a.books.publisher.books).where(lambda a: a.id > 3).all()
        assert [len(author.books) for author in found] == [2] * 1000
        assert {len(book.publisher.books) for author in found for book in author.books} == {2002}
    assert len(statements) == 4


async def test_a_limit_is_meant_for_each_row(library):
    await Book.create(title="e", year=2004, author_id=2)
    newest = Author.include(lambda a: a.books.order_by("-year").limit(2)).order_by("id")
    assert [titles(author.books) for author in await newest.all()] == [["c", "b"], ["e", "d"], []]
    second = Author.include(lambda a: a.books.order_by("year").offset(1).limit(1)).order_by("id")
    assert [titles(author.books) for author in await second.all()] == [["b"], ["e"], []]
    rest = Author.include(lambda a: a.books.order_by("year").offset(1)).order_by("id")
    assert [titles(author.books) for author in await rest.all()] == [["b", "c"], ["e"], []]
    linked = Tag.include(lambda t: t.books.order_by("-title").limit(1)).order_by("name")
    assert [titles(tag.books) for tag in await linked.all()] == [["b"], ["d"]]


async def test_conditions_choose_what_is_loaded_and_all_answers_only_that(library):
    def chosen(a):
        return a.books.where(lambda b: b.year >= 2001).filter_by(publisher_id=None).order_by("-year").include("tags")

    ann = await Author.include(chosen).where(lambda a: a.name == "Ann").one()
    assert titles(ann.books) == titles(await ann.books.all()) == ["c", "b"]
    assert [len(book.tags) for book in ann.books] == [0, 2]
    assert sorted(titles(await Author.query().database.query(ann.books).all())) == ["a", "b", "c"]
    assert await ann.books.count() == 3
    book = await Book.include(lambda b: b.author.where(lambda a: a.name == "Bob")).order_by("title").first()
    assert book.author is None


async def test_the_conditions_of_the_query_around_do_not_reach_what_is_loaded(library):
    found = await Book.where(lambda b: b.title == "a").include(lambda b: b.author.books).one()
    assert sorted(titles(found.author.books)) == ["a", "b", "c"]


async def test_every_terminal_loads(library):
    query = Author.include("books").order_by("id")
    assert len((await query.first()).books) == 3
    assert len((await query.limit(1).one()).books) == 3
    assert len((await query.limit(1).one_or_none()).books) == 3
    assert await query.where(lambda a: a.id > 9).first() is None
    assert [len(author.books) for author in (await query.page(1, 2)).rows] == [3, 1]
    async with library.transaction():
        assert [len(author.books) for author in await query.claim(2)] == [3, 1]
        assert [len(author.books) for author in await query.for_update().all()] == [3, 1, 0]
    assert await query.count() == 3


async def test_a_stream_loads_for_each_chunk(library):
    with sent() as statements:
        found = [len(author.books) async for author in Author.include("books").order_by("id").stream(chunk=2)]
        assert found == [3, 1, 0]
    assert len([sql for sql in statements if '"book"' in sql]) == 2
    async with library.transaction():
        await Book.create(title="e", author_id=3)
        assert [len(a.books) async for a in Author.include("books").order_by("id").stream(chunk=1)] == [3, 1, 1]


async def test_a_stream_of_the_only_connection_loads_too(database_url):
    async with connect(database_url, max_connections=1) as only:
        await only.create_tables(*MODELS)
        ann = await Author.create(name="Ann")
        await ann.books.create(title="a")
        assert [titles(a.books) async for a in Author.include("books").stream(chunk=1)] == [["a"]]


async def test_composite_keys_are_looked_for_together(library):
    near, far = await Seat.create(row=1, letter="a"), await Seat.create(row=1, letter="b")
    for seat in (near, far, far, None):
        await Guest.create(seat=seat)
    for guest in await Guest.all():
        await guest.liked.add(near)
    with sent() as statements:
        guests = await Guest.include("seat.guests", "liked").order_by("id").all()
        assert [guest.seat and len(guest.seat.guests) for guest in guests] == [1, 2, 2, None]
        assert [list(guest.liked) for guest in guests] == [[near]] * 4
        assert guests[1].seat is guests[2].seat
    assert len(statements) == 4
    seats = await Seat.include(lambda s: s.guests.order_by("-id").limit(1), "likers").order_by("letter").all()
    assert [[guest.id for guest in seat.guests] for seat in seats] == [[1], [3]]
    assert [len(seat.likers) for seat in seats] == [4, 0]


async def test_composite_keys_that_are_no_json_are_looked_for_too(library):
    places = [await Place.create(x=number / 3, y=0.1) for number in range(3)]
    for place in places:
        await Person.create(place=place)
    assert [person.place for person in await Person.include("place").order_by("id").all()] == places


async def test_what_was_loaded_is_neither_dumped_nor_compared_and_goes_with_copies(library):
    ann = await Author.include("books", "profile").order_by("id").first()
    bare = await Author.order_by("id").first()
    assert ann == bare and ann.model_dump() == bare.model_dump() == {"id": 1, "name": "Ann"}
    for copied in (ann.model_copy(), copy.copy(ann), copy.deepcopy(ann)):
        assert titles(copied.books) == ["a", "b", "c"]
    with pytest.raises(InterfaceError):
        len(pickle.loads(pickle.dumps(ann)).books)


async def test_what_was_loaded_is_forgotten_with_the_key_it_was_loaded_for(library):
    book = await Book.include("author", "publisher").order_by("title").first()
    book.author_id = 2
    assert (await book.author).name == "Bob"
    ann = (await Author.include("books").order_by("id").first()).model_copy(update={"id": 2})
    assert titles(await ann.books.all()) == ["d"]
    book = await Book.include(lambda b: b.author.where(lambda a: a.name == "nobody")).first()
    book.author_id = 2
    assert (await book.author).name == "Bob"


async def test_loading_again_where_nothing_is_any_more_gives_none(library):
    included = await Book.include("publisher").order_by("title").first()
    loaded = await Book.order_by("title").first()
    assert await loaded.publisher is not None
    for book in (included, loaded):
        book.publisher_id = None
        assert await library.load(book, lambda b: b.publisher) is None
        assert await book.publisher is None


async def test_refreshing_and_changing_a_collection_forget_what_was_loaded(library):
    async def loaded() -> Book:
        return await Book.include("tags").order_by("title").first()

    book = await loaded()
    await book.refresh()
    with pytest.raises(InterfaceError):
        len(book.tags)
    y = await Tag.get("y")
    for change in ("add", "remove", "set"):
        book = await loaded()
        held = book.tags
        await getattr(held, change)(y)
        with pytest.raises(InterfaceError):
            len(held)
    for change in ("clear", "delete"):
        book = await loaded()
        await getattr(book.tags, change)()
        with pytest.raises(InterfaceError):
            len(book.tags)
    ann = await Author.include("books").order_by("id").first()
    await ann.books.create(title="new")
    assert len(await ann.books.all()) == 4


async def test_relations_of_instances_one_has_are_loaded_with_one_statement(library):
    books = await Book.order_by("title").all()
    with sent() as statements:
        await library.load_many(books, lambda b: b.author.profile, "tags")
        assert [book.author.name for book in books] == ["Ann", "Ann", "Ann", "Bob"]
        assert [len(book.tags) for book in books] == [1, 2, 0, 1]
        assert books[0].author.profile is not None
        await library.load_many([], lambda b: b.author)
    assert len(statements) == 3
    with pytest.raises(
        QueryError, match=r"^load_many\(\) takes instances of one model, and this is a Book beside a Ta"
    ):
        await library.load_many([books[0], await Tag.first()], "tags")
    with pytest.raises(QueryError, match=r"^Author.books: this Author is not saved yet"):
        await library.load_many([Author(name="new")], "books")


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("book", UnknownColumnError, "Author has no relation 'book'; did you mean 'books'? its relations are books, "),
        ("books.tag", UnknownColumnError, "Book has no relation 'tag'; did you mean 'tags'? its relations are author,"),
        (lambda a: a.nothing, UnknownColumnError, "Author has no relation 'nothing'; its relations are books, "),
        ("name", QueryError, "Author.name is a column, and is loaded with its row: include() takes relations"),
        ("", UnknownColumnError, "Author has no relation ''; its relations are "),
        (7, QueryError, "include() takes relations of Author, such as lambda m: m.books or their names, got 7"),
        (lambda a: None, QueryError, "include() takes relations of Author, such as lambda m: m.books or their names"),
        (lambda a: a.profile.limit(1), QueryError, "Author.profile leads to one row, of which limit() says nothing"),
        (lambda a: a.books == 1, QueryError, "include() takes relations, and Author.books is compared there"),
        (lambda a: a.books.where(lambda b: b.titel == ""), UnknownColumnError, "book has no column 'titel'"),
        (
            lambda a: (a.books.limit(1), a.books.limit(2)),
            QueryError,
            "Author.books is included twice, each time with conditions or an order of its own",
        ),
    ],
)
def test_a_path_that_leads_nowhere_is_an_error_at_once(path, error, message):
    with pytest.raises(error) as raised:
        Author.include(path)
    assert str(raised.value).startswith(message)


async def test_include_is_about_instances(library):
    with pytest.raises(QueryError, match=r"^include\(\) needs a relation"):
        Author.include()
    with pytest.raises(QueryError, match=r"^include\(\) loads what belongs to instances, and this query selects"):
        Author.select("id").include("books")
    with pytest.raises(QueryError, match=r"^select\(\) gives columns, and include\(\) loads what belongs"):
        Author.include("books").select("id")
    with pytest.raises(QueryError, match=r"^delete_returning\(\) gives no rows that something could be loaded with"):
        await Author.include("books").delete_returning()


async def test_strict_relations_are_loaded_when_asked_and_never_when_used(database_url):
    async with connect(database_url, strict_relations=True) as strict:
        await strict.create_tables(*MODELS)
        await Book.create(title="a", author=await Author.create(name="Ann"))
        book = await Book.first()
        with pytest.raises(InterfaceError) as error:
            await book.author
        assert str(error.value) == (
            "Book.author is not loaded, and this database was opened with strict_relations=True: load it with the "
            "query, `include(lambda m: m.author)`, or by `db.load(book, lambda m: m.author)`"
        )
        assert await book.publisher is None
        assert (await strict.load(book, lambda b: b.author)).name == "Ann"
        assert book.author.name == "Ann"
        assert (await Book.include("author").first()).author.name == "Ann"


async def test_what_is_loaded_is_of_the_class_that_has_the_name_now(database):
    class Team(Model):
        id: int | None = Field(default=None, primary_key=True)
        players: Relation[list["Player"]] = BackRef()
        fans: Relation[list["Fan"]] = ManyToMany(related_name="teams", through="team_fans")

    class Player(Model):
        id: int | None = Field(default=None, primary_key=True)
        team: Annotated[Team, ForeignKey(related_name="players")]
        shirt: int = 7

    class Fan(Model):
        id: int | None = Field(default=None, primary_key=True)
        teams: Relation[list[Team]] = BackRef()
        age: int = 40

    await database.create_tables(Team, Player, Fan)
    team = await database.create(Team)
    await database.create(Player, team=team)
    fan = await database.create(Fan)
    await fan.teams.add(team)

    async def loaded():
        teams = await database.query(Team).include("players", "fans").all()
        return [teams[0].players[0], teams[0].fans[0]]

    # The second time the statements are known.
    for _ in range(2):
        player, fan = await loaded()
        assert (type(player), player.shirt, type(fan), fan.age) == (Player, 7, Fan, 40)

    class Player(Model):
        id: int | None = Field(default=None, primary_key=True)
        team: Annotated[Team, ForeignKey(related_name="players")]

    class Fan(Model):
        id: int | None = Field(default=None, primary_key=True)
        teams: Relation[list[Team]] = BackRef()

    player, fan = await loaded()
    assert [type(player) is Player, type(fan) is Fan] == [True, True]
    assert [player.model_dump(), fan.model_dump()] == [{"id": 1, "team_id": 1}, {"id": 1}]
