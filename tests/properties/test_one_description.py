"""Whatever the model: create_tables() and the metadata describe the same tables, and Alembic sees no difference."""

import enum
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import NaiveDatetime
from sqlalchemy.dialects import postgresql
from subjects import Subject

import ferro
from ferro import Check, Field, Model
from ferro.migrations import alembic_options, get_metadata
from ferro.schema import registry


class Mood(enum.StrEnum):
    GOOD = "it's :good 100%"
    BAD = "bad"


TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12) | st.sampled_from(
    [
        "'",
        '"',
        ":a",
        "%s",
        "%(x)s",
        "\\",
        "\\:a",
        "{0}",
        "$1",
        "?",
        "--",
        "/*",
        "; DROP TABLE x",
        "''",
        "(",
        ")",
        "a''b :c",
    ]
)
# SQLAlchemy reads the constraints of SQLite by patterns, which know no parentheses or quotes in names.
NAMES = st.text("abZ':%\\ .é{};-", min_size=1, max_size=8)
KINDS: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**40), 2**40),
    str: TEXTS,
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    Decimal: st.decimals(-1000, 1000, places=3),
    bytes: st.binary(max_size=4),
    date: st.dates(),
    time: st.times(),
    datetime: st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)),
    NaiveDatetime: st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)),
    timedelta: st.timedeltas(timedelta(-1000), timedelta(1000)),
    UUID: st.uuids(),
    IPv4Address: st.ip_addresses(v=4),
    list[str]: st.lists(TEXTS, max_size=2),
    Mood: st.sampled_from(Mood),
}


@st.composite
def fields(draw: st.DrawFn) -> tuple[Any, dict[str, Any]]:
    """The annotation of a field, and how it becomes a column."""
    kind = draw(st.sampled_from(list(KINDS)))
    optional = draw(st.booleans())
    options: dict[str, Any] = {"default": None} if optional else {}
    if draw(st.booleans()):
        options["db_default"] = draw(KINDS[kind])
    if kind is not list[str]:
        options[draw(st.sampled_from(["unique", "index", "db_check"]))] = draw(st.booleans())
    if kind is not Mood:
        options.pop("db_check", None)
    return (kind | None if optional else kind), options


@st.composite
def models(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """The annotations and the body of a model."""
    annotations: dict[str, Any] = {}
    body: dict[str, Any] = {}
    if draw(st.booleans()):
        annotations["id"], body["id"] = int | None, Field(default=None, primary_key=True)
    else:
        for name in draw(st.sampled_from([["key"], ["key", "part"]])):
            annotations[name], body[name] = (
                draw(st.sampled_from([int, str, UUID])),
                Field(primary_key=True, autoincrement=False),
            )
    names = draw(st.lists(NAMES, max_size=4, unique_by=str.lower))
    for at, name in enumerate(names):
        annotation, options = draw(fields())
        annotations[f"f{at}"], body[f"f{at}"] = annotation, Field(column=name, **options)
    if len(names) > 1:
        group = (tuple(f"f{at}" for at in draw(st.permutations(range(len(names))))),)
        body[draw(st.sampled_from(["__ferro_composite_uniques__", "__ferro_composite_indexes__"]))] = group
    annotations["note"] = str
    refused = draw(TEXTS)
    body["__ferro_checks__"] = (Check("note", lambda m: (m.note != refused) | m.note.in_([refused, "x"])),)
    return annotations, body


def define(described: tuple[dict[str, Any], dict[str, Any]]) -> None:
    annotations, body = described
    registry.declared.clear()
    registry.active.clear()
    type(Model)("Thing", (Model,), {**body, "__annotations__": annotations, "__module__": __name__})


@pytest.fixture
def subject(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subject]:
    monkeypatch.setattr(registry, "declared", {})
    monkeypatch.setattr(registry, "active", {})
    made = Subject(database_url, tmp_path)
    yield made
    made.engine.dispose()


def run_script(subject: Subject) -> None:
    """Let Alembic write a script, and run what it wrote."""
    metadata = get_metadata()
    with subject.engine.begin() as connection:
        options = {**alembic_options(), "target_metadata": metadata}
        context = MigrationContext.configure(connection, opts=options)
        script = produce_migrations(context, metadata)
        assert script.upgrade_ops is not None
        text = render_python_code(script.upgrade_ops, render_item=options["render_item"], migration_context=context)
        names = {"sa": sa, "op": Operations(context), "ferro": ferro, "postgresql": postgresql}
        exec("if True:\n" + "\n".join(f"    {line.strip()}" for line in text.splitlines()), names)


@settings(max_examples=20)
@given(models())
def test_there_is_one_description_of_the_schema(subject: Subject, described: Any) -> None:
    subject.clear()
    define(described)
    subject.create_tables()
    assert subject.differences() == []
    made = subject.catalog()
    subject.clear()
    get_metadata().create_all(subject.engine)
    assert subject.catalog() == made
    subject.clear()
    run_script(subject)
    assert subject.catalog() == made
