"""How a database is to be connected to, checked once."""

from dataclasses import dataclass, fields

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

    def __post_init__(self) -> None:
        if self.max_connections < 1:
            raise OptionError(f"max_connections is {self.max_connections}; a pool needs at least 1")
        if not 0 <= self.min_connections <= self.max_connections:
            raise OptionError(
                f"min_connections is {self.min_connections}; it must lie between 0 and max_connections, "
                f"which is {self.max_connections}"
            )
        for name in (field.name for field in fields(self) if field.type in ("float", float)):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} is {getattr(self, name)!r}; it is a number of seconds above 0")
