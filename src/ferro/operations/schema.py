"""Making the tables that are missing."""

from collections.abc import Iterable

from ferro.errors import ModelDefinitionError
from ferro.operations.locks import lock
from ferro.operations.row_security import row_security, secure, warn_of_open_tables
from ferro.operations.steps import Atomic, Steps
from ferro.query.ddl import add_foreign_key, create_table
from ferro.query.dialect import Compiled, Dialect, Template
from ferro.query.sqltext import quote
from ferro.schema.relations import link_tables
from ferro.schema.table import ForeignKeyConstraint, Secured, Table

Added = tuple[Table, ForeignKeyConstraint]


def create_tables(tables: Iterable[Table], dialect: Dialect) -> Atomic[None]:
    """Create the tables that are missing, all or none; of two of the same name the last one counts.

    The link tables of their many-to-many relations are among them.
    """
    latest = with_links({table.name: table for table in tables})
    ordered, circular = parents_first(latest)
    # SQLite takes a foreign key to a table that is still to come.
    later = circular if dialect.arrays else []
    # Written before the first is sent: a table that cannot be made is reported before any other is.
    texts = [
        (table, sql)
        for table in ordered
        for sql in create_table(table, dialect, later=tuple(key for one, key in later if one is table))
    ]
    secured: list[tuple[Table, Secured]] = []
    if dialect.row_security:
        for table in ordered:
            if table.secured is not None:
                secured.append((table, table.secured))
                row_security(table, table.secured, dialect)
    else:
        warn_of_open_tables(ordered)
    return Atomic(run(texts, later, secured, dialect))


def with_links(tables: dict[str, Table]) -> dict[str, Table]:
    """The tables, and the link tables between them."""
    found = dict(tables)
    for table in tables.values():
        for link in link_tables(table):
            if link.name in tables:
                raise ModelDefinitionError(
                    f"{link.model.__name__} is kept in a table {link.name!r}, and so is the model "
                    f"{tables[link.name].model.__name__}: choose another name with through="
                )
            must_be_same_link(found.setdefault(link.name, link), link)
    return found


def must_be_same_link(one: Table, other: Table) -> None:
    """Two relations may name one table, as the two ends of one would, if both keep the same in it."""
    if {column.name for column in one.columns} != {column.name for column in other.columns}:
        raise ModelDefinitionError(
            f"{one.model.__name__} and {other.model.__name__} would both be kept in the table {one.name!r}, with other "
            "columns: choose another name with through="
        )


def parents_first(tables: dict[str, Table]) -> tuple[list[Table], list[Added]]:
    """The tables in an order in which each comes after those it refers to, and the foreign keys that cannot."""
    ordered: dict[str, Table] = {}
    circular: list[Added] = []
    under_way: set[str] = set()

    def visit(table: Table) -> None:
        under_way.add(table.name)
        for key in table.foreign_keys:
            name = key.target.name
            if name in under_way and name != table.name:
                circular.append((table, key))
            elif name in tables and name not in ordered and name != table.name:
                visit(tables[name])
        under_way.discard(table.name)
        ordered[table.name] = table

    for table in tables.values():
        if table.name not in ordered:
            visit(table)
    return list(ordered.values()), circular


def run(
    texts: list[tuple[Table, str]], later: list[Added], secured: list[tuple[Table, Secured]], dialect: Dialect
) -> Steps[None]:
    if texts and dialect.locks:
        # Two programs that start together would each find a table missing, and one would fail to make it.
        yield lock("create tables")
    missing: list[Added] = []
    for table, key in later:
        if not (yield from is_there(table)):
            missing.append((table, key))
    for table, sql in texts:
        yield ddl(sql, table)
    for table, key in missing:
        yield ddl(add_foreign_key(table, key), table)
    for table, security in secured:
        for sql in (yield from secure(table, security, dialect)):
            yield ddl(sql, table)


def is_there(table: Table) -> Steps[bool]:
    """Whether PostgreSQL has the table: one that was there is never altered."""
    sql = "SELECT to_regclass($1) IS NOT NULL"
    template = Template(sql, fetches=True, writes=False, operation="Create table", subject=table.model.__name__)
    result = yield Compiled(template, [quote(table.name)])
    return bool(result.rows[0][0])


def ddl(sql: str, table: Table) -> Compiled:
    template = Template(sql, fetches=False, writes=True, operation="Create table", subject=table.model.__name__)
    return Compiled(template, ())
