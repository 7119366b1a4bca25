"""Full-text search: `Post.where(lambda p: search(p, "quick fox"))`."""

from typing import Any

from ferro.errors import QueryError
from ferro.query.expressions import ColumnRef, Condition, Expression, Shape, Value, Values
from ferro.query.kinds import type_for
from ferro.query.row import source_behind
from ferro.query.search_text import SEARCH_TEXT
from ferro.query.searching import RANKS, document
from ferro.query.sources import Source, source_of
from ferro.query.sqltext import ATOM, COMPARE, Text, quote
from ferro.query.writer import Writer
from ferro.schema.registry import table_of
from ferro.schema.table import SearchIndex
from ferro.types.base import ColumnType


def search(row: object, text: str) -> Expression[bool]:
    """Whether a row has these words: `Post.where(lambda p: search(p, "quick fox"))`.

    All words must be there, in any of the fields that the model's `__ferro_search__` names. `"a phrase"` stands
    together, `OR` between words gives a choice, `-word` must not be there, and `word*` is a beginning. An empty text,
    and one that only says what must not be there, finds nothing.

    Args:
        row: what the lambda is called with, or the model.
        text: what somebody has typed; nothing in it is ever an error.
    """
    return Found(*searched(row, text, "search"))


def search_rank(row: object, text: str) -> Expression[float]:
    """How well a row fits: `order_by(lambda p: search_rank(p, "quick fox").desc())`; 0 where it does not.

    Each database has a measure of its own, so compare ranks of one query only.
    """
    return Rank(*searched(row, text, "search_rank"))


def searched(row: object, text: object, function: str) -> tuple[ColumnRef[Any], SearchIndex, Value[str]]:
    source = source_behind(row)
    if source is None and isinstance(row, type) and hasattr(row, "__ferro_read__"):
        source = source_of(table_of(row))
    if source is None:
        raise QueryError(f"{function}() takes the row first, as in lambda p: {function}(p, ...), got {row!r}")
    table = source.table
    if table.search is None:
        texts = [column.field for column in table.columns if column.type.kind == "text" and not column.type.secret]
        named = ", ".join(f'"{name}"' for name in texts[:2]) or "..."
        raise QueryError(
            f"{table.model.__name__} cannot be searched: "
            f"declare __ferro_search__: ClassVar = Search({named}) in its class body"
        )
    try:
        [key] = table.primary_key[:1] or table.columns[:1]
        return ColumnRef(source, key), table.search, Value(SEARCH_TEXT.accept(text), SEARCH_TEXT)
    except ValueError as error:
        raise QueryError(f"{function}(): {error}") from None


def collect(node: "Found | Rank", shape: Shape, values: Values, arrays: bool) -> None:
    shape += (type(node).__name__, node.source.key)
    node.text.collect(shape, values, arrays)


def write(node: "Found | Rank", writer: Writer, form: str) -> str:
    source, index = node.source, node.index

    def named(name: str) -> str:
        return f"{quote(source.name)}.{quote(name)}"

    return writer.dialect.forms[form].sql.format(
        document(index, named),
        index.language,
        writer.parameter(node.text).sql,
        named(node.key.column.name),
        quote(index.name),
        ", ".join(RANKS[weight] for weight in index.weights),
    )


class Found(Condition):
    """Whether a row is found by a text."""

    __slots__ = ("index", "key", "text")

    def __init__(self, key: ColumnRef[Any], index: SearchIndex, text: Value[str]) -> None:
        self.key = key
        self.index = index
        self.text = text

    @property
    def source(self) -> Source:
        """Where the rows come from."""
        return self.key.source

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return tuple(columns_of(self.source, self.index))

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        collect(self, shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """A vector and a query, or a key among those of an index."""
        return Text(write(self, writer, "search"), COMPARE)

    def __repr__(self) -> str:
        return f"search({self.source.name}, {self.text!r})"


class Rank(Expression[float]):
    """How well a row is found by a text."""

    __slots__ = ("index", "key", "text")

    def __init__(self, key: ColumnRef[Any], index: SearchIndex, text: Value[str]) -> None:
        self.key = key
        self.index = index
        self.text = text

    @property
    def source(self) -> Source:
        """Where the rows come from."""
        return self.key.source

    @property
    def type(self) -> ColumnType:
        return type_for(float)

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return tuple(columns_of(self.source, self.index))

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        collect(self, shape, values, arrays)

    def write(self, writer: Writer) -> Text:
        """A function of a vector and a query, or a query of its own."""
        return Text(write(self, writer, "search_rank"), ATOM)

    def __repr__(self) -> str:
        return f"search_rank({self.source.name}, {self.text!r})"


def columns_of(source: Source, index: SearchIndex) -> list[Expression[Any]]:
    return [
        found for found, column in zip(source.columns, source.table.columns, strict=True) if column in index.columns
    ]
