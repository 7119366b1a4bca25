"""Links: the rows of the table between the two ends of a many-to-many relation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from functools import lru_cache
from itertools import groupby
from typing import Any, cast

from pydantic import ValidationError

from ferro.caches import informing
from ferro.errors import QueryError, UniqueViolationError
from ferro.fields import utc_now
from ferro.model import ModelBase
from ferro.operations.batching import batched, rows_at_once
from ferro.operations.hydrate import row_loader
from ferro.operations.inserting import Columns, Inserting, chooser, inserting
from ferro.operations.naming import input_name, named_column
from ferro.operations.read import called, read_key
from ferro.operations.stamps import stamp_new
from ferro.operations.steps import Steps
from ferro.operations.write import insert
from ferro.query.builder import QueryBase
from ferro.query.compared import equals
from ferro.query.compiler import compile
from ferro.query.dialect import Compiled, Dialect
from ferro.query.expressions import ColumnRef, Expression, IsNull
from ferro.query.joins import joins_of
from ferro.query.keys import key_in, key_of, key_values, must_be_a
from ferro.query.keysets import among
from ferro.query.related import RelatedQuery, key_of_owner
from ferro.query.row import scope_of
from ferro.query.sources import Source, source_of
from ferro.query.statements import Conflict, Delete, Insert, OnConflict, Select, Update
from ferro.schema.links import Link
from ferro.schema.relations import Relation
from ferro.schema.table import Column, Table

Key = tuple[Any, ...]

# How many links one statement names.
CHUNK = 100


@dataclass(frozen=True, slots=True, eq=False)
class New:
    """Links to be made, from one instance.

    Attributes:
        near: its key.
        far: the keys at the other end.
        rows: the links as instances of the model between, in the order of `far`; empty where there is none.
        columns: the columns that were given for them all.
    """

    relation: Relation
    link: Link
    near: Key
    far: Sequence[Key]
    rows: Sequence[ModelBase] = ()
    columns: Columns = ()

    def without(self, linked: set[Key]) -> "New":
        """Those that are not there yet."""
        kept = [at for at, key in enumerate(self.far) if key not in linked]
        return changed(self, far=[self.far[at] for at in kept], rows=[self.rows[at] for at in kept if self.rows])


def new_links(query: RelatedQuery[Any], far: Sequence[Key], columns: Mapping[str, Any], how: str) -> New:
    """The links to some keys, checked and defaulted by the model between."""
    relation, link = query.relation, query.relation.link
    near = key_of_owner(relation, query.owner)
    if link.model is None:
        if columns:
            raise QueryError(
                f"{relation.where}: its links hold nothing but two keys, and no {', '.join(columns)}; "
                "a model between has columns of its own: through="
            )
        return New(relation, link, near, far)
    given = link_values(relation, link, columns)
    rows = [new_link(relation, link, (*near, *key), given, how) for key in far]
    stamp_new(link.table, rows)
    named = tuple(column for column in link.table.columns if input_name(link.model, column.field) in given)
    return New(relation, link, near, far, rows, named)


def link_values(relation: Relation, link: Link, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a link as its model takes them; a relation among them as its foreign key."""
    model = link.table.model
    found: dict[str, Any] = {}
    for name, value in columns.items():
        one = link.table.relations.get(name)
        held = key_values(one, value) if one else {named_column(model, link.table, name).field: value}
        for field, part in held.items():
            if link.table.by_field[field] in (*link.near, *link.far):
                raise QueryError(f"{relation.where} sets {model.__name__}.{name} itself: leave it out")
            found[input_name(model, field)] = part
    return found


def new_link(relation: Relation, link: Link, key: Key, given: Mapping[str, Any], how: str) -> ModelBase:
    model = link.table.model
    keys = {input_name(model, column.field): held for column, held in zip((*link.near, *link.far), key, strict=True)}
    try:
        return model(**given, **keys)
    except ValidationError as error:
        missing = [str(one["loc"][0]) for one in error.errors() if one["type"] == "missing" and one["loc"]]
        if not missing:
            raise
        raise QueryError(
            f"{relation.where} goes through {model.__name__}, which needs {' and '.join(missing)}: {how.format(missing[0])}"
        ) from error


def keys_of(relation: Relation, given: Sequence[Any]) -> list[Key]:
    """The keys of instances, or keys as they are."""
    target, table = relation.target, relation.target_table
    found: list[Key] = []
    for one in given:
        if isinstance(one, ModelBase):
            must_be_a(target, one, relation)
            found.append(key_in(table.primary_key, one, relation))
        else:
            found.append(tuple(read_key(table, one)))
    return found


def each_once(keys: Sequence[Key]) -> list[Key]:
    return list(dict.fromkeys(keys))


# The verbs.


def add(
    query: RelatedQuery[Any],
    given: Sequence[Any],
    columns: Mapping[str, Any],
    dialect: Dialect,
    *,
    ignore_existing: bool,
) -> Steps[None]:
    """Link rows to an instance; one that is linked already is an error, unless that does not matter."""
    link = query.relation.link
    far = keys_of(query.relation, given)
    if link.key is not None:
        far = each_once(far)
    elif ignore_existing:
        model = link.table.model.__name__
        pair = ", ".join(f'"{column.field}"' for column in (*link.near, *link.far))
        raise QueryError(
            f"{query.relation.where}: nothing keeps two {model} of one pair apart, so none can be told to exist; "
            f"declare __ferro_composite_uniques__ = (({pair}),) in {model}, or leave out ignore_existing"
        )
    how = "add(..., {0}=...)"
    return make_links(new_links(query, far, columns, how), dialect, ignore_existing=ignore_existing)


def remove(query: RelatedQuery[Any], given: Sequence[Any], dialect: Dialect) -> Steps[None]:
    """Undo links; the rows themselves stay."""
    relation = query.relation
    near = key_of_owner(relation, query.owner)
    links = Links(relation.link)
    return delete_links(links, near, each_once(keys_of(relation, given)), dialect)


def clear(query: RelatedQuery[Any], dialect: Dialect) -> Steps[None]:
    """Undo all links of an instance."""
    links = Links(query.relation.link)
    near = of_key(links.source, links.link.near, key_of_owner(query.relation, query.owner))
    return done(compile(links.deletion(near), dialect, operation="Clear M2M links"))


def done(statement: Compiled) -> Steps[None]:
    yield statement


def replace(
    query: RelatedQuery[Any], given: Sequence[Any], columns: Mapping[str, Any], dialect: Dialect
) -> Steps[None]:
    """Link an instance to these rows, and to no others. A link that stays is not made again."""
    far = each_once(keys_of(query.relation, given))
    return replace_links(new_links(query, far, columns, "set(..., {0}=...)"), Links(query.relation.link), dialect)


def replace_links(new: New, links: "Links", dialect: Dialect) -> Steps[None]:
    held = yield from held_keys(links, new.near, dialect)
    wanted = set(new.far)
    yield from delete_links(links, new.near, [key for key in held if key not in wanted], dialect)
    yield from update_links(new, [key for key in held if key in wanted], dialect)
    # Where somebody else makes the same link at this moment, it is there; unless it is one that a scope hides.
    ignore_existing = new.link.key is not None and not new.link.table.scopes
    yield from make_links(new.without(set(held)), dialect, ignore_existing=ignore_existing)


def new_row(query: RelatedQuery[Any], values: Mapping[str, Any]) -> tuple[ModelBase, Mapping[str, Any]]:
    """A row to be linked, and the columns of its link: the value of `through`, where a model is between."""
    link = query.relation.link
    if link.model is None or "through" not in values:
        return query.model(**values), {}
    given = values["through"]
    if not isinstance(given, Mapping):
        raise QueryError(
            f"{query.relation.where}.create(through=...) takes a dict of the columns of {link.model.__name__}, "
            f"not {given!r}"
        )
    columns = cast("Mapping[str, Any]", given)
    link_values(query.relation, link, columns)
    return query.model(**{name: value for name, value in values.items() if name != "through"}), columns


def create(query: RelatedQuery[Any], made: ModelBase, columns: Mapping[str, Any], dialect: Dialect) -> Steps[None]:
    """Insert a row, and the link to it where the relation has links."""
    yield from insert(made, dialect)
    if query.relation.kind == "many":
        far = [key_of(query.relation, made)]
        new = new_links(query, far, columns, 'create(..., through={{"{0}": ...}})')
        yield from make_links(new, dialect, ignore_existing=False)


# Statements.


class Links:
    """The links that are there: those that the scope of the model between lets be seen.

    Made on the side of its caller, where the function of a scope is asked.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self.source = source_of(link.table)
        self.scope = scope_of(link.table, self.source)

    def deletion(self, where: Sequence[Expression[Any]]) -> Delete | Update:
        """The statement that undoes links; those that stay when they are deleted are marked."""
        found = links_where(self.link, (*self.scope, *where))
        # Of a model that keeps its deleted rows, the scope has said that they are not deleted.
        deleted = self.link.table.deleted
        return (
            found.delete_statement() if deleted is None else found.update_statement(recipe({deleted.field: utc_now()}))
        )


def links_where(link: Link, where: tuple[Expression[Any], ...]) -> QueryBase[Any]:
    query = QueryBase[Any](link.table.model, link.table, scoped=False)
    query.where_clause = where
    return query


def make_links(new: New, dialect: Dialect, *, ignore_existing: bool) -> Steps[None]:
    """Make links; one that was deleted and stayed comes back, with the columns that were given."""
    if new.link.table.deleted is None or new.link.key is None:
        yield from insert_links(new, dialect, ignore_existing=ignore_existing)
        return
    source = source_of(new.link.table)
    gone = IsNull(ColumnRef[Any](source, new.link.table.deleted), negated=True)
    columns = tuple(ColumnRef[Any](source, column) for column in new.link.far)
    load = row_loader(tuple(column.type for column in new.link.far), dialect.name)
    back: list[Key] = []
    for where in named(new.link, new.near, new.far):
        result = yield compile(Select(source, columns, (*where, gone)), dialect, operation="Read M2M links")
        back += load(result.rows)
    for where in named(new.link, new.near, back):
        statement = links_where(new.link, where).restore_statement()
        yield compile(statement, dialect, operation="Restore M2M links")
    yield from update_links(new, back, dialect)
    yield from insert_links(new.without(set(back)), dialect, ignore_existing=ignore_existing)


def insert_links(new: New, dialect: Dialect, *, ignore_existing: bool) -> Steps[None]:
    for keys, statement in inserts(new, dialect, ignore_existing=ignore_existing):
        try:
            yield statement
        except UniqueViolationError as error:
            explain(error, new, keys)
            raise


def inserts(new: New, dialect: Dialect, *, ignore_existing: bool) -> Iterator[tuple[Sequence[Key], Compiled]]:
    """The statements that make links, and the keys that each of them links to."""
    link = new.link
    if link.model is None:
        conflict = Conflict(OnConflict.NOTHING) if ignore_existing else None
        for keys in batched(list(new.far), CHUNK):
            rows = [(*new.near, *key) for key in keys]
            statement = Insert(source_of(link.table), (*link.near, *link.far), rows, (), conflict)
            yield keys, compile(statement, dialect, operation="Add M2M links")
        return
    pairs = zip(new.far, new.rows, strict=True)
    choose = chooser(link.table)
    for unset, run in groupby(pairs, key=lambda pair: choose(pair[1])):
        for batch in batched(list(run), rows_at_once(link.table, unset, dialect)):
            plan = linking(link.table, unset, dialect, len(batch), link.key if ignore_existing else None)
            yield [key for key, _ in batch], plan.insertion([row for _, row in batch])


@informing("links")
@lru_cache(maxsize=256)
def linking(table: Table, unset: Columns, dialect: Dialect, rows: int, unless: Columns | None) -> Inserting:
    """The INSERT of rows of the model between, unless there is one of this key."""
    # Of this key only: what breaks another one is no link that is there already.
    conflict = None if unless is None else Conflict(OnConflict.NOTHING, unless)
    return inserting(table, unset, dialect, "Add M2M links", conflict, (), rows)


def update_links(new: New, keys: Sequence[Key], dialect: Dialect) -> Steps[None]:
    """Write the columns that were given into links that are there."""
    if not new.columns or not keys:
        return
    values = {column.field: vars(new.rows[0])[column.field] for column in new.columns}
    for where in named(new.link, new.near, keys):
        statement = links_where(new.link, where).update_statement(recipe(values))
        yield compile(statement, dialect, operation="Update M2M links")


def recipe(values: dict[str, Any]) -> Callable[[Any], dict[str, Any]]:
    """The values as an update takes them whatever they are called: keywords may be taken."""
    return lambda _: values


def delete_links(links: Links, near: Key, keys: Sequence[Key], dialect: Dialect) -> Steps[None]:
    for where in named(links.link, near, keys):
        yield compile(links.deletion(where), dialect, operation="Remove M2M links")


def held_keys(links: Links, near: Key, dialect: Dialect) -> Steps[list[Key]]:
    """The keys an instance is linked to."""
    link, source = links.link, links.source
    columns = tuple(ColumnRef[Any](source, column) for column in link.far)
    where = (*links.scope, *of_key(source, link.near, near))
    statement = Select(source, columns, where, joins=joins_of(source, where))
    result = yield compile(statement, dialect, operation="Read M2M links")
    return row_loader(tuple(column.type for column in link.far), dialect.name)(result.rows)


def named(link: Link, near: Key, keys: Sequence[Key]) -> Iterator[tuple[Expression[Any], ...]]:
    """The conditions for the links to some keys, few enough for a statement."""
    source = source_of(link.table)
    for some in batched(list(keys), CHUNK):
        yield (*of_key(source, link.near, near), any_key(source, link.far, some))


def of_key(source: Source, columns: Columns, key: Key) -> tuple[Expression[Any], ...]:
    """That columns hold this key."""
    return tuple(equals(source, column, held) for column, held in zip(columns, key, strict=True))


def any_key(source: Source, columns: Columns, keys: Sequence[Key]) -> Expression[bool]:
    """That columns hold one of these keys."""
    return among(source, columns, [key[0] for key in keys] if len(columns) == 1 else keys)


# What is wrong with a link.


def explain(error: UniqueViolationError, new: New, keys: Sequence[Key]) -> None:
    """Add to a database's complaint which rows are linked already, where it is about that."""
    link, relation = new.link, new.relation
    if link.key is None or not is_about(error, link.table, link.key):
        return
    near = called(relation.table, new.near)
    far = [called(relation.target_table, key) for key in keys]
    one = far[0] if len(far) == 1 else f"one of {', '.join(far[:3])}{', ...' if len(far) > 3 else ''}"
    if link.table.scopes:
        model = link.table.model.__name__
        hint = f"perhaps by a link that the scope of {model} keeps out of sight: look for it with {model}.unscoped()"
    else:
        hint = "and ignore_existing=True does not mind"
    error.args = (f"{error}: {near} is linked to {one} by {relation.where} already, {hint}",)


def is_about(error: UniqueViolationError, table: Table, key: tuple[Column, ...]) -> bool:
    """Whether it is this unique key that was broken: PostgreSQL names its constraint, SQLite its columns."""
    if error.constraint is not None:
        names = {unique.name for unique in table.uniques if set(unique.columns) == set(key)}
        return error.constraint in names or (set(key) == set(table.primary_key) and error.constraint.endswith("_pkey"))
    return set((error.column or "").split(", ")) == {column.name for column in key}
