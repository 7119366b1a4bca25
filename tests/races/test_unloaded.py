"""What stands for a row that was not loaded, on the loop's side."""

import pytest

from ferro._concurrency._async import unloaded
from ferro.errors import InterfaceError

MESSAGE = "Book.author is not loaded: write `await` before it, or load it with the query: `include(lambda m: m.author)`"


async def load() -> str:
    return "Ann"


@pytest.mark.parametrize(
    "touch",
    [
        lambda author: author.name,
        bool,
        lambda author: author == None,
        list,
        len,
        lambda author: author["name"],
    ],
)
def test_touching_what_is_not_loaded_names_both_ways_out(touch):
    with pytest.raises(InterfaceError) as error:
        touch(unloaded(load, "Book.author"))
    assert str(error.value) == MESSAGE


@pytest.mark.anyio
async def test_it_can_be_awaited_as_often_as_you_like():
    author = unloaded(load, "Book.author")
    assert (await author, await author, repr(author)) == ("Ann", "Ann", "<Book.author: not loaded>")
