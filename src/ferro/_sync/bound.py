# Generated from src/ferro/_async/bound.py by scripts/unasync.py: edit that file, never this one.
"""A model on a certain database: `User.using("archive")`."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, overload

from ferro._sync.query import Query, Selection
from ferro.model import ModelBase
from ferro.query.builder import Predicate, SortKey
from ferro.query.expressions import Nulls, Valued
from ferro.query.selected import A, B, C, D, E, F, ManyCells, Scalar, V
from ferro.query.templates import TString

if TYPE_CHECKING:
    from ferro._sync.database import Database

M = TypeVar("M", bound=ModelBase)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Binds(Protocol[R_co]):
    """A handle, of whichever colour."""

    def bind(self, model: type[Any]) -> R_co: ...


class ModelConnection(Generic[M]):
    """The verbs of a model, on one database, whatever the default is. Made by `Model.using()`."""

    def __init__(self, database: "Database", model: type[M]) -> None:
        self.database = database
        self.model = model

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.model.__name__} on {self.database.url}>"

    # Reading.

    def query(self) -> Query[M]:
        """Start a query."""
        return Query(self.model, database=self.database)

    def where(self, *conditions: Predicate[M] | Valued[bool | None] | bool) -> Query[M]:
        """Keep the rows that meet every condition."""
        return self.query().where(*conditions)

    def order_by(self, *keys: SortKey[M], direction: str | None = None, nulls: Nulls | None = None) -> Query[M]:
        """Sort the rows."""
        return self.query().order_by(*keys, direction=direction, nulls=nulls)

    def limit(self, count: int) -> Query[M]:
        """Return at most so many rows."""
        return self.query().limit(count)

    @overload
    def select(self) -> Query[M]: ...
    @overload
    def select(self, columns: Callable[[type[M]], dict[str, Any]], /) -> Selection[M, dict[str, Any]]: ...
    @overload
    def select(self, columns: Callable[[type[M]], Valued[R]], /) -> Selection[M, R]: ...
    @overload
    def select(self, columns: Callable[[type[M]], V], /) -> Selection[M, V]: ...
    @overload
    def select(self, columns: Callable[[type[M]], tuple[A | Valued[A]]], /) -> Selection[M, tuple[A]]: ...
    @overload
    def select(
        self, columns: Callable[[type[M]], tuple[A | Valued[A], B | Valued[B]]], /
    ) -> Selection[M, tuple[A, B]]: ...
    @overload
    def select(
        self, columns: Callable[[type[M]], tuple[A | Valued[A], B | Valued[B], C | Valued[C]]], /
    ) -> Selection[M, tuple[A, B, C]]: ...
    @overload
    def select(
        self, columns: Callable[[type[M]], tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D]]], /
    ) -> Selection[M, tuple[A, B, C, D]]: ...
    @overload
    def select(
        self,
        columns: Callable[[type[M]], tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D], E | Valued[E]]],
        /,
    ) -> Selection[M, tuple[A, B, C, D, E]]: ...
    @overload
    def select(
        self,
        columns: Callable[
            [type[M]], tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D], E | Valued[E], F | Valued[F]]
        ],
        /,
    ) -> Selection[M, tuple[A, B, C, D, E, F]]: ...
    @overload
    def select(self, columns: Callable[[type[M]], ManyCells], /) -> Selection[M, tuple[Any, ...]]: ...
    @overload
    def select(self, columns: Valued[R], /) -> Selection[M, R]: ...
    @overload
    def select(self, columns: Scalar, /) -> Selection[M, Any]: ...
    @overload
    def select(
        self, first: Scalar | Valued[Any], second: Scalar | Valued[Any], /, *more: Scalar | Valued[Any]
    ) -> Selection[M, tuple[Any, ...]]: ...
    def select(self, *columns: Any) -> Any:
        """Read some columns instead of instances; without any, start a query."""
        query: Query[M] = self.query()
        return query.select(*columns) if columns else query

    def all(self) -> list[M]:
        """Read every row."""
        return self.query().all()

    def first(self) -> M | None:
        """Read one row, or None when there is none."""
        return self.query().first()

    def one(self) -> M:
        """Read the only row of the table."""
        return self.query().one()

    def one_or_none(self) -> M | None:
        """Read the only row of the table, or None when there is none."""
        return self.query().one_or_none()

    def get(self, pk: object) -> M:
        """Read the row with this primary key.

        Raises:
            ModelDoesNotExist: there is none.
        """
        return self.database.get(self.model, pk)

    def get_or_none(self, pk: object) -> M | None:
        """Read the row with this primary key, or None."""
        return self.database.get_or_none(self.model, pk)

    def raw(self, sql: str | TString, *args: object) -> list[M]:
        """Run SQL; return its rows as instances."""
        return self.database.raw(self.model, sql, *args)

    def count(self) -> int:
        """Count the rows."""
        return self.query().count()

    def exists(self) -> bool:
        """Whether there is any row."""
        return self.query().exists()

    # Writing.

    def create(self, **values: Any) -> M:
        """Validate and insert a row; return it with what the database filled in."""
        return self.database.create(self.model, **values)

    def bulk_create(self, instances: Iterable[M]) -> list[M]:
        """Insert any number of new instances, all or none; generated keys are written into them."""
        return self.database.bulk_create(self.model, instances)

    def bulk_update(self, instances: Iterable[M], fields: Iterable[str] | None = None) -> int:
        """Write the changed fields of loaded instances, or the named ones, all or none; return how many rows that were."""
        return self.database.bulk_update(self.model, instances, fields)

    def upsert(self, *, key: Iterable[str] | None = None, **values: Any) -> M:
        """Insert a row, or update the named columns of the one that has the same unique key."""
        return self.database.upsert(self.model, key=key, **values)

    def get_or_create(self, defaults: Mapping[str, Any] | None = None, **lookup: Any) -> tuple[M, bool]:
        """Find the row with these values, or create it with the defaults beside them; True when it was created."""
        return self.database.get_or_create(self.model, defaults, **lookup)

    def update_or_create(self, defaults: Mapping[str, Any] | None = None, **lookup: Any) -> tuple[M, bool]:
        """Find the row with these values and set the defaults in it, or create it; True when it was created."""
        return self.database.update_or_create(self.model, defaults, **lookup)
