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
    sizes = next(iter(measured.values()))[0].sizes
    return PAGE.format(tables=tables, machine=said_of_machine(), rounds=sizes.rounds, tries=sizes.tries)


PAGE = """\
# Performance

ferro is Python over the drivers' own C code: psycopg for PostgreSQL, sqlite3 for SQLite. What it adds to a call is
measured beside the bare driver, in the same run, as a ratio: 1.0 is the driver's own time for the same work, 2.0 is
twice that.

![The ratios of the tables below, on a logarithmic scale](performance.svg)

{tables}

{machine}.
Medians of {rounds} rounds; in each everybody takes 1 to {tries} turns at a workload, the more the shorter they are, of which
the best counts, in a process of its own that holds nothing of anybody else's. An answer counts when every value in it
is right and of the right type.

* **The driver** is called as its documentation shows: `connection.execute(sql, parameters)`, tuples back, in
  autocommit. psycopg decodes documents with `json.loads`. sqlite3 gives back what the file holds, texts and
  numbers: nothing is decoded to a `Decimal`, a `datetime`, a dict or a `UUID`, which is most of what the others do. What is
  written is encoded by all of them.
* **fill** is the driver and the cheapest filling of Pydantic instances that is right, with `json.loads` and
  `UUID()`: what a careful program does by hand.
* **ferro** validates what it writes and returns instances: nine columns of int, str, str, int, `Decimal`,
  `datetime`, bool, dict and `UUID`.
* Books are read with their author in one call of `include()`, authors with their ten books, and books with three
  tags along a many-to-many relation; the driver runs one JOIN, or two statements, and leaves its tuples apart.
* At the last one, fifty tasks or eight threads share ten connections; the driver's measure is its eight threads.
* The SQLite file is kept in memory where the system can, so that no disk is measured.

## What is fast, and why

* **Reading many rows.** Instances are filled, not validated, by a function that is written once for each model
  and set of columns. Documents are read by Pydantic's parser, which takes a third to a fifth of the time of `json.loads`.
  PostgreSQL sends the next rows while it does so. So 50,000 instances may cost less than psycopg's own tuples.
* **Data frames.** For a [data frame](dataframes.md) PostgreSQL writes each row as one text, which Arrow reads. Nothing
  becomes an object of Python's that the frame does not need: the nine columns above take a quarter to two fifths of
  the time of psycopg's tuples. Columns that are cheap for psycopg too, such as numbers and short texts, gain nothing,
  and may take up to twice as long.
* **Many rows while others wait.** On the loop, rows are made some hundred at a time, and everybody else has a turn in
  between. The garbage collector is held off while they are made, as it would look through all of them again and
  again, and Python changes threads more often meanwhile; both are as before once the rows are there.
* **Memory.** An instance is its values and a dict, and what Pydantic keeps beside them is made when it is asked for:
  50,000 of them take 57 MB, instances that are filled by hand 99, psycopg's own tuples 51.
* **Calls that repeat.** The SQL of a query is made once for its shape, whatever its values; of `get` and `save`, once
  for a model; of what `include()` loads along a relation, once for the relation. On PostgreSQL a statement is prepared
  when a connection meets it for the third time.
* **Round trips.** On PostgreSQL a `get` or a `create` is one; a transaction sends its BEGIN with its first statement;
  a [pipeline](transactions.md#several-calls-in-one-round-trip) sends any number of calls together.
* **Many rows at once.** `bulk_create` inserts hundreds of rows with each statement and brings their keys back. With
  `returning=False` PostgreSQL takes them by COPY, and the rows of an iterator need no more memory than a chunk of them.

## What is not, and why

* **Awaiting SQLite.** A file is read by a thread, and handing a call over to it costs more than a short read itself:
  60 to 150 µs, most of which are two threads that wake each other, on a core that must be woken first where the machine
  has little to do. Large answers hardly notice, and tasks that ask together share it. For many small reads one by one
  use the blocking side, fetch more at once, or add `inline=true` to the URL: then what is about
  [one row of a key](connecting.md#short-statements-on-the-event-loop) runs on the loop itself, for a tenth to a half more
  than the blocking side takes. It keeps the loop from everything else meanwhile: for microseconds where a row is in
  memory, for as long as the disk takes where it is not, or where a write is committed.
* **One row at a time.** Writing validates, dumps and remembers what each instance holds, which is most of an INSERT
  into SQLite: each of these runs once a row, and finds the processor's caches full of the others. Inserting many rows,
  use `bulk_create`, or at least one `transaction()` around them.
* **Related rows, beside the driver's tuples.** What is at both ends of a relation is one object, which each row at the
  other end knows. The driver's rows are left apart; "fill" is what it takes to put them together by hand.
* **Documents.** A dict or list is read back before it is sent, so that nothing is stored that would come back different,
  unless it is short and holds nothing but texts, numbers, truth values and None.

## What is remembered

What a call works out for the next one is kept in caches, each of a fixed size, for the whole process and for all of its
threads. `cache_info()` tells how they fare: for each by name its `hits`, `misses`, `size` and `maxsize`.

```python
from ferro.sync import cache_info

for name in ("statements", "gets", "inserts", "saves", "instances"):
    print(f"{{name}} may be {{cache_info()[name].maxsize}}")
```

```text
statements may be 2048
gets may be 1024
inserts may be 2048
saves may be 2048
instances may be 1024
```

`statements` is the SQL of queries by their shape. A program that is warm has next to no more misses there; if it has,
something in a query differs each time that is no value, such as the text of a `raw()`: give it its values as arguments.
The same shows at `raw SQL`, where the texts of `execute`, `fetch_all` and their like are looked at, and at `bulk inserts`,
which has one statement for each number of rows that went in together. The others are of ferro's inside, a model or a
relation at a time.

## Measure your own

The benchmarks are in the repository, and need what development does: `pip install -e ".[dev]"` there, once.

| command | what it answers | takes |
|---|---|---|
| `python benchmarks/run.py --write` | writes the tables above; without `--write` they are printed | 8 minutes |
| `python benchmarks/run.py --quick` | the same in short | 1 minute |
| `python benchmarks/run.py --quick --backends sqlite --inline` | SQLite with short statements on the loop | half a minute |
| `python benchmarks/run.py --quick --peers sqlalchemy,django` | other libraries too, each in an environment of its own that is made for it | 1 minute |
| `python benchmarks/stalls.py` | how long the loop has to wait while much is read | 1 minute |
| `python benchmarks/memory.py` | what instances weigh | 1 minute |
| `python benchmarks/scaling.py` | what must not grow: the cost of a model, of a query among many models, and of a row among many rows | half a minute |
| `python benchmarks/profile.py page --backend postgres` | where the time of one workload goes, by room of the source | 10 seconds |
| `python benchmarks/counts.py` | the instructions of ten calls, which no other program on the machine can change | 15 seconds |

`--url postgresql://…` measures a server of yours instead of one that is started for the run; everything happens in
a schema of its own, `ferro_benchmark`, which is dropped at the end. A workload is a line of data in
`benchmarks/workloads.py` and a method of each contender in `benchmarks/contenders.py`.

A test counts the instructions too, and fails where a call takes a tenth more than `benchmarks/counts.json` has.
"""
