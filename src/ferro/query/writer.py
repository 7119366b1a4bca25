"""Expressions and statements as SQL text, with every value marked for the compiler to number.

ferro writes expressions itself, with parentheses by precedence; PyPika puts statements together.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pypika.dialects import PostgreSQLQuery
from pypika.queries import Table as PypikaTable
from pypika.terms import Field, Term

from ferro.errors import ModelDefinitionError
from ferro.query import expressions as tree
from ferro.query.dialect import Dialect, Form
from ferro.query.expressions import Expression
from ferro.query.sqltext import AND, ATOM, COMPARE, CONCAT, NEGATIVE, NOT, OR, PRODUCT, SUM, Text, quote, within
from ferro.query.statements import Delete, Derived, Insert, OnConflict, Select, Statement, Update
from ferro.schema.table import Column
from ferro.types.base import ColumnType, Convert, Stored

LEVELS = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "//": PRODUCT, "%": PRODUCT, "||": CONCAT}
TEXTS = ("text", "varchar", "character", "char", "citext")


@dataclass(frozen=True, slots=True)
class Slot:
    """A parameter: which of the collected values it is, and what becomes of it on the way."""

    index: int
    convert: Convert | None
    label: str
    secret: bool


class Writer:
    """Writes the expressions of one statement; meets the values in the order they were collected."""

    def __init__(self, dialect: Dialect, *, qualified: bool = True) -> None:
        self.dialect = dialect
        self.qualified = qualified
        self.slots: list[Slot] = []
        self.next = 0

    # Values.

    def take(self) -> int:
        """The number of the next collected value."""
        self.next += 1
        return self.next - 1

    def mark(self, index: int, convert: Convert | None, label: str, secret: bool) -> Text:
        self.slots.append(Slot(index, convert, label, secret))
        return Text(f"\0{len(self.slots) - 1}\0", ATOM)

    def parameter(self, value: tree.Value[Any], form: Form | None = None) -> Text:
        """A value, by itself: whatever stands beside it says what type it has."""
        convert = chained(form.convert if form else None, self.stored(value.type).dump)
        return self.mark(self.take(), convert, blame(value), value.secret)

    def stored(self, type: ColumnType) -> Stored:
        return type.stored[self.dialect.name]

    # Expressions.

    def write(self, node: Expression[Any]) -> Text:
        return WRITE[type(node)](self, node)

    def sql(self, node: Expression[Any]) -> str:
        return self.write(node).sql

    def beside(self, node: Expression[Any], other: Expression[Any]) -> Text:
        """An operand whose type the other operand tells."""
        if isinstance(node, tree.Value) and not isinstance(other, tree.Value):
            return self.parameter(node)
        return self.write(node)

    def compared(self, text: Text, type: ColumnType | None) -> Text:
        """A value where it is compared or sorted: under the collation its type needs."""
        collation = self.stored(type).collation if type else None
        return Text(f"{within(text, ATOM)} COLLATE {quote(collation)}", ATOM) if collation else text

    def value(self, node: tree.Value[Any]) -> Text:
        """A value with nothing beside it that tells its type."""
        text = self.parameter(node)
        needed = self.dialect.bare.get(node.kind)
        return Text(f"CAST({text.sql} AS {needed})", ATOM) if needed else text

    def column(self, node: tree.ColumnRef[Any]) -> Text:
        name = quote(node.column.name)
        return Text(f"{quote(node.source.name)}.{name}" if self.qualified else name, ATOM)

    def excluded(self, node: tree.Excluded[Any]) -> Text:
        return Text(f"excluded.{quote(node.column.name)}", ATOM)

    def number(self, node: tree.Number) -> Text:
        return Text(str(int(node.value)), ATOM)

    def now(self, node: tree.Now[Any]) -> Text:
        return Text(self.dialect.clock["datetime"], ATOM)

    def comparison(self, node: tree.Comparison) -> Text:
        left, right = self.matched(node.left, node.right)
        return Text(f"{within(left, CONCAT)} {node.operator} {within(right, CONCAT)}", COMPARE)

    def matched(self, first: Expression[Any], second: Expression[Any]) -> tuple[Text, Text]:
        """Two operands in a form in which this database compares them rightly."""
        left = self.beside(first, second)
        right = self.beside(second, first)
        form = self.dialect.form(f"compare:{first.kind}:{second.kind}")
        if form is not None and first.kind != second.kind:
            left, right = Text(filled(form, left), ATOM), Text(filled(form, right), ATOM)
            deciding = first.type if form.sql else None
        else:
            deciding = first.type or second.type
        if deciding is None:
            return left, right
        needed = self.dialect.form(f"compare:{self.stored(deciding).name}")
        if needed is not None:
            left, right = Text(filled(needed, left), ATOM), Text(filled(needed, right), ATOM)
        return self.compared(left, deciding), right

    def logical(self, node: tree.Logical) -> Text:
        if len(node.operands) == 1:
            return self.write(node.operands[0])
        level = AND if node.operator == "AND" else OR
        return Text(f" {node.operator} ".join(within(self.write(part), level + 1) for part in node.operands), level)

    def negation(self, node: tree.Not) -> Text:
        return Text(f"NOT {within(self.write(node.operand), ATOM)}", NOT)

    def is_null(self, node: tree.IsNull) -> Text:
        return Text(f"{within(self.write(node.operand), CONCAT)} IS {'NOT ' if node.negated else ''}NULL", COMPARE)

    def in_list(self, node: tree.In) -> Text:
        operand = self.compared(self.write(node.operand), node.operand.type)
        if not node.items:
            return Text("1=1" if node.negated else "1=0", COMPARE)
        first = node.items[0]
        dump = self.stored(first.type).dump
        left = within(operand, CONCAT)
        word = "NOT IN" if node.negated else "IN"
        if self.dialect.arrays:
            listed = self.mark(self.take(), each(dump), blame(first), first.secret)
            form = self.dialect.form(f"array:{self.stored(first.type).name}", f"array:{first.kind}", "array")
            array = filled(form, listed) if form else listed.sql
            return Text(f"{left} {'<> ALL' if node.negated else '= ANY'}({array})", COMPARE)
        if node.json:
            listed = self.mark(self.take(), as_json(dump), blame(first), first.secret)
            return Text(f"{left} {word} (SELECT value FROM json_each({listed.sql}))", COMPARE)
        marks = [self.mark(self.take(), dump, blame(first), first.secret).sql for _ in range(node.width)]
        return Text(f"{left} {word} ({', '.join(marks)})", COMPARE)

    def between(self, node: tree.Between) -> Text:
        operand = self.compared(self.write(node.operand), node.operand.type)
        low = self.beside(node.low, node.operand)
        high = self.beside(node.high, node.operand)
        return Text(f"{within(operand, CONCAT)} BETWEEN {within(low, CONCAT)} AND {within(high, CONCAT)}", COMPARE)

    def like(self, node: tree.Like) -> Text:
        operand = self.as_text(self.write(node.operand), node.operand)
        if isinstance(node.pattern, tree.Value):
            form = self.dialect.forms[node.match]
            return Text(filled(form, operand, self.parameter(node.pattern, form), level=CONCAT), COMPARE)
        pattern = self.as_text(self.write(node.pattern), node.pattern)
        return Text(filled(self.dialect.forms[f"{node.match}:column"], operand, pattern, level=CONCAT), COMPARE)

    def as_text(self, text: Text, node: Expression[Any]) -> Text:
        """A text operand as plain text, where the column is of a type of its own (a native enum)."""
        name = self.stored(node.type).name if node.type else "text"
        form = self.dialect.form("text")
        return Text(filled(form, text), ATOM) if form and not name.startswith(TEXTS) else text

    # Calculating.

    def arithmetic(self, node: tree.Arithmetic[Any]) -> Text:
        left, right = self.write(node.left), self.write(node.right)
        function = self.stored(node.type).functions.get(node.operator) if node.type else None
        if function is not None:
            if node.operator in ("/", "%"):
                right = self.not_zero(right, node.right)
            return Text(f"{quote(function)}({left.sql}, {right.sql})", ATOM)
        if node.operator == "||":
            left, right = self.as_text(left, node.left), self.as_text(right, node.right)
        if node.operator in ("/", "//", "%"):
            right = self.not_zero(right, node.right)
        if node.operator == "/" and "float" not in (node.left.kind, node.right.kind) and node.kind == "float":
            left = Text(f"CAST({left.sql} AS {self.dialect.casts['float']})", ATOM)
        level = LEVELS[node.operator]
        operator = "/" if node.operator == "//" else node.operator
        return Text(f"{within(left, level)} {operator} {within(right, level + 1)}", level)

    def not_zero(self, text: Text, node: Expression[Any]) -> Text:
        """A divisor: null instead of zero, so that dividing by zero gives null on every database."""
        form = self.dialect.form(f"divisor:{node.kind}", "divisor")
        return Text(filled(form, text), ATOM) if form else text

    def negative(self, node: tree.Negative[Any]) -> Text:
        text = self.write(node.operand)
        function = self.stored(node.type).functions.get("negate") if node.type else None
        if function is not None:
            return Text(f"{quote(function)}({text.sql})", ATOM)
        return Text(f"-{within(text, ATOM)}", NEGATIVE)

    def function(self, node: tree.Function[Any]) -> Text:
        first = node.arguments[0] if node.arguments else None
        if node.name == "coalesce" and first is not None:
            arguments = [self.sql(first), *(self.beside(other, first).sql for other in node.arguments[1:])]
        else:
            arguments = [self.sql(argument) for argument in node.arguments]
        own = self.stored(first.type).functions.get(node.name.lower()) if first is not None and first.type else None
        if own is not None:
            return Text(f"{quote(own)}({', '.join(arguments)})", ATOM)
        form = self.dialect.form(f"function:{node.name}")
        name = form.sql if form else node.name
        return Text(f"{name}({', '.join(arguments)})", ATOM)

    def cast(self, node: tree.Cast[Any]) -> Text:
        operand = self.write(node.operand)
        form = self.dialect.form(f"cast:{node.operand.kind}:{node.kind}")
        if form is not None:
            return Text(filled(form, operand), ATOM)
        return Text(f"CAST({operand.sql} AS {self.dialect.casts[node.kind]})", ATOM)

    def aggregate(self, node: tree.Aggregate[Any]) -> Text:
        if node.operand is None:
            return Text("COUNT(*)", ATOM)
        operand = self.write(node.operand)
        of = node.operand.type
        function = self.stored(of).functions.get(node.name) if of else None
        if node.distinct or (function is None and node.name in ("min", "max")):
            operand = self.compared(operand, of)
        inner = f"{'DISTINCT ' if node.distinct else ''}{operand.sql}"
        call = f"{quote(function)}({inner})" if function else f"{node.name.upper()}({inner})"
        form = self.dialect.form(f"{node.name}:{node.operand.kind}")
        return Text(filled(form, Text(call, ATOM)) if form else call, ATOM)

    def order(self, node: tree.Order) -> str:
        text = self.compared(self.write(node.expression), node.expression.type)
        sql = text.sql + (" DESC" if node.descending else "")
        if node.nulls == "native" or never_null(node.expression):
            return sql
        natural = "first" if self.dialect.nulls_are_smallest != node.descending else "last"
        return sql if node.nulls == natural else f"{sql} NULLS {node.nulls.upper()}"


WRITE: dict[type, Callable[[Writer, Any], Text]] = {
    tree.ColumnRef: Writer.column,
    tree.Value: Writer.value,
    tree.Number: Writer.number,
    tree.Excluded: Writer.excluded,
    tree.Now: Writer.now,
    tree.Comparison: Writer.comparison,
    tree.Logical: Writer.logical,
    tree.Not: Writer.negation,
    tree.IsNull: Writer.is_null,
    tree.In: Writer.in_list,
    tree.Between: Writer.between,
    tree.Like: Writer.like,
    tree.Arithmetic: Writer.arithmetic,
    tree.Negative: Writer.negative,
    tree.Function: Writer.function,
    tree.Cast: Writer.cast,
    tree.Aggregate: Writer.aggregate,
}


def filled(form: Form, *operands: Text, level: int = ATOM) -> str:
    """A form with its operands in place, in parentheses where they bind more loosely than `level`."""
    return form.sql.format(*(within(operand, level) for operand in operands))


def never_null(node: Expression[Any]) -> bool:
    """Whether nulls cannot come up, so that an index serves the sort as it is."""
    return isinstance(node, tree.ColumnRef) and (node.column.primary_key or not node.column.nullable)


def blame(value: tree.Value[Any]) -> str:
    """The model and column an unfit value was meant for."""
    against = value.against
    if isinstance(against, tree.ColumnRef):
        return column_label(against.source.table.model, against.column)
    return value.label


def column_label(model: type, column: Column) -> str:
    return f"{model.__name__}.{column.field}"


def chained(first: Convert | None, second: Convert | None) -> Convert | None:
    if first is None or second is None:
        return first or second
    return lambda value: second(first(value))


def each(dump: Convert | None) -> Convert | None:
    return None if dump is None else lambda values: [dump(value) for value in values]


def as_json(dump: Convert | None) -> Convert:
    return lambda values: json.dumps(values if dump is None else [dump(value) for value in values], ensure_ascii=False)


# Statements, put together by PyPika from texts that are finished already.


class Sql(Term):
    """Finished SQL, wherever PyPika takes a term."""

    def __init__(self, sql: str) -> None:
        super().__init__()
        self.sql = sql

    def get_sql(self, **options: Any) -> str:
        return self.sql

    def __str__(self) -> str:
        return self.sql


class Named(PypikaTable):
    """A table by its quoted name, alias included."""

    def __init__(self, source: tree.Source) -> None:
        super().__init__(source.table.name)
        self.sql = from_item(source)

    def get_sql(self, **options: Any) -> str:
        return self.sql


class Target(Field):
    """A column as SET, INSERT and ON CONFLICT take it: quoted and unqualified."""

    def __init__(self, column: Column) -> None:
        super().__init__(column.name)
        self.sql = quote(column.name)

    def get_sql(self, **options: Any) -> str:
        return self.sql


def render(statement: Statement, dialect: Dialect) -> tuple[str, list[Slot]]:
    """The text with its values marked, and the slot of each mark."""
    writer = Writer(dialect)
    return RENDER[type(statement)](writer, statement), writer.slots


def select(writer: Writer, statement: Select) -> str:
    source = statement.source
    columns = [writer.write(column) for column in statement.columns]
    if statement.distinct:
        pairs = zip(columns, statement.columns, strict=True)
        columns = [writer.compared(text, column.type) for text, column in pairs]
    if isinstance(source, Derived):
        origin = f"({select(writer, source.select)}) AS {quote(source.alias)}"
    else:
        origin = from_item(source)
    builder: Any = PostgreSQLQuery.from_(Sql(origin)).select(Sql(", ".join(text.sql for text in columns)))
    if statement.distinct:
        builder = builder.distinct()
    builder = filtered(writer, builder, statement.where)
    if statement.order_by:
        builder = builder.orderby(Sql(", ".join(writer.order(order) for order in statement.order_by)))
    if statement.limit is not None:
        builder = builder.limit(writer.mark(writer.take(), None, "limit", False).sql)
    elif statement.offset is not None and writer.dialect.limit_all:
        builder = builder.limit(writer.dialect.limit_all)
    if statement.offset is not None:
        builder = builder.offset(writer.mark(writer.take(), None, "offset", False).sql)
    if statement.lock and writer.dialect.locks:
        builder = builder.for_update()
    return builder.get_sql()


def from_item(source: tree.Source) -> str:
    name = quote(source.table.name)
    return name if source.alias is None else f"{name} AS {quote(source.alias)}"


def filtered(writer: Writer, builder: Any, where: Sequence[Expression[Any]]) -> Any:
    if not where:
        return builder
    return builder.where(Sql(writer.sql(tree.Logical("AND", tuple(where)))))


def insert(writer: Writer, statement: Insert) -> str:
    table = Named(statement.source)
    if statement.columns:
        builder: Any = PostgreSQLQuery.into(table).columns(*(Target(column) for column in statement.columns))
        builder = builder.insert(*((Sql(row),) for row in value_rows(writer, statement)))
    elif len(statement.rows) == 1 and statement.conflict is None:
        return f"INSERT INTO {from_item(statement.source)} DEFAULT VALUES{returning_text(statement)}"
    else:
        first = statement.source.table.columns[0]
        default = Sql(Inline(writer.dialect).default(first))
        builder = PostgreSQLQuery.into(table).columns(Target(first)).insert(*([(default,)] * len(statement.rows)))
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
        builder = builder.do_update(Target(column))
    return builder


def update(writer: Writer, statement: Update) -> str:
    builder: Any = PostgreSQLQuery.update(Named(statement.source))
    for column, expression in statement.values:
        text = writer.parameter(expression) if isinstance(expression, tree.Value) else writer.write(expression)
        builder = builder.set(Target(column), Sql(text.sql))
    return returning(filtered(writer, builder, statement.where), statement).get_sql()


def delete(writer: Writer, statement: Delete) -> str:
    builder: Any = PostgreSQLQuery.from_(Named(statement.source)).delete()
    return returning(filtered(writer, builder, statement.where), statement).get_sql()


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


class Inline(Writer):
    """Writes values into the text, for DDL, which takes no parameters."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect, qualified=False)

    def literal(self, value: Any, type: ColumnType, form: Form | None = None) -> str:
        """A value as the database would read it back, and nothing but a value."""
        if value is None:
            return "NULL"
        convert = chained(form.convert if form else None, self.stored(type).dump)
        return literal(value if convert is None else convert(value), self.dialect)

    def parameter(self, value: tree.Value[Any], form: Form | None = None) -> Text:
        return Text(self.literal(value.value, value.type, form), ATOM)

    def in_list(self, node: tree.In) -> Text:
        if not node.items:
            return super().in_list(node)
        operand = self.compared(self.write(node.operand), node.operand.type)
        listed = ", ".join(self.literal(item.value, item.type) for item in node.items)
        return Text(f"{within(operand, CONCAT)} {'NOT IN' if node.negated else 'IN'} ({listed})", COMPARE)

    def default(self, column: Column) -> str:
        """What a column gets when a row leaves it out."""
        default = column.default
        if default is None:
            return "NULL"
        if isinstance(default, tree.Now):
            return self.dialect.clock[column.type.kind]
        if isinstance(default, Expression):
            return within(self.write(default), ATOM)
        try:
            return self.literal(column.type.accept(default), column.type)
        except ValueError as error:
            raise ModelDefinitionError(f"the default of {column.field} cannot be stored: {error}") from None


def literal(value: Any, dialect: Dialect) -> str:
    """A driver value written as SQL; what has no such form is refused."""
    if value is None:
        return "NULL"
    for kind in type(value).__mro__:
        write = dialect.literals.get(kind)
        if write is not None:
            return write(value)
    raise ModelDefinitionError(f"{value!r} cannot be written into a table definition on {dialect.name}")
