"""Database URLs: what they mean, what is wrong with them, and how to show one without its secrets."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from ferro.errors import DatabaseConnectionError, OptionError
from ferro.types.values import why_text_is_refused

SCHEMES = {"sqlite": "sqlite", "postgres": "postgresql", "postgresql": "postgresql"}
SQLITE_MODES = ("ro", "rw", "rwc")
SECRET_WORDS = (
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "service_role",
    "passfile",
    "sslkey",
)
SEARCH_PATH = "ferro_search_path"
INLINE = "inline"
SWITCHES = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is.

    Attributes:
        dialect: "sqlite" or "postgresql".
        shown: the URL as it may be logged, secrets masked.
        target: what the driver is given: a `file:` URI, or a libpq connection URI.
        path: the SQLite file, empty for a database in memory.
        mode: how a SQLite file is opened: "ro", "rw" or "rwc"; "ro" is a connection that only reads elsewhere too.
        search_path: the PostgreSQL schema every connection works in, or empty.
        inline: short statements on a SQLite file run on the event loop itself.
        secrets: texts that must not appear in any message.
        name: what the connection is called, if it has a name.
    """

    dialect: str
    shown: str
    target: str
    path: str = ""
    mode: str = "rw"
    search_path: str = ""
    inline: bool = False
    secrets: tuple[str, ...] = ()
    name: str | None = None

    @property
    def where(self) -> object:
        """The same for all addresses of one database: not for one in memory, which nobody else has."""
        if self.dialect == "sqlite":
            return Path(self.path).resolve() if self.path else object()
        return self.shown.partition("?")[0].partition("://")[2].rpartition("@")[2], self.search_path

    def read_only(self) -> "Address":
        """The same, for connections that only read."""
        if self.path:
            return replace(self, target=f"file:{quote(self.path)}?mode=ro", mode="ro")
        if self.dialect == "sqlite":
            raise OptionError("a database in memory begins empty: read_only=True would leave nothing to read")
        return replace(self, mode="ro")

    def masked(self, text: str) -> str:
        """A driver's message without the secrets of this address."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    def tells(self, text: str) -> bool:
        """Whether a text gives a secret away."""
        return any(secret in text for secret in self.secrets)

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


def parse(url: str) -> Address:
    """Read a database URL.

    Raises:
        DatabaseConnectionError: the URL names no database ferro can open.
        OptionError: a parameter of ferro's own holds a value that means nothing.
    """
    if not isinstance(url, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise OptionError(f"the URL of a database is a str, not {type(url).__name__}")
    # A driver would read up to a NUL, and open another database.
    if reason := why_text_is_refused(url):
        raise refused(f"the URL {reason}")
    scheme, separator, rest = url.partition(":")
    if not separator or scheme not in SCHEMES:
        named = scheme if separator and re.fullmatch(r"[\w.+-]+", scheme) else "" if separator else "…"
        advice = "" if separator else "; the URL of a file is sqlite:app.db"
        raise refused(
            f"Unsupported database URL scheme '{named}'. Supported schemes: sqlite, postgres, postgresql{advice}"
        )
    return sqlite_address(rest) if scheme == "sqlite" else postgres_address(url)


def sqlite_address(rest: str) -> Address:
    # The path is taken as it stands: file names hold brackets, percent signs and spaces.
    path, _, query = rest.partition("?")
    path = path.removeprefix("//")
    if path.startswith("//"):
        # Others write the path of a file at the root with four slashes.
        path = path[1:]
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    parameters.pop(SEARCH_PATH, None)
    mode = parameters.pop("mode", "rw")
    if mode not in SQLITE_MODES:
        raise refused(f"unknown query parameter value mode={mode!r}; it is one of ro, rw, rwc")
    inline = parameters.pop(INLINE, "false")
    if inline not in SWITCHES:
        raise refused(f"unknown query parameter value inline={inline!r}; it is true or false")
    if parameters:
        raise refused(
            f"unknown query parameter {next(iter(parameters))!r} in a SQLite URL; it takes mode=ro|rw|rwc and "
            "inline=true|false"
        )
    if path in ("", ":memory:", "/:memory:"):
        return Address("sqlite", "sqlite::memory:", ":memory:", mode="rwc", inline=SWITCHES[inline])
    # Connections that are opened later are to find the same file, wherever the program has gone meanwhile.
    whole = str(Path(path).absolute())
    return Address(
        "sqlite",
        f"sqlite:{path}",
        f"file:{quote(whole)}?mode={mode}",
        path=whole,
        mode=mode,
        inline=SWITCHES[inline],
    )


def postgres_address(url: str) -> Address:
    try:
        parts = urlsplit(url)
        user, password = parts.username, parts.password
        if parts.port == 0:
            raise ValueError
    except ValueError:
        # The parser's own text can quote the password, so it is neither shown nor chained.
        raise refused(
            "the PostgreSQL URL cannot be read: check its host and port, and percent-encode the password"
        ) from None
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    search_path = next((value for name, value in parameters if name == SEARCH_PATH), None)
    if search_path is not None and not re.fullmatch(r"[A-Za-z0-9_]+", search_path):
        raise OptionError(f"Invalid ferro_search_path '{search_path}': use letters, digits and _")
    kept = [(name, value) for name, value in parameters if name != SEARCH_PATH]
    if any(name == INLINE for name, _ in kept):
        raise refused(
            "inline=… is for SQLite, whose short statements it runs on the event loop: leave it out of a PostgreSQL URL"
        )
    secrets = [value for name, value in kept if is_secret(name)]
    if password:
        secrets += [password, unquote(password)]
    query = urlencode(kept, quote_via=quote)
    host = parts.netloc.rpartition("@")[2]
    shown_user = f"{user}{':***' if password else ''}@" if user or password else ""
    shown_query = "&".join(f"{name}={'***' if is_secret(name) else value}" for name, value in parameters)
    return Address(
        "postgresql",
        urlunsplit(("postgresql", f"{shown_user}{host}", parts.path, shown_query, "")),
        urlunsplit(("postgresql", parts.netloc, parts.path, query, parts.fragment)),
        search_path=search_path or "",
        secrets=tuple(sorted({secret for secret in secrets if secret}, key=len, reverse=True)),
    )


def is_secret(name: str) -> bool:
    return any(word in name.lower() for word in SECRET_WORDS)


def refused(text: str) -> DatabaseConnectionError:
    return DatabaseConnectionError(f"DB Connection failed: {text}")
