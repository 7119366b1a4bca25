"""Groups: having, filtered aggregates, lists, objects and texts made of rows, and aggregates of some rows only."""

from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import IPv4Address
from uuid import UUID

import pytest

from ferro.dialects import postgres, sqlite
from ferro.errors import DataError, QueryError
from ferro.query.compiler import compile
from ferro.query.functions import avg, cast, count, fn, max_, sum_
from ferro.query.gathering import array_agg, object_agg, string_agg
from ferro.query.statements import Insert


def sql(query, dialect):
    return compile(query.select_statement(), dialect).sql


@pytest.fixture
def more(database, people):
    """Three more people, two of them called Ann."""
    columns = tuple(people.table.by_field[name] for name in ("id", "name", "age", "wealth"))
    rows = [[4, "Ann", 5, Decimal("10.5")], [5, "Ann", None, None], [6, "Bo", 30, Decimal("9.50")]]
    database.run(Insert(people.source, columns, rows))
    return database


def test_having_looks_at_groups(people):
    query = people.where(lambda p: p.id > 1).select(lambda p: (p.name, p.age.sum())).having(lambda p: count() > 2)
    assert sql(query.having(lambda p: p.name != "x"), postgres) == (
        'SELECT "person"."name", CAST(SUM("person"."age") AS bigint) FROM "person" WHERE "person"."id" > $1'
        ' GROUP BY 1 HAVING COUNT(*) > $2 AND "person"."name" <> $3'
    )
    assert compile(query.limit(3).select_statement(), sqlite).params == [1, 2, 3]


def test_having_makes_groups_of_what_is_selected(people):
    query = people.select(lambda p: p.name).having(lambda p: sum_(p.wealth) > 3).order_by("name")
    assert sql(query, sqlite) == (
        'SELECT "person"."name" FROM "person" GROUP BY 1'
        ' HAVING "ferro_decimal_sum"("person"."wealth") COLLATE "ferro_decimal" > ? ORDER BY "person"."name"'
    )
    assert compile(query.count_statement(), postgres).sql == (
        'SELECT COUNT(*) FROM (SELECT "person"."name" FROM "person" GROUP BY 1'
        ' HAVING SUM("person"."wealth") > $1) AS "counted"'
    )


def test_groups_are_found_everywhere(more, people):
    names = people.select(lambda p: (p.name, count())).order_by("name")
    assert more.select(names.having(lambda p: count() > 1)) == [("Ann", 3)]
    assert more.select(names.having(lambda p: sum_(p.wealth) == Decimal("9.5")).limit(1)) == [("Bo", 1)]
    assert more.select(people.select("name").having(lambda p: max_(p.wealth) > 10, lambda p: p.name > "A")) == [
        ("Ann",)
    ]
    assert more.run(names.having(lambda p: count() > 1).count_statement()) == [(1,)]
    assert more.run(names.having(lambda p: count() > 9).exists_statement()) == []


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda q: q.having(), "having() needs a condition: having(lambda o: count() > 2)"),
        (lambda q: q.having(lambda p: p.age), "having() expects a condition, got person.age, which is an int"),
        (lambda q: q.having(lambda p: count() > 2).select_statement(), "having() looks at groups: say with select()"),
        (lambda q: q.having(lambda p: count() > 2).count_statement(), "having() looks at groups: say with select()"),
        (
            lambda q: q.select("name").having(lambda p: p.age > 2).select_statement(),
            "having() looks at groups, and person.age is not selected: select it, or use it in where()",
        ),
        (
            lambda q: q.select("name").having(lambda p: count() > 2).order_by("age").select_statement(),
            "person.age cannot be sorted by: grouping leaves only what is selected",
        ),
        (lambda q: q.having(lambda p: count() > 2).delete_statement(), "delete() changes rows, and having() looks at"),
        (
            lambda q: q.having(lambda p: count() > 2).aggregate_statement("sum", "age"),
            "sum() counts every row that matches: leave out having()",
        ),
        (lambda q: q.select(lambda p: count(filter=p.age)), "filter= expects a condition, got person.age"),
        (lambda q: q.select(lambda p: string_agg(p.age)), "string_agg has no meaning for person.age: it is an int"),
        (lambda q: q.select(lambda p: string_agg("x")), "string_agg() expects a column or an expression, got str: 'x'"),
        (lambda q: q.select(lambda p: string_agg(p.name, 3)), "person.name: expected str, got 3"),
        (lambda q: q.select(lambda p: array_agg(p.age, order_by="name")), "order_by= takes columns, such as b.title"),
        (
            lambda q: q.select(lambda p: array_agg(p.age, distinct=True, order_by=p.name)),
            "array_agg(distinct=True) can be sorted by its own values only: leave out order_by=",
        ),
        (
            lambda q: q.select(lambda p: object_agg("name", p.age)),
            "object_agg() expects a column or an expression, got str: 'name'",
        ),
        (
            lambda q: q.select(lambda p: object_agg(p.name, 1)),
            "object_agg() expects a column or an expression, got int: 1",
        ),
        (
            lambda q: q.select(lambda p: object_agg(p.notes, p.age)),
            "object_agg() makes a dict, and person.notes cannot be a key of one: it is a dict",
        ),
        (
            lambda q: q.select(lambda p: object_agg(p.notes["a"], p.age)),
            "it is a part of a document; say what it is, as in cast(person.notes['a'], str)",
        ),
        (
            lambda q: q.select(lambda p: object_agg(array_agg(p.id), p.age)),
            "object_agg() makes a dict, and array_agg(person.id) cannot be a key of one: it is a list[int]",
        ),
        (
            lambda q: q.select(lambda p: object_agg(p.name, fn.soundex(p.name))),
            "object_agg() needs to know the type of soundex(person.name): cast() it",
        ),
        (lambda q: q.select(lambda p: object_agg(p.name, p.id, order_by="id")), "order_by= takes columns, such as"),
        (
            lambda q: q.select(lambda p: object_agg(p.name, p.id, filter=p.age)),
            "filter= expects a condition, got person",
        ),
        (
            lambda q: q.select("name").having(lambda p: object_agg(p.name, p.id) == {"Ann": 1}),
            "object_agg(person.name, person.id): a dict made of rows cannot be compared with {'Ann': 1}",
        ),
        (
            lambda q: q.select("name").having(lambda p: array_agg(p.id) == [1]),
            "array_agg(person.id): a list made of rows cannot be compared with [1]",
        ),
        (
            lambda q: q.select("name").having(lambda p: object_agg(p.name, p.id) > object_agg(p.name, p.id)),
            "> has no meaning for object_agg(person.name, person.id): a dict[str, int] has no order",
        ),
        (
            lambda q: q.select("name").order_by(lambda p: object_agg(p.name, p.id, filter=p.active)),
            "object_agg(person.name, person.id, filter=person.active) cannot be sorted by: a dict[str, int] has no order",
        ),
        (
            lambda q: q.select(lambda p: cast(object_agg(p.name, p.id), str)),
            "object_agg(person.name, person.id) is a dict[str, int] and cannot be cast to str",
        ),
        (
            lambda q: q.select(lambda p: object_agg(p.name, p.id).contains("Ann")),
            "contains has no meaning for object_agg(person.name, person.id): it is a dict[str, int]",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(people, build, message):
    with pytest.raises(QueryError) as caught:
        build(people)
    assert message in str(caught.value)


def test_where_says_where_groups_are_looked_at(people):
    with pytest.raises(QueryError, match=r"cannot use count, sum, avg, min or max: having\(\) looks at groups"):
        sql(people.where(lambda p: count() > 1), sqlite)


def test_an_aggregate_may_look_at_some_rows_only(people):
    query = people.select(
        lambda p: (
            count(filter=p.active),
            p.age.sum(filter=p.age > 3) + 1,
            p.wealth.avg(distinct=True, filter=p.shoes < 9),
            p.key.min(filter=p.active),
        )
    )
    assert sql(query, postgres) == (
        'SELECT COUNT(*) FILTER (WHERE "person"."active"),'
        ' CAST(SUM("person"."age") FILTER (WHERE "person"."age" > $1) AS bigint) + CAST($2 AS bigint),'
        ' AVG(DISTINCT "person"."wealth") FILTER (WHERE "person"."shoes" < $3),'
        ' CAST(MIN(CAST("person"."key" AS text) COLLATE "C") FILTER (WHERE "person"."active") AS uuid) FROM "person"'
    )
    assert compile(query.select_statement(), sqlite).params == [3, 1, 9]
    assert '"ferro_decimal_avg"(DISTINCT "person"."wealth" COLLATE "ferro_decimal") FILTER (WHERE' in sql(query, sqlite)


def test_filtered_aggregates_give_the_same_numbers(more, people):
    query = people.select(
        lambda p: (
            count(filter=p.age > 3),
            count(p.name, distinct=True, filter=p.id > 3),
            sum_(p.age, filter=p.age > 5),
            sum_(p.wealth, distinct=True, filter=p.wealth > 10),
            avg(p.wealth, filter=p.id > 99),
            p.wealth.min(filter=p.name == "Ann"),
            p.key.max(filter=p.id < 2),
        )
    )
    assert more.select(query) == [(3, 2, 60, Decimal("10.5"), None, Decimal("10.5"), UUID(int=1))]


def test_texts_are_joined_and_values_listed(people):
    query = people.select(
        lambda p: (
            string_agg(p.name, ", ", order_by=(p.age.desc(), p.name)),
            array_agg(p.wealth, distinct=True, filter=p.active),
        )
    )
    assert sql(query, postgres) == (
        'SELECT string_agg("person"."name", $1 ORDER BY "person"."age" DESC NULLS LAST, "person"."name"),'
        ' COALESCE(array_agg(DISTINCT "person"."wealth") FILTER (WHERE "person"."active"), \'{}\') FROM "person"'
    )
    assert sql(query, sqlite) == (
        'SELECT "ferro_string_agg"(\'all|:down:last|:up:last\', "person"."name", ?, "person"."age", "person"."name"),'
        ' COALESCE("ferro_array_agg"(\'distinct:ferro_decimal\', "person"."wealth") FILTER (WHERE "person"."active"),'
        " '[]')"
        ' FROM "person"'
    )


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda p: string_agg(p.name, "-", order_by=p.id), "Ann-Örs 50%-bob_[*]?\\-Ann-Ann-Bo"),
        (lambda p: string_agg(p.name, order_by=p.id.desc(), filter=p.id > 3), "Bo,Ann,Ann"),
        (lambda p: string_agg(p.name, "", distinct=True, filter=p.id > 3), "AnnBo"),
        (lambda p: string_agg(p.name, p.name, order_by=p.id, filter=p.id > 4), "AnnBoBo"),
        (lambda p: string_agg(p.role, order_by=p.id), "admin,guest"),
        (lambda p: string_agg(p.name, filter=p.id > 99), None),
        (lambda p: string_agg(p.role, filter=p.id > 2), None),
        (lambda p: array_agg(p.age, order_by=(p.age, p.id)), [-7, 5, 30, 30, None, None]),
        (lambda p: array_agg(p.age, order_by=(p.age.desc(nulls="first"), p.id)), [None, None, 30, 30, 5, -7]),
        (lambda p: array_agg(p.age, order_by=p.age.desc(nulls="last")), [30, 30, 5, -7, None, None]),
        (lambda p: array_agg(p.id, order_by=(p.wealth.desc(), p.id)), [1, 4, 2, 6, 3, 5]),
        (lambda p: array_agg(p.age, distinct=True), [-7, 5, 30, None]),
        (lambda p: array_agg(p.age, distinct=True, order_by=p.age.desc()), [30, 5, -7, None]),
        (lambda p: array_agg(p.age, filter=p.id > 99), []),
        (lambda p: array_agg(p.age + 1, order_by=p.id, filter=p.id < 3), [31, -6]),
        (lambda p: array_agg(p.wealth, order_by=p.id), "[Decimal('10.50'), Decimal('9.5'), None, Decimal('10.5')"),
        (lambda p: array_agg(p.wealth > 10, order_by=p.id), [True, False, None, True, None, False]),
        (lambda p: array_agg(p.height * 0.1, order_by=p.id, filter=p.id < 3), [1.5 * 0.1, -2.5 * 0.1]),
        (lambda p: array_agg(p.seen, filter=p.id == 1), [datetime(2020, 1, 1, tzinfo=UTC)]),
        (lambda p: array_agg(p.key, order_by=p.id, filter=p.id < 4), [UUID(int=1), UUID(int=2), None]),
        (
            lambda p: array_agg(p.address, order_by=p.address, filter=p.id < 3),
            [IPv4Address("9.0.0.1"), IPv4Address("10.0.0.1")],
        ),
        (lambda p: array_agg(p.photo, order_by=p.id, filter=p.id < 4), [b"a", b"b", None]),
        (lambda p: array_agg(p.notes, order_by=p.id, filter=p.id < 3), [{"a": 1}, None]),
        (lambda p: array_agg(p.active, order_by=p.id, filter=p.id < 3), [True, False]),
        (lambda p: array_agg(p.role, order_by=p.id, filter=p.id < 2), "[<Role.ADMIN"),
    ],
)
def test_rows_become_the_same_list_or_text_everywhere(more, people, expression, expected):
    (found,) = more.select(people.select(expression))
    if isinstance(expected, str) and expected.startswith("["):
        assert repr(found).startswith(expected)
    else:
        assert found == expected


def test_keys_and_values_are_gathered_as_pairs(people):
    query = people.select(
        lambda p: (
            object_agg(p.role, p.wealth, order_by=(p.age.desc(), p.name), filter=p.id > 1),
            object_agg(p.photo, p.notes),
        )
    )
    assert sql(query, postgres) == (
        'SELECT COALESCE(CAST(json_agg(json_build_array("person"."role", CAST("person"."wealth" AS text))'
        ' ORDER BY "person"."age" DESC NULLS LAST, "person"."name") FILTER (WHERE "person"."id" > $1) AS text), \'[]\'),'
        ' COALESCE(CAST(json_agg(json_build_array(encode("person"."photo", \'hex\'), CAST("person"."notes" AS text)))'
        " AS text), '[]') FROM \"person\""
    )
    assert sql(query, sqlite) == (
        'SELECT COALESCE("ferro_object_agg"(\'all|:down:last|:up:last\', "person"."role", "person"."wealth",'
        ' "person"."age", "person"."name") FILTER (WHERE "person"."id" > ?), \'[]\'),'
        ' COALESCE("ferro_object_agg"(\'all\', "person"."photo", "person"."notes"), \'[]\') FROM "person"'
    )
    assert compile(query.select_statement(), postgres).params == [1]


def test_other_values_are_another_statement(people):
    texts = {
        sql(people.select(expression), postgres)
        for expression in (
            lambda p: object_agg(p.id, p.age),
            lambda p: object_agg(p.age, p.id),
            lambda p: object_agg(p.id, p.shoes),
            lambda p: object_agg(p.id, p.age, order_by=p.id),
            lambda p: object_agg(p.id, p.age, order_by=p.id.desc()),
            lambda p: object_agg(p.id, p.age, filter=p.active),
        )
    }
    assert len(texts) == 6


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (lambda p: object_agg(p.id, p.age, order_by=p.id), "{1: 30, 2: -7, 3: None, 4: 5, 5: None, 6: 30}"),
        (lambda p: object_agg(p.name, p.id, order_by=p.id, filter=p.id > 3), "{'Ann': 5, 'Bo': 6}"),
        (lambda p: object_agg(p.name, p.id, order_by=p.id.desc(), filter=p.id > 3), "{'Bo': 6, 'Ann': 4}"),
        (
            lambda p: object_agg(p.name, p.age, order_by=p.age.desc(nulls="first"), filter=p.id > 3),
            "{'Ann': 5, 'Bo': 30}",
        ),
        (lambda p: object_agg(p.name, p.id, filter=p.id > 99), "{}"),
        (lambda p: object_agg(p.name + "!", p.id * 2, filter=p.id < 2), "{'Ann!': 2}"),
        (
            lambda p: object_agg(p.id, p.wealth, order_by=p.id, filter=p.id < 5),
            "{1: Decimal('10.50'), 2: Decimal('9.5'), 3: None, 4: Decimal('10.5')}",
        ),
        (
            lambda p: object_agg(p.wealth, p.id, order_by=p.id, filter=p.wealth.is_not_null()),
            "{Decimal('10.50'): 4, Decimal('9.5'): 6}",
        ),
        (lambda p: object_agg(p.role, p.height, filter=p.id < 3, order_by=p.id), "{<Role.ADMIN: 'admin'>: 1.5, <Role"),
        (lambda p: object_agg(p.active, p.height * 0.1, filter=p.id < 2), "{True: 0.15000000000000002}"),
        (
            lambda p: object_agg(p.born, p.seen, filter=p.id < 2),
            "{datetime.date(1990, 1, 2): datetime.datetime(2020, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)}",
        ),
        (
            lambda p: object_agg(p.alarm, p.address, filter=p.id < 2),
            "{datetime.datetime(2020, 1, 1, 7, 0): IPv4Address('10.0.0.1')}",
        ),
        (lambda p: object_agg(p.key, p.notes, filter=p.id < 2), f"{{{UUID(int=1)!r}: {{'a': 1}}}}"),
        (lambda p: object_agg(p.photo, p.photo, filter=p.id < 2), "{b'a': b'a'}"),
        (lambda p: object_agg(p.id, p.wealth > 10, order_by=p.id, filter=p.id < 4), "{1: True, 2: False, 3: None}"),
    ],
)
def test_rows_become_the_same_object_everywhere(more, people, expression, expected):
    (found,) = more.select(people.select(expression))
    assert repr(found)[: len(expected)] == expected


def test_a_row_without_a_key_has_no_place_in_an_object(more, people):
    with pytest.raises(DataError) as caught:
        more.select(people.where(lambda p: p.id.in_([1, 3])).select(lambda p: {"roles": object_agg(p.role, p.id)}))
    assert str(caught.value) == (
        "roles: the database holds '[[\"admin\", 1], [null, 3]]', which is no dict[Role, int]: "
        "a row has no key; leave such rows out by filter="
    )
    found = people.select(lambda p: object_agg(p.role, p.id, order_by=p.id, filter=p.role.is_not_null()))
    assert [{role.value: id for role, id in one.items()} for one in more.select(found)] == [{"admin": 1, "guest": 2}]


def test_a_secret_is_not_shown_by_the_error_about_its_object(more, people):
    with pytest.raises(
        DataError, match=r"^value 1: the database holds a value, which is no dict\[SecretStr, str\]: a row"
    ):
        more.select(people.select(lambda p: object_agg(p.password, p.name)))


def test_objects_are_made_by_group(more, people):
    query = people.select(lambda p: {"name": p.name, "ages": object_agg(p.id, p.age, order_by=-p.id)}).order_by("name")
    assert more.select(query.having(lambda p: count() > 1)) == [{"name": "Ann", "ages": {5: None, 4: 5, 1: 30}}]
    assert more.run(query.count_statement()) == [(4,)]


def test_lists_are_made_by_group(more, people):
    query = people.select(lambda p: {"name": p.name, "ids": array_agg(p.id, order_by=-p.id)}).order_by("name").limit(1)
    assert more.select(query) == [{"name": "Ann", "ids": [5, 4, 1]}]


def test_an_aggregate_heeds_limit_and_offset(people):
    statement = people.where(lambda p: p.id > 1).order_by("-wealth").limit(2).aggregate_statement("sum", "wealth")
    compiled = compile(statement, postgres)
    assert compiled.sql == (
        'SELECT SUM("chosen"."value") FROM (SELECT "person"."wealth" AS "value" FROM "person"'
        ' WHERE "person"."id" > $1 ORDER BY "person"."wealth" DESC NULLS LAST LIMIT $2) AS "chosen"'
    )
    assert compiled.params == [1, 2]


def test_an_aggregate_of_some_rows_gives_the_same_number(more, people):
    def one(query, name, column):
        statement = query.aggregate_statement(name, column)
        (row,) = more.run(statement)
        load = statement.columns[0].type.stored[more.dialect.name].load
        return row[0] if load is None or row[0] is None else load(row[0])

    first = people.order_by("id")
    assert one(first.limit(2), "sum", "wealth") == Decimal("20.00")
    assert one(first.offset(3), "max", "wealth") == Decimal("10.5")
    assert one(first.limit(4).offset(1), "avg", lambda p: p.age * 2) == -2.0
    assert one(people.order_by("-age").limit(3), "min", "age") == 5
    assert one(first.limit(0), "sum", "age") is None
