"""A table of people, their query, and both databases as bare drivers."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from pydantic import NaiveDatetime, SecretStr

from ferro.dialects import DIALECTS
from ferro.dialects.sqlite import AGGREGATES, COLLATIONS, FUNCTIONS
from ferro.operations.read import loader
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.ddl import create_table
from ferro.query.dialect import Dialect
from ferro.query.statements import Insert, Statement
from ferro.schema.table import Column, Table
from ferro.types import column_type


class Role(Enum):
    ADMIN = "admin"
    GUEST = "guest"


class Person:
    """Stands for a model class: the query room only asks for its name."""


def column(name: str, annotation: Any, **facts: Any) -> Column:
    return Column(name, name, column_type(annotation), **facts)


PERSON = Table(
    "person",
    Person,
    (
        column("id", int, primary_key=True, autoincrement=True),
        column("name", str),
        column("age", int, nullable=True),
        column("shoes", int, nullable=True),
        column("wealth", Decimal, nullable=True),
        column("height", float, nullable=True),
        column("active", bool, nullable=True),
        column("born", date, nullable=True),
        column("seen", datetime, nullable=True),
        column("alarm", NaiveDatetime, nullable=True),
        column("role", Role, nullable=True),
        column("key", UUID, nullable=True),
        column("address", IPv4Address, nullable=True),
        column("photo", bytes, nullable=True),
        column("notes", dict, nullable=True),
        column("password", SecretStr, nullable=True),
    ),
)
FIRST = UUID(int=1)
SECOND = UUID(int=2)
ROWS: list[dict[str, Any]] = [
    {
        "id": 1,
        "name": "Ann",
        "age": 30,
        "shoes": 7,
        "wealth": Decimal("10.50"),
        "height": 1.5,
        "active": True,
        "born": date(1990, 1, 2),
        "seen": datetime(2020, 1, 1, tzinfo=UTC),
        "alarm": datetime(2020, 1, 1, 7),
        "role": Role.ADMIN,
        "key": FIRST,
        "address": IPv4Address("10.0.0.1"),
        "photo": b"a",
        "notes": {"a": 1},
    },
    {
        "id": 2,
        "name": "Örs 50%",
        "age": -7,
        "shoes": 0,
        "wealth": Decimal("9.5"),
        "height": -2.5,
        "active": False,
        "born": date(2001, 5, 6),
        "seen": datetime(2021, 1, 1, tzinfo=UTC),
        "role": Role.GUEST,
        "key": SECOND,
        "address": IPv4Address("9.0.0.1"),
        "photo": b"b",
    },
    {"id": 3, "name": "bob_[*]?\\"},
]


@pytest.fixture
def people() -> QueryBase[Any]:
    return QueryBase(Person, PERSON)


@pytest.fixture
def condition(people) -> Callable[..., tuple[str, list[Any]]]:
    """The SQL and the values of a condition: `condition(lambda p: p.age > 1, sqlite)`."""

    def compiled(predicate: Any, dialect: Dialect) -> tuple[str, list[Any]]:
        found = compile(people.select("id").where(predicate).select_statement(), dialect)
        return found.sql.partition(" WHERE ")[2], list(found.params)

    return compiled


class Bare:
    """A database without ferro's drivers: what is compiled is run as it is."""

    def __init__(self, dialect: Dialect, fetch: Callable[[str, Any], list[tuple[Any, ...]]]) -> None:
        self.dialect = dialect
        self.fetch = fetch

    def run(self, statement: Statement) -> list[tuple[Any, ...]]:
        compiled = compile(statement, self.dialect)
        return self.fetch(compiled.sql, compiled.params)

    def select(self, query: QueryBase[Any]) -> list[Any]:
        """The rows of a projected query, as its caller would see them."""
        return loader(query, self.dialect)(self.run(query.select_statement()))


@pytest.fixture
def empty_database(backend: str, request: pytest.FixtureRequest) -> Bare:
    return request.getfixturevalue(f"bare_{backend}")


@pytest.fixture
def database(empty_database, people) -> Bare:
    """The table of people, filled, on each database in turn."""
    for sql in create_table(PERSON, empty_database.dialect):
        empty_database.fetch(sql, ())
    names = tuple(PERSON.by_field)
    rows = [[row.get(name) for name in names] for row in ROWS]
    empty_database.run(Insert(people.source, PERSON.columns, rows))
    return empty_database


@pytest.fixture
def bare_sqlite() -> Iterator[Bare]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for function in FUNCTIONS:
        connection.create_function(
            function.name, function.nargs, function.function, deterministic=function.deterministic
        )
    for aggregate in AGGREGATES:
        register = connection.create_window_function if aggregate.window else connection.create_aggregate
        register(aggregate.name, aggregate.nargs, aggregate.factory)
    for collation in COLLATIONS:
        connection.create_collation(collation.name, collation.compare)
    yield Bare(DIALECTS["sqlite"], lambda sql, params: connection.execute(sql, params).fetchall())
    connection.close()


@pytest.fixture
def bare_postgres(postgres_url: str, administrator: psycopg.Connection) -> Iterator[Bare]:
    schema = f"q_{uuid4().hex[:16]}"
    administrator.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    connection = psycopg.connect(postgres_url, autocommit=True, options=f"-c search_path={schema} -c timezone=UTC")

    def fetch(sql: str, params: Any) -> list[tuple[Any, ...]]:
        cursor = psycopg.RawCursor(connection)
        cursor.execute(sql.encode(), params)
        return cursor.fetchall() if cursor.description else []

    yield Bare(DIALECTS["postgresql"], fetch)
    connection.close()
    administrator.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))


class Thing:
    """The model of a table whose names are out to hurt."""


@pytest.fixture
def renamed() -> QueryBase[Any]:
    """A query over a column that has another name in the database."""
    return QueryBase(Thing, Table("thing", Thing, (Column('Si"ze', "size", column_type(int), primary_key=True),)))
