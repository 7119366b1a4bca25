"""The names that a command line may give."""

from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable

BACKENDS = ("sqlite", "postgres")


def some_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """What reads names with commas between them, and refuses one that is not known."""
    names = tuple(known)

    def read(given: str) -> list[str]:
        chosen = [name for name in given.replace("-", "_").split(",") if name]
        if unknown := [name for name in chosen if name not in names]:
            raise ArgumentTypeError(f"there is no {', '.join(unknown)}: choose among {', '.join(names)}")
        return chosen

    return read
