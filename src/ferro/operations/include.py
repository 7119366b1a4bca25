"""Loading what belongs to many rows: one statement for each relation, however many rows there are."""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ferro.errors import QueryError
from ferro.instance.related import Kept, relate_all, relate_new
from ferro.instance.siblings import Along, Siblings, acquaint
from ferro.model import ModelBase
from ferro.operations.collector import NoCollection
from ferro.operations.hydrate import Fill, Rows, are_new, in_parts
from ferro.operations.included import Loading, loading_forward, loading_many, loading_reverse
from ferro.operations.steps import Steps
from ferro.query.builder import rows_of
from ferro.query.dialect import Dialect
from ferro.query.including import Include, IncludePath, read_paths
from ferro.query.related import has_no_key, key_of_owner, keys_in, own_columns
from ferro.schema.relations import Relation
from ferro.types.values import with_article


def load_all(
    owners: Sequence[ModelBase],
    includes: Sequence[Include],
    dialect: Dialect,
    *,
    siblings: bool = False,
    new: bool = False,
) -> Steps[None]:
    """Load relations of instances, and what is to be loaded with those.

    `siblings` lets the instances of each relation know each other; of `new` ones no relation is known yet.
    """
    for one in includes:
        if not owners:
            return
        relation, kind = one.relation, one.relation.kind
        found = yield from LOADERS[kind](one, owners, dialect, new, siblings)
        new = False
        if one.within:
            alone = kind != "reverse" and are_new(relation.target_table.model)
            yield from load_all(found, one.within, dialect, siblings=siblings, new=alone)


def introduce(instances: Sequence[ModelBase]) -> None:
    """Let the instances of one result know each other."""
    with NoCollection():
        acquaint(instances, Siblings())


def load_paths(
    instances: Sequence[ModelBase], paths: tuple[IncludePath[Any], ...], dialect: Dialect, *, siblings: bool
) -> Steps[None]:
    """Load relations of instances of one model, wherever they come from."""
    model = type(instances[0]) if instances else None
    for instance in instances:
        if type(instance) is not model:
            raise QueryError(
                f"load_many() takes instances of one model, and this is {called(instances[0])} beside {called(instance)}"
            )
    includes = () if model is None else read_paths((), model, paths, rows_of)
    return load_all(instances, includes, dialect, siblings=siblings)


def called(instance: object) -> str:
    return with_article(type(instance).__name__)


def load_forward(
    one: Include, owners: Sequence[ModelBase], dialect: Dialect, new: bool, siblings: bool
) -> Steps[list[Any]]:
    """The rows that foreign keys of the instances lead to."""
    relation = one.relation
    keys = keys_in(owners, relation.columns)
    wanted = [key for key in dict.fromkeys(keys) if not has_no_key(key)]
    found: list[Any] = []
    held: list[Any] = []
    if wanted:
        how = loading_forward(one, dialect)
        found = yield from in_parts(how.asking(wanted, dialect), keyed(held, how))
    lead_to(owners, relation, keys, held, found, new=new)
    if siblings:
        introduce(found)
    return found


def lead_to(
    owners: Sequence[ModelBase],
    relation: Relation,
    keys: Sequence[Any],
    held: Sequence[Any],
    found: Sequence[Any],
    *,
    new: bool = False,
) -> None:
    """Note in instances, by their foreign keys, which of the rows found belong to them: `held` are the keys of those."""
    with NoCollection():
        kept = {key: Kept(key, row) for key, row in zip(held, found, strict=True)}
        relate_all(owners, relation.name, [kept.get(key) or Kept(key, None) for key in keys], new=new)


def load_reverse(
    one: Include, owners: Sequence[ModelBase], dialect: Dialect, new: bool, siblings: bool
) -> Steps[list[Any]]:
    """The rows whose foreign keys lead to the instances."""
    relation = one.relation
    keys = keys_of_owners(one, owners)
    how = loading_reverse(one, dialect)
    held: list[Any] = []
    wanted: Collection[Any] = dict.fromkeys(keys)
    if is_nullable(relation):
        wanted = [key for key in wanted if not has_no_key(key)]
    found = (yield from in_parts(how.asking(list(wanted), dialect), keyed(held, how))) if wanted else []
    with NoCollection():
        # What belongs to others is found through them, and needs no note of its own.
        along = Along(owners, relation.name) if siblings else None
        back = {key: Kept(key, owner, along) for key, owner in zip(keys, owners, strict=True)}
        if are_new(relation.target_table.model):
            relate_new(found, relation.other.name, back, held)
        elif (now := keys_in(found, how.columns)) == held:
            relate_all(found, relation.other.name, [back[key] for key in held])
        else:
            # An object that was held already may lead elsewhere by now, as it will say when it is saved.
            ends = [(row, back[key]) for row, key, own in zip(found, held, now, strict=True) if key == own]
            relate_all([row for row, _ in ends], relation.other.name, [end for _, end in ends])
        keep(one, owners, keys, grouped(held, found), new=new, along=along)
    return found


def load_many(
    one: Include, owners: Sequence[ModelBase], dialect: Dialect, new: bool, siblings: bool
) -> Steps[list[Any]]:
    """The rows that are linked to the instances: each is one instance, however many it is linked to."""
    keys = keys_of_owners(one, owners)
    how = loading_many(one, dialect)
    fill, width, mark = how.fill, how.width, how.mark
    held: list[Any] = []
    known: dict[Any, Any] = {}

    def fill_once(rows: Rows) -> list[Any]:
        held.extend(how.read(rows))
        marks = list(map(mark, rows))
        if not known.keys() >= set(marks):
            fresh = {key: row[width:] for key, row in zip(marks, rows, strict=True) if key not in known}
            known.update(zip(fresh, fill(list(fresh.values())), strict=True))
        return list(map(known.__getitem__, marks))

    asked = how.asking(list(dict.fromkeys(keys)), dialect)
    found = yield from in_parts(asked, fill_once)
    with NoCollection():
        keep(one, owners, keys, grouped(held, found), new=new)
    loaded = list(known.values())
    if siblings:
        introduce(loaded)
    return loaded


def keyed(held: list[Any], how: Loading) -> Fill:
    """What makes instances of rows, and adds the keys that the rows hold to `held`."""

    def fill_and_note(rows: Rows) -> list[Any]:
        held.extend(how.read(rows))
        return how.fill(rows)

    return fill_and_note


LOADERS: dict[str, Callable[[Include, Sequence[ModelBase], Dialect, bool, bool], Steps[list[Any]]]] = {
    "forward": load_forward,
    "reverse": load_reverse,
    "many": load_many,
}


def is_nullable(relation: Relation) -> bool:
    """Whether others refer to a row by what it may lack: then none of them does, and nothing is missing."""
    return own_columns(relation) != relation.table.primary_key


def keys_of_owners(one: Include, owners: Sequence[ModelBase]) -> list[Any]:
    columns = own_columns(one.relation)
    keys = keys_in(owners, columns)
    if not is_nullable(one.relation) and (len(columns) > 1 or None in keys):
        for owner, key in zip(owners, keys, strict=True):
            if has_no_key(key):
                key_of_owner(one.relation, owner)
    return keys


def grouped(keys: Sequence[Any], rows: Sequence[Any]) -> dict[Any, list[Any]]:
    groups = defaultdict[Any, list[Any]](list)
    # No loop of Python's: it is a cost of every row that is read.
    deque(map(list[Any].append, map(groups.__getitem__, keys), rows), maxlen=0)
    return groups


def keep(
    one: Include,
    owners: Sequence[ModelBase],
    keys: Sequence[Any],
    groups: dict[Any, list[Any]],
    *,
    new: bool,
    along: Along | None = None,
) -> None:
    """Note in each instance which rows belong to it."""
    rows = [groups.get(key, ()) for key in keys]
    if one.relation.single:
        values = [Kept(key, found[0] if found else None, along) for key, found in zip(keys, rows, strict=True)]
    else:
        values = [Kept(key, tuple(found), along) for key, found in zip(keys, rows, strict=True)]
    relate_all(owners, one.relation.name, values, new=new)
