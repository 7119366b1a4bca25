"""What an `env.py` tells Alembic, so that it sees a change where there is one, and writes scripts that run."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.schema import DefaultClause, SchemaItem

from ferro.migrations.written import Declared, DialectSql, Labels

# The tables in which SQLite keeps what it searches by words: they are no one's models.
NOT_OURS = "fts_"
SQLITE = SQLiteDialect()
PLUGIN = "ferro.migrations"


def alembic_options() -> dict[str, Any]:
    """The options of Alembic's `context.configure()`: `configure(..., target_metadata=get_metadata(), **alembic_options())`."""
    return {
        "compare_type": True,
        "compare_server_default": True,
        "autogenerate_plugins": ["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname", PLUGIN],
        "include_object": include_object,
        "render_item": render_item,
        "process_revision_directives": add_circular_keys_last,
    }


def include_object(
    _item: SchemaItem, name: str | None, kind: str, reflected: bool, compare_to: SchemaItem | None
) -> bool:
    """Whether Alembic looks at a thing: not at the tables of a text search."""
    return not (kind == "table" and reflected and compare_to is None and (name or "").startswith(NOT_OURS))


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
) -> Iterator[str | None]:
    """The default as ferro writes it, and as the database would keep that."""
    yield default.of(dialect)
    if dialect == "postgresql" and context.connection is not None:
        yield as_kept(context.connection, column, default)


def as_kept(connection: sa.Connection, column: sa.Column[Any], default: DialectSql) -> str | None:
    """A default in the words PostgreSQL keeps it in: asked of a table that is gone again at once."""
    table = sa.Table(
        "ferro_asks", sa.MetaData(), sa.Column("it", column.type, server_default=default), prefixes=["TEMPORARY"]
    )
    with connection.begin_nested() as savepoint:
        table.create(connection)
        kept = connection.scalar(
            sa.text("SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'pg_temp.ferro_asks'::regclass")
        )
        savepoint.rollback()
    return kept


# Scripts.


def render_item(kind: str, item: Any, context: AutogenContext) -> str | bool:
    """How a script says what only ferro has; False for everything else."""
    sa_prefix = context.opts.get("sqlalchemy_module_prefix") or "sa."
    if kind == "type" and isinstance(item, Labels):
        return f"{sa_prefix}{item.kept!r}"
    if kind == "type" and isinstance(item, Declared):
        return ours(item, context)
    if kind == "type" and isinstance(item, JSONB) and isinstance(variant := item.dialect_impl(SQLITE), Declared):
        # Alembic would write a name that its script does not import.
        context.imports.add("from sqlalchemy.dialects import postgresql")
        return f"postgresql.JSONB().with_variant({ours(variant, context)}, 'sqlite')"
    if kind == "server_default" and isinstance(item, DefaultClause) and isinstance(item.arg, DialectSql):
        return ours(item.arg, context)
    if kind == "check" and isinstance(item, sa.CheckConstraint) and isinstance(item.sqltext, DialectSql):
        op_prefix = context.opts.get("alembic_module_prefix") or "op."
        return f"{sa_prefix}CheckConstraint({ours(item.sqltext, context)}, name={op_prefix}f({str(item.name)!r}))"
    return False


def ours(item: Declared | DialectSql, context: AutogenContext) -> str:
    context.imports.add("import ferro.migrations")
    return f"ferro.migrations.{item!r}"


def add_circular_keys_last(
    context: MigrationContext, _revision: object, directives: Iterable[ops.MigrationScript]
) -> None:
    """Add the foreign keys of tables that refer to each other when all are there; SQLite takes them before."""
    if context.dialect.name == "sqlite":
        return
    for script in directives:
        for upgrade, downgrade in zip(script.upgrade_ops_list, script.downgrade_ops_list, strict=True):
            later: list[ops.MigrateOperation] = []
            for made in [op for op in upgrade.ops if isinstance(op, ops.CreateTableOp)]:
                keys = [key for key in made.columns if is_circular(key)]
                made.columns = [item for item in made.columns if not is_circular(item)]
                later += map(ops.CreateForeignKeyOp.from_constraint, keys)
            if later:
                upgrade.ops.extend(later)
                upgrade.reverse_into(downgrade)


def is_circular(item: SchemaItem) -> TypeGuard[sa.ForeignKeyConstraint]:
    return isinstance(item, sa.ForeignKeyConstraint) and bool(item.use_alter)


Plugin(PLUGIN).add_autogenerate_comparator(compare_default, "column", "server_default", priority=DispatchPriority.FIRST)
