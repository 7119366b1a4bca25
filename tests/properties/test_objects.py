"""An object made of rows holds what instances hold, of every type, on every database, and so does a frame of it."""

from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ferro import QueryError, object_agg
from ferro.schema.registry import table_of

from .test_frames import FRAMED, cell
from .test_round_trip import CASES, Case, tables, undone

__all__ = ["tables"]

VALUES = 12


def kind_of(case: Case) -> str:
    return table_of(case.model).by_field["value"].type.kind


def drawn(data: st.DataObject, case: Case) -> list[Any]:
    values = data.draw(st.lists(case.values, min_size=VALUES, max_size=VALUES))
    return [value for value in values if not case.refused(value)]


def told(case: Case, value: Any) -> Any:
    return None if value is None else (type(value), case.key(value))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(max_examples=10)
@given(data=st.data())
def test_values_stand_in_an_object_as_in_instances(case, databases, tables, data):
    model = tables(case)
    values = drawn(data, case)
    for name, database in databases.items():
        note(f"on {name}")
        with undone(database):
            database.bulk_create(
                model, [model(value=value, maybe=value if at % 3 else None) for at, value in enumerate(values)]
            )
            query = database.query(model)
            found = query.select(lambda row: object_agg(row.id, row.maybe, order_by=row.id)).one()
            assert [(key, told(case, value)) for key, value in found.items()] == [
                (row.id, told(case, row.maybe)) for row in query.order_by("id").all()
            ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(max_examples=10)
@given(data=st.data())
def test_keys_of_any_type_are_those_of_a_dict(case, databases, tables, data):
    model = tables(case)
    values = drawn(data, case)
    for name, database in databases.items():
        note(f"on {name}")
        query = database.query(model)
        if kind_of(case) in ("json", "array"):
            with pytest.raises(
                QueryError, match=r"^object_agg\(\) makes a dict, and .* cannot be a key of one: it is a"
            ):
                query.select(lambda row: object_agg(row.value, row.id))
            continue
        with undone(database):
            database.bulk_create(model, [model(value=value) for value in values])
            found = query.select(lambda row: object_agg(row.value, row.id, order_by=row.id)).one()
            expected = {row.value: row.id for row in query.order_by("id").all()}
            assert [(told(case, key), id) for key, id in found.items()] == [
                (told(case, key), id) for key, id in expected.items()
            ]


@pytest.mark.parametrize("case", FRAMED, ids=lambda case: case.name)
@settings(max_examples=5)
@given(data=st.data())
def test_an_object_stands_in_a_frame_as_a_map(case, databases, tables, data):
    model = tables(case)
    values = drawn(data, case)
    for name, database in databases.items():
        note(f"on {name}")
        with undone(database):
            database.bulk_create(
                model, [model(value=value, maybe=value if at % 3 else None) for at, value in enumerate(values)]
            )
            query = database.query(model)
            table = query.select(lambda row: {"all": object_agg(row.id, row.maybe, order_by=row.id)}).to_arrow()
            pairs = table.column("all").to_pylist()[0]
            rows = query.order_by("id").all()
            assert [key for key, _ in pairs] == [row.id for row in rows]
            read = TypeAdapter(case.annotation).validate_json if kind_of(case) == "json" else None
            for (_, found), row in zip(pairs, rows, strict=True):
                if read is not None and row.maybe is not None:
                    assert case.key(read(found)) == case.key(row.maybe)
                elif case.name == "array as a set" and row.maybe is not None:
                    assert set(found) == row.maybe
                else:
                    assert found == cell(row.maybe)
