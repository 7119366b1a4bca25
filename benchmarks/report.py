"""What was measured, as tables and as a page of the documentation."""

import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.contenders import CONTENDERS
from benchmarks.measure import Measured

TITLES = {"sqlite": "SQLite, a file in WAL", "postgres": "PostgreSQL, over TCP on the same machine"}


def lines_of(backend: str, measured: Sequence[Measured], peers: Sequence[str] = ()) -> list[str]:
    """One table: a line for each workload, a column for each contender and for each peer of these names."""
    driver, *others = [*(contender.name for contender in CONTENDERS[backend]), *peers]
    lines = [
        f"| {TITLES[backend]} | {driver}, a call | " + " | ".join(others) + " |",
        "|---|---:|" + "---:|" * len(others),
    ]
    for one in measured:
        ratios = [one.ratio(name) for name in others]
        shown = ["–" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
        lines.append(f"| {one.title} | {duration(one.driver_seconds)} | " + " | ".join(shown) + " |")
    return lines


def duration(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 0.001 else f"{seconds * 1e3:.0f} ms"


def said_of_machine() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("pydantic", "psycopg"))
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}; {platform.python_implementation()} "
        f"{platform.python_version()}, {versions}, SQLite {sqlite3.sqlite_version}"
    )


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def page(measured: Mapping[str, Sequence[Measured]]) -> str:
    """Give docs/performance.md."""
    tables = "\n\n".join("\n".join(lines_of(backend, found)) for backend, found in measured.items())
    rounds = next(iter(measured.values()))[0].sizes.rounds
    return PAGE.format(tables=tables, machine=said_of_machine(), rounds=rounds)


PAGE = """\
# Performance

ferro is Python over the drivers' own C code: psycopg for PostgreSQL, sqlite3 for SQLite. What it adds to a call is
measured beside the bare driver, in the same run, as a ratio: 1.0 is the driver's own time for the same work, 2.0 is
twice that.

{tables}

{machine}. Medians of {rounds} rounds; in each everybody takes a turn, and an answer counts when every value
in it is right and of the right type.

* **The driver** is called as its documentation shows: `connection.execute(sql, parameters)`, tuples back, in
  autocommit. psycopg decodes documents with `json.loads`. sqlite3 gives back what the file holds, texts and
  numbers: nothing is decoded to a `Decimal`, a `datetime`, a dict or a `UUID`, which is most of what the others do. What is
  written is encoded by all of them.
* **fill** is the driver and the cheapest filling of Pydantic instances that is right, with `json.loads` and
  `UUID()`: what a careful program does by hand.
* **ferro** validates what it writes and returns instances: nine columns of int, str, str, int, `Decimal`,
  `datetime`, bool, dict and `UUID`.
* The SQLite file is kept in memory where the system can, so that no disk is measured.

## What is fast, and why

* **Reading many rows.** Instances are filled, not validated, by a function that is written once for each model
  and set of columns. Documents are read by Pydantic's parser, which takes a seventh of the time of `json.loads`.
  So 50,000 instances may cost less than psycopg's own tuples.
* **Calls that repeat.** The SQL of a query is made once for its shape, whatever its values; of `get` and `save`, once
  for a model. On PostgreSQL a statement is prepared when a connection meets it for the third time.
* **Round trips.** On PostgreSQL a `get` or a `create` is one; a transaction sends its BEGIN with its first statement.
* **Many rows at once.** `bulk_create` inserts hundreds of rows with each statement and brings their keys back.

## What is not, and why

* **Awaiting SQLite.** A file is read by a thread, and handing a call over to it costs more than a short read itself.
  Large answers hardly notice; for many small reads use the blocking side, or fetch more at once.
* **One row at a time.** Writing validates, dumps and remembers what each instance holds, which is most of an INSERT
  into SQLite. Inserting many rows, use `bulk_create`, or at least one `transaction()` around them.
* **Documents.** A dict or list is read back before it is sent, so that nothing is stored that would come back different.

## Measure your own

The tables above are written by the first of these. Without `--write` it only prints them; the others are for a
minute's look, and for where the time of one workload goes, by room of the source:

```console
$ python benchmarks/run.py --write
$ python benchmarks/run.py --quick --backends sqlite
$ python benchmarks/profile.py page --backend postgres
```

`--url postgresql://…` measures a server of yours instead of one that is started for the run; everything happens in
a schema of its own, `ferro_benchmark`, which is dropped at the end. A workload is a line of data in
`benchmarks/workloads.py` and a method of each contender in `benchmarks/contenders.py`.
"""
