# Generated from src/ferro/_async/pipeline.py by scripts/unasync.py: edit that file, never this one.
"""Many calls in one round trip."""

from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, overload

from ferro._concurrency._sync import call_hook
from ferro._sync.query import Query, Selection, check_lock
from ferro._sync.relations import held_by
from ferro._sync.scope import chosen
from ferro.errors import InterfaceError, QueryError
from ferro.instance.state import is_loaded
from ferro.model import ModelBase
from ferro.operations import matching, raw, read, typed_rows, write
from ferro.operations.hooks import hooks_of
from ferro.operations.naming import check_class, check_using
from ferro.operations.pipeline import Queued, in_step, put_off
from ferro.operations.steps import Steps
from ferro.query.builder import QueryBase
from ferro.query.related import RelatedQuery
from ferro.query.templates import TString

if TYPE_CHECKING:
    from ferro._sync.database import Database

M = TypeVar("M", bound=ModelBase)
R = TypeVar("R")
T = TypeVar("T")


class Pipeline:
    """A block whose calls are sent together at its end, in one round trip, and in the order they were made in.

    `with db.pipeline() as pipe: ada = pipe.get(User, 1)`, and then `ada.value`. No call can use what
    another one of the block brings. Outside a transaction each is one of its own: one that fails undoes no other.

    At the end of the block the error of the first call that failed is raised; of the others `value` tells.
    """

    def __init__(self, database: "Database | None", using: "Database | str | None" = None) -> None:
        self._database = database
        self._using = using
        self._queued: list[Queued[Any]] = []
        self._new: dict[int, ModelBase] = {}
        self._before: list[Callable[[], object]] = []
        self._after: list[tuple[Queued[Any], Callable[[], object]]] = []
        self._state: Literal["made", "open", "over"] = "made"

    @property
    def database(self) -> "Database":
        """Where the calls are sent."""
        return self._database or chosen(self._using)

    def __enter__(self) -> Self:
        if self._state != "made":
            raise InterfaceError("a pipeline is good for one block: make another one")
        self._database = self.database
        self._state = "open"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._state = "over"
        try:
            if error is None:
                self._send()
        finally:
            for one in self._queued:
                one.left()

    def _send(self) -> None:
        for hook in self._before:
            call_hook(hook)
        if self._queued:
            self.database.run(in_step(self._queued))
        for one, hook in self._after:
            if one.error is None and one.value is not False:
                call_hook(hook)
        for one in self._queued:
            if one.error is not None:
                raise one.error

    def _queue(self, steps: Steps[T]) -> Queued[T]:
        if self._state != "open":
            raise InterfaceError("a pipeline takes calls inside its block: with db.pipeline() as pipe: …")
        queued = Queued(steps)
        self._queued.append(queued)
        return queued

    def _hooked(self, instance: ModelBase, verb: str, steps: Steps[T]) -> Queued[T]:
        hooks = hooks_of(type(instance))
        queued = self._queue(steps)
        if f"before_{verb}" in hooks:
            self._before.append(getattr(instance, f"before_{verb}"))
        if f"after_{verb}" in hooks:
            self._after.append((queued, getattr(instance, f"after_{verb}")))
        return queued

    def _here(self, query: "Selection[Any, R]") -> "Selection[Any, R]":
        """A query, as one of this database."""
        database = self.database
        must_be_a_query(query)
        other = query.__dict__.get("_database")
        if other not in (None, database):
            raise QueryError(f"this query is of {query.database.called}, and the pipeline of {database.called}")
        check_lock(query, database)
        return held_by(database, query) if isinstance(query, RelatedQuery) else query

    # Reading.

    def get(self, model: type[M], pk: object) -> Queued[M]:
        """Read the row with this primary key; a tuple for a composite one."""
        return self._queue(read.get(model, pk, self.database.dialect))

    def get_or_none(self, model: type[M], pk: object) -> Queued[M | None]:
        """Read the row with this primary key, or None."""
        return self._queue(read.get_or_none(model, pk, self.database.dialect))

    def refresh(self, instance: ModelBase) -> Queued[None]:
        """Read an instance's row again, into the instance; unsaved changes are overwritten."""
        return self._queue(write.refresh(instance, self.database.dialect))

    def all(self, query: Selection[Any, R]) -> Queued[list[R]]:
        """Read every row of a query, and what it includes: `posts = pipe.all(Post.where(...).include(...))`."""
        return self._queue(read.fetch_all(self._here(query), self.database.dialect))

    def first(self, query: Selection[Any, R]) -> Queued[R | None]:
        """Read one row of a query, or None when there is none."""
        return self._queue(read.fetch_first(self._here(query), self.database.dialect))

    def one(self, query: Selection[Any, R]) -> Queued[R]:
        """Read the only row of a query."""
        return self._queue(read.fetch_one(self._here(query), self.database.dialect))

    def one_or_none(self, query: Selection[Any, R]) -> Queued[R | None]:
        """Read the only row of a query, or None."""
        return self._queue(read.fetch_one_or_none(self._here(query), self.database.dialect))

    def count(self, query: Selection[Any, Any]) -> Queued[int]:
        """Count the rows of a query."""
        return self._queue(read.count(self._here(query), self.database.dialect))

    def exists(self, query: Selection[Any, Any]) -> Queued[bool]:
        """Whether a query has any row."""
        return self._queue(read.exists(self._here(query), self.database.dialect))

    # Writing.

    def create(self, model: type[M], /, **values: Any) -> Queued[M]:
        """Validate a row, and insert it."""
        check_class(model)
        if "using" in values:
            check_using(model)
        instance = model(**values)
        return self._hooked(instance, "save", followed_by(instance, write.save(instance, self.database.dialect)))

    def save(
        self, instance: ModelBase, *, only: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> Queued[None]:
        """Insert a new instance, or update the changed columns of one that was loaded or saved before."""
        chosen = {option: repeatable(names) for option, names in (("only", only), ("exclude", exclude))}
        saving = partial(write.save, instance, self.database.dialect, **chosen)
        hooks = hooks_of(type(instance))
        # Called here for what it refuses.
        steps = saving()
        if not is_loaded(instance):
            self._must_be_saved_once(instance)
        if "before_save" in hooks:
            steps = put_off(saving)
        return self._hooked(instance, "save", steps)

    def _must_be_saved_once(self, instance: ModelBase) -> None:
        if id(instance) in self._new:
            raise QueryError(
                f"this {type(instance).__name__} is new, and this pipeline inserts it already: save what changes "
                "after that when the block has ended"
            )
        self._new[id(instance)] = instance

    def delete(self, instance: ModelBase, *, hard: bool = False) -> Queued[bool]:
        """Delete an instance's row; False when there was none."""
        return self._hooked(instance, "delete", write.delete(instance, self.database.dialect, hard=hard))

    def update_rows(self, query: Query[M], *recipe: Callable[[type[M]], dict[str, Any]], **values: Any) -> Queued[int]:
        """Change every row of a query, as its `update` does; how many there were."""
        return self._queue(matching.update_where(self._here(query), recipe, values, self.database.dialect))

    def delete_rows(self, query: Query[Any], *, hard: bool = False) -> Queued[int]:
        """Delete every row of a query; how many there were."""
        return self._queue(matching.delete_where(self._here(query), self.database.dialect, hard=hard))

    # Raw SQL.

    def execute(self, sql: str | TString, *args: object) -> Queued[int]:
        """Run SQL; how many rows it changed."""
        return self._queue(raw.execute(sql, args, self.database.dialect))

    @overload
    def fetch_all(self, sql: str | TString, *args: object) -> Queued[list[dict[str, Any]]]: ...
    @overload
    def fetch_all(self, sql: str | TString, *args: object, into: type[R]) -> Queued[list[R]]: ...
    def fetch_all(self, sql: str | TString, *args: object, into: type[Any] | None = None) -> Any:
        """Run SQL; its rows as dicts, or as `into`."""
        dialect = self.database.dialect
        if into is None:
            return self._queue(raw.fetch_all(sql, args, dialect))
        return self._queue(typed_rows.fetch_all(sql, args, into, dialect))

    @overload
    def fetch_one(self, sql: str | TString, *args: object) -> Queued[dict[str, Any] | None]: ...
    @overload
    def fetch_one(self, sql: str | TString, *args: object, into: type[R]) -> Queued[R | None]: ...
    def fetch_one(self, sql: str | TString, *args: object, into: type[Any] | None = None) -> Any:
        """Run SQL; its first row as a dict, or as `into`, or None."""
        dialect = self.database.dialect
        if into is None:
            return self._queue(raw.fetch_one(sql, args, dialect))
        return self._queue(typed_rows.fetch_one(sql, args, into, dialect))


def must_be_a_query(given: object) -> None:
    if not isinstance(given, QueryBase):
        raise QueryError(f"a pipeline takes queries, such as User.query() or User.where(...), not {given!r}")


def repeatable(names: Iterable[str] | None) -> Iterable[str] | None:
    """Names that can be gone through twice."""
    return names if names is None or isinstance(names, str) else tuple(names)


def followed_by(instance: M, steps: Steps[None]) -> Steps[M]:
    """The same steps, which end with an instance."""
    yield from steps
    return instance
