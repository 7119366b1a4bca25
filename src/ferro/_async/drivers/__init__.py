"""Connections, one file a driver; a driver is imported when its first URL is opened."""

from importlib import import_module

from ferro._async.drivers.base import AsyncConnection
from ferro.drivers.options import Options
from ferro.drivers.urls import Address

MODULES = {"sqlite": "ferro._async.drivers.sqlite", "postgresql": "ferro._async.drivers.postgres"}


async def open_connection(address: Address, options: Options) -> AsyncConnection:
    """Open one connection to where the address says."""
    connection: AsyncConnection = await import_module(MODULES[address.dialect]).open_connection(address, options)
    return connection
