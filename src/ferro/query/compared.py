"""Relations compared with an instance, or with None, by their keys."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from pydantic import BaseModel

from ferro.errors import QueryError
from ferro.identity import must_be_of_here
from ferro.query.expressions import ColumnRef, Comparison, Expression, IsNull, Logical, Shape, Value, Values
from ferro.query.sources import Source
from ferro.query.sqltext import Text
from ferro.query.writer import Writer
from ferro.schema.relations import Relation
from ferro.schema.table import Column
from ferro.types.values import with_article

# A relation, and the instance at the other end of it.
Owner: TypeAlias = tuple[str, BaseModel]


def is_the_same(
    relation: Relation, held: Sequence[ColumnRef[Any]], columns: Sequence[Column], other: object
) -> Expression[bool]:
    """Whether what is held here is what an instance has in these columns of its own, or nothing."""
    if other is None:
        nulls = tuple(IsNull(column) for column in held)
        return nulls[0] if len(nulls) == 1 else Logical("OR", nulls)
    target = relation.target.__name__
    if not isinstance(other, BaseModel) or type(other).__name__ != target or not hasattr(other, "__ferro_read__"):
        raise QueryError(
            f"{relation.where} is compared with {with_article(target)} or None, not with {other!r}; "
            f"a key is compared with {key_as_written(relation, columns)}"
        )
    key = [vars(other).get(column.field) for column in columns]
    if None in key:
        raise QueryError(f"{relation.where}: this {target} is not saved yet, and has no key to compare with")
    equal = tuple(
        Comparison(column, "==", KeyOf(relation.where, other, value, column))
        for column, value in zip(held, key, strict=True)
    )
    return equal[0] if len(equal) == 1 else Logical("AND", equal)


class KeyOf(Value[Any]):
    """A value out of the key of an instance, which must have come from the database that is asked."""

    __slots__ = ("owner",)

    def __init__(self, relation: str, instance: BaseModel, value: Any, held: ColumnRef[Any]) -> None:
        super().__init__(value, held.column.type, held)
        self.owner = relation, instance

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        must_be_of_here(*self.owner)
        super().collect(shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        return writer.value(self)


def key_as_written(relation: Relation, columns: Sequence[Column]) -> str:
    """How a condition names what tells the row a relation leads to."""
    if relation.kind == "forward":
        return " and ".join(column.field for column in relation.columns)
    rows = relation.name if relation.single else "the rows in any(): row"
    return " and ".join(f"{rows}.{column.field}" for column in columns)


def equals(source: Source, column: Column, value: Any) -> Expression[bool]:
    """That a column holds this very value."""
    held = ColumnRef[Any](source, column)
    return Comparison(held, "==", Value[Any](value, column.type, held))
