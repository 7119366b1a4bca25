"""The indexes behind full-text search, as SQL."""

from collections.abc import Callable

from ferro.errors import ModelDefinitionError
from ferro.query.dialect import Dialect
from ferro.query.sqltext import quote
from ferro.schema.table import SearchIndex, Table

# What a weight counts for, as PostgreSQL has it.
RANKS = {"A": "1.0", "B": "0.4", "C": "0.2", "D": "0.1"}

# PostgreSQL would read addresses, paths and signed numbers as one word; so what separates words on SQLite is made a
# space before. Ranges of characters, because classes of them depend on the locale of the database.
SEPARATORS = (
    r"[\u0001-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u00A9\u00AB-\u00B1\u00B4\u00B6-\u00B8\u00BB\u00BF\u00D7\u00F7"
    r"\u2000-\u206F\u20A0-\u20CF\u2190-\u245F\u2500-\u2775\u2794-\u2BFF\u3001-\u3003\u3008-\u3020\uFF01-\uFF0F"
    r"\uFF1A-\uFF20]+"
)
# Stands between two columns, so that no phrase begins in one and ends in the next. No text has such a word.
BETWEEN = "CAST('''|'':1' AS tsvector)"


def document(index: SearchIndex, named: Callable[[str], str]) -> str:
    """The words of a row, on PostgreSQL: the same text in the index and in every query, or no query would use it."""
    parts: list[str] = []
    for column, weight in zip(index.columns, index.weights, strict=True):
        text = f"regexp_replace(COALESCE({named(column.name)}, ''), '{SEPARATORS}', ' ', 'g')"
        vector = f"to_tsvector(CAST('{index.language}' AS regconfig), {text})"
        parts.append(vector if weight == "D" else f"setweight({vector}, '{weight}')")
    return f" || {BETWEEN} || ".join(parts)


def create_search(table: Table, dialect: Dialect) -> list[str]:
    """The statements that make what search needs, where it is missing; rows that are there are indexed."""
    if table.search is None:
        return []
    return MAKE[dialect.name](table, table.search)


def on_postgresql(table: Table, index: SearchIndex) -> list[str]:
    name, on = quote(index.name), quote(table.name)
    return [f"CREATE INDEX IF NOT EXISTS {name} ON {on} USING gin (({document(index, quote)}))"]


def on_sqlite(table: Table, index: SearchIndex) -> list[str]:
    if len(table.primary_key) != 1 or not table.primary_key[0].autoincrement:
        # Rows without such a key have numbers of their own, which VACUUM may change.
        raise ModelDefinitionError(
            f"{table.model.__name__}.__ferro_search__: on SQLite a searched table needs a primary key that the database "
            "numbers: id: int | None = Field(default=None, primary_key=True)"
        )
    key, name, on = quote(table.primary_key[0].name), quote(index.name), quote(table.name)
    columns = [quote(column.name) for column in index.columns]
    stems = "porter unicode61" if index.language == "english" else "unicode61"
    new, old = (", ".join(f"{which}.{column}" for column in columns) for which in ("new", "old"))
    add = f"INSERT INTO {name} (rowid, {', '.join(columns)}) VALUES (new.{key}, {new});"
    take = f"INSERT INTO {name} ({name}, rowid, {', '.join(columns)}) VALUES ('delete', old.{key}, {old});"

    def trigger(event: str, *actions: str) -> str:
        of = f" OF {', '.join([key, *columns])}" if event == "update" else ""
        called = quote(f"{index.name}_{event}")
        return f"CREATE TRIGGER IF NOT EXISTS {called} AFTER {event.upper()}{of} ON {on} BEGIN {' '.join(actions)} END"

    content = ", ".join(
        (*columns, f"content={literal(table.name)}", f"content_rowid={literal(table.primary_key[0].name)}")
    )
    index_what_is_there = (
        f"INSERT INTO {name} ({name}) SELECT 'rebuild' WHERE EXISTS (SELECT 1 FROM {on}) "
        f"AND NOT EXISTS (SELECT 1 FROM {quote(f'{index.name}_docsize')})"
    )
    return [
        f"CREATE VIRTUAL TABLE IF NOT EXISTS {name} USING fts5({content}, tokenize='{stems} remove_diacritics 0')",
        trigger("insert", add),
        trigger("delete", take),
        trigger("update", take, add),
        index_what_is_there,
    ]


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


MAKE: dict[str, Callable[[Table, SearchIndex], list[str]]] = {"postgresql": on_postgresql, "sqlite": on_sqlite}
