"""A model whose annotations are text, as PEP 563 leaves them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated

from pydantic import BaseModel

from ferro import FerroField, Field, ModelBase


class Mood(Enum):
    """How a note sounds."""

    GLAD = "glad"
    SAD = "sad"


class Note(ModelBase):
    """A table whose column types are found among this module's names, one of them later."""

    id: Annotated[int | None, FerroField(primary_key=True)] = None
    text: str = Field(unique=True)
    mood: Mood | None = None
    worth: Decimal | None = None
    written: datetime | None = None
    margin: Margin | None = None


class Margin(BaseModel):
    """A document, defined after the model that keeps it."""

    words: list[str]
