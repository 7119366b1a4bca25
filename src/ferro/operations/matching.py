"""All rows that match a query: changing, deleting and restoring them."""

from collections.abc import Mapping, Sequence
from typing import Any

from ferro.identity import changed_elsewhere
from ferro.instance.marks import mark_deleted
from ferro.operations.read import loader
from ferro.operations.steps import Steps
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.dialect import Dialect
from ferro.query.statements import Delete, Update


def update_where(
    query: QueryBase[Any], recipe: Sequence[Any], values: Mapping[str, Any], dialect: Dialect
) -> Steps[int]:
    """Change every row that matches; return how many there were."""
    return counted(query.model, query.update_statement(*recipe, **values), dialect, "Update")


def delete_where(query: QueryBase[Any], dialect: Dialect, *, hard: bool = False) -> Steps[int]:
    """Delete every row that matches, or mark it as deleted; return how many there were."""
    soft = query.table.deleted is not None and not hard
    statement = query.soft_delete_statement() if soft else query.delete_statement()
    return counted(query.model, statement, dialect, "Delete")


def restore_where(query: QueryBase[Any], dialect: Dialect) -> Steps[int]:
    """Take back that the rows that match were deleted; return how many there were."""
    return counted(query.model, query.restore_statement(), dialect, "Restore")


def update_returning(
    query: QueryBase[Any], recipe: Sequence[Any], values: Mapping[str, Any], dialect: Dialect
) -> Steps[list[Any]]:
    """Change every row that matches; return them as they are now."""
    statement = query.update_returning_statement(recipe, values)
    return given_back(query, statement, dialect, "Update")


def delete_returning(query: QueryBase[Any], dialect: Dialect, *, hard: bool = False) -> Steps[list[Any]]:
    """Delete every row that matches; return what they were, as new instances; those only marked as they are now."""
    soft = query.table.deleted is not None and not hard
    statement = query.delete_returning_statement(soft=soft)
    found = yield from given_back(query, statement, dialect, "Delete", new=not soft)
    if query.projection is None and not soft:
        for instance in found:
            mark_deleted(instance)
    return found


def given_back(
    query: QueryBase[Any], statement: Update | Delete, dialect: Dialect, operation: str, *, new: bool = False
) -> Steps[list[Any]]:
    result = yield compile(statement, dialect, operation=operation)
    changed_elsewhere(query.model)
    return loader(query, dialect, new=new)(result.rows)


def counted(model: type, statement: Update | Delete, dialect: Dialect, operation: str) -> Steps[int]:
    result = yield compile(statement, dialect, operation=operation)
    changed_elsewhere(model)
    return result.count
