"""What grows and what must not: the cost of models, of a query among many models, and of a row among many rows."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The parent of this folder: a module in it would hide one of Python's own.
    sys.path[0] = str(Path(__file__).parents[1])

import argparse
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import ferro.sync
from ferro import Field, ModelBase

MODELS = (10, 300, 1000)
ROWS = (1_000, 100_000, 1_000_000)
QUERIES = 300
ROUNDS = 5


def named(number: int) -> type[ModelBase]:
    """Make a model of five columns under a name of its own."""
    made = {
        "__module__": __name__,
        "__qualname__": f"Scaled{number}",
        "__annotations__": {"id": int | None, "name": str, "age": int, "active": bool, "note": str | None},
        "id": Field(default=None, primary_key=True),
        "name": Field(index=True),
        "active": True,
        "note": None,
    }
    return type(ModelBase)(f"Scaled{number}", (ModelBase,), made)


def timed(call: Callable[[], Any]) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started


def queries(database: ferro.sync.Database, model: Any) -> None:
    for at in range(QUERIES):
        database.query(model).where(lambda m, at=at: m.id == at).order_by("name").limit(5).all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default=",".join(map(str, ROWS)), metavar="NUMBERS")
    parser.add_argument("--models", default=",".join(map(str, MODELS)), metavar="NUMBERS")
    asked = parser.parse_args()
    with ferro.sync.connect("sqlite::memory:", default=False) as database:
        first: Any = named(0)
        database.create_tables(first)
        defined = 1
        print("| models | defining those that are new | one of them | a query |\n|---:|---:|---:|---:|")
        for number in map(int, asked.models.split(",")):
            new = range(defined, number)
            seconds = timed(lambda new=new: [named(at) for at in new])
            defined = number
            queries(database, first)
            query = median(timed(lambda: queries(database, first)) for _ in range(ROUNDS)) / QUERIES
            print(f"| {number} | {seconds:.2f} s | {seconds / len(new) * 1e3:.2f} ms | {query * 1e6:.0f} µs |")
        print("\n| rows | inserting a row at once | reading a row | streaming a row |\n|---:|---:|---:|---:|")
        for rows in map(int, asked.rows.split(",")):
            database.query(first).delete()
            given = [first(name=f"name {at}", age=at % 80) for at in range(rows)]
            inserting = timed(lambda given=given: database.bulk_create(first, given)) / rows
            del given
            reading = median(timed(database.query(first).all) for _ in range(ROUNDS if rows < 500_000 else 1)) / rows
            streaming = timed(lambda: list(map(bool, database.query(first).stream()))) / rows
            print(f"| {rows:,} | {inserting * 1e6:.2f} µs | {reading * 1e6:.2f} µs | {streaming * 1e6:.2f} µs |")


if __name__ == "__main__":
    main()
