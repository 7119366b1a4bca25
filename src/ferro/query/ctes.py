"""Queries with a name, which other queries read like tables: common table expressions, plain and recursive."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Self, TypeVar, cast

from ferro.errors import QueryError
from ferro.query.builder import QueryBase, is_predicate
from ferro.query.compiler import collect_join, collect_members, definition, from_item, joined, rows_of
from ferro.query.compound import Operator, SetQuery, must_fit
from ferro.query.expressions import ColumnRef, Shape, Values, is_expression, must_be_condition
from ferro.query.inspecting import is_aggregated, loose_columns
from ferro.query.row import Row, inside
from ferro.query.selections import must_be_readable, selected_table
from ferro.query.sources import Joined, Source
from ferro.query.statements import Join, Made, Select, With
from ferro.query.subqueries import moved, outer_columns
from ferro.query.writer import Writer
from ferro.schema.table import LONGEST_NAME, Table, can_be_named

M = TypeVar("M")
R = TypeVar("R")
T = TypeVar("T")


class Cte:
    """Rows with a name, defined once in a statement however often it reads them. Compared by identity."""

    def __init__(self, table: Table, members: tuple[Select, ...], operator: str = "", *, recursive: bool) -> None:
        self.table = table
        self.members = members
        self.operator = operator
        self.recursive = recursive

    @property
    def definition(self) -> With:
        names = tuple(column.name for column in self.table.columns)
        return With(self.table.name, names, self.members, self.operator, self.recursive)


@dataclass(frozen=True, slots=True)
class Known:
    """In a shape: the rows of this name are defined here."""

    name: str
    identity: int = field(compare=False)


class Named(Made):
    """The rows of a common table expression, under its name or another one."""

    __slots__ = ("cte",)

    def __init__(self, cte: Cte, alias: str | None = None) -> None:
        self.cte = cte
        super().__init__(cte.table, alias)

    @property
    def what(self) -> str:
        return f"cte({self.table.name!r})"

    def under(self, alias: str) -> "Named":
        return Named(self.cte, alias)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        name = self.table.name
        for part in shape:
            if type(part) is Known and part.name == name:
                if part.identity != id(self.cte):
                    raise QueryError(f"this query reads two different queries of the name {name!r}: rename one")
                return
        shape.append(Known(name, id(self.cte)))
        shape += (self.table, self.cte.recursive)
        collect_members(self.cte.members, self.cte.operator, shape, values, arrays)

    def write(self, writer: Writer) -> str:
        """`"totals"`; the first time, it is defined as well."""
        name = self.table.name
        if any(other != name and other.lower() == name.lower() for other in writer.named):
            raise QueryError(f"this query reads two queries whose names differ in case only, {name!r}: rename one")
        if name not in writer.being_named and name not in writer.named:
            writer.being_named.append(name)
            # What it reads by a name is defined before it.
            text = definition(writer, self.cte.definition)
            writer.being_named.remove(name)
            writer.named[name] = text
            writer.recursive = writer.recursive or self.cte.recursive
        return from_item(self)


class Beside(Made):
    """The rows of a source, joined with others."""

    __slots__ = ("base", "joins")

    def __init__(self, base: Source, joins: tuple[Join, ...]) -> None:
        super().__init__(base.table, base.alias)
        self.base = base
        self.joins = joins

    @property
    def what(self) -> str:
        return next(join.source.what for join in self.joins if isinstance(join.source, Made))

    @property
    def keyed(self) -> bool:
        base = self.base.keyed if isinstance(self.base, Made) else True
        return base and all(isinstance(join.source, Made) and join.source.keyed for join in self.joins)

    @property
    def beside(self) -> tuple[Source, ...]:
        named = [join.source for join in self.joins if isinstance(join.source, Source)]
        return (*self.base.beside, *named)

    @property
    def statements(self) -> tuple[Select, ...]:
        return self.base.statements if isinstance(self.base, Made) else ()

    def with_statements(self, statements: tuple[Select, ...]) -> "Beside":
        return Beside(self.base.with_statements(statements), self.joins) if isinstance(self.base, Made) else self

    def under(self, alias: str) -> "Beside":
        base = self.base.under(alias)
        joins: list[Join] = []
        for join in self.joins:
            source = join.source.renamed(alias) if isinstance(join.source, Made) else join.source
            on = moved(join.on, self.base, base)
            if isinstance(join.source, Source) and isinstance(source, Source):
                on = moved(on, join.source, source)
            joins.append(Join(source, on, join.outer))
        return Beside(base, tuple(joins))

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("beside", len(self.joins))
        if isinstance(self.base, Made):
            self.base.collect(shape, values, arrays)
        for join in self.joins:
            collect_join(join, shape, values, arrays)

    def write(self, writer: Writer) -> str:
        """`"person" JOIN "totals" ON …`."""
        return "".join((rows_of(writer, self.base), *(joined(writer, join) for join in self.joins)))


class CteQuery(SetQuery[M, R], Generic[M, R]):
    """A query that can be joined with rows that have a name."""

    @property
    def row(self) -> Any:
        """The row of a query made by `cte()`, for the lambdas of a query that is joined with it: `totals.row.total`."""
        if not isinstance(self.source, Named):
            raise QueryError("row stands for the rows of a query with a name: call cte() first")
        return Row(self.source)

    def alias(self, name: str) -> Self:
        """The same rows under another name, to be joined a second time."""
        if not isinstance(self.source, Named):
            raise QueryError("alias() is for the rows of a query with a name: call cte() first")
        return self._read_from(self.source.under(must_be_name(name, "alias")))

    def join_cte(self, other: "CteQuery[Any, Any]", on: Callable[[type[M], Any], object]) -> Self:
        """Join the rows of a query with a name; rows without a partner are left out.

        `User.query().join_cte(totals, on=lambda u, t: t.user_id == u.id)`: afterwards its columns are those of
        `totals.row`.
        """
        return self._beside(other, on, outer=False)

    def left_join_cte(self, other: "CteQuery[Any, Any]", on: Callable[[type[M], Any], object]) -> Self:
        """The same, and rows without a partner stay: what they find there is null."""
        return self._beside(other, on, outer=True)

    def _under_name(self, name: str) -> Self:
        """The rows of this query, under a name."""
        table = selected_table(self, must_be_name(name, "cte"))
        must_be_readable(self, "cte()")
        statement = self.select_statement()
        must_stand_alone(statement, "cte()")
        return self._read_from(Named(Cte(table, (statement,), recursive=False)))

    def _recursive(self, name: str, step: Callable[[Self], object], *, all: bool) -> Self:
        """These rows, those that a step makes of them, and so on."""
        operator: Operator = "UNION ALL" if all else "UNION"
        must_be_readable(self, "recursive()")
        cte = Cte(selected_table(self, must_be_name(name, "recursive")), (), operator, recursive=True)
        tree = self._read_from(Named(cte))
        # What the step makes of these rows is known only after it has got them.
        cte.members = self.select_statement(), a_step(self, cte, step(tree))
        for statement in cte.members:
            must_stand_alone(statement, "recursive()")
        return tree

    def _beside(self, other: QueryBase[Any], on: Callable[..., object], *, outer: bool) -> Self:
        query = self._apart()
        mine = query.source
        join = join_of(mine, other, on, outer=outer)
        return query._joined_with(join)

    def _joined_with(self, join: Join) -> Self:
        """The same query, with other rows beside each of its own."""
        projection, base = self.projection, self.source
        inner = base.joins if isinstance(base, Beside) else ()
        source = Beside(base.base if isinstance(base, Beside) else base, (*inner, join))
        if projection is not None and projection.columns is base.columns:
            projection = replace(projection, columns=source.columns)
        return self._with(source=source, projection=projection)


def must_be_name(name: object, verb: str) -> str:
    if not can_be_named(name):
        raise QueryError(f"{verb}() takes a name of 1 to {LONGEST_NAME} bytes of text, got {name!r}")
    return name


def must_stand_alone(statement: Select, verb: str) -> None:
    if outside := outer_columns(statement, ()):
        raise QueryError(f"{verb} stands for itself, and cannot look at {outside[0].label}, of a row around it")


def a_step(base: QueryBase[Any], cte: Cte, made: object) -> Select:
    """The select of a step, refused at once when no database can go on from it."""
    if not isinstance(made, QueryBase):
        raise QueryError(f"recursive() takes a step that returns a query of the rows it is given, got {made!r}")
    query = cast("QueryBase[Any]", made)
    must_fit(base, query, "recursive()")
    must_be_readable(query, "recursive()")
    step = query.select_statement()
    said = {
        "order_by()": bool(step.order_by),
        "limit()": step.limit is not None,
        "offset()": step.offset is not None,
        "distinct()": step.distinct,
        "distinct_on()": bool(step.distinct_on),
        "an aggregate": bool(step.group_by or step.having or any(map(is_aggregated, step.columns))),
    }
    for does, is_so in said.items():
        if is_so:
            raise QueryError(f"recursive(): no database goes on from a step with {does}: ask it of the whole")
    if not reads(step.source, cte):
        raise QueryError(
            "recursive() takes a step that reads the rows it is given: start from them, or join_cte() them"
        )
    return step


def reads(source: object, cte: Cte) -> bool:
    if isinstance(source, Beside):
        return any(reads(one, cte) for one in (source.base, *source.beside))
    return isinstance(source, Named) and source.cte is cte


def join_of(mine: Source, other: QueryBase[Any], on: Callable[..., object], *, outer: bool) -> Join:
    verb = "left_join_cte()" if outer else "join_cte()"
    source = getattr(other, "source", None)
    if not isinstance(source, Named):
        raise QueryError(f"{verb} takes a query with a name, such as Order.select(...).cte('totals'), got {other!r}")
    must_be_all(other, verb)
    taken = {one.name.lower() for one in (mine, *mine.beside)}
    if source.name.lower() in taken:
        raise QueryError(f"{verb}: {source.name!r} is joined already: give it another name with alias()")
    if not is_predicate(on):
        raise QueryError(f"{verb} takes on=lambda u, t: ..., of a row and one of the other rows, got {on!r}")
    with inside(mine):
        found = on(Row(mine), Row(source))
    if not is_expression(found):
        raise QueryError(f"{verb} expects a condition such as on=lambda u, t: t.user_id == u.id, got {found!r}")
    condition = must_be_condition(found, verb)
    for column in loose_columns(condition):
        if isinstance(column, ColumnRef) and isinstance(column.source, Joined):
            raise QueryError(
                f"{verb}: on= compares columns of the two rows only, and {column.label} is reached further on"
            )
    return Join(source, (condition,), outer)


def must_be_all(other: QueryBase[Any], verb: str) -> None:
    """Refuse rows to which something was said after they had a name."""
    bare = QueryBase(other.model, other.table, other.source, scoped=False)
    for name, value in vars(bare).items():
        if name != "projection" and vars(other)[name] != value:
            raise QueryError(f"{verb} joins all rows of a name: say where() and the like before cte()")
