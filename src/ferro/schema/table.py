"""What a table is: frozen facts, read once from a model class."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeGuard

from ferro.types.base import ColumnType

if TYPE_CHECKING:
    from ferro.schema.relations import Relation

# In bytes, as PostgreSQL counts them.
LONGEST_NAME = 63
# How much of a name that is too long is kept before the suffix.
KEPT = {"uq": 60, "idx": 59, "ck": 60, "fk": 60, "fts": 59, "rls": 59}


@dataclass(frozen=True, eq=False)
class Column:
    """One column, compared by identity.

    Attributes:
        name: its name in the database.
        field: the attribute of the model that holds its value; equal to `name` unless the model
            says `Field(column=...)`.
        default: what the database fills in when a row leaves the column out: a Python value, or an
            expression such as `now`; None when it fills in nothing.
        autoincrement: the database numbers it.
        version: it counts how often the row was changed.
        stamp: what it is that it tells the time of: "created", "updated", "deleted", or None.
    """

    name: str
    field: str
    type: ColumnType
    nullable: bool = False
    primary_key: bool = False
    autoincrement: bool = False
    default: object | None = None
    version: bool = False
    stamp: str | None = None

    @property
    def generated(self) -> bool:
        """Whether the database provides a value when a row leaves the column out."""
        return self.autoincrement or self.default is not None

    def __repr__(self) -> str:
        return f"Column({self.name})"


@dataclass(frozen=True, slots=True, eq=False)
class Unique:
    """A unique constraint over columns, by name."""

    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """A plain index over columns, by name."""

    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CheckConstraint:
    """A condition every row must meet: `predicate` takes the table's `Row` and returns an expression."""

    name: str
    predicate: Callable[[Any], object]


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """Which rows a session sees and may write, by name.

    Attributes:
        using, with_check: predicates like those of a check: on rows that are there, and on rows that are written.
        matching: instead of both: a column, and the setting of the session that it must be equal to.
    """

    name: str
    command: str
    restrictive: bool
    using: Callable[[Any], object] | None = None
    with_check: Callable[[Any], object] | None = None
    matching: tuple[Column, str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Secured:
    """That a table hides rows, and by which policies; `force`: from its owner too."""

    policies: tuple[Policy, ...]
    force: bool


@dataclass(frozen=True, slots=True)
class ForeignKeyConstraint:
    """Columns that hold the key of a row of another table, by name.

    Attributes:
        referenced: the columns of that key.
        on_delete, on_update: what becomes of a row when the other is deleted, or gets another key.
    """

    name: str
    columns: tuple[Column, ...]
    target: "Table"
    referenced: tuple[Column, ...]
    on_delete: str = "CASCADE"
    on_update: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SearchIndex:
    """What full-text search knows of a table, by name.

    On PostgreSQL it is an index of that name. On SQLite it is a virtual table of that name, whose own tables
    and triggers begin with it.

    Attributes:
        language: how words are told apart from other forms of them.
        weights: of each column "A" to "D".
    """

    name: str
    columns: tuple[Column, ...]
    language: str
    weights: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Table:
    """What ferro knows of a model's table; everything that is per model is computed here once."""

    name: str
    model: type
    columns: tuple[Column, ...]
    uniques: tuple[Unique, ...] = ()
    indexes: tuple[Index, ...] = ()
    checks: tuple[CheckConstraint, ...] = ()
    relations: "Mapping[str, Relation]" = field(default_factory=dict[str, "Relation"])
    constraints: tuple[ForeignKeyConstraint, ...] = ()
    scopes: tuple[Callable[[Any], object], ...] = ()
    search: SearchIndex | None = None
    secured: Secured | None = None

    @cached_property
    def primary_key(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.primary_key)

    @cached_property
    def by_field(self) -> dict[str, Column]:
        """The columns by the attribute that holds them."""
        return {column.field: column for column in self.columns}

    @cached_property
    def mutable(self) -> tuple[Column, ...]:
        """The columns whose values can change in place."""
        return tuple(column for column in self.columns if column.type.mutable)

    @property
    def foreign_keys(self) -> tuple[ForeignKeyConstraint, ...]:
        """The foreign keys, in the order of their relations."""
        found = (relation.constraint for relation in self.relations.values())
        return (*(constraint for constraint in found if constraint is not None), *self.constraints)

    @cached_property
    def version(self) -> Column | None:
        """The column that counts how often a row was changed, if there is one."""
        return next((column for column in self.columns if column.version), None)

    @cached_property
    def stamps(self) -> "Mapping[str, tuple[Column, ...]]":
        """The columns that tell when something became of a row, by what."""
        kinds = {column.stamp for column in self.columns if column.stamp}
        return {kind: tuple(column for column in self.columns if column.stamp == kind) for kind in kinds}

    @cached_property
    def deleted(self) -> Column | None:
        """The column that tells when a row was deleted, where deleted rows are kept."""
        return next((column for column in self.columns if column.stamp == "deleted"), None)

    @cached_property
    def scoped(self) -> bool:
        """Whether there are rows that queries do not see."""
        return bool(self.scopes) or self.deleted is not None

    @cached_property
    def keys(self) -> tuple[tuple[Column, ...], ...]:
        """Every set of columns that names at most one row: the primary key first."""
        return (*((self.primary_key,) if self.primary_key else ()), *(unique.columns for unique in self.uniques))

    def __repr__(self) -> str:
        return f"Table({self.name})"


def can_be_named(name: object) -> TypeGuard[str]:
    """Whether something in either database can have this name, whole and unchanged."""
    if not isinstance(name, str) or "\0" in name:
        return False
    # What cannot be encoded is replaced, and then differs.
    written = name.encode(errors="replace")
    return 0 < len(written) <= LONGEST_NAME and written.decode() == name


def constraint_name(kind: str, table: Table, parts: Sequence[str]) -> str:
    """The name of an index or constraint: `idx_book_title`, cut as databases need it."""
    return shortened(kind, (table.name, *parts))


def shortened(kind: str, parts: Sequence[str]) -> str:
    """Cut where PostgreSQL would, which counts bytes."""
    name = "_".join((kind, *parts))
    written = name.encode(errors="replace")
    if len(written) <= LONGEST_NAME:
        return name
    return f"{written[: KEPT[kind]].decode(errors='ignore')}_{kind}"


def foreign_key(
    table: Table,
    columns: tuple[Column, ...],
    target: Table,
    referenced: tuple[Column, ...],
    *,
    on_delete: str,
    on_update: str | None = None,
) -> ForeignKeyConstraint:
    """The constraint by which columns hold a key of a row of another table."""
    name = constraint_name("fk", table, [*(column.name for column in columns), target.name])
    return ForeignKeyConstraint(name, columns, target, referenced, on_delete, on_update)
