# Generated from tests/_async/test_trees.py by scripts/unasync.py: edit that file, never this one.
"""Walks along a self-reference: what they send, and the rows they come to."""

from typing import Annotated

import pytest

from ferro.sync import (
    BackRef,
    Database,
    Field,
    ForeignKey,
    Model,
    QueryError,
    Relation,
    count,
    depth,
    exists,
)


class Topic(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    parent: Annotated["Topic | None", ForeignKey(related_name="parts")] = None
    parts: Relation[list["Topic"]] = BackRef()
    author: Annotated["Writer | None", ForeignKey(related_name="topics")] = None


class Writer(Model):
    id: int | None = Field(default=None, primary_key=True)
    topics: Relation[list["Topic"]] = BackRef()


class Place(Model):
    land: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    within: Annotated["Place | None", ForeignKey(related_name="parts")] = None
    parts: Relation[list["Place"]] = BackRef()


#     1 root ── 2 a ── 4 aa ── 5 aaa          7 island
#            └─ 3 b ── 6 ba
TOPICS = [("root", None), ("a", 1), ("b", 1), ("aa", 2), ("aaa", 4), ("ba", 3), ("island", None)]


@pytest.fixture
def topics(database: Database) -> Database:
    database.create_tables(Topic, Writer, Place)
    database.bulk_create(
        Topic, [Topic(id=at, name=name, parent_id=above) for at, (name, above) in enumerate(TOPICS, 1)]
    )
    return database


def test_a_walk_down_needs_no_memory():
    query = Topic.query().descendants(of=1, along=lambda t: t.parent, max_depth=2).select(lambda t: (t.id, depth(t)))
    rendered = query.sql("postgresql")
    assert (rendered.sql, rendered.params) == (
        (
            'SELECT "topic"."id", "topic.walk"."depth" FROM "topic" JOIN ('
            'WITH RECURSIVE "topic.roots"("key1") AS (SELECT "topic"."id" FROM "topic" WHERE "topic"."id" = ANY($1)), '
            '"topic.tree"("key1", "depth") AS (SELECT "topic.roots"."key1", 0 FROM "topic.roots" UNION ALL '
            'SELECT "topic.row"."id", "topic.tree"."depth" + 1 FROM "topic.tree" '
            'JOIN "topic" AS "topic.row" ON "topic.row"."parent_id" = "topic.tree"."key1" '
            'WHERE NOT EXISTS (SELECT 1 FROM "topic.roots" WHERE "topic.roots"."key1" = "topic.row"."id") '
            'AND "topic.tree"."depth" < $2) '
            'SELECT "topic.tree"."key1" AS "key1", "topic.tree"."depth" AS "depth" FROM "topic.tree" '
            'WHERE "topic.tree"."depth" > 0) AS "topic.walk" ON "topic.walk"."key1" = "topic"."id"'
        ),
        ([1], 2),
    )


def test_a_walk_up_remembers_one_row():
    query = Topic.query().ancestors(of=[5, 6], along=lambda t: t.parts, include_roots=True).select(lambda t: t.id)
    rendered = query.sql("sqlite")
    assert (rendered.sql, rendered.params) == (
        (
            'SELECT "topic"."id" FROM "topic" JOIN ('
            'WITH RECURSIVE "topic.roots"("key1") AS (SELECT "topic"."id" FROM "topic" WHERE "topic"."id" IN (?, ?)), '
            '"topic.tree"("key1", "up1", "seen1", "depth") AS ('
            'SELECT "topic.row"."id", "topic.row"."parent_id", "topic.row"."id", 0 FROM "topic.roots" '
            'JOIN "topic" AS "topic.row" ON "topic.roots"."key1" = "topic.row"."id" UNION ALL '
            'SELECT "topic.row"."id", "topic.row"."parent_id", CASE WHEN ("topic.tree"."depth" & ("topic.tree"."depth" '
            '- 1)) = 0 THEN "topic.tree"."key1" ELSE "topic.tree"."seen1" END, "topic.tree"."depth" + 1 '
            'FROM "topic.tree" JOIN "topic" AS "topic.row" ON "topic.row"."id" = "topic.tree"."up1" '
            'WHERE NOT ("topic.row"."id" = CASE WHEN ("topic.tree"."depth" & ("topic.tree"."depth" - 1)) = 0 '
            'THEN "topic.tree"."key1" ELSE "topic.tree"."seen1" END)) '
            'SELECT "topic.tree"."key1" AS "key1", MIN("topic.tree"."depth") AS "depth" FROM "topic.tree" '
            'GROUP BY 1) AS "topic.walk" ON "topic.walk"."key1" = "topic"."id"'
        ),
        (5, 6),
    )


def test_the_rows_below_one(topics):
    root = topics.get(Topic, 1)
    below = topics.query(Topic).descendants(of=root, along=lambda t: t.parent)
    found = below.order_by(lambda t: (depth(t), t.name)).all()
    assert [topic.name for topic in found] == ["a", "b", "aa", "ba", "aaa"]
    assert all(isinstance(topic, Topic) for topic in found)
    assert below.count() == 5
    assert below.where(lambda t: depth(t) > 1).select(lambda t: (t.name, depth(t))).order_by("name").all() == [
        ("aa", 2),
        ("aaa", 3),
        ("ba", 2),
    ]
    assert below.select(lambda t: {"depth": depth(t), "topics": count()}).order_by("depth").all() == [
        {"depth": 1, "topics": 2},
        {"depth": 2, "topics": 2},
        {"depth": 3, "topics": 1},
    ]


def test_the_rows_above_one(topics):
    above = topics.query(Topic).ancestors(of=5, along=lambda t: t.parent).order_by(depth)
    assert [topic.name for topic in above.all()] == ["aa", "a", "root"]
    assert [topic.name for topic in above.stream()] == ["aa", "a", "root"]
    assert above.first().name == "aa"
    assert topics.query(Topic).ancestors(of=7, along=lambda t: t.parent).exists() is False


def test_many_roots_and_how_far(topics):
    def walk(**options):
        query = topics.query(Topic).descendants(along=lambda t: t.parts, **options)
        return query.select(lambda t: (t.id, depth(t))).order_by("id").all()

    assert walk(of=[1, 2]) == [(3, 1), (4, 1), (5, 2), (6, 2)]
    assert walk(of=[2, 3], include_roots=True) == [(2, 0), (3, 0), (4, 1), (5, 2), (6, 1)]
    assert walk(of=1, max_depth=1) == [(2, 1), (3, 1)]
    assert walk(of=1, max_depth=0, include_roots=True) == [(1, 0)]
    assert walk(of=[]) == []
    assert walk(of=[99]) == []
    named = topics.query(Topic).where(lambda t: t.name.startswith("a"))
    assert walk(of=named.order_by("-id").limit(2)) == []
    assert walk(of=named, include_roots=True) == [(2, 0), (4, 0), (5, 0)]
    assert walk(of=named.distinct()) == []
    leaves = topics.query(Topic).descendants(of=1, along=lambda t: t.parent, max_depth=1)
    assert walk(of=leaves) == [(4, 1), (5, 2), (6, 1)]
    assert walk(of=topics.query(Topic).where(lambda t: t.id == 2).union(leaves)) == [(4, 1), (5, 2), (6, 1)]


def test_a_circle_ends(topics):
    topics.query(Topic).where(lambda t: t.id == 1).update(parent_id=5)
    ring = topics.query(Topic)
    below = ring.descendants(of=2, along=lambda t: t.parent).select(lambda t: (t.id, depth(t)))
    assert below.order_by("id").all() == [(1, 3), (3, 4), (4, 1), (5, 2), (6, 5)]
    above = ring.ancestors(of=6, along=lambda t: t.parent).select(lambda t: (t.id, depth(t)))
    assert above.order_by("id").all() == [(1, 2), (2, 5), (3, 1), (4, 4), (5, 3)]
    topics.query(Topic).where(lambda t: t.id == 7).update(parent_id=7)
    assert ring.ancestors(of=7, along=lambda t: t.parent).all() == []
    assert ring.descendants(of=7, along=lambda t: t.parent, include_roots=True).count() == 1


def test_a_key_may_have_several_columns(topics):
    topics.bulk_create(Place, [Place(land="de", number=1), Place(land="at", number=1)])
    topics.bulk_create(
        Place,
        [
            Place(land="de", number=2, within_land="de", within_number=1),
            Place(land="at", number=2, within_land="de", within_number=2),
        ],
    )
    first = topics.get(Place, ("de", 1))
    below = topics.query(Place).descendants(of=[first, ("at", 1)], along=lambda p: p.within)
    assert below.select(lambda p: (p.land, p.number, depth(p))).order_by("land").all() == [
        ("at", 2, 2),
        ("de", 2, 1),
    ]
    above = topics.query(Place).ancestors(of=("at", 2), along=lambda p: p.within)
    assert above.select(lambda p: (p.land, p.number, depth(p))).order_by("number").all() == [
        ("de", 1, 2),
        ("de", 2, 1),
    ]


def test_a_row_that_a_query_gives_twice_is_one_to_begin_with(topics):
    root = topics.query(Topic).where(lambda t: t.name == "root")
    twice = root.union_all(root)
    assert twice.count() == 2
    below = topics.query(Topic).descendants(of=twice, along=lambda t: t.parent, include_roots=True)
    assert [topic.name for topic in below.order_by("id").all()] == ["root", "a", "b", "aa", "aaa", "ba"]
    assert below.count() == 6
    above = topics.query(Topic).ancestors(of=twice, along=lambda t: t.parent, include_roots=True)
    assert [topic.name for topic in above.all()] == ["root"]
    topics.bulk_create(
        Place, [Place(land="de", number=1), Place(land="de", number=2, within_land="de", within_number=1)]
    )
    place = topics.query(Place).where(lambda p: p.number == 1)
    parts = topics.query(Place).descendants(of=place.union_all(place), along=lambda p: p.within)
    assert [(part.land, part.number) for part in parts.all()] == [("de", 2)]


def test_walks_stand_in_other_queries(topics):
    query = topics.query(Topic)

    def below(key):
        return query.descendants(of=key, along=lambda t: t.parent)

    assert query.where(lambda t: t.id.in_(below(2).select(lambda x: x.id))).count() == 2
    near = query.where(lambda t: exists(below(1).where(lambda x: (x.id == t.id) & (depth(x) == 1))))
    assert [topic.id for topic in near.order_by("id").all()] == [2, 3]
    assert [topic.id for topic in below(2).union(below(3)).order_by("-id").all()] == [6, 5, 4]
    assert below(1).except_(below(2)).count() == 3
    page = below(1).order_by("id").page(2, 2)
    assert [topic.id for topic in page] == [4, 5]
    sorted_by_depth = below(1).order_by(lambda t: (depth(t), t.id))
    assert [topic.id for topic in sorted_by_depth.after((2, 4)).all()] == [6, 5]
    with pytest.raises(QueryError) as no_relation:
        below(1).cte("few").where(lambda t: t.author.id == 1)
    assert str(no_relation.value) == (
        "few holds what a query selected: columns, and no relation such as 'author'; compare its keys, or "
        "join_cte() it to Writer; its columns are id, name, parent_id, author_id"
    )
    total = below(1).select(lambda t: {"depth": depth(t), "n": count()}).cte("levels")
    assert total.where(lambda r: r.n == 2).count() == 2


def test_of_a_walk_rows_are_changed_by_their_keys(topics):
    below = topics.query(Topic).descendants(of=2, along=lambda t: t.parent)
    with pytest.raises(QueryError) as raised:
        below.delete()
    assert str(raised.value) == (
        "delete() is about the rows of a table, and these come from a walk along a relation: select their keys, and give "
        "them to in_()"
    )
    assert topics.query(Topic).where(lambda t: t.id.in_(below.select(lambda x: x.id))).update(name="x") == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda q: q.descendants(of=1, along=lambda t: t.author),
            "descendants() goes along a relation of Topic to itself, and Topic.author leads to Writer",
        ),
        (
            lambda q: q.descendants(of=1, along=lambda t: t.parnt),
            "Topic has no relation 'parnt'; its relations are parent, parts, author",
        ),
        (
            lambda q: q.ancestors(of=1, along=lambda t: 7),
            "ancestors() goes along a foreign key from Topic to itself, such as along=lambda c: c.parent, got 7",
        ),
        (
            lambda q: q.descendants(of=1, along="parent"),
            "descendants() goes along a foreign key from Topic to itself, such as along=lambda c: c.parent, got 'parent'",
        ),
        (
            lambda q: q.ancestors(of=1, along=lambda t: t.parent, max_depth=-1),
            "ancestors(max_depth=...) takes a number of steps, 0 or more, got -1",
        ),
        (
            lambda q: q.ancestors(of=Topic(name="new"), along=lambda t: t.parent),
            "ancestors(of=...): this Topic is not saved yet, and nothing leads to it",
        ),
        (
            lambda q: q.ancestors(of=(1, 2), along=lambda t: t.parent),
            "topic.id: expected int, got (1, 2)",
        ),
        (
            lambda q: q.descendants(of=q.select("id"), along=lambda t: t.parent),
            "descendants(of=...) takes a query of the rows of Topic, without select()",
        ),
        (
            lambda q: q.select("id").descendants(of=1, along=lambda t: t.parent),
            "descendants() gives rows of Topic: call it before select(), union() and cte()",
        ),
        (
            lambda q: q.order_by(depth),
            "depth() takes the row of descendants() or ancestors(), as in order_by(lambda c: depth(c)), got Row(topic)",
        ),
    ],
)
def test_what_leads_nowhere_is_refused_when_it_is_said(make, message):
    with pytest.raises(QueryError) as raised:
        make(Topic.query())
    assert str(raised.value) == message
