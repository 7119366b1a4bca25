"""What a session, a connection or a policy is given as text is a value, a checked name, or an error."""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, note, settings
from statements import sent

from ferro import DataError, FerroError, Field, OptionError, QueryError, RowPolicy, current_setting
from ferro.instance.marks import mark_saved
from ferro.schema.registry import active, declared
from ferro.sync import (
    Database,
    Model,
    connect,
    create_tables,
    current_session,
    evict_instance,
    execute,
    fetch_all,
    fetch_one,
    session,
    set_default_connection,
    transaction,
    using,
)
from ferro.testing import no_n_plus_one
from ferro.types.values import why_text_is_refused

from .strategies import hostile_names, hostile_texts
from .test_hostile_surface import SAMPLE

ASK = "SELECT current_setting('app.tenant') AS tenant"
PLAIN_WORD = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
PLAIN_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)+", re.ASCII)


class Lodger(Model):
    name: str = Field(primary_key=True)


# Other tests, which create all tables there are, need not know of it.
for known in (declared, active):
    known.pop("Lodger")


def in_url(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


# Every call outside a query that takes a name, and can only refuse another one.
REFUSED: dict[str, Callable[[str], Any]] = {
    "the name of a setting": lambda text: session(settings={text: "7"}),
    "a setting in a query": current_setting,
    "a setting in a policy": lambda text: RowPolicy(column="tenant_id", setting=text),
    "the name of a policy": lambda text: RowPolicy(name=text, using=lambda d: d.id == 1),
    "the column of a policy": lambda text: RowPolicy(column=text, setting="app.tenant"),
    "the command of a policy": lambda text: RowPolicy(name="x", command=text, using=lambda d: d.id == 1),
    "the name of a connection": lambda text: connect("sqlite::memory:", name=text),
    "another connection": lambda text: using(text).__enter__(),
    "the default connection": set_default_connection,
    "the connection of a transaction": lambda text: transaction(using=text).__enter__(),
    "the connection of a session": lambda text: session(text).__enter__(),
    "a URL": lambda text: connect(text, default=False),
    "a replica": lambda text: connect("sqlite::memory:", replicas=(text,), default=False),
    "the connection of a call": lambda text: execute("SELECT 1", using=text),
    "the connection of SQL into rows": lambda text: fetch_all("SELECT 1", using=text),
    "the connection of one row": lambda text: fetch_one("SELECT 1", using=text),
    "the connection of create_tables": lambda text: create_tables(using=text),
    "the connection of a model": Lodger.using,
    "the connection of a verb of a class": lambda text: Lodger.bulk_create([], using=text),
    "the connection of a verb of an instance": lambda text: Lodger(name="x").save(using=text),
    "the connection of evict_instance": lambda text: evict_instance(Lodger, "x", using=text),
    "how many connections": lambda text: connect("sqlite::memory:", max_connections=text, default=False),
    "how long to wait": lambda text: connect("sqlite::memory:", acquire_timeout=text, default=False),
    "after how many": lambda text: connect("sqlite::memory:", n_plus_one_after=text, n_plus_one="warn", default=False),
    "what a test does": lambda text: no_n_plus_one(action=text).__enter__(),
    "after how many a test does it": lambda text: no_n_plus_one(after=text).__enter__(),
    "what is inline": lambda text: connect(f"sqlite::memory:?inline=x{in_url(text)}", default=False),
    "what n_plus_one does": lambda text: connect("sqlite::memory:", n_plus_one=text, default=False),
    "the mode of SQLite": lambda text: connect(f"sqlite::memory:?mode=ro{in_url(text)}", default=False),
    "a parameter of SQLite": lambda text: connect(f"sqlite::memory:?x{in_url(text)}=1", default=False),
}


@settings(max_examples=500)
@given(value=hostile_texts())
def test_the_value_of_a_setting_never_changes_the_sql(databases: Mapping[str, Database], value: str):
    if (db := databases.get("postgres")) is None:
        return
    texts_sent: list[list[str]] = []
    for given_value in ("7", value):
        if why_text_is_refused(given_value):
            with pytest.raises(QueryError, match="holds a NUL or half of a surrogate pair"):
                session(db, settings={"app.tenant": given_value}).__enter__()
            return
        with sent() as found, session(db, settings={"app.tenant": given_value}):
            assert db.fetch_one(ASK) == {"tenant": given_value}
        texts_sent.append(found)
    assert texts_sent[0] == texts_sent[1] == ["SELECT set_config($1, $2, true)", ASK]


@settings(max_examples=500)
@given(text=hostile_texts())
def test_a_setting_that_is_changed_is_a_value_and_its_name_is_checked(databases: Mapping[str, Database], text: str):
    if (db := databases.get("postgres")) is None:
        return
    assume(not PLAIN_SETTING.fullmatch(text))
    with session(db) as inside:
        with pytest.raises(QueryError, match="is no name of a setting"):
            inside.set_config(text, "7")
        if why_text_is_refused(text):
            with pytest.raises(QueryError, match="holds a NUL or half of a surrogate pair"):
                inside.set_config("app.tenant", text)
        else:
            inside.set_config("app.tenant", text)
            with sent() as found:
                assert db.fetch_one(ASK) == {"tenant": text}
            assert found == ["SELECT set_config($1, $2, true)", ASK]


@settings(max_examples=500)
@given(text=hostile_names())
@example(text="x\n")
def test_a_hostile_name_is_refused(text: str):
    # A long word is a good name of all of these but a column.
    assume(not PLAIN_SETTING.fullmatch(text) and not PLAIN_WORD.fullmatch(text))
    for name, call in REFUSED.items():
        note(name)
        with pytest.raises(FerroError):
            call(text)


@settings(max_examples=500)
@given(text=hostile_names())
def test_a_hostile_search_path_is_refused_before_anything_is_opened(text: str):
    assume(not PLAIN_WORD.fullmatch(text))
    with pytest.raises(OptionError, match="^Invalid ferro_search_path"):
        connect(f"postgresql://127.0.0.1:1/x?ferro_search_path={in_url(text)}", default=False)


def asked(db: Database, run: Callable[..., Any], text: str) -> list[str]:
    """What is sent to ask for a text, which comes back as it was."""
    with sent() as found:
        assert run(f"SELECT CAST({db.dialect.placeholder.format(1)} AS text) AS said", text) == [{"said": text}]
    # Cursors are counted.
    return [re.sub(r"ferro_stream_\d+", "ferro_stream_1", statement) for statement in found]


ASKING: dict[str, Callable[..., Any]] = {
    "fetch_all": lambda db, *args: db.fetch_all(*args),
    "fetch_one": lambda db, *args: [db.fetch_one(*args)],
    "stream": lambda db, *args: list(db.stream(*args)),
}


@cache
def asked_of_a_harmless_one(db: Database, verb: str) -> list[str]:
    return asked(db, partial(ASKING[verb], db), "7")


@settings(max_examples=500)
@given(text=hostile_texts())
def test_the_arguments_of_sql_never_change_it(databases: Mapping[str, Database], text: str):
    for db, verb in product(databases.values(), ASKING):
        if why_text_is_refused(text):
            with pytest.raises(DataError, match="^argument 1 of the SQL: "):
                asked(db, partial(ASKING[verb], db), text)
        else:
            assert asked(db, partial(ASKING[verb], db), text) == asked_of_a_harmless_one(db, verb)


@settings(max_examples=500)
@given(text=hostile_texts())
def test_forgetting_an_object_sends_nothing_and_forgets_no_other(databases: Mapping[str, Database], text: str):
    for db in databases.values():
        with session(db):
            inside = current_session()
            assert inside is not None
            kept, lodger = Lodger(name="kept"), Lodger(name=text)
            for one in (kept, lodger):
                mark_saved(one)
            refused = why_text_is_refused(text)
            inside.identities.put([kept, lodger], None)
            with sent() as statements:
                for model in (text, f"Lodger.{text}", f"{text}.Lodger"):
                    evict_instance(model, "kept")
                evict_instance(Lodger, f"{text}!")
                evict_instance("Lodger", (text, text))
                assert len(inside.identities) == 1 + (text != "kept")
                evict_instance("Lodger" if refused else Lodger, text)
                assert list(inside.identities.of(Lodger).values()) == [kept]
            assert statements == []


def test_a_file_may_be_called_anything(tmp_path: Path):
    # What follows a question mark is no part of a path.
    names = [name for name in SAMPLE if "/" not in name and "?" not in name]
    for name in names:
        with connect(f"sqlite:{tmp_path}/{name}?mode=rwc", default=False) as db:
            db.execute("CREATE TABLE found (id integer)")
        with connect(f"sqlite:{tmp_path}/{name}", read_only=True, default=False) as db:
            assert db.fetch_all("SELECT * FROM found") == []
    found = {path.name.removesuffix("-wal").removesuffix("-shm") for path in tmp_path.iterdir()}
    assert found == set(names)


def test_a_parameter_of_a_url_is_a_value(postgres_url: str):
    mark = "&" if "?" in postgres_url else "?"
    # PostgreSQL changes other characters, and cuts what is longer.
    for name in filter(str.isprintable, filter(str.isascii, SAMPLE)):
        with connect(f"{postgres_url}{mark}application_name={in_url(name)}", default=False) as db:
            assert db.fetch_one("SELECT current_setting('application_name') AS name") == {"name": name}
