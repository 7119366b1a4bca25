"""What an `env.py` tells Alembic, so that it sees a change where there is one, and writes scripts that run."""

from typing import Any

from sqlalchemy.schema import SchemaItem

from ferro.migrations.compared import PLUGIN
from ferro.migrations.scripts import prepare, render_item

# The tables in which SQLite keeps what it searches by words: they are no one's models.
NOT_OURS = "fts_"


def alembic_options() -> dict[str, Any]:
    """The options of Alembic's `context.configure()` for a metadata of ferro's: `configure(..., **alembic_options())`."""
    return {
        "compare_type": True,
        "compare_server_default": True,
        "autogenerate_plugins": ["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname", PLUGIN],
        "include_object": include_object,
        "render_item": render_item,
        "process_revision_directives": prepare,
    }


def include_object(
    _item: SchemaItem, name: str | None, kind: str, reflected: bool, compare_to: SchemaItem | None
) -> bool:
    """Whether Alembic looks at a thing: not at the tables of a text search."""
    return not (kind == "table" and reflected and compare_to is None and (name or "").startswith(NOT_OURS))
