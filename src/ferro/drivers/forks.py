"""What is to be done around a fork, on systems that fork."""

import os
from collections.abc import Callable
from pathlib import Path
from weakref import WeakKeyDictionary


def in_children(function: Callable[[], object]) -> None:
    """Call a function at the start of every child process that is forked."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)


def before_forks(function: Callable[[], object]) -> None:
    """Call a function each time before this process is forked."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=function)


class Process:
    """The process that runs this, known without asking the system each time."""

    def __init__(self) -> None:
        self.look()

    def look(self) -> None:
        self.id = os.getpid()


process = Process()
in_children(process.look)


class Files:
    """The SQLite files that are open in this process, and those at which its parent was when it was forked.

    SQLite keeps account of a file's locks in memory, for the whole process: a child would take its parent's for its own,
    and lose rows.
    """

    def __init__(self) -> None:
        self._open: WeakKeyDictionary[object, str] = WeakKeyDictionary()
        self._of_parent: set[tuple[int, int]] = set()

    def opened(self, connection: object, path: str) -> None:
        self._open[connection] = path

    def closed(self, connection: object) -> None:
        self._open.pop(connection, None)

    def inherit(self) -> None:
        """In a child, note what was open at the fork."""
        for path in list(self._open.values()):
            self._of_parent |= identity_of(path)

    def are_of_parent(self, path: str) -> bool:
        return bool(self._of_parent) and not self._of_parent.isdisjoint(identity_of(path))


def identity_of(path: str) -> set[tuple[int, int]]:
    """What SQLite knows a file by, its device and number: nothing where there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return set()
    return {(found.st_dev, found.st_ino)}


files = Files()
in_children(files.inherit)
