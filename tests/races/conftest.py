"""The tables that many callers write to at once."""

import pytest

from ferro import Field, Model


class Reader(Model):
    """A row that may be there once: by its address, or as far as get_or_create is asked for its name."""

    id: int | None = Field(default=None, primary_key=True)
    email: str | None = Field(default=None, unique=True)
    name: str = ""
    visits: int = 0


@pytest.fixture
def reader() -> type[Reader]:
    return Reader
