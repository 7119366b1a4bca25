# Generated from tests/_async/test_session_settings.py by scripts/unasync.py: edit that file, never this one.
"""The settings of a session: with every statement, at no cost in round trips, and never with the next user's."""

import pytest
from statements import sent

from ferro.drivers import postgres
from ferro.sync import Database, DataError, InterfaceError, QueryError, connect, session, transaction

ASK = "SELECT current_setting('app.tenant', true) AS tenant"
SET = "SELECT set_config($1, $2, true)"


def tenant(database: Database) -> str | None:
    found = database.fetch_one(ASK)
    return (found or {})["tenant"] or None


@pytest.mark.backends("postgres")
def test_every_statement_of_a_session_has_its_settings(database):
    with session(settings={"app.tenant": "7", "app.user": "ann"}) as here:
        assert dict(here.settings) == {"app.tenant": "7", "app.user": "ann"}
        assert tenant(database) == "7"
        assert database.fetch_one("SELECT current_setting('app.user') AS who") == {"who": "ann"}
        with transaction():
            assert tenant(database) == "7"
            assert tenant(database) == "7"
        for row in database.stream(ASK):
            assert row == {"tenant": "7"}
    assert tenant(database) is None


@pytest.mark.backends("postgres")
def test_the_next_user_of_the_connection_has_none_of_the_settings(database_url):
    # With one connection, everyone is the next user.
    with connect(database_url, max_connections=1) as database:
        pids = set[int]()

        def nobody() -> None:
            found = database.fetch_one(f"{ASK}, pg_backend_pid() AS pid")
            assert found is not None
            pids.add(found["pid"])
            assert not found["tenant"]

        with database.session(settings={"app.tenant": "7"}):
            assert tenant(database) == "7"
        nobody()
        with database.session(settings={"app.tenant": "7"}):
            with pytest.raises(DataError):
                database.fetch_one("SELECT 1 / 0 AS nothing")
        nobody()
        with database.session(settings={"app.tenant": "7"}):
            with pytest.raises(DataError):
                with transaction():
                    database.fetch_one("SELECT 1 / 0 AS nothing")
        nobody()
        with database.session(settings={"app.tenant": "7"}), transaction():
            database.execute(ASK)
        nobody()
        with database.session(settings={"app.tenant": "7"}):
            for _ in database.stream("SELECT generate_series(1, 100) AS n", chunk=10):
                break
        nobody()
        assert len(pids) == 1


@pytest.mark.backends("postgres")
def test_settings_are_sent_once_a_transaction(database):
    with session(settings={"app.tenant": "7"}):
        with sent() as texts:
            with transaction():
                database.fetch_one(ASK)
                database.fetch_one(ASK)
    assert texts == ["BEGIN", SET, ASK, ASK, "COMMIT"]


@pytest.mark.backends("postgres")
def test_settings_cost_no_round_trip(database, monkeypatch):
    trips: list[int] = []
    pipeline, execute = postgres.PostgresLink._pipeline, postgres.generators.execute

    def counted_pipeline(link, sends):
        trips.append(len(sends))
        return pipeline(link, sends)

    def counted_execute(pgconn):
        trips.append(1)
        return execute(pgconn)

    monkeypatch.setattr(postgres.PostgresLink, "_pipeline", counted_pipeline)
    monkeypatch.setattr(postgres.generators, "execute", counted_execute)
    with session(settings={"app.tenant": "7"}):
        assert tenant(database) == "7"
        assert trips == [2]  # the setting and the statement, together
        trips.clear()
        with transaction() as block:
            block.fetch_one(ASK)
            assert trips == [3]  # BEGIN, the setting and the statement
            block.fetch_one(ASK)
            assert trips == [3, 1]


@pytest.mark.backends("postgres")
def test_a_setting_can_be_changed_in_open_transactions_and_savepoints_too(database):
    with session(settings={"app.tenant": "7"}) as here:
        with transaction():
            assert tenant(database) == "7"
            with pytest.raises(KeyError):
                with transaction():
                    here.set_config("app.tenant", "8")
                    assert tenant(database) == "8"
                    raise KeyError
            assert tenant(database) == "8"
        assert tenant(database) == "8"
        here.set_config("app.tenant", "it's; --")
        assert tenant(database) == "it's; --"
    with pytest.raises(InterfaceError, match="Session is closed"):
        here.set_config("app.tenant", "9")


@pytest.mark.backends("postgres")
def test_a_session_with_settings_is_opened_before_the_transaction(database):
    with transaction():
        with pytest.raises(InterfaceError, match="open the session before the transaction"):
            with session(settings={"app.tenant": "7"}):
                raise AssertionError


@pytest.mark.backends("sqlite")
def test_sqlite_has_no_settings(database):
    with pytest.raises(InterfaceError, match="a session has settings on PostgreSQL only"):
        with session(settings={"app.tenant": "7"}):
            raise AssertionError
    with session() as here:
        with pytest.raises(InterfaceError, match="a session has settings on PostgreSQL only"):
            here.set_config("app.tenant", "7")


@pytest.mark.parametrize("name", ["tenant", "app.", ".x", "app.te nant", "app.x'; DROP", "", 7, "app.é", "app.x\n"])
def test_the_name_of_a_setting_is_words_with_a_dot(name):
    with pytest.raises(QueryError, match="is no name of a setting: it is words with a dot between"):
        session(settings={name: "7"})


@pytest.mark.parametrize("value", [7, None, b"7"])
def test_the_value_of_a_setting_is_text(value):
    with pytest.raises(TypeError, match="the setting 'app.tenant' is a str, not"):
        session(settings={"app.tenant": value})


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_a_setting_holds_no_text_that_postgresql_cannot_keep(value):
    with pytest.raises(QueryError, match="holds a NUL or half of a surrogate pair"):
        session(settings={"app.tenant": value})
