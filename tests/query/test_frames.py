"""Rows as texts: what PostgreSQL is asked for when its answer becomes a frame."""

from datetime import datetime
from decimal import Decimal

from ferro import Field, ModelBase, count
from ferro.dialects import postgres, sqlite
from ferro.operations import frames
from ferro.query.builder import QueryBase
from ferro.schema.registry import table_of


class Reading(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    value: Decimal
    made: datetime
    raw: bytes


def query() -> QueryBase[Reading]:
    return QueryBase(Reading, table_of(Reading))


def test_what_arrow_reads_is_one_text_and_the_rest_stands_beside_it():
    framing = frames.of_query(query().where(lambda r: r.value > 1).order_by("name"), frames.ARROW, postgres)
    assert framing.statement.sql == (
        'SELECT CAST(ROW(0, "c1", "c2", "c3", CAST("c4" AS timestamptz), 0) AS text), "c5" FROM ('
        'SELECT "reading"."id", "reading"."name", "reading"."value", "reading"."made", "reading"."raw" FROM "reading" '
        'WHERE "reading"."value" > $1 ORDER BY "reading"."name") AS "framed"("c1", "c2", "c3", "c4", "c5")'
    )
    assert framing.statement.params == [Decimal(1)]


def test_a_column_that_arrow_cannot_read_stays_what_it_is():
    framing = frames.of_query(query().select("raw"), frames.ARROW, postgres)
    assert framing.statement.sql == 'SELECT "reading"."raw" FROM "reading"'


def test_on_sqlite_the_statement_is_that_of_the_rows():
    chosen = query().select(lambda r: (r.name, count()))
    framing = frames.of_query(chosen, frames.ARROW, sqlite)
    assert framing.statement.sql == 'SELECT "reading"."name", COUNT(*) FROM "reading" GROUP BY 1'


def test_one_shape_of_statement_has_one_template():
    texts = [frames.of_query(query().limit(n), frames.ARROW, postgres).statement.template for n in (1, 2)]
    assert texts[0] is texts[1]
