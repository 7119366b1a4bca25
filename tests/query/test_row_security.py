"""Row security as SQL text."""

from decimal import Decimal
from uuid import UUID

import pytest

from ferro.dialects import postgres, sqlite
from ferro.errors import ModelDefinitionError, QueryError
from ferro.fields import Field
from ferro.model import ModelBase
from ferro.operations.row_security import row_security
from ferro.query.compiler import compile
from ferro.query.fragments import raw
from ferro.query.settings import current_setting
from ferro.rules import RowPolicy, RowSecurity
from ferro.schema.registry import table_of


def sql_of(model: type) -> list[str]:
    table = table_of(model)
    assert table.secured is not None
    return row_security(table, table.secured, postgres)


def test_the_short_form_compares_a_column_with_a_setting():
    class Paper(ModelBase):
        __ferro_rls__ = RowSecurity(RowPolicy(column="tenant", setting="app.tenant"))

        id: int | None = Field(default=None, primary_key=True)
        tenant: UUID = Field(column="tenant key")

    matches = """("tenant key" = CAST(NULLIF(current_setting('app.tenant', true), '') AS uuid))"""
    assert sql_of(Paper) == [
        'ALTER TABLE "paper" ENABLE ROW LEVEL SECURITY',
        'ALTER TABLE "paper" FORCE ROW LEVEL SECURITY',
        f'CREATE POLICY "rls_paper_tenant" ON "paper" AS PERMISSIVE FOR ALL USING {matches} WITH CHECK {matches}',
    ]


def test_the_short_form_for_one_command_has_the_condition_that_it_takes():
    class Paper(ModelBase):
        __ferro_rls__ = RowSecurity(
            RowPolicy(name="read", column="tenant", setting="app.tenant", command="select"),
            RowPolicy(name="add", column="tenant", setting="app.tenant", command="insert"),
            force=False,
        )

        id: int | None = Field(default=None, primary_key=True)
        tenant: str

    matches = """("tenant" = CAST(NULLIF(current_setting('app.tenant', true), '') AS text))"""
    assert sql_of(Paper) == [
        'ALTER TABLE "paper" ENABLE ROW LEVEL SECURITY',
        f'CREATE POLICY "rls_paper_read" ON "paper" AS PERMISSIVE FOR SELECT USING {matches}',
        f'CREATE POLICY "rls_paper_add" ON "paper" AS PERMISSIVE FOR INSERT WITH CHECK {matches}',
    ]


def test_predicates_are_written_with_their_values_in_them():
    class Paper(ModelBase):
        __ferro_rls__ = RowSecurity(
            RowPolicy(
                name="open",
                using=lambda p: (p.title != "it's :a % \\ {0}") & (p.price < Decimal("9.50")),
                with_check=lambda p: raw("length({}) > {}", p.title, 3, returns=bool),
                command="update",
            ),
            RowPolicy(name="own", using=lambda p: p.owner == current_setting("app.user", int)),
            RowPolicy(name="never", using=lambda p: p.price >= 0, restrictive=True, command="delete"),
        )

        id: int | None = Field(default=None, primary_key=True)
        title: str
        price: Decimal
        owner: int

    assert sql_of(Paper)[2:] == [
        (
            'CREATE POLICY "rls_paper_open" ON "paper" AS PERMISSIVE FOR UPDATE '
            "USING (\"title\" <> E'it''s :a % \\\\ {0}' AND \"price\" < 9.50) "
            'WITH CHECK ((length("title") > CAST(3 AS bigint)))'
        ),
        (
            'CREATE POLICY "rls_paper_own" ON "paper" AS PERMISSIVE FOR ALL '
            "USING (\"owner\" = CAST(NULLIF(current_setting('app.user', true), '') AS bigint))"
        ),
        'CREATE POLICY "rls_paper_never" ON "paper" AS RESTRICTIVE FOR DELETE USING ("price" >= 0)',
    ]


def test_a_setting_stands_in_a_query_too_where_there_are_settings(people):
    query = people.select("id").where(lambda p: p.age == current_setting("app.age", int)).select_statement()
    assert compile(query, postgres).sql.endswith(
        """WHERE "person"."age" = CAST(NULLIF(current_setting('app.age', true), '') AS bigint)"""
    )
    with pytest.raises(QueryError, match=r"current_setting\('app.age'\): on sqlite a session has no settings"):
        compile(query, sqlite)


@pytest.mark.parametrize("name", ["", "app.", "a b", "a'); DROP TABLE x; --", "app.tenant\n", "é.x", "a..b", "1.a"])
def test_a_setting_is_named_by_words(name):
    message = r"a setting is named by words with dots between them, such as app.tenant, not "
    with pytest.raises(QueryError, match=message):
        current_setting(name)
    with pytest.raises(ModelDefinitionError, match=message):
        RowPolicy(column="id", setting=name)


def test_a_setting_is_a_text_that_can_become_what_it_is_compared_with():
    with pytest.raises(QueryError, match=r"current_setting\('app.x', <class 'complex'>\): complex cannot be stored"):
        current_setting("app.x", complex)


MISTAKES = [
    ({}, "RowPolicy takes either column= and setting=, or name= and using= or with_check="),
    ({"column": "id"}, "RowPolicy takes either column= and setting=, or name= and using= or with_check="),
    ({"setting": "a.b"}, "RowPolicy takes either column= and setting=, or name= and using= or with_check="),
    ({"name": "x"}, "RowPolicy takes either column= and setting=, or name= and using= or with_check="),
    (
        {"column": "id", "setting": "a.b", "using": lambda r: r.id == 1},
        "RowPolicy takes either column= and setting=, or name= and using= or with_check=",
    ),
    ({"using": lambda r: r.id == 1}, "a row policy is named by letters, digits and _, not None"),
    ({"name": 'a"; --', "using": lambda r: r.id == 1}, "a row policy is named by letters, digits and _, not 'a\"; --'"),
    (
        {"name": "x", "using": lambda r: r.id == 1, "command": "ALL; --"},
        "RowPolicy 'x': command is one of 'all', 'select', 'insert', 'update', 'delete', not 'ALL; --'",
    ),
    (
        {"name": "x", "using": lambda r: r.id == 1, "command": "insert"},
        "RowPolicy 'x': a policy for insert takes with_check=, not using=",
    ),
    (
        {"name": "x", "with_check": lambda r: r.id == 1, "command": "delete"},
        "RowPolicy 'x': a policy for delete takes using=, not with_check=",
    ),
    ({"name": "x", "using": "id = 1"}, "RowPolicy 'x': using= takes a lambda over the model, not 'id = 1'"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES)
def test_a_policy_that_means_nothing_is_refused_where_it_is_written(options, message):
    with pytest.raises(ModelDefinitionError) as caught:
        RowPolicy(**options)
    assert str(caught.value) == message


def test_row_security_needs_policies_that_let_rows_be_seen():
    message = "RowSecurity needs a policy that is not restrictive: without one nobody sees any row"
    for policies in ((), (RowPolicy(column="id", setting="a.b", restrictive=True),)):
        with pytest.raises(ModelDefinitionError) as caught:
            RowSecurity(*policies)
        assert str(caught.value) == message
    with pytest.raises(ModelDefinitionError, match="RowSecurity takes RowPolicy"):
        RowSecurity("id")  # type: ignore[arg-type]
    with pytest.raises(ModelDefinitionError, match="RowSecurity gives one name to two policies: id, id"):
        RowSecurity(RowPolicy(column="id", setting="a.b"), RowPolicy(column="id", setting="a.c"))


@pytest.mark.parametrize(
    ("security", "message"),
    [
        ("id", "Sheet.__ferro_rls__ must be RowSecurity(...), not 'id'"),
        (
            RowSecurity(RowPolicy(column="tenent", setting="a.b")),
            "Sheet.__ferro_rls__ references unknown column 'tenent': the fields are id, title",
        ),
        (
            RowSecurity(RowPolicy(name="x", using=lambda s: s.titel == "a")),
            (
                "Sheet.__ferro_rls__ (rls_sheet_x): sheet has no column 'titel'; did you mean 'title'? "
                "its columns are id, title"
            ),
        ),
        (
            RowSecurity(RowPolicy(name="x", using=lambda s: s.id.max() == 1)),
            "Sheet.__ferro_rls__ (rls_sheet_x): a policy sees one row, and cannot aggregate",
        ),
        (
            RowSecurity(RowPolicy(name="x", using=lambda s: "id = 1")),
            "Sheet.__ferro_rls__ (rls_sheet_x): Policy expects a condition, got 'id = 1'; write it as (…) Policy (…)",
        ),
    ],
)
def test_a_mistake_in_a_declaration_is_an_error_at_the_class(security, message):
    with pytest.raises(ModelDefinitionError) as caught:

        class Sheet(ModelBase):
            __ferro_rls__ = security

            id: int | None = Field(default=None, primary_key=True)
            title: str

    assert str(caught.value) == message


def test_the_tables_of_a_base_hide_their_rows_as_it_says():
    class Owned(ModelBase):
        __ferro_abstract__ = True
        __ferro_rls__ = RowSecurity(RowPolicy(column="tenant", setting="app.tenant"))

        id: int | None = Field(default=None, primary_key=True)
        tenant: int

    class Letter(Owned):
        pass

    class Poster(Owned):
        __ferro_rls__ = None

    assert sql_of(Letter)[2].startswith('CREATE POLICY "rls_letter_tenant" ON "letter"')
    assert table_of(Poster).secured is None
