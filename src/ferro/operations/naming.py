"""The names of a field: those a user may give it, and the one its constructor takes."""

from ferro.model import ModelBase
from ferro.query.row import find_column
from ferro.schema.table import Column, Table


def named_column(model: type[ModelBase], table: Table, name: str) -> Column:
    """The column of a field or of its alias."""
    if name not in table.by_field:
        for field, info in model.model_fields.items():
            if name in (info.alias, info.validation_alias) and field in table.by_field:
                return table.by_field[field]
    return find_column(table, name)


def input_name(model: type[ModelBase], field: str) -> str:
    """The name under which a model's constructor takes a field."""
    config = model.model_config
    alias = model.model_fields[field].validation_alias
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    return alias if isinstance(alias, str) and not by_name else field
