"""What 50,000 instances weigh, beside the driver's tuples: `python benchmarks/memory.py --backends sqlite`."""

import argparse
import gc
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

# The parent of this folder: a module in it would hide one of Python's own.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(1, str(Path(__file__).parents[1] / "tests" / "support"))

from benchmarks.contender import Contender
from benchmarks.measure import contenders, database
from benchmarks.names import BACKENDS, some_of
from benchmarks.workloads import FULL


def weighed(contender: Contender) -> tuple[int, int, int]:
    """Fetch all rows: how many there are, the bytes they hold once they are there, and the most it took."""
    # What a first call leaves behind, such as its SQL, is no part of the rows.
    contender.run("fetch", ())
    gc.collect()
    tracemalloc.start()
    found = contender.run("fetch", ())
    gc.collect()
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return len(found), held, most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", type=some_of(BACKENDS), default=BACKENDS, metavar="NAMES")
    parser.add_argument("--url", help="a PostgreSQL of yours; else one of our own is started")
    parser.add_argument("--rows", type=int, default=FULL.rows)
    asked = parser.parse_args()
    sizes = replace(FULL, rows=asked.rows)
    for backend in asked.backends:
        print(f"| {backend} | a row | all | at most |\n|---|---:|---:|---:|")
        with database(backend, asked.url) as place, contenders(backend, place, sizes) as everybody:
            for contender in everybody:
                rows, held, most = weighed(contender)
                print(f"| {contender.name} | {held / rows:.0f} B | {held / 1e6:.0f} MB | {most / 1e6:.0f} MB |")


if __name__ == "__main__":
    main()
