# Generated from tests/_async/test_typed_rows.py by scripts/unasync.py: edit that file, never this one.
"""SQL the user wrote, into models and typed rows; and the plans of queries."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, NotRequired, TypedDict
from uuid import UUID

import pytest
import typing_extensions
from pydantic import BaseModel
from pydantic import Field as PydanticField

from ferro.sync import Database, DataError, Field, Model, QueryError, fetch_all, fetch_one, transaction


class Trip(Model):
    id: int | None = Field(default=None, primary_key=True)
    code: UUID = Field(column="trip_code")
    fare: Decimal = Decimal("1.50")
    lasts: timedelta = timedelta(seconds=5)
    begins: datetime = datetime(2024, 5, 1, tzinfo=UTC)
    stops: list[str] = Field(default=["a"])
    done: bool = False


class Summary(BaseModel):
    trip: UUID = PydanticField(alias="trip_code")
    fare: Decimal
    lasts: timedelta
    begins: datetime
    stops: list[str]
    done: bool


@dataclass
class Stops:
    id: int
    stops: list[str]
    note: str = "none"


class Fare(NamedTuple):
    id: int
    fare: Decimal


class Length(TypedDict):
    id: int
    lasts: timedelta
    note: NotRequired[str]


class OtherLength(typing_extensions.TypedDict):
    lasts: timedelta
    note: NotRequired[str]


@pytest.fixture(autouse=True)
def trips(database: Database) -> list[Trip]:
    database.create_tables(Trip)
    return Trip.bulk_create([Trip(code=UUID(int=at), stops=[str(at)], done=at > 0) for at in range(2)])


def test_rows_become_instances_by_the_names_of_their_columns(database: Database, trips: list[Trip]) -> None:
    mark = "?" if database.dialect.name == "sqlite" else "$1"
    sql = f"SELECT 7 AS more, done, stops, begins, lasts, fare, trip_code, id FROM trip WHERE id > {mark} ORDER BY id"
    assert Trip.raw(sql, 0) == trips
    found = database.raw(Trip, sql, 1)
    assert found == trips[1:]
    found[0].fare = Decimal(3)
    found[0].save()
    assert Trip.get(2).fare == Decimal(3)
    assert fetch_all("SELECT * FROM trip ORDER BY id DESC", into=Trip) == [found[0], trips[0]]


def test_a_model_needs_all_of_its_columns() -> None:
    with pytest.raises(QueryError) as caught:
        Trip.raw("SELECT id, fare FROM trip")
    assert str(caught.value) == (
        "the result has no column 'trip_code', and a Trip needs all of its own: SELECT it as well, or use "
        "fetch_all(..., into=) with a class that has the columns id, fare"
    )


def test_rows_become_whatever_has_typed_fields(database: Database) -> None:
    whole = "SELECT * FROM trip ORDER BY id"
    found = fetch_all(whole, into=Summary)
    assert found[1] == Summary(
        trip_code=UUID(int=1),
        fare=Decimal("1.50"),
        lasts=timedelta(seconds=5),
        begins=datetime(2024, 5, 1, tzinfo=UTC),
        stops=["1"],
        done=True,
    )
    assert str(found[1].fare) == "1.50"
    assert database.fetch_all(whole, into=Stops) == [Stops(1, ["0"]), Stops(2, ["1"])]
    assert fetch_one(whole, into=Fare) == Fare(1, Decimal("1.50"))
    assert database.fetch_one(whole, into=Length) == {"id": 1, "lasts": timedelta(seconds=5)}
    assert database.fetch_one(whole, into=OtherLength) == {"lasts": timedelta(seconds=5)}
    assert fetch_one("SELECT * FROM trip WHERE id = 9", into=Fare) is None
    with transaction() as tx:
        assert tx.fetch_all("SELECT 1 AS id, 0.5 AS fare", into=Fare) == [Fare(1, Decimal("0.5"))]
        assert tx.fetch_one("SELECT 1 AS id, 0.5 AS fare", into=Fare) == Fare(1, Decimal("0.5"))


def test_rows_that_do_not_fit_are_told_apart() -> None:
    for into in (Fare, Stops, Length, Summary):
        with pytest.raises(
            DataError, match=rf"^the result has no column '.*', which {into.__name__} needs; its columns are id$"
        ):
            fetch_all("SELECT id FROM trip", into=into)
    with pytest.raises(DataError, match=r"^row 2 of the result is no Fare: fare: Input should be a valid decimal$"):
        fetch_all("SELECT 1 AS id, '1' AS fare UNION ALL SELECT 2, 'secret' ORDER BY id", into=Fare)


@pytest.mark.parametrize(("into", "shown"), [(int, "int"), (dict, "dict"), (list[int], "list")])
def test_a_class_without_fields_is_refused(into: Any, shown: str) -> None:
    with pytest.raises(
        QueryError, match=rf"^into= takes a Pydantic model, a dataclass, a TypedDict or a NamedTuple, not {shown}"
    ):
        fetch_all("SELECT 1 AS id", into=into)


# Plans.


def test_the_plan_of_a_query_is_text(database: Database) -> None:
    query = Trip.where(lambda t: t.fare == Decimal(1)).order_by("fare")
    plan = query.explain()
    assert ("SCAN trip" if database.dialect.name == "sqlite" else "Seq Scan on trip") in plan
    if database.dialect.name == "sqlite":
        with pytest.raises(QueryError, match=r"^explain\(analyze=True\) is for PostgreSQL: SQLite does not measure"):
            query.explain(analyze=True)
    else:
        assert re.search(r"actual time=.*rows=", query.explain(analyze=True))
        assert "actual time" not in plan
