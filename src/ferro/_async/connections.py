"""The databases that are connected: the default one, and those with names."""

import re
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

from ferro._concurrency._async import PACKAGE
from ferro.errors import NoDatabaseError, OptionError
from ferro.instance.origin import origins

if TYPE_CHECKING:
    from ferro._async.database import AsyncDatabase

NAME = re.compile(r"[A-Za-z0-9_]+", re.ASCII)


class Default:
    """The database of the process, for bare calls outside any block."""

    database: "AsyncDatabase | None" = None


class Known:
    """Every open database.

    Attributes:
        by_name: those that were given a name.
        defaults: those bare calls went to, now or before; nobody else may hold them.
        every: all of them.
    """

    def __init__(self) -> None:
        self.by_name: dict[str, AsyncDatabase] = {}
        self.defaults: set[AsyncDatabase] = set()
        self.every: WeakSet[AsyncDatabase] = WeakSet()


known = Known()


def check_name(name: object) -> str:
    """A name a connection can have."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise OptionError(f"a connection cannot be named {name!r}: use letters, digits and _")
    if name in known.by_name:
        raise OptionError(
            f"a connection named {name!r} is already registered ({known.by_name[name].url}): close it first, "
            "or choose another name"
        )
    return name


def register(database: "AsyncDatabase") -> None:
    """Know an open database, by its name if it has one."""
    if database.name is not None and known.by_name.setdefault(database.name, database) is not database:
        raise OptionError(f"a connection named {database.name!r} is already registered: choose another name")
    known.every.add(database)
    origins.opened(database, database.origin)


def forget(database: "AsyncDatabase") -> None:
    """A closed database frees its name, and is no default any more."""
    if Default.database is database:
        Default.database = None
    if database.name is not None and known.by_name.get(database.name) is database:
        del known.by_name[database.name]
    known.defaults.discard(database)
    known.every.discard(database)
    origins.closed(database)


def named(database: object) -> "AsyncDatabase":
    """The database of a name; a handle is its own, if it is for calls like these."""
    if not isinstance(database, str):
        return checked(database)
    found = known.by_name.get(database)
    if found is None:
        raise OptionError(f"no connection is named {database!r}: {known_names()}")
    return found


def checked(database: object) -> "AsyncDatabase":
    """A handle, once it is sure that it is one of this colour."""
    package = getattr(database, "package", None)
    if package == PACKAGE:
        return cast("AsyncDatabase", database)
    what = repr(database) if package is None else f"{database!r} of {package}.connect()"
    raise OptionError(
        f"a database for the calls of {PACKAGE} is a handle that {PACKAGE}.connect() has opened, or its name; not {what}"
    )


def of_either_colour(database: object) -> Any:
    """The database of a name; a handle is its own, whatever calls it is for."""
    return database if hasattr(database, "package") else named(database)


def known_names() -> str:
    names = ", ".join(repr(name) for name in known.by_name)
    return f"there are {names}" if names else f"none has a name; {PACKAGE}.connect(url, name=...) gives one"


def default_database() -> "AsyncDatabase":
    """The default database."""
    if Default.database is not None:
        return Default.database
    if known.by_name:
        raise NoDatabaseError(
            f"No default connection selected: {known_names()}; choose one with set_default_connection(name), "
            "using(name), or Model.using(name)"
        )
    raise NoDatabaseError(
        f"Engine not initialized: no database is connected; call {PACKAGE}.connect() first, "
        "or use the handle you have, as in db.query(User)"
    )


def make_default(database: "AsyncDatabase") -> None:
    """Let bare calls go to a database; the one they went to before is closed, if it has no name to be reached by."""
    before = Default.database
    lead_to(database)
    if before is not None and before is not database and before.name is None:
        before.drop()


def set_default_connection(name: str) -> None:
    """Let the calls that name no database go to the connection of this name."""
    lead_to(named(name))


def lead_to(database: "AsyncDatabase") -> None:
    Default.database = database
    known.defaults.add(database)


def is_open(database: Any) -> bool:
    """Whether something is an open database of this colour."""
    return database in known.every
