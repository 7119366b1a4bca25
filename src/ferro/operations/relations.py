"""Relations: what is loaded along them, and collections that are changed."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel

from ferro.errors import QueryError
from ferro.identity import must_be_of_here
from ferro.instance.related import Kept, forget_related, relate, related_to
from ferro.instance.siblings import siblings_of
from ferro.model import ModelBase
from ferro.operations import belongings, links
from ferro.operations.include import load_all
from ferro.operations.naming import input_name
from ferro.operations.read import by_key, fetch_first
from ferro.operations.steps import Atomic, Steps
from ferro.query.dialect import Dialect
from ferro.query.including import Include, one_relation
from ferro.query.keys import key_values
from ferro.query.related import (
    RelatedQuery,
    has_no_key,
    kept_along,
    key_reader,
    own_columns,
    related_query,
)
from ferro.schema.relations import Relation


def load(owner: ModelBase, relation: Relation, dialect: Dialect) -> Steps[Any]:
    """The row a relation leads to, noted in the instance; None when there is none."""
    if relation.kind != "forward":
        # Made here: the function of a scope is called on its caller's side.
        return noted(owner, relation, fetch_first(related_query(relation, owner), dialect))
    key = [vars(owner).get(column.field) for column in relation.columns]
    if None in key:
        return noted(owner, relation, None)
    if relation.referenced == relation.target_table.primary_key:
        return noted(owner, relation, by_key(relation.target_table, key, dialect))
    return noted(owner, relation, fetch_first(related_query(relation, owner).unscoped(), dialect))


def noted(owner: ModelBase, relation: Relation, steps: Steps[Any] | None) -> Steps[Any]:
    found = None if steps is None else (yield from steps)
    if found is None:
        # Of what was loaded before nothing is true any more.
        forget_related(owner, relation.name)
        return None
    if relation.kind != "forward":
        relate(found, relation.other.name, owner)
    relate(owner, relation.name, found)
    return found


def load_together(relation: Relation, instances: Sequence[ModelBase], dialect: Dialect) -> Steps[None]:
    """What a relation leads to from instances, and from those that came with a single one of them."""
    one = load(instances[0], relation, dialect)
    return loaded_together(relation, instances, one, one_relation(relation), dialect)


def loaded_together(
    relation: Relation, instances: Sequence[ModelBase], one: Steps[Any], all: tuple[Include, ...], dialect: Dialect
) -> Steps[None]:
    wanted = {id(instance): instance for instance in instances}
    if len(wanted) == 1:
        own = key_reader(own_columns(relation))
        for sibling in siblings_of(instances[0]):
            if not is_known(relation, sibling) and not has_no_key(own(sibling)):
                wanted.setdefault(id(sibling), cast("ModelBase", sibling))
    if len(wanted) == 1:
        yield from one
    else:
        yield from load_all(list(wanted.values()), all, dialect, siblings=len(instances) == 1)


def is_known(relation: Relation, instance: BaseModel) -> bool:
    """Whether something was loaded or assigned, and the key is still the one it was loaded for."""
    known = related_to(instance)
    if relation.name not in known:
        return False
    return not isinstance(known[relation.name], Kept) or kept_along(relation, instance) is not None


class Asked:
    """A question for all the rows that a relation leads to from an instance, and its answer."""

    __slots__ = ("owner", "rows")

    def __init__(self, owner: ModelBase) -> None:
        self.owner = owner
        self.rows: list[Any] = []


def answer_all(relation: Relation, asked: Sequence[Asked], dialect: Dialect) -> Steps[None]:
    """Answer many such questions at once. Nothing is noted in the instances: the next question is a query again."""
    owners = {id(one.owner): one.owner for one in asked}
    yield from load_all(list(owners.values()), one_relation(relation), dialect)
    for one in asked:
        kept = kept_along(relation, one.owner)
        one.rows = [] if kept is None else list(kept.value)
    for owner in owners.values():
        forget_related(owner, relation.name)


def loaded(relation: Relation, instance: ModelBase, *, for_good: bool) -> Any:
    """The row that was loaded for an instance; that there is none is noted `for_good`, or is asked again."""
    kept = kept_along(relation, instance)
    if kept is None:
        return related_to(instance).get(relation.name)
    if kept.value is None and not for_good:
        forget_related(instance, relation.name)
    return kept.value


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
    return Atomic(followed(query, steps, given))


def remove(query: RelatedQuery[Any], given: Sequence[Any], dialect: Dialect) -> Atomic[None]:
    """Let some rows belong to an instance no more; the rows themselves stay."""
    query.must_be_whole("remove")
    many = query.relation.kind == "many"
    return Atomic(followed(query, (links if many else belongings).remove(query, given, dialect), given))


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
    return Atomic(followed(query, steps, given))


def followed(query: RelatedQuery[Any], steps: Steps[None], given: Sequence[Any] = ()) -> Steps[None]:
    """The steps, after which what was loaded of the collection is forgotten, however they end."""
    must_be_of_here(query.relation.where, *given)
    try:
        yield from steps
    finally:
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
