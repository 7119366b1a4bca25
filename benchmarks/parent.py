"""The parent of a peer: a contender whose work is done, and timed, in a child process."""

import socket
import subprocess
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.contender import Place, Tables
from benchmarks.data import Row
from benchmarks.environments import Environment

CHILD = Path(__file__).with_name("peer.py")
PATIENCE = 300.0


class PeerFailed(Exception):
    """A peer raised, ended or went silent."""


class PeerContender(Tables):
    """A peer, seen from here. Its seconds are measured in its own process; its answers come over as plain rows."""

    guest = True

    def __init__(self, place: Place, environment: Environment, patience: float = PATIENCE) -> None:
        super().__init__(place)
        self.name = environment.name
        self.patience = patience
        ours, theirs = socket.socketpair()
        with theirs:
            command = [environment.python, "-I", CHILD, environment.module]
            self.process = subprocess.Popen(command, stdin=theirs)
        self.child = Connection(ours.detach())
        try:
            self.workloads: list[str] = self.ask("open", place)
        except PeerFailed:
            self.stop()
            raise

    def ask(self, method: str, *arguments: Any) -> Any:
        """Have the child call a method, and give what it answers."""
        try:
            self.child.send((method, arguments))
            if not self.child.poll(self.patience):
                self.stop()
                raise PeerFailed(f"no answer to {method} in {self.patience:.0f} s")
            fine, answer = self.child.recv()
        except (EOFError, OSError) as gone:
            raise PeerFailed(f"it ended in {method}, with exit status {self.process.wait()}") from gone
        except ImportError as unknown:
            raise PeerFailed(f"{method} gave back a value of a type that only it has: {unknown}") from unknown
        if not fine:
            raise PeerFailed(answer)
        return answer

    def stop(self) -> None:
        self.child.close()
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        try:
            self.ask("close")
        except PeerFailed:
            pass
        finally:
            self.stop()

    def takes_part(self, workload: str) -> bool:
        return workload in self.workloads

    def timed(self, workload: str, given: Sequence[Any]) -> tuple[float, Any]:
        return self.ask("run", workload, given)

    def plain(self, shape: str, found: Any) -> list[Row]:
        return found

    def load(self, table: str, rows: Sequence[Row]) -> None:
        self.ask("load", table, rows)

    def empty(self) -> None:
        self.ask("empty")

    def written(self) -> list[Row]:
        return self.ask("written")
