# Generated from tests/_async/test_numbered_keys.py by scripts/unasync.py: edit that file, never this one.
"""Keys the database numbers: what a new instance is given is what its row has, whatever its table is made of."""

from typing import ClassVar

import pytest
from statements import recorded

from ferro.sync import Database, Field, InterfaceError, Model, Search, connect, transaction


class Guest(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)


class Visit(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str


class Letter(Model):
    __ferro_search__: ClassVar = Search("text")

    id: int | None = Field(default=None, primary_key=True)
    text: str


TABLE = ("CREATE TABLE guest (id integer PRIMARY KEY, name text UNIQUE)",)
# SQLite fills in only a key that is declared INTEGER and nothing else; these stay empty.
UNNUMBERED = {
    "another type": ("CREATE TABLE guest (id int PRIMARY KEY, name text UNIQUE)",),
    "descending": ("CREATE TABLE guest (id integer PRIMARY KEY DESC, name text UNIQUE)",),
    "unique": ("CREATE TABLE guest (id integer UNIQUE, name text UNIQUE)",),
    "of two columns": ("CREATE TABLE guest (id integer, name text UNIQUE, PRIMARY KEY (id, name))",),
    "a view": (
        "CREATE TABLE person (id integer PRIMARY KEY, name text UNIQUE)",
        "CREATE VIEW guest AS SELECT NULL AS id, name FROM person",
        "CREATE TRIGGER guest_insert INSTEAD OF INSERT ON guest BEGIN INSERT INTO person (name) VALUES (NEW.name); END",
    ),
}


def run(database: Database, statements: tuple[str, ...]) -> None:
    for statement in statements:
        database.execute(statement)


def keys(database: Database) -> dict[str, int | None]:
    return {row["name"]: row["id"] for row in database.fetch_all("SELECT id AS id, name FROM guest")}


def save_three() -> dict[str, int | None]:
    """Save guests, by themselves and in a transaction; return the key that each was given."""
    ann = Guest.create(name="ann")
    with transaction():
        bob = Guest.create(name="bob")
        cid = Guest(name="cid")
        cid.save()
    return {guest.name: guest.id for guest in (ann, bob, cid)}


@pytest.mark.backends("sqlite")
@pytest.mark.parametrize("kind", UNNUMBERED)
def test_a_key_that_sqlite_does_not_number_is_not_made_up(database, kind):
    run(database, UNNUMBERED[kind])
    given = save_three()
    assert given == keys(database) == {"ann": None, "bob": None, "cid": None}


@pytest.mark.backends("sqlite")
@pytest.mark.parametrize("rowid", ["", " WITHOUT ROWID"])
def test_a_key_that_the_table_fills_in_by_itself_is_given(database, rowid):
    database.execute(f"CREATE TABLE guest (id int PRIMARY KEY DEFAULT 5, name text UNIQUE){rowid}")
    ann = Guest.create(name="ann")
    assert ann.id == 5
    assert keys(database) == {"ann": 5}


@pytest.mark.backends("sqlite")
@pytest.mark.parametrize(
    "declared", ["id integer PRIMARY KEY", "ID INTEGER PRIMARY KEY AUTOINCREMENT", "id Integer, PRIMARY KEY (id DESC)"]
)
def test_a_numbered_key_is_given(database, declared):
    name, _, key = declared.partition(", ")
    database.execute(f"CREATE TABLE Guest ({name}, name text UNIQUE{', ' + key if key else ''})")
    database.execute("INSERT INTO guest VALUES (40, 'zoe')")
    given = save_three()
    assert given == {"ann": 41, "bob": 42, "cid": 43}
    assert keys(database) == {"zoe": 40, **given}


@pytest.mark.backends("sqlite")
def test_what_a_trigger_inserts_elsewhere_is_not_taken_for_the_row(database):
    database.create_tables(Guest, Visit)
    Visit.create(id=700, name="first")
    for moment in ("BEFORE", "AFTER"):
        database.execute(
            f"CREATE TRIGGER visit_{moment} {moment} INSERT ON guest "
            "BEGIN INSERT INTO visit (name) VALUES (NEW.name); END"
        )
    given = save_three()
    assert given == keys(database) == {"ann": 1, "bob": 2, "cid": 3}
    assert Visit.count() == 7


def test_the_index_of_a_searched_table_is_not_taken_for_the_row(database):
    database.create_tables(Letter)
    Letter.bulk_create([Letter(text=f"number {number}") for number in range(100)])
    with transaction():
        letters = [Letter.create(text=f"later {number}") for number in range(100)]
    letters.append(Letter.create(text="last"))
    assert [letter.id for letter in letters] == list(range(101, 202))
    assert Letter.where(lambda letter: letter.text == "last").select(lambda letter: letter.id).all() == [201]


@pytest.mark.backends("sqlite")
def test_a_row_that_is_there_already_gives_no_key(database):
    database.create_tables(Guest, Visit)
    made, new = Guest.get_or_create(name="ann")
    assert (made.id, new) == (1, True)
    Visit.create(id=700, name="elsewhere")
    made, new = Guest.get_or_create(name="ann")
    assert (made.id, new) == (1, False)
    again = Guest(name="ann")
    database.execute("DROP TABLE guest")
    database.execute("CREATE TABLE guest (id integer PRIMARY KEY, name text UNIQUE ON CONFLICT IGNORE)")
    database.execute("INSERT INTO guest VALUES (7, 'ann')")
    with pytest.raises(InterfaceError, match="^Save failed for 'Guest': the row did not come back"):
        again.save()
    assert again.id is None


@pytest.mark.backends("sqlite")
@pytest.mark.parametrize("kind", UNNUMBERED)
def test_a_table_made_anew_is_looked_at_anew(database, kind):
    run(database, TABLE)
    assert save_three() == {"ann": 1, "bob": 2, "cid": 3}
    with transaction():
        Guest.create(name="dan")
        run(database, ("DROP TABLE guest", *UNNUMBERED[kind]))
        assert Guest.create(name="eve").id is None
    assert keys(database) == {"eve": None}


@pytest.mark.backends("sqlite")
@pytest.mark.parametrize("inner", [False, True], ids=["whole", "savepoint"])
def test_a_table_that_was_made_in_a_transaction_that_is_undone_is_forgotten(database, inner):
    run(database, UNNUMBERED["another type"])

    def make_anew() -> None:
        run(database, ("DROP TABLE guest", *TABLE))
        assert Guest.create(name="ann").id == 1
        raise LookupError

    with transaction():
        if inner:
            with pytest.raises(LookupError):
                with transaction():
                    make_anew()
            assert Guest.create(name="bob").id is None
    if not inner:
        with pytest.raises(LookupError):
            with transaction():
                make_anew()
    assert Guest.create(name="cid").id is None


@pytest.mark.backends("sqlite")
def test_a_view_that_others_put_in_the_place_of_a_table_gives_no_key(database, database_url):
    run(database, TABLE)
    assert Guest.create(name="ann").id == 1
    with connect(database_url, name="others", default=False) as others:
        run(others, ("DROP TABLE guest", *UNNUMBERED["a view"]))
    # Without a number of its own it has the row that the trigger wrote, somewhere.
    assert Guest.create(name="bob").id is None
    assert Guest.create(name="cid").id is None
    assert keys(database) == {"bob": None, "cid": None}


@pytest.mark.backends("sqlite")
def test_the_log_tells_what_is_sent(database):
    database.create_tables(Guest)
    with recorded() as records:
        Guest.create(name="ann")
        database.execute("DROP TABLE guest")
        run(database, UNNUMBERED["another type"])
        Guest.create(name="bob")
    inserts = [(record.sql, record.params, record.rows) for record in records if record.sql.startswith("INSERT")]
    assert inserts == [
        ('INSERT INTO "guest" ("name") VALUES (?)', ("ann",), 1),
        ('INSERT INTO "guest" ("name") VALUES (?) RETURNING "guest"."id"', ("bob",), 1),
    ]


@pytest.mark.backends("sqlite")
def test_rows_may_go_into_a_view_of_which_none_come_back(database):
    run(database, UNNUMBERED["a view"])
    assert Guest.bulk_create([{"name": "ann"}, {"name": "bob"}], returning=False) == 2
    assert keys(database) == {"ann": None, "bob": None}
