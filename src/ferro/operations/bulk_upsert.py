"""Many rows, each inserted, or written into the row that has its unique key."""

from collections.abc import Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Generic, TypeVar

from ferro.caches import informing
from ferro.errors import QueryError
from ferro.identity import changed_elsewhere, must_refer_to_here, settled
from ferro.instance.marks import adopt, assigned_since
from ferro.instance.state import first_loaded
from ferro.model import ModelBase
from ferro.operations.batching import rows_at_once
from ferro.operations.bulk import CHUNK, made, must_be_many
from ferro.operations.inserting import Columns, Inserting, chooser, inserting, must_be_in
from ferro.operations.naming import named_column
from ferro.operations.stamps import stamp_new
from ferro.operations.steps import Steps
from ferro.operations.upsert import deduced_key, named_key, updated_columns
from ferro.query.dialect import Dialect
from ferro.query.keys import by_column
from ferro.query.statements import Conflict, OnConflict
from ferro.schema.registry import table_of
from ferro.schema.table import Table
from ferro.types.values import with_article

M = TypeVar("M", bound=ModelBase)


@dataclass(frozen=True, slots=True, eq=False)
class Given(Generic[M]):
    """A row, and the columns that were named for it."""

    instance: M
    named: Columns


@dataclass(frozen=True, slots=True)
class Shape:
    """What rows that can share a statement have in common: what they leave out, their key, and what is updated."""

    unset: Columns
    key: Columns
    update: Columns


def given_rows(model: type[M], rows: Iterable[M | Mapping[str, Any]]) -> Iterator[list[Given[M]]]:
    """The rows of an iterator, some at a time; dicts are validated."""
    must_be_many(model, rows, "bulk_upsert")
    table = table_of(model)
    known: dict[tuple[str, ...], Columns] = {}

    def given(row: M | Mapping[str, Any], at: int) -> Given[M]:
        if isinstance(row, Mapping):
            names = tuple(by_column(table, row))
            named = known.get(names)
            if named is None:
                named = known[names] = tuple(named_column(model, table, name) for name in names)
            return Given(made(model, row, at), named)
        if type(row) is not model:
            raise QueryError(
                f"bulk_upsert() of {model.__name__} got {with_article(type(row).__name__)} at position {at}"
            )
        fields = row.model_fields_set
        return Given(row, tuple(column for column in table.columns if column.field in fields))

    numbered = enumerate(rows)
    while chunk := list(islice(numbered, CHUNK)):
        yield [given(row, at) for at, row in chunk]


def bulk_upsert(
    model: type[M],
    rows: Sequence[Given[M]],
    dialect: Dialect,
    key: tuple[str, ...] | None = None,
    *,
    returning: bool = True,
    start: int = 0,
) -> Steps[list[M]]:
    """Insert rows or update those with their keys, in a transaction; return them, if they are asked for.

    `start` is the position of the first one, for errors.
    """
    table = table_of(model)
    instances = [row.instance for row in rows]
    if (at := first_loaded(instances)) is not None:
        raise QueryError(f"the {model.__name__} at position {start + at} is in the database already: bulk_update() it")
    must_refer_to_here(instances)
    shapes = list(shapes_of(table, rows, key, start))
    stamp_new(table, instances)
    for shape, batch in batches_of(table, instances, shapes, dialect):
        plan = upserting_many(table, shape, dialect, len(batch), returning)
        columns = plan.dumped(batch)
        held = [vars(instance).copy() for instance in batch] if returning else []
        result = yield plan.sending(columns, len(batch))
        if not returning:
            yield from must_be_in(table, len(batch), result.count, dialect)
        kept = plan.kept(columns)
        for at, values in enumerate(plan.loaded(result, len(batch))):
            sent = {field: column[at] for field, column in kept.items()}
            adopt(batch[at], dict(zip(plan.filled, values, strict=True)), assigned_since(batch[at], held[at], sent))
    if not returning:
        changed_elsewhere(model)
        return []
    return settled(instances)


def shapes_of(table: Table, rows: Sequence[Given[M]], key: tuple[str, ...] | None, start: int) -> Iterator[Shape]:
    model, choose = table.model, chooser(table)
    keyed = {column.field for columns in table.keys for column in columns}
    # The key follows from what is named and what of it is None; and so does all the rest.
    known: dict[Any, Shape] = {}
    for at, row in enumerate(rows, start):
        values = vars(row.instance)
        unset = choose(row.instance)
        facts = row.named, unset, tuple([values.get(field) is None for field in keyed])
        shape = known.get(facts)
        if shape is None:
            try:
                chosen = (
                    deduced_key(table, row.named, row.instance, "bulk_upsert()")
                    if key is None
                    else named_key(table, key, row.instance, "bulk_upsert()")
                )
            except QueryError as error:
                error.add_note(f"this is the {model.__name__} at position {at}")
                raise
            shape = known[facts] = Shape(unset, chosen, updated_columns(table, row.named, chosen, unset))
        yield shape


def batches_of(
    table: Table, instances: Sequence[M], shapes: Sequence[Shape], dialect: Dialect
) -> Generator[tuple[Shape, list[M]]]:
    """The rows of each statement, in their order. One of a key that came before is in the next one, and wins."""
    batch: list[M] = []
    keys: set[Hashable] = set()
    last: Shape | None = None
    for instance, shape in zip(instances, shapes, strict=True):
        key = key_of(instance, shape)
        full = last is not None and len(batch) >= rows_at_once(table, last.unset, dialect)
        if last is not None and (shape is not last or full or key in keys):
            yield last, batch
            batch, keys = [], set()
        batch.append(instance)
        keys.add(key)
        last = shape
    if last is not None:
        yield last, batch


def key_of(instance: ModelBase, shape: Shape) -> Hashable:
    values = vars(instance)
    key = tuple([values[column.field] for column in shape.key])
    return key if all(isinstance(part, Hashable) for part in key) else repr(key)


@informing("bulk upserts")
@lru_cache(maxsize=256)
def upserting_many(table: Table, shape: Shape, dialect: Dialect, rows: int, returning: bool) -> Inserting:
    conflict = Conflict(OnConflict.UPDATE, shape.key, shape.update or shape.key)
    back = table.columns if returning else ()
    return inserting(table, shape.unset, dialect, "Bulk save", conflict, back, rows)
