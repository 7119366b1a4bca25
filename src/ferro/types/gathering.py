"""The values of many rows as one list, object or text: what SQLite's own aggregates cannot do in order, or exactly.

`group_concat` sorts only from SQLite 3.44 on and joins distinct values by a comma only; `json_group_array`
and `json_group_object` round floats. So the rows are gathered here, and come out as PostgreSQL has them.
"""

import json
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any, ClassVar

from ferro.types.functions import SqliteAggregate, SqliteCollation


class Gathered:
    """The rows of a group: a value and what it is sorted by.

    `how` is the same for every row: whether equal values count once, and for each key of the sort its
    collation, direction and where nulls go: `"distinct:ferro_decimal|ferro_decimal:down:last"`.
    """

    collations: ClassVar[dict[str, Callable[[str, str], int]]] = {}

    def __init__(self) -> None:
        self.how = ""
        self.rows: list[tuple[Any, ...]] = []

    def step(self, how: Any, *row: Any) -> None:
        self.how = how
        self.rows.append(row)

    def values(self) -> list[tuple[Any, ...]]:
        """The rows in the order asked for."""
        collation, *keys = self.how.split("|")
        rows = self.rows
        if collation != "all":
            rows = self.distinct(collation.partition(":")[2])
        for at, key in reversed(list(enumerate(keys, len(rows[0]) - len(keys) if rows else 0))):
            name, direction, nulls = key.split(":")
            present = [row for row in rows if row[at] is not None]
            absent = [row for row in rows if row[at] is None]
            present.sort(key=self.key(name, at), reverse=direction == "down")
            rows = absent + present if nulls == "first" else present + absent
        return rows

    def key(self, collation: str, at: int) -> Callable[[tuple[Any, ...]], Any]:
        compare = self.collations.get(collation)
        if compare is None:
            return lambda row: row[at]
        by = cmp_to_key(compare)
        return lambda row: by(row[at])

    def distinct(self, collation: str) -> list[tuple[Any, ...]]:
        """One of all rows with the same value, sorted by it, as PostgreSQL finds them."""
        key = self.key(collation, 0)
        present = sorted((row for row in self.rows if row[0] is not None), key=key)
        kept = [row for at, row in enumerate(present) if at == 0 or key(row) != key(present[at - 1])]
        return kept + [row for row in self.rows if row[0] is None][:1]


class Listed(Gathered):
    """The values as a JSON array; bytes in hexadecimal."""

    def finalize(self) -> Any:
        return json.dumps([in_json(row[0]) for row in self.values()])


class Paired(Gathered):
    """The keys and values as a JSON array of pairs: a key may be anything, and come again."""

    def finalize(self) -> Any:
        return json.dumps([[in_json(row[0]), in_json(row[1])] for row in self.values()])


def in_json(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


class Joined(Gathered):
    """The texts, with a separator between them; NULL when there is none."""

    def step(self, how: Any, *row: Any) -> None:
        if row[0] is not None:
            super().step(how, *row)

    def finalize(self) -> Any:
        rows = self.values()
        if not rows:
            return None
        # The first separator stands before nothing; one that is null joins as nothing.
        return "".join(str(row[0]) if at == 0 else f"{row[1] or ''}{row[0]}" for at, row in enumerate(rows))


def aggregates(collations: tuple[SqliteCollation, ...]) -> tuple[SqliteAggregate, ...]:
    """The aggregates, once the collations they sort by are known."""
    Gathered.collations = {collation.name: collation.compare for collation in collations}
    return (
        SqliteAggregate("ferro_array_agg", -1, Listed),
        SqliteAggregate("ferro_object_agg", -1, Paired),
        SqliteAggregate("ferro_string_agg", -1, Joined),
    )
