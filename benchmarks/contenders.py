"""Who takes part: the bare drivers, the cheapest filling of instances, and ferro in both colours.

A contender has a method for each workload it takes part in, of the workload's name. It is given rows or
keys and gives back what its users would hold; `plain` turns one of those into the row it stands for.
"""

import asyncio
import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from pydantic import BaseModel

import ferro
import ferro.sync
from benchmarks.data import COLUMNS, Row
from benchmarks.workloads import PAGE
from ferro import Field, ModelBase

T = TypeVar("T")

LIST = ", ".join(COLUMNS)
VALUES = ", ".join(COLUMNS[1:])


class Columns(ModelBase):
    """The nine columns."""

    __ferro_abstract__ = True

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(index=True)
    email: str
    age: int
    balance: Decimal
    joined: datetime
    active: bool
    settings: dict[str, Any]
    token: UUID


class Author(Columns):
    """What is read."""


class Written(Columns):
    """What is written, and emptied again."""


@dataclass(frozen=True)
class Place:
    """Where the tables are, as a driver and as ferro is told it."""

    driver: str
    ferro: str


def create_tables(place: Place) -> None:
    with ferro.sync.connect(place.ferro, default=False) as database:
        database.create_tables(Author, Written)


class Contender(ABC):
    """What all have in common: made with a place, closed at the end."""

    name: ClassVar[str]
    writes: ClassVar[bool] = True

    def __init__(self, place: Place) -> None:
        self.place = place

    def given(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Give rows to be written as a user of this contender would hold them: made before the clock starts."""
        return rows

    @abstractmethod
    def plain(self, found: Any) -> Row:
        """Take apart what one row became, to be compared with what was written."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what it holds."""

    def run(self, method: str, given: Sequence[Any]) -> Any:
        return getattr(self, method)(given)


class AsyncContender(Contender):
    """One whose methods are awaited, all on one loop."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.loop = asyncio.Runner()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(work)

    def run(self, method: str, given: Sequence[Any]) -> Any:
        return self.wait(getattr(self, method)(given))


# The bare drivers.

MARKS = {"?": ", ".join("?" * 8), "%s": ", ".join(["%s"] * 8)}


def insert_sql(mark: str) -> str:
    return f"INSERT INTO written ({VALUES}) VALUES ({MARKS[mark]})"


def get_sql(mark: str) -> str:
    return f"SELECT {LIST} FROM author WHERE id = {mark}"


def page_sql(mark: str) -> str:
    return f"SELECT {LIST} FROM author WHERE name >= {mark} AND active ORDER BY name LIMIT {PAGE}"


ALL_SQL = f"SELECT {LIST} FROM author"


class Psycopg(Contender):
    """psycopg as its documentation shows it: json.loads, tuples."""

    name = "psycopg"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.connection = psycopg.connect(place.driver, autocommit=True)

    def close(self) -> None:
        self.connection.close()

    def plain(self, found: Any) -> Row:
        return found

    def load(self, table: str, rows: Sequence[Row]) -> None:
        """Fill a table, for all."""
        with self.connection.cursor().copy(f"COPY {table} ({VALUES}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(adapted(row))
        self.connection.execute(f"ANALYZE {table}")

    def empty(self) -> None:
        self.connection.execute("TRUNCATE written RESTART IDENTITY")

    def written(self) -> list[Row]:
        return self.connection.execute(f"SELECT {LIST} FROM written ORDER BY id").fetchall()

    def get(self, keys: Sequence[int]) -> list[Any]:
        sql, execute = get_sql("%s"), self.connection.execute
        return [execute(sql, (key,)).fetchone() for key in keys]

    def insert(self, rows: Sequence[Row]) -> list[int]:
        sql, execute = insert_sql("%s") + " RETURNING id", self.connection.execute
        return [execute(sql, adapted(row)).fetchone()[0] for row in rows]

    def insert_in_transaction(self, rows: Sequence[Row]) -> list[int]:
        with self.connection.transaction():
            return self.insert(rows)

    def fetch(self, _: Sequence[Any]) -> list[Row]:
        return self.connection.execute(ALL_SQL).fetchall()

    def page(self, starts: Sequence[str]) -> list[Row]:
        sql, execute = page_sql("%s"), self.connection.execute
        return [row for start in starts for row in execute(sql, (start,)).fetchall()]

    def bulk_insert(self, rows: Sequence[Row]) -> None:
        with self.connection.transaction():
            self.connection.cursor().executemany(insert_sql("%s"), map(adapted, rows))


def adapted(row: Row) -> Row:
    """Turn a row, without its key, into what psycopg takes."""
    return (*row[1:7], Jsonb(row[7]), row[8])


class AsyncPsycopg(AsyncContender):
    name = "psycopg async"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.connection = self.wait(psycopg.AsyncConnection.connect(place.driver, autocommit=True))

    def close(self) -> None:
        self.wait(self.connection.close())
        self.loop.close()

    plain = Psycopg.plain

    async def get(self, keys: Sequence[int]) -> list[Any]:
        sql, execute = get_sql("%s"), self.connection.execute
        return [await (await execute(sql, (key,))).fetchone() for key in keys]

    async def insert(self, rows: Sequence[Row]) -> list[int]:
        sql, execute = insert_sql("%s") + " RETURNING id", self.connection.execute
        return [(await (await execute(sql, adapted(row))).fetchone())[0] for row in rows]

    async def insert_in_transaction(self, rows: Sequence[Row]) -> list[int]:
        async with self.connection.transaction():
            return await self.insert(rows)

    async def fetch(self, _: Sequence[Any]) -> list[Row]:
        return await (await self.connection.execute(ALL_SQL)).fetchall()

    async def page(self, starts: Sequence[str]) -> list[Row]:
        sql, execute = page_sql("%s"), self.connection.execute
        return [row for start in starts for row in await (await execute(sql, (start,))).fetchall()]

    async def bulk_insert(self, rows: Sequence[Row]) -> None:
        async with self.connection.transaction():
            await self.connection.cursor().executemany(insert_sql("%s"), map(adapted, rows))


class Sqlite(Contender):
    """sqlite3, whose tuples hold what the file holds: texts and numbers, not decoded."""

    name = "sqlite3"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.connection = sqlite3.connect(place.driver, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")

    def close(self) -> None:
        self.connection.close()

    def plain(self, found: Any) -> Row:
        return decoded(found)

    def load(self, table: str, rows: Sequence[Row]) -> None:
        """Fill a table, for all."""
        self.connection.execute("BEGIN")
        self.connection.executemany(insert_sql("?").replace("written", table), map(encoded, rows))
        self.connection.execute("COMMIT")
        self.connection.execute("ANALYZE")
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def empty(self) -> None:
        self.connection.execute("DELETE FROM written")
        self.connection.execute("DELETE FROM sqlite_sequence WHERE name = 'written'")

    def written(self) -> list[Row]:
        return [decoded(row) for row in self.connection.execute(f"SELECT {LIST} FROM written ORDER BY id")]

    def get(self, keys: Sequence[int]) -> list[Any]:
        sql, execute = get_sql("?"), self.connection.execute
        return [execute(sql, (key,)).fetchone() for key in keys]

    def insert(self, rows: Sequence[Row]) -> list[Any]:
        sql, execute = insert_sql("?"), self.connection.execute
        return [execute(sql, encoded(row)).lastrowid for row in rows]

    def insert_in_transaction(self, rows: Sequence[Row]) -> list[Any]:
        self.connection.execute("BEGIN IMMEDIATE")
        inserted = self.insert(rows)
        self.connection.execute("COMMIT")
        return inserted

    def fetch(self, _: Sequence[Any]) -> list[Row]:
        return self.connection.execute(ALL_SQL).fetchall()

    def page(self, starts: Sequence[str]) -> list[Row]:
        sql, execute = page_sql("?"), self.connection.execute
        return [row for start in starts for row in execute(sql, (start,)).fetchall()]

    def bulk_insert(self, rows: Sequence[Row]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(insert_sql("?"), map(encoded, rows))
        self.connection.execute("COMMIT")


def encoded(row: Row) -> Row:
    """Turn a row, without its key, into what the file holds."""
    _, name, email, age, balance, joined, active, settings, token = row
    instant = joined.isoformat(sep=" ", timespec="microseconds")
    return (name, email, age, str(balance), instant, int(active), json.dumps(settings), str(token))


def decoded(row: Row) -> Row:
    key, name, email, age, balance, joined, active, settings, token = row
    return (
        key,
        name,
        email,
        age,
        Decimal(balance),
        datetime.fromisoformat(joined),
        bool(active),
        json.loads(settings),
        UUID(token),
    )


# The floor: the driver, and the cheapest filling of instances that is right.


class Person(BaseModel):
    """What is filled: a model of Pydantic's own."""

    id: int
    name: str
    email: str
    age: int
    balance: Decimal
    joined: datetime
    active: bool
    settings: dict[str, Any]
    token: UUID


def filled(rows: Sequence[Row]) -> list[Person]:
    new, put = object.__new__, object.__setattr__
    made: list[Person] = []
    for id_, name, email, age, balance, joined, active, settings, token in rows:
        person = new(Person)
        values = {
            "id": id_,
            "name": name,
            "email": email,
            "age": age,
            "balance": balance,
            "joined": joined,
            "active": active,
            "settings": settings,
            "token": token,
        }
        put(person, "__dict__", values)
        put(person, "__pydantic_fields_set__", set(COLUMNS))
        put(person, "__pydantic_extra__", None)
        put(person, "__pydantic_private__", None)
        made.append(person)
    return made


def fields(instance: Any) -> Row:
    return tuple(getattr(instance, name) for name in COLUMNS)


class PsycopgFill(Psycopg):
    name = "fill"
    writes = False

    def plain(self, found: Any) -> Row:
        return fields(found)

    def get(self, keys: Sequence[int]) -> list[Any]:
        sql, execute = get_sql("%s"), self.connection.execute
        return [filled(execute(sql, (key,)).fetchall())[0] for key in keys]

    def fetch(self, _: Sequence[Any]) -> list[Any]:
        return filled(self.connection.execute(ALL_SQL).fetchall())

    def page(self, starts: Sequence[str]) -> list[Any]:
        sql, execute = page_sql("%s"), self.connection.execute
        return [person for start in starts for person in filled(execute(sql, (start,)).fetchall())]


class SqliteFill(Sqlite):
    name = "fill"
    writes = False

    def plain(self, found: Any) -> Row:
        return fields(found)

    def get(self, keys: Sequence[int]) -> list[Any]:
        sql, execute = get_sql("?"), self.connection.execute
        return [filled([decoded(row) for row in execute(sql, (key,))])[0] for key in keys]

    def fetch(self, _: Sequence[Any]) -> list[Any]:
        return filled([decoded(row) for row in self.connection.execute(ALL_SQL)])

    def page(self, starts: Sequence[str]) -> list[Any]:
        sql, execute = page_sql("?"), self.connection.execute
        return [person for start in starts for person in filled([decoded(row) for row in execute(sql, (start,))])]


# ferro.


def values_of(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Give rows as the keyword arguments of a constructor."""
    return [dict(zip(COLUMNS[1:], row[1:], strict=True)) for row in rows]


class Ferro(Contender):
    name = "ferro"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.database = ferro.sync.connect(place.ferro, default=False)

    def close(self) -> None:
        self.database.close()

    def given(self, rows: Sequence[Any]) -> Sequence[Any]:
        return values_of(rows)

    def plain(self, found: Any) -> Row:
        return fields(found)

    def get(self, keys: Sequence[int]) -> list[Author]:
        database = self.database
        return [database.get(Author, key) for key in keys]

    def insert(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        database = self.database
        return [database.create(Written, **values).id for values in rows]

    def insert_in_transaction(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        with self.database.transaction():
            return self.insert(rows)

    def fetch(self, _: Sequence[Any]) -> list[Author]:
        return self.database.query(Author).all()

    def page(self, starts: Sequence[str]) -> list[Author]:
        database = self.database
        return [
            author
            for start in starts
            for author in database.query(Author).where(on_page(start)).order_by("name").limit(PAGE).all()
        ]

    def bulk_insert(self, rows: Sequence[dict[str, Any]]) -> None:
        self.database.bulk_create(Written, [Written(**values) for values in rows])


class AsyncFerro(AsyncContender):
    name = "ferro async"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.database = self.wait(self.open())

    async def open(self) -> ferro.AsyncDatabase:
        return await ferro.connect(self.place.ferro, default=False)

    def close(self) -> None:
        self.wait(self.database.close())
        self.loop.close()

    given = Ferro.given
    plain = Ferro.plain

    async def get(self, keys: Sequence[int]) -> list[Author]:
        database = self.database
        return [await database.get(Author, key) for key in keys]

    async def insert(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        database = self.database
        return [(await database.create(Written, **values)).id for values in rows]

    async def insert_in_transaction(self, rows: Sequence[dict[str, Any]]) -> list[Any]:
        async with self.database.transaction():
            return await self.insert(rows)

    async def fetch(self, _: Sequence[Any]) -> list[Author]:
        return await self.database.query(Author).all()

    async def page(self, starts: Sequence[str]) -> list[Author]:
        database = self.database
        return [
            author
            for start in starts
            for author in await database.query(Author).where(on_page(start)).order_by("name").limit(PAGE).all()
        ]

    async def bulk_insert(self, rows: Sequence[dict[str, Any]]) -> None:
        await self.database.bulk_create(Written, [Written(**values) for values in rows])


def on_page(start: str) -> Callable[[type[Author]], object]:
    return lambda author: (author.name >= start) & author.active


# Of each backend the first is the measure of the others.
CONTENDERS: dict[str, tuple[type[Contender], ...]] = {
    "sqlite": (Sqlite, SqliteFill, Ferro, AsyncFerro),
    "postgres": (Psycopg, PsycopgFill, AsyncPsycopg, Ferro, AsyncFerro),
}
