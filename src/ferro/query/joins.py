"""Which tables a query has to join: those its columns are reached through."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from ferro.caches import informing
from ferro.errors import QueryError
from ferro.query.expressions import ONE, ColumnRef, Expression
from ferro.query.sources import Joined, ScopeOf, Source
from ferro.query.statements import Join, Select
from ferro.query.subqueries import Exists, Scalar, changed
from ferro.schema.relations import Relation
from ferro.schema.table import Table

# What was said with join() and left_join(): the way, and whether rows that have no partner stay.
Marks: TypeAlias = tuple[tuple[Joined, bool], ...]


def joined(parent: Source, relation: Relation, scope: ScopeOf) -> Joined:
    """The rows a relation leads to; the same object every time."""
    return one_joined(parent, relation, scope, relation.target_table)


@informing("joins")
@lru_cache(maxsize=1024)
def one_joined(parent: Source, relation: Relation, scope: ScopeOf, _target: Table) -> Joined:
    # A name may stand for another class one day: then the table is another one.
    return Joined(parent, relation, scope)


def joins_of(source: Source, parts: Sequence[Expression[Any]], marks: Marks = ()) -> tuple[Join, ...]:
    """The sources that expressions ask for beside the query's own, each after the one it is reached from.

    A row is never lost by looking at what it leads to: where there may be nothing, the join is an outer one.
    """
    found: dict[Any, Joined] = {}
    for way, _ in marks:
        note(way, found)
    for part in parts:
        for column in own_columns(part):
            way = column.source
            if isinstance(way, Joined) and way.key not in found and way.root == source:
                note(way, found)
    said = {way.key: outer for way, outer in marks}
    outer: dict[Any, bool] = {}
    for key, way in found.items():
        outer[key] = said[key] if key in said else way.may_be_missing or outer.get(way.parent.key, False)
    return tuple(Join(way, way.on, outer[key]) for key, way in found.items())


def note(way: Joined, found: dict[Any, Joined]) -> None:
    if way.key not in found:
        if isinstance(way.parent, Joined):
            note(way.parent, found)
        found[way.key] = way


def own_columns(found: Expression[Any]) -> list[ColumnRef[Any]]:
    """The columns of an expression, without those that a query inside it has for itself."""
    if isinstance(found, ColumnRef):
        return [found]
    return [column for part in found.children for column in own_columns(part)]


def marked(marks: Marks, way: Joined, *, outer: bool) -> Marks:
    """The marks with one more; two that contradict each other are an error."""
    for known, was_outer in marks:
        if known == way:
            if was_outer != outer:
                raise QueryError(f"{way.name} is joined already, the other way: call join() or left_join() for it once")
            return marks
    return (*marks, (way, outer))


# A statement that changes rows has one table. What its rows lead to is looked up for each of them.


def looked_up(found: Any, source: Source) -> Any:
    """The same, with the columns of joined rows as subqueries."""

    def change(column: ColumnRef[Any]) -> Expression[Any]:
        way = column.source
        if not isinstance(way, Joined) or way.root != source:
            return column
        first, *rest = way_to(way)
        return Scalar[Any](Select(first, (column,), first.on, joins=tuple(Join(one, one.on) for one in rest)))

    return changed(found, change, source)


def required(marks: Marks) -> tuple[Expression[bool], ...]:
    """That there is a row wherever join() asks for one."""
    conditions: list[Expression[bool]] = []
    for way, outer in marks:
        if not outer:
            first, *rest = way_to(way)
            joins = tuple(Join(one, one.on) for one in rest)
            conditions.append(Exists(Select(first, (ONE,), first.on, joins=joins)))
    return tuple(conditions)


def way_to(way: Joined) -> list[Joined]:
    """Every source on the way, the first one first."""
    return [*(way_to(way.parent) if isinstance(way.parent, Joined) else []), way]
