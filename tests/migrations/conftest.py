"""A database for Alembic, and models that have everything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from family import define_family
from subjects import Subject

from ferro.schema import registry


@pytest.fixture(autouse=True)
def no_other_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test have only the models it defines."""
    monkeypatch.setattr(registry, "declared", {})
    monkeypatch.setattr(registry, "active", {})


@pytest.fixture
def family() -> None:
    define_family()


@pytest.fixture
def subject(database_url: str, tmp_path: Path) -> Iterator[Subject]:
    made = Subject(database_url, tmp_path)
    yield made
    made.engine.dispose()
