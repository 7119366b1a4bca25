"""What a shape of statement compiles to, remembered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ferro.errors import DataError
from ferro.query.dialect import Template
from ferro.query.writer import Slot, column_label
from ferro.schema.table import Column
from ferro.types.base import Convert, ConvertMany

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
        for index, convert, label in self.slots:
            value = values[index]
            if convert is not None and value is not None:
                try:
                    value = convert(value)
                except (ValueError, OverflowError) as error:
                    raise refused(label, error) from error
            params.append(value)
        return params


Values: TypeAlias = Sequence[Any]
NONE = type(None)


@dataclass(frozen=True, slots=True, eq=False)
class Dump:
    """How the values of one column are converted: where they stand in a row, and whose they are."""

    at: int
    dump: Convert
    dump_many: ConvertMany | None
    label: str

    def many(self, values: Values, kinds: set[type]) -> Values:
        """The driver values of a whole column, given the classes they are of."""
        if NONE not in kinds:
            return self.each(values, kinds)
        kinds = kinds - {NONE}
        if not kinds:
            return values
        rest = iter(self.each([value for value in values if value is not None], kinds))
        return [None if value is None else next(rest) for value in values]

    def each(self, values: Values, kinds: set[type]) -> Values:
        quickly = None if self.dump_many is None else self.dump_many(values, kinds)
        if quickly is not None:
            return quickly
        dump = self.dump
        try:
            return [dump(value) for value in values]
        except (ValueError, OverflowError) as error:
            raise refused(self.label, error) from error


def dumps_of(columns: Sequence[Column], model: type, dialect_name: str) -> tuple[Dump, ...]:
    """How those of some columns are converted that are."""
    stored = [(at, column, column.type.stored[dialect_name]) for at, column in enumerate(columns)]
    return tuple(
        Dump(at, kept.dump, kept.dump_many, column_label(model, column))
        for at, column, kept in stored
        if kept.dump is not None
    )


class InsertPlan(Plan):
    """Whole columns are converted at once: an insert costs nothing a row but that."""

    __slots__ = ("dumps", "width")

    def __init__(self, template: Template, width: int, dumps: tuple[Dump, ...]) -> None:
        super().__init__(template, None)
        self.width = width
        self.dumps = dumps

    def params(self, values: list[Any]) -> Sequence[Any]:
        width = self.width
        for dump in self.dumps:
            column = values[dump.at :: width]
            values[dump.at :: width] = dump.many(column, set(map(type, column)))
        return values

    def dumped(self, columns: list[Values], kinds: Sequence[set[type]]) -> list[Values]:
        """The driver values of many rows, given as columns."""
        for dump in self.dumps:
            columns[dump.at] = dump.many(columns[dump.at], kinds[dump.at])
        return columns

    def end_to_end(self, columns: Iterable[Values], rows: int) -> list[Any]:
        """Columns as the parameters of a statement for so many rows."""
        found: list[Any] = [None] * (rows * self.width)
        for at, column in enumerate(columns):
            found[at :: self.width] = column
        return found


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

    def cache_info(self) -> tuple[int, int, int, int]:
        """As of an `lru_cache`: hits, misses, how many plans there may be, and how many are held."""
        # Counted, not looked at: other threads may be putting. A plan of both generations is two.
        return self.hits, self.misses, self.size, len(self._young) + len(self._old)

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())
