"""What the rows of a selection become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, cast

from ferro.errors import QueryError
from ferro.query.expressions import ColumnRef, Expression
from ferro.query.inspecting import has_window, is_aggregated, loose_columns


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """What the rows of a selection become: bare values, tuples or dicts, or instances of the class `into`."""

    kind: Literal["value", "tuple", "dict"]
    names: tuple[str, ...]
    columns: tuple[Expression[Any], ...]
    into: Any = None

    @property
    def is_aggregated(self) -> bool:
        """Whether its rows are made of many."""
        return any(map(is_aggregated, self.columns))

    @property
    def group_by(self) -> tuple[int, ...]:
        """The positions of the plain columns beside aggregates: what rows are grouped by."""
        return self.grouped() if self.is_aggregated else ()

    def grouped(self) -> tuple[int, ...]:
        """The positions of what is selected beside aggregates, or would be."""
        return tuple(
            at
            for at, column in enumerate(self.columns, 1)
            if not is_aggregated(column) and not has_window(column) and loose_columns(column)
        )


def repeated(names: Sequence[str]) -> str:
    return next(name for at, name in enumerate(names) if name in names[:at])


def twice(name: str) -> QueryError:
    return QueryError(f"{name} is selected twice: name each column once")


def made_into(into: Any, projection: Projection) -> Projection:
    """A projection whose rows become instances of a class: every one of its columns needs a name."""
    names = projection.names or tuple(named(at, column, into) for at, column in enumerate(projection.columns, 1))
    if len(set(names)) < len(names):
        raise twice(repeated(names))
    return replace(projection, kind="dict", names=names, into=into)


def named(at: int, column: Expression[Any], into: Any) -> str:
    if isinstance(column, ColumnRef):
        return column.column.field
    raise QueryError(
        f"select(into={getattr(into, '__name__', repr(into))}) fills fields by name, and selection {at} has none: "
        'give it one with a dict, select(lambda u: {"name": ...})'
    )


def values_of(row: object, names: Sequence[str]) -> tuple[Any, ...]:
    """What an instance of any class holds in the fields it was filled in."""
    read = cast(Mapping[str, Any], row).__getitem__ if isinstance(row, Mapping) else partial(getattr, row)
    try:
        return tuple(map(read, names))
    except (AttributeError, KeyError) as error:
        raise QueryError(f"expected a row that this query returned, with {', '.join(names)}, got {row!r}") from error
