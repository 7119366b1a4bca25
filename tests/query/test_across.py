"""Looking across relations: the joins and subqueries that dots become, and what is refused."""

from typing import Annotated, Any

import pytest

from ferro import BackRef, Check, Field, ForeignKey, ManyToMany, Model, ModelDefinitionError, Relation
from ferro.dialects import postgres, sqlite
from ferro.errors import QueryError, UnknownColumnError
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.functions import col, count
from ferro.query.subqueries import exists
from ferro.schema.registry import table_of


class Team(Model):
    id: int | None = Field(default=None, primary_key=True)
    city: str | None = None
    lead: Annotated["Author | None", ForeignKey(related_name="leads")] = None
    authors: Relation[list["Author"]] = BackRef()


class Author(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    team: Annotated[Team | None, ForeignKey(related_name="authors")] = None
    books: Relation[list["Book"]] = BackRef()
    leads: Relation[list[Team]] = BackRef()
    profile: "Profile" = BackRef()


class Profile(Model):
    id: int | None = Field(default=None, primary_key=True)
    bio: str
    author: Annotated[Author, ForeignKey(related_name="profile", unique=True)]


class Tag(Model):
    id: int | None = Field(default=None, primary_key=True)
    word: str
    books: Relation[list["Book"]] = BackRef()


class Book(Model):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    pages: int | None = None
    author: Annotated[Author, ForeignKey(related_name="books")]
    sequel_of: Annotated["Book | None", ForeignKey(related_name="sequels")] = None
    sequels: Relation[list["Book"]] = BackRef()
    tags: Relation[list[Tag]] = ManyToMany(related_name="books")


BOOK = '"book"."id", "book"."title", "book"."pages", "book"."author_id", "book"."sequel_of_id" FROM "book"'
TO_AUTHOR = ' JOIN "author" AS "book.author" ON "book.author"."id" = "book"."author_id"'
TO_TEAM = ' LEFT JOIN "team" AS "book.author.team" ON "book.author.team"."id" = "book.author"."team_id"'


@pytest.fixture
def books() -> QueryBase[Book]:
    return QueryBase(Book, table_of(Book))


@pytest.fixture
def authors() -> QueryBase[Author]:
    return QueryBase(Author, table_of(Author))


def both(query: QueryBase[Any]) -> tuple[str, str]:
    return tuple(compile(query.select_statement(), dialect).sql for dialect in (sqlite, postgres))


def on_sqlite(query: QueryBase[Any]) -> str:
    return both(query)[0]


def test_a_dot_joins_the_row_it_leads_to(books):
    assert both(books.where(lambda b: b.author.name == "Ann")) == (
        f'SELECT {BOOK}{TO_AUTHOR} WHERE "book.author"."name" = ?',
        f'SELECT {BOOK}{TO_AUTHOR} WHERE "book.author"."name" = $1',
    )


def test_a_row_is_not_lost_by_looking_at_what_it_may_not_lead_to(books):
    assert both(books.order_by(lambda b: b.author.team.city)) == (
        f'SELECT {BOOK}{TO_AUTHOR}{TO_TEAM} ORDER BY "book.author.team"."city" NULLS LAST',
        f'SELECT {BOOK}{TO_AUTHOR}{TO_TEAM} ORDER BY "book.author.team"."city"',
    )


def test_one_way_is_one_join_wherever_it_is_used(books):
    query = books.where(lambda b: (b.author.name == "Ann") | (b.author.team.city == "Rome"))
    query = query.order_by("-author.team.city", "author.name").select(lambda b: (b.title, b.author.name))
    assert on_sqlite(query) == (
        f'SELECT "book"."title", "book.author"."name" FROM "book"{TO_AUTHOR}{TO_TEAM} '
        'WHERE "book.author"."name" = ? OR "book.author.team"."city" = ? '
        'ORDER BY "book.author.team"."city" DESC, "book.author"."name"'
    )


def test_the_key_of_the_other_row_is_in_this_one(books):
    assert on_sqlite(books.where(lambda b: b.author.id == 3)) == f'SELECT {BOOK} WHERE "book"."author_id" = ?'


def test_a_relation_of_the_other_row_is_compared_by_its_key(books):
    team = Team(id=7)
    assert on_sqlite(books.where(lambda b: b.author.team == team)) == (
        f'SELECT {BOOK}{TO_AUTHOR} WHERE "book.author"."team_id" = ?'
    )
    assert on_sqlite(books.where(lambda b: b.author.team == None)).endswith('"book.author"."team_id" IS NULL')


def test_a_self_reference_is_followed_twice(books):
    assert on_sqlite(books.where(lambda b: b.sequel_of.sequel_of.title == b.title)) == (
        f'SELECT {BOOK} LEFT JOIN "book" AS "book.sequel_of" ON "book.sequel_of"."id" = "book"."sequel_of_id" '
        'LEFT JOIN "book" AS "book.sequel_of.sequel_of" '
        'ON "book.sequel_of.sequel_of"."id" = "book.sequel_of"."sequel_of_id" '
        'WHERE "book.sequel_of.sequel_of"."title" = "book"."title"'
    )


def test_a_one_to_one_relation_is_joined_from_its_other_side(authors):
    assert on_sqlite(authors.where(lambda a: a.profile.bio == "x")) == (
        'SELECT "author"."id", "author"."name", "author"."team_id" FROM "author" '
        'LEFT JOIN "profile" AS "author.profile" ON "author.profile"."author_id" = "author"."id" '
        'WHERE "author.profile"."bio" = ?'
    )
    assert on_sqlite(authors.where(lambda a: a.profile == None)).endswith('WHERE "author.profile"."id" IS NULL')


def test_a_name_that_is_too_long_for_postgresql_is_cut_and_stays_the_only_one(books):
    query = books.where(lambda b: b.sequel_of.sequel_of.sequel_of.sequel_of.sequel_of.sequel_of.sequel_of.title == "x")
    names = [part.split('"')[0] for part in on_sqlite(query).split(' AS "')[1:]]
    assert len(names) == len(set(names)) == 7
    assert max(map(len, names)) <= 63
    assert names[-1].startswith("book.sequel_of.sequel_of.sequel_of.sequel_of.s")


def test_join_leaves_out_the_rows_that_lead_nowhere(books):
    assert on_sqlite(books.join(lambda b: b.author.team)) == (f"SELECT {BOOK}{TO_AUTHOR}{TO_TEAM.replace('LEFT ', '')}")
    assert on_sqlite(books.join("author.team")) == on_sqlite(books.join(lambda b: b.author.team))


def test_left_join_keeps_what_is_joined_behind_it(books):
    query = books.left_join(lambda b: b.author).where(lambda b: b.author.team.lead.name == "Ann")
    assert on_sqlite(query) == (
        f'SELECT {BOOK}{TO_AUTHOR.replace(" JOIN", " LEFT JOIN")}{TO_TEAM} LEFT JOIN "author" AS "book.author.team.lead" '
        'ON "book.author.team.lead"."id" = "book.author.team"."lead_id" WHERE "book.author.team.lead"."name" = ?'
    )


def test_a_count_joins_only_what_decides_it(books):
    query = books.order_by("author.name").where(lambda b: b.sequel_of.title == "x")
    assert compile(query.count_statement(), sqlite).sql == (
        'SELECT COUNT(*) FROM "book" LEFT JOIN "book" AS "book.sequel_of" '
        'ON "book.sequel_of"."id" = "book"."sequel_of_id" WHERE "book.sequel_of"."title" = ?'
    )


def test_only_the_rows_of_the_query_are_locked(books):
    assert both(books.where(lambda b: b.author.name == "Ann").for_update())[1].endswith('$1 FOR UPDATE OF "book"')


def test_joined_rows_are_locked_where_they_are_asked_for(books):
    query = books.join("author.team").for_update(of=[Book, Team], skip_locked=True)
    assert both(query)[1].endswith('FOR UPDATE OF "book", "book.author.team" SKIP LOCKED')
    with pytest.raises(QueryError, match="names Team, and this query reads the rows of Book: join\\(\\) those of Team"):
        both(books.where(lambda b: b.author.team.city == "Rome").for_update(of=Team))


def test_groups_are_made_by_columns_of_other_rows(books):
    query = books.select(lambda b: (b.author.team.city, count())).having(lambda b: count() > 1)
    assert on_sqlite(query) == (
        f'SELECT "book.author.team"."city", COUNT(*) FROM "book"{TO_AUTHOR}{TO_TEAM} GROUP BY 1 HAVING COUNT(*) > ?'
    )


def test_changes_look_other_rows_up(books):
    update = books.where(lambda b: b.author.team.city == "Rome").update_statement(lambda b: {"title": b.author.name})
    assert compile(update, postgres).sql == (
        'UPDATE "book" SET "title"=(SELECT "book.author"."name" FROM "author" AS "book.author" '
        'WHERE "book.author"."id" = "book"."author_id") '
        'WHERE (SELECT "book.author.team"."city" FROM "author" AS "book.author" '
        'JOIN "team" AS "book.author.team" ON "book.author.team"."id" = "book.author"."team_id" '
        'WHERE "book.author"."id" = "book"."author_id") = $1'
    )
    assert compile(update, sqlite).sql == compile(update, postgres).sql.replace("$1", "?")
    delete = books.join("author.team").delete_statement()
    assert compile(delete, postgres).sql == (
        'DELETE FROM "book" WHERE EXISTS (SELECT 1 FROM "author" AS "book.author" '
        'JOIN "team" AS "book.author.team" ON "book.author.team"."id" = "book.author"."team_id" '
        'WHERE "book.author"."id" = "book"."author_id")'
    )


def test_an_update_that_reads_its_own_table_knows_all_its_values_before_it_changes_a_row_on_sqlite(books):
    update = books.where(lambda b: b.sequels.any()).update_statement(lambda b: {"title": b.sequel_of.title})
    chosen = '(SELECT "book.sequel_of"."title" FROM "book" AS "book.sequel_of" WHERE "book.sequel_of"."id" = "book"."sequel_of_id")'
    where = 'EXISTS (SELECT 1 FROM "book" AS "book_2" WHERE "book_2"."sequel_of_id" = "book"."id")'
    assert compile(update, postgres).sql == f'UPDATE "book" SET "title"={chosen} WHERE {where}'
    assert compile(update, sqlite).sql == (
        f'UPDATE "book" SET "title"="changed"."1" FROM (SELECT "book"."id" AS "0", {chosen} AS "1" FROM "book" '
        f'WHERE {where}) AS "changed" WHERE "book"."id" = "changed"."0"'
    )


def test_changed_rows_come_back_with_columns_of_others(books):
    update = books.select(lambda b: (b.id, b.author.name)).update_returning_statement((), {"title": "x"})
    assert compile(update, postgres).sql == (
        'UPDATE "book" SET "title"=$1 RETURNING "book"."id", (SELECT "book.author"."name" '
        'FROM "author" AS "book.author" WHERE "book.author"."id" = "book"."author_id")'
    )


def test_a_query_inside_another_has_joins_of_its_own(books, authors):
    older = authors.where(
        lambda a: exists(books.where(lambda b: (b.author == None) | (b.author.team.city == a.team.city)))
    )
    assert on_sqlite(older).endswith(
        'FROM "author" LEFT JOIN "team" AS "author.team" ON "author.team"."id" = "author"."team_id" '
        f'WHERE EXISTS (SELECT 1 FROM "book"{TO_AUTHOR}{TO_TEAM} WHERE "book"."author_id" IS NULL '
        'OR "book.author.team"."city" = "author.team"."city")'
    )


def test_a_query_under_an_alias_takes_its_joins_along(books):
    others = QueryBase(Book, table_of(Book)).where(lambda b: b.author.name == "Ann").join("sequel_of")
    query = books.where(lambda b: exists(others.where(lambda o: o.pages > b.pages)))
    assert on_sqlite(query) == (
        f'SELECT {BOOK} WHERE EXISTS (SELECT 1 FROM "book" AS "book_2" '
        'JOIN "book" AS "book_2.sequel_of" ON "book_2.sequel_of"."id" = "book_2"."sequel_of_id" '
        'JOIN "author" AS "book_2.author" ON "book_2.author"."id" = "book_2"."author_id" '
        'WHERE "book_2.author"."name" = ? AND "book_2"."pages" > "book"."pages")'
    )


# Collections.

OF_AUTHOR = '"book"."author_id" = "author"."id"'


def test_any_looks_for_a_row_at_the_other_end(authors):
    assert both(authors.where(lambda a: a.books.any(lambda b: b.pages > 300))) == (
        (
            'SELECT "author"."id", "author"."name", "author"."team_id" FROM "author" '
            f'WHERE EXISTS (SELECT 1 FROM "book" WHERE {OF_AUTHOR} AND "book"."pages" > ?)'
        ),
        (
            'SELECT "author"."id", "author"."name", "author"."team_id" FROM "author" '
            f'WHERE EXISTS (SELECT 1 FROM "book" WHERE {OF_AUTHOR} AND "book"."pages" > $1)'
        ),
    )
    assert on_sqlite(authors.where(lambda a: a.books.exists())).endswith(
        f'WHERE EXISTS (SELECT 1 FROM "book" WHERE {OF_AUTHOR})'
    )


def test_none_and_all_are_about_every_row(authors):
    assert on_sqlite(authors.where(lambda a: a.books.none(lambda b: b.pages > 300))).endswith(
        f'WHERE NOT EXISTS (SELECT 1 FROM "book" WHERE {OF_AUTHOR} AND "book"."pages" > ?)'
    )
    assert on_sqlite(authors.where(lambda a: a.books.all(lambda b: b.pages > 300))).endswith(
        f'WHERE NOT EXISTS (SELECT 1 FROM "book" WHERE {OF_AUTHOR} AND ("book"."pages" > ?) IS NOT TRUE)'
    )


def test_what_a_collection_comes_to_is_a_value(authors):
    query = authors.where(lambda a: a.books.count() > 3).order_by(lambda a: a.books.max("pages").desc())
    query = query.select(lambda a: (a.name, a.books.sum(lambda b: b.pages), a.books.count(lambda b: b.pages == None)))
    assert both(query)[1] == (
        f'SELECT "author"."name", (SELECT CAST(SUM("book"."pages") AS bigint) FROM "book" WHERE {OF_AUTHOR}), '
        f'(SELECT COUNT(*) FROM "book" WHERE {OF_AUTHOR} AND "book"."pages" IS NULL) FROM "author" '
        f'WHERE (SELECT COUNT(*) FROM "book" WHERE {OF_AUTHOR}) > $1 '
        f'ORDER BY (SELECT MAX("book"."pages") FROM "book" WHERE {OF_AUTHOR}) DESC NULLS LAST'
    )


def test_links_are_followed_through_their_table(books):
    assert on_sqlite(books.where(lambda b: b.tags.any(lambda t: t.word == b.title))).endswith(
        'WHERE EXISTS (SELECT 1 FROM "tag" JOIN "book_tags" ON "book_tags"."tag_id" = "tag"."id" '
        'WHERE "book_tags"."book_id" = "book"."id" AND "tag"."word" = "book"."title")'
    )
    tag = Tag(id=5, word="x")
    assert on_sqlite(books.where(lambda b: b.tags.contains(tag))).endswith(
        'WHERE "book_tags"."book_id" = "book"."id" AND "tag"."id" = ?)'
    )


def test_collections_nest_and_the_rows_around_may_be_used(authors):
    query = authors.where(
        lambda a: a.books.any(lambda b: b.sequels.any(lambda s: (s.author.name == a.name) & (s.pages < b.pages)))
    )
    assert on_sqlite(query).endswith(
        f'WHERE EXISTS (SELECT 1 FROM "book" WHERE {OF_AUTHOR} AND EXISTS (SELECT 1 FROM "book" AS "book_2" '
        'JOIN "author" AS "book_2.author" ON "book_2.author"."id" = "book_2"."author_id" '
        'WHERE "book_2"."sequel_of_id" = "book"."id" AND ("book_2.author"."name" = "author"."name" '
        'AND "book_2"."pages" < "book"."pages")))'
    )


def test_a_collection_of_a_joined_row_is_asked_from_there(books):
    assert on_sqlite(books.where(lambda b: b.author.books.count() > 1)) == (
        f"SELECT {BOOK}{TO_AUTHOR} WHERE "
        '(SELECT COUNT(*) FROM "book" AS "book_2" WHERE "book_2"."author_id" = "book.author"."id") > ?'
    )


def test_col_shows_a_collection_of_another_row_to_checkers(books):
    assert on_sqlite(books.where(lambda b: col(b.author.books).count() > 1)) == on_sqlite(
        books.where(lambda b: b.author.books.count() > 1)
    )


def test_a_collection_can_be_narrowed(authors):
    thick = authors.where(lambda a: a.books.where(lambda b: b.pages > 300).where(Book.title != "x").count() == 2)
    assert on_sqlite(thick).endswith(
        f'(SELECT COUNT(*) FROM "book" WHERE {OF_AUTHOR} AND "book"."pages" > ? AND "book"."title" <> ?) = ?'
    )


def test_operators_on_the_class_reach_as_far(books):
    assert on_sqlite(books.where(Book.author.name == "Ann")).endswith(f'{TO_AUTHOR} WHERE "book.author"."name" = ?')


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda q: q.where(lambda b: b.author.nmae == "x"),
            "author has no column 'nmae'; did you mean 'name'? its columns are id, name, team_id",
        ),
        (lambda q: q.where(lambda b: b.auhtor.name == "x"), "book has no column 'auhtor'; did you mean 'author'?"),
        (
            lambda q: q.where(lambda b: b.tags.word == "x"),
            (
                "Book.tags leads to many rows, and has no 'word': ask tags.any(lambda x: ...), all, none, count, sum, avg, "
                "min or max, such as tags.max(lambda x: x.word)"
            ),
        ),
        (
            lambda q: q.where(lambda b: b.tags == []),
            (
                "Book.tags leads to many rows, and is no value to be compared: ask tags.any(lambda x: ...), all, none, "
                "contains(instance), or tags.count()"
            ),
        ),
        (
            lambda q: q.where(lambda b: b.tags.any(lambda t: True)),
            "tags.where() expects a condition such as lambda b: b.pages > 300, got True",
        ),
        (
            lambda q: q.where(lambda b: b.author > 3),
            (
                "Book.author is a relation: compare it by == and != with an instance or None, or one of its columns, "
                "such as author.id"
            ),
        ),
        (lambda q: q.select(lambda b: (b.title, b.author)), "Book.author is a whole row: name one of its columns"),
        (lambda q: q.join(lambda b: b.tags), "join() goes along a relation to one row, and Book.tags leads to many"),
        (lambda q: q.join(lambda b: b.title), "join() takes a relation, such as lambda b: b.author, got book.title"),
        (lambda q: q.join(), "join() needs a relation: join(lambda b: b.author)"),
        (
            lambda q: q.join("author").left_join("author"),
            "book.author is joined already, the other way: call join() or left_join() for it once",
        ),
        (
            lambda q: q.order_by("author"),
            "Book.author is a relation, not a column: name one of the columns it leads to, as in 'author.id'",
        ),
        (lambda q: q.order_by("title.x"), "'title.x' does not lead to a column: book.title has no 'x'"),
        (lambda q: q.order_by("author.team"), "'author.team' leads to a relation: name one of its columns"),
    ],
)
def test_mistakes_are_told_while_the_query_is_built(books, build, message):
    with pytest.raises((QueryError, UnknownColumnError)) as raised:
        build(books)
    assert str(raised.value).startswith(message)


def test_a_check_looks_at_its_own_row_only():
    with pytest.raises(
        ModelDefinitionError, match="book leads to other rows, and only the columns of this one can be used"
    ):

        class Copy(Model):
            id: int | None = Field(default=None, primary_key=True)
            book: Annotated[Book, ForeignKey(related_name="copies")]
            __ferro_checks__ = (Check("pages", lambda c: col(c.book.pages) > 0),)


def test_lists_of_names_and_patterns_stay_values(books):
    hostile = 'x\' OR "1"="1'
    neutral = on_sqlite(books.where(lambda b: b.author.team.city.ilike("x")))
    assert on_sqlite(books.where(lambda b: b.author.team.city.ilike(hostile))) == neutral
    with pytest.raises(UnknownColumnError):
        books.order_by(f"author.{hostile}")
    with pytest.raises(UnknownColumnError):
        books.join(f"author.{hostile}")


def test_a_row_that_is_linked_twice_is_counted_once():
    class Visit(Model):
        id: int | None = Field(default=None, primary_key=True)
        guest: Annotated["Guest", ForeignKey()]
        house: Annotated["House", ForeignKey()]

    class House(Model):
        id: int | None = Field(default=None, primary_key=True)
        guests: Relation[list["Guest"]] = ManyToMany(related_name="houses", through=Visit)

    class Guest(Model):
        id: int | None = Field(default=None, primary_key=True)
        houses: Relation[list[House]] = BackRef()

    assert on_sqlite(QueryBase(House, table_of(House)).select(lambda h: h.guests.count())) == (
        'SELECT (SELECT COUNT(*) FROM "guest" WHERE EXISTS (SELECT 1 FROM "visit" '
        'WHERE "visit"."guest_id" = "guest"."id" AND "visit"."house_id" = "house"."id")) FROM "house"'
    )
