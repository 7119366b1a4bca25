"""How long the loop stands still while many rows are loaded: `python benchmarks/stalls.py --backends sqlite`.

A task wants its turn every millisecond. What it waited longer than that is a stall; beside each contender
stands the same task on a loop that has nothing else to do, because the machine has other work too.
"""

import argparse
import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

# The parent of this folder: a module in it would hide one of Python's own.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(1, str(Path(__file__).parents[1] / "tests" / "support"))

from benchmarks.contender import AsyncContender
from benchmarks.measure import contenders, database
from benchmarks.names import BACKENDS, some_of
from benchmarks.workloads import FULL

TICK = 0.001


async def ticking(stalls: list[float]) -> None:
    """Want a turn every millisecond, and write down how much later it came."""
    while True:
        before = perf_counter()
        await asyncio.sleep(TICK)
        stalls.append(perf_counter() - before - TICK)


async def watched(work: Callable[[], Awaitable[Any]]) -> tuple[float, list[float]]:
    """Run something beside the ticking task: the seconds it took, and the stalls."""
    stalls: list[float] = []
    clock = asyncio.create_task(ticking(stalls))
    await asyncio.sleep(5 * TICK)
    stalls.clear()
    started = perf_counter()
    kept = await work()
    seconds = perf_counter() - started
    await asyncio.sleep(5 * TICK)
    clock.cancel()
    del kept
    return seconds, stalls


async def unwatched(work: Callable[[], Awaitable[Any]]) -> float:
    started = perf_counter()
    kept = await work()
    seconds = perf_counter() - started
    del kept
    return seconds


def measure(contender: AsyncContender, workload: str, rounds: int) -> None:
    work: Callable[[], Awaitable[Any]] = partial(getattr(contender, workload), ())
    alone: list[float] = []
    beside: list[float] = []
    worst: list[float] = []
    idle: list[float] = []
    # What stays is not for the collector to look through in everybody's time.
    gc.collect()
    gc.freeze()
    for at in range(rounds + 1):
        gc.collect()
        without = contender.wait(unwatched(work))
        gc.collect()
        seconds, stalls = contender.wait(watched(work))
        _, nothing = contender.wait(watched(partial(asyncio.sleep, without)))
        if at:
            alone.append(without)
            beside.append(seconds)
            worst.append(max(stalls))
            idle.append(max(nothing))
    gc.unfreeze()
    cost = median(new / old for new, old in zip(beside, alone, strict=True)) - 1
    print(
        f"  {contender.name}, {workload}: {median(alone) * 1000:.0f} ms, beside the ticking task it takes {cost:+.0%}; "
        f"longest stall of a round: median {median(worst) * 1000:.1f} ms, least {min(worst) * 1000:.1f} ms "
        f"(idle loop {median(idle) * 1000:.1f}, {min(idle) * 1000:.1f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", type=some_of(BACKENDS), default=BACKENDS, metavar="NAMES")
    parser.add_argument("--url", help="a PostgreSQL of yours; else one of our own is started")
    parser.add_argument("--contender", default="", help="only those whose names have this in them")
    parser.add_argument("--rows", type=int, default=FULL.rows)
    parser.add_argument("--rounds", type=int, default=FULL.rounds)
    asked = parser.parse_args()
    sizes = replace(FULL, rows=asked.rows)
    for backend in asked.backends:
        print(f"{backend}, {sizes.rows:,} rows, a tick every {TICK * 1000:.0f} ms")
        with database(backend, asked.url) as place, contenders(backend, place, sizes) as everybody:
            for contender in everybody:
                if isinstance(contender, AsyncContender) and asked.contender in contender.name:
                    for workload in ("fetch", "columns"):
                        measure(contender, workload, asked.rounds)


if __name__ == "__main__":
    main()
