"""Addresses of the internet: single ones, networks, and interfaces, which are an address in its network."""

from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any

from pydantic import IPvAnyAddress, IPvAnyInterface, IPvAnyNetwork

from ferro.caches import informing
from ferro.types.annotations import Asked, spell
from ferro.types.base import ColumnType, Convert, Stored
from ferro.types.functions import SqliteCollation
from ferro.types.values import unexpected

COLLATION = "ferro_inet"

# By annotation: the classes of its values, and what makes one of a text.
ADDRESSES: dict[Any, tuple[tuple[type, ...], Convert]] = {
    IPv4Address: ((IPv4Address,), IPv4Address),
    IPv6Address: ((IPv6Address,), IPv6Address),
    IPvAnyAddress: ((IPv4Address, IPv6Address), ip_address),
    IPv4Interface: ((IPv4Interface,), IPv4Interface),
    IPv6Interface: ((IPv6Interface,), IPv6Interface),
    IPvAnyInterface: ((IPv4Interface, IPv6Interface), ip_interface),
}
NETWORKS: dict[Any, tuple[tuple[type, ...], Convert]] = {
    IPv4Network: ((IPv4Network,), IPv4Network),
    IPv6Network: ((IPv6Network,), IPv6Network),
    IPvAnyNetwork: ((IPv4Network, IPv6Network), ip_network),
}


@informing("addresses")
@lru_cache(maxsize=4096)
def inet_key(text: str) -> tuple[int, int, int, int]:
    """What an address is compared by: its family, its number, its prefix and the longest there can be."""
    try:
        interface = ip_interface(text)
    except ValueError:
        return 0, 0, 0, 0
    return interface.version, int(interface), interface.network.prefixlen, interface.max_prefixlen


def compare_texts(left: str, right: str) -> int:
    """Order two addresses as PostgreSQL's inet.

    First by family, then by the bits both prefixes cover, then the shorter prefix, then by all bits;
    texts that are no addresses come before all others.
    """
    if left == right:
        return 0
    a, b = inet_key(left), inet_key(right)
    if a[0] != b[0]:
        return -1 if a[0] < b[0] else 1
    if a[0] == 0:
        return -1 if left < right else 1
    hidden = a[3] - min(a[2], b[2])
    order_a, order_b = (a[1] >> hidden, a[2], a[1]), (b[1] >> hidden, b[2], b[1])
    return (order_a > order_b) - (order_a < order_b)


COLLATIONS = (SqliteCollation(COLLATION, compare_texts),)


def make(annotation: Any, name: str, classes: tuple[type, ...], parse: Convert) -> ColumnType:
    expected = spell(annotation)

    def accept(value: Any) -> Any:
        found = value
        if isinstance(value, str):
            try:
                found = parse(value)
            except ValueError as error:
                raise ValueError(f"expected {expected}: {error}") from None
        # An interface is a subclass of an address, and would lose its network as one.
        if type(found) not in classes:
            raise unexpected(expected, value)
        address = getattr(found, "network_address", found)
        if getattr(address, "scope_id", None) is not None:
            raise ValueError(f"{found} has a scope id, which the column does not keep: leave %{address.scope_id} out")
        return found

    def to_text(value: Any) -> str:
        return str(accept(value))

    def exactly(value: Any) -> Any:
        return value if type(value) in classes else parse(str(value))

    stored = {
        "sqlite": Stored(f"{name}_text", dump=to_text, load=parse, collation=COLLATION),
        "postgresql": Stored(name, dump=accept, load=exactly),
    }
    return ColumnType(expected, annotation, "inet", accept, stored)


TYPES = {annotation: make(annotation, "inet", *how) for annotation, how in ADDRESSES.items()} | {
    annotation: make(annotation, "cidr", *how) for annotation, how in NETWORKS.items()
}


def match(asked: Asked) -> ColumnType | None:
    if not isinstance(asked.inner, type) or (found := TYPES.get(asked.inner)) is None:
        return None
    asked.token()
    return found
