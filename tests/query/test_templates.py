"""t-strings: their texts and values, on every Python; what Python makes of `t"…"` where it can be written."""

import sys

import pytest
from tstrings import Value, tstring

from ferro.dialects import postgres, sqlite
from ferro.errors import QueryError
from ferro.query.fragments import raw
from ferro.query.templates import TString, parts_of


def test_texts_and_values_are_kept_apart():
    assert parts_of(tstring("a ", Value(1), " b ", Value("'; --"), "")) == (("a ", " b ", ""), (1, "'; --"))
    assert parts_of(tstring("alone")) == (("alone",), ())
    assert parts_of(tstring(Value(None), Value(2))) == (("", "", ""), (None, 2))


def test_a_t_string_inside_another_is_a_part_of_its_text():
    inner = tstring("x > ", Value(1), " AND y")
    assert parts_of(tstring("WHERE ", Value(inner), " = ", Value(2), "")) == (("WHERE x > ", " AND y = ", ""), (1, 2))
    assert parts_of(tstring(Value(tstring("only text")), Value(3))) == (("only text", ""), (3,))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Value(1, "user.id", "r"), "!r"),
        (Value(1, "user.id", None, "03d"), ":03d"),
        (Value(1, "user.id", "s", "x"), "!s"),
    ],
)
def test_what_would_make_a_text_of_a_value_is_refused(value, written):
    with pytest.raises(QueryError) as caught:
        parts_of(tstring("SELECT ", value))
    assert str(caught.value) == (
        f"{{user.id{written}}} in a t-string would make a text of the value, and it is bound as it is: "
        f"leave out {written!r}, or convert the value before"
    )


def test_a_fragment_may_be_a_t_string(condition):
    def written(p):
        return (p.age > 1) & raw(tstring(Value(p.id + 2), " % ", Value(7), " = ", Value(3))) & (p.shoes < 9)

    def formatted(p):
        return (p.age > 1) & raw("{} % {} = {}", p.id + 2, 7, 3) & (p.shoes < 9)

    for dialect in (sqlite, postgres):
        assert condition(written, dialect) == condition(formatted, dialect)


def test_the_braces_of_a_t_string_are_its_own(condition):
    assert condition(lambda p: raw(tstring("name = '{}' AND id = ", Value(p.id))), sqlite)[0] == (
        '(name = \'{}\' AND id = "person"."id")'
    )


def test_a_hostile_value_does_not_change_the_text(condition):
    harmless = condition(lambda p: raw(tstring(Value(p.name), " = ", Value("x"))), sqlite)
    hostile = condition(lambda p: raw(tstring(Value(p.name), " = ", Value("'; DROP TABLE person; --{}$1"))), sqlite)
    assert hostile == (harmless[0], ["'; DROP TABLE person; --{}$1"])


def test_a_t_string_has_its_values_in_it():
    with pytest.raises(QueryError) as caught:
        raw(tstring("a = ", Value(1)), 2)
    assert str(caught.value) == (
        "raw(): a t-string has its values in it, and 1 are given besides: write them into it as {...}"
    )
    with pytest.raises(QueryError, match=r"values are bound by \{\}, not by \$1 or \?1$"):
        raw(tstring("a = $1 AND b = ", Value(1)))


def test_python_makes_such_a_t_string_where_it_can():
    source = 't"a {value} b {value!r:>3}"'
    if sys.version_info < (3, 14):
        with pytest.raises(SyntaxError):
            compile(source, "<test>", "eval")
        return
    made = eval(compile(source, "<test>", "eval"), {"value": 5})
    assert isinstance(made, TString)
    assert made.strings == ("a ", " b ", "")
    found = [(one.value, one.expression, one.conversion, one.format_spec) for one in made.interpolations]
    assert found == [(5, "value", None, ""), (5, "value", "r", ">3")]
