"""Belongings: the rows that refer to an instance by a foreign key, as a collection to be changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ferro.errors import ModelDoesNotExist, QueryError, StaleObjectError
from ferro.instance.marks import mark_saved
from ferro.instance.related import forget_related, relate
from ferro.instance.state import is_loaded, loaded_key
from ferro.model import ModelBase
from ferro.operations.batching import batched
from ferro.operations.hydrate import row_loader
from ferro.operations.links import Key, any_key, each_once, of_key, recipe
from ferro.operations.read import called, read_key
from ferro.operations.steps import Steps
from ferro.operations.versions import version_of
from ferro.operations.write import shown_key
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.dialect import Dialect
from ferro.query.expressions import ColumnRef, Expression
from ferro.query.keys import must_be_a
from ferro.query.related import RelatedQuery, key_of_owner
from ferro.query.sources import source_of
from ferro.query.statements import Select
from ferro.schema.relations import Relation
from ferro.schema.table import Column, Table

# How many rows one statement names by their keys.
CHUNK = 100


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Rows that are to belong to an instance, or no longer.

    Attributes:
        owner: the instance.
        table: theirs, and `columns` their foreign key.
        back: the name of their relation to the instance.
        held: the key their foreign key holds, or is to hold.
        keys: which rows.
        instances: those of them that were given as instances, with their keys.
        verb: what the caller called, for errors.
    """

    owner: ModelBase
    table: Table
    columns: tuple[Column, ...]
    back: str
    held: Key
    keys: Sequence[Key]
    instances: Sequence[tuple[Key, ModelBase]]
    verb: str

    @property
    def belonging(self) -> tuple[Expression[Any], ...]:
        """That a row belongs to the instance."""
        return of_key(source_of(self.table), self.columns, self.held)


def change(query: RelatedQuery[Any], given: Sequence[Any], verb: str) -> Change:
    relation, other = query.relation, query.relation.other
    target, table = relation.target, relation.target_table
    if set(other.columns) & set(table.primary_key):
        raise QueryError(
            f"{other.where} is a part of the primary key of {target.__name__}, so {relation.where} "
            f"has no {verb}(): create() and delete() the rows"
        )
    instances: list[tuple[Key, ModelBase]] = []
    keys: list[Key] = []
    for one in given:
        if isinstance(one, ModelBase):
            must_be_a(target, one, relation)
            key = key_of_row(relation, one)
            instances.append((key, one))
        else:
            key = tuple(read_key(table, one))
        keys.append(key)
    held = key_of_owner(relation, query.owner)
    return Change(query.owner, table, other.columns, other.name, held, each_once(keys), instances, verb)


def key_of_row(relation: Relation, instance: ModelBase) -> Key:
    if not is_loaded(instance):
        name = type(instance).__name__
        raise QueryError(
            f"{relation.where}: this {name} is not saved yet; make one that belongs here with create(), or save it first"
        )
    return loaded_key(instance)


def must_let_go(query: RelatedQuery[Any], verb: str) -> None:
    """Refuse to take rows out of a collection whose foreign key must lead somewhere."""
    relation, other = query.relation, query.relation.other
    if not all(column.nullable for column in other.columns):
        raise QueryError(
            f"{other.where} cannot be None, so {relation.where} has no {verb}(): delete the rows, "
            "or move them with add() of where they are to belong"
        )


# The verbs.


def add(query: RelatedQuery[Any], given: Sequence[Any], dialect: Dialect) -> Steps[None]:
    """Let rows belong to an instance, whatever they belonged to before."""
    return take_in(change(query, given, "add"), dialect)


def take_in(rows: Change, dialect: Dialect) -> Steps[None]:
    moved = yield from move(rows, rows.keys, rows.held, (), dialect)
    must_be_there(rows, moved)
    note(rows, moved)


def remove(query: RelatedQuery[Any], given: Sequence[Any], dialect: Dialect) -> Steps[None]:
    """Let some rows belong to nothing; those that belong elsewhere stay there."""
    must_let_go(query, "remove")
    return let_go(change(query, given, "remove"), dialect)


def let_go(rows: Change, dialect: Dialect) -> Steps[None]:
    moved = yield from move(rows, rows.keys, nowhere(rows), rows.belonging, dialect)
    must_be_fresh(rows, moved)
    for key, instance in rows.instances:
        if key in moved:
            write_down(rows, instance, nowhere(rows), moved[key])


def clear(query: RelatedQuery[Any], dialect: Dialect) -> Steps[None]:
    """Let all rows of an instance belong to nothing."""
    must_let_go(query, "clear")
    return let_all_go(change(query, (), "clear"), dialect)


def let_all_go(rows: Change, dialect: Dialect) -> Steps[None]:
    yield from assign(rows, nowhere(rows), rows.belonging, dialect)


def replace(query: RelatedQuery[Any], given: Sequence[Any], dialect: Dialect) -> Steps[None]:
    """Let these rows belong to an instance, and no others."""
    must_let_go(query, "set")
    return swap(change(query, given, "set"), dialect)


def swap(rows: Change, dialect: Dialect) -> Steps[None]:
    held = yield from held_keys(rows, dialect)
    wanted, there = set(rows.keys), set(held)
    yield from move(rows, [key for key in held if key not in wanted], nowhere(rows), rows.belonging, dialect)
    moved = yield from move(rows, [key for key in rows.keys if key not in there], rows.held, (), dialect)
    must_be_there(rows, moved.keys() | there)
    note(rows, moved)


def nowhere(rows: Change) -> Key:
    return (None,) * len(rows.columns)


# Statements.


def move(
    rows: Change, keys: Sequence[Key], to: Key, where: tuple[Expression[Any], ...], dialect: Dialect
) -> Steps[dict[Key, Any]]:
    """Set the foreign key of some rows; return the keys of those that were there, and what else is new in them."""
    found: dict[Key, Any] = {}
    source = source_of(rows.table)
    for some in batched(list(keys), CHUNK):
        found |= yield from assign(rows, to, (*where, any_key(source, rows.table.primary_key, some)), dialect)
    return found


def assign(rows: Change, to: Key, where: tuple[Expression[Any], ...], dialect: Dialect) -> Steps[dict[Key, Any]]:
    table = rows.table
    query = QueryBase[Any](table.model, table)
    query.where_clause = where
    values = dict(zip([column.field for column in rows.columns], to, strict=True))
    back = (*table.primary_key, *changed_besides(table))
    statement = query.update_statement(recipe(values), returning=back)
    result = yield compile(statement, dialect, operation=f"{rows.verb.capitalize()} related rows")
    width = len(table.primary_key)
    loaded = row_loader(tuple(column.type for column in back), dialect.name)(result.rows)
    return {row[:width]: row[width:] for row in loaded}


def changed_besides(table: Table) -> tuple[Column, ...]:
    """The columns that every update of a row changes: its version, which is the first, and its stamps."""
    return (*(() if table.version is None else (table.version,)), *table.stamps.get("updated", ()))


def held_keys(rows: Change, dialect: Dialect) -> Steps[list[Key]]:
    """The keys of the rows that belong to the instance."""
    source, key = source_of(rows.table), rows.table.primary_key
    columns = tuple(ColumnRef[Any](source, column) for column in key)
    result = yield compile(Select(source, columns, rows.belonging), dialect, operation="Set related rows")
    return row_loader(tuple(column.type for column in key), dialect.name)(result.rows)


# What became of the rows.


def must_be_there(rows: Change, found: Mapping[Key, Any] | set[Key]) -> None:
    for key in rows.keys:
        if key not in found:
            raise ModelDoesNotExist(
                f"{rows.verb.capitalize()} related rows failed: {called(rows.table, key)} does not exist, "
                "and nothing was written",
                model=rows.table.model,
                pk=shown_key(key),
            )


def note(rows: Change, moved: Mapping[Key, Any]) -> None:
    """Let the instances that were given know that they belong here."""
    must_be_fresh(rows, moved)
    for key, instance in rows.instances:
        write_down(rows, instance, rows.held, moved.get(key, ()))
        relate(instance, rows.back, rows.owner)


def must_be_fresh(rows: Change, moved: Mapping[Key, Any]) -> None:
    """Undo it all when one of the instances was changed by someone else."""
    for key, instance in rows.instances:
        known, now = version_of(instance, rows.table), moved.get(key)
        if known and now and now[0] != known[0] + 1:
            raise StaleObjectError(
                f"{rows.verb.capitalize()} related rows failed: {called(rows.table, key)} was changed by someone else "
                f"since it was read as version {known[0]}; refresh() it and try again",
                model=rows.table.model,
                pk=shown_key(key),
            )


def write_down(rows: Change, instance: ModelBase, held: Key, besides: Key) -> None:
    """Let an instance know what its row holds now; `besides` is empty of one that was there already."""
    values = dict(zip([column.field for column in rows.columns], held, strict=True))
    stamps = {column.field: value for column, value in zip(changed_besides(rows.table), besides, strict=bool(besides))}
    if besides and rows.table.version is not None:
        values[rows.table.version.field] = stamps.pop(rows.table.version.field)
    forget_related(instance, rows.back)
    mark_saved(instance, values, sent={}, stamps=stamps)
