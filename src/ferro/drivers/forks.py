"""What is to be done around a fork, on systems that fork."""

import os
from collections.abc import Callable


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
