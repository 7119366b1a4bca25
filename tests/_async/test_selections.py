"""Selections: rows as dicts and as instances of any class; and what is asked of a class or in a transaction."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, NotRequired, TypedDict
from uuid import UUID

import pytest
from pydantic import BaseModel
from pydantic import Field as PydanticField

from ferro import (
    AsyncDatabase,
    DataError,
    Field,
    Model,
    QueryError,
    TransactionEnded,
    UnknownColumnError,
    count,
    raw,
    sum_,
    transaction,
)


class Ride(Model):
    id: int | None = Field(default=None, primary_key=True)
    code: UUID = Field(column="ride_code")
    fare: Decimal = Decimal("1.50")
    lasts: timedelta = timedelta(seconds=5)
    begins: datetime = datetime(2024, 5, 1, tzinfo=UTC)
    stops: list[str] = Field(default=["a"])
    done: bool = False


class Whole(BaseModel):
    code: UUID
    fare: Decimal
    lasts: timedelta
    begins: datetime
    stops: list[str]
    done: bool


class Total(BaseModel):
    done: bool
    rides: int = PydanticField(ge=2)
    fares: Decimal | None


@dataclass
class Stops:
    id: int
    stops: list[str]
    note: str = "none"


class Fare(NamedTuple):
    fare: Decimal
    id: int


class Length(TypedDict):
    id: int
    lasts: timedelta
    note: NotRequired[str]


@pytest.fixture
async def rides(database: AsyncDatabase) -> list[Ride]:
    await database.create_tables(Ride)
    return await Ride.bulk_create([Ride(code=UUID(int=at), stops=[str(at)], done=at > 0) for at in range(3)])


# Into a class.


async def test_selected_columns_fill_the_fields_of_a_pydantic_model(rides: list[Ride]) -> None:
    found = await Ride.order_by("id").select("code", "fare", "lasts", "begins", "stops", "done", into=Whole).all()
    assert found[1] == Whole(
        code=UUID(int=1),
        fare=Decimal("1.50"),
        lasts=timedelta(seconds=5),
        begins=datetime(2024, 5, 1, tzinfo=UTC),
        stops=["1"],
        done=True,
    )


async def test_a_dict_names_what_has_no_name(rides: list[Ride]) -> None:
    totals = Ride.where(lambda r: r.done == True).select(
        lambda r: {"done": r.done, "rides": count(), "fares": sum_(r.fare)}, into=Total
    )
    assert await totals.one() == Total(done=True, rides=2, fares=Decimal("3.00"))


async def test_a_tuple_of_columns_fills_the_fields_they_are_called_like(rides: list[Ride]) -> None:
    assert await Ride.select(lambda r: (r.id, r.stops), into=Stops).order_by("id").first() == Stops(1, ["0"])
    assert await Ride.select(Ride.id, Ride.fare, into=Fare).order_by("id").first() == Fare(Decimal("1.50"), 1)
    length: Length | None = await Ride.query().select("id", "lasts", into=Length).order_by("id").first()
    assert length == {"id": 1, "lasts": timedelta(seconds=5)}


async def test_every_way_to_read_gives_the_class(rides: list[Ride]) -> None:
    fares = Ride.order_by("id").select("id", "fare", into=Fare)
    one = Fare(Decimal("1.50"), 1)
    assert (await fares.first(), await fares.limit(1).one(), await fares.limit(1).one_or_none()) == (one, one, one)
    assert (await fares.page(1, 1)).rows == (one,)
    assert [fare async for fare in fares.stream(chunk=2)] == await fares.all()
    assert await fares.count() == 3
    async with transaction():
        assert await fares.claim(1) == [one]
    updated = Ride.where(lambda r: r.id == 1).select("id", "fare", into=Fare)
    assert await updated.update_returning(fare=Decimal(9)) == [Fare(Decimal(9), 1)]


async def test_the_position_of_a_row_is_found_by_name_whatever_the_order_of_its_fields(rides: list[Ride]) -> None:
    fares = Ride.order_by("fare", "id").select("id", "fare", into=Fare)
    first = await fares.first()
    assert fares.position_of(first) == (Decimal("1.50"), 1)
    assert [fare.id for fare in await fares.after(fares.position_of(first)).all()] == [2, 3]
    lengths = Ride.order_by("id").select("id", "lasts", into=Length)
    assert lengths.position_of({"id": 2, "lasts": timedelta()}) == (2,)
    stops = Ride.order_by("id").select("id", "stops", into=Stops)
    assert stops.position_of(Stops(3, [])) == (3,)
    with pytest.raises(QueryError, match=r"^expected a row that this query returned, with id, stops, got 3$"):
        stops.position_of(3)


async def test_a_row_that_does_not_fit_says_which_and_why(rides: list[Ride]) -> None:
    totals = Ride.select(lambda r: {"done": r.done, "rides": count(), "fares": sum_(r.fare)}, into=Total)
    with pytest.raises(DataError) as caught:
        await totals.order_by("done").all()
    assert str(caught.value) == "row 1 of the result is no Total: rides: Input should be greater than or equal to 2"


async def test_what_ferro_does_not_know_the_type_of_is_read_as_the_field_says(rides: list[Ride]) -> None:
    found = await Ride.order_by("id").select(lambda r: {"id": r.id, "lasts": raw("{}", r.lasts)}, into=Length).first()
    assert found == {"id": 1, "lasts": timedelta(seconds=5)}


def test_a_class_that_cannot_be_filled_is_refused_while_the_query_is_built() -> None:
    for select, message in [
        (
            lambda: Ride.select("id", into=Fare),
            "Fare needs 'fare', and the selection has only id: select it too",
        ),
        (
            lambda: Ride.select("id", into=Stops),
            "Stops needs 'stops', and the selection has only id: select it too",
        ),
        (
            lambda: Ride.select("id", into=Length),
            "Length needs 'lasts', and the selection has only id: select it too",
        ),
        (
            lambda: Ride.select(lambda r: (r.id, r.fare * 2), into=Fare),
            (
                "select(into=Fare) fills fields by name, and selection 2 has none: "
                'give it one with a dict, select(lambda u: {"name": ...})'
            ),
        ),
        (
            lambda: Ride.select(lambda r: (r.id, r.id), into=Fare),
            "id is selected twice: name each column once",
        ),
        (
            lambda: Ride.select("id", into=Ride),
            (
                "select(into=Ride) would make rows of a table out of a part of them: "
                "leave out select(), or give a class that is no model"
            ),
        ),
        (
            lambda: Ride.select("id", into=int),
            "into= takes a Pydantic model, a dataclass, a TypedDict or a NamedTuple, not int",
        ),
        (lambda: Ride.select(into=Fare), 'select() needs at least one column: select("id")'),
        (lambda: Ride.select(Ride.id, Ride.id), "id is selected twice: name each column once"),
        (lambda: Ride.select("id", "id"), "id is selected twice: name each column once"),
        (
            lambda: Ride.select("id", lambda r: r.fare),
            "select() takes names, or columns, or one lambda: not a mixture",
        ),
    ]:
        with pytest.raises(QueryError) as caught:
            select()
        assert str(caught.value) == message


# Dicts by name.


async def test_values_are_dicts_of_the_named_columns_or_of_all(rides: list[Ride]) -> None:
    assert await Ride.order_by("id").values("id", "fare").first() == {"id": 1, "fare": Decimal("1.50")}
    everything: list[dict[str, Any]] = await Ride.values().order_by("id").all()
    assert everything == [ride.model_dump() for ride in rides]
    assert await Ride.query().values("done").distinct().count() == 2


def test_values_takes_names_only() -> None:
    with pytest.raises(UnknownColumnError, match="did you mean 'fare'"):
        Ride.values("far")
    with pytest.raises(QueryError, match=r"^id is selected twice: name each column once$"):
        Ride.values("id", "id")
    with pytest.raises(QueryError, match=r"^values\(\) takes the names of columns, and .* is none: select\(lambda u"):
        Ride.values(lambda r: r.id)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match=r"^this query has a selection already: call values\(\) instead of select"):
        Ride.select("id").values("id")


# On the class.


async def test_a_class_has_what_its_queries_have(rides: list[Ride]) -> None:
    assert await Ride.filter_by(done=False).count() == 1
    assert [ride.id async for ride in Ride.stream(chunk=2)] == [1, 2, 3]
    assert [ride.id for ride in await Ride.page(2, 2)] == [3]
    assert await Ride.sum(lambda r: r.fare) == Decimal("4.50")
    assert "ride" in await Ride.explain()
    async with transaction():
        assert len(await Ride.claim(2)) == 2
        assert len(await Ride.for_update().all()) == 3


# In a transaction.


async def test_a_transaction_streams_what_it_has_changed_itself(database: AsyncDatabase, rides: list[Ride]) -> None:
    async with transaction() as block:
        await Ride.where(lambda r: r.id == 2).delete()
        assert [row async for row in block.stream("SELECT id FROM ride ORDER BY id", chunk=1)] == [{"id": 1}, {"id": 3}]
    with pytest.raises(TransactionEnded):
        block.stream("SELECT 1")


@pytest.mark.backends("postgres")
async def test_a_plan_that_was_measured_says_how_long_it_took(rides: list[Ride]) -> None:
    plan = await Ride.where(lambda r: r.id > 1).explain(analyze=True)
    assert "actual time=" in plan
    assert "Execution Time" in plan
