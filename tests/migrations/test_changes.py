"""What Alembic sees when a model changes: that, and nothing else."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from subjects import Subject

from ferro import Check, Field, ForeignKey, Model, now, varchar


def define(**changes: Any) -> type[Model]:
    """Define the model of a parcel, with some of it changed."""
    annotations = {"id": int | None, "weight": Decimal, "sent": datetime, "label": str}
    body = {
        "id": Field(default=None, primary_key=True),
        "weight": Field(db_default=Decimal("0.5")),
        "sent": Field(db_default=now),
        "label": Field(db_type=varchar(10)),
        "__ferro_checks__": (Check("heavy", lambda p: p.weight >= 0),),
    }
    for name, value in changes.items():
        if isinstance(value, tuple) and not name.startswith("__"):
            annotations[name], body[name] = value
        else:
            body[name] = value
    return type(Model)("Parcel", (Model,), {**body, "__annotations__": annotations, "__module__": __name__})


def told(differences: list[Any]) -> list[tuple[Any, ...]]:
    """What is to be done, in short."""
    flat = [one for each in differences for one in (each if isinstance(each, list) else [each])]
    return [(one[0], one[3] if isinstance(one[3] if len(one) > 3 else None, str) else one[-1].name) for one in flat]


CHECKED_AGAIN = [("remove_constraint", "ck_parcel_heavy"), ("add_constraint", "ck_parcel_heavy")]
CHANGES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"colour": (str | None, None)}, [("add_column", "colour")]),
    ({"label": (str, Field(db_type=varchar(10), index=True))}, [("add_index", "idx_parcel_label")]),
    ({"label": (str, Field(db_type=varchar(10), unique=True))}, [("add_constraint", "uq_parcel_label")]),
    ({"label": (str, Field(db_type=varchar(11)))}, [("modify_type", "label")]),
    ({"label": (str, Field(db_type="text"))}, [("modify_type", "label")]),
    ({"label": (str | None, Field(default=None, db_type=varchar(10)))}, [("modify_nullable", "label")]),
    ({"weight": (Decimal, Field(db_default=Decimal("0.50")))}, [("modify_default", "weight")]),
    ({"weight": (Decimal, Field())}, [("modify_default", "weight")]),
    ({"label": (str, Field(db_type=varchar(10), db_default="x"))}, [("modify_default", "label")]),
    # The default and the check of a column are written in the words of its type.
    (
        {"sent": (datetime, Field(db_default=now, db_type="timestamp"))},
        [("modify_type", "sent"), ("modify_default", "sent")],
    ),
    (
        {"weight": (float, Field(db_default=0.75))},
        [*CHECKED_AGAIN, ("modify_type", "weight"), ("modify_default", "weight")],
    ),
    ({"__ferro_composite_indexes__": (("label", "sent"),)}, [("add_index", "idx_parcel_label_sent")]),
    ({"__ferro_composite_uniques__": (("label", "sent"),)}, [("add_constraint", "uq_parcel_label_sent")]),
    ({"__ferro_checks__": (Check("heavy", lambda p: p.weight > 0),)}, CHECKED_AGAIN),
    ({"__ferro_checks__": ()}, [("remove_constraint", "ck_parcel_heavy")]),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
def test_a_change_is_seen_and_nothing_else(subject: Subject, change, expected):
    define()
    subject.create_tables()
    assert subject.differences() == []
    define(**change)
    assert sorted(told(subject.differences())) == sorted(expected)


def test_a_check_that_is_new_is_seen(subject: Subject):
    define(__ferro_checks__=())
    subject.create_tables()
    define()
    assert told(subject.differences()) == [("add_constraint", "ck_parcel_heavy")]


def test_a_script_for_a_new_column_an_index_and_a_table_holds_exactly_that(subject: Subject):
    define()
    subject.revision("first")
    subject.upgrade()
    define(colour=(str | None, Field(default=None, index=True)))

    class Stamp(Model):
        id: int | None = Field(default=None, primary_key=True)
        parcel: Annotated["Parcel", ForeignKey()]  # noqa: F821

    script = subject.revision("second")
    upgrade = script.partition("def upgrade() -> None:")[2].partition("def downgrade")[0]
    assert re.findall(r"op\.(\w+)\((?:op\.f\()?'(\w+)'", upgrade) == [
        ("create_table", "stamp"),
        ("add_column", "parcel"),
        ("create_index", "idx_parcel_colour"),
    ]
    subject.upgrade()
    assert subject.differences() == []
    made = subject.catalog()
    subject.create_tables()
    assert subject.catalog() == made


def test_a_table_of_someone_elses_is_seen_and_those_of_a_text_search_are_not(subject: Subject):
    define()
    subject.create_tables()
    subject.run("CREATE TABLE fts_parcel (id integer)", "CREATE TABLE other (id integer)")
    assert told(subject.differences()) == [("remove_table", "other")]


def test_the_functions_of_a_script_need_nothing_that_it_does_not_import(family, subject: Subject):
    script = subject.revision()
    imports, _, _ = script.partition("# revision identifiers")
    assert "import ferro.migrations\n" in imports
    assert "from sqlalchemy.dialects import postgresql\n" in imports
    assert "Text()" not in re.sub(r"sa\.Text\(\)", "", script)


@pytest.mark.backends("postgres")
def test_a_script_changes_a_check_there_and_back_whatever_its_text(subject: Subject):
    define()
    subject.revision("first")
    subject.upgrade()
    before = subject.catalog()
    define(__ferro_checks__=(Check("heavy", lambda p: p.label != "':a 5%\\{0"), Check("more", lambda p: p.id > 0)))
    subject.revision("second")
    subject.upgrade()
    assert subject.differences() == []
    conditions = [one[2] for one in subject.catalog()["parcel"]["constraints"] if one[1] == "c"]
    assert conditions == [
        "CHECK (((label)::text <> ''':a 5%\\{0'::text))",
        "CHECK ((id > 0))",
    ]
    subject.downgrade("-1")
    assert subject.catalog() == before
