"""From a driver's rows to instances and values, by functions generated once for each kind of row."""

from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel

from ferro.caches import informing
from ferro.errors import DataError
from ferro.identity import place
from ferro.operations.collector import NoCollection
from ferro.operations.hooks import hooks_of
from ferro.operations.steps import Steps
from ferro.query.dialect import Compiled
from ferro.schema.table import Column
from ferro.types.base import ColumnType, Convert

M = TypeVar("M", bound=BaseModel)

Rows: TypeAlias = Sequence[tuple[Any, ...]]
Fill: TypeAlias = Callable[[Rows], list[Any]]
Kind: TypeAlias = Literal["value", "tuple", "dict"]

# How few rows are not worth holding the garbage collector off, or a loop of their own.
FEW = 50

# A new object, and the setting of its `__dict__`, past all classes.
NEW = object.__new__
SET_DICT: Callable[[Any, dict[str, Any]], None] = BaseModel.__dict__["__dict__"].__set__


def filler(model: type[M], columns: tuple[Column, ...], dialect_name: str) -> Callable[[Rows], list[M]]:
    """A function from rows, their values in the order of `columns`, to instances, without validation.

    A row that an identity map holds an object of gives that object.
    """
    return generated_filler(model, columns, dialect_name)


def are_new(model: type[BaseModel]) -> bool:
    """Whether nobody has had to do with the instances that `filler` makes before they are given out."""
    return place.get() is None and not has_post_init(model) and "after_load" not in hooks_of(model)


def new_filler(model: type[M], columns: tuple[Column, ...], dialect_name: str) -> Callable[[Rows], list[M]]:
    """The same, to instances that nobody else has."""
    return generated_new_filler(model, columns, dialect_name)


def row_loader(
    types: tuple[ColumnType | None, ...], dialect_name: str, kind: Kind = "tuple", names: tuple[str, ...] = ()
) -> Fill:
    """A function from rows to tuples, to dicts under `names`, or to the single value of each row."""
    return generated_loader(types, dialect_name, kind, names)


@informing("instances")
@lru_cache(maxsize=1024)
def generated_filler(model: type[BaseModel], columns: tuple[Column, ...], dialect_name: str) -> Fill:
    return make_filler(model, columns, dialect_name, settles=True)


@informing("new instances")
@lru_cache(maxsize=1024)
def generated_new_filler(model: type[BaseModel], columns: tuple[Column, ...], dialect_name: str) -> Fill:
    return make_filler(model, columns, dialect_name, settles=False)


def make_filler(model: type[BaseModel], columns: tuple[Column, ...], dialect_name: str, *, settles: bool) -> Fill:
    types = tuple(column.type for column in columns)
    # Private attributes and post-init hooks are set up as `model_construct` does; Pydantic's slots fill themselves.
    # The words are field names, which are identifiers, and numbers: no text of a user's is ever run.
    pairs = [f"{column.field!r}: {loaded(at, column.type, dialect_name)}" for at, column in enumerate(columns)]
    values = f"{{{', '.join(pairs)}}}"
    hooks = [
        *(["instance.model_post_init(None)"] if has_post_init(model) else []),
        *(["instance.after_load()"] if "after_load" in hooks_of(model) else []),
    ]
    body = ["instance = new(model)", f"set_dict(instance, {values})", *hooks, "append(instance)"]
    names = named_loads(types, dialect_name)
    fill = generate_loop(len(columns), body, {**names, "new": NEW, "set_dict": SET_DICT, "model": model})
    # A hook may look at what was made before, so there is one instance after the other.
    fill_many = fill if hooks else together(model, generate(len(columns), values, names))
    labels = [f"{model.__name__}.{column.field}" for column in columns]
    return guarded(fill, types, dialect_name, labels, settles=settles, fill_many=fill_many)


def together(model: type[BaseModel], values: Fill) -> Fill:
    """From rows to instances, in loops that are not Python's: what they take is a cost of every row."""

    def fill(rows: Rows) -> list[Any]:
        made = list(map(NEW, repeat(model, len(rows))))
        deque(map(SET_DICT, made, values(rows)), maxlen=0)
        return made

    return fill


@informing("rows")
@lru_cache(maxsize=1024)
def generated_loader(
    types: tuple[ColumnType | None, ...], dialect_name: str, kind: Kind, names: tuple[str, ...]
) -> Fill:
    if kind == "tuple" and not any(loads(types, dialect_name)):
        return as_they_are
    values = [loaded(at, type, dialect_name) for at, type in enumerate(types)]
    pairs = ", ".join(f"names[{at}]: {value}" for at, value in enumerate(values))
    made = {"value": values[0], "tuple": f"({', '.join(values)},)", "dict": f"{{{pairs}}}"}[kind]
    load = generate(len(types), made, {**named_loads(types, dialect_name), "names": names})
    return guarded(load, types, dialect_name, names or [f"value {at + 1}" for at in range(len(types))])


def as_they_are(rows: Rows) -> list[Any]:
    """Rows that are what their caller wants: the driver has made them for nobody else."""
    return rows if isinstance(rows, list) else list(rows)


def in_parts(statement: Compiled, make: Fill, *, many: bool = True) -> Steps[list[Any]]:
    """What is made of all rows of a statement, a part at a time where there may be many.

    On a loop, others have their turn between two parts.
    """
    result = yield Compiled(statement.template, statement.params, in_parts=many)
    made = make(result.rows)
    while result.rest is not None:
        result = yield result.rest
        made += make(result.rows)
    return made


def has_post_init(model: type[BaseModel]) -> bool:
    return model.__pydantic_post_init__ is not None


def loads(types: Sequence[ColumnType | None], dialect_name: str) -> tuple[Convert | None, ...]:
    return tuple(None if type is None else type.stored[dialect_name].load for type in types)


def loaded(at: int, type: ColumnType | None, dialect_name: str) -> str:
    """The source of one value: as the driver gave it, or loaded."""
    (load,) = loads((type,), dialect_name)
    if load is None:
        return f"v{at}"
    # What a word of Python's says needs no call.
    value = f"not not v{at}" if load is bool else f"load{at}(v{at})"
    return f"None if v{at} is None else {value}"


def named_loads(types: Sequence[ColumnType | None], dialect_name: str) -> dict[str, Any]:
    """What loads the values, by the names that `loaded` calls it."""
    return {f"load{at}": load for at, load in enumerate(loads(types, dialect_name))}


def generate(width: int, made: str, namespace: dict[str, Any]) -> Fill:
    """Make a function from rows to what an expression makes of each, from its values in `v0`, `v1`, ..."""
    lines = ["def fill(rows):", f"    return [{made} for ({row_of(width)}) in rows]"]
    return execute(lines, "fill", namespace)


def generate_loop(width: int, body: list[str], namespace: dict[str, Any]) -> Fill:
    """The same of lines that may do more, and `append` what they make."""
    lines = [
        "def fill(rows):",
        "    made = []",
        "    append = made.append",
        f"    for ({row_of(width)}) in rows:",
        *(f"        {line}" for line in body),
        "    return made",
    ]
    return execute(lines, "fill", namespace)


def row_of(width: int) -> str:
    return "".join(f"v{at}, " for at in range(width))


def execute(lines: Sequence[str], name: str, namespace: dict[str, Any]) -> Any:
    """What the lines define by this name."""
    exec(compile("\n".join(lines), "<ferro: generated from columns>", "exec"), namespace)
    return namespace[name]


def guarded(
    fill: Fill,
    types: Sequence[ColumnType | None],
    dialect_name: str,
    labels: Sequence[str],
    *,
    settles: bool = False,
    fill_many: Fill | None = None,
) -> Fill:
    """The loop, with the collector held off, and with errors that name the column.

    With `settles`, a row that an identity map holds an object of gives that object. With `fill_many`, there is
    another loop for many rows.
    """
    fill_many = fill_many or fill

    def fill_all(rows: Rows) -> list[Any]:
        try:
            if len(rows) <= FEW:
                made = fill(rows)
            else:
                # Once for all rows: given a chance in between, it would look through the same rows again and again.
                with NoCollection():
                    made = fill_many(rows)
        except Exception as error:
            problem = error
        else:
            here = place.get() if settles else None
            return made if here is None else here.settle(made)
        # Not while it is handled: a traceback would tell of it twice.
        find_culprit(rows, types, dialect_name, labels)
        raise problem

    return fill_all


def find_culprit(rows: Rows, types: Sequence[ColumnType | None], dialect_name: str, labels: Sequence[str]) -> None:
    """Raise the error of the first value that cannot be loaded, if there is one."""
    for row in rows:
        for value, type, load, label in zip(row, types, loads(types, dialect_name), labels, strict=False):
            if type is None or load is None or value is None:
                continue
            try:
                load(value)
            except Exception as error:
                held = "a value" if type.secret else repr(value)
                raise DataError(f"{label}: the database holds {held}, which is no {type.name}: {error}") from error
