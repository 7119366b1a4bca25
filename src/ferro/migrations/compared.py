"""Whether defaults and checks are what the models say: compared in the words in which the database keeps them."""

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy.schema import DefaultClause, SchemaItem

from ferro.migrations.written import DialectSql

PLUGIN = "ferro.migrations"
ASKING = "ferro_asks"
DEFAULT = "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = to_regclass(:name)"
CHECKS = (
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = to_regclass(:name) AND contype = 'c'"
)


def compare_default(
    context: AutogenContext,
    change: ops.AlterColumnOp,
    _schema: str | None,
    _table: str,
    _column: str,
    found: sa.Column[Any],
    wanted: sa.Column[Any],
) -> PriorityDispatchResult:
    """Note it when a column's default in the database is another one than the model's."""
    default, dialect = wanted.server_default, context.migration_context.dialect.name
    if isinstance(default, sa.Identity) and dialect == "sqlite":
        # It says which column it numbers where the table is made, and nowhere else.
        return PriorityDispatchResult.STOP
    if not isinstance(default, DefaultClause) or not isinstance(default.arg, DialectSql):
        return PriorityDispatchResult.CONTINUE
    change.existing_server_default = found.server_default
    if kept_default(found, dialect) not in written_defaults(context, wanted, default.arg, dialect):
        change.modify_server_default = default
    return PriorityDispatchResult.STOP


def kept_default(found: sa.Column[Any], dialect: str) -> str | None:
    default = found.server_default
    if not isinstance(default, DefaultClause) or not isinstance(default.arg, sa.TextClause):
        return None
    text = default.arg.text
    # SQLAlchemy puts some that it reads from SQLite in parentheses.
    return text[1:-1] if dialect == "sqlite" and text.startswith("(") else text


def written_defaults(
    context: AutogenContext, column: sa.Column[Any], default: DialectSql, dialect: str
) -> Iterable[str | None]:
    """The default as ferro writes it, and as the database would keep that."""
    yield default.of(dialect)
    if dialect == "postgresql" and context.connection is not None:
        yield as_kept(context.connection, column, default)


def as_kept(connection: sa.Connection, column: sa.Column[Any], default: DialectSql) -> str | None:
    """A default in the words PostgreSQL keeps it in."""
    column = sa.Column("it", column.type, server_default=default)
    return asked(connection, [column], lambda name: connection.scalar(sa.text(DEFAULT), {"name": name}))


def compare_checks(
    context: AutogenContext,
    changes: ops.ModifyTableOps,
    _schema: str | None,
    _name: str,
    found: sa.Table | None,
    wanted: sa.Table | None,
) -> PriorityDispatchResult:
    """Note it when the database knows a check by its name, and it says something else."""
    checks = {str(check.name): check for check in ours(wanted)} if wanted is not None else {}
    connection = context.connection
    if found is None or wanted is None or connection is None or not checks:
        return PriorityDispatchResult.CONTINUE
    present = {str(one["name"]): one["sqltext"] for one in sa.inspect(connection).get_check_constraints(found.name)}
    kept, written = present, {name: text_of(check).of(connection.dialect.name) for name, check in checks.items()}
    if connection.dialect.name == "postgresql":
        kept, written = kept_checks(connection, wanted), written_checks(connection, wanted, checks)
    for name in checks.keys() & present.keys():
        if kept[name] != written[name]:
            former = sa.CheckConstraint(DialectSql(present[name]), name=name, table=found)
            changes.ops.append(ops.DropConstraintOp.from_constraint(former))
            changes.ops.append(ops.AddConstraintOp.from_constraint(checks[name]))
    return PriorityDispatchResult.CONTINUE


def ours(table: sa.Table) -> list[sa.CheckConstraint]:
    return [
        one for one in table.constraints if isinstance(one, sa.CheckConstraint) and isinstance(one.sqltext, DialectSql)
    ]


def text_of(check: sa.CheckConstraint) -> DialectSql:
    assert isinstance(check.sqltext, DialectSql)
    return check.sqltext


def kept_checks(connection: sa.Connection, table: sa.Table) -> dict[str, str]:
    name = connection.dialect.identifier_preparer.format_table(table)
    return checks_of(connection, name)


def checks_of(connection: sa.Connection, name: str) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.execute(sa.text(CHECKS), {"name": name})}


def written_checks(connection: sa.Connection, table: sa.Table, checks: dict[str, sa.CheckConstraint]) -> dict[str, str]:
    """The checks of a table in the words PostgreSQL keeps them in."""
    items: list[SchemaItem] = [sa.Column(column.name, column.type) for column in table.columns]
    items += [sa.CheckConstraint(check.sqltext, name=check.name) for check in checks.values()]
    return asked(connection, items, lambda name: checks_of(connection, name))


def asked(connection: sa.Connection, items: list[SchemaItem], question: Callable[[str], Any]) -> Any:
    """What PostgreSQL says of a table that is gone again at once."""
    table = sa.Table(ASKING, sa.MetaData(), *items, prefixes=["TEMPORARY"])
    with connection.begin_nested() as savepoint:
        table.create(connection)
        answer = question(f"pg_temp.{ASKING}")
        savepoint.rollback()
    return answer


PLUGGED = Plugin(PLUGIN)
PLUGGED.add_autogenerate_comparator(compare_default, "column", "server_default", priority=DispatchPriority.FIRST)
PLUGGED.add_autogenerate_comparator(compare_checks, "table", "checkconstraints")
