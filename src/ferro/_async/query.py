"""Queries that can be awaited: the terminals."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ferro._async.running import place_in
from ferro._async.scope import database_of, transaction_in_scope
from ferro._async.stream import AsyncStream
from ferro._concurrency._async import aside
from ferro._concurrency._async.batches import SIBLINGS
from ferro.dialects import DIALECTS
from ferro.errors import OptionError
from ferro.identity import inside
from ferro.operations import explain, frames, matching, paging, read, typed_rows
from ferro.operations.libraries import ArrowTable, PandasFrame, PolarsFrame
from ferro.operations.steps import Operation
from ferro.operations.stream import source
from ferro.operations.transaction import must_keep_rows
from ferro.query.builder import AggregateName, Operand, QueryBase, RenderedSql, rendered, shown_by_the_query
from ferro.query.compiler import compile
from ferro.query.expressions import Nested, Valued
from ferro.query.paging import Page
from ferro.query.selected import A, B, C, D, E, F, Filled, ManyCells, Scalar, V
from ferro.query.trees import TreeQuery
from ferro.schema.registry import table_of

if TYPE_CHECKING:
    from ferro._async.database import AsyncDatabase

M = TypeVar("M")
R = TypeVar("R")
T = TypeVar("T")


class AsyncSelection(TreeQuery[M, R], Generic[M, R]):
    """A query over a model `M` whose rows come as `R`: instances, or what `select()` chose."""

    siblings = SIBLINGS

    def __init__(self, model: type[M], *, database: "AsyncDatabase | None" = None, scoped: bool = True) -> None:
        super().__init__(model, table_of(model), scoped=scoped)
        self._database = database

    @property
    def database(self) -> "AsyncDatabase":
        """The handle the query was made from, else where its owner came from, else the database in scope."""
        return self._database or database_of(self.__dict__.get("owner"))

    async def _fetch(self, database: "AsyncDatabase", operation: Operation[T]) -> T:
        check_lock(self, database)
        return await database.run(operation)

    async def all(self) -> list[R]:
        """Read every row."""
        database = self.database
        return await self._fetch(database, read.fetch_all(self, database.dialect))

    async def first(self) -> R | None:
        """Read one row, or None when there is none."""
        database = self.database
        return await self._fetch(database, read.fetch_first(self, database.dialect))

    async def one(self) -> R:
        """Read the only row.

        Raises:
            ModelDoesNotExist: there is none.
            MultipleRowsFound: there are more.
        """
        database = self.database
        return await self._fetch(database, read.fetch_one(self, database.dialect))

    async def one_or_none(self) -> R | None:
        """Read the only row, or None when there is none.

        Raises:
            MultipleRowsFound: there are more.
        """
        database = self.database
        return await self._fetch(database, read.fetch_one_or_none(self, database.dialect))

    async def claim(self, count: int) -> list[R]:
        """Lock the next rows that nobody else has locked, and read them: each worker of a queue takes others.

        They stay this transaction's until it ends: `await Job.where(...).order_by("id").claim(10)`.
        """
        return await self.for_update(skip_locked=True).limit(count).all()

    def stream(self, chunk: int = 1000) -> AsyncStream[R]:
        """Read the rows as they come, `chunk` at a time: `async for user in User.where(...).stream()`.

        Memory does not grow with their number, and they are all of one moment, whatever is changed meanwhile.
        """
        database = self.database
        with inside(place_in(database, None)):
            rows = source(self, database.dialect)
        return AsyncStream(database, rows, chunk)

    async def to_polars(self) -> PolarsFrame:
        """Read every row into a DataFrame of polars, its types those of the model: `await User.where(...).to_polars()`."""
        return await self._framed(frames.POLARS)

    async def to_arrow(self) -> ArrowTable:
        """Read every row into a table of pyarrow, its types those of the model."""
        return await self._framed(frames.ARROW)

    async def to_pandas(self) -> PandasFrame:
        """Read every row into a DataFrame of pandas, its types those of the model, as Arrow has them."""
        return await self._framed(frames.PANDAS)

    async def _framed(self, kind: frames.Kind[T]) -> T:
        database = self.database
        with inside(place_in(database, None)):
            framing = frames.of_query(self, kind, database.dialect)
        return await aside(framing.frame, await self._fetch(database, framing.steps()))

    async def count(self) -> int:
        """Count the rows: `await User.where(...).count()`."""
        database = self.database
        return await database.run(read.count(self, database.dialect))

    async def exists(self) -> bool:
        """Whether there is any row; the database stops at the first."""
        database = self.database
        return await database.run(read.exists(self, database.dialect))

    async def page(self, number: int, size: int) -> Page[R]:
        """Read one page, counted from 1, and how many rows there are: `await User.order_by("name").page(2, 20)`."""
        database = self.database
        return await database.run(paging.fetch_page(self, number, size, database.dialect))

    async def update_returning(self, *recipe: Callable[[type[M]], dict[str, Any]], **values: Any) -> list[R]:
        """Change every row that matches, and return them as they are now, in no order.

        Of a selection, what it chose comes back: `User.where(...).select("id").update_returning(active=False)`.
        """
        database = self.database
        return await database.run(matching.update_returning(self, recipe, values, database.dialect))

    async def delete_returning(self, *, hard: bool = False) -> list[R]:
        """Delete every row that matches, and return what they were, in no order; the instances count as new.

        Rows of a `SoftDelete` are only marked, and come back as they are then, unless `hard` says otherwise.
        """
        database = self.database
        return await database.run(matching.delete_returning(self, database.dialect, hard=hard))

    async def explain(self, *, analyze: bool = False) -> str:
        """Ask the database how it would read the rows; PostgreSQL's `analyze` reads them, and measures."""
        database = self.database
        operation = explain.explain(self, database.dialect, analyze=analyze)
        return await (self._fetch(database, operation) if analyze else database.run(operation))

    def cte(self, name: str) -> "AsyncCte[R]":
        """These rows under a name, for other queries to read: `totals = Order.select(...).cte("totals")`.

        It is a query of its own, defined once in a statement however often it is read there; see `join_cte()`.
        """
        return self._as_cte(self._under_name(name))

    def recursive(self, name: str, step: "Callable[[AsyncCte[R]], Nested[Any]]", *, all: bool = False) -> "AsyncCte[R]":
        """These rows, those that `step` makes of them, those that it makes of these, until there are no new ones.

        Args:
            name: what the rows are called in the statement.
            step: a query of the next rows, from the rows there are: it starts from them, or has them by `join_cte()`.
            all: keep equal rows as often as they come; then a circle in the data never ends.
        """
        return self._as_cte(self._recursive(name, lambda rows: step(self._as_cte(rows)), all=all))

    def _chosen(self, query: QueryBase[Any]) -> "AsyncSelection[M, Any]":
        if query.projection is not None and query.projection.into is not None:
            typed_rows.check_selected(query.projection)
        chosen: AsyncSelection[M, Any] = AsyncSelection(self.model, database=self._database, scoped=False)
        chosen.__dict__.update(query.__dict__)
        return chosen

    def _as_cte(self, query: "AsyncSelection[Any, R]") -> "AsyncCte[R]":
        made: AsyncCte[R] = AsyncCte(self.model, database=self._database)
        made.__dict__.update(query.__dict__)
        return made

    def sql(self, dialect: str | None = None) -> RenderedSql:
        """Show what `all()` would send, without sending it.

        Args:
            dialect: "sqlite" or "postgresql"; that of the query's database when left out.
        """
        if dialect is None:
            spoken = self.database.dialect
        elif dialect in DIALECTS:
            spoken = DIALECTS[dialect]
        else:
            raise OptionError(f"dialect is {dialect!r}; it is one of " + ", ".join(map(repr, DIALECTS)))
        return rendered(compile(read.statement_of_all(self, spoken), spoken), spoken)


def check_lock(query: QueryBase[Any], database: "AsyncDatabase") -> None:
    """Refuse to lock rows where no transaction keeps them."""
    if query.lock is not None:
        transaction = transaction_in_scope(database)
        must_keep_rows(None if transaction is None else transaction.terms, database.dialect.name)


class AsyncCte(AsyncSelection[Any, R], Generic[R]):
    """The rows of a query that has a name: a query like any other, and joined to others by `join_cte()`."""

    def select(self, *columns: Any, into: type[Any] | None = None) -> AsyncSelection[Any, Any]:
        """Read some of its columns, or what is made of them; with `into`, as rows of that class."""
        return self._chosen(super().select(*columns, into=into))


class AsyncQuery(AsyncSelection[M, M]):
    """Rows of a model, to be read, counted, changed or deleted.

    Every method but the awaited ones returns a new query and leaves this one as it was.
    """

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
            [type[M]], tuple[A | Valued[A], B | Valued[B], C | Valued[C], D | Valued[D], E | Valued[E], F | Valued[F]]
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
    def select(self, *columns: Any, into: type[Any] | None = None) -> AsyncSelection[M, Any]:
        """Read some columns or expressions instead of instances.

        `select(lambda u: (u.id, u.name))` and `select("id", "name")` give tuples,
        `select(lambda u: {"name": u.name})` dicts, and `select(lambda u: u.name)` bare values. With `into`
        the rows are made and checked as that class, its fields filled by name: a Pydantic model, a dataclass,
        a TypedDict or a NamedTuple.
        """
        return self._chosen(super().select(*columns, into=into))

    def values(self, *names: str) -> AsyncSelection[M, dict[str, Any]]:
        """Read dicts of some columns, or of all: `await User.values("id", "name").all()`."""
        return self._chosen(super().values(*names))

    async def update(self, *recipe: Callable[[type[M]], dict[str, Any]], **values: Any) -> int:
        """Change every row that matches; return how many there were.

        `update(active=False)`, `update(visits=User.visits + 1)` and
        `update(lambda u: {"visits": u.visits + 1})` are all one UPDATE.
        """
        database = self.database
        return await database.run(matching.update_where(self, recipe, values, database.dialect))

    async def delete(self, *, hard: bool = False) -> int:
        """Delete every row that matches; return how many there were.

        Rows of a `SoftDelete` are only marked as deleted, unless `hard` says otherwise.
        """
        database = self.database
        return await database.run(matching.delete_where(self, database.dialect, hard=hard))

    async def restore(self) -> int:
        """Take back that rows of a `SoftDelete` were deleted: those that match and are; return how many there were."""
        database = self.database
        return await database.run(matching.restore_where(self, database.dialect))

    @overload
    async def sum(self, column: Callable[[type[M]], A | Valued[A]]) -> A | None: ...
    @overload
    async def sum(self, column: Scalar | Valued[Any]) -> Any: ...
    async def sum(self, column: Operand[M]) -> Any:
        """Add a column up; None when there is no row."""
        return await self._aggregate("sum", column)

    async def avg(self, column: Operand[M]) -> Any:
        """The mean of a column; None when there is no row."""
        return await self._aggregate("avg", column)

    @overload
    async def min(self, column: Callable[[type[M]], A | Valued[A]]) -> A | None: ...
    @overload
    async def min(self, column: Scalar | Valued[Any]) -> Any: ...
    async def min(self, column: Operand[M]) -> Any:
        """The least value of a column; None when there is no row."""
        return await self._aggregate("min", column)

    @overload
    async def max(self, column: Callable[[type[M]], A | Valued[A]]) -> A | None: ...
    @overload
    async def max(self, column: Scalar | Valued[Any]) -> Any: ...
    async def max(self, column: Operand[M]) -> Any:
        """The greatest value of a column; None when there is no row."""
        return await self._aggregate("max", column)

    async def _aggregate(self, name: AggregateName, column: object) -> Any:
        database = self.database
        return await database.run(read.aggregate(self, name, column, database.dialect))


shown_by_the_query(AsyncSelection, "all", "first", "count", "exists")
shown_by_the_query(AsyncQuery, "update", "delete")
