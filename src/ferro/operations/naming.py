"""The names of a field: those a user may give it, and the one its constructor takes."""

from ferro.errors import OptionError, QueryError
from ferro.model import ModelBase
from ferro.query.row import find_column
from ferro.schema.table import Column, Table
from ferro.types.values import with_article


def named_column(model: type[ModelBase], table: Table, name: str) -> Column:
    """The column of a field or of its alias."""
    if name not in table.by_field:
        for field, info in model.model_fields.items():
            if name in (info.alias, info.validation_alias) and field in table.by_field:
                return table.by_field[field]
    return find_column(table, name)


def check_class(model: object) -> None:
    """Refuse what cannot be called to make a row."""
    if not isinstance(model, type):
        what = (
            "an instance, which save() inserts" if isinstance(model, ModelBase) else with_article(type(model).__name__)
        )
        raise QueryError(f"create() takes a model and the values of a row, create(User, name='Ann'), not {what}")


def check_using(model: type[ModelBase]) -> None:
    """Refuse a `using=` that is no field: Pydantic would pass it over, and the row would go to another database."""
    if not any(input_name(model, field) == "using" for field in model.model_fields):
        name = model.__name__
        raise OptionError(
            f"create() takes the values of a row, and {name} has no field 'using': {name}.using(...).create(...)"
        )


def input_name(model: type[ModelBase], field: str) -> str:
    """The name under which a model's constructor takes a field."""
    config = model.model_config
    alias = model.model_fields[field].validation_alias
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    return alias if isinstance(alias, str) and not by_name else field
