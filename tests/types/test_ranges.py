"""`Range`: its one form, what it answers, and what Pydantic makes of it."""

import copy
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import BaseModel, NaiveDatetime, ValidationError

from ferro import Range
from ferro.types import column_type

DAY = date(2024, 1, 31)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (Range(1, 3), "Range(1, 3)"),
        (Range(1, 3, "[]"), "Range(1, 4)"),
        (Range(1, 3, "()"), "Range(2, 3)"),
        (Range(1, 3, "(]"), "Range(2, 4)"),
        (Range(1, 2, "()"), "Range.empty()"),
        (Range(1, 1), "Range.empty()"),
        (Range(1, 1, "[]"), "Range(1, 2)"),
        (Range(None, 3, "[]"), "Range(None, 4)"),
        (Range(), "Range(None, None)"),
        (Range(DAY, DAY, "[]"), "Range(datetime.date(2024, 1, 31), datetime.date(2024, 2, 1))"),
        (Range(Decimal(1), Decimal(1), "[]"), "Range(Decimal('1'), Decimal('1'), '[]')"),
        (Range(Decimal(1), Decimal(1), "(]"), "Range.empty()"),
        (Range(None, Decimal(2), "[]"), "Range(None, Decimal('2'), '(]')"),
    ],
)
def test_a_range_has_one_form(given, shown):
    assert repr(given) == shown


def test_equal_ranges_are_one_key_of_a_dict():
    assert {Range(1, 3, "[]"): "found"}[Range(0, 4, "()")] == "found"
    assert Range(1, 3) != Range(1, 4)
    assert Range(1, 3) != (1, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Range(3, 1), "a range cannot begin at 3 and end at 1: its lower bound comes first"),
        (lambda: Range(1, Decimal(2)), r"1 and Decimal\('2'\) are no bounds of one range: give both the same type"),
        (lambda: Range(1, 2, "<>"), "the bounds of a range are .* not '<>'"),
        (lambda: Range(None, date.max, "[]"), "a range that includes 9999-12-31 ends on the day after"),
        (lambda: Range(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2)), "are no bounds of one range"),
    ],
)
def test_what_is_no_range_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_range_never_changes():
    found = Range(1, 3)
    with pytest.raises(AttributeError, match="a Range never changes: make a new one instead of setting _lower"):
        found._lower = 2
    assert copy.deepcopy(found) is found
    assert pickle.loads(pickle.dumps(found)) == found
    assert pickle.loads(pickle.dumps(Range.empty())).is_empty


class Slot(BaseModel):
    numbers: Range[int] | None = None
    costs: Range[Decimal] | None = None
    times: Range[datetime] | None = None


@pytest.mark.parametrize(
    "slot",
    [
        Slot(numbers=Range(1, 3, "[]"), costs=Range(Decimal("1.50"), None)),
        Slot(numbers=Range.empty(), costs=Range()),
        Slot(times=Range(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC), "[]")),
    ],
)
def test_pydantic_reads_what_it_has_written(slot):
    assert Slot.model_validate_json(slot.model_dump_json()) == slot
    assert Slot.model_validate(slot.model_dump()) == slot
    assert Slot.model_validate(slot.model_dump(mode="json")) == slot


def test_a_range_is_written_in_the_words_of_json():
    assert Slot(numbers=Range(1, 3)).model_dump(mode="json")["numbers"] == {"lower": 1, "upper": 3, "bounds": "[)"}
    assert Slot(numbers=Range.empty()).model_dump(mode="json")["numbers"] == {"empty": True}
    assert Slot(costs={"lower": "1.5", "upper": 2, "bounds": "[]"}).costs == Range(Decimal("1.5"), Decimal(2), "[]")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"numbers": Range(Decimal(1))}, "is a range of other values"),
        ({"costs": Range(1, 2)}, "is a range of other values"),
        ({"numbers": {"lower": "x"}}, "numbers.lower"),
        ({"numbers": {"lower": 1, "end": 2}}, "Extra inputs are not permitted"),
        ({"numbers": {"empty": True, "lower": 2}}, "an empty range has no bounds"),
        ({"numbers": {"lower": 3, "upper": 1}}, "its lower bound comes first"),
        ({"numbers": 3}, "valid dictionary"),
    ],
)
def test_pydantic_refuses_what_is_no_such_range(given, message):
    with pytest.raises(ValidationError, match=message):
        Slot(**given)


@pytest.mark.parametrize(
    ("annotation", "value", "name", "postgresql", "sqlite"),
    [
        (Range[int], Range(1, 3), "int8range", "[1,3)", '{"lower":1,"upper":3,"bounds":"[)"}'),
        (Range[int], Range.empty(), "int8range", "empty", '{"empty":true}'),
        (Range[Decimal], Range(None, Decimal("1E+2"), "[]"), "numrange", "(,100]", None),
        (Range[date], Range(DAY), "daterange", '["2024-01-31",)', '{"lower":"2024-01-31","upper":null,"bounds":"[)"}'),
        (Range[NaiveDatetime], Range(datetime(2024, 1, 1)), "tsrange", '["2024-01-01T00:00:00",)', None),
        (Range[datetime], Range(datetime(2024, 1, 1, tzinfo=UTC)), "tstzrange", '["2024-01-01T00:00:00+00:00",)', None),
    ],
)
def test_a_range_is_written_for_each_database(annotation, value, name, postgresql, sqlite):
    column = column_type(annotation)
    assert column.stored["postgresql"].name == name
    assert column.stored["postgresql"].dump(value) == postgresql
    text = column.stored["sqlite"].dump(value)
    assert sqlite is None or text == sqlite
    assert column.stored["sqlite"].load(text) == value


@pytest.mark.parametrize("annotation", [Range, Range[str], Range[bool], Range[float]])
def test_a_range_of_anything_else_is_refused(annotation):
    with pytest.raises(ValueError, match="a range has bounds of int, Decimal, date, datetime or NaiveDatetime"):
        column_type(annotation)


def test_a_range_may_be_kept_as_json():
    assert column_type(Range[int], db_type="json").stored["postgresql"].name == "json"
