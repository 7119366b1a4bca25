"""Relations inside a predicate: compared with an instance, or with None, by their keys."""

from typing import Any

from ferro.errors import QueryError
from ferro.query.expressions import ColumnRef, Comparison, Expression, IsNull, Logical, Not, Source, Value
from ferro.schema.relations import Relation
from ferro.schema.table import Column


class RelatedRow:
    """Stands for the row a relation leads to: compared with an instance, or with None, by its key."""

    __slots__ = ("_relation", "_source")

    def __init__(self, relation: Relation, source: Source) -> None:
        self._relation = relation
        self._source = source

    def __eq__(self, other: object) -> Expression[bool]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._compared(other)

    def __ne__(self, other: object) -> Expression[bool]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return Not(self._compared(other))

    __hash__ = object.__hash__

    def _compared(self, other: object) -> Expression[bool]:
        return must_be_key(self._relation, self._source, other)

    def _refused(self, *_: object) -> Any:
        raise QueryError(f"{self._relation.where} is a relation: compare it by == and != with an instance or None")

    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _refused

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise QueryError(
            f"{self._relation.where}: a query does not look across relations yet; "
            "compare the relation with an instance, or write the join as SQL for fetch_all()"
        )

    def __repr__(self) -> str:
        return self._relation.where


def must_be_key(relation: Relation, source: Source, other: object) -> Expression[bool]:
    """Whether a foreign key leads to an instance, or nowhere."""
    if relation.kind != "forward":
        many = "many rows" if not relation.single else "a row that refers to this one"
        raise QueryError(f"{relation.where} leads to {many}, and is no value to be compared")
    held = [ColumnRef[Any](source, mine) for mine, _ in relation.pairs]
    if other is None:
        nulls = tuple(IsNull(column) for column in held)
        return nulls[0] if len(nulls) == 1 else Logical("OR", nulls)
    target = relation.target.__name__
    if type(other).__name__ != target or not hasattr(other, "__ferro_read__"):
        raise QueryError(f"{relation.where} is compared with a {target} or None, not with {other!r}")
    key = [vars(other).get(theirs.field) for _, theirs in relation.pairs]
    if None in key:
        raise QueryError(f"{relation.where}: this {target} is not saved yet, and has no key to compare with")
    equal = tuple(equals(source, column.column, value) for column, value in zip(held, key, strict=True))
    return equal[0] if len(equal) == 1 else Logical("AND", equal)


def equals(source: Source, column: Column, value: Any) -> Expression[bool]:
    held = ColumnRef[Any](source, column)
    return Comparison(held, "==", Value[Any](value, column.type, held))
