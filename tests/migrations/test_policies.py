"""Policies beside Alembic: it knows none, sees none, and scripts can send their SQL."""

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from subjects import Subject

from ferro import Field, Model, ModelDefinitionError, RowPolicy, RowSecurity
from ferro.migrations import get_metadata, row_security_sql

POLICIES = sa.text(
    "SELECT relrowsecurity, relforcerowsecurity, polname, polpermissive, polcmd::text, "
    "pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid) "
    "FROM pg_class LEFT JOIN pg_policy ON polrelid = pg_class.oid WHERE pg_class.oid = to_regclass('deed') ORDER BY 3"
)


def define() -> type[Model]:
    class Deed(Model):
        __ferro_rls__ = RowSecurity(
            RowPolicy(column="owner", setting="app.owner"),
            RowPolicy(name="text", using=lambda d: d.title != "it's :a 100% %s \\ {0}", command="select"),
        )

        id: int | None = Field(default=None, primary_key=True)
        owner: int
        title: str

    return Deed


@pytest.mark.backends("postgres")
def test_a_script_hides_the_rows_as_create_tables_does(subject: Subject):
    deed = define()
    subject.create_tables()
    with subject.engine.connect() as connection:
        expected = connection.execute(POLICIES).all()
    assert [row[:3] for row in expected] == [(True, True, "rls_deed_owner"), (True, True, "rls_deed_text")]
    assert expected[1][5] == "(title <> 'it''s :a 100% %s \\ {0}'::text)"
    assert subject.differences() == []
    subject.clear()
    get_metadata().create_all(subject.engine)
    with subject.engine.begin() as connection:
        op = Operations(MigrationContext.configure(connection))
        for statement in row_security_sql(deed):
            op.execute(statement)
        assert connection.execute(POLICIES).all() == expected
    subject.create_tables()
    with subject.engine.connect() as connection:
        assert connection.execute(POLICIES).all() == expected


@pytest.mark.backends("sqlite")
def test_the_metadata_of_a_model_that_hides_rows_is_that_of_its_table(subject: Subject):
    define()
    get_metadata().create_all(subject.engine)
    assert subject.differences() == []


def test_a_model_that_hides_nothing_has_no_statements():
    class Open(Model):
        id: int | None = Field(default=None, primary_key=True)

    with pytest.raises(ModelDefinitionError, match="Open has no __ferro_rls__, and hides no rows"):
        row_security_sql(Open)
