"""The rows at the other end of a relation, as conditions: what is read, changed or deleted there is only these."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self, TypeVar, overload

from pydantic import BaseModel

from ferro.errors import InterfaceError, QueryError, UnknownColumnError
from ferro.instance.related import Kept, related_to
from ferro.query.builder import INSTEAD, QueryBase, no_rows_yet
from ferro.query.compared import equals
from ferro.query.expressions import ONE, ColumnRef, Comparison, Expression, membership
from ferro.query.joins import joins_of
from ferro.query.row import scope_of
from ferro.query.sources import Source
from ferro.query.statements import Select
from ferro.query.subqueries import Exists
from ferro.schema.registry import table_of
from ferro.schema.relations import Relation
from ferro.schema.table import Column

M = TypeVar("M")


def key_of_owner(relation: Relation, owner: object) -> tuple[Any, ...]:
    """The key of the instance whose relation is asked for."""
    if relation.kind == "reverse":
        return held_key(relation, owner, tuple(mine for mine, _ in relation.pairs))
    return held_key(relation, owner, relation.table.primary_key)


def held_key(relation: Relation, owner: object, columns: tuple[Column, ...]) -> tuple[Any, ...]:
    """What an instance holds in the columns that other rows refer to."""
    values = vars(owner)
    key = tuple(values.get(column.field) for column in columns)
    if None in key and columns != relation.table.primary_key:
        fields = ", ".join(column.field for column in columns)
        raise QueryError(f"{relation.where}: this {type(owner).__name__} has no {fields}, and nothing can refer to it")
    if not key or None in key:
        raise QueryError(
            f"{relation.where}: this {type(owner).__name__} is not saved yet, and nothing can lead to it: save it first"
        )
    return key


def own_columns(relation: Relation) -> tuple[Column, ...]:
    """The columns of an instance that decide where a relation leads to."""
    kind = relation.kind
    if kind == "forward":
        return relation.columns
    return relation.table.primary_key if kind == "many" else tuple(mine for mine, _ in relation.pairs)


def key_reader(columns: tuple[Column, ...]) -> Callable[[BaseModel], Any]:
    """A function from an instance to a key: the value of its one column, or a tuple of them."""
    if len(columns) == 1:
        field = columns[0].field
        return lambda instance: vars(instance).get(field)
    fields = [column.field for column in columns]
    return lambda instance: tuple([vars(instance).get(field) for field in fields])


def keys_in(instances: Iterable[BaseModel], columns: tuple[Column, ...]) -> list[Any]:
    """What `key_reader` reads of each of many instances."""
    if len(columns) == 1:
        field = columns[0].field
        return [held.get(field) for held in map(vars, instances)]
    return list(map(key_reader(columns), instances))


def has_no_key(key: Any) -> bool:
    """Whether a key, or a part of it, is missing."""
    return key is None or (isinstance(key, tuple) and None in key)


def leads_nowhere(relation: Relation, instance: BaseModel) -> bool:
    """Whether a foreign key is null: no query is needed to know that there is no row."""
    return relation.kind == "forward" and has_no_key(key_reader(relation.columns)(instance))


def kept_along(relation: Relation, owner: BaseModel) -> Kept | None:
    """What was loaded along a relation for the key the instance has now."""
    found = related_to(owner).get(relation.name)
    if isinstance(found, Kept) and found.key == key_reader(own_columns(relation))(owner):
        return found
    return None


def conditions_for(relation: Relation, source: Source, owner: object) -> tuple[Expression[Any], ...]:
    """What makes a row of `source` one of the rows a relation leads to from an instance."""
    kind = relation.kind
    if kind == "forward":
        values = vars(owner)
        return tuple(equals(source, theirs, values.get(mine.field)) for mine, theirs in relation.pairs)
    if kind == "reverse":
        pairs = relation.pairs
        columns = tuple(mine for mine, _ in pairs)
        if isinstance(owner, BaseModel) and has_no_key(key_reader(columns)(owner)) and kept_along(relation, owner):
            # Loaded beside those of others, it is a collection of none.
            return (membership(ColumnRef[Any](source, pairs[0][1]), (), negated=False),)
        key = held_key(relation, owner, columns)
        return tuple(equals(source, theirs, held) for (_, theirs), held in zip(pairs, key, strict=True))
    key = held_key(relation, owner, relation.table.primary_key)
    link = relation.link
    between = Source(link.table)
    joined = tuple(
        Comparison(ColumnRef[Any](between, far), "==", ColumnRef[Any](source, column))
        for far, column in zip(link.far, source.table.primary_key, strict=True)
    )
    from_here = (equals(between, near, held) for near, held in zip(link.near, key, strict=True))
    scope = scope_of(link.table, between)
    return (Exists(Select(between, (ONE,), (*joined, *from_here, *scope), joins=joins_of(between, scope))),)


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


def chosen_relation(model: type, choose: Callable[[Any], Any] | str) -> Relation:
    """The relation of a name, or that a lambda names."""
    found = getattr(Chooser(model), choose) if isinstance(choose, str) else choose(Chooser(model))
    if not isinstance(found, Relation):
        raise QueryError(f"expected a relation of {model.__name__}, such as lambda m: m.author, got {found!r}")
    return found


NEEDS_A_DATABASE = {
    **INSTEAD,
    **dict.fromkeys(
        ("add", "remove", "set", "clear", "create", "update", "delete"),
        "{name}() needs a database: write db.query(...{query.relation.name}).{name}()",
    ),
}


class RelatedQuery(QueryBase[M]):
    """The rows a relation leads to, as a query that no database holds yet: `db.query(author.books)` does.

    Once `include()` has loaded them, it is the collection of these as well: to be counted with `len()`, gone
    through, indexed and asked with `in`.
    """

    relation: Relation
    owner: Any
    _followed: tuple[Expression[Any], ...]
    # Neither narrowed nor sorted: what was loaded answers for it.
    whole = True
    # How all of them are read, in an error message.
    reading = "`db.query({}).all()`"
    _instead = NEEDS_A_DATABASE

    def _with(self, **changes: Any) -> Self:
        return super()._with(**{"whole": False, **changes})

    def asked_again(self) -> Self:
        """The same rows, for which what was loaded does not answer."""
        return self._with()

    @property
    def loaded(self) -> tuple[M, ...] | None:
        """The rows that were loaded beforehand; None when they were not."""
        kept = kept_along(self.relation, self.owner) if self.whole else None
        return None if kept is None else kept.value

    def _rows(self) -> tuple[M, ...]:
        rows = self.loaded
        if rows is not None:
            return rows
        if not self.whole:
            raise no_rows_yet()
        relation = self.relation
        name = f"{relation.model.__name__.lower()}.{relation.name}"
        raise InterfaceError(
            f"{relation.where} is not loaded: read it with {self.reading.format(name)}, "
            f"or load it with the query: `include(lambda m: m.{relation.name})`"
        )

    def __len__(self) -> int:
        return len(self._rows())

    def __bool__(self) -> bool:
        return bool(self._rows())

    def __iter__(self) -> Iterator[M]:
        return iter(self._rows())

    def __contains__(self, row: object) -> bool:
        return row in self._rows()

    @overload
    def __getitem__(self, at: int, /) -> M: ...
    @overload
    def __getitem__(self, at: slice, /) -> list[M]: ...
    def __getitem__(self, at: int | slice, /) -> M | list[M]:
        rows = self._rows()
        return list(rows[at]) if isinstance(at, slice) else rows[at]

    def follow(self, relation: Relation, owner: object) -> Self:
        """Keep to the rows a relation leads to from an instance."""
        self.relation = relation
        self.owner = owner
        self.where_clause += conditions_for(relation, self.source, owner)
        self._followed = self.where_clause
        return self

    def must_be_whole(self, verb: str) -> None:
        """Refuse to change the collection through a query for some of its rows."""
        narrowed = self.where_clause is not self._followed or self._limit is not None or self._offset is not None
        if narrowed or self.projection is not None or self.having_clause:
            raise QueryError(
                f"{verb}() changes {self.relation.where} as a whole, and this query reads some of its rows: "
                f"call {self.relation.name}.{verb}() without conditions, or update() or delete() what it finds"
            )


def related_query(relation: Relation, owner: object) -> RelatedQuery[Any]:
    """The rows a relation leads to from an instance."""
    query: RelatedQuery[Any] = RelatedQuery(relation.target, relation.target_table)
    return query.follow(relation, owner)
