"""How a database is to be connected to, checked once."""

from dataclasses import dataclass, fields, replace
from math import inf
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ferro.errors import OptionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `connect()` was told beside the URL. Times are in seconds."""

    min_connections: int = 1
    max_connections: int = 10
    acquire_timeout: float = 30.0
    connect_timeout: float = 10.0
    idle_timeout: float = 600.0
    max_lifetime: float = 3600.0
    busy_timeout: float = 5.0
    prepare: bool = True
    batch_relations: bool = True
    strict_relations: bool = False

    def __post_init__(self) -> None:
        for name in ("max_connections", "min_connections"):
            if type(getattr(self, name)) is not int:
                raise OptionError(f"{name} is {getattr(self, name)!r}; it is a whole number")
        if self.max_connections < 1:
            raise OptionError(f"max_connections is {self.max_connections}; a pool needs at least 1")
        if not 0 <= self.min_connections <= self.max_connections:
            raise OptionError(
                f"min_connections is {self.min_connections}; it must lie between 0 and max_connections, "
                f"which is {self.max_connections}"
            )
        for name in (field.name for field in fields(self) if field.type in ("float", float)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise OptionError(f"{name} is {value!r}; it is a number of seconds above 0")

    def in_memory(self) -> "Options":
        """The same for a database that lives and dies with its one connection."""
        return replace(self, min_connections=1, max_connections=1, idle_timeout=inf, max_lifetime=inf)


class PoolConfig(BaseModel):
    """How many connections a database has, for `connect(url, pool=PoolConfig(max_connections=3))`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    max_connections: int = Field(default=5, ge=1)
    """How many there may be at once."""
    min_connections: int = Field(default=0, ge=0)
    """How many are kept open."""
    settings_delivery: Literal["transaction"] = "transaction"
    """When the settings of a session are sent: with each of its transactions."""

    @model_validator(mode="after")
    def check_range(self) -> Self:
        if self.min_connections > self.max_connections:
            raise ValueError(
                f"min_connections is {self.min_connections}, more than max_connections, which is {self.max_connections}"
            )
        return self
