"""How each operator reads in SQL, written out for both databases."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ferro.dialects import postgres, sqlite
from ferro.query.compiler import compile
from ferro.query.functions import cast, coalesce, count, fn, lower, not_, now, upper

CONDITIONS = [
    (lambda p: p.age == 18, '"person"."age" = $1', '"person"."age" = ?', [18]),
    (lambda p: p.age != 18, '"person"."age" <> $1', '"person"."age" <> ?', [18]),
    (lambda p: p.age < 18, '"person"."age" < $1', '"person"."age" < ?', [18]),
    (lambda p: p.age <= 18, '"person"."age" <= $1', '"person"."age" <= ?', [18]),
    (lambda p: p.age > 18, '"person"."age" > $1', '"person"."age" > ?', [18]),
    (lambda p: p.age >= 18, '"person"."age" >= $1', '"person"."age" >= ?', [18]),
    (lambda p: p.age == None, '"person"."age" IS NULL', '"person"."age" IS NULL', []),
    (lambda p: p.age != None, '"person"."age" IS NOT NULL', '"person"."age" IS NOT NULL', []),
    (lambda p: p.age.is_null(), '"person"."age" IS NULL', '"person"."age" IS NULL', []),
    (lambda p: p.age.is_not_null(), '"person"."age" IS NOT NULL', '"person"."age" IS NOT NULL', []),
    (lambda p: p.age == p.shoes, '"person"."age" = "person"."shoes"', '"person"."age" = "person"."shoes"', []),
    (lambda p: p.age.between(1, 5), '"person"."age" BETWEEN $1 AND $2', '"person"."age" BETWEEN ? AND ?', [1, 5]),
    (lambda p: p.active, '"person"."active"', '"person"."active"', []),
    (lambda p: ~p.active, 'NOT "person"."active"', 'NOT "person"."active"', []),
    (lambda p: not_(p.age == 1), 'NOT ("person"."age" = $1)', 'NOT ("person"."age" = ?)', [1]),
    (
        lambda p: (p.age == 1) & (p.shoes == 2) & p.active,
        '"person"."age" = $1 AND "person"."shoes" = $2 AND "person"."active"',
        '"person"."age" = ? AND "person"."shoes" = ? AND "person"."active"',
        [1, 2],
    ),
    (
        lambda p: (p.age == 1) & ((p.shoes == 2) | p.active),
        '"person"."age" = $1 AND ("person"."shoes" = $2 OR "person"."active")',
        '"person"."age" = ? AND ("person"."shoes" = ? OR "person"."active")',
        [1, 2],
    ),
    (
        lambda p: ((p.age == 1) & (p.shoes == 2)) | ~((p.age == 3) | p.active),
        '"person"."age" = $1 AND "person"."shoes" = $2 OR NOT ("person"."age" = $3 OR "person"."active")',
        '"person"."age" = ? AND "person"."shoes" = ? OR NOT ("person"."age" = ? OR "person"."active")',
        [1, 2, 3],
    ),
    (
        lambda p: (p.age > 1) == (p.shoes > 2),
        '("person"."age" > $1) = ("person"."shoes" > $2)',
        '("person"."age" > ?) = ("person"."shoes" > ?)',
        [1, 2],
    ),
    (lambda p: (p.age > 1).is_null(), '("person"."age" > $1) IS NULL', '("person"."age" > ?) IS NULL', [1]),
    (
        lambda p: 6 * (p.age - 2) > 0,
        'CAST($1 AS bigint) * ("person"."age" - CAST($2 AS bigint)) > $3',
        '? * ("person"."age" - ?) > ?',
        [6, 2, 0],
    ),
    (
        lambda p: -(p.age - p.shoes) == 1,
        '-("person"."age" - "person"."shoes") = $1',
        '-("person"."age" - "person"."shoes") = ?',
        [1],
    ),
    (lambda p: -(0 - p.age) == 1, '-(CAST($1 AS bigint) - "person"."age") = $2', '-(? - "person"."age") = ?', [0, 1]),
    (lambda p: -p.age.__neg__() == 1, '-(-"person"."age") = $1', '-(-"person"."age") = ?', [1]),
    (
        lambda p: p.age - (p.shoes - 1) - 2 == 3,
        '"person"."age" - ("person"."shoes" - CAST($1 AS bigint)) - CAST($2 AS bigint) = $3',
        '"person"."age" - ("person"."shoes" - ?) - ? = ?',
        [1, 2, 3],
    ),
    (
        lambda p: p.age // 2 % 3 == 1,
        '"person"."age" / NULLIF(CAST($1 AS bigint), 0) % NULLIF(CAST($2 AS bigint), 0) = $3',
        '"ferro_bigint"("person"."age" / ?) % ? = ?',
        [2, 3, 1],
    ),
    (
        lambda p: p.age / 2 > 1,
        'CAST("person"."age" AS double precision) / NULLIF(CAST($1 AS bigint), 0) > $2',
        'CAST("person"."age" AS REAL) / ? > ?',
        [2, 1.0],
    ),
    (
        lambda p: p.wealth + 1 > Decimal("1.5"),
        '"person"."wealth" + CAST($1 AS bigint) > $2',
        '"ferro_decimal_add"("person"."wealth", ?) COLLATE "ferro_decimal" > ?',
        None,
    ),
    (
        lambda p: p.wealth > p.age,
        '"person"."wealth" > "person"."age"',
        'CAST("person"."wealth" AS TEXT) COLLATE "ferro_decimal" > CAST("person"."age" AS TEXT)',
        [],
    ),
    (
        lambda p: p.name + "!" == "Ann!",
        '"person"."name" || CAST($1 AS text) = $2',
        '"person"."name" || ? = ?',
        ["!", "Ann!"],
    ),
    (lambda p: p.name.like("A_n%"), '"person"."name" LIKE $1', '"person"."name" GLOB ?', None),
    (lambda p: p.name.ilike("a%"), '"person"."name" ILIKE $1', 'ferro_lower("person"."name") GLOB ?', None),
    (
        lambda p: p.name.like(p.name),
        '"person"."name" LIKE "person"."name"',
        '"person"."name" GLOB ferro_glob("person"."name")',
        [],
    ),
    (
        lambda p: p.name.endswith(p.name + "x"),
        'right("person"."name", length("person"."name" || CAST($1 AS text))) = "person"."name" || CAST($2 AS text)',
        'substr("person"."name", length("person"."name") - length("person"."name" || ?) + 1) = "person"."name" || ?',
        ["x", "x"],
    ),
    (lambda p: p.age.in_([1, 2, 3]), '"person"."age" = ANY($1)', '"person"."age" IN (?, ?, ?, ?)', None),
    (lambda p: p.age << {1}, '"person"."age" = ANY($1)', '"person"."age" IN (?)', None),
    (lambda p: p.age.not_in_((1, 2)), '"person"."age" <> ALL($1)', '"person"."age" NOT IN (?, ?)', None),
    (lambda p: p.age.in_([]), "1=0", "1=0", []),
    (lambda p: p.age.not_in([]), "1=1", "1=1", []),
    (lambda p: p.age.in_([None]), '"person"."age" IS NULL', '"person"."age" IS NULL', []),
    (
        lambda p: p.age.in_([1, None]) & p.active,
        '("person"."age" = ANY($1) OR "person"."age" IS NULL) AND "person"."active"',
        '("person"."age" IN (?) OR "person"."age" IS NULL) AND "person"."active"',
        None,
    ),
    (
        lambda p: p.age.not_in([1, None]),
        '"person"."age" <> ALL($1) AND "person"."age" IS NOT NULL',
        '"person"."age" NOT IN (?) AND "person"."age" IS NOT NULL',
        None,
    ),
    (
        lambda p: p.age.not_in([None]),
        '1=1 AND "person"."age" IS NOT NULL',
        '1=1 AND "person"."age" IS NOT NULL',
        [],
    ),
    (lambda p: lower(p.name) == "x", 'lower("person"."name") = $1', 'ferro_lower("person"."name") = ?', ["x"]),
    (
        lambda p: upper("x") == p.name,
        'upper(CAST($1 AS text)) = "person"."name"',
        'ferro_upper(?) = "person"."name"',
        ["x"],
    ),
    (lambda p: p.name.length() > 3, 'length("person"."name") > $1', 'length("person"."name") > ?', [3]),
    (lambda p: abs(p.age) == 3, 'abs("person"."age") = $1', 'abs("person"."age") = ?', [3]),
    (
        lambda p: coalesce(p.age, p.shoes, 5) == 3,
        'coalesce("person"."age", "person"."shoes", $1) = $2',
        'coalesce("person"."age", "person"."shoes", ?) = ?',
        [5, 3],
    ),
    (lambda p: cast(p.age, str) == "3", 'CAST("person"."age" AS text) = $1', 'CAST("person"."age" AS TEXT) = ?', ["3"]),
    (
        lambda p: cast(p.height, int) == 3,
        'CAST(trunc("person"."height") AS bigint) = $1',
        'CAST("person"."height" AS INTEGER) = ?',
        [3],
    ),
    (lambda p: fn.mood(p.name, 2) == 1, 'mood("person"."name", $1) = $2', 'mood("person"."name", ?) = ?', [2, 1]),
    (
        lambda p: p.seen < now,
        '"person"."seen" < now()',
        "\"person\".\"seen\" < strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')",
        [],
    ),
]


@pytest.mark.parametrize(("predicate", "on_postgres", "on_sqlite", "values"), CONDITIONS)
def test_a_condition_reads_in_sql_as_it_was_written(condition, predicate, on_postgres, on_sqlite, values):
    for dialect, expected in ((postgres, on_postgres), (sqlite, on_sqlite)):
        sql, params = condition(predicate, dialect)
        assert sql == expected
        if values is not None:
            assert params == values


def test_a_decimal_is_compared_under_its_collation_on_sqlite(condition):
    assert condition(lambda p: p.wealth >= Decimal("1.50"), sqlite) == (
        '"person"."wealth" COLLATE "ferro_decimal" >= ?',
        ["1.50"],
    )
    assert condition(lambda p: p.wealth >= Decimal("1.50"), postgres) == ('"person"."wealth" >= $1', [Decimal("1.50")])


@pytest.mark.parametrize(
    ("predicate", "on_postgres", "on_sqlite"),
    [
        (lambda p: p.name.startswith("50%_"), "50\\%\\_%", "50%_*"),
        (lambda p: p.name.endswith("a\\b"), "%a\\\\b", "*a\\b"),
        (lambda p: p.name.contains("[*]?"), "%[*]?%", "*[[][*]][?]*"),
        (lambda p: p.name.like("a_%\\%\\_*"), "a_%\\%\\_*", "a?*%_[*]"),
        (lambda p: p.name.ilike("ÄB%"), "ÄB%", "äb*"),
    ],
)
def test_the_text_to_look_for_is_a_parameter_without_accidental_wildcards(condition, predicate, on_postgres, on_sqlite):
    assert condition(predicate, postgres)[1] == [on_postgres]
    assert condition(predicate, sqlite)[1] == [on_sqlite]


def test_lists_of_any_length_share_a_few_texts(condition):
    def list_of(length):
        return lambda p: p.age.in_(range(length))

    assert condition(list_of(5), postgres)[0] == condition(list_of(5000), postgres)[0]
    assert condition(list_of(5), postgres)[1] == [[0, 1, 2, 3, 4]]
    assert condition(list_of(5), sqlite) == (
        '"person"."age" IN (?, ?, ?, ?, ?, ?, ?, ?)',
        [0, 1, 2, 3, 4, 4, 4, 4],
    )
    assert condition(list_of(300), sqlite)[0] == '"person"."age" IN (SELECT value FROM json_each(?))'
    assert condition(list_of(5000), sqlite)[0] == condition(list_of(300), sqlite)[0]


def test_a_long_list_of_what_json_cannot_say_takes_more_placeholders(condition):
    sql, values = condition(lambda p: p.height.in_([float(n) for n in range(300)]), sqlite)
    assert sql.count("?") == 512
    assert values[-1] == 299.0


@pytest.mark.parametrize(
    ("order", "on_postgres", "on_sqlite"),
    [
        (("id",), '"person"."id"', '"person"."id"'),
        (("-id",), '"person"."id" DESC', '"person"."id" DESC'),
        (("age",), '"person"."age"', '"person"."age" NULLS LAST'),
        (("-age",), '"person"."age" DESC NULLS LAST', '"person"."age" DESC'),
        (("age", "desc"), '"person"."age" DESC NULLS LAST', '"person"."age" DESC'),
        (("age", "ASC"), '"person"."age"', '"person"."age" NULLS LAST'),
        (("age", "-name"), '"person"."age", "person"."name" DESC', '"person"."age" NULLS LAST, "person"."name" DESC'),
        ((lambda p: p.age + 1,), '"person"."age" + CAST($1 AS bigint)', '"person"."age" + ? NULLS LAST'),
        ((lambda p: p.age.desc(nulls="first"),), '"person"."age" DESC', '"person"."age" DESC NULLS FIRST'),
        (
            (lambda p: (p.name.asc(), p.id.desc()),),
            '"person"."name", "person"."id" DESC',
            '"person"."name", "person"."id" DESC',
        ),
        (("wealth",), '"person"."wealth"', '"person"."wealth" COLLATE "ferro_decimal" NULLS LAST'),
    ],
)
def test_rows_are_sorted_with_nulls_last(people, order, on_postgres, on_sqlite):
    statement = people.order_by(*order).select_statement()
    assert compile(statement, postgres).sql.partition(" ORDER BY ")[2] == on_postgres
    assert compile(statement, sqlite).sql.partition(" ORDER BY ")[2] == on_sqlite


def test_nulls_may_come_first_or_where_the_database_puts_them(people):
    def sorted_by(**options):
        statement = people.order_by("age", **options).select_statement()
        return [compile(statement, dialect).sql.partition(" ORDER BY ")[2] for dialect in (postgres, sqlite)]

    assert sorted_by(nulls="first") == ['"person"."age" NULLS FIRST', '"person"."age"']
    assert sorted_by(nulls="native") == ['"person"."age"', '"person"."age"']
    assert sorted_by(direction="desc") == ['"person"."age" DESC NULLS LAST', '"person"."age" DESC']


def test_an_offset_stands_alone_on_both_databases(people):
    statement = people.select("id").offset(5).select_statement()
    assert compile(statement, postgres).sql == 'SELECT "person"."id" FROM "person" OFFSET $1'
    assert compile(statement, sqlite).sql == 'SELECT "person"."id" FROM "person" LIMIT -1 OFFSET ?'
    assert compile(statement, sqlite).params == [5]


def test_limit_and_offset_are_parameters_too(people):
    compiled = compile(people.select("id").limit(3).offset(4).select_statement(), postgres)
    assert compiled.sql == 'SELECT "person"."id" FROM "person" LIMIT $1 OFFSET $2'
    assert compiled.params == [3, 4]


def test_a_select_asks_for_the_columns_in_the_order_of_the_table(people):
    assert compile(people.select_statement(), postgres).sql.startswith(
        'SELECT "person"."id", "person"."name", "person"."age", "person"."shoes", "person"."wealth",'
    )


def test_distinct_tells_decimals_apart_as_numbers(people):
    statement = people.select("wealth").distinct().select_statement()
    assert compile(statement, sqlite).sql == 'SELECT DISTINCT "person"."wealth" COLLATE "ferro_decimal" FROM "person"'


def test_count_asks_for_no_row(people):
    assert compile(people.where(lambda p: p.active).order_by("name").count_statement(), sqlite).sql == (
        'SELECT COUNT(*) FROM "person" WHERE "person"."active"'
    )


def test_count_heeds_limit_offset_and_distinct(people):
    assert compile(people.limit(3).offset(1).count_statement(), postgres).sql == (
        'SELECT COUNT(*) FROM (SELECT 1 FROM "person" LIMIT $1 OFFSET $2) AS "counted"'
    )
    assert compile(people.select("role").distinct().count_statement(), postgres).sql == (
        'SELECT COUNT(*) FROM (SELECT DISTINCT "person"."role" FROM "person") AS "counted"'
    )


def test_exists_stops_at_the_first_row(people):
    compiled = compile(people.where(lambda p: p.age > 3).exists_statement(), sqlite)
    assert compiled.sql == 'SELECT 1 FROM "person" WHERE "person"."age" > ? LIMIT ?'
    assert compiled.params == [3, 1]


@pytest.mark.parametrize(
    ("name", "column", "on_postgres", "on_sqlite"),
    [
        ("count", "age", 'COUNT("person"."age")', 'COUNT("person"."age")'),
        ("sum", "age", 'CAST(SUM("person"."age") AS bigint)', 'SUM("person"."age")'),
        ("avg", "age", 'CAST(AVG("person"."age") AS double precision)', 'AVG("person"."age")'),
        ("sum", "wealth", 'SUM("person"."wealth")', '"ferro_decimal_sum"("person"."wealth")'),
        ("avg", "wealth", 'AVG("person"."wealth")', '"ferro_decimal_avg"("person"."wealth")'),
        ("max", "wealth", 'MAX("person"."wealth")', '"ferro_decimal_max"("person"."wealth")'),
        ("min", "address", 'MIN("person"."address")', 'MIN("person"."address" COLLATE "ferro_inet")'),
        ("max", lambda p: p.age + 1, 'MAX("person"."age" + CAST($1 AS bigint))', 'MAX("person"."age" + ?)'),
    ],
)
def test_an_aggregate_gives_one_number(people, name, column, on_postgres, on_sqlite):
    statement = people.aggregate_statement(name, column)
    assert compile(statement, postgres).sql == f'SELECT {on_postgres} FROM "person"'
    assert compile(statement, sqlite).sql == f'SELECT {on_sqlite} FROM "person"'


def test_count_of_a_column_may_count_equal_values_once(people):
    statement = people.select(lambda p: (count(p.name, distinct=True), count())).select_statement()
    assert compile(statement, sqlite).sql == 'SELECT COUNT(DISTINCT "person"."name"), COUNT(*) FROM "person"'


def test_an_update_sets_unqualified_columns_of_the_rows_that_match(people):
    query = people.where(lambda p: p.id == 1)
    compiled = compile(query.update_statement(name="Bo", age=None), postgres)
    assert compiled.sql == 'UPDATE "person" SET "name"=$1,"age"=$2 WHERE "person"."id" = $3'
    assert compiled.params == ["Bo", None, 1]
    recipe = query.update_statement(lambda p: {"age": p.age + 1, "seen": now, "shoes": p.age})
    assert compile(recipe, sqlite).sql == (
        'UPDATE "person" SET "age"="ferro_bigint"("person"."age" + ?),'
        "\"seen\"=strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'),"
        '"shoes"="person"."age" WHERE "person"."id" = ?'
    )


def test_changed_and_deleted_rows_can_come_back(people):
    columns = people.table.columns[:2]
    updated = compile(people.update_statement(name="x", returning=columns), sqlite)
    assert updated.sql == 'UPDATE "person" SET "name"=? RETURNING "person"."id", "person"."name"'
    deleted = compile(people.where(lambda p: p.id == 1).delete_statement(returning=columns[:1]), sqlite)
    assert deleted.sql == 'DELETE FROM "person" WHERE "person"."id" = ? RETURNING "person"."id"'
    assert updated.template.fetches and deleted.template.fetches
    assert not compile(people.delete_statement(), sqlite).template.fetches


def test_the_template_says_what_the_statement_does(people):
    read = compile(people.select_statement(), sqlite)
    write = compile(people.delete_statement(), sqlite, operation="Delete")
    assert (read.template.fetches, read.template.writes, read.template.operation) == (True, False, "Fetch")
    assert (write.template.fetches, write.template.writes, write.template.operation) == (False, True, "Delete")
    assert read.template.subject == "Person"


def test_an_instant_is_compared_in_the_form_it_is_stored(condition):
    instant = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert condition(lambda p: p.seen > instant, sqlite)[1] == ["2020-01-02 03:04:05.000000+00:00"]
    assert condition(lambda p: p.seen > instant, postgres)[1] == [instant]


def test_plain_columns_beside_aggregates_are_what_rows_are_grouped_by(people):
    query = people.select(lambda p: {"next": p.age + 1, "wealth": p.wealth, "all": p.shoes.sum() + 2, "n": count()})
    assert compile(query.order_by("-n", "next").select_statement(), postgres).sql == (
        'SELECT "person"."age" + CAST($1 AS bigint), "person"."wealth",'
        ' CAST(SUM("person"."shoes") AS bigint) + CAST($2 AS bigint), COUNT(*)'
        ' FROM "person" GROUP BY 1, 2 ORDER BY COUNT(*) DESC NULLS LAST, 1'
    )
    assert '"person"."wealth" COLLATE "ferro_decimal"' in compile(query.select_statement(), sqlite).sql
    assert "GROUP BY" not in compile(people.select(lambda p: p.age.max()).select_statement(), sqlite).sql
