"""Trees: the rows below others along a self-reference, or above them, and how far away they are."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Generic, Literal, Self, TypeAlias, TypeVar, cast

from ferro.caches import informing
from ferro.errors import QueryError
from ferro.query.builder import QueryBase
from ferro.query.cases import case, when
from ferro.query.compiler import collect_select, select
from ferro.query.compound import Compound
from ferro.query.ctes import CteQuery, Named, must_stand_alone
from ferro.query.expressions import (
    ONE,
    Aggregate,
    ColumnRef,
    Comparison,
    Expression,
    Logical,
    Not,
    Number,
    Shape,
    Value,
    Values,
    membership,
)
from ferro.query.kinds import type_for
from ferro.query.row import source_behind
from ferro.query.sources import Source, path_name
from ferro.query.sqltext import ATOM, SUM, Text, quote, within
from ferro.query.statements import Derived, Join, Made, Select, With
from ferro.query.subqueries import Exists, Picked
from ferro.query.writer import Writer
from ferro.schema.registry import table_of
from ferro.schema.relations import Relation
from ferro.schema.table import Column, Table
from ferro.types.base import ColumnType

M = TypeVar("M")
R = TypeVar("R")

Direction: TypeAlias = Literal["descendants", "ancestors"]


class TreeQuery(CteQuery[M, R], Generic[M, R]):
    """A query that can follow a self-reference."""

    def descendants(
        self,
        *,
        of: object,
        along: Callable[[type[M]], object],
        include_roots: bool = False,
        max_depth: int | None = None,
    ) -> Self:
        """The rows below some rows: `Comment.query().descendants(of=comment, along=lambda c: c.parent)`.

        Conditions choose among them, and cut nothing off. Each comes once, with a `depth()`; what refers to
        itself in a circle is no trouble.

        Args:
            of: an instance, a list of them or of primary keys, or a query of the model.
            along: the relation that leads from a row to the one above it, or its way back.
            include_roots: return the given rows as well, at depth 0.
            max_depth: go so many steps at most.
        """
        return self._family("descendants", of, along, include_roots, max_depth)

    def ancestors(
        self,
        *,
        of: object,
        along: Callable[[type[M]], object],
        include_roots: bool = False,
        max_depth: int | None = None,
    ) -> Self:
        """The rows above some rows, up to the topmost: see `descendants()`. The nearest one has depth 1."""
        return self._family("ancestors", of, along, include_roots, max_depth)

    def _family(
        self,
        verb: Direction,
        of: object,
        along: Callable[[type[M]], object],
        include_roots: bool,
        max_depth: int | None,
    ) -> Self:
        found = walk_of(self, verb, of, along, include_roots, max_depth)
        query = self._apart()
        table = self.source.table
        steps = steps_table(path_name(table.name, "walk"), table.primary_key, ("key",))
        walked = Walked(found, steps, path_name(query.source.name, "walk"))
        return query._joined_with(
            Join(walked, (all_equal(walked.columns[:-1], of_row(query.source, table.primary_key)),))
        )


def depth(row: object) -> Expression[int]:
    """How many steps a row of `descendants()` or `ancestors()` is away: `order_by(lambda c: depth(c))`.

    Of several ways it is the shortest; a given row itself has 0.
    """
    source = source_behind(row)
    for other in source.beside if source is not None else ():
        if other.table.model is Depths:
            return ColumnRef[int](other, other.table.columns[-1])
    raise QueryError(
        f"depth() takes the row of descendants() or ancestors(), as in order_by(lambda c: depth(c)), got {row!r}"
    )


class Depths:
    """Stands for the model of the rows of a walk."""


# Along which foreign key.


class Ways:
    """Stands for a row in `along=lambda c: c.parent`: its attributes are the relations."""

    def __init__(self, model: type) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Relation:
        found = table_of(self._model).relations.get(name)
        if found is None:
            known = ", ".join(table_of(self._model).relations) or "none"
            raise QueryError(f"{self._model.__name__} has no relation {name!r}; its relations are {known}")
        return found


def upwards(model: type, along: Callable[[Any], object], verb: str) -> Relation:
    """The relation that leads from a row to the one above it."""
    found = along(Ways(model)) if callable(along) else along
    if isinstance(found, Relation) and found.kind != "many":
        if found.target_table is not table_of(model):
            raise QueryError(
                f"{verb}() goes along a relation of {model.__name__} to itself, and {found.where} leads to "
                f"{found.target.__name__}"
            )
        return found if found.kind == "forward" else found.other
    raise QueryError(
        f"{verb}() goes along a foreign key from {model.__name__} to itself, such as along=lambda c: c.parent, "
        f"got {found!r}"
    )


# Which rows it begins with.


def roots(query: QueryBase[Any], given: object, verb: str) -> Select:
    """The primary keys of the rows a walk begins with."""
    table = query.table
    source = Source(table)
    key = tuple(ColumnRef[Any](source, column) for column in table.primary_key)
    if not key:
        raise QueryError(f"{query.model.__name__} has no primary key, and {verb}() goes by it")
    if isinstance(given, QueryBase):
        return keys_of_query(cast("QueryBase[Any]", given), query, verb)
    several = list(cast("Sequence[object]", given)) if isinstance(given, (list, set, frozenset)) else [given]
    keys = [key_values(table, one, verb) for one in several]
    if len(key) == 1:
        return Select(source, key, (membership(key[0], [one for (one,) in keys], negated=False),))
    rows = tuple(
        Logical("AND", tuple(equal(column, value) for column, value in zip(key, one, strict=True))) for one in keys
    )
    if not rows:
        return Select(source, key, (membership(key[0], [], negated=False),))
    return Select(source, key, (rows[0] if len(rows) == 1 else Logical("OR", rows),))


def keys_of_query(given: QueryBase[Any], query: QueryBase[Any], verb: str) -> Select:
    if given.model is not query.model or given.projection is not None:
        raise QueryError(f"{verb}(of=...) takes a query of the rows of {query.model.__name__}, without select()")
    if given.lock is not None:
        raise QueryError(f"{verb}(of=...) locks no rows: leave out for_update()")
    source = given.source
    columns = tuple(
        column for column in source.columns if cast("ColumnRef[Any]", column).column.field in key_fields(query)
    )
    statement = given.select_statement()
    if statement.distinct:
        chosen = tuple(Picked[Any]("given", cast("ColumnRef[Any]", one).column.name, one) for one in columns)
        names = tuple(column.name for column in query.table.columns)
        return Select(Derived(statement, "given", names), chosen)
    return Select(
        statement.source,
        columns,
        statement.where,
        statement.order_by,
        statement.limit,
        statement.offset,
        joins=statement.joins,
        distinct_on=statement.distinct_on,
    )


def key_fields(query: QueryBase[Any]) -> list[str]:
    return [column.field for column in query.table.primary_key]


def key_values(table: Table, given: object, verb: str) -> tuple[Any, ...]:
    columns = table.primary_key
    if isinstance(given, table.model):
        key = tuple(vars(given).get(column.field) for column in columns)
        if None in key:
            raise QueryError(f"{verb}(of=...): this {table.model.__name__} is not saved yet, and nothing leads to it")
        return key
    composite = isinstance(given, tuple) and len(columns) > 1
    key = cast("tuple[Any, ...]", given if composite else (given,))
    if len(key) != len(columns) or None in key:
        wanted = ", ".join(column.field for column in columns)
        raise QueryError(
            f"{verb}(of=...) takes rows of {table.model.__name__}, their keys ({wanted}), or a query, got {given!r}"
        )
    return key


def equal(column: ColumnRef[Any], value: object) -> Expression[bool]:
    return column == value


# The walk.


class Next(Expression[int]):
    """A depth and one more, or what is zero where a depth is zero or a power of two: without a parameter."""

    __slots__ = ("form", "operand")

    def __init__(self, operand: Expression[int], form: str = "{0} + 1") -> None:
        self.operand = operand
        self.form = form

    @property
    def type(self) -> ColumnType:
        return type_for(int)

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return (self.operand,)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append(self.form)
        self.operand.collect(shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """`depth + 1`."""
        return Text(self.form.format(within(writer.write(self.operand), ATOM)), SUM)


ZERO = Number(0)
POWER_OF_TWO = "({0} & ({0} - 1))"


@informing("walks")
@lru_cache(maxsize=1024)
def steps_table(name: str, key: tuple[Column, ...], prefixes: tuple[str, ...]) -> Table:
    """The rows of a walk: a column for each part of a key, under every prefix, and the depth at the end."""
    columns = [
        Column(f"{prefix}{at}", f"{prefix}{at}", one.type) for prefix in prefixes for at, one in enumerate(key, 1)
    ]
    return Table(name, Depths, (*columns, Column("depth", "depth", type_for(int))))


class Steps(Source):
    """The rows of a walk, or those it begins with."""

    __slots__ = ("size",)

    def __init__(self, name: str, key: tuple[Column, ...], *prefixes: str) -> None:
        self.size = len(key)
        super().__init__(steps_table(name, key, prefixes))

    def part(self, number: int = 0) -> tuple[Expression[Any], ...]:
        """The columns of one prefix."""
        return self.columns[number * self.size : (number + 1) * self.size]

    @property
    def depth(self) -> Expression[int]:
        return self.columns[-1]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.table.columns)


class Walked(Made):
    """The keys and depths of the rows a walk comes to."""

    __slots__ = ("select",)

    what = "a walk along a relation"
    keyed = True

    def __init__(self, select: Select, table: Table, alias: str) -> None:
        self.select = select
        super().__init__(table, alias)

    def renamed(self, alias: str) -> "Walked":
        return Walked(self.select, self.table, path_name(alias, "walk"))

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        collect_select(self.select, shape, values, arrays)

    def write(self, writer: Writer) -> str:
        """`(WITH RECURSIVE … SELECT …) AS "comment.walk"`."""
        names = tuple(column.name for column in self.table.columns)
        return f"({select(writer, self.select, names)}) AS {quote(self.name)}"


def walk_of(
    query: QueryBase[Any],
    verb: Direction,
    of: object,
    along: Callable[[Any], object],
    include_roots: bool,
    max_depth: int | None,
) -> Select:
    """The keys and depths of the rows that a walk comes to."""
    if max_depth is not None and (isinstance(max_depth, bool) or not isinstance(max_depth, int) or max_depth < 0):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise QueryError(f"{verb}(max_depth=...) takes a number of steps, 0 or more, got {max_depth!r}")
    if query.projection is not None or isinstance(query.source, Compound | Named):
        raise QueryError(f"{verb}() gives rows of {query.model.__name__}: call it before select(), union() and cte()")
    if any(other.table.model is Depths for other in query.source.beside):
        raise QueryError(
            f"this query walks a tree already: give it as of= to a new one instead of calling {verb}() again"
        )
    relation = upwards(query.model, along, verb)
    given = roots(query, of, verb)
    must_stand_alone(given, f"{verb}(of=...)")
    walk = below if verb == "descendants" else above
    return walk(query.table, relation, given, include_roots, max_depth)


def below(table: Table, relation: Relation, given: Select, include_roots: bool, max_depth: int | None) -> Select:
    """The walk down: every row has one above it, so it is met once, and a circle leads through a given row."""
    key = table.primary_key
    start, tree = Steps(path_name(table.name, "roots"), key, "key"), Steps(path_name(table.name, "tree"), key, "key")
    row = Source(table, path_name(table.name, "row"))
    own = of_row(row, key)
    is_given = Exists(Select(start, (ONE,), (all_equal(start.part(), own),)))
    repeats = isinstance(given.source, Made) and not given.source.keyed
    first = Select(start, (*start.part(), ZERO), distinct=repeats)
    step = Select(
        tree,
        (*own, Next(tree.depth)),
        (Not(is_given), *within_reach(tree, max_depth)),
        joins=(Join(row, (all_equal(of_row(row, keys_above(relation)), tree.part()),)),),
    )
    ctes = (
        With(start.table.name, start.names[:-1], (given,)),
        With(tree.table.name, tree.names, (first, step), "UNION ALL", recursive=True),
    )
    outside = () if include_roots else (Comparison(tree.depth, ">", ZERO),)
    return Select(tree, tree.columns, outside, ctes=ctes)


def above(table: Table, relation: Relation, given: Select, include_roots: bool, max_depth: int | None) -> Select:
    """The walk up, from every given row by itself; what several come to counts where it is nearest.

    A circle may be anywhere, and is found as Brent does: each walk remembers the row it was at when its depth
    was a power of two, and ends when it comes there again.
    """
    key, up = table.primary_key, keys_above(relation)
    start, tree = (
        Steps(path_name(table.name, "roots"), key, "key"),
        Steps(path_name(table.name, "tree"), key, "key", "up", "seen"),
    )
    row = Source(table, path_name(table.name, "row"))
    begin = of_row(row, key)
    first = Select(
        start, (*begin, *of_row(row, up), *begin, ZERO), joins=(Join(row, (all_equal(start.part(), begin),)),)
    )
    remembers = Comparison(Next(tree.depth, POWER_OF_TWO), "==", ZERO)
    seen = tuple(
        case(when(remembers, here), else_=before) for here, before in zip(tree.part(0), tree.part(2), strict=True)
    )
    step = Select(
        tree,
        (*of_row(row, key), *of_row(row, up), *seen, Next(tree.depth)),
        (Not(all_equal(of_row(row, key), seen)), *within_reach(tree, max_depth)),
        joins=(Join(row, (all_equal(of_row(row, key), tree.part(1)),)),),
    )
    ctes = (
        With(start.table.name, start.names[:-1], (given,)),
        With(tree.table.name, tree.names, (first, step), "UNION ALL", recursive=True),
    )
    nearest = Aggregate[int]("min", tree.depth, type_for(int))
    outside = () if include_roots else (Comparison(nearest, ">", ZERO),)
    positions = tuple(range(1, len(key) + 1))
    return Select(tree, (*tree.part(), nearest), group_by=positions, having=outside, ctes=ctes)


def keys_above(relation: Relation) -> tuple[Column, ...]:
    """The columns that hold the key of the row above, in the order of that key."""
    held = {theirs: mine for mine, theirs in relation.pairs}
    return tuple(held[column] for column in relation.target_table.primary_key)


def of_row(row: Source, columns: Sequence[Column]) -> tuple[Expression[Any], ...]:
    return tuple(ColumnRef[Any](row, column) for column in columns)


def within_reach(tree: Steps, max_depth: int | None) -> tuple[Expression[bool], ...]:
    return () if max_depth is None else (Comparison(tree.depth, "<", Value(max_depth, type_for(int), tree.depth)),)


def all_equal(some: Sequence[Expression[Any]], others: Sequence[Expression[Any]]) -> Expression[bool]:
    pairs = tuple(Comparison(one, "==", other) for one, other in zip(some, others, strict=True))
    return pairs[0] if len(pairs) == 1 else Logical("AND", pairs)
