"""The rows at the other end of a relation, as conditions: what is read, changed or deleted there is only these."""

from collections.abc import Callable
from typing import Any, Self, TypeVar

from ferro.errors import QueryError, UnknownColumnError
from ferro.query.builder import QueryBase
from ferro.query.compared import equals
from ferro.query.expressions import ColumnRef, Comparison, Condition, Expression, Logical, Shape, Source, Values
from ferro.query.sqltext import ATOM, Text, quote
from ferro.query.writer import WRITE, Writer
from ferro.schema.registry import table_of
from ferro.schema.relations import Relation

M = TypeVar("M")


class Linked(Condition):
    """Whether there is a row in another table that meets some conditions."""

    __slots__ = ("conditions", "source")

    def __init__(self, source: Source, conditions: tuple[Expression[Any], ...]) -> None:
        self.source = source
        self.conditions = conditions

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return self.conditions

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("linked", self.source.key, len(self.conditions))
        for condition in self.conditions:
            condition.collect(shape, values, arrays)

    def __repr__(self) -> str:
        return f"(EXISTS {self.source.name}: {' AND '.join(map(repr, self.conditions))})"


def write_linked(writer: Writer, node: Linked) -> Text:
    condition = writer.sql(Logical("AND", node.conditions))
    writer.tables.add(node.source.table.name.lower())
    return Text(f"EXISTS (SELECT 1 FROM {quote(node.source.table.name)} WHERE {condition})", ATOM)


WRITE[Linked] = write_linked


def key_of_owner(relation: Relation, owner: object) -> tuple[Any, ...]:
    """The key of the instance whose relation is asked for."""
    values = vars(owner)
    key = tuple(values.get(column.field) for column in relation.table.primary_key)
    if not key or None in key:
        raise QueryError(
            f"{relation.where}: this {type(owner).__name__} is not saved yet, and nothing can lead to it: save it first"
        )
    return key


def conditions_for(relation: Relation, source: Source, owner: object) -> tuple[Expression[Any], ...]:
    """What makes a row of `source` one of the rows a relation leads to from an instance."""
    if relation.kind == "forward":
        values = vars(owner)
        return tuple(equals(source, theirs, values.get(mine.field)) for mine, theirs in relation.pairs)
    key = key_of_owner(relation, owner)
    if relation.kind == "reverse":
        return tuple(equals(source, theirs, held) for (_, theirs), held in zip(relation.pairs, key, strict=True))
    link = relation.link
    between = Source(link.table)
    joined = tuple(
        Comparison(ColumnRef[Any](between, far), "==", ColumnRef[Any](source, column))
        for far, column in zip(link.far, source.table.primary_key, strict=True)
    )
    return (
        Linked(between, (*joined, *(equals(between, near, held) for near, held in zip(link.near, key, strict=True)))),
    )


class Chooser:
    """Stands for a model in `lambda b: b.author`: its attributes are the relations."""

    __slots__ = ("_model",)

    def __init__(self, model: type) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Relation:
        found = table_of(self._model).relations.get(name)
        if found is None:
            known = ", ".join(table_of(self._model).relations) or "none"
            raise UnknownColumnError(f"{self._model.__name__} has no relation {name!r}; its relations are {known}")
        return found


def chosen_relation(model: type, choose: Callable[[Any], Any]) -> Relation:
    """The relation a lambda names."""
    found = choose(Chooser(model))
    if not isinstance(found, Relation):
        raise QueryError(f"expected a relation of {model.__name__}, such as lambda m: m.author, got {found!r}")
    return found


class RelatedQuery(QueryBase[M]):
    """The rows a relation leads to, as a query that no database holds yet: `db.query(author.books)` does."""

    relation: Relation
    owner: Any

    def follow(self, relation: Relation, owner: object) -> Self:
        """Keep to the rows a relation leads to from an instance."""
        self.relation = relation
        self.owner = owner
        self.where_clause = conditions_for(relation, self.source, owner)
        return self


def related_query(relation: Relation, owner: object) -> RelatedQuery[Any]:
    """The rows a relation leads to from an instance."""
    query: RelatedQuery[Any] = RelatedQuery(relation.target, relation.target_table)
    return query.follow(relation, owner)
