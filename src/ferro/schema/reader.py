"""From a model class to its table: what the fields say, checked and named."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeGuard, cast, get_args
from warnings import warn

from pydantic import BaseModel, PydanticUndefinedAnnotation
from pydantic.fields import FieldInfo

from ferro.errors import ModelDefinitionError
from ferro.fields import FerroField, ForeignKey, column_options, plain_options
from ferro.rules import Check, RowPolicy, RowSecurity, Scope
from ferro.schema.relations import foreign_keys_of, key_columns, make_relations
from ferro.schema.searched import read_search
from ferro.schema.table import (
    LONGEST_NAME,
    CheckConstraint,
    Column,
    Index,
    Policy,
    Secured,
    Table,
    Unique,
    can_be_named,
    constraint_name,
)
from ferro.types import column_type, split_optional
from ferro.types.annotations import unwrap

TABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Read:
    """A field as it was read: its column, and what else it asks of the table."""

    column: Column
    options: FerroField
    members: tuple[Enum, ...] = ()


def is_abstract(model: type[BaseModel]) -> bool:
    """Whether a class has no table: it says so, or is generic, or a generic with its parameters filled in."""
    generic = model.__pydantic_generic_metadata__
    return bool(model.__dict__.get("__ferro_abstract__") or generic["origin"] or generic["parameters"])


def is_complete(model: type[BaseModel]) -> bool:
    """Whether Pydantic knows what every annotation means."""
    complete = getattr(model, "__pydantic_fields_complete__", None)
    return model.__pydantic_complete__ if complete is None else complete


def complete(model: type[BaseModel]) -> None:
    """Resolve the names that were not defined yet when the class was."""
    try:
        model.model_rebuild()
    except PydanticUndefinedAnnotation as error:
        raise ModelDefinitionError(
            f"{model.__name__} refers to {error.name!r}, which is not defined: "
            f"define it first, or call {model.__name__}.model_rebuild() where it is"
        ) from error


def read_table(model: type[BaseModel]) -> Table:
    """Read the table of a complete model."""
    fields = [read_field(model, name, info) for name, info in model.model_fields.items()]
    number_the_key(model, fields)
    check_column_names(model, fields)
    if len(versions := [field.column.field for field in fields if field.column.version]) > 1:
        raise ModelDefinitionError(
            f"{model.__name__}: a row has one version, and {' and '.join(versions)} both count it"
        )
    if len(ends := [field.column.field for field in fields if field.column.stamp == "deleted"]) > 1:
        raise ModelDefinitionError(f"{model.__name__}: a row is deleted once, and {' and '.join(ends)} both say when")
    table = Table(table_name(model), model, tuple(field.column for field in fields))
    groups = Groups(table)
    unique_keys, indexed_keys = keyed(table)
    uniques = [
        *(groups.unique([field.column]) for field in fields if field.options.unique and not alone_in_key(table, field)),
        *(groups.unique(columns) for columns in unique_keys),
        *(groups.unique(columns) for columns in groups.declared("__ferro_composite_uniques__")),
    ]
    taken = [unique.columns for unique in uniques]
    indexes = [
        *(groups.index([field.column]) for field in fields if field.options.index and (field.column,) not in taken),
        *(groups.index(columns) for columns in indexed_keys),
        *(groups.index(columns) for columns in without(taken, groups.declared("__ferro_composite_indexes__"), table)),
    ]
    checks = [
        *(groups.check(field.column.name, is_member(field)) for field in fields if field.options.db_check),
        *(groups.check(check.suffix, check.predicate) for check in declared_checks(model)),
    ]
    return replace(
        table,
        uniques=tuple(uniques),
        indexes=tuple(indexes),
        checks=tuple(checks),
        relations=make_relations(model),
        scopes=declared_scopes(model),
        search=read_search(table),
        secured=read_security(table),
    )


def keyed(table: Table) -> tuple[list[tuple[Column, ...]], list[tuple[Column, ...]]]:
    """The foreign keys that are unique, and those that are indexed."""
    unique: list[tuple[Column, ...]] = []
    indexed: list[tuple[Column, ...]] = []
    for declared in foreign_keys_of(table.model).values():
        key, columns = cast("ForeignKey", declared.marker), key_columns(table, declared)
        if key.unique and columns != table.primary_key:
            unique.append(columns)
        elif key.index and columns != table.primary_key:
            indexed.append(columns)
        if key.unique and key.index:
            warn(f"{declared.where}: it is unique, and so has an index already", UserWarning, stacklevel=2)
    return unique, indexed


# Columns.


def read_field(model: type[BaseModel], name: str, info: FieldInfo) -> Read:
    where = f"{model.__name__}.{name}"
    if not name.isidentifier():
        raise ModelDefinitionError(f"{where}: a field must be named by a Python identifier")
    options = column_options(name, info) or plain_options(info)
    inner, optional = split_optional(info.annotation)
    refuse_models(where, inner, options)
    try:
        enum_values = model.model_config.get("use_enum_values", False)
        kept_as = column_type(inner, db_type=options.db_type, enum_values=enum_values)
    except ValueError as error:
        raise ModelDefinitionError(f"{where}: {error}") from error
    if options.primary_key and options.nullable is True:
        raise ModelDefinitionError(f"{where}: a primary key cannot be nullable")
    nullable = optional if options.nullable == "infer" else options.nullable
    column = Column(
        name=options.column if options.column is not None else name,
        field=name,
        type=kept_as,
        nullable=nullable and not options.primary_key,
        primary_key=options.primary_key,
        default=options.db_default,
        version=options.version,
        stamp=options.stamp,
    )
    check_stamp(where, column)
    if options.version and (kept_as.kind != "int" or column.nullable or column.primary_key):
        raise ModelDefinitionError(f"{where}: a version is counted, so it is a plain int that is never None and no key")
    return Read(column, options, members(where, inner) if options.db_check else ())


def check_stamp(where: str, column: Column) -> None:
    if column.stamp is None:
        return
    if column.stamp not in STAMPS:
        raise ModelDefinitionError(f"{where}: stamp is {column.stamp!r}; it is one of {', '.join(map(repr, STAMPS))}")
    if column.type.kind != "datetime" or column.primary_key:
        raise ModelDefinitionError(f"{where}: a stamp is a moment, so it is a datetime with a time zone, and no key")
    if column.default is not None:
        raise ModelDefinitionError(
            f"{where}: a stamp is set by ferro, and db_default by the database: keep one of them"
        )
    if column.stamp == "deleted" and not column.nullable:
        raise ModelDefinitionError(f"{where}: a row that is not deleted has None in it, so it is a datetime | None")


STAMPS = ("created", "updated", "deleted")


def refuse_models(where: str, annotation: Any, options: FerroField) -> None:
    """A model inside a column would be a copy of a row: nearly always a forgotten foreign key."""
    held = [annotation, *get_args(annotation)]
    for model in (kind for kind in map(unwrap, held) if hasattr(kind, "__ferro_read__")):
        if options.db_type is None:
            raise ModelDefinitionError(
                f"{where}: {model.__name__} is a table of its own: say how the two are related "
                f'(Annotated[{model.__name__}, ForeignKey(...)]), or keep a copy with Field(db_type="json")'
            )


def number_the_key(model: type[BaseModel], fields: list[Read]) -> None:
    """Decide which column the database numbers: the only, integer primary key, unless told otherwise."""
    key = [field for field in fields if field.column.primary_key]
    # A key that is that of another row is given, never counted.
    given = {f"{name}_id" for name in foreign_keys_of(model)}
    for at, field in enumerate(fields):
        able = key == [field] and is_plain_integer(field.column) and field.column.field not in given
        if field.options.autoincrement and not (able and field.column.default is None):
            raise ModelDefinitionError(
                f"{model.__name__}.{field.column.field}: only a single integer primary key "
                "without db_default can be autoincrement"
            )
        if able and field.options.autoincrement is not False and field.column.default is None:
            fields[at] = replace(field, column=replace(field.column, autoincrement=True))


def is_plain_integer(column: Column) -> bool:
    python_type = column.type.python_type
    return column.type.kind == "int" and not (isinstance(python_type, type) and issubclass(python_type, Enum))


def alone_in_key(table: Table, field: Read) -> bool:
    return table.primary_key == (field.column,)


def members(where: str, annotation: Any) -> tuple[Enum, ...]:
    enum = unwrap(annotation)
    if isinstance(enum, type) and issubclass(enum, Enum):
        return tuple(enum)
    raise ModelDefinitionError(f"{where}: db_check needs an Enum, to know which values to allow")


def is_member(field: Read) -> Callable[[Any], object]:
    """The predicate of an enum column: its value is one of the members."""
    return lambda row: getattr(row, field.column.field).in_(field.members)


def check_column_names(model: type[BaseModel], fields: Sequence[Read]) -> None:
    seen: dict[str, str] = {}
    for column in (field.column for field in fields):
        where = f"{model.__name__}.{column.field}"
        if not can_be_named(column.name):
            raise ModelDefinitionError(
                f"{where}: a column is named by 1 to {LONGEST_NAME} bytes of text, not {column.name!r}; "
                'choose another name with Field(column="...")'
            )
        # SQLite tells names apart by their letters, not by their case.
        if (other := seen.setdefault(column.name.lower(), column.field)) != column.field:
            raise ModelDefinitionError(
                f"{where}: {other!r} already is the column {column.name!r}; "
                'choose another name with Field(column="...")'
            )


# Names.


def table_name(model: type[BaseModel]) -> str:
    given = model.__dict__.get("__ferro_table__")
    name = model.__name__.lower() if given is None else given
    if given is None and not can_be_named(name):
        raise ModelDefinitionError(
            f"{model.__name__}: a table is named by at most {LONGEST_NAME} bytes; "
            'choose a shorter name with __ferro_table__ = "..."'
        )
    if given is not None and not (can_be_named(name) and TABLE_NAME.fullmatch(name)):
        raise ModelDefinitionError(
            f"{model.__name__}.__ferro_table__ must be a name of at most {LONGEST_NAME} letters, digits and _, "
            f"not starting with a digit, not {name!r}"
        )
    return name


# Uniques, indexes and checks.


class Groups:
    """Makes what spans columns, and sees to it that no name is given twice."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.names: dict[str, str] = {}

    def unique(self, columns: Sequence[Column]) -> Unique:
        return Unique(self.name("uq", [column.name for column in columns]), tuple(columns))

    def index(self, columns: Sequence[Column]) -> Index:
        return Index(self.name("idx", [column.name for column in columns]), tuple(columns))

    def check(self, suffix: str, predicate: Callable[[Any], object]) -> CheckConstraint:
        return CheckConstraint(self.name("ck", [suffix]), predicate)

    def name(self, kind: str, parts: Sequence[str]) -> str:
        name = constraint_name(kind, self.table, parts)
        meant = ", ".join(parts)
        model = self.table.model.__name__
        if name in self.names:
            raise ModelDefinitionError(
                f"{model}: {meant} and {self.names[name]} would both be named {name!r}; "
                'choose a shorter table name with __ferro_table__ = "...", or drop one of them'
            )
        self.names[name] = meant
        return name

    def declared(self, attribute: str) -> list[tuple[Column, ...]]:
        """The groups of columns a model and its parents declare, parents first, each once."""
        found: dict[tuple[Column, ...], None] = {}
        for value in declared_values(self.table.model, attribute):
            for group in checked_groups(self.table, attribute, value):
                found[group] = None
        return list(found)


def declared_values(model: type, attribute: str) -> Iterator[Any]:
    """What each class says in its own body, parents first."""
    for owner in reversed(model.__mro__):
        if attribute in owner.__dict__:
            yield owner.__dict__[attribute]


def checked_groups(table: Table, attribute: str, groups: Any) -> Iterator[tuple[Column, ...]]:
    where = f"{table.model.__name__}.{attribute}"
    if not is_tuple(groups):
        raise ModelDefinitionError(f"{where} must be a tuple of tuples of field names, not {groups!r}")
    for group in groups:
        if not is_tuple(group):
            raise ModelDefinitionError(f"{where} must hold tuples of field names, not {group!r}")
        names = [name for name in group if isinstance(name, str) and name]
        if len(names) < len(group):
            raise ModelDefinitionError(f"{where} must name fields by non-empty strings, not {group!r}")
        if len(names) < 2:
            alone = "unique" if attribute == "__ferro_composite_uniques__" else "index"
            raise ModelDefinitionError(
                f"{where} needs at least two columns in {group!r}: for a single one use Field({alone}=True)"
            )
        if unknown := [name for name in names if name not in table.by_field]:
            raise ModelDefinitionError(
                f"{where} references unknown column {unknown[0]!r}: the fields are {', '.join(table.by_field)}"
            )
        if len(set(names)) < len(names):
            raise ModelDefinitionError(f"{where} names a column twice in {group!r}")
        yield tuple(table.by_field[name] for name in names)


def is_tuple(value: object) -> TypeGuard[tuple[object, ...]]:
    return isinstance(value, tuple)


def without(
    taken: Sequence[tuple[Column, ...]], groups: Sequence[tuple[Column, ...]], table: Table
) -> Iterator[tuple[Column, ...]]:
    """The groups that no unique constraint indexes already."""
    for group in groups:
        if group in taken:
            names = ", ".join(column.field for column in group)
            warn(f"{table.model.__name__}: ({names}) is unique, and so has an index already", UserWarning, stacklevel=2)
        else:
            yield group


def declared_checks(model: type) -> list[Check]:
    """The checks of a model and its parents; one of the same suffix replaces the parent's."""
    found: dict[str, Check] = {}
    where = f"{model.__name__}.__ferro_checks__"
    for value in declared_values(model, "__ferro_checks__"):
        checks = [check for check in value if isinstance(check, Check)] if is_tuple(value) else []
        if not is_tuple(value) or len(checks) < len(value):
            raise ModelDefinitionError(f"{where} must be a tuple of Check(...), not {value!r}")
        named = {check.suffix: check for check in checks}
        if len(named) < len(checks):
            raise ModelDefinitionError(f"{where} gives one name to two checks: {', '.join(c.suffix for c in checks)}")
        found |= named
    return list(found.values())


def declared_scopes(model: type) -> tuple[Callable[[Any], object], ...]:
    """The scopes of a model and its parents, parents first."""
    found: dict[Scope, None] = {}
    for value in declared_values(model, "__ferro_scope__"):
        if not isinstance(value, Scope):
            raise ModelDefinitionError(f"{model.__name__}.__ferro_scope__ must be a Scope(...), not {value!r}")
        found[value] = None
    return tuple(scope.predicate for scope in found)


# Row security.


def read_security(table: Table) -> Secured | None:
    """What the nearest class that says something says."""
    where = f"{table.model.__name__}.__ferro_rls__"
    declared = list(declared_values(table.model, "__ferro_rls__"))
    if not declared or declared[-1] is None:
        return None
    security = declared[-1]
    if not isinstance(security, RowSecurity):
        raise ModelDefinitionError(f"{where} must be RowSecurity(...), not {security!r}")
    made = tuple(read_policy(table, policy) for policy in security.policies)
    if len({policy.name for policy in made}) < len(made):
        raise ModelDefinitionError(f"{where}: two policies would both be named {made[0].name!r}: choose shorter names")
    return Secured(made, security.force)


def read_policy(table: Table, policy: RowPolicy) -> Policy:
    name = constraint_name("rls", table, [str(policy.name)])
    if policy.column is None or policy.setting is None:
        return Policy(name, policy.command, policy.restrictive, policy.using, policy.with_check)
    column = table.by_field.get(policy.column)
    if column is None:
        raise ModelDefinitionError(
            f"{table.model.__name__}.__ferro_rls__ references unknown column {policy.column!r}: "
            f"the fields are {', '.join(table.by_field)}"
        )
    return Policy(name, policy.command, policy.restrictive, matching=(column, policy.setting))
