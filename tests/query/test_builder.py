"""Building a query: nothing is altered, and a mistake is an error at once."""

import math
from datetime import datetime
from decimal import Decimal

import pytest

from ferro.dialects import postgres, sqlite
from ferro.errors import DataError, QueryError, UnknownColumnError
from ferro.query.builder import QueryBase, rendered
from ferro.query.compiler import compile
from ferro.query.expressions import ColumnRef
from ferro.query.functions import abs_, avg, cast, coalesce, col, count, fn, not_, now, sum_
from ferro.query.row import Row
from ferro.query.sources import source_of
from ferro.query.statements import Insert


def test_every_method_returns_a_new_query(people):
    before = repr(people)
    changed = people.where(lambda p: p.age > 1).order_by("name").limit(2).offset(1).distinct()
    assert repr(people) == before == "<Query model=Person where=[]>"
    assert compile(people.select("id").select_statement(), sqlite).sql == 'SELECT "person"."id" FROM "person"'
    assert repr(changed) == "<Query model=Person where=[(person.age > 1)]>"
    assert changed.limit(5)._limit == 5
    assert changed._limit == 2


def test_a_subclass_keeps_what_it_knows_through_every_method(people):
    class Bound(QueryBase):
        database = None

    query = Bound(people.model, people.table)
    query.database = "here"
    assert query.where(lambda p: p.active).limit(1).database == "here"
    assert type(query.select("id")) is Bound


def test_conditions_are_joined_by_and_however_they_are_given(people, condition):
    expected = '"person"."age" > ? AND "person"."active"'
    age = ColumnRef(source_of(people.table), people.table.by_field["age"])
    both = people.where(age > 1, lambda p: p.active)
    assert condition(lambda p: (p.age > 1) & p.active, sqlite)[0] == expected
    assert compile(both.select("id").select_statement(), sqlite).sql.endswith(expected)
    one_by_one = people.where(age > 1).where(lambda p: p.active)
    assert compile(one_by_one.select("id").select_statement(), sqlite).sql.endswith(expected)


def test_filter_by_compares_columns_with_values(people):
    found = compile(people.filter_by(name="Ann", age=None).select("id").select_statement(), sqlite)
    assert found.sql.endswith('WHERE "person"."name" = ? AND "person"."age" IS NULL')


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        ("prefetch_related", "prefetch_related() is called include() here: include(lambda m: m.relation)"),
        ("select_related", "select_related() is called include() here: include(lambda m: m.relation)"),
        ("update", "update() changes whole rows, and select() chose columns to read: leave out select()"),
        ("delete", "delete() changes whole rows, and select() chose columns to read: leave out select()"),
    ],
)
def test_a_method_a_query_does_not_have_is_told_what_to_write_instead(people, verb, message):
    with pytest.raises(UnknownColumnError) as error:
        getattr(people.select("id"), verb)
    assert str(error.value) == message
    with pytest.raises(AttributeError, match="object has no attribute 'colour'$"):
        _ = people.colour


NO_TRUTH = "a condition has no truth value in Python: use &, | and ~"


@pytest.mark.parametrize(
    ("predicate", "message"),
    [
        (lambda p: p.age > 1 and p.active, NO_TRUTH),
        (lambda p: p.age > 1 or p.active, NO_TRUTH),
        (lambda p: not p.active, NO_TRUTH),
        (lambda p: 1 < p.age < 3, NO_TRUTH),
        (lambda p: p.age in [1, 2], NO_TRUTH),
        (lambda p: "x" in p.name, "`in` has no meaning for an expression: use .in_([...]), or .contains(text)"),
        (lambda p: list(p.name), "person.name cannot be iterated: it has a value only in the database"),
        (lambda p: len(p.name) > 3, "person.name has no len() in Python: use .length()"),
        (lambda p: float(p.age) > 3, "person.age has no value in Python: use cast(person.age, float)"),
        (lambda p: int(p.age) > 3, "person.age has no value in Python: use cast(person.age, int)"),
        (lambda p: p.name == f"{p.name}!", "person.name has no value in Python to format: join text with +"),
        (lambda p: p.age == "abc", "person.age: expected int, got 'abc'"),
        (lambda p: p.age > "abc", "person.age: expected int, got 'abc'"),
        (lambda p: p.role == "nobody", "person.role: expected Role, got 'nobody'"),
        (lambda p: p.age == 2**64, "person.age: 18446744073709551616 does not fit a 64-bit column"),
        (lambda p: p.seen > datetime(2020, 1, 1), "person.seen: 2020-01-01 00:00:00 has no timezone"),
        (lambda p: p.age < None, "person.age < None is never true: use == None or != None"),
        (lambda p: p.age.in_(3), "in_ expects a list, tuple, or set, not int"),
        (lambda p: p.name.in_("abc"), "in_ expects a list, tuple, or set, not str"),
        (lambda p: p.age.in_([1, "x"]), "person.age: expected int, got 'x'"),
        (lambda p: p.age.startswith("x"), "startswith has no meaning for person.age: it is an int"),
        (lambda p: p.name.like("x\\"), "person.name.like(): the pattern 'x\\\\' ends with its escape character"),
        (lambda p: p.name.like(3), "person.name.like(): expected str, got 3"),
        (lambda p: p.name + 1 == "x", "person.name: expected str, got 1"),
        (lambda p: p.age + "x" == 1, "person.age + expects a number, got 'x'"),
        (lambda p: p.age + True == 1, "person.age + expects a number, got True"),
        (lambda p: p.born + 1 == 1, "person.born + expects a timedelta, date or datetime, got 1"),
        (lambda p: p.height % 2 == 1, "% has no meaning for person.height: it is a float"),
        (lambda p: p.active < 3, "< has no meaning for person.active: a bool has no order"),
        (lambda p: p.notes > {}, "> has no meaning for person.notes: a dict has no order"),
        (lambda p: p.age == p.name, "person.age == person.name: an int and a str do not go together"),
        (lambda p: p.age & p.active, "& expects a condition, got person.age, which is an int"),
        (lambda p: p.active | True, "| expects a condition, got True"),
        (lambda p: ~p.age, "~ expects a condition, got person.age, which is an int"),
        (lambda p: coalesce(p.wealth, p.age) == 1, "coalesce has no meaning for person.age: it is an int"),
        (lambda p: cast(p.seen, int) == 1, "person.seen is a datetime and cannot be cast to int"),
        (lambda p: fn.lower(object()) == "x", "cannot be a value in a query"),
        (lambda p: getattr(fn, "a(); --")(p.age), "'a(); --' is not the name of a function"),
        (lambda p: count("name") > 1, "count() expects a column or an expression, got str: 'name'"),
        (lambda p: p.age, "where() expects a condition, got person.age, which is an int"),
        (lambda p: True, "where() expects a condition such as u.age >= 18"),
        (lambda p: None, "where() expects a condition such as u.age >= 18"),
        (lambda p: p, "where() expects a condition such as u.age >= 18"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused_while_it_is_written(people, predicate, message):
    with pytest.raises(QueryError) as caught:
        people.where(predicate)
    assert message in str(caught.value)


def test_a_misspelt_column_is_an_error_that_names_the_closest(people):
    for misspelt in (lambda: people.where(lambda p: p.nmae == "x"), lambda: people.order_by("nmae")):
        with pytest.raises(UnknownColumnError) as caught:
            misspelt()
        assert str(caught.value).startswith(
            "person has no column 'nmae'; did you mean 'name'? its columns are id, name, age, shoes,"
        )


def test_an_unknown_column_is_also_an_attribute_error(people):
    assert not hasattr(Row(people.source), "colour")


def test_columns_go_by_their_field_and_are_written_by_their_name(renamed):
    sql = compile(renamed.where(lambda r: r.size > 1).select("size").select_statement(), sqlite).sql
    assert sql == 'SELECT "thing"."Si""ze" FROM "thing" WHERE "thing"."Si""ze" > ?'
    with pytest.raises(UnknownColumnError):
        renamed.order_by('Si"ze')


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda q: q.where(), "where() needs a condition: where(lambda u: u.age >= 18)"),
        (lambda q: q.where("age"), "where() expects a condition such as u.age >= 18"),
        (lambda q: q.limit(-1), "limit() expects a number of rows, 0 or more, got -1"),
        (lambda q: q.limit("1; DROP TABLE person"), "limit() expects a number of rows, 0 or more, got '1; DROP"),
        (lambda q: q.limit(True), "limit() expects a number of rows, 0 or more, got True"),
        (lambda q: q.offset(1.5), "offset() expects a number of rows, 0 or more, got 1.5"),
        (lambda q: q.order_by(), 'order_by() needs a column: order_by("name")'),
        (lambda q: q.order_by("age", "up"), "direction must be 'asc' or 'desc', not 'up'"),
        (lambda q: q.order_by("age", direction=3), "direction must be 'asc' or 'desc', not 3"),
        (lambda q: q.order_by("age", nulls="x"), "nulls must be 'first', 'last' or 'native', not 'x'"),
        (lambda q: q.order_by("notes"), "person.notes cannot be sorted by: a dict has no order"),
        (lambda q: q.order_by(3), "expected a column or an expression, got int: 3"),
        (lambda q: q.select(), 'select() needs at least one column: select("id")'),
        (lambda q: q.select("id", lambda p: p.age), "select() takes names, or columns, or one lambda: not a mixture"),
        (lambda q: q.select("id").select("id"), "this query has a selection already: call select() once"),
        (lambda q: q.aggregate_statement("sum", "name"), "sum has no meaning for person.name: it is a str"),
        (lambda q: q.distinct().aggregate_statement("sum", "age"), "sum() counts every row that matches"),
        (
            lambda q: q.select("name").distinct().order_by("age").select_statement(),
            "person.age cannot be sorted by: distinct() leaves only what is selected",
        ),
        (
            lambda q: q.select(lambda p: (p.name, p.age.sum())).order_by("age").select_statement(),
            "person.age cannot be sorted by: grouping leaves only what is selected",
        ),
        (
            lambda q: compile(q.where(lambda p: p.age.sum() > 1).select_statement(), sqlite),
            "where() looks at single rows and cannot use count, sum, avg, min or max",
        ),
        (lambda q: q.update_statement(), "update() needs at least one column: update(name='Ann')"),
        (lambda q: q.update_statement(lambda p: {}), "update() needs at least one column"),
        (lambda q: q.update_statement(nmae="x"), "did you mean 'name'?"),
        (lambda q: q.update_statement(age="x"), "person.age: expected int, got 'x'"),
        (lambda q: q.update_statement(name=None), "person.name cannot be None: the column is not nullable"),
        (lambda q: q.update_statement(lambda p: {"age": 1}, name="x"), "update() takes a recipe or keywords"),
        (lambda q: q.update_statement(lambda p: 3), "update() expects a recipe that returns a dict"),
        (
            lambda q: q.update_statement(lambda p: {"age": p.age / 2}),
            "person.age: a float cannot be stored in a column of int",
        ),
        (
            lambda q: q.update_statement(alarm=now),
            "person.alarm: a datetime cannot be stored in a column of NaiveDatetime",
        ),
        (
            lambda q: q.limit(2).update_statement(age=1),
            "update() changes every row that matches and cannot keep to limit(2)",
        ),
        (
            lambda q: q.offset(2).delete_statement(),
            "delete() changes every row that matches and cannot keep to offset(2)",
        ),
        (lambda q: q.select("id").delete_statement(), "delete() changes rows, and this query selects columns"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_at_once(people, build, message):
    with pytest.raises(QueryError) as caught:
        build(people)
    assert message in str(caught.value)


def test_a_value_only_one_database_refuses_names_model_and_column(people):
    with pytest.raises(DataError, match=r"^Person\.name: '\\x00' contains a NUL character"):
        compile(people.where(lambda p: p.name == "\0").select_statement(), sqlite)
    with pytest.raises(DataError, match=r"^Person\.id: 18446744073709551616 does not fit a 64-bit column"):
        compile(Insert(people.source, people.table.columns[:2], [[2**64, "x"]]), postgres)
    with pytest.raises(DataError, match=r"^Person\.height: "):
        compile(people.update_statement(height=math.nan), sqlite)


def test_secrets_are_not_shown(people):
    query = people.where(lambda p: (p.password == "hunter2") & (p.name == "Ann"))
    compiled = compile(query.select("id").select_statement(), sqlite)
    assert compiled.params == ["hunter2", "Ann"]
    assert "hunter2" not in repr(compiled) + repr(query)
    shown = rendered(compiled, sqlite)
    assert shown.params == ("REDACTED", "Ann")
    assert str(shown) == compiled.sql
    assert shown.dialect == "sqlite"
    for statement in (
        people.update_statement(password="hunter2"),
        people.where(lambda p: p.password.in_(["hunter2"])).select_statement(),
        people.where(lambda p: p.password.startswith("hunter2")).select_statement(),
        Insert(people.source, people.table.columns[-1:], [["hunter2"], ["hunter3"]]),
    ):
        assert "hunter" not in repr(compile(statement, sqlite))
        assert "hunter" not in repr(compile(statement, postgres))


def test_what_a_condition_is_made_of_can_be_read(people):
    found = people.where(lambda p: (p.age >= 18) & p.name.in_(["a"])).where_clause[0]
    assert found.is_compound
    age, name = found.operands
    assert (age.column, age.operator, age.value, age.is_compound) == ("age", ">=", 18, False)
    assert (name.column, name.operator, name.value) == ("name", "IN", ["a"])


def test_functions_do_what_the_methods_do(people, condition):
    row = Row(people.source)
    assert col(row.age) is row.age or repr(col(row.age)) == "person.age"
    assert repr(not_(row.active)) == "~person.active"
    assert repr(abs_(row.age)) == repr(abs(row.age)) == "abs(person.age)"
    assert repr(sum_(row.age)) == repr(row.age.sum()) == "sum(person.age)"
    assert repr(avg(row.age)) == "avg(person.age)"
    assert now() is now
    with pytest.raises(QueryError, match=r"col\(\) expects a column or an expression, got int: 3"):
        col(3)


def test_a_number_beside_a_decimal_is_exact(condition):
    assert condition(lambda p: p.wealth * 0.1 == 1, sqlite)[1] == ["0.1", "1"]
    assert condition(lambda p: p.wealth * 0.1 == 1, postgres)[1] == [Decimal("0.1"), Decimal(1)]
