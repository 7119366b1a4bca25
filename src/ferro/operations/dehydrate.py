"""From an instance's values to the parameters of its row, by a function generated once for each set of columns."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, TypeAlias

from ferro.caches import informing
from ferro.errors import QueryError
from ferro.operations.hydrate import execute
from ferro.query.plans import refused
from ferro.query.writer import column_label
from ferro.schema.table import Column, Table
from ferro.types.base import Convert

Values: TypeAlias = Mapping[str, Any]
Dump: TypeAlias = Callable[[Values], Sequence[Any]]


@informing("parameters")
@lru_cache(maxsize=2048)
def row_dumper(table: Table, columns: tuple[Column, ...], dialect_name: str) -> Dump:
    """A function from the values of an instance, by field, to the parameters of a row, in the order of the columns."""
    dumps = [column.type.stored[dialect_name].dump for column in columns]
    # The words are field names, which are identifiers, and numbers: no text of a user's is ever run.
    lines = ["def dump(values):", "    try:"]
    for at, column in enumerate(columns):
        lines.append(f"        v{at} = values[{column.field!r}]")
        if not column.nullable:
            lines.append(f"        if v{at} is None: raise ValueError")
    lines += [
        f"        return [{', '.join(map(dumped, range(len(columns)), columns, dumps))}]",
        "    except Exception as error:",
        "        problem = error",
        # Not while it is handled: a traceback would tell of it twice.
        "    find_culprit(values)",
        "    raise problem",
    ]
    namespace: dict[str, Any] = {f"dump{at}": each for at, each in enumerate(dumps)}
    return execute(lines, "dump", {**namespace, "find_culprit": partial(find_culprit, table, columns, dumps)})


def dumped(at: int, column: Column, dump: Convert | None) -> str:
    """The source of one parameter: the value as it is, or converted."""
    if dump is None:
        return f"v{at}"
    return f"None if v{at} is None else dump{at}(v{at})" if column.nullable else f"dump{at}(v{at})"


def find_culprit(table: Table, columns: Sequence[Column], dumps: Sequence[Convert | None], values: Values) -> None:
    """Raise the error of the first value that is missing or cannot be kept, if there is one."""
    for column in columns:
        if column.field not in values:
            raise absent(table, column.field)
    for column in columns:
        if values[column.field] is None and not column.nullable:
            raise not_none(table, column)
    for column, dump in zip(columns, dumps, strict=True):
        if dump is None or (value := values[column.field]) is None:
            continue
        try:
            dump(value)
        except (ValueError, OverflowError) as error:
            raise refused(column_label(table.model, column), error) from error


def not_none(table: Table, column: Column) -> QueryError:
    return QueryError(f"{table.model.__name__}.{column.field} cannot be None: the column is not nullable")


def absent(table: Table, field: str) -> QueryError:
    return QueryError(f"{table.model.__name__}.{field} has no value: set it before the row is saved")
