"""No string in a t-string, a query or a class body becomes SQL; and a name that may be anything stays one name."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import cache
from itertools import product
from typing import Annotated, Any, ClassVar

import pytest
from hypothesis import assume, given, note, settings
from tstrings import Value, tstring

from ferro import (
    Check,
    DataError,
    FerroError,
    FerroField,
    Field,
    ForeignKey,
    ManyToMany,
    ManyToManyField,
    Range,
    RowPolicy,
    RowSecurity,
    Scope,
    Search,
    array_agg,
    cast,
    count,
    current_setting,
    depth,
    exists,
    lag,
    last_value,
    length,
    lower,
    not_,
    ntile,
    object_agg,
    raw,
    row_number,
    rows,
    scalar,
    search,
    search_rank,
    string_agg,
    sum_,
    upper,
    varchar,
    when,
    year,
)
from ferro.dialects import DIALECTS, postgres, sqlite
from ferro.operations.raw import asked
from ferro.query.ddl import create_table, drop_table
from ferro.query.sqltext import quote
from ferro.schema.reader import checked_groups
from ferro.schema.registry import active, declared, table_of
from ferro.sync import Database, Model, Query
from ferro.types import column_type
from ferro.types.values import why_text_is_refused

from .strategies import UNREAD, hostile_names, hostile_texts


class Visitor(Model):
    __ferro_search__: ClassVar = Search("name")

    id: int | None = Field(default=None, primary_key=True)
    name: str
    tags: list[str] = Field(default_factory=list)
    above: Annotated["Visitor | None", ForeignKey()] = None


# Other tests, which create all tables there are, need not know of it.
for known in (declared, active):
    known.pop("Visitor")

QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`""")


def calm(sql: str, text: str) -> str:
    """The SQL with a harmless word for a name, or in a literal."""
    harmless = {quote(text): '"calm"', "'" + text.replace("'", "''") + "'": "'calm'"} if "\0" not in text else {}
    return QUOTED.sub(lambda found: harmless.get(found[0], found[0]), sql)


def named(query: Query[Visitor], text: str) -> Query[Visitor]:
    return query.join_cte(query.select("id", "name").cte(text), on=lambda v, n: v.id == n.id)


def aliased(query: Query[Visitor], text: str) -> Query[Visitor]:
    return query.join_cte(query.select("id", "name").cte("n").alias(text), on=lambda v, n: v.id == n.id)


# Every call that takes a text as a value, besides those that are tried on a database.
VALUES: dict[str, Callable[[Query[Visitor], str], Any]] = {
    "raw": lambda q, text: q.where(lambda v: raw("{} = {}", v.name, text)),
    "a fragment of a t-string": lambda q, text: q.where(lambda v: raw(tstring(Value(v.name), " = ", Value(text)))),
    "search": lambda q, text: q.where(lambda v: search(v, text)),
    "search_rank": lambda q, text: q.order_by(lambda v: search_rank(v, text).desc()),
    "lag": lambda q, text: q.select(lambda v: lag(v.name, 1, text).over(order_by=v.id)),
    "having": lambda q, text: q.select(lambda v: (v.name, v.id.count())).having(lambda v: v.name.max() > text),
    "string_agg": lambda q, text: q.select(lambda v: string_agg(v.name, text, filter=v.name != text, order_by=v.id)),
    "array_agg": lambda q, text: q.select(lambda v: array_agg(v.name + text, order_by=v.name + text)),
    "object_agg": lambda q, text: q.select(
        lambda v: object_agg(v.name + text, v.name + text, filter=v.name != text, order_by=v.name + text)
    ),
    "a list": lambda q, text: q.where(lambda v: v.tags.contains([text])),
    "a longer list": lambda q, text: q.where(lambda v: v.tags.contains([text, text])),
    "partition_by": lambda q, text: q.select(lambda v: row_number().over(partition_by=v.name + text, order_by=v.id)),
    "union": lambda q, text: q.where(lambda v: v.name == text).union(q.where(lambda v: v.name > text)),
    "dict": lambda q, text: q.select(lambda v: {text: v.name}),
    "lower and upper": lambda q, text: q.select(lambda v: lower(text) + upper(text)),
    "length": lambda q, text: q.where(lambda v: length(text) > length(v.name)),
    "last_value": lambda q, text: q.select(lambda v: last_value(v.name + text).over(order_by=v.id)),
    "except": lambda q, text: q.except_(q.where(lambda v: v.name == text)),
    "a recursive step": lambda q, text: q.select("id", "name").recursive(
        "t", lambda t: t.where(lambda r: r.name != text).select(lambda r: (r.id, r.name + text))
    ),
    "after": lambda q, text: q.order_by("name", "id").after((text, 1)),
}

# Every call that takes a name which may be anything.
NAMES: dict[str, Callable[[Query[Visitor], str], Any]] = {
    "cte": named,
    "alias": aliased,
    "recursive": lambda q, text: q.select("id").recursive(text, lambda t: t.where(lambda r: r.id < 0)),
    "a key of a dict in a cte": lambda q, text: q.select(lambda v: {text: v.name}).cte("t"),
    "a key of a dict in a union": lambda q, text: q.select(lambda v: {text: v.name}).union(
        q.select(lambda v: {text: v.name})
    ),
}

# Every call that takes a name, or one word of a few, and can only refuse another one.
REFUSED: dict[str, Callable[[Query[Visitor], str], Any]] = {
    "values": lambda q, text: q.values(text),
    "select into": lambda q, text: q.select(text, into=dict),
    "distinct_on": lambda q, text: q.distinct_on(text),
    "for_update": lambda q, text: q.for_update(of=(text,)).sql(dialect="postgresql"),
    "after": lambda q, text: q.order_by("id").after(text),
    "before": lambda q, text: q.order_by("id").before(text),
    "descendants": lambda q, text: q.descendants(of=1, along=text),
    "along": lambda q, text: q.ancestors(of=1, along=lambda v: getattr(v, text)),
    "cast": lambda q, text: q.select(lambda v: cast(v.name, text)),
    "returns": lambda q, text: q.select(lambda v: raw("{}", v.name, returns=text)),
    "nulls": lambda q, text: q.order_by(lambda v: v.name.desc(nulls=text)),
    "join": lambda q, text: q.join(f"above.{text}"),
    "where": lambda q, text: q.where(text),
    "having": lambda q, text: q.having(text),
    "union": lambda q, text: q.union(text),
    "join_cte": lambda q, text: q.join_cte(text, on=lambda v, n: v.id == n.id),
    "search": lambda q, text: q.where(lambda v: search(text, "x")),
    "a range": lambda q, text: Range(1, 2, f"{text}!"),
    "Check": lambda q, text: Check(text, lambda v: v.id > 0),
    "Search": lambda q, text: made({"__ferro_search__": Search(text)}),
    "the language of Search": lambda q, text: Search("name", language=text),
    "a weight of Search": lambda q, text: Search("name", weights={"name": text}),
    "a field with a weight": lambda q, text: Search("name", weights={text: "A"}),
    "db_type": lambda q, text: column_type(str, db_type=text),
    "nullable": lambda q, text: Field(nullable=text),
    "stamp": lambda q, text: made({"name": Field(stamp=text)}),
    "a composite unique": lambda q, text: group("__ferro_composite_uniques__", text),
    "a composite index": lambda q, text: group("__ferro_composite_indexes__", text),
    "the field of a policy": lambda q, text: made({"__ferro_rls__": RowPolicy(column=text, setting="app.x")}),
    "a condition of a check": lambda q, text: Check("x", text),
    "a scope": lambda q, text: Scope(text),
    "a policy": lambda q, text: RowSecurity(text),
    "a condition of a policy": lambda q, text: RowPolicy(name="x", using=text),
    "varchar": lambda q, text: varchar(text),
    "nullable of FerroField": lambda q, text: FerroField(nullable=text),
    "nullable of a key": lambda q, text: ForeignKey(nullable=text),
    "related_name": lambda q, text: ForeignKey(related_name=f"{text}!"),
    "related_name of a collection": lambda q, text: ManyToMany(related_name=f"{text}!"),
    "related_name in Annotated": lambda q, text: ManyToManyField(related_name=f"{text}!"),
    "related_name in Field": lambda q, text: Field(many_to_many=True, related_name=f"{text}!"),
    "ntile": lambda q, text: ntile(text),
    "rows": lambda q, text: rows(text, 1),
    "a frame": lambda q, text: q.select(lambda v: v.id.sum().over(order_by=v.id, frame=text)),
    "how far lag goes": lambda q, text: q.select(lambda v: lag(v.name, text).over(order_by=v.id)),
    "partition_by": lambda q, text: q.select(lambda v: row_number().over(partition_by=text)),
    "the order of a window": lambda q, text: q.select(lambda v: row_number().over(order_by=text)),
    "the order of an array": lambda q, text: q.select(lambda v: array_agg(v.name, order_by=text)),
    "a filter": lambda q, text: q.select(lambda v: array_agg(v.name, filter=text)),
    "not_": lambda q, text: not_(text),
    "when": lambda q, text: when(text, 1),
    "exists": lambda q, text: exists(text),
    "scalar": lambda q, text: scalar(text),
    "depth": lambda q, text: depth(text),
    "year": lambda q, text: year(text),
    "count": lambda q, text: q.select(lambda v: count(text)),
    "sum_": lambda q, text: q.select(lambda v: sum_(text)),
    "in_": lambda q, text: q.where(lambda v: v.name.in_(text)),
    "a number": lambda q, text: q.where(lambda v: v.id == text),
    "a sum": lambda q, text: q.select(lambda v: v.id + text),
    "a column of a name": lambda q, text: getattr(q.select("id").cte("t").row, text),
    "a setting": lambda q, text: q.where(lambda v: v.name == current_setting("app.x", returns=text)),
    "the format of a t-string": lambda q, text: asked(tstring("SELECT ", Value(1, format_spec=f"{text}!")), [], sqlite),
    "the conversion of a t-string": lambda q, text: asked(
        tstring("SELECT ", Value(1, conversion=f"{text}!")), [], sqlite
    ),
    "on_delete": lambda q, text: ForeignKey(on_delete=text),
    "on_update": lambda q, text: ForeignKey(on_update=text),
}


def group(attribute: str, text: str) -> Any:
    return list(checked_groups(table_of(Visitor), attribute, (("id", text),)))


def made(body: dict[str, Any]) -> Any:
    """The table of a class with these attributes, which nobody else knows."""
    try:
        return table_of(
            type(
                "Made",
                (Model,),
                {
                    "__annotations__": {"id": int, "name": str},
                    "id": Field(primary_key=True),
                    "__module__": __name__,
                    "model_config": UNREAD,
                    **body,
                },
            )
        )
    finally:
        for known in (declared, active):
            known.pop("Made", None)


def compiled(call: Callable[..., Query[Visitor]], text: str, dialect: str) -> str:
    return call(Visitor.query(), text).sql(dialect=dialect).sql


@cache
def harmless(call: Callable[..., Query[Visitor]], dialect: str) -> str:
    return compiled(call, "calm", dialect)


@settings(max_examples=500)
@given(text=hostile_texts())
def test_the_text_of_a_t_string_does_not_depend_on_its_values(text: str) -> None:
    for dialect, mark in ((sqlite, "?"), (postgres, "$1")):
        if why_text_is_refused(text):
            with pytest.raises(DataError, match="^argument 1 of the SQL: "):
                asked(tstring("SELECT ", Value(text)), [], dialect)
        else:
            assert asked(tstring("SELECT ", Value(text)), [], dialect).sql == f"SELECT {mark}"


@settings(max_examples=500)
@given(text=hostile_texts())
def test_the_sql_of_a_hostile_text_is_that_of_a_harmless_one(text: str) -> None:
    for (name, call), dialect in product(VALUES.items(), DIALECTS):
        note(f"{name} on {dialect}")
        try:
            assert compiled(call, text, dialect) == harmless(call, dialect)
        except FerroError:
            # Only what no database can keep is refused.
            assert why_text_is_refused(text)


@settings(max_examples=500)
@given(text=hostile_names())
def test_a_hostile_name_is_one_name_or_refused(text: str) -> None:
    for (name, call), dialect in product(NAMES.items(), DIALECTS):
        note(f"{name} on {dialect}")
        try:
            found = compiled(call, text, dialect)
        except FerroError:
            assert why_text_is_refused(text) or not 0 < len(text.encode()) < 64
        else:
            # What is too long or empty as a key of a dict has a number instead.
            assert calm(found, text).replace('"column_1"', '"calm"') == harmless(call, dialect)


@settings(max_examples=500)
@given(text=hostile_names())
def test_a_name_that_is_not_known_is_refused(text: str) -> None:
    # A long word is a good name of a check.
    assume(not text.isalnum())
    for name, call in REFUSED.items():
        note(name)
        with pytest.raises((FerroError, ValueError)) as caught:
            call(Visitor.query(), text)
        assert not isinstance(caught.value, UnicodeError)


# Tables take no parameters: names are quoted, and values are literals.


def body_of(column: str, value: str) -> dict[str, Any]:
    return {
        "__annotations__": {"id": int | None, "name": str, "other": str, "tags": dict[str, Any]},
        "id": Field(default=None, primary_key=True),
        "name": Field(column=column, unique=True),
        "other": Field(db_default=value, index=True),
        "tags": Field(default_factory=dict),
        "__ferro_composite_indexes__": (("name", "other"),),
        "__ferro_search__": Search("name", "other"),
        "__ferro_checks__": (Check("other", lambda m: (m.other != value + "!") & (m.name != value + "?")),),
    }


def without_names(statements: list[str]) -> list[str]:
    """What is left where names and literals are cut out."""
    return [QUOTED.sub("_", re.sub(r"\bE(?=')", "", statement)) for statement in statements]


@settings(max_examples=500)
@given(name=hostile_names(), value=hostile_texts())
def test_a_table_has_the_columns_and_values_it_was_given(name: str, value: str) -> None:
    assume(name.lower() not in ("id", "other", "tags"))
    try:
        table = made(body_of(name, value))
        statements = {dialect: create_table(table, facts) for dialect, facts in DIALECTS.items()}
    except FerroError:
        assert why_text_is_refused(name) or why_text_is_refused(value) or not 0 < len(name.encode()) < 64
        return
    for dialect, found in statements.items():
        assert without_names(found) == without_names(harmless_table(dialect))
    with closing(sqlite3.connect(":memory:")) as connection:
        # What searching keeps beside the table needs functions of ferro's own connections; the table does not.
        connection.execute(statements["sqlite"][0])
        columns = [(row[1], row[4]) for row in connection.execute("PRAGMA table_info(made)")]
        assert [column for column, _ in columns] == ["id", name, "other", "tags"]
        assert connection.execute(f"SELECT {columns[2][1]}").fetchall() == [(value,)]
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(f"INSERT INTO made ({quote(name)}, other, tags) VALUES ('x', ?, '')", [value + "!"])


@cache
def harmless_table(dialect: str) -> list[str]:
    return create_table(made(body_of("calm", "calm")), DIALECTS[dialect])


SAMPLE = [
    '"', "'", "\\", "%s", "%(a)s%%", "{0}{", "}", ":a::text", "?1 ?", "$1$$", "\n", "--", "/*", " ", "a.b;", "`[a]", "select",
    "\ufeff\x7f", "x" * 63, "é" * 31, '"; DROP TABLE made; --', "😀\"'\\%s{}?$1:b",
]  # fmt: skip


@pytest.mark.parametrize("name", SAMPLE)
def test_a_column_and_a_value_may_be_anything_in_every_statement(databases: Mapping[str, Database], name: str) -> None:
    for db in databases.values():
        model: Any = made(body_of(name, name)).model
        db.create_tables(model)
        try:
            everything(db, model, name)
        finally:
            for statement in drop_table(table_of(model)):
                db.execute(statement)


def everything(db: Database, model: Any, text: str) -> None:
    """Every kind of statement, with a column and values of this text."""
    first = db.create(model, name=text, tags={text: [text]})
    assert (first.name, first.other, first.tags) == (text, text, {text: [text]})
    first.name += "!"
    db.save(first)
    db.bulk_create(model, [model(name=f"{text}{number}", other=text) for number in range(3)])
    rows = db.query(model).order_by("name", "id").all()
    for row in rows:
        row.other = text * 2
    db.bulk_update(model, rows)
    assert db.upsert(model, key=["name"], name=f"{text}1", other="new").id == 3
    assert db.get_or_create(model, name=f"{text}1")[1] is False
    query = db.query(model).order_by("id")
    assert query.where(lambda m: m.name.startswith(text) & m.name.contains(text)).count() == 4
    assert query.where(lambda m: m.name.in_([f"{text}0", f"{text}2"])).select("name").all() == [
        (f"{text}0",),
        (f"{text}2",),
    ]
    assert query.select(lambda m: {text: m.name, "n": m.id}).first() == {text: f"{text}!", "n": 1}
    assert query.where(lambda m: m.tags[text][0] == text).count() == 1
    assert [one.id for one in query.stream()] == [1, 2, 3, 4]
    assert query.after(query.cursor_of(rows[0])).count() in range(4)
    assert query.where(lambda m: raw("{} <> {}", m.name, text)).count() == 4
    named = db.query(model).select("id", "name").cte(text)
    joined = db.query(model).join_cte(named, on=lambda m, n: m.id == n.id).where(lambda m: named.row.name == f"{text}0")
    assert joined.select(lambda m: (m.id, named.row.name)).all() == [(2, f"{text}0")]
    assert db.query(model).union(db.query(model)).count() == 4
    assert len(db.query(model).select(lambda m: (m.name, row_number().over(partition_by=m.name))).all()) == 4
    assert db.query(model).select(lambda m: string_agg(m.other, text)).one().count(text * 3) >= 1
    assert db.query(model).where(lambda m: search(m, "absent")).all() == []
    assert query.explain()
    assert len(db.query(model).filter_by(name=f"{text}2").update_returning(name=f"{text}3")) == 1
    assert db.query(model).update(lambda m: {"other": m.name + text}) == 4
    assert len(db.query(model).where(lambda m: m.other == f"{text}!{text}").delete_returning()) == 1
    assert db.query(model).delete() == 3
