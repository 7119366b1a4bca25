"""Queries made of queries find what plain Python finds, on both databases."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from ferro import BackRef, Field, ForeignKey, Model, Relation, depth
from ferro.schema.registry import active, declared
from ferro.sync import Database, Query


class Twig(Model):
    id: int = Field(primary_key=True)
    kind: str = ""
    worth: Decimal | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    parent: Annotated["Twig | None", ForeignKey(related_name="twigs", on_delete="SET NULL")] = None
    twigs: Relation[list["Twig"]] = BackRef()


# Other tests, which create all tables there are, need not know of it.
for known in (declared, active):
    known.pop("Twig")


class Undo(Exception):
    """The end of an example."""


@pytest.fixture(scope="session")
def forests(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(Twig)
    return databases


@contextmanager
def grown(database: Database, twigs: Sequence[Twig], parents: Mapping[int, int | None]) -> Iterator[Query[Twig]]:
    try:
        with database.transaction():
            database.bulk_create(Twig, [twig.model_copy() for twig in twigs])
            query = database.query(Twig)
            for key, parent in parents.items():
                if parent is not None:
                    query.where(lambda t, key=key: t.id == key).update(parent_id=parent)
            yield query
            raise Undo
    except Undo:
        pass


def everywhere(
    forests: Mapping[str, Database],
    twigs: Sequence[Twig],
    parents: Mapping[int, int | None],
    ask: Callable[[Query[Twig]], Any],
    expected: Any,
) -> None:
    for name, database in forests.items():
        with grown(database, twigs, parents) as query:
            note(f"on {name}")
            assert ask(query) == expected


# Trees, and what is none.


@st.composite
def parents_of(draw: st.DrawFn) -> dict[int, int | None]:
    """Every twig's parent: any other one, itself, or none."""
    size = draw(st.integers(1, 8))
    keys = st.none() | st.integers(1, size)
    return {key: draw(keys) for key in range(1, size + 1)}


def distances(begin: set[int], step: Callable[[int], set[int]], most: int | None) -> dict[int, int]:
    found, level, steps = dict.fromkeys(begin, 0), begin, 0
    while level and (most is None or steps < most):
        steps += 1
        level = {key for one in level for key in step(one)} - found.keys()
        found |= dict.fromkeys(level, steps)
    return found


@given(
    parents_of(), st.sets(st.integers(1, 9), max_size=3), st.booleans(), st.none() | st.integers(0, 4), st.booleans()
)
def test_a_walk_finds_every_row_once_and_how_far_it_is(forests, parents, roots, include_roots, max_depth, downwards):
    def above(key: int) -> set[int]:
        return {parent} if (parent := parents[key]) is not None else set()

    def below(key: int) -> set[int]:
        return {one for one, parent in parents.items() if parent == key}

    found = distances(roots & parents.keys(), below if downwards else above, max_depth)
    expected = sorted((key, steps) for key, steps in found.items() if steps or include_roots)

    def ask(query: Query[Twig]) -> list[tuple[int, int]]:
        walk = query.descendants if downwards else query.ancestors
        of = query.where(lambda t: t.id.in_(roots)) if include_roots else list(roots)
        rows = walk(of=of, along=lambda t: t.parent, include_roots=include_roots, max_depth=max_depth)
        assert rows.count() == len(expected)
        assert rows.exists() is bool(expected)
        return rows.select(lambda t: (t.id, depth(t))).order_by("id").all()

    everywhere(forests, [Twig(id=key) for key in parents], parents, ask, expected)


@given(parents_of(), st.integers(1, 8))
def test_a_recursive_query_ends_where_rows_come_again(forests, parents, root):
    expected = sorted(distances({root} & parents.keys(), lambda key: {parents[key] or key}, None))

    def ask(query: Query[Twig]) -> list[int]:
        rows = query.where(lambda t: t.id == root).recursive(
            "up", lambda up: query.join_cte(up, on=lambda t, u: t.id == u.parent_id)
        )
        return [twig.id for twig in rows.order_by("id").all()]

    everywhere(forests, [Twig(id=key) for key in parents], parents, ask, expected)


# Sets.

WORTHS = [None, Decimal("1.0"), Decimal("1.00"), Decimal(-2), Decimal(10), Decimal("9.5")]
FACTS: list[dict[str, Any]] = [{}, {"a": 1}, {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1.0}]
twigs = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(WORTHS), st.sampled_from(FACTS)), min_size=1, max_size=6
)
Part = tuple[int, int, int | None]
parts = st.tuples(st.integers(1, 6), st.integers(1, 6), st.none() | st.integers(0, 3))


@st.composite
def plans(draw: st.DrawFn, levels: int = 2) -> Any:
    if levels == 0 or draw(st.booleans()):
        return draw(parts)
    verb = draw(st.sampled_from(["union", "union_all", "intersect", "except_"]))
    return verb, draw(plans(levels - 1)), draw(plans(levels - 1))


def key_of(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row as databases compare it."""
    kind, worth, facts = row
    return kind, worth, tuple(sorted(facts.items()))


def carried_out(plan: Any, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    if plan[0] not in ("union", "union_all", "intersect", "except_"):
        low, high, limit = plan
        found = [key_of(row) for at, row in enumerate(rows, 1) if low <= at <= high]
        return found if limit is None else found[:limit]
    verb, left, right = plan[0], carried_out(plan[1], rows), carried_out(plan[2], rows)
    if verb == "union_all":
        return left + right
    once = {"union": set(left) | set(right), "intersect": set(left) & set(right), "except_": set(left) - set(right)}
    return list(once[verb])


def asked(plan: Any, query: Query[Twig]) -> Any:
    if plan[0] not in ("union", "union_all", "intersect", "except_"):
        low, high, limit = plan
        found = query.where(lambda t: t.id.between(low, high)).select("kind", "worth", "facts")
        return found if limit is None else found.order_by("id").limit(limit)
    return getattr(asked(plan[1], query), plan[0])(asked(plan[2], query))


@given(twigs, plans())
def test_set_operations_are_those_of_python(forests, contents, plan):
    made = [Twig(id=at, kind=kind, worth=worth, facts=facts) for at, (kind, worth, facts) in enumerate(contents, 1)]
    expected = sorted(map(repr_of, carried_out(plan, contents)))

    def ask(query: Query[Twig]) -> list[Any]:
        found = asked(plan, query)
        rows = found.all()
        assert found.count() == len(rows)
        return sorted(repr_of(key_of(row)) for row in rows)

    everywhere(forests, made, {}, ask, expected)


def repr_of(row: tuple[Any, ...]) -> str:
    kind, worth, facts = row
    return repr((kind, None if worth is None else float(worth), tuple((name, float(value)) for name, value in facts)))


@given(twigs, st.sampled_from(["worth", "kind"]), st.booleans(), st.none() | st.integers(0, 3))
def test_the_first_of_equal_rows_is_the_first_in_python(forests, contents, name, downwards, limit):
    made = [Twig(id=at, kind=kind, worth=worth, facts=facts) for at, (kind, worth, facts) in enumerate(contents, 1)]
    first: dict[Any, Twig] = {}
    for twig in sorted(made, key=lambda twig: -twig.id if downwards else twig.id):
        first.setdefault(getattr(twig, name), twig)
    ordered = sorted(first, key=lambda value: (value is None, value if value is not None else 0))
    expected = [first[value].id for value in ordered][:limit]

    def ask(query: Query[Twig]) -> list[int]:
        found = query.distinct_on(name).order_by(name, "-id" if downwards else "id").select(lambda t: t.id)
        assert found.count() == len(first)
        return (found if limit is None else found.limit(limit)).all()

    everywhere(forests, made, {}, ask, expected)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=15))
def test_any_name_is_only_a_name(forests, name):
    def ask(query: Query[Twig]) -> list[tuple[int, int]]:
        rows = query.select(lambda t: {"id": t.id}).cte(name)
        other = rows.alias(name + "2")
        found = query.join_cte(rows, on=lambda t, r: r.id == t.id).join_cte(other, on=lambda t, o: o.id > t.id)
        return found.select(lambda t: (rows.row.id, other.row.id)).all()

    if name.lower() not in ("twig", "twig2"):
        everywhere(forests, [Twig(id=1), Twig(id=2)], {}, ask, [(1, 2)])
