"""t-strings, which keep the text their author wrote and the values apart: `t"… WHERE id = {user_id}"`."""

import sys
from collections.abc import Sequence
from typing import Any, Protocol

from ferro.errors import QueryError

if sys.version_info >= (3, 14):
    from string.templatelib import Template as TString
else:

    class TString:
        """What a t-string makes from Python 3.14 on. Nothing makes one before."""

        strings: tuple[str, ...]
        interpolations: tuple[Any, ...]


class Interpolated(Protocol):
    """One value of a t-string, and how it was written."""

    @property
    def value(self) -> object: ...
    @property
    def expression(self) -> str: ...
    @property
    def conversion(self) -> str | None: ...
    @property
    def format_spec(self) -> str: ...


class Template(Protocol):
    """The parts of a t-string: one text more than there are values, which stand between them."""

    @property
    def strings(self) -> Sequence[str]: ...
    @property
    def interpolations(self) -> Sequence[Interpolated]: ...


def parts_of(template: Template) -> tuple[tuple[str, ...], tuple[object, ...]]:
    """The texts and the values between them; a t-string inside another one is a part of its text."""
    texts = [template.strings[0]]
    values: list[object] = []
    for one, text in zip(template.interpolations, template.strings[1:], strict=True):
        must_be_plain(one)
        if isinstance(one.value, TString):
            inner, more = parts_of(one.value)
            texts[-1] += inner[0]
            texts += inner[1:]
            values += more
            texts[-1] += text
        else:
            values.append(one.value)
            texts.append(text)
    return tuple(texts), tuple(values)


def must_be_plain(one: Interpolated) -> None:
    """A value is bound as it is: what would make a text of it first is refused."""
    for written in (f"!{one.conversion}" if one.conversion else "", f":{one.format_spec}" if one.format_spec else ""):
        if written:
            raise QueryError(
                f"{{{one.expression}{written}}} in a t-string would make a text of the value, and it is bound as it is: "
                f"leave out {written!r}, or convert the value before"
            )
