"""Whether a row has one of many keys: the keys are values of the statement, however many, and change nothing in its text."""

import json
from collections.abc import Sequence
from typing import Any

from ferro.query.bulk import unsized
from ferro.query.expressions import NOT_AS_JSON, ColumnRef, Condition, Expression, In, Shape, Value, Values, padded
from ferro.query.sources import Source
from ferro.query.sqltext import COMPARE, Text
from ferro.query.writer import Writer, each
from ferro.schema.table import Column


def among(source: Source, columns: Sequence[Column], keys: Sequence[Any]) -> Expression[bool]:
    """Whether these columns hold one of the keys: single values, or tuples where there are several columns."""
    if len(columns) > 1:
        return KeyIn(tuple(ColumnRef[Any](source, column) for column in columns), keys)
    ref = ColumnRef[Any](source, columns[0])
    return In(ref, keys, Value[Any](keys[0], ref.column.type, ref))


class KeyIn(Condition):
    """Whether several columns together hold one of a list of keys."""

    __slots__ = ("columns", "keys")

    def __init__(self, columns: tuple[ColumnRef[Any], ...], keys: Sequence[tuple[Any, ...]]) -> None:
        self.columns = columns
        self.keys = keys

    @property
    def children(self) -> tuple[Expression[Any], ...]:
        return self.columns

    @property
    def json(self) -> bool:
        """Whether the keys travel as one JSON array on databases that know no arrays."""
        return all(column.kind not in NOT_AS_JSON for column in self.columns)

    @property
    def width(self) -> int:
        """How many keys there are places for where they travel one by one."""
        return padded(len(self.keys))

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("key in", len(self.columns))
        for column in self.columns:
            column.collect(shape, values, arrays)
        if arrays:
            values += [[key[at] for key in self.keys] for at in range(len(self.columns))]
        elif self.json:
            values.append([list(key) for key in self.keys])
        else:
            # The last key is repeated, so that the text depends on a few widths only.
            shape.append(self.width)
            for key in (*self.keys, *[self.keys[-1]] * (self.width - len(self.keys))):
                values += key

    def write(self, writer: Writer) -> Text:
        """`(…, …) IN (SELECT … FROM unnest(…))`, or from `json_each(…)`, or a list of keys."""
        columns = [writer.compared(writer.write(column), column.type).sql for column in self.columns]
        return Text(f"({', '.join(columns)}) IN ({self.rows(writer)})", COMPARE)

    def rows(self, writer: Writer) -> str:
        stored = [writer.stored(column.type) for column in self.columns]
        dumps = [one.dump for one in stored]
        label = ", ".join(column.label for column in self.columns)
        secret = any(column.type.secret for column in self.columns)
        if writer.dialect.arrays:
            marks = [
                f"CAST({writer.mark(writer.take(), each(one), column.label, column.type.secret).sql}"
                f" AS {unsized(one.name)}[])"
                for column, one in zip(self.columns, stored, strict=True)
            ]
            return f"SELECT * FROM unnest({', '.join(marks)})"
        if self.json:

            def as_json(keys: list[list[Any]]) -> str:
                dumped = [
                    [value if dump is None else dump(value) for dump, value in zip(dumps, key, strict=True)]
                    for key in keys
                ]
                return json.dumps(dumped, ensure_ascii=False)

            listed = writer.mark(writer.take(), as_json, label, secret).sql
            parts = ", ".join(f"json_extract(value, '$[{at}]')" for at in range(len(self.columns)))
            return f"SELECT {parts} FROM json_each({listed})"
        marks = [
            f"({', '.join(writer.mark(writer.take(), dump, label, secret).sql for dump in dumps)})"
            for _ in range(self.width)
        ]
        return f"VALUES {', '.join(marks)}"

    def __repr__(self) -> str:
        return f"({', '.join(map(repr, self.columns))} IN {len(self.keys)} keys)"
