"""Statement → SQL and values, rendered once a shape and taken from a cache ever after."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from ferro.errors import DataError
from ferro.query.dialect import Compiled, Dialect, Template
from ferro.query.expressions import Expression
from ferro.query.statements import Delete, Derived, Insert, Select, Statement, Update
from ferro.query.writer import Slot, column_label, render

# Statements of so many shapes are remembered; of those, the ones in use survive.
CACHE_SIZE = 2048


class Plan:
    """What one shape compiles to: the template, and how values become its parameters."""

    __slots__ = ("slots", "template")

    def __init__(self, template: Template, slots: Sequence[Slot] | None) -> None:
        self.template = template
        # Without slots the values are the parameters, as they come.
        self.slots = None if slots is None else tuple((slot.index, slot.convert, slot.label) for slot in slots)

    def params(self, values: list[Any]) -> Sequence[Any]:
        if self.slots is None:
            return values
        params: list[Any] = []
        label = ""
        try:
            for index, convert, label in self.slots:
                value = values[index]
                params.append(value if convert is None or value is None else convert(value))
        except (ValueError, OverflowError) as error:
            raise refused(label, error) from error
        return params


class InsertPlan(Plan):
    """Whole columns are converted at once: an insert costs nothing a row but that."""

    __slots__ = ("dumps", "width")

    def __init__(self, template: Template, statement: Insert, dialect: Dialect) -> None:
        super().__init__(template, None)
        self.width = len(statement.columns)
        self.dumps = tuple(
            (at, stored.dump, column_label(statement.source.table.model, column))
            for at, column in enumerate(statement.columns)
            if (stored := column.type.stored[dialect.name]).dump is not None
        )

    def params(self, values: list[Any]) -> Sequence[Any]:
        for at, dump, label in self.dumps:
            try:
                values[at :: self.width] = [
                    None if value is None else dump(value) for value in values[at :: self.width]
                ]
            except (ValueError, OverflowError) as error:
                raise refused(label, error) from error
        return values


def refused(label: str, error: Exception) -> DataError:
    """The error for a value this database cannot keep as it is."""
    return DataError(f"{label}: {error}")


class Cache:
    """Plans by shape, in two generations: when the young one is full it becomes the old one.

    Every step is one operation of a dictionary, so threads need no lock. The counters may lose a
    beat when threads collide.
    """

    def __init__(self, size: int = CACHE_SIZE) -> None:
        self.size = size
        self.hits = 0
        self.misses = 0
        self._young: dict[Any, Plan] = {}
        self._old: dict[Any, Plan] = {}

    def get(self, key: Any) -> Plan | None:
        plan = self._young.get(key)
        if plan is None:
            plan = self._old.get(key)
            if plan is None:
                self.misses += 1
                return None
            plan = self.put(key, plan)
        self.hits += 1
        return plan

    def put(self, key: Any, plan: Plan) -> Plan:
        young = self._young
        if len(young) >= self.size // 2:
            self._old = young
            self._young = young = {}
        return young.setdefault(key, plan)

    def clear(self) -> None:
        """Forget every statement, and start counting anew."""
        self._young = {}
        self._old = {}
        self.hits = self.misses = 0

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())


cache = Cache()


def compile(statement: Statement, dialect: Dialect, *, operation: str = "Fetch") -> Compiled:
    """The statement as `dialect` takes it; `operation` is the verb of an error: "Fetch", "Save"."""
    shape: list[Any] = [dialect, operation]
    values: list[Any] = []
    COLLECT[type(statement)](statement, shape, values, dialect.arrays)
    key = tuple(shape)
    plan = cache.get(key) or cache.put(key, make_plan(statement, dialect, operation, len(values)))
    return Compiled(plan.template, plan.params(values))


def make_plan(statement: Statement, dialect: Dialect, operation: str, count: int) -> Plan:
    marked, slots = render(statement, dialect)
    ordered: list[Slot] = []

    def placeholder(marker: re.Match[str]) -> str:
        ordered.append(slots[int(marker[1])])
        return dialect.placeholder.format(len(ordered))

    sql = MARKER.sub(placeholder, marked)
    template = Template(
        sql,
        fetches=isinstance(statement, Select) or bool(statement.returning),
        writes=not isinstance(statement, Select),
        operation=operation,
        subject=subject(statement),
        secrets=frozenset(at for at, slot in enumerate(ordered) if slot.secret),
    )
    if isinstance(statement, Insert):
        return InsertPlan(template, statement, dialect)
    plain = all(slot.convert is None for slot in ordered) and [slot.index for slot in ordered] == list(range(count))
    return Plan(template, None if plain else ordered)


MARKER = re.compile("\0(\\d+)\0")


def subject(statement: Statement | Derived) -> str:
    """The name of the model a statement is about."""
    if isinstance(statement, Derived):
        return subject(statement.select)
    if isinstance(statement.source, Derived):
        return subject(statement.source)
    return statement.source.table.model.__name__


# Shapes. The order in which values are collected here is the order in which the writer meets them.


def collect_all(found: Sequence[Expression[Any]], shape: list[Any], values: list[Any], arrays: bool) -> None:
    shape.append(len(found))
    for expression in found:
        expression.collect(shape, values, arrays)


def collect_select(statement: Select, shape: list[Any], values: list[Any], arrays: bool) -> None:
    source = statement.source
    if isinstance(source, Derived):
        shape += ("derived", source.alias)
        collect_all(statement.columns, shape, values, arrays)
        collect_select(source.select, shape, values, arrays)
    else:
        shape += ("select", source.key)
        if statement.columns is source.columns:
            shape.append("all")
        else:
            collect_all(statement.columns, shape, values, arrays)
    shape += (statement.distinct, statement.lock)
    collect_all(statement.where, shape, values, arrays)
    shape.append(len(statement.order_by))
    for order in statement.order_by:
        order.collect(shape, values, arrays)
    for bound in (statement.limit, statement.offset):
        shape.append(bound is None)
        if bound is not None:
            values.append(bound)


def collect_insert(statement: Insert, shape: list[Any], values: list[Any], arrays: bool) -> None:
    conflict = statement.conflict
    shape += ("insert", statement.source.key, statement.columns, len(statement.rows), statement.returning)
    if conflict is not None:
        shape += (conflict.action, conflict.key, conflict.update)
    for row in statement.rows:
        values += row


def collect_update(statement: Update, shape: list[Any], values: list[Any], arrays: bool) -> None:
    shape += ("update", statement.source.key, len(statement.values), statement.returning)
    for column, expression in statement.values:
        shape.append(column)
        expression.collect(shape, values, arrays)
    collect_all(statement.where, shape, values, arrays)


def collect_delete(statement: Delete, shape: list[Any], values: list[Any], arrays: bool) -> None:
    shape += ("delete", statement.source.key, statement.returning)
    collect_all(statement.where, shape, values, arrays)


COLLECT: dict[type, Callable[[Any, list[Any], list[Any], bool], None]] = {
    Select: collect_select,
    Insert: collect_insert,
    Update: collect_update,
    Delete: collect_delete,
}
