"""Many rows by one statement: an UPDATE from a list of keys and values, and rows of which nothing comes back."""

import re

from ferro.query.dialect import Dialect, Template
from ferro.query.plans import InsertPlan, dumps_of
from ferro.query.sqltext import quote
from ferro.schema.table import Column, Table

SIZE = re.compile(r"\s*\(\s*\d+\s*(?:,\s*-?\d+\s*)?\)")
NEW = "ferro_new"


def bulk_update(
    table: Table, key: tuple[Column, ...], columns: tuple[Column, ...], rows: int, dialect: Dialect
) -> InsertPlan:
    """The plan of an UPDATE of so many rows: each gives the values of its key, then of its columns.

    The keys of the rows that were found come back. A column that counts versions is a part of `key`, and is counted up.
    """
    given = (*key, *columns)
    target, source = quote(table.name), quote(NEW)
    lines = [value_row(given, at * len(given), dialect) for at in range(rows)]
    # Both databases name the columns of a list of values column1, column2 and so on.
    sets = [f"{quote(column.name)}={source}.column{at}" for at, column in enumerate(columns, len(key) + 1)]
    sets += [f"{quote(column.name)}={target}.{quote(column.name)} + 1" for column in key if column.version]
    found = [f"{target}.{quote(column.name)} = {source}.column{at}" for at, column in enumerate(key, 1)]
    back = [f"{target}.{quote(column.name)}" for column in table.primary_key]
    sql = (
        f"UPDATE {target} SET {', '.join(sets)} FROM (VALUES {', '.join(lines)}) AS {source} "
        f"WHERE {' AND '.join(found)} RETURNING {', '.join(back)}"
    )
    secrets = frozenset(
        row * len(given) + at for row in range(rows) for at, column in enumerate(given) if column.type.secret
    )
    model = table.model
    template = Template(
        sql, fetches=True, writes=True, operation="Bulk update", subject=model.__name__, secrets=secrets
    )
    return InsertPlan(template, len(given), dumps_of(given, model, dialect.name))


def bulk_insert(table: Table, columns: tuple[Column, ...], dialect: Dialect) -> InsertPlan:
    """The plan of the statement that takes new rows, and gives nothing back."""
    model = table.model
    target, names = quote(table.name), ", ".join(quote(column.name) for column in columns)
    marks = ", ".join(dialect.placeholder for _ in columns)
    sql = (
        f"COPY {target} ({names}) FROM STDIN" if dialect.copies else f"INSERT INTO {target} ({names}) VALUES ({marks})"
    )
    template = Template(sql, fetches=False, writes=True, operation="Bulk save", subject=model.__name__)
    return InsertPlan(template, len(columns), dumps_of(columns, model, dialect.name))


def value_row(columns: tuple[Column, ...], start: int, dialect: Dialect) -> str:
    marks = [dialect.placeholder.format(start + at) for at in range(1, len(columns) + 1)]
    if dialect.arrays and not start:
        # In a list of values nothing tells PostgreSQL a type but the first row.
        pairs = zip(marks, columns, strict=True)
        marks = [f"CAST({mark} AS {unsized(column.type.stored[dialect.name].name)})" for mark, column in pairs]
    return f"({', '.join(marks)})"


def unsized(name: str) -> str:
    """A column type without its size: a cast to `varchar(3)` would cut the value, where storing it is refused."""
    return SIZE.sub("", name)
