"""Data frames: the rows of a query as columns, and columns as new rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, TypeVar, cast

from pydantic import ValidationError

from ferro.errors import DataError, QueryError
from ferro.model import ModelBase
from ferro.operations.arrow import Framed, column, columns_of_texts, known, text_form
from ferro.operations.hydrate import NoCollection
from ferro.operations.libraries import ArrowTable, PandasFrame, PolarsFrame, library
from ferro.operations.naming import input_name
from ferro.operations.raw import asked, distinct_names
from ferro.operations.reading import whole
from ferro.operations.steps import Steps
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.query.dialect import Compiled, Dialect, Result
from ferro.query.expressions import ColumnRef, Expression
from ferro.query.frames import rows_as_text
from ferro.query.row import find_column
from ferro.query.selections import distinct_names as told_apart
from ferro.query.selections import names_of
from ferro.query.templates import TString
from ferro.schema.registry import table_of
from ferro.schema.table import Column, Table
from ferro.types import ColumnType, Convert
from ferro.types.range_values import Range
from ferro.types.values import why_text_is_refused

M = TypeVar("M", bound=ModelBase)
F = TypeVar("F")


# Out of the database.


@dataclass(frozen=True, slots=True, eq=False)
class Kind(Generic[F]):
    """A kind of frame: the libraries it takes, and what makes one of a table of Arrow's."""

    libraries: tuple[str, ...]
    make: Callable[[Any], F]


def as_pandas(table: Any) -> Any:
    # Types of Arrow's: of its own, pandas has none for exact numbers, dates or missing integers.
    return table.to_pandas(types_mapper=library("pandas").ArrowDtype)


ARROW: Kind[ArrowTable] = Kind(("pyarrow",), lambda table: table)
POLARS: Kind[PolarsFrame] = Kind(("polars", "pyarrow"), lambda table: library("polars").from_arrow(table))
PANDAS: Kind[PandasFrame] = Kind(("pandas", "pyarrow"), as_pandas)


@dataclass(frozen=True, slots=True, eq=False)
class Framing(Generic[F]):
    """A statement, and what makes a frame of its result: that needs no database, and may happen in another thread."""

    statement: Compiled
    kind: Kind[F]
    columns: Callable[[Result], dict[str, Any]]

    def steps(self) -> Steps[Result]:
        return whole(self.statement)

    def frame(self, result: Result) -> F:
        return self.kind.make(library("pyarrow").table(self.columns(result)))


def of_query(query: QueryBase[Any], kind: Kind[F], dialect: Dialect) -> Framing[F]:
    """The rows of a query as a frame."""
    must_be_there(kind)
    if query.includes:
        raise QueryError(
            "a frame has columns, and include() loads what belongs to instances: leave it out, and select() columns "
            "of the relation, or make a frame of its own of them"
        )
    framed = framed_columns(query)
    statement = compile(query.select_statement(), dialect)
    casts = tuple(text_form(one.type) for one in framed) if dialect.arrays else (None,) * len(framed)
    if any(cast is not None for cast in casts):
        statement = Compiled(rows_as_text(statement.template, casts), statement.params)

    def columns(result: Result) -> dict[str, Any]:
        rows = result.rows[::-1] if query.backwards else result.rows
        return columns_of(rows, framed, casts, dialect)

    return Framing(statement, kind, columns)


def must_be_there(kind: Kind[Any]) -> None:
    """See to it that the libraries are there before anything is asked for."""
    for name in kind.libraries:
        library(name)


def framed_columns(query: QueryBase[Any]) -> list[Framed]:
    """The columns of a query's frame: those of its model, or those it selects."""
    chosen = query.projection
    selected: Sequence[Expression[Any]] = query.source.columns if chosen is None else chosen.columns
    names = tuple(query.table.by_field) if chosen is None else chosen.names or told_apart(names_of(chosen))
    framed = [framed_column(name, one) for name, one in zip(names, selected, strict=True)]
    for one in framed:
        if reason := why_text_is_refused(one.name):
            raise QueryError(f"a column of a frame cannot be named {one.name!r}: it {reason}")
        if one.type is not None and one.type.secret:
            raise QueryError(f"{one.label} is a secret, and a frame would show it: select() the other columns")
    return framed


def framed_column(name: str, selected: Expression[Any]) -> Framed:
    if not isinstance(selected, ColumnRef):
        return Framed(name, name, known(selected.type))
    found = selected.column
    model = selected.source.table.model
    return Framed(name, f"{model.__name__}.{found.field}", known(found.type), declared_places(model, found))


def declared_places(model: type, found: Column) -> int:
    """How many digits behind the point the model says that a column has."""
    info = model.model_fields.get(found.field) if issubclass(model, ModelBase) else None
    limits = (getattr(limit, "decimal_places", None) for limit in info.metadata) if info is not None else ()
    return next((places for places in limits if places is not None), 0)


def columns_of(
    rows: Sequence[tuple[Any, ...]], framed: Sequence[Framed], casts: Sequence[str | None], dialect: Dialect
) -> dict[str, Any]:
    """The columns of rows, of which the values with a cast stand in one text, before the others."""
    written = [one for one, cast in zip(framed, casts, strict=True) if cast is not None]
    kept = [one for one, cast in zip(framed, casts, strict=True) if cast is None]
    found: dict[str, Any] = {}
    if written:
        texts = columns_of_texts(list(map(itemgetter(0), rows)), written)
        found = {one.name: values for one, values in zip(written, texts, strict=True)}
    for at, one in enumerate(kept, 1 if written else 0):
        found[one.name] = column(list(map(itemgetter(at), rows)), one, dialect.name)
    return {one.name: found[one.name] for one in framed}


def of_sql(sql: str | TString, args: Sequence[object], kind: Kind[F], dialect: Dialect) -> Framing[F]:
    """The rows of SQL the user wrote as a frame: its values say what they are."""
    must_be_there(kind)

    def columns(result: Result) -> dict[str, Any]:
        framed = [Framed(name, name) for name in distinct_names(result)]
        return columns_of(result.rows, framed, (None,) * len(framed), dialect)

    return Framing(asked(sql, args, dialect), kind, columns)


# Into the database.


def from_arrow(model: type[M], frame: Any) -> list[M]:
    """New instances out of a table of Arrow's, or of anything that can be read as one."""
    pa = library("pyarrow")
    try:
        table = frame if isinstance(frame, pa.Table) else pa.table(frame)
    except (TypeError, ValueError) as error:
        raise QueryError(
            f"from_arrow() takes a table of pyarrow, or what it can read as one, not {kind_of(frame)}"
        ) from error
    return instances(
        model, [(name, values_of(name, one)) for name, one in zip(table.column_names, table.columns, strict=True)]
    )


def from_polars(model: type[M], frame: Any) -> list[M]:
    """New instances out of a DataFrame of polars."""
    library("pyarrow")
    pl = library("polars")
    if not isinstance(frame, pl.DataFrame):
        hint = ": collect() it" if isinstance(frame, pl.LazyFrame) else ""
        raise QueryError(f"from_polars() takes a DataFrame of polars, not {kind_of(frame)}{hint}")
    for name in frame.columns:
        # Before Arrow is handed it: a name with a NUL in it stops polars itself.
        find_column(table_of(model), name)
    columns = (
        (one.name, one.to_list() if one.dtype == pl.Object else values_of(one.name, one.to_arrow())) for one in frame
    )
    return instances(model, list(columns))


def from_pandas(model: type[M], frame: Any) -> list[M]:
    """New instances out of a DataFrame of pandas; its index is left out."""
    pa, pd = library("pyarrow"), library("pandas")
    if not isinstance(frame, pd.DataFrame):
        raise QueryError(f"from_pandas() takes a DataFrame of pandas, not {kind_of(frame)}")

    def values(name: object, series: Any) -> list[Any]:
        if series.dtype == object:
            return [None if missing else value for value, missing in zip(series, series.isna(), strict=True)]
        return values_of(name, pa.Array.from_pandas(series))

    return instances(model, [(name, values(name, series)) for name, series in frame.items()])


def kind_of(frame: object) -> str:
    kind = type(frame)
    return f"a {kind.__module__.partition('.')[0]} {kind.__name__}"


def values_of(name: object, column: Any) -> list[Any]:
    """The values of a column of Arrow's; nanoseconds only where none of them would be lost."""
    pa = library("pyarrow")
    types, type = pa.types, column.type
    try:
        if types.is_timestamp(type):
            column = column.cast(pa.timestamp("us", type.tz))
        elif types.is_duration(type):
            column = column.cast(pa.duration("us"))
        elif types.is_time64(type):
            column = column.cast(pa.time64("us"))
        return column.to_pylist()
    except (ValueError, OverflowError) as error:
        raise DataError(
            f"the column {name!r} of the frame holds {type}, which ends at microseconds and in the year 9999 here: {error}"
        ) from error


def instances(model: type[M], columns: Sequence[tuple[object, list[Any]]]) -> list[M]:
    """Instances out of columns that are found by name, each value exactly as its column has it."""
    table = table_of(model)
    accepted: dict[str, list[Any]] = {}
    for name, values in columns:
        if not isinstance(name, str):
            raise QueryError(f"the frame has a column {name!r}, and columns are found by their names: rename it")
        if name in accepted:
            raise QueryError(f"the frame has several columns named {name!r}")
        accepted[name] = accepted_values(table, find_column(table, name), values)
    must_be_whole(model, table, accepted)
    names = [input_name(model, name) for name in accepted]
    made: list[M] = []
    with NoCollection():
        for row in zip(*accepted.values(), strict=True):
            try:
                made.append(model(**dict(zip(names, row, strict=True))))
            except ValidationError as error:
                raise unfit(model, len(made) + 1, error) from error
    return made


def unfit(model: type, number: int, error: ValidationError) -> DataError:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    at = ".".join(map(str, problem["loc"]))
    return DataError(f"row {number} of the frame is no {model.__name__}: {at}: {problem['msg']}")


def must_be_whole(model: type[ModelBase], table: Table, given: Iterable[str]) -> None:
    infos = model.model_fields
    for name in table.by_field:
        if name not in given and name in infos and infos[name].is_required():
            raise QueryError(f"the frame has no column {name!r}, and every {model.__name__} needs one")


def accepted_values(table: Table, found: Column, values: list[Any]) -> list[Any]:
    accept = accepting(found.type)
    accepted: list[Any] = []
    for number, value in enumerate(values, 1):
        try:
            accepted.append(None if value is None else accept(value))
        except (ValueError, DataError) as error:
            raise DataError(f"{table.model.__name__}.{found.field}: row {number} of the frame: {error}") from error
    return accepted


def accepting(type: ColumnType) -> Convert:
    """What makes a value of a column out of one of a frame."""
    special = ACCEPTING.get(type.kind)
    return type.accept if special is None else special(type)


def document(type: ColumnType) -> Convert:
    """A text is JSON; anything else is the document itself."""
    load = type.stored["sqlite"].load
    return lambda value: load(value) if isinstance(value, str) and load is not None else type.accept(value)


def array(type: ColumnType) -> Convert:
    def accept(value: Any) -> Any:
        return type.accept(type.python_type(value) if isinstance(value, list) else value)

    return accept


def a_range(type: ColumnType) -> Convert:
    def accept(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return type.accept(value)
        parts = cast("Mapping[str, Any]", value)
        if parts.get("bounds") == "empty":
            return Range[Any].empty()
        return type.accept(Range[Any](parts.get("lower"), parts.get("upper"), parts.get("bounds") or "[)"))

    return accept


ACCEPTING: dict[str, Callable[[ColumnType], Convert]] = {"json": document, "array": array, "range": a_range}
