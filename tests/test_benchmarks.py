"""The benchmarks run, and a wrong answer does not count. What they measure is not tested here."""

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks.answers import WrongAnswer
from benchmarks.contender import Contender
from benchmarks.drivers import Sqlite
from benchmarks.environments import Environment
from benchmarks.measure import Measured, contenders, database, in_rounds
from benchmarks.ours import AsyncFerro, Ferro
from benchmarks.parent import Apart
from benchmarks.plot import svg
from benchmarks.report import lines_of, page
from benchmarks.workloads import WORKLOADS, Sizes

ROOT = Path(__file__).parents[1]
TINY = Sizes(rows=60, calls=5, bulk=130, related=8, rounds=1, tries=1)
BY_NAME = {workload.name: workload for workload in WORKLOADS}


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(ROOT / "benchmarks" / program), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )


def test_every_workload_is_measured_for_everybody(backend: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres_url") if backend == "postgres" else ""
    sizes = ["--rows", "60", "--calls", "5", "--bulk", "130", "--related", "8", "--rounds", "1", "--tries", "1"]
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backends", "mysql"], "argument --backends: there is no mysql: choose among sqlite, postgres"),
        (["--workloads", "get,nope,gets"], "argument --workloads: there is no nope, gets: choose among get, insert,"),
        (["--peers", "djang"], "argument --peers: there is no djang: choose among all, django, ferro_orm,"),
        (
            ["--write", "--backends", "sqlite"],
            "--write writes all of docs/performance.md: leave --backends, --workloads",
        ),
        (["--write", "--inline"], "--write writes all of docs/performance.md: leave --backends, --workloads"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], message: str) -> None:
    found = run("run.py", *arguments)
    assert found.returncode == 2
    assert f"run.py: error: {message}" in found.stderr


@pytest.mark.parametrize("workload", ["get", "bulk_insert"])
def test_the_profile_names_the_rooms(workload: str) -> None:
    found = run("profile.py", workload, "--quick", "--functions", "1")
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
                in_rounds([BY_NAME[workload]], [everybody[0], contender], TINY)
        finally:
            contender.close()
    assert str(raised.value).startswith(message)


OLDER = """
from benchmarks.ours import Ferro


class Older(Ferro):
    def plain(self, shape, found):
        return [(*row[:3], 99, *row[4:]) for row in super().plain(shape, found)]
"""


def test_a_wrong_answer_in_a_process_of_its_own_stops_the_run_too(tmp_path: Path) -> None:
    module = tmp_path / "older.py"
    module.write_text(OLDER, encoding="utf-8")
    home = Environment("ferro", module, contender="Older", guest=False)
    with database("sqlite") as place, contenders("sqlite", place, TINY, apart=True) as everybody:
        assert all(isinstance(one, Apart) for one in everybody)
        with closing(Apart(place, home)) as wrong, pytest.raises(WrongAnswer) as raised:
            in_rounds([BY_NAME["get"]], [everybody[0], wrong], TINY)
    assert str(raised.value) == "ferro, get: row 1 has 99 instead of 19"


class Telling(Ferro):
    """Tells what it was asked for."""

    def timed(self, workload: str, given: Any) -> Any:
        self.asked = [*getattr(self, "asked", []), workload]
        return super().timed(workload, given)


def test_each_round_has_every_workload_once_and_the_first_does_not_count() -> None:
    with database("sqlite") as place, contenders("sqlite", place, TINY) as everybody:
        contender = Telling(place)
        try:
            measured = in_rounds([BY_NAME["get"], BY_NAME["page"]], [everybody[0], contender], replace(TINY, rounds=2))
        finally:
            contender.close()
    assert contender.asked == ["get", "page"] * 3
    assert [len(one.seconds["ferro"]) for one in measured] == [2, 2]


class Slow(Ferro):
    """Says that its first turn in a round took long, and the second longer than the third."""

    def timed(self, workload: str, given: Any) -> Any:
        self.turns = getattr(self, "turns", 0) + 1
        return [9.0, 3.0, 2.0, 8.0, 5.0, 4.0, 7.0][self.turns - 1], super().timed(workload, given)[1]


def test_the_best_of_the_turns_in_a_round_counts() -> None:
    with database("sqlite") as place, contenders("sqlite", place, TINY) as everybody:
        contender = Slow(place)
        try:
            (measured,) = in_rounds([BY_NAME["get"]], [everybody[0], contender], replace(TINY, rounds=2, tries=3))
        finally:
            contender.close()
    assert measured.seconds["ferro"] == [2.0, 4.0]


def test_a_turn_that_takes_long_is_enough_for_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    with database("sqlite") as place, contenders("sqlite", place, TINY) as everybody:
        for seconds, tries in ((0.3, 1), (0.09, 3), (0.001, 4)):
            monkeypatch.setattr(Sqlite, "timed", lambda *_, took=seconds: (took, Contender.timed(*_)[1]))
            (measured,) = in_rounds([BY_NAME["get"]], [everybody[0]], replace(TINY, tries=4))
            assert measured.tries == tries


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


TINY_PEER = """
import sqlite3

from benchmarks.contender import Instances, OwnTables


class Peer(OwnTables, Instances):
    name = "tiny"

    def __init__(self, place):
        super().__init__(place)
        self.connection = sqlite3.connect(place.driver, isolation_level=None)
        self.execute("CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT, age INTEGER)")
        self.execute("CREATE TABLE written (id INTEGER PRIMARY KEY, name TEXT, age INTEGER)")
        print("what it prints is no answer")

    def close(self):
        self.connection.close()

    def execute(self, sql):
        self.connection.execute(sql)

    def load(self, table, rows):
        if table in {"author", "written"}:
            self.connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", [row[:2] + row[3:4] for row in rows])

    def written(self):
        return self.connection.execute("SELECT * FROM written").fetchall()

    def columns(self, given):
        return self.connection.execute("SELECT * FROM author").fetchall()

    def insert(self, rows):
        self.load("written", rows)
        return [row[0] for row in rows]

    def get(self, keys):
        raise LookupError(f"nothing of {keys}")

    def page(self, starts):
        raise SystemExit(7)
"""


@pytest.fixture(name="tiny")
def tiny_peer(tmp_path: Path) -> Environment:
    module = tmp_path / "tiny.py"
    module.write_text("REQUIREMENTS = ['none']\n" + TINY_PEER, encoding="utf-8")
    return Environment("tiny", module, Path(sys.executable))


def test_a_peer_works_in_a_process_of_its_own(tiny: Environment) -> None:
    with database("sqlite") as place, contenders("sqlite", place, TINY, [tiny]) as everybody:
        peer = everybody[-1]
        assert isinstance(peer, Apart)
        assert [one for one in BY_NAME if peer.takes_part(one)] == ["get", "insert", "columns", "page"]
        assert set(in_rounds([BY_NAME["columns"]], [everybody[0], peer], TINY)[0].seconds) == {"sqlite3", "tiny"}

        peer.load("written", [(1, "one", None, 7), (2, "two", None, 8)])
        assert peer.written() == [(1, "one", 7), (2, "two", 8)]
        peer.empty()
        seconds, keys = peer.turn(BY_NAME["insert"], replace(TINY, calls=1))
        assert (seconds > 0, keys, peer.written()) == (True, [1], [(1, "name 00000000", 19)])


def test_what_goes_wrong_with_a_peer_is_said_and_stops_nobody_else(
    tiny: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    with database("sqlite") as place, contenders("sqlite", place, TINY, [tiny]) as everybody:
        pair = [everybody[0], everybody[-1]]
        for workload in ("get", "insert", "page"):
            assert set(in_rounds([BY_NAME[workload]], pair, TINY)[0].seconds) == {"sqlite3"}
    raised, wrong, ended = capsys.readouterr().err.split("tiny takes no part in ")[1:]
    assert raised.startswith("get: Traceback")
    assert "LookupError: nothing of [1, " in raised
    assert wrong.startswith("insert: tiny, insert: row 1 has (1, 'name 00000004', 19) instead of (1, ")
    assert ended == "page: it ended in turn, with exit status 7\n"


def test_a_peer_that_cannot_be_started_is_left_out(tiny: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.module.write_text("import there_is_no_such_library", encoding="utf-8")
    with database("sqlite") as place, contenders("sqlite", place, TINY, [tiny]) as everybody:
        assert "tiny" not in [one.name for one in everybody]
    said = capsys.readouterr().err
    assert said.startswith("tiny is left out: ")
    assert "No module named 'there_is_no_such_library'" in said


def test_a_peer_has_a_column_of_its_own() -> None:
    found = measured()
    found.seconds["tiny"] = [3.0, 6.0, 12.0]
    assert lines_of("sqlite", [found], ["tiny", "absent"]) == [
        "| SQLite, a file in WAL | sqlite3, a call | fill | aiosqlite | ferro | ferro async | tiny | absent |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        "| get by key | 2 ms | – | – | 2.50 | 4.50 | 3.00 | – |",
    ]
