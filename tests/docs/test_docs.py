"""Every block of Python in the documentation runs, and prints what the page says it prints."""

import os
import re
import subprocess
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address, IPv4Network
from itertools import takewhile
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from pydantic import HttpUrl, NaiveDatetime, SecretBytes, SecretStr, create_model

import ferro
from ferro import Field, ModelBase
from ferro.types import column_type

ROOT = Path(__file__).parents[2]
RUNNER = Path(__file__).with_name("pages.py")
PAGES = sorted((ROOT / "docs").glob("*.md"))
NAMES = [page.name for page in PAGES]
WITH_POSTGRESQL = [page for page in PAGES if "<!-- postgresql -->" in page.read_text(encoding="utf-8")]


def run_page(page: Path, directory: Path, url: str = "") -> subprocess.CompletedProcess[str]:
    """Run a page as a program of its own; every warning is an error."""
    environment = {**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", str(RUNNER), str(page)]
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )


def assert_runs(page: Path, directory: Path, url: str = "") -> None:
    found = run_page(page, directory, url)
    assert (found.returncode, found.stderr) == (0, ""), found.stderr


def assert_fails(page: str, directory: Path, because: str) -> None:
    path = directory / "page.md"
    path.write_text(page, encoding="utf-8")
    found = run_page(path, directory)
    assert found.returncode != 0
    assert because in found.stderr


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_block_of_a_page_runs_and_prints_what_is_shown(page: Path, tmp_path: Path) -> None:
    assert_runs(page, tmp_path)


@pytest.mark.parametrize("page", WITH_POSTGRESQL, ids=[page.name for page in WITH_POSTGRESQL])
def test_the_blocks_for_postgresql_run_there(page: Path, tmp_path: Path, postgres_database_url: str) -> None:
    assert_runs(page, tmp_path, postgres_database_url)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_between_the_pages_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link.partition(")")[0] for link in text.split("](")[1:]]
    files = [link.partition("#")[0] for link in links if not urlsplit(link).scheme]
    assert [file for file in files if file and not (page.parent / file).exists()] == []
    anchors = [link.partition("#")[2] for link in links if link.startswith("#")]
    assert [anchor for anchor in anchors if anchor not in anchors_of(text)] == []


def anchors_of(page: str) -> set[str]:
    """Name the headings of a page as links do."""
    headings = [line.lstrip("#").strip().lower() for line in page.splitlines() if line.startswith("#")]
    return {"".join(one for one in heading if one.isalnum() or one in " -_").replace(" ", "-") for heading in headings}


# The runner itself: what is wrong with a page must show.


def test_a_page_is_one_program_in_both_colours(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Save:\n\n<!-- file: shapes.py -->\n```python\nCORNERS = 4\n```\n\n"
        "```python\nfrom shapes import CORNERS\n```\n\n"
        "```python\nimport asyncio\n\nawait asyncio.sleep(0)\nprint(CORNERS, 'corners')\n```\n\n"
        "```text\n4 …\n```\n\n"
        "<!-- postgresql -->\n```python\nraise SystemExit(7)\n```\n",
        encoding="utf-8",
    )
    found = run_page(page, tmp_path)
    assert (found.stdout, found.stderr, found.returncode) == ("3\n", "", 0)
    assert run_page(page, tmp_path, "postgresql://…").returncode == 7


def test_a_block_that_raises_fails_and_says_on_which_line(tmp_path: Path) -> None:
    assert_fails("# A page\n\n```python\nx = 1\nx.nothing\n```\n", tmp_path, 'page.md", line 5')


def test_a_block_that_awaits_and_raises_fails(tmp_path: Path) -> None:
    assert_fails("```python\nimport asyncio\nawait asyncio.sleep(0)\n1 / 0\n```\n", tmp_path, "ZeroDivisionError")


def test_a_block_that_prints_something_else_than_the_page_shows_fails(tmp_path: Path) -> None:
    assert_fails(
        "```python\nprint(1)\n```\n\n```text\n2\n```\n", tmp_path, "the block printed\n1\nand the page shows\n2"
    )


def test_a_block_whose_output_is_not_shown_fails(tmp_path: Path) -> None:
    assert_fails("```python\nprint(1)\n```\n", tmp_path, "line 2: the block printed\n1\n")


def test_output_that_is_shown_and_never_printed_fails(tmp_path: Path) -> None:
    assert_fails(
        "```python\nx = 1\n```\n\n```text\n1\n```\n", tmp_path, "line 2: the block printed\nand the page shows\n1"
    )


def test_an_ellipsis_stands_for_one_line_only(tmp_path: Path) -> None:
    assert_fails("```python\nprint('a\\nb')\n```\n\n```text\n…\n```\n", tmp_path, "the block printed\na\nb\n")


def test_a_block_that_is_never_closed_fails(tmp_path: Path) -> None:
    assert_fails("```python\nx = 1\n", tmp_path, "line 1: this block is never closed")


def test_a_block_that_is_indented_fails_because_it_would_not_run(tmp_path: Path) -> None:
    assert_fails("* so:\n\n  ```python\n  x = 1\n  ```\n", tmp_path, "line 3: a fence begins at the margin")


def test_a_note_nobody_knows_fails(tmp_path: Path) -> None:
    assert_fails(
        "<!-- skip -->\n```python\nx = 1\n```\n", tmp_path, "line 1: <!-- skip --> is not a note the tests know"
    )


def test_commands_run_and_print_what_is_shown(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- run -->\n```console\n$ echo one\n$ echo two\none\ntw…\n```\n", encoding="utf-8")
    found = run_page(page, tmp_path)
    assert (found.stdout, found.stderr, found.returncode) == ("1\n", "", 0)
    assert_fails(
        "<!-- run -->\n```console\n$ echo one\ntwo\n```\n", tmp_path, "the block printed\none\nand the page shows\ntwo"
    )
    assert_fails("<!-- run -->\n```console\n$ exit 3\n```\n", tmp_path, "line 3: a command failed and printed")


def test_a_warning_fails(tmp_path: Path) -> None:
    assert_fails("```python\nimport warnings\nwarnings.warn('old')\n```\n", tmp_path, "UserWarning: old")


# Tables of facts, compared with the code.


def rows_under(header: str, page: str) -> list[list[str]]:
    """Read the table that has this header, as plain text."""
    lines = iter((ROOT / "docs" / page).read_text(encoding="utf-8").splitlines())
    assert any(line == header for line in lines), f"{page} has no table {header}"
    next(lines)
    table = list(takewhile(lambda line: line.startswith("|"), lines))
    return [[unmarked(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table]


def unmarked(cell: str) -> str:
    return cell.strip().replace("\\|", "|").strip("`")


class Book(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    author: str
    pages: int | None = None
    sold: int = 0
    price: Decimal = Decimal(20)
    added: datetime = Field(db_default=ferro.now)


@pytest.mark.parametrize(
    ("written", "sqlite", "postgresql"), rows_under("| you write | SQLite | PostgreSQL |", "queries.md")
)
def test_the_table_of_operators_shows_the_sql_that_is_sent(written: str, sqlite: str, postgresql: str) -> None:
    query = ferro.AsyncQuery(Book).where(eval(f"lambda b: {written}", vars(ferro)))
    found = [str(query.sql(dialect)).partition(" WHERE ")[2] for dialect in ("sqlite", "postgresql")]
    assert [sql.replace('"book".', "").replace('"', "") for sql in found] == [sqlite, postgresql]


TYPES = {
    **{kind.__name__: kind for kind in (bool, int, float, Decimal, str, bytes, date, time, datetime, timedelta, UUID)},
    "NaiveDatetime": NaiveDatetime,
    "StrEnum": StrEnum("Colour", ["RED"]),
    "IntEnum": IntEnum("Size", ["BIG"]),
    "Enum": Enum("Shape", {"ROUND": 1.5}),
    'Literal["a", "b"]': Literal["a", "b"],
    "IPv4Address": IPv4Address,
    "IPv4Network": IPv4Network,
    "SecretStr": SecretStr,
    "SecretBytes": SecretBytes,
    "HttpUrl": HttpUrl,
    "list[int]": list[int],
    "Range[int]": ferro.Range[int],
    "BaseModel": create_model("Point", x=(int, 0)),
}


@pytest.mark.parametrize(
    ("python", "sqlite", "postgresql", "_"), rows_under("| Python | SQLite | PostgreSQL | |", "models.md")
)
def test_the_table_of_types_says_how_each_is_stored(python: str, sqlite: str, postgresql: str, _: str) -> None:
    stored = column_type(TYPES[python]).stored
    assert [stored[dialect].name for dialect in ("sqlite", "postgresql")] == [sqlite, postgresql]


@pytest.mark.parametrize(
    ("name", "also"), [row[:2] for row in rows_under("| error | also a | means |", "reference.md")]
)
def test_the_table_of_errors_is_the_tree_of_errors(name: str, also: str) -> None:
    dots, _, plain = name.rpartition(" ")
    error = getattr(ferro, plain.strip("`"))
    depth = sum(issubclass(base, ferro.FerroError) for base in error.__mro__) - 1
    assert depth == dots.count("·")
    builtin = {base.__name__ for base in error.__mro__[:-1] if base.__module__ == "builtins"}
    assert {one.strip("` ") for one in also.split(",")} - {""} <= builtin


def test_the_table_of_errors_holds_them_all() -> None:
    listed = {
        name.rpartition(" ")[2].strip("`") for name, *_ in rows_under("| error | also a | means |", "reference.md")
    }
    assert listed == {
        name
        for name in ferro.__all__
        if isinstance(getattr(ferro, name), type) and issubclass(getattr(ferro, name), ferro.FerroError)
    }
