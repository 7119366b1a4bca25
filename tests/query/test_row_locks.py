"""Row locks as text, and where they make no sense."""

from typing import Any

import pytest

from ferro import Field, Model, QueryError
from ferro.dialects import DIALECTS
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.functions import count
from ferro.schema.registry import table_of


class Job(Model):
    id: int | None = Field(default=None, primary_key=True)
    done: bool = False


class Other(Model):
    id: int | None = Field(default=None, primary_key=True)


def jobs() -> QueryBase[Job]:
    return QueryBase(Job, table_of(Job))


def sql(query: QueryBase[Any], dialect: str = "postgresql") -> str:
    return compile(query.select("id").limit(1).select_statement(), DIALECTS[dialect]).sql


@pytest.mark.parametrize(
    ("options", "clause"),
    [
        ({}, " FOR UPDATE"),
        ({"skip_locked": True}, " FOR UPDATE SKIP LOCKED"),
        ({"nowait": True}, " FOR UPDATE NOWAIT"),
        ({"of": Job}, ' FOR UPDATE OF "job"'),
        ({"of": [Job], "skip_locked": True}, ' FOR UPDATE OF "job" SKIP LOCKED'),
    ],
)
def test_postgresql_locks_the_rows_it_reads(options, clause):
    assert sql(jobs().for_update(**options)) == f'SELECT "job"."id" FROM "job" LIMIT $1{clause}'


def test_on_sqlite_a_transaction_has_the_whole_database():
    assert sql(jobs().for_update(skip_locked=True, of=Job), "sqlite") == 'SELECT "job"."id" FROM "job" LIMIT ?'
    with pytest.raises(
        QueryError, match=r"^for_update\(nowait=True\) cannot be kept on sqlite, where a transaction waits"
    ):
        sql(jobs().for_update(nowait=True), "sqlite")


def test_a_locking_read_counts_as_a_write():
    assert compile(jobs().for_update().select_statement(), DIALECTS["postgresql"]).template.writes
    assert not compile(jobs().select_statement(), DIALECTS["postgresql"]).template.writes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda q: q.for_update(skip_locked=True, nowait=True),
            "for_update() leaves out locked rows or raises on them: skip_locked=, or nowait=, not both",
        ),
        (
            lambda q: q.for_update(of=Other),
            "for_update(of=...) names Other, and this query reads the rows of Job",
        ),
        (lambda q: q.for_update().count_statement(), "count() locks no rows: leave out for_update()"),
        (lambda q: q.for_update().exists_statement(), "exists() locks no rows: leave out for_update()"),
        (lambda q: q.for_update().aggregate_statement("max", "id"), "max() locks no rows: leave out for_update()"),
        (
            lambda q: q.for_update().update_statement(done=True),
            "update() locks the rows it changes by itself: leave out for_update()",
        ),
        (lambda q: q.for_update().numbered(1, 5), "page() counts rows that others may change: leave out for_update()"),
        (
            lambda q: q.for_update().distinct().select_statement(),
            "distinct() makes one row of many, so for_update() has no single rows to lock: leave one out",
        ),
        (
            lambda q: q.for_update().select(lambda j: count()).select_statement(),
            "an aggregate makes one row of many, so for_update() has no single rows to lock: leave one out",
        ),
    ],
)
def test_locks_without_a_meaning_are_refused(call, message):
    with pytest.raises(QueryError) as caught:
        call(jobs())
    assert str(caught.value) == message
