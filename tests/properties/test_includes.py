"""A random graph of rows, a random tree of what to include: both databases give what plain Python gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from statements import sent

from ferro import BackRef, Field, ForeignKey, ManyToMany
from ferro.sync import Database, Model, Relation


class Writer(Model):
    id: int | None = Field(default=None, primary_key=True)
    rank: int
    teacher: Annotated["Writer | None", ForeignKey(related_name="pupils")] = None
    pupils: Relation[list["Writer"]] = BackRef()
    works: Relation[list["Work"]] = BackRef()
    edited: Relation[list["Work"]] = BackRef()
    portrait: "Portrait" = BackRef()


class Work(Model):
    id: int | None = Field(default=None, primary_key=True)
    rank: int
    writer: Annotated[Writer, ForeignKey(related_name="works")]
    editor: Annotated["Writer | None", ForeignKey(related_name="edited", on_delete="SET NULL")] = None
    topics: Relation[list["Topic"]] = ManyToMany(related_name="works")


class Portrait(Model):
    id: int | None = Field(default=None, primary_key=True)
    rank: int
    writer: Annotated[Writer, ForeignKey(related_name="portrait", unique=True)]


class Topic(Model):
    id: int | None = Field(default=None, primary_key=True)
    rank: int
    works: Relation[list[Work]] = BackRef()


MODELS: dict[str, type[Any]] = {"Writer": Writer, "Work": Work, "Portrait": Portrait, "Topic": Topic}
# Where each relation leads to, and whether to one row.
TARGETS = {
    "Writer": {
        "teacher": ("Writer", True),
        "pupils": ("Writer", False),
        "works": ("Work", False),
        "edited": ("Work", False),
        "portrait": ("Portrait", True),
    },
    "Work": {"writer": ("Writer", True), "editor": ("Writer", True), "topics": ("Topic", False)},
    "Portrait": {"writer": ("Writer", True)},
    "Topic": {"works": ("Work", False)},
}


@dataclass
class Branch:
    """What is included by one relation: at least this rank, in this order, so many, and what is within."""

    at_least: int | None = None
    downwards: bool | None = None
    limit: int | None = None
    offset: int | None = None
    within: "dict[str, Branch]" = field(default_factory=dict)


@dataclass
class Graph:
    """Rows: of each model the ranks by id, and who leads where."""

    ranks: dict[str, dict[int, int]]
    teacher: dict[int, int | None]
    writer: dict[int, int]
    editor: dict[int, int | None]
    portrait: dict[int, int]
    links: set[tuple[int, int]]

    def reached(self, model: str, relation: str, id: int) -> list[int]:
        """The ids of the rows a relation leads to."""
        if model == "Work":
            if relation == "topics":
                return sorted(topic for work, topic in self.links if work == id)
            found = {"writer": self.writer, "editor": self.editor}[relation][id]
            return [] if found is None else [found]
        if model == "Topic":
            return sorted(work for work, topic in self.links if topic == id)
        if model == "Portrait":
            return [self.portrait[id]]
        if relation == "teacher":
            teacher = self.teacher[id]
            return [] if teacher is None else [teacher]
        back: dict[str, Mapping[int, int | None]] = {
            "pupils": self.teacher,
            "works": self.writer,
            "edited": self.editor,
            "portrait": self.portrait,
        }
        return sorted(one for one, owner in back[relation].items() if owner == id)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    ranks = {name: dict(enumerate(draw(st.lists(st.integers(0, 3), max_size=6)), 1)) for name in MODELS}
    writers = list(ranks["Writer"])
    if not writers:
        ranks["Work"] = {}
    portrayed = draw(st.lists(st.sampled_from(writers), unique=True)) if writers else []
    ranks["Portrait"] = {n: rank for (n, rank), _ in zip(ranks["Portrait"].items(), portrayed, strict=False)}
    works, topics = list(ranks["Work"]), list(ranks["Topic"])
    pairs = [(work, topic) for work in works for topic in topics]
    return Graph(
        ranks,
        # Those that are there already when the row is inserted.
        {one: draw(st.none() | st.sampled_from(writers[:at])) if at else None for at, one in enumerate(writers)},
        {work: draw(st.sampled_from(writers)) for work in works},
        {work: draw(st.none() | st.sampled_from(writers)) for work in works},
        dict(zip(ranks["Portrait"], portrayed, strict=False)),
        draw(st.sets(st.sampled_from(pairs))) if pairs else set(),
    )


@st.composite
def trees(draw: st.DrawFn, model: str, depth: int = 3) -> dict[str, Branch]:
    if not depth:
        return {}
    names = draw(st.lists(st.sampled_from(sorted(TARGETS[model])), unique=True, max_size=2))
    return {name: draw(branches(*TARGETS[model][name], depth - 1)) for name in names}


@st.composite
def branches(draw: st.DrawFn, model: str, single: bool, depth: int) -> Branch:
    few = st.none() | st.integers(0, 3)
    at_least, within = draw(few), draw(trees(model, depth))
    if single:
        return Branch(at_least, within=within)
    limit, offset = draw(few), draw(few)
    downwards = draw(st.booleans() if limit is not None or offset is not None else st.none() | st.booleans())
    return Branch(at_least, downwards, limit, offset, within)


def evaluate(graph: Graph, model: str, id: int, tree: Mapping[str, Branch]) -> Any:
    """What plain Python finds."""
    found: dict[str, Any] = {}
    for name, branch in tree.items():
        target, single = TARGETS[model][name]
        ranks = graph.ranks[target]
        ids = [
            one for one in graph.reached(model, name, id) if branch.at_least is None or ranks[one] >= branch.at_least
        ]
        if branch.downwards is not None:
            ids.sort(key=lambda one: (-ranks[one] if branch.downwards else ranks[one], one))
        first = branch.offset or 0
        ids = ids[first : None if branch.limit is None else first + branch.limit]
        rows = [evaluate(graph, target, one, branch.within) for one in ids]
        found[name] = (rows[0] if rows else None) if single else rows
    return id, found


def seen(row: Any, tree: Mapping[str, Branch]) -> Any:
    """The same of what was loaded; what was not sorted is looked at by its keys."""
    found: dict[str, Any] = {}
    for name, branch in tree.items():
        value = getattr(row, name)
        if value is None or isinstance(value, Model):
            found[name] = None if value is None else seen(value, branch.within)
            continue
        rows = [seen(one, branch.within) for one in value]
        found[name] = rows if branch.downwards is not None else sorted(rows, key=lambda one: one[0])
    return row.id, found


def path(name: str, branch: Branch) -> Any:
    """The lambda that says the same as a branch."""

    def follow(row: Any) -> Any:
        found = getattr(row, name)
        if branch.at_least is not None:
            found = found.where(lambda one: one.rank >= branch.at_least)
        if branch.downwards is not None:
            found = found.order_by("-rank" if branch.downwards else "rank", lambda one: one.id)
        if branch.limit is not None:
            found = found.limit(branch.limit)
        if branch.offset is not None:
            found = found.offset(branch.offset)
        return found.include(*paths(branch.within)) if branch.within else found

    return follow


def paths(tree: Mapping[str, Branch]) -> list[Any]:
    return [path(name, branch) for name, branch in tree.items()]


def size(tree: Mapping[str, Branch]) -> int:
    return sum(1 + size(branch.within) for branch in tree.values())


def along(tree: Mapping[str, Branch]) -> int:
    """How many relations come with the rows, by foreign keys alone."""
    return sum(1 + along(branch.within) for name, branch in tree.items() if name in ("teacher", "writer", "editor"))


class Undo(Exception):
    """The end of an example."""


@pytest.fixture(scope="session")
def libraries(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(*MODELS.values())
    return databases


def fill(database: Database, graph: Graph) -> None:
    ranks = graph.ranks
    writers = [Writer(id=n, rank=rank, teacher_id=graph.teacher[n]) for n, rank in ranks["Writer"].items()]
    database.bulk_create(Writer, writers)
    works = [
        Work(id=n, rank=rank, writer_id=graph.writer[n], editor_id=graph.editor[n]) for n, rank in ranks["Work"].items()
    ]
    database.bulk_create(Work, works)
    portraits = [Portrait(id=n, rank=rank, writer_id=graph.portrait[n]) for n, rank in ranks["Portrait"].items()]
    database.bulk_create(Portrait, portraits)
    database.bulk_create(Topic, [Topic(id=n, rank=rank) for n, rank in ranks["Topic"].items()])
    for work in works:
        database.query(work.topics).add(*(topic for one, topic in sorted(graph.links) if one == work.id))


@dataclass
class Roots:
    """Which rows of the model itself are read: at least this rank, sorted, and so many of them."""

    at_least: int | None
    downwards: bool | None
    limit: int | None
    offset: int | None

    def evaluate(self, graph: Graph, model: str) -> Sequence[int]:
        ranks = graph.ranks[model]
        ids = sorted(id for id, rank in ranks.items() if self.at_least is None or rank >= self.at_least)
        if self.downwards is not None:
            ids.sort(key=lambda id: -ranks[id] if self.downwards else ranks[id])
        first = self.offset or 0
        return ids[first : None if self.limit is None else first + self.limit]

    def choose(self, query: Any) -> Any:
        if self.at_least is not None:
            query = query.where(lambda one: one.rank >= self.at_least)
        if self.downwards is not None:
            query = query.order_by("-rank" if self.downwards else "rank")
        query = query.order_by("id")
        query = query if self.limit is None else query.limit(self.limit)
        return query if self.offset is None else query.offset(self.offset)


FEW = st.none() | st.integers(0, 3)
ROOTS = st.builds(Roots, FEW, st.none() | st.booleans(), FEW | st.just(50), FEW)


@given(st.data())
def test_what_is_included_is_what_plain_python_finds(libraries: Mapping[str, Database], data: st.DataObject) -> None:
    graph = data.draw(graphs())
    model = data.draw(st.sampled_from(sorted(MODELS)))
    tree = data.draw(trees(model))
    roots = data.draw(ROOTS)
    expected = [evaluate(graph, model, id, tree) for id in roots.evaluate(graph, model)]
    for name, database in libraries.items():
        note(f"on {name}")
        try:
            with database.transaction():
                fill(database, graph)
                query = roots.choose(database.query(MODELS[model]))
                with sent() as statements:
                    found = (query.include(*paths(tree)) if tree else query).all()
                assert [seen(row, tree) for row in found] == expected
                joined = 0 if roots.limit is None else along(tree)
                assert len([sql for sql in statements if sql.startswith("SELECT")]) <= 1 + size(tree) - joined
                if tree:
                    bare = query.all()
                    database.load_many(bare, *paths(tree))
                    assert [seen(row, tree) for row in bare] == expected
                raise Undo
        except Undo:
            pass
