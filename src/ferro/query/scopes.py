"""Which rows of a table its queries see."""

from collections.abc import Callable
from typing import Any

from ferro.errors import QueryError
from ferro.query.expressions import ColumnRef, Expression, IsNull, Source, is_expression, must_be_condition
from ferro.query.row import Row, inside
from ferro.schema.table import Table


def scope_of(table: Table, source: Source) -> tuple[Expression[bool], ...]:
    """The conditions of a model's scope, about the rows of a source: to stand before all others.

    Whoever reads a table by another way than its queries, such as a join, asks for them as well. That a row
    is not deleted comes first.
    """
    if not table.scoped:
        return ()
    kept = () if table.deleted is None else (IsNull(ColumnRef[Any](source, table.deleted)),)
    return kept + tuple(read(scope, source) for scope in table.scopes)


def read(scope: Callable[[Any], object], source: Source) -> Expression[bool]:
    with inside(source):
        found = scope(Row(source))
    if not is_expression(found):
        raise QueryError(
            f"{source.table.model.__name__}.__ferro_scope__ expects a lambda that returns a condition such as "
            f"p.published == True, got {type(found).__name__}: {found!r}"
        )
    return must_be_condition(found, "__ferro_scope__")
