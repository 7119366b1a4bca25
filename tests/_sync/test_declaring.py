# Generated from tests/_async/test_declaring.py by scripts/unasync.py: edit that file, never this one.
"""Relations between models that are declared in any order and place, and what the database keeps of them."""

import sys
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Annotated, Any

import pytest

from ferro.sync import (
    BackRef,
    Database,
    Field,
    ForeignKey,
    ForeignKeyViolationError,
    IntegrityError,
    Model,
    Relation,
    UniqueViolationError,
)


class Owner(Model):
    code: str = Field(primary_key=True)
    car: BackRef["Car"] = None
    houses: Relation[list["House"]] = BackRef()


class House(Model):
    id: int | None = Field(default=None, primary_key=True)
    cascade: Annotated[Owner | None, ForeignKey(related_name="houses", on_update="cascade")] = None
    restrict: Annotated[Owner | None, ForeignKey(on_delete="RESTRICT", on_update="RESTRICT")] = None
    null: Annotated[Owner, ForeignKey(on_delete="set null", on_update="SET NULL")]
    default: Annotated[Owner, ForeignKey(on_delete="SET DEFAULT", on_update="SET DEFAULT")]
    default_id: str = Field(default="city", db_default="city")
    nothing: Annotated[Owner | None, ForeignKey(on_delete="No Action", on_update="NO ACTION")] = None


class Car(Model):
    plate: str = Field(primary_key=True)
    owner: Annotated[Owner | None, ForeignKey(related_name="car", unique=True)] = None


@pytest.fixture
def ann(database: Database) -> Owner:
    database.create_tables(Owner, House, Car)
    Owner.create(code="city")
    return Owner.create(code="ann")


KEPT = {"cascade_id": None, "restrict_id": None, "null_id": None, "default_id": "city", "nothing_id": None}


def house_of(name: str) -> dict[str, Any]:
    House.create(**{name: "ann"})
    return House.one().model_dump(exclude={"id"})


def test_deleting_takes_the_rows_along(ann):
    house_of("cascade")
    ann.delete()
    assert House.count() == 0


@pytest.mark.parametrize("name", ["null", "default"])
def test_deleting_lets_the_rows_refer_to_something_else(ann, name):
    house_of(name)
    ann.delete()
    assert House.one().model_dump(exclude={"id"}) == KEPT


@pytest.mark.parametrize("name", ["restrict", "nothing"])
def test_what_is_referred_to_is_not_deleted(ann, name):
    house_of(name)
    with pytest.raises(ForeignKeyViolationError):
        ann.delete()
    with pytest.raises(ForeignKeyViolationError):
        Owner.where(lambda o: o.code == "ann").update(code="eve")


@pytest.mark.parametrize(("name", "now"), [("cascade", "eve"), ("null", None), ("default", "city")])
def test_a_key_that_changes_is_followed(ann, name, now):
    house_of(name)
    Owner.where(lambda o: o.code == "ann").update(code="eve")
    assert House.one().model_dump(exclude={"id"}) == {**KEPT, f"{name}_id": now}


def test_one_to_one_is_written_from_the_side_of_the_column(ann):
    car = Car.create(plate="A1", owner=ann)
    assert ann.car == car
    car.owner = Owner.one() if Owner.count() == 1 else Owner.get("city")
    car.save()
    ann.refresh()
    assert ann.car is None
    assert Owner.get("city").car.plate == "A1"
    with pytest.raises(UniqueViolationError):
        Car.create(plate="B2", owner="city")
    Car.create(plate="C3")
    Car.create(plate="D4")


CIRCLES = {
    "imported at the top": """
        from typing import Annotated
        import {other}
        from ferro.sync import BackRef, Field, ForeignKey, ManyToMany, ModelBase, Relation
        """,
    "imported for checkers only": """
        from __future__ import annotations
        from typing import TYPE_CHECKING, Annotated
        from ferro.sync import BackRef, Field, ForeignKey, ManyToMany, ModelBase, Relation
        if TYPE_CHECKING:
            from {other} import {theirs}
        """,
}
BODY = """
class {own}(ModelBase):
    key: str = Field(primary_key=True)
    next: Annotated["{name} | None", ForeignKey(related_name="{other}_back")] = None
    {module}_back: Relation[list["{name}"]] = BackRef()
    {module}_far: Relation[list["{name}"]] = ManyToMany(related_name="{other}_far_back")
    {module}_far_back: Relation[list["{name}"]] = BackRef()
"""


@pytest.mark.parametrize("way", CIRCLES)
def test_two_files_may_import_each_other(database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way):
    monkeypatch.syspath_prepend(tmp_path)
    pairs = (("circle_a", "Alpha", "circle_b", "Beta"), ("circle_b", "Beta", "circle_a", "Alpha"))
    for module, own, other, theirs in pairs:
        name = f"{other}.{theirs}" if "top" in way else theirs
        text = (dedent(CIRCLES[way]) + BODY).format(module=module, own=own, other=other, theirs=theirs, name=name)
        (tmp_path / f"{module}.py").write_text(text)
    try:
        a, b = (import_module(module) for module, *_ in pairs)
        database.create_tables(a.Alpha, b.Beta)
        database.create_tables(b.Beta, a.Alpha)
        alpha = database.create(a.Alpha, key="a")
        beta = database.create(b.Beta, key="b", next=alpha)
        alpha.next = beta
        database.save(alpha)
        assert [row.key for row in database.query(alpha.circle_a_back).all()] == ["b"]
        assert database.load(database.get(a.Alpha, "a"), lambda row: row.next) == beta
        database.query(alpha.circle_a_far).add("b")
        assert database.query(beta.circle_b_far_back).all() == [alpha]
        with pytest.raises(IntegrityError):
            database.create(b.Beta, key="c", next="nowhere")
    finally:
        for module, *_ in pairs:
            sys.modules.pop(module, None)


class Ring(Model):
    id: int | None = Field(default=None, primary_key=True)
    chain: Annotated["Chain | None", ForeignKey()] = None
    first: Annotated["Ring | None", ForeignKey(on_delete="SET NULL")] = None


class Chain(Model):
    id: int | None = Field(default=None, primary_key=True)
    clasp: Annotated["Clasp", ForeignKey()]


class Clasp(Model):
    id: int | None = Field(default=None, primary_key=True)
    ring: Annotated[Ring, ForeignKey()]


def test_a_circle_of_three_and_of_one_is_kept_by_the_database(database):
    database.create_tables(Clasp, Ring, Chain)
    database.create_tables(Ring, Chain, Clasp)
    ring = Ring.create()
    ring.first = ring
    ring.save()
    clasp = Clasp.create(ring=ring)
    chain = Chain.create(clasp=clasp)
    ring.chain = chain
    ring.save()
    assert ring.chain.clasp.ring == ring
    for wrong in (Ring(chain_id=9), Ring(first_id=9), Chain(clasp_id=9), Clasp(ring_id=9)):
        with pytest.raises(ForeignKeyViolationError):
            wrong.save()
    ring.delete()
    assert (Ring.count(), Chain.count(), Clasp.count()) == (0, 0, 0)
