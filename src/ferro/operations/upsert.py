"""One row, inserted, or written into the row that has its unique key."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ferro.errors import QueryError
from ferro.identity import must_refer_to_here, settled
from ferro.instance.marks import adopt
from ferro.model import ModelBase
from ferro.operations.inserting import Columns, Inserting, left_out, upserting
from ferro.operations.naming import named_column
from ferro.operations.stamps import stamp_new
from ferro.operations.steps import Steps
from ferro.query.dialect import Dialect
from ferro.query.keys import by_column, named_fields
from ferro.schema.registry import table_of
from ferro.schema.table import Table

M = TypeVar("M", bound=ModelBase)


def upsert(
    model: type[M], values: Mapping[str, Any], dialect: Dialect, *, key: Iterable[str] | None = None
) -> Steps[M]:
    """Insert a row, or update the named columns of the row that has the same unique key."""
    table = table_of(model)
    named = tuple(named_column(model, table, name) for name in by_column(table, values))
    instance = model(**values)
    chosen = deduced_key(table, named, instance) if key is None else named_key(table, key, instance)
    stamp_new(table, (instance,))
    unset = left_out(table, instance)
    update = updated_columns(table, named, chosen, unset)
    return upserted(instance, upserting(table, unset, dialect, chosen, update))


def upserted(instance: M, plan: Inserting) -> Steps[M]:
    must_refer_to_here((instance,))
    result = yield plan.statement(vars(instance))
    adopt(instance, plan.returned(result))
    return settled([instance])[0]


def updated_columns(table: Table, named: Columns, key: Columns, unset: Columns) -> Columns:
    """What an upsert changes in a row that is there: what was named, its stamp and its version."""
    update = tuple(
        column for column in named if column not in key and column not in unset and column is not table.version
    )
    if update:
        update += tuple(column for column in table.stamps.get("updated", ()) if column not in update)
    if update and table.version is not None:
        update += (table.version,)
    return update


# Which key tells the row.


def deduced_key(table: Table, named: Columns, instance: ModelBase, verb: str = "upsert()") -> Columns:
    """The one unique key that is given whole."""
    given = [column for column in named if vars(instance)[column.field] is not None]
    found = [key for key in table.keys if all(column in given for column in key)]
    if len(found) == 1:
        return found[0]
    model = table.model.__name__
    if not table.keys:
        raise QueryError(f"{model} has no unique key that tells which row to update: declare one")
    if not found:
        raise QueryError(f"{verb} of {model} needs all values of one of its unique keys: {spelled(table.keys)}")
    raise QueryError(f"{verb} of {model} names several unique keys: say which with key=, one of {spelled(found)}")


def named_key(table: Table, names: Iterable[str], instance: ModelBase, verb: str = "upsert()") -> Columns:
    given = named_fields(table, (names,) if isinstance(names, str) else names)
    wanted = {table.by_field[name] for name in given}
    for key in table.keys:
        if set(key) == wanted:
            for column in key:
                if vars(instance)[column.field] is None:
                    raise QueryError(
                        f"{verb} of {table.model.__name__} has no value for {column.field!r}, a part of its key"
                    )
            return key
    shown = ", ".join(repr(column.field) for column in table.columns if column in wanted)
    raise QueryError(
        f"({shown}) is not a unique key of {table.model.__name__}: "
        + (f"it can be {spelled(table.keys)}" if table.keys else "it has none")
    )


def spelled(keys: Sequence[Columns]) -> str:
    return ", ".join("(" + ", ".join(repr(column.field) for column in key) + ")" for key in keys)
