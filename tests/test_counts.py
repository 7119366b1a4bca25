"""The counts of ferro's steps are near those of the table, and one that is not has a message that says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.counts import PATHS, check, read_table

ROOT = Path(__file__).parents[1]
TABLE = {"3.11": {"get": [1000, 50], "save": [2000, 60]}, "3.13": {"get": [900, 50], "save": [1800, 60]}}


def test_no_call_takes_a_tenth_more_than_the_table_says():
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"}
    # A process of its own: here, caches are full of what other tests have asked, and who else traces is not known.
    command = [sys.executable, "-W", "error", str(ROOT / "benchmarks" / "counts.py")]
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert (found.returncode, found.stderr) == (0, "")
    assert len(found.stdout.splitlines()) == 20


def test_the_table_has_ten_paths_in_both_colours_for_each_python():
    names = {f"{path}, {colour}" for path in PATHS for colour in ("blocking", "async")}
    assert len(names) == 20
    assert {version: set(counts) for version, counts in read_table().items()} == dict.fromkeys(
        ("3.11", "3.12", "3.13", "3.14"), names
    )


@pytest.mark.parametrize(
    ("version", "get", "lines"),
    [
        ("3.11", [1100, 55], []),
        ("3.11", [500, 5], []),
        ("3.11", [1150, 50], ["get: 1150 instructions, and 1000 in the table: +15.0%"]),
        ("3.11", [1000, 56], ["get: 56 calls, and 50 in the table: +12.0%"]),
        # Between two that are known, the newer one counts; above a guess there is more room.
        ("3.12", [1080, 60], []),
        ("3.14", [1080, 60], []),
        ("3.12", [1090, 60], ["get: 1090 instructions, and 900 in the table: +21.1%"]),
        ("3.14", [1090, 61], [
            "get: 1090 instructions, and 900 in the table: +21.1%",
            "get: 61 calls, and 50 in the table: +22.0%",
        ]),
    ],
)  # fmt: skip
def test_a_count_may_rise_by_a_tenth_and_by_a_fifth_where_this_python_is_not_in_the_table(version, get, lines):
    assert check({"get": get, "save": [1500, 50]}, TABLE, version) == lines


def test_a_path_that_is_only_on_one_side_is_not_passed_over():
    assert check({"get": [900, 50], "delete": [1, 1]}, TABLE, "3.13") == [
        "delete: not in the table",
        "save: in the table, and not counted",
    ]
    assert check({"get": [900, 50]}, {}, "3.13") == ["counts.json is empty"]
