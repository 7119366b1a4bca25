"""Making the tables that are missing."""

from collections.abc import Iterable

from ferro.operations.locks import lock
from ferro.operations.steps import Atomic, Steps
from ferro.query.ddl import create_table
from ferro.query.dialect import Compiled, Dialect, Template
from ferro.schema.table import Table


def create_tables(tables: Iterable[Table], dialect: Dialect) -> Atomic[None]:
    """Create the tables that are missing, all or none; of two of the same name the last one counts."""
    latest = {table.name: table for table in tables}
    # Written before the first is sent: a table that cannot be made is reported before any other is.
    texts = [(table, sql) for table in latest.values() for sql in create_table(table, dialect)]
    return Atomic(run(texts, dialect))


def run(texts: list[tuple[Table, str]], dialect: Dialect) -> Steps[None]:
    if texts and dialect.locks:
        # Two programs that start together would each find a table missing, and one would fail to make it.
        yield lock("create tables")
    for table, sql in texts:
        template = Template(sql, fetches=False, writes=True, operation="Create table", subject=table.model.__name__)
        yield Compiled(template, ())
