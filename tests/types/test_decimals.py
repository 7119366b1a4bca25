"""`Decimal`: exact, ordered and computed as numbers on SQLite too."""

from decimal import Decimal
from decimal import localcontext as precision

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferro.types import column_type

FUNCTIONS = column_type(Decimal).stored["sqlite"].functions

decimals = st.decimals(allow_nan=False, allow_infinity=False)
numbers = st.decimals(-(10**20), 10**20, places=6)


@settings(max_examples=200, deadline=None)
@given(value=decimals)
def test_every_decimal_comes_back_with_its_digits(through, value):
    back = through(Decimal, value)
    assert back == value
    assert type(back) is Decimal
    if value.as_tuple().exponent <= 0 and value:
        assert back.as_tuple() == value.as_tuple()


def test_digits_are_kept_and_no_exponent_is(dialect):
    dump = column_type(Decimal).stored[dialect].dump
    assert str(dump(Decimal("1.50"))) == "1.50"
    assert dump(Decimal("1E+3")) == (Decimal("1E+3") if dialect == "postgresql" else "1000")
    assert dump(Decimal("-0.00")) == (Decimal("0.00") if dialect == "postgresql" else "0.00")


@settings(max_examples=200, deadline=None)
@given(values=st.lists(decimals, max_size=8))
def test_decimals_sort_as_numbers(in_order, values):
    assert in_order(Decimal, values) == sorted(values)


def test_equal_numbers_are_equal_however_they_are_written(keeper):
    table, collate = keeper.fill(column_type(Decimal), [Decimal("1.50")])
    found = keeper.connection.execute(f"SELECT count(*) FROM {table} WHERE value = '1.5' {collate}").fetchone()
    assert found == (1,)


def test_texts_that_are_no_numbers_sort_after_all_numbers(keeper):
    rows = keeper.connection.execute(
        "SELECT column1 FROM (VALUES ('x'), ('10'), ('NaN'), ('9.5'), ('')) ORDER BY column1 COLLATE ferro_decimal"
    )
    assert [text for (text,) in rows] == ["9.5", "10", "", "NaN", "x"]


@pytest.mark.parametrize("text", ["NaN", "sNaN", "NaN123", "Infinity", "-Infinity"])
def test_only_finite_numbers_are_stored(text, dialect):
    for refuse in (column_type(Decimal).accept, column_type(Decimal).stored[dialect].dump):
        with pytest.raises(ValueError, match=f"^{text} cannot be stored in a Decimal column: only finite numbers can$"):
            refuse(Decimal(text))


def test_more_digits_than_postgresql_has_are_refused_on_both(dialect):
    dump = column_type(Decimal).stored[dialect].dump
    assert Decimal(dump(Decimal("1E+131071"))) == Decimal("1E+131071")
    assert Decimal(dump(Decimal("1E-16383"))) == Decimal("1E-16383")
    for value in (Decimal("1E+131072"), Decimal("1E-16384"), Decimal("0." + "1" * 16384)):
        with pytest.raises(ValueError, match="at most 131072 digits before the point and 16383 after it"):
            dump(value)


@pytest.mark.parametrize(
    ("value", "exact"),
    [(0.1, Decimal("0.1")), (3, Decimal(3)), ("1.50", Decimal("1.50")), (1e23, Decimal("1e23"))],
)
def test_other_numbers_are_accepted_by_what_they_show(value, exact, dialect):
    assert column_type(Decimal).accept(value) == exact
    assert Decimal(column_type(Decimal).stored[dialect].dump(value)) == exact


@pytest.mark.parametrize("value", ["abc", True, b"1", [1], ""])
def test_anything_else_is_refused(value, dialect):
    with pytest.raises(ValueError) as refused:
        column_type(Decimal).stored[dialect].dump(value)
    assert str(refused.value) == f"expected Decimal, got {value!r}"


@settings(max_examples=200, deadline=None)
@given(left=numbers, right=numbers)
def test_arithmetic_is_exact(keeper, left, right):
    def calculate(operator: str) -> Decimal:
        return Decimal(keeper.evaluate(f"{FUNCTIONS[operator]}(?, ?)", str(left), str(right)))

    with precision() as context:
        context.prec = 100
        assert calculate("+") == left + right
        assert calculate("-") == left - right
        assert calculate("*") == left * right
        if right:
            assert calculate("%") == left % right
            assert calculate("//") == left // right
            assert abs(calculate("/") - left / right) <= Decimal("0.5e-6")


# What PostgreSQL answers, digit for digit.
@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("ferro_decimal_divide('1', '3')", "0.33333333333333333333"),
        ("ferro_decimal_divide('2', '3')", "0.66666666666666666667"),
        ("ferro_decimal_divide('10', '4')", "2.5000000000000000"),
        ("ferro_decimal_divide('123456789012345678901234567890', '7')", "17636684144620811271604938270"),
        ("ferro_decimal_divide('0', '7')", "0.00000000000000000000"),
        ("ferro_decimal_multiply('1.50', '2.00')", "3.0000"),
        ("ferro_decimal_add('0.1', '0.2')", "0.3"),
        ("ferro_decimal_add('1.50', 2)", "3.50"),
        ("ferro_decimal_add('1.50', 0.25)", "1.75"),
        ("ferro_decimal_subtract('1', '1.00')", "0.00"),
        ("ferro_decimal_modulo('-7.5', '2')", "-1.5"),
        ("ferro_decimal_div('-7.5', '2')", "-3"),
        ("ferro_decimal_negative('1.50')", "-1.50"),
        ("ferro_decimal_negative('0')", "0"),
        ("ferro_decimal_abs('-1.50')", "1.50"),
        ("ferro_decimal_round('2.5')", "3"),
        ("ferro_decimal_round('-2.5')", "-3"),
        ("ferro_decimal_round('1.005', 2)", "1.01"),
        ("ferro_decimal_round('1250', -2)", "1300"),
        ("ferro_decimal_floor('-1.5')", "-2"),
        ("ferro_decimal_ceil('-1.5')", "-1"),
        ("ferro_decimal_trunc('-1.5')", "-1"),
        ("ferro_decimal_add('1', NULL)", None),
        ("ferro_decimal_abs(NULL)", None),
        ("ferro_decimal_round(NULL, 2)", None),
    ],
)
def test_results_have_the_digits_postgresql_gives_them(keeper, expression, answer):
    assert keeper.evaluate(expression) == answer


@pytest.mark.parametrize("function", ["divide", "modulo", "div"])
def test_a_division_by_zero_is_an_error(keeper, function):
    with pytest.raises(Exception, match="user-defined function raised exception"):
        keeper.evaluate(f"ferro_decimal_{function}('1', '0.00')")


@settings(max_examples=200, deadline=None)
@given(values=st.lists(numbers, max_size=8))
def test_aggregates_are_exact(keeper, values):
    table, _ = keeper.fill(column_type(Decimal), values)
    names = ", ".join(f"{FUNCTIONS[name]}(value)" for name in ("sum", "min", "max", "avg"))
    row = keeper.connection.execute(f"SELECT {names} FROM {table}").fetchone()
    if not values:
        assert row == (None, None, None, None)
        return
    total, smallest, largest, mean = map(Decimal, row)
    assert (total, smallest, largest) == (sum(values), min(values), max(values))
    assert abs(mean - sum(values) / len(values)) < Decimal("1e-5")


def test_aggregates_leave_nulls_out_and_write_what_postgresql_writes(keeper):
    rows = "(VALUES ('1.5'), (NULL), ('2.25'), (1))"
    row = keeper.connection.execute(
        f"SELECT ferro_decimal_sum(column1), ferro_decimal_avg(column1), ferro_decimal_max(column1) FROM {rows}"
    ).fetchone()
    assert row == ("4.75", "1.5833333333333333", "2.25")


def test_a_sum_can_run_over_a_window(keeper):
    rows = keeper.connection.execute(
        "SELECT ferro_decimal_sum(column2) OVER (ORDER BY column1 ROWS 1 PRECEDING)"
        " FROM (VALUES (1, '0.10'), (2, '0.2'), (3, '0.3'), (4, NULL))"
    )
    assert [total for (total,) in rows] == ["0.10", "0.30", "0.5", "0.3"]
