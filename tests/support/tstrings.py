"""t-strings on every Python: the real class where there is one, and what has the same parts elsewhere."""

import sys
from dataclasses import dataclass
from typing import Any

from ferro.query.templates import TString


@dataclass
class Value:
    """What stands between the texts: the four facts that ferro reads."""

    value: Any
    expression: str = "value"
    conversion: str | None = None
    format_spec: str = ""


def tstring(*parts: str | Value) -> Any:
    """Make a t-string of texts and values; without Python 3.14 a stand-in of ferro's own class."""
    if sys.version_info >= (3, 14):
        from string.templatelib import Interpolation, Template  # noqa: PLC0415 - it exists from Python 3.14 on

        return Template(
            *(
                part
                if isinstance(part, str)
                else Interpolation(part.value, part.expression, part.conversion, part.format_spec)
                for part in parts
            )
        )
    made = TString()
    texts = [""]
    for part in parts:
        if isinstance(part, str):
            texts[-1] += part
        else:
            texts.append("")
    made.strings = tuple(texts)
    made.interpolations = tuple(part for part in parts if isinstance(part, Value))
    return made
