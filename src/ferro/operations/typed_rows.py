"""The rows of SQL the user wrote, as instances of a model or of any class with typed fields."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, NotRequired, Required, TypeVar, cast, get_args, get_origin, get_type_hints

import typing_extensions
from pydantic import BaseModel, TypeAdapter, ValidationError

from ferro.caches import informing
from ferro.errors import DataError, QueryError
from ferro.model import ModelBase
from ferro.operations.hydrate import Rows, filler, row_loader
from ferro.operations.raw import asked, distinct_names
from ferro.operations.steps import Steps
from ferro.query.dialect import Compiled, Dialect, Result
from ferro.query.projection import Projection
from ferro.query.templates import TString
from ferro.schema.registry import table_of
from ferro.schema.table import Table
from ferro.types import ColumnType, column_type, split_optional
from ferro.types.values import with_article

R = TypeVar("R")
M = TypeVar("M", bound=ModelBase)

# What a driver's value must be to be one that ferro has stored as this kind; text for all others.
STORED_ON_SQLITE: dict[str, type] = {"bool": int, "int": int, "timedelta": int, "bytes": bytes}


def fetch_all(sql: str | TString, args: Sequence[object], into: type[R], dialect: Dialect) -> Steps[list[R]]:
    """Run a statement; return its rows, each as an `into`."""
    make = maker(into)
    return made_rows(asked(sql, args, dialect), make, dialect, first=False)


def fetch_one(sql: str | TString, args: Sequence[object], into: type[R], dialect: Dialect) -> Steps[R | None]:
    """Run a statement; return its first row as an `into`, or None."""
    make = maker(into)
    return first_made(asked(sql, args, dialect), make, dialect)


def instances(model: type[M], sql: str | TString, args: Sequence[object], dialect: Dialect) -> Steps[list[M]]:
    """Run a statement; return its rows as instances of a model, their columns found by name."""
    table_of(model)
    return fetch_all(sql, args, model, dialect)


def made_rows(
    statement: Compiled, make: "Callable[[Result, Dialect], list[Any]]", dialect: Dialect, *, first: bool
) -> Steps[list[Any]]:
    result = yield statement
    rows = result.rows[:1] if first else result.rows
    return make(Result(rows, len(rows), distinct_names(result)), dialect)


def first_made(statement: Compiled, make: "Callable[[Result, Dialect], list[Any]]", dialect: Dialect) -> Steps[Any]:
    found = yield from made_rows(statement, make, dialect, first=True)
    return found[0] if found else None


@informing("typed rows")
@lru_cache(maxsize=256)
def maker(into: Any) -> Callable[[Result, Dialect], list[Any]]:
    """What makes objects of a class out of a result."""
    if isinstance(into, type) and issubclass(into, ModelBase):
        table = table_of(into)
        return lambda result, dialect: of_model(table, result, dialect)
    shape = shape_of(into)
    return lambda result, dialect: of_shape(shape, result, dialect)


# Selections: their columns have types, so that a value is loaded before it is given to the class.


def check_selected(projection: Projection) -> None:
    """See to it that the class of a selection can be filled from it, before anything is asked for."""
    into = projection.into
    shape = selected_shape(into)
    for name in shape.required:
        if name not in projection.names:
            raise QueryError(
                f"{shape.name} needs {name!r}, and the selection has only {', '.join(projection.names)}: select it too"
            )


def selected(projection: Projection, dialect: Dialect) -> Callable[[Rows], list[Any]]:
    """What makes instances of the class of a selection out of its rows."""
    shape, names = selected_shape(projection.into), projection.names
    types = tuple(column.type for column in projection.columns)
    load = row_loader(types, dialect.name)
    loaded: dict[str, ColumnType | None] = {name: None for name, type in zip(names, types, strict=True) if type}
    plain = replace(shape, types={**shape.types, **{name: None for name in loaded if name in shape.types}})
    return lambda rows: of_shape(plain, Result(load(rows), len(rows), names), dialect)


@informing("typed selections")
@lru_cache(maxsize=256)
def selected_shape(into: Any) -> "Shape":
    if is_kind_of(into, ModelBase):
        raise QueryError(
            f"select(into={into.__name__}) would make rows of a table out of a part of them: "
            "leave out select(), or give a class that is no model"
        )
    return shape_of(into)


# Models: nothing is validated, as in every other query.


def of_model(table: Table, result: Result, dialect: Dialect) -> list[Any]:
    model = table.model.__name__
    places: list[int] = []
    for column in table.columns:
        if column.name not in result.names:
            raise QueryError(
                f"the result has no column {column.name!r}, and {with_article(model)} needs all of its own: SELECT it as well, "
                f"or use fetch_all(..., into=) with a class that has the columns {', '.join(result.names)}"
            )
        places.append(result.names.index(column.name))
    rows = [tuple(row[at] for at in places) for row in result.rows]
    return filler(cast("type[ModelBase]", table.model), table.columns, dialect.name)(rows)


# Other classes: every row is validated.


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A class with typed fields.

    Attributes:
        types: the column types of its fields, by the name of the column; None where Pydantic reads the value alone.
        closed: other columns than its fields are left out before it is made.
        required: the fields it cannot do without, as far as they have but one name.
    """

    name: str
    adapter: TypeAdapter[Any]
    types: dict[str, ColumnType | None]
    closed: bool
    required: tuple[str, ...] = ()


def shape_of(into: Any) -> Shape:
    name = getattr(into, "__name__", repr(into))
    if is_kind_of(into, BaseModel):
        infos = cast("type[BaseModel]", into).model_fields
        hints = {named: info.annotation for field, info in infos.items() for named in names_of(field, info)}
        required = tuple(field for field, info in infos.items() if info.is_required() and info.validation_alias is None)
        return Shape(name, TypeAdapter(into), types_of(hints), closed=False, required=required)
    if not has_fields(into):
        raise QueryError(f"into= takes a Pydantic model, a dataclass, a TypedDict or a NamedTuple, not {name}")
    hints = {field: unmarked(hint) for field, hint in get_type_hints(into, include_extras=True).items()}
    # Before Python 3.12 Pydantic cannot read the TypedDict of `typing`.
    readable = typed_dict(into, hints) if typing_extensions.is_typeddict(into) else into
    return Shape(name, TypeAdapter(readable), types_of(hints), closed=True, required=needed(into))


def has_fields(into: Any) -> bool:
    a_class = is_kind_of(into, object)
    return typing_extensions.is_typeddict(into) or (
        a_class and (is_dataclass(into) or (is_kind_of(into, tuple) and hasattr(into, "_fields")))
    )


def needed(into: Any) -> tuple[str, ...]:
    """The fields that have no default."""
    if typing_extensions.is_typeddict(into):
        return tuple(into.__required_keys__)
    if is_dataclass(into):
        plain = (field for field in fields(into) if field.init)
        return tuple(field.name for field in plain if field.default is MISSING and field.default_factory is MISSING)
    return tuple(field for field in into._fields if field not in into._field_defaults)


def is_kind_of(into: object, kind: type) -> bool:
    return isinstance(into, type) and issubclass(into, kind)


def names_of(field: str, info: Any) -> tuple[str, ...]:
    alias = info.validation_alias
    return (field, alias) if isinstance(alias, str) else (field,)


def unmarked(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) in (Required, NotRequired) else hint


def typed_dict(into: Any, hints: Mapping[str, Any]) -> Any:
    optional = into.__optional_keys__
    fields = {field: NotRequired[hint] if field in optional else hint for field, hint in hints.items()}
    return cast("Any", typing_extensions.TypedDict)(into.__name__, fields)


def types_of(hints: Mapping[str, Any]) -> dict[str, ColumnType | None]:
    found: dict[str, ColumnType | None] = {}
    for name, hint in hints.items():
        try:
            found[name] = column_type(split_optional(hint)[0])
        except (ValueError, TypeError):
            found[name] = None
    return found


def of_shape(shape: Shape, result: Result, dialect: Dialect) -> list[Any]:
    made: list[Any] = []
    for number, row in enumerate(result.rows, 1):
        values = {
            name: stored_value(value, shape.types.get(name), dialect)
            for name, value in zip(result.names, row, strict=True)
            if not shape.closed or name in shape.types
        }
        try:
            made.append(shape.adapter.validate_python(values))
        except ValidationError as error:
            raise unfit(shape, result, number, error) from error
    return made


def stored_value(value: Any, type: ColumnType | None, dialect: Dialect) -> Any:
    """A value as ferro would have stored it in a column of this type: loaded; any other is left to Pydantic."""
    load = type.stored[dialect.name].load if type else None
    if type is None or load is None or value is None:
        return value
    if dialect.name == "sqlite" and not isinstance(value, STORED_ON_SQLITE.get(type.kind, str)):
        return value
    try:
        return load(value)
    except (ValueError, TypeError, AttributeError, ArithmeticError):
        return value


def unfit(shape: Shape, result: Result, number: int, error: ValidationError) -> DataError:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(map(str, problem["loc"]))
    if problem["type"] in ("missing", "missing_argument"):
        return DataError(
            f"the result has no column {field!r}, which {shape.name} needs; its columns are {', '.join(result.names)}"
        )
    return DataError(f"row {number} of the result is no {shape.name}: {field}: {problem['msg']}")
