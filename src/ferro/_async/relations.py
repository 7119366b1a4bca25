"""Relations that reach the database: what they load, and collections to be changed."""

from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from ferro._async.query import AsyncQuery
from ferro._concurrency._async import call_hook
from ferro.fields import RelationMark
from ferro.model import ModelBase
from ferro.operations import relations
from ferro.operations.hooks import hooks_of
from ferro.query.related import RelatedQuery
from ferro.query.row import Collection
from ferro.schema.relations import Relation as Fact

if TYPE_CHECKING:
    from ferro._async.database import AsyncDatabase
    from ferro._async.model import Model

M = TypeVar("M")
R = TypeVar("R")


class AsyncRelated(AsyncQuery[M], RelatedQuery[M]):
    """The rows a relation leads to, such as `author.books`: a query like any other, and a collection to be changed.

    `update()` and `delete()` touch related rows only.
    """

    def __init__(self, relation: Fact, owner: ModelBase, *, database: "AsyncDatabase | None" = None) -> None:
        super().__init__(relation.target, database=database)
        self.follow(relation, owner)

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


def held_by(database: "AsyncDatabase", query: RelatedQuery[M]) -> AsyncRelated[M]:
    """A relation's query, whoever made it, as one of this database."""
    held: AsyncRelated[M] = AsyncRelated(query.relation, query.owner, database=database)
    held.__dict__ = {**held.__dict__, **query.__dict__, "_database": database}
    return held


if TYPE_CHECKING:

    class Relation(RelationMark[R]):
        """A relation that leads to many rows: `books: Relation[list["Book"]] = BackRef()`."""

        @overload
        def __get__(self: "Relation[list[M]]", instance: None, owner: Any, /) -> Collection[M]: ...
        @overload
        def __get__(self: "Relation[list[M]]", instance: Model, owner: Any, /) -> AsyncRelated[M]: ...
        @overload
        def __get__(self: "Relation[list[M]]", instance: object, owner: Any, /) -> RelatedQuery[M]: ...
        def __get__(self, instance: Any, owner: Any, /) -> Any: ...

else:
    Relation = RelationMark
