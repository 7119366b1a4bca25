"""What a stream reads, before any database is asked."""

import pytest

from ferro import Field, ModelBase
from ferro.dialects import postgres, sqlite
from ferro.drivers.cursors import PostgresCursor, Store
from ferro.errors import OptionError, QueryError
from ferro.operations import stream
from ferro.query.builder import QueryBase
from ferro.query.dialect import Result
from ferro.schema.registry import table_of


class Leaf(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    name: str


def leaves() -> QueryBase[Leaf]:
    return QueryBase(Leaf, table_of(Leaf))


def test_a_source_is_the_statement_of_all_and_what_makes_instances():
    source = stream.source(leaves().where(lambda leaf: leaf.id > 3), postgres)
    assert source.statement.sql == 'SELECT "leaf"."id", "leaf"."name" FROM "leaf" WHERE "leaf"."id" > $1'
    assert source.statement.params == [3]
    assert source.load(Result([(4, "oak")], 1)) == [Leaf(id=4, name="oak")]


def test_a_source_of_raw_sql_gives_dicts():
    source = stream.raw_source("SELECT id, name FROM leaf WHERE id > ?", [3], sqlite)
    assert (source.statement.sql, source.statement.params) == ("SELECT id, name FROM leaf WHERE id > ?", [3])
    assert source.load(Result([(4, "oak")], 1, ("id", "name"))) == [{"id": 4, "name": "oak"}]


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("INSERT INTO leaf VALUES (1, 'oak') RETURNING id", "INSERT"),
        ("SHOW timezone", "SHOW"),
        ("/* why */ explain SELECT 1", "EXPLAIN"),
        ("WITH gone AS (DELETE FROM leaf RETURNING id) SELECT * FROM gone", "WITH"),
    ],
)
def test_what_no_cursor_can_be_opened_for_is_named(sql, word):
    with pytest.raises(QueryError, match=f"^stream\\(\\) reads the rows of a SELECT, and this begins with {word} or"):
        stream.raw_source(sql, [], postgres)


def test_what_a_stream_cannot_keep_is_refused():
    with pytest.raises(QueryError, match=r"locks nothing: leave out for_update\(\), or use all\(\)"):
        stream.source(leaves().for_update(), postgres)
    with pytest.raises(QueryError, match=r"^before\(\) with a limit reads its rows from the last to the first"):
        stream.source(leaves().order_by("id").before((3,)).limit(2), postgres)


def test_a_chunk_is_at_least_one_row():
    assert stream.check_chunk(1) == 1
    with pytest.raises(OptionError, match="chunk is 0; it is a number of rows, at least 1"):
        stream.check_chunk(0)


def test_a_cursor_on_the_server_is_two_statements():
    statement = stream.source(leaves().where(lambda leaf: leaf.name == "oak"), postgres).statement
    cursor = PostgresCursor(statement, 50, "ferro_stream_7")
    assert cursor.declare.sql == (
        'DECLARE "ferro_stream_7" NO SCROLL CURSOR FOR '
        'SELECT "leaf"."id", "leaf"."name" FROM "leaf" WHERE "leaf"."name" = $1'
    )
    assert cursor.declare.params == ["oak"]
    assert (cursor.fetch.sql, cursor.fetch.params) == ('FETCH FORWARD 50 FROM "ferro_stream_7"', ())


def test_what_is_set_aside_comes_back_in_order_and_exactly():
    store = Store()
    rows = [(1, -(2**63), 0.1, "😀 ü", b"\x00\xff", None), (2, 2**63 - 1, float("inf"), "", b"", None)]
    store.write(rows)
    assert store.read() == rows
    store.write([(3, "x" * 5_000_000)])
    store.write([(4,)])
    assert [store.read(), store.read(), store.read(), store.read()] == [[(3, "x" * 5_000_000)], [(4,)], [], []]
    store.close()
