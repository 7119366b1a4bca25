"""How a migration script says what only ferro has, and in which order."""

from collections.abc import Iterable
from typing import Any, TypeGuard

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.schema import DefaultClause, SchemaItem

from ferro.migrations.written import Declared, DialectSql, Labels

SQLITE = SQLiteDialect()


def render_item(kind: str, item: Any, context: AutogenContext) -> str | bool:
    """How a script says what only ferro has; False for everything else."""
    prefix = context.opts.get("sqlalchemy_module_prefix") or "sa."
    if kind == "type" and isinstance(item, Labels):
        return f"{prefix}{item.kept!r}"
    if kind == "type" and isinstance(item, Declared):
        return ours(item, context)
    if kind == "type" and isinstance(item, JSONB) and isinstance(variant := item.dialect_impl(SQLITE), Declared):
        # Alembic would write a name that its script does not import.
        context.imports.add("from sqlalchemy.dialects import postgresql")
        return f"postgresql.JSONB().with_variant({ours(variant, context)}, 'sqlite')"
    if kind == "server_default" and isinstance(item, DefaultClause) and isinstance(item.arg, DialectSql):
        return ours(item.arg, context)
    if kind == "check" and isinstance(item, sa.CheckConstraint) and isinstance(item.sqltext, DialectSql):
        return f"{prefix}CheckConstraint({ours(item.sqltext, context)}, name={final(str(item.name), context)})"
    return False


def ours(item: Declared | DialectSql, context: AutogenContext) -> str:
    context.imports.add("import ferro.migrations")
    return f"ferro.migrations.{item!r}"


def final(name: str, context: AutogenContext) -> str:
    """A name that no naming convention changes."""
    return f"{context.opts.get('alembic_module_prefix') or 'op.'}f({name!r})"


class AddCheck(ops.CreateCheckConstraintOp):
    """A check in ferro's words: Alembic would write it as a plain text, and take what follows a colon for a parameter."""


def render_check(context: AutogenContext, op: AddCheck) -> str:
    batch = context.opts.get("render_as_batch")
    prefix = "batch_op." if batch else context.opts.get("alembic_module_prefix") or "op."
    table = "" if batch else f", {op.table_name!r}"
    assert isinstance(op.condition, DialectSql)
    name = final(str(op.constraint_name), context)
    return f"{prefix}create_check_constraint({name}{table}, {ours(op.condition, context)})"


renderers.dispatch_for(AddCheck)(render_check)


def prepare(context: MigrationContext, _revision: object, directives: Iterable[ops.MigrationScript]) -> None:
    """Put what is to be written into an order, and into words, that both databases take."""
    for script in directives:
        for upgrade, downgrade in zip(script.upgrade_ops_list, script.downgrade_ops_list, strict=True):
            # SQLite takes a foreign key to a table that is still to come, and none later.
            if context.dialect.name != "sqlite" and (later := circular_keys(upgrade)):
                upgrade.ops.extend(later)
                upgrade.reverse_into(downgrade)
            for changes in (*upgrade.ops, *downgrade.ops):
                if isinstance(changes, ops.ModifyTableOps):
                    changes.ops = [in_our_words(op) for op in changes.ops]


def circular_keys(upgrade: ops.UpgradeOps) -> list[ops.MigrateOperation]:
    """The foreign keys of new tables that refer to each other: to be added when all are there."""
    later: list[ops.MigrateOperation] = []
    for made in [op for op in upgrade.ops if isinstance(op, ops.CreateTableOp)]:
        keys = [item for item in made.columns if is_circular(item)]
        made.columns = [item for item in made.columns if not is_circular(item)]
        later += map(ops.CreateForeignKeyOp.from_constraint, keys)
    return later


def is_circular(item: SchemaItem) -> TypeGuard[sa.ForeignKeyConstraint]:
    return isinstance(item, sa.ForeignKeyConstraint) and bool(item.use_alter)


def in_our_words(op: ops.MigrateOperation) -> ops.MigrateOperation:
    if isinstance(op, ops.CreateCheckConstraintOp) and isinstance(op.condition, DialectSql):
        return AddCheck(op.constraint_name, op.table_name, op.condition, schema=op.schema)
    return op
