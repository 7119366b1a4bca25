"""What ferro adds to SQLite: functions, aggregates and collations, as data for the driver to register."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class SqliteFunction:
    """A scalar function for `create_function`.

    Attributes:
        nargs: -1 for any number.
        refuses: it raises an error where it is given what it cannot take.
    """

    name: str
    nargs: int
    function: Callable[..., Any]
    deterministic: bool = True
    refuses: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class SqliteAggregate:
    """An aggregate for `create_aggregate`.

    Attributes:
        factory: its class has `step`, which is fed the arguments of each row, and `finalize`.
        window: its class also has `value` and `inverse`, for `create_window_function`.
    """

    name: str
    nargs: int
    factory: type[Any]
    window: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class SqliteCollation:
    """A collation for `create_collation`."""

    name: str
    compare: Callable[[str, str], int]
