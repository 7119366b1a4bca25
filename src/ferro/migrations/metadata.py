"""The tables of the registered models as SQLAlchemy's metadata."""

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, TypeGuard

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.sqlite import base
from sqlalchemy.exc import CompileError
from sqlalchemy.schema import SchemaItem, conv
from sqlalchemy.types import TypeEngine

from ferro.dialects import DIALECTS
from ferro.errors import FerroError, ModelDefinitionError
from ferro.migrations.written import Declared, DialectSql, Labels
from ferro.operations.schema import parents_first, with_links
from ferro.query.ddl import check_condition
from ferro.query.dialect import Dialect
from ferro.query.writer import Inline
from ferro.schema.registry import table_of
from ferro.schema.relations import check_every_relation, usable_models
from ferro.schema.table import CheckConstraint, Column, ForeignKeyConstraint, Table, shortened
from ferro.types.base import ColumnType

# SQLAlchemy's types by the names of PostgreSQL's.
TYPES: dict[str, Callable[..., TypeEngine[Any]]] = {
    "boolean": sa.Boolean,
    "smallint": sa.SmallInteger,
    "integer": sa.Integer,
    "bigint": sa.BigInteger,
    "double precision": sa.Double,
    "numeric": sa.Numeric,
    "text": sa.Text,
    "varchar": sa.String,
    "bytea": sa.LargeBinary,
    "date": sa.Date,
    "time": sa.Time,
    "timestamptz": partial(sa.DateTime, timezone=True),
    "timestamp": sa.DateTime,
    "interval": sa.Interval,
    "uuid": sa.Uuid,
    "inet": postgresql.INET,
    "cidr": postgresql.CIDR,
    "json": sa.JSON,
    "jsonb": postgresql.JSONB,
}
SQLITE = base.SQLiteDialect()
# What SQLAlchemy recognises when it reads a SQLite database;
RECOGNISED: dict[str, Any] = vars(base)["ischema_names"]


def get_metadata() -> sa.MetaData:
    """The tables of every registered model and many-to-many relation, as they are now: a new object at each call.

    It is what `create_tables()` makes, on either database: `target_metadata = get_metadata()` in an `env.py`.

    Raises:
        ModelDefinitionError: a relation leads nowhere, or a model cannot be read.
    """
    check_every_relation()
    metadata = sa.MetaData(naming_convention=NAMES)
    tables = with_links({table.name: table for table in map(table_of, usable_models())})
    ordered, circular = parents_first(tables)
    for table in ordered:
        add_table(metadata, table)
    for table in ordered:
        for key in table.foreign_keys:
            add_foreign_key(metadata, table, key, later=(table, key) in circular)
    return metadata


def unique_name(constraint: sa.UniqueConstraint, table: sa.Table) -> str:
    return shortened("uq", (table.name, *(column.name for column in constraint.columns)))


def index_name(index: sa.Index, table: sa.Table) -> str:
    return shortened("idx", (table.name, *(column.name for column in index.columns)))


# Of a column that says unique=True or index=True; whatever has a name keeps it.
NAMES: dict[str, Any] = {
    "uq": "%(ferro_uq)s",
    "ferro_uq": unique_name,
    "ix": "%(ferro_ix)s",
    "ferro_ix": index_name,
}


def add_table(metadata: sa.MetaData, table: Table) -> None:
    items: list[SchemaItem] = [make_column(table, column) for column in table.columns]
    items += [sa.CheckConstraint(check_text(table, check), name=conv(check.name)) for check in table.checks]
    made = sa.Table(table.name, metadata, *items)
    if any(column.autoincrement for column in table.columns):
        made.dialect_kwargs["sqlite_autoincrement"] = True
    for unique in table.uniques:
        if len(unique.columns) > 1:
            made.append_constraint(sa.UniqueConstraint(*columns_of(made, unique.columns), name=unique.name))
    for index in table.indexes:
        if len(index.columns) > 1:
            sa.Index(index.name, *columns_of(made, index.columns))


def columns_of(table: sa.Table, columns: tuple[Column, ...]) -> list[sa.Column[Any]]:
    return [table.c[column.name] for column in columns]


def make_column(table: Table, column: Column) -> sa.Column[Any]:
    kept = sql_type(column.type)
    if column.autoincrement and written_on_sqlite(kept) != "integer":
        # SQLite numbers a column only if its type is called just that.
        kept = kept.with_variant(sa.Integer(), "sqlite")
    return sa.Column(
        column.name,
        kept,
        *([sa.Identity()] if column.autoincrement else []),
        primary_key=column.primary_key,
        nullable=column.nullable and not column.primary_key,
        autoincrement="auto" if column.autoincrement or not column.primary_key else False,
        server_default=None if column.default is None else default_text(column),
        unique=any(unique.columns == (column,) for unique in table.uniques),
        index=any(index.columns == (column,) for index in table.indexes),
    )


def add_foreign_key(metadata: sa.MetaData, table: Table, key: ForeignKeyConstraint, *, later: bool) -> None:
    target = metadata.tables.get(key.target.name)
    if target is None:
        raise ModelDefinitionError(
            f"{table.name} refers to {key.target.name}, the table of {key.target.model.__name__}, "
            "which is no longer registered: define it again, or forget both"
        )
    for name in (key.target.name, *(column.name for column in key.referenced)):
        if "." in name:
            raise ModelDefinitionError(
                f"{table.name} refers to {name!r} in {key.target.name!r}, and Alembic takes what is before a dot for "
                'another name: choose one without it, with Field(column="...") or __ferro_table__ = "..."'
            )
    made = metadata.tables[table.name]
    made.append_constraint(
        sa.ForeignKeyConstraint(
            columns_of(made, key.columns),
            columns_of(target, key.referenced),
            name=key.name,
            ondelete=key.on_delete,
            onupdate=key.on_update,
            use_alter=later,
        )
    )


# Types.


def sql_type(kind: ColumnType) -> TypeEngine[Any]:
    """A column type that is called what ferro calls it, on either database."""
    names = {dialect: stored.name for dialect, stored in kind.stored.items()}
    usual = named_type(names.get("postgresql") or names["sqlite"])
    if is_enum(kind.python_type):
        usual = Labels(kind.python_type.__name__.lower(), labels_of(kind.python_type), usual)
    on_sqlite = names.get("sqlite")
    if on_sqlite is None or written_on_sqlite(usual) == on_sqlite:
        return usual
    learn(on_sqlite)
    return usual.with_variant(Declared(on_sqlite), "sqlite")


def named_type(name: str) -> TypeEngine[Any]:
    """The type of a name, as SQLAlchemy has it, or just by that name."""
    word, _, rest = name.partition("(")
    make = TYPES.get(word)
    arguments = [int(number) for number in rest.rstrip(")").split(",")] if rest.endswith(")") and make else []
    return Declared(name) if make is None else make(*arguments)


def written_on_sqlite(kind: TypeEngine[Any]) -> str | None:
    try:
        return SQLITE.type_compiler_instance.process(kind).lower()
    except CompileError:
        return None


def learn(name: str) -> None:
    """Let SQLAlchemy recognise a type that it reads from a SQLite database, where it would guess."""
    RECOGNISED.setdefault(name.upper(), partial(Declared, name))


def is_enum(python_type: object) -> TypeGuard[type[Enum]]:
    return isinstance(python_type, type) and issubclass(python_type, Enum) and bool(python_type.__members__)


def labels_of(enum: type[Enum]) -> tuple[str, ...]:
    return tuple(str(member.value) for member in enum)


# Expressions.


def default_text(column: Column) -> DialectSql:
    return on_each(lambda dialect: Inline(dialect).default(column))


def check_text(table: Table, check: CheckConstraint) -> DialectSql:
    return on_each(lambda dialect: check_condition(table, check, dialect))


def on_each(write: Callable[[Dialect], str]) -> DialectSql:
    """SQL as each database has it; what only one of them can say is left out of the other."""
    texts: dict[str, str] = {}
    problem: FerroError | None = None
    for name, dialect in DIALECTS.items():
        try:
            texts[name] = write(dialect)
        except FerroError as error:
            problem = error
    if not texts and problem is not None:
        raise problem
    said = set(texts.values())
    return DialectSql(said.pop()) if len(said) == 1 and len(texts) == len(DIALECTS) else DialectSql(**texts)
