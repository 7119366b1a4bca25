"""Reading an annotation: what is inside its wrappers, and whether it may be None."""

import re
import types
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin

NONE = type(None)
TOKENS = (
    "text",
    "varchar(n)",
    "smallint",
    "int",
    "bigint",
    "uuid",
    "timestamp",
    "timestamptz",
    "date",
    "time",
    "json",
    "jsonb",
    "array",
)
VARCHAR = re.compile(r"varchar\(\s*(\d+)\s*\)")


@dataclass(frozen=True, slots=True)
class DbType:
    """What a field's `db_type` says: a token, and the length of a `varchar`."""

    token: str
    length: int | None = None

    def __str__(self) -> str:
        return self.token if self.length is None else f"{self.token}({self.length})"


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a column is asked to hold.

    Attributes:
        annotation: the type as the model says it.
        inner: the same without `Annotated`, aliases and `NewType`.
        db_type: the database type the model asks for, or None for ferro's choice.
        enum_values: a row holds the values of members of an enumeration, as with Pydantic's `use_enum_values`.
    """

    annotation: Any
    inner: Any
    db_type: DbType | None
    enum_values: bool = False

    @property
    def name(self) -> str:
        return spell(self.inner)

    def token(self, *allowed: str) -> str | None:
        """The token asked for, which must be one of these; None when none is asked for."""
        if self.db_type is None:
            return None
        if self.db_type.token in allowed:
            return self.db_type.token
        fits = f"it can be {listed(allowed)}" if allowed else "leave db_type out"
        raise ValueError(f'{self.name} cannot be stored as db_type="{self.db_type}": {fits}')


def read_db_type(text: str | None) -> DbType | None:
    """Read what a user wrote: `"bigint"`, `"varchar(80)"`."""
    if text is None:
        return None
    token = text.strip().lower()
    if token in TOKENS:
        return DbType(token)
    if (found := VARCHAR.fullmatch(token)) and int(found[1]) > 0:
        return DbType("varchar", int(found[1]))
    raise ValueError(f"db_type {text!r} is not known: use one of {', '.join(TOKENS)}, with n at least 1")


def split_optional(annotation: Any) -> tuple[Any, bool]:
    """Take the None out of an annotation: `int | None` is `(int, True)`, `int` is `(int, False)`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner, nullable = split_optional(arguments[0])
        return (annotate(inner, arguments[1:]), True) if nullable else (annotation, False)
    if (target := alias_target(annotation)) is not None:
        inner, nullable = split_optional(target)
        return (inner, True) if nullable else (annotation, False)
    if is_union(annotation) or (origin is Literal and None in arguments):
        return without_none(annotation)
    return annotation, False


def without_none(union: Any) -> tuple[Any, bool]:
    arguments = get_args(union)
    if get_origin(union) is Literal:
        kept = tuple(value for value in arguments if value is not None)
        return (Literal[kept] if kept else NONE), True
    members = [split_optional(argument) for argument in arguments if argument is not NONE]
    if len(members) == len(arguments) and not any(nullable for _, nullable in members):
        return union, False
    kept = tuple(inner for inner, _ in members)
    return (Union[kept] if kept else NONE), True  # noqa: UP007


def unwrap(annotation: Any) -> Any:
    """The type inside `Annotated`, aliases and `NewType`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif (target := alias_target(annotation)) is not None:
            annotation = target
        elif (base := getattr(annotation, "__supertype__", None)) is not None:
            annotation = base
        else:
            return annotation


def alias_target(annotation: Any) -> Any:
    """What a `type X = ...` alias stands for, its parameters filled in; None for anything else."""
    alias = get_origin(annotation)
    if not is_alias(alias):
        return annotation.__value__ if is_alias(annotation) else None
    given = dict(zip(alias.__type_params__, get_args(annotation), strict=False))
    target = alias.__value__
    if target in given:
        return given[target]
    wanted = tuple(given.get(parameter, parameter) for parameter in getattr(target, "__parameters__", ()))
    return target[wanted] if wanted else target


def is_alias(annotation: Any) -> bool:
    # Told by its attributes: the class lives in typing from Python 3.12 on, before that in
    # typing_extensions, and there may be both.
    return (
        not isinstance(annotation, type) and hasattr(annotation, "__value__") and hasattr(annotation, "__type_params__")
    )


def is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def annotate(inner: Any, metadata: tuple[Any, ...]) -> Any:
    return Annotated[(inner, *metadata)]


def spell(annotation: Any) -> str:
    """The annotation as a user would write it."""
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    if get_origin(annotation) is Literal:
        return f"Literal[{', '.join(spell_value(value) for value in get_args(annotation))}]"
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return re.sub(r"\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])", "", str(annotation))


def spell_value(value: object) -> str:
    return str(value) if isinstance(value, Enum) else repr(value)


def listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
