"""Statement → SQL and values: rendered once a shape, and taken from a cache ever after.

ferro writes the expressions; PyPika puts the statements together.
"""

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from pypika.dialects import PostgreSQLQuery
from pypika.queries import Table as PypikaTable
from pypika.terms import Field, Term

from ferro.caches import informing
from ferro.errors import QueryError
from ferro.query import expressions as tree
from ferro.query.dialect import Compiled, Dialect, Numbered, Template
from ferro.query.expressions import Expression
from ferro.query.inspecting import has_window, is_aggregated
from ferro.query.plans import Cache, InsertPlan, Plan, dumps_of
from ferro.query.sources import Source
from ferro.query.sqltext import Text, quote
from ferro.query.statements import (
    Delete,
    Derived,
    Insert,
    Join,
    Lock,
    Made,
    OnConflict,
    Select,
    Statement,
    Update,
    With,
)
from ferro.query.writer import Inline, Slot, Writer, column_label
from ferro.schema.table import Column
from ferro.types.base import ColumnType

cache = informing("statements")(Cache())


def compile(statement: Statement, dialect: Dialect, *, operation: str = "Fetch") -> Compiled:
    """The statement as `dialect` takes it; `operation` is the verb of an error: "Fetch", "Save"."""
    shape: list[Any] = [dialect, operation]
    values: list[Any] = []
    COLLECT[type(statement)](statement, shape, values, dialect.arrays)
    key = tuple(shape)
    plan = cache.get(key) or cache.put(key, make_plan(statement, dialect, operation, len(values)))
    return Compiled(plan.template, plan.params(values))


def compile_rest(
    known: Hashable, rest: Expression[bool], whole: Callable[[Expression[bool]], Statement], dialect: Dialect
) -> Compiled:
    """The same of a statement all of whose values are those of one condition: `known` stands for what is beside it."""
    shape: list[Any] = [dialect, known]
    values: list[Any] = []
    rest.collect(shape, values, dialect.arrays)
    key = tuple(shape)
    plan = cache.get(key) or cache.put(key, make_plan(whole(rest), dialect, "Fetch", len(values)))
    return Compiled(plan.template, plan.params(values))


def make_plan(statement: Statement, dialect: Dialect, operation: str, count: int, *, by_key: bool = False) -> Plan:
    if isinstance(statement, Insert):
        return make_insert_plan(statement, dialect, operation, by_key=by_key)
    template, ordered = template_of(statement, dialect, operation, by_key=by_key)
    plain = all(slot.convert is None for slot in ordered) and [slot.index for slot in ordered] == list(range(count))
    return Plan(template, None if plain else ordered)


def make_insert_plan(statement: Insert, dialect: Dialect, operation: str, *, by_key: bool = False) -> InsertPlan:
    template, _ = template_of(statement, dialect, operation, by_key=by_key)
    if dialect.rowids and asks_for_number(statement):
        unasked, _ = template_of(replace(statement, returning=()), dialect, operation, by_key=by_key)
        template.numbered = Numbered(unasked, (statement.source.table.name, statement.returning[0].name))
    model = statement.source.table.model
    return InsertPlan(template, len(statement.columns), dumps_of(statement.columns, model, dialect.name))


def asks_for_number(statement: Insert) -> bool:
    """Whether it is about one row, at most, and asks for nothing but the key that the database gives it."""
    if len(statement.rows) > 1 or (statement.conflict and statement.conflict.action is not OnConflict.NOTHING):
        return False
    return len(statement.returning) == 1 and statement.returning[0].autoincrement


def template_of(
    statement: Statement, dialect: Dialect, operation: str, *, by_key: bool = False
) -> tuple[Template, list[Slot]]:
    """The text of a statement, and what its parameters are made of, in their order."""
    marked, slots = render(statement, dialect)
    ordered: list[Slot] = []

    def placeholder(marker: re.Match[str]) -> str:
        ordered.append(slots[int(marker[1])])
        return dialect.placeholder.format(len(ordered))

    sql = MARKER.sub(placeholder, marked)
    template = Template(
        sql,
        fetches=isinstance(statement, Select) or gives_back(statement),
        writes=not isinstance(statement, Select) or statement.lock is not None,
        operation=operation,
        subject=subject(statement),
        secrets=frozenset(at for at, slot in enumerate(ordered) if slot.secret),
        by_key=by_key,
    )
    return template, ordered


def gives_back(statement: Insert | Update | Delete) -> bool:
    return bool(statement.returning) or (not isinstance(statement, Insert) and bool(statement.selected))


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
    for one in statement.ctes:
        shape += ("with", one.name, one.names, one.recursive)
        collect_members(one.members, one.operator, shape, values, arrays)
    if isinstance(source, Derived):
        shape += ("derived", source.alias, source.names)
        collect_all(statement.columns, shape, values, arrays)
        collect_select(source.select, shape, values, arrays)
    else:
        shape += ("select", source.key)
        if statement.columns is source.columns:
            shape.append("all")
        else:
            collect_all(statement.columns, shape, values, arrays)
        if isinstance(source, Made):
            source.collect(shape, values, arrays)
    for join in statement.joins:
        collect_join(join, shape, values, arrays)
    shape += (statement.distinct, statement.lock, statement.group_by)
    collect_all(statement.distinct_on, shape, values, arrays)
    collect_all(statement.where, shape, values, arrays)
    collect_all(statement.having, shape, values, arrays)
    shape.append(len(statement.order_by))
    for order in statement.order_by:
        order.collect(shape, values, arrays)
    for bound in (statement.limit, statement.offset):
        shape.append(bound is None)
        if bound is not None:
            values.append(bound)


def collect_members(
    members: Sequence[Select], operator: str, shape: list[Any], values: list[Any], arrays: bool
) -> None:
    shape += (operator, len(members))
    for member in members:
        collect_select(member, shape, values, arrays)


def collect_join(join: Join, shape: list[Any], values: list[Any], arrays: bool) -> None:
    source = join.source
    shape += ("left join" if join.outer else "join", join.single)
    if isinstance(source, Derived):
        shape += (source.alias, source.names)
        collect_select(source.select, shape, values, arrays)
    else:
        shape.append(source.key)
        if isinstance(source, Made):
            source.collect(shape, values, arrays)
    collect_all(join.on, shape, values, arrays)


def collect_insert(statement: Insert, shape: list[Any], values: list[Any], _arrays: bool) -> None:
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
    collect_all(statement.selected, shape, values, arrays)


def collect_delete(statement: Delete, shape: list[Any], values: list[Any], arrays: bool) -> None:
    shape += ("delete", statement.source.key, statement.returning)
    collect_all(statement.where, shape, values, arrays)
    collect_all(statement.selected, shape, values, arrays)


COLLECT: dict[type, Callable[[Any, list[Any], list[Any], bool], None]] = {
    Select: collect_select,
    Insert: collect_insert,
    Update: collect_update,
    Delete: collect_delete,
}


# Texts. PyPika puts statements together from operands that are finished already.


# Its PostgreSQL builder writes what SQLite reads as well: RETURNING and ON CONFLICT included.
PYPIKA: Any = PostgreSQLQuery


class Sql(Term):
    """Finished SQL, wherever PyPika takes a term."""

    def __init__(self, sql: str) -> None:
        super().__init__()
        self.sql = sql

    def get_sql(self, **options: Any) -> str:
        return self.sql

    def __str__(self) -> str:
        return self.sql


class From(PypikaTable):
    """What rows come from or go to: finished SQL, alias included."""

    def __init__(self, sql: str) -> None:
        super().__init__(sql)
        self.sql = sql

    def get_sql(self, **options: Any) -> str:
        return self.sql


class Target(Field):
    """A column as SET, INSERT and ON CONFLICT take it: quoted and unqualified."""

    def __init__(self, column: Column) -> None:
        super().__init__(column.name)
        self.sql = quote(column.name)

    def get_sql(self, **options: Any) -> str:
        return self.sql


# What a column becomes where it is compared with those of other selects.
InSet: TypeAlias = Callable[[Text, ColumnType | None], Text]


def render(statement: Statement, dialect: Dialect) -> tuple[str, list[Slot]]:
    """The text with its values marked, and the slot of each mark."""
    writer = Writer(dialect)
    sql = RENDER[type(statement)](writer, statement)
    return writer.with_names() + sql, writer.slots


def select(
    writer: Writer,
    statement: Select,
    names: tuple[str, ...] = (),
    form: InSet | None = None,
    like: Sequence[Expression[Any]] = (),
) -> str:
    """A select; `like` are the columns whose values its own stand among."""
    opening = defined(writer, statement.ctes)
    source = statement.source
    columns = [writer.write(column) for column in statement.columns]
    types = [column.type for column in statement.columns]
    if like:
        wanted = [column.type for column in like]
        columns = list(map(writer.kept_as, columns, types, wanted))
        types = [theirs or own for own, theirs in zip(types, wanted, strict=True)]
    if statement.distinct or statement.group_by:
        form = writer.compared
    if form is not None:
        columns = list(map(form, columns, types))
    origin = "".join((rows_of(writer, source), *(joined(writer, join) for join in statement.joins)))
    chosen = [text.sql for text in columns]
    if names:
        chosen = [f"{text} AS {quote(name)}" for text, name in zip(chosen, names, strict=True)]
    if statement.distinct_on:
        return opening + first_rows(writer, statement, origin, chosen, names)
    builder = PYPIKA.from_(From(origin)).select(Sql(", ".join(chosen)))
    if statement.distinct:
        builder = builder.distinct()
    builder = filtered(writer, builder, statement.where)
    if statement.group_by:
        # By position: the parameters of a repeated expression would make it another one.
        builder = builder.groupby(Sql(", ".join(map(str, statement.group_by))))
    if statement.having:
        if any(map(has_window, statement.having)):
            raise QueryError("having() comes before windows and cannot use over(): sort by it, or select it")
        builder = builder.having(Sql(writer.sql(tree.Logical("AND", statement.having))))
    if statement.order_by:
        builder = builder.orderby(Sql(", ".join(writer.order(order) for order in statement.order_by)))
    builder = bounded(writer, builder, statement)
    return opening + builder.get_sql() + (locking(statement.lock, writer.dialect) if statement.lock else "")


def bounded(writer: Writer, builder: Any, statement: Select) -> Any:
    if statement.limit is not None:
        builder = builder.limit(writer.mark(writer.take(), None, "limit", False).sql)
    elif statement.offset is not None and writer.dialect.limit_all:
        builder = builder.limit(writer.dialect.limit_all)
    if statement.offset is not None:
        builder = builder.offset(writer.mark(writer.take(), None, "offset", False).sql)
    return builder


def first_rows(writer: Writer, statement: Select, origin: str, chosen: list[str], names: tuple[str, ...]) -> str:
    """A select with the first of the rows that are equal in some columns: DISTINCT ON, or the rows numbered."""
    on = ", ".join(writer.compared(writer.write(one), one.type).sql for one in statement.distinct_on)
    rows = filtered(writer, PYPIKA.from_(From(origin)), statement.where)
    order = ", ".join(writer.order(order) for order in statement.order_by)
    distinct = writer.dialect.form("distinct on")
    if distinct is not None:
        builder = rows.select(Sql(f"{distinct.sql.format(on)} {', '.join(chosen)}"))
        builder = builder.orderby(Sql(order)) if order else builder
        return bounded(writer, builder, statement).get_sql()
    if not names:
        names = tuple(f"{at}" for at in range(1, len(chosen) + 1))
        chosen = [f"{text} AS {quote(name)}" for text, name in zip(chosen, names, strict=True)]
    number, place = (quote(unlike(name, names)) for name in ("number", "place"))
    by = f" ORDER BY {order}" if order else ""
    numbered = [f"ROW_NUMBER() OVER (PARTITION BY {on}{by}) AS {number}"]
    if order:
        numbered.append(f"ROW_NUMBER() OVER (ORDER BY {order}) AS {place}")
    inner = rows.select(Sql(", ".join((*chosen, *numbered)))).get_sql()
    builder = PYPIKA.from_(From(f"({inner}) AS {quote('first')}")).select(Sql(", ".join(map(quote, names))))
    builder = builder.where(Sql(f"{number} = 1"))
    builder = builder.orderby(Sql(place)) if order else builder
    return bounded(writer, builder, statement).get_sql()


def unlike(name: str, names: Sequence[str]) -> str:
    """A name that none of the others is, whatever their case."""
    taken = {other.lower() for other in names}
    while name in taken:
        name += "_"
    return name


def defined(writer: Writer, ctes: Sequence[With]) -> str:
    """The WITH in front of a select."""
    if not ctes:
        return ""
    recursive = "RECURSIVE " if any(one.recursive for one in ctes) else ""
    return f"WITH {recursive}{', '.join(definition(writer, one) for one in ctes)} "


def definition(writer: Writer, one: With) -> str:
    names = ", ".join(map(quote, one.names))
    return f"{quote(one.name)}({names}) AS ({members(writer, one.members, one.operator)})"


def members(writer: Writer, selects: Sequence[Select], operator: str, names: tuple[str, ...] = ()) -> str:
    """Selects joined by a set operation; the first one names the columns."""
    form = (writer.comparable if operator == "UNION ALL" else writer.compared) if operator else None
    texts: list[str] = []
    for statement in selects:
        text = select(writer, statement, () if texts else names, form, selects[0].columns)
        if operator and (
            statement.order_by or statement.limit is not None or statement.offset is not None or statement.ctes
        ):
            # Only the whole can be sorted and cut, and SQLite has no parentheses for a part of it.
            text = f"SELECT * FROM ({text}) AS {quote('part')}"
        texts.append(text)
    return f" {operator} ".join(texts)


def locking(lock: Lock, dialect: Dialect) -> str:
    if not dialect.locks:
        # A transaction that writes has the database for itself, so no row is locked by anyone else.
        if lock.nowait:
            raise QueryError(
                f"for_update(nowait=True) cannot be kept on {dialect.name}, where a transaction waits when it begins, "
                "before it reads a row: connect(busy_timeout=...) says for how long"
            )
        return ""
    of = f" OF {', '.join(map(quote, lock.of))}" if lock.of else ""
    return f" FOR UPDATE{of}{' SKIP LOCKED' if lock.skip_locked else ''}{' NOWAIT' if lock.nowait else ''}"


def rows_of(writer: Writer, source: Source | Derived) -> str:
    if isinstance(source, Derived):
        return f"({select(writer, source.select, source.names)}) AS {quote(source.alias)}"
    if isinstance(source, Made):
        return source.write(writer)
    writer.tables.add(source.table.name.lower())
    return from_item(source)


def joined(writer: Writer, join: Join) -> str:
    rows = rows_of(writer, join.source)
    on = writer.sql(tree.Logical("AND", join.on))
    look_up = writer.dialect.form("look up") if join.single else None
    if look_up is not None and isinstance(join.source, Source):
        columns = ", ".join(map(writer.sql, join.source.columns))
        return f" LEFT JOIN {look_up.sql.format(columns, rows, on, quote(join.source.name))}"
    return f" {'LEFT ' if join.outer else ''}JOIN {rows} ON {on}"


def from_item(source: Source) -> str:
    name = quote(source.table.name)
    return name if source.alias is None else f"{name} AS {quote(source.alias)}"


def filtered(writer: Writer, builder: Any, where: Sequence[Expression[Any]]) -> Any:
    if not where:
        return builder
    if any(map(is_aggregated, where)):
        raise QueryError(
            "where() looks at single rows and cannot use count, sum, avg, min or max: having() looks at groups"
        )
    if any(map(has_window, where)):
        raise QueryError("where() comes before windows and cannot use over(): sort by it, or select it")
    return builder.where(Sql(writer.sql(tree.Logical("AND", tuple(where)))))


def insert(writer: Writer, statement: Insert) -> str:
    table = From(from_item(statement.source))
    if statement.columns:
        builder = PYPIKA.into(table).columns(*(Target(column) for column in statement.columns))
        builder = builder.insert(*((Sql(row),) for row in value_rows(writer, statement)))
    elif len(statement.rows) == 1 and statement.conflict is None:
        return f"INSERT INTO {from_item(statement.source)} DEFAULT VALUES{returning_text(statement)}"
    else:
        first = statement.source.table.columns[0]
        default = Sql(writer.dialect.default_keyword or Inline(writer.dialect).default(first))
        builder = PYPIKA.into(table).columns(Target(first)).insert(*([(default,)] * len(statement.rows)))
    return returning(conflicting(builder, statement), statement).get_sql()


def value_rows(writer: Writer, statement: Insert) -> Iterator[str]:
    model = statement.source.table.model
    # The compiler converts whole columns: the slots only say whose values they are.
    facts = [(column_label(model, column), column.type.secret) for column in statement.columns]
    for _ in statement.rows:
        yield ", ".join(writer.mark(writer.take(), None, label, secret).sql for label, secret in facts)


def conflicting(builder: Any, statement: Insert) -> Any:
    conflict = statement.conflict
    if conflict is None:
        return builder
    builder = builder.on_conflict(*(Target(column) for column in conflict.key))
    if conflict.action is OnConflict.NOTHING or not conflict.update:
        return builder.do_nothing()
    for column in conflict.update:
        if column.version:
            # The row that is there is changed: its version is counted on, not replaced by that of a new one.
            counted = f"{quote(statement.source.name)}.{quote(column.name)} + 1"
            builder = builder.do_update(Target(column), Sql(counted))
        else:
            builder = builder.do_update(Target(column))
    return builder


def update(writer: Writer, statement: Update) -> str:
    if writer.dialect.updates_in_place and looks_at_itself(statement, writer.dialect):
        return update_at_once(writer, statement)
    return update_in_place(writer, statement)


def looks_at_itself(statement: Update, dialect: Dialect) -> bool:
    """Whether a query inside an update reads the rows that it changes."""
    writer = Writer(dialect)
    update_in_place(writer, statement)
    return statement.source.table.name.lower() in writer.tables


def update_in_place(writer: Writer, statement: Update) -> str:
    builder = PYPIKA.update(From(from_item(statement.source)))
    for column, expression in statement.values:
        text = writer.assigned(expression, tree.ColumnRef[Any](statement.source, column))
        builder = builder.set(Target(column), Sql(text.sql))
    return changing(writer, builder, statement)


def update_at_once(writer: Writer, statement: Update) -> str:
    """An update whose rows and values are all known before the first one is changed."""
    source = statement.source
    key = [quote(column.name) for column in source.table.primary_key] or ["_rowid_"]
    own, new = quote(source.name), quote("changed")
    assigned = [writer.assigned(value, tree.ColumnRef[Any](source, column)).sql for column, value in statement.values]
    columns = [*(f"{own}.{name}" for name in key), *assigned]
    chosen = ", ".join(f"{column} AS {quote(str(at))}" for at, column in enumerate(columns))
    rows = filtered(writer, PYPIKA.from_(From(from_item(source))).select(Sql(chosen)), statement.where).get_sql()
    builder = PYPIKA.update(From(from_item(source)))
    for at, (column, _) in enumerate(statement.values, len(key)):
        builder = builder.set(Target(column), Sql(f"{new}.{quote(str(at))}"))
    matched = " AND ".join(f"{own}.{name} = {new}.{quote(str(at))}" for at, name in enumerate(key))
    return given_back(writer, builder.from_(From(f"({rows}) AS {new}")).where(Sql(matched)), statement)


def delete(writer: Writer, statement: Delete) -> str:
    builder = PYPIKA.from_(From(from_item(statement.source))).delete()
    return changing(writer, builder, statement)


def changing(writer: Writer, builder: Any, statement: Update | Delete) -> str:
    return given_back(writer, filtered(writer, builder, statement.where), statement)


def given_back(writer: Writer, builder: Any, statement: Update | Delete) -> str:
    if statement.selected:
        # PyPika would look for columns of its own in what is returned.
        return f"{builder.get_sql()} RETURNING {', '.join(writer.sql(column) for column in statement.selected)}"
    return returning(builder, statement).get_sql()


def returning(builder: Any, statement: Insert | Update | Delete) -> Any:
    return builder.returning(Sql(returned(statement))) if statement.returning else builder


def returning_text(statement: Insert) -> str:
    return f" RETURNING {returned(statement)}" if statement.returning else ""


def returned(statement: Insert | Update | Delete) -> str:
    name = quote(statement.source.name)
    return ", ".join(f"{name}.{quote(column.name)}" for column in statement.returning)


RENDER: dict[type, Callable[[Writer, Any], str]] = {
    Select: select,
    Insert: insert,
    Update: update,
    Delete: delete,
}
