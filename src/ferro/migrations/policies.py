"""Row security for migration scripts: Alembic knows no policies."""

import sqlalchemy as sa

from ferro.dialects import postgres
from ferro.errors import ModelDefinitionError
from ferro.operations.row_security import row_security
from ferro.schema.registry import table_of


def row_security_sql(model: type) -> list[sa.DDL]:
    """The statements that hide the rows of a model's table on PostgreSQL: `for sql in …: op.execute(sql)`.

    They are what `create_tables()` sends after it has made the table.
    """
    table = table_of(model)
    if table.secured is None:
        raise ModelDefinitionError(f"{model.__name__} has no __ferro_rls__, and hides no rows")
    # Of a plain text, SQLAlchemy would take what follows a colon for a parameter.
    return [sa.DDL(sql.replace("%", "%%")) for sql in row_security(table, table.secured, postgres)]
