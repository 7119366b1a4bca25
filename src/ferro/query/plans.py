"""What a shape of statement compiles to, remembered."""

from collections.abc import Sequence
from typing import Any

from ferro.errors import DataError
from ferro.query.dialect import Template
from ferro.query.writer import Slot
from ferro.types.base import Convert

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


class InsertPlan(Plan):
    """Whole columns are converted at once: an insert costs nothing a row but that."""

    __slots__ = ("dumps", "width")

    def __init__(self, template: Template, width: int, dumps: tuple[tuple[int, Convert, str], ...]) -> None:
        super().__init__(template, None)
        self.width = width
        # The columns whose values are converted: where they stand in a row, and whose they are.
        self.dumps = dumps

    def params(self, values: list[Any]) -> Sequence[Any]:
        width = self.width
        if len(values) == width:
            return self._one_row(values)
        for at, dump, label in self.dumps:
            try:
                values[at::width] = [None if value is None else dump(value) for value in values[at::width]]
            except (ValueError, OverflowError) as error:
                raise refused(label, error) from error
        return values

    def _one_row(self, values: list[Any]) -> Sequence[Any]:
        """The same for a single row, which needs no slices."""
        for at, dump, label in self.dumps:
            value = values[at]
            if value is not None:
                try:
                    values[at] = dump(value)
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

    def cache_info(self) -> tuple[int, int, int, int]:
        """As of an `lru_cache`: hits, misses, how many plans there may be, and how many are held."""
        # Counted, not looked at: other threads may be putting. A plan of both generations is two.
        return self.hits, self.misses, self.size, len(self._young) + len(self._old)

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())
