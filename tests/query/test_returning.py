"""UPDATE and DELETE with RETURNING, as text."""

from typing import Any

import pytest

from ferro import Field, Model, QueryError
from ferro.dialects import DIALECTS
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.functions import count
from ferro.schema.registry import table_of


class Crate(Model):
    id: int | None = Field(default=None, primary_key=True)
    weight: int = 0


def crates() -> QueryBase[Crate]:
    return QueryBase(Crate, table_of(Crate))


def test_whole_rows_come_back_by_column():
    found = crates().where(lambda c: c.id > 1).update_returning_statement((), {"weight": 5})
    assert compile(found, DIALECTS["sqlite"]).sql == (
        'UPDATE "crate" SET "weight"=? WHERE "crate"."id" > ? RETURNING "crate"."id", "crate"."weight"'
    )
    found = compile(crates().delete_returning_statement(), DIALECTS["postgresql"])
    assert found.sql == 'DELETE FROM "crate" RETURNING "crate"."id", "crate"."weight"'
    assert found.template.fetches
    assert found.template.writes


def test_selected_expressions_come_back_with_their_values_last():
    query = crates().where(lambda c: c.id > 1).select(lambda c: (c.id, c.weight + 7))
    found = compile(query.update_returning_statement((lambda c: {"weight": c.weight + 2},), {}), DIALECTS["postgresql"])
    assert found.sql == (
        'UPDATE "crate" SET "weight"="crate"."weight" + CAST($1 AS bigint) WHERE "crate"."id" > $2 '
        'RETURNING "crate"."id", "crate"."weight" + CAST($3 AS bigint)'
    )
    assert list(found.params) == [2, 1, 7]


def test_what_is_selected_decides_the_statement():
    one = compile(crates().select("id").delete_returning_statement(), DIALECTS["sqlite"]).sql
    other = compile(crates().select("weight").delete_returning_statement(), DIALECTS["sqlite"]).sql
    assert one == 'DELETE FROM "crate" RETURNING "crate"."id"'
    assert other == 'DELETE FROM "crate" RETURNING "crate"."weight"'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda q: q.distinct(), "delete_returning() gives back every row it changed: leave out distinct()"),
        (
            lambda q: q.select(lambda c: count()),
            "delete_returning() gives back every row it changed: leave out an aggregate",
        ),
        (
            lambda q: q.order_by("id"),
            "delete_returning() gives the rows back in no order: leave out order_by(), and sort what comes back",
        ),
        (
            lambda q: q.limit(1),
            (
                "delete() changes every row that matches and cannot keep to limit(1): select the keys first, and give "
                "them to in_()"
            ),
        ),
    ],
)
def test_what_the_statement_cannot_keep_is_refused(change: Any, message: str):
    with pytest.raises(QueryError) as caught:
        change(crates()).delete_returning_statement()
    assert str(caught.value) == message
