"""Making tables."""

from ferro.dialects import postgres, sqlite
from ferro.fields import Field
from ferro.model import ModelBase
from ferro.operations.schema import create_tables
from ferro.operations.steps import Atomic
from ferro.schema.registry import table_of


class Shelf(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(index=True)


def test_a_table_and_its_indexes_are_made_whole_or_not_at_all():
    made = create_tables([table_of(Shelf)], sqlite)
    assert isinstance(made, Atomic)
    statements = list(made.steps)
    assert [statement.sql.split(" (")[0] for statement in statements] == [
        'CREATE TABLE IF NOT EXISTS "shelf"',
        'CREATE INDEX IF NOT EXISTS "idx_shelf_code" ON "shelf"',
    ]
    assert {(s.template.operation, s.template.subject, s.template.writes) for s in statements} == {
        ("Create table", "Shelf", True)
    }


def test_on_postgresql_programs_that_start_together_wait_for_each_other():
    first, *_ = create_tables([table_of(Shelf)], postgres).steps
    again, *_ = create_tables([table_of(Shelf)], postgres).steps
    assert first.sql == "SELECT pg_advisory_xact_lock($1)"
    assert first.params == again.params


def test_no_tables_are_no_statements():
    assert list(create_tables([], postgres).steps) == []


def test_creating_twice_leaves_the_table_alone(database):
    database.create(Shelf)
    database.raw.execute("INSERT INTO shelf (code) VALUES ('A1')")
    database.create(Shelf)
    assert database.rows("SELECT id, code FROM shelf") == [(1, "A1")]


def test_of_two_models_of_one_table_the_last_one_wins(database):
    class Box(ModelBase):
        id: int | None = Field(default=None, primary_key=True)

    old = Box

    class Box(ModelBase):
        id: int | None = Field(default=None, primary_key=True)
        colour: str

    database.create(old, Box)
    assert [row[1] for row in database.rows("PRAGMA table_info(box)")] == ["id", "colour"]
