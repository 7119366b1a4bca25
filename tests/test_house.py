"""The promises of the tree: two shop windows with the same things in them, all explained, no twin astray."""

import re
import subprocess
import sys
from inspect import isclass, isfunction
from operator import attrgetter
from pathlib import Path

import pytest
from pydantic import BaseModel

import ferro
import ferro.sync

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference.md"

# What would tie a clone to one package registry: hosts, and the options that name one.
REGISTRY = re.compile(
    r"pythonhosted\.org|pypi\.org/simple|registry\.npmjs\.org|proxy\.golang\.org"
    r"|(?:extra-)?index-url\s*=|find-links\s*=|\[\[tool\.uv\.index\]\]"
)

ASYNC_NAMES = sorted(ferro.__all__)
SYNC_NAMES = sorted(ferro.sync.__all__)


def blocking(name: str) -> str:
    """Turn an async name into its blocking twin's."""
    return name.replace("_async", "_sync").replace("Async", "")


def test_both_shop_windows_show_the_same_names() -> None:
    assert sorted(map(blocking, ASYNC_NAMES)) == SYNC_NAMES


@pytest.mark.parametrize("name", ASYNC_NAMES)
def test_a_name_means_the_same_in_both_colours(name: str) -> None:
    one, other = getattr(ferro, name), getattr(ferro.sync, blocking(name))
    if one is not other:
        assert type(one) is type(other)
        assert (other.__module__, other.__qualname__) == (blocking(one.__module__), blocking(one.__qualname__))


@pytest.mark.parametrize("name", ASYNC_NAMES)
def test_every_public_name_has_a_docstring(name: str) -> None:
    public = getattr(ferro, name)
    if isclass(public) or isfunction(public):
        assert (public.__doc__ or "").strip()


@pytest.mark.skipif(not REFERENCE.exists(), reason="docs/reference.md is not written yet")
def test_the_reference_lists_every_public_name() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    names = sorted({*ASYNC_NAMES, *SYNC_NAMES})
    assert [name for name in names if not re.search(rf"(?:`|::: )(?:\w+\.)*{name}\b", text)] == []


# What the rooms below and beside say to a handle, a query, a session or a transaction: without an underscore, because
# they say it across files; not for users, and not in the reference.
BETWEEN_ROOMS = {
    *("asked_by", "called", "package", "drop", "load_along", "load_implicitly", "load_rows", "run"),
    *("aggregate_statement", "count_statement", "delete_returning_statement", "delete_statement", "exists_statement"),
    *("restore_statement", "select_statement", "soft_delete_statement", "update_returning_statement"),
    *("update_statement", "backwards", "lock", "membership", "numbered", "siblings"),
    *("began", "check_open", "ended", "fetch_chunk", "give_settings", "leave_cursor", "place", "terms", "usable_unit"),
    *("asked_again", "follow", "must_be_whole", "reading", "whole"),
}
CLASSES = [name for name in ASYNC_NAMES if name == "Model" or name.startswith("Async")]


@pytest.mark.parametrize("name", CLASSES)
def test_the_reference_names_every_method(name: str) -> None:
    public = getattr(ferro, name)
    # A model has Pydantic's methods as well; on the class, those of its metaclass are hidden by its fields.
    inherited = {*dir(BaseModel), *dir(type)} if name == "Model" else set[str]()
    methods = {method for method in dir(public) if not method.startswith("_")} - inherited - BETWEEN_ROOMS
    code = "\n".join(re.findall(r"`([^`\n]+)`", REFERENCE.read_text(encoding="utf-8")))
    assert sorted(method for method in methods if not re.search(rf"\b{method}\b", code)) == []


def test_no_table_of_calls_has_two_rows_for_one_call() -> None:
    tables = [
        table for page in sorted(REFERENCE.parent.glob("*.md")) for table in page.read_text("utf-8").split("\n\n")
    ]
    names = [re.findall(r"^\| `(\w+)", table, re.MULTILINE) for table in tables if "awaits" in table]
    assert names != []
    assert [name for table in names for name in table if table.count(name) > 1] == []


def test_the_twins_are_what_their_sources_give() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "unasync.py"), "--check"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


def test_importing_ferro_loads_no_driver_and_no_migrations() -> None:
    heavy = ("psycopg", "psycopg_pool", "sqlite3", "sqlalchemy", "alembic", "ferro.migrations", "ferro.testing")
    program = f"import sys, ferro.sync; from ferro import Model, connect; print(*(name for name in {heavy} if name in sys.modules))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


@pytest.mark.parametrize(
    ("asked", "others"),
    [
        ("from ferro import Model, connect", ("ferro.sync", "ferro._sync", "ferro._concurrency._sync")),
        ("from ferro.sync import Model, connect", ("ferro._async", "ferro._concurrency._async", "asyncio", "anyio")),
    ],
    ids=["awaiting", "blocking"],
)
def test_importing_one_colour_leaves_the_other_alone(asked: str, others: tuple[str, ...]) -> None:
    program = f"import sys; {asked}; print(*(name for name in {others} if name in sys.modules))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_every_name_of_the_window_is_there() -> None:
    program = "from ferro import *; import ferro; print(*(set(ferro.__all__) - set(globals())))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
    with pytest.raises(AttributeError, match="^module 'ferro' has no attribute 'conect'"):
        attrgetter("conect")(ferro)


def test_importing_ferro_reads_no_source_of_its_models() -> None:
    program = (
        "import linecache; from ferro import Model; "
        "print(*(name for name in linecache.cache if name.endswith(('ferro/model.py', 'ferro/mixins.py', '_async/model.py'))))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_no_file_names_a_package_registry() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    files = [ROOT / name for name in listed.split("\0") if name] or sorted(ROOT.glob("*.*"))
    texts = {path: path.read_bytes().decode(errors="ignore") for path in files if path.is_file()}
    assert [str(path) for path, text in texts.items() if REGISTRY.search(text)] == []
