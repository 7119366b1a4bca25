"""Queries inside of queries: whether there is a row, the one value of a row, a list of values."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

from ferro.errors import QueryError
from ferro.query.compiler import collect_select, select
from ferro.query.expressions import ColumnRef, Condition, Expression, Nested, Order, Shape, Values
from ferro.query.kinds import described
from ferro.query.sources import Joined, Source
from ferro.query.sqltext import ATOM, COMPARE, CONCAT, Text, quote, within
from ferro.query.statements import Derived, Join, Made, Select, With
from ferro.query.writer import Writer, never_null
from ferro.types.base import ColumnType

T = TypeVar("T")


@runtime_checkable
class Query(Protocol):
    """What the statements of a subquery come from."""

    def select_statement(self) -> Select:
        """The rows themselves."""
        ...

    def exists_statement(self) -> Select:
        """One row when there is any."""
        ...


class Scalar(Expression[T]):
    """The value of the only row of a query that selects one column; null when there is no row."""

    __slots__ = ("statement",)

    def __init__(self, statement: Select) -> None:
        self.statement = statement

    @property
    def type(self) -> ColumnType | None:
        return self.statement.columns[0].type

    @property
    def label(self) -> str:
        return f"the subquery of {self.statement.columns[0].label}"

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return tuple(outer_columns(self.statement, ()))

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append("scalar")
        collect_select(self.statement, shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """`(SELECT …)`."""
        return Text(f"({select(writer, self.statement)})", ATOM)

    def __repr__(self) -> str:
        return f"scalar({self.statement.columns[0]!r})"


class Exists(Condition):
    """Whether a query has any row."""

    __slots__ = ("statement",)

    def __init__(self, statement: Select) -> None:
        self.statement = statement

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return tuple(outer_columns(self.statement, ()))

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append("exists")
        collect_select(self.statement, shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """`EXISTS (SELECT 1 …)`."""
        return Text(f"EXISTS ({select(writer, self.statement)})", ATOM)

    def __repr__(self) -> str:
        return "exists(...)"


class InQuery(Condition):
    """Whether a value is among those of a query that selects one column, or none of them."""

    __slots__ = ("negated", "operand", "statement")

    def __init__(self, operand: Expression[Any], statement: Select, *, negated: bool) -> None:
        self.operand = operand
        self.statement = statement
        self.negated = negated

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return (self.operand, *outer_columns(self.statement, ()))

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append("not in query" if self.negated else "in query")
        self.operand.collect(shape, values, arrays)
        collect_select(self.statement, shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """`… IN (SELECT …)`."""
        operand = within(writer.compared(writer.write(self.operand), self.operand.type), CONCAT)
        rows = select(writer, self.statement, form=writer.comparable, like=(self.operand,))
        if not self.negated:
            return Text(f"{operand} IN ({rows})", COMPARE)
        if not never_null(self.statement.columns[0]):
            # One null would make the answer null for every row.
            name, value = quote("given"), quote("value")
            rows = f"WITH {name}({value}) AS ({rows}) SELECT {value} FROM {name} WHERE {value} IS NOT NULL"
        return Text(f"{operand} NOT IN ({rows})", COMPARE)

    def __repr__(self) -> str:
        return f"({self.operand!r} {'NOT ' if self.negated else ''}IN (...))"


class Picked(Expression[T]):
    """A column of a query that another one asks, under the name it has there."""

    __slots__ = ("_type", "alias", "name")

    def __init__(self, alias: str, name: str, column: Expression[T]) -> None:
        self.alias = alias
        self.name = name
        self._type = column.type

    @property
    def type(self) -> ColumnType | None:
        return self._type

    @property
    def label(self) -> str:
        return self.name

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("picked", self.alias, self.name, self._type)

    def write(self, _writer: Writer) -> Text:
        """`"alias"."name"`."""
        return Text(f"{quote(self.alias)}.{quote(self.name)}", ATOM)

    def __repr__(self) -> str:
        return f"{self.alias}.{self.name}"


def exists(query: Nested[Any]) -> Expression[bool]:
    """Whether a query has any row: `User.where(lambda u: exists(Order.where(lambda o: o.user_id == u.id)))`."""
    return Exists(replace(a_query(query, "exists()").exists_statement(), limit=None))


def scalar(query: Nested[T]) -> Expression[T | None]:
    """The value of a query of one column and at most one row: `scalar(Order.select(lambda o: max_(o.total)))`.

    It is null when the query has no row. A query of several rows is an error on PostgreSQL, and its first
    row on SQLite: where there may be more, sort them and ask for `limit(1)`.
    """
    return Scalar(one_column(a_query(query, "scalar()").select_statement(), "scalar()"))


def membership(query: object, left: Expression[Any], *, negated: bool) -> Expression[bool]:
    """Whether a value is one of those a query selects, or none of them."""
    verb = "not_in()" if negated else "in_()"
    statement = one_column(a_query(query, verb).select_statement(), verb)
    column = statement.columns[0]
    if left.kind and column.kind and left.kind != column.kind:
        raise QueryError(
            f"{left.label}.{verb}: {described(left)} and the query's {described(column).partition(' ')[2]} "
            "do not go together; cast() one of them"
        )
    return InQuery(left, statement, negated=negated)


def a_query(given: object, verb: str) -> Query:
    if isinstance(given, Query) and not isinstance(given, type):
        return given
    raise QueryError(f"{verb} takes a query, such as User.where(...), got {given!r}")


def one_column(statement: Select, verb: str) -> Select:
    if len(statement.columns) != 1:
        raise QueryError(
            f"{verb} takes a query of one column, and this one has {len(statement.columns)}: "
            "choose one with select(lambda u: u.id)"
        )
    return statement


# What belongs to a query around, and what to its own rows.


def outer_columns(found: Any, own: tuple[Source, ...]) -> list[Expression[Any]]:
    """The columns in a statement that none of its own sources has."""
    if isinstance(found, ColumnRef):
        column = cast(ColumnRef[Any], found)
        return [] if column.source in own else [column]
    if isinstance(found, Select):
        sources = (found.source, *(join.source for join in found.joins))
        named = [source for source in sources if isinstance(source, Source)]
        own = (*own, *named, *(other for source in named for other in source.beside))
    return [column for _, part in parts_of(found) for column in outer_columns(part, own)]


def moved(found: Any, old: Source, new: Source) -> Any:
    """The same with the columns of one source, and of those joined to it, taken from another."""
    beside = dict(zip(old.beside, new.beside, strict=True))

    def change(column: ColumnRef[Any]) -> Expression[Any]:
        source = column.source
        if isinstance(source, Joined):
            return ColumnRef[Any](source.rerooted(old, new), column.column)
        source = new if source == old else beside.get(source, source)
        return ColumnRef[Any](source, column.column)

    return changed(found, change, old)


def changed(found: Any, change: Callable[[ColumnRef[Any]], Expression[Any]], own: Source) -> Any:
    """The same with its columns changed; a query inside over the very rows of `own` keeps its own."""
    if isinstance(found, ColumnRef):
        return change(cast(ColumnRef[Any], found))
    if isinstance(found, Select) and found.source == own:
        return found
    if isinstance(found, tuple):
        return tuple(changed(one, change, own) for one in cast(tuple[Any, ...], found))
    if isinstance(found, Made):
        return found.with_statements(changed(found.statements, change, own))
    changes = {name: changed(part, change, own) for name, part in parts_of(found)}
    if not changes:
        return found
    if is_dataclass(found) and not isinstance(found, type):
        return replace(found, **changes)
    copy = object.__new__(cast(type[Any], type(found)))
    for name in slots_of(found):
        setattr(copy, name, changes.get(name, getattr(found, name)))
    return copy


def parts_of(found: Any) -> list[tuple[str, Any]]:
    """What a statement or an expression is made of, by name."""
    if isinstance(found, tuple):
        return [("", one) for one in cast(tuple[Any, ...], found)]
    if isinstance(found, Made):
        return [("", one) for one in found.statements]
    if isinstance(found, (Select, Derived, Join, With)):
        names = [field.name for field in fields(found)]
    elif isinstance(found, (Expression, Order)):
        names = slots_of(cast(Any, found))
    else:
        return []
    held = [(name, getattr(cast(Any, found), name)) for name in names]
    return [(name, part) for name, part in held if isinstance(part, PARTS)]


PARTS = (tuple, Expression, Order, Select, Derived, Join, Made, With)


def slots_of(found: Any) -> list[str]:
    return [name for kind in type(found).__mro__ for name in getattr(kind, "__slots__", ())]
