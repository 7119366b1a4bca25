"""Ferro beside the bare drivers, as ratios of times in the same round: `python benchmarks/run.py --quick`."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter

# The parent of this folder: a module in it would hide one of Python's own.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(1, str(Path(__file__).parents[1] / "tests" / "support"))

from benchmarks.environments import PEERS, Environment, Unavailable, prepared
from benchmarks.measure import Measured, database, measure
from benchmarks.names import BACKENDS, some_of
from benchmarks.plot import svg
from benchmarks.report import lines_of, page, said_of_machine
from benchmarks.workloads import FULL, QUICK, WORKLOADS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"


def arguments() -> argparse.Namespace:
    workloads = [one.name for one in WORKLOADS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows, calls and rounds: under a minute")
    parser.add_argument(
        "--backends", type=some_of(BACKENDS), default=list(BACKENDS), metavar="NAMES", help=",".join(BACKENDS)
    )
    parser.add_argument("--url", help="a PostgreSQL of yours; else one of our own is started")
    parser.add_argument(
        "--workloads", type=some_of(workloads), default=workloads, metavar="NAMES", help=",".join(workloads)
    )
    parser.add_argument(
        "--peers", type=some_of(("all", *PEERS)), default=[], metavar="NAMES", help=f"all, or some of {','.join(PEERS)}"
    )
    parser.add_argument("--python", help="the Python of the peers' environments; else this one, if it is new enough")
    parser.add_argument("--inline", action="store_true", help="short statements on SQLite run on the loop itself")
    parser.add_argument("--rows", type=int, help="rows in the table")
    parser.add_argument("--calls", type=int, help="calls of a small workload in a round")
    parser.add_argument("--bulk", type=int, help="rows inserted at once")
    parser.add_argument("--related", type=int, help="books read with their author")
    parser.add_argument("--rounds", type=int, help="how many there are, of which the median is shown")
    parser.add_argument(
        "--tries", type=int, help="how often everybody takes a turn in a round at most; the best counts"
    )
    parser.add_argument(
        "--write", action="store_true", help=f"write the tables and the picture of {PAGE.relative_to(ROOT)}"
    )
    asked = parser.parse_args()
    if asked.write and (asked.backends, asked.workloads, asked.inline) != (list(BACKENDS), workloads, False):
        parser.error(f"--write writes all of {PAGE.relative_to(ROOT)}: leave --backends, --workloads and --inline out")
    return asked


def invited(names: list[str], python: str | None) -> list[Environment]:
    """Give the environments of the peers of these names, and say which have none and why."""
    peers: list[Environment] = []
    for name in PEERS if "all" in names else names:
        try:
            peers.append(prepared(name, python))
        except Unavailable as unavailable:
            print(f"{name} is left out: {unavailable}", file=sys.stderr)
    return peers


def main() -> None:
    asked = arguments()
    given = {name: getattr(asked, name) for name in ("rows", "calls", "bulk", "related", "rounds", "tries")}
    sizes = replace(QUICK if asked.quick else FULL, **{name: value for name, value in given.items() if value})
    peers = invited(asked.peers, asked.python)
    started = perf_counter()
    measured: dict[str, list[Measured]] = {}
    for backend in asked.backends:
        with database(backend, asked.url) as own:
            place = replace(own, ferro=f"{own.ferro}&inline=true") if asked.inline and backend == "sqlite" else own
            print(f"{backend}, median of {sizes.rounds} rounds; the driver is 1.0")
            measured[backend] = measure(backend, place, sizes, asked.workloads, peers)
            print("", *lines_of(backend, measured[backend], [peer.name for peer in peers]), "", sep="\n")
    print(said_of_machine())
    for peer in peers:
        print(f"{peer.name}: {peer.versions()}")
    print(f"{perf_counter() - started:.0f} s")
    if asked.write:
        PAGE.write_text(page(measured), encoding="utf-8")
        PAGE.with_suffix(".svg").write_text(svg(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
