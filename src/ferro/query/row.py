"""What a predicate receives, `lambda u: u.age >= 18`: a row, the rows it leads to, and collections of them."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches
from itertools import count
from typing import Any, Generic, Self, TypeAlias, TypeVar, overload

from ferro.errors import QueryError, UnknownColumnError
from ferro.query.compared import is_the_same, key_as_written
from ferro.query.documents import reference
from ferro.query.expressions import (
    ONE,
    Aggregate,
    ColumnRef,
    Comparison,
    Condition,
    Expression,
    IsNull,
    Not,
    Shape,
    Valued,
    Values,
    expression,
    is_expression,
    must_be_condition,
)
from ferro.query.joins import joined, joins_of
from ferro.query.kinds import type_for
from ferro.query.selected import A, Scalar
from ferro.query.sources import Joined, Source, source_of
from ferro.query.sqltext import COMPARE, CONCAT, Text, within
from ferro.query.statements import Join, Select
from ferro.query.subqueries import Exists
from ferro.query.subqueries import Scalar as Subquery
from ferro.query.writer import Writer
from ferro.schema.relations import Relation, relations_of
from ferro.schema.table import Column, Table

M = TypeVar("M")

# What says something of a row, and what names a value of it.
Said: TypeAlias = Callable[[type[M]], object] | Valued[bool | None] | bool
Operand: TypeAlias = Callable[[type[M]], object] | Valued[Any] | Scalar


class Row:
    """Stands for each row of a source: its attributes are the columns, by field name, and what it leads to."""

    __slots__ = ("_source",)

    def __init__(self, source: Source) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return attribute(self._source, name)

    def __ferro_source__(self) -> Source:
        return self._source

    def __repr__(self) -> str:
        return f"Row({self._source.name})"


def source_behind(row: object) -> Source | None:
    """What a row stands for each row of."""
    return row.__ferro_source__() if isinstance(row, Row) else None


class OwnRow(Row):
    """A row of which only the columns may be used."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name in self._source.table.relations:
            raise QueryError(f"{name} leads to other rows, and only the columns of this one can be used")
        return super().__getattr__(name)


def attribute(source: Source, name: str) -> Any:
    """What a name means in a row: a column, the one row that a relation leads to, or many."""
    relation = source.table.relations.get(name)
    if relation is None:
        return reference(source, find_column(source.table, name))
    return RelatedRow(relation, source) if relation.single else Collection[Any](relation, source)


class RelatedRow:
    """Stands for the row a relation leads to: `b.author.name`, and `b.author == ann`."""

    __slots__ = ("_relation", "_source")

    def __init__(self, relation: Relation, source: Source) -> None:
        self._relation = relation
        self._source = source

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__") and self._relation.kind == "forward":
            # The key is here already.
            for mine, theirs in self._relation.pairs:
                if theirs.field == name:
                    return ColumnRef[Any](self._source, mine)
        return attribute(self.__ferro_way__(), name)

    def __ferro_way__(self) -> Joined:
        return joined(self._source, self._relation, scope_of)

    def __eq__(self, other: object) -> Expression[bool]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return is_the_same(self._relation, *self._key(), other)

    def __ne__(self, other: object) -> Expression[bool]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return Not(self == other)

    __hash__ = object.__hash__

    def _key(self) -> tuple[Sequence[ColumnRef[Any]], Sequence[Column]]:
        """What tells which row it is: where it is held here, and its own columns for it."""
        if self._relation.kind == "forward":
            mine, theirs = zip(*self._relation.pairs, strict=True)
            return [ColumnRef[Any](self._source, column) for column in mine], theirs
        way = self.__ferro_way__()
        return [ColumnRef[Any](way, column) for column in way.table.primary_key], way.table.primary_key

    def _refused(self, *_: object) -> Any:
        raise QueryError(
            f"{self._relation.where} is a relation: compare it by == and != with an instance or None, "
            f"or one of its columns, such as {self._relation.name}.{self._relation.target_table.columns[0].field}"
        )

    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _refused

    def in_(self, *_: object) -> Any:
        """Refuse to look for a row among others: its key can be looked for."""
        key = key_as_written(self._relation, self._key()[1])
        raise QueryError(f"{self._relation.where} is a relation: look for its key, {key}.in_([...])")

    not_in = in_

    def __repr__(self) -> str:
        return self._relation.where


class Collection(Generic[M]):
    """Stands for the many rows a relation leads to: `a.books.any(lambda b: b.pages > 300)`, `a.books.count()`."""

    __slots__ = ("_conditions", "_links", "_outer", "_relation", "_rows")

    def __init__(self, relation: Relation, outer: Source) -> None:
        self._relation = relation
        self._outer = outer
        taken = {*names_of(outer), *(name for source in enclosing() for name in names_of(source))}
        rows = apart(relation.target_table, taken)
        self._rows = rows
        self._links: tuple[Join, ...] = ()
        if relation.kind == "many":
            link = relation.link
            between = apart(link.table, {*taken, rows.name})
            near = zip(link.near, relation.table.primary_key, strict=True)
            far = zip(link.far, rows.table.primary_key, strict=True)
            from_here = tuple(equal(ColumnRef[Any](between, held), ColumnRef[Any](outer, mine)) for held, mine in near)
            to_there = tuple(equal(ColumnRef[Any](between, held), ColumnRef[Any](rows, theirs)) for held, theirs in far)
            scope = scope_of(link.table, between)
            joins = joins_of(between, scope)
            if link.key is not None:
                self._links = (Join(between, to_there), *joins)
                self._conditions: tuple[Expression[bool], ...] = (*from_here, *scope)
            else:
                # However many links lead to a row, it is one row.
                self._conditions = (Exists(Select(between, (ONE,), (*to_there, *from_here, *scope), joins=joins)),)
        else:
            self._conditions = tuple(
                equal(ColumnRef[Any](rows, theirs), ColumnRef[Any](outer, mine)) for mine, theirs in relation.pairs
            )
        self._conditions += scope_of(rows.table, rows)

    # Which of them.

    def where(self, *conditions: Said[M]) -> Self:
        """Only those that meet every condition: `a.books.where(lambda b: b.pages > 300).count()`."""
        if not conditions:
            raise QueryError("where() needs a condition: where(lambda u: u.age >= 18)")
        kept = object.__new__(type(self))
        for name in Collection.__slots__:
            setattr(kept, name, getattr(self, name))
        kept._conditions = (*self._conditions, *(self._condition(one, "where()") for one in conditions))
        return kept

    # Whether.

    def any(self, condition: Said[M] | None = None) -> Expression[bool]:
        """Whether there is one, or one that meets a condition."""
        found = self if condition is None else self.where(condition)
        return Exists(found._select(ONE))

    exists = any

    def none(self, condition: Said[M] | None = None) -> Expression[bool]:
        """Whether there is none, or none that meets a condition."""
        return Not(self.any(condition))

    def all(self, condition: Said[M]) -> Expression[bool]:
        """Whether every one meets a condition; one where the database cannot tell (null) does not."""
        return self.none(NotTrue(self._condition(condition, "all()")))

    def contains(self, instance: M) -> Expression[bool]:
        """Whether an instance is one of them."""
        columns = self._rows.table.primary_key
        key = [ColumnRef[Any](self._rows, column) for column in columns]
        return self.any(is_the_same(self._relation, key, columns, instance))

    # What they come to.

    def count(self, condition: Said[M] | None = None) -> Expression[int]:
        """How many there are, or how many meet a condition."""
        found = self if condition is None else self.where(condition)
        return Subquery(found._select(Aggregate[int]("count", None, type_for(int))))

    @overload
    def sum(self, column: Callable[[type[M]], A | Valued[A]]) -> Expression[A | None]: ...
    @overload
    def sum(self, column: Scalar | Valued[Any]) -> Expression[Any]: ...
    def sum(self, column: Any) -> Expression[Any]:
        """The sum of a column; null when there is none: `a.books.sum(lambda b: b.sold)`."""
        return Subquery(self._select(self._value(column).sum()))

    def avg(self, column: Operand[M]) -> Expression[Any]:
        """The average of a column; null when there is none."""
        return Subquery(self._select(self._value(column).avg()))

    @overload
    def min(self, column: Callable[[type[M]], A | Valued[A]]) -> Expression[A | None]: ...
    @overload
    def min(self, column: Scalar | Valued[Any]) -> Expression[Any]: ...
    def min(self, column: Any) -> Expression[Any]:
        """The least value of a column; null when there is none."""
        return Subquery(self._select(self._value(column).min()))

    @overload
    def max(self, column: Callable[[type[M]], A | Valued[A]]) -> Expression[A | None]: ...
    @overload
    def max(self, column: Scalar | Valued[Any]) -> Expression[Any]: ...
    def max(self, column: Any) -> Expression[Any]:
        """The greatest value of a column; null when there is none."""
        return Subquery(self._select(self._value(column).max()))

    # The statement inside.

    def _select(self, column: Expression[Any]) -> Select:
        joins = joins_of(self._rows, (column, *self._conditions))
        return Select(self._rows, (column,), self._conditions, joins=(*self._links, *joins))

    def _condition(self, given: Any, verb: str) -> Expression[bool]:
        found = self._call(given)
        if not is_expression(found):
            raise QueryError(
                f"{self._relation.name}.{verb} expects a condition such as lambda b: b.pages > 300, got {found!r}"
            )
        return must_be_condition(found, verb)

    def _value(self, given: Any) -> Expression[Any]:
        if isinstance(given, str):
            return expression(attribute(self._rows, given))
        found = self._call(given)
        if not is_expression(found):
            raise QueryError(f"{self._relation.where}: expected a column such as lambda b: b.pages, got {found!r}")
        return found

    def _call(self, given: Any) -> Any:
        if is_expression(given) or not callable(given):
            return given
        with inside(self._outer, self._rows):
            return given(Row(self._rows))

    # What a list can do, and a collection in a query cannot.

    def _refused(self, *_: object) -> Any:
        name = self._relation.name
        raise QueryError(
            f"{self._relation.where} leads to many rows, and is no value to be compared: "
            f"ask {name}.any(lambda x: ...), all, none, contains(instance), or {name}.count()"
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __len__ = __iter__ = __contains__ = _refused
    __getitem__ = _refused
    __hash__ = object.__hash__

    # Of what is asked of them, a checker only knows the name.
    def __getattr__(self, name: str) -> Any:
        many = self._relation.name
        raise UnknownColumnError(
            f"{self._relation.where} leads to many rows, and has no {name!r}: ask {many}.any(lambda x: ...), all, none, "
            f"count, sum, avg, min or max, such as {many}.max(lambda x: x.{name})"
        )

    def __repr__(self) -> str:
        return self._relation.where


# Which rows of a table its queries see.


def scope_of(table: Table, source: Source) -> tuple[Expression[bool], ...]:
    """The conditions of a model's scope, about the rows of a source: to stand before all others.

    Whoever reads a table by another way than its queries asks for them as well. That a row is not deleted comes
    first. A foreign key leads to its row whatever the scope says of it.
    """
    if not table.scoped:
        return ()
    kept = () if table.deleted is None else (IsNull(ColumnRef[Any](source, table.deleted)),)
    return kept + tuple(read_scope(scope, source) for scope in table.scopes)


def read_scope(scope: Callable[[Any], object], source: Source) -> Expression[bool]:
    with inside(source):
        found = scope(Row(source))
    if not is_expression(found):
        raise QueryError(
            f"{source.table.model.__name__}.__ferro_scope__ expects a lambda that returns a condition such as "
            f"p.published == True, got {type(found).__name__}: {found!r}"
        )
    return must_be_condition(found, "__ferro_scope__")


def equal(one: ColumnRef[Any], other: ColumnRef[Any]) -> Comparison:
    return Comparison(one, "==", other)


class NotTrue(Condition):
    """That a condition is false, or null."""

    __slots__ = ("operand",)

    def __init__(self, operand: Expression[bool]) -> None:
        self.operand = operand

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return (self.operand,)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape.append("IS NOT TRUE")
        self.operand.collect(shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """`… IS NOT TRUE`."""
        return Text(f"{within(writer.write(self.operand), CONCAT)} IS NOT TRUE", COMPARE)

    def __repr__(self) -> str:
        return f"({self.operand!r} IS NOT TRUE)"


# The rows that the functions running now were called with: a query built inside of one stands inside its query.
around: ContextVar[tuple[Source, ...]] = ContextVar("around", default=())


def enclosing() -> tuple[Source, ...]:
    """The sources of the queries that are being built around this one."""
    return around.get()


@contextmanager
def inside(*sources: Source) -> Generator[None, None, None]:
    """While a function is called with a row of the last of these sources."""
    token = around.set((*around.get(), *sources))
    try:
        yield
    finally:
        around.reset(token)


def names_of(source: Source) -> list[str]:
    """The names a source takes: its own, and those on the way to it."""
    return [source.name, *(names_of(source.parent) if isinstance(source, Joined) else [])]


def apart(table: Table, taken: set[str]) -> Source:
    """The table as a source, under an alias where its name is taken."""
    if table.name not in taken:
        return source_of(table)
    return Source(table, next(name for number in count(2) if (name := f"{table.name}_{number}") not in taken))


def chosen_way(choose: Callable[[Any], Any] | str, source: Source, verb: str) -> Joined:
    """The joined source that a function of the row names, or a dotted name: `lambda b: b.author.team`."""
    if isinstance(choose, str):
        found: Any = Row(source)
        for name in choose.split("."):
            found = getattr(found, name)
    else:
        found = choose(Row(source)) if callable(choose) else choose
    if isinstance(found, RelatedRow):
        return found.__ferro_way__()
    if isinstance(found, Collection):
        raise QueryError(
            f"{verb}() goes along a relation to one row, and {found!r} leads to many, which would repeat the rows of this "
            f"query: ask {found!r} with any() or count() in where(), or load it with include()"
        )
    raise QueryError(f"{verb}() takes a relation, such as lambda b: b.author, got {found!r}")


def find_column(table: Table, name: str) -> Column:
    """The column of a field, or an error that names the closest one."""
    column = table.by_field.get(name)
    if column is None:
        raise UnknownColumnError(unknown_column(table, name))
    return column


def unknown_column(table: Table, name: str) -> str:
    """What is wrong with a name, and what was probably meant."""
    relation = table.relations.get(name)
    if relation is not None:
        return f"{relation.where} is a relation, not a column: name one of the columns it leads to, as in '{name}.id'"
    declared = relations_of(table.model).get(name)
    if declared is not None:
        return (
            f"{table.name} holds what a query selected: columns, and no relation such as {name!r}; compare its keys, or "
            f"join_cte() it to {declared.target_name}; its columns are {', '.join(table.by_field)}"
        )
    close = next(iter(get_close_matches(name, (*table.by_field, *table.relations), n=1)), None)
    guess = f"; did you mean {close!r}?" if close else ";"
    return f"{table.name} has no column {name!r}{guess} its columns are {', '.join(table.by_field)}"


def closest(table: Table, name: str) -> str | None:
    """The field whose name is most like this one, if any is."""
    return next(iter(get_close_matches(name, table.by_field, n=1)), None)
