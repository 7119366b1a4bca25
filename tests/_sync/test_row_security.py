# Generated from tests/_async/test_row_security.py by scripts/unasync.py: edit that file, never this one.
"""Rows that a session may not see are hidden by the database."""

import warnings
from collections.abc import Iterator
from uuid import uuid4

import pytest

from ferro.schema.registry import active, declared
from ferro.sync import (
    Database,
    DatabaseError,
    Field,
    Model,
    OperationalError,
    RowPolicy,
    RowSecurity,
    RowSecurityWarning,
    connect,
    current_setting,
)


class Document(Model):
    __ferro_rls__ = RowSecurity(
        RowPolicy(column="tenant_id", setting="app.tenant"),
        RowPolicy(name="guest", using=lambda d: d.title != "secret: 100%", command="select", restrictive=True),
    )

    id: int | None = Field(default=None, primary_key=True)
    tenant_id: int
    title: str


class Memo(Model):
    __ferro_rls__ = RowSecurity(RowPolicy(column="tenant_id", setting="app.tenant"), force=False)

    id: int | None = Field(default=None, primary_key=True)
    tenant_id: int


# Other tests, which create all tables there are, would be warned of them.
for name in ("Document", "Memo"):
    for known in (declared, active):
        known.pop(name)


@pytest.fixture
def role(database: Database) -> Iterator[str]:
    """Give the test a role that is no superuser, and may use its schema."""
    name = f"r_{uuid4().hex[:16]}"
    schema = (database.fetch_one("SELECT current_schema() AS name") or {})["name"]
    database.execute(f'CREATE ROLE "{name}"')
    database.execute(f'GRANT ALL ON SCHEMA "{schema}" TO "{name}"')
    yield name
    database.execute(f'DROP OWNED BY "{name}" CASCADE')
    database.execute(f'DROP ROLE "{name}"')


def become(database: Database, role: str, tenant: str) -> None:
    database.execute(f'SET LOCAL ROLE "{role}"')
    database.fetch_all("SELECT set_config($1, $2, true)", "app.tenant", tenant)


@pytest.mark.backends("postgres")
def test_a_session_sees_and_writes_its_own_rows_only(database: Database, role: str) -> None:
    database.create_tables(Document)
    database.execute(f'GRANT ALL ON ALL TABLES IN SCHEMA "{schema_of(database)}" TO "{role}"')
    for tenant, title in [(1, "a"), (2, "b"), (1, "secret: 100%")]:
        database.create(Document, tenant_id=tenant, title=title)
    with database.transaction():
        become(database, role, "1")
        assert [one.title for one in database.query(Document).all()] == ["a"]
        assert database.query(Document).where(lambda d: d.tenant_id == 2).update(title="mine") == 0
        database.create(Document, tenant_id=1, title="c")
        many = [{"tenant_id": 1, "title": str(at)} for at in range(150)]
        assert database.bulk_create(Document, many, returning=False) == 150
        assert database.query(Document).where(lambda d: d.title == "149").delete() == 1
        assert database.query(Document).where(lambda d: d.title < "a").delete() == 149
        with pytest.raises(DatabaseError, match="row-level security policy for table"):
            database.bulk_create(Document, [*many, {"tenant_id": 2, "title": ""}], returning=False)
    with database.transaction():
        become(database, role, "2")
        assert [one.title for one in database.query(Document).all()] == ["b"]
        with pytest.raises(DatabaseError, match="row-level security policy for table"):
            with database.transaction():
                database.create(Document, tenant_id=1, title="not mine")
    with database.transaction():
        become(database, role, "")
        assert database.query(Document).count() == 0
    assert database.query(Document).count() == 4


@pytest.mark.backends("postgres")
def test_the_owner_of_a_table_is_held_to_it_unless_told_otherwise(database: Database, role: str) -> None:
    for model in (Document, Memo):
        with database.transaction():
            database.execute(f'SET LOCAL ROLE "{role}"')
            database.create_tables(model)
    database.create(Document, tenant_id=1, title="a")
    database.create(Memo, tenant_id=1)
    with database.transaction():
        become(database, role, "2")
        assert database.query(Document).count() == 0
        assert database.query(Memo).count() == 1


@pytest.mark.backends("postgres")
def test_creating_tables_again_changes_nothing_and_adds_what_is_missing(database: Database, role: str) -> None:
    database.create_tables(Document)
    database.execute(f'GRANT ALL ON ALL TABLES IN SCHEMA "{schema_of(database)}" TO "{role}"')
    before = state_of(database)
    with database.transaction():
        # Who may not alter the table is not asked to: there is nothing to do.
        database.execute(f'SET LOCAL ROLE "{role}"')
        database.create_tables(Document)
    assert state_of(database) == before
    database.execute("DROP POLICY rls_document_guest ON document")
    database.execute("ALTER TABLE document DISABLE ROW LEVEL SECURITY")
    assert state_of(database) != before
    database.create_tables(Document)
    assert state_of(database) == before


@pytest.mark.backends("postgres")
def test_a_setting_can_be_asked_for_in_a_query(database: Database) -> None:
    database.create_tables(Memo)
    for tenant in (1, 2):
        database.create(Memo, tenant_id=tenant)
    mine = database.query(Memo).where(lambda m: m.tenant_id == current_setting("app.tenant", int))
    with database.transaction():
        assert mine.count() == 0
        database.fetch_all("SELECT set_config($1, $2, true)", "app.tenant", "2")
        assert [memo.tenant_id for memo in mine.all()] == [2]


def test_where_there_is_no_row_security_one_warning_says_so(database_url: str, backend: str) -> None:
    class Diary(Model):
        __ferro_rls__ = RowSecurity(RowPolicy(column="owner", setting="app.owner"))

        id: int | None = Field(default=None, primary_key=True)
        owner: int

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with connect(database_url, default=False) as database:
            database.create_tables(Diary)
            database.create_tables(Diary)
            database.create(Diary, owner=1)
            assert database.query(Diary).count() == 1
    said = "Diary: SQLite has no row security, and shows every row to everybody"
    assert [(one.category, str(one.message)) for one in caught] == (
        [(RowSecurityWarning, said)] if backend == "sqlite" else []
    )


def test_a_policy_that_the_database_refuses_leaves_no_table(database_url: str, backend: str) -> None:
    class Ledger(Model):
        __ferro_rls__ = RowSecurity(RowPolicy(column="data", setting="app.data"))

        id: int | None = Field(default=None, primary_key=True)
        data: float

    with connect(database_url, default=False) as database:
        if backend == "postgres":
            database.execute("CREATE TABLE ledger (id bigint, data jsonb)")
            with pytest.raises(OperationalError, match="operator does not exist"):
                database.create_tables(Ledger)
            assert (database.fetch_one("SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass('ledger')")) == {
                "relrowsecurity": False
            }
        else:
            with pytest.warns(RowSecurityWarning, match="Ledger"):
                database.create_tables(Ledger)


def schema_of(database: Database) -> str:
    return (database.fetch_one("SELECT current_schema() AS name") or {})["name"]


def state_of(database: Database) -> list[dict[str, object]]:
    return database.fetch_all(
        "SELECT relrowsecurity, relforcerowsecurity, polname, polcmd, polpermissive, "
        "pg_get_expr(polqual, polrelid) AS seen, pg_get_expr(polwithcheck, polrelid) AS written "
        "FROM pg_class LEFT JOIN pg_policy ON polrelid = pg_class.oid "
        "WHERE pg_class.oid = to_regclass('document') ORDER BY polname"
    )
