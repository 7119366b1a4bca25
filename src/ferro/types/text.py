"""Texts: `str`, its subclasses, and the addresses Pydantic knows (`HttpUrl`, `EmailStr`)."""

from collections.abc import Callable, Sequence
from typing import Any

import pydantic
from pydantic import EmailStr, TypeAdapter
from pydantic_core import MultiHostUrl, Url

from ferro.types.annotations import Asked, DbType, unwrap
from ferro.types.base import ColumnType, Convert, Kinds, Stored
from ferro.types.values import exact_text, shown, unexpected, why_text_is_refused

TOKENS = ("text", "varchar")
TEXT = DbType("text")
PLAIN: tuple[Any, ...] = (str, EmailStr)

# Pydantic's addresses were annotated core classes before they became classes of their own.
PYDANTIC_URL: object = getattr(pydantic.networks, "_BaseUrl", Url)
PYDANTIC_MULTI_HOST_URL: object = getattr(pydantic.networks, "_BaseMultiHostUrl", MultiHostUrl)
URLS = tuple(base for base in (Url, MultiHostUrl, PYDANTIC_URL, PYDANTIC_MULTI_HOST_URL) if isinstance(base, type))


def text_dump(db_type: DbType, spell: Callable[[str], str] = shown) -> Callable[[str], str]:
    """The check of a text on its way out: `spell` writes it in an error."""
    longest = db_type.length

    def refuse(text: str) -> str:
        if reason := why_text_is_refused(text):
            raise ValueError(f"{spell(text)} {reason}")
        if longest is not None and len(text) > longest:
            raise ValueError(f"{spell(text)} has {len(text)} characters and does not fit {db_type}")
        return text

    if longest is None:
        return lambda text: text if "\0" not in text and text.isascii() else refuse(text)
    return lambda text: text if "\0" not in text and text.isascii() and len(text) <= longest else refuse(text)


def stored_as_text(db_type: DbType, dump: Convert, load: Convert | None) -> dict[str, Stored]:
    kept = Stored(str(db_type), dump=dump, load=load)
    return {"sqlite": kept, "postgresql": kept}


def accept_text(value: Any) -> str:
    if isinstance(value, str):
        return exact_text(value)
    raise unexpected("str", value)


def dump_many(values: Sequence[Any], kinds: Kinds) -> Sequence[Any] | None:
    """Texts of any length: looked at as one."""
    if kinds != {str}:
        return None
    return None if why_text_is_refused("".join(values)) else values


def plain(db_type: DbType) -> ColumnType:
    check = text_dump(db_type)

    def dump(value: Any) -> str:
        return check(value if type(value) is str else accept_text(value))

    if db_type.length is None:

        def dump_any_length(value: Any) -> str:
            if type(value) is str and "\0" not in value and value.isascii():
                return value
            return dump(value)

        kept = Stored(str(db_type), dump=dump_any_length, dump_many=dump_many)
        return ColumnType("str", str, "text", accept_text, {"sqlite": kept, "postgresql": kept})
    return ColumnType("str", str, "text", accept_text, stored_as_text(db_type, dump, None))


def wrapped(python_type: type[str], db_type: DbType) -> ColumnType:
    """A subclass of `str`: kept as the text it is, wrapped again when it is read."""
    check = text_dump(db_type)

    def accept(value: Any) -> str:
        if isinstance(value, python_type):
            return value
        if type(value) is str:
            return python_type(value)
        raise unexpected(python_type.__name__, value)

    def dump(value: Any) -> str:
        return check(exact_text(accept(value)))

    return ColumnType(python_type.__name__, python_type, "text", accept, stored_as_text(db_type, dump, python_type))


def url(annotation: Any, name: str, db_type: DbType) -> ColumnType:
    """An address: kept as its text, read back as the class that Pydantic makes of it."""
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    check = text_dump(db_type)

    def accept(value: Any) -> Any:
        if isinstance(value, (str, *URLS)):
            try:
                return adapter.validate_python(value)
            except ValueError:
                pass
        raise unexpected(name, value)

    def dump(value: Any) -> str:
        text = check(str(accept(value)))
        if load(text) == value:
            return text
        raise ValueError(f"{shown(text)} would not come back as the same {name}")

    load = adapter.validate_python
    return ColumnType(name, unwrap(annotation), "text", accept, stored_as_text(db_type, dump, load))


def match(asked: Asked) -> ColumnType | None:
    inner = asked.inner
    if inner not in PLAIN and not (isinstance(inner, type) and issubclass(inner, (str, *URLS))):
        return None
    asked.token(*TOKENS)
    db_type = asked.db_type or TEXT
    if inner in PLAIN:
        return plain(db_type)
    return wrapped(inner, db_type) if issubclass(inner, str) else url(asked.annotation, asked.name, db_type)
