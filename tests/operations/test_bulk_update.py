"""bulk_update as statements, and what it refuses."""

import pytest

from ferro import Field, Model, QueryError
from ferro.dialects import postgres, sqlite
from ferro.instance.marks import mark_saved
from ferro.operations import bulk, bulk_create
from ferro.operations.steps import Atomic


class Crate(Model):
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(default="", db_type="varchar(3)")
    weight: int | None = None


class Parcel(Model):
    id: int | None = Field(default=None, primary_key=True)
    weight: int = 0
    version: int = Field(version=True)


class Keyless(Model):
    weight: int = 0


def crate(id: int, **values: object) -> Crate:
    made = Crate(id=id, **values)
    mark_saved(made)
    return made


def test_one_statement_writes_the_changed_columns_of_many_rows():
    crates = [crate(at) for at in (1, 2)]
    for one in crates:
        one.weight = one.id
    operation = bulk.bulk_update(Crate, crates, sqlite)
    assert isinstance(operation, Atomic)
    statement = next(operation.steps)
    assert statement.sql == (
        'UPDATE "crate" SET "weight"="ferro_new".column2 FROM (VALUES (?, ?), (?, ?)) AS "ferro_new" '
        'WHERE "crate"."id" = "ferro_new".column1 RETURNING "crate"."id"'
    )
    assert list(statement.params) == [1, 1, 2, 2]


def test_postgresql_is_told_the_types_and_no_sizes():
    crates = [crate(at) for at in (1, 2)]
    statement = next(bulk.bulk_update(Crate, crates, postgres, ["code"]).steps)
    assert statement.sql == (
        'UPDATE "crate" SET "code"="ferro_new".column2 FROM (VALUES (CAST($1 AS bigint), CAST($2 AS varchar)), ($3, $4)) '
        'AS "ferro_new" WHERE "crate"."id" = "ferro_new".column1 RETURNING "crate"."id"'
    )


def test_a_version_is_compared_and_counted_by_the_statement():
    parcel = Parcel(id=1, version=7)
    mark_saved(parcel)
    parcel.weight = 5
    statement = next(bulk.bulk_update(Parcel, [parcel], sqlite).steps)
    assert statement.sql == (
        'UPDATE "parcel" SET "weight"="ferro_new".column3, "version"="parcel"."version" + 1 '
        'FROM (VALUES (?, ?, ?)) AS "ferro_new" WHERE "parcel"."id" = "ferro_new".column1 '
        'AND "parcel"."version" = "ferro_new".column2 RETURNING "parcel"."id"'
    )
    assert list(statement.params) == [1, 7, 5]


def test_rows_with_other_changes_go_in_other_statements(database):
    database.create(Crate)
    crates = [Crate(id=at) for at in range(1, 5)]
    database.run(bulk_create.bulk_create(Crate, crates, sqlite))
    for one in crates[:2]:
        one.weight = 1
    crates[2].code = "x"
    database.statements.clear()
    assert database.run(bulk.bulk_update(Crate, crates, sqlite)) == 3
    assert len(database.sent) == 2
    assert database.rows("SELECT id, code, weight FROM crate") == [
        (1, "", 1),
        (2, "", 1),
        (3, "x", None),
        (4, "", None),
    ]
    assert database.run(bulk.bulk_update(Crate, crates, sqlite)) == 0
    assert database.sent == []


def test_many_rows_are_sent_in_chunks(database):
    database.create(Crate)
    crates = [Crate(id=at) for at in range(1, 1251)]
    database.run(bulk_create.bulk_create(Crate, crates, sqlite))
    for one in crates:
        one.weight = -(one.id or 0)
    database.statements.clear()
    assert database.run(bulk.bulk_update(Crate, iter(crates), sqlite)) == 1250
    assert len(database.sent) == 3
    assert database.rows("SELECT count(*) FROM crate WHERE weight = -id") == [(1250,)]


def changed_key() -> Crate:
    made = crate(1)
    made.id = 2
    return made


def counted() -> Parcel:
    made = Parcel(id=1)
    mark_saved(made)
    made.version = 9
    return made


def empty() -> Crate:
    made = crate(1)
    made.code = None  # type: ignore[assignment]
    return made


@pytest.mark.parametrize(
    ("model", "instances", "fields", "message"),
    [
        (Crate, [Parcel()], None, "bulk_update() of Crate got a Parcel at position 0"),
        (Crate, [crate(1), Crate(id=2)], None, "the Crate at position 1 is new: bulk_create() inserts it"),
        (Crate, [crate(1), crate(1)], None, "bulk_update() got Crate 1 more than once: one row is written once"),
        (Crate, [crate(1)], "code", "fields= takes a list of field names, not a str: fields=['code']"),
        (Crate, [crate(1)], [], "fields= is empty: name at least one field, or leave it out to write what changed"),
        (
            Crate,
            [crate(1)],
            ["cod"],
            "crate has no column 'cod'; did you mean 'code'? its columns are id, code, weight",
        ),
        (
            Crate,
            [changed_key()],
            None,
            "bulk_update() finds rows by their primary keys and cannot change Crate.id: save() can",
        ),
        (Crate, [empty()], None, "Crate.code cannot be None: the column is not nullable"),
        (Parcel, [counted()], None, "Parcel.version counts the versions of a row: leave it to the database"),
        (Parcel, [], ["version"], "Parcel.version counts the versions of a row: leave it to the database"),
        (
            Keyless,
            [],
            None,
            (
                "Model Keyless does not define a primary key, so nothing tells which row to update: give it one, or use "
                "where() with update() or delete()"
            ),
        ),
    ],
)
def test_what_cannot_be_written_is_refused_before_a_statement(model, instances, fields, message):
    with pytest.raises(QueryError) as caught:
        bulk.bulk_update(model, instances, sqlite, fields)
    assert str(caught.value) == message
