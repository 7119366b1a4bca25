"""The active record: models whose instances and classes speak to the database in scope."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, TypeVar, overload

from ferro._async.bound import AsyncModelConnection, Binds
from ferro._async.connections import of_either_colour
from ferro._async.database import AsyncDatabase
from ferro._async.query import AsyncQuery, AsyncSelection
from ferro._async.relations import AsyncRelated
from ferro._async.scope import chosen, database_in_scope, database_of
from ferro._async.stream import AsyncStream
from ferro._concurrency._async import Loaded, unloaded
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
            return AsyncRelated[Any](relation, self)
        return unloaded(lambda: database_of(self).load_implicitly(self, relation), relation.where)

    # One instance.

    async def save(
        self,
        *,
        only: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        on_conflict: Literal["update"] | None = None,
        using: AsyncDatabase | str | None = None,
    ) -> None:
        """Insert this instance when it is new; update its changed columns when it was loaded or saved before.

        The arguments and errors are those of `AsyncDatabase.save`; `using` is a handle or the name of a connection.
        """
        await database_of(self, using).save(self, only=only, exclude=exclude, on_conflict=on_conflict)

    async def delete(self, *, hard: bool = False, using: AsyncDatabase | str | None = None) -> bool:
        """Delete this instance's row; False when there was none.

        That of a `SoftDelete` is only marked as deleted, unless `hard` says otherwise.
        """
        return await database_of(self, using).delete(self, hard=hard)

    async def restore(self, *, using: AsyncDatabase | str | None = None) -> bool:
        """Take back that this row of a `SoftDelete` was deleted; False when it was not."""
        return await database_of(self, using).restore(self)

    async def refresh(self, *, using: AsyncDatabase | str | None = None) -> None:
        """Read this instance's row again; unsaved changes are overwritten."""
        await database_of(self, using).refresh(self)

    # The class: on a certain database.

    @overload
    @classmethod
    def using(cls, database: AsyncDatabase | str) -> AsyncModelConnection[Self]: ...
    @overload
    @classmethod
    def using(cls, database: Binds[R]) -> R: ...
    @classmethod
    def using(cls, database: Any) -> Any:
        """The model on a certain database, a handle or the name of a connection: `User.using("archive").all()`."""
        return of_either_colour(database).bind(cls)

    # The class: writing.

    @classmethod
    async def create(cls, **values: Any) -> Self:
        """Validate and insert a row; return it with what the database filled in."""
        return await database_in_scope().create(cls, **values)

    @overload
    @classmethod
    async def bulk_create(
        cls,
        instances: Iterable[Self | Mapping[str, Any]],
        *,
        returning: Literal[True] = True,
        progress: Progress = False,
        using: AsyncDatabase | str | None = None,
    ) -> list[Self]: ...
    @overload
    @classmethod
    async def bulk_create(
        cls,
        instances: Iterable[Self | Mapping[str, Any]],
        *,
        returning: Literal[False],
        progress: Progress = False,
        using: AsyncDatabase | str | None = None,
    ) -> int: ...
    @classmethod
    async def bulk_create(
        cls,
        instances: Iterable[Self | Mapping[str, Any]],
        *,
        returning: bool = True,
        progress: Progress = False,
        using: AsyncDatabase | str | None = None,
    ) -> list[Self] | int:
        """Insert any number of new rows, instances or dicts, all or none; generated keys are written into them.

        With `returning=False` nothing comes back but how many there were; the rows may be any iterator's.
        """
        database = chosen(using)
        model = cls
        if returning:
            return await database.bulk_create(model, instances, progress=progress)
        return await database.bulk_create(model, instances, returning=False, progress=progress)

    @classmethod
    async def from_polars(cls, frame: PolarsFrame, *, using: AsyncDatabase | str | None = None) -> int:
        """Insert the rows of a DataFrame of polars, all or none; return how many. Columns are found by name."""
        return await chosen(using).from_polars(cls, frame)

    @classmethod
    async def from_arrow(cls, frame: ArrowTable, *, using: AsyncDatabase | str | None = None) -> int:
        """Insert the rows of a table of pyarrow, all or none; return how many. Columns are found by name."""
        return await chosen(using).from_arrow(cls, frame)

    @classmethod
    async def from_pandas(cls, frame: PandasFrame, *, using: AsyncDatabase | str | None = None) -> int:
        """Insert the rows of a DataFrame of pandas, all or none; return how many. Columns are found by name."""
        return await chosen(using).from_pandas(cls, frame)

    @classmethod
    async def bulk_update(
        cls, instances: Iterable[Self], fields: Iterable[str] | None = None, *, progress: Progress = False
    ) -> int:
        """Write the changed fields of loaded instances, or the named ones, all or none; return how many rows that were."""
        return await database_in_scope().bulk_update(cls, instances, fields, progress=progress)

    @overload
    @classmethod
    async def bulk_upsert(
        cls,
        rows: Iterable[Self | Mapping[str, Any]],
        *,
        key: Iterable[str] | None = None,
        returning: Literal[True] = True,
        progress: Progress = False,
    ) -> list[Self]: ...
    @overload
    @classmethod
    async def bulk_upsert(
        cls,
        rows: Iterable[Self | Mapping[str, Any]],
        *,
        key: Iterable[str] | None = None,
        returning: Literal[False],
        progress: Progress = False,
    ) -> int: ...
    @classmethod
    async def bulk_upsert(
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
            return await database.bulk_upsert(model, rows, key=key, progress=progress)
        return await database.bulk_upsert(model, rows, key=key, returning=False, progress=progress)

    @classmethod
    async def upsert(cls, *, key: Iterable[str] | None = None, **values: Any) -> Self:
        """Insert a row, or update the named columns of the one that has the same unique key."""
        return await database_in_scope().upsert(cls, key=key, **values)

    @classmethod
    async def get_or_create(cls, defaults: Mapping[str, Any] | None = None, **lookup: Any) -> tuple[Self, bool]:
        """Find the row with these values, or create it with the defaults beside them; True when it was created."""
        return await database_in_scope().get_or_create(cls, defaults, **lookup)

    @classmethod
    async def update_or_create(cls, defaults: Mapping[str, Any] | None = None, **lookup: Any) -> tuple[Self, bool]:
        """Find the row with these values and set the defaults in it, or create it; True when it was created."""
        return await database_in_scope().update_or_create(cls, defaults, **lookup)

    # The class: reading.

    @classmethod
    async def get(cls, pk: object) -> Self:
        """Read the row with this primary key.

        Raises:
            ModelDoesNotExist: there is none.
        """
        return await database_in_scope().get(cls, pk)

    @classmethod
    async def get_or_none(cls, pk: object) -> Self | None:
        """Read the row with this primary key, or None."""
        return await database_in_scope().get_or_none(cls, pk)

    @classmethod
    async def raw(cls, sql: str | TString, *args: object) -> list[Self]:
        """Run SQL; return its rows as instances: `User.raw("SELECT * FROM user WHERE age > ?", 18)`.

        Columns are matched by name. All of the model's must be there; others are left out.
        """
        return await database_in_scope().raw(cls, sql, *args)

    @classmethod
    def query(cls) -> AsyncQuery[Self]:
        """Start a query."""
        return AsyncQuery(cls)

    @classmethod
    def unscoped(cls) -> AsyncQuery[Self]:
        """Start a query that sees every row, whatever the model's scope says: deleted ones, too."""
        return AsyncQuery(cls, scoped=False)

    @classmethod
    def where(cls, *conditions: Predicate[Self] | Valued[bool | None] | bool) -> AsyncQuery[Self]:
        """Keep the rows that meet every condition: `User.where(lambda u: u.age >= 18)`."""
        return AsyncQuery(cls).where(*conditions)

    @classmethod
    def filter_by(cls, **values: Any) -> AsyncQuery[Self]:
        """Keep the rows whose columns have these very values: `User.filter_by(name="Ann")`."""
        return AsyncQuery(cls).filter_by(**values)

    @classmethod
    def for_update(
        cls, *, skip_locked: bool = False, nowait: bool = False, of: type | Sequence[type] = ()
    ) -> AsyncQuery[Self]:
        """Keep the rows for this transaction; the arguments are those of the query's `for_update`."""
        return AsyncQuery(cls).for_update(skip_locked=skip_locked, nowait=nowait, of=of)

    @classmethod
    def include(cls, *paths: IncludePath[Self]) -> AsyncQuery[Self]:
        """Load what belongs to the rows with them: `Author.include(lambda a: a.books.tags, "profile")`."""
        return cls.query().include(*paths)

    @classmethod
    def order_by(
        cls,
        *keys: SortKey[Self],
        direction: str | None = None,
        nulls: Nulls | None = None,
    ) -> AsyncQuery[Self]:
        """Sort the rows: `User.order_by("-age", "name")`."""
        return AsyncQuery(cls).order_by(*keys, direction=direction, nulls=nulls)

    @classmethod
    def join(cls, *relations: Callable[[type[Self]], object] | str) -> AsyncQuery[Self]:
        """Keep the rows that lead to another along these relations: `Book.join(lambda b: b.author)`."""
        return cls.query().join(*relations)

    @classmethod
    def left_join(cls, *relations: Callable[[type[Self]], object] | str) -> AsyncQuery[Self]:
        """Say that the rows that lead to none along these relations stay, as they do by themselves."""
        return cls.query().left_join(*relations)

    @classmethod
    def limit(cls, count: int) -> AsyncQuery[Self]:
        """Return at most so many rows."""
        return AsyncQuery(cls).limit(count)

    @classmethod
    def offset(cls, count: int) -> AsyncQuery[Self]:
        """Leave out so many rows at the start."""
        return AsyncQuery(cls).offset(count)

    @classmethod
    def distinct(cls) -> AsyncQuery[Self]:
        """Return equal rows once."""
        return AsyncQuery(cls).distinct()

    @overload
    @classmethod
    def select(cls) -> AsyncQuery[Self]: ...
    @overload
    @classmethod
    def select(cls, columns: Callable[[type[Self]], dict[str, Any]], /) -> AsyncSelection[Self, dict[str, Any]]: ...
    @overload
    @classmethod
    def select(cls, columns: Callable[[type[Self]], Valued[R]], /) -> AsyncSelection[Self, R]: ...
    @overload
    @classmethod
    def select(cls, columns: Callable[[type[Self]], V], /) -> AsyncSelection[Self, V]: ...
    @overload
    @classmethod
    def select(cls, columns: Callable[[type[Self]], tuple[A | Valued[A]]], /) -> AsyncSelection[Self, tuple[A]]: ...
    @overload
    @classmethod
    def select(
        cls, columns: Callable[[type[Self]], tuple[A | Valued[A], B | Valued[B]]], /
    ) -> AsyncSelection[Self, tuple[A, B]]: ...
    @overload
    @classmethod
    def select(
        cls, columns: Callable[[type[Self]], tuple[A | Valued[A], B | Valued[B], C | Valued[C]]], /
    ) -> AsyncSelection[Self, tuple[A, B, C]]: ...
    @overload
    @classmethod
    def select(
        cls, columns: Callable[[type[Self]], tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D]]], /
    ) -> AsyncSelection[Self, tuple[A, B, C, D]]: ...
    @overload
    @classmethod
    def select(
        cls,
        columns: Callable[
            [type[Self]], tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D], E | Valued[E]]
        ],
        /,
    ) -> AsyncSelection[Self, tuple[A, B, C, D, E]]: ...
    @overload
    @classmethod
    def select(
        cls,
        columns: Callable[
            [type[Self]],
            tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D], E | Valued[E], F | Valued[F]],
        ],
        /,
    ) -> AsyncSelection[Self, tuple[A, B, C, D, E, F]]: ...
    @overload
    @classmethod
    def select(cls, columns: Callable[[type[Self]], ManyCells], /) -> AsyncSelection[Self, tuple[Any, ...]]: ...
    @overload
    @classmethod
    def select(cls, columns: Valued[R], /) -> AsyncSelection[Self, R]: ...
    @overload
    @classmethod
    def select(cls, columns: Scalar, /) -> AsyncSelection[Self, Any]: ...
    @overload
    @classmethod
    def select(
        cls, first: Scalar | Valued[Any], second: Scalar | Valued[Any], /, *more: Scalar | Valued[Any]
    ) -> AsyncSelection[Self, tuple[Any, ...]]: ...
    @overload
    @classmethod
    def select(
        cls, *columns: Callable[[type[Self]], object] | Scalar | Valued[Any], into: type[Filled]
    ) -> AsyncSelection[Self, Filled]: ...
    @classmethod
    def select(cls, *columns: Any, into: type[Any] | None = None) -> Any:
        """Read some columns instead of instances, as a class with `into`; without any, start a query."""
        query: AsyncQuery[Self] = AsyncQuery(cls)
        if into is not None:
            return query.select(*columns, into=into)
        return query.select(*columns) if columns else query

    @classmethod
    def values(cls, *names: str) -> AsyncSelection[Self, dict[str, Any]]:
        """Read dicts of some columns, or of all: `await User.values("id", "name").all()`."""
        return AsyncQuery(cls).values(*names)

    @classmethod
    def stream(cls, chunk: int = 1000) -> AsyncStream[Self]:
        """Read every row as they come, `chunk` at a time: `async for user in User.stream()`."""
        return AsyncQuery(cls).stream(chunk)

    @classmethod
    async def page(cls, number: int, size: int) -> Page[Self]:
        """Read one page in the order of the primary key, counted from 1, and how many rows there are."""
        return await AsyncQuery(cls).page(number, size)

    @classmethod
    async def claim(cls, count: int) -> list[Self]:
        """Lock some rows that nobody else has locked, and read them; they are this transaction's until it ends."""
        return await AsyncQuery(cls).claim(count)

    @classmethod
    async def explain(cls, *, analyze: bool = False) -> str:
        """Ask the database how it would read every row."""
        return await AsyncQuery(cls).explain(analyze=analyze)

    @classmethod
    async def all(cls, *, using: AsyncDatabase | str | None = None) -> list[Self]:
        """Read every row."""
        return await (AsyncQuery(cls) if using is None else chosen(using).query(cls)).all()

    @classmethod
    async def first(cls) -> Self | None:
        """Read one row, or None when there is none."""
        return await AsyncQuery(cls).first()

    @classmethod
    async def one(cls) -> Self:
        """Read the only row of the table."""
        return await AsyncQuery(cls).one()

    @classmethod
    async def one_or_none(cls) -> Self | None:
        """Read the only row of the table, or None when there is none."""
        return await AsyncQuery(cls).one_or_none()

    @classmethod
    async def to_polars(cls) -> PolarsFrame:
        """Read every row into a DataFrame of polars."""
        return await AsyncQuery(cls).to_polars()

    @classmethod
    async def to_arrow(cls) -> ArrowTable:
        """Read every row into a table of pyarrow."""
        return await AsyncQuery(cls).to_arrow()

    @classmethod
    async def to_pandas(cls) -> PandasFrame:
        """Read every row into a DataFrame of pandas."""
        return await AsyncQuery(cls).to_pandas()

    @classmethod
    async def count(cls) -> int:
        """Count the rows."""
        return await AsyncQuery(cls).count()

    @classmethod
    async def exists(cls) -> bool:
        """Whether there is any row."""
        return await AsyncQuery(cls).exists()

    @classmethod
    async def update(cls, *recipe: Callable[[type[Self]], dict[str, Any]], **values: Any) -> int:
        """Change every row of the table; return how many there were."""
        return await AsyncQuery(cls).update(*recipe, **values)

    @overload
    @classmethod
    async def sum(cls, column: Callable[[type[Self]], A | Valued[A]]) -> A | None: ...
    @overload
    @classmethod
    async def sum(cls, column: Scalar | Valued[Any]) -> Any: ...
    @classmethod
    async def sum(cls, column: Any) -> Any:
        """Add a column up; None when there is no row."""
        return await AsyncQuery(cls).sum(column)

    @classmethod
    async def avg(cls, column: Operand[Self]) -> Any:
        """The mean of a column; None when there is no row."""
        return await AsyncQuery(cls).avg(column)

    @overload
    @classmethod
    async def min(cls, column: Callable[[type[Self]], A | Valued[A]]) -> A | None: ...
    @overload
    @classmethod
    async def min(cls, column: Scalar | Valued[Any]) -> Any: ...
    @classmethod
    async def min(cls, column: Any) -> Any:
        """The least value of a column; None when there is no row."""
        return await AsyncQuery(cls).min(column)

    @overload
    @classmethod
    async def max(cls, column: Callable[[type[Self]], A | Valued[A]]) -> A | None: ...
    @overload
    @classmethod
    async def max(cls, column: Scalar | Valued[Any]) -> Any: ...
    @classmethod
    async def max(cls, column: Any) -> Any:
        """The greatest value of a column; None when there is no row."""
        return await AsyncQuery(cls).max(column)
