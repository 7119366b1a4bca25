"""What a user writes in a class body: how a field becomes a column."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import Enum
from inspect import signature
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeAlias, TypedDict, TypeVar, Unpack, cast, overload

from pydantic import AliasChoices, AliasPath, Discriminator
from pydantic import Field as PydanticField
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ferro.errors import ModelDefinitionError

FERRO_FIELD_EXTRA_KEY = "ferro_field"
PLAIN_KEYS = frozenset({"primary_key", "autoincrement", "unique", "index", "db_type", "db_check"})

FerroNullable: TypeAlias = bool | Literal["infer"]
Stamp: TypeAlias = Literal["created", "updated", "deleted"]

T = TypeVar("T")

ACTIONS = ("CASCADE", "RESTRICT", "SET NULL", "SET DEFAULT", "NO ACTION")


class SetByDatabase(Enum):
    """The value of a field that the database will fill in, until the row is saved."""

    VALUE = "<set by the database>"

    def __repr__(self) -> str:
        return self.value

    __str__ = __repr__


SET_BY_DATABASE: Any = SetByDatabase.VALUE


@dataclass(frozen=True, slots=True)
class FerroField:
    """How a field becomes a column: `id: Annotated[int | None, FerroField(primary_key=True)] = None`.

    Attributes:
        primary_key: it is the primary key, or one of its columns.
        autoincrement: the database numbers it; None means: when it is the only, integer primary key.
        nullable: whether the column may be null; "infer" follows the annotation.
        db_type: the column type to use instead of the usual one: "text", "bigint", `varchar(80)`.
        db_check: let the database refuse what is not a member of the enum.
        db_default: what the database fills in when a row leaves the column out: a value, or an
            expression such as `now`.
        column: the column's name in the database, when it is not the field's.
        version: it counts how often the row was changed, and a row changed by someone else is not written.
        stamp: ferro writes down in it when the row was "created", last "updated", or "deleted". A model with
            the last keeps its deleted rows, out of the sight of its queries.
    """

    primary_key: bool = False
    autoincrement: bool | None = None
    unique: bool = False
    index: bool = False
    nullable: FerroNullable = "infer"
    db_type: str | None = None
    db_check: bool = False
    db_default: object | None = None
    column: str | None = None
    version: bool = False
    stamp: Stamp | None = None

    def __post_init__(self) -> None:
        check_nullable(self.nullable, "FerroField")


DEFAULTS: dict[str, object] = {field.name: field.default for field in fields(FerroField)}


class PydanticOptions(TypedDict, total=False):
    """The keywords of Pydantic's own `Field`, which keep their meaning."""

    default_factory: Callable[[], Any] | Callable[[dict[str, Any]], Any] | None
    alias: str | None
    alias_priority: int | None
    validation_alias: str | AliasPath | AliasChoices | None
    serialization_alias: str | None
    title: str | None
    field_title_generator: Callable[[str, FieldInfo], str] | None
    description: str | None
    examples: list[Any] | None
    exclude: bool | None
    exclude_if: Callable[[Any], bool] | None
    discriminator: str | Discriminator | None
    deprecated: str | bool | None
    json_schema_extra: dict[str, Any] | Callable[[dict[str, Any]], None] | None
    frozen: bool | None
    validate_default: bool | None
    repr: bool
    kw_only: bool | None
    pattern: str | re.Pattern[str] | None
    strict: bool | None
    coerce_numbers_to_str: bool | None
    gt: Any
    ge: Any
    lt: Any
    le: Any
    multiple_of: float | None
    allow_inf_nan: bool | None
    max_digits: int | None
    decimal_places: int | None
    min_length: int | None
    max_length: int | None
    union_mode: Literal["smart", "left_to_right"]
    fail_fast: bool | None


# What `Field` takes: those of Pydantic's former versions are for it to answer.
OPTIONS = frozenset({*DEFAULTS, *PydanticOptions.__annotations__, "init", "init_var"}) | {
    *("allow_mutation", "const", "include", "max_items", "min_items", "regex", "unique_items"),
}


def refuse_option(name: str) -> None:
    """Refuse a keyword nobody knows, which Pydantic would keep and never use; it may know newer ones than ferro does."""
    known = OPTIONS | signature(PydanticField).parameters.keys()
    if name not in known:
        close = next(iter(get_close_matches(name, known, n=1)), None)
        guess = f"; did you mean {close!r}?" if close else ""
        raise ModelDefinitionError(f"Field() has no option {name!r}{guess}")


# A checker leaves a field whose specifier says init=False out of the constructor. That is what
# db_default means to it, unless there is a default as well.
@overload
def Field(
    *,
    db_default: object,
    primary_key: bool = ...,
    autoincrement: bool | None = ...,
    unique: bool = ...,
    index: bool = ...,
    nullable: FerroNullable = ...,
    db_type: str | None = ...,
    db_check: bool = ...,
    column: str | None = ...,
    init: Literal[False] = False,
    **options: Unpack[PydanticOptions],
) -> Any: ...
@overload
def Field(
    *,
    version: Literal[True],
    index: bool = ...,
    nullable: FerroNullable = ...,
    db_type: str | None = ...,
    column: str | None = ...,
    init: Literal[False] = False,
    **options: Unpack[PydanticOptions],
) -> Any: ...
@overload
def Field(
    *,
    stamp: Stamp,
    default_factory: Callable[[], Any],
    index: bool = ...,
    nullable: FerroNullable = ...,
    db_type: str | None = ...,
    column: str | None = ...,
) -> Any: ...
@overload
def Field(
    *,
    stamp: Stamp,
    index: bool = ...,
    nullable: FerroNullable = ...,
    db_type: str | None = ...,
    column: str | None = ...,
    init: Literal[False] = False,
    **options: Unpack[PydanticOptions],
) -> Any: ...
@overload
def Field(
    default: Any = ...,
    *,
    back_ref: Literal[True],
) -> Any: ...
@overload
def Field(
    default: Any = ...,
    *,
    many_to_many: Literal[True],
    related_name: str,
    through: str | type | None = ...,
    reverse_index: bool = ...,
    through_fields: tuple[str, str] | None = ...,
) -> Any: ...
@overload
def Field(
    default: Any = ...,
    *,
    primary_key: bool = ...,
    autoincrement: bool | None = ...,
    unique: bool = ...,
    index: bool = ...,
    nullable: FerroNullable = ...,
    db_type: str | None = ...,
    db_check: bool = ...,
    db_default: object | None = ...,
    column: str | None = ...,
    version: bool = ...,
    stamp: Stamp | None = ...,
    **options: Unpack[PydanticOptions],
) -> Any: ...
def Field(default: Any = PydanticUndefined, **options: Any) -> Any:
    """Pydantic's `Field`, and how the field becomes a column: `Field(default=None, primary_key=True)`.

    Takes every keyword of `pydantic.Field`, and those of `FerroField`. A field with `db_default` and
    no default may be left out of the constructor: its value comes back from the database.
    """
    if options.keys() & {"back_ref", "many_to_many"}:
        return relation_field(options)
    if unknown := options.keys() - OPTIONS:
        refuse_option(min(unknown))
    column = {name: options.pop(name) for name in DEFAULTS if name in options}
    check_nullable(column.get("nullable", "infer"), "Field")
    if column:
        options["json_schema_extra"] = with_column(options.get("json_schema_extra"), column)
    if column.get("db_default") is not None and default is PydanticUndefined and "default_factory" not in options:
        options["default_factory"] = set_by_database
    if column.get("version") and default is PydanticUndefined and "default_factory" not in options:
        default = 1
    if (stamp := column.get("stamp")) and default is PydanticUndefined and "default_factory" not in options:
        options["default_factory"] = DEFAULT_STAMPS.get(stamp, utc_now)
    options.pop("init", None)
    return PydanticField(default, **options)


def relation_field(options: dict[str, Any]) -> Any:
    """What `Field(back_ref=True)` and `Field(many_to_many=True, related_name=...)` stand for."""
    back_ref, many_to_many = options.pop("back_ref", False), options.pop("many_to_many", False)
    if back_ref and many_to_many:
        raise ModelDefinitionError("a field cannot be both back_ref and many_to_many: keep one of them")
    if many_to_many:
        if not options.get("related_name"):
            raise ModelDefinitionError("Field(many_to_many=True) needs related_name=, the name of the other direction")
        return ManyToManyField(**options)
    if options:
        raise ModelDefinitionError(
            f"Field(back_ref=True) takes no {', '.join(options)}: say it where the relation is declared"
        )
    return BackReference(by_field=True)


def set_by_database() -> Any:
    return SET_BY_DATABASE


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


# What a new instance holds: the moment it was made, until its row is; and nothing of its end.
DEFAULT_STAMPS: dict[str, Callable[[], datetime | None]] = {"deleted": lambda: None}


def with_column(extra: object, column: dict[str, Any]) -> dict[str, Any]:
    """The field's extra JSON schema, with how it becomes a column."""
    if callable(extra):
        raise ModelDefinitionError(
            f"Field cannot keep {', '.join(column)} in a json_schema_extra that is a callable: "
            "use a dict, or Annotated[..., FerroField(...)]"
        )
    return {
        **cast("dict[str, Any]", extra or {}),
        FERRO_FIELD_EXTRA_KEY: {name: as_json(value) for name, value in column.items()},
    }


class Carried(str):
    """An option that JSON has no word for: its text, for the JSON schema, and the value itself."""

    __slots__ = ("value",)

    value: object

    def __new__(cls, value: object) -> Self:
        carried = super().__new__(cls, value)
        carried.value = value
        return carried


def as_json(value: object) -> object:
    return value if value is None or type(value) in (bool, int, float, str) else Carried(value)


def column_options(name: str, info: FieldInfo) -> FerroField | None:
    """What ferro was told about a field, or None when it was told nothing."""
    found = [option for option in info.metadata if isinstance(option, FerroField)]
    kept = extra_schema(info).get(FERRO_FIELD_EXTRA_KEY)
    if isinstance(kept, dict):
        options = cast("dict[str, Any]", kept)
        found.append(FerroField(**{key: carried(value) for key, value in options.items()}))
    if len(found) > 1:
        raise ModelDefinitionError(
            f"Field {name!r} cannot declare Ferro field metadata twice (in FerroField and in Field): keep one of them"
        )
    return found[0] if found else None


def plain_options(info: FieldInfo) -> FerroField:
    """What plain Pydantic says: `pydantic.Field(json_schema_extra={"primary_key": True})`."""
    extra = extra_schema(info)
    return FerroField(**{key: extra[key] for key in PLAIN_KEYS if key in extra})


def extra_schema(info: FieldInfo) -> dict[str, Any]:
    extra = info.json_schema_extra
    return cast("dict[str, Any]", extra) if isinstance(extra, dict) else {}


def carried(value: object) -> Any:
    return value.value if isinstance(value, Carried) else value


def check_nullable(value: object, owner: str) -> None:
    if value != "infer" and not isinstance(value, bool):
        raise ModelDefinitionError(f"{owner} nullable must be 'infer', True, or False")


def varchar(length: int) -> str:
    """A text column of at most so many characters: `Field(db_type=varchar(80))`."""
    if type(length) is not int or length <= 0:
        raise ModelDefinitionError(f"the length of a varchar must be a positive number, not {length!r}")
    return f"varchar({length})"


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A relation to one row of another model: `author: Annotated[Author, ForeignKey(related_name="books")]`.

    The column beside it is called `author_id`, and holds the key of that row.

    Attributes:
        related_name: the field of the other model that leads back here, where it has one.
        on_delete: what becomes of this row when the other is deleted: "CASCADE", "RESTRICT", "SET NULL",
            "SET DEFAULT" or "NO ACTION".
        on_update: the same for when its key changes.
        unique: no two rows refer to the same one: the way back is a single instance.
        index: an index on the column.
        nullable: whether it may be None; "infer" follows the annotation, and on_delete="SET NULL".
        references: the field of the other model whose value the column holds, instead of the primary key: it must
            be unique there. A tuple of fields for a unique key of several columns.
    """

    related_name: str | None = None
    on_delete: str = "CASCADE"
    on_update: str | None = None
    unique: bool = False
    index: bool = False
    nullable: FerroNullable = "infer"
    references: str | tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_nullable(self.nullable, "ForeignKey")
        check_references(self.references)
        if self.related_name is not None:
            check_related_name("ForeignKey", self.related_name)
        for option in ("on_delete", "on_update"):
            object.__setattr__(self, option, read_action(option, getattr(self, option)))
            if getattr(self, option) == "SET NULL" and self.nullable is False:
                raise ModelDefinitionError(
                    f'ForeignKey({option}="SET NULL", nullable=False): the column would have to hold the NULL; '
                    "leave nullable out, or choose another action"
                )


def check_references(names: object) -> None:
    given = cast("tuple[object, ...]", names) if isinstance(names, tuple) else (names,)
    if names is not None and (not given or not all(isinstance(name, str) for name in given)):
        raise ModelDefinitionError(
            f"ForeignKey references= names a field of the other model, or several, not {names!r}"
        )


def read_action(option: str, action: object) -> str | None:
    if action is None and option == "on_update":
        return None
    if not isinstance(action, str) or action.upper() not in ACTIONS:
        raise ModelDefinitionError(f"ForeignKey {option} is {action!r}; it is one of {', '.join(map(repr, ACTIONS))}")
    return action.upper()


@dataclass(frozen=True, slots=True)
class ManyToManyField:
    """A relation to many rows, each of which has many: `Annotated[list["Tag"], ManyToManyField(related_name="posts")]`.

    Attributes:
        related_name: the field of the other model that leads back here, where it has one.
        through: the model whose rows are the links, or its name; or the name of a table that holds nothing but the
            two keys, which is that of this table and the field when left out.
        reverse_index: an index for the way back, in a table of nothing but keys.
        through_fields: which foreign keys of the model lead here and there, where it has several:
            `("follower", "followed")`.
    """

    related_name: str
    through: str | type | None = None
    reverse_index: bool = False
    through_fields: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        check_related_name("a many-to-many relation", self.related_name)
        check_through(self.through)
        check_through_fields(self.through_fields)
        if self.through_fields is not None and self.through is None:
            raise ModelDefinitionError("through_fields= chooses foreign keys of a model: name it with through=")


def check_related_name(owner: str, name: object) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise ModelDefinitionError(
            f"{owner}: related_name= is the name of the field of the other model that leads back, not {name!r}"
        )


def check_through(through: object) -> None:
    if isinstance(through, type) and not hasattr(through, "__ferro_read__"):
        raise ModelDefinitionError(f"through={through.__name__} is not a ferro model: inherit from ferro.Model")
    if not isinstance(through, str | type | None):
        raise ModelDefinitionError(f"through= takes a model, its name or that of a table, not {through!r}")


def check_through_fields(names: object) -> None:
    if names is None:
        return
    given = cast("tuple[object, ...]", names) if isinstance(names, tuple) else ()
    if len(given) != 2 or not all(isinstance(name, str) for name in given):
        raise ModelDefinitionError(
            "through_fields= takes the names of two foreign keys, that to this model first, "
            f'such as ("follower", "followed"), not {names!r}'
        )
    if given[0] == given[1]:
        raise ModelDefinitionError(f"through_fields= names {given[0]!r} twice: a link has a foreign key for each side")


def ManyToMany(
    *,
    related_name: str,
    through: str | type | None = None,
    reverse_index: bool = False,
    through_fields: tuple[str, str] | None = None,
) -> Any:
    """A relation to many rows, each of which has many: `tags: Relation[list["Tag"]] = ManyToMany(related_name="posts")`.

    `through=` names a model whose rows are the links, with columns of their own.
    """
    return ManyToManyField(related_name, through, reverse_index, through_fields)


@dataclass(frozen=True, slots=True)
class BackReference:
    """The mark of a field that leads back: made by `BackRef()` and by `Field(back_ref=True)`."""

    by_field: bool = False


if TYPE_CHECKING:

    class BackRef(Generic[T]):
        """The way back: `posts: BackRef[list["Post"]] = None`, or `Relation[list["Post"]] = BackRef()`."""

        def __new__(cls) -> Any: ...
        def __get__(self, instance: Any, owner: Any, /) -> Any: ...

else:

    class BackRef(Generic[T]):
        """The way back: `posts: BackRef[list["Post"]] = None`, or `Relation[list["Post"]] = BackRef()`."""

        def __new__(cls) -> BackReference:
            return BackReference()


class RelationMark(Generic[T]):
    """What `Relation[...]` is at run time: an annotation, and nothing else."""
