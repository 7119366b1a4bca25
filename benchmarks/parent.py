"""The parent: a contender whose work is done, and timed, in a child process."""

import socket
import subprocess
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.answers import WrongAnswer
from benchmarks.contender import Place, Tables
from benchmarks.data import Row
from benchmarks.environments import Environment
from benchmarks.workloads import Sizes, Workload

CHILD = Path(__file__).with_name("child.py")
PATIENCE = 300.0


class ChildFailed(Exception):
    """A child raised, ended or went silent."""


class Apart(Tables):
    """A contender, seen from here. Its seconds are measured, and its answers looked at, in its own process."""

    def __init__(self, place: Place, environment: Environment, patience: float = PATIENCE) -> None:
        super().__init__(place)
        self.name = environment.name
        self.guest = environment.guest
        self.patience = patience
        ours, theirs = socket.socketpair()
        with theirs:
            command = [environment.python, *environment.flags, CHILD, environment.module, environment.contender]
            self.process = subprocess.Popen(command, stdin=theirs)
        self.child = Connection(ours.detach())
        try:
            self.workloads: list[str] = self.ask("open", place)
        except ChildFailed:
            self.stop()
            raise

    def ask(self, method: str, *arguments: Any) -> Any:
        """Have the child call a method, and give what it answers."""
        try:
            self.child.send((method, arguments))
            if not self.child.poll(self.patience):
                self.stop()
                raise ChildFailed(f"no answer to {method} in {self.patience:.0f} s")
            kind, answer = self.child.recv()
        except (EOFError, OSError) as gone:
            raise ChildFailed(f"it ended in {method}, with exit status {self.process.wait()}") from gone
        except ImportError as unknown:
            raise ChildFailed(f"{method} gave back a value of a type that only it has: {unknown}") from unknown
        if kind == "wrong":
            raise WrongAnswer(answer)
        if kind == "failed":
            raise ChildFailed(answer)
        return answer

    def stop(self) -> None:
        self.child.close()
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        try:
            self.ask("close")
        except ChildFailed:
            pass
        finally:
            self.stop()

    def takes_part(self, workload: str) -> bool:
        return workload in self.workloads

    def turn(self, workload: Workload, sizes: Sizes) -> tuple[float, Any]:
        return self.ask("turn", workload.name, sizes)

    def load(self, table: str, rows: Sequence[Row]) -> None:
        self.ask("load", table, rows)

    def empty(self) -> None:
        self.ask("empty")

    def written(self) -> list[Row]:
        return self.ask("written")
