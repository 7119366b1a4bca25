"""Where ferro's time goes in a workload, by room: `python benchmarks/profile.py get --backend sqlite`."""

import sys
from pathlib import Path

# The parent of this folder: this very file would hide the module that cProfile asks for.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(1, str(Path(__file__).parents[1] / "tests" / "support"))

import argparse
import cProfile
from collections import Counter
from functools import partial
from pstats import Stats
from typing import Any

import ferro
from benchmarks.contender import Contender, Tables
from benchmarks.measure import contenders, database, keeper, prepare
from benchmarks.workloads import FULL, QUICK, WORKLOADS, Sizes, Workload

ROOT = Path(__file__).parents[1]
HOUSE = Path(ferro.__file__).parent
LIBRARIES = ("pydantic_core", "pydantic", "psycopg_binary", "psycopg", "sqlite3", "anyio", "asyncio")

Where = tuple[str, int, str]


def room(where: Where) -> str | None:
    """Name the room a function stands in; None for a built-in one, whose time is its caller's."""
    file, _, name = where
    if file == "~":
        found = next((library for library in LIBRARIES if library in name), None)
        # Connections and cursors wait for the database inside their own code.
        return None if found is None else found.removesuffix("_binary").removesuffix("_core")
    if file == "<ferro: generated from columns>":
        return "operations"
    path = Path(file)
    if path.name == "libpq.py" and path.is_relative_to(HOUSE):
        # The profiler does not see into psycopg's compiled functions: this is where they wait for the server.
        return "psycopg, waiting"
    if path.is_relative_to(HOUSE):
        return path.relative_to(HOUSE).parts[0].removesuffix(".py")
    if path.is_relative_to(ROOT / "benchmarks"):
        return "the workload itself"
    found = next((library for library in LIBRARIES if library in path.parts), None)
    return "python" if found is None else found.removesuffix("_binary").removesuffix("_core")


def by_room(stats: Any) -> Counter[str]:
    """Add the seconds spent in each room up; what a built-in function took is the room's that called it."""
    seconds: Counter[str] = Counter()
    for where, (_, _, own, _, callers) in stats.items():
        here = room(where)
        if here is not None:
            seconds[here] += own
            continue
        for caller, (_, _, part, _) in callers.items():
            seconds[room(caller) or "python"] += part
    return seconds


def profiled(workload: Workload, contender: Contender, tables: Tables, sizes: Sizes) -> Any:
    """Run a workload under the profiler, once it has been run without."""
    profiler = cProfile.Profile()
    for run in (contender.run, partial(profiler.runcall, contender.run)):
        prepare(workload, tables, sizes)
        run(workload.name, contender.given(workload.name, workload.given(sizes)))
    return profiler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=[one.name for one in WORKLOADS])
    parser.add_argument("--backend", default="sqlite", choices=["sqlite", "postgres"])
    parser.add_argument("--contender", default="ferro", help="ferro, ferro async, sqlite3, psycopg …")
    parser.add_argument("--url", help="a PostgreSQL of yours; else one of our own is started")
    parser.add_argument("--quick", action="store_true", help="fewer calls")
    parser.add_argument("--functions", type=int, default=15, metavar="N", help="how many functions are listed")
    asked = parser.parse_args()
    sizes = QUICK if asked.quick else FULL
    workload = next(one for one in WORKLOADS if one.name == asked.workload)
    with database(asked.backend, asked.url) as place, contenders(asked.backend, place, sizes) as everybody:
        contender = next(one for one in everybody if one.name == asked.contender)
        stats = Stats(profiled(workload, contender, keeper(everybody), sizes))
    show(stats, asked.functions)


def show(stats: Any, functions: int) -> None:
    seconds = by_room(stats.stats)
    whole = sum(seconds.values())
    print(
        "The profiler makes small functions of Python look slower than they are: compare rooms, not times.\n"
        "It does not see psycopg's compiled functions: they count as their caller's, in drivers.\n"
    )
    for name, part in seconds.most_common():
        print(f"{part / whole:6.1%}  {name}")
    print()
    slowest = sorted(stats.stats.items(), key=lambda entry: -entry[1][2])[:functions]
    for where, (_, calls, own, _, _) in slowest:
        file, line, name = where
        place = "" if file == "~" else f"{Path(file).name}:{line} "
        print(f"{own / whole:6.1%} {calls:8}×  {place}{name}")


if __name__ == "__main__":
    main()
