"""Questions across relations have one answer: SQLite's, PostgreSQL's, and that of plain Python over the same rows."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ferro import BackRef, Field, ForeignKey, ManyToMany, Model, Relation
from ferro.schema.registry import active, declared
from ferro.sync import Database


class Burg(Model):
    id: int | None = Field(default=None, primary_key=True)
    n: int | None = None
    writers: Relation[list["Poet"]] = BackRef()


class Poet(Model):
    id: int | None = Field(default=None, primary_key=True)
    n: int | None = None
    town: Annotated[Burg | None, ForeignKey(related_name="writers")] = None
    works: Relation[list["Poem"]] = BackRef()
    page: "Leaf" = BackRef()


class Leaf(Model):
    id: int | None = Field(default=None, primary_key=True)
    n: int | None = None
    writer: Annotated[Poet, ForeignKey(related_name="page", unique=True)]


class Motif(Model):
    id: int | None = Field(default=None, primary_key=True)
    n: int | None = None
    works: Relation[list["Poem"]] = BackRef()


class Poem(Model):
    id: int | None = Field(default=None, primary_key=True)
    n: int | None = None
    writer: Annotated[Poet, ForeignKey(related_name="works")]
    sequel_of: Annotated["Poem | None", ForeignKey(related_name="sequels", on_delete="SET NULL")] = None
    sequels: Relation[list["Poem"]] = BackRef()
    topics: Relation[list[Motif]] = ManyToMany(related_name="works")


MODELS: tuple[Any, ...] = (Burg, Poet, Leaf, Motif, Poem)
for model in MODELS:
    for known in (declared, active):
        known.pop(model.__name__)

SINGLE = {
    "Burg": {},
    "Poet": {"town": "Burg", "page": "Leaf"},
    "Leaf": {"writer": "Poet"},
    "Motif": {},
    "Poem": {"writer": "Poet", "sequel_of": "Poem"},
}
MANY = {
    "Burg": {"writers": "Poet"},
    "Poet": {"works": "Poem"},
    "Leaf": {},
    "Motif": {"works": "Poem"},
    "Poem": {"sequels": "Poem", "topics": "Motif"},
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">=": operator.ge,
}

# The rows, as Python holds them.


@dataclass(eq=False)
class Thing:
    """A row of any model, with its other ends as attributes."""

    id: int
    n: int | None

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


World: TypeAlias = Mapping[str, Sequence[Any]]
numbers = st.none() | st.integers(-2, 2)


@st.composite
def worlds(draw: DrawFn) -> World:
    """Rows of every model, and which of them belong together."""

    def things(most: int) -> list[Any]:
        return [Thing(at, n) for at, n in enumerate(draw(st.lists(numbers, max_size=most)), 1)]

    towns, writers, topics = things(3), things(4), things(3)
    for town in towns:
        town.writers = []
    for writer in writers:
        writer.works, writer.page = [], None
        writer.town = draw(st.sampled_from([None, *towns]))
        if writer.town is not None:
            writer.town.writers.append(writer)
    pages: list[Any] = []
    for writer in writers:
        if draw(st.booleans()):
            page: Any = Thing(len(pages) + 1, draw(numbers))
            page.writer, writer.page = writer, page
            pages.append(page)
    works: list[Any] = things(5) if writers else []
    for topic in topics:
        topic.works = []
    for work in works:
        work.sequels = []
    for work in works:
        work.writer = draw(st.sampled_from(writers))
        work.writer.works.append(work)
        work.sequel_of = draw(st.sampled_from([None, *works]))
        if work.sequel_of is not None:
            work.sequel_of.sequels.append(work)
        work.topics = draw(st.lists(st.sampled_from(topics), unique=True)) if topics else []
        for topic in work.topics:
            topic.works.append(work)
    return {"Burg": towns, "Poet": writers, "Leaf": pages, "Motif": topics, "Poem": works}


class Undo(Exception):
    """The end of an example."""


@contextmanager
def holding(database: Database, world: World) -> Iterator[None]:
    """Let the tables hold a world for an example."""
    try:
        with database.transaction():
            database.bulk_create(Burg, [Burg(id=t.id, n=t.n) for t in world["Burg"]])
            database.bulk_create(Poet, [Poet(id=w.id, n=w.n, town=key(w.town)) for w in world["Poet"]])
            database.bulk_create(Leaf, [Leaf(id=p.id, n=p.n, writer=p.writer.id) for p in world["Leaf"]])
            database.bulk_create(Motif, [Motif(id=t.id, n=t.n) for t in world["Motif"]])
            works = [Poem(id=w.id, n=w.n, writer=w.writer.id) for w in world["Poem"]]
            database.bulk_create(Poem, works)
            for work, thing in zip(works, world["Poem"], strict=True):
                if thing.sequel_of is not None:
                    work.sequel_of_id = thing.sequel_of.id
                    database.save(work)
                database.query(work.topics).add(*(topic.id for topic in thing.topics))
            yield
            raise Undo
    except Undo:
        pass


def key(thing: Any) -> int | None:
    return None if thing is None else thing.id


# Questions: each as ferro builds it from rows, and as Python answers it from things. The rows are those
# of the queries around one another, the innermost last.


@dataclass(frozen=True)
class Question:
    """What is asked, in words, of ferro, and of Python."""

    text: str
    build: Callable[[Sequence[Any]], Any]
    answer: Callable[[Sequence[Any]], Any]

    def __repr__(self) -> str:
        return self.text


def follow(thing: Any, path: Sequence[str]) -> Any:
    for name in path:
        thing = None if thing is None else getattr(thing, name)
    return thing


@st.composite
def values(draw: DrawFn, models: Sequence[str]) -> Question:
    """A number: of a row, of one it leads to, or of what a collection comes to."""
    at = draw(st.integers(0, len(models) - 1))
    model, path = models[at], list[str]()
    while SINGLE[model] and len(path) < 3 and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(SINGLE[model])))
        path.append(name)
        model = SINGLE[model][name]
    if MANY[model] and draw(st.integers(0, 3)) == 0:
        many = draw(st.sampled_from(sorted(MANY[model])))
        return draw(comings_to(at, (*path, many)))
    column = draw(st.sampled_from(["n", "id"]))
    text = ".".join((f"r{at}", *path, column))

    def build(rows: Sequence[Any]) -> Any:
        found = rows[at]
        for name in (*path, column):
            found = getattr(found, name)
        return found

    return Question(text, build, lambda things: follow(things[at], (*path, column)))


@st.composite
def comings_to(draw: DrawFn, at: int, path: tuple[str, ...]) -> Question:
    name = draw(st.sampled_from(["count", "sum", "min", "max"]))

    def build(rows: Sequence[Any]) -> Any:
        found = rows[at]
        for step in path:
            found = getattr(found, step)
        return found.count() if name == "count" else getattr(found, name)(lambda inner: inner.n)

    def answer(things: Sequence[Any]) -> Any:
        owner = follow(things[at], path[:-1])
        held = [] if owner is None else getattr(owner, path[-1])
        if name == "count":
            return len(held)
        present = [one.n for one in held if one.n is not None]
        return {"sum": sum, "min": min, "max": max}[name](present) if present else None

    return Question(f"r{at}.{'.'.join(path)}.{name}()", build, answer)


@st.composite
def comparisons(draw: DrawFn, models: Sequence[str]) -> Question:
    left, sign = draw(values(models)), draw(st.sampled_from(sorted(OPERATORS)))
    if draw(st.booleans()):
        right = draw(values(models))
    else:
        constant = draw(st.integers(-2, 2))
        right = Question(str(constant), lambda rows: constant, lambda things: constant)
    compare = OPERATORS[sign]

    def answer(things: Sequence[Any]) -> Any:
        one, other = left.answer(things), right.answer(things)
        return None if one is None or other is None else compare(one, other)

    return Question(f"({left} {sign} {right})", lambda rows: compare(left.build(rows), right.build(rows)), answer)


@st.composite
def absences(draw: DrawFn, models: Sequence[str]) -> Question:
    """Whether a relation leads nowhere."""
    at = draw(st.sampled_from([at for at, model in enumerate(models) if SINGLE[model]]))
    name = draw(st.sampled_from(sorted(SINGLE[models[at]])))
    return Question(
        f"(r{at}.{name} == None)",
        lambda rows: getattr(rows[at], name) == None,
        lambda things: getattr(things[at], name) is None,
    )


@st.composite
def quantified(draw: DrawFn, models: Sequence[str], depth: int) -> Question:
    """What is true of some, all or none of the rows of a collection; the rows around may be used within."""
    at = draw(st.sampled_from([at for at, model in enumerate(models) if MANY[model]]))
    many = draw(st.sampled_from(sorted(MANY[models[at]])))
    inner = draw(conditions((*models, MANY[models[at]][many]), depth - 1))
    word = draw(st.sampled_from(["any", "all", "none"]))

    def build(rows: Sequence[Any]) -> Any:
        return getattr(getattr(rows[at], many), word)(lambda row: inner.build((*rows, row)))

    def answer(things: Sequence[Any]) -> bool:
        true = [inner.answer((*things, one)) is True for one in getattr(things[at], many)]
        return {"any": any, "all": all}[word](true) if word != "none" else not any(true)

    return Question(f"r{at}.{many}.{word}({inner})", build, answer)


def conditions(models: Sequence[str], depth: int) -> SearchStrategy[Question]:
    found: list[SearchStrategy[Question]] = [comparisons(models)]
    if any(SINGLE[model] for model in models):
        found.append(absences(models))
    if depth:
        found.append(combinations(models, depth))
        if any(MANY[model] for model in models):
            found.append(quantified(models, depth))
    return st.one_of(found)


@st.composite
def combinations(draw: DrawFn, models: Sequence[str], depth: int) -> Question:
    left, right = draw(conditions(models, depth - 1)), draw(conditions(models, depth - 1))
    word = draw(st.sampled_from(["&", "|", "~"]))
    if word == "~":
        return Question(f"~{left}", lambda rows: ~left.build(rows), lambda things: opposite(left.answer(things)))

    def answer(things: Sequence[Any]) -> Any:
        both = left.answer(things), right.answer(things)
        decisive = word == "|"
        return decisive if decisive in both else None if None in both else not decisive

    def build(rows: Sequence[Any]) -> Any:
        one, other = left.build(rows), right.build(rows)
        return one & other if word == "&" else one | other

    return Question(f"({left} {word} {right})", build, answer)


def opposite(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


names = st.sampled_from([model.__name__ for model in MODELS])
BY_NAME = {model.__name__: model for model in MODELS}


@pytest.fixture(scope="session")
def tables(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(*MODELS)
    return databases


@settings(max_examples=300)
@given(world=worlds(), data=st.data())
def test_the_rows_found_are_those_that_python_finds(tables, world, data):
    name = data.draw(names)
    asked = data.draw(conditions((name,), 2))
    expected = [thing.id for thing in world[name] if asked.answer((thing,)) is True]
    for dialect, database in tables.items():
        note(f"on {dialect}")
        with holding(database, world):
            query = database.query(BY_NAME[name]).where(lambda row: asked.build((row,)))
            assert [row.id for row in query.order_by("id").all()] == expected
            assert query.count() == len(expected)
            assert query.exists() == bool(expected)


@settings(max_examples=300)
@given(world=worlds(), data=st.data())
def test_what_is_selected_and_sorted_by_is_what_python_sees(tables, world, data):
    name = data.draw(names)
    shown, by = data.draw(values((name,))), data.draw(values((name,)))
    keyed = sorted(world[name], key=lambda thing: ((by.answer((thing,)) is None, by.answer((thing,)) or 0), thing.id))
    expected = [(thing.id, shown.answer((thing,))) for thing in keyed]
    for dialect, database in tables.items():
        note(f"on {dialect}")
        with holding(database, world):
            query = database.query(BY_NAME[name]).order_by(lambda row: by.build((row,)), "id")
            assert query.select(lambda row: (row.id, shown.build((row,)))).all() == expected


@settings(max_examples=300)
@given(world=worlds(), data=st.data())
def test_the_rows_changed_and_deleted_are_those_that_python_finds(tables, world, data):
    # Of models whose rows nothing refers to, so that a deleted row takes no others along.
    name = data.draw(st.sampled_from(["Leaf", "Poem"]))
    asked, new = data.draw(conditions((name,), 1)), data.draw(values((name,)))
    chosen = {thing.id for thing in world[name] if asked.answer((thing,)) is True}
    expected = [(thing.id, new.answer((thing,)) if thing.id in chosen else thing.n) for thing in world[name]]
    for dialect, database in tables.items():
        note(f"on {dialect}")
        with holding(database, world):
            query = database.query(BY_NAME[name])
            changed = query.where(lambda row: asked.build((row,))).update(lambda row: {"n": new.build((row,))})
            assert changed == len(chosen)
            assert query.order_by("id").select("id", "n").all() == expected
        with holding(database, world):
            query = database.query(BY_NAME[name])
            assert query.where(lambda row: asked.build((row,))).delete() == len(chosen)
            assert query.order_by("id").select(lambda row: row.id).all() == [
                thing.id for thing in world[name] if thing.id not in chosen
            ]
