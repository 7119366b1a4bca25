# Generated from src/ferro/_async/model.py by scripts/unasync.py: edit that file, never this one.
"""The active record: models whose instances and classes speak to the database in scope."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, Self, TypeVar, overload

from ferro._concurrency._sync import Loaded, unloaded
from ferro._sync.bound import Binds, ModelConnection
from ferro._sync.connections import named
from ferro._sync.database import Database
from ferro._sync.query import Query, Selection
from ferro._sync.relations import Related
from ferro._sync.scope import chosen, database_in_scope, database_of
from ferro.model import ModelBase
from ferro.query.builder import Operand, Predicate, SortKey
from ferro.query.expressions import Nulls, Valued
from ferro.query.selected import A, B, C, D, E, F, ManyCells, Scalar, V
from ferro.schema.relations import Relation

R = TypeVar("R")


class Model(ModelBase, Loaded):
    """The base of your models: a Pydantic model that is a table.

    Every verb here is also on the handle `connect()` returns, for any model.
    """

    __ferro_abstract__: ClassVar[bool] = True

    def __ferro_unloaded__(self, relation: Relation) -> Any:
        """What reading a relation gives that was not loaded: a query, or a single row to be loaded."""
        if not relation.single:
            return Related[Any](relation, self)
        return unloaded(lambda: database_of(self).load_along(self, relation), relation.where)

    # One instance.

    def save(
        self,
        *,
        only: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        on_conflict: Literal["update"] | None = None,
        using: Database | str | None = None,
    ) -> None:
        """Insert this instance when it is new; update its changed columns when it was loaded or saved before.

        The arguments and errors are those of `Database.save`; `using` is a handle or the name of a connection.
        """
        database_of(self, using).save(self, only=only, exclude=exclude, on_conflict=on_conflict)

    def delete(self, *, using: Database | str | None = None) -> bool:
        """Delete this instance's row; False when there was none."""
        return database_of(self, using).delete(self)

    def refresh(self, *, using: Database | str | None = None) -> None:
        """Read this instance's row again; unsaved changes are overwritten."""
        database_of(self, using).refresh(self)

    # The class: on a certain database.

    @overload
    @classmethod
    def using(cls, database: Database | str) -> ModelConnection[Self]: ...
    @overload
    @classmethod
    def using(cls, database: Binds[R]) -> R: ...
    @classmethod
    def using(cls, database: Any) -> Any:
        """The model on a certain database, a handle or the name of a connection: `User.using("archive").all()`."""
        return named(database).bind(cls)

    # The class: writing.

    @classmethod
    def create(cls, **values: Any) -> Self:
        """Validate and insert a row; return it with what the database filled in."""
        return database_in_scope().create(cls, **values)

    @classmethod
    def bulk_create(cls, instances: Iterable[Self], *, using: Database | str | None = None) -> list[Self]:
        """Insert any number of new instances, all or none; generated keys are written into them."""
        return chosen(using).bulk_create(cls, instances)

    @classmethod
    def bulk_update(cls, instances: Iterable[Self], fields: Iterable[str] | None = None) -> int:
        """Write the changed fields of loaded instances, or the named ones, all or none; return how many rows that were."""
        return database_in_scope().bulk_update(cls, instances, fields)

    @classmethod
    def upsert(cls, *, key: Iterable[str] | None = None, **values: Any) -> Self:
        """Insert a row, or update the named columns of the one that has the same unique key."""
        return database_in_scope().upsert(cls, key=key, **values)

    @classmethod
    def get_or_create(cls, defaults: Mapping[str, Any] | None = None, **lookup: Any) -> tuple[Self, bool]:
        """Find the row with these values, or create it with the defaults beside them; True when it was created."""
        return database_in_scope().get_or_create(cls, defaults, **lookup)

    @classmethod
    def update_or_create(cls, defaults: Mapping[str, Any] | None = None, **lookup: Any) -> tuple[Self, bool]:
        """Find the row with these values and set the defaults in it, or create it; True when it was created."""
        return database_in_scope().update_or_create(cls, defaults, **lookup)

    # The class: reading.

    @classmethod
    def get(cls, pk: object) -> Self:
        """Read the row with this primary key.

        Raises:
            ModelDoesNotExist: there is none.
        """
        return database_in_scope().get(cls, pk)

    @classmethod
    def get_or_none(cls, pk: object) -> Self | None:
        """Read the row with this primary key, or None."""
        return database_in_scope().get_or_none(cls, pk)

    @classmethod
    def raw(cls, sql: str, *args: object) -> list[Self]:
        """Run SQL; return its rows as instances: `User.raw("SELECT * FROM user WHERE age > ?", 18)`.

        Columns are matched by name. All of the model's must be there; others are left out.
        """
        return database_in_scope().raw(cls, sql, *args)

    @classmethod
    def query(cls) -> Query[Self]:
        """Start a query."""
        return Query(cls)

    @classmethod
    def where(cls, *conditions: Predicate[Self] | Valued[bool | None] | bool) -> Query[Self]:
        """Keep the rows that meet every condition: `User.where(lambda u: u.age >= 18)`."""
        return cls.query().where(*conditions)

    @classmethod
    def order_by(
        cls,
        *keys: SortKey[Self],
        direction: str | None = None,
        nulls: Nulls | None = None,
    ) -> Query[Self]:
        """Sort the rows: `User.order_by("-age", "name")`."""
        return cls.query().order_by(*keys, direction=direction, nulls=nulls)

    @classmethod
    def limit(cls, count: int) -> Query[Self]:
        """Return at most so many rows."""
        return cls.query().limit(count)

    @classmethod
    def offset(cls, count: int) -> Query[Self]:
        """Leave out so many rows at the start."""
        return cls.query().offset(count)

    @classmethod
    def distinct(cls) -> Query[Self]:
        """Return equal rows once."""
        return cls.query().distinct()

    @overload
    @classmethod
    def select(cls) -> Query[Self]: ...
    @overload
    @classmethod
    def select(cls, columns: Callable[[type[Self]], dict[str, Any]], /) -> Selection[Self, dict[str, Any]]: ...
    @overload
    @classmethod
    def select(cls, columns: Callable[[type[Self]], Valued[R]], /) -> Selection[Self, R]: ...
    @overload
    @classmethod
    def select(cls, columns: Callable[[type[Self]], V], /) -> Selection[Self, V]: ...
    @overload
    @classmethod
    def select(cls, columns: Callable[[type[Self]], tuple[A | Valued[A]]], /) -> Selection[Self, tuple[A]]: ...
    @overload
    @classmethod
    def select(
        cls, columns: Callable[[type[Self]], tuple[A | Valued[A], B | Valued[B]]], /
    ) -> Selection[Self, tuple[A, B]]: ...
    @overload
    @classmethod
    def select(
        cls, columns: Callable[[type[Self]], tuple[A | Valued[A], B | Valued[B], C | Valued[C]]], /
    ) -> Selection[Self, tuple[A, B, C]]: ...
    @overload
    @classmethod
    def select(
        cls, columns: Callable[[type[Self]], tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D]]], /
    ) -> Selection[Self, tuple[A, B, C, D]]: ...
    @overload
    @classmethod
    def select(
        cls,
        columns: Callable[
            [type[Self]], tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D], E | Valued[E]]
        ],
        /,
    ) -> Selection[Self, tuple[A, B, C, D, E]]: ...
    @overload
    @classmethod
    def select(
        cls,
        columns: Callable[
            [type[Self]],
            tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D], E | Valued[E], F | Valued[F]],
        ],
        /,
    ) -> Selection[Self, tuple[A, B, C, D, E, F]]: ...
    @overload
    @classmethod
    def select(cls, columns: Callable[[type[Self]], ManyCells], /) -> Selection[Self, tuple[Any, ...]]: ...
    @overload
    @classmethod
    def select(cls, columns: Valued[R], /) -> Selection[Self, R]: ...
    @overload
    @classmethod
    def select(cls, columns: Scalar, /) -> Selection[Self, Any]: ...
    @overload
    @classmethod
    def select(
        cls, first: Scalar | Valued[Any], second: Scalar | Valued[Any], /, *more: Scalar | Valued[Any]
    ) -> Selection[Self, tuple[Any, ...]]: ...
    @classmethod
    def select(cls, *columns: Any) -> Any:
        """Read some columns instead of instances; without any, start a query."""
        query: Query[Self] = Query(cls)
        return query.select(*columns) if columns else query

    @classmethod
    def all(cls, *, using: Database | str | None = None) -> list[Self]:
        """Read every row."""
        return (cls.query() if using is None else chosen(using).query(cls)).all()

    @classmethod
    def first(cls) -> Self | None:
        """Read one row, or None when there is none."""
        return cls.query().first()

    @classmethod
    def one(cls) -> Self:
        """Read the only row of the table."""
        return cls.query().one()

    @classmethod
    def one_or_none(cls) -> Self | None:
        """Read the only row of the table, or None when there is none."""
        return cls.query().one_or_none()

    @classmethod
    def count(cls) -> int:
        """Count the rows."""
        return cls.query().count()

    @classmethod
    def exists(cls) -> bool:
        """Whether there is any row."""
        return cls.query().exists()

    @classmethod
    def update(cls, *recipe: Callable[[type[Self]], dict[str, Any]], **values: Any) -> int:
        """Change every row of the table; return how many there were."""
        return cls.query().update(*recipe, **values)

    @overload
    @classmethod
    def sum(cls, column: Callable[[type[Self]], A | Valued[A]]) -> A | None: ...
    @overload
    @classmethod
    def sum(cls, column: Scalar | Valued[Any]) -> Any: ...
    @classmethod
    def sum(cls, column: Any) -> Any:
        """Add a column up; None when there is no row."""
        return cls.query().sum(column)

    @classmethod
    def avg(cls, column: Operand[Self]) -> Any:
        """The mean of a column; None when there is no row."""
        return cls.query().avg(column)

    @overload
    @classmethod
    def min(cls, column: Callable[[type[Self]], A | Valued[A]]) -> A | None: ...
    @overload
    @classmethod
    def min(cls, column: Scalar | Valued[Any]) -> Any: ...
    @classmethod
    def min(cls, column: Any) -> Any:
        """The least value of a column; None when there is no row."""
        return cls.query().min(column)

    @overload
    @classmethod
    def max(cls, column: Callable[[type[Self]], A | Valued[A]]) -> A | None: ...
    @overload
    @classmethod
    def max(cls, column: Scalar | Valued[Any]) -> Any: ...
    @classmethod
    def max(cls, column: Any) -> Any:
        """The greatest value of a column; None when there is no row."""
        return cls.query().max(column)
