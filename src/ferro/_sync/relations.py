# Generated from src/ferro/_async/relations.py by scripts/unasync.py: edit that file, never this one.
"""Relations that reach the database: what they load, and collections to be changed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ferro._sync.query import Query
from ferro.fields import RelationMark
from ferro.instance import forget_related
from ferro.model import ModelBase
from ferro.operations import relations
from ferro.operations.steps import Operation
from ferro.query.including import Path
from ferro.query.related import RelatedQuery
from ferro.schema.relations import Relation as Fact

if TYPE_CHECKING:
    from ferro._sync.database import Database
    from ferro._sync.model import Model

M = TypeVar("M")
R = TypeVar("R")
T = TypeVar("T")


class Related(Query[M], RelatedQuery[M]):
    """The rows a relation leads to, such as `author.books`: a query like any other, and a collection to be changed.

    `update()` and `delete()` touch related rows only.
    """

    def __init__(self, relation: Fact, owner: ModelBase, *, database: "Database | None" = None) -> None:
        super().__init__(relation.target, database=database)
        self.follow(relation, owner)

    reading = "`{}.all()`"

    def all(self) -> list[M]:
        """Read every row. Those that were loaded beforehand are there: `db.query(author.books).all()` asks again."""
        rows = self.loaded
        if rows is not None:
            return list(rows)
        database = self.database
        return database.load_rows(self) if self.whole else super().all()

    def _fetch(self, database: "Database", operation: Operation[T]) -> T:
        with database.asked_by(self.relation):
            return super()._fetch(database, operation)

    def create(self, **values: Any) -> M:
        """Insert a row that belongs here: `author.books.create(title="SICP")`."""
        database = self.database
        return self._change(relations.create(self, values, database.dialect))

    def add(self, *rows: M | Any, ignore_existing: bool = False) -> None:
        """Link instances, or rows by their keys; only on many-to-many relations.

        Raises:
            UniqueViolationError: one is linked already; `ignore_existing=True` does not mind.
        """
        database = self.database
        self._change(relations.add(self, rows, database.dialect, ignore_existing=ignore_existing))

    def remove(self, *rows: M | Any) -> None:
        """Undo the links to some rows; the rows stay."""
        database = self.database
        self._change(relations.remove(self, rows, database.dialect))

    def clear(self) -> None:
        """Undo every link; the rows stay."""
        database = self.database
        self._change(relations.clear(self, database.dialect))

    def set(self, *rows: M | Any) -> None:
        """Link these rows, and no others."""
        database = self.database
        self._change(relations.replace(self, rows, database.dialect))

    def update(self, *recipe: Callable[[type[M]], dict[str, Any]], **values: Any) -> int:
        """Change every related row that matches; return how many there were."""
        try:
            return super().update(*recipe, **values)
        finally:
            forget_related(self.owner, self.relation.name)

    def delete(self) -> int:
        """Delete every related row that matches; return how many there were."""
        try:
            return super().delete()
        finally:
            forget_related(self.owner, self.relation.name)

    def _change(self, operation: Operation[T]) -> T:
        """Change what belongs here: what was loaded before is another collection."""
        try:
            return self.database.run(operation)
        finally:
            forget_related(self.owner, self.relation.name)


def held_by(database: "Database", query: RelatedQuery[M]) -> Related[M]:
    """A relation's query, whoever made it, as one of this database."""
    held: Related[M] = Related(query.relation, query.owner, database=database)
    held.__dict__ = {**held.__dict__, **query.__dict__, "_database": database, "whole": False}
    return held


if TYPE_CHECKING:

    class Relation(RelationMark[R]):
        """A relation that leads to many rows: `books: Relation[list["Book"]] = BackRef()`."""

        @overload
        def __get__(self: "Relation[list[M]]", instance: None, owner: Any, /) -> Path[M]: ...
        @overload
        def __get__(self, instance: None, owner: Any, /) -> Any: ...
        @overload
        def __get__(self: "Relation[list[M]]", instance: Model, owner: Any, /) -> Related[M]: ...
        @overload
        def __get__(self: "Relation[list[M]]", instance: object, owner: Any, /) -> RelatedQuery[M]: ...
        def __get__(self, instance: Any, owner: Any, /) -> Any: ...

else:
    Relation = RelationMark
