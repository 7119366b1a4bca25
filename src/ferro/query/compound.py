"""Queries made of queries: the rows of one and those of others, joined by UNION, INTERSECT and EXCEPT."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Generic, Literal, Self, TypeAlias, TypeVar, cast

from ferro.errors import QueryError
from ferro.query.builder import QueryBase
from ferro.query.compiler import collect_members, members
from ferro.query.expressions import Expression, Nested, Shape, Values
from ferro.query.selections import must_be_readable, names_of, selected_table
from ferro.query.sqltext import quote
from ferro.query.statements import Made, Select
from ferro.query.writer import Writer
from ferro.schema.table import Table

M = TypeVar("M")
R = TypeVar("R")

Operator: TypeAlias = Literal["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]
VERBS: dict[Operator, str] = {
    "UNION": "union()",
    "UNION ALL": "union_all()",
    "INTERSECT": "intersect()",
    "EXCEPT": "except_()",
}


class Compound(Made):
    """The rows of several selects, as a set operation joins them: under the name of the first one's table."""

    __slots__ = ("members", "operator")

    def __init__(self, table: Table, alias: str | None, members: tuple[Select, ...], operator: Operator) -> None:
        super().__init__(table, alias)
        self.members = members
        self.operator: Operator = operator

    @property
    def what(self) -> str:
        return VERBS[self.operator]

    @property
    def keyed(self) -> bool:
        return bool(self.table.primary_key) and self.operator != "UNION ALL"

    @property
    def statements(self) -> tuple[Select, ...]:
        return self.members

    def with_statements(self, statements: tuple[Select, ...]) -> "Compound":
        return Compound(self.table, self.alias, statements, self.operator)

    def under(self, alias: str) -> "Compound":
        return Compound(self.table, alias, self.members, self.operator)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        collect_members(self.members, self.operator, shape, values, arrays)

    def write(self, writer: Writer) -> str:
        """`(SELECT … UNION SELECT …) AS "person"`."""
        names = tuple(column.name for column in self.table.columns)
        return f"({members(writer, self.members, self.operator, names)}) AS {quote(self.name)}"


class SetQuery(QueryBase[M], Nested[R], Generic[M, R]):
    """A query whose rows can be joined with those of others."""

    def union(self, *others: Nested[R]) -> Self:
        """These rows and those of the others, equal ones once: `paid.union(overdue).order_by("-placed")`.

        What was said before belongs to this query, what comes after to all rows.
        """
        return self._read_from(compound(self, "UNION", others))

    def union_all(self, *others: Nested[R]) -> Self:
        """These rows and those of the others, as often as they come."""
        return self._read_from(compound(self, "UNION ALL", others))

    def intersect(self, *others: Nested[R]) -> Self:
        """The rows that all of them have, each once."""
        return self._read_from(compound(self, "INTERSECT", others))

    def except_(self, *others: Nested[R]) -> Self:
        """The rows that none of the others has, each once."""
        return self._read_from(compound(self, "EXCEPT", others))

    def _read_from(self, source: Made) -> Self:
        """A new query over rows that were made of these; they come as these did."""
        chosen = self.projection
        table = self.table if chosen is None else source.table
        changes: dict[str, Any] = vars(QueryBase(self.model, table, source, scoped=False))
        if chosen is not None:
            names = chosen.names if chosen.kind == "dict" else names_of(chosen)
            changes["projection"] = replace(chosen, names=names, columns=source.columns)
        return self._with(**changes)._apart()


def compound(first: QueryBase[Any], operator: Operator, others: Sequence[object]) -> Compound:
    """The rows of several queries."""
    verb = VERBS[operator]
    if not others:
        raise QueryError(f"{verb} needs another query")
    for other in others:
        if not isinstance(other, QueryBase):
            raise QueryError(f"{verb} takes queries, such as User.where(...), got {other!r}")
        must_fit(first, cast("QueryBase[Any]", other), verb)
    queries = (first, *cast("Sequence[QueryBase[Any]]", others))
    for query in queries:
        must_be_readable(query, verb)
    statements = tuple(query.select_statement() for query in queries)
    table = first.source.table if first.projection is None else selected_table(first, first.source.table.name)
    return Compound(table, first.source.alias, statements, operator)


def must_fit(first: QueryBase[Any], other: QueryBase[Any], verb: str) -> None:
    """Refuse rows that are of another kind than those of the first query."""
    mine, theirs = first.projection, other.projection
    if mine is None and theirs is None:
        if first.table is not other.table:
            raise QueryError(
                f"{verb} joins instances of one model, and these are {first.model.__name__} and {other.model.__name__}: "
                "select() columns that both have"
            )
        return
    if mine is None or theirs is None:
        raise QueryError(f"{verb} joins rows of one kind, and only one of these queries has a select()")
    columns_must_fit(mine.columns, theirs.columns, names_of(mine), names_of(theirs), verb)


def columns_must_fit(
    mine: Sequence[Expression[Any]],
    theirs: Sequence[Expression[Any]],
    names: Sequence[str],
    others: Sequence[str],
    verb: str,
) -> None:
    if len(mine) != len(theirs):
        raise QueryError(
            f"{verb} joins rows of as many columns, and these have {len(mine)} ({', '.join(names)}) and "
            f"{len(theirs)} ({', '.join(others)})"
        )
    for at, (one, other) in enumerate(zip(mine, theirs, strict=True)):
        if one.type and other.type and one.type is not other.type and not alike(one, other):
            raise QueryError(
                f"{verb}: column {at + 1} is {names[at]} ({one.type.name}) in the first query and {others[at]} "
                f"({other.type.name}) in another, which do not go together; cast() one of them"
            )


def alike(one: Expression[Any], other: Expression[Any]) -> bool:
    """Whether values of both come back the same way."""
    if not one.kind or not other.kind or one.type is None or other.type is None:
        return True
    return one.kind == other.kind and one.type.python_type == other.type.python_type
