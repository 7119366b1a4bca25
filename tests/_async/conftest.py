"""A connected database for each test, on each backend in turn."""

from collections.abc import AsyncIterator

import pytest

from ferro import AsyncDatabase, connect


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[AsyncDatabase]:
    """Give the test a connected database, the default one while it runs."""
    async with connect(database_url, max_connections=5) as connected:
        yield connected
