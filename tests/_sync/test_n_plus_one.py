# Generated from tests/_async/test_n_plus_one.py by scripts/unasync.py: edit that file, never this one.
"""The guard against one statement for each row: who is reported, and who is not."""

import re
import shutil
import warnings
from contextlib import nullcontext
from inspect import currentframe
from typing import Annotated

import pytest

from ferro.operations import repeats
from ferro.sync import (
    BackRef,
    Database,
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
from ferro.testing import no_n_plus_one


class Owner(Model):
    id: int | None = Field(default=None, primary_key=True)
    pets: Relation[list["Pet"]] = BackRef()


class Pet(Model):
    id: int | None = Field(default=None, primary_key=True)
    owner: Annotated[Owner, ForeignKey(related_name="pets")]


def fill(database: Database) -> None:
    database.create_tables(Owner, Pet)
    for _ in range(5):
        Pet.create(owner=Owner.create())


def line() -> int:
    """Number the line that calls."""
    return currentframe().f_back.f_lineno


def shown(line: int) -> str:
    return rf"^{re.escape(__file__)}:{line} sent one statement 3 times, the last one for one row more: SELECT "


def test_a_line_that_loads_a_relation_for_each_row_is_warned_about_once(database_url):
    with connect(database_url, n_plus_one="warn", n_plus_one_after=2, batch_relations=False) as database:
        fill(database)
        at = 0

        def walk() -> None:
            nonlocal at
            for pet in Pet.all():
                at = line() + 1
                pet.owner

        with pytest.warns(NPlusOneWarning) as found:
            walk()
    assert [(one.filename, one.lineno) for one in found] == [(__file__, at)]
    assert re.search(shown(at), str(found[0].message))
    assert str(found[0].message).endswith("; load Pet.owner with the rows: include(lambda m: m.owner)")


def test_a_collection_of_each_row_is_reported(database_url):
    with connect(database_url, n_plus_one="raise", n_plus_one_after=2) as database:
        fill(database)
        with pytest.raises(NPlusOneError) as error:
            for owner in Owner.all():
                at = line() + 1
                owner.pets.all()
        assert re.search(shown(at), str(error.value))
        assert str(error.value).endswith("; load Owner.pets with the rows: include(lambda m: m.pets)")
        with pytest.raises(NPlusOneError, match=r"load Owner.pets with the rows"):
            for owner in Owner.all():
                owner.pets.order_by("id").first()


def test_a_query_for_each_row_is_reported_with_what_to_do(database_url):
    with connect(database_url, n_plus_one="raise", n_plus_one_after=2) as database:
        fill(database)
        with pytest.raises(NPlusOneError, match=r"; ask for all of the rows with one query, such as where\(lambda m: "):
            for number in range(5):
                Owner.get(number + 1)


def test_writing_other_lines_and_include_are_nobody_s_concern(database_url):
    with connect(database_url, n_plus_one="raise", n_plus_one_after=2) as database:
        fill(database)
        Owner.get(1)
        Owner.get(1)
        Owner.get(1)
        for number in range(2):
            Owner.get(number + 1)
        for owner in Owner.include("pets").all():
            assert len(owner.pets.all()) == 1


def test_a_line_that_waits_before_it_asks_again_goes_through_no_rows(database_url, monkeypatch):
    with connect(database_url, n_plus_one="raise", n_plus_one_after=2) as database:
        database.create_tables(Owner)
        now = 0.0
        monkeypatch.setattr(repeats, "monotonic", lambda: now)
        for _ in range(5):
            Owner.first()
            now += 1.5


def test_a_block_counts_whatever_runs_inside(database):
    fill(database)
    with pytest.raises(NPlusOneError, match="sent one statement 4 times"), no_n_plus_one():
        for number in range(5):
            Owner.get(number + 1)
    with no_n_plus_one(after=5):
        for number in range(5):
            Owner.get(number + 1)
    with pytest.warns(NPlusOneWarning):
        warned_about()
    for number in range(5):
        Owner.get(number + 1)


def warned_about() -> None:
    with no_n_plus_one(after=2, action="warn"):
        for number in range(5):
            Owner.get(number + 1)


def test_a_report_leaves_the_transaction_usable(database):
    fill(database)
    with database.transaction():
        with pytest.raises(NPlusOneError), no_n_plus_one(after=1):
            for number in range(5):
                Owner.get(number + 1)
        assert Owner.count() == 5


def test_options_that_mean_nothing_are_refused(database_url):
    with pytest.raises(OptionError, match=r"""^n_plus_one is 'shout'; it is "warn", "raise" or None$"""):
        connect(database_url, n_plus_one="shout")
    with pytest.raises(OptionError, match=r"^n_plus_one_after is 0; it is a number of statements, at least 1$"):
        connect(database_url, n_plus_one="warn", n_plus_one_after=0)


def test_without_it_nothing_is_counted(database):
    fill(database)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(50):
            Owner.get_or_none(number)


def test_a_line_is_reported_though_each_row_has_a_session_or_another_replica(tmp_path):
    with connect(f"sqlite:{tmp_path}/first.db?mode=rwc", batch_relations=False) as database:
        fill(database)
    copies = [f"sqlite:{tmp_path}/copy{number}.db" for number in range(2)]
    for number in range(2):
        shutil.copy(tmp_path / "first.db", tmp_path / f"copy{number}.db")
    with connect(f"sqlite:{tmp_path}/first.db", replicas=copies, batch_relations=False) as database:
        for block in (session, nullcontext):
            at = line() + 5
            with pytest.raises(NPlusOneError, match=shown(at)) as caught, no_n_plus_one(after=2):
                for pet in database.query(Pet).all():
                    with block():
                        # The line that is reported.
                        pet.owner
            assert "load Pet.owner with the rows" in str(caught.value)
        with no_n_plus_one(after=2):
            for owner in Owner.include("pets.owner").all():
                assert [pet.owner for pet in owner.pets] == [owner]
