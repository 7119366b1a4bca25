"""Many new rows, inserted together; what the database fills in is written into their instances."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from itertools import groupby
from typing import Any, TypeVar

from ferro.errors import QueryError
from ferro.identity import must_refer_to_here
from ferro.instance.marks import mark_under_way
from ferro.instance.state import first_loaded
from ferro.model import ModelBase
from ferro.operations.batching import batched, rows_at_once
from ferro.operations.collector import NoCollection
from ferro.operations.hydrate import FEW
from ferro.operations.inserting import Columns, Held, Inserting, Kept, chooser, inserting_many
from ferro.operations.stamps import stamp_new
from ferro.operations.steps import Atomic, Operation, Steps
from ferro.query.dialect import Dialect
from ferro.schema.registry import table_of
from ferro.schema.table import Table
from ferro.types.values import with_article

M = TypeVar("M", bound=ModelBase)


def bulk_create(model: type[M], instances: Iterable[M], dialect: Dialect) -> Operation[list[M]]:
    """Insert new instances, all or none, in their order; what the database fills in is written into them."""
    table = table_of(model)
    given = list(instances)
    check_new(model, given)
    batches = [
        (unset, batch)
        for unset, run in groupby(given, key=chooser(table))
        for batch in batched(list(run), rows_at_once(table, unset, dialect))
    ]
    steps = insert_batches(table, given, batches, dialect)
    return Atomic(steps) if len(batches) > 1 else steps


def check_new(model: type[ModelBase], given: Sequence[ModelBase], start: int = 0) -> None:
    for at, instance in enumerate(given, start):
        if type(instance) is not model:
            raise QueryError(
                f"bulk_create() of {model.__name__} got {with_article(type(instance).__name__)} at position {at}"
            )
    if (at := first_loaded(given)) is not None:
        raise QueryError(
            f"the {model.__name__} at position {start + at} is in the database already: save() writes its changes"
        )
    if len(set(map(id, given))) < len(given):
        raise QueryError(f"bulk_create() got the same {model.__name__} more than once: each instance is one row")


def insert_batches(
    table: Table, given: list[M], batches: Sequence[tuple[Columns, list[M]]], dialect: Dialect
) -> Steps[list[M]]:
    must_refer_to_here(given)
    stamp_new(table, given)
    answers: list[tuple[Inserting, list[M], Held, Kept, Sequence[tuple[Any, ...]]]] = []
    for unset, batch in batches:
        plan = inserting_many(table, unset, dialect, len(batch))
        picked = plan.picked(batch)
        columns, held = plan.converted(picked), plan.held(batch, picked)
        mark_under_way(batch)
        result = yield plan.sending(columns, len(batch))
        returned = plan.loaded(result, len(batch), alone=len(batches) == 1)
        answers.append((plan, batch, held, plan.kept(columns), returned))
    # Only now is it sure that none of them failed.
    with NoCollection() if len(given) > FEW else nullcontext():
        for plan, batch, held, sent, returned in answers:
            plan.note(batch, held, sent, returned)
    return given
