# Generated from src/ferro/_async/drivers/__init__.py by scripts/unasync.py: edit that file, never this one.
"""Connections, one file a driver; a driver is imported when its first URL is opened."""

from importlib import import_module

from ferro._sync.drivers.base import Connection
from ferro.drivers.options import Options
from ferro.drivers.urls import Address

MODULES = {"sqlite": "ferro._sync.drivers.sqlite", "postgresql": "ferro._sync.drivers.postgres"}


def open_connection(address: Address, options: Options) -> Connection:
    """Open one connection to where the address says."""
    connection: Connection = import_module(MODULES[address.dialect]).open_connection(address, options)
    return connection
