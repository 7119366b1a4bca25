"""What every test can ask for: a database, on each backend in turn."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from postgres_server import NoServerError, Server, running_server
from psycopg.sql import SQL, Identifier
from pytest_postgresql import factories

from ferro.instance.origin import origins
from ferro.schema.registry import active, declared

BACKENDS = ("sqlite", "postgres")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--db-backends",
        type=chosen_backends,
        default=BACKENDS,
        metavar="NAMES",
        help=f"the databases to test, separated by commas (default: {','.join(BACKENDS)})",
    )
    parser.addoption("--sqlite-inline", action="store_true", help="open SQLite files with inline=true")


def chosen_backends(names: str) -> tuple[str, ...]:
    chosen = tuple(name.strip() for name in names.split(","))
    if unknown := [name for name in chosen if name not in BACKENDS]:
        raise pytest.UsageError(f"--db-backends: {unknown[0]!r} is not one of {', '.join(BACKENDS)}")
    return chosen


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "backends(*names): run the test on these databases only")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("backends")
        metafunc.parametrize("backend", marker.args if marker else BACKENDS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the chosen backends do not reach: deselected and counted, not skipped."""
    chosen = config.getoption("--db-backends")
    left_out = [item for item in items if not backends_of(item) <= set(chosen)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def backends_of(item: pytest.Item) -> set[str]:
    """Name the databases a test cannot do without."""
    if not isinstance(item, pytest.Function):
        return set()
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    needed = {parameters["backend"]} if "backend" in parameters else set()
    return needed | ({"postgres"} if "postgres_server" in item.fixturenames else set())


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def own_models() -> Iterator[None]:
    """Forget the models a test has defined: some are broken on purpose."""
    before = dict(declared), dict(active)
    yield
    for known, models in zip((declared, active), before, strict=True):
        known.clear()
        known.update(models)


# A database for each test.


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest) -> str:
    """Give an empty database to the test: `backend` says on which."""
    return request.getfixturevalue(f"{backend}_database_url")


@pytest.fixture
def sqlite_database_url(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    inline = "&inline=true" if request.config.getoption("--sqlite-inline") else ""
    return f"sqlite:{tmp_path}/test.db?mode=rwc{inline}"


@pytest.fixture
def postgres_database_url(postgres_url: str, administrator: psycopg.Connection) -> Iterator[str]:
    """Give the test a schema of its own, and fail it when it leaves a transaction open there."""
    schema = f"t_{uuid4().hex[:16]}"
    administrator.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    (started,) = administrator.execute("SELECT clock_timestamp()").fetchone() or (None,)
    yield f"{postgres_url}{'&' if '?' in postgres_url else '?'}ferro_search_path={schema}"
    left = idle_in_transaction(administrator, started)
    administrator.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [list(left)])
    administrator.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))
    if left:
        pytest.fail(f"the test left a transaction open; its last statement: {'; '.join(left.values())}", pytrace=False)


def idle_in_transaction(administrator: psycopg.Connection, started: object) -> dict[int, str]:
    """Find the test's sessions that stay in a transaction and do nothing, with their last statements."""
    # A session that is being closed may be seen for a moment more.
    for wait in (0.02, 0.1, 0.4, 0):
        rows = administrator.execute(
            "SELECT pid, query FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%' "
            "AND datname = current_database() AND usename = current_user AND backend_start >= %s",
            [started],
        ).fetchall()
        if not rows:
            break
        time.sleep(wait)
    return dict(rows)


@pytest.fixture(autouse=True)
def no_database_was_open_before() -> None:
    """Let each test begin as a program does: once there was a second database, every instance notes its own."""
    origins.begin_again()


# The server behind it.


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """Give the user's server, or one of our own: a run that wants PostgreSQL never goes without it."""
    if url := os.environ.get("FERRO_POSTGRES_URL"):
        yield Server(url)
        return
    try:
        with running_server() as server:
            yield server
    except NoServerError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Server) -> str:
    return postgres_server.url


@pytest.fixture(scope="session")
def administrator(postgres_url: str) -> Iterator[psycopg.Connection]:
    """Hold one connection for what the fixtures do: a lock someone still holds must not stop them for ever."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET lock_timeout = '2s'")
        yield connection


# For what a schema is too small for: `own_database` is a connection to a whole database of the test's own.
own_server = factories.postgresql_noproc(depends_on="postgres_server")
own_database = factories.postgresql("own_server")
