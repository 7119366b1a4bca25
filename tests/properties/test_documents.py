"""A document has the same parts on SQLite, on PostgreSQL, and in plain Python."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from ferro import Field, Model, cast
from ferro.schema.registry import active, declared
from ferro.sync import Database

from .strategies import hostile_texts
from .test_queries import filled

# Few keys and few numbers, so that documents meet; and now and then a key that is out to hurt.
keys = st.sampled_from(
    ["a", "b", "", "0", "$.a", "a.b", "[0]", 'a"b', "''", "%", "ключ", "\\"]
) | hostile_texts().filter(lambda text: "\0" not in text and text.isprintable())
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers(-(10**25), 10**25)
    | st.sampled_from([0.5, 1.0, -2.0, 0.1, 1e23])
    | st.sampled_from(["", "a", "1", "true", "b"])
    | keys
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=10
)
objects = st.dictionaries(keys, documents, max_size=4)
steps = st.lists(keys | st.integers(-3, 3), min_size=1, max_size=3)


class Kept(Model):
    id: int | None = Field(default=None, primary_key=True)
    doc: dict[str, Any]
    plain: dict[str, Any] = Field(db_type="json")
    listed: list[Any]


# Other tests, which create all tables there are, need not know of it.
for known in (declared, active):
    known.pop("Kept")


@pytest.fixture(scope="session")
def tables(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(Kept)
    return databases


def same_everywhere(tables: Mapping[str, Database], document: Any, expression: Any, expected: Any) -> None:
    row = {"doc": document, "plain": document, "listed": [document]}
    for name, database in tables.items():
        note(f"on {name}")
        with filled(database, [row], Kept) as query:
            assert spelling(query.select(expression).all()) == spelling([expected])


def spelling(value: Any) -> Any:
    """A value in which 1, 1.0 and True are told apart as JSON does."""
    if isinstance(value, dict):
        return {key: spelling(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [spelling(item) for item in value]
    return (isinstance(value, bool), value)


def walked(document: Any, path: list[Any]) -> Any:
    for step in path:
        if isinstance(step, str):
            document = document.get(step) if isinstance(document, dict) else None
        else:
            there = isinstance(document, list) and -len(document) <= step < len(document)
            document = document[step] if there else None
    return document


def path_of(found: Any, path: list[Any]) -> Any:
    for step in path:
        found = found[step]
    return found


@st.composite
def documents_and_paths(draw: st.DrawFn) -> tuple[Any, list[Any]]:
    """A document, and a path that mostly leads somewhere in it."""
    document, path = draw(objects), []
    inner: Any = document
    while draw(st.integers(0, 4)):
        if isinstance(inner, dict) and inner:
            step: Any = draw(st.sampled_from(list(inner)))
            inner = inner[step]
        elif isinstance(inner, list) and inner:
            step = draw(st.integers(-len(inner), len(inner) - 1))
            inner = inner[step]
        else:
            break
        path.append(step)
    return document, path or draw(steps)


@given(documents_and_paths())
def test_a_path_leads_where_python_goes(tables, drawn):
    document, path = drawn
    found = walked(document, path)

    def ask(k: Any) -> Any:
        return path_of(k.doc, path), path_of(k.plain, path), path_of(k.listed[0], path)

    same_everywhere(tables, document, ask, (found, found, found))


@given(objects, steps)
def test_a_path_that_leads_nowhere_is_none(tables, document, path):
    found = walked(document, path)
    same_everywhere(tables, document, lambda k: (path_of(k.doc, path), k.id.is_not_null()), (found, True))


def number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@given(documents_and_paths())
def test_a_part_is_of_a_type_or_null(tables, drawn):
    document, path = drawn
    found = walked(document, path)
    whole = number(found) and found == int(found) and -(2**63) <= found < 2**63
    expected = (
        found if isinstance(found, str) else None,
        int(found) if whole else None,
        float(found) if number(found) else None,
        Decimal(str(found)) if number(found) else None,
        found if isinstance(found, bool) else None,
    )

    def ask(k: Any) -> Any:
        part = path_of(k.doc, path)
        return cast(part, str), cast(part, int), cast(part, float), cast(part, Decimal), cast(part, bool)

    same_everywhere(tables, document, ask, expected)


@given(documents_and_paths(), scalars.filter(lambda value: value is not None) | documents.filter(bool))
def test_a_part_is_equal_as_json_is(tables, drawn, value):
    document, path = drawn
    found = walked(document, path)
    for other in (value, found):
        if other is None:
            continue
        equal = None if found is None else spelling(found) == spelling(other)
        unequal = None if equal is None else not equal

        def ask(k: Any, other: Any = other) -> Any:
            part = path_of(k.doc, path)
            return part == other, part != other, part.in_([other, "no such text"])

        same_everywhere(tables, document, ask, (equal, unequal, equal))


@given(documents_and_paths(), st.integers(-3, 3) | st.sampled_from([0.5, 1e23, "", "a", "ключ"]))
def test_a_part_has_the_order_of_what_it_is_compared_with(tables, drawn, value):
    document, path = drawn
    found = walked(document, path)
    fits = isinstance(found, str) if isinstance(value, str) else number(found)
    if isinstance(found, str) and isinstance(value, str) and not (found + value).isalnum():
        # Texts are sorted by the collation of the database.
        return
    expected = (found < value, found >= value) if fits and not isinstance(value, str) else None
    if expected is None and not fits:
        expected = (None, None)
    if expected is not None:
        same_everywhere(
            tables, document, lambda k: (path_of(k.doc, path) < value, path_of(k.doc, path) >= value), expected
        )


def holds(whole: Any, wanted: Any, *, top: bool = True) -> bool:
    """What `@>` means, in its own words."""
    if isinstance(whole, dict) and isinstance(wanted, dict):
        return all(key in whole and holds(whole[key], item, top=False) for key, item in wanted.items())
    if isinstance(whole, list) and isinstance(wanted, list):
        return all(any(holds(member, item, top=False) for member in whole) for item in wanted)
    if isinstance(whole, list) and top and not isinstance(wanted, dict):
        return any(spelling(member) == spelling(wanted) for member in whole)
    return not isinstance(whole, (dict, list)) and spelling(whole) == spelling(wanted)


@st.composite
def parts(draw: st.DrawFn, document: Any) -> Any:
    """A part of a document that it contains, most of the time."""
    if draw(st.integers(0, 9)) == 0:
        return draw(documents)
    if isinstance(document, dict) and document:
        chosen = draw(st.lists(st.sampled_from(list(document)), unique=True))
        return {key: draw(parts(document[key])) for key in chosen}
    if isinstance(document, list) and document:
        return [draw(parts(item)) for item in draw(st.lists(st.sampled_from(document), max_size=3))]
    return document


@given(objects, st.data())
def test_containment_is_that_of_jsonb(tables, document, data):
    wanted = data.draw(parts(document))
    if wanted is None:
        return
    listed = [document]
    expected = (
        holds(document, wanted),
        holds(document, wanted),
        holds(wanted, document),
        holds(listed, wanted),
        holds(listed, [wanted]),
    )

    def ask(k: Any) -> Any:
        return (
            k.doc.contains(wanted),
            k.plain.contains(wanted),
            k.doc.contained_by(wanted),
            k.listed.contains(wanted),
            k.listed.contains([wanted]),
        )

    same_everywhere(tables, document, ask, expected)


@given(objects, st.lists(keys, max_size=3))
def test_keys_are_found_by_their_very_names(tables, document, names):
    first = names[0] if names else "a"
    expected = (first in document, any(name in document for name in names), all(name in document for name in names))

    def ask(k: Any) -> Any:
        return k.doc.has_key(first), k.plain.has_any_key(names), k.doc.has_all_keys(names)

    same_everywhere(tables, document, ask, expected)
    same_everywhere(tables, document, lambda k: (k.doc.length(), k.listed.length()), (len(document), 1))


@settings(max_examples=50)
@given(objects, objects, st.lists(keys, max_size=2))
def test_an_update_merges_as_python_does(tables, document, patch, unwanted):
    expected = {key: item for key, item in {**document, **patch}.items() if key not in unwanted}
    for name, database in tables.items():
        note(f"on {name}")
        with filled(database, [{"doc": document, "plain": document, "listed": []}], Kept) as query:
            query.update(
                lambda k: {
                    "doc": k.doc.merge(patch).without(*unwanted),
                    "plain": k.plain.merge(patch).without(*unwanted),
                }
            )
            [row] = query.all()
            assert spelling([row.doc, row.plain]) == spelling([expected, expected])
