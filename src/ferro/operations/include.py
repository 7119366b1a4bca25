"""Loading what belongs to many rows: one statement for each relation, however many rows there are."""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, cast

from ferro.errors import QueryError
from ferro.instance.related import Kept, relate_all, relate_new
from ferro.instance.siblings import Along, Siblings, acquaint
from ferro.model import ModelBase
from ferro.operations.collector import no_collection
from ferro.operations.hydrate import Fill, Rows, are_new, filler, in_parts, loads, row_loader
from ferro.operations.steps import Steps
from ferro.query.builder import rows_of
from ferro.query.compiler import compile
from ferro.query.dialect import Dialect
from ferro.query.expressions import ColumnRef, Comparison, Expression, Order, Over, Value, WindowFunction
from ferro.query.including import Include, IncludePath, read_paths
from ferro.query.joins import joins_of
from ferro.query.keysets import among
from ferro.query.kinds import type_for
from ferro.query.related import has_no_key, key_of_owner, keys_in, own_columns
from ferro.query.sources import Source, source_of
from ferro.query.statements import Derived, Join, Select
from ferro.query.subqueries import Picked
from ferro.schema.relations import Relation
from ferro.schema.table import Column, Table
from ferro.types.base import ColumnType
from ferro.types.values import with_article

# The largest number both databases count to.
LAST = 2**63 - 1


def load_all(
    owners: Sequence[ModelBase],
    includes: Sequence[Include],
    dialect: Dialect,
    *,
    siblings: bool = False,
    new: bool = False,
) -> Steps[None]:
    """Load relations of instances, and what is to be loaded with those.

    `siblings` lets the instances of each relation know each other; of `new` ones no relation is known yet.
    """
    for one in includes:
        if not owners:
            return
        relation, kind = one.relation, one.relation.kind
        found = yield from LOADERS[kind](one, owners, dialect, new, siblings)
        new = False
        if one.within:
            alone = kind != "reverse" and are_new(relation.target_table.model)
            yield from load_all(found, one.within, dialect, siblings=siblings, new=alone)


def introduce(instances: Sequence[ModelBase]) -> None:
    """Let the instances of one result know each other."""
    with no_collection():
        acquaint(instances, Siblings())


def load_paths(
    instances: Sequence[ModelBase], paths: tuple[IncludePath[Any], ...], dialect: Dialect, *, siblings: bool
) -> Steps[None]:
    """Load relations of instances of one model, wherever they come from."""
    model = type(instances[0]) if instances else None
    for instance in instances:
        if type(instance) is not model:
            raise QueryError(
                f"load_many() takes instances of one model, and this is {called(instances[0])} beside {called(instance)}"
            )
    includes = () if model is None else read_paths((), model, paths, rows_of)
    return load_all(instances, includes, dialect, siblings=siblings)


def called(instance: object) -> str:
    return with_article(type(instance).__name__)


def load_forward(
    one: Include, owners: Sequence[ModelBase], dialect: Dialect, new: bool, siblings: bool
) -> Steps[list[Any]]:
    """The rows that foreign keys of the instances lead to."""
    relation = one.relation
    table = relation.target_table
    keys = keys_in(owners, relation.columns)
    wanted = [key for key in dict.fromkeys(keys) if not has_no_key(key)]
    query = rows_of(one)
    found: list[Any] = []
    held: list[Any] = []
    if wanted:
        statement = query.select_statement()
        known = among(query.source, relation.referenced, wanted)
        compiled = compile(replace(statement, where=(known, *statement.where)), dialect)
        found = yield from in_parts(compiled, keyed(held, table, relation.referenced, dialect))
    lead_to(owners, relation, keys, held, found, new=new)
    if siblings:
        introduce(found)
    return found


def lead_to(
    owners: Sequence[ModelBase],
    relation: Relation,
    keys: Sequence[Any],
    held: Sequence[Any],
    found: Sequence[Any],
    *,
    new: bool = False,
) -> None:
    """Note in instances, by their foreign keys, which of the rows found belong to them: `held` are the keys of those."""
    with no_collection():
        kept = {key: Kept(key, row) for key, row in zip(held, found, strict=True)}
        relate_all(owners, relation.name, [kept.get(key) or Kept(key, None) for key in keys], new=new)


def load_reverse(
    one: Include, owners: Sequence[ModelBase], dialect: Dialect, new: bool, siblings: bool
) -> Steps[list[Any]]:
    """The rows whose foreign keys lead to the instances."""
    relation = one.relation
    table = relation.target_table
    keys = keys_of_owners(one, owners)
    theirs = tuple(column for _, column in relation.pairs)
    query = rows_of(one)
    statement = query.select_statement()
    known = among(query.source, theirs, list(dict.fromkeys(keys)))
    partition = tuple(ColumnRef[Any](query.source, column) for column in theirs)
    statement = for_each(replace(statement, where=(known, *statement.where)), partition)
    held: list[Any] = []
    found = yield from in_parts(compile(statement, dialect), keyed(held, table, theirs, dialect))
    with no_collection():
        # What belongs to others is found through them, and needs no note of its own.
        along = Along(owners, relation.name) if siblings else None
        back = {key: Kept(key, owner, along) for key, owner in zip(keys, owners, strict=True)}
        if are_new(table.model):
            relate_new(found, relation.other.name, back, held)
        elif (now := keys_in(found, theirs)) == held:
            relate_all(found, relation.other.name, [back[key] for key in held])
        else:
            # An object that was held already may lead elsewhere by now, as it will say when it is saved.
            ends = [(row, back[key]) for row, key, own in zip(found, held, now, strict=True) if key == own]
            relate_all([row for row, _ in ends], relation.other.name, [end for _, end in ends])
        keep(one, owners, keys, grouped(held, found), new=new, along=along)
    return found


def load_many(
    one: Include, owners: Sequence[ModelBase], dialect: Dialect, new: bool, siblings: bool
) -> Steps[list[Any]]:
    """The rows that are linked to the instances: each is one instance, however many it is linked to."""
    relation = one.relation
    link, table = relation.link, relation.target_table
    keys = keys_of_owners(one, owners)
    query = rows_of(one)
    statement = query.select_statement()
    joins, near, chosen = links_of(one, query.source, list(dict.fromkeys(keys)))
    statement = replace(
        statement,
        columns=(*near, *statement.columns),
        joins=(*joins, *statement.joins),
        where=(*chosen, *statement.where),
    )
    held: list[Any] = []
    known: dict[Any, Any] = {}
    fill = filler(query.model, table.columns, dialect.name)
    width = len(near)
    read = key_loader(range(width), tuple(column.type for column in link.near), dialect)
    # What the database gave for the key tells which rows are the same, before anything is made of them.
    mark = itemgetter(*(width + at for at, column in enumerate(table.columns) if column.primary_key))

    def fill_once(rows: Rows) -> list[Any]:
        held.extend(read(rows))
        marks = list(map(mark, rows))
        if not known.keys() >= set(marks):
            fresh = {key: row[width:] for key, row in zip(marks, rows, strict=True) if key not in known}
            known.update(zip(fresh, fill(list(fresh.values())), strict=True))
        return list(map(known.__getitem__, marks))

    found = yield from in_parts(compile(for_each(statement, near), dialect), fill_once)
    with no_collection():
        keep(one, owners, keys, grouped(held, found), new=new)
    loaded = list(known.values())
    if siblings:
        introduce(loaded)
    return loaded


def links_of(
    one: Include, target: Source, keys: Sequence[Any]
) -> tuple[tuple[Join, ...], tuple[Expression[Any], ...], tuple[Expression[bool], ...]]:
    """The links of some rows, each pair once: joined to what they lead to, the keys they start from, and which they are."""
    link = one.relation.link
    between = source_of(link.table)
    known = (among(between, link.near, keys), *one.between)
    joins = joins_of(between, one.between)
    columns = tuple(ColumnRef[Any](between, column) for column in (*link.near, *link.far))
    if link.key is None:
        # Nothing keeps two rows from being linked twice.
        names = tuple(f"c{at}" for at in range(len(columns)))
        links = Derived(Select(between, columns, known, joins=joins, distinct=True), "links", names)
        picked = tuple(Picked[Any]("links", name, column) for name, column in zip(names, columns, strict=True))
        near, far = picked[: len(link.near)], picked[len(link.near) :]
        return (Join(links, meeting(far, target)),), near, ()
    near, far = columns[: len(link.near)], columns[len(link.near) :]
    return (Join(between, meeting(far, target)), *joins), near, known


def meeting(far: Sequence[Expression[Any]], target: Source) -> tuple[Expression[bool], ...]:
    key = (ColumnRef[Any](target, column) for column in target.table.primary_key)
    return tuple(Comparison(held, "==", column) for held, column in zip(far, key, strict=True))


def keyed(held: list[Any], table: Table, columns: Sequence[Column], dialect: Dialect) -> Fill:
    """What makes instances of rows, and adds the keys that the rows hold in some columns to `held`.

    Of an object that was held already, that is what the database says.
    """
    fill: Fill = filler(cast("type[ModelBase]", table.model), table.columns, dialect.name)
    read = key_loader([table.columns.index(column) for column in columns], tuple(one.type for one in columns), dialect)

    def fill_and_note(rows: Rows) -> list[Any]:
        held.extend(read(rows))
        return fill(rows)

    return fill_and_note


def key_loader(places: Sequence[int], types: tuple[ColumnType, ...], dialect: Dialect) -> Fill:
    """What reads the key that each row holds in some places: a value, or a tuple of several."""
    pick = itemgetter(*places)
    if not any(loads(types, dialect.name)):
        return lambda rows: list(map(pick, rows))
    if len(places) > 1:
        load = row_loader(types, dialect.name)
        return lambda rows: load(list(map(pick, rows)))
    load = row_loader(types, dialect.name, "value")
    return lambda rows: load(list(zip(map(pick, rows))))


LOADERS: dict[str, Callable[[Include, Sequence[ModelBase], Dialect, bool, bool], Steps[list[Any]]]] = {
    "forward": load_forward,
    "reverse": load_reverse,
    "many": load_many,
}


def for_each(statement: Select, partition: tuple[Expression[Any], ...]) -> Select:
    """The same rows; its limit and offset are meant for each part of them."""
    if statement.limit is None and statement.offset is None:
        return statement
    first = statement.offset or 0
    place = Over(WindowFunction[int]("row_number", (), type_for(int)), partition, statement.order_by, None)
    columns = (*statement.columns, place)
    names = tuple(f"c{at}" for at in range(len(columns)))
    inner = replace(statement, columns=columns, order_by=(), limit=None, offset=None)
    picked = [Picked[Any]("chosen", name, column) for name, column in zip(names, columns, strict=True)]
    number = picked.pop()
    bounds: list[Expression[bool]] = []
    if first:
        bounds.append(Comparison(number, ">", Value(first, type_for(int), number)))
    if statement.limit is not None:
        bounds.append(Comparison(number, "<=", Value(min(first + statement.limit, LAST), type_for(int), number)))
    return Select(Derived(inner, "chosen", names), tuple(picked), tuple(bounds), (Order(number, nulls="native"),))


def keys_of_owners(one: Include, owners: Sequence[ModelBase]) -> list[Any]:
    columns = own_columns(one.relation)
    keys = keys_in(owners, columns)
    if len(columns) > 1 or None in keys:
        for owner, key in zip(owners, keys, strict=True):
            if has_no_key(key):
                key_of_owner(one.relation, owner)
    return keys


def grouped(keys: Sequence[Any], rows: Sequence[Any]) -> dict[Any, list[Any]]:
    groups = defaultdict[Any, list[Any]](list)
    # No loop of Python's: it is a cost of every row that is read.
    deque(map(list[Any].append, map(groups.__getitem__, keys), rows), maxlen=0)
    return groups


def keep(
    one: Include,
    owners: Sequence[ModelBase],
    keys: Sequence[Any],
    groups: dict[Any, list[Any]],
    *,
    new: bool,
    along: Along | None = None,
) -> None:
    """Note in each instance which rows belong to it."""
    rows = [groups.get(key, ()) for key in keys]
    if one.relation.single:
        values = [Kept(key, found[0] if found else None, along) for key, found in zip(keys, rows, strict=True)]
    else:
        values = [Kept(key, tuple(found), along) for key, found in zip(keys, rows, strict=True)]
    relate_all(owners, one.relation.name, values, new=new)
