"""Documents: lists, dicts, nested models and the like, as JSON (`jsonb` on PostgreSQL).

What is stored must come back equal, so every document is read again before it is sent, and refused
when it would differ: a tuple in a plain list, a key that is no text, a NaN.

Numbers are the reason for some care. PostgreSQL keeps those of a jsonb as `numeric`: exact, but it
forgets how they were written, and writes 1e+23 as an integer. A float with an exponent is therefore
written out, `100000000000000000000000.0`, which is a float again when it is read. Small ones need
nothing: 1e-7 comes back as 0.0000001. A negative zero comes back as zero, to which it is equal, and
keys may come back in another order, which makes no difference to a dict.
"""

import json
import re
from collections import Counter, abc, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import is_dataclass
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from typing import Any, TypeGuard, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Json, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import PydanticSerializationError, from_json, to_json

from ferro.caches import informing
from ferro.errors import DataError
from ferro.types.annotations import Asked, unwrap
from ferro.types.base import ColumnType, Convert, ConvertMany, Kinds, Stored
from ferro.types.functions import SqliteCollation
from ferro.types.values import is_dict, is_list, shown, unexpected, why_text_is_refused

COLLATION = "ferro_json"
TOKENS = ("jsonb", "json")

CONTAINERS: tuple[Any, ...] = (
    dict,
    list,
    set,
    frozenset,
    tuple,
    deque,
    defaultdict,
    Counter,
    abc.Sequence,
    abc.MutableSequence,
    abc.Mapping,
    abc.MutableMapping,
    abc.Set,
    abc.MutableSet,
)
FUNCTION: Any = get_origin(Callable[[], None])
SETS = (set, frozenset)
SCALARS = (bool, int, float, str, bytes, type(None))
# JSON has a word for each value of these, and whoever reads it gets the value back.
KEPT_BY_JSON = frozenset({str, int, bool, type(None)})
# A text of so few characters is nested too deeply for no reader, and has no number too long for one.
SHORT = 400
# What JSON itself is made of: read and written without Pydantic's help.
UNTYPED: tuple[Any, ...] = (Any, object)

STRING_OR_EXPONENT = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?e\+?\d+')
# A pattern that begins with a letter is looked for much faster.
EXPONENT = re.compile(r"e(?<=\de)\+?\d")
ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


# Any JSON: plain dicts and lists.


def write(value: Any) -> str:
    """JSON text that reads back as the same value on both databases."""
    return settle(to_json(value, inf_nan_mode="null").decode())


def settle(text: str) -> str:
    """Write floats out, so that they stay floats, and refuse what a jsonb cannot hold."""
    if "\\u0000" in text and ESCAPED_NUL.search(text):
        raise ValueError("a NUL character inside a document cannot be stored")
    if "NaN" in text or "Infinity" in text:
        from_json(text, allow_inf_nan=False)
    if EXPONENT.search(text):
        return STRING_OR_EXPONENT.sub(without_exponent, text)
    return text


def without_exponent(found: re.Match[str]) -> str:
    token = found[0]
    return token if token.startswith('"') else f"{Decimal(token):f}.0"


def dump_untyped(value: Any) -> str:
    try:
        text = to_json(value, inf_nan_mode="null").decode()
        if len(text) <= SHORT and "\\u0000" not in text and is_kept(value):
            return text
        text = settle(text)
        if from_json(text) == value:
            return text
        reason = f"{shown(value)} would not come back from JSON as it is"
    except ValueError as error:
        reason = str(error)
    try:
        reason = why_document_is_refused(value) or reason
    except RecursionError:
        reason = "the document contains itself, or is nested too deeply"
    raise ValueError(reason)


def is_kept(value: Any) -> bool:
    """Whether a value surely comes back from its JSON, so that nobody need read it: one of plain types only."""
    kind = value.__class__
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or not (type(item) in KEPT_BY_JSON or is_kept(item)):
                return False
        return True
    if kind is list:
        return KEPT_BY_JSON.issuperset(map(type, value)) or all(map(is_kept, value))
    # Between these a float is written without an exponent.
    return kind in KEPT_BY_JSON or (kind is float and 0.001 <= abs(value) < 1e15)


def dump_many_untyped(values: Sequence[Any]) -> Sequence[str] | None:
    """The texts of many documents, read again as one list."""
    try:
        texts = [to_json(value, inf_nan_mode="null").decode() for value in values]
        whole = f"[{','.join(texts)}]"
        if any(sign in whole for sign in ("\\u0000", "NaN", "Infinity")) or EXPONENT.search(whole):
            return None
        return texts if from_json(whole) == list(values) else None
    except (ValueError, RecursionError):
        return None


def why_document_is_refused(value: Any, path: str = "") -> str | None:
    """Say where a value is something that JSON has no word for."""
    at = f" at {path}" if path else ""
    if value is None or isinstance(value, (bool, int)):
        return None
    if isinstance(value, float):
        return None if isfinite(value) else f"{value}{at} has no place in JSON"
    if isinstance(value, str):
        reason = why_text_is_refused(value)
        return f"{shown(value)}{at} {reason}" if reason else None
    if is_list(value):
        return why_items_are_refused(value, path)
    if is_dict(value):
        return why_entries_are_refused(value, path)
    return (
        f"{shown(value)}{at} is a {type(value).__name__}, which would not come back from JSON as one:"
        " annotate the field with the type of its contents, such as dict[str, datetime]"
    )


def why_items_are_refused(items: list[Any], path: str) -> str | None:
    reasons = (why_document_is_refused(item, f"{path}[{at}]") for at, item in enumerate(items))
    return next(filter(None, reasons), None)


def why_entries_are_refused(entries: dict[Any, Any], path: str) -> str | None:
    for key, item in entries.items():
        if not isinstance(key, str):
            return f"the key {shown(key)} would come back from JSON as a text: use texts as keys"
        if reason := why_text_is_refused(key):
            return f"the key {shown(key)} {reason}"
        if reason := why_document_is_refused(item, f"{path}[{key!r}]"):
            return reason
    return None


def untyped(name: str, python_type: Any, classes: tuple[type, ...], token: str) -> ColumnType:
    def accept(value: Any) -> Any:
        if isinstance(value, classes):
            return value
        raise unexpected(name, value)

    def dump(value: Any) -> str:
        return dump_untyped(value if type(value) in classes else accept(value))

    def dump_many(values: Sequence[Any], kinds: Kinds) -> Sequence[Any] | None:
        return dump_many_untyped(values) if kinds <= set(classes) or object in classes else None

    return document(name, python_type, accept, dump, (from_json, None), token, dump_many=dump_many)


def document(
    name: str,
    python_type: Any,
    accept: Convert,
    dump: Convert,
    load: tuple[Convert, Convert | None],
    token: str,
    *,
    mutable: bool = True,
    dump_many: ConvertMany | None = None,
) -> ColumnType:
    """A column of documents: SQLite hands over their text, PostgreSQL what `from_json` made of it."""
    stored = {
        "sqlite": Stored("json_text", dump=dump, load=load[0], dump_many=dump_many, collation=COLLATION),
        "postgresql": Stored(token, dump=dump, load=load[1], dump_many=dump_many),
    }
    return ColumnType(name, python_type, "json", accept, stored, mutable=mutable)


# A part of a document, whose type is whatever the row has there.


def accept_part(value: Any) -> Any:
    if isinstance(value, (str, int, float, Decimal, dict, list)):
        return cast(Any, value)
    raise ValueError(
        f"a part of a document is compared with a text, number, bool, dict or list, not with {shown(value)}"
    )


def dump_part(value: Any) -> str:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} has no place in JSON")
        return f"{value:f}"
    return dump_untyped(value)


PART = document("part of a document", object, accept_part, dump_part, (from_json, None), "jsonb", mutable=False)


# Typed JSON: what Pydantic reads and writes.


class Typed:
    """A document with a type: written and read by Pydantic."""

    def __init__(self, annotation: Any, name: str, *, enum_values: bool = False) -> None:
        # Of a class that may have a configuration of its own Pydantic would take no other one.
        self.annotation = annotation | None if enum_values else annotation
        self.config = ConfigDict(use_enum_values=True) if enum_values else None
        self.name = name
        self.is_set = get_origin(unwrap(annotation)) in SETS or unwrap(annotation) in SETS
        self.known: TypeAdapter[Any] | None = None
        try:
            self.known = TypeAdapter(self.annotation, config=self.config)
        except PydanticSchemaGenerationError as error:
            raise ValueError(f"{name} cannot be stored as JSON: Pydantic cannot read and write it") from error
        except (PydanticUndefinedAnnotation, PydanticUserError, NameError):
            # It mentions a class that comes later in its module: try again at the first value.
            pass

    @property
    def adapter(self) -> TypeAdapter[Any]:
        if self.known is None:
            self.known = TypeAdapter(self.annotation, config=self.config)
        return self.known

    def accept(self, value: Any) -> Any:
        try:
            return self.adapter.validate_python(value)
        except ValidationError as error:
            raise ValueError(f"expected {self.name}, got {shown(value)}: {first(error)}") from None

    def dump(self, value: Any) -> str:
        text = self.write(value)
        try:
            read = self.adapter.validate_json(text)
        except ValidationError as error:
            raise ValueError(
                f"this {self.name} could not be read again from its JSON ({first(error)}):"
                " its fields must be written under the names, and in the form, they are read"
            ) from None
        # A class without an equality of its own is compared by what it writes.
        if read == value or (type(value).__eq__ is object.__eq__ and self.write(read) == text):
            return text
        raise ValueError(
            f"this {self.name} would not come back from JSON as it is:"
            " a nan, a SecretStr, an excluded or private field, or a subclass's own fields get lost on the way"
        )

    def write(self, value: Any) -> str:
        try:
            text = self.adapter.dump_json(value, by_alias=True, round_trip=True, warnings="error")
        except PydanticSerializationError as error:
            raise ValueError(
                f"expected {self.name}, got {shown(value)}: {' '.join(str(error).split())[:200]}"
            ) from None
        settled = settle(text.decode())
        return in_order(settled) if self.is_set else settled

    def load_text(self, text: Any) -> Any:
        try:
            return self.adapter.validate_json(text)
        except ValidationError as error:
            raise DataError(f"a stored document is no {self.name}: {first(error)}") from error

    def load_parsed(self, parsed: Any) -> Any:
        # Through JSON again, as Pydantic reads some types from JSON only: base64 bytes, and
        # everything under strict=True.
        return self.load_text(to_json(parsed))


def in_order(text: str) -> str:
    """The members of a set in one order, so that equal sets are equal documents."""
    return "[" + ",".join(sorted(write(member) for member in from_json(text))) + "]"


def first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    at = ".".join(str(part) for part in found["loc"])
    return f"{at}: {found['msg']}" if at else found["msg"]


def typed(asked: Asked, token: str) -> ColumnType:
    name, inner = asked.name, asked.inner
    kept = Typed(asked.annotation, name, enum_values=asked.enum_values)
    return document(
        name,
        inner,
        kept.accept,
        kept.dump,
        (kept.load_text, kept.load_parsed),
        token,
        mutable=not is_frozen(inner),
    )


def is_frozen(inner: Any) -> bool:
    """Whether a value can never change in place: tuples and frozensets of plain values."""
    origin = get_origin(inner)
    return origin in (tuple, frozenset) and all(item in SCALARS or item is ... for item in get_args(inner))


def match(asked: Asked) -> ColumnType | None:
    if not is_document(asked.inner):
        return None
    return make(asked, asked.token(*TOKENS) or "jsonb")


def match_anything(asked: Asked) -> ColumnType | None:
    """Whatever else the model explicitly asks to be stored as JSON."""
    if asked.db_type is None or asked.db_type.token not in TOKENS:
        return None
    if FUNCTION in (asked.inner, get_origin(asked.inner)):
        raise ValueError(f"{asked.name} cannot be stored as JSON: it is a function")
    return make(asked, asked.db_type.token)


def make(asked: Asked, token: str) -> ColumnType:
    inner = asked.inner
    if inner is dict or is_plain(inner, dict, (str, Any)):
        return untyped(asked.name, dict, (dict,), token)
    if inner is list or is_plain(inner, list, (Any,)):
        return untyped(asked.name, list, (list,), token)
    if inner in UNTYPED or inner is Json:
        return untyped("JSON", object, (object,), token)
    return typed(asked, token)


def is_plain(inner: Any, origin: type, arguments: tuple[Any, ...]) -> bool:
    return get_origin(inner) is origin and get_args(inner) == arguments


def is_document(inner: Any) -> bool:
    if inner is Json or (get_origin(inner) or inner) in CONTAINERS:
        return True
    cls = get_origin(inner) or inner
    if not is_class(cls):
        return False
    # A TypedDict is told by its attribute, as there is a second one in typing_extensions.
    return issubclass(cls, BaseModel) or is_dataclass(cls) or hasattr(cls, "__total__") or is_named_tuple(cls)


def is_class(value: object) -> TypeGuard[type[object]]:
    return isinstance(value, type)


def is_named_tuple(cls: type[object]) -> bool:
    return hasattr(cls, "_fields") and issubclass(cls, tuple)


# How SQLite compares documents.


@informing("documents")
@lru_cache(maxsize=512)
def parse(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def compare_texts(left: str, right: str) -> int:
    """Order two JSON texts as PostgreSQL orders jsonb: by content, whatever its spelling."""
    if left == right:
        return 0
    try:
        a, b = parse(left), parse(right)
        # The one exception PostgreSQL makes: an empty list, not inside another document, comes first.
        return sign(b == [], a == []) or compare(a, b)
    except (ValueError, RecursionError):
        return -1 if left < right else 1


def compare(left: Any, right: Any) -> int:
    rank_left, rank_right = rank(left), rank(right)
    if rank_left != rank_right:
        return sign(rank_left, rank_right)
    if is_list(left):
        return sign(len(left), len(right)) or first_difference(zip(left, right, strict=True))
    if is_dict(left):
        return sign(len(left), len(right)) or first_difference(zip(entries(left), entries(right), strict=True))
    return 0 if left is None else sign(left, right)


def sign(left: Any, right: Any) -> int:
    return (left > right) - (left < right)


def rank(value: Any) -> int:
    """null, text, number, bool, list, dict: each before the next."""
    if isinstance(value, bool):
        return 3
    return next((at for at, kind in RANKS.items() if isinstance(value, kind)), 2)


RANKS: dict[int, type] = {0: type(None), 1: str, 4: list, 5: dict}


def entries(document: dict[str, Any]) -> list[Any]:
    """Keys and values in turn, in the order a jsonb keeps them: shorter keys first."""
    keys = sorted(document, key=lambda key: (len(key.encode()), key))
    return [part for key in keys for part in (key, document[key])]


def first_difference(pairs: Iterable[tuple[Any, Any]]) -> int:
    return next((order for left, right in pairs if (order := compare(left, right))), 0)


COLLATIONS = (SqliteCollation(COLLATION, compare_texts),)
