"""Tables as SQL text: DDL takes no parameters, so every name is quoted and every value a literal."""

from collections.abc import Callable
from typing import Any

from ferro.errors import ModelDefinitionError, QueryError
from ferro.query.dialect import Dialect
from ferro.query.expressions import must_be_condition
from ferro.query.row import Row
from ferro.query.searching import create_search
from ferro.query.settings import Setting
from ferro.query.sources import source_of
from ferro.query.sqltext import quote
from ferro.query.writer import Inline
from ferro.rules import COMMANDS
from ferro.schema.table import CheckConstraint, Column, ForeignKeyConstraint, Policy, Table


def create_table(table: Table, dialect: Dialect, *, later: tuple[ForeignKeyConstraint, ...] = ()) -> list[str]:
    """The statements that make a table and its indexes where they are missing; `later` are added when all are there."""
    lines = [column_sql(table, column, dialect) for column in table.columns]
    if table.primary_key and not is_inline_key(table, dialect):
        lines.append(f"PRIMARY KEY ({names(table.primary_key)})")
    lines += [f"CONSTRAINT {quote(unique.name)} UNIQUE ({names(unique.columns)})" for unique in table.uniques]
    lines += [foreign_key_sql(one) for one in table.foreign_keys if one not in later]
    lines += [check_sql(table, check, dialect) for check in table.checks]
    body = ",\n    ".join(lines)
    return [
        f"CREATE TABLE IF NOT EXISTS {quote(table.name)} (\n    {body}\n)",
        *(
            f"CREATE INDEX IF NOT EXISTS {quote(index.name)} ON {quote(table.name)} ({indexed(index.columns, dialect)})"
            for index in table.indexes
        ),
        *create_search(table, dialect),
    ]


def indexed(columns: tuple[Column, ...], dialect: Dialect) -> str:
    """The columns of an index, each of which must be there."""
    if dialect.name != "sqlite":
        return names(columns)
    # In double quotes the name of no column is a text to SQLite, and it would index that.
    return ", ".join("`" + column.name.replace("`", "``") + "`" for column in columns)


def drop_table(table: Table) -> list[str]:
    """The statements that remove a table, if it is there, and what SQLite keeps beside it for searching."""
    names = [table.name] if table.search is None else [table.name, table.search.name]
    return [f"DROP TABLE IF EXISTS {quote(name)}" for name in names]


def foreign_key_sql(constraint: ForeignKeyConstraint) -> str:
    target = f"{quote(constraint.target.name)} ({names(constraint.referenced)})"
    update = f" ON UPDATE {constraint.on_update}" if constraint.on_update else ""
    return (
        f"CONSTRAINT {quote(constraint.name)} FOREIGN KEY ({names(constraint.columns)}) "
        f"REFERENCES {target} ON DELETE {constraint.on_delete}{update}"
    )


def add_foreign_key(table: Table, constraint: ForeignKeyConstraint) -> str:
    """The statement that adds a foreign key to a table that is there."""
    return f"ALTER TABLE {quote(table.name)} ADD {foreign_key_sql(constraint)}"


def column_sql(table: Table, column: Column, dialect: Dialect) -> str:
    stored = column.type.stored[dialect.name].name
    parts = [quote(column.name), dialect.autoincrement(stored) if column.autoincrement else stored]
    if not column.nullable or column.primary_key:
        parts.append("NOT NULL")
    if column.autoincrement and is_inline_key(table, dialect):
        parts.append("PRIMARY KEY AUTOINCREMENT")
    if column.default is not None:
        parts.append(f"DEFAULT ({Inline(dialect).default(column)})")
    return " ".join(parts)


def is_inline_key(table: Table, dialect: Dialect) -> bool:
    """Whether the key is written beside its column: the only place where SQLite numbers rows."""
    return dialect.inline_autoincrement and len(table.primary_key) == 1 and table.primary_key[0].autoincrement


def check_sql(table: Table, check: CheckConstraint, dialect: Dialect) -> str:
    return f"CONSTRAINT {quote(check.name)} CHECK ({check_condition(table, check, dialect)})"


def check_condition(table: Table, check: CheckConstraint, dialect: Dialect) -> str:
    return condition_sql(table, check.predicate, f"check {check.name}", dialect)


def condition_sql(table: Table, predicate: Callable[[Any], object], what: str, dialect: Dialect) -> str:
    """A condition on the table's own rows, with its values in it."""
    try:
        condition = must_be_condition(predicate(Row(source_of(table))), what)
    except QueryError as error:
        raise ModelDefinitionError(f"{table.name}: {error}") from error
    return Inline(dialect).sql(condition)


# Row security.


def enable_row_security(table: Table) -> str:
    return f"ALTER TABLE {quote(table.name)} ENABLE ROW LEVEL SECURITY"


def force_row_security(table: Table) -> str:
    """The statement that hides rows from the owner of the table too."""
    return f"ALTER TABLE {quote(table.name)} FORCE ROW LEVEL SECURITY"


def create_policy(table: Table, policy: Policy, dialect: Dialect) -> str:
    clauses = {"using": "USING", "with_check": "WITH CHECK"}
    conditions = [
        f" {clauses[option]} ({condition_sql(table, predicate, f'policy {policy.name}', dialect)})"
        for option, predicate in policy_predicates(policy).items()
    ]
    kind = "RESTRICTIVE" if policy.restrictive else "PERMISSIVE"
    start = f"CREATE POLICY {quote(policy.name)} ON {quote(table.name)} AS {kind} FOR {policy.command.upper()}"
    return "".join([start, *conditions])


def policy_predicates(policy: Policy) -> dict[str, Callable[[Any], object]]:
    """The conditions of a policy, by which of the two they are."""
    if policy.matching is not None:
        column, setting = policy.matching
        return dict.fromkeys(
            COMMANDS[policy.command], lambda row: getattr(row, column.field) == Setting[Any](setting, column.type)
        )
    given = {"using": policy.using, "with_check": policy.with_check}
    return {option: predicate for option, predicate in given.items() if predicate is not None}


def names(columns: tuple[Column, ...]) -> str:
    return ", ".join(quote(column.name) for column in columns)
