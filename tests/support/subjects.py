"""Databases as Alembic and ferro see them, and what is really in them."""

import re
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from ferro.migrations import alembic_options, get_metadata
from ferro.sync import connect

ENV = """
from alembic import context
from sqlalchemy import create_engine

from ferro.migrations import alembic_options, get_metadata

engine = create_engine(context.config.attributes["url"])
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=get_metadata(), **alembic_options())
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
"""


class Subject:
    """One database, made by ferro, by SQLAlchemy or by scripts."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self.directory = directory
        self.is_sqlite = url.startswith("sqlite")
        self.engine = sa.create_engine(self.sqlalchemy_url, poolclass=sa.NullPool)

    @property
    def sqlalchemy_url(self) -> str:
        if self.is_sqlite:
            return "sqlite:///" + self.url.removeprefix("sqlite:").partition("?")[0]
        url, _, query = self.url.replace("postgresql://", "postgresql+psycopg://").partition("?")
        rest, _, schema = query.rpartition("ferro_search_path=")
        return f"{url}?{rest}options=-csearch_path%3D{schema}"

    def create_tables(self, *models: Any) -> None:
        with connect(self.url, default=False) as database:
            database.create_tables(*models)

    def run(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def clear(self) -> None:
        if self.is_sqlite:
            for path in self.directory.glob("test.db*"):
                path.unlink()
            return
        with self.engine.begin() as connection:
            schema = connection.scalar(sa.text("SELECT current_schema()"))
            connection.exec_driver_sql(f'DROP SCHEMA "{schema}" CASCADE')
            connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')

    def differences(self) -> list[Any]:
        """What Alembic would change to get the models' tables."""
        metadata = get_metadata()
        with self.engine.connect() as connection:
            options = {**alembic_options(), "target_metadata": metadata}
            return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    # Scripts.

    @property
    def config(self) -> Config:
        config = Config()
        home = self.directory / "alembic"
        config.set_main_option("script_location", str(home))
        config.attributes["url"] = self.sqlalchemy_url
        if not home.exists():
            (home / "versions").mkdir(parents=True)
            (home / "env.py").write_text(ENV, encoding="utf-8")
            template = Path(command.__file__).parent / "templates" / "generic" / "script.py.mako"
            (home / "script.py.mako").write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
        return config

    def revision(self, message: str = "next") -> str:
        """Let Alembic write a script; return its text."""
        made = command.revision(self.config, message, autogenerate=True)
        return Path(made.path).read_text(encoding="utf-8")

    def upgrade(self) -> None:
        command.upgrade(self.config, "head")

    def downgrade(self, to: str = "base") -> None:
        command.downgrade(self.config, to)

    # What is there.

    def catalog(self) -> dict[str, Any]:
        """Every table, in the database's own words."""
        with self.engine.connect() as connection:
            return sqlite_catalog(connection) if self.is_sqlite else postgres_catalog(connection)


CONSTRAINT = re.compile(r'CONSTRAINT\s+("(?:[^"]|"")*"|[\w$]+)\s+(UNIQUE|CHECK|FOREIGN)', re.IGNORECASE)
CHECK = re.compile(r'CONSTRAINT\s+("(?:[^"]|"")*"|[\w$]+)\s+CHECK\s*(\(.*\))', re.IGNORECASE)


def unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def sqlite_catalog(connection: sa.Connection) -> dict[str, Any]:
    def rows(sql: str, *values: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in connection.exec_driver_sql(sql, values)]

    def columns(table: str) -> list[tuple[Any, ...]]:
        found = rows('SELECT name, lower(type), "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)', table)
        return [(name, kind, null, without_parentheses(default), *rest) for name, kind, null, default, *rest in found]

    def keys(table: str) -> list[list[tuple[Any, ...]]]:
        sql = 'SELECT id, seq, "table", "from", "to", on_update, on_delete, "match" FROM pragma_foreign_key_list(?)'
        found = rows(sql, table)
        return sorted(sorted(row[1:] for row in found if row[0] == key) for key in {row[0] for row in found})

    def indexes(table: str) -> list[tuple[Any, ...]]:
        found = rows('SELECT name, "unique", origin, partial FROM pragma_index_list(?)', table)
        sql = 'SELECT seqno, name, "desc", coll, key FROM pragma_index_xinfo(?)'
        described = [
            (name if origin == "c" else "", unique, origin, partial, rows(sql, name))
            for name, unique, origin, partial in found
        ]
        return sorted(described, key=repr)

    sql = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> ?"
    return {
        name: {
            "columns": columns(name),
            "keys": keys(name),
            "indexes": indexes(name),
            "constraints": sorted((unquoted(one), kind.upper()) for one, kind in CONSTRAINT.findall(text)),
            "checks": sorted((unquoted(one), condition) for one, condition in CHECK.findall(text)),
            "numbered": "AUTOINCREMENT" in text,
        }
        for name, text in rows(sql, "alembic_version")
    }


def without_parentheses(default: str | None) -> str | None:
    return default[1:-1] if default and default.startswith("(") and default.endswith(")") else default


POSTGRES = {
    "columns": """
        SELECT attname, format_type(atttypid, atttypmod), attnotnull, attidentity::text, attgenerated::text,
               pg_get_expr(adbin, adrelid)
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = %(table)s::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum""",
    "constraints": """
        SELECT conname, contype::text, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid = %(table)s::oid ORDER BY conname""",
    "indexes": """
        SELECT relname, replace(pg_get_indexdef(indexrelid), current_schema() || '.', '') FROM pg_index
        JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = %(table)s::oid ORDER BY relname""",
    "sequences": """
        SELECT relname, seqtypid::regtype::text, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle
        FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
        JOIN pg_depend ON pg_depend.objid = seqrelid AND pg_depend.refobjid = %(table)s::oid ORDER BY relname""",
}


def postgres_catalog(connection: sa.Connection) -> dict[str, Any]:
    tables = connection.exec_driver_sql(
        "SELECT relname, oid::bigint FROM pg_class WHERE relkind = 'r' "
        "AND relnamespace = current_schema()::regnamespace AND relname <> 'alembic_version'"
    )
    return {
        name: {
            what: [tuple(row) for row in connection.exec_driver_sql(sql, {"table": oid})]
            for what, sql in POSTGRES.items()
        }
        for name, oid in tables.all()
    }
