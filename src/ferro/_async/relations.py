"""Relations that reach the database: what they load, and collections to be changed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from ferro._async.query import AsyncQuery
from ferro._concurrency._async import call_hook
from ferro.fields import RelationMark
from ferro.instance.related import forget_related
from ferro.model import ModelBase
from ferro.operations import relations
from ferro.operations.hooks import hooks_of
from ferro.operations.steps import Operation
from ferro.query.builder import SortKey, shown_by_the_query
from ferro.query.expressions import Nulls
from ferro.query.including import IncludePath, Path
from ferro.query.related import RelatedQuery
from ferro.query.row import Collection
from ferro.schema.relations import Relation as Fact

if TYPE_CHECKING:
    from ferro._async.database import AsyncDatabase
    from ferro._async.model import Model

M = TypeVar("M")
R = TypeVar("R")
T = TypeVar("T")


class AsyncRelated(AsyncQuery[M], RelatedQuery[M]):
    """The rows a relation leads to, such as `author.books`: a query like any other, and a collection to be changed.

    `update()` and `delete()` touch related rows only.
    """

    def __init__(self, relation: Fact, owner: ModelBase, *, database: "AsyncDatabase | None" = None) -> None:
        super().__init__(relation.target, database=database)
        self.follow(relation, owner)

    reading = "`await {}.all()`"

    async def all(self) -> list[M]:
        """Read every row. Those that were loaded beforehand are there: `db.query(author.books).all()` asks again."""
        rows = self.loaded
        if rows is not None:
            return list(rows)
        database = self.database
        return await (database.load_rows(self) if self.whole else super().all())

    async def _fetch(self, database: "AsyncDatabase", operation: Operation[T]) -> T:
        with database.asked_by(self.relation):
            return await super()._fetch(database, operation)

    async def create(self, **values: Any) -> M:
        """Insert a row that belongs here: `await author.books.create(title="SICP")`.

        Where the links are rows of a model, `through` holds their columns:
        `await group.members.create(name="Ann", through={"role": "admin"})`.
        """
        database = self.database
        row, columns = relations.new_row(self, values)
        hooks = hooks_of(type(row))
        if "before_save" in hooks:
            await call_hook(row.before_save)
        await database.run(relations.create(self, row, columns, database.dialect))
        if "after_save" in hooks:
            await call_hook(row.after_save)
        return cast("M", row)

    async def add(self, *rows: M | Any, ignore_existing: bool = False, **columns: Any) -> None:
        """Let rows belong here: instances, or keys.

        Args:
            rows: what is linked on many-to-many relations; elsewhere, what is moved here.
            ignore_existing: do not mind what is linked already.
            columns: what the links hold, where they are rows of a model: `add(ann, role="admin")`.

        Raises:
            UniqueViolationError: one is linked already.
            ForeignKeyViolationError: there is no such row to be linked.
            ModelDoesNotExist: there is no such row to be moved.
        """
        database = self.database
        await database.run(relations.add(self, rows, columns, database.dialect, ignore_existing=ignore_existing))

    async def remove(self, *rows: M | Any) -> None:
        """Let some rows belong here no longer; the rows stay."""
        database = self.database
        await database.run(relations.remove(self, rows, database.dialect))

    async def clear(self) -> None:
        """Let no row belong here any longer; the rows stay."""
        database = self.database
        await database.run(relations.clear(self, database.dialect))

    async def set(self, *rows: M | Any, **columns: Any) -> None:
        """Let these rows belong here, and no others, all or nothing.

        Links that stay keep what they hold, but for the columns that are given.
        """
        database = self.database
        await database.run(relations.replace(self, rows, columns, database.dialect))

    async def update(self, *recipe: Callable[[type[M]], dict[str, Any]], **values: Any) -> int:
        """Change every related row that matches; return how many there were."""
        try:
            return await super().update(*recipe, **values)
        finally:
            forget_related(self.owner, self.relation.name)

    async def delete(self, *, hard: bool = False) -> int:
        """Delete every related row that matches; return how many there were."""
        try:
            return await super().delete(hard=hard)
        finally:
            forget_related(self.owner, self.relation.name)


shown_by_the_query(AsyncRelated, "all", "update", "delete")


def held_by(database: "AsyncDatabase", query: RelatedQuery[M]) -> AsyncRelated[M]:
    """A relation's query, whoever made it, as one of this database."""
    held: AsyncRelated[M] = AsyncRelated(query.relation, query.owner, database=database)
    held.__dict__ = {**held.__dict__, **query.__dict__, "_database": database, "whole": False}
    return held


if TYPE_CHECKING:

    class Many(Collection[M]):
        """The rows a relation leads to, where a query is told of them: in a condition, or in `include()`."""

        def filter_by(self, **values: Any) -> Path[M]: ...
        def order_by(self, *keys: SortKey[M], direction: str | None = None, nulls: Nulls | None = None) -> Path[M]: ...
        def limit(self, count: int) -> Path[M]: ...
        def offset(self, count: int) -> Path[M]: ...
        def include(self, *paths: IncludePath[M]) -> Path[M]: ...

    class Relation(RelationMark[R]):
        """A relation that leads to many rows: `books: Relation[list["Book"]] = BackRef()`."""

        @overload
        def __get__(self: "Relation[list[M]]", instance: None, owner: Any, /) -> Many[M]: ...
        @overload
        def __get__(self, instance: None, owner: Any, /) -> Any: ...
        @overload
        def __get__(self: "Relation[list[M]]", instance: Model, owner: Any, /) -> AsyncRelated[M]: ...
        @overload
        def __get__(self: "Relation[list[M]]", instance: object, owner: Any, /) -> RelatedQuery[M]: ...
        def __get__(self, instance: Any, owner: Any, /) -> Any: ...

else:
    Many = Collection
    Relation = RelationMark
