"""What the column types share: how a value is refused, and how a plain text is checked."""

import reprlib
from typing import Any, TypeGuard

# Python's own containers of bytes.
BINARY: tuple[type[Any], ...] = (bytes, bytearray, memoryview)

SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = SHORT.maxlong = 80


def shown(value: object) -> str:
    """A value for an error message, cut where it is long."""
    return SHORT.repr(value)


def with_article(noun: str) -> str:
    """`an Author`, `a Book`; a U is mostly said as in `a User`."""
    return f"{'an' if noun.lower().startswith(('a', 'e', 'i', 'o')) else 'a'} {noun}"


def unexpected(expected: str, value: object) -> ValueError:
    """The error for a value of the wrong type: `expected int, got 'abc'`."""
    return ValueError(f"expected {expected}, got {shown(value)}")


def why_text_is_refused(text: str) -> str | None:
    """Say what the databases would cut off or refuse in a text; None when it is fine."""
    if "\0" in text:
        return f"contains a NUL character at position {text.index(chr(0))}, which no database keeps"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            return f"contains a lone surrogate at position {error.start}, which is no character"
    return None


def is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    return isinstance(value, dict)


def exact_text(value: Any) -> str:
    """The characters of a `str` or of any subclass, whatever its `__str__` says."""
    return str.__str__(value)
