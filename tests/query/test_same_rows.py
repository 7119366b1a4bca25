"""The same question gives the same answer on SQLite, on PostgreSQL, and as written here."""

from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

import pytest

from ferro.query.functions import cast, coalesce, count, fn, lower, now, upper
from ferro.query.statements import Conflict, Insert, OnConflict

FIRST = UUID(int=1)

# What each expression is for the three people, in order of their keys. The third has a name only:
# `bob_[*]?\`.
VALUES: list[tuple[Any, list[Any]]] = [
    (lambda p: p.age / 2, [15.0, -3.5, None]),
    (lambda p: 7 / p.age, [7 / 30, -1.0, None]),
    (lambda p: p.age // 2, [15, -3, None]),
    (lambda p: p.age % 4, [2, -3, None]),
    (lambda p: p.age / p.shoes, [30 / 7, None, None]),
    (lambda p: p.age // p.shoes, [4, None, None]),
    (lambda p: p.age % p.shoes, [2, None, None]),
    (lambda p: p.wealth / p.shoes, [Decimal("1.5000000000000000"), None, None]),
    (lambda p: p.wealth // p.shoes, [Decimal(1), None, None]),
    (lambda p: p.wealth % 4, [Decimal("2.50"), Decimal("1.5"), None]),
    (lambda p: p.height / 0, [None, None, None]),
    (lambda p: 6 * (p.age / 4), [45.0, -10.5, None]),
    (lambda p: -(p.age - p.shoes), [-23, 7, None]),
    (lambda p: p.age - (p.shoes - 1), [24, -6, None]),
    (lambda p: p.age + 1.5, [31.5, -5.5, None]),
    (lambda p: p.wealth + p.age, [Decimal("40.50"), Decimal("2.5"), None]),
    (lambda p: p.wealth * Decimal("0.1"), [Decimal("1.050"), Decimal("0.95"), None]),
    (lambda p: -p.wealth, [Decimal("-10.50"), Decimal("-9.5"), None]),
    (lambda p: abs(p.age), [30, 7, None]),
    (lambda p: p.wealth.abs(), [Decimal("10.50"), Decimal("9.5"), None]),
    (lambda p: p.wealth * p.height, [15.75, -23.75, None]),
    (lambda p: p.name + "!", ["Ann!", "Örs 50%!", "bob_[*]?\\!"]),
    (lambda p: "Dr " + p.name, ["Dr Ann", "Dr Örs 50%", "Dr bob_[*]?\\"]),
    (lambda p: lower(p.name), ["ann", "örs 50%", "bob_[*]?\\"]),
    (lambda p: upper(p.name), ["ANN", "ÖRS 50%", "BOB_[*]?\\"]),
    (lambda p: p.name.length(), [3, 7, 9]),
    (lambda p: p.photo.length(), [1, 1, None]),
    (lambda p: coalesce(p.age, p.shoes, 5), [30, -7, 5]),
    (lambda p: coalesce(p.wealth, Decimal("1.1")), [Decimal("10.50"), Decimal("9.5"), Decimal("1.1")]),
    (lambda p: cast(p.age, str), ["30", "-7", None]),
    (lambda p: cast(p.wealth, str), ["10.50", "9.5", None]),
    (lambda p: cast(p.wealth, int), [10, 9, None]),
    (lambda p: cast(p.height, int), [1, -2, None]),
    (lambda p: cast(p.age, float), [30.0, -7.0, None]),
    (lambda p: cast(p.age, Decimal), [Decimal(30), Decimal(-7), None]),
    (lambda p: cast(p.active, int), [1, 0, None]),
    (lambda p: cast(p.shoes, bool), [True, False, None]),
    (lambda p: cast(p.seen, date), [date(2020, 1, 1), date(2021, 1, 1), None]),
    (lambda p: fn.round(p.wealth, 0), [Decimal(11), Decimal(10), None]),
    (lambda p: fn.substr(p.name, 2, 2), ["nn", "rs", "ob"]),
    (lambda p: fn.nullif(p.age, 30), [None, -7, None]),
    # Three-valued logic.
    (lambda p: p.age == 30, [True, False, None]),
    (lambda p: p.age != 30, [False, True, None]),
    (lambda p: ~(p.age == 30), [False, True, None]),
    (lambda p: p.active, [True, False, None]),
    (lambda p: ~p.active, [False, True, None]),
    (lambda p: (p.age > 0) | p.name.startswith("b"), [True, False, True]),
    (lambda p: (p.age > 0) & p.name.startswith("b"), [False, False, None]),
    (lambda p: (p.age > 0).is_null(), [False, False, True]),
    (lambda p: p.age == None, [False, False, True]),
    (lambda p: p.age.in_([30, 31]), [True, False, None]),
    (lambda p: p.age.in_([30, None]), [True, False, True]),
    (lambda p: p.age.not_in([30]), [False, True, None]),
    (lambda p: p.age.not_in([30, None]), [False, True, False]),
    (lambda p: p.age.in_([]), [False, False, False]),
    (lambda p: p.age.not_in([]), [True, True, True]),
    (lambda p: p.age.between(-7, 29), [False, True, None]),
    (lambda p: p.wealth.between(p.shoes, p.age), [True, False, None]),
    # Comparing what the databases keep differently.
    (lambda p: p.wealth == Decimal("10.5"), [True, False, None]),
    (lambda p: p.wealth > Decimal("9.75"), [True, False, None]),
    (lambda p: p.wealth.in_([Decimal("9.50"), Decimal(3)]), [False, True, None]),
    (lambda p: p.wealth.between(9, Decimal("10.500")), [True, True, None]),
    (lambda p: p.wealth > p.age, [False, True, None]),
    (lambda p: p.age < p.wealth, [False, True, None]),
    (lambda p: p.wealth > p.height, [True, True, None]),
    (lambda p: p.age > p.height, [True, False, None]),
    (lambda p: p.address > IPv4Address("9.5.0.0"), [True, False, None]),
    (lambda p: p.notes == {"a": 1}, [True, None, None]),
    (lambda p: p.notes.in_([{"a": 1.0}, {}]), [True, None, None]),
    (lambda p: p.key == str(FIRST), [True, False, None]),
    (lambda p: p.key.in_([FIRST]), [True, False, None]),
    (lambda p: p.role == "admin", [True, False, None]),
    (lambda p: p.role.in_(["admin"]), [True, False, None]),
    (lambda p: p.role.like("a%"), [True, False, None]),
    (lambda p: p.born > date(2000, 1, 1), [False, True, None]),
    (lambda p: p.born.in_([date(1990, 1, 2)]), [True, False, None]),
    (lambda p: p.seen > datetime(2020, 6, 1, tzinfo=UTC), [False, True, None]),
    (lambda p: p.seen.in_([datetime(2020, 1, 1, tzinfo=UTC)]), [True, False, None]),
    (lambda p: p.alarm.in_([datetime(2020, 1, 1, 7)]), [True, None, None]),
    (lambda p: p.seen < now, [True, True, None]),
    (lambda p: p.photo > b"a", [False, True, None]),
    (lambda p: p.photo.in_([b"a"]), [True, False, None]),
    (lambda p: p.active.in_([True]), [True, False, None]),
    (lambda p: p.height.in_([1.5]), [True, False, None]),
    # Patterns.
    (lambda p: p.name.like("A%"), [True, False, False]),
    (lambda p: p.name.like("a%"), [False, False, False]),
    (lambda p: p.name.ilike("a__"), [True, False, False]),
    (lambda p: p.name.ilike("öRS%"), [False, True, False]),
    (lambda p: p.name.like("%50\\%"), [False, True, False]),
    (lambda p: p.name.like("bob\\_[*]?\\\\"), [False, False, True]),
    (lambda p: p.name.contains("50%"), [False, True, False]),
    (lambda p: p.name.contains("_"), [False, False, True]),
    (lambda p: p.name.contains("[*]?"), [False, False, True]),
    (lambda p: p.name.startswith("bob_["), [False, False, True]),
    (lambda p: p.name.endswith("\\"), [False, False, True]),
    (lambda p: p.name.contains(""), [True, True, True]),
    (lambda p: p.name.startswith(p.name), [True, True, True]),
    (lambda p: p.name.endswith(fn.substr(p.name, 2)), [True, True, True]),
    (lambda p: p.name.endswith(p.name + "x"), [False, False, False]),
    (lambda p: p.name.contains(fn.substr(p.name, 2, 2)), [True, True, True]),
    (lambda p: p.name.like(fn.replace(p.name, "\\", "_")), [True, True, True]),
    (lambda p: p.name.ilike(fn.replace(upper(p.name), "\\", "")), [True, True, False]),
]


@pytest.mark.parametrize(("expression", "expected"), VALUES)
def test_an_expression_has_the_same_value_everywhere(database, people, expression, expected):
    found = database.select(people.select(expression).order_by("id"))
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]
    assert [str(value) for value in found] == [str(value) for value in expected]


@pytest.mark.parametrize("size", [3, 250, 300, 3000])
def test_a_list_may_have_any_length(database, people, size):
    def keys(predicate):
        return database.select(people.where(predicate).select(lambda p: p.id).order_by("id"))

    assert keys(lambda p: p.age.in_([30, *range(100, 100 + size)])) == [1]
    assert keys(lambda p: p.name.not_in(["Ann", *(f"'{n}\"\\" for n in range(size))])) == [2, 3]
    assert keys(lambda p: p.wealth.in_([Decimal("10.500"), *map(Decimal, range(100, 100 + size))])) == [1]
    assert keys(lambda p: p.height.in_([-2.5, *map(float, range(100, 100 + size))])) == [2]
    assert keys(lambda p: p.key.in_([UUID(int=n + 1) for n in range(size)])) == [1, 2]
    assert keys(lambda p: p.photo.in_([b"b", *(b"%d" % n for n in range(size))])) == [2]


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        (["age"], [2, 1, 3]),
        (["-age"], [1, 2, 3]),
        (["wealth"], [2, 1, 3]),
        (["-wealth"], [1, 2, 3]),
        (["address"], [2, 1, 3]),
        (["active", "id"], [2, 1, 3]),
        (["name"], [1, 3, 2]),
        ([lambda p: p.age.desc(nulls="first")], [3, 1, 2]),
        ([lambda p: p.wealth.asc(nulls="first")], [3, 2, 1]),
        ([lambda p: -p.age], [1, 2, 3]),
    ],
)
def test_rows_come_in_the_same_order(database, people, order, keys):
    assert database.select(people.select(lambda p: p.id).order_by(*order)) == keys


def test_aggregates_give_the_same_numbers_as_the_same_types(database, people):
    query = people.select(
        lambda p: {
            "rows": count(),
            "ages": p.age.count(),
            "sum": p.age.sum(),
            "avg": p.age.avg(),
            "wealth": p.wealth.sum(),
            "mean": p.wealth.avg(),
            "least": p.wealth.min(),
            "most": p.wealth.max(),
            "height": p.height.sum(),
            "first": p.name.min(),
            "key": p.key.max(),
            "address": p.address.max(),
            "photo": p.photo.min(),
            "role": p.role.max(),
        }
    )
    assert repr(database.select(query)[0]) == repr(
        {
            "rows": 3,
            "ages": 2,
            "sum": 23,
            "avg": 11.5,
            "wealth": Decimal("20.00"),
            "mean": Decimal("10.0000000000000000"),
            "least": Decimal("9.5"),
            "most": Decimal("10.50"),
            "height": -1.0,
            "first": "Ann",
            "key": UUID(int=2),
            "address": IPv4Address("10.0.0.1"),
            "photo": b"a",
            "role": type(database.select(people.select(lambda p: p.role))[0]).GUEST,
        }
    )


def test_aggregates_of_no_rows_are_none(database, people):
    query = people.where(lambda p: p.id > 99).select(lambda p: (p.age.sum(), p.wealth.avg(), p.age.count()))
    assert database.select(query) == [(None, None, 0)]


def test_counting_heeds_what_was_asked_for(database, people):
    def number(query):
        return database.run(query.count_statement())[0][0]

    assert number(people) == 3
    assert number(people.where(lambda p: p.age > 0)) == 1
    assert number(people.limit(2)) == 2
    assert number(people.offset(1)) == 2
    assert number(people.limit(0)) == 0
    assert number(people.select("role").distinct()) == 3
    assert number(people.select(lambda p: p.age.sum())) == 1


def test_exists_finds_a_row_or_none(database, people):
    def found(query):
        return len(database.run(query.exists_statement())) == 1

    assert found(people)
    assert found(people.offset(2))
    assert not found(people.offset(3))
    assert not found(people.limit(0))
    assert not found(people.where(lambda p: p.age == 99))


def test_a_recipe_changes_rows_from_what_they_are(database, people):
    recipe = people.where(lambda p: p.id != 3).update_statement(
        lambda p: {
            "age": p.age + 1,
            "wealth": p.wealth * 2,
            "name": p.name + "!",
            "active": p.age > 0,
            "height": p.shoes,
            "seen": now,
            "notes": {"b": [1]},
        }
    )
    database.run(recipe)
    query = people.select(lambda p: (p.age, p.wealth, p.name, p.active, p.height, p.notes)).order_by("id")
    assert database.select(query) == [
        (31, Decimal("21.00"), "Ann!", True, 7.0, {"b": [1]}),
        (-6, Decimal("19.0"), "Örs 50%!", False, 0.0, {"b": [1]}),
        (None, None, "bob_[*]?\\", None, None, None),
    ]
    seen = database.select(people.select(lambda p: p.seen).where(lambda p: p.id == 1))[0]
    assert abs((datetime.now(UTC) - seen).total_seconds()) < 60


def test_only_the_rows_that_match_are_deleted(database, people):
    database.run(people.where(lambda p: p.age < 0).delete_statement())
    assert database.select(people.select(lambda p: p.id).order_by("id")) == [1, 3]


def test_a_conflict_is_answered_as_asked(database, people):
    key, name, age = people.table.columns[:3]
    overwrite = Conflict(OnConflict.UPDATE, (key,), (name,))
    rows = [[1, "Anna", 5], [9, "new", 6]]
    written = database.run(Insert(people.source, (key, name, age), rows, (key,), overwrite))
    assert written == [(1,), (9,)]
    ignored = database.run(Insert(people.source, (key, name), [[1, "no"]], (key,), Conflict(OnConflict.NOTHING)))
    assert ignored == []
    query = people.select(lambda p: (p.id, p.name, p.age)).order_by("id")
    assert database.select(query) == [
        (1, "Anna", 30),
        (2, "Örs 50%", -7),
        (3, "bob_[*]?\\", None),
        (9, "new", 6),
    ]


HOSTILE = ["'; DROP TABLE person; --", '"', "\\", "%s", "$1", "?", "{0}", "\n", "\x01", "1 OR 1=1", "\U0001f600'"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_value_is_a_value(database, people, text):
    database.run(people.where(lambda p: p.id == 3).update_statement(name=text))
    for predicate in (
        lambda p: p.name == text,
        lambda p: p.name.in_([text, "x"]),
        lambda p: p.name.contains(text),
        lambda p: p.name.ilike(text.replace("\\", "\\\\").replace("%", "\\%")),
        lambda p: p.name + text == text + text,
        lambda p: coalesce(p.name, text) == text,
    ):
        assert database.select(people.select(lambda p: p.id).where(predicate)) == [3]


def test_groups_are_counted_and_sorted(database, people):
    key, name, wealth = (people.table.by_field[field] for field in ("id", "name", "wealth"))
    more = [[4, "Ann", Decimal("10.5")], [5, "Ann", None], [6, "Bo", Decimal("9.50")]]
    database.run(Insert(people.source, (key, name, wealth), more))
    by_name = people.select(lambda p: (p.name, count(), p.wealth.sum())).order_by(lambda p: (count().desc(), p.name))
    assert database.select(by_name) == [
        ("Ann", 3, Decimal("21.00")),
        ("Bo", 1, Decimal("9.50")),
        ("bob_[*]?\\", 1, None),
        ("Örs 50%", 1, Decimal("9.5")),
    ]
    by_wealth = people.select(lambda p: {"twice": p.wealth * 2, "n": count()}).order_by("-twice")
    assert [(row["twice"], row["n"]) for row in database.select(by_wealth)] == [
        (Decimal(21), 2),
        (Decimal(19), 2),
        (None, 2),
    ]
    assert database.run(by_name.count_statement()) == [(4,)]
    assert database.run(people.select("wealth").distinct().count_statement()) == [(3,)]


def test_distinct_rows_are_sorted_by_what_is_selected(database, people):
    query = people.select(lambda p: (p.age / 2,)).distinct().order_by(lambda p: p.age / 2)
    assert database.select(query) == [(-3.5,), (15.0,), (None,)]
