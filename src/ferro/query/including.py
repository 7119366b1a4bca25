"""What a query loads beside its rows: `include(lambda a: a.books.where(...).limit(3))`, read into a tree of relations."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeAlias, TypeVar, cast

from ferro.errors import QueryError, UnknownColumnError
from ferro.query.expressions import Expression, Nulls, Valued
from ferro.query.row import scope_of
from ferro.query.sources import source_of
from ferro.schema.registry import table_of
from ferro.schema.relations import Relation

if TYPE_CHECKING:
    from ferro.query.builder import Predicate, QueryBase, SortKey

M = TypeVar("M")

IncludePath: TypeAlias = Callable[[type[M]], object] | str
Make: TypeAlias = "Callable[[Include], QueryBase[Any]]"


@dataclass(frozen=True, slots=True, eq=False)
class Include:
    """A relation that is loaded with the rows it starts from.

    Attributes:
        query: which of its rows, in which order, and how many for each row they are reached from; None for all.
        scope: what its model's queries start from. A foreign key leads to its row whatever that is.
        between: the same of the links, where they are rows of a model.
        within: what is loaded with those.
    """

    relation: Relation
    query: "QueryBase[Any] | None" = None
    scope: tuple[Expression[bool], ...] = ()
    between: tuple[Expression[bool], ...] = ()
    within: "tuple[Include, ...]" = ()


def included(relation: Relation) -> Include:
    """A relation with all of its rows. The function of a scope is called now, on its caller's side."""
    if relation.kind == "forward":
        return Include(relation)
    table = relation.target_table
    links = relation.link.table if relation.kind == "many" else None
    between = () if links is None else scope_of(links, source_of(links))
    return Include(relation, scope=scope_of(table, source_of(table)), between=between)


def is_same_for_all(relation: Relation) -> bool:
    """Whether a relation leads to the same rows whoever asks: a scope may look at who that is."""
    if relation.kind == "forward":
        return True
    return not (relation.target_table.scopes or (relation.kind == "many" and relation.link.table.scopes))


class Path(Generic[M]):
    """A way along relations, as a lambda goes it: its attributes are the relations it can go on by.

    Its methods are about the rows it has come to.
    """

    __slots__ = ("_make", "_steps")

    def __init__(self, steps: tuple[Include, ...], make: Make) -> None:
        self._steps = steps
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return self._on_by(name)

    def _on_by(self, name: str) -> "Path[Any]":
        found = relation_named(self._steps[-1].relation.target, name)
        return Path[Any]((*self._steps, included(found)), self._make)

    def where(self, *conditions: "Predicate[M] | Valued[bool | None] | bool") -> "Path[M]":
        """Load the rows that meet every condition."""
        return self._chosen(lambda query: query.where(*conditions))

    def filter_by(self, **values: Any) -> "Path[M]":
        """Load the rows whose columns have these very values."""
        return self._chosen(lambda query: query.filter_by(**values))

    def order_by(self, *keys: "SortKey[M]", direction: str | None = None, nulls: Nulls | None = None) -> "Path[M]":
        """Load them sorted."""
        self._must_be_many("order_by")
        return self._chosen(lambda query: query.order_by(*keys, direction=direction, nulls=nulls))

    def limit(self, count: int) -> "Path[M]":
        """Load at most so many for each row they are reached from."""
        self._must_be_many("limit")
        return self._chosen(lambda query: query.limit(count))

    def offset(self, count: int) -> "Path[M]":
        """Leave out so many at the start, for each row they are reached from."""
        self._must_be_many("offset")
        return self._chosen(lambda query: query.offset(count))

    def include(self, *paths: "IncludePath[M]") -> "Path[M]":
        """Load what belongs to these rows as well."""
        last = self._steps[-1]
        within = read_paths(last.within, last.relation.target, paths, self._make)
        return Path((*self._steps[:-1], replace(last, within=within)), self._make)

    def _chosen(self, choose: "Callable[[QueryBase[Any]], QueryBase[Any]]") -> "Path[M]":
        last = self._steps[-1]
        query = last.query or self._make(last)
        return Path((*self._steps[:-1], replace(last, query=choose(query))), self._make)

    def _must_be_many(self, verb: str) -> None:
        relation = self._steps[-1].relation
        if relation.single:
            raise QueryError(f"{relation.where} leads to one row, of which {verb}() says nothing: leave it out")

    def _no_condition(self, *_: object) -> NoReturn:
        where = self._steps[-1].relation.where
        raise QueryError(f"include() takes relations, and {where} is compared there: conditions go into where()")

    # Hidden from type checkers, to which nothing after a comparison would be reached.
    if not TYPE_CHECKING:
        __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _no_condition
        __hash__ = object.__hash__

    def __repr__(self) -> str:
        return ".".join((self._steps[0].relation.model.__name__, *(step.relation.name for step in self._steps)))

    def tree(self) -> Include:
        """The same way, from its end to its beginning: each step within the one before."""
        *before, found = self._steps
        for step in reversed(before):
            found = replace(step, within=merged(step.within, [found]))
        return found


class Start:
    """Stands for the model of a query: its attributes are the relations a path can begin with."""

    __slots__ = ("_make", "_model")

    def __init__(self, model: type, make: Make) -> None:
        self._model = model
        self._make = make

    def __getattr__(self, name: str) -> Path[Any]:
        return Path((included(relation_named(self._model, name)),), self._make)


def read_paths(
    known: tuple[Include, ...], model: type, paths: "tuple[IncludePath[Any], ...]", make: Make
) -> tuple[Include, ...]:
    """What is loaded with the rows of a model, from names and lambdas; paths that begin alike become one."""
    if not paths:
        raise QueryError('include() needs a relation: include(lambda a: a.books), or include("books.tags")')
    return merged(known, (path.tree() for given in paths for path in read_path(model, given, make)))


def one_relation(relation: Relation) -> tuple[Include, ...]:
    """Every row of a relation, and nothing with them."""
    return (included(relation),)


def read_path(model: type, given: object, make: Make) -> list[Path[Any]]:
    start = Start(model, make)
    if isinstance(given, str):
        found: Any = start
        for name in given.split("."):
            # Not as an attribute: a relation may well be called like a method.
            found = start.__getattr__(name) if found is start else found._on_by(name)
        return [found]
    found = given(start) if callable(given) and not isinstance(given, type) else given
    several = cast("tuple[object, ...]", found) if isinstance(found, tuple) else (found,)
    for one in several:
        if not isinstance(one, Path):
            raise QueryError(
                f"include() takes relations of {model.__name__}, such as lambda m: m.books or their names, got {one!r}"
            )
    return list(cast("tuple[Path[Any], ...]", several))


def relation_named(model: type, name: str) -> Relation:
    """The relation of a model, or an error that names the closest one."""
    table = table_of(model)
    found = table.relations.get(name)
    if found is not None:
        return found
    if name in table.by_field:
        raise QueryError(f"{model.__name__}.{name} is a column, and is loaded with its row: include() takes relations")
    close = next(iter(get_close_matches(name, table.relations, n=1)), None)
    guess = f"did you mean {close!r}? " if close else ""
    known = ", ".join(table.relations) or "none"
    raise UnknownColumnError(f"{model.__name__} has no relation {name!r}; {guess}its relations are {known}")


def merged(known: tuple[Include, ...], added: Iterable[Include]) -> tuple[Include, ...]:
    """Relations to be loaded, each once."""
    found = {one.relation.name: one for one in known}
    for one in added:
        before = found.get(one.relation.name)
        found[one.relation.name] = one if before is None else both(before, one)
    return tuple(found.values())


def both(one: Include, other: Include) -> Include:
    if one.query is not None and other.query is not None:
        raise QueryError(
            f"{one.relation.where} is included twice, each time with conditions or an order of its own: "
            "say once which rows to load"
        )
    return replace(one, query=one.query or other.query, within=merged(one.within, other.within))
