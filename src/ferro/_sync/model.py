# Generated from src/ferro/_async/model.py by scripts/unasync.py: edit that file, never this one.
"""The active record: models whose instances and classes speak to the database in scope."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, TypeVar, overload

from ferro._concurrency._sync import Loaded, unloaded
from ferro._sync.bound import Binds, ModelConnection
from ferro._sync.connections import of_either_colour
from ferro._sync.database import Database
from ferro._sync.query import Query, Selection
from ferro._sync.relations import Related
from ferro._sync.scope import chosen, database_in_scope, database_of
from ferro._sync.stream import Stream
from ferro.model import ModelBase
from ferro.operations.libraries import ArrowTable, PandasFrame, PolarsFrame
from ferro.operations.progress import Progress
from ferro.query.builder import Operand, Predicate, SortKey
from ferro.query.expressions import Nulls, Valued
from ferro.query.including import IncludePath
from ferro.query.paging import Page
from ferro.query.selected import A, B, C, D, E, F, Filled, ManyCells, Scalar, V
from ferro.query.templates import TString
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
        return unloaded(lambda: database_of(self).load_implicitly(self, relation), relation.where)

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

    def delete(self, *, hard: bool = False, using: Database | str | None = None) -> bool:
        """Delete this instance's row; False when there was none.

        That of a `SoftDelete` is only marked as deleted, unless `hard` says otherwise.
        """
        return database_of(self, using).delete(self, hard=hard)

    def restore(self, *, using: Database | str | None = None) -> bool:
        """Take back that this row of a `SoftDelete` was deleted; False when it was not."""
        return database_of(self, using).restore(self)

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
        return of_either_colour(database).bind(cls)

    # The class: writing.

    @classmethod
    def create(cls, **values: Any) -> Self:
        """Validate and insert a row; return it with what the database filled in."""
        return database_in_scope().create(cls, **values)

    @overload
    @classmethod
    def bulk_create(
        cls,
        instances: Iterable[Self | Mapping[str, Any]],
        *,
        returning: Literal[True] = True,
        progress: Progress = False,
        using: Database | str | None = None,
    ) -> list[Self]: ...
    @overload
    @classmethod
    def bulk_create(
        cls,
        instances: Iterable[Self | Mapping[str, Any]],
        *,
        returning: Literal[False],
        progress: Progress = False,
        using: Database | str | None = None,
    ) -> int: ...
    @classmethod
    def bulk_create(
        cls,
        instances: Iterable[Self | Mapping[str, Any]],
        *,
        returning: bool = True,
        progress: Progress = False,
        using: Database | str | None = None,
    ) -> list[Self] | int:
        """Insert any number of new rows, instances or dicts, all or none; generated keys are written into them.

        With `returning=False` nothing comes back but how many there were; the rows may be any iterator's.
        """
        database = chosen(using)
        model = cls
        if returning:
            return database.bulk_create(model, instances, progress=progress)
        return database.bulk_create(model, instances, returning=False, progress=progress)

    @classmethod
    def from_polars(cls, frame: PolarsFrame, *, using: Database | str | None = None) -> int:
        """Insert the rows of a DataFrame of polars, all or none; return how many. Columns are found by name."""
        return chosen(using).from_polars(cls, frame)

    @classmethod
    def from_arrow(cls, frame: ArrowTable, *, using: Database | str | None = None) -> int:
        """Insert the rows of a table of pyarrow, all or none; return how many. Columns are found by name."""
        return chosen(using).from_arrow(cls, frame)

    @classmethod
    def from_pandas(cls, frame: PandasFrame, *, using: Database | str | None = None) -> int:
        """Insert the rows of a DataFrame of pandas, all or none; return how many. Columns are found by name."""
        return chosen(using).from_pandas(cls, frame)

    @classmethod
    def bulk_update(
        cls, instances: Iterable[Self], fields: Iterable[str] | None = None, *, progress: Progress = False
    ) -> int:
        """Write the changed fields of loaded instances, or the named ones, all or none; return how many rows that were."""
        return database_in_scope().bulk_update(cls, instances, fields, progress=progress)

    @overload
    @classmethod
    def bulk_upsert(
        cls,
        rows: Iterable[Self | Mapping[str, Any]],
        *,
        key: Iterable[str] | None = None,
        returning: Literal[True] = True,
        progress: Progress = False,
    ) -> list[Self]: ...
    @overload
    @classmethod
    def bulk_upsert(
        cls,
        rows: Iterable[Self | Mapping[str, Any]],
        *,
        key: Iterable[str] | None = None,
        returning: Literal[False],
        progress: Progress = False,
    ) -> int: ...
    @classmethod
    def bulk_upsert(
        cls,
        rows: Iterable[Self | Mapping[str, Any]],
        *,
        key: Iterable[str] | None = None,
        returning: bool = True,
        progress: Progress = False,
    ) -> list[Self] | int:
        """Insert any number of rows, or update those that have the same unique keys, all or none."""
        database = database_in_scope()
        model = cls
        if returning:
            return database.bulk_upsert(model, rows, key=key, progress=progress)
        return database.bulk_upsert(model, rows, key=key, returning=False, progress=progress)

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
    def raw(cls, sql: str | TString, *args: object) -> list[Self]:
        """Run SQL; return its rows as instances: `User.raw("SELECT * FROM user WHERE age > ?", 18)`.

        Columns are matched by name. All of the model's must be there; others are left out.
        """
        return database_in_scope().raw(cls, sql, *args)

    @classmethod
    def query(cls) -> Query[Self]:
        """Start a query."""
        return Query(cls)

    @classmethod
    def unscoped(cls) -> Query[Self]:
        """Start a query that sees every row, whatever the model's scope says: deleted ones, too."""
        return Query(cls, scoped=False)

    @classmethod
    def where(cls, *conditions: Predicate[Self] | Valued[bool | None] | bool) -> Query[Self]:
        """Keep the rows that meet every condition: `User.where(lambda u: u.age >= 18)`."""
        return Query(cls).where(*conditions)

    @classmethod
    def filter_by(cls, **values: Any) -> Query[Self]:
        """Keep the rows whose columns have these very values: `User.filter_by(name="Ann")`."""
        return Query(cls).filter_by(**values)

    @classmethod
    def for_update(
        cls, *, skip_locked: bool = False, nowait: bool = False, of: type | Sequence[type] = ()
    ) -> Query[Self]:
        """Keep the rows for this transaction; the arguments are those of the query's `for_update`."""
        return Query(cls).for_update(skip_locked=skip_locked, nowait=nowait, of=of)

    @classmethod
    def include(cls, *paths: IncludePath[Self]) -> Query[Self]:
        """Load what belongs to the rows with them: `Author.include(lambda a: a.books.tags, "profile")`."""
        return cls.query().include(*paths)

    @classmethod
    def order_by(
        cls,
        *keys: SortKey[Self],
        direction: str | None = None,
        nulls: Nulls | None = None,
    ) -> Query[Self]:
        """Sort the rows: `User.order_by("-age", "name")`."""
        return Query(cls).order_by(*keys, direction=direction, nulls=nulls)

    @classmethod
    def join(cls, *relations: Callable[[type[Self]], object] | str) -> Query[Self]:
        """Keep the rows that lead to another along these relations: `Book.join(lambda b: b.author)`."""
        return cls.query().join(*relations)

    @classmethod
    def left_join(cls, *relations: Callable[[type[Self]], object] | str) -> Query[Self]:
        """Say that the rows that lead to none along these relations stay, as they do by themselves."""
        return cls.query().left_join(*relations)

    @classmethod
    def limit(cls, count: int) -> Query[Self]:
        """Return at most so many rows."""
        return Query(cls).limit(count)

    @classmethod
    def offset(cls, count: int) -> Query[Self]:
        """Leave out so many rows at the start."""
        return Query(cls).offset(count)

    @classmethod
    def distinct(cls) -> Query[Self]:
        """Return equal rows once."""
        return Query(cls).distinct()

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
    @overload
    @classmethod
    def select(
        cls, *columns: Callable[[type[Self]], object] | Scalar | Valued[Any], into: type[Filled]
    ) -> Selection[Self, Filled]: ...
    @classmethod
    def select(cls, *columns: Any, into: type[Any] | None = None) -> Any:
        """Read some columns instead of instances, as a class with `into`; without any, start a query."""
        query: Query[Self] = Query(cls)
        if into is not None:
            return query.select(*columns, into=into)
        return query.select(*columns) if columns else query

    @classmethod
    def values(cls, *names: str) -> Selection[Self, dict[str, Any]]:
        """Read dicts of some columns, or of all: `User.values("id", "name").all()`."""
        return Query(cls).values(*names)

    @classmethod
    def stream(cls, chunk: int = 1000) -> Stream[Self]:
        """Read every row as they come, `chunk` at a time: `for user in User.stream()`."""
        return Query(cls).stream(chunk)

    @classmethod
    def page(cls, number: int, size: int) -> Page[Self]:
        """Read one page in the order of the primary key, counted from 1, and how many rows there are."""
        return Query(cls).page(number, size)

    @classmethod
    def claim(cls, count: int) -> list[Self]:
        """Lock some rows that nobody else has locked, and read them; they are this transaction's until it ends."""
        return Query(cls).claim(count)

    @classmethod
    def explain(cls, *, analyze: bool = False) -> str:
        """Ask the database how it would read every row."""
        return Query(cls).explain(analyze=analyze)

    @classmethod
    def all(cls, *, using: Database | str | None = None) -> list[Self]:
        """Read every row."""
        return (Query(cls) if using is None else chosen(using).query(cls)).all()

    @classmethod
    def first(cls) -> Self | None:
        """Read one row, or None when there is none."""
        return Query(cls).first()

    @classmethod
    def one(cls) -> Self:
        """Read the only row of the table."""
        return Query(cls).one()

    @classmethod
    def one_or_none(cls) -> Self | None:
        """Read the only row of the table, or None when there is none."""
        return Query(cls).one_or_none()

    @classmethod
    def to_polars(cls) -> PolarsFrame:
        """Read every row into a DataFrame of polars."""
        return Query(cls).to_polars()

    @classmethod
    def to_arrow(cls) -> ArrowTable:
        """Read every row into a table of pyarrow."""
        return Query(cls).to_arrow()

    @classmethod
    def to_pandas(cls) -> PandasFrame:
        """Read every row into a DataFrame of pandas."""
        return Query(cls).to_pandas()

    @classmethod
    def count(cls) -> int:
        """Count the rows."""
        return Query(cls).count()

    @classmethod
    def exists(cls) -> bool:
        """Whether there is any row."""
        return Query(cls).exists()

    @classmethod
    def update(cls, *recipe: Callable[[type[Self]], dict[str, Any]], **values: Any) -> int:
        """Change every row of the table; return how many there were."""
        return Query(cls).update(*recipe, **values)

    @overload
    @classmethod
    def sum(cls, column: Callable[[type[Self]], A | Valued[A]]) -> A | None: ...
    @overload
    @classmethod
    def sum(cls, column: Scalar | Valued[Any]) -> Any: ...
    @classmethod
    def sum(cls, column: Any) -> Any:
        """Add a column up; None when there is no row."""
        return Query(cls).sum(column)

    @classmethod
    def avg(cls, column: Operand[Self]) -> Any:
        """The mean of a column; None when there is no row."""
        return Query(cls).avg(column)

    @overload
    @classmethod
    def min(cls, column: Callable[[type[Self]], A | Valued[A]]) -> A | None: ...
    @overload
    @classmethod
    def min(cls, column: Scalar | Valued[Any]) -> Any: ...
    @classmethod
    def min(cls, column: Any) -> Any:
        """The least value of a column; None when there is no row."""
        return Query(cls).min(column)

    @overload
    @classmethod
    def max(cls, column: Callable[[type[Self]], A | Valued[A]]) -> A | None: ...
    @overload
    @classmethod
    def max(cls, column: Scalar | Valued[Any]) -> Any: ...
    @classmethod
    def max(cls, column: Any) -> Any:
        """The greatest value of a column; None when there is no row."""
        return Query(cls).max(column)
