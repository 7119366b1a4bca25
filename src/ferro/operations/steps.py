"""The type of an operation: a generator that yields statements, is sent results, and returns."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from ferro.query.dialect import Compiled, Result

T = TypeVar("T")

Steps: TypeAlias = Generator[Compiled, Result, T]


@dataclass(frozen=True, slots=True)
class Atomic(Generic[T]):
    """Steps that must happen whole or not at all: whoever runs them opens a transaction, or a savepoint in one."""

    steps: Steps[T]


Operation: TypeAlias = Steps[T] | Atomic[T]
