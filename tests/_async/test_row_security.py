"""Rows that a session may not see are hidden by the database."""

import warnings
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from ferro import (
    AsyncDatabase,
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
from ferro.schema.registry import active, declared


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
async def role(database: AsyncDatabase) -> AsyncIterator[str]:
    """Give the test a role that is no superuser, and may use its schema."""
    name = f"r_{uuid4().hex[:16]}"
    schema = (await database.fetch_one("SELECT current_schema() AS name") or {})["name"]
    await database.execute(f'CREATE ROLE "{name}"')
    await database.execute(f'GRANT ALL ON SCHEMA "{schema}" TO "{name}"')
    yield name
    await database.execute(f'DROP OWNED BY "{name}" CASCADE')
    await database.execute(f'DROP ROLE "{name}"')


async def become(database: AsyncDatabase, role: str, tenant: str) -> None:
    await database.execute(f'SET LOCAL ROLE "{role}"')
    await database.fetch_all("SELECT set_config($1, $2, true)", "app.tenant", tenant)


@pytest.mark.backends("postgres")
async def test_a_session_sees_and_writes_its_own_rows_only(database: AsyncDatabase, role: str) -> None:
    await database.create_tables(Document)
    await database.execute(f'GRANT ALL ON ALL TABLES IN SCHEMA "{await schema_of(database)}" TO "{role}"')
    for tenant, title in [(1, "a"), (2, "b"), (1, "secret: 100%")]:
        await database.create(Document, tenant_id=tenant, title=title)
    async with database.transaction():
        await become(database, role, "1")
        assert [one.title for one in await database.query(Document).all()] == ["a"]
        assert await database.query(Document).where(lambda d: d.tenant_id == 2).update(title="mine") == 0
        await database.create(Document, tenant_id=1, title="c")
        many = [{"tenant_id": 1, "title": str(at)} for at in range(150)]
        assert await database.bulk_create(Document, many, returning=False) == 150
        assert await database.query(Document).where(lambda d: d.title == "149").delete() == 1
        assert await database.query(Document).where(lambda d: d.title < "a").delete() == 149
        with pytest.raises(DatabaseError, match="row-level security policy for table"):
            await database.bulk_create(Document, [*many, {"tenant_id": 2, "title": ""}], returning=False)
    async with database.transaction():
        await become(database, role, "2")
        assert [one.title for one in await database.query(Document).all()] == ["b"]
        with pytest.raises(DatabaseError, match="row-level security policy for table"):
            async with database.transaction():
                await database.create(Document, tenant_id=1, title="not mine")
    async with database.transaction():
        await become(database, role, "")
        assert await database.query(Document).count() == 0
    assert await database.query(Document).count() == 4


@pytest.mark.backends("postgres")
async def test_the_owner_of_a_table_is_held_to_it_unless_told_otherwise(database: AsyncDatabase, role: str) -> None:
    for model in (Document, Memo):
        async with database.transaction():
            await database.execute(f'SET LOCAL ROLE "{role}"')
            await database.create_tables(model)
    await database.create(Document, tenant_id=1, title="a")
    await database.create(Memo, tenant_id=1)
    async with database.transaction():
        await become(database, role, "2")
        assert await database.query(Document).count() == 0
        assert await database.query(Memo).count() == 1


@pytest.mark.backends("postgres")
async def test_creating_tables_again_changes_nothing_and_adds_what_is_missing(
    database: AsyncDatabase, role: str
) -> None:
    await database.create_tables(Document)
    await database.execute(f'GRANT ALL ON ALL TABLES IN SCHEMA "{await schema_of(database)}" TO "{role}"')
    before = await state_of(database)
    async with database.transaction():
        # Who may not alter the table is not asked to: there is nothing to do.
        await database.execute(f'SET LOCAL ROLE "{role}"')
        await database.create_tables(Document)
    assert await state_of(database) == before
    await database.execute("DROP POLICY rls_document_guest ON document")
    await database.execute("ALTER TABLE document DISABLE ROW LEVEL SECURITY")
    assert await state_of(database) != before
    await database.create_tables(Document)
    assert await state_of(database) == before


@pytest.mark.backends("postgres")
async def test_a_setting_can_be_asked_for_in_a_query(database: AsyncDatabase) -> None:
    await database.create_tables(Memo)
    for tenant in (1, 2):
        await database.create(Memo, tenant_id=tenant)
    mine = database.query(Memo).where(lambda m: m.tenant_id == current_setting("app.tenant", int))
    async with database.transaction():
        assert await mine.count() == 0
        await database.fetch_all("SELECT set_config($1, $2, true)", "app.tenant", "2")
        assert [memo.tenant_id for memo in await mine.all()] == [2]


async def test_where_there_is_no_row_security_one_warning_says_so(database_url: str, backend: str) -> None:
    class Diary(Model):
        __ferro_rls__ = RowSecurity(RowPolicy(column="owner", setting="app.owner"))

        id: int | None = Field(default=None, primary_key=True)
        owner: int

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        async with connect(database_url, default=False) as database:
            await database.create_tables(Diary)
            await database.create_tables(Diary)
            await database.create(Diary, owner=1)
            assert await database.query(Diary).count() == 1
    said = "Diary: SQLite has no row security, and shows every row to everybody"
    assert [(one.category, str(one.message)) for one in caught] == (
        [(RowSecurityWarning, said)] if backend == "sqlite" else []
    )


async def test_a_policy_that_the_database_refuses_leaves_no_table(database_url: str, backend: str) -> None:
    class Ledger(Model):
        __ferro_rls__ = RowSecurity(RowPolicy(column="data", setting="app.data"))

        id: int | None = Field(default=None, primary_key=True)
        data: float

    async with connect(database_url, default=False) as database:
        if backend == "postgres":
            await database.execute("CREATE TABLE ledger (id bigint, data jsonb)")
            with pytest.raises(OperationalError, match="operator does not exist"):
                await database.create_tables(Ledger)
            assert (
                await database.fetch_one("SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass('ledger')")
            ) == {"relrowsecurity": False}
        else:
            with pytest.warns(RowSecurityWarning, match="Ledger"):
                await database.create_tables(Ledger)


async def schema_of(database: AsyncDatabase) -> str:
    return (await database.fetch_one("SELECT current_schema() AS name") or {})["name"]


async def state_of(database: AsyncDatabase) -> list[dict[str, object]]:
    return await database.fetch_all(
        "SELECT relrowsecurity, relforcerowsecurity, polname, polcmd, polpermissive, "
        "pg_get_expr(polqual, polrelid) AS seen, pg_get_expr(polwithcheck, polrelid) AS written "
        "FROM pg_class LEFT JOIN pg_policy ON polrelid = pg_class.oid "
        "WHERE pg_class.oid = to_regclass('document') ORDER BY polname"
    )
