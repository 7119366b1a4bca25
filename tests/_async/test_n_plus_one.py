"""The guard against one statement for each row: who is reported, and who is not."""

import re
import shutil
import warnings
from contextlib import nullcontext
from inspect import currentframe
from typing import Annotated

import pytest

from ferro import (
    AsyncDatabase,
    BackRef,
    Field,
    ForeignKey,
    Model,
    NPlusOneError,
    NPlusOneWarning,
    OptionError,
    Relation,
    connect,
    session,
)
from ferro.operations import repeats
from ferro.testing import no_n_plus_one


class Owner(Model):
    id: int | None = Field(default=None, primary_key=True)
    pets: Relation[list["Pet"]] = BackRef()


class Pet(Model):
    id: int | None = Field(default=None, primary_key=True)
    owner: Annotated[Owner, ForeignKey(related_name="pets")]


async def fill(database: AsyncDatabase) -> None:
    await database.create_tables(Owner, Pet)
    for _ in range(5):
        await Pet.create(owner=await Owner.create())


def line() -> int:
    """Number the line that calls."""
    return currentframe().f_back.f_lineno


def shown(line: int) -> str:
    return rf"^{re.escape(__file__)}:{line} sent one statement 3 times, the last one for one row more: SELECT "


async def test_a_line_that_loads_a_relation_for_each_row_is_warned_about_once(database_url):
    async with connect(database_url, n_plus_one="warn", n_plus_one_after=2, batch_relations=False) as database:
        await fill(database)
        at = 0

        async def walk() -> None:
            nonlocal at
            for pet in await Pet.all():
                at = line() + 1
                await pet.owner

        with pytest.warns(NPlusOneWarning) as found:
            await walk()
    assert [(one.filename, one.lineno) for one in found] == [(__file__, at)]
    assert re.search(shown(at), str(found[0].message))
    assert str(found[0].message).endswith("; load Pet.owner with the rows: include(lambda m: m.owner)")


async def test_a_collection_of_each_row_is_reported(database_url):
    async with connect(database_url, n_plus_one="raise", n_plus_one_after=2) as database:
        await fill(database)
        with pytest.raises(NPlusOneError) as error:
            for owner in await Owner.all():
                at = line() + 1
                await owner.pets.all()
        assert re.search(shown(at), str(error.value))
        assert str(error.value).endswith("; load Owner.pets with the rows: include(lambda m: m.pets)")
        with pytest.raises(NPlusOneError, match=r"load Owner.pets with the rows"):
            for owner in await Owner.all():
                await owner.pets.order_by("id").first()


async def test_a_query_for_each_row_is_reported_with_what_to_do(database_url):
    async with connect(database_url, n_plus_one="raise", n_plus_one_after=2) as database:
        await fill(database)
        with pytest.raises(NPlusOneError, match=r"; ask for all of the rows with one query, such as where\(lambda m: "):
            for number in range(5):
                await Owner.get(number + 1)


async def test_writing_other_lines_and_include_are_nobody_s_concern(database_url):
    async with connect(database_url, n_plus_one="raise", n_plus_one_after=2) as database:
        await fill(database)
        await Owner.get(1)
        await Owner.get(1)
        await Owner.get(1)
        for number in range(2):
            await Owner.get(number + 1)
        for owner in await Owner.include("pets").all():
            assert len(await owner.pets.all()) == 1


async def test_a_line_that_waits_before_it_asks_again_goes_through_no_rows(database_url, monkeypatch):
    async with connect(database_url, n_plus_one="raise", n_plus_one_after=2) as database:
        await database.create_tables(Owner)
        now = 0.0
        monkeypatch.setattr(repeats, "monotonic", lambda: now)
        for _ in range(5):
            await Owner.first()
            now += 1.5


async def test_a_block_counts_whatever_runs_inside(database):
    await fill(database)
    with pytest.raises(NPlusOneError, match="sent one statement 4 times"), no_n_plus_one():
        for number in range(5):
            await Owner.get(number + 1)
    with no_n_plus_one(after=5):
        for number in range(5):
            await Owner.get(number + 1)
    with pytest.warns(NPlusOneWarning):
        await warned_about()
    for number in range(5):
        await Owner.get(number + 1)


async def warned_about() -> None:
    with no_n_plus_one(after=2, action="warn"):
        for number in range(5):
            await Owner.get(number + 1)


async def test_a_report_leaves_the_transaction_usable(database):
    await fill(database)
    async with database.transaction():
        with pytest.raises(NPlusOneError), no_n_plus_one(after=1):
            for number in range(5):
                await Owner.get(number + 1)
        assert await Owner.count() == 5


async def test_options_that_mean_nothing_are_refused(database_url):
    with pytest.raises(OptionError, match=r"""^n_plus_one is 'shout'; it is "warn", "raise" or None$"""):
        await connect(database_url, n_plus_one="shout")
    with pytest.raises(OptionError, match=r"^n_plus_one_after is 0; it is a number of statements, at least 1$"):
        await connect(database_url, n_plus_one="warn", n_plus_one_after=0)


async def test_without_it_nothing_is_counted(database):
    await fill(database)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(50):
            await Owner.get_or_none(number)


async def test_a_line_is_reported_though_each_row_has_a_session_or_another_replica(tmp_path):
    async with connect(f"sqlite:{tmp_path}/first.db?mode=rwc", batch_relations=False) as database:
        await fill(database)
    copies = [f"sqlite:{tmp_path}/copy{number}.db" for number in range(2)]
    for number in range(2):
        shutil.copy(tmp_path / "first.db", tmp_path / f"copy{number}.db")
    async with connect(f"sqlite:{tmp_path}/first.db", replicas=copies, batch_relations=False) as database:
        for block in (session, nullcontext):
            at = line() + 5
            with pytest.raises(NPlusOneError, match=shown(at)) as caught, no_n_plus_one(after=2):
                for pet in await database.query(Pet).all():
                    async with block():
                        # The line that is reported.
                        await pet.owner
            assert "load Pet.owner with the rows" in str(caught.value)
        with no_n_plus_one(after=2):
            for owner in await Owner.include("pets.owner").all():
                assert [pet.owner for pet in owner.pets] == [owner]
