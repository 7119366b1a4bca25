"""What is inside a document: as SQL, and the same on both databases."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic import Field as PydanticField

from ferro.dialects import DIALECTS, postgres, sqlite
from ferro.errors import QueryError, UnknownColumnError
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.ddl import create_table
from ferro.query.functions import cast, coalesce, count
from ferro.query.statements import Insert
from ferro.schema.table import Column, Table
from ferro.types import column_type


class Country(BaseModel):
    code: str


class Address(BaseModel):
    city: str
    number: int | None = None
    country: Country | None = None
    label: str = ""
    zip_code: str = PydanticField(default="", alias="zip")


@dataclass
class Size:
    width: float
    tall: bool = False


class Thing:
    """Stands for a model class."""


def column(name: str, annotation: Any, **facts: Any) -> Column:
    token = facts.pop("db_type", None)
    return Column(name, name, column_type(annotation, db_type=token), **facts)


THING = Table(
    "thing",
    Thing,
    (
        column("id", int, primary_key=True),
        column("meta", dict[str, Any], nullable=True),
        column("plain", dict[str, Any], nullable=True, db_type="json"),
        column("tags", list[Any], nullable=True),
        column("address", Address, nullable=True),
        column("places", list[Address], nullable=True),
        column("scores", dict[str, int], nullable=True),
        column("size", Size, nullable=True),
        column("name", str, nullable=True),
    ),
)
META = {
    "text": "abc",
    "int": 7,
    "float": 7.5,
    "whole": 7.0,
    "yes": True,
    "null": None,
    "list": [1, "two", {"three": 3}],
    "object": {"a": {"b": 1}},
    "big": 10**30,
    "": "empty",
    'a"b': "quote",
    "$.text": "dollar",
    "a.b": "dot",
    "[0]": "brackets",
    "''": "quotes",
    "%": "percent",
    "ключ": "unicode",
    "0": "zero",
    "\\": "backslash",
    "#-1": "hash",
}
ROWS: list[dict[str, Any]] = [
    {
        "id": 1,
        "meta": META,
        "plain": META,
        "tags": ["a", "b", 3, None],
        "address": Address(city="Bonn", number=5, country=Country(code="DE"), label="home", zip="53111"),
        "places": [Address(city="Rome"), Address(city="Oslo")],
        "scores": {"one": 1},
        "size": Size(1.5, tall=True),
        "name": "abc",
    },
    {"id": 2, "meta": {"text": 5, "int": "7"}, "plain": {}, "tags": [], "address": Address(city="Köln")},
    {"id": 3},
]


@pytest.fixture
def things() -> QueryBase[Any]:
    return QueryBase(Thing, THING)


@pytest.fixture
def database(empty_database, things):
    for sql in create_table(THING, empty_database.dialect):
        empty_database.fetch(sql, ())
    rows = [[row.get(name) for name in THING.by_field] for row in ROWS]
    empty_database.run(Insert(things.source, THING.columns, rows))
    return empty_database


def sql_of(query: QueryBase[Any], dialect: Any) -> str:
    return compile(query.select_statement(), dialect).sql


def where(things: QueryBase[Any], predicate: Any, dialect: Any) -> tuple[str, list[Any]]:
    found = compile(things.select("id").where(predicate).select_statement(), dialect)
    return found.sql.partition(" WHERE ")[2], list(found.params)


def test_keys_and_indices_are_parameters(things):
    def third(t: Any) -> Any:
        return t.meta["list"][-1]["three"] == 3

    assert where(things, third, sqlite) == (
        'ferro_json_at("thing"."meta", ?, ?, ?) COLLATE "ferro_json" = ?',
        ["list", -1, "three", "3"],
    )
    assert where(things, third, postgres) == (
        (
            'NULLIF(jsonb_path_query_first("thing"."meta" -> CAST($1 AS text), \'strict $ ? (@.type() == "array")\')'
            " -> CAST($2 AS integer) -> CAST($3 AS text), 'null') = $4"
        ),
        ["list", -1, "three", "3"],
    )


def test_two_paths_with_other_keys_share_one_statement(things):
    first = sql_of(things.where(lambda t: t.meta["a"] == 1), postgres)
    assert first is sql_of(things.where(lambda t: t.meta['"]; --'] == 2), postgres)


def test_a_part_is_compared_as_what_stands_beside_it(things):
    assert where(things, lambda t: t.meta["n"] > 5, sqlite)[0] == (
        'ferro_json_decimal(ferro_json_at("thing"."meta", ?)) COLLATE "ferro_decimal" > ?'
    )
    assert where(things, lambda t: t.meta["n"] < "m", postgres)[0] == (
        '(jsonb_path_query_first(NULLIF("thing"."meta" -> CAST($1 AS text), \'null\'), '
        "'strict $ ? (@.type() == \"string\")') #>> '{}') < $2"
    )


def test_containment_is_an_operator_that_an_index_serves(things):
    def wanted(t: Any) -> Any:
        return t.meta.contains({"a": 1}) & t.meta.has_any_key(["x", "y"])

    assert where(things, wanted, postgres) == (
        '"thing"."meta" @> CAST($1 AS jsonb) AND "thing"."meta" ?| CAST($2 AS text[])',
        ['{"a":1}', ["x", "y"]],
    )
    assert where(things, wanted, sqlite) == (
        'ferro_json_contains("thing"."meta", ?) AND ferro_json_has_any("thing"."meta", ?)',
        ['{"a":1}', '["x", "y"]'],
    )


# What each expression is for the three things.
VALUES: list[tuple[Any, list[Any]]] = [
    (lambda t: t.meta["text"], ["abc", 5, None]),
    (lambda t: t.meta["object"], [{"a": {"b": 1}}, None, None]),
    (lambda t: t.meta["object"]["a"]["b"], [1, None, None]),
    (lambda t: t.meta["null"], [None, None, None]),
    (lambda t: t.meta["whole"], [7.0, None, None]),
    (lambda t: t.meta["big"], [10**30, None, None]),
    (lambda t: t.plain["list"], [[1, "two", {"three": 3}], None, None]),
    (lambda t: t.plain["list"][2]["three"], [3, None, None]),
    (lambda t: t.tags[0], ["a", None, None]),
    (lambda t: t.tags[-2], [3, None, None]),
    (lambda t: t.tags[-9], [None, None, None]),
    (lambda t: t.tags["0"], [None, None, None]),
    (lambda t: t.meta[0], [None, None, None]),
    (lambda t: t.meta["0"], ["zero", None, None]),
    (lambda t: t.meta["text"][0], [None, None, None]),
    *[(lambda t, key=key: t.meta[key], [META[key], None, None]) for key in list(META)[-12:]],
    # Comparing.
    (lambda t: t.meta["text"] == "abc", [True, False, None]),
    (lambda t: t.meta["text"] != "abc", [False, True, None]),
    (lambda t: ~(t.meta["null"] == 1), [None, None, None]),
    (lambda t: t.meta["int"] == 7, [True, False, None]),
    (lambda t: t.meta["int"] == "7", [False, True, None]),
    (lambda t: t.meta["whole"] == 7, [True, None, None]),
    (lambda t: t.meta["float"] == Decimal("7.50"), [True, None, None]),
    (lambda t: t.meta["yes"] == True, [True, None, None]),
    (lambda t: t.meta["yes"] == 1, [False, None, None]),
    (lambda t: t.meta["list"] == [1, "two", {"three": 3.0}], [True, None, None]),
    (lambda t: t.meta["object"] == {"a": {"b": 1}}, [True, None, None]),
    (lambda t: t.meta["null"] == None, [True, True, True]),
    (lambda t: t.meta["text"] != None, [True, True, False]),
    (lambda t: t.meta["int"] > 6.5, [True, None, None]),
    (lambda t: t.meta["int"] <= Decimal("6.99"), [False, None, None]),
    (lambda t: t.meta["text"] > "abb", [True, None, None]),
    (lambda t: t.meta["big"] > 2**64, [True, None, None]),
    (lambda t: t.meta["float"].between(7, 8), [True, None, None]),
    (lambda t: t.meta["int"].in_([1, 7, "x"]), [True, False, None]),
    (lambda t: t.meta["text"].in_([*range(400), "abc"]), [True, True, None]),
    (lambda t: t.meta["int"].not_in([1, 7]), [False, True, None]),
    (lambda t: t.meta["text"].in_(["abc", None]), [True, False, True]),
    (lambda t: t.meta["text"] == t.name, [True, None, None]),
    (lambda t: t.name == t.meta["text"], [True, None, None]),
    (lambda t: t.meta["int"] > t.id, [True, None, None]),
    (lambda t: t.meta["int"] == t.plain["whole"], [True, None, None]),
    # As one type.
    (lambda t: cast(t.meta["text"], str), ["abc", None, None]),
    (lambda t: cast(t.meta["int"], int) + 1, [8, None, None]),
    (lambda t: cast(t.meta["whole"], int), [7, None, None]),
    (lambda t: cast(t.meta["float"], int), [None, None, None]),
    (lambda t: cast(t.meta["big"], int), [None, None, None]),
    (lambda t: cast(t.meta["big"], Decimal), [Decimal(10**30), None, None]),
    (lambda t: cast(t.meta["float"], Decimal), [Decimal("7.5"), None, None]),
    (lambda t: cast(t.plain["int"], float), [7.0, None, None]),
    (lambda t: cast(t.meta["yes"], bool), [True, None, None]),
    (lambda t: cast(t.meta["list"], str), [None, None, None]),
    (lambda t: cast(t.meta["text"], str).like("a%"), [True, None, None]),
    (lambda t: cast(t.meta["text"], str).ilike("AB_"), [True, None, None]),
    (lambda t: cast(t.meta["text"], str).contains("b"), [True, None, None]),
    (lambda t: coalesce(t.meta["null"], 5), [5, 5, 5]),
    # Nested models and dataclasses.
    (lambda t: t.address.city, ["Bonn", "Köln", None]),
    (lambda t: t.address["city"], ["Bonn", "Köln", None]),
    (lambda t: t.address.city.startswith("K"), [False, True, None]),
    (lambda t: t.address.number + 1, [6, None, None]),
    (lambda t: t.address.country.code == "DE", [True, None, None]),
    (lambda t: t.address["country"].code, ["DE", None, None]),
    (lambda t: t.address.zip_code, ["53111", "", None]),
    (lambda t: t.places[-1].city, ["Oslo", None, None]),
    (lambda t: t.size.width, [1.5, None, None]),
    (lambda t: t.size.tall, [True, None, None]),
    # Containment and keys.
    (lambda t: t.meta.contains({"object": {"a": {}}}), [True, False, None]),
    (lambda t: t.meta.contains({"list": [{"three": 3}, 1]}), [True, False, None]),
    (lambda t: t.plain.contains({"list": ["two"]}), [True, False, None]),
    (lambda t: t.tags.contains("a"), [True, False, None]),
    (lambda t: t.tags.contains([3.0, "a"]), [True, False, None]),
    (lambda t: t.tags.contained_by([None, 3, "b", "a", "c"]), [True, True, None]),
    (lambda t: t.meta["list"].contains(1), [True, None, None]),
    (lambda t: t.name.contains("b"), [True, None, None]),
    (lambda t: t.meta.has_key("null"), [True, False, None]),
    (lambda t: t.tags.has_key("b"), [True, False, None]),
    (lambda t: t.plain.has_any_key(["nope", "%"]), [True, False, None]),
    (lambda t: t.meta.has_any_key([]), [False, False, None]),
    (lambda t: t.meta.has_all_keys(["int", "text"]), [True, True, None]),
    (lambda t: t.meta.has_all_keys([]), [True, True, None]),
    (lambda t: t.meta.length(), [len(META), 2, None]),
    (lambda t: t.plain["list"].length(), [3, None, None]),
    (lambda t: t.tags.length(), [4, 0, None]),
    (lambda t: t.meta["text"].length(), [None, None, None]),
    # Changes.
    (lambda t: t.meta["object"].merge({"c": [1.5]}), [{"a": {"b": 1}, "c": [1.5]}, None, None]),
    (lambda t: t.scores.merge({"one": 3, "two": 2}), [{"one": 3, "two": 2}, None, None]),
    (lambda t: t.meta["text"].merge({"c": 1}), ["abc", 5, None]),
    (lambda t: t.meta["object"].without("a", "x"), [{}, None, None]),
]


@pytest.mark.parametrize(("expression", "expected"), VALUES)
def test_a_part_has_the_same_value_everywhere(database, things, expression, expected):
    assert database.select(things.select(expression).order_by("id")) == expected


def test_parts_are_sorted_and_grouped_by(database, things):
    by_text = things.select("id").order_by(lambda t: cast(t.meta["text"], str).desc())
    assert database.select(by_text)[0] == (1,)
    grouped = database.select(things.select(lambda t: (t.meta["text"], count())))
    assert sorted(grouped, key=str) == [("abc", 1), (5, 1), (None, 1)]


def test_an_update_merges_and_takes_from_the_document(database, things):
    def recipe(t: Any) -> dict[str, Any]:
        return {
            "plain": t.plain.merge({"int": 8, "new": {"%": "''"}}).without("big"),
            "meta": t.meta["object"],
            "name": cast(t.meta["text"], str),
        }

    database.run(things.update_statement(recipe))
    rows = database.select(things.select("plain", "meta", "name").order_by("id"))
    changed = {key: value for key, value in META.items() if key != "big"} | {"int": 8, "new": {"%": "''"}}
    assert rows == [(changed, {"a": {"b": 1}}, "abc"), ({"int": 8, "new": {"%": "''"}}, None, None), (None, None, None)]


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        (lambda t: t.meta[1.5] == 1, r"thing.meta\[...\] takes a key or an index, got 1.5"),
        (lambda t: t.meta[True] == 1, r"thing.meta\[...\] takes a key or an index, got True"),
        (lambda t: t.tags[0:2] == 1, r"thing.tags\[...\] takes a key or an index, got slice\(0, 2, None\)"),
        (lambda t: t.tags[2**40] == 1, r"takes a key or an index, got 1099511627776"),
        (lambda t: t.name["a"] == 1, r"\[\] has no meaning for thing.name: it is a str"),
        (lambda t: t.meta["a"].like("x"), r"say what it is, as in cast\(thing.meta\['a'\], str\)"),
        (lambda t: t.meta["a"] + 1 == 2, r"say what it is, as in cast\(thing.meta\['a'\], str\)"),
        (lambda t: t.meta["a"].min() == 2, r"say what it is, as in cast\(thing.meta\['a'\], str\)"),
        (lambda t: t.meta["a"] > True, "only texts and numbers in a document have an order"),
        (lambda t: t.meta["a"] > {}, "only texts and numbers in a document have an order"),
        (lambda t: t.meta["a"] == Country(code="x"), "a part of a document is compared with a text, number, bool"),
        (lambda t: t.meta > {}, "> has no meaning for thing.meta: a dict.* has no order"),
        (lambda t: t.name.has_key("a"), "has_key has no meaning for thing.name: it is a str"),
        (lambda t: t.meta.has_key(1), "has_key\\(\\) takes texts as keys, got 1"),
        (lambda t: t.meta.has_any_key("ab"), "has_any_key\\(\\) takes a list of keys, got 'ab'"),
        (lambda t: t.meta.contains(object()), "contains\\(\\) takes a text, number, bool, dict or list"),
        (lambda t: t.meta.contains(t.name), "expects a document, got thing.name: it is a str"),
        (lambda t: t.meta.merge([1]), r"thing.meta.merge\(\) expects a dict, got \[1\]"),
        (lambda t: t.tags.merge({}), r"merge\(\) has no meaning for thing.tags"),
        (lambda t: t.scores.merge({"a": "b"}), "expected dict"),
        (lambda t: cast(t.meta, str) == "x", "cannot be cast to str"),
    ],
)
def test_what_has_no_meaning_is_refused_while_the_query_is_built(things, predicate, message):
    with pytest.raises(QueryError, match=message):
        things.where(predicate)


def test_a_misspelt_field_of_a_nested_model_is_named(things):
    with pytest.raises(UnknownColumnError, match=r"Address has no field 'town'; its fields are city, number, country"):
        things.where(lambda t: t.address.town == "x")
    with pytest.raises(AttributeError, match=r"thing.meta has no attribute 'a': the parts of a document are"):
        things.where(lambda t: t.meta.a == "x")


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=repr)
@pytest.mark.parametrize(
    "key", ['a"b', "$.x", "a.b", "[0]", "''", "%", "ключ", "", "'); DROP TABLE thing --", "\\", "?", "$1"]
)
def test_no_key_becomes_sql(things, dialect, key):
    def asked(key: str) -> list[str]:
        queries = (
            things.where(lambda t: t.meta[key][key] == key),
            things.where(lambda t: t.meta.has_key(key) | t.meta.has_all_keys([key])),
            things.where(lambda t: t.meta.contains({key: [key]})),
            things.select(lambda t: t.meta.merge({key: key}).without(key)),
        )
        return [sql_of(query, dialect) for query in queries]

    assert asked(key) == asked("harmless")


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=repr)
def test_a_key_that_no_database_can_hold_is_refused(things, dialect):
    with pytest.raises((QueryError, ValueError), match="NUL"):
        sql_of(things.where(lambda t: t.meta["a\0b"] == 1), dialect)
