"""Answers are looked at before they count."""

from collections.abc import Sequence
from typing import Any

from benchmarks.data import Row


class WrongAnswer(Exception):
    """A contender gave back something else than it was asked for: its time says nothing."""


def check(where: str, found: Sequence[Row], expected: Sequence[Row]) -> None:
    """Compare rows with what they must be, types included; raise WrongAnswer for the first that differs."""
    if len(found) != len(expected):
        raise WrongAnswer(f"{where}: {len(found)} rows instead of {len(expected)}")
    for at, (row, right) in enumerate(zip(found, expected, strict=True), 1):
        if difference := first_difference(row, right):
            raise WrongAnswer(f"{where}: row {at} has {difference[0]!r} instead of {difference[1]!r}")


def first_difference(found: Any, right: Any) -> tuple[Any, Any] | None:
    """Give the first value that is not what it must be, and what it must be; inside of rows and lists of them."""
    if type(found) is not type(right):
        return found, right
    if not isinstance(right, tuple | list):
        return None if found == right else (found, right)
    kinds = [*map(type, right)]
    if found == right and kinds == [*map(type, found)] and tuple not in kinds and list not in kinds:
        return None
    if len(found) != len(right):
        return found, right
    return next(filter(None, map(first_difference, found, right)), None)
