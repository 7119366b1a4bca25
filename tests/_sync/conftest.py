# Generated from tests/_async/conftest.py by scripts/unasync.py: edit that file, never this one.
"""A connected database for each test, on each backend in turn."""

from collections.abc import Iterator

import pytest

from ferro.sync import Database, connect


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Give the test a connected database, the default one while it runs."""
    with connect(database_url, max_connections=5) as connected:
        yield connected
