"""Where columns come from: a table under its name or another, and the rows a relation leads to."""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeAlias

from ferro.caches import informing
from ferro.query.expressions import ColumnRef, Comparison, Expression
from ferro.schema.relations import Relation
from ferro.schema.table import LONGEST_NAME, Table


class Source:
    """A table under an alias. Equal to every other source of that table and alias."""

    __slots__ = ("alias", "columns", "key", "table")

    def __init__(self, table: Table, alias: str | None = None) -> None:
        self.table = table
        self.alias = alias
        self.key: Any = table if alias is None else (table, alias)
        self.columns: tuple[Expression[Any], ...] = tuple(ColumnRef(self, column) for column in table.columns)

    @property
    def name(self) -> str:
        """What its columns are qualified with."""
        return self.alias or self.table.name

    @property
    def beside(self) -> "tuple[Source, ...]":
        """The other sources that are joined to it for good."""
        return ()

    @property
    def root(self) -> "Source":
        """Where the way to it begins, along relations."""
        return self

    def under(self, alias: str) -> "Source":
        """The same rows under another name."""
        return Source(self.table, alias)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Source) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Source({self.table.name})" if self.alias is None else f"Source({self.table.name} as {self.alias})"


# The conditions of a model's scope, about the rows of a source.
ScopeOf: TypeAlias = Callable[[Table, Source], tuple[Expression[bool], ...]]


class Joined(Source):
    """The rows a relation leads to from those of another source: under a name that says the way, `"book.author"`."""

    __slots__ = ("parent", "relation", "scope")

    def __init__(self, parent: Source, relation: Relation, scope: ScopeOf) -> None:
        self.parent = parent
        self.relation = relation
        self.scope = scope
        super().__init__(relation.target_table, path_name(parent.name, relation.name))

    @property
    def root(self) -> Source:
        return self.parent.root

    @property
    def optional(self) -> bool:
        """Whether there may be no such row: a foreign key on the way may be null, or leads the other way."""
        return self.may_be_missing or (isinstance(self.parent, Joined) and self.parent.optional)

    @property
    def may_be_missing(self) -> bool:
        """Whether a row of the parent may lead to none."""
        relation = self.relation
        return relation.kind != "forward" or any(column.nullable for column in relation.columns)

    @property
    def on(self) -> "tuple[Expression[bool], ...]":
        """What joins its rows to those they are reached from."""
        held = tuple(
            Comparison(ColumnRef[Any](self, theirs), "==", ColumnRef[Any](self.parent, mine))
            for mine, theirs in self.relation.pairs
        )
        # A foreign key leads to its row, whatever the scope says of it.
        return held if self.relation.kind == "forward" else (*held, *self.scope(self.table, self))

    def rerooted(self, old: Source, new: Source) -> "Joined":
        """The same way from another source, if it begins at the old one."""
        if self.root != old:
            return self
        parent = self.parent
        return Joined(parent.rerooted(old, new) if isinstance(parent, Joined) else new, self.relation, self.scope)


def path_name(parent: str, name: str) -> str:
    """The name of a joined table, with a number for what does not fit."""
    path = f"{parent}.{name}"
    if len(path.encode()) <= LONGEST_NAME:
        return path
    return f"{path.encode()[: LONGEST_NAME - 17].decode(errors='ignore')}.{blake2b(path.encode(), digest_size=8).hexdigest()}"


@informing("sources")
@lru_cache(maxsize=1024)
def source_of(table: Table) -> Source:
    """The table under its own name: what the operators on a model class refer to."""
    return Source(table)
