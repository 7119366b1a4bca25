# Generated from tests/_async/test_connect.py by scripts/unasync.py: edit that file, never this one.
"""Connecting: URLs, options, the default database, and what happens after the end."""

import os
import re
import traceback
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from proxy import Wire

from ferro.schema import registry
from ferro.sync import (
    DatabaseConnectionError,
    Field,
    InterfaceError,
    Model,
    NoDatabaseError,
    OperationalError,
    OptionError,
    check_connection,
    connect,
    create_tables,
    disconnect,
    execute,
    fetch_all,
    fetch_one,
    reset_engine,
    transaction,
    using,
    version,
)

NO_DATABASE = (
    r"^Engine not initialized: no database is connected; call ferro(\.sync)?\.connect\(\) first, "
    r"or use the handle you have, as in db\.query\(User\)$"
)
POSTGRES = "postgresql://ann:s3cret@127.0.0.1:1/shop"


class Sign(Model):
    id: int | None = Field(default=None, primary_key=True)
    text: str


@pytest.fixture(autouse=True)
def nothing_is_left_connected():
    yield
    reset_engine()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def exactly(text: str) -> str:
    return f"^{re.escape(text)}$"


# The handle and the default.


def test_connect_returns_the_handle_and_makes_it_the_default(database_url):
    database = connect(database_url)
    database.create_tables(Sign)
    Sign.create(text="stop")
    assert [sign.text for sign in database.query(Sign).all()] == ["stop"]
    database.close()


def test_the_handle_is_closed_at_the_end_of_its_block(database_url):
    with connect(database_url) as database:
        assert database.check_connection() is True
    with pytest.raises(InterfaceError, match="is closed: call connect\\(\\) again"):
        database.fetch_one("SELECT 1 AS one")
    with pytest.raises(NoDatabaseError, match=NO_DATABASE):
        fetch_one("SELECT 1 AS one")


def test_an_open_handle_can_be_a_context_manager(database_url):
    database = connect(database_url)
    with database as same:
        assert same is database
    with pytest.raises(InterfaceError, match="is closed"):
        database.query(Sign).all()


def test_a_block_closes_its_database_when_it_fails(database_url):
    with pytest.raises(KeyError):
        with connect(database_url) as database:
            raise KeyError
    with pytest.raises(InterfaceError, match="is closed"):
        database.execute("SELECT 1")


def test_a_second_connect_replaces_the_default_and_closes_the_first(database_url, tmp_path):
    first = connect(database_url)
    first.create_tables(Sign)
    Sign.create(text="first")
    second = connect(f"sqlite:{tmp_path}/second.db?mode=rwc")
    create_tables(Sign)
    assert Sign.all() == []
    with pytest.raises(InterfaceError, match="is closed: call connect\\(\\) again"):
        first.query(Sign).all()
    second.close()


def test_a_connect_that_fails_leaves_the_default_alone(database_url):
    database = connect(database_url)
    with pytest.raises(DatabaseConnectionError):
        connect("sqlite:/nowhere/at/all.db")
    assert fetch_one("SELECT 1 AS one") == {"one": 1}
    database.close()


def test_a_database_that_is_not_the_default_is_reached_by_its_handle_only(database_url):
    with connect(database_url, default=False) as database:
        database.create_tables(Sign)
        database.create(Sign, text="mine")
        with pytest.raises(NoDatabaseError, match=NO_DATABASE):
            Sign.all()
        assert database.query(Sign).count() == 1


def test_connecting_beside_the_default_leaves_it_open(database_url, tmp_path):
    with connect(database_url) as first:
        with connect(f"sqlite:{tmp_path}/other.db?mode=rwc", default=False):
            pass
        assert fetch_one("SELECT 1 AS one") == {"one": 1}
        assert first.check_connection() is True


def test_using_sends_the_bare_calls_of_a_block_elsewhere(database_url, tmp_path):
    with (
        connect(database_url) as first,
        connect(f"sqlite:{tmp_path}/other.db?mode=rwc", default=False) as other,
    ):
        first.create_tables(Sign)
        with using(other) as same:
            assert same is other
            create_tables(Sign)
            Sign.create(text="there")
            with using(first):
                assert Sign.count() == 0
            assert Sign.count() == 1
        assert Sign.all() == []
        assert [sign.text for sign in other.query(Sign).all()] == ["there"]


def test_a_transaction_is_on_the_database_in_scope(database_url, tmp_path):
    with (
        connect(database_url) as first,
        connect(f"sqlite:{tmp_path}/other.db?mode=rwc", default=False) as other,
    ):
        first.create_tables(Sign)
        other.create_tables(Sign)
        with using(other):
            with transaction():
                Sign.create(text="there")
        with other.transaction():
            Sign.create(text="there too")
        assert Sign.count() == 0
        assert other.query(Sign).count() == 2


def test_without_a_database_every_bare_call_says_so():
    for call in (
        Sign.all,
        Sign.count,
        Sign(text="stop").save,
        create_tables,
        check_connection,
        lambda: Sign.get(1),
        lambda: Sign.create(text="stop"),
        lambda: Sign.bulk_create([]),
        lambda: execute("SELECT 1"),
        lambda: fetch_all("SELECT 1"),
        lambda: fetch_one("SELECT 1"),
    ):
        with pytest.raises(NoDatabaseError, match=NO_DATABASE) as caught:
            call()
        assert isinstance(caught.value, RuntimeError)
    with pytest.raises(NoDatabaseError, match=NO_DATABASE):
        with transaction():
            pass


def test_a_query_is_built_without_a_database_and_runs_on_the_one_there_is_then(database_url):
    query = Sign.where(lambda s: s.text == "stop")
    with connect(database_url):
        create_tables(Sign)
        assert query.all() == []


# The end.


def test_closing_twice_does_nothing(database_url):
    database = connect(database_url)
    database.close()
    database.close()
    assert repr(database).endswith(" closed>")


def test_disconnect_closes_the_default_and_does_nothing_without_one(database_url):
    database = connect(database_url)
    disconnect()
    disconnect()
    with pytest.raises(InterfaceError, match="is closed"):
        database.fetch_one("SELECT 1 AS one")


def test_closing_another_database_leaves_the_default(database_url, tmp_path):
    with connect(database_url):
        other = connect(f"sqlite:{tmp_path}/other.db?mode=rwc", default=False)
        other.close()
        assert check_connection() is True


def test_reset_engine_drops_the_default_at_once(database_url):
    database = connect(database_url)
    database.create_tables(Sign)
    reset_engine()
    reset_engine()
    with pytest.raises(NoDatabaseError, match=NO_DATABASE):
        Sign.all()
    with pytest.raises(InterfaceError, match="is closed"):
        database.query(Sign).all()


def test_after_reset_engine_a_database_can_be_connected_again(database_url):
    for _ in range(2):
        connect(database_url)
        create_tables(Sign)
        Sign.create(text="stop")
        reset_engine()
    with connect(database_url):
        assert Sign.count() == 2


def test_check_connection_answers(database_url):
    with connect(database_url) as database:
        assert check_connection() is True
        assert database.check_connection() is True


@pytest.mark.backends("postgres")
def test_check_connection_says_when_the_server_is_out_of_reach(database_url):
    wire = Wire(database_url)
    with connect(wire.url) as database:
        assert check_connection() is True
        wire.close()
        assert check_connection() is False
        assert database.check_connection() is False


def test_a_closed_database_is_named_with_what_to_do(tmp_path):
    database = connect(f"sqlite:{tmp_path}/signs.db?mode=rwc")
    database.close()
    text = f"the database sqlite:{tmp_path}/signs.db is closed: call connect() again"
    for call in (
        database.query(Sign).all,
        lambda: database.create(Sign, text="stop"),
        lambda: database.execute("SELECT 1"),
        database.create_tables,
    ):
        with pytest.raises(InterfaceError, match=exactly(text)):
            call()
    with pytest.raises(InterfaceError, match=exactly(text)):
        with database.transaction():
            database.execute("SELECT 1")


# Tables on connecting.


def test_auto_migrate_creates_the_tables_of_all_models(database_url, monkeypatch):
    monkeypatch.setattr(registry, "declared", {"Sign": Sign})
    monkeypatch.setattr(registry, "active", {"Sign": Sign})
    with connect(database_url, auto_migrate=True):
        Sign.create(text="stop")
        assert Sign.count() == 1


def test_auto_migrate_never_alters_a_table_that_is_there(database_url, monkeypatch):
    monkeypatch.setattr(registry, "declared", {"Sign": Sign})
    monkeypatch.setattr(registry, "active", {"Sign": Sign})
    with connect(database_url) as database:
        database.execute("CREATE TABLE sign (id integer PRIMARY KEY)")
        database.execute("INSERT INTO sign VALUES (7)")
    with connect(database_url, auto_migrate=True):
        assert fetch_all("SELECT * FROM sign") == [{"id": 7}]


def test_without_auto_migrate_no_table_is_made(database_url):
    with connect(database_url):
        with pytest.raises(OperationalError, match="Fetch failed: .*sign"):
            Sign.all()


# SQLite's URLs.


@pytest.mark.parametrize("url", ["sqlite::memory:", "sqlite:", "sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_one_database(url):
    with connect(url) as database:
        database.create_tables(Sign)
        with transaction():
            Sign.create(text="stop")
        assert Sign.count() == 1
        assert repr(database) == f"<{type(database).__name__} sqlite::memory:>"


@pytest.mark.parametrize(
    "form",
    ["sqlite:{0}/signs.db", "sqlite://{0}/signs.db", "sqlite:///{0}/signs.db", "sqlite:signs.db", "sqlite://signs.db"],
)
def test_every_way_to_write_a_path_opens_the_same_file(folder, form):
    with connect(f"sqlite:{folder}/signs.db?mode=rwc"):
        create_tables(Sign)
        Sign.create(text="stop")
    with connect(form.format(folder)):
        assert Sign.count() == 1


@pytest.mark.parametrize(
    "name", ["test[sqlite].db", "50%.db", "a b.db", "%20.db", "a#b.db", "é.db", "a+b&c=d.db", "quo'te\".db"]
)
def test_a_file_name_is_taken_literally(folder, name):
    with connect(f"sqlite:{folder}/{name}?mode=rwc") as database:
        database.create_tables(Sign)
    assert name in files(folder)
    with connect(f"sqlite:{name}"):
        assert Sign.all() == []


def test_a_missing_file_is_not_created_unless_asked_for(folder):
    text = (
        f"DB Connection failed: sqlite:{folder}/none.db: unable to open database file; "
        "add ?mode=rwc to the URL to create the file"
    )
    with pytest.raises(DatabaseConnectionError, match=exactly(text)) as caught:
        connect(f"sqlite:{folder}/none.db")
    assert isinstance(caught.value, ConnectionError)
    assert files(folder) == []


def test_a_path_means_the_same_file_wherever_the_program_goes(folder):
    (folder / "elsewhere").mkdir()
    with connect("sqlite:app.db?mode=rwc", max_connections=2) as database:
        assert database.url == "sqlite:app.db"
        database.create_tables(Sign)
        os.chdir(folder / "elsewhere")
        # The second connection is opened here.
        with database.pool.connection(), database.pool.connection():
            pass
        assert database.query(Sign).count() == 0
        assert files(folder / "elsewhere") == []


def test_mode_rw_opens_a_file_that_is_there(folder):
    with connect(f"sqlite:{folder}/signs.db?mode=rwc"):
        create_tables(Sign)
    with connect(f"sqlite:{folder}/signs.db?mode=rw"):
        Sign.create(text="stop")
        assert Sign.count() == 1


def test_mode_ro_reads_and_refuses_to_write(folder):
    with connect(f"sqlite:{folder}/signs.db?mode=rwc"):
        create_tables(Sign)
        Sign.create(text="stop")
    with connect(f"sqlite:{folder}/signs.db?mode=ro"):
        assert [sign.text for sign in Sign.all()] == ["stop"]
        with pytest.raises(OperationalError, match="Save failed: attempt to write a readonly database"):
            Sign.create(text="go")
        assert Sign.count() == 1


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("sqlite:a.db?mode=bogus", "unknown query parameter value mode='bogus'; it is one of ro, rw, rwc"),
        (
            "sqlite:a.db?cache=shared",
            "unknown query parameter 'cache' in a SQLite URL; it takes mode=ro|rw|rwc and inline=true|false",
        ),
        ("sqlite:a.db?inline=yes", "unknown query parameter value inline='yes'; it is true or false"),
        (
            "postgresql://localhost/x?inline=true",
            "inline=… is for SQLite, whose short statements it runs on the event loop: leave it out of a PostgreSQL URL",
        ),
        (
            "mysql://localhost/x",
            "Unsupported database URL scheme 'mysql'. Supported schemes: sqlite, postgres, postgresql",
        ),
        ("sqlite3:a.db", "Unsupported database URL scheme 'sqlite3'. Supported schemes: sqlite, postgres, postgresql"),
        (
            "postgresql+psycopg://localhost/x",
            "Unsupported database URL scheme 'postgresql+psycopg'. Supported schemes: sqlite, postgres, postgresql",
        ),
        (
            "app.db",
            (
                "Unsupported database URL scheme '…'. Supported schemes: sqlite, postgres, postgresql; the URL of a file is "
                "sqlite:app.db"
            ),
        ),
        ("nonsense:", "Unsupported database URL scheme 'nonsense'. Supported schemes: sqlite, postgres, postgresql"),
    ],
)
def test_a_url_that_means_nothing_is_refused(folder, url, text):
    with pytest.raises(DatabaseConnectionError, match=exactly(f"DB Connection failed: {text}")):
        connect(url)
    assert files(folder) == []


def test_a_file_that_is_no_database_is_refused(folder):
    (folder / "notes.db").write_text("just text, and long enough to be looked at" * 100)
    with pytest.raises(DatabaseConnectionError, match="DB Connection failed: .*notes.db: file is not a database"):
        connect("sqlite:notes.db")


def test_sqlite_keeps_foreign_keys_and_writes_ahead(folder):
    with connect("sqlite:signs.db?mode=rwc"):
        assert fetch_one("PRAGMA foreign_keys") == {"foreign_keys": 1}
        assert fetch_one("PRAGMA journal_mode") == {"journal_mode": "wal"}


def test_both_colours_take_a_url_that_asks_for_short_statements_on_the_loop(folder):
    for inline in ("true", "false"):
        with connect(f"sqlite:signs.db?mode=rwc&inline={inline}") as database:
            create_tables(Sign)
            sign = Sign.create(text=inline)
            assert Sign.get(sign.id).text == inline
            assert database.url == "sqlite:signs.db"


def test_sqlite_ignores_a_search_path(folder):
    with connect("sqlite:signs.db?mode=rwc&ferro_search_path=shop") as database:
        assert database.check_connection() is True
        assert database.url == "sqlite:signs.db"


# PostgreSQL's URLs.


@pytest.mark.backends("postgres")
def test_both_schemes_and_libpq_parameters_are_understood(database_url):
    url = database_url.replace("postgresql://", "postgres://") + "&application_name=ferro%20tests&sslmode=prefer"
    with connect(url):
        assert fetch_one("SHOW application_name") == {"application_name": "ferro tests"}


@pytest.mark.backends("postgres")
def test_every_connection_works_in_the_search_path(database_url):
    schema = database_url.rpartition("=")[2]
    with connect(database_url, min_connections=2):
        create_tables(Sign)
        for _ in range(3):
            assert fetch_one("SHOW search_path") == {"search_path": schema}
        with transaction():
            assert fetch_one("SELECT current_schema() AS schema") == {"schema": schema}


@pytest.mark.parametrize("url", ["sqlite:{}.db?mode=rwc", "postgresql://{}@127.0.0.1:1/x", "postgresql://{}:1/x"])
def test_a_url_that_a_driver_would_cut_off_is_refused(url):
    for text, reason in (("a\0b", "NUL character"), ("a\ud800", "lone surrogate")):
        with pytest.raises(DatabaseConnectionError, match=f"^DB Connection failed: the URL contains a {reason} at "):
            connect(url.format(text))


@pytest.mark.parametrize("path", ["", "a;b", "a b", "a,b", "é", 'a"b'])
def test_a_search_path_is_a_plain_name(path):
    with pytest.raises(OptionError, match=f"^Invalid ferro_search_path '{re.escape(path)}'") as caught:
        connect(f"postgresql://127.0.0.1:1/shop?ferro_search_path={path}")
    assert isinstance(caught.value, ValueError)


@pytest.mark.backends("postgres")
def test_an_unknown_database_is_told_with_the_servers_words(database_url):
    parts = urlsplit(database_url)
    with pytest.raises(DatabaseConnectionError, match='DB Connection failed: .*database "nowhere" does not exist'):
        connect(parts._replace(path="/nowhere").geturl())


def test_a_server_that_is_not_there_is_told_at_once():
    with pytest.raises(
        DatabaseConnectionError, match="^DB Connection failed: postgresql://ann:\\*\\*\\*@127.0.0.1:1/shop: "
    ):
        connect(POSTGRES, connect_timeout=3)


# Secrets.


@pytest.mark.parametrize(
    "url",
    [
        POSTGRES,
        "postgresql://ann:s3cret@[::1:1/shop",
        "postgresql://ann:s3cret@127.0.0.1:port/shop",
        "postgresql://ann:s3cret@127.0.0.1:1/shop?sslpassword=s3cret",
        "postgresql://127.0.0.1:1/shop?user=ann&password=s3cret",
        "postgresql://ann:s3cret%@127.0.0.1:1/shop",
        "mysql://ann:s3cret@localhost/shop",
        "ann:s3cret@localhost/shop",
    ],
)
def test_no_error_of_connecting_shows_a_password(url):
    with pytest.raises((DatabaseConnectionError, OptionError)) as caught:
        connect(url, connect_timeout=2)
    assert "s3cret" not in f"{caught.value!r} {vars(caught.value)}"
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.backends("postgres")
def test_a_handle_shows_its_url_without_the_password(database_url):
    parts = urlsplit(database_url)
    user = parts.username or "postgres"
    host = parts.netloc.rpartition("@")[2]
    url = parts._replace(netloc=f"{user}:s3cret@{host}").geturl()
    with connect(url) as database:
        assert f"{user}:***@{host}" in repr(database)
        assert "s3cret" not in f"{database!r} {database.url} {vars(database)} {vars(database.pool)}"
    with pytest.raises(InterfaceError) as caught:
        database.fetch_one("SELECT 1")
    assert "s3cret" not in str(caught.value)


# Options.


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_connections": 0}, "max_connections is 0; a pool needs at least 1"),
        (
            {"min_connections": 5, "max_connections": 2},
            "min_connections is 5; it must lie between 0 and max_connections, which is 2",
        ),
        ({"min_connections": -1}, "min_connections is -1; it must lie between 0 and max_connections, which is 10"),
        ({"acquire_timeout": 0}, "acquire_timeout is 0; it is a number of seconds above 0"),
        ({"connect_timeout": -1}, "connect_timeout is -1; it is a number of seconds above 0"),
        ({"idle_timeout": 0}, "idle_timeout is 0; it is a number of seconds above 0"),
        ({"max_lifetime": 0.0}, "max_lifetime is 0.0; it is a number of seconds above 0"),
        ({"busy_timeout": float("nan")}, "busy_timeout is nan; it is a number of seconds above 0"),
        ({"acquire_timeout": None}, "acquire_timeout is None; it is a number of seconds above 0"),
        ({"max_connections": "5"}, "max_connections is '5'; it is a whole number"),
        ({"min_connections": 1.5}, "min_connections is 1.5; it is a whole number"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(database_url, options, text):
    with pytest.raises(OptionError, match=exactly(text)):
        connect(database_url, **options)


def test_a_database_in_memory_takes_any_number_of_connections():
    with connect("sqlite::memory:", min_connections=5, max_connections=20):
        create_tables(Sign)
        assert Sign.count() == 0


def test_a_database_in_memory_lives_as_long_as_its_handle():
    with connect("sqlite::memory:", min_connections=0, idle_timeout=1e-9, max_lifetime=1e-9):
        create_tables(Sign)
        Sign.create(text="stop")
        assert Sign.count() == 1


def test_a_database_in_memory_that_is_lost_is_not_taken_for_an_empty_one():
    with connect("sqlite::memory:") as database:
        database.create_tables(Sign)
        with database.pool.connection() as connection:
            connection.drop()
        with pytest.raises(
            DatabaseConnectionError, match=r"^this database in memory is gone: .*; connect\(\) again for"
        ):
            database.query(Sign).all()


def test_a_url_must_be_a_text():
    with pytest.raises(OptionError, match=exactly("the URL of a database is a str, not NoneType")):
        connect(None)


@pytest.mark.backends("postgres")
def test_as_many_connections_are_open_as_are_wanted(database_url, administrator):
    with connect(f"{database_url}&application_name=three", min_connections=3) as database:
        assert database.check_connection() is True
        count = administrator.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'three'")
        assert count.fetchone() == (3,)


@pytest.mark.backends("postgres")
def test_closing_ends_every_session(database_url, administrator):
    with connect(f"{database_url}&application_name=closing", min_connections=3):
        pass
    for _ in range(50):
        count = administrator.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'closing'")
        if (left := count.fetchone()) == (0,):
            break
        administrator.execute("SELECT pg_sleep(0.02)")
    assert left == (0,)


def test_the_version_is_a_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+\w*", version())
