"""The type of an operation: a generator that yields statements, is sent results, and returns."""

from collections.abc import Generator
from typing import TypeAlias, TypeVar

from ferro.query.dialect import Compiled, Result

T = TypeVar("T")

Steps: TypeAlias = Generator[Compiled, Result, T]
