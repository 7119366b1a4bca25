"""What the fault tests share: a table, and questions to the database from outside."""

import psycopg
import pytest

from ferro import Field, Model


class Entry(Model):
    """A row whose number of companions tells what was stored."""

    id: int | None = Field(default=None, primary_key=True)
    name: str


class Outside:
    """A second look at the database, by another connection."""

    def __init__(self, connection: psycopg.Connection, schema: str) -> None:
        self.connection = connection
        self.schema = schema

    def names(self) -> list[str]:
        rows = self.connection.execute(f'SELECT name FROM "{self.schema}".entry ORDER BY id').fetchall()
        return [name for (name,) in rows]

    def sessions(self, condition: str = "true") -> list[int]:
        """The server processes of the test, those that meet a condition."""
        return [
            pid
            for (pid,) in self.connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' "
                f"AND application_name = %s AND {condition}",
                [self.schema],
            )
        ]

    def terminate(self, condition: str = "true") -> int:
        pids = self.sessions(condition)
        for pid in pids:
            self.connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        return len(pids)


@pytest.fixture
def entry() -> type[Entry]:
    return Entry


@pytest.fixture
def tagged_url(postgres_database_url: str) -> tuple[str, str]:
    """The PostgreSQL URL of the test, its sessions told apart by their application name, and that name."""
    schema = postgres_database_url.rpartition("=")[2]
    return f"{postgres_database_url}&application_name={schema}", schema


@pytest.fixture
def outside(tagged_url: tuple[str, str], administrator: psycopg.Connection) -> Outside:
    return Outside(administrator, tagged_url[1])
