"""Names of tables, columns, links, indexes and constraints, and members of enumerations, are quoted wherever they stand."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from enum import Enum
from functools import cache
from typing import Annotated, Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from pydantic_core import SchemaError

from ferro import (
    Check,
    CheckViolationError,
    Field,
    ForeignKey,
    ForeignKeyViolationError,
    ManyToMany,
    ModelDefinitionError,
    Relation,
    Search,
    UniqueViolationError,
    search,
)
from ferro.dialects import DIALECTS, sqlite
from ferro.query.ddl import create_table, drop_table
from ferro.query.sqltext import quote
from ferro.schema.registry import active, declared, table_of
from ferro.schema.table import Table
from ferro.sync import Database, Model
from ferro.types.values import why_text_is_refused

from .strategies import UNREAD, hostile_names, hostile_texts
from .test_hostile_strings import mark
from .test_hostile_surface import SAMPLE, without_names


@contextmanager
def unknown_to_others() -> Iterator[None]:
    before = dict(declared), dict(active)
    try:
        yield
    finally:
        for known, models in zip((declared, active), before, strict=True):
            known.clear()
            known.update(models)


def made(name: str, body: dict[str, Any], **annotations: Any) -> Any:
    """A model of this name."""
    return type(Model)(
        name, (Model,), {"__module__": __name__, "__annotations__": annotations, "model_config": UNREAD, **body}
    )


# Tables, links and keys.


def family(name: str, **more: Any) -> tuple[Any, Any]:
    """Two models: the table, the columns and the links of the one are called like this, and the other refers to it."""
    parent = made(
        name,
        {
            "id": Field(default=None, primary_key=True),
            "code": Field(column=name, unique=True),
            "kind": Field(index=True, default=""),
            "__ferro_composite_indexes__": (("code", "kind"),),
            "__ferro_checks__": (Check("kind", lambda p: p.kind != name),),
            **more,
        },
        id=int | None,
        code=str,
        kind=str,
    )
    kin = made(
        "Kin",
        {
            "id": Field(default=None, primary_key=True),
            "others": ManyToMany(related_name="kin", through=f"{name[:25]}+"),
        },
        id=int | None,
        parent=Annotated[parent, ForeignKey(references="code", on_delete="RESTRICT")],
        others=Relation[list[parent]],
    )
    return parent, kin


def tables_of(name: str) -> list[Table]:
    with unknown_to_others():
        parent, kin = family(name)
        return [table_of(parent), table_of(kin), table_of(kin).relations["others"].link.table]


@cache
def harmless(dialect: str) -> list[str]:
    return [sql for table in tables_of("calm") for sql in without_names(create_table(table, DIALECTS[dialect]))]


@settings(max_examples=500)
@given(name=hostile_names())
def test_a_table_and_what_refers_to_it_may_be_called_anything_or_are_refused(name: str) -> None:
    if why_text_is_refused(name):
        # No class can be called so.
        return
    try:
        tables = tables_of(name)
    except ModelDefinitionError:
        # The table between has a column named after the table, and _id.
        assert not name or len(f"{name.lower()}_id".encode()) > 63 or name.lower() in ("id", "kind", "kin")
        return
    for dialect in DIALECTS:
        assert [sql for table in tables for sql in without_names(create_table(table, DIALECTS[dialect]))] == harmless(
            dialect
        )
    with closing(sqlite3.connect(":memory:")) as connection:
        for sql in (sql for table in tables for sql in create_table(table, sqlite)):
            connection.execute(sql)
        found = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        )
        assert {row[0] for row in found} == {name.lower(), "kin", f"{name[:25]}+"}
        keys = connection.execute('SELECT "table", "to" FROM pragma_foreign_key_list(\'kin\')').fetchall()
        assert keys == [(name.lower(), name)]


@pytest.mark.parametrize("name", [name for name in SAMPLE if len(name.encode()) < 61])
def test_a_table_may_be_called_anything_in_every_statement(databases: Mapping[str, Database], name: str) -> None:
    with unknown_to_others():
        parent, kin = family(name, __ferro_search__=Search("code", "kind"))
        for db in databases.values():
            db.create_tables(parent, kin)
            # What is there is found again.
            db.create_tables(parent, kin)
            try:
                used(db, name, parent, kin)
            finally:
                for table in (table_of(kin).relations["others"].link.table, table_of(kin), table_of(parent)):
                    for sql in drop_table(table):
                        db.execute(sql)


def used(db: Database, name: str, parent: Any, kin: Any) -> None:
    """Every kind of statement that names a table, a link, a key or a constraint."""
    first, other = db.bulk_create(parent, [parent(code=name), parent(code=f"{name}!", kind="x")])
    one = db.create(kin, parent=first)
    db.query(one.others).add(first, other)
    db.query(one.others).remove(first)
    assert [row.code for row in db.query(one.others).all()] == [f"{name}!"]
    assert db.query(kin).where(lambda k: k.parent.code == name).select("parent.code").all() == [(name,)]
    assert db.query(kin).where(lambda k: k.others.any(lambda p: p.code == f"{name}!")).count() == 1
    (loaded,) = db.query(kin).include("parent", "others").all()
    assert (loaded.parent.code, [row.code for row in loaded.others]) == (name, [f"{name}!"])
    with db.transaction():
        assert db.query(parent).order_by("-code").for_update().filter_by(code=name).one().id == 1
    chosen = db.query(parent).select("id", "code").cte(f"{name}$")
    again = chosen.alias(f"{name}?")
    pairs = (
        db.query(parent)
        .join_cte(chosen, on=lambda p, c: p.id == c.id)
        .left_join_cte(again, on=lambda p, a: (p.code == a.code) & (a.id == 1))
    )
    assert pairs.order_by("id").select(lambda p: (chosen.row.code, again.row.code)).all() == [
        (name, name),
        (f"{name}!", None),
    ]
    table, referring = table_of(parent), table_of(kin)
    for error, constraint, call in (
        (UniqueViolationError, table.uniques[0].name, lambda: db.create(parent, code=name)),
        (CheckViolationError, table.checks[0].name, lambda: db.create(parent, code="y", kind=name)),
        (ForeignKeyViolationError, referring.foreign_keys[0].name, lambda: db.create(kin, parent_id="absent")),
        (ForeignKeyViolationError, referring.foreign_keys[0].name, lambda: db.delete(first)),
    ):
        with pytest.raises(error) as raised:
            call()
        if db.dialect.name == "postgresql":
            assert raised.value.constraint == constraint
    assert db.query(parent).where(lambda p: search(p, "x")).select("id").all() == [(2,)]
    assert db.query(parent).update(lambda p: {"kind": p.code + "?"}) == 2
    assert db.upsert(parent, key=["code"], code=name, kind="z").id == 1
    assert db.fetch_all(f"SELECT kind FROM {quote(name.lower())} WHERE {quote(name)} = {mark(db)}", name) == [
        {"kind": "z"}
    ]


@settings(max_examples=500)
@given(name=hostile_names())
def test_a_foreign_key_refers_to_a_field_or_is_refused(name: str) -> None:
    with unknown_to_others():
        target = REFERRED
        for references in (name, (name, "code"), ("code", name)):
            with pytest.raises(ModelDefinitionError, match="^Kin.parent refers to .*, which is no field of Referred: "):
                table_of(
                    made(
                        "Kin",
                        {"id": Field(primary_key=True)},
                        id=int,
                        parent=Annotated[target, ForeignKey(references=references)],
                    )
                )


with unknown_to_others():
    REFERRED = made("Referred", {"id": Field(primary_key=True), "code": Field(unique=True)}, id=int, code=str)


# Members.


def badge(texts: list[str], *, by_name: bool) -> Any:
    """A model of a column that holds one of these texts: values of members, or names of such as have no text."""
    members = (
        {text: (at, at) for at, text in enumerate(texts)}
        if by_name
        else {f"M{at}": text for at, text in enumerate(texts)}
    )
    enum = Enum("Members", members)
    body = {"id": Field(default=None, primary_key=True), "kind": Field(db_check=True, db_default=next(iter(enum)))}
    with unknown_to_others():
        return made("Badge", body, id=int | None, kind=enum)


@pytest.mark.parametrize("by_name", [False, True])
@settings(max_examples=20)
@given(texts=st.lists(hostile_texts(), min_size=25, max_size=25))
def test_a_check_of_an_enumeration_accepts_its_members_and_nothing_else(
    databases: Mapping[str, Database], by_name: bool, texts: list[str]
) -> None:
    # Python keeps some names for itself, none of which begins so.
    texts = list(dict.fromkeys(["calm", *(f"n{text}" if by_name else text for text in texts)]))
    for text in filter(why_text_is_refused, texts):
        with pytest.raises((ModelDefinitionError, SchemaError)):
            badge(["calm", text], by_name=by_name)
    kept = [text for text in texts if not why_text_is_refused(text)]
    model = badge(kept, by_name=by_name)
    harmless = badge([f"calm{at}" for at in range(len(kept))], by_name=by_name)
    for backend, db in databases.items():
        note(f"on {backend}")
        written = (without_names(create_table(table_of(one), DIALECTS[db.dialect.name])) for one in (model, harmless))
        assert next(written) == next(written)
        db.create_tables(model)
        try:
            members = list(model.model_fields["kind"].annotation)
            db.bulk_create(model, [model(kind=member) for member in members])
            assert [row.kind for row in db.query(model).order_by("id").all()] == members
            assert [row["kind"] for row in db.fetch_all("SELECT kind FROM badge ORDER BY id")] == kept
            assert db.create(model).kind is members[0]
            for text in {f"{text}!" for text in kept} - {*kept}:
                with pytest.raises(CheckViolationError):
                    db.execute(f"INSERT INTO badge (kind) VALUES ({mark(db)})", text)
        finally:
            db.execute("DROP TABLE badge")
