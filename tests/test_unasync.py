"""The generator of the blocking twins, and the check that they are what their sources give."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from ruff import find_ruff_bin
from unasync import RULES, convert

SCRIPT = Path(__file__).parent.parent / "scripts" / "unasync.py"

SETTINGS = """\
[tool.ruff]
line-length = 120
lint.per-file-ignores = { "**/_sync/*" = ["ALL"] }
"""

SOURCE = '''\
"""A handle.

    from ferro import connect

    async with connect(url) as db:
        author = await Author.get(1)

What is awaited is `await db.all()`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from ferro._async.drivers.base import AsyncConnection


class AsyncHandle:
    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def __aenter__(self) -> Self:
        return self

    async def rows(self) -> AsyncIterator[int]:
        async for row in self.connection.stream():
            yield row

    async def first(self) -> int:
        return (await self.connection.fetch())[0]

    @asynccontextmanager
    async def held(self) -> AsyncIterator[AsyncConnection]:
        yield self.connection
'''

TWIN = '''\
# Generated from src/ferro/_async/handle.py by scripts/unasync.py: edit that file, never this one.
"""A handle.

    from ferro.sync import connect

    with connect(url) as db:
        author = Author.get(1)

What is called is `db.all()`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from ferro._sync.drivers.base import Connection


class Handle:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def __enter__(self) -> Self:
        return self

    def rows(self) -> Iterator[int]:
        for row in self.connection.stream():
            yield row

    def first(self) -> int:
        return self.connection.fetch()[0]

    @contextmanager
    def held(self) -> Iterator[Connection]:
        yield self.connection
'''

TEST_SOURCE = """\
from ferro import connect


async def test_it_connects():
    assert await connect("sqlite:") is not None
"""

TEST_TWIN = """\
# Generated from tests/_async/test_handle.py by scripts/unasync.py: edit that file, never this one.
from ferro.sync import connect


def test_it_connects():
    assert connect("sqlite:") is not None
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project whose twins are as they should be."""
    files = {
        "pyproject.toml": SETTINGS,
        "src/ferro/_async/handle.py": SOURCE,
        "src/ferro/_sync/handle.py": TWIN,
        "tests/_async/test_handle.py": TEST_SOURCE,
        "tests/_sync/test_handle.py": TEST_TWIN,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def unasync(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--root", str(project), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check(project: Path) -> str:
    """Run the check where it must fail, and return what it says."""
    found = unasync(project, "--check")
    assert found.returncode == 1
    assert "Traceback" not in found.stderr
    return found.stderr


def twin(source: str) -> str:
    found = convert(source)
    assert found.problems == ()
    return found.text


# The check.


def test_the_check_passes_on_true_twins(project: Path) -> None:
    found = unasync(project, "--check")
    assert (found.returncode, found.stderr) == (0, "")


def test_a_hand_edit_fails_the_check_and_is_shown(project: Path) -> None:
    path = project / "src/ferro/_sync/handle.py"
    path.write_text(TWIN.replace("fetch()[0]", "fetch()[1]"))
    said = check(project)
    assert "src/ferro/_sync/handle.py: is not what its source gives: run scripts/unasync.py" in said
    assert "-        return self.connection.fetch()[1]\n+        return self.connection.fetch()[0]\n" in said


def test_a_change_of_the_source_alone_fails_the_check(project: Path) -> None:
    path = project / "tests/_async/test_handle.py"
    path.write_text(TEST_SOURCE.replace("sqlite:", "sqlite::memory:"))
    assert "tests/_sync/test_handle.py: is not what its source gives" in check(project)


def test_a_stale_file_fails_the_check(project: Path) -> None:
    (project / "src/ferro/_async/gone.py").write_text("x = 1\n")
    unasync(project)
    (project / "src/ferro/_async/gone.py").unlink()
    assert "src/ferro/_sync/gone.py: stale, it has no source: run scripts/unasync.py" in check(project)


def test_a_stale_folder_fails_the_check(project: Path) -> None:
    (project / "tests/_async/test_handle.py").unlink()
    (project / "tests/_async").rmdir()
    assert "tests/_sync/test_handle.py: stale" in check(project)


def test_a_missing_file_fails_the_check(project: Path) -> None:
    (project / "tests/_sync/test_handle.py").unlink()
    assert "tests/_sync/test_handle.py: missing: run scripts/unasync.py" in check(project)


@pytest.mark.parametrize("kept", [0, 1, len(TWIN.splitlines()) // 2, len(TWIN.splitlines()) - 1])
def test_a_truncated_file_fails_the_check(project: Path, kept: int) -> None:
    path = project / "src/ferro/_sync/handle.py"
    path.write_text("".join(TWIN.splitlines(keepends=True)[:kept]))
    assert "src/ferro/_sync/handle.py: is not what its source gives" in check(project)


@pytest.mark.parametrize(
    "line",
    [
        "import asyncio",
        "from anyio import Lock",
        "results = pool.gather()",
        "task = loop.create_task(work)",
        "group = TaskGroup()",
        "from collections.abc import Awaitable",
        "def f() -> 'int' | Coroutine: ...",
        "def __await__(self): ...",
        "print(f'{asyncio}')",
        "row = anext(rows)",
    ],
)
def test_a_forbidden_word_fails_the_check_and_the_generator(project: Path, line: str) -> None:
    (project / "src/ferro/_async/handle.py").write_text(f"{SOURCE}\n\n{line}\n")
    found = unasync(project)
    assert found.returncode == 1
    assert found.stderr == check(project)
    said = found.stderr.splitlines()[0]
    place, word = said.removesuffix(" has no twin: what differs between the colours belongs in _concurrency").split()
    assert place == f"src/ferro/_async/handle.py:{SOURCE.count(chr(10)) + 3}:"
    assert word in line
    assert (project / "src/ferro/_sync/handle.py").read_text() == TWIN


def test_a_forbidden_word_may_be_spoken_of() -> None:
    assert twin('"""Locks of anyio."""  # and a TaskGroup\n') == '"""Locks of anyio."""  # and a TaskGroup\n'


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.pattern)
def test_each_rule_is_needed_by_the_project_of_these_tests(rule: object) -> None:
    assert rule in convert(SOURCE).used


def test_a_rule_that_matches_nothing_fails_the_check(project: Path) -> None:
    path = project / "src/ferro/_async/handle.py"
    path.write_text(SOURCE.replace("__aenter__", "enter"))
    assert unasync(project).returncode == 1
    assert check(project) == "the rule '__a(enter|exit|iter|next)__' matches nothing: remove it\n"


def test_a_source_that_is_not_python_fails_the_check(project: Path) -> None:
    (project / "src/ferro/_async/handle.py").write_text("async def f(:\n")
    assert check(project).startswith("src/ferro/_async/handle.py: is not Python: ")


def test_a_folder_without_sources_fails_the_check(tmp_path: Path) -> None:
    assert "has no src/ferro/_async or tests/_async to make a twin of" in check(tmp_path)


@pytest.mark.parametrize("word", ["awaitable", "async", "Asynchronous", "coroutine"])
def test_prose_that_would_be_untrue_of_the_twin_fails_the_check(project: Path, word: str) -> None:
    (project / "tests/_async/test_handle.py").write_text(f"# This is\n# {word}.\n{TEST_SOURCE}")
    said = f"tests/_async/test_handle.py:2: the twin would still say {word!r}: say it another way, or add a rule\n"
    assert check(project) == said


def test_what_python_leaves_in_folders_is_no_stale_file(project: Path) -> None:
    (project / "src/ferro/_sync/__pycache__").mkdir()
    (project / "src/ferro/_sync/__pycache__/handle.cpython-311.pyc").write_bytes(b"\xff")
    assert unasync(project, "--check").returncode == 0


# The generator.


def test_the_generator_writes_both_folders(project: Path) -> None:
    for path in ("src/ferro/_sync/handle.py", "tests/_sync/test_handle.py"):
        (project / path).unlink()
    (project / "src/ferro/_sync/stale.py").write_text("x = 1\n")
    assert unasync(project).returncode == 0
    assert (project / "src/ferro/_sync/handle.py").read_text() == TWIN
    assert (project / "tests/_sync/test_handle.py").read_text() == TEST_TWIN
    assert not (project / "src/ferro/_sync/stale.py").exists()


def test_the_generator_leaves_alone_what_is_right(project: Path) -> None:
    path = project / "src/ferro/_sync/handle.py"
    before = path.stat().st_mtime_ns
    unasync(project)
    assert path.stat().st_mtime_ns == before


def test_imports_are_sorted_and_dropped_as_they_change(project: Path) -> None:
    source = "from ferro._async.a import AsyncThing\nfrom ferro._concurrency import Lock\n\nx = AsyncThing, Lock\n"
    (project / "src/ferro/_async/more.py").write_text(source)
    unasync(project)
    assert (project / "src/ferro/_sync/more.py").read_text().splitlines()[1:] == [
        "from ferro._concurrency import Lock",
        "from ferro._sync.a import Thing",
        "",
        "x = Thing, Lock",
    ]


def test_an_empty_file_has_a_twin(project: Path) -> None:
    (project / "src/ferro/_async/drivers").mkdir()
    (project / "src/ferro/_async/drivers/__init__.py").write_text("")
    unasync(project)
    assert (project / "src/ferro/_sync/drivers/__init__.py").read_text().splitlines() == [
        "# Generated from src/ferro/_async/drivers/__init__.py by scripts/unasync.py: edit that file, never this one."
    ]


# One source. These run on every Python, whose tokens differ.


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("async def f(): ...", "def f(): ..."),
        ("async def f():\n    async with a() as b, c(): ...", "def f():\n    with a() as b, c(): ..."),
        ("async def f():\n    return [x async for x in y]", "def f():\n    return [x for x in y]"),
        ("async def f():\n    return await x", "def f():\n    return x"),
        ("async def f():\n    return await (x or y)", "def f():\n    return (x or y)"),
        ("async def f():\n    x = not await y", "def f():\n    x = not y"),
        ("@asynccontextmanager\nasync def f(): ...", "@contextmanager\ndef f(): ..."),
        ("class _AsyncPool(AsyncThing): ...", "class _Pool(Thing): ..."),
        ("rows: AsyncGenerator[int]", "rows: Generator[int]"),
        ("AsyncRawCursor, AsyncExitStack", "RawCursor, ExitStack"),
        ("raise StopAsyncIteration", "raise StopIteration"),
        ("from ferro._concurrency._async import Lock", "from ferro._concurrency._sync import Lock"),
        ("from ferro.errors import QueryError", "from ferro.errors import QueryError"),
        ("from ferro import connect", "from ferro.sync import connect"),
        ("def __aiter__(self): ...", "def __iter__(self): ..."),
        ("def __anext__(self): ...", "def __next__(self): ..."),
        ("def __aexit__(self): ...", "def __exit__(self): ..."),
        ("x: 'AsyncDatabase'", "x: 'Database'"),
    ],
)
def test_code_loses_its_colour(source: str, expected: str) -> None:
    assert twin(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("(await x.all())[0]", "x.all()[0]"),
        ('(await x.get("a)")).name', 'x.get("a)").name'),
        ("assert (await x.count()) == 2", "assert x.count() == 2"),
        ("f((await g((await h()).a)).b)", "f(g(h().a).b)"),
        ("f(await x)", "f(x)"),
        ("d[0](await x)", "d[0](x)"),
        ("é = (await x).y, (await z).y", "é = x.y, z.y"),
        ("(await (a or b)).c", "((a or b)).c"),
    ],
)
def test_parentheses_go_where_only_await_needed_them(source: str, expected: str) -> None:
    assert twin(f"async def f():\n    {source}\n") == f"def f():\n    {expected}\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("f'{await x}'", "f'{x}'"),
        ("f'{await x!r:>{await width()}} and {await y:02}'", "f'{x!r:>{width()}} and {y:02}'"),
        ("f'{{AsyncThing}} {await x}'", "f'{{Thing}} {x}'"),
        ("rf'{await x}\\{{'", "rf'{x}\\{{'"),
        ("f'''\n{\nawait x}\n'''", "f'''\n{\nx}\n'''"),
        ("f'{AsyncDatabase}' 'AsyncDatabase'", "f'{Database}' 'Database'"),
        ("f'{ {1: await x}[1] }'", "f'{ {1: x}[1] }'"),
        ("f'{[y async for y in x]}'", "f'{[y for y in x]}'"),
        ("f'awaited {await x}'", "f'called {x}'"),
    ],
)
def test_the_braces_of_an_f_string_are_code(source: str, expected: str) -> None:
    assert twin(f"async def f():\n    {source}\n") == f"def f():\n    {expected}\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("`await x`", "`x`"),
        ("row = await x", "row = x"),
        ("rows = await Book.where(lambda b: b.id == 1).all()", "rows = Book.where(lambda b: b.id == 1).all()"),
        ("use `async with` here", "use `with` here"),
        ("await it", "call it"),
        ("it is awaited, and it awaits", "it is called, and it calls"),
        ("see tests/_async", "see tests/_sync"),
        ("the AsyncDatabase", "the Database"),
    ],
)
def test_comments_and_strings_lose_their_colour(source: str, expected: str) -> None:
    assert twin(f"# {source}") == f"# {expected}"
    assert twin(f'x = "{source}"') == f'x = "{expected}"'
    assert twin(f'"""{source}\n\n    {source}\n"""') == f'"""{expected}\n\n    {expected}\n"""'


def test_a_colour_that_no_rule_takes_is_a_problem() -> None:
    assert convert("async \\\ndef f(): ...\n").problems[0] == "1: no rule takes the colour from AsyncFunctionDef"


def test_text_that_is_all_right_stays_as_it_is() -> None:
    source = dedent(
        '''\
        """Wait: \\N{BULLET} awhile."""

        x = b"\\x00" + rb"{" if y else f"{z:{'>'}10}}}"  # {é}
        SQL = "SELECT 1"
        '''
    )
    assert twin(source) == source


def without_packages(project: Path) -> subprocess.CompletedProcess[str]:
    # Without `site`, Python sees none of the packages that are installed.
    command = [sys.executable, "-S", SCRIPT, "--check", "--root", project]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_python_without_ruff_is_told_what_to_install(project: Path) -> None:
    done = without_packages(project)
    assert done.returncode == 1
    assert "has no ruff, which formats the twins: pip install -e '.[dev]'" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_python_without_ruff_takes_that_of_the_projects_environment(project: Path) -> None:
    own = project / ".venv" / "bin" / "ruff"
    own.parent.mkdir(parents=True)
    own.symlink_to(find_ruff_bin())
    unasync(project)
    done = without_packages(project)
    assert (done.returncode, done.stderr) == (0, "")
