"""From rows to instances and values."""

import gc
import threading
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, SecretStr, field_validator

from ferro.errors import DataError
from ferro.fields import Field
from ferro.model import ModelBase
from ferro.operations.collector import NoCollection
from ferro.operations.hydrate import filler, row_loader
from ferro.schema.registry import table_of
from ferro.schema.table import Column
from ferro.types import column_type


class Engine(BaseModel):
    power: int


class Car(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(column="title")
    price: Decimal
    built: datetime | None
    engine: Engine | None
    code: UUID
    sold: bool

    @field_validator("name")
    @classmethod
    def never(cls, value: str) -> str:
        raise AssertionError("rows are trusted")


class Secret(ModelBase):
    id: int
    key: SecretStr
    limit: Decimal


class Hooked(ModelBase):
    id: int

    def model_post_init(self, context: Any) -> None:
        if self.id == 2:
            raise RuntimeError("two is not to be")


CODE = UUID("00000000-0000-0000-0000-00000000000a")
BUILT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def in_sqlite(column: Column, value: Any) -> Any:
    dump = column.type.stored["sqlite"].dump
    return value if dump is None or value is None else dump(value)


def sqlite_row(*values: Any) -> tuple[Any, ...]:
    return tuple(in_sqlite(column, value) for column, value in zip(table_of(Car).columns, values, strict=True))


def fill(model: type[ModelBase], rows: list[tuple[Any, ...]], dialect: str = "sqlite") -> list[Any]:
    return filler(model, table_of(model).columns, dialect)(rows)


@pytest.mark.parametrize("count", [1, 51])
def test_rows_become_instances_with_python_values_and_no_validation(count):
    row = sqlite_row(1, "Ami", Decimal("1.50"), BUILT, Engine(power=3), CODE, True)
    *_, car = fill(Car, [row] * count)
    assert vars(car) == {
        "id": 1,
        "name": "Ami",
        "price": Decimal("1.50"),
        "built": BUILT,
        "engine": Engine(power=3),
        "code": CODE,
        "sold": True,
    }
    assert type(car.sold) is bool
    assert str(car.price) == "1.50"


@pytest.mark.parametrize("count", [1, 51])
def test_null_is_none_whatever_the_type(count):
    *_, car = fill(Car, [(None,) * 7] * count)
    assert set(vars(car).values()) == {None}


def test_postgres_rows_keep_the_objects_of_the_driver():
    (car,) = fill(Car, [(1, "Ami", Decimal("1.50"), BUILT, {"power": 3}, CODE, True)], "postgresql")
    assert (car.price, car.built, car.engine, car.code) == (Decimal("1.50"), BUILT, Engine(power=3), CODE)


def test_some_columns_can_be_filled_in_any_order():
    by_field = table_of(Car).by_field
    (car,) = filler(Car, (by_field["sold"], by_field["id"]), "sqlite")([(1, 7)])
    assert vars(car) == {"sold": True, "id": 7}
    assert car.model_fields_set == {"sold", "id"}


def test_no_rows_are_no_instances():
    assert fill(Car, []) == []


def test_the_function_is_made_once_for_model_columns_and_dialect():
    columns = table_of(Car).columns
    assert filler(Car, columns, "sqlite") is filler(Car, columns, "sqlite")
    assert filler(Car, columns, "sqlite") is not filler(Car, columns, "postgresql")


@pytest.mark.parametrize("count", [1, 51, 500, 501, 1700])
def test_every_row_is_there_in_its_order(count):
    rows = [sqlite_row(at, "x", Decimal(at), None, None, CODE, False) for at in range(count)]
    assert [car.id for car in fill(Car, rows)] == list(range(count))


@pytest.mark.parametrize("count", [1, 700])
def test_a_value_that_cannot_be_loaded_names_model_and_column(count):
    good = sqlite_row(1, "Ami", Decimal("1.50"), BUILT, None, CODE, True)
    bad = (*good[:2], "many", *good[3:])
    with pytest.raises(DataError, match=r"^Car\.price: the database holds 'many', which is no Decimal: ") as caught:
        fill(Car, [good] * count + [bad])
    assert caught.value.__cause__ is not None
    # A traceback tells of it once.
    assert caught.value.__cause__.__context__ is None
    assert gc.isenabled()


def test_a_secret_is_not_shown_in_an_error():
    key = table_of(Secret).by_field["key"]

    def refuse(value: Any) -> Any:
        raise ValueError("no")

    kept = key.type.stored["sqlite"]
    columns = (Column("key", "key", column_type_with(key.type, kept, refuse)),)
    with pytest.raises(DataError) as caught:
        filler(Secret, columns, "sqlite")([("hunter2",)])
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).startswith("Secret.key: the database holds a value, which is no SecretStr")


def column_type_with(type: Any, kept: Any, load: Any) -> Any:
    return replace(type, stored={"sqlite": replace(kept, load=load)})


def test_an_error_of_the_models_own_hook_stays_itself():
    with pytest.raises(RuntimeError, match="two is not to be"):
        fill(Hooked, [(1,), (2,)])


def test_the_collector_is_off_while_filling_and_back_afterwards():
    seen: list[bool] = []

    class Watching(ModelBase):
        id: int

        def model_post_init(self, context: Any) -> None:
            seen.append(gc.isenabled())

    fill(Watching, [(at,) for at in range(600)])
    assert set(seen) == {False}
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with NoCollection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_threads_that_fill_at_once_leave_the_collector_on():
    rows = [sqlite_row(at, "x", Decimal(at), None, None, CODE, False) for at in range(300)]

    def fill_often() -> None:
        for _ in range(30):
            fill(Car, rows)

    threads = [threading.Thread(target=fill_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gc.isenabled()


TYPES = (column_type(int), column_type(Decimal), None)


def test_projected_rows_are_tuples_dicts_or_single_values():
    rows = [(1, "1.50", "as it is"), (None, None, None)]
    assert row_loader(TYPES, "sqlite")(rows) == [(1, Decimal("1.50"), "as it is"), (None, None, None)]
    assert row_loader(TYPES, "sqlite", "dict", ("a", 'b"]: 1}#', "c"))(rows) == [
        {"a": 1, 'b"]: 1}#': Decimal("1.50"), "c": "as it is"},
        {"a": None, 'b"]: 1}#': None, "c": None},
    ]
    assert row_loader(TYPES[1:2], "sqlite", "value")([("1.50",), (None,)]) == [Decimal("1.50"), None]
    assert row_loader(TYPES[:1], "sqlite")([(1,)]) == [(1,)]
    assert row_loader(TYPES[:1], "sqlite", "value")([(1,), (2,)]) == [1, 2]
    assert row_loader((), "sqlite")([()]) == [()]


def test_a_projected_value_that_cannot_be_loaded_says_which():
    with pytest.raises(DataError, match=r"^value 2: the database holds 'x', which is no Decimal"):
        row_loader(TYPES, "sqlite")([(1, "x", None)])
    with pytest.raises(DataError, match=r"^price: the database holds 'x'"):
        row_loader(TYPES[1:2], "sqlite", "dict", ("price",))([("x",)])


def test_no_text_of_a_user_reaches_the_generated_code():
    class Odd(ModelBase):
        __ferro_table__ = "odd"
        id: int = Field(column="\"]; import os; os.abort()  # '")

    assert fill(Odd, [(3,)])[0].id == 3
