"""What a query is, and how it reads in SQL."""

# They say what operators mean for their kinds, which must be known before the first query is built.
from ferro.query import arrays, ranges

__all__ = ["arrays", "ranges"]
