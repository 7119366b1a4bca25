"""A model on a certain database: `User.using("archive")`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, overload

from ferro._async.query import AsyncQuery, AsyncSelection
from ferro._async.stream import AsyncStream
from ferro.model import ModelBase
from ferro.operations.libraries import ArrowTable, PandasFrame, PolarsFrame
from ferro.operations.progress import Progress
from ferro.query.builder import Operand, Predicate, SortKey
from ferro.query.expressions import Nulls, Valued
from ferro.query.including import IncludePath
from ferro.query.paging import Page
from ferro.query.selected import A, B, C, D, E, F, Filled, ManyCells, Scalar, V
from ferro.query.templates import TString

if TYPE_CHECKING:
    from ferro._async.database import AsyncDatabase

M = TypeVar("M", bound=ModelBase)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Binds(Protocol[R_co]):
    """A handle, of whichever colour."""

    def bind(self, model: type[Any]) -> R_co: ...


class AsyncModelConnection(Generic[M]):
    """The verbs of a model, on one database, whatever the default is. Made by `Model.using()`."""

    def __init__(self, database: "AsyncDatabase", model: type[M]) -> None:
        self.database = database
        self.model = model

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.model.__name__} on {self.database.url}>"

    # Reading.

    async def get(self, pk: object) -> M:
        """Read the row with this primary key.

        Raises:
            ModelDoesNotExist: there is none.
        """
        return await self.database.get(self.model, pk)

    async def get_or_none(self, pk: object) -> M | None:
        """Read the row with this primary key, or None."""
        return await self.database.get_or_none(self.model, pk)

    async def raw(self, sql: str | TString, *args: object) -> list[M]:
        """Run SQL; return its rows as instances."""
        return await self.database.raw(self.model, sql, *args)

    def query(self) -> AsyncQuery[M]:
        """Start a query."""
        return AsyncQuery(self.model, database=self.database)

    def unscoped(self) -> AsyncQuery[M]:
        """Start a query that sees every row, whatever the model's scope says: deleted ones, too."""
        return AsyncQuery(self.model, database=self.database, scoped=False)

    def where(self, *conditions: Predicate[M] | Valued[bool | None] | bool) -> AsyncQuery[M]:
        """Keep the rows that meet every condition: `User.where(lambda u: u.age >= 18)`."""
        return self.query().where(*conditions)

    def filter_by(self, **values: Any) -> AsyncQuery[M]:
        """Keep the rows whose columns have these very values: `User.filter_by(name="Ann")`."""
        return self.query().filter_by(**values)

    def for_update(
        self, *, skip_locked: bool = False, nowait: bool = False, of: type | Sequence[type] = ()
    ) -> AsyncQuery[M]:
        """Keep the rows for this transaction; the arguments are those of the query's `for_update`."""
        return self.query().for_update(skip_locked=skip_locked, nowait=nowait, of=of)

    def include(self, *paths: IncludePath[M]) -> AsyncQuery[M]:
        """Load what belongs to the rows with them: `Author.include(lambda a: a.books.tags, "profile")`."""
        return self.query().include(*paths)

    def order_by(
        self,
        *keys: SortKey[M],
        direction: str | None = None,
        nulls: Nulls | None = None,
    ) -> AsyncQuery[M]:
        """Sort the rows: `User.order_by("-age", "name")`."""
        return self.query().order_by(*keys, direction=direction, nulls=nulls)

    def join(self, *relations: Callable[[type[M]], object] | str) -> AsyncQuery[M]:
        """Keep the rows that lead to another along these relations: `Book.join(lambda b: b.author)`."""
        return self.query().join(*relations)

    def left_join(self, *relations: Callable[[type[M]], object] | str) -> AsyncQuery[M]:
        """Say that the rows that lead to none along these relations stay, as they do by themselves."""
        return self.query().left_join(*relations)

    def limit(self, count: int) -> AsyncQuery[M]:
        """Return at most so many rows."""
        return self.query().limit(count)

    def offset(self, count: int) -> AsyncQuery[M]:
        """Leave out so many rows at the start."""
        return self.query().offset(count)

    def distinct(self) -> AsyncQuery[M]:
        """Return equal rows once."""
        return self.query().distinct()

    @overload
    def select(self) -> AsyncQuery[M]: ...
    @overload
    def select(self, columns: Callable[[type[M]], dict[str, Any]], /) -> AsyncSelection[M, dict[str, Any]]: ...
    @overload
    def select(self, columns: Callable[[type[M]], Valued[R]], /) -> AsyncSelection[M, R]: ...
    @overload
    def select(self, columns: Callable[[type[M]], V], /) -> AsyncSelection[M, V]: ...
    @overload
    def select(self, columns: Callable[[type[M]], tuple[A | Valued[A]]], /) -> AsyncSelection[M, tuple[A]]: ...
    @overload
    def select(
        self, columns: Callable[[type[M]], tuple[A | Valued[A], B | Valued[B]]], /
    ) -> AsyncSelection[M, tuple[A, B]]: ...
    @overload
    def select(
        self, columns: Callable[[type[M]], tuple[A | Valued[A], B | Valued[B], C | Valued[C]]], /
    ) -> AsyncSelection[M, tuple[A, B, C]]: ...
    @overload
    def select(
        self, columns: Callable[[type[M]], tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D]]], /
    ) -> AsyncSelection[M, tuple[A, B, C, D]]: ...
    @overload
    def select(
        self,
        columns: Callable[[type[M]], tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D], E | Valued[E]]],
        /,
    ) -> AsyncSelection[M, tuple[A, B, C, D, E]]: ...
    @overload
    def select(
        self,
        columns: Callable[
            [type[M]],
            tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D], E | Valued[E], F | Valued[F]],
        ],
        /,
    ) -> AsyncSelection[M, tuple[A, B, C, D, E, F]]: ...
    @overload
    def select(self, columns: Callable[[type[M]], ManyCells], /) -> AsyncSelection[M, tuple[Any, ...]]: ...
    @overload
    def select(self, columns: Valued[R], /) -> AsyncSelection[M, R]: ...
    @overload
    def select(self, columns: Scalar, /) -> AsyncSelection[M, Any]: ...
    @overload
    def select(
        self, first: Scalar | Valued[Any], second: Scalar | Valued[Any], /, *more: Scalar | Valued[Any]
    ) -> AsyncSelection[M, tuple[Any, ...]]: ...
    @overload
    def select(
        self, *columns: Callable[[type[M]], object] | Scalar | Valued[Any], into: type[Filled]
    ) -> AsyncSelection[M, Filled]: ...
    def select(self, *columns: Any, into: type[Any] | None = None) -> Any:
        """Read some columns instead of instances, as a class with `into`; without any, start a query."""
        query: AsyncQuery[M] = self.query()
        if into is not None:
            return query.select(*columns, into=into)
        return query.select(*columns) if columns else query

    def values(self, *names: str) -> AsyncSelection[M, dict[str, Any]]:
        """Read dicts of some columns, or of all: `await User.values("id", "name").all()`."""
        return self.query().values(*names)

    def stream(self, chunk: int = 1000) -> AsyncStream[M]:
        """Read every row as they come, `chunk` at a time: `async for user in User.stream()`."""
        return self.query().stream(chunk)

    async def page(self, number: int, size: int) -> Page[M]:
        """Read one page in the order of the primary key, counted from 1, and how many rows there are."""
        return await self.query().page(number, size)

    async def claim(self, count: int) -> list[M]:
        """Lock some rows that nobody else has locked, and read them; they are this transaction's until it ends."""
        return await self.query().claim(count)

    async def explain(self, *, analyze: bool = False) -> str:
        """Ask the database how it would read every row."""
        return await self.query().explain(analyze=analyze)

    async def all(self) -> list[M]:
        """Read every row."""
        return await self.query().all()

    async def first(self) -> M | None:
        """Read one row, or None when there is none."""
        return await self.query().first()

    async def one(self) -> M:
        """Read the only row of the table."""
        return await self.query().one()

    async def one_or_none(self) -> M | None:
        """Read the only row of the table, or None when there is none."""
        return await self.query().one_or_none()

    async def to_polars(self) -> PolarsFrame:
        """Read every row into a DataFrame of polars."""
        return await self.query().to_polars()

    async def to_arrow(self) -> ArrowTable:
        """Read every row into a table of pyarrow."""
        return await self.query().to_arrow()

    async def to_pandas(self) -> PandasFrame:
        """Read every row into a DataFrame of pandas."""
        return await self.query().to_pandas()

    async def count(self) -> int:
        """Count the rows."""
        return await self.query().count()

    async def exists(self) -> bool:
        """Whether there is any row."""
        return await self.query().exists()

    async def update(self, *recipe: Callable[[type[M]], dict[str, Any]], **values: Any) -> int:
        """Change every row of the table; return how many there were."""
        return await self.query().update(*recipe, **values)

    @overload
    async def sum(self, column: Callable[[type[M]], A | Valued[A]]) -> A | None: ...
    @overload
    async def sum(self, column: Scalar | Valued[Any]) -> Any: ...
    async def sum(self, column: Any) -> Any:
        """Add a column up; None when there is no row."""
        return await self.query().sum(column)

    async def avg(self, column: Operand[M]) -> Any:
        """The mean of a column; None when there is no row."""
        return await self.query().avg(column)

    @overload
    async def min(self, column: Callable[[type[M]], A | Valued[A]]) -> A | None: ...
    @overload
    async def min(self, column: Scalar | Valued[Any]) -> Any: ...
    async def min(self, column: Any) -> Any:
        """The least value of a column; None when there is no row."""
        return await self.query().min(column)

    @overload
    async def max(self, column: Callable[[type[M]], A | Valued[A]]) -> A | None: ...
    @overload
    async def max(self, column: Scalar | Valued[Any]) -> Any: ...
    async def max(self, column: Any) -> Any:
        """The greatest value of a column; None when there is no row."""
        return await self.query().max(column)

    # Writing.

    async def create(self, **values: Any) -> M:
        """Validate and insert a row; return it with what the database filled in."""
        return await self.database.create(self.model, **values)

    @overload
    async def bulk_create(
        self,
        instances: Iterable[M | Mapping[str, Any]],
        *,
        returning: Literal[True] = True,
        progress: Progress = False,
    ) -> list[M]: ...
    @overload
    async def bulk_create(
        self,
        instances: Iterable[M | Mapping[str, Any]],
        *,
        returning: Literal[False],
        progress: Progress = False,
    ) -> int: ...
    async def bulk_create(
        self,
        instances: Iterable[M | Mapping[str, Any]],
        *,
        returning: bool = True,
        progress: Progress = False,
    ) -> list[M] | int:
        """Insert any number of new rows, instances or dicts, all or none; generated keys are written into them.

        With `returning=False` nothing comes back but how many there were; the rows may be any iterator's.
        """
        database = self.database
        model = self.model
        if returning:
            return await database.bulk_create(model, instances, progress=progress)
        return await database.bulk_create(model, instances, returning=False, progress=progress)

    async def from_polars(self, frame: PolarsFrame) -> int:
        """Insert the rows of a DataFrame of polars, all or none; return how many. Columns are found by name."""
        return await self.database.from_polars(self.model, frame)

    async def from_arrow(self, frame: ArrowTable) -> int:
        """Insert the rows of a table of pyarrow, all or none; return how many. Columns are found by name."""
        return await self.database.from_arrow(self.model, frame)

    async def from_pandas(self, frame: PandasFrame) -> int:
        """Insert the rows of a DataFrame of pandas, all or none; return how many. Columns are found by name."""
        return await self.database.from_pandas(self.model, frame)

    async def bulk_update(
        self, instances: Iterable[M], fields: Iterable[str] | None = None, *, progress: Progress = False
    ) -> int:
        """Write the changed fields of loaded instances, or the named ones, all or none; return how many rows that were."""
        return await self.database.bulk_update(self.model, instances, fields, progress=progress)

    @overload
    async def bulk_upsert(
        self,
        rows: Iterable[M | Mapping[str, Any]],
        *,
        key: Iterable[str] | None = None,
        returning: Literal[True] = True,
        progress: Progress = False,
    ) -> list[M]: ...
    @overload
    async def bulk_upsert(
        self,
        rows: Iterable[M | Mapping[str, Any]],
        *,
        key: Iterable[str] | None = None,
        returning: Literal[False],
        progress: Progress = False,
    ) -> int: ...
    async def bulk_upsert(
        self,
        rows: Iterable[M | Mapping[str, Any]],
        *,
        key: Iterable[str] | None = None,
        returning: bool = True,
        progress: Progress = False,
    ) -> list[M] | int:
        """Insert any number of rows, or update those that have the same unique keys, all or none."""
        database = self.database
        model = self.model
        if returning:
            return await database.bulk_upsert(model, rows, key=key, progress=progress)
        return await database.bulk_upsert(model, rows, key=key, returning=False, progress=progress)

    async def upsert(self, *, key: Iterable[str] | None = None, **values: Any) -> M:
        """Insert a row, or update the named columns of the one that has the same unique key."""
        return await self.database.upsert(self.model, key=key, **values)

    async def get_or_create(self, defaults: Mapping[str, Any] | None = None, **lookup: Any) -> tuple[M, bool]:
        """Find the row with these values, or create it with the defaults beside them; True when it was created."""
        return await self.database.get_or_create(self.model, defaults, **lookup)

    async def update_or_create(self, defaults: Mapping[str, Any] | None = None, **lookup: Any) -> tuple[M, bool]:
        """Find the row with these values and set the defaults in it, or create it; True when it was created."""
        return await self.database.update_or_create(self.model, defaults, **lookup)
