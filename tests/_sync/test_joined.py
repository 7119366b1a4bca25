# Generated from tests/_async/test_joined.py by scripts/unasync.py: edit that file, never this one.
"""What a foreign key leads to comes with the rows of a query that reads few: in one statement, and as ever."""

from typing import Annotated

import pytest
from statements import sent

from ferro.sync import (
    BackRef,
    Database,
    Field,
    ForeignKey,
    ManyToMany,
    Model,
    ModelDoesNotExist,
    MultipleRowsFound,
    Relation,
    SoftDelete,
    session,
    transaction,
)


class Guild(Model):
    code: str = Field(primary_key=True)
    name: str
    painters: Relation[list["Painter"]] = BackRef()


class Painter(SoftDelete, Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    guild: Annotated["Guild | None", ForeignKey(related_name="painters")] = None
    teacher: Annotated["Painter | None", ForeignKey(related_name="pupils")] = None
    pupils: Relation[list["Painter"]] = BackRef()
    paintings: Relation[list["Painting"]] = BackRef()
    sold: Relation[list["Painting"]] = BackRef()


class Painting(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    painter: Annotated[Painter, ForeignKey(related_name="paintings")]
    seller: Annotated["Painter | None", ForeignKey(related_name="sold")] = None
    emblems: Relation[list["Emblem"]] = ManyToMany(related_name="paintings")


class Emblem(Model):
    name: str = Field(primary_key=True)
    paintings: Relation[list[Painting]] = BackRef()


class Hook(Model):
    row: int = Field(primary_key=True)
    letter: str = Field(primary_key=True)
    hung: Relation[list["Sketch"]] = BackRef()


class Sketch(Model):
    id: int | None = Field(default=None, primary_key=True)
    hook: Annotated["Hook | None", ForeignKey(related_name="hung", unique=False)] = None


class Loud(Model):
    id: int | None = Field(default=None, primary_key=True)
    heirs: Relation[list["Heir"]] = BackRef()

    def after_load(self) -> None:
        heard.append(f"loud {self.id}")


class Heir(Model):
    id: int | None = Field(default=None, primary_key=True)
    loud: Annotated[Loud, ForeignKey(related_name="heirs")]

    def after_load(self) -> None:
        heard.append(f"heir {self.id}")
        if self.id == 3:
            self.loud_id = 1


heard: list[str] = []
MODELS = (Guild, Painter, Painting, Emblem, Hook, Sketch, Loud, Heir)


@pytest.fixture
def gallery(database: Database) -> Database:
    """Ann of the guild taught Bob and Cy; Ann painted a and b, Bob, who is deleted, c, and Cy d, which Ann sells."""
    database.create_tables(*MODELS)
    guild = Guild.create(code="G", name="Guild")
    ann = Painter.create(name="Ann", guild=guild)
    bob, cy = [Painter.create(name=name, teacher=ann) for name in ("Bob", "Cy")]
    for name, painter in (("a", ann), ("b", ann), ("c", bob), ("d", cy)):
        Painting.create(name=name, painter=painter, seller=ann if name == "d" else None)
    bob.delete()
    return database


def test_a_page_comes_with_what_its_rows_lead_to_in_one_statement(gallery):
    with sent() as statements:
        page = Painting.include("painter.guild", "painter.teacher", "seller").order_by("name").limit(4).all()
    assert len(statements) == 1
    with sent() as statements:
        assert [painting.painter.name for painting in page] == ["Ann", "Ann", "Bob", "Cy"]
        assert [painting.seller and painting.seller.name for painting in page] == [None, None, None, "Ann"]
        assert [painting.painter.guild and painting.painter.guild.name for painting in page] == [
            "Guild",
            "Guild",
            None,
            None,
        ]
        assert [painting.painter.teacher and painting.painter.teacher.name for painting in page] == [
            None,
            None,
            "Ann",
            "Ann",
        ]
    assert statements == []


def test_it_is_the_number_of_rows_a_query_asks_for_that_decides(gallery):
    for query, expected in (
        (Painting.limit(50), 1),
        (Painting.limit(51), 2),
        (Painting.query(), 2),
        (Painting.limit(0), 1),
    ):
        with sent() as statements:
            query.include("painter").all()
        assert len(statements) == expected
    with transaction():
        with sent() as statements:
            [first] = Painting.order_by("id").include("painter").claim(1)
        assert (first.painter.name, len([sql for sql in statements if sql.startswith("SELECT")])) == ("Ann", 2)


def test_every_terminal_that_reads_few_rows_does_it(gallery):
    query = Painting.include("painter").order_by("id")
    with sent() as statements:
        assert query.first().painter.name == "Ann"
        assert query.where(lambda p: p.name == "d").one().painter.name == "Cy"
        assert query.where(lambda p: p.name == "c").one_or_none().painter.name == "Bob"
        assert query.where(lambda p: p.name == "e").first() is None
        assert query.where(lambda p: p.name == "e").one_or_none() is None
        with pytest.raises(ModelDoesNotExist, match="no Painting matches this query"):
            query.where(lambda p: p.name == "e").one()
        with pytest.raises(MultipleRowsFound, match="more than one Painting matches this query"):
            query.one()
    assert len(statements) == 7
    with sent() as statements:
        page = query.page(2, 3)
    assert ([painting.painter.name for painting in page.rows], page.total, len(statements)) == (["Cy"], 4, 2)
    ann = Painter.where(lambda p: p.name == "Ann").one()
    with sent() as statements:
        assert [p.seller for p in ann.paintings.order_by("name").limit(2).include("seller").all()] == [None, None]
    assert len(statements) == 1


def test_one_row_is_one_object_along_one_relation(gallery):
    a, b, _, d = Painting.include("painter.teacher", "seller").order_by("name").limit(4).all()
    assert a.painter is b.painter
    assert d.seller == a.painter and d.seller is not a.painter
    with session():
        a, b, c, d = Painting.include("painter.teacher", "seller").order_by("name").limit(4).all()
        assert a.painter is b.painter is d.seller is c.painter.teacher is d.painter.teacher
        held = Painter.get(a.painter.id)
        assert held is a.painter


def test_a_foreign_key_leads_to_its_row_whatever_the_scope_says_and_conditions_keep_rows_out(gallery):
    c = Painting.where(lambda p: p.name == "c").include("painter").one()
    assert (c.painter.name, c.painter.deleted_at is None) == ("Bob", False)

    def alive(painting):
        return painting.painter.where(lambda p: p.deleted_at == None).include("guild")

    with sent() as statements:
        page = Painting.include(alive).order_by("name").limit(4).all()
        assert [painting.painter and painting.painter.name for painting in page] == ["Ann", "Ann", None, "Cy"]
        assert page[0].painter.guild.name == "Guild"
    assert len(statements) == 1
    with sent() as statements:
        found = Painting.order_by("name").limit(4).include(lambda p: p.painter.filter_by(name="Cy")).all()
        assert [painting.painter and painting.painter.name for painting in found] == [None, None, None, "Cy"]
    assert len(statements) == 1
    page[2].painter_id = 1
    assert page[2].painter.name == "Ann"


def test_conditions_that_no_join_can_say_are_kept_by_a_statement_more(gallery):
    for chosen in (
        lambda p: p.painter.where(lambda one: one.guild.name == "Guild"),
        lambda p: p.painter.where(lambda one: one.pupils.any(lambda pupil: pupil.name == "Cy")),
        lambda p: p.painter.where(lambda one: one.paintings.count() > 1),
        lambda p: p.painter.where(lambda one: one.id.in_(Guild.query().select(1))),
    ):
        with sent() as statements:
            page = Painting.include(chosen).order_by("name").limit(4).all()
            assert [painting.painter and painting.painter.name for painting in page] == ["Ann", "Ann", None, None]
        assert len(statements) == 2


def test_collections_below_and_beside_are_loaded_from_the_rows_that_came(gallery):
    [x] = [Emblem.create(name="x")]
    d = Painting.where(lambda p: p.name == "d").one()
    d.emblems.add(x)
    with sent() as statements:
        page = Painting.include("emblems", "seller.pupils", "painter.teacher.pupils").order_by("-name").limit(2).all()
    assert len(statements) == 4
    assert [len(painting.emblems) for painting in page] == [1, 0]
    assert [pupil.name for pupil in page[0].seller.pupils] == ["Cy"]
    assert [pupil.name for pupil in page[1].painter.teacher.pupils] == ["Cy"]
    assert page[0].seller.pupils[0].teacher is page[0].seller


def test_rows_keep_their_order_whatever_they_are_sorted_by(gallery):
    named = Painting.include("painter", "seller")

    def names(found: list[Painting]) -> list[tuple[str, str]]:
        return [(painting.name, painting.painter.name) for painting in found]

    by_painter = named.order_by(lambda p: (p.painter.name.desc(), p.name)).limit(3).all()
    assert names(by_painter) == [("d", "Cy"), ("c", "Bob"), ("a", "Ann")]
    by_teacher = named.order_by(lambda p: (p.painter.teacher.name, p.name.desc())).offset(1).limit(3).all()
    assert names(by_teacher) == [("c", "Bob"), ("b", "Ann"), ("a", "Ann")]
    third = named.order_by("id").limit(2).offset(2).all()
    assert names(third) == [("c", "Bob"), ("d", "Cy")]
    with sent() as statements:
        assert names(named.order_by("id").before((4,)).limit(2).all()) == [("b", "Ann"), ("c", "Bob")]
    assert len(statements) == 1
    assert names([named.order_by("id").before((4,)).limit(2).first()]) == [("b", "Ann")]
    assert names(named.order_by("id").after((2,)).limit(1).all()) == [("c", "Bob")]


def test_composite_keys_are_joined_by_all_of_their_columns(gallery):
    near, far = Hook.create(row=1, letter="a"), Hook.create(row=1, letter="b")
    for hook in (near, far, far, None):
        Sketch.create(hook=hook)
    with sent() as statements:
        sketches = Sketch.include("hook").order_by("id").limit(4).all()
        assert [sketch.hook and sketch.hook.letter for sketch in sketches] == ["a", "b", "b", None]
        assert sketches[1].hook is sketches[2].hook
    assert len(statements) == 1


def test_an_object_that_is_to_lead_elsewhere_has_what_it_will_lead_to(gallery):
    with session():
        a, b = Painting.order_by("name").limit(2).all()
        a.painter_id = 3
        found = Painting.include("painter.teacher").order_by("name").limit(2).all()
        assert found[0] is a and found[1] is b
        assert [painting.painter.name for painting in found] == ["Cy", "Ann"]
        assert (a.painter_id, a.painter.teacher) == (3, b.painter)


def test_hooks_are_called_once_for_each_instance_and_may_lead_elsewhere(gallery):
    for _ in range(2):
        Loud.create()
    for loud in (1, 1, 2):
        Heir.create(loud_id=loud)
    heard.clear()
    two = Heir.include("loud").order_by("id").limit(2).all()
    assert heard == ["heir 1", "heir 2", "loud 1"]
    assert two[0].loud is two[1].loud
    heard.clear()
    three = Heir.include("loud").order_by("id").limit(3).all()
    assert heard == ["heir 1", "heir 2", "heir 3", "loud 1"]
    assert three[2].loud is three[0].loud


def test_what_came_is_loaded_for_instances_as_by_a_statement_of_its_own(gallery):
    few = Painting.include("painter.guild", "seller").order_by("name").limit(4).all()
    all = Painting.include("painter.guild", "seller").order_by("name").all()
    assert few == all
    for one, other in zip(few, all, strict=True):
        assert (one.painter, one.seller) == (other.painter, other.seller)
        assert one.painter.model_dump() == other.painter.model_dump()
    few[0].painter.name = "Anna"
    few[0].painter.save()
    assert Painter.get(1).name == "Anna"


def test_what_is_shown_is_what_is_sent(gallery):
    page = Painting.include("painter").order_by("name").limit(2)
    with sent() as statements:
        page.all()
    assert statements == [page.sql().sql]
    assert page.sql().params == (2,)
    assert "painter" in page.explain()
