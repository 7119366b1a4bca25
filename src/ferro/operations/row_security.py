"""Hiding the rows of tables, where the database can."""

from collections.abc import Iterable
from warnings import warn

from ferro.errors import RowSecurityWarning
from ferro.operations.steps import Steps
from ferro.query.ddl import create_policy, enable_row_security, force_row_security
from ferro.query.dialect import Compiled, Dialect, Template
from ferro.query.sqltext import quote
from ferro.schema.table import Policy, Secured, Table

STATE = """
SELECT relrowsecurity, relforcerowsecurity, polname::text
FROM pg_class LEFT JOIN pg_policy ON polrelid = pg_class.oid WHERE pg_class.oid = to_regclass($1)
"""


def secure(table: Table, secured: Secured, dialect: Dialect) -> Steps[list[str]]:
    """What is still to be done to a table that is there; a policy that is there is never altered."""
    template = Template(STATE, fetches=True, writes=False, operation="Create table", subject=table.model.__name__)
    result = yield Compiled(template, [quote(table.name)])
    enabled, forced, _ = result.rows[0]
    present = {name for _, _, name in result.rows}
    missing = tuple(policy for policy in secured.policies if policy.name not in present)
    return statements(table, missing, dialect, enable=not enabled, force=secured.force and not forced)


def row_security(table: Table, secured: Secured, dialect: Dialect) -> list[str]:
    """The statements that hide the rows of a table that hides none."""
    return statements(table, secured.policies, dialect, enable=True, force=secured.force)


def statements(table: Table, policies: tuple[Policy, ...], dialect: Dialect, *, enable: bool, force: bool) -> list[str]:
    return [
        *([enable_row_security(table)] if enable else []),
        *([force_row_security(table)] if force else []),
        *(create_policy(table, policy, dialect) for policy in policies),
    ]


def warn_of_open_tables(tables: Iterable[Table]) -> None:
    """Say once of each model that its rows are hidden from nobody."""
    models = [table.model for table in tables if table.secured and "__ferro_warned__" not in table.model.__dict__]
    if models:
        names = ", ".join(model.__name__ for model in models)
        for model in models:
            type.__setattr__(model, "__ferro_warned__", True)
        warn(
            f"{names}: SQLite has no row security, and shows every row to everybody",
            RowSecurityWarning,
            stacklevel=2,
        )
