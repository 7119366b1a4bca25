"""What `__ferro_search__` says, checked against the fields."""

from ferro.errors import ModelDefinitionError
from ferro.rules import Search
from ferro.schema.table import Column, SearchIndex, Table, constraint_name
from ferro.types.values import with_article

# What FTS5 calls things of its own.
RESERVED = ("rank", "rowid")


def read_search(table: Table) -> SearchIndex | None:
    """The search index of a table whose model, or a parent of it, declares one."""
    where = f"{table.model.__name__}.__ferro_search__"
    declared = getattr(table.model, "__ferro_search__", None)
    if declared is None:
        return None
    if not isinstance(declared, Search):
        raise ModelDefinitionError(f'{where} must be Search("title", ...), not {declared!r}')
    return SearchIndex(
        name=constraint_name("fts", table, ()),
        columns=tuple(text_column(where, table, name) for name in declared.fields),
        language=declared.language,
        weights=tuple(declared.weights.get(name, "D") for name in declared.fields),
    )


def text_column(where: str, table: Table, name: str) -> Column:
    column = table.by_field.get(name)
    if column is None:
        raise ModelDefinitionError(
            f"{where} references unknown column {name!r}: the fields are {', '.join(table.by_field)}"
        )
    if column.type.kind != "text" or column.type.secret:
        raise ModelDefinitionError(
            f"{where}: words are searched for in texts, and {name} is {with_article(column.type.name)}"
        )
    if column.name.lower() in RESERVED:
        raise ModelDefinitionError(
            f"{where}: {column.name!r} cannot be the name of a searched column on SQLite; "
            'choose another with Field(column="...")'
        )
    return column
