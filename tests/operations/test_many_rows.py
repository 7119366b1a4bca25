"""What is taken for many rows by the verbs that write them."""

from collections.abc import AsyncIterator

import pytest

from ferro import Field, Model, QueryError
from ferro.operations.bulk import chunks_of


class Goat(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str


async def goats() -> AsyncIterator[dict[str, str]]:
    yield {"name": "Ann"}


def test_rows_that_have_to_be_awaited_are_to_be_gathered_first():
    with pytest.raises(QueryError) as caught:
        next(chunks_of(Goat, goats()))
    assert str(caught.value) == (
        "bulk_create() of Goat takes a list of rows, or what can be gone through, not an async_generator; "
        "gather the rows of an async iterator first"
    )
