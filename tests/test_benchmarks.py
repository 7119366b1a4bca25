"""The benchmarks run, and a wrong answer does not count. What they measure is not tested here."""

import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks.contender import Contender
from benchmarks.drivers import Sqlite
from benchmarks.measure import Measured, WrongAnswer, contenders, database, measure_one
from benchmarks.ours import AsyncFerro, Ferro
from benchmarks.plot import svg
from benchmarks.report import lines_of, page
from benchmarks.workloads import WORKLOADS, Sizes

ROOT = Path(__file__).parents[1]
TINY = Sizes(rows=60, calls=5, bulk=130, related=8, rounds=1)
BY_NAME = {workload.name: workload for workload in WORKLOADS}


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(ROOT / "benchmarks" / program), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )


def test_every_workload_is_measured_for_everybody(backend: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres_url") if backend == "postgres" else ""
    sizes = ["--rows", "60", "--calls", "5", "--bulk", "130", "--related", "8", "--rounds", "1"]
    found = run("run.py", "--backends", backend, *(["--url", url] if url else []), *sizes)
    assert (found.returncode, found.stderr) == (0, "")
    lines = [line.split(" | ") for line in found.stdout.splitlines() if line.startswith("| ")]
    assert [line[0] for line in lines[1:]] == [
        "| get by key",
        "| insert one",
        "| insert one inside a transaction",
        "| insert 130 at once",
        "| fetch 60 instances",
        "| fetch 3 columns of 60 rows",
        "| filter, order, limit 20",
        "| load, change, save",
        "| 8 books with their author",
        "| 2 authors with their books",
        "| 2 books with their tags",
        "| get by key, 50 tasks or 8 threads",
    ]
    assert len({len(line) for line in lines}) == 1


def test_the_profile_names_the_rooms() -> None:
    found = run("profile.py", "get", "--quick", "--functions", "1")
    assert (found.returncode, found.stderr) == (0, "")
    for room in ("operations", "drivers", "types", "sqlite3"):
        assert f"%  {room}\n" in found.stdout


def test_scaling_is_measured() -> None:
    found = run("scaling.py", "--models", "5,10", "--rows", "10,20")
    assert (found.returncode, found.stderr) == (0, "")
    rows = [line.split(" | ") for line in found.stdout.splitlines()]
    assert [row[0] for row in rows if len(row) == 4] == ["| models", "| 5", "| 10", "| rows", "| 10", "| 20"]


class Older(Ferro):
    """Gives an age that is not the row's."""

    def plain(self, shape: str, found: Any) -> Any:
        return [(*row[:3], 99, *row[4:]) for row in super().plain(shape, found)]


class Floating(Sqlite):
    """Gives numbers that are equal, and no decimals."""

    def plain(self, shape: str, found: Any) -> Any:
        rows = super().plain(shape, found)
        return [tuple(float(value) if isinstance(value, Decimal) else value for value in row) for row in rows]


class Forgetful(AsyncFerro):
    """Leaves the last row out."""

    async def get(self, keys: Any) -> Any:
        return await super().get(keys[:-1])

    async def insert(self, rows: Any) -> Any:
        return await super().insert(rows[:-1])


class Unrelated(Ferro):
    """Loads books without the last of their tags."""

    def related(self, found: Any) -> Any:
        return found[:-1]


class Confused(Ferro):
    """Writes the right rows, and says that they have other keys."""

    def insert(self, rows: Any) -> Any:
        return [key + 1 for key in super().insert(rows)]


class Idle(Ferro):
    """Changes nothing."""

    def change(self, keys: Any) -> Any:
        pass


@pytest.mark.parametrize(
    ("wrong", "workload", "message"),
    [
        (Older, "get", "ferro, get: row 1 has 99 instead of 19"),
        (Older, "page", "ferro, page: row 1 has 99 instead of "),
        (Floating, "fetch", "sqlite3, fetch: row 1 has 0.37 instead of Decimal('0.37')"),
        (Forgetful, "get", "ferro async, get: 4 rows instead of 5"),
        (Forgetful, "insert", "ferro async, insert: 4 rows instead of 5"),
        (Confused, "insert", "ferro, insert: the keys that came back are [2, 3, 4, "),
        (Unrelated, "with_tags", "ferro, with_tags: row 1 has [(2, 'tag 002'), (9, 'tag 009')] instead of [(2, "),
        (Idle, "change", "ferro, change: row 1 has 19 instead of 20"),
    ],
)
def test_a_wrong_answer_stops_the_run(wrong: type[Contender], workload: str, message: str) -> None:
    with database("sqlite") as place, contenders("sqlite", place, TINY) as everybody:
        contender = wrong(place)
        try:
            with pytest.raises(WrongAnswer) as raised:
                measure_one(BY_NAME[workload], [everybody[0], contender], TINY)
        finally:
            contender.close()
    assert str(raised.value).startswith(message)


def measured() -> Measured:
    seconds = {"sqlite3": [1.0, 2.0, 4.0], "ferro": [2.0, 6.0, 10.0], "ferro async": [9.0, 9.0, 9.0]}
    return Measured(BY_NAME["get"], replace(TINY, calls=1000, rounds=3), seconds)


def test_a_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    assert measured().ratio("ferro") == 2.5
    assert measured().ratio("fill") is None


def test_a_table_shows_the_driver_s_time_for_one_call_and_the_ratios_of_the_others() -> None:
    assert lines_of("sqlite", [measured()]) == [
        "| SQLite, a file in WAL | sqlite3, a call | fill | aiosqlite | ferro | ferro async |",
        "|---|---:|---:|---:|---:|---:|",
        "| get by key | 2 ms | – | – | 2.50 | 4.50 |",
    ]
    assert "| get by key | 2 ms | – | – | 2.50 | 4.50 |\n\n" in page({"sqlite": [measured()]})


def test_the_picture_has_a_dot_for_each_ratio() -> None:
    drawn = svg({"sqlite": [measured()]})
    assert drawn.startswith("<svg ")
    assert "<title>ferro: 2.50</title>" in drawn
    assert "<title>ferro async: 4.50</title>" in drawn
    assert "<title>fill" not in drawn
    assert ">get by key</text>" in drawn
