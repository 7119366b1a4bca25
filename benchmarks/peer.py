"""The child: a peer in its own environment, that does what it is told on its standard input.

`python -I peer.py MODULE`. Standard input is a socket, over which pickles go both ways: the name of a method of
`Served` with its arguments, then what it gave back, or the traceback of what it raised.
"""

import gc
import importlib.util
import sys
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.contender import OwnTables, Place
from benchmarks.data import Row
from benchmarks.workloads import WORKLOADS

SHAPES = {workload.name: None if workload.writes else workload.shape for workload in WORKLOADS}


class Served:
    """What the parent may ask for."""

    def __init__(self, module: Path) -> None:
        self.module = module

    def open(self, place: Place) -> list[str]:
        """Make the peer and its tables; give the workloads it takes part in."""
        self.peer: OwnTables = loaded(self.module).Peer(place)
        return [workload for workload in SHAPES if self.peer.takes_part(workload)]

    def load(self, table: str, rows: Sequence[Row]) -> None:
        self.peer.load(table, rows)

    def empty(self) -> None:
        self.peer.empty()

    def written(self) -> list[Row]:
        return self.peer.written()

    def run(self, workload: str, given: Sequence[Any]) -> tuple[float, Any]:
        """Give the seconds a workload took, and the rows that came back; or of one that writes, the keys."""
        held = self.peer.given(workload, given)
        gc.collect()
        gc.freeze()
        try:
            seconds, found = self.peer.timed(workload, held)
        finally:
            gc.unfreeze()
        shape = SHAPES[workload]
        return seconds, found if shape is None else self.peer.plain(shape, found)

    def close(self) -> None:
        self.peer.close()


def loaded(path: Path) -> Any:
    """Import a module by its path: its name may be that of the library it is about."""
    spec = importlib.util.spec_from_file_location(f"benchmarks.peers.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    served = Served(Path(sys.argv[1]))
    with Connection(sys.stdin.fileno()) as parent:
        while True:
            try:
                method, arguments = parent.recv()
            except EOFError:
                return
            try:
                answer = (True, getattr(served, method)(*arguments))
            except Exception:
                answer = (False, traceback.format_exc())
            parent.send(answer)


if __name__ == "__main__":
    main()
