"""Scopes, and deletion that can be taken back, as SQL."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ferro.dialects import postgres, sqlite
from ferro.errors import QueryError
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.row import scope_of
from ferro.query.sources import Source, source_of
from ferro.schema.table import Column, Table
from ferro.types import column_type


class Post:
    """Stands for a model class."""


POST = Table(
    "post",
    Post,
    (
        Column("id", "id", column_type(int), primary_key=True),
        Column("title", "title", column_type(str)),
        Column("changed", "changed_at", column_type(datetime), stamp="updated"),
        Column("deleted", "deleted_at", column_type(datetime), nullable=True, stamp="deleted"),
    ),
    scopes=(lambda p: p.title != "draft", lambda p: p.id > 0),
)


@pytest.fixture
def posts() -> QueryBase[Any]:
    return QueryBase(Post, POST)


def test_a_scope_is_about_the_source_it_is_asked_for():
    own = scope_of(POST, source_of(POST))
    assert list(map(repr, own)) == ["(post.deleted_at IS NULL)", "(post.title != 'draft')", "(post.id > 0)"]
    query = QueryBase(Post, POST, Source(POST, "other")).select("id")
    assert compile(query.select_statement(), sqlite).sql == (
        'SELECT "other"."id" FROM "post" AS "other" WHERE "other"."deleted" IS NULL AND "other"."title" <> ? '
        'AND "other"."id" > ?'
    )


def test_a_table_without_a_scope_has_no_conditions(people):
    assert scope_of(people.table, people.source) == ()


def test_deleting_is_an_update_that_stamps_the_row(posts):
    statement = compile(posts.where(lambda p: p.id == 7).soft_delete_statement(), postgres)
    assert statement.sql == (
        'UPDATE "post" SET "deleted"=$1,"changed"=$2 WHERE "post"."deleted" IS NULL AND "post"."title" <> $3 '
        'AND "post"."id" > $4 AND "post"."id" = $5'
    )
    deleted, changed, *conditions = statement.params
    assert conditions == ["draft", 0, 7]
    assert deleted <= changed <= datetime.now(UTC)


def test_without_its_scope_a_query_still_leaves_deleted_rows_as_they_are(posts):
    statement = compile(posts.unscoped().where(lambda p: p.id == 7).soft_delete_statement(), sqlite)
    assert statement.sql == (
        'UPDATE "post" SET "deleted"=?,"changed"=? WHERE "post"."id" = ? AND "post"."deleted" IS NULL'
    )


def test_restoring_looks_at_deleted_rows_and_keeps_to_the_rest_of_the_scope(posts):
    query = posts.where(lambda p: p.id == 7)
    assert compile(query.restore_statement(), sqlite).sql == (
        'UPDATE "post" SET "deleted"=?,"changed"=? WHERE "post"."deleted" IS NOT NULL AND "post"."title" <> ? '
        'AND "post"."id" > ? AND "post"."id" = ?'
    )
    assert compile(query.unscoped().restore_statement(), sqlite).sql == (
        'UPDATE "post" SET "deleted"=?,"changed"=? WHERE "post"."deleted" IS NOT NULL AND "post"."id" = ?'
    )


def test_an_update_stamps_the_row_unless_it_is_told_the_moment(posts):
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    changed = compile(posts.unscoped().update_statement(title="x"), sqlite)
    assert changed.sql == 'UPDATE "post" SET "title"=?,"changed"=?'
    told = compile(posts.unscoped().update_statement(title="x", changed_at=moment), postgres)
    assert (told.sql, list(told.params)) == ('UPDATE "post" SET "title"=$1,"changed"=$2', ["x", moment])


def test_deleting_and_restoring_change_all_rows_that_match(posts):
    for statement in (posts.limit(1).soft_delete_statement, posts.limit(1).restore_statement):
        with pytest.raises(
            QueryError, match=r"^(delete|restore)\(\) changes every row that matches and cannot keep to l"
        ):
            statement()
