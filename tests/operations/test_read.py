"""Reading, by hand and on a real SQLite."""

from decimal import Decimal

import pytest
from pydantic import SecretStr

from ferro.dialects import postgres, sqlite
from ferro.errors import ModelDoesNotExist, MultipleRowsFound, QueryError
from ferro.fields import Field
from ferro.model import ModelBase
from ferro.operations import read
from ferro.query.builder import QueryBase
from ferro.query.dialect import Result
from ferro.schema.registry import table_of


class Reader(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    age: int | None = None
    fine: Decimal = Decimal(0)


class Loan(ModelBase):
    reader: int = Field(primary_key=True)
    book: str = Field(primary_key=True)


class Note(ModelBase):
    text: str


class Token(ModelBase):
    value: SecretStr = Field(primary_key=True)


def query(model=Reader):
    return QueryBase(model, table_of(model))


@pytest.fixture
def readers(database):
    database.create(Reader)
    database.raw.executemany(
        'INSERT INTO "reader" VALUES (?, ?, ?, ?)',
        [(1, "Ann", 30, "1.10"), (2, "Bo", None, "2.20"), (3, "Cy", 50, "0")],
    )
    return database


# The rows of a query.


def test_all_returns_instances_that_equal_validated_ones(readers):
    found = readers.run(read.fetch_all(query().order_by("id").limit(2), sqlite))
    assert found == [
        Reader(id=1, name="Ann", age=30, fine=Decimal("1.10")),
        Reader(id=2, name="Bo", age=None, fine=Decimal("2.20")),
    ]


def test_a_selection_returns_values_tuples_or_dicts(readers):
    ordered = query().order_by("id").limit(2)
    assert readers.run(read.fetch_all(ordered.select(lambda r: r.fine), sqlite)) == [Decimal("1.10"), Decimal("2.20")]
    assert readers.run(read.fetch_all(ordered.select("id", "name"), sqlite)) == [(1, "Ann"), (2, "Bo")]
    assert readers.run(read.fetch_all(ordered.select(lambda r: {"who": r.name}), sqlite)) == [
        {"who": "Ann"},
        {"who": "Bo"},
    ]


def test_first_asks_for_one_row(readers):
    assert readers.run(read.fetch_first(query().order_by("-id"), sqlite)).name == "Cy"
    assert readers.statements[0].params == [1]
    assert readers.run(read.fetch_first(query().where(lambda r: r.age == 7), sqlite)) is None


def test_first_of_no_rows_stays_none(readers):
    assert readers.run(read.fetch_first(query().limit(0), sqlite)) is None


def test_one_returns_the_only_row(readers):
    assert readers.run(read.fetch_one(query().where(lambda r: r.name == "Bo"), sqlite)).id == 2
    assert readers.run(read.fetch_one_or_none(query().where(lambda r: r.name == "Bo"), sqlite)).id == 2


def test_one_of_nothing_names_the_model_and_the_way_out(readers):
    nobody = query().where(lambda r: r.name == "Zoe")
    with pytest.raises(ModelDoesNotExist) as raised:
        readers.run(read.fetch_one(nobody, sqlite))
    assert str(raised.value) == (
        "no Reader matches this query, and one() needs exactly one: where there may be none, use one_or_none()"
    )
    assert raised.value.model is Reader
    assert raised.value.pk is None
    assert readers.run(read.fetch_one_or_none(nobody, sqlite)) is None


@pytest.mark.parametrize(("verb", "named"), [(read.fetch_one, "one()"), (read.fetch_one_or_none, "one_or_none()")])
def test_one_of_several_is_refused_after_two_rows(readers, verb, named):
    with pytest.raises(MultipleRowsFound) as raised:
        readers.run(verb(query(), sqlite))
    assert str(raised.value) == (
        f"more than one Reader matches this query, and {named} allows only one: "
        "add a condition that tells them apart, or take the first() of an order_by()"
    )
    assert readers.statements[0].params == [2]


# Numbers.


def test_count_counts_what_limit_leaves(readers):
    assert readers.run(read.count(query(), sqlite)) == 3
    assert readers.run(read.count(query().limit(2), sqlite)) == 2
    assert readers.statements[0].template.operation == "Count"


def test_exists_stops_at_the_first_row(readers):
    assert readers.run(read.exists(query().where(lambda r: r.age > 40), sqlite)) is True
    assert readers.run(read.exists(query().where(lambda r: r.age > 60), sqlite)) is False
    assert readers.sent[0] == 'SELECT 1 FROM "reader" WHERE "reader"."age" > ? LIMIT ?'


def test_aggregates_come_as_the_type_of_their_column(readers):
    assert readers.run(read.aggregate(query(), "sum", "fine", sqlite)) == Decimal("3.30")
    assert readers.run(read.aggregate(query(), "max", "age", sqlite)) == 50
    assert readers.run(read.aggregate(query(), "avg", "age", sqlite)) == 40.0
    assert readers.run(read.aggregate(query().where(lambda r: r.age > 99), "min", "age", sqlite)) is None


# By key.


def test_get_is_one_statement_made_once():
    first, second = next(read.get(Reader, 1, postgres)), next(read.get(Reader, 2, postgres))
    assert first.sql == (
        'SELECT "reader"."id", "reader"."name", "reader"."age", "reader"."fine" FROM "reader" WHERE "reader"."id" = $1'
    )
    assert list(second.params) == [2]
    assert first.template is second.template


def test_get_makes_an_instance_of_the_row(finish):
    steps = read.get(Reader, 1, postgres)
    next(steps)
    assert finish(steps, Result([(1, "Ann", 30, Decimal(0))], 1)) == Reader(id=1, name="Ann", age=30)


def test_get_of_a_missing_row_says_which(readers):
    with pytest.raises(ModelDoesNotExist) as raised:
        readers.run(read.get(Reader, 5, sqlite))
    assert str(raised.value) == "Reader 5 does not exist: where that may be so, use get_or_none()"
    assert (raised.value.model, raised.value.pk) == (Reader, 5)
    assert readers.run(read.get_or_none(Reader, 5, sqlite)) is None


def test_a_composite_key_is_a_tuple(database):
    database.create(Loan)
    database.raw.execute("INSERT INTO loan VALUES (1, 'Emma')")
    assert database.run(read.get(Loan, (1, "Emma"), sqlite)) == Loan(reader=1, book="Emma")
    with pytest.raises(ModelDoesNotExist, match=r"^Loan \(1, 'Ulysses'\) does not exist"):
        database.run(read.get(Loan, (1, "Ulysses"), sqlite))


@pytest.mark.parametrize("pk", [1, (1,), (1, "Emma", 2), "Emma"])
def test_a_composite_key_of_another_shape_is_refused(pk):
    with pytest.raises(QueryError) as raised:
        read.get(Loan, pk, sqlite)
    assert str(raised.value) == f"the primary key of Loan is (reader, book): give a tuple of 2 values, not {pk!r}"


def test_a_key_of_the_wrong_type_is_refused_before_anything_is_sent():
    with pytest.raises(QueryError, match=r"^Reader\.id: expected int, got 'five'$"):
        read.get(Reader, "five", sqlite)
    with pytest.raises(QueryError, match=r"^Reader\.id is a primary key and never None$"):
        read.get_or_none(Reader, None, sqlite)


def test_a_model_without_a_key_cannot_be_got():
    with pytest.raises(QueryError, match=r"^Model Note does not define a primary key: find its rows with where\(\)$"):
        read.get(Note, 1, sqlite)


def test_a_secret_key_is_not_shown(database):
    database.create(Token)
    with pytest.raises(ModelDoesNotExist, match="^Token REDACTED does not exist"):
        database.run(read.get(Token, "s3cret", sqlite))
    assert "s3cret" not in repr(database.statements)
