"""Both databases at once, open for the whole session: a law is about what they have in common."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg.sql import SQL, Identifier

import ferro
from ferro import AsyncDatabase
from ferro.sync import Database, connect

# Random everywhere but on a build server, where the same run must find the same. An example speaks to
# two databases, which has no deadline; the fixtures are the session's, so examples share them knowingly.
settings.register_profile(
    "ferro",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("ferro-ci", settings.get_profile("ferro"), derandomize=True, database=None)
settings.load_profile("ferro-ci" if os.environ.get("CI") else "ferro")


@pytest.fixture(scope="session")
def urls(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Where the chosen databases are, each with a place of its own."""
    chosen = request.config.getoption("--db-backends")
    return {name: request.getfixturevalue(f"shared_{name}_url") for name in chosen}


@pytest.fixture(scope="session")
def shared_sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("properties")
    return f"sqlite:{folder}/shared.db?mode=rwc"


@pytest.fixture(scope="session")
def shared_postgres_url(postgres_url: str, administrator: psycopg.Connection) -> Iterator[str]:
    schema = f"p_{uuid4().hex[:16]}"
    administrator.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    yield f"{postgres_url}{'&' if '?' in postgres_url else '?'}ferro_search_path={schema}"
    administrator.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))


@pytest.fixture(scope="session")
def databases(urls: Mapping[str, str]) -> Iterator[Mapping[str, Database]]:
    """Hold every chosen database open, by name."""
    opened = {name: connect(url, default=False, max_connections=1) for name, url in urls.items()}
    if "sqlite" in opened:
        # Nothing here has to survive a power cut.
        opened["sqlite"].execute("PRAGMA synchronous = OFF")
    yield opened
    for database in opened.values():
        database.close()


@pytest.fixture(scope="session")
async def async_databases(urls: Mapping[str, str], anyio_backend: str) -> AsyncIterator[Mapping[str, AsyncDatabase]]:
    """The same databases, held open by the other colour."""
    opened = {name: await ferro.connect(url, default=False, max_connections=1) for name, url in urls.items()}
    if "sqlite" in opened:
        await opened["sqlite"].execute("PRAGMA synchronous = OFF")
    yield opened
    for database in opened.values():
        await database.close()
