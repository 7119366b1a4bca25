"""Writing, by hand and on a real SQLite."""

import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import ConfigDict

from ferro.dialects import postgres, sqlite
from ferro.errors import DataError, InterfaceError, ModelDoesNotExist, MultipleRowsFound, QueryError, UnknownColumnError
from ferro.fields import Field
from ferro.instance.state import changed_fields, is_loaded
from ferro.model import ModelBase
from ferro.operations import bulk_create, finding, matching, read, upsert, write
from ferro.operations.steps import Atomic
from ferro.query.builder import QueryBase
from ferro.query.dialect import Result
from ferro.query.functions import now
from ferro.schema.registry import table_of


class Member(ModelBase):
    __ferro_composite_uniques__ = (("club", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True)
    name: str
    club: str | None = None
    number: int | None = None
    tags: list[str] = Field(default_factory=list)
    joined: datetime = Field(db_default=now)


class Tick(ModelBase):
    id: int | None = Field(default=None, primary_key=True)


class Seat(ModelBase):
    row: int = Field(primary_key=True)
    place: str = Field(primary_key=True)


class Coin(ModelBase):
    code: str = Field(primary_key=True)
    value: Decimal


class Entry(ModelBase):
    text: str


class Aliased(ModelBase):
    code: str = Field(primary_key=True, alias="theCode")
    name: str = Field(alias="theName")


class Worn(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    price: Decimal
    label: str | None = None


@pytest.fixture
def db(database):
    database.create(Member, Tick, Seat, Coin, Entry, Aliased, Worn)
    return database


@pytest.fixture
def ann(db):
    member = Member(email="ann@x", name="Ann")
    db.run(write.save(member, sqlite))
    db.statements.clear()
    return member


def members(db):
    return db.rows("SELECT id, email, name, club, number, tags FROM member ORDER BY id")


# Saving a new instance.


def test_a_new_instance_is_inserted_and_told_what_the_database_filled_in(finish):
    member = Member(email="ann@x", name="Ann")
    steps = write.save(member, postgres)
    sent = next(steps)
    assert sent.sql == (
        'INSERT INTO "member" ("email","name","club","number","tags") VALUES ($1, $2, $3, $4, $5)'
        ' RETURNING "member"."id", "member"."joined"'
    )
    assert list(sent.params) == ["ann@x", "Ann", None, None, "[]"]
    assert (sent.template.operation, sent.template.subject) == ("Save", "Member")
    assert not is_loaded(member)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert finish(steps, Result([(7, moment)], 1)) is None
    assert (member.id, member.joined) == (7, moment)
    assert is_loaded(member)
    assert {"id", "joined"} <= member.model_fields_set


def test_an_insert_is_planned_once():
    one, other = (next(write.save(Member(email=text, name=text), sqlite)) for text in "ab")
    assert one.template is other.template
    assert list(other.params)[:2] == ["b", "b"]


def test_what_the_user_sets_is_sent_even_where_the_database_has_a_default(db):
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    member = Member(id=5, email="a", name="A", joined=moment)
    db.run(write.save(member, sqlite))
    assert "RETURNING" not in db.sent[0]
    assert db.rows("SELECT id, joined FROM member") == [(5, "2020-01-01 00:00:00.000000+00:00")]


def test_a_row_of_nothing_but_defaults_can_be_inserted(db):
    tick = Tick()
    db.run(write.save(tick, sqlite))
    assert db.sent == ['INSERT INTO "tick" DEFAULT VALUES RETURNING "tick"."id"']
    assert tick.id == 1


def test_a_model_without_a_key_is_inserted_once_and_then_says_what_it_lacks(db):
    entry = Entry(text="a")
    db.run(write.save(entry, sqlite))
    assert db.rows("SELECT text FROM entry") == [("a",)]
    with pytest.raises(QueryError, match="^Model Entry does not define a primary key, so nothing tells which row"):
        write.save(entry, sqlite)


def test_a_taken_key_leaves_the_instance_new(db, ann):
    twin = Member(id=ann.id, email="other", name="Twin")
    with pytest.raises(sqlite3.IntegrityError):
        db.run(write.save(twin, sqlite))
    assert not is_loaded(twin)


def test_a_value_of_the_wrong_type_is_refused_before_it_is_sent():
    coin = Coin(code="EUR", value=Decimal(1))
    coin.value = "much"
    with pytest.raises(DataError, match=r"^Coin\.value: ") as caught:
        next(write.save(coin, sqlite))
    # A traceback tells of it once.
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.__cause__.__context__ is None
    coin.value = None
    with pytest.raises(QueryError, match=r"^Coin\.value cannot be None: the column is not nullable$"):
        next(write.save(coin, sqlite))
    del coin.value
    with pytest.raises(QueryError, match=r"^Coin\.value has no value: set it before the row is saved$"):
        next(write.save(coin, sqlite))


# Saving a loaded one.


def test_saving_again_sends_nothing(db, ann):
    db.run(write.save(ann, sqlite))
    assert db.sent == []


def test_only_changed_columns_are_updated(db, ann):
    ann.name = "Anne"
    ann.tags.append("new")
    db.run(write.save(ann, sqlite))
    assert db.sent == ['UPDATE "member" SET "name"=?,"tags"=? WHERE "member"."id" = ?']
    assert members(db) == [(1, "ann@x", "Anne", None, None, '["new"]')]
    assert changed_fields(ann) == {}


def test_a_changed_key_is_written_to_the_row_it_was_loaded_from(db, ann):
    ann.id = 9
    db.run(write.save(ann, sqlite))
    assert [row[0] for row in members(db)] == [9]
    ann.name = "Nine"
    db.run(write.save(ann, sqlite))
    assert members(db)[0][2] == "Nine"


def test_a_part_of_a_composite_key_can_change(db):
    seat = Seat(row=1, place="A")
    db.run(write.save(seat, sqlite))
    seat.place = "B"
    db.run(write.save(seat, sqlite))
    assert db.rows("SELECT * FROM seat") == [(1, "B")]


def test_saving_a_row_that_is_gone_says_so(db, ann):
    db.raw.execute("DELETE FROM member")
    ann.name = "Anne"
    with pytest.raises(ModelDoesNotExist) as raised:
        db.run(write.save(ann, sqlite))
    assert str(raised.value) == (
        "Save failed: Member 1 is not in the database any more; save(on_conflict='update') inserts it again"
    )
    assert (raised.value.model, raised.value.pk) == (Member, 1)
    db.run(write.save(ann, sqlite, on_conflict="update"))
    assert members(db)[0][:3] == (1, "ann@x", "Anne")


def test_a_change_made_while_a_save_is_under_way_is_not_lost(finish):
    coin = Coin(code="EUR", value=Decimal(1))
    steps = write.save(coin, postgres)
    next(steps)
    coin.value = Decimal(2)
    finish(steps, Result([], 1))
    assert changed_fields(coin) == {"value": Decimal(1)}


def test_a_loaded_row_cannot_be_given_none_where_none_may_be(ann):
    ann.name = None
    with pytest.raises(QueryError, match=r"^Member\.name cannot be None"):
        next(write.save(ann, sqlite))


def test_only_and_exclude_choose_columns(db, ann):
    ann.name, ann.club, ann.number = "Anne", "chess", 3
    db.run(write.save(ann, sqlite, only={"name"}))
    assert db.sent == ['UPDATE "member" SET "name"=? WHERE "member"."id" = ?']
    db.run(write.save(ann, sqlite, exclude={"club"}))
    assert db.sent == ['UPDATE "member" SET "number"=? WHERE "member"."id" = ?']
    assert set(changed_fields(ann)) == {"club"}
    assert members(db)[0][2:5] == ("Anne", None, 3)


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"only": {"name"}, "exclude": {"id"}}, ValueError, "save() takes only= or exclude=, not both"),
        ({"only": set()}, ValueError, "only= is empty: name at least one field, or leave it out"),
        ({"exclude": []}, ValueError, "exclude= is empty: name at least one field, or leave it out"),
        ({"only": "name"}, TypeError, "only= takes a set of field names, not a str: only={'name'}"),
        ({"on_conflict": "ignore"}, ValueError, "on_conflict is 'ignore'; it can be 'update'"),
        (
            {"on_conflict": "update", "only": {"name"}},
            ValueError,
            "on_conflict='update' writes the whole row: leave out only= and exclude=",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(ann, options, kind, text):
    with pytest.raises(QueryError) as raised:
        write.save(ann, sqlite, **options)
    assert str(raised.value) == text
    assert isinstance(raised.value, kind)


def test_only_names_known_fields(ann):
    with pytest.raises(UnknownColumnError, match="did you mean 'name'"):
        write.save(ann, sqlite, only={"nmae"})


def test_only_is_for_rows_that_are_there():
    with pytest.raises(QueryError, match="^only= and exclude= choose columns to update, and this Tick is new"):
        write.save(Tick(), sqlite, only={"id"})


# on_conflict.


def test_on_conflict_update_overwrites_the_row_of_the_key(db, ann):
    twin = Member(id=1, email="new@x", name="Twin")
    db.run(write.save(twin, sqlite, on_conflict="update"))
    assert db.sent[-1].endswith(
        'ON CONFLICT ("id") DO UPDATE SET "email"=EXCLUDED."email","name"=EXCLUDED."name",'
        '"club"=EXCLUDED."club","number"=EXCLUDED."number","tags"=EXCLUDED."tags" RETURNING "member"."id", '
        '"member"."email", "member"."name", "member"."club", "member"."number", "member"."tags", "member"."joined"'
    )
    assert [row[1:3] for row in members(db)] == [("new@x", "Twin")]
    assert twin.joined == ann.joined
    assert is_loaded(twin)


def test_on_conflict_update_without_a_key_is_an_insert(db):
    tick = Tick()
    db.run(write.save(tick, sqlite, on_conflict="update"))
    assert tick.id == 1
    assert "CONFLICT" not in db.sent[0]


def test_on_conflict_update_of_a_row_that_is_all_key_finds_it(db):
    for _ in range(2):
        seat = Seat(row=1, place="A")
        db.run(write.save(seat, sqlite, on_conflict="update"))
        assert is_loaded(seat)
    assert db.rows("SELECT * FROM seat") == [(1, "A")]


# Many.


def test_one_statement_inserts_many_rows_and_brings_their_keys(db):
    made = [Member(email=text, name=text) for text in "abc"]
    operation = bulk_create.bulk_create(Member, iter(made), sqlite)
    assert not isinstance(operation, Atomic)
    assert db.run(operation) == made
    assert [member.id for member in made] == [1, 2, 3]
    assert all(isinstance(member.joined, datetime) and is_loaded(member) for member in made)
    (sent,) = db.statements
    assert "VALUES (?, ?, ?, ?, ?),(?, ?, ?, ?, ?),(?, ?, ?, ?, ?) RETURNING" in sent.sql
    assert (sent.template.operation, sent.template.subject) == ("Bulk save", "Member")
    made[1].tags.append("x")
    assert set(changed_fields(made[1])) == {"tags"}


def test_more_rows_than_a_statement_carries_are_inserted_whole_or_not_at_all(db):
    coins = [Worn(price=Decimal(at)) for at in range(1250)]
    operation = bulk_create.bulk_create(Worn, coins, sqlite)
    assert isinstance(operation, Atomic)
    db.run(operation)
    assert [len(statement.params) for statement in db.statements] == [1000, 1000, 500]
    assert [coin.id for coin in coins] == list(range(1, 1251))
    assert db.rows("SELECT id, price FROM worn WHERE id = 1250") == [(1250, "1249")]


def test_no_statement_carries_more_values_than_postgresql_takes():
    made = [Member(email=str(at), name="n", joined=datetime(2020, 1, 1, tzinfo=UTC)) for at in range(1200)]
    steps = bulk_create.bulk_create(Member, made, postgres).steps
    sizes = [len(next(steps).params)]
    sizes.append(len(steps.send(Result([(at,) for at in range(500)], 500)).params))
    assert sizes == [3000, 3000]


def test_rows_of_different_shapes_keep_their_order(db):
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    made = [
        Member(email="a", name="a"),
        Member(email="b", name="b", joined=moment),
        Member(email="c", name="c"),
        Member(id=50, email="d", name="d"),
        Member(email="e", name="e"),
    ]
    db.run(bulk_create.bulk_create(Member, made, sqlite))
    assert [member.id for member in made] == [1, 2, 3, 50, 51]
    assert [(row[0], row[1]) for row in members(db)] == [(1, "a"), (2, "b"), (3, "c"), (50, "d"), (51, "e")]
    assert made[1].joined == moment


def test_a_failing_bulk_leaves_no_row_and_every_instance_new(db):
    made = [Worn(price=Decimal(at)) for at in range(150)] + [Worn(id=3, price=Decimal(1))]
    with pytest.raises(sqlite3.IntegrityError):
        db.run(bulk_create.bulk_create(Worn, made, sqlite))
    assert db.rows("SELECT count(*) FROM worn") == [(0,)]
    assert not any(is_loaded(coin) for coin in made)
    assert made[0].id is None


def test_rows_of_nothing_but_defaults_can_be_many(db):
    ticks = [Tick() for _ in range(3)]
    db.run(bulk_create.bulk_create(Tick, ticks, sqlite))
    assert [tick.id for tick in ticks] == [1, 2, 3]


def test_an_empty_bulk_sends_nothing(db):
    assert db.run(bulk_create.bulk_create(Tick, [], sqlite)) == []
    assert db.sent == []


def test_what_cannot_be_inserted_is_refused_with_its_place(ann):
    with pytest.raises(QueryError, match=r"^bulk_create\(\) of Member got a Tick at position 1$"):
        bulk_create.bulk_create(Member, [Member(email="b", name="b"), Tick()], sqlite)
    with pytest.raises(QueryError, match="^the Member at position 0 is in the database already"):
        bulk_create.bulk_create(Member, [ann], sqlite)
    tick = Tick()
    with pytest.raises(QueryError, match=r"^bulk_create\(\) got the same Tick more than once"):
        bulk_create.bulk_create(Tick, [tick, tick], sqlite)


def test_a_bad_value_among_many_is_named():
    good, bad = Worn(price=Decimal(1)), Worn(price=Decimal(1))
    bad.price = "much"
    with pytest.raises(DataError, match=r"^Worn\.price: "):
        next(bulk_create.bulk_create(Worn, [good, bad], sqlite))
    bad.price = None
    with pytest.raises(QueryError, match=r"^Worn\.price cannot be None"):
        next(bulk_create.bulk_create(Worn, [good, bad], sqlite))


def test_rows_that_a_trigger_swallows_are_noticed(db):
    db.raw.execute("CREATE TRIGGER swallow BEFORE INSERT ON worn WHEN new.label = 'no' BEGIN SELECT RAISE(IGNORE); END")
    made = [Worn(price=Decimal(1), label=label) for label in ("yes", "no", "yes")]
    with pytest.raises(InterfaceError, match=r"^Bulk save failed for 'Worn': 3 rows were sent and 2 came back"):
        db.run(bulk_create.bulk_create(Worn, made, sqlite))
    assert made[2].id is None


# Deleting and reading again.


def test_a_deleted_instance_counts_as_new(db, ann):
    assert db.run(write.delete(ann, sqlite)) is True
    assert members(db) == []
    assert not is_loaded(ann)
    assert db.run(write.delete(ann, sqlite)) is False
    db.run(write.save(ann, sqlite))
    assert members(db)[0][:2] == (1, "ann@x")


def test_deleting_goes_by_the_key_the_row_was_loaded_under(db, ann):
    ann.id = 77
    assert db.run(write.delete(ann, sqlite)) is True
    assert members(db) == []


def test_deleting_without_a_key_sends_nothing(db):
    assert db.run(write.delete(Tick(), sqlite)) is False
    assert db.sent == []
    with pytest.raises(
        QueryError, match="^Model Entry does not define a primary key, so nothing tells which row to del"
    ):
        write.delete(Entry(text="a"), sqlite)


def test_refresh_overwrites_what_was_not_saved(db, ann):
    db.raw.execute("""UPDATE member SET name = 'Other', tags = '["t"]'""")
    ann.name, ann.club = "mine", "mine"
    db.run(write.refresh(ann, sqlite))
    assert (ann.name, ann.club, ann.tags) == ("Other", None, ["t"])
    assert changed_fields(ann) == {}


def test_refreshing_a_row_that_is_gone_says_so(db, ann):
    db.raw.execute("DELETE FROM member")
    with pytest.raises(ModelDoesNotExist) as raised:
        db.run(write.refresh(ann, sqlite))
    assert str(raised.value) == "Instance not found in database: Member(1)"
    assert (raised.value.model, raised.value.pk) == (Member, 1)
    with pytest.raises(QueryError, match="^Cannot refresh a model without a primary key$"):
        write.refresh(Entry(text="a"), sqlite)


def test_a_key_the_database_has_still_to_make_names_no_row(db):
    class Ticket(ModelBase):
        code: str = Field(primary_key=True, db_default="none")

    db.create(Ticket)
    ticket = Ticket()
    assert db.run(write.delete(ticket, sqlite)) is False
    with pytest.raises(ModelDoesNotExist, match="^Instance not found in database"):
        db.run(write.refresh(ticket, sqlite))
    db.run(write.save(ticket, sqlite, on_conflict="update"))
    assert ticket.code == "none"


# upsert.


def test_upsert_inserts_a_whole_row(db):
    made = db.run(upsert.upsert(Member, {"email": "a", "name": "A"}, sqlite))
    assert (made.id, made.name, made.tags) == (1, "A", [])
    assert is_loaded(made)


def test_upsert_touches_only_the_named_columns(db, ann):
    ann.club, ann.number = "chess", 3
    db.run(write.save(ann, sqlite))
    found = db.run(upsert.upsert(Member, {"email": "ann@x", "name": "Anne"}, sqlite))
    assert db.sent[-1].split("DO UPDATE")[1].startswith(' SET "name"=EXCLUDED."name" RETURNING')
    assert (found.id, found.name, found.club, found.number) == (1, "Anne", "chess", 3)
    assert found.joined == ann.joined


def test_upsert_of_nothing_but_the_key_returns_the_row(db):
    for _ in range(2):
        assert db.run(upsert.upsert(Seat, {"row": 1, "place": "A"}, sqlite)) == Seat(row=1, place="A")
    assert db.rows("SELECT * FROM seat") == [(1, "A")]


def test_upsert_on_a_composite_key(db):
    first = db.run(
        upsert.upsert(Member, {"email": "a", "name": "A", "club": "c", "number": 1}, sqlite, key=("number", "club"))
    )
    again = db.run(
        upsert.upsert(Member, {"email": "b", "name": "B", "club": "c", "number": 1}, sqlite, key=("club", "number"))
    )
    assert again.id == first.id
    assert members(db) == [(1, "b", "B", "c", 1, "[]")]


def test_upsert_asks_which_key_is_meant():
    with pytest.raises(QueryError) as raised:
        upsert.upsert(Member, {"id": 1, "email": "a", "name": "A"}, sqlite)
    assert str(raised.value) == (
        "upsert() of Member names several unique keys: say which with key=, one of ('id'), ('email')"
    )
    with pytest.raises(QueryError) as raised:
        upsert.upsert(Worn, {"price": Decimal(1)}, sqlite)
    assert str(raised.value) == "upsert() of Worn needs all values of one of its unique keys: ('id')"
    with pytest.raises(QueryError) as raised:
        upsert.upsert(Member, {"email": "a", "name": "A"}, sqlite, key=["name"])
    assert str(raised.value) == (
        "('name') is not a unique key of Member: it can be ('id'), ('email'), ('club', 'number')"
    )
    with pytest.raises(QueryError, match="^Entry has no unique key that tells which row to update"):
        upsert.upsert(Entry, {"text": "a"}, sqlite)


def test_upsert_refuses_unknown_names_and_invalid_values():
    with pytest.raises(UnknownColumnError, match="did you mean 'email'"):
        upsert.upsert(Member, {"emial": "a", "name": "A"}, sqlite)
    with pytest.raises(ValueError, match="validation error"):
        upsert.upsert(Member, {"email": "a", "name": 7}, sqlite)


def test_upsert_takes_what_the_constructor_takes(db):
    for name in ("A", "B"):
        db.run(upsert.upsert(Aliased, {"theCode": "x", "theName": name}, sqlite))
    assert db.rows("SELECT * FROM aliased") == [("x", "B")]


# get_or_create.


def test_get_or_create_makes_a_row_once(db):
    made, created = db.run(finding.get_or_create(Member, {"email": "a"}, {"name": "A"}, sqlite))
    assert (made.id, made.name, created) == (1, "A", True)
    found, created = db.run(finding.get_or_create(Member, {"email": "a"}, {"name": "other"}, sqlite))
    assert (found, created) == (made, False)


def test_get_or_create_loses_a_race_gracefully(finish):
    steps = finding.get_or_create(Coin, {"code": "EUR"}, {"value": Decimal(1)}, postgres)
    looked = next(steps)
    assert looked.sql == 'SELECT "coin"."code", "coin"."value" FROM "coin" WHERE "coin"."code" = $1 LIMIT $2'
    tried = steps.send(Result([], 0))
    assert tried.sql == (
        'INSERT INTO "coin" ("code","value") VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING "coin"."code"'
    )
    assert steps.send(Result([], 0)).sql == looked.sql
    assert finish(steps, Result([("EUR", Decimal(9))], 1)) == (Coin(code="EUR", value=Decimal(9)), False)


def test_get_or_create_that_breaks_another_key_raises_what_the_database_says(db, ann):
    with pytest.raises(sqlite3.IntegrityError, match=r"member\.email"):
        db.run(finding.get_or_create(Member, {"id": 9}, {"email": "ann@x", "name": "A"}, sqlite))


def test_without_a_unique_key_programs_wait_for_each_other():
    operation = finding.get_or_create(Member, {"name": "A", "club": None}, {"email": "a"}, postgres)
    assert isinstance(operation, Atomic)
    locked = next(operation.steps)
    assert locked.sql == "SELECT pg_advisory_xact_lock($1)"
    same = next(finding.get_or_create(Member, {"club": None, "name": "A"}, {"email": "b"}, postgres).steps)
    other = next(finding.get_or_create(Member, {"name": "B", "club": None}, {"email": "a"}, postgres).steps)
    assert same.params == locked.params != other.params
    assert -(2**63) <= locked.params[0] < 2**63


def test_a_lookup_may_ask_for_none(db):
    made, _ = db.run(finding.get_or_create(Member, {"name": "A", "club": None}, {"email": "a"}, sqlite))
    assert db.sent[0].endswith('WHERE "member"."name" = ? AND "member"."club" IS NULL LIMIT ?')
    assert db.run(finding.get_or_create(Member, {"name": "A", "club": None}, {}, sqlite)) == (made, False)


def test_several_rows_of_the_same_values_are_refused(db):
    db.run(bulk_create.bulk_create(Worn, [Worn(price=Decimal(1)), Worn(price=Decimal("1.0"))], sqlite))
    with pytest.raises(MultipleRowsFound) as raised:
        db.run(finding.get_or_create(Worn, {"price": Decimal(1)}, {}, sqlite))
    assert str(raised.value) == (
        "more than one Worn has these values, and get_or_create() needs them to tell one row: look for more columns"
    )


def test_lookups_and_defaults_are_checked_before_anything_is_sent():
    with pytest.raises(UnknownColumnError, match="did you mean 'email'"):
        finding.get_or_create(Member, {"emial": "a"}, {}, sqlite)
    with pytest.raises(UnknownColumnError):
        finding.update_or_create(Member, {"email": "a"}, {"nmae": "A"}, sqlite)
    with pytest.raises(QueryError, match=r"^Member\.number: expected int, got 'x'$"):
        finding.get_or_create(Member, {"number": "x"}, {}, sqlite)
    with pytest.raises(QueryError, match="^get_or_create.. looks for 'email' and has a default for it"):
        finding.get_or_create(Member, {"email": "a"}, {"email": "b"}, sqlite)
    with pytest.raises(QueryError, match="^update_or_create.. needs at least one value to look for$"):
        finding.update_or_create(Member, {}, {"email": "b"}, sqlite)


def test_get_or_create_knows_the_aliases_of_fields(db):
    made, created = db.run(finding.get_or_create(Aliased, {"code": "x"}, {"theName": "A"}, sqlite))
    assert (made.code, made.name, created) == ("x", "A", True)


# update_or_create.


def test_update_or_create_makes_or_changes_one_row(db):
    made, created = db.run(finding.update_or_create(Member, {"email": "a"}, {"name": "A"}, sqlite))
    assert created
    db.statements.clear()
    found, created = db.run(finding.update_or_create(Member, {"email": "a"}, {"name": "B", "tags": ["t"]}, sqlite))
    assert (found.id, found.name, found.tags, created) == (made.id, "B", ["t"], False)
    assert db.sent[-1] == 'UPDATE "member" SET "name"=?,"tags"=? WHERE "member"."id" = ?'
    assert members(db) == [(1, "a", "B", None, None, '["t"]')]
    assert changed_fields(found) == {}


def test_update_or_create_that_changes_nothing_sends_no_update(db, ann):
    db.run(finding.update_or_create(Member, {"email": "ann@x"}, {"name": "Ann"}, sqlite))
    assert [text.split()[0] for text in db.sent] == ["SELECT"]


def test_update_or_create_can_give_the_row_another_key(db, ann):
    found, _ = db.run(finding.update_or_create(Member, {"email": "ann@x"}, {"id": 20}, sqlite))
    assert found.id == 20
    assert [row[0] for row in members(db)] == [20]


def test_update_or_create_locks_the_row_on_postgresql():
    operation = finding.update_or_create(Coin, {"code": "EUR"}, {"value": Decimal(1)}, postgres)
    assert isinstance(operation, Atomic)
    assert next(operation.steps).sql.endswith('WHERE "coin"."code" = $1 LIMIT $2 FOR UPDATE')


# All rows of a query.


def test_rows_are_changed_and_deleted_where_a_condition_holds(db):
    db.run(bulk_create.bulk_create(Worn, [Worn(price=Decimal(at)) for at in range(5)], sqlite))
    db.statements.clear()
    query = QueryBase(Worn, table_of(Worn))
    cheap = query.where(lambda w: w.price < 2)
    assert db.run(matching.update_where(cheap, (), {"label": "cheap"}, sqlite)) == 2
    assert db.run(matching.update_where(cheap, (lambda w: {"price": w.price + 10},), {}, sqlite)) == 2
    assert db.run(matching.delete_where(query.where(lambda w: w.label == "cheap"), sqlite)) == 2
    assert [statement.template.operation for statement in db.statements] == ["Update", "Update", "Delete"]
    assert db.rows("SELECT id FROM worn") == [(3,), (4,), (5,)]


def test_a_limited_query_changes_nothing():
    query = QueryBase(Worn, table_of(Worn)).limit(1)
    with pytest.raises(QueryError, match="limit"):
        matching.update_where(query, (), {"label": "x"}, sqlite)
    with pytest.raises(QueryError, match="limit"):
        matching.delete_where(query, sqlite)


def test_what_was_written_is_what_is_read(db):
    class Thing(ModelBase):
        id: UUID = Field(primary_key=True)
        at: datetime
        price: Decimal
        data: dict[str, int]

    db.create(Thing)
    thing = Thing(id=UUID(int=5), at=datetime(2026, 1, 1, tzinfo=UTC), price=Decimal("1.10"), data={"a": 1})
    db.run(write.save(thing, sqlite))
    found = db.run(read.get(Thing, thing.id, sqlite))
    assert found == thing
    assert str(found.price) == "1.10"


# What an instance remembers of its INSERT.


class Note(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    tags: list[str]
    settings: dict[str, int] = Field(db_default={"size": 1})


@pytest.mark.parametrize("verb", ["save", "bulk_create"])
def test_a_document_edited_after_its_insert_is_a_change_whoever_wrote_it(database, verb):
    database.create(Note)
    note, other = Note(tags=["a"]), Note(tags=["b"])
    if verb == "save":
        database.run(write.save(note, sqlite))
        database.run(write.save(other, sqlite))
    else:
        database.run(bulk_create.bulk_create(Note, [note, other], sqlite))
    assert (note.id, note.settings, other.id) == (1, {"size": 1}, 2)
    assert changed_fields(other) == {}
    other.tags.append("c")
    other.settings["size"] = 2
    assert changed_fields(note) == {}
    assert changed_fields(other) == {"tags": ["b"], "settings": {"size": 1}}


class Checked(ModelBase):
    """Pydantic gives it another dict whenever it is assigned to."""

    model_config = ConfigDict(validate_assignment=True)

    id: int | None = Field(default=None, primary_key=True)
    name: str


def test_what_is_assigned_while_an_insert_is_under_way_is_a_change_of_a_model_that_checks_it(finish):
    row = Checked(name="ann")
    steps = write.insert(row, sqlite)
    next(steps)
    row.name = "eve"
    finish(steps, Result([(7,)], 1))
    assert (row.id, row.name) == (7, "eve")
    assert changed_fields(row) == {"name": "ann"}


def test_what_is_edited_while_an_insert_is_under_way_is_a_change(finish):
    note = Note(tags=["a"], settings={"size": 1})
    steps = write.save(note, sqlite)
    next(steps)
    note.tags.append("b")
    note.settings = {"size": 2}
    finish(steps, Result([(1,)], 1))
    assert changed_fields(note) == {"tags": ["a"], "settings": {"size": 1}}
