"""The child: a contender in a process of its own, that does what it is told on its standard input.

`python -P child.py MODULE CLASS`. Standard input is a socket, over which pickles go both ways: the name of a method of
`Served` with its arguments, then "fine" and what it gave back, "wrong" and what is wrong with its answer, or "failed"
and the traceback of what it raised.
"""

import importlib.util
import sys
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.answers import WrongAnswer
from benchmarks.contender import Contender, Place, Tables
from benchmarks.data import Row
from benchmarks.workloads import WORKLOADS, Sizes

BY_NAME = {workload.name: workload for workload in WORKLOADS}


class Served:
    """What the parent may ask for."""

    def __init__(self, module: Path, name: str) -> None:
        self.module = module
        self.name = name

    def open(self, place: Place) -> list[str]:
        """Make the contender, and a peer's tables; give the workloads it takes part in."""
        self.contender: Contender = getattr(loaded(self.module), self.name)(place)
        return list(filter(self.contender.takes_part, BY_NAME))

    @property
    def tables(self) -> Tables:
        assert isinstance(self.contender, Tables)
        return self.contender

    def load(self, table: str, rows: Sequence[Row]) -> None:
        self.tables.load(table, rows)

    def empty(self) -> None:
        self.tables.empty()

    def written(self) -> list[Row]:
        return self.tables.written()

    def turn(self, workload: str, sizes: Sizes) -> tuple[float, Any]:
        return self.contender.turn(BY_NAME[workload], sizes)

    def close(self) -> None:
        self.contender.close()


def loaded(path: Path) -> Any:
    """Import a module by its path: its name may be that of the library it is about."""
    spec = importlib.util.spec_from_file_location(f"benchmarks.loaded.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    served = Served(Path(sys.argv[1]), sys.argv[2])
    with Connection(sys.stdin.fileno()) as parent:
        while True:
            try:
                method, arguments = parent.recv()
            except EOFError:
                return
            try:
                answer = ("fine", getattr(served, method)(*arguments))
            except WrongAnswer as wrong:
                answer = ("wrong", str(wrong))
            except Exception:
                answer = ("failed", traceback.format_exc())
            parent.send(answer)


if __name__ == "__main__":
    main()
