"""The databases ferro speaks to, by the name a URL gives them."""

from ferro.dialects.postgres import postgres
from ferro.dialects.sqlite import sqlite

__all__ = ["postgres", "sqlite"]
