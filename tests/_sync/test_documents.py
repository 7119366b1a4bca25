# Generated from tests/_async/test_documents.py by scripts/unasync.py: edit that file, never this one.
"""Documents, dates and regular expressions through a whole database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from ferro.sync import Database, DataError, Field, Model, QueryError, cast, col, count, date_trunc, now, year


class Place(BaseModel):
    city: str
    zone: str | None = None


class Parcel(Model):
    id: int | None = Field(default=None, primary_key=True)
    meta: dict[str, Any]
    plain: dict[str, Any] = Field(db_type="json")
    place: Place
    sent: datetime
    waited: timedelta = timedelta(0)


SENT = datetime(2026, 3, 29, 23, 30, 0, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def parcels(database: Database) -> None:
    database.create_tables(Parcel)
    Parcel.bulk_create(
        [
            Parcel(meta={"kind": "letter", "g": 20}, plain={"a": [1]}, place=Place(city="Bonn"), sent=SENT),
            Parcel(meta={"kind": "box", "g": 2500.5}, plain={}, place=Place(city="Rome"), sent=SENT + timedelta(3)),
            Parcel(meta={"kind": "box", "g": None}, plain={"a": 1}, place=Place(city="Oslo"), sent=SENT),
        ]
    )


def test_rows_are_found_by_what_is_in_their_documents() -> None:
    assert [p.id for p in Parcel.where(lambda p: p.meta["kind"] == "box").order_by("id").all()] == [2, 3]
    assert [p.id for p in Parcel.where(lambda p: p.meta["g"] > 20.5).all()] == [2]
    assert [p.id for p in Parcel.where(lambda p: p.meta["g"] == None).all()] == [3]
    assert [p.id for p in Parcel.where(lambda p: p.place.city == "Oslo").all()] == [3]
    assert Parcel.where(lambda p: col(p.plain).contains({"a": [1]})).count() == 1
    heaviest = Parcel.order_by(lambda p: cast(p.meta["g"], float).desc()).select(lambda p: p.meta["g"])
    assert heaviest.all() == [2500.5, 20, None]
    by_kind = Parcel.select(lambda p: (p.meta["kind"], count())).order_by(lambda p: count())
    assert by_kind.all() == [("letter", 1), ("box", 2)]


def test_a_document_is_changed_in_place() -> None:
    Parcel.where(lambda p: p.id == 1).update(
        lambda p: {"meta": col(p.meta).merge({"kind": "card", "new": [None]}), "plain": col(p.plain).without("a")}
    )
    parcel = Parcel.get(1)
    assert (parcel.meta, parcel.plain) == ({"kind": "card", "g": 20, "new": [None]}, {})


def test_rows_are_found_and_grouped_by_their_dates() -> None:
    assert Parcel.where(lambda p: p.sent + timedelta(days=3) == SENT + timedelta(3)).count() == 2
    by_month = Parcel.select(lambda p: (date_trunc("month", p.sent), count())).order_by(lambda p: count())
    march, april = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    assert by_month.all() == [(april, 1), (march, 2)]
    Parcel.where(lambda p: year(p.sent) == 2026).update(
        lambda p: {"sent": p.sent - timedelta(hours=1), "waited": col(p.sent) - SENT}
    )
    found = Parcel.order_by("id").select(lambda p: (p.sent, p.waited)).all()
    assert found[1] == (SENT + timedelta(days=3, hours=-1), timedelta(3))
    since = Parcel.select(lambda p: now - p.sent).first()
    assert isinstance(since, timedelta)


@pytest.mark.backends("postgres")
def test_an_invalid_pattern_is_a_data_error() -> None:
    assert [p.id for p in Parcel.where(lambda p: ~col(p.place.city).matches("^[BR]o")).all()] == [3]
    with pytest.raises(DataError, match="invalid regular expression"):
        Parcel.where(lambda p: col(p.place.city).matches("(")).all()


@pytest.mark.backends("sqlite")
def test_sqlite_says_what_to_use_instead_of_a_pattern() -> None:
    with pytest.raises(QueryError, match=r"sqlite has no regular expressions.*use like\(\), ilike\(\)"):
        Parcel.where(lambda p: col(p.place.city).matches("x")).all()


@pytest.mark.backends("postgres")
def test_an_index_serves_containment_and_a_path(database: Database) -> None:
    database.execute("CREATE INDEX found_in ON parcel USING gin (meta)")
    database.execute("CREATE INDEX found_at ON parcel (NULLIF(meta -> CAST('kind' AS text), 'null'))")
    contained = Parcel.where(lambda p: col(p.meta).contains({"kind": "box"}) & col(p.meta).has_key("kind"))
    at_a_path = Parcel.where(lambda p: p.meta["kind"] == "box")
    with database.transaction():
        database.execute("SET LOCAL enable_seqscan = off")
        assert "found_in" in contained.explain()
        assert "found_at" in at_a_path.explain()
