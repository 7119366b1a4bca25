"""New rows, in SQL."""

from decimal import Decimal

import pytest

from ferro.dialects import postgres, sqlite
from ferro.query.compiler import compile
from ferro.query.ddl import create_table
from ferro.query.sources import Source
from ferro.query.statements import Conflict, Insert, OnConflict
from ferro.schema.table import Column, Table
from ferro.types import column_type


def test_several_rows_are_one_statement(people):
    key, name, age = people.table.columns[:3]
    statement = Insert(people.source, (name, age), [["Ann", 1], ["Bo", None]], returning=(key,))
    assert compile(statement, postgres).sql == (
        'INSERT INTO "person" ("name","age") VALUES ($1, $2),($3, $4) RETURNING "person"."id"'
    )
    assert compile(statement, sqlite).sql == (
        'INSERT INTO "person" ("name","age") VALUES (?, ?),(?, ?) RETURNING "person"."id"'
    )
    assert compile(statement, sqlite).params == ["Ann", 1, "Bo", None]


def test_values_are_converted_by_column(people):
    wealth, height = people.table.columns[4:6]
    statement = Insert(people.source, (wealth, height), [[Decimal("1.50"), 1.0], [None, 2.0], [Decimal(3), None]])
    assert compile(statement, sqlite).params == ["1.50", 1.0, None, 2.0, "3", None]


def test_a_conflict_overwrites_the_named_columns_or_nothing(people):
    key, name, age = people.table.columns[:3]

    def sql(conflict):
        return compile(Insert(people.source, (key, name, age), [[1, "a", 2]], (key,), conflict), postgres).sql

    start = 'INSERT INTO "person" ("id","name","age") VALUES ($1, $2, $3) ON CONFLICT'
    end = ' RETURNING "person"."id"'
    assert sql(Conflict(OnConflict.UPDATE, (key,), (name, age))) == (
        f'{start} ("id") DO UPDATE SET "name"=EXCLUDED."name","age"=EXCLUDED."age"{end}'
    )
    assert sql(Conflict(OnConflict.NOTHING, (key, name))) == f'{start} ("id", "name") DO NOTHING{end}'
    assert sql(Conflict(OnConflict.NOTHING)) == f"{start} DO NOTHING{end}"


def test_a_row_of_nothing_but_defaults(people):
    key = people.table.columns[:1]
    one = Insert(people.source, (), [[]], returning=key)
    assert compile(one, sqlite).sql == 'INSERT INTO "person" DEFAULT VALUES RETURNING "person"."id"'
    assert compile(one, postgres).sql == 'INSERT INTO "person" DEFAULT VALUES RETURNING "person"."id"'
    several = Insert(people.source, (), [[], [], []])
    assert compile(several, sqlite).sql == 'INSERT INTO "person" ("id") VALUES (NULL),(NULL),(NULL)'
    assert compile(several, postgres).sql == 'INSERT INTO "person" ("id") VALUES (DEFAULT),(DEFAULT),(DEFAULT)'


class Event:
    """Stands for a model class."""


@pytest.mark.parametrize("number", [1, 3])
def test_rows_of_defaults_arrive_on_both_databases(empty_database, number):
    columns = (
        Column("what", "what", column_type(str), default="it's"),
        Column("id", "id", column_type(int), primary_key=True, autoincrement=True),
    )
    table = Table("event", Event, columns)
    source = Source(table)
    for sql in create_table(table, empty_database.dialect):
        empty_database.fetch(sql, ())
    for conflict in (None, Conflict(OnConflict.NOTHING)):
        rows = empty_database.run(Insert(source, (), [[]] * number, table.columns, conflict))
        assert [row[0] for row in rows] == ["it's"] * number
    assert len({row[1] for row in rows}) == number


def test_an_alias_is_written_once(people):
    source = Source(people.table, "p")
    statement = Insert(source, people.table.columns[1:2], [["x"]], returning=people.table.columns[:1])
    assert compile(statement, sqlite).sql == ('INSERT INTO "person" AS "p" ("name") VALUES (?) RETURNING "p"."id"')
