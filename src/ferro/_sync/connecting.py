# Generated from src/ferro/_async/connecting.py by scripts/unasync.py: edit that file, never this one.
"""Opening databases, and closing the default one."""

from collections.abc import Sequence
from dataclasses import replace

from ferro._concurrency._sync import Mutex, Opening, opening
from ferro._sync.connections import Default, check_name, known, make_default, register
from ferro._sync.database import Database
from ferro.drivers.forks import in_children
from ferro.drivers.options import Options, PoolConfig
from ferro.drivers.urls import Address, parse
from ferro.errors import OptionError
from ferro.identity import IdentityMap
from ferro.operations.repeats import PAUSE, Action, Guard
from ferro.schema.registry import restore_registry
from ferro.schema.relations import check_every_relation


def connect(
    url: str,
    *,
    auto_migrate: bool = False,
    name: str | None = None,
    default: bool | None = None,
    replicas: Sequence[str] = (),
    read_only: bool = False,
    identity_map: bool = False,
    pool: PoolConfig | None = None,
    min_connections: int = 1,
    max_connections: int = 10,
    acquire_timeout: float = 30.0,
    connect_timeout: float = 10.0,
    idle_timeout: float = 600.0,
    max_lifetime: float = 3600.0,
    busy_timeout: float = 5.0,
    prepare: bool = True,
    batch_relations: bool = True,
    strict_relations: bool = False,
    n_plus_one: Action | None = None,
    n_plus_one_after: int = 10,
) -> Opening[Database]:
    """Open a database and make it the one bare calls use: `db = connect("postgresql://…")`.

    `with connect(url) as db` closes it at the end of the block. The default database that was
    open before is closed. Times are in seconds.

    Args:
        url: `sqlite:app.db?mode=rwc`, `sqlite::memory:` or `postgresql://user:password@host/name`.
        auto_migrate: create the missing tables of all models.
        name: what `using("…")` finds it by: letters, digits and _. It is free again once the database is closed.
        default: whether bare calls go to it, else only its handle and its name do; False where it has a name.
        replicas: URLs of copies that answer reads, in turn; see `primary()` and `session()`.
        read_only: refuse writes.
        identity_map: let a row be one object wherever the handle is used, as in a `session()`.
        pool: the next two, in one object.
        min_connections: how many connections are kept open.
        max_connections: how many there may be at once.
        acquire_timeout: how long a call waits for a free connection.
        connect_timeout: how long opening one may take.
        idle_timeout: when a connection nobody needs is closed.
        max_lifetime: when a connection is replaced by a new one.
        busy_timeout: how long SQLite waits for another writer.
        prepare: whether PostgreSQL prepares statements that repeat; False for poolers that forbid it.
        batch_relations: whether a relation that is read of many rows of one result is loaded for them together.
        strict_relations: refuse to load a relation when it is used; `include()` and `load()` still do.
        n_plus_one: "warn" or "raise" when one line reads the same again and again, without more than a
            second in between.
        n_plus_one_after: how often it may.

    Raises:
        DatabaseConnectionError: the URL or the database is not usable.
        OptionError: an option makes no sense.
    """
    address = replace(parse(url), name=None if name is None else check_name(name))
    if read_only:
        address = address.read_only()
    copies = [copy_of(address, replica) for replica in texts("replicas", replicas)]
    options = Options(
        min_connections=min_connections,
        max_connections=max_connections,
        acquire_timeout=acquire_timeout,
        connect_timeout=connect_timeout,
        idle_timeout=idle_timeout,
        max_lifetime=max_lifetime,
        busy_timeout=busy_timeout,
        prepare=prepare,
        batch_relations=batch_relations,
        strict_relations=strict_relations,
    )
    if pool is not None:
        check_pool(pool, options)
        options = replace(options, min_connections=pool.min_connections, max_connections=pool.max_connections)
    guard = None if n_plus_one is None else Guard(n_plus_one, n_plus_one_after, PAUSE)
    if address.target == ":memory:":
        options = options.in_memory()

    def open_database() -> Database:
        restore_registry()
        check_every_relation()
        identities = IdentityMap(Mutex()) if identity_map else None
        database = Database(address, options, name=name, replicas=copies, identities=identities, guard=guard)
        try:
            database.pool.open()
            database.replicas.open()
            if auto_migrate:
                database.create_tables()
            register(database)
        except BaseException:
            database.drop()
            raise
        if (name is None) if default is None else default:
            make_default(database)
        return database

    return opening(open_database)


def check_pool(pool: object, options: Options) -> None:
    if not isinstance(pool, PoolConfig):
        raise OptionError(f"pool= takes a PoolConfig, not {pool!r}: pool=PoolConfig(max_connections=3)")
    plain = Options()
    if (options.min_connections, options.max_connections) != (plain.min_connections, plain.max_connections):
        raise OptionError("pool= says how many connections there are: leave min_connections and max_connections out")


def texts(option: str, given: Sequence[str]) -> Sequence[str]:
    if isinstance(given, str):
        raise OptionError(f"{option}= takes a list of URLs, not a str: {option}=[url]")
    return given


def copy_of(address: Address, url: str) -> Address:
    """Where a replica is: one of the same kind of database."""
    copy = replace(parse(url), name=address.name)
    if copy.dialect != address.dialect or ":memory:" in (copy.target, address.target):
        raise OptionError(f"{copy.shown} cannot be a replica of {address.shown}: it is to hold the same rows")
    return copy.read_only()


def forget_objects() -> None:
    """In a child process, start with empty maps: another thread may have held the lock of the one that is there."""
    for database in list(known.every):
        if database.identities is not None:
            database.identities = IdentityMap(Mutex())


in_children(forget_objects)


def disconnect() -> None:
    """Close the default database; does nothing when there is none."""
    if Default.database is not None:
        Default.database.close()


def reset_engine() -> None:
    """Drop every connected database at once, with or without a running loop; open transactions are undone."""
    # A handle that has no name and never was the default is its holder's.
    for database in {*known.by_name.values(), *known.defaults}:
        database.drop()
