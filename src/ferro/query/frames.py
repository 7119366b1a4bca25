"""Rows as texts: how many rows reach a program fastest that wants their columns, not their values one by one."""

from collections.abc import Sequence
from functools import lru_cache

from ferro.caches import informing
from ferro.query.dialect import Template
from ferro.query.sqltext import quote

WHOLE = "framed"


@informing("framed statements")
@lru_cache(maxsize=512)
def rows_as_text(template: Template, casts: Sequence[str | None]) -> Template:
    """The same rows on PostgreSQL, each as one text, and behind it the columns that stay what they are.

    Args:
        template: the statement of the rows.
        casts: of each column the type it is written as, empty for its own; None for one that stays what it is.
    """
    names = [quote(f"c{at}") for at in range(1, len(casts) + 1)]
    written = [
        f"CAST({name} AS {cast})" if cast else name for name, cast in zip(names, casts, strict=True) if cast is not None
    ]
    kept = [name for name, cast in zip(names, casts, strict=True) if cast is None]
    # A row is written in parentheses, which would touch its first value and its last: they are these noughts.
    row = [f"CAST(ROW(0, {', '.join(written)}, 0) AS text)"] if written else []
    return Template(
        f"SELECT {', '.join((*row, *kept))} FROM ({template.sql}) AS {quote(WHOLE)}({', '.join(names)})",
        fetches=template.fetches,
        writes=template.writes,
        operation=template.operation,
        subject=template.subject,
        secrets=template.secrets,
    )
