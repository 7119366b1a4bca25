"""The handle: whoever holds it can run every verb on every model."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload
from weakref import ref

from ferro._async.bound import AsyncModelConnection
from ferro._async.connections import forget
from ferro._async.pipeline import AsyncPipeline
from ferro._async.pool import AsyncPool
from ferro._async.query import AsyncQuery
from ferro._async.relations import AsyncRelated, Many, held_by
from ferro._async.replicas import AsyncReplicas
from ferro._async.running import run_apart
from ferro._async.scope import (
    here,
    on_primary,
    reads_from_primary,
    session_in_scope,
    transaction_in_scope,
)
from ferro._async.session import AsyncSession
from ferro._async.stream import AsyncStream
from ferro._async.transaction import AsyncTransaction
from ferro._concurrency._async import PACKAGE, aside, call_hook
from ferro._concurrency._async.batches import SIBLINGS, Batches, runner
from ferro.dialects import DIALECTS
from ferro.drivers.options import Options
from ferro.drivers.urls import Address
from ferro.errors import DatabaseError, InterfaceError
from ferro.identity import IdentityMap
from ferro.instance.origin import Origin, origins
from ferro.model import ModelBase
from ferro.operations import (
    bulk,
    bulk_create,
    bulk_upsert,
    finding,
    frames,
    include,
    raw,
    read,
    relations,
    schema,
    typed_rows,
    upsert,
    write,
)
from ferro.operations.hooks import hooks_of
from ferro.operations.libraries import ArrowTable, PandasFrame, PolarsFrame
from ferro.operations.naming import check_class, check_using
from ferro.operations.progress import Progress, reported
from ferro.operations.repeats import Guard, guards, on_behalf_of, watched
from ferro.operations.steps import Atomic, Operation
from ferro.operations.stream import raw_source
from ferro.operations.transaction import Isolation, Terms
from ferro.query.dialect import Dialect
from ferro.query.including import IncludePath, is_same_for_all
from ferro.query.related import RelatedQuery, chosen_relation, leads_nowhere
from ferro.query.selected import Filled
from ferro.query.templates import TString
from ferro.schema.registry import table_of
from ferro.schema.relations import Relation, usable_models

M = TypeVar("M", bound=ModelBase)
R = TypeVar("R")
T = TypeVar("T")


class AsyncDatabase:
    """A connected database. `connect()` makes one; every verb works on every model.

    `async with` closes it at the end of the block.
    """

    # Whose calls it is for.
    package = PACKAGE

    def __init__(
        self,
        address: Address,
        options: Options,
        *,
        name: str | None = None,
        replicas: Sequence[Address] = (),
        identities: IdentityMap | None = None,
        guard: Guard | None = None,
    ) -> None:
        self.address = address
        self.name = name
        self.dialect: Dialect = DIALECTS[address.dialect]
        self.pool = AsyncPool(address, options)
        self._batches = Batches()
        self._guard = guard
        self.replicas = AsyncReplicas([AsyncPool(replica, options) for replica in replicas])
        self._has_replicas = bool(replicas)
        self.identities = identities
        # What instances remember it by.
        self.origin = Origin(ref(self), address.where, self.called)

    @property
    def read_only(self) -> bool:
        """Whether it was connected with `read_only=True`."""
        return self.address.mode == "ro"

    @property
    def called(self) -> str:
        """What an error calls it: its name, else its URL."""
        return self.url if self.name is None else repr(self.name)

    @property
    def url(self) -> str:
        """Where it is, with the password masked."""
        return self.address.shown

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}{' closed' if self.pool.closed else ''}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection. Calling it again does nothing."""
        forget(self)
        await self.pool.close()
        await self.replicas.close()

    def drop(self) -> None:
        """Close every connection at once, with or without a running loop; open transactions are undone."""
        forget(self)
        self.pool.drop()
        self.replicas.drop()

    async def check_connection(self) -> bool:
        """Whether the database answers."""
        try:
            with on_primary(self):
                return await self.fetch_one("SELECT 1 AS answer") == {"answer": 1}
        except DatabaseError:
            return False

    def asked_by(self, relation: Relation) -> AbstractContextManager[None]:
        """While a relation is loaded: whoever counts what is read is told which, and by which line."""
        return on_behalf_of(relation, runner()) if self._guard is not None or guards.get() else nullcontext()

    async def run(self, operation: Operation[T]) -> T:
        """Run an operation's statements on one connection: the transaction's inside one, else any."""
        if self._guard is not None or guards.get():
            operation = watched(operation, self._guard, runner())
        inside = here.get() is not None
        transaction = transaction_in_scope(self) if inside else None
        if transaction is not None:
            return await transaction.run(operation)
        if isinstance(operation, Atomic):
            async with AsyncTransaction(self) as transaction:
                return await transaction.run(operation.steps)
        session = session_in_scope(self) if inside else None
        if session is not None:
            session.check_open()
        if session is not None or origins.several or self._has_replicas or self.identities is not None:
            return await run_apart(self, operation, session)
        pooled = await self.pool.take()
        try:
            return await pooled.connection.run(operation)
        finally:
            self.pool.give(pooled)

    def session(self, *, settings: Mapping[str, str] | None = None) -> AsyncSession:
        """Open a session for a block: inside it one row is one object; see `AsyncSession`.

        Args:
            settings: on PostgreSQL, what `current_setting` answers inside: `{"app.tenant": "7"}`.
        """
        return AsyncSession(self, settings)

    def primary(self) -> "AbstractContextManager[AsyncDatabase]":
        """Send the reads of a block where the writes go, not to a replica: `with db.primary(): …`."""
        return on_primary(self)

    def bind(self, model: type[M]) -> AsyncModelConnection[M]:
        """The verbs of a model on this database, as `User.using(db)` has them."""
        return AsyncModelConnection(self, model)

    # Reading.

    @overload
    def query(self, model: type[M]) -> AsyncQuery[M]: ...
    @overload
    def query(self, model: RelatedQuery[M]) -> AsyncRelated[M]: ...
    def query(self, model: type[M] | RelatedQuery[M]) -> AsyncQuery[M]:
        """Start a query: `db.query(User).where(lambda u: u.age >= 18)`, or `db.query(author.books)`."""
        return held_by(self, model) if isinstance(model, RelatedQuery) else AsyncQuery(model, database=self)

    def unscoped(self, model: type[M]) -> AsyncQuery[M]:
        """Start a query that sees every row, whatever the model's scope says."""
        return AsyncQuery(model, database=self, scoped=False)

    @overload
    async def load(self, instance: M, relation: Callable[[type[M]], Many[R]]) -> list[R]: ...
    @overload
    async def load(self, instance: M, relation: Callable[[type[M]], T]) -> T: ...
    @overload
    async def load(self, instance: ModelBase, relation: str) -> Any: ...
    async def load(self, instance: ModelBase, relation: Callable[[Any], Any] | str) -> Any:
        """Load what a relation leads to: `author = await db.load(book, lambda b: b.author)`.

        A relation to one row gives the instance, or None; one to many a list. A checker knows which of a lambda, and
        not of a name.
        """
        return await self.load_along(instance, chosen_relation(type(instance), relation))

    async def load_many(self, instances: Iterable[M], *paths: IncludePath[M]) -> None:
        """Load relations of instances you have, as `include()` does: `await db.load_many(books, lambda b: b.author)`.

        One statement for each relation, however many instances there are.
        """
        await self.run(include.load_paths(list(instances), paths, self.dialect, siblings=SIBLINGS))

    async def load_along(self, instance: ModelBase, relation: Relation) -> Any:
        """Load what a relation leads to."""
        if not relation.single:
            query = AsyncRelated[Any](relation, instance, database=self)
            return await query.asked_again().all()
        with self.asked_by(relation):
            if not self._batches_along(relation):
                return await self.run(relations.load(instance, relation, self.dialect))

            async def load(instances: list[ModelBase]) -> None:
                await self.run(relations.load_together(relation, instances, self.dialect))

            await self._batches.join(self._moment(relation), instance, load)
        return relations.loaded(relation, instance, for_good=SIBLINGS)

    async def load_rows(self, query: AsyncRelated[T]) -> list[T]:
        """Read the rows a relation leads to, together with those of others that are asked at the same moment."""
        relation, whole = query.relation, query.asked_again()
        if not self._batches_along(relation):
            return await whole.all()

        async def load(asked: list[relations.Asked]) -> None:
            if len(asked) == 1:
                asked[0].rows = await whole.all()
            else:
                await self.run(relations.answer_all(relation, asked, self.dialect))

        asked = relations.Asked(query.owner)
        with self.asked_by(relation):
            await self._batches.join(self._moment(relation), asked, load)
        return asked.rows

    def _moment(self, relation: Relation) -> object:
        """What those have in common whose questions can be answered together."""
        return relation, transaction_in_scope(self), session_in_scope(self), reads_from_primary(self)

    def _batches_along(self, relation: Relation) -> bool:
        return self.pool.options.batch_relations and is_same_for_all(relation)

    async def load_implicitly(self, instance: ModelBase, relation: Relation) -> Any:
        """Load what was not loaded when it is used; of strict relations only what needs no query."""
        if self.pool.options.strict_relations and not leads_nowhere(relation, instance):
            name = type(instance).__name__.lower()
            raise InterfaceError(
                f"{relation.where} is not loaded, and this database was opened with strict_relations=True: load it "
                f"with the query, `include(lambda m: m.{relation.name})`, or by `db.load({name}, lambda m: m.{relation.name})`"
            )
        return await self.load_along(instance, relation)

    async def get(self, model: type[M], pk: object) -> M:
        """Read the row with this primary key; a tuple for a composite one.

        Raises:
            ModelDoesNotExist: there is none.
        """
        return await self.run(read.get(model, pk, self.dialect))

    async def get_or_none(self, model: type[M], pk: object) -> M | None:
        """Read the row with this primary key, or None."""
        return await self.run(read.get_or_none(model, pk, self.dialect))

    async def refresh(self, instance: ModelBase) -> None:
        """Read an instance's row again, into the instance; unsaved changes are overwritten.

        Raises:
            ModelDoesNotExist: the row is gone.
        """
        await self.run(write.refresh(instance, self.dialect))

    # Writing.

    async def create(self, model: type[M], /, **values: Any) -> M:
        """Validate and insert a row; return it with what the database filled in."""
        check_class(model)
        if "using" in values:
            check_using(model)
        instance = model(**values)
        await self._write(instance, write.insert)
        return instance

    async def save(
        self,
        instance: ModelBase,
        *,
        only: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        on_conflict: Literal["update"] | None = None,
    ) -> None:
        """Insert a new instance, or update the changed columns of one that was loaded or saved before.

        Args:
            instance: the row.
            only: update no other fields than these.
            exclude: update all changed fields but these.
            on_conflict: "update" overwrites the row that has the same primary key.

        Raises:
            ModelDoesNotExist: the row to update is gone.
            UniqueViolationError: another row has one of its keys.
        """
        await self._write(instance, partial(write.save, only=only, exclude=exclude, on_conflict=on_conflict))

    async def _write(self, instance: M, operation: Callable[[M, Dialect], Operation[None]]) -> None:
        hooks = hooks_of(type(instance))
        if "before_save" in hooks:
            await call_hook(instance.before_save)
        await self.run(operation(instance, self.dialect))
        if "after_save" in hooks:
            await call_hook(instance.after_save)

    @overload
    async def bulk_create(
        self,
        model: type[M],
        instances: Iterable[M | Mapping[str, Any]],
        *,
        returning: Literal[True] = True,
        progress: Progress = False,
    ) -> list[M]: ...
    @overload
    async def bulk_create(
        self,
        model: type[M],
        instances: Iterable[M | Mapping[str, Any]],
        *,
        returning: Literal[False],
        progress: Progress = False,
    ) -> int: ...
    async def bulk_create(
        self,
        model: type[M],
        instances: Iterable[M | Mapping[str, Any]],
        *,
        returning: bool = True,
        progress: Progress = False,
    ) -> list[M] | int:
        """Insert any number of new rows, all or none; keys and defaults the database makes are written into them.

        Args:
            model: the model.
            instances: the rows, as instances or as the arguments of one; a list, or any iterator.
            returning: with False nothing comes back but how many rows there were, and the instances stay as they are.
                The rows of an iterator are taken some at a time, so that there may be any number.
            progress: True writes a line on stderr; a function is called with how many rows are done.
        """
        if not returning:
            return await self._insert_rows(model, instances, progress)
        given = [made for chunk in bulk.chunks_of(model, instances) for made in chunk]
        await self._call_hooks(model, "before_save", given)
        if progress is False:
            await self.run(bulk_create.bulk_create(model, given, self.dialect))
        else:
            bulk_create.check_new(model, given)
            with reported(progress, f"bulk_create({model.__name__})") as report:
                async with AsyncTransaction(self):
                    for start in range(0, len(given), bulk.CHUNK):
                        chunk = given[start : start + bulk.CHUNK]
                        await self.run(bulk_create.bulk_create(model, chunk, self.dialect))
                        await call_hook(partial(report, start + len(chunk)))
        await self._call_hooks(model, "after_save", given)
        return given

    async def _insert_rows(self, model: type[M], rows: Iterable[M | Mapping[str, Any]], progress: Progress) -> int:
        """Insert new rows of which nothing comes back, and keep none of them longer than it must."""
        done = 0
        kept: list[M] = []
        with reported(progress, f"bulk_create({model.__name__})") as report:
            async with AsyncTransaction(self):
                for chunk in bulk.chunks_of(model, rows):
                    await self._call_hooks(model, "before_save", chunk)
                    await self.run(bulk.insert_rows(model, chunk, self.dialect, done))
                    done += len(chunk)
                    kept += chunk if "after_save" in hooks_of(model) else ()
                    await call_hook(partial(report, done))
        await self._call_hooks(model, "after_save", kept)
        return done

    async def from_polars(self, model: type[ModelBase], frame: PolarsFrame) -> int:
        """Insert the rows of a DataFrame of polars, all or none; return how many. Columns are found by name."""
        return await self._insert_framed(model, frames.from_polars, frame)

    async def from_arrow(self, model: type[ModelBase], frame: ArrowTable) -> int:
        """Insert the rows of a table of pyarrow, or of what it can read as one, all or none; return how many."""
        return await self._insert_framed(model, frames.from_arrow, frame)

    async def from_pandas(self, model: type[ModelBase], frame: PandasFrame) -> int:
        """Insert the rows of a DataFrame of pandas, without its index, all or none; return how many."""
        return await self._insert_framed(model, frames.from_pandas, frame)

    async def _insert_framed(
        self, model: type[ModelBase], instances: Callable[[type[ModelBase], Any], list[ModelBase]], frame: object
    ) -> int:
        made = await aside(partial(instances, model), frame)
        return len(await self.bulk_create(model, made))

    async def _call_hooks(self, model: type[M], name: str, instances: list[M]) -> None:
        if name in hooks_of(model):
            for instance in instances:
                await call_hook(getattr(instance, name))

    async def bulk_update(
        self,
        model: type[M],
        instances: Iterable[M],
        fields: Iterable[str] | None = None,
        *,
        progress: Progress = False,
    ) -> int:
        """Write the changed fields of loaded instances, all or none; return how many rows were written.

        Args:
            model: the model.
            instances: rows that were loaded or saved before.
            fields: write these fields of every instance, changed or not.
            progress: True writes a line on stderr; a function is called with how many instances are done.

        Raises:
            ModelDoesNotExist: one of the rows is gone; nothing was written.
            StaleObjectError: one of them has another version; nothing was written.
        """
        bulk.must_be_many(model, instances, "bulk_update")
        given = list(instances)
        await self._call_hooks(model, "before_save", given)
        if progress is False:
            count = await self.run(bulk.bulk_update(model, given, self.dialect, fields))
        else:
            count = 0
            names = fields if fields is None or isinstance(fields, str) else tuple(fields)
            bulk.loaded_keys(model, given)
            with reported(progress, f"bulk_update({model.__name__})") as report:
                async with AsyncTransaction(self):
                    for start in range(0, len(given), bulk.CHUNK):
                        chunk = given[start : start + bulk.CHUNK]
                        count += await self.run(bulk.bulk_update(model, chunk, self.dialect, names))
                        await call_hook(partial(report, start + len(chunk)))
        await self._call_hooks(model, "after_save", given)
        return count

    @overload
    async def bulk_upsert(
        self,
        model: type[M],
        rows: Iterable[M | Mapping[str, Any]],
        *,
        key: Iterable[str] | None = None,
        returning: Literal[True] = True,
        progress: Progress = False,
    ) -> list[M]: ...
    @overload
    async def bulk_upsert(
        self,
        model: type[M],
        rows: Iterable[M | Mapping[str, Any]],
        *,
        key: Iterable[str] | None = None,
        returning: Literal[False],
        progress: Progress = False,
    ) -> int: ...
    async def bulk_upsert(
        self,
        model: type[M],
        rows: Iterable[M | Mapping[str, Any]],
        *,
        key: Iterable[str] | None = None,
        returning: bool = True,
        progress: Progress = False,
    ) -> list[M] | int:
        """Insert any number of rows, or update those that have the same unique keys, all or none.

        In a row that is there only the fields are touched that a dict names, or that were set on an instance. Of two
        rows of one key the later one wins.

        Args:
            model: the model.
            rows: instances, or the arguments of one; a list, or any iterator.
            key: the fields of the unique key, where the rows name more than one.
            returning: with False nothing comes back but how many rows there were, and none is kept.
            progress: True writes a line on stderr; a function is called with how many rows are done.
        """
        done = 0
        found: list[M] = []
        names = (key,) if isinstance(key, str) else None if key is None else tuple(key)
        with reported(progress, f"bulk_upsert({model.__name__})") as report:
            async with AsyncTransaction(self):
                for chunk in bulk_upsert.given_rows(model, rows):
                    found += await self.run(
                        bulk_upsert.bulk_upsert(model, chunk, self.dialect, names, returning=returning, start=done)
                    )
                    done += len(chunk)
                    await call_hook(partial(report, done))
        return found if returning else done

    async def upsert(self, model: type[M], /, *, key: Iterable[str] | None = None, **values: Any) -> M:
        """Insert a row, or update the one that has the same unique key; only the named columns are touched.

        Args:
            model: the model.
            key: the fields of the unique key, where the values name more than one.
            values: the row's values by field.
        """
        return await self.run(upsert.upsert(model, values, self.dialect, key=key))

    async def get_or_create(
        self, model: type[M], /, defaults: Mapping[str, Any] | None = None, **lookup: Any
    ) -> tuple[M, bool]:
        """Find the row with these values, or create it with the defaults beside them; True when it was created.

        Atomic under races: of any number of simultaneous calls one creates the row.
        """
        return await self.run(finding.get_or_create(model, lookup, defaults or {}, self.dialect))

    async def update_or_create(
        self, model: type[M], /, defaults: Mapping[str, Any] | None = None, **lookup: Any
    ) -> tuple[M, bool]:
        """Find the row with these values and set the defaults in it, or create it with both; True when it was created."""
        return await self.run(finding.update_or_create(model, lookup, defaults or {}, self.dialect))

    async def delete(self, instance: ModelBase, *, hard: bool = False) -> bool:
        """Delete an instance's row; False when there was none. The instance counts as new afterwards.

        Args:
            instance: the row.
            hard: delete it for good also where the model is a `SoftDelete`, which only marks its rows.
        """
        hooks = hooks_of(type(instance))
        if "before_delete" in hooks:
            await call_hook(instance.before_delete)
        deleted = await self.run(write.delete(instance, self.dialect, hard=hard))
        if deleted and "after_delete" in hooks:
            await call_hook(instance.after_delete)
        return deleted

    async def restore(self, instance: ModelBase) -> bool:
        """Take back that the row of a `SoftDelete` was deleted; False when it was not."""
        return await self.run(write.restore(instance, self.dialect))

    # Transactions and raw SQL.

    def transaction(
        self,
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        deferrable: bool = False,
        immediate: bool | None = None,
        retry: int = 0,
    ) -> AsyncTransaction:
        """Open a transaction for a block; inside another one, a savepoint.

        Args:
            isolation: the level; the database's own default when left out. SQLite is always serializable.
            read_only: refuse writes.
            deferrable: with a serializable, read-only one on PostgreSQL: wait for a moment that cannot fail.
            immediate: SQLite only. A writing transaction takes its place at once; False lets it begin as a reader.
            retry: how often a function is called again after a serialization failure or a deadlock;
                for the decorator form and `run_in` only.
        """
        terms = Terms(isolation=isolation, read_only=read_only, deferrable=deferrable, immediate=immediate)
        return AsyncTransaction(self, terms, retry)

    def pipeline(self) -> AsyncPipeline:
        """Send the calls of a block together, in one round trip: `async with db.pipeline() as pipe: …`."""
        return AsyncPipeline(self)

    async def execute(self, sql: str | TString, *args: object) -> int:
        """Run SQL; return how many rows it changed. Placeholders are the database's own: `$1` or `?`.

        From Python 3.14 on it may be a t-string, whose values are bound: `execute(t"… WHERE id = {user_id}")`.
        """
        return await self.run(raw.execute(sql, args, self.dialect))

    @overload
    async def fetch_all(self, sql: str | TString, *args: object) -> list[dict[str, Any]]: ...
    @overload
    async def fetch_all(self, sql: str | TString, *args: object, into: type[Filled]) -> list[Filled]: ...
    async def fetch_all(self, sql: str | TString, *args: object, into: type[Any] | None = None) -> Any:
        """Run SQL; return its rows as dicts.

        With `into` they are made and checked as that class: a Pydantic model, a dataclass, a TypedDict or a
        NamedTuple. A ferro model is filled as by a query.
        """
        if into is None:
            return await self.run(raw.fetch_all(sql, args, self.dialect))
        return await self.run(typed_rows.fetch_all(sql, args, into, self.dialect))

    @overload
    async def fetch_one(self, sql: str | TString, *args: object) -> dict[str, Any] | None: ...
    @overload
    async def fetch_one(self, sql: str | TString, *args: object, into: type[Filled]) -> Filled | None: ...
    async def fetch_one(self, sql: str | TString, *args: object, into: type[Any] | None = None) -> Any:
        """Run SQL; return its first row as a dict, or None.

        With `into` it is made and checked as that class: a Pydantic model, a dataclass, a TypedDict or a
        NamedTuple. A ferro model is filled as by a query.
        """
        if into is None:
            return await self.run(raw.fetch_one(sql, args, self.dialect))
        return await self.run(typed_rows.fetch_one(sql, args, into, self.dialect))

    async def to_polars(self, sql: str | TString, *args: object) -> PolarsFrame:
        """Run SQL; return its rows as a DataFrame of polars, whose types are those of the values."""
        return await self._framed(frames.of_sql(sql, args, frames.POLARS, self.dialect))

    async def to_arrow(self, sql: str | TString, *args: object) -> ArrowTable:
        """Run SQL; return its rows as a table of pyarrow, whose types are those of the values."""
        return await self._framed(frames.of_sql(sql, args, frames.ARROW, self.dialect))

    async def to_pandas(self, sql: str | TString, *args: object) -> PandasFrame:
        """Run SQL; return its rows as a DataFrame of pandas, whose types are those of the values, as Arrow has them."""
        return await self._framed(frames.of_sql(sql, args, frames.PANDAS, self.dialect))

    async def _framed(self, framing: frames.Framing[T]) -> T:
        return await aside(framing.frame, await self.run(framing.steps()))

    async def raw(self, model: type[M], sql: str | TString, *args: object) -> list[M]:
        """Run SQL; return its rows as instances: `db.raw(User, "SELECT * FROM user WHERE age > ?", 18)`.

        Columns are matched by name. All of the model's must be there; others are left out.
        """
        return await self.run(typed_rows.instances(model, sql, args, self.dialect))

    def stream(self, sql: str | TString, *args: object, chunk: int = 1000) -> AsyncStream[dict[str, Any]]:
        """Read the rows of a SELECT as they come, each a dict: `async for row in db.stream("SELECT …")`."""
        return AsyncStream(self, raw_source(sql, args, self.dialect), chunk)

    # The schema.

    async def create_tables(self, *models: type[ModelBase]) -> None:
        """Create the tables that are missing, with their indexes and constraints: of these models, or of all.

        A table that is there is never altered.
        """
        tables = [table_of(model) for model in models or usable_models()]
        await self.run(schema.create_tables(tables, self.dialect))
