"""The statement that loads a relation of many rows, and how its answer is read.

Where nobody said which of the rows to load, both are made once for a relation and a database.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias, cast

from ferro.caches import informing
from ferro.model import ModelBase
from ferro.operations.hydrate import Fill, filler, loads, row_loader
from ferro.query.builder import rows_of
from ferro.query.compiler import compile, compile_rest
from ferro.query.dialect import Compiled, Dialect
from ferro.query.expressions import ColumnRef, Comparison, Expression, Order, Over, Value, WindowFunction
from ferro.query.including import Include
from ferro.query.joins import joins_of
from ferro.query.keysets import among
from ferro.query.kinds import type_for
from ferro.query.sources import Source, source_of
from ferro.query.statements import Derived, Join, Select
from ferro.query.subqueries import Picked
from ferro.schema.links import Link
from ferro.schema.relations import Relation
from ferro.schema.table import Column, Table
from ferro.types.base import ColumnType

# The largest number both databases count to.
LAST = 2**63 - 1

# From what says which keys the rows are loaded for to the statement that loads them.
Whole: TypeAlias = Callable[[Expression[bool]], Select]


@dataclass(frozen=True, slots=True, eq=False)
class Loading:
    """How the rows of a relation are asked for, and read.

    Attributes:
        source, columns: where the keys are that rows are loaded for.
        whole: the statement of the rows that have some of them.
        fill: makes instances of the rows; of links, of what comes after the keys.
        read: gives the key in each row: what the database says, also of an object that was held already.
        again: it will ask for the same again, but for the keys.
    """

    source: Source
    columns: tuple[Column, ...]
    whole: Whole
    fill: Fill
    read: Fill
    again: bool

    def asking(self, keys: Sequence[Any], dialect: Dialect) -> Compiled:
        """The statement of the rows for some keys."""
        known = among(self.source, self.columns, keys)
        return compile_rest(self, known, self.whole, dialect) if self.again else compile(self.whole(known), dialect)


@dataclass(frozen=True, slots=True, eq=False)
class LoadingLinked(Loading):
    """The same of rows that several may lead to.

    Attributes:
        width: how many values of a row come before those of the instance.
        mark: what the database gave for the key of the instance: which rows are the same, before anything is made.
    """

    width: int
    mark: Callable[[tuple[Any, ...]], Any]


def is_plain(one: Include) -> bool:
    """Whether all rows of a relation are loaded, whoever asks."""
    return one.query is None and not one.scope and not one.between


def loading_forward(one: Include, dialect: Dialect) -> Loading:
    """Of the rows that foreign keys lead to."""
    relation, table = one.relation, one.relation.target_table
    return forward(relation, table, dialect) if is_plain(one) else make_forward(one, table, dialect)


def loading_reverse(one: Include, dialect: Dialect) -> Loading:
    """Of the rows whose foreign keys lead here."""
    relation, ends = one.relation, (one.relation.table, one.relation.target_table)
    return reverse(relation, ends, dialect) if is_plain(one) else make_reverse(one, ends[1], dialect)


def loading_many(one: Include, dialect: Dialect) -> LoadingLinked:
    """Of the rows that are linked."""
    relation, link, table = one.relation, one.relation.link, one.relation.target_table
    return many(relation, link, table, dialect) if is_plain(one) else make_many(one, link, table, dialect)


# The tables are named beside the relation: a name may stand for another class one day.


@informing("rows along foreign keys")
@lru_cache(maxsize=1024)
def forward(relation: Relation, table: Table, dialect: Dialect) -> Loading:
    return make_forward(Include(relation), table, dialect)


@informing("rows back along foreign keys")
@lru_cache(maxsize=1024)
def reverse(relation: Relation, ends: tuple[Table, Table], dialect: Dialect) -> Loading:
    return make_reverse(Include(relation), ends[1], dialect)


@informing("rows along links")
@lru_cache(maxsize=1024)
def many(relation: Relation, link: Link, table: Table, dialect: Dialect) -> LoadingLinked:
    return make_many(Include(relation), link, table, dialect)


def make_forward(one: Include, table: Table, dialect: Dialect) -> Loading:
    query = rows_of(one)
    statement = query.select_statement()
    columns = one.relation.referenced

    def whole(known: Expression[bool]) -> Select:
        return replace(statement, where=(known, *statement.where))

    return Loading(query.source, columns, whole, *reading(table, columns, dialect), is_plain(one))


def make_reverse(one: Include, table: Table, dialect: Dialect) -> Loading:
    query = rows_of(one)
    statement = query.select_statement()
    columns = tuple(column for _, column in one.relation.pairs)
    partition = tuple(ColumnRef[Any](query.source, column) for column in columns)

    def whole(known: Expression[bool]) -> Select:
        return for_each(replace(statement, where=(known, *statement.where)), partition)

    return Loading(query.source, columns, whole, *reading(table, columns, dialect), is_plain(one))


def make_many(one: Include, link: Link, table: Table, dialect: Dialect) -> LoadingLinked:
    query = rows_of(one)
    statement = query.select_statement()
    between = source_of(link.table)

    def whole(known: Expression[bool]) -> Select:
        joins, near, chosen = links_of(link, between, query.source, (known, *one.between))
        linked = replace(
            statement,
            columns=(*near, *statement.columns),
            joins=(*joins, *statement.joins),
            where=(*chosen, *statement.where),
        )
        return for_each(linked, near)

    width = len(link.near)
    read = key_loader(range(width), tuple(column.type for column in link.near), dialect)
    mark = itemgetter(*(at for at, column in enumerate(table.columns, width) if column.primary_key))
    return LoadingLinked(between, link.near, whole, filler_of(table, dialect), read, is_plain(one), width, mark)


def links_of(
    link: Link, between: Source, target: Source, known: tuple[Expression[bool], ...]
) -> tuple[tuple[Join, ...], tuple[Expression[Any], ...], tuple[Expression[bool], ...]]:
    """Some links, each pair once: joined to what they lead to, the keys they start from, and which they are."""
    joins = joins_of(between, known)
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


# Reading the answer.


def reading(table: Table, columns: Sequence[Column], dialect: Dialect) -> tuple[Fill, Fill]:
    """What makes instances of a table's rows, and what reads the key that each row holds in some columns."""
    places = [table.columns.index(column) for column in columns]
    return filler_of(table, dialect), key_loader(places, tuple(one.type for one in columns), dialect)


def filler_of(table: Table, dialect: Dialect) -> Fill:
    return filler(cast("type[ModelBase]", table.model), table.columns, dialect.name)


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
