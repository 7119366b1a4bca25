"""ferro's models for Alembic: the same tables as SQLAlchemy's metadata, and what an `env.py` needs."""

try:
    from ferro.migrations.autogenerate import alembic_options
    from ferro.migrations.metadata import get_metadata
    from ferro.migrations.policies import row_security_sql
    from ferro.migrations.sqlite import teach
    from ferro.migrations.written import Declared, DialectSql, Labels
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("sqlalchemy", "alembic"):
        raise
    raise ImportError(
        "ferro.migrations needs SQLAlchemy and Alembic, which ferro itself does not: pip install 'ferro-dual[alembic]'"
    ) from error

__all__ = [
    # In env.py
    "get_metadata",
    "alembic_options",
    "teach",
    # In migration scripts
    "Declared",
    "DialectSql",
    "Labels",
    "row_security_sql",
]
