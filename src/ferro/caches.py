"""Which caches there are, and how often each had what was asked of it."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar


class CacheInfo(NamedTuple):
    """How often a cache had what was asked of it, how often not, how much it holds and how much it may hold."""

    hits: int
    misses: int
    size: int
    maxsize: int


class Informing(Protocol):
    """A cache: what `lru_cache` makes of a function, or one with the same counters."""

    def cache_info(self) -> tuple[int, int, int | None, int]: ...


C = TypeVar("C", bound=Informing)

caches: dict[str, Informing] = {}


def informing(name: str) -> Callable[[C], C]:
    """Let `cache_info()` tell of a cache, by this name."""

    def known(cache: C) -> C:
        caches[name] = cache
        return cache

    return known


def cache_info() -> dict[str, CacheInfo]:
    """How each of ferro's caches has fared in this process: `cache_info()["statements"].hits`."""
    counters = {name: caches[name].cache_info() for name in sorted(caches)}
    return {
        name: CacheInfo(hits, misses, size, maxsize or 0) for name, (hits, misses, maxsize, size) in counters.items()
    }
