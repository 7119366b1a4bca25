"""What is inside a document: `u.meta["a"][0]`, `col(u.meta).contains({...})`, `p.meta.merge({...})`.

A missing key and a JSON null are both null. What a part of a document is compared with says what it is
compared as; by itself it is the JSON value, and `cast()` makes it a value of one type.
"""

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from ferro.errors import QueryError, UnknownColumnError
from ferro.query.expressions import Cast, ColumnRef, Expression, Shape, Value, Values, is_expression, literal
from ferro.query.kinds import MEANINGS, described, type_for
from ferro.query.operators import Operation, Question
from ferro.query.sources import Source
from ferro.query.sqltext import ATOM, COMPARE, OR, Text
from ferro.query.writer import Writer, as_json, each, filled
from ferro.schema.table import Column
from ferro.types import split_optional
from ferro.types.annotations import unwrap
from ferro.types.base import ColumnType, Stored
from ferro.types.document import PART

T = TypeVar("T")

# What a part is compared as, beside an expression of each kind.
COMPARED_AS: dict[str, Any] = {"text": str, "int": Decimal, "decimal": Decimal, "float": float, "bool": bool}
# Annotations whose values JSON has as they are: a field of one is read as a value of that type.
PLAIN = (str, int, float, bool)


class Path(Expression[T]):
    """What keys and indices lead to inside a document; `python_type` is what is known of it."""

    __slots__ = ("base", "keys", "python_type", "steps")

    def __init__(self, base: Expression[Any], steps: tuple[Value[Any], ...], keys: str, python_type: Any) -> None:
        self.base = base
        self.steps = steps
        self.keys = keys
        self.python_type = python_type

    @property
    def type(self) -> ColumnType:
        return PART

    @property
    def label(self) -> str:
        return f"{self.base.label}{self.keys}"

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return (self.base, *self.steps)

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("path", len(self.steps))
        self.base.collect(shape, values, arrays)
        for step in self.steps:
            step.collect(shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """The document, with each step on its way a parameter."""
        forms = writer.dialect.forms
        found = writer.comparable(writer.write(self.base), self.base.type)
        for step in self.steps:
            found = Text(filled(forms[f"step:{step.kind}"], found, writer.parameter(step), level=OR), OR)
        return Text(filled(forms["path"], found, level=OR), ATOM)

    def __getattr__(self, name: str) -> Expression[Any]:
        return attribute(self, name)

    def __repr__(self) -> str:
        return self.label


class DocumentRef(ColumnRef[T]):
    """A column of documents: if they are models or dataclasses, their fields are its attributes."""

    __slots__ = ()

    def write(self, writer: Writer) -> Text:
        """The column itself."""
        return writer.column(self)

    def __getattr__(self, name: str) -> Expression[Any]:
        return attribute(self, name)


def reference(source: Source, column: Column) -> ColumnRef[Any]:
    """A column as a predicate finds it."""
    return DocumentRef[Any](source, column) if column.type.kind == "json" else ColumnRef[Any](source, column)


# Steps.


def item(found: Expression[Any], step: object) -> Path[Any]:
    """The value under a key of an object, or at an index of a list."""
    if isinstance(step, str):
        key: Value[Any] = literal(step, found, type_for(str))
    elif isinstance(step, int) and not isinstance(step, bool) and -(2**31) <= step < 2**31:
        key = literal(step, found, type_for(int))
    else:
        raise QueryError(f"{found.label}[...] takes a key or an index, got {step!r}")
    return stepped(found, key, f"[{step!r}]", inside(known(found), step))


def stepped(found: Expression[Any], key: Value[Any], spelling: str, python_type: Any) -> Path[Any]:
    if isinstance(found, Path):
        return Path[Any](found.base, (*found.steps, key), found.keys + spelling, python_type)
    return Path[Any](found, (key,), spelling, python_type)


def attribute(found: Expression[Any], name: str) -> Expression[Any]:
    """A field of a nested model: of a plain type it is a value of that type, else a part of the document."""
    if name.startswith("_") or name in ("column", "source", "key", "base", "steps", "keys", "python_type"):
        raise AttributeError(name)
    cls = known(found)
    declared = fields_of(cls)
    if not declared:
        raise AttributeError(f"{found.label} has no attribute {name!r}: the parts of a document are {found.label}[...]")
    if name not in declared:
        raise UnknownColumnError(f"{cls.__name__} has no field {name!r}; its fields are {', '.join(declared)}")
    key, annotation = declared[name]
    path = stepped(found, literal(key, found, type_for(str)), f".{name}", annotation)
    return Cast[Any](path, type_for(annotation)) if annotation in PLAIN else path


def known(found: Expression[Any]) -> Any:
    """What Python type a document or a part of it has, as far as its model says."""
    if isinstance(found, Path):
        return found.python_type
    return found.type.python_type if found.type else None


def inside(python_type: Any, step: str | int) -> Any:
    """The Python type of what is under a key or index; None when nothing is known."""
    arguments = get_args(python_type)
    if arguments and get_origin(python_type) in (list, dict):
        return bare(arguments[-1])
    found = fields_of(python_type)
    return next((annotation for key, annotation in found.values() if key == step), None)


def fields_of(cls: Any) -> dict[str, tuple[str, Any]]:
    """The fields of a model or dataclass: the key in JSON and the type of each."""
    if isinstance(cls, type) and issubclass(cls, BaseModel):
        return {
            name: (field.serialization_alias or field.alias or name, bare(field.annotation))
            for name, field in cls.model_fields.items()
        }
    if isinstance(cls, type) and is_dataclass(cls):
        hints = get_type_hints(cls)
        return {field.name: (field.name, bare(hints[field.name])) for field in fields(cls)}
    return {}


def bare(annotation: Any) -> Any:
    return unwrap(split_optional(annotation)[0])


# Comparing.


def comparable(left: Expression[Any], operator: str, other: object) -> tuple[Expression[Any], object]:
    """Two sides, one of which is a document: a part of one is compared as what stands beside it."""
    if is_expression(other):
        if is_part(left) and other.kind in COMPARED_AS:
            return as_type(left, COMPARED_AS[other.kind]), other
        if is_part(other) and left.kind in COMPARED_AS:
            return left, as_type(other, COMPARED_AS[left.kind])
    elif is_part(left) and operator not in ("==", "!="):
        if isinstance(other, str):
            return as_type(left, str), other
        if isinstance(other, (int, float, Decimal)) and not isinstance(other, bool):
            return as_type(left, Decimal), other
        raise QueryError(f"{left.label} {operator} {other!r}: only texts and numbers in a document have an order")
    return left, other


def is_part(found: Expression[Any]) -> bool:
    return found.type is PART


def as_type(found: Expression[Any], python_type: Any) -> Expression[Any]:
    return Cast[Any](found, type_for(python_type))


# Containment and keys.


TEXT = type_for(str)
# Several keys as one parameter: an array, or a JSON list where there are no arrays.
KEYS = ColumnType(
    name="list of keys",
    python_type=list,
    kind="keys",
    accept=list,
    stored={
        "sqlite": Stored("json_text", dump=as_json(TEXT.stored["sqlite"])),
        "postgresql": Stored("text[]", dump=each(TEXT.stored["postgresql"])),
    },
)


def written(writer: Writer, name: str, operands: tuple[Expression[Any], ...], level: int) -> Text:
    texts = [writer.comparable(writer.write(one), one.type) for one in operands]
    return Text(filled(writer.dialect.forms[f"json:{name}"], *texts), level)


class Inspected(Question):
    """A question about what is in a document."""

    __slots__ = ()

    def write(self, writer: Writer) -> Text:
        """An operator, or a function of ferro's."""
        return written(writer, self.name, self.operands, COMPARE)

    def __repr__(self) -> str:
        return f"{self.operands[0]!r}.{self.name}({self.operands[1]!r})"


class Derived(Operation[T]):
    """A document with something done to it, or a number that says how large it is."""

    __slots__ = ()

    def write(self, writer: Writer) -> Text:
        """A call, or a CASE in which nothing but an object is changed."""
        return written(writer, self.name, self.operands, OR if self.name != "length" else ATOM)

    def __repr__(self) -> str:
        return f"{self.operands[0]!r}.{self.name}({', '.join(map(repr, self.operands[1:]))})"


def containing(name: str) -> Callable[[Expression[Any], object], Expression[bool]]:
    def contained(found: Expression[Any], other: object) -> Expression[bool]:
        if not is_expression(other):
            other = part(other, found, f"{name}()")
        elif other.kind not in ("json", ""):
            raise QueryError(f"{found.label}.{name}() expects a document, got {other.label}: it is {described(other)}")
        return Inspected(name, found, other)

    return contained


def part(value: object, beside: Expression[Any], call: str) -> Value[Any]:
    """A value as JSON has it."""
    try:
        return Value(PART.accept(value), PART, beside)
    except ValueError:
        raise QueryError(
            f"{beside.label}.{call} takes a text, number, bool, dict or list, got {value!r}: give it as JSON has it"
        ) from None


def has_key(found: Expression[Any], name: object) -> Expression[bool]:
    return Inspected("has_key", found, key_of(name, found, "has_key"))


def having(name: str) -> Callable[[Expression[Any], object], Expression[bool]]:
    return lambda found, names: Inspected(name, found, keys_of(names, found, name))


def key_of(name: object, found: Expression[Any], call: str) -> Value[Any]:
    if not isinstance(name, str):
        raise QueryError(f"{found.label}.{call}() takes texts as keys, got {name!r}")
    return literal(name, found, type_for(str))


def keys_of(names: object, found: Expression[Any], call: str) -> Value[list[str]]:
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise QueryError(f"{found.label}.{call}() takes a list of keys, got {names!r}")
    return Value([key_of(name, found, call).value for name in cast(Iterable[object], names)], KEYS, found)


def length(found: Expression[Any]) -> Expression[int]:
    return Derived("length", (found,), type_for(int))


# Changes.


def merge(found: Expression[Any], patch: object) -> Expression[Any]:
    must_be_object(found, "merge")
    if is_expression(patch):
        if patch.kind not in ("json", ""):
            raise QueryError(f"{found.label}.merge() expects a dict, got {patch.label}: it is {described(patch)}")
        return Derived("merge", (found, patch), found.type)
    if not isinstance(patch, dict):
        raise QueryError(f"{found.label}.merge() expects a dict, got {patch!r}")
    given = cast(dict[Any, Any], patch)
    # Its values are of the type that the column's are; a part of a model is only as good as who writes it.
    of_dict = found.type is not None and found.type is not PART and get_origin(found.type.python_type) is dict
    return Derived("merge", (found, literal(given, found) if of_dict else part(given, found, "merge()")), found.type)


def without(found: Expression[Any], names: object) -> Expression[Any]:
    must_be_object(found, "without")
    return Derived("without", (found, keys_of(names, found, "without")), found.type)


def must_be_object(found: Expression[Any], call: str) -> None:
    cls = known(found)
    if (get_origin(cls) or cls) in (list, set, frozenset, tuple):
        raise QueryError(
            f"{call}() has no meaning for {found.label}: it is {described(found)}, not an object with keys"
        )


MEANINGS.update(
    {
        ("json", "[]"): item,
        ("json", "compare"): comparable,
        ("json", "contains"): containing("contains"),
        ("json", "contained_by"): containing("contained_by"),
        ("json", "has_key"): has_key,
        ("json", "has_any_key"): having("has_any_key"),
        ("json", "has_all_keys"): having("has_all_keys"),
        ("json", "length"): length,
        ("json", "merge"): merge,
        ("json", "without"): without,
    }
)
