"""Addresses, networks and interfaces."""

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

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import IPvAnyAddress, IPvAnyInterface, IPvAnyNetwork

from ferro.types import column_type

interfaces = st.one_of(
    st.builds(lambda address, bits: ip_interface(f"{address}/{bits}"), st.ip_addresses(v=4), st.integers(0, 32)),
    st.builds(lambda address, bits: ip_interface(f"{address}/{bits}"), st.ip_addresses(v=6), st.integers(0, 128)),
)


@settings(max_examples=200, deadline=None)
@given(interface=interfaces)
def test_every_address_comes_back_as_its_class(through, interface):
    for value, any_version in (
        (interface, IPvAnyInterface),
        (interface.ip, IPvAnyAddress),
        (interface.network, IPvAnyNetwork),
    ):
        for annotation in (type(value), any_version):
            back = through(annotation, value)
            assert back == value
            assert type(back) is type(value)


@settings(max_examples=200, deadline=None)
@given(values=st.lists(st.ip_addresses(v=4), max_size=6))
def test_addresses_sort_as_numbers(in_order, values):
    assert in_order(IPv4Address, values) == sorted(values)


def test_addresses_sort_as_postgresql_sorts_them(in_order):
    ordered = [
        "0.0.0.0/0",
        "9.0.0.0/8",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.3/16",
        "10.1.0.0/24",
        "10.2.0.1/32",
        "::1/128",
    ]
    values = [ip_interface(text) for text in ordered]
    assert in_order(IPvAnyInterface, values[::-1]) == values
    assert in_order(IPvAnyInterface, values[::2] + values[1::2]) == values


def test_an_interface_of_one_address_stays_an_interface():
    load = column_type(IPv4Interface).stored["postgresql"].load
    assert repr(load(ip_address("10.0.0.1"))) == "IPv4Interface('10.0.0.1/32')"
    assert load(ip_interface("10.0.0.1/8")) == ip_interface("10.0.0.1/8")


def test_a_text_that_is_an_address_is_accepted(dialect):
    assert column_type(IPv4Address).accept("10.0.0.1") == IPv4Address("10.0.0.1")
    assert column_type(IPv6Network).accept("fe80::/10") == ip_network("fe80::/10")
    assert str(column_type(IPv6Address).stored[dialect].dump("::1")) == "::1"


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (IPv4Address, ip_interface("10.0.0.1/8"), "expected IPv4Address, got IPv4Interface('10.0.0.1/8')"),
        (IPv4Address, ip_address("::1"), "expected IPv4Address, got IPv6Address('::1')"),
        (IPv4Address, 5, "expected IPv4Address, got 5"),
        (IPv4Address, "10.0.0", "expected IPv4Address: Expected 4 octets in '10.0.0'"),
        (IPv4Network, "10.0.0.1/8", "expected IPv4Network: 10.0.0.1/8 has host bits set"),
        (IPv6Address, "fe80::1%eth0", "fe80::1%eth0 has a scope id, which the column does not keep: leave %eth0 out"),
        (
            IPv6Interface,
            ip_interface("fe80::1%1/64"),
            "fe80::1%1/64 has a scope id, which the column does not keep: leave %1 out",
        ),
    ],
)
def test_what_is_no_such_address_is_refused(annotation, value, message, dialect):
    for refuse in (column_type(annotation).accept, column_type(annotation).stored[dialect].dump):
        with pytest.raises(ValueError) as refused:
            refuse(value)
        assert str(refused.value) == message


def test_networks_are_a_type_of_their_own_on_postgresql():
    assert column_type(IPv4Network).stored["postgresql"].name == "cidr"
    assert column_type(IPv6Interface).stored["postgresql"].name == "inet"
