"""Relations: what is loaded along them, and collections that are changed."""

from collections.abc import Mapping, Sequence
from typing import Any

from ferro.errors import QueryError
from ferro.instance import forget_related, relate
from ferro.model import ModelBase
from ferro.operations import belongings, links
from ferro.operations.read import by_key, fetch_first
from ferro.operations.steps import Atomic, Steps
from ferro.operations.write import input_name
from ferro.query.dialect import Dialect
from ferro.query.keys import key_values
from ferro.query.related import RelatedQuery, related_query
from ferro.schema.relations import Relation


def load(owner: ModelBase, relation: Relation, dialect: Dialect) -> Steps[Any]:
    """The row a relation leads to, noted in the instance; None when there is none."""
    if relation.kind == "forward":
        found = yield from referred_to(owner, relation, dialect)
    else:
        found = yield from fetch_first(related_query(relation, owner), dialect)
        if found is not None:
            relate(found, relation.other.name, owner)
    if found is not None:
        relate(owner, relation.name, found)
    return found


def referred_to(owner: ModelBase, relation: Relation, dialect: Dialect) -> Steps[Any]:
    """The row that a foreign key of the instance refers to."""
    key = [vars(owner).get(column.field) for column in relation.columns]
    if None in key:
        return None
    if relation.referenced == relation.target_table.primary_key:
        return (yield from by_key(relation.target_table, key, dialect))
    return (yield from fetch_first(related_query(relation, owner), dialect))


# Collections: the rows that a table between links to an instance, or that refer to it by a foreign key.


def add(
    query: RelatedQuery[Any],
    given: Sequence[Any],
    columns: Mapping[str, Any],
    dialect: Dialect,
    *,
    ignore_existing: bool = False,
) -> Atomic[None]:
    """Let rows belong to an instance."""
    query.must_be_whole("add")
    if query.relation.kind == "many":
        steps = links.add(query, given, columns, dialect, ignore_existing=ignore_existing)
    else:
        no_columns(query, columns)
        steps = belongings.add(query, given, dialect)
    return Atomic(followed(query, steps))


def remove(query: RelatedQuery[Any], given: Sequence[Any], dialect: Dialect) -> Atomic[None]:
    """Let some rows belong to an instance no more; the rows themselves stay."""
    query.must_be_whole("remove")
    many = query.relation.kind == "many"
    return Atomic(followed(query, (links if many else belongings).remove(query, given, dialect)))


def clear(query: RelatedQuery[Any], dialect: Dialect) -> Steps[None]:
    """Let no row belong to an instance any more; the rows themselves stay."""
    query.must_be_whole("clear")
    many = query.relation.kind == "many"
    return followed(query, (links if many else belongings).clear(query, dialect))


def replace(
    query: RelatedQuery[Any], given: Sequence[Any], columns: Mapping[str, Any], dialect: Dialect
) -> Atomic[None]:
    """Let these rows belong to an instance, and no others."""
    query.must_be_whole("set")
    if query.relation.kind == "many":
        steps = links.replace(query, given, columns, dialect)
    else:
        no_columns(query, columns)
        steps = belongings.replace(query, given, dialect)
    return Atomic(followed(query, steps))


def followed(query: RelatedQuery[Any], steps: Steps[None]) -> Steps[None]:
    """The steps, after which what was loaded of the collection is forgotten."""
    yield from steps
    forget_related(query.owner, query.relation.name)


def no_columns(query: RelatedQuery[Any], columns: Mapping[str, Any]) -> None:
    if columns:
        raise QueryError(
            f"{query.relation.where} goes by the foreign key {query.relation.other.where}, and a link has no "
            f"{', '.join(columns)}: change the rows themselves with update()"
        )


# New rows.


def new_row(query: RelatedQuery[Any], values: Mapping[str, Any]) -> tuple[ModelBase, Mapping[str, Any]]:
    """A row that the relation will lead to, and the columns of the link to it, out of what `create()` was given."""
    query.must_be_whole("create")
    relation = query.relation
    if relation.kind == "many":
        return links.new_row(query, values)
    other = relation.other
    held = key_values(other, query.owner)
    named = {input_name(relation.target, name): value for name, value in held.items()}
    if twice := [name for name in values if name == other.name or name in held or name in named]:
        raise QueryError(
            f"{relation.where}.create() sets {other.where} itself: leave out {twice[0]}, or call "
            f"{relation.target.__name__}.create()"
        )
    made = query.model(**values, **named)
    relate(made, other.name, query.owner)
    return made, {}


def create(query: RelatedQuery[Any], made: ModelBase, columns: Mapping[str, Any], dialect: Dialect) -> Atomic[None]:
    """Insert a row that the relation leads to."""
    return Atomic(followed(query, links.create(query, made, columns, dialect)))
