"""A relation among values stands for the columns of its foreign key."""

from typing import Annotated, Any

import pytest

from ferro.dialects import postgres, sqlite
from ferro.errors import QueryError, UnknownColumnError
from ferro.fields import BackRef, Field, ForeignKey, ManyToManyField
from ferro.model import ModelBase
from ferro.query.builder import QueryBase
from ferro.query.compiler import compile
from ferro.schema.registry import table_of


class Writer(ModelBase):
    email: str = Field(primary_key=True)
    essays: BackRef[list["Essay"]] | None = None


class Slot(ModelBase):
    row: int = Field(primary_key=True)
    letter: str = Field(primary_key=True)


class Essay(ModelBase):
    id: int = Field(primary_key=True)
    writer: Annotated[Writer, ForeignKey(related_name="essays")]
    writer_id: str = Field(column="author")
    slot: Annotated[Slot | None, ForeignKey()] = None
    twins: Annotated[list["Essay"], ManyToManyField(related_name="twin_of")] = None


ANN = Writer(email="ann")
B3 = Slot(row=3, letter="B")


def query() -> QueryBase[Any]:
    return QueryBase(Essay, table_of(Essay))


VALUES: list[Any] = [
    ({"writer": ANN}, '"author"=?', ["ann"]),
    ({"writer": "ann"}, '"author"=?', ["ann"]),
    ({"slot": B3}, '"slot_row"=?,"slot_letter"=?', [3, "B"]),
    ({"slot": (3, "B"), "writer": ANN}, '"slot_row"=?,"slot_letter"=?,"author"=?', [3, "B", "ann"]),
    ({"slot": None}, '"slot_row"=?,"slot_letter"=?', [None, None]),
]


@pytest.mark.parametrize(("values", "sql", "params"), VALUES)
def test_update_takes_an_instance_a_key_or_none(values, sql, params):
    for statement in (query().update_statement(**values), query().update_statement(lambda _: values)):
        compiled = compile(statement, sqlite)
        assert compiled.sql == f'UPDATE "essay" SET {sql}'
        assert list(compiled.params) == params
        numbered = sql
        for number in range(1, len(params) + 1):
            numbered = numbered.replace("?", f"${number}", 1)
        assert compile(statement, postgres).sql == f'UPDATE "essay" SET {numbered}'


CONDITIONS: list[Any] = [
    ({"writer": ANN}, '"essay"."author" = ?', ["ann"]),
    ({"writer": "ann"}, '"essay"."author" = ?', ["ann"]),
    ({"slot": B3}, '"essay"."slot_row" = ? AND "essay"."slot_letter" = ?', [3, "B"]),
    ({"slot": (3, "B")}, '"essay"."slot_row" = ? AND "essay"."slot_letter" = ?', [3, "B"]),
    ({"slot": None}, '"essay"."slot_row" IS NULL OR "essay"."slot_letter" IS NULL', []),
    ({"id": 3, "writer": "ann"}, '"essay"."id" = ? AND "essay"."author" = ?', [3, "ann"]),
]


@pytest.mark.parametrize(("values", "sql", "params"), CONDITIONS)
def test_filter_by_takes_an_instance_a_key_or_none(values, sql, params):
    compiled = compile(query().filter_by(**values).select_statement(), sqlite)
    assert compiled.sql.partition(" WHERE ")[2] == sql
    assert list(compiled.params) == params


MISTAKES: list[Any] = [
    ({"writer": None}, "essay.writer_id cannot be None: the column is not nullable"),
    ({"writer": B3}, "Essay.writer takes a Writer, not a Slot"),
    ({"writer": Essay.model_construct()}, "Essay.writer takes a Writer, not an Essay"),
    (
        {"writer": Writer.model_construct()},
        "Essay.writer: this Writer is not saved yet, and has no key to refer to: save it",
    ),
    ({"writer": 3}, "essay.writer_id: expected str, got 3"),
    ({"writer": ("a", "b")}, "Essay.writer takes a key of one value, not ('a', 'b')"),
    ({"slot": 3}, "Essay.slot takes a key of 2 values, not 3"),
    (
        {"writer": ANN, "writer_id": "bob"},
        "writer and writer_id set the same column, essay.writer_id: keep one of them",
    ),
    (
        {"writer_id": "bob", "writer": ANN},
        "writer_id and writer set the same column, essay.writer_id: keep one of them",
    ),
    (
        {"twins": [1]},
        "Essay.twins leads to many rows, and is not set at once: change it with add(), remove() and set()",
    ),
]


@pytest.mark.parametrize(("values", "message"), MISTAKES)
def test_what_a_relation_cannot_be_set_to(values, message):
    with pytest.raises(QueryError) as error:
        query().update_statement(**values)
    assert str(error.value).startswith(message)


UNFIT: list[Any] = [
    ({"writer": B3}, QueryError, "Essay.writer is compared with a Writer or None, not with Slot(row=3, letter='B')"),
    ({"writer": Writer.model_construct()}, QueryError, "Essay.writer: this Writer is not saved yet"),
    ({"writer": 3}, QueryError, "essay.writer_id"),
    ({"slot": 3}, QueryError, "Essay.slot takes a key of 2 values, not 3"),
    ({"twins": 3}, QueryError, "Essay.twins leads to many rows, and is no value to be compared"),
    ({"wirter": 3}, UnknownColumnError, "essay has no column 'wirter'; did you mean 'writer'"),
]


@pytest.mark.parametrize(("values", "kind", "message"), UNFIT)
def test_what_a_relation_cannot_be_looked_for_by(values, kind, message):
    with pytest.raises(kind) as error:
        query().filter_by(**values)
    assert str(error.value).startswith(message)
