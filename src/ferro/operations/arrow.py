"""Columns of Arrow, made of what a database hands over: each of the type its column has in the model."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Any, TypeAlias

from pydantic_core import from_json, to_json

from ferro.errors import DataError
from ferro.operations.libraries import library
from ferro.types import ColumnType, column_type, type_of_value
from ferro.types.temporal import microseconds
from ferro.types.values import with_article

# Arrow's own classes have no types: a column of values, and a type of them.
Column: TypeAlias = Any
ArrowType: TypeAlias = Any
Values: TypeAlias = Sequence[Any]

# How many digits an exact number has in a frame, those behind the point included.
DIGITS = 38

# What Arrow says about values that do not fit: `ArrowInvalid` is a ValueError, its others are one of these.
UNFIT = (ArithmeticError, TypeError, ValueError, NotImplementedError)

# How a column is called in an error of Arrow's reader of texts.
IN_COLUMN = re.compile(r"In CSV column #(\d+): (?:CSV conversion error to [^:]*: )?")


@dataclass(frozen=True, slots=True, eq=False)
class Framed:
    """A column of a frame.

    Attributes:
        name: what it is called.
        label: what an error calls it.
        type: what it is in the database; None where only its values tell.
        places: how many digits behind the point its numbers have at least.
    """

    name: str
    label: str
    type: ColumnType | None = None
    places: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """How the values of one kind stand in a frame.

    Attributes:
        arrow: their type.
        text: what PostgreSQL is to write them as, empty for what they are; None where Arrow cannot read their text.
        read: makes the column of the texts SQLite keeps them as, where those are no values of it yet.
        cell: what Arrow takes, of a Python value that it does not take.
    """

    arrow: Callable[[Any], ArrowType]
    text: str | None = ""
    read: Callable[[Column, int], Column] | None = None
    cell: Callable[[Any], Any] | None = None


def spelled(value: Any) -> str:
    return value if isinstance(value, str) else format(value, "f") if isinstance(value, Decimal) else str(value)


def cast_to(kind: str) -> Callable[[Column, int], Column]:
    return lambda texts, _: texts.cast(KINDS[kind].arrow(library("pyarrow")))


def instants(texts: Column, _: int) -> Column:
    pa = library("pyarrow")
    try:
        return texts.cast(pa.timestamp("us", "UTC"))
    except ValueError:
        # Kept as a clock in UTC, which is written without a zone.
        return texts.cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))


def times(texts: Column, _: int) -> Column:
    # Arrow reads moments, and takes the time out of them.
    pa, pc = library("pyarrow"), library("pyarrow.compute")
    return pc.binary_join_element_wise("1970-01-01", texts, " ").cast(pa.timestamp("us")).cast(pa.time64("us"))


def decimals(texts: Column, places: int) -> Column:
    """Exact numbers, with as many digits behind the point as the longest of them, and no fewer than `places`."""
    pa, pc = library("pyarrow"), library("pyarrow.compute")
    digits = pc.ascii_ltrim(texts, characters="-0")
    point, length = pc.find_substring(digits, pattern="."), pc.binary_length(digits)
    is_whole = pc.less(point, 0)
    before = pc.max(pc.if_else(is_whole, length, point)).as_py() or 0
    after = pc.max(pc.if_else(is_whole, 0, pc.subtract(pc.subtract(length, point), 1))).as_py() or 0
    places = max(after, places if before + places <= DIGITS else 0)
    if before + places > DIGITS:
        raise ValueError(
            f"its numbers have up to {before} digits before the point and {after} after it, and an exact number of a "
            f"frame has {DIGITS} in all: select it rounded, or as a text by cast(..., str)"
        )
    return texts.cast(pa.decimal128(DIGITS, places))


KINDS: dict[str, Kind] = {
    "bool": Kind(lambda pa: pa.bool_()),
    "int": Kind(lambda pa: pa.int64()),
    "float": Kind(lambda pa: pa.float64()),
    "decimal": Kind(lambda pa: pa.decimal128(DIGITS, 0), read=decimals, cell=spelled),
    "text": Kind(lambda pa: pa.string()),
    "bytes": Kind(lambda pa: pa.binary(), text=None),
    "date": Kind(lambda pa: pa.date32(), read=cast_to("date")),
    "time": Kind(lambda pa: pa.time64("us"), read=times),
    "datetime": Kind(lambda pa: pa.timestamp("us", "UTC"), text="timestamptz", read=instants),
    "naive_datetime": Kind(lambda pa: pa.timestamp("us"), text="timestamp", read=cast_to("naive_datetime")),
    "timedelta": Kind(lambda pa: pa.duration("us"), text=None, cell=microseconds),
    "uuid": Kind(lambda pa: pa.string(), cell=spelled),
    "inet": Kind(lambda pa: pa.string(), text=None, cell=spelled),
    "json": Kind(lambda pa: pa.string(), cell=lambda value: to_json(value).decode()),
}

# What PostgreSQL writes is read as this, where it is not read as what it becomes.
READ_AS_TEXT = frozenset({"decimal"})


def known(type: ColumnType | None) -> ColumnType | None:
    """The type of a column, if it says what stands in a frame."""
    return type if type is not None and (type.item is not None or type.kind in KINDS) else None


def text_form(type: ColumnType | None) -> str | None:
    """What PostgreSQL is to write a column as, so that Arrow can read it: empty for its own type; None if it cannot."""
    kind = None if type is None else KINDS.get(type.kind)
    return None if kind is None else kind.text


# Columns of values.


def column(values: Values, framed: Framed, dialect: str) -> Column:
    """The values of a column, as a driver gives them."""
    type = framed.type or guessed(values, framed.label)
    try:
        return made(values, type, dialect, framed.places)
    except UNFIT as error:
        problem = error
    try:
        # What Python reads may be written in a way that Arrow does not know.
        return made(loaded(values, type, dialect), type, "", framed.places)
    except UNFIT:
        raise DataError(f"{framed.label} does not fit into a frame: {problem}") from problem


def loaded(values: Values, type: ColumnType, dialect: str) -> list[Any]:
    load = type.stored[dialect].load
    return [value if value is None or load is None else load(value) for value in values]


def made(values: Values, type: ColumnType, dialect: str, places: int = 0) -> Column:
    """The same; with no dialect they are Python's values."""
    if type.item is not None:
        if type.kind == "array":
            # Arrays among rows are texts, each of them.
            gathered = dialect and type.item.kind == "array"
            return (
                lists(loaded(values, type, dialect), type.item, "") if gathered else lists(values, type.item, dialect)
            )
        if type.key is not None:
            return objects(loaded(values, type, dialect) if dialect else values, type.key, type.item)
        return ranges(loaded(values, type, dialect) if dialect else values, type.item)
    pa, kind = library("pyarrow"), KINDS[type.kind]
    if not dialect and type.kind in AS_STORED:
        values = stored(values, type)
    if kind.read is not None and (dialect == "sqlite" or kind.cell is not None):
        texts = values if dialect == "sqlite" else cells(values, kind)
        return kind.read(pa.array(texts, pa.string()), places)
    if dialect != "sqlite":
        # A driver has one class for the addresses of several.
        values = cells(loaded(values, type, dialect) if dialect and type.kind == "inet" else values, kind)
    if type.kind in WHOLE:
        return whole(values).cast(kind.arrow(pa))
    return pa.array(values, kind.arrow(pa))


def cells(values: Values, kind: Kind) -> Values:
    cell = kind.cell
    return values if cell is None else [None if value is None else cell(value) for value in values]


# Kinds of which some types are values of a class, such as an enumeration, and stand in a frame as what is stored.
AS_STORED = frozenset({"text", "int"})


def stored(values: Values, type: ColumnType) -> Values:
    dump = type.stored["sqlite"].dump
    return values if dump is None else [None if value is None else dump(value) for value in values]


# Kinds of which Arrow would take a fraction, and leave it out.
WHOLE = frozenset({"bool", "int", "timedelta"})


def whole(values: Values) -> Column:
    pa = library("pyarrow")
    found = pa.array(values)
    if found.type not in (pa.int64(), pa.bool_(), pa.null()):
        raise ValueError(f"it holds values of {found.type}, which are no whole numbers of 64 bits")
    return found


def lists(values: Values, item: ColumnType, dialect: str) -> Column:
    pa = library("pyarrow")
    arrays = elements(values, item, dialect)
    flat = made(list(chain.from_iterable(filter(None, arrays))), item, dialect)
    return pa.ListArray.from_arrays(starts_of(arrays), flat)


def objects(found: Values, key: ColumnType, item: ColumnType) -> Column:
    pa = library("pyarrow")
    present = [one for one in found if one is not None]
    keys = made(list(chain.from_iterable(present)), key, "")
    items = made(list(chain.from_iterable(one.values() for one in present)), item, "")
    return pa.MapArray.from_arrays(starts_of(found), keys, items)


def starts_of(parts: Values) -> Column:
    """Where each of the parts begins, and the last one ends, if they stand in one row."""
    pa = library("pyarrow")
    starts: list[int | None] = []
    end = 0
    for part in parts:
        starts.append(None if part is None else end)
        end += len(part or ())
    return pa.array([*starts, end], pa.int32())


def elements(values: Values, item: ColumnType, dialect: str) -> list[Any]:
    if dialect != "sqlite":
        return list(values)
    found: list[Any] = [None if value is None else from_json(value) for value in values]
    if item.kind == "bytes":
        return [array and [one and bytes.fromhex(one) for one in array] for array in found]
    return found


def ranges(found: Values, item: ColumnType) -> Column:
    pa = library("pyarrow")
    bounds = [None if one is None else "empty" if one.is_empty else one.bounds for one in found]
    lower, upper = ([None if one is None else getattr(one, name) for one in found] for name in ("lower", "upper"))
    parts = [made(lower, item, ""), made(upper, item, ""), pa.array(bounds, pa.string())]
    missing = pa.array([one is None for one in found], pa.bool_())
    return pa.StructArray.from_arrays(parts, names=["lower", "upper", "bounds"], mask=missing)


def guessed(values: Values, label: str) -> ColumnType:
    """The column type of values that nothing else is known of."""
    kinds: set[type] = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return column_type(float)
    first = next((value for value in values if value is not None), "")
    try:
        return type_of_value(first)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{label} does not fit into a frame: it holds {with_article(type(first).__name__)}, which has no type there; "
            "cast it to a text in the SQL"
        ) from error


# Columns of texts, as PostgreSQL writes rows.


def columns_of_texts(texts: list[str], framed: Sequence[Framed]) -> list[Column]:
    """The columns of rows, each of which is a text."""
    pa = library("pyarrow")
    types = [reading_type(one) for one in framed]
    columns = parsed(texts, types, framed) if texts else [pa.array([], type) for type in types]
    return [read(values, one) for values, one in zip(columns, framed, strict=True)]


def parsed(texts: list[str], types: list[ArrowType], framed: Sequence[Framed]) -> list[Column]:
    pa, csv = library("pyarrow"), library("pyarrow.csv")
    names = [str(at) for at in range(len(framed) + 2)]
    try:
        table = csv.read_csv(
            pa.BufferReader("\n".join(texts).encode()),
            # A row must fit into a block, in bytes, of which a character has four at most.
            csv.ReadOptions(column_names=names, block_size=min(max(BLOCK, 4 * max(map(len, texts)) + 2), LARGEST)),
            csv.ParseOptions(newlines_in_values=True, escape_char="\\", ignore_empty_lines=False),
            csv.ConvertOptions(
                column_types=dict(zip(names[1:], types, strict=False)),
                include_columns=names[1:-1],
                check_utf8=False,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=["t"],
                false_values=["f"],
            ),
        )
    except ValueError as error:
        raise unread(error, framed) from error
    return table.columns


BLOCK = 1 << 20
LARGEST = 2**31 - 1


def reading_type(framed: Framed) -> ArrowType:
    pa = library("pyarrow")
    kind = "text" if framed.type is None or framed.type.kind in READ_AS_TEXT else framed.type.kind
    return KINDS[kind].arrow(pa)


def read(column: Column, framed: Framed) -> Column:
    if framed.type is None or framed.type.kind not in READ_AS_TEXT:
        return column
    try:
        return decimals(column, framed.places)
    except ValueError as error:
        raise DataError(f"{framed.label} does not fit into a frame: {error}") from error


def unread(error: ValueError, framed: Sequence[Framed]) -> DataError:
    found = IN_COLUMN.search(str(error))
    label = framed[int(found[1]) - 1].label if found else "a column"
    return DataError(f"{label} does not fit into a frame: {str(error)[found.end() if found else 0 :]}")
