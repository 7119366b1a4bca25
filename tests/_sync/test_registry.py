# Generated from tests/_async/test_registry.py by scripts/unasync.py: edit that file, never this one.
"""Models that were put aside come back with the next connection."""

import pytest

from ferro.schema import registry
from ferro.sync import Field, Model, OperationalError, clear_registry, connect
from ferro.testing import forget_models


@pytest.fixture(autouse=True)
def only_these_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "declared", {})
    monkeypatch.setattr(registry, "active", {})


def test_connecting_takes_back_the_models_that_clear_registry_put_aside(database_url: str) -> None:
    class Parcel(Model):
        id: int | None = Field(default=None, primary_key=True)

    clear_registry()
    with connect(database_url, auto_migrate=True) as database:
        parcel = database.create(Parcel)
        assert database.query(Parcel).all() == [parcel]


def test_a_model_that_is_forgotten_gets_no_table(database_url: str) -> None:
    class Parcel(Model):
        id: int | None = Field(default=None, primary_key=True)

    forget_models()
    with connect(database_url, auto_migrate=True) as database:
        with pytest.raises(OperationalError, match="parcel"):
            database.query(Parcel).all()
