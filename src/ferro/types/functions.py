"""What ferro adds to SQLite: functions, aggregates and collations, as data for the driver to register."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class Aggregate(Protocol):
    """One running aggregate: fed by `step`, asked once by `finalize`."""

    def step(self, value: Any, /) -> None: ...
    def finalize(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class SqliteFunction:
    """A scalar function for `create_function`; `nargs` is -1 for any number."""

    name: str
    nargs: int
    function: Callable[..., Any]
    deterministic: bool = True


@dataclass(frozen=True, slots=True)
class SqliteAggregate:
    """An aggregate for `create_aggregate`.

    Attributes:
        window: its class also has `value` and `inverse`, for `create_window_function`.
    """

    name: str
    nargs: int
    factory: type[Aggregate]
    window: bool = False


@dataclass(frozen=True, slots=True)
class SqliteCollation:
    """A collation for `create_collation`."""

    name: str
    compare: Callable[[str, str], int]
