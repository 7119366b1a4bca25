"""Relations as values: an instance, or a key, stands for the columns of a foreign key."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from pydantic import BaseModel

from ferro.errors import QueryError
from ferro.query.compared import Owner
from ferro.query.expressions import ColumnRef, Expression, Logical
from ferro.query.row import attribute, find_column
from ferro.query.sources import Source
from ferro.schema.relations import Relation
from ferro.schema.table import Column, Table
from ferro.types.values import with_article


def key_values(relation: Relation, value: Any) -> dict[str, Any]:
    """What the columns of a foreign key hold, by field, so that it leads to an instance, a key, or nowhere."""
    must_be_forward(relation)
    fields = [column.field for column in relation.columns]
    if value is None:
        return dict.fromkeys(fields)
    if isinstance(value, BaseModel):
        return dict(zip(fields, key_of(relation, value), strict=True))
    return dict(zip(fields, given_key(relation, value), strict=True))


def given_key(relation: Relation, value: object) -> tuple[Any, ...]:
    """A key as the caller gave it: a tuple where it has several columns."""
    given = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,)
    if len(given) != len(relation.columns):
        size = "one value" if len(relation.columns) == 1 else f"{len(relation.columns)} values"
        raise QueryError(f"{relation.where} takes a key of {size}, not {value!r}")
    return given


def must_be_forward(relation: Relation) -> None:
    if relation.kind == "forward":
        return
    if not relation.single:
        raise QueryError(
            f"{relation.where} leads to many rows, and is not set at once: change it with add(), remove() and set()"
        )
    raise QueryError(
        f"{relation.where} is the way back: set the relation in {relation.target.__name__} instead, "
        f"{relation.other.where}, and save that"
    )


def key_of(relation: Relation, instance: BaseModel) -> tuple[Any, ...]:
    """The key of an instance at the other end of a relation, which is to be referred to."""
    must_be_a(relation.target, instance, relation)
    columns = relation.referenced if relation.kind == "forward" else relation.target_table.primary_key
    return key_in(columns, instance, relation)


def key_in(columns: tuple[Column, ...], instance: BaseModel, relation: Relation) -> tuple[Any, ...]:
    """What an instance holds in columns that are to be referred to."""
    values = vars(instance)
    key = tuple([values.get(column.field) for column in columns])
    if None in key:
        name = type(instance).__name__
        if columns != relation.target_table.primary_key:
            fields = ", ".join(column.field for column in columns)
            raise QueryError(f"{relation.where}: this {name} has no {fields} to refer to: set it first")
        raise QueryError(f"{relation.where}: this {name} is not saved yet, and has no key to refer to: save it first")
    return key


def must_be_a(target: type, instance: BaseModel, relation: Relation) -> None:
    """Refuse an instance of another model than the one a relation leads to."""
    name = type(instance).__name__
    # A class that was defined again has the rows of the one before.
    if not isinstance(instance, target) and (name != target.__name__ or not hasattr(instance, "__ferro_read__")):
        raise QueryError(f"{relation.where} takes {with_article(target.__name__)}, not {with_article(name)}")


# Among the values and names a caller gives.


def by_column(table: Table, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values with the relations among them as the columns of their foreign keys: `author=ann` is `author_id=…`."""
    relations = table.relations
    if relations.keys().isdisjoint(values):
        return values
    found: dict[str, Any] = {}
    for name, value in values.items():
        for field, held in (key_values(relations[name], value) if name in relations else {name: value}).items():
            if field in found:
                both = " and ".join(one for one in values if one == field or one in relations)
                raise QueryError(f"{both} set the same column, {table.name}.{field}: keep one of them")
            found[field] = held
    return found


def owners(table: Table, values: Mapping[str, Any]) -> dict[str, Owner]:
    """The instances among the values, by the fields that hold their keys."""
    relations = table.relations
    return {
        column.field: (relations[name].where, value)
        for name, value in values.items()
        if name in relations and isinstance(value, BaseModel)
        for column in relations[name].columns
    }


def named_fields(table: Table, names: Iterable[str]) -> frozenset[str]:
    """The fields that are named, a relation standing for the columns of its foreign key."""
    found: set[str] = set()
    for name in names:
        relation = table.relations.get(name)
        if relation is None:
            found.add(find_column(table, name).field)
            continue
        if relation.kind != "forward":
            raise QueryError(f"{relation.where} is kept by no column of {table.name}, so it cannot be written there")
        found.update(column.field for column in relation.columns)
    return frozenset(found)


def leads_to(relation: Relation, source: Source, value: object) -> Expression[bool]:
    """Whether a foreign key leads to an instance, to the row of a key, or nowhere."""
    if value is None or isinstance(value, BaseModel) or relation.kind != "forward":
        return attribute(source, relation.name) == value
    key = zip(relation.columns, given_key(relation, value), strict=True)
    equal = tuple(ColumnRef[Any](source, column) == held for column, held in key)
    return equal[0] if len(equal) == 1 else Logical("AND", equal)
