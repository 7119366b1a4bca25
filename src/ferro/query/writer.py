"""Expressions as SQL text, parenthesised by precedence, with every value marked for the compiler to number."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from ferro.errors import ModelDefinitionError, QueryError
from ferro.query import expressions as tree
from ferro.query.dialect import Dialect, Form
from ferro.query.expressions import Expression, is_expression
from ferro.query.sources import Joined
from ferro.query.sqltext import AND, ATOM, COMPARE, CONCAT, NEGATIVE, NOT, OR, PRODUCT, SUM, Text, quote, within
from ferro.query.statements import Made
from ferro.schema.table import Column
from ferro.types.base import ColumnType, Convert, Stored

OPERATORS = {"==": "=", "!=": "<>"}
LEVELS = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "//": PRODUCT, "%": PRODUCT, "||": CONCAT}
TEXTS = ("text", "varchar", "character", "char", "citext")


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A parameter: which of the collected values it is, and what becomes of it on the way."""

    index: int
    convert: Convert | None
    label: str
    secret: bool


class Written(Protocol):
    """An expression of a file of its own, which knows how it is written."""

    def write(self, writer: "Writer", /) -> Text: ...


class Writer:
    """Writes the expressions of one statement; meets the values in the order they were collected."""

    def __init__(self, dialect: Dialect, *, qualified: bool = True) -> None:
        self.dialect = dialect
        self.qualified = qualified
        self.slots: list[Slot] = []
        self.next = 0
        # Rows that have a name in the whole statement: what defines them, and whether they refer to themselves.
        self.named: dict[str, str] = {}
        self.being_named: list[str] = []
        self.recursive = False
        self.tables: set[str] = set()

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
        convert = chained(self.stored(value.type).dump, form.convert if form else None)
        return self.mark(self.take(), convert, blame(value), value.secret)

    def stored(self, type: ColumnType) -> Stored:
        return type.stored[self.dialect.name]

    def with_names(self) -> str:
        """The WITH in front of a statement that uses rows by a name."""
        for name in self.named:
            if name.lower() in self.tables:
                raise QueryError(f"cte({name!r}) has the name of a table this query reads: give it another name")
        if not self.named:
            return ""
        return f"WITH {'RECURSIVE ' if self.recursive else ''}{', '.join(self.named.values())} "

    # Expressions.

    def write(self, node: Expression[Any]) -> Text:
        write = WRITE.get(type(node))
        return cast(Written, node).write(self) if write is None else write(self, node)

    def sql(self, node: Expression[Any]) -> str:
        return self.write(node).sql

    def beside(self, node: Expression[Any], other: Expression[Any]) -> Text:
        """An operand whose type the other operand tells."""
        if isinstance(node, tree.Value) and not isinstance(other, tree.Value):
            return self.parameter(node)
        if isinstance(node, tree.Now) and other.type is not None:
            return Text(self.clock(other.type), ATOM)
        return self.write(node)

    def assigned(self, node: Expression[Any], target: tree.ColumnRef[Any]) -> Text:
        """What a column is set to: a calculated value is checked where the database keeps whatever comes out."""
        text = self.alike(node, target)
        as_it_is = isinstance(node, tree.Value) or (
            isinstance(node, tree.ColumnRef) and self.stored(node.type).name == self.stored(target.type).name
        )
        return text if as_it_is else self.checked(text, target.type)

    def alike(self, node: Expression[Any], other: Expression[Any]) -> Text:
        """An operand in the form in which the other operand's type is kept."""
        text = self.beside(node, other)
        return text if isinstance(node, (tree.Value, tree.Now)) else self.kept_as(text, node.type, other.type)

    def kept_as(self, text: Text, type: ColumnType | None, other: ColumnType | None) -> Text:
        """A value of one type in the form in which another one is kept, where both are the same to Python."""
        form = (
            self.dialect.form(f"assigned:{self.stored(type).name}:{self.stored(other).name}")
            if type and other
            else None
        )
        return Text(filled(form, text), ATOM) if form else text

    def checked(self, text: Text, type: ColumnType | None) -> Text:
        """A calculated value, refused when it is none of its type, where the database would go on with it."""
        check = self.stored(type).functions.get("checked") if type else None
        return Text(f"{quote(check)}({text.sql})", ATOM) if check else text

    def compared(self, text: Text, type: ColumnType | None) -> Text:
        """A value where it is compared or sorted: under the collation its type needs."""
        collation = self.stored(type).collation if type else None
        text = self.comparable(text, type)
        return Text(f"{within(text, ATOM)} COLLATE {quote(collation)}", ATOM) if collation else text

    def comparable(self, text: Text, type: ColumnType | None) -> Text:
        """A value as a type that can be compared, where its own cannot."""
        form = self.dialect.form(f"comparable:{self.stored(type).name}") if type else None
        return Text(filled(form, text), ATOM) if form else text

    def value(self, node: tree.Value[Any]) -> Text:
        """A value with nothing beside it that tells its type."""
        text = self.parameter(node)
        needed = self.dialect.bare.get(node.kind)
        if node.type.item is not None and self.dialect.bare:
            needed = self.stored(node.type).name
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

    def clock(self, type: ColumnType) -> str:
        """The current time as a column of this type has it."""
        known = self.dialect.clock
        return known.get(self.stored(type).name) or known.get(type.kind) or known["datetime"]

    def comparison(self, node: tree.Comparison) -> Text:
        left, right = self.matched(node.left, node.right)
        operator = OPERATORS.get(node.operator, node.operator)
        return Text(f"{within(left, CONCAT)} {operator} {within(right, CONCAT)}", COMPARE)

    def matched(self, first: Expression[Any], second: Expression[Any]) -> tuple[Text, Text]:
        """Two operands in a form in which this database compares them rightly."""
        left = self.unindexed(self.beside(first, second), first)
        right = self.unindexed(self.beside(second, first), second)
        one, other = first.type, second.type
        if one is None or other is None:
            return self.compared(left, one or other), right
        form = self.dialect.form(
            f"compare:{one.kind}:{other.kind}", f"stored:{self.stored(one).name}:{self.stored(other).name}"
        )
        if form is not None:
            left, right = Text(filled(form, left), ATOM), Text(filled(form, right), ATOM)
        if not isinstance(second, tree.Value):
            right = self.comparable(right, other)
        return (left if "float" in (one.kind, other.kind) else self.compared(left, decimal_of(one, other))), right

    def unindexed(self, text: Text, node: Expression[Any]) -> Text:
        """A column of rows that a query made, kept from an index where a collation compares it."""
        # SQLite may index such rows for a join. Before 3.41 it also filters them by a hash of the value, which knows
        # no collation: 1.0 would not find 1.00.
        made = isinstance(node, tree.ColumnRef) and isinstance(node.source, Made)
        if made and node.type is not None and self.stored(node.type).collation:
            return Text(f"+{text.sql}", NEGATIVE)
        return text

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
        if node.sample is None:
            return Text("1=1" if node.negated else "1=0", COMPARE)
        return Text(f"{within(operand, CONCAT)} {self.members(node, node.sample)}", COMPARE)

    def members(self, node: tree.In, sample: tree.Value[Any]) -> str:
        """The right side of IN, with as few placeholders as this database can do with."""
        stored = self.stored(sample.type)
        if self.dialect.arrays:
            listed = self.mark(self.take(), each(stored), blame(sample), sample.secret)
            form = self.dialect.form(f"array:{stored.name}", f"array:{sample.kind}")
            array = filled(form, listed) if form else listed.sql
            return f"{'<> ALL' if node.negated else '= ANY'}({array})"
        if node.json:
            listed = self.mark(self.take(), as_json(stored), blame(sample), sample.secret)
            return f"{node.operator} (SELECT value FROM json_each({listed.sql}))"
        marks = [self.mark(self.take(), stored.dump, blame(sample), sample.secret).sql for _ in range(node.width)]
        return f"{node.operator} ({', '.join(marks)})"

    def between(self, node: tree.Between) -> Text:
        operand = self.compared(self.write(node.operand), node.operand.type)
        low = self.alike(node.low, node.operand)
        high = self.alike(node.high, node.operand)
        return Text(f"{within(operand, CONCAT)} BETWEEN {within(low, CONCAT)} AND {within(high, CONCAT)}", COMPARE)

    def like(self, node: tree.Like) -> Text:
        operand, form = self.as_text(self.write(node.operand), node.operand), self.matching(node.form)
        if isinstance(node.pattern, tree.Value):
            pattern = self.parameter(node.pattern, form)
        else:
            pattern = self.as_text(self.write(node.pattern), node.pattern)
        return Text(filled(form, operand, pattern, level=CONCAT), COMPARE)

    def matching(self, name: str) -> Form:
        form = self.dialect.form(name, name.removesuffix(":long"))
        if form is None:
            raise QueryError(
                f"{self.dialect.name} has no regular expressions, which {name.partition(':')[0]}() needs: "
                "use like(), ilike(), startswith(), endswith() or contains()"
            )
        return form

    def as_text(self, text: Text, node: Expression[Any]) -> Text:
        """A text operand as plain text, where the column is of a type of its own (a native enum)."""
        name = self.stored(node.type).name if node.type else "text"
        form = self.dialect.form("text")
        return Text(filled(form, text), ATOM) if form and not name.startswith(TEXTS) else text

    # Calculating.

    def arithmetic(self, node: tree.Arithmetic[Any]) -> Text:
        left, right = self.write(node.left), self.write(node.right)
        if node.operator == "%":
            # SQLite would cut an operand that has left 64 bits to fit them.
            left, right = self.checked_part(left, node.left), self.checked_part(right, node.right)
        function = self.stored(node.type).functions.get(node.operator) if node.type else None
        if function is not None:
            if node.operator in ("/", "//", "%"):
                right = self.not_zero(right, node.kind)
            return Text(f"{quote(function)}({left.sql}, {right.sql})", ATOM)
        if node.operator == "||":
            left, right = self.as_text(left, node.left), self.as_text(right, node.right)
        if node.operator in ("/", "//", "%"):
            right = self.not_zero(right, node.right.kind)
        form = self.dialect.form(f"{node.operator}:{node.kind}")
        if form is not None:
            return Text(filled(form, left, right, level=OR), ATOM)
        if node.operator == "/" and "float" not in (node.left.kind, node.right.kind) and node.kind == "float":
            left = Text(f"CAST({left.sql} AS {self.dialect.casts['float']})", ATOM)
        level = LEVELS[node.operator]
        operator = "/" if node.operator == "//" else node.operator
        return Text(f"{within(left, level)} {operator} {within(right, level + 1)}", level)

    def checked_part(self, text: Text, node: Expression[Any]) -> Text:
        return self.checked(text, node.type) if isinstance(node, (tree.Arithmetic, tree.Negative)) else text

    def not_zero(self, text: Text, kind: str) -> Text:
        """A divisor: null instead of zero, so that dividing by zero gives null on every database."""
        form = self.dialect.form(f"divisor:{kind}", "divisor")
        return Text(filled(form, text, level=OR), ATOM) if form else text

    def negative(self, node: tree.Negative[Any]) -> Text:
        text = self.write(node.operand)
        function = self.stored(node.type).functions.get("negative") if node.type else None
        if function is not None:
            return Text(f"{quote(function)}({text.sql})", ATOM)
        return Text(f"-{within(text, ATOM)}", NEGATIVE)

    def function(self, node: tree.Function[Any]) -> Text:
        first = node.arguments[0] if node.arguments else None
        if node.name == "coalesce" and first is not None:
            arguments = [self.sql(first), *(self.alike(other, first).sql for other in node.arguments[1:])]
        else:
            arguments = [self.argument(argument) for argument in node.arguments]
        own = self.stored(first.type).functions.get(node.name.lower()) if first is not None and first.type else None
        if own is not None:
            return Text(f"{quote(own)}({', '.join(arguments)})", ATOM)
        form = self.dialect.form(f"function:{node.name.lower()}")
        name = form.sql if form else node.name
        return Text(f"{name}({', '.join(arguments)})", ATOM)

    def argument(self, node: Expression[Any]) -> str:
        # A whole number is as wide as its value: round(numeric, integer) takes no bigint.
        if isinstance(node, tree.Value) and node.kind == "int":
            return self.parameter(node).sql
        return self.sql(node)

    def cast(self, node: tree.Cast[Any]) -> Text:
        operand = self.comparable(self.write(node.operand), node.operand.type)
        form = self.dialect.form(f"cast:{node.operand.kind}:{node.kind}")
        if form is not None:
            return Text(filled(form, operand), ATOM)
        return Text(f"CAST({operand.sql} AS {self.dialect.casts[node.kind]})", ATOM)

    def aggregate(self, node: tree.Aggregate[Any], over: tree.Over[Any] | None = None) -> Text:
        if node.operand is None:
            return Text(f"COUNT(*){self.filter(node)}{self.window(over)}", ATOM)
        operand = self.write(node.operand)
        of = node.operand.type
        function = self.stored(of).functions.get(node.name) if of else None
        if over is not None and node.name in ("min", "max"):
            # A function of ferro's would have to forget rows; the database's own compares by collation.
            function = None
        if node.distinct or (function is None and node.name in ("min", "max")):
            operand = self.compared(operand, of)
        if function is not None and over is not None:
            self.must_hold_the_row(over)
            if node.filter is not None:
                operand = Text(f"CASE WHEN {self.sql(node.filter)} THEN {operand.sql} END", ATOM)
            return Text(f"{quote(function)}({operand.sql}){self.window(over)}", ATOM)
        inner = f"{'DISTINCT ' if node.distinct else ''}{operand.sql}"
        rows = self.filter(node) + self.window(over)
        if function is not None:
            return Text(f"{quote(function)}({inner}){rows}", ATOM)
        form = self.dialect.form(f"{node.name}:{node.operand.kind}")
        if form is not None:
            return Text(filled(form, Text(inner, ATOM), Text(rows, ATOM)), ATOM)
        return Text(f"{node.name.upper()}({inner}){rows}", ATOM)

    def must_hold_the_row(self, over: tree.Over[Any]) -> None:
        """Refuse a frame that may be empty, for an aggregate written in Python."""
        # CPython asks such an aggregate for its value before it was fed anything, and crashes. For the
        # same reason a filter is a CASE there.
        frame = over.frame
        if frame is not None and ((frame.start or 0) > 0 or (frame.end or 0) < 0):
            raise QueryError(
                f"{over.function!r}.over(): on {self.dialect.name} the frame of a Decimal must hold the row itself, "
                f"and rows({frame.start}, {frame.end}) does not"
            )

    def over(self, node: tree.Over[Any]) -> Text:
        function = node.function
        if isinstance(function, tree.WindowFunction):
            leading = function.arguments[:1]
            given = [self.sql(one) for one in leading]
            given += [self.alike(one, *leading).sql for one in function.arguments[1:]]
            return Text(f"{function.name.upper()}({', '.join(given)}){self.window(node)}", ATOM)
        if type(function) is not tree.Aggregate:
            raise QueryError(f"{function!r} has no window: the databases have it for groups only")
        return self.aggregate(function, node)

    def window(self, over: tree.Over[Any] | None) -> str:
        """What follows a function that looks at the rows around each row."""
        if over is None:
            return ""
        parts: list[str] = []
        if over.partition_by:
            by = ", ".join(self.compared(self.write(one), one.type).sql for one in over.partition_by)
            parts.append(f"PARTITION BY {by}")
        if over.order_by:
            parts.append("ORDER BY " + ", ".join(self.order(order) for order in over.order_by))
        if over.frame is not None:
            frame = over.frame
            start = "UNBOUNDED PRECEDING" if frame.start is None else bound(frame.start)
            end = "UNBOUNDED FOLLOWING" if frame.end is None else bound(frame.end)
            parts.append(f"ROWS BETWEEN {start} AND {end}")
        return f" OVER ({' '.join(parts)})"

    def no_window(self, node: tree.WindowFunction[Any]) -> Text:
        raise QueryError(f"{node.name}() looks at the rows of a window: say which with .over(order_by=...)")

    def filter(self, node: tree.Aggregate[Any]) -> str:
        """Which rows an aggregate is made of: what follows its call."""
        return "" if node.filter is None else f" FILTER (WHERE {self.sql(node.filter)})"

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
    tree.WindowFunction: Writer.no_window,
    tree.Over: Writer.over,
}


def bound(rows: int) -> str:
    """One end of a frame, counted from the row itself."""
    return "CURRENT ROW" if rows == 0 else f"{abs(rows)} {'PRECEDING' if rows < 0 else 'FOLLOWING'}"


def filled(form: Form, *operands: Text, level: int = ATOM) -> str:
    """A form with its operands in place, in parentheses where they bind more loosely than `level`."""
    return form.sql.format(*(within(operand, level) for operand in operands))


def decimal_of(one: ColumnType, other: ColumnType) -> ColumnType:
    """Which of two types decides how they are compared: a decimal beside a whole number."""
    return other if other.kind == "decimal" else one


def never_null(node: Expression[Any]) -> bool:
    """Whether nulls cannot come up, so that an index serves the sort as it is."""
    if not isinstance(node, tree.ColumnRef) or (isinstance(node.source, Joined) and node.source.optional):
        return False
    return node.column.primary_key or not node.column.nullable


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


def each(stored: Stored) -> Convert | None:
    """From a list of values, none of them None, to one of driver values."""
    dump, dump_many = stored.dump, stored.dump_many
    if dump is None:
        return None

    def convert(values: Sequence[Any]) -> Sequence[Any]:
        quickly = None if dump_many is None or not values else dump_many(values, set(map(type, values)))
        return [dump(value) for value in values] if quickly is None else quickly

    return convert


def as_json(stored: Stored) -> Convert:
    convert = each(stored)
    return lambda values: json.dumps(values if convert is None else convert(values), ensure_ascii=False)


class Inline(Writer):
    """Writes values into the text, for DDL, which takes no parameters."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect, qualified=False)

    def literal(self, value: Any, type: ColumnType, form: Form | None = None) -> str:
        """A value as the database would read it back, and nothing but a value."""
        if value is None:
            return "NULL"
        convert = chained(self.stored(type).dump, form.convert if form else None)
        return literal(value if convert is None else convert(value), self.dialect)

    def parameter(self, value: tree.Value[Any], form: Form | None = None) -> Text:
        return Text(self.literal(value.value, value.type, form), ATOM)

    def checked(self, text: Text, type: ColumnType | None) -> Text:
        # Other programs, which know no functions of ferro's, write into the table as well.
        return text

    def members(self, node: tree.In, sample: tree.Value[Any]) -> str:
        listed = ", ".join(self.literal(value, sample.type) for value in node.value)
        return f"{node.operator} ({listed})"

    def default(self, column: Column) -> str:
        """What a column gets when a row leaves it out."""
        default = column.default
        if default is None:
            return "NULL"
        if isinstance(default, tree.Now):
            return self.clock(column.type)
        if is_expression(default):
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
