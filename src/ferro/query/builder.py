"""Queries being built: immutable, and strangers to every database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NoReturn, Self, TypeAlias, TypeVar, cast

from ferro.errors import InterfaceError, QueryError, UnknownColumnError
from ferro.fields import utc_now
from ferro.query.assigned import assigned_value, counted_up
from ferro.query.dialect import Compiled, Dialect
from ferro.query.expressions import (
    ONE,
    Aggregate,
    ColumnRef,
    Expression,
    IsNull,
    Nulls,
    Number,
    Order,
    Valued,
    expression,
    is_expression,
    must_be_condition,
)
from ferro.query.including import Include, IncludePath, read_paths
from ferro.query.inspecting import has_values, has_window, is_aggregated, loose_columns, same
from ferro.query.joins import Marks, joins_of, looked_up, marked, required
from ferro.query.keys import by_column, leads_to, owners
from ferro.query.kinds import type_for
from ferro.query.paging import Keys, completed, keys_of, reversed_order
from ferro.query.projection import Projection, made_into, repeated, twice, values_of
from ferro.query.row import (
    RelatedRow,
    Row,
    chosen_way,
    closest,
    enclosing,
    find_column,
    inside,
    scope_of,
)
from ferro.query.selected import Scalar
from ferro.query.sources import Source, source_of
from ferro.query.stamps import stamped
from ferro.query.statements import Delete, Derived, Join, Lock, Made, Select, Update
from ferro.query.subqueries import Picked, membership, moved
from ferro.schema.table import Column, Table
from ferro.types.values import with_article

M = TypeVar("M")

Predicate: TypeAlias = Callable[[type[M]], object]
# A column by its name, by a function of the row, or as the class has it: `User.age` is an int to a checker.
SortKey: TypeAlias = Predicate[M] | Order | Valued[Any] | Scalar
Operand: TypeAlias = Predicate[M] | Valued[Any] | Scalar
AggregateName: TypeAlias = Literal["count", "sum", "avg", "min", "max"]


@dataclass(frozen=True, slots=True)
class RenderedSql:
    """What would be sent: `str()` is the SQL; secret values are shown as REDACTED."""

    sql: str
    params: tuple[Any, ...]
    dialect: str

    def __str__(self) -> str:
        return self.sql


def rendered(compiled: Compiled, dialect: Dialect) -> RenderedSql:
    """A compiled statement fit to be shown."""
    return RenderedSql(compiled.sql, compiled.shown, dialect.name)


def shown_by_the_query(kind: type, *calls: str) -> None:
    """Let calls of a class say, where one is asked for its `.sql()`, that it is the query that shows it."""
    for name in calls:
        vars(vars(kind)[name])["sql"] = partial(no_sql_of, name)


def no_sql_of(call: str) -> NoReturn:
    raise QueryError(
        f"{call} has no sql(): call it on the query itself, query.sql(), which shows what all() would send"
    )


# Methods that other queries have, or that are called something else here, and what to write instead.
OF_COLLECTIONS = (
    "'.{name}()' can only be used on Many-to-Many relationships and on other relations to many rows, "
    "such as author.books"
)
OF_WHOLE_ROWS = "{name}() changes whole rows, and select() chose columns to read: leave out select()"
LOADS = "{name}() is called include() here: include(lambda m: m.relation)"
INSTEAD = {
    **dict.fromkeys(("add", "remove", "set", "clear", "create"), OF_COLLECTIONS),
    **dict.fromkeys(("update", "delete"), OF_WHOLE_ROWS),
    **dict.fromkeys(("prefetch_related", "select_related"), LOADS),
}


def no_rows_yet() -> InterfaceError:
    """What to say when a query is taken for its rows."""
    return InterfaceError(
        "a query holds no rows until it is asked for them: call all(), or stream() to read them as they come"
    )


class QueryBase(Generic[M]):
    """Rows of one model, to be read, counted, changed or deleted. Every method returns a new query."""

    # Whether the instances of a result are to know each other.
    siblings: ClassVar[bool] = False
    _instead: ClassVar[Mapping[str, str]] = INSTEAD

    def __init__(self, model: type[M], table: Table, source: Source | None = None, *, scoped: bool = True) -> None:
        self.model = model
        self.table = table
        self.source = source or source_of(table)
        self.where_clause: tuple[Expression[Any], ...] = scope_of(table, self.source) if scoped else ()
        # How many of the conditions, from the first, are the scope.
        self._scope = len(self.where_clause)
        self.ordering: tuple[Order, ...] = ()
        self.having_clause: tuple[Expression[Any], ...] = ()
        self.projection: Projection | None = None
        self._limit: int | None = None
        self._offset: int | None = None
        self._distinct = False
        self._distinct_on: tuple[Expression[Any], ...] = ()
        self._lock: Lock | None = None
        self._locked: tuple[type, ...] = ()
        self._position: Literal["", "after", "before"] = ""
        self._marks: Marks = ()
        self.includes: tuple[Include, ...] = ()

    def _with(self, **changes: Any) -> Self:
        """A copy that differs in the given attributes only."""
        changed = object.__new__(type(self))
        changed.__dict__ = {**self.__dict__, **changes}
        return changed

    def __repr__(self) -> str:
        conditions = ", ".join(repr(condition) for condition in self.where_clause)
        return f"<Query model={self.model.__name__} where=[{conditions}]>"

    # Hidden from type checkers, which would accept any attribute, and any loop.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in self._instead:
                raise UnknownColumnError(self._instead[name].format(name=name, query=self))
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

        def __iter__(self) -> NoReturn:
            raise no_rows_yet()

        __aiter__ = __iter__

    # Building.

    def where(self, *conditions: Predicate[M] | Valued[bool | None] | bool) -> Self:
        """Keep the rows that meet every condition: `where(lambda u: u.age >= 18)`."""
        if not conditions:
            raise QueryError("where() needs a condition: where(lambda u: u.age >= 18)")
        query = self._apart()
        added = tuple(query._condition(condition) for condition in conditions)
        return query._with(where_clause=query.where_clause + added)

    def filter_by(self, **values: Any) -> Self:
        """Keep the rows whose columns have these very values: `filter_by(name="Ann")`.

        A relation is looked for by an instance, a key, or None: `filter_by(author=ann)`.
        """
        query = self._apart()
        return query._with(
            where_clause=query.where_clause + tuple(query._has_value(name, value) for name, value in values.items())
        )

    def unscoped(self) -> Self:
        """Leave out the model's scope: deleted rows, and whatever else its queries do not see, are there."""
        return self._with(where_clause=self.where_clause[self._scope :], _scope=0)

    def having(self, *conditions: Predicate[M] | Valued[bool | None] | bool) -> Self:
        """Keep the groups that meet every condition: `having(lambda o: count() > 2)`.

        A group is the rows that are equal in the plain columns of `select()`.
        """
        if not conditions:
            raise QueryError("having() needs a condition: having(lambda o: count() > 2)")
        query = self._apart()
        added = tuple(query._condition(condition, "having()") for condition in conditions)
        return query._with(having_clause=query.having_clause + added)

    def order_by(
        self,
        *keys: SortKey[M],
        direction: str | None = None,
        nulls: Nulls | None = None,
    ) -> Self:
        """Sort the rows; a minus sign sorts downwards: `order_by("-age", "name")`.

        Nulls come last, unless `nulls` is "first" or "native". A second key may be a direction,
        `order_by("age", "desc")`.
        """
        if len(keys) == 2 and direction is None and self._is_direction(keys[1]):
            keys, direction = keys[:1], str(keys[1])
        if not keys:
            raise QueryError('order_by() needs a column: order_by("name")')
        if self._position:
            raise QueryError(f"{self._position}() goes by the order of the rows: call order_by() before it")
        descending = read_direction(direction)
        query = self._apart()
        added: list[Order] = []
        for key in keys:
            added += query._orders(key, descending, nulls)
        ordering = query.ordering + tuple(added)
        must_sort_first_by(query._distinct_on, ordering)
        return query._with(ordering=ordering)

    def limit(self, count: int) -> Self:
        """Return at most so many rows."""
        return self._with(_limit=whole_number("limit", count))

    def offset(self, count: int) -> Self:
        """Leave out so many rows at the start."""
        if self._position:
            raise QueryError(f"{self._position}() says where the page begins: leave out offset()")
        return self._with(_offset=whole_number("offset", count))

    def distinct(self) -> Self:
        """Return equal rows once."""
        if self._distinct_on:
            raise QueryError("distinct_on() leaves out rows already: leave out distinct()")
        return self._with(_distinct=True)

    def distinct_on(self, *keys: Operand[M] | str) -> Self:
        """Return the first of the rows that are equal in some columns, in the order of the query.

        The newest order of each customer is
        `Order.query().distinct_on(lambda o: o.customer_id).order_by("customer_id", "-placed")`.
        """
        if self._distinct or self._distinct_on or self._position:
            does = "distinct" if self._distinct else "distinct_on" if self._distinct_on else self._position
            raise QueryError(f"distinct_on() does not go together with {does}(): leave one out")
        query = self._apart()
        chosen = query._keys_of_rows(keys)
        if not chosen:
            raise QueryError("distinct_on() needs a column: distinct_on(lambda o: o.customer_id)")
        must_sort_first_by(chosen, query.ordering)
        return query._with(_distinct_on=chosen)

    def _keys_of_rows(self, given: Sequence[object]) -> tuple[Expression[Any], ...]:
        found: list[Expression[Any]] = []
        for key in given:
            one = self._call(key)
            several = cast("tuple[Any, ...]", one) if isinstance(one, tuple) else (one,)
            found += (self._expression(part) for part in several)
        for one in found:
            if is_aggregated(one) or has_window(one) or has_values(one) or not loose_columns(one):
                raise QueryError(f"distinct_on() takes columns, or expressions of columns only, not {one.label}")
        return tuple(found)

    # What rows lead to.

    def join(self, *relations: Callable[[type[M]], object] | str) -> Self:
        """Keep the rows that lead to another along these relations: `join(lambda b: b.author)`.

        To use columns of `b.author` needs no join(): it is joined where it is named, and rows without one stay.
        """
        return self._marked("join", relations, outer=False)

    def left_join(self, *relations: Callable[[type[M]], object] | str) -> Self:
        """Say that the rows that lead to none along these relations stay, as they do by themselves."""
        return self._marked("left_join", relations, outer=True)

    def _marked(self, verb: str, relations: Sequence[object], *, outer: bool) -> Self:
        if not relations:
            raise QueryError(f"{verb}() needs a relation: {verb}(lambda b: b.author)")
        query = self._apart()
        marks = query._marks
        for relation in relations:
            with inside(query.source):
                marks = marked(marks, chosen_way(cast("Any", relation), query.source, verb), outer=outer)
        return query._with(_marks=marks)

    def _joins(self, *parts: Expression[Any]) -> tuple[Join, ...]:
        """The other sources that these expressions ask for."""
        return joins_of(self.source, parts, self._marks) if self.table.relations else ()

    def include(self, *paths: IncludePath[M]) -> Self:
        """Load what belongs to the rows with them, by few statements: `include(lambda a: a.books.tags)`.

        Names say the same: `include("books.tags", "profile")`. What is chosen is chosen for each row:
        `include(lambda a: a.books.where(lambda b: b.year > 2000).order_by("-year").limit(3))`.
        """
        if self.projection is not None:
            raise QueryError(
                "include() loads what belongs to instances, and this query selects columns: leave out one of the two"
            )
        return self._with(includes=read_paths(self.includes, self.model, paths, rows_of))

    # Locks.

    def for_update(self, *, skip_locked: bool = False, nowait: bool = False, of: type | Sequence[type] = ()) -> Self:
        """Keep the rows for this transaction: others that want to change or lock them wait until it ends.

        Args:
            skip_locked: leave out the rows that others have locked.
            nowait: raise DatabaseBusy at once when others have locked one of them; PostgreSQL only.
            of: lock the rows of these models only.
        """
        if skip_locked and nowait:
            raise QueryError(
                "for_update() leaves out locked rows or raises on them: skip_locked=, or nowait=, not both"
            )
        self._of_a_table("for_update")
        models = (of,) if isinstance(of, type) else tuple(of)
        # Without relations there is nothing else to lock; with them, the joins decide, which may come later.
        for model in () if self.table.relations else models:
            self._lockable(model, ())
        return self._with(_lock=Lock(skip_locked, nowait), _locked=models)

    def _lockable(self, model: type, joins: Sequence[Join]) -> list[str]:
        """The names under which the rows of a model are read, and always there."""
        sources = [self.source, *(join.source for join in joins if not join.outer)]
        found = [one.name for one in sources if isinstance(one, Source) and one.table.model is model]
        if not found:
            name = getattr(model, "__name__", repr(model))
            raise QueryError(
                f"for_update(of=...) names {name}, and this query reads the rows of {self.model.__name__}"
                + (f": join() those of {name}" if self.table.relations else "")
            )
        return found

    def _locking(self, joins: Sequence[Join]) -> Lock | None:
        if self._lock is None or not (joins or self._locked):
            return self._lock
        # Rows that may be missing cannot be locked, and nobody asked for those that are there.
        models = self._locked or (self.model,)
        return replace(self._lock, of=tuple(name for model in models for name in self._lockable(model, joins)))

    @property
    def lock(self) -> Lock | None:
        """How the rows are locked, if they are."""
        return self._lock

    def _of_a_table(self, verb: str) -> None:
        """Refuse a verb that needs the very rows of a table."""
        if isinstance(self.source, Made):
            raise QueryError(
                f"{verb}() is about the rows of a table, and these come from {self.source.what}: "
                "select their keys, and give them to in_()"
            )

    def _unlocked(self, verb: str, why: str = "locks no rows") -> None:
        if self._lock is not None:
            raise QueryError(f"{verb}() {why}: leave out for_update()")

    # Pages.

    def after(self, position: object) -> Self:
        """Keep the rows that come after a position: a row, its `position_of()`, or its `cursor_of()`.

        The query must be sorted, by keys that include the primary key.
        """
        return self._beyond("after", position)

    def before(self, position: object) -> Self:
        """Keep the rows that come before a position; with a limit the nearest, still in the query's order."""
        return self._beyond("before", position)

    def position_of(self, row: object) -> tuple[Any, ...]:
        """Where a row stands in this query: the values it is sorted by, for `after()` and `before()`."""
        return self._position_of(self._keys("position_of"), row)

    def cursor_of(self, row: object) -> str:
        """The same as a short text, fit for a URL. It can be read by whoever has it."""
        keys = self._keys("cursor_of")
        return keys.to_cursor(self._position_of(keys, row))

    def numbered(self, number: int, size: int) -> Self:
        """The rows of one page; the primary key decides between rows that sort alike."""
        self._unlocked("page", "counts rows that others may change")
        for name, given in (("limit", self._limit), ("offset", self._offset)):
            if given is not None:
                raise QueryError(f"page() counts its rows by itself: leave out {name}({given})")
        if self._position:
            raise QueryError(f"page() counts from the first row: leave out {self._position}()")
        loose = not self._distinct and not self._is_aggregated
        if isinstance(self.source, Made) and not self.source.keyed:
            loose = False
        ordering = completed(self.source, self.ordering) if loose else self.ordering
        if not ordering:
            raise QueryError('page() goes by the order of the rows: call order_by(), such as order_by("name")')
        return self._with(ordering=ordering, _limit=size, _offset=(number - 1) * size)

    def _beyond(self, verb: Literal["after", "before"], position: object) -> Self:
        if self._position:
            raise QueryError(f"this query has a position already: call after() or before() once, not {verb}() again")
        if self._offset is not None:
            raise QueryError(f"{verb}() says where the page begins: leave out offset({self._offset})")
        keys = self._keys(verb)
        condition = keys.beyond(keys.read(position, verb), before=verb == "before")
        return self._with(where_clause=(*self.where_clause, condition), _position=verb)

    def _keys(self, verb: str) -> Keys:
        if self._is_aggregated:
            raise QueryError(f"{verb}() compares single rows, and this query makes one of many")
        if self._distinct_on:
            raise QueryError(f"{verb}() would change which rows are the first ones: leave out distinct_on()")
        if isinstance(self.source, Made) and not self.source.keyed:
            raise QueryError(
                f"{verb}() needs a primary key that names one row, and the rows of {self.source.what} have none: "
                "use page(), or limit() and offset()"
            )
        return keys_of(self.source, self.ordering, verb)

    def _position_of(self, keys: Keys, row: object) -> tuple[Any, ...]:
        if isinstance(row, self.table.model):
            return keys.of_instance(row)
        if self.projection is None:
            raise QueryError(f"expected {with_article(self.model.__name__)} that this query returned, got {row!r}")
        if self.projection.into is not None:
            row = values_of(row, self.projection.names)
        return keys.of_row(row, self.projection.names, self.projection.columns)

    @property
    def backwards(self) -> bool:
        """Whether the database is asked for the rows in the opposite order: the nearest before a position."""
        return self._position == "before" and self._limit is not None

    def _as_asked(self, ordering: tuple[Order, ...]) -> tuple[Order, ...]:
        return tuple(map(reversed_order, ordering)) if self.backwards else ordering

    def select(self, *columns: Any, into: Any = None) -> "QueryBase[Any]":
        """Return some columns or expressions instead of instances.

        `select(lambda u: (u.id, u.name))` and `select("id", "name")` give tuples,
        `select(lambda u: {"name": u.name})` dicts, and `select(lambda u: u.name)` bare values.
        """
        if self.projection is not None and self.projection.columns is not self.source.columns:
            raise QueryError("this query has a selection already: call select() once")
        self._bare("select")
        query = self._apart()
        projection = query._project(columns)
        return query._with(projection=projection if into is None else made_into(into, projection))

    def values(self, *names: str) -> "QueryBase[Any]":
        """Return dicts of some columns, or of all: `values("id", "name")`."""
        if self.projection is not None:
            raise QueryError("this query has a selection already: call values() instead of select()")
        if unfit := [name for name in names if not isinstance(name, str)]:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise QueryError(
                f"values() takes the names of columns, and {unfit[0]!r} is none: "
                'select(lambda u: {"name": ...}) gives dicts of expressions'
            )
        query = self._apart()
        chosen = tuple(dict.fromkeys(names)) or tuple(self.table.by_field)
        if len(chosen) < len(names):
            raise twice(repeated(names))
        return query._with(projection=query._projection("dict", chosen, chosen))

    # Statements.

    def select_statement(self) -> Select:
        """The rows themselves."""
        projection = self.projection
        if self._distinct_on and self._is_aggregated:
            raise QueryError("distinct_on() keeps single rows, and an aggregate makes one of many: leave one out")
        if self._lock is not None and self._distinct_on:
            raise QueryError("distinct_on() locks no rows: leave out for_update()")
        if self._lock is not None and (self._distinct or self._is_aggregated):
            does = "distinct()" if self._distinct else "an aggregate"
            raise QueryError(f"{does} makes one row of many, so for_update() has no single rows to lock: leave one out")
        columns = self.source.columns if projection is None else projection.columns
        ordering = self.ordering
        if self._distinct or (projection is not None and self._is_aggregated):
            ordering = tuple(self._sorted_by(order, columns) for order in ordering)
        ordering = self._as_asked(ordering)
        chosen = () if projection is None else columns
        sorted_by = (order.expression for order in ordering)
        joins = self._joins(*chosen, *self.where_clause, *self.having_clause, *sorted_by, *self._distinct_on)
        return Select(
            self.source,
            columns,
            self.where_clause,
            ordering,
            self._limit,
            self._offset,
            self._distinct,
            self._grouping(),
            self._locking(joins),
            self.having_clause,
            joins,
            distinct_on=self._distinct_on,
        )

    def count_statement(self) -> Select:
        """How many rows there are; limit, offset and distinct count too."""
        self._unlocked("count")
        counted = (Aggregate[int]("count", None, type_for(int)),)
        if self._limit is None and self._offset is None and not self._merged:
            return Select(self.source, counted, self.where_clause, joins=self._joins(*self.where_clause))
        return Select(Derived(self._counted_rows(), "counted"), counted)

    def exists_statement(self) -> Select:
        """One row when there is any."""
        self._unlocked("exists")
        skips_merged = self._distinct and self._offset is not None
        if self._limit == 0 or self._is_aggregated or self._distinct_on or skips_merged:
            return Select(Derived(self._counted_rows(), "found"), (ONE,), limit=1)
        joins = self._joins(*self.where_clause)
        return Select(self.source, (ONE,), self.where_clause, limit=1, offset=self._offset, joins=joins)

    def aggregate_statement(self, name: AggregateName, column: object, *, distinct: bool = False) -> Select:
        """One number made of all rows: the type of its column decodes it."""
        self._unlocked(name)
        aggregate = AGGREGATES[name](self._expression(column), distinct)
        if self.having_clause or self._distinct:
            said = "having()" if self.having_clause else "distinct()"
            raise QueryError(f"{name}() counts every row that matches: leave out {said}")
        if self._limit is None and self._offset is None and not self._distinct_on:
            return Select(
                self.source, (aggregate,), self.where_clause, joins=self._joins(aggregate, *self.where_clause)
            )
        value = self._expression(column)
        ordering = self._as_asked(self.ordering)
        sorted_by = (order.expression for order in ordering)
        joins = self._joins(value, *self.where_clause, *sorted_by, *self._distinct_on)
        rows = Select(self.source, (value,), self.where_clause, ordering, self._limit, self._offset, joins=joins)
        rows = replace(rows, distinct_on=self._distinct_on)
        over = AGGREGATES[name](Picked[Any]("chosen", "value", value), distinct)
        return Select(Derived(rows, "chosen", ("value",)), (over,))

    def update_statement(self, *recipe: Any, returning: tuple[Column, ...] = (), **values: Any) -> Update:
        """Changes to all rows that match: values, expressions, or a lambda that returns a dict of them."""
        self._whole("update")
        given = self._changes(recipe, values)
        changes, keys = by_column(self.table, given), owners(self.table, given)
        if not changes:
            raise QueryError("update() needs at least one column: update(name='Ann')")
        assigned = tuple(
            (column, assigned_value(ColumnRef(self.source, column), value, keys.get(column.field)))
            for column, value in ((find_column(self.table, name), value) for name, value in changes.items())
        )
        version = self.table.version
        if version is not None:
            if any(column is version for column, _ in assigned):
                raise QueryError(
                    f"{self.model.__name__}.{version.field} counts the versions of a row: leave it to the database"
                )
            assigned += (counted_up(self.source, version),)
        if "updated" in self.table.stamps:
            assigned += stamped(self.source, "updated", utc_now(), [column for column, _ in assigned])
        if self.table.relations:
            assigned = tuple((column, looked_up(value, self.source)) for column, value in assigned)
        return Update(self.source, assigned, self._changed_rows(), returning)

    def delete_statement(self, *, returning: tuple[Column, ...] = ()) -> Delete:
        """All rows that match, gone."""
        self._whole("delete")
        return Delete(self.source, self._changed_rows(), returning)

    def _changed_rows(self) -> tuple[Expression[Any], ...]:
        """The conditions, in a form in which the statement has one table."""
        if not self.table.relations:
            return self.where_clause
        return (*looked_up(self.where_clause, self.source), *required(self._marks))

    def soft_delete_statement(self) -> Update:
        """All rows that match, marked as deleted; those that are already stay as they are."""
        self._whole("delete")
        deleted = self._deleted("delete")
        query = self if self._scope else self._with(where_clause=(*self.where_clause, IsNull(deleted)))
        changes: dict[str, Any] = {deleted.column.field: utc_now()}
        return query.update_statement(**changes)

    def restore_statement(self) -> Update:
        """The deleted rows among those that match, as if they never had been."""
        self._whole("restore")
        deleted = self._deleted("restore")
        # Of the scope it is only left out that rows are not deleted, which is what comes first.
        others = self.where_clause[1:] if self._scope else self.where_clause
        query = self._with(where_clause=(IsNull(deleted, negated=True), *others), _scope=0)
        changes: dict[str, Any] = {deleted.column.field: None}
        return query.update_statement(**changes)

    def _deleted(self, verb: str) -> ColumnRef[Any]:
        if self.table.deleted is None:
            raise QueryError(
                f"{verb}(): {self.model.__name__} does not keep the rows that are deleted: let it inherit from SoftDelete"
            )
        return ColumnRef[Any](self.source, self.table.deleted)

    def update_returning_statement(self, recipe: Sequence[Any], values: Mapping[str, Any]) -> Update:
        """The same changes, with the rows as they are afterwards."""
        returning, selected = self._returned("update_returning")
        statement = self._with(projection=None).update_statement(*recipe, **values)
        return replace(statement, returning=returning, selected=selected)

    def delete_returning_statement(self, *, soft: bool = False) -> Update | Delete:
        """All rows that match, gone, with what they were."""
        returning, selected = self._returned("delete_returning")
        query = self._with(projection=None)
        statement = query.soft_delete_statement() if soft else query.delete_statement()
        return replace(statement, returning=returning, selected=selected)

    def _bare(self, verb: str) -> None:
        if self.includes:
            raise QueryError(
                f"{verb}() gives no rows that something could be loaded with: leave out include(), "
                "or load it afterwards with load_many()"
                if verb != "select"
                else "select() gives columns, and include() loads what belongs to instances: leave out one of the two"
            )

    def _returned(self, verb: str) -> tuple[tuple[Column, ...], tuple[Expression[Any], ...]]:
        self._bare(verb)
        if self._distinct or self._is_aggregated:
            does = "distinct()" if self._distinct else "an aggregate"
            raise QueryError(f"{verb}() gives back every row it changed: leave out {does}")
        if self.ordering:
            raise QueryError(
                f"{verb}() gives the rows back in no order: leave out order_by(), and sort what comes back"
            )
        if self.projection is None:
            return self.table.columns, ()
        return (), looked_up(self.projection.columns, self.source)

    # Inside another query.

    def membership(self, left: Expression[Any], *, negated: bool) -> Expression[bool]:
        """Whether a value is one of those selected, or none of them."""
        return membership(self, left, negated=negated)

    def _apart(self) -> Self:
        """The same query, under an alias where a query around it has the name of its table."""
        names = {source.name for source in enclosing()}
        if self.source.name not in names:
            return self
        number = next(number for number in count(2) if f"{self.table.name}_{number}" not in names)
        source = self.source.under(f"{self.table.name}_{number}")
        projection = self.projection
        if projection is not None and projection.columns is self.source.columns:
            projection = replace(projection, columns=source.columns)
        return self._with(
            source=source,
            where_clause=moved(self.where_clause, self.source, source),
            having_clause=moved(self.having_clause, self.source, source),
            ordering=moved(self.ordering, self.source, source),
            _distinct_on=moved(self._distinct_on, self.source, source),
            projection=projection
            if projection is None or projection.columns is source.columns
            else replace(projection, columns=moved(projection.columns, self.source, source)),
            _marks=tuple((way.rerooted(self.source, source), outer) for way, outer in self._marks),
        )

    # Reading what the caller gave.

    def _has_value(self, name: str, value: object) -> Expression[bool]:
        relation = self.table.relations.get(name)
        if relation is not None:
            return leads_to(relation, self.source, value)
        return ColumnRef[Any](self.source, find_column(self.table, name)) == value

    def _condition(self, given: object, verb: str = "where()") -> Expression[bool]:
        found = self._call(given)
        if not is_expression(found):
            shown = "a plain bool" if isinstance(found, bool) else type(found).__name__
            raise QueryError(
                f"{verb} expects a condition such as u.age >= 18 or a predicate that returns one, got {shown}: {found!r}"
            )
        return must_be_condition(found, verb)

    def _call(self, given: Any) -> Any:
        if not is_predicate(given):
            return given
        with inside(self.source):
            return given(Row(self.source))

    def _expression(self, given: object) -> Expression[Any]:
        if isinstance(given, str):
            if self.projection and given in self.projection.names:
                return self.projection.columns[self.projection.names.index(given)]
            return self._named(given)
        found = self._call(given)
        if is_expression(found):
            return found
        if isinstance(found, RelatedRow):
            raise QueryError(f"{found!r} is a whole row: name one of its columns, or load it with include()")
        raise QueryError(f"expected a column or an expression, got {type(found).__name__}: {found!r}")

    def _named(self, name: str) -> Expression[Any]:
        """A column by its name, or by those of the relations that lead to it: "author.name"."""
        if "." not in name:
            return ColumnRef(self.source, find_column(self.table, name))
        found: Any = Row(self.source)
        for part in name.split("."):
            if not isinstance(found, (Row, RelatedRow)):
                raise QueryError(f"{name!r} does not lead to a column: {found!r} has no {part!r}")
            found = getattr(found, part)
        if not is_expression(found):
            raise QueryError(f"{name!r} leads to a relation: name one of its columns")
        return found

    def _is_direction(self, key: object) -> bool:
        """Whether the second of two keys can only be a direction: no column, nor nearly one."""
        names = (*self.table.by_field, *(self.projection.names if self.projection else ()))
        if not isinstance(key, str) or key.startswith("-") or "." in key or key in names:
            return False
        return key.lower() in DIRECTIONS or not closest(self.table, key)

    def _orders(self, key: object, descending: bool, nulls: Nulls | None) -> list[Order]:
        if isinstance(key, str):
            downwards = key.startswith("-")
            found: Any = self._expression(key[1:] if downwards else key)
            return [Order(found, descending=descending != downwards, nulls=nulls or "last")]
        found = self._call(key)
        several = cast(tuple[Any, ...], found) if isinstance(found, tuple) else (found,)
        return [self._order(one, descending, nulls) for one in several]

    def _order(self, key: object, descending: bool, nulls: Nulls | None) -> Order:
        if isinstance(key, Order):
            return Order(key.expression, descending=key.descending != descending, nulls=nulls or key.nulls)
        return Order(self._expression(key), descending=descending, nulls=nulls or "last")

    def _project(self, given: tuple[Any, ...]) -> Projection:
        if len(given) == 1 and not isinstance(given[0], str):
            found = self._call(given[0])
            if isinstance(found, Mapping):
                named = cast(Mapping[str, Any], found)
                return self._projection("dict", tuple(map(str, named)), tuple(named.values()))
            if isinstance(found, tuple):
                return self._projection("tuple", (), cast(tuple[Any, ...], found))
            return self._projection("value", (), (found,))
        if any(is_predicate(one) for one in given):
            raise QueryError("select() takes names, or columns, or one lambda: not a mixture")
        chosen = self._projection("tuple", (), given)
        for at, column in enumerate(chosen.columns):
            if isinstance(column, ColumnRef) and has_same(chosen.columns[:at], column):
                raise twice(column.column.field)
        return chosen

    def _projection(
        self, kind: Literal["value", "tuple", "dict"], names: tuple[str, ...], given: tuple[Any, ...]
    ) -> Projection:
        if not given:
            raise QueryError('select() needs at least one column: select("id")')
        return Projection(kind, names, tuple(self._selected(one) for one in given))

    def _selected(self, given: object) -> Expression[Any]:
        if isinstance(given, (str, RelatedRow)):
            return self._expression(given)
        return expression(given)

    def _sorted_by(self, order: Order, columns: Sequence[Expression[Any]]) -> Order:
        """A key by which selected rows can be sorted: one that is selected, or is made of those."""
        found = order.expression
        for position, column in enumerate(columns, 1):
            if same(found, column):
                # With parameters in it, only its position makes it the same expression.
                by = Number(position) if has_values(found) else found
                return Order(by, descending=order.descending, nulls=order.nulls)
        loose = loose_columns(found)
        if self._distinct or any(not any(same(one, column) for column in columns) for one in loose):
            does = "distinct()" if self._distinct else "grouping"
            raise QueryError(f"{found.label} cannot be sorted by: {does} leaves only what is selected")
        return order

    @property
    def _merged(self) -> bool:
        """Whether a row stands for several."""
        return self._distinct or bool(self._distinct_on) or self._is_aggregated

    @property
    def _is_aggregated(self) -> bool:
        return bool(self.having_clause) or (self.projection is not None and self.projection.is_aggregated)

    def _grouping(self) -> tuple[int, ...]:
        """The positions of the selected columns that rows are grouped by."""
        projection = self.projection
        if not self.having_clause:
            return () if projection is None else projection.group_by
        if projection is None:
            raise QueryError("having() looks at groups: say with select() what makes one")
        for column in (column for condition in self.having_clause for column in loose_columns(condition)):
            own = isinstance(column, ColumnRef) and column.source.root == self.source
            if own and not any(same(column, chosen) for chosen in projection.columns):
                raise QueryError(
                    f"having() looks at groups, and {column.label} is not selected: select it, or use it in where()"
                )
        return projection.grouped()

    def _counted_rows(self) -> Select:
        """The rows to be counted, with as few columns as tell them apart."""
        chosen = self.projection.columns if self.projection else self.source.columns
        columns = chosen if self._distinct or self._is_aggregated else (ONE,)
        selected = columns if self.projection else ()
        return Select(
            self.source,
            columns,
            self.where_clause,
            limit=self._limit,
            offset=self._offset,
            distinct=self._distinct,
            group_by=self._grouping(),
            having=self.having_clause,
            joins=self._joins(*selected, *self.where_clause, *self.having_clause, *self._distinct_on),
            distinct_on=self._distinct_on,
        )

    def _whole(self, verb: str) -> None:
        self._of_a_table(verb)
        self._unlocked(verb, "locks the rows it changes by itself")
        if self._distinct_on:
            raise QueryError(f"{verb}() changes every row that matches: leave out distinct_on()")
        for name, value in (("limit", self._limit), ("offset", self._offset)):
            if value is not None:
                raise QueryError(
                    f"{verb}() changes every row that matches and cannot keep to {name}({value}): "
                    "select the keys first, and give them to in_()"
                )
        if self._position:
            raise QueryError(f"{verb}() changes every row that matches: leave out {self._position}()")
        if self.having_clause:
            raise QueryError(f"{verb}() changes rows, and having() looks at groups: leave it out")
        if self.projection is not None:
            raise QueryError(f"{verb}() changes rows, and this query selects columns: leave out select()")

    def _changes(self, recipe: Sequence[Any], values: dict[str, Any]) -> Mapping[str, Any]:
        if len(recipe) == 0:
            return values
        if values:
            raise QueryError("update() takes a recipe or keywords: put all changes into the dict of the recipe")
        if len(recipe) > 1:
            raise QueryError(f"update() takes one recipe, got {len(recipe)}")
        changes = self._call(recipe[0])
        if not isinstance(changes, Mapping):
            raise QueryError(
                f"update() expects a recipe that returns a dict, such as lambda u: {{'age': u.age + 1}}, got {changes!r}"
            )
        return cast(Mapping[str, Any], changes)


def rows_of(one: Include) -> QueryBase[Any]:
    """The rows that are loaded along a relation: those its path chose, or all that its model's queries see."""
    if one.query is not None:
        return one.query
    query: QueryBase[Any] = QueryBase(one.relation.target, one.relation.target_table, scoped=False)
    return query.where(*one.scope) if one.scope else query


AGGREGATES: dict[AggregateName, Callable[[Expression[Any], bool], Expression[Any]]] = {
    "count": lambda found, distinct: found.count(distinct=distinct),
    "sum": lambda found, distinct: found.sum(distinct=distinct),
    "avg": lambda found, distinct: found.avg(distinct=distinct),
    "min": lambda found, _: found.min(),
    "max": lambda found, _: found.max(),
}
DIRECTIONS = {"asc": False, "desc": True}


def is_predicate(given: object) -> bool:
    """Whether it is a function of a row; `now` can be called, but is a value."""
    return callable(given) and not isinstance(given, (Expression, type))


def has_same(columns: Sequence[Expression[Any]], one: Expression[Any]) -> bool:
    return any(same(column, one) for column in columns)


def read_direction(direction: object) -> bool:
    """Whether a direction goes downwards."""
    if direction is None:
        return False
    descending = DIRECTIONS.get(direction.lower()) if isinstance(direction, str) else None
    if descending is None:
        raise QueryError(f"direction must be 'asc' or 'desc', not {direction!r}")
    return descending


def must_sort_first_by(chosen: tuple[Expression[Any], ...], ordering: tuple[Order, ...]) -> None:
    """Refuse an order in which the rows that are equal in the chosen columns do not stand together."""
    left: list[Expression[Any]] = list(chosen)
    for order in ordering:
        if not left:
            return
        if not any(same(order.expression, one) for one in chosen):
            raise QueryError(
                f"distinct_on({', '.join(one.label for one in chosen)}) takes the first of the rows that stand together: "
                f"sort by {' and '.join(one.label for one in left)} before {order.expression.label}"
            )
        left = [one for one in left if not same(order.expression, one)]


def whole_number(name: str, count: object) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < 2**63:
        raise QueryError(f"{name}() expects a number of rows, 0 or more, got {count!r}")
    return count
