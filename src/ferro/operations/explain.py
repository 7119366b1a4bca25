"""What a database means to do for a query, in its own words."""

from typing import Any

from ferro.errors import QueryError
from ferro.operations.read import statement_of_all
from ferro.operations.steps import Steps
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.dialect import Compiled, Dialect, Template


def explain(query: QueryBase[Any], dialect: Dialect, *, analyze: bool = False) -> Steps[str]:
    """The plan of a query as text; `analyze` runs it, and says how long each step took."""
    if dialect.name == "sqlite" and analyze:
        raise QueryError(
            "explain(analyze=True) is for PostgreSQL: SQLite does not measure its plans, explain() shows them"
        )
    return planned(compile(statement_of_all(query, dialect), dialect, operation="Explain"), dialect, analyze)


def planned(statement: Compiled, dialect: Dialect, analyze: bool) -> Steps[str]:
    words = "EXPLAIN QUERY PLAN" if dialect.name == "sqlite" else f"EXPLAIN{' ANALYZE' if analyze else ''}"
    known = statement.template
    template = Template(
        f"{words} {known.sql}",
        fetches=True,
        writes=known.writes and analyze,
        operation="Explain",
        subject=known.subject,
        secrets=known.secrets,
    )
    result = yield Compiled(template, statement.params)
    if dialect.name != "sqlite":
        return "\n".join(line for (line,) in result.rows)
    depths: dict[int, int] = {0: -1}
    lines: list[str] = []
    for number, parent, _, detail in result.rows:
        depths[number] = depths.get(parent, -1) + 1
        lines.append("  " * depths[number] + detail)
    return "\n".join(lines)
