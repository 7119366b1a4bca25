# Generated from src/ferro/_async/replicas.py by scripts/unasync.py: edit that file, never this one.
"""Replicas: where reads go, in turn, and what happens when one is dead."""

from collections.abc import Iterator, Sequence
from itertools import count
from time import monotonic

from ferro._sync.pool import Pool
from ferro.errors import DatabaseConnectionError

# How long a dead replica is left alone, in seconds.
REST = 5.0


class Replica:
    """A copy of the database that answers reads, unless it has just failed to."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._rests_until = 0.0

    def rest(self) -> None:
        """It is dead: ask others for a while."""
        self._rests_until = monotonic() + REST

    @property
    def resting(self) -> bool:
        return monotonic() < self._rests_until


class Replicas:
    """The replicas of one database, asked in turn."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        self._replicas = [Replica(pool) for pool in pools]
        self._turns = count()

    def __bool__(self) -> bool:
        return bool(self._replicas)

    def in_turn(self) -> Iterator[Replica]:
        """Those to ask, the one whose turn it is first."""
        first = next(self._turns) % len(self._replicas) if self._replicas else 0
        for replica in self._replicas[first:] + self._replicas[:first]:
            if not replica.resting:
                yield replica

    def open(self) -> None:
        """Open a connection to each; one that is dead may come later."""
        for replica in self._replicas:
            try:
                replica.pool.open()
            except DatabaseConnectionError:
                replica.rest()

    def close(self) -> None:
        for replica in self._replicas:
            replica.pool.close()

    def drop(self) -> None:
        for replica in self._replicas:
            replica.pool.drop()
