"""No string of a model, nor one in a migration script, becomes SQL or Python on its way through Alembic."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from hypothesis import given, settings
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.schema import CreateIndex, CreateTable
from subjects import Subject

import ferro
from ferro import Check, FerroError, Field, ForeignKey, ModelDefinitionError, QueryError, RowPolicy, RowSecurity
from ferro.dialects import postgres
from ferro.migrations import Declared, DialectSql, alembic_options, get_metadata, row_security_sql
from ferro.operations.row_security import row_security
from ferro.schema import registry
from ferro.schema.registry import table_of
from ferro.sync import Model
from ferro.types.values import why_text_is_refused

from .strategies import UNREAD, hostile_names, hostile_texts
from .test_hostile_surface import SAMPLE, without_names

DIALECTS = (PGDialect_psycopg(), SQLiteDialect())
WORDS = "[A-Za-z_][A-Za-z_0-9]*(?: [A-Za-z_][A-Za-z_0-9]*)*"
TYPE = re.compile(rf"{WORDS}(?:\([0-9]+(?:, ?[0-9]+)?\))?(?: {WORDS})?(?:\[\])*")


@pytest.fixture(autouse=True)
def no_other_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "declared", {})
    monkeypatch.setattr(registry, "active", {})


def define(name: str, value: str, table: str = "Thing", **more: Any) -> type[Model]:
    """A model with a column, a default, a check and a policy of these texts."""
    body: dict[str, Any] = {
        "__module__": __name__,
        "model_config": UNREAD,
        "__annotations__": {"id": int | None, "name": str, "other": str, **more},
        "id": Field(default=None, primary_key=True),
        "name": Field(column=name, unique=True),
        "other": Field(db_default=value),
        "__ferro_composite_indexes__": (("name", "other"),),
        "__ferro_checks__": (Check("other", lambda m: (m.other != value + "!") & (m.name != value + "?")),),
        "__ferro_rls__": RowSecurity(RowPolicy(name="seen", using=lambda m: (m.name != value) & (m.other == value))),
    }
    return type(Model)(table, (Model,), body)


def only(name: str, value: str) -> type[Model] | None:
    """The same, and no other beside it; None where it was refused."""
    for known in (registry.declared, registry.active):
        known.clear()
    try:
        made = define(name, value)
        get_metadata()
    except FerroError:
        assert why_text_is_refused(name) or why_text_is_refused(value) or not 0 < len(name.encode()) < 64
        return None
    return made


def written(name: str, dialect: sa.Dialect) -> list[str]:
    """How SQLAlchemy writes the tables there are, without the names and the literals."""
    table = get_metadata().tables["thing"]
    statements = [CreateTable(table), *map(CreateIndex, sorted(table.indexes, key=lambda index: str(index.name)))]
    found = without_names([str(statement.compile(dialect=dialect)) for statement in statements])
    # Quoted is only what has to be.
    for word in (f"idx_thing_{name}_other", f"uq_thing_{name}", name, "idx_thing_calm_other", "uq_thing_calm", "calm"):
        if dialect.identifier_preparer.quote(word) == word:
            found = [re.sub(rf"(?<![\w$]){re.escape(word)}(?![\w$])", "_", text) for text in found]
    return found


@cache
def harmless() -> tuple[list[list[str]], list[str]]:
    made = only("calm", "calm")
    assert made is not None
    return [written("calm", dialect) for dialect in DIALECTS], without_names(list(map(str, row_security_sql(made))))


def run_script(connection: sa.Connection) -> None:
    """Let Alembic write a script, and run what it wrote."""
    metadata = get_metadata()
    options = {**alembic_options(), "target_metadata": metadata}
    context = MigrationContext.configure(connection, opts=options)
    script = produce_migrations(context, metadata)
    assert script.upgrade_ops is not None
    text = render_python_code(script.upgrade_ops, render_item=options["render_item"], migration_context=context)
    names = {"sa": sa, "op": Operations(context), "ferro": ferro, "postgresql": postgresql}
    exec("if True:\n" + "\n".join(f"    {line.strip()}" for line in text.splitlines()), names)


@settings(max_examples=500)
@given(name=hostile_names(), value=hostile_texts())
def test_the_metadata_and_the_policies_of_a_table_are_those_of_a_harmless_one(name: str, value: str) -> None:
    tables, policies = harmless()
    if name.lower() in ("id", "other") or (made := only(name, value)) is None:
        return
    assert [written(name, dialect) for dialect in DIALECTS] == tables
    facts = table_of(made)
    assert facts.secured is not None
    sent = row_security(facts, facts.secured, postgres)
    assert without_names(sent) == policies
    # Psycopg, as SQLAlchemy speaks to it, takes two percent signs for one.
    found = [str(statement.compile(dialect=DIALECTS[0])) for statement in row_security_sql(made)]
    assert found == [sql.replace("%", "%%") for sql in sent]
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    with engine.begin() as connection:
        get_metadata().create_all(connection)
        columns = [tuple(row)[1::3] for row in connection.exec_driver_sql("PRAGMA table_info(thing)")]
        assert [column for column, _ in columns] == ["id", name, "other"]
        assert connection.exec_driver_sql(f"SELECT {columns[2][1]}").scalar() == value
    engine.dispose()


@settings(max_examples=500)
@given(text=hostile_texts())
def test_a_type_is_named_by_words_or_refused(text: str) -> None:
    if TYPE.fullmatch(text):
        assert Declared(text).compile() == text
    else:
        with pytest.raises(ModelDefinitionError, match="^a column type is named by words"):
            Declared(text)


@settings(max_examples=500)
@given(text=hostile_texts())
def test_sql_in_a_script_stays_what_it_is(text: str) -> None:
    for made in (lambda: DialectSql(text), lambda: DialectSql(sqlite=text, postgresql=text)):
        if why_text_is_refused(text):
            with pytest.raises(QueryError, match="^the SQL contains"):
                made()
            continue
        sql = made()
        again = eval(repr(sql), {"DialectSql": DialectSql})
        for one in (sql, again):
            assert str(one.compile(dialect=DIALECTS[0])) == text.replace("%", "%%")
            assert str(one.compile(dialect=DIALECTS[1])) == text
    with pytest.raises(ModelDefinitionError, match="^DialectSql has words for postgresql and sqlite, not for "):
        DialectSql(**{f"{text}!": "1"})


@pytest.fixture
def subject(database_url: str, tmp_path: Path) -> Iterator[Subject]:
    made = Subject(database_url, tmp_path)
    yield made
    made.engine.dispose()


def policies(connection: sa.Connection) -> list[tuple[Any, ...]]:
    sql = (
        "SELECT tablename, policyname, qual, with_check FROM pg_policies WHERE schemaname = current_schema() ORDER BY 1"
    )
    return [tuple(row) for row in connection.exec_driver_sql(sql)]


@pytest.mark.filterwarnings("ignore::ferro.RowSecurityWarning")
def test_tables_columns_and_values_may_be_anything_in_the_metadata_and_in_a_script(subject: Subject) -> None:
    models: list[Any] = []
    for name in SAMPLE:
        # Nothing may refer to a name with a dot in it.
        above = next((model for model in reversed(models) if "." not in model.__name__), None)
        more = {} if above is None else {"above": Annotated[above | None, ForeignKey(references="name")]}
        models.append(define(name, name, name, **more))
    subject.create_tables()
    made = subject.catalog()
    assert made.keys() == {name.lower() for name in SAMPLE}
    if not subject.is_sqlite:
        with subject.engine.connect() as connection:
            hidden = policies(connection)
    subject.clear()
    get_metadata().create_all(subject.engine)
    assert subject.catalog() == made
    subject.clear()
    with subject.engine.begin() as connection:
        run_script(connection)
        if not subject.is_sqlite:
            for statement in (one for model in models for one in row_security_sql(model)):
                connection.execute(statement)
            assert len(hidden) == len(SAMPLE)
            assert policies(connection) == hidden
    assert subject.catalog() == made
