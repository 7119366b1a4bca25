"""Telling how far a long call has come, where somebody asked."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from time import perf_counter
from typing import TypeAlias

Report: TypeAlias = Callable[[int], object]
# Whether to say how many rows are done in a line on stderr, or what to call with the number.
Progress: TypeAlias = bool | Report

# How long a line stands before it is written again, in seconds.
PAUSE = 0.1


class Line:
    """One line on stderr that is written over and over."""

    def __init__(self, verb: str) -> None:
        self.verb = verb
        self.started = perf_counter()
        self.shown = self.started
        self.done = 0

    def report(self, done: int) -> None:
        self.done = done
        now = perf_counter()
        if now - self.shown >= PAUSE:
            self.shown = now
            self.write(now)

    def write(self, now: float, end: str = "") -> None:
        rate = self.done / max(now - self.started, 1e-9)
        sys.stderr.write(f"\r{self.verb}: {self.done:,} rows, {rate:,.0f} rows/s{end}")
        sys.stderr.flush()


@contextmanager
def reported(progress: Progress, verb: str) -> Generator[Report]:
    """What to call with the number of rows that are done."""
    if callable(progress):
        yield progress
    elif not progress:
        yield lambda _: None
    else:
        line = Line(verb)
        try:
            yield line.report
        finally:
            line.write(perf_counter(), "\n")
