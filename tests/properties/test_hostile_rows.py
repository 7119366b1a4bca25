"""A column of a result may be called anything on its way into dicts, classes, models and frames; a frame's texts are values."""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import product
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, note, settings
from pydantic import create_model

# Pydantic asks for this one before Python 3.12.
from typing_extensions import TypedDict

from ferro import DataError, Field, QueryError, UnknownColumnError
from ferro.schema.registry import active, declared
from ferro.sync import Database, Model
from ferro.types.values import why_text_is_refused

from .strategies import UNREAD, hostile_names, hostile_texts
from .test_hostile_strings import Undo, Word, mark, sent, tables

__all__ = ["tables"]


def named_model(name: str) -> Any:
    """A model with a column of this name, which nobody else knows."""
    body = {
        "__module__": __name__,
        "__annotations__": {"value": int},
        "model_config": UNREAD,
        "value": Field(primary_key=True, column=name),
    }
    try:
        return type(Model)("Named", (Model,), body)
    finally:
        for known in (declared, active):
            known.pop("Named", None)


def must_refuse_its_name(db: Database, sql: str) -> None:
    for ask in (db.fetch_all, db.fetch_one, db.stream, db.to_arrow):
        with sent() as statements, pytest.raises(QueryError, match="^the SQL contains"):
            ask(sql, 7)
        assert statements == []


@settings(max_examples=500)
@given(name=hostile_names())
def test_a_column_of_a_result_may_be_called_anything(databases: Mapping[str, Database], name: str) -> None:
    # A name in SQL is the caller's own, who has to quote it.
    sql = 'SELECT CAST({} AS integer) AS "' + name.replace('"', '""') + '"'
    if why_text_is_refused(name):
        for db in databases.values():
            must_refuse_its_name(db, sql.replace("{}", mark(db), 1))
        return
    # PostgreSQL cuts what is longer, and takes nothing that is empty.
    if not 0 < len(name.encode()) < 64:
        return
    fields: Any = {name: int}
    row, model = TypedDict("Row", fields), named_model(name)
    aliased = create_model("Aliased", value=(int, Field(alias=name)), __config__=UNREAD)
    for backend, db in databases.items():
        note(f"on {backend}")
        asked = sql.replace("{}", mark(db), 1)
        with sent() as statements:
            assert db.fetch_all(asked, 7) == db.fetch_all(asked, 7, into=row) == [{name: 7}]
            assert db.fetch_one(asked, 7) == {name: 7}
            assert db.to_arrow(asked, 7).to_pydict() == {name: [7]}
            assert db.fetch_all(asked, 7, into=aliased) == [aliased.model_validate({name: 7})]
            assert db.raw(model, asked, 7) == [model(value=7)]
        assert statements == [asked] * 6


# What the columns of a frame are called.
COLUMNS: dict[str, Callable[[Any], list[str]]] = {
    "to_arrow": lambda frame: frame.column_names,
    "to_polars": lambda frame: frame.columns,
    "to_pandas": list,
}


@cache
def harmless(db: Database) -> str:
    with sent() as statements:
        db.query(Word).select(lambda w: {"calm": w.text}).to_arrow()
    (sql,) = statements
    return sql


@settings(max_examples=500)
@given(name=hostile_names())
def test_a_column_of_a_frame_may_be_called_anything_or_is_refused(tables: Mapping[str, Database], name: str) -> None:
    for (kind, columns), (backend, db) in product(COLUMNS.items(), tables.items()):
        note(f"{kind} on {backend}")
        query = db.query(Word).select(lambda w: {name: w.text})
        with sent() as statements:
            if why_text_is_refused(name):
                with pytest.raises(QueryError, match="^a column of a frame cannot be named"):
                    getattr(query, kind)()
            else:
                assert columns(getattr(query, kind)()) == [name]
        assert statements == ([] if why_text_is_refused(name) else [harmless(db)])


def frames_of(columns: dict[str, list[str]]) -> Mapping[str, Any]:
    """Frames of all kinds, by the verb that takes them; none where the libraries themselves refuse a text."""
    try:
        return {
            "from_arrow": pa.table(columns),
            "from_polars": pl.DataFrame(columns),
            "from_pandas": pd.DataFrame(columns),
        }
    except UnicodeEncodeError:
        assert any(map(why_text_is_refused, [*columns, *columns.get("text", ())]))
        return {}


def inserted(db: Database, verb: str, frame: Any) -> list[str]:
    """What is sent to insert the rows of a frame, which are taken back."""
    with sent() as statements:
        try:
            with db.transaction():
                getattr(db, verb)(Word, frame)
                raise Undo
        except Undo:
            return statements


@cache
def inserted_of_a_harmless_one(db: Database, verb: str) -> list[str]:
    return inserted(db, verb, frames_of({"text": ["calm"]})[verb])


@settings(max_examples=500)
@given(name=hostile_names(), text=hostile_texts())
def test_the_texts_of_a_frame_are_values_and_its_columns_are_found(
    tables: Mapping[str, Database], name: str, text: str
) -> None:
    unknown, given_texts = frames_of({name: ["x"]}), frames_of({"text": [text]})
    for (backend, db), verb in product(tables.items(), unknown):
        note(f"{verb} on {backend}")
        with sent() as statements, pytest.raises(UnknownColumnError):
            getattr(db, verb)(Word, unknown[verb])
        assert statements == []
    for (backend, db), verb in product(tables.items(), given_texts):
        note(f"{verb} on {backend}")
        if why_text_is_refused(text):
            with pytest.raises(DataError, match=r"^Word\.text: "):
                inserted(db, verb, given_texts[verb])
        else:
            assert inserted(db, verb, given_texts[verb]) == inserted_of_a_harmless_one(db, verb)
