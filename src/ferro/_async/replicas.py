"""Replicas: where reads go, in turn, and what happens when one is dead."""

from collections.abc import Iterator, Sequence
from itertools import count
from time import monotonic

from ferro._async.pool import AsyncPool
from ferro.errors import DatabaseConnectionError

# How long a dead replica is left alone, in seconds.
REST = 5.0


class AsyncReplica:
    """A copy of the database that answers reads, unless it has just failed to."""

    def __init__(self, pool: AsyncPool) -> None:
        self.pool = pool
        self._rests_until = 0.0

    def rest(self) -> None:
        """It is dead: ask others for a while."""
        self._rests_until = monotonic() + REST

    @property
    def resting(self) -> bool:
        return monotonic() < self._rests_until


class AsyncReplicas:
    """The replicas of one database, asked in turn."""

    def __init__(self, pools: Sequence[AsyncPool]) -> None:
        self._replicas = [AsyncReplica(pool) for pool in pools]
        self._turns = count()

    def __bool__(self) -> bool:
        return bool(self._replicas)

    def in_turn(self) -> Iterator[AsyncReplica]:
        """Those to ask, the one whose turn it is first."""
        first = next(self._turns) % len(self._replicas) if self._replicas else 0
        for replica in self._replicas[first:] + self._replicas[:first]:
            if not replica.resting:
                yield replica

    async def open(self) -> None:
        """Open a connection to each; one that is dead may come later."""
        for replica in self._replicas:
            try:
                await replica.pool.open()
            except DatabaseConnectionError:
                replica.rest()

    async def close(self) -> None:
        for replica in self._replicas:
            await replica.pool.close()

    def drop(self) -> None:
        for replica in self._replicas:
            replica.pool.drop()
