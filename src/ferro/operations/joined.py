"""Relations that come with the rows they start from: joined to the statement of a query that reads few rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import Any, cast

from ferro.caches import informing
from ferro.model import ModelBase
from ferro.operations.hydrate import Fill, Rows, filler
from ferro.operations.include import introduce, lead_to, load_all
from ferro.operations.included import key_loader
from ferro.operations.steps import Steps
from ferro.query.builder import QueryBase
from ferro.query.dialect import Dialect
from ferro.query.expressions import Aggregate, ColumnRef, Expression, Over
from ferro.query.fragments import Fragment
from ferro.query.including import Include
from ferro.query.joins import joined, note, own_columns
from ferro.query.related import keys_in
from ferro.query.row import scope_of
from ferro.query.search import Found, Rank
from ferro.query.sources import Joined, Source
from ferro.query.statements import Derived, Join, Select
from ferro.query.subqueries import Exists, InQuery, Scalar, moved, parts_of
from ferro.schema.table import Column

# For so many rows a round trip costs more than what is repeated in them.
FEW = 50
# PostgreSQL returns 1664 columns at most, and plans the joins of more than eight tables in another way.
MOST_COLUMNS = 1000
MOST_JOINS = 7
# What is in a condition that only a statement of its own can say, or refuse.
NOT_IN_A_JOIN = (Aggregate, Exists, Found, Fragment, InQuery, Over, Rank, Scalar)


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """A relation that is loaded: by a way that was joined, with what is within; or, without one, as ever."""

    include: Include
    way: Joined | None = None
    within: "tuple[Branch, ...]" = ()


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """How a way is joined, where its rows stand in those of the whole, and what is made of them.

    Attributes:
        join: the join of all its rows.
        cut: its columns.
        fill: makes instances of them.
        mark: reads the key they are reached by, as the database gave it.
        nothing: that key where there is no row.
        keys: the same keys as values.
        led: the foreign keys that lead there, of the rows the way starts from.
    """

    join: Join
    cut: slice
    fill: Fill
    mark: Callable[[Any], Any]
    nothing: Any
    keys: Fill
    led: Fill


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The columns of the whole, in order, how many are the query's own, and which belong to each way."""

    columns: tuple[Expression[Any], ...]
    width: int
    parts: dict[Joined, Part]


@dataclass(slots=True)
class Joining:
    """A statement whose rows bring along what relations lead to, and the rows it has brought."""

    query: QueryBase[Any]
    statement: Select
    branches: tuple[Branch, ...]
    layout: Layout
    dialect: Dialect
    rows: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])

    def own(self, make: Fill) -> Fill:
        """From the rows of the whole to what is made of the query's own part of them."""

        def keep_and_make(rows: Rows) -> list[Any]:
            self.rows += rows
            return make([row[: self.layout.width] for row in rows])

        return keep_and_make

    def load(self, owners: Sequence[ModelBase]) -> Steps[None]:
        """What is included with the instances of those rows."""
        rows = self.rows[::-1] if self.query.backwards else self.rows
        return self._load(self.branches, owners, rows)

    def _load(self, branches: Sequence[Branch], owners: Sequence[ModelBase], rows: Rows) -> Steps[None]:
        for one in branches:
            if not owners:
                return
            relation = one.include.relation
            part = None if one.way is None else self.layout.parts[one.way]
            # An object that was held already, or a hook has changed, may lead elsewhere by now.
            if part is None or part.led(rows) != (keys := keys_in(owners, relation.columns)):
                yield from load_all(owners, (one.include,), self.dialect, siblings=self.query.siblings)
                continue
            first: dict[Any, tuple[Any, ...]] = {}
            for mark, row in zip(map(part.mark, rows), rows, strict=True):
                first.setdefault(mark, row)
            first.pop(part.nothing, None)
            theirs = list(first.values())
            found = part.fill([row[part.cut] for row in theirs])
            lead_to(owners, relation, keys, part.keys(theirs), found)
            if self.query.siblings:
                introduce(found)
            yield from self._load(one.within, found, theirs)


def joining(query: QueryBase[Any], statement: Select, dialect: Dialect) -> Joining | None:
    """What loads relations of a query along with its rows; None where each is better a statement of its own."""
    source = query.source
    if not query.includes or not reads_few(query, statement):
        return None
    # The rows are chosen inside, so that nothing is joined for a row that is only sorted or passed over.
    sorted_along = ways_of(statement)
    chosen: dict[Joined, tuple[Expression[bool], ...]] = {}
    branches = tuple([branch(one, source, sorted_along, chosen) for one in query.includes])
    if not chosen or len(chosen) > MOST_JOINS:
        return None
    layout = laid_out(source, tuple(chosen), dialect)
    if len(layout.columns) > MOST_COLUMNS:
        return None
    joins = [
        Join(join.source, join.on, outer=True, single=True) for join in statement.joins if join.source in sorted_along
    ]
    for way, conditions in chosen.items():
        if way not in sorted_along:
            join = layout.parts[way].join
            joins.append(Join(way, (*join.on, *conditions), outer=True, single=True) if conditions else join)
    whole = Select(Derived(statement, source.name), layout.columns, order_by=statement.order_by, joins=tuple(joins))
    return Joining(query, whole, branches, layout, dialect)


def reads_few(query: QueryBase[Any], statement: Select) -> bool:
    """Whether a query asks for few instances, in an order that can be said about them once they are chosen."""
    return (
        statement.limit is not None
        and statement.limit <= FEW
        and type(query.source) is Source
        and query.projection is None
        and statement.lock is None
        and not statement.distinct
        and not statement.distinct_on
        and all(can_be_repeated(order.expression) for order in statement.order_by)
    )


def ways_of(statement: Select) -> set[Source]:
    """The ways that the order of a query goes along."""
    found: dict[Any, Joined] = {}
    for order in statement.order_by:
        for column in own_columns(order.expression):
            if isinstance(column.source, Joined):
                note(column.source, found)
    return set(found.values())


def branch(
    one: Include, parent: Source, sorted_along: set[Source], chosen: dict[Joined, tuple[Expression[bool], ...]]
) -> Branch:
    """A relation; its way is added to those that are joined, with what it asks of the rows there, if it can be."""
    # What others lead to as well is sent for each of them, and bytes may be many.
    if one.relation.kind == "forward" and all(
        column.type.kind != "bytes" for column in one.relation.target_table.columns
    ):
        way = joined(parent, one.relation, scope_of)
        conditions = conditions_of(one, way)
        if conditions is not None and not (conditions and way in sorted_along):
            chosen[way] = conditions
            return Branch(one, way, tuple([branch(other, way, sorted_along, chosen) for other in one.within]))
    return Branch(one)


def conditions_of(one: Include, way: Joined) -> tuple[Expression[bool], ...] | None:
    """Which rows of a way are loaded, as conditions about it; None where a join cannot say it."""
    if one.query is None:
        return ()
    conditions = moved(one.query.where_clause, one.query.source, way)
    return conditions if all(is_about(way, condition) for condition in conditions) else None


def is_about(source: Source, found: Expression[Any]) -> bool:
    """Whether an expression is about the columns of a source alone, and can stand in a join."""
    if isinstance(found, ColumnRef):
        return found.source == source
    return not isinstance(found, NOT_IN_A_JOIN) and all(is_about(source, part) for part in found.children)


def can_be_repeated(key: Expression[Any]) -> bool:
    """Whether rows that were chosen in the order of a key are sorted by it again, with others beside them."""
    return type(key) is ColumnRef or not has(key, (Fragment, Over))


def has(found: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(found, kinds) or any(has(part, kinds) for _, part in parts_of(found))


@informing("joined rows")
@lru_cache(maxsize=1024)
def laid_out(source: Source, ways: tuple[Joined, ...], dialect: Dialect) -> Layout:
    columns = list(source.columns)
    begins: dict[Source, int] = {source: 0}
    parts: dict[Joined, Part] = {}
    for way in ways:
        relation, table = way.relation, way.table
        start = begins[way] = len(columns)
        columns += way.columns
        before, names = begins[way.parent], way.parent.table.columns
        led = [before + names.index(column) for column in relation.columns]
        reached = [start + table.columns.index(column) for column in relation.referenced]
        mark = itemgetter(*reached)
        parts[way] = Part(
            Join(way, way.on, outer=True, single=True),
            slice(start, len(columns)),
            filler(cast("type[ModelBase]", table.model), table.columns, dialect.name),
            mark,
            mark((None,) * len(columns)),
            key_loader(reached, types_of(relation.referenced), dialect),
            key_loader(led, types_of(relation.columns), dialect),
        )
    return Layout(tuple(columns), len(source.columns), parts)


def types_of(columns: Sequence[Column]) -> tuple[Any, ...]:
    return tuple(column.type for column in columns)
