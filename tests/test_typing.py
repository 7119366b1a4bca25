"""What type checkers make of ferro: the programs of `tests/typing`, under strict pyright and strict mypy."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAMS = sorted((ROOT / "tests" / "typing").glob("*.py"))
MISTAKES = ROOT / "tests" / "typing" / "mistakes.py"

# A program for the checkers themselves: one mistake that is not announced, one announced that is none.
PLANTED = """# pyright: strict
silent: int = "one"
false_alarm: int = 1  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
announced: int = "one"  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def pyright(files: list[str]) -> list[tuple[str, int, str]]:
    """The file, line and rule of whatever pyright reports."""
    found = run("-m", "pyright", "--pythonpath", sys.executable, "--outputjson", *files)
    assert found.returncode == 1, found.stdout + found.stderr
    return [
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1, each.get("rule", each["message"]))
        for each in json.loads(found.stdout)["generalDiagnostics"]
    ]


def mypy(files: list[str]) -> list[tuple[str, int, str]]:
    """The file, line and code of whatever mypy reports."""
    found = run("-m", "mypy", "--output", "json", *files)
    assert found.returncode == 1, found.stdout + found.stderr
    reports = map(json.loads, found.stdout.splitlines())
    return [
        (Path(each["file"]).name, each["line"], each["code"] or each["message"])
        for each in reports
        if each["severity"] == "error"
    ]


@pytest.mark.parametrize(
    ("check", "silent", "false_alarm"),
    [(pyright, "reportAssignmentType", "reportUnnecessaryTypeIgnoreComment"), (mypy, "assignment", "unused-ignore")],
)
def test_a_checker_finds_what_the_programs_announce_line_by_line_and_nothing_else(
    tmp_path: Path, check: Callable[[list[str]], list[tuple[str, int, str]]], silent: str, false_alarm: str
):
    planted = tmp_path / "planted.py"
    planted.write_text(PLANTED, encoding="utf-8")
    found = check([*map(str, PROGRAMS), str(planted)])
    assert sorted(found) == [("planted.py", 2, silent), ("planted.py", 3, false_alarm)]


def test_every_mistake_is_one_to_both_checkers_and_only_mistakes_are_announced():
    for program in PROGRAMS:
        lines = program.read_text(encoding="utf-8").splitlines()
        announced = ["# type: ignore[" in line for line in lines]
        assert announced == ["# pyright: ignore[" in line for line in lines]
        assert any(announced) == (program == MISTAKES)


def test_the_programs_run():
    every = "import runpy, sys\nsys.path.insert(0, sys.argv[1])\nfor path in sys.argv[2:]: runpy.run_path(path)"
    found = run("-W", "error", "-c", every, str(MISTAKES.parent), *map(str, PROGRAMS))
    assert found.returncode == 0, found.stderr
