"""No string from a user becomes SQL: the text sent for a hostile one is that sent for a harmless one."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Annotated, Any, ClassVar

import pytest
from hypothesis import given, note, settings

from ferro import (
    BackRef,
    FerroError,
    Field,
    ForeignKey,
    ManyToMany,
    Model,
    Relation,
    Scope,
    array_agg,
    case,
    coalesce,
    exists,
    fn,
    lead,
    object_agg,
    raw,
    string_agg,
    when,
)
from ferro.instance.marks import mark_saved
from ferro.schema.registry import active, declared
from ferro.sync import Database, connect

from .strategies import UNREAD, hostile_names, hostile_texts


class Guest(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    note: str | None = None
    tags: dict[str, Any] = Field(default_factory=dict)


class Word(Model):
    text: str = Field(primary_key=True)
    count: int = 0


class Host(Model):
    name: str = Field(primary_key=True)
    visits: Relation[list["Visit"]] = BackRef()


class Visit(Model):
    id: int | None = Field(default=None, primary_key=True)
    note: str = ""
    host: Annotated[Host | None, ForeignKey(related_name="visits")] = None
    words: Relation[list["Heading"]] = ManyToMany(related_name="visits")


class Heading(Model):
    word: str = Field(primary_key=True)
    visits: Relation[list[Visit]] = BackRef()


hidden: ContextVar[str] = ContextVar("hidden", default="")


class Branch(Model):
    __ferro_scope__: ClassVar = Scope(lambda b: b.name != hidden.get())

    name: str = Field(primary_key=True)
    above: Annotated["Branch | None", ForeignKey()] = None
    labels: list[str] = Field(default_factory=list, db_type="array")


@dataclass
class Called:
    name: str
    note: str | None


# Other tests, which create all tables there are, need not know of them.
for name in ("Guest", "Word", "Host", "Visit", "Heading", "Branch"):
    for known in (declared, active):
        known.pop(name)


def change(db: Database, text: str) -> None:
    guest = db.create(Guest, name=text)
    guest.note, guest.tags = text, {text: text}
    db.save(guest)


def changes(db: Database, text: str) -> None:
    rows = db.bulk_create(Guest, [Guest(name=text), Guest(name=f"{text}!")])
    for row in rows:
        row.note = text
    db.bulk_update(Guest, rows)


def scoped(db: Database, text: str) -> None:
    token = hidden.set(text)
    try:
        db.query(Branch).where(lambda b: b.name != text).all()
        db.query(Branch).unscoped().where(lambda b: b.above.name == text).delete()
    finally:
        hidden.reset(token)


def named(db: Database, text: str) -> None:
    words = db.query(Word).where(lambda w: w.text == text).cte("words")
    db.query(Guest).join_cte(words, on=lambda g, w: (g.name == w.text) & (w.text != text)).all()


def arrays(db: Database, text: str) -> None:
    branches, listed = db.query(Branch), [text, "x", text]
    branches.where(lambda b: b.labels.has(text) | b.labels.overlaps(listed) | b.labels.contained_by(listed)).all()
    branches.where(lambda b: (b.labels == listed) | (b.labels[0] == text) | b.labels.contains(listed)).all()
    branches.update(lambda b: {"labels": b.labels.append(text)})
    branches.update(lambda b: {"labels": b.labels.remove(text)})
    branches.update(lambda b: {"labels": b.labels + listed})
    branches.update(labels=listed)


def inside(db: Database, text: str) -> None:
    with db.transaction() as transaction:
        transaction.execute(f"UPDATE word SET text = {mark(db)}", text)
        transaction.fetch_one(ASK.format(mark(db)), text)
        transaction.fetch_all(ASK.format(mark(db)), text, into=Called)


ASK = "SELECT name, note FROM guest WHERE name = {}"

# Every call that takes a text as a value.
CALLS: dict[str, Callable[[Database, str], Any]] = {
    "create": lambda db, text: db.create(Guest, name=text, note=text),
    "bulk_create": lambda db, text: db.bulk_create(Guest, [Guest(name=text), Guest(name=f"{text}!")]),
    "save a new row": lambda db, text: db.save(Guest(name=text, tags={text: [text, {text: text}]})),
    "save a change": change,
    "save over a row": lambda db, text: db.save(Word(text=text), on_conflict="update"),
    "refresh": lambda db, text: db.refresh(db.create(Word, text=text)),
    "delete": lambda db, text: db.delete(db.create(Word, text=text)),
    "upsert": lambda db, text: db.upsert(Guest, name=text, note=text),
    "get_or_create": lambda db, text: db.get_or_create(Guest, name=text, defaults={"note": text}),
    "get_or_create by no key": lambda db, text: db.get_or_create(Guest, note=text, defaults={"name": text}),
    "update_or_create": lambda db, text: db.update_or_create(Guest, name=text, defaults={"note": text}),
    "get": lambda db, text: db.get_or_none(Word, text),
    "filter_by": lambda db, text: db.query(Guest).filter_by(name=text).all(),
    "==": lambda db, text: db.query(Guest).where(lambda g: g.name == text).all(),
    "!=": lambda db, text: db.query(Guest).where(lambda g: g.name != text).first(),
    "<": lambda db, text: db.query(Guest).where(lambda g: g.name < text).count(),
    "in_": lambda db, text: db.query(Guest).where(lambda g: g.name.in_([text, "x", None])).exists(),
    "a long in_": lambda db, text: db.query(Guest).where(lambda g: g.name.in_([text, *map(str, range(300))])).all(),
    "not_in": lambda db, text: db.query(Guest).where(lambda g: g.name.not_in([text])).all(),
    "between": lambda db, text: db.query(Guest).where(lambda g: g.name.between(text, text)).all(),
    "like": lambda db, text: db.query(Guest).where(lambda g: g.name.like(f"{text}%")).all(),
    "ilike": lambda db, text: db.query(Guest).where(lambda g: g.name.ilike(f"%{text}_")).all(),
    "startswith": lambda db, text: db.query(Guest).where(lambda g: g.name.startswith(text)).all(),
    "endswith": lambda db, text: db.query(Guest).where(lambda g: g.name.endswith(text)).all(),
    "contains": lambda db, text: db.query(Guest).where(lambda g: g.name.contains(text)).all(),
    "+": lambda db, text: db.query(Guest).select(lambda g: g.name + text).all(),
    "coalesce": lambda db, text: db.query(Guest).select(lambda g: coalesce(g.note, text)).all(),
    "select": lambda db, text: db.query(Guest).select(lambda g: {text: g.name, "the other": g.id}).all(),
    "fn": lambda db, text: db.query(Guest).select(lambda g: fn.replace(g.name, text, text)).all(),
    "a document": lambda db, text: db.query(Guest).where(lambda g: g.tags == {text: text}).all(),
    "update": lambda db, text: db.query(Guest).where(lambda g: g.name == text).update(note=text),
    "update by a recipe": lambda db, text: db.query(Guest).update(lambda g: {"note": g.name + text}),
    "min": lambda db, text: db.query(Guest).where(lambda g: g.name == text).min("name"),
    "delete many": lambda db, text: db.query(Guest).where(lambda g: g.name == text).delete(),
    "execute": lambda db, text: db.execute(f"UPDATE guest SET note = {mark(db)}", text),
    "fetch_all": lambda db, text: db.fetch_all(f"SELECT * FROM guest WHERE name = {mark(db)}", text),
    "case": lambda db, text: db.query(Guest).select(lambda g: case(when(g.name == text, text), else_=text)).all(),
    "raw": lambda db, text: db.query(Guest).where(lambda g: raw("{} = {}", g.name, text)).all(),
    "string_agg": lambda db, text: db.query(Guest).select(lambda g: string_agg(g.name, text)).all(),
    "array_agg": lambda db, text: (
        db.query(Guest).select(lambda g: array_agg(g.name, filter=g.name != text, order_by=g.name)).all()
    ),
    "object_agg": lambda db, text: (
        db.query(Guest).select(lambda g: object_agg(g.name + text, g.note, filter=g.name != text, order_by=g.id)).all()
    ),
    "a subquery": lambda db, text: (
        db.query(Guest)
        .where(lambda g: exists(db.query(Word).where(lambda w: (w.text == g.name) | (w.text == text))))
        .all()
    ),
    "after": lambda db, text: db.query(Word).order_by("text").after((text,)).all(),
    "page": lambda db, text: db.query(Word).where(lambda w: w.text == text).page(1, 10),
    "update_returning": lambda db, text: db.query(Guest).where(lambda g: g.name == text).update_returning(note=text),
    "delete_returning": lambda db, text: db.query(Guest).where(lambda g: g.name == text).delete_returning(),
    "across a relation": lambda db, text: db.query(Visit).where(lambda v: v.host.name.contains(text)).all(),
    "update across a relation": lambda db, text: (
        db.query(Visit).where(lambda v: v.host.name == text).update(lambda v: {"note": v.host.name + text})
    ),
    "a collection": lambda db, text: (
        db.query(Host).where(lambda h: h.visits.any(lambda v: v.words.all(lambda w: w.word == text))).all()
    ),
    "the key of a relation": lambda db, text: db.query(Visit).where(lambda v: v.host.name == text).count(),
    "an instance at the other end": lambda db, text: db.query(Visit).where(lambda v: v.host == Host(name=text)).all(),
    "create along a relation": lambda db, text: db.query(db.create(Host, name=text).visits).create(note=text),
    "load": lambda db, text: db.load(db.create(Visit, host=db.create(Host, name=text)), lambda v: v.host),
    "add": lambda db, text: db.query(db.create(Visit).words).add(db.create(Heading, word=text)),
    "remove": lambda db, text: db.query(db.create(Visit).words).remove(text),
    "fetch_one": lambda db, text: db.fetch_one(f"SELECT id FROM guest WHERE note = {mark(db)}", text),
    "fetch_all into a class": lambda db, text: db.fetch_all(ASK.format(mark(db)), text, into=Called),
    "fetch_one into a class": lambda db, text: db.fetch_one(ASK.format(mark(db)), text, into=Called),
    "SQL into a model": lambda db, text: db.raw(Guest, f"SELECT * FROM guest WHERE name = {mark(db)}", text),
    "SQL into a bound model": lambda db, text: db.bind(Word).raw(f"SELECT * FROM word WHERE text = {mark(db)}", text),
    "SQL into a frame": lambda db, text: db.to_arrow(ASK.format(mark(db)), text),
    "a query into a frame": lambda db, text: (
        db.query(Guest).where(lambda g: g.name == text).select(lambda g: (g.id, coalesce(g.note, text))).to_arrow()
    ),
    "a field that is none": lambda db, text: db.create(Guest, **{"name": "Ann", f"{text}!": 1}),
    "a few rows": lambda db, text: db.bulk_create(Guest, [{"name": text, "note": text}], returning=False),
    "many rows": lambda db, text: db.bulk_create(
        Guest, ({"name": str(at), "note": text} for at in range(101)), returning=False
    ),
    "bulk_upsert": lambda db, text: db.bulk_upsert(Guest, [{"name": text, "note": text}], key=["name"]),
    "bulk_update": changes,
    "a tree": lambda db, text: db.query(Branch).descendants(of=text, along=lambda b: b.above).all(),
    "the other way": lambda db, text: db.query(Branch).ancestors(of=[text, "x"], along=lambda b: b.above).all(),
    "a scope": scoped,
    "lead": lambda db, text: db.query(Word).select(lambda w: lead(w.text, 1, text).over(order_by=w.text)).all(),
    "intersect": lambda db, text: (
        db.query(Word).filter_by(text=text).intersect(db.query(Word).where(lambda w: w.text != text)).all()
    ),
    "a query with a name": named,
    "an array": arrays,
    "SQL in a transaction": inside,
}

# Every call that takes a name, or one word of a few, and can only refuse another one.
REFUSED: dict[str, Callable[[Database, str], Any]] = {
    "order_by": lambda db, text: db.query(Guest).order_by(text).all(),
    "order_by downwards": lambda db, text: db.query(Guest).order_by(f"-{text}").all(),
    "direction": lambda db, text: db.query(Guest).order_by("name", direction=text).all(),
    "a second key": lambda db, text: db.query(Guest).order_by("name", text).all(),
    "order_by across a relation": lambda db, text: db.query(Visit).order_by(f"host.{text}").all(),
    "order_by along a relation": lambda db, text: db.query(Visit).order_by(f"{text}.name").all(),
    "select across a relation": lambda db, text: db.query(Visit).select(f"host.{text}").all(),
    "join": lambda db, text: db.query(Visit).join(text).all(),
    "left_join": lambda db, text: db.query(Visit).left_join(f"host.{text}").all(),
    "a column of a collection": lambda db, text: db.query(Host).select(lambda h: h.visits.sum(text)).all(),
    "a relation to load": lambda db, text: db.load(Visit(), lambda v: getattr(v, text)),
    "nulls": lambda db, text: db.query(Guest).order_by("name", nulls=text).all(),
    "nulls of a key": lambda db, text: db.query(Guest).order_by(lambda g: g.name.asc(nulls=text)).all(),
    "select": lambda db, text: db.query(Guest).select(text).all(),
    "select several": lambda db, text: db.query(Guest).select("id", text).all(),
    "filter_by": lambda db, text: db.query(Guest).filter_by(**{text: 1}).all(),
    "a column": lambda db, text: db.query(Guest).where(lambda g: getattr(g, text) == 1).all(),
    "update": lambda db, text: db.query(Guest).update(**{text: 1}),
    "update by a recipe": lambda db, text: db.query(Guest).update(lambda g: {text: g.name}),
    "sum": lambda db, text: db.query(Guest).sum(text),
    "min": lambda db, text: db.query(Guest).min(text),
    "upsert": lambda db, text: db.upsert(Guest, name="Ann", **{text: 1}),
    "the key of upsert": lambda db, text: db.upsert(Guest, key=[text], name="Ann"),
    "get_or_create": lambda db, text: db.get_or_create(Guest, **{text: 1}),
    "defaults": lambda db, text: db.update_or_create(Guest, name="Ann", defaults={text: 1}),
    "on_conflict": lambda db, text: db.save(Guest(name="Ann"), on_conflict=text),
    "fn": lambda db, text: db.query(Guest).select(lambda g: getattr(fn, text)(g.name)).all(),
    "limit": lambda db, text: db.query(Guest).limit(text).all(),
    "offset": lambda db, text: db.query(Guest).offset(text).all(),
    "isolation": lambda db, text: db.transaction(isolation=text).__enter__(),
    "the columns of save": lambda db, text: db.save(saved_guest(), exclude={text}),
    "bulk_upsert": lambda db, text: db.bulk_upsert(Guest, [{"name": "Ann", text: 1}]),
    "the key of bulk_upsert": lambda db, text: db.bulk_upsert(Guest, [{"name": "Ann"}], key=[text]),
    "update_returning": lambda db, text: db.query(Guest).update_returning(**{text: 1}),
    "avg": lambda db, text: db.query(Guest).avg(text),
    "max": lambda db, text: db.query(Guest).max(text),
    "the number of a page": lambda db, text: db.query(Guest).page(text, 1),
    "the size of a page": lambda db, text: db.query(Guest).page(1, text),
    "claim": lambda db, text: db.query(Guest).claim(text),
    "the chunk of a stream": lambda db, text: db.query(Guest).stream(text),
    "the chunk of a stream of SQL": lambda db, text: db.stream("SELECT 1", chunk=text),
    "a bound model": lambda db, text: db.bind(Guest).all(using=text),
    "a model": lambda db, text: db.query(text).all(),
    "the model of create_tables": lambda db, text: db.create_tables(text),
    "the model of raw": lambda db, text: db.raw(text, "SELECT 1"),
    "into": lambda db, text: db.fetch_all("SELECT 1 AS a", into=text),
    "select into": lambda db, text: db.query(Guest).select("id", into=text).all(),
    "max_depth": lambda db, text: db.query(Branch).descendants(of="x", along=lambda b: b.above, max_depth=text),
    "a position": lambda db, text: db.query(Guest).order_by("id").position_of(text),
    "the retries of a transaction": lambda db, text: db.transaction(retry=f"{text}!").__enter__(),
    "the dialect": lambda db, text: db.query(Guest).sql(dialect=text),
    "the table": lambda db, text: type(
        "Made", (Model,), {"__ferro_table__": text, "__annotations__": {"id": int}, "model_config": UNREAD}
    ),
    "the search path": lambda db, text: connect(f"postgresql://127.0.0.1:1/x?ferro_search_path={text}", default=False),
}


def mark(db: Database) -> str:
    return db.dialect.placeholder.format(1)


def saved_guest() -> Guest:
    """As if its row had been read."""
    guest = Guest(id=1, name="Ann")
    mark_saved(guest)
    return guest


class Undo(Exception):
    """The end of an example."""


@contextmanager
def sent() -> Iterator[list[str]]:
    """Collect the text of every statement."""
    log, texts = logging.getLogger("ferro.sql"), []
    handler = logging.Handler()
    handler.emit = lambda record: texts.append(record.sql)
    log.addHandler(handler)
    level, propagate = log.level, log.propagate
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        yield texts
    finally:
        log.setLevel(level)
        log.propagate = propagate
        log.removeHandler(handler)


# On SQLite longer texts are not looked for by patterns.
LONG = 10_000


def statements_of(db: Database, call: Callable[[Database, str], Any], text: str) -> tuple[list[str], FerroError | None]:
    """What a call sends from an empty table, and how it was refused."""
    refusal = None
    with sent() as statements:
        try:
            with db.transaction():
                try:
                    call(db, text)
                except FerroError as error:
                    refusal = error
                raise Undo
        except Undo:
            pass
    return statements, refusal


@lru_cache(maxsize=1024)
def harmless_statements(db: Database, call: Callable[[Database, str], Any], text: str = "Ann") -> list[str]:
    statements, refusal = statements_of(db, call, text)
    assert refusal is None or len(text) > LONG
    return statements if refusal is None else harmless_statements(db, call)


@pytest.fixture(scope="session")
def tables(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(Guest, Word, Host, Visit, Heading, Branch)
    return databases


def must_be_harmless(db: Database, call: Callable[[Database, str], Any], text: str) -> None:
    """See to it that a call sends of a text what it sends of a harmless one, or refuses it."""
    harmless = harmless_statements(db, call, "Ann" if len(text) <= LONG else "A" * len(text))
    statements, refusal = statements_of(db, call, text)
    if refusal is None:
        assert statements == harmless
    else:
        # Refused on the way: nothing was sent that would not have been sent of the other, but for taking it back.
        assert refusal.driver_message is None
        assert set(statements) <= {*harmless, "ROLLBACK TO SAVEPOINT ferro_1", "RELEASE SAVEPOINT ferro_1"}


def must_be_refused(db: Database, call: Callable[[Database, str], Any], text: str) -> None:
    """See to it that a call refuses a text before it sends anything."""
    with sent() as statements, pytest.raises((FerroError, TypeError)):
        call(db, text)
    assert statements == []


@settings(max_examples=500)
@given(text=hostile_texts())
def test_the_sql_of_a_hostile_text_is_that_of_a_harmless_one(tables, text):
    for (name, call), (backend, database) in product(CALLS.items(), tables.items()):
        note(f"{name} on {backend}")
        must_be_harmless(database, call, text)


@settings(max_examples=500)
@given(text=hostile_names())
def test_a_hostile_name_is_refused_and_nothing_is_sent(tables, text):
    for (name, call), (backend, database) in product(REFUSED.items(), tables.items()):
        note(f"{name} on {backend}")
        must_be_refused(database, call, text)
