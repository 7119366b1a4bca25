"""The databases ferro speaks to."""

from ferro.dialects.postgres import postgres
from ferro.dialects.sqlite import sqlite

DIALECTS = {dialect.name: dialect for dialect in (postgres, sqlite)}

__all__ = ["DIALECTS", "postgres", "sqlite"]
