"""A pool of connections: first come first served, dead ones found by a look, nothing in the background."""

from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from time import monotonic
from weakref import WeakSet

from ferro._async.drivers import open_connection
from ferro._async.drivers.base import AsyncConnection
from ferro._concurrency._async import Slots, pool_owner
from ferro.drivers.forks import before_forks, in_children
from ferro.drivers.options import Options
from ferro.drivers.urls import Address
from ferro.errors import DatabaseConnectionError, InterfaceError, PoolTimeout

NO_SETTINGS: Mapping[str, str] = {}


class Pooled:
    """A connection and when it was made and last used."""

    __slots__ = ("born", "connection", "since")

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.born = self.since = monotonic()


class AsyncPool:
    """The connections of one database handle."""

    def __init__(self, address: Address, options: Options) -> None:
        self.address = address
        self.options = options
        self._owner = pool_owner()
        self._begin()
        pools.add(self)

    def _begin(self) -> None:
        self._slots = Slots(self.options.max_connections, inline=self.address.inline)
        self._idle: deque[Pooled] = deque()
        self._lent: set[Pooled] = set()
        self.closed = False

    async def open(self) -> None:
        """Open the least number of connections, at least one, so that a wrong URL shows at once."""
        while len(self._idle) < max(1, self.options.min_connections):
            self._idle.append(Pooled(await open_connection(self.address, self.options)))

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection for a block."""
        pooled = await self.take()
        try:
            yield pooled.connection
        finally:
            self.give(pooled)

    @asynccontextmanager
    async def another(self) -> AsyncGenerator[AsyncConnection]:
        """Open a connection beside the pool for a block, for questions that must not wait for a place in it."""
        connection = await open_connection(self.address, self.options)
        try:
            yield connection
        finally:
            connection.drop()

    async def take(self) -> Pooled:
        """Wait for a connection that works."""
        if self._owner is not pool_owner():
            self._check_owner()
        if not (self._slots.take_now() or await self._slots.take(self.options.acquire_timeout)):
            raise PoolTimeout(
                f"all {self.options.max_connections} connections to {self.address.shown} stayed busy for "
                f"{self.options.acquire_timeout:g} s; keep transactions short, or raise max_connections"
            )
        try:
            if self.closed:
                raise closed(self.address)
            pooled = self._working() or await self._another()
        except BaseException:
            self._slots.give()
            raise
        self._lent.add(pooled)
        return pooled

    async def _another(self) -> Pooled:
        if self.address.target == ":memory:":
            raise DatabaseConnectionError(
                "this database in memory is gone: it lives in one connection, which was lost, or is its parent process's; "
                "connect() again for an empty one"
            )
        return Pooled(await open_connection(self.address, self.options))

    def _working(self) -> Pooled | None:
        """The idle connection used last, if it stands; at the first dead one all are looked at."""
        try:
            pooled = self._idle.pop()
        except IndexError:
            return None
        if pooled.connection.usable:
            return pooled
        pooled.connection.drop()
        standing = list[Pooled]()
        for other in self._taken_out():
            if other.connection.usable:
                standing.append(other)
            else:
                other.connection.drop()
        found = standing.pop() if standing else None
        self._idle.extend(standing)
        return found

    def _taken_out(self) -> Iterator[Pooled]:
        """The idle connections, the one used last at the end, each nobody else's from now on."""
        with suppress(IndexError):
            while True:
                yield self._idle.popleft()

    def lends(self, pooled: Pooled) -> bool:
        """Whether a connection is out, and to be given back."""
        return pooled in self._lent

    def give(self, pooled: Pooled) -> None:
        """Take a connection back; one that is not in order is closed instead."""
        try:
            self._lent.remove(pooled)
        except KeyError:
            return
        connection = pooled.connection
        if connection.link.settings:
            connection.link.give_settings(NO_SETTINGS)
        now = pooled.since = monotonic()
        try:
            if self.closed or not connection.usable or now - pooled.born > self.options.max_lifetime:
                connection.drop()
            else:
                self._idle.append(pooled)
            try:
                overdue = now - self._idle[0].since > self.options.idle_timeout
            except IndexError:
                overdue = False
            if overdue:
                self._prune(now)
        finally:
            self._slots.give()

    def _prune(self, now: float) -> None:
        """Close what nobody has needed for long, beyond the least number."""
        if len(self._idle) + len(self._lent) <= self.options.min_connections:
            return
        try:
            oldest = self._idle.popleft()
        except IndexError:
            return
        # Another thread may have taken the one that was looked at.
        if now - oldest.since > self.options.idle_timeout:
            oldest.connection.drop()
        else:
            self._idle.appendleft(oldest)

    async def close(self) -> None:
        """Close every connection; those still lent follow when they come back."""
        self._check_owner()
        self.closed = True
        while self._idle:
            await self._idle.pop().connection.close()

    def drop(self) -> None:
        """Close every connection at once, lent ones too: no loop is needed, and nothing is committed."""
        self.closed = True
        for pooled in (*self._idle, *self._lent):
            pooled.connection.drop()
        self._idle.clear()
        self._lent.clear()

    def _check_owner(self) -> None:
        here = pool_owner()
        if self._owner is None:
            self._owner = here
        elif self._owner is not here:
            raise InterfaceError(
                f"the database {self.address.shown} was connected on another event loop: "
                "call connect() on the loop that uses it"
            )

    def let_go(self) -> None:
        """Close the idle connections to a file; others are opened when they are needed."""
        if self.address.path:
            for pooled in self._taken_out():
                pooled.connection.drop()

    def abandon(self) -> None:
        """Forget the connections of a parent process without touching them."""
        inherited.append((self._idle, self._lent))
        self._owner = None
        self._begin()


def closed(address: Address) -> InterfaceError:
    return InterfaceError(f"the database {address.shown} is closed: call connect() again")


pools: WeakSet[AsyncPool] = WeakSet()

# What a child process inherits belongs to its parent: kept here so that nothing ever closes it.
inherited: list[object] = []


def let_go() -> None:
    """Close the files nobody is at: what SQLite knows of their locks must not come to a child."""
    for pool in list(pools):
        pool.let_go()


def begin_again() -> None:
    """Give every pool of a child process connections of its own."""
    for pool in list(pools):
        pool.abandon()


before_forks(let_go)
in_children(begin_again)
