"""Relations: what is loaded along them, and the links of those with a table between."""

from collections.abc import Sequence
from typing import Any, cast

from pydantic import BaseModel

from ferro.errors import QueryError
from ferro.instance import Kept, forget_related, relate, related_to, siblings_of
from ferro.model import ModelBase, key_of, key_values
from ferro.operations.include import load_all
from ferro.operations.read import by_key, fetch_first, read_key
from ferro.operations.steps import Atomic, Steps
from ferro.operations.write import insert
from ferro.query.compared import equals
from ferro.query.compiler import compile
from ferro.query.dialect import Dialect
from ferro.query.expressions import Source, source_of
from ferro.query.including import one_relation
from ferro.query.related import (
    RelatedQuery,
    has_no_key,
    kept_along,
    key_of_owner,
    key_reader,
    own_columns,
    related_query,
)
from ferro.query.statements import Conflict, Delete, Insert, OnConflict
from ferro.schema.relations import Link, Relation


def load(owner: ModelBase, relation: Relation, dialect: Dialect) -> Steps[Any]:
    """The row a relation leads to, noted in the instance; None when there is none."""
    if relation.kind == "forward":
        key = [vars(owner).get(column.field) for column in relation.columns]
        found = None if None in key else (yield from by_key(relation.target_table, key, dialect))
    else:
        found = yield from fetch_first(related_query(relation, owner), dialect)
        if found is not None:
            relate(found, relation.other.name, owner)
    if found is None:
        forget_related(owner, relation.name)
    else:
        relate(owner, relation.name, found)
    return found


def load_together(relation: Relation, instances: Sequence[ModelBase], dialect: Dialect) -> Steps[None]:
    """What a relation leads to from instances, and from those that came with a single one of them."""
    wanted = {id(instance): instance for instance in instances}
    if len(wanted) == 1:
        own = key_reader(own_columns(relation))
        for sibling in siblings_of(instances[0]):
            if not is_known(relation, sibling) and not has_no_key(own(sibling)):
                wanted.setdefault(id(sibling), cast("ModelBase", sibling))
    if len(wanted) == 1:
        yield from load(instances[0], relation, dialect)
    else:
        yield from load_all(list(wanted.values()), one_relation(relation), dialect, siblings=len(instances) == 1)


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


# Many-to-many: rows of the table between.


def must_be_many(relation: Relation, verb: str) -> Link:
    if relation.kind != "many":
        raise QueryError(
            f"'.{verb}()' can only be used on Many-to-Many relationships, and {relation.where} goes by a foreign key: "
            f"set {relation.other.where} and save it"
        )
    return relation.link


def keys_of(relation: Relation, given: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The keys of instances, or keys as they are; each once."""
    table = relation.target_table
    found = [key_of(relation, one) if isinstance(one, ModelBase) else tuple(read_key(table, one)) for one in given]
    return list(dict.fromkeys(found))


def add(
    query: RelatedQuery[Any], given: Sequence[Any], dialect: Dialect, *, ignore_existing: bool = False
) -> Atomic[None]:
    """Link rows to an instance; one that is linked already is an error, unless that does not matter."""
    link = must_be_many(query.relation, "add")
    near = key_of_owner(query.relation, query.owner)
    rows = [(*near, *far) for far in keys_of(query.relation, given)]
    return Atomic(insert_links(link, rows, dialect, ignore_existing=ignore_existing))


def insert_links(link: Link, rows: list[tuple[Any, ...]], dialect: Dialect, *, ignore_existing: bool) -> Steps[None]:
    conflict = Conflict(OnConflict.NOTHING) if ignore_existing else None
    columns = (*link.near, *link.far)
    for start in range(0, len(rows), CHUNK):
        statement = Insert(source_of(link.table), columns, rows[start : start + CHUNK], (), conflict)
        yield compile(statement, dialect, operation="Add M2M links")


CHUNK = 100


def remove(query: RelatedQuery[Any], given: Sequence[Any], dialect: Dialect) -> Atomic[None]:
    """Undo links; the rows themselves stay."""
    link = must_be_many(query.relation, "remove")
    near = key_of_owner(query.relation, query.owner)
    return Atomic(delete_links(link, near, keys_of(query.relation, given), dialect))


def clear(query: RelatedQuery[Any], dialect: Dialect) -> Steps[None]:
    """Undo all links of an instance."""
    link = must_be_many(query.relation, "clear")
    return delete_all_links(link, key_of_owner(query.relation, query.owner), dialect)


def replace(query: RelatedQuery[Any], given: Sequence[Any], dialect: Dialect) -> Atomic[None]:
    """Link an instance to these rows, and to no others."""
    link = must_be_many(query.relation, "set")
    near = key_of_owner(query.relation, query.owner)
    return Atomic(replace_links(link, near, keys_of(query.relation, given), dialect))


def replace_links(link: Link, near: tuple[Any, ...], keys: list[tuple[Any, ...]], dialect: Dialect) -> Steps[None]:
    yield from delete_all_links(link, near, dialect)
    yield from insert_links(link, [(*near, *far) for far in keys], dialect, ignore_existing=False)


def delete_all_links(link: Link, near: tuple[Any, ...], dialect: Dialect) -> Steps[None]:
    source = source_of(link.table)
    yield compile(Delete(source, of_key(source, link.near, near)), dialect, operation="Clear M2M links")


def delete_links(link: Link, near: tuple[Any, ...], keys: list[tuple[Any, ...]], dialect: Dialect) -> Steps[None]:
    source = source_of(link.table)
    for far in keys:
        conditions = (*of_key(source, link.near, near), *of_key(source, link.far, far))
        yield compile(Delete(source, conditions), dialect, operation="Remove M2M links")


def of_key(source: Source, columns: Sequence[Any], key: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(equals(source, column, held) for column, held in zip(columns, key, strict=True))


def create(query: RelatedQuery[Any], values: dict[str, Any], dialect: Dialect) -> Atomic[Any]:
    """Insert a row that the relation leads to."""
    relation = query.relation
    if relation.kind == "many":
        return Atomic(create_linked(query, query.model(**values), dialect))
    other = relation.other
    made = query.model(**{**values, **key_values(other, query.owner)})
    relate(made, other.name, query.owner)
    return Atomic(create_row(made, dialect))


def create_row(made: ModelBase, dialect: Dialect) -> Steps[Any]:
    yield from insert(made, dialect)
    return made


def create_linked(query: RelatedQuery[Any], made: ModelBase, dialect: Dialect) -> Steps[Any]:
    near = key_of_owner(query.relation, query.owner)
    yield from insert(made, dialect)
    far = key_of(query.relation, made)
    yield from insert_links(query.relation.link, [(*near, *far)], dialect, ignore_existing=False)
    return made
