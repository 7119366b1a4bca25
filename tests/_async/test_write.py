"""Writing: what reaches the table, what comes back into the instance, and what is refused."""

import pickle
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError
from statements import sent

from ferro import (
    AsyncDatabase,
    Field,
    Model,
    ModelDoesNotExist,
    MultipleRowsFound,
    NotNullViolationError,
    QueryError,
    UniqueViolationError,
    UnknownColumnError,
    fetch_all,
    fetch_one,
    now,
    transaction,
)


class Reader(Model):
    __ferro_composite_uniques__ = (("first", "last"),)

    id: int | None = Field(default=None, primary_key=True)
    email: str | None = Field(default=None, unique=True)
    first: str = "Ann"
    last: str | None = None
    visits: int = 0


class Address(BaseModel):
    street: str
    city: str = "Oslo"


class Parcel(Model):
    id: int | None = Field(default=None, primary_key=True)
    contents: list[str] = Field(default=[])
    labels: dict[str, int] = Field(default={})
    to: Address | None = None
    weight: Decimal = Decimal(1)


class Ticket(Model):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    state: str = Field(db_default="new")
    priority: int = Field(db_default=3)
    opened: datetime = Field(db_default=now)
    closed: date | None = Field(default=None, db_default=date(2000, 1, 1))


class Seat(Model):
    row: int = Field(primary_key=True)
    letter: str = Field(primary_key=True)
    passenger: str | None = None


class Token(Model):
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    owner: str


class Country(Model):
    code: str = Field(primary_key=True)
    name: str


class Event(Model):
    name: str
    count: int = 0


class Counter(Model):
    id: int | None = Field(default=None, primary_key=True)


class Checked(Model):
    model_config = ConfigDict(validate_assignment=True)

    id: int | None = Field(default=None, primary_key=True)
    name: str


class Trouble(Exception):
    pass


@pytest.fixture(autouse=True)
async def tables(database: AsyncDatabase):
    await database.create_tables(Reader, Parcel, Ticket, Seat, Token, Country, Event, Counter, Checked)


def exactly(text: str) -> str:
    return f"^{re.escape(text)}$"


# Creating.


async def test_create_inserts_a_row_and_returns_it_with_its_key(database):
    ann = await Reader.create(email="ann@x", visits=3)
    assert ann == Reader(id=1, email="ann@x", visits=3)
    assert await fetch_all("SELECT * FROM reader") == [
        {"id": 1, "email": "ann@x", "first": "Ann", "last": None, "visits": 3}
    ]


async def test_create_is_one_statement(database):
    with sent() as statements:
        await Reader.create(email="ann@x")
    assert len(statements) == 1
    assert statements[0].startswith('INSERT INTO "reader"')


async def test_create_validates_what_it_is_given(database):
    with pytest.raises(ValidationError, match="visits"):
        await Reader.create(visits="many")
    assert await Reader.count() == 0


async def test_the_handle_creates_and_saves_every_model(database):
    ann = await database.create(Reader, email="ann@x")
    ann.visits = 4
    await database.save(ann)
    assert await database.get(Reader, ann.id) == ann


async def test_a_key_that_is_given_is_kept(database):
    assert (await Reader.create(id=40)).id == 40
    assert await Reader.get(40) == Reader(id=40)


async def test_keys_are_numbered_on_after_rows_are_gone(database):
    first = await Reader.create()
    await first.delete()
    assert (await Reader.create()).id == 2


async def test_a_taken_key_is_a_unique_violation(database):
    await Reader.create(id=1)
    with pytest.raises(UniqueViolationError, match="(?i)^Save failed: .*unique"):
        await Reader.create(id=1)


async def test_an_instance_whose_insert_failed_is_still_new(database):
    await Reader.create(email="ann@x")
    twin = Reader(email="ann@x")
    with pytest.raises(UniqueViolationError):
        await twin.save()
    assert twin.id is None
    twin.email = "bob@x"
    await twin.save()
    assert await Reader.count() == 2


async def test_none_in_a_column_that_must_have_a_value_is_refused_before_it_is_sent(database):
    reader = Reader()
    reader.visits = None
    with (
        sent() as statements,
        pytest.raises(QueryError, match=exactly("Reader.visits cannot be None: the column is not nullable")),
    ):
        await reader.save()
    assert statements == []


async def test_a_table_that_nobody_but_its_key_fills_takes_rows(database):
    assert [(await Counter.create()).id for _ in range(3)] == [1, 2, 3]
    assert [counter.id for counter in await Counter.bulk_create([Counter(), Counter()])] == [4, 5]


# Defaults of the database.


async def test_values_the_database_fills_in_come_back(database):
    before = datetime.now(UTC)
    ticket = await Ticket.create(title="leak")
    assert (ticket.state, ticket.priority, ticket.closed) == ("new", 3, date(2000, 1, 1))
    assert abs((ticket.opened - before).total_seconds()) < 60
    assert await Ticket.get(ticket.id) == ticket


async def test_a_value_that_is_given_wins_over_the_databases(database):
    ticket = await Ticket.create(title="leak", state="open", priority=1, closed=None)
    assert (ticket.state, ticket.priority, ticket.closed) == ("open", 1, None)
    assert await Ticket.get(ticket.id) == ticket


async def test_values_the_database_fills_in_come_back_to_many(database):
    tickets = await Ticket.bulk_create([Ticket(title="a"), Ticket(title="b", state="open"), Ticket(title="c")])
    assert [(t.state, t.priority) for t in tickets] == [("new", 3), ("open", 3), ("new", 3)]
    assert await Ticket.order_by("id").all() == tickets


async def test_other_programs_get_the_databases_defaults_too(database):
    await database.execute("INSERT INTO ticket (title) VALUES ('leak')")
    ticket = await Ticket.first()
    assert (ticket.state, ticket.priority, ticket.closed) == ("new", 3, date(2000, 1, 1))


# Saving.


async def test_save_inserts_a_new_instance_and_updates_it_afterwards(database):
    ann = Reader(email="ann@x")
    await ann.save()
    ann.email = "ann@y"
    await ann.save()
    assert await fetch_all("SELECT id, email FROM reader") == [{"id": 1, "email": "ann@y"}]


async def test_save_sends_the_changed_columns_only(database):
    await Reader.create(email="ann@x")
    ann = await Reader.get(1)
    ann.visits = 9
    await database.execute("UPDATE reader SET first = 'Anna'")
    with sent() as statements:
        await ann.save()
    assert len(statements) == 1
    assert re.fullmatch(r'UPDATE "reader" SET "visits"\s?=\s?(\?|\$1) WHERE .*', statements[0])
    assert await fetch_one("SELECT first, visits FROM reader") == {"first": "Anna", "visits": 9}


async def test_an_unchanged_instance_sends_nothing(database):
    created = await Reader.create(email="ann@x")
    loaded = await Reader.get(1)
    with sent() as statements:
        await created.save()
        await loaded.save()
        loaded.visits = loaded.visits
        await loaded.save()
        loaded.visits = 5
        loaded.visits = 0
        await loaded.save()
    assert statements == []


async def test_a_second_save_sends_nothing_more(database):
    ann = await Reader.create()
    ann.visits = 1
    await ann.save()
    with sent() as statements:
        await ann.save()
    assert statements == []


async def test_saving_a_row_that_is_gone_says_so(database):
    ann = await Reader.create()
    await Reader.where(lambda r: r.id == 1).delete()
    ann.visits = 1
    text = "Save failed: Reader 1 is not in the database any more; save(on_conflict='update') inserts it again"
    with pytest.raises(ModelDoesNotExist, match=exactly(text)) as caught:
        await ann.save()
    assert (caught.value.model, caught.value.pk) == (Reader, 1)


async def test_a_changed_primary_key_moves_the_row(database):
    ann = await Reader.create(visits=7)
    ann.id = 50
    await ann.save()
    assert [reader.id for reader in await Reader.all()] == [50]
    ann.visits = 8
    await ann.save()
    assert (await Reader.get(50)).visits == 8


async def test_a_part_of_a_composite_key_can_change(database):
    await Seat.create(row=1, letter="A", passenger="ann")
    seat = await Seat.get((1, "A"))
    seat.letter = "B"
    await seat.save()
    assert [(s.row, s.letter, s.passenger) for s in await Seat.all()] == [(1, "B", "ann")]


async def test_a_changed_key_that_is_taken_leaves_the_row_where_it_was(database):
    ann = await Reader.create()
    await Reader.create()
    ann.id = 2
    with pytest.raises(UniqueViolationError):
        await ann.save()
    ann.id = 1
    ann.visits = 4
    await ann.save()
    assert (await Reader.get(1)).visits == 4


async def test_rows_that_were_pickled_together_remember_each_its_own_changes(database):
    await Reader.bulk_create([Reader(first="Ann"), Reader(first="Bob")])
    ann, bob = pickle.loads(pickle.dumps(await Reader.order_by("id").all()))
    await Reader.where(lambda r: r.id == bob.id).update(first="Bill")
    ann.first = "Anne"
    bob.visits = 5
    await bob.save()
    await ann.save()
    found = await Reader.order_by("id").select(lambda r: (r.first, r.visits)).all()
    assert found == [("Anne", 0), ("Bill", 5)]


async def test_rows_that_were_pickled_together_keep_their_keys(database):
    await Checked.bulk_create([Checked(name="Ann"), Checked(name="Bob")])
    ann, bob = pickle.loads(pickle.dumps(await Checked.order_by("id").all()))
    ann.name = "Anne"
    bob.name = "Bill"
    await ann.save()
    await bob.delete()
    assert await Checked.select(lambda c: (c.id, c.name)).all() == [(1, "Anne")]


async def test_only_updates_the_named_fields_and_keeps_the_others_changed(database):
    ann = await Reader.create(email="ann@x")
    ann.visits, ann.first = 5, "Anna"
    await ann.save(only={"visits"})
    assert await fetch_one("SELECT first, visits FROM reader") == {"first": "Ann", "visits": 5}
    await ann.save()
    assert await fetch_one("SELECT first, visits FROM reader") == {"first": "Anna", "visits": 5}


async def test_exclude_updates_all_changed_fields_but_the_named(database):
    ann = await Reader.create(email="ann@x")
    ann.visits, ann.first = 5, "Anna"
    await ann.save(exclude=["visits"])
    assert await fetch_one("SELECT first, visits FROM reader") == {"first": "Anna", "visits": 0}


async def test_only_with_nothing_changed_sends_nothing(database):
    ann = await Reader.create()
    with sent() as statements:
        await ann.save(only={"visits"})
    assert statements == []


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"only": {"a"}, "exclude": {"b"}}, "save() takes only= or exclude=, not both"),
        ({"only": "visits"}, "only= takes a set of field names, not a str: only={'visits'}"),
        ({"exclude": "visits"}, "exclude= takes a set of field names, not a str: exclude={'visits'}"),
        ({"only": set()}, "only= is empty: name at least one field, or leave it out"),
        ({"exclude": []}, "exclude= is empty: name at least one field, or leave it out"),
        ({"on_conflict": "ignore"}, "on_conflict is 'ignore'; it can be 'update'"),
        (
            {"on_conflict": "update", "only": {"visits"}},
            "on_conflict='update' writes the whole row: leave out only= and exclude=",
        ),
        (
            {"only": {"visit"}},
            "reader has no column 'visit'; did you mean 'visits'? its columns are id, email, first, last, visits",
        ),
    ],
)
async def test_what_save_cannot_do_is_refused(database, options, text):
    ann = await Reader.create()
    ann.visits = 5
    with pytest.raises(QueryError, match=exactly(text)) as caught:
        await ann.save(**options)
    assert isinstance(caught.value, ValueError)
    assert (await Reader.get(1)).visits == 0


async def test_only_is_for_rows_that_are_there(database):
    text = "only= and exclude= choose columns to update, and this Reader is new: a new row is inserted whole"
    with pytest.raises(QueryError, match=exactly(text)):
        await Reader().save(only={"visits"})


async def test_on_conflict_update_overwrites_the_row_of_the_same_key(database):
    await Reader.create(id=101, email="ann@x", visits=5)
    await Reader(id=101, email="bob@x").save(on_conflict="update")
    await Reader(id=102, email="cid@x").save(on_conflict="update")
    unkeyed = Reader(email="dan@x")
    await unkeyed.save(on_conflict="update")
    assert [(r.id, r.email, r.visits) for r in await Reader.order_by("email").all()] == [
        (101, "bob@x", 0),
        (102, "cid@x", 0),
        (unkeyed.id, "dan@x", 0),
    ]


async def test_on_conflict_update_inserts_a_row_that_is_gone_again(database):
    ann = await Reader.create(email="ann@x")
    await Reader.where(lambda r: r.id == 1).delete()
    ann.visits = 3
    await ann.save(on_conflict="update")
    assert await Reader.all() == [Reader(id=1, email="ann@x", visits=3)]


async def test_saving_what_was_saved_is_an_update(database):
    ann = Reader(id=1)
    await ann.save(on_conflict="update")
    ann.visits = 2
    await ann.save()
    assert await Reader.all() == [Reader(id=1, visits=2)]


# Values that change in place.


async def test_a_list_changed_in_place_is_saved(database):
    await Parcel.create(contents=["book"])
    parcel = await Parcel.get(1)
    parcel.contents.append("lamp")
    await parcel.save()
    assert (await Parcel.get(1)).contents == ["book", "lamp"]


async def test_a_dict_changed_in_place_is_saved(database):
    parcel = await Parcel.create(labels={"a": 1})
    parcel.labels["b"] = 2
    await parcel.save()
    assert (await Parcel.get(1)).labels == {"a": 1, "b": 2}


async def test_a_nested_model_changed_in_place_is_saved(database):
    await Parcel.create(to=Address(street="Elm 1"))
    parcel = await Parcel.first()
    parcel.to.city = "Bergen"
    await parcel.save()
    assert (await Parcel.get(1)).to == Address(street="Elm 1", city="Bergen")


async def test_a_document_that_was_only_looked_at_is_not_sent(database):
    await Parcel.create(contents=["book"], labels={"a": 1}, to=Address(street="Elm 1"))
    parcel = await Parcel.get(1)
    with sent() as statements:
        assert (parcel.contents, parcel.labels, parcel.to) == (["book"], {"a": 1}, Address(street="Elm 1"))
        parcel.contents.append("lamp")
        parcel.contents.pop()
        await parcel.save()
    assert statements == []


async def test_only_the_changed_document_is_sent(database):
    await Parcel.create(contents=["book"], labels={"a": 1})
    parcel = await Parcel.get(1)
    parcel.labels["a"] = 2
    with sent() as statements:
        await parcel.save()
    assert len(statements) == 1
    assert '"labels"' in statements[0] and '"contents"' not in statements[0]


async def test_defaults_that_are_documents_are_not_shared_between_rows(database):
    first, second = await Parcel.create(), await Parcel.create()
    first.contents.append("lamp")
    await first.save()
    assert second.contents == []
    assert [parcel.contents for parcel in await Parcel.order_by("id").all()] == [["lamp"], []]


# Many rows.


async def test_bulk_create_writes_keys_back_in_order(database):
    readers = [Reader(first=f"r{n}") for n in range(3)]
    assert await Reader.bulk_create(readers) == readers
    assert [(r.id, r.first) for r in readers] == [(1, "r0"), (2, "r1"), (3, "r2")]
    assert await Reader.order_by("id").all() == readers


@pytest.mark.parametrize("count", [0, 1, 500, 1200])
async def test_bulk_create_takes_any_number_of_rows(database, count):
    readers = await Reader.bulk_create(Reader(first=f"r{n}", visits=n) for n in range(count))
    assert len(readers) == count
    assert await Reader.count() == count
    assert [r.id for r in readers] == list(range(1, count + 1))
    assert await Reader.order_by("visits").all() == readers


async def test_bulk_create_of_nothing_sends_nothing(database):
    with sent() as statements:
        assert await Reader.bulk_create([]) == []
    assert statements == []


async def test_bulk_create_takes_rows_with_and_without_keys(database):
    readers = await Reader.bulk_create([Reader(id=70), Reader(first="b"), Reader(id=80), Reader(first="c")])
    assert [r.id for r in readers[::2]] == [70, 80]
    assert all(r.id for r in readers)
    assert {r.id for r in await Reader.all()} == {r.id for r in readers}


async def test_a_duplicate_among_many_leaves_no_row(database):
    readers = [Reader(email=f"{n}@x", first=str(n)) for n in range(1199)] + [Reader(email="5@x")]
    with pytest.raises(UniqueViolationError, match="(?i)^Bulk save failed for 'Reader': .*unique"):
        await Reader.bulk_create(readers)
    assert await Reader.count() == 0
    assert [r.id for r in readers] == [None] * 1200
    readers.pop()
    await Reader.bulk_create(readers)
    assert await Reader.count() == 1199


async def test_bulk_create_joins_the_transaction(database):
    with pytest.raises(Trouble):
        async with transaction():
            await Reader.bulk_create([Reader(first=str(n)) for n in range(700)])
            assert await Reader.count() == 700
            raise Trouble
    assert await Reader.count() == 0


async def test_bulk_create_that_fails_inside_a_nested_block_fails_alone(database):
    async with transaction():
        await Reader.create(email="ann@x")
        with pytest.raises(UniqueViolationError):
            async with transaction():
                await Reader.bulk_create([Reader(email="bob@x"), Reader(email="ann@x")])
    assert [r.email for r in await Reader.all()] == ["ann@x"]


async def test_bulk_create_refuses_another_class(database):
    with pytest.raises(QueryError, match=exactly("bulk_create() of Reader got a Seat at position 1")):
        await Reader.bulk_create([Reader(), Seat(row=1, letter="A")])


async def test_bulk_create_refuses_rows_that_are_there(database):
    ann = await Reader.create()
    text = "the Reader at position 0 is in the database already: save() writes its changes"
    with pytest.raises(QueryError, match=exactly(text)):
        await Reader.bulk_create([ann])


async def test_bulk_create_refuses_one_instance_twice(database):
    ann = Reader()
    text = "bulk_create() got the same Reader more than once: each instance is one row"
    with pytest.raises(QueryError, match=exactly(text)):
        await Reader.bulk_create([ann, ann])


async def test_what_bulk_create_made_is_saved_by_its_changes(database):
    readers = await Reader.bulk_create([Reader(), Reader(first="b")])
    readers[1].visits = 6
    with sent() as statements:
        for reader in readers:
            await reader.save()
    assert len(statements) == 1
    assert [r.visits for r in await Reader.order_by("id").all()] == [0, 6]


async def test_documents_are_created_in_bulk_and_watched(database):
    parcels = await Parcel.bulk_create([Parcel(contents=["a"]), Parcel(contents=["b"])])
    parcels[0].contents.append("c")
    await parcels[0].save()
    assert [p.contents for p in await Parcel.order_by("id").all()] == [["a", "c"], ["b"]]


# Upsert.


async def test_upsert_inserts_and_updates_by_a_unique_column(database):
    made = await Reader.upsert(email="ann@x", visits=1)
    again = await Reader.upsert(email="ann@x", visits=2)
    assert (made.id, again.id, again.visits) == (1, 1, 2)
    assert await Reader.all() == [Reader(id=1, email="ann@x", visits=2)]


async def test_upsert_updates_by_the_primary_key(database):
    await Reader.create(id=4, email="ann@x", visits=1)
    found = await Reader.upsert(id=4, visits=9)
    assert found == Reader(id=4, email="ann@x", visits=9)


async def test_upsert_updates_by_a_composite_key(database):
    await Reader.upsert(first="Ann", last="Lee", visits=1)
    found = await Reader.upsert(first="Ann", last="Lee", visits=2)
    await Reader.upsert(first="Ann", last="Moe", visits=3)
    assert found.visits == 2
    assert [(r.last, r.visits) for r in await Reader.order_by("last").all()] == [("Lee", 2), ("Moe", 3)]


async def test_upsert_updates_by_a_composite_primary_key(database):
    await Seat.upsert(row=1, letter="A", passenger="ann")
    await Seat.upsert(row=1, letter="A", passenger="bob")
    assert await Seat.all() == [Seat(row=1, letter="A", passenger="bob")]


async def test_upsert_touches_only_the_named_columns(database):
    await Reader.create(email="ann@x", first="Anna", last="Lee", visits=7)
    found = await Reader.upsert(email="ann@x", visits=8)
    assert found == Reader(id=1, email="ann@x", first="Anna", last="Lee", visits=8)


async def test_upsert_without_anything_to_change_returns_the_row(database):
    await Reader.create(email="ann@x", visits=7)
    assert (await Reader.upsert(email="ann@x")).visits == 7


async def test_upsert_of_several_keys_must_be_told_which(database):
    text = "upsert() of Reader names several unique keys: say which with key=, one of ('id'), ('email')"
    with pytest.raises(QueryError, match=exactly(text)):
        await Reader.upsert(id=1, email="ann@x", visits=1)
    await Reader.create(id=1, email="ann@x")
    assert await Reader.upsert(key=["email"], id=1, email="ann@x", visits=1) == Reader(id=1, email="ann@x", visits=1)
    assert await Reader.upsert(key="id", id=1, email="ann@y", visits=2) == Reader(id=1, email="ann@y", visits=2)


async def test_upsert_needs_all_of_a_key(database):
    text = "upsert() of Reader needs all values of one of its unique keys: ('id'), ('email'), ('first', 'last')"
    with pytest.raises(QueryError, match=exactly(text)):
        await Reader.upsert(first="Ann", visits=1)
    with pytest.raises(QueryError, match=exactly(text)):
        await Reader.upsert(email=None, visits=1)


async def test_upsert_by_what_is_no_key_is_refused(database):
    text = "('visits') is not a unique key of Reader: it can be ('id'), ('email'), ('first', 'last')"
    with pytest.raises(QueryError, match=exactly(text)):
        await Reader.upsert(key=["visits"], visits=1)
    with pytest.raises(QueryError, match=exactly("upsert() of Reader has no value for 'email', a part of its key")):
        await Reader.upsert(key="email", visits=1)
    with pytest.raises(UnknownColumnError, match="reader has no column 'emial'; did you mean 'email'\\?"):
        await Reader.upsert(emial="ann@x")


async def test_upsert_against_another_unique_key_is_a_violation(database):
    await Reader.create(email="ann@x", first="Ann", last="Lee")
    with pytest.raises(UniqueViolationError, match="^Save failed: "):
        await Reader.upsert(email="bob@x", first="Ann", last="Lee", key="email")
    assert await Reader.count() == 1


async def test_upsert_keeps_the_databases_defaults(database):
    made = await Ticket.upsert(id=1, title="leak")
    found = await Ticket.upsert(id=1, title="flood")
    assert (made.state, made.priority) == ("new", 3)
    assert found == Ticket.model_copy(made, update={"title": "flood"})


async def test_an_upserted_row_is_loaded(database):
    reader = await Reader.upsert(email="ann@x")
    reader.visits = 3
    await reader.save()
    assert await Reader.all() == [Reader(id=1, email="ann@x", visits=3)]


# Finding or making.


async def test_get_or_create_creates_once(database):
    made, created = await Reader.get_or_create(email="ann@x", defaults={"visits": 5})
    found, again = await Reader.get_or_create(email="ann@x", defaults={"visits": 9})
    assert (created, again) == (True, False)
    assert made == found == Reader(id=1, email="ann@x", visits=5)


async def test_get_or_create_looks_by_columns_that_are_no_key(database):
    made, created = await Reader.get_or_create(first="Ann", visits=5)
    found, again = await Reader.get_or_create(first="Ann", visits=5)
    assert (created, again, found) == (True, False, made)


async def test_get_or_create_looks_for_null(database):
    await Reader.create(first="Ann", last="Lee")
    made, created = await Reader.get_or_create(first="Ann", last=None)
    assert created is True
    assert await Reader.get_or_create(first="Ann", last=None) == (made, False)


async def test_what_get_or_create_found_is_saved_by_its_changes(database):
    await Reader.create(email="ann@x")
    found, _ = await Reader.get_or_create(email="ann@x")
    found.visits = 2
    await found.save()
    assert await Reader.all() == [Reader(id=1, email="ann@x", visits=2)]


async def test_get_or_create_with_several_rows_says_so(database):
    await Reader.bulk_create([Reader(visits=1), Reader(first="Bob", visits=1)])
    with pytest.raises(MultipleRowsFound, match="more than one Reader has these values, and get_or_create\\(\\) needs"):
        await Reader.get_or_create(visits=1)


async def test_get_or_create_refuses_unknown_fields_and_wrong_values(database):
    with pytest.raises(UnknownColumnError, match="reader has no column 'emial'; did you mean 'email'\\?") as caught:
        await Reader.get_or_create(emial="ann@x")
    assert isinstance(caught.value, AttributeError)
    with pytest.raises(QueryError, match="^Reader.visits: "):
        await Reader.get_or_create(visits="many")
    with pytest.raises(QueryError, match=exactly("get_or_create() needs at least one value to look for")):
        await Reader.get_or_create()
    text = "get_or_create() looks for 'visits' and has a default for it: keep one of them"
    with pytest.raises(QueryError, match=exactly(text)):
        await Reader.get_or_create(visits=1, defaults={"visits": 2})


async def test_get_or_create_against_another_key_is_a_violation(database):
    await Reader.create(email="ann@x", first="Ann", last="Lee")
    with pytest.raises(UniqueViolationError):
        await Reader.get_or_create(email="bob@x", defaults={"first": "Ann", "last": "Lee"})


async def test_update_or_create_creates_and_then_changes(database):
    made, created = await Reader.update_or_create(email="ann@x", defaults={"visits": 5})
    found, again = await Reader.update_or_create(email="ann@x", defaults={"visits": 9})
    assert (created, again, made.id, found.id) == (True, False, 1, 1)
    assert await Reader.all() == [Reader(id=1, email="ann@x", visits=9)]


async def test_update_or_create_leaves_other_columns_alone(database):
    await Reader.create(email="ann@x", first="Anna", visits=5)
    await Reader.update_or_create(email="ann@x", defaults={"visits": 9})
    assert await Reader.all() == [Reader(id=1, email="ann@x", first="Anna", visits=9)]


# Deleting and reading again.


async def test_delete_removes_the_row_and_the_instance_is_new(database):
    ann, bob = await Reader.create(first="Ann"), await Reader.create(first="Bob")
    assert await ann.delete() is True
    assert await Reader.all() == [bob]
    assert await ann.delete() is False
    await ann.save()
    assert await Reader.count() == 2


async def test_delete_of_what_was_never_saved_does_nothing(database):
    with sent() as statements:
        assert await Reader().delete() is False
    assert statements == []


async def test_delete_removes_the_row_that_was_loaded_whatever_its_key_says_now(database):
    await Reader.bulk_create([Reader(), Reader(first="Bob")])
    ann = await Reader.get(1)
    ann.id = 2
    await ann.delete()
    assert [r.first for r in await Reader.all()] == ["Bob"]


async def test_refresh_reads_the_row_again_and_overwrites_changes(database):
    ann = await Reader.create(email="ann@x")
    await database.execute("UPDATE reader SET visits = 8")
    ann.first = "Anna"
    await ann.refresh()
    assert ann == Reader(id=1, email="ann@x", visits=8)
    with sent() as statements:
        await ann.save()
    assert statements == []


async def test_refresh_of_a_row_that_is_gone_says_so(database):
    ann = await Reader.create()
    await Reader.query().delete()
    with pytest.raises(ModelDoesNotExist, match=exactly("Instance not found in database: Reader(1)")):
        await ann.refresh()
    with pytest.raises(ModelDoesNotExist, match=exactly("Instance not found in database: Reader(None)")):
        await Reader().refresh()


# Keys of every kind.


async def test_composite_keys(database):
    await Seat.bulk_create([Seat(row=row, letter=letter) for row in (1, 2) for letter in "AB"])
    seat = await Seat.get((2, "A"))
    seat.passenger = "ann"
    await seat.save()
    await Seat(row=1, letter="B").delete()
    assert [(s.row, s.letter, s.passenger) for s in await Seat.order_by("row", "letter").all()] == [
        (1, "A", None),
        (2, "A", "ann"),
        (2, "B", None),
    ]
    with pytest.raises(UniqueViolationError):
        await Seat.create(row=1, letter="A")
    with pytest.raises(
        ModelDoesNotExist, match=exactly("Seat (9, 'Z') does not exist: where that may be so, use get_or_none()")
    ):
        await Seat.get((9, "Z"))


async def test_uuid_keys_are_made_here_and_kept(database):
    token = await Token.create(owner="ann")
    assert isinstance(token.id, UUID)
    assert await Token.get(token.id) == token
    assert await Token.get(str(token.id)) == token
    token.owner = "bob"
    await token.save()
    assert [t.owner for t in await Token.all()] == ["bob"]
    with pytest.raises(UniqueViolationError):
        await Token.create(id=token.id, owner="cid")


async def test_text_keys(database):
    await Country(code="no", name="Norge").save()
    norway = await Country.get("no")
    norway.name = "Norway"
    await norway.save()
    assert await Country.all() == [Country(code="no", name="Norway")]


async def test_a_model_without_a_key_can_be_created_and_read(database):
    event = await Event.create(name="start")
    await Event.bulk_create([Event(name="stop"), Event(name="stop")])
    assert [e.name for e in await Event.order_by("name").all()] == ["start", "stop", "stop"]
    assert await Event.where(lambda e: e.name == "stop").update(count=1) == 2
    text = "Model Event does not define a primary key, so nothing tells which row to {}: give it one, or use where() with update() or delete()"
    event.count = 3
    with pytest.raises(QueryError, match=exactly(text.format("update"))):
        await event.save()
    with pytest.raises(QueryError, match=exactly(text.format("delete"))):
        await event.delete()
    with pytest.raises(QueryError, match=exactly("Cannot refresh a model without a primary key")):
        await event.refresh()
    with pytest.raises(QueryError, match="^Model Event does not define a primary key"):
        await Event.get(1)


# Around it.


async def test_a_field_with_an_alias_is_created_found_and_upserted_by_it(database):
    class Aliased(Model):
        model_config = ConfigDict(populate_by_name=True)

        id: int | None = Field(default=None, primary_key=True)
        full_name: str = Field(alias="fullName", unique=True)
        rank: int = 0

    await database.create_tables(Aliased)
    await Aliased.create(fullName="Ann")
    await Aliased.upsert(fullName="Ann", rank=3)
    assert (await Aliased.get_or_create(fullName="Ann"))[1] is False
    assert [(a.full_name, a.rank) for a in await Aliased.where(lambda a: a.full_name == "Ann").all()] == [("Ann", 3)]


async def test_validation_runs_on_assignment_where_the_model_asks_for_it(database):
    class Strict(Model):
        model_config = ConfigDict(validate_assignment=True)

        id: int | None = Field(default=None, primary_key=True)
        size: int

    await database.create_tables(Strict)
    await Strict.create(size=1)
    strict = await Strict.get(1)
    with pytest.raises(ValidationError):
        strict.size = "huge"
    strict.size = "12"
    await strict.save()
    assert (await Strict.get(1)).size == 12


async def test_what_another_program_forbids_is_told_by_the_database(database):
    await database.execute("CREATE TABLE strict_name (id integer PRIMARY KEY, name text NOT NULL)")

    class Loose(Model):
        __ferro_table__ = "strict_name"

        id: int = Field(primary_key=True)
        name: str | None = None

    with pytest.raises(NotNullViolationError, match="(?i)^Save failed: .*null") as caught:
        await Loose.create(id=1)
    assert caught.value.column == "name"
    assert caught.value.table == "strict_name"
