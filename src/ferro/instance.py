"""What an instance remembers: whether its row is in the database, and what the row holds there."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from dataclasses import field as made_by
from decimal import Decimal
from functools import lru_cache
from itertools import repeat
from typing import Any
from weakref import ref

from pydantic import BaseModel

from ferro.caches import informing
from ferro.errors import QueryError
from ferro.schema.registry import table_of
from ferro.schema.table import Column

# An instance filled from a row has nothing but its `__dict__`. Pydantic's slots are filled when they
# are first asked for; until then their absence is what tells such an instance from a constructed one.
LAZY = frozenset({"__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"})


class State:
    """What one instance remembers.

    Attributes:
        loaded: its row is in the database.
        originals: what the database holds in the fields that were assigned to.
        seen: how the database keeps the values that can change in place, written down before anyone could
            change them.
    """

    __slots__ = ("loaded", "originals", "seen")

    def __init__(
        self, loaded: bool, originals: dict[str, Any] | None = None, seen: dict[str, Any] | None = None
    ) -> None:
        self.loaded = loaded
        self.originals: dict[str, Any] = originals or {}
        self.seen: dict[str, Any] = seen or {}

    def copy(self) -> "State":
        return State(loaded=self.loaded, originals=dict(self.originals), seen=dict(self.seen))


# Shared by all instances nobody has touched, and never changed.
LOADED = State(loaded=True)
NEW = State(loaded=False)


# What operations ask and tell.


def is_loaded(instance: BaseModel) -> bool:
    """Whether the row is in the database, as far as the instance knows: it was read from there, or saved."""
    return state_of(instance) is not None


def changed_fields(instance: BaseModel) -> dict[str, Any]:
    """The fields of a loaded instance that differ from its row, and what the row holds in them."""
    state = state_of(instance)
    if state is None:
        return {}
    values = vars(instance)
    changed = {
        name: original
        for name, original in state.originals.items()
        if name in values and not is_same(original, values[name])
    }
    columns = table_of(type(instance)).by_field
    for name, kept in state.seen.items():
        if name in values and not is_kept_as(columns[name], values[name], kept):
            changed[name] = restored(columns[name], kept)
    return changed


def loaded_key(instance: BaseModel) -> tuple[Any, ...]:
    """The primary key under which the row is in the database, whatever was assigned since."""
    state = state_of(instance) or NEW
    values = vars(instance)
    key = table_of(type(instance)).primary_key
    if not state.originals and not state.seen:
        return tuple([values.get(column.field) for column in key])

    def stored(column: Column) -> Any:
        if column.field in state.seen:
            return restored(column, state.seen[column.field])
        return state.originals.get(column.field, values.get(column.field))

    return tuple([stored(column) for column in key])


def mark_saved(
    instance: BaseModel,
    returned: Mapping[str, Any] | None = None,
    *,
    sent: Mapping[str, Any] | None = None,
    kept: Mapping[str, Any] | None = None,
) -> None:
    """Note that the row was written: with what the database returned, and, of a loaded row, the fields that were sent.

    A field assigned to while the statement was under way keeps counting as changed. Without `sent` everything was
    written; `kept` is how the database keeps values that can change in place, where that is known.
    """
    pages = journal.get()
    if pages is not None:
        pages.note(instance)
    state = state_of(instance)
    values = vars(instance)
    written = {**(values if sent is None else sent), **(returned or {})}
    if pages is not None:
        pages.note_source({**dict.fromkeys(sent or (), False), **dict.fromkeys(returned or (), True)}, instance)
    if returned:
        values.update(returned)
        instance.__pydantic_fields_set__.update(returned)
    table = table_of(type(instance))
    # What a journal holds is its own copy.
    fresh = State(loaded=True) if sent is None or state is None or state is LOADED else state
    for name, value in written.items():
        fresh.originals.pop(name, None)
        if name in table.by_field and name in values and not is_same(value, values[name]):
            fresh.originals[name] = value
    for column in table.mutable:
        if column.field in written:
            fresh.originals.pop(column.field, None)
            fresh.seen[column.field] = as_kept(column, written[column.field])
    fresh.seen.update(kept or {})
    remember(instance, fresh if fresh.originals or fresh.seen else LOADED)


def fill_in(instance: BaseModel, fields: Sequence[str], values: Sequence[Any]) -> None:
    """Write what the database made into a new instance."""
    vars(instance).update(zip(fields, values, strict=True))
    instance.__pydantic_fields_set__.update(fields)


def mark_inserted(instance: BaseModel, returned: Mapping[str, Any], kept: dict[str, Any]) -> None:
    """Note that a new row was written, whole: with what the database returned.

    `kept` is how it keeps the values that can change in place.
    """
    if returned:
        vars(instance).update(returned)
        instance.__pydantic_fields_set__.update(returned)
    remember(instance, State(True, {}, kept) if kept else LOADED)


def mark_all_inserted(instances: Sequence[BaseModel], kept: Mapping[str, Sequence[Any]]) -> None:
    """Note that the rows of new instances were written, whole, and what the database returned is in them.

    `kept` is how the database keeps the values that can change in place: those of each row, by field.
    """
    if not instances:
        return
    note: Callable[..., None] = vars_of_slots(type(instances[0]))["__ferro_state__"].__set__
    if not kept:
        deque(map(note, instances, repeat(LOADED)), maxlen=0)
        return
    for instance, values in zip(instances, zip(*kept.values(), strict=True), strict=True):
        note(instance, State(True, {}, dict(zip(kept, values, strict=True))))


def first_loaded(instances: Sequence[BaseModel]) -> int | None:
    """The place of the first instance whose row is in the database; None when all are new."""
    for at, instance in enumerate(instances):
        try:
            state: State = object.__getattribute__(instance, "__ferro_state__")
        except AttributeError:
            if not is_untouched(instance):
                continue
            return at
        if state.loaded:
            return at
    return None


def mark_deleted(instance: BaseModel) -> None:
    """Note that the row is gone: the instance counts as new."""
    note_before(instance)
    fill_slots(instance)
    remember(instance, NEW)


def adopt(instance: BaseModel, values: Mapping[str, Any], *, keep_edits: bool = False) -> None:
    """Take over what the database holds now; `keep_edits` leaves the changed fields as they are."""
    note_before(instance)
    edited = changed_fields(instance) if keep_edits else {}
    note_source(dict.fromkeys(values.keys() - edited.keys(), True), instance)
    columns = table_of(type(instance)).by_field
    fresh = State(loaded=True)
    for name, value in values.items():
        if name not in edited:
            vars(instance)[name] = value
        elif columns[name].type.mutable:
            fresh.seen[name] = as_kept(columns[name], value)
        else:
            fresh.originals[name] = value
    instance.__pydantic_fields_set__.update(values)
    remember(instance, fresh)


# What a transaction that is undone has to take back.


@dataclass(frozen=True, slots=True)
class Before:
    """An instance as it was before a transaction wrote its row, or read it again.

    Attributes:
        state: what it remembered; None when it was new.
        values: its fields; of a new one those that the database may fill in.
        given: which of the fields had been set.
        told: whether the value a field was given since is one that ferro wrote into it, and not its user's.
    """

    state: State | None
    values: dict[str, Any]
    given: frozenset[str]
    told: dict[str, bool] = made_by(default_factory=dict[str, bool])


class Batch:
    """New instances whose rows were inserted together, and what they held in the fields the database filled in."""

    __slots__ = ("fields", "instances", "values")

    def __init__(
        self, instances: list[ref[BaseModel] | None], fields: Sequence[str], values: list[tuple[Any, ...]]
    ) -> None:
        self.instances = instances
        self.fields = fields
        self.values = values

    def before(self, at: int) -> Before:
        """One of them as it was; a key the database numbers was None."""
        held = self.values[at] if self.values else (None,) * len(self.fields)
        return Before(None, dict(zip(self.fields, held, strict=True)), frozenset())


class Journal:
    """What a transaction did to instances: how they were before, and which relations were loaded for them.

    An instance that nobody holds any more is forgotten.
    """

    def __init__(self) -> None:
        self._before: dict[int, tuple[ref[BaseModel], Before]] = {}
        self._batches: list[Batch] = []
        self._related: list[tuple[str, list[ref[BaseModel]]]] = []

    def note(self, instance: BaseModel) -> None:
        """Write down how an instance is, unless that was done before."""
        if id(instance) not in self._before:
            self._keep(instance, before(instance))

    def note_batch(self, instances: Sequence[BaseModel], fields: Sequence[str], *, numbered: bool) -> None:
        """Write down that instances are new, and what they hold in the fields the database is to fill in.

        Those are all None where they are `numbered`: keys that the database counts.
        """
        given = () if numbered else map(vars, instances)
        values = [tuple([held.get(name) for name in fields]) for held in given]
        self._batches.append(Batch(self._unknown([ref(instance) for instance in instances]), fields, values))

    def note_source(self, told: Mapping[str, bool], instance: BaseModel) -> None:
        """Write down which fields are given values by ferro, and which by the user of an instance."""
        if (entry := self._before.get(id(instance))) is not None:
            entry[1].told.update(told)

    def note_related(self, name: str, instances: Iterable[BaseModel]) -> None:
        """Write down that something is noted of a relation of instances."""
        self._related.append((name, list(map(ref, instances))))

    def join(self, inner: "Journal") -> None:
        """Take over what a block inside this one has written down."""
        self._related += inner._related
        self._batches += [Batch(self._unknown(one.instances), one.fields, one.values) for one in inner._batches]
        for reference, noted in list(inner._before.values()):
            instance = reference()
            if instance is not None and id(instance) not in self._before:
                self._keep(instance, noted)
            elif instance is not None:
                self.note_source(noted.told, instance)

    def undo(self) -> None:
        """Let every instance remember what it did before: its row was not written.

        What was loaded along relations may be what others have never seen, and is forgotten.
        """
        for name, references in self._related:
            for reference in references:
                if (instance := reference()) is not None:
                    forget_related(instance, name)
        for reference, noted in list(self._before.values()):
            if (instance := reference()) is not None:
                put_back(instance, noted)
        # What was changed after it was inserted with others is in both, and was new.
        for batch in self._batches:
            for at, reference in enumerate(batch.instances):
                if reference is not None and (instance := reference()) is not None:
                    put_back(instance, batch.before(at))

    def _unknown(self, references: list[ref[BaseModel] | None]) -> list[ref[BaseModel] | None]:
        """Leave out the instances of which it is written down how they were before."""
        if not self._before:
            return references
        return [None if reference is None or id(reference()) in self._before else reference for reference in references]

    def _keep(self, instance: BaseModel, noted: Before) -> None:
        entries, key = self._before, id(instance)
        entries[key] = ref(instance, lambda _: entries.pop(key, None)), noted


# The journal of the transaction that runs a statement at this moment.
journal: ContextVar[Journal | None] = ContextVar("ferro_journal", default=None)


def note_before(instance: BaseModel) -> None:
    if (open_journal := journal.get()) is not None:
        open_journal.note(instance)


def note_source(told: Mapping[str, bool], instance: BaseModel) -> None:
    if (open_journal := journal.get()) is not None:
        open_journal.note_source(told, instance)


def note_related(name: str, instances: Iterable[BaseModel]) -> None:
    if (open_journal := journal.get()) is not None:
        open_journal.note_related(name, instances)


def before(instance: BaseModel) -> Before:
    state = state_of(instance)
    values = vars(instance)
    if state is not None:
        return Before(state if state is LOADED else state.copy(), dict(values), frozenset())
    filled = [column.field for column in table_of(type(instance)).columns if column.generated]
    given = frozenset(filled) & instance.__pydantic_fields_set__
    return Before(None, {name: values[name] for name in filled if name in values}, given)


def put_back(instance: BaseModel, noted: Before) -> None:
    """Let an instance be as it was before its row was written; what its user has assigned since stays."""
    now = state_of(instance) or NEW
    values = vars(instance)
    if noted.state is None:
        for name, value in noted.values.items():
            if name not in now.originals:
                values[name] = value
                if name not in noted.given:
                    instance.__pydantic_fields_set__.discard(name)
        remember(instance, NEW)
        return
    edited = changed_fields(instance)
    fresh = noted.state.copy()
    fresh.seen = {**now.seen, **fresh.seen}
    columns = table_of(type(instance)).by_field
    for name, value in noted.values.items():
        if name not in columns:
            continue
        if noted.told.get(name) and name not in edited:
            values[name] = value
            if name in fresh.seen and name not in noted.state.seen:
                del fresh.seen[name]
        elif not columns[name].type.mutable and not is_same(value, values.get(name, ...)):
            fresh.originals.setdefault(name, value)
    remember(instance, fresh)


# What the model class reports.


def before_assignment(instance: BaseModel, name: str) -> None:
    """Write down what the database holds in a field that is about to change."""
    values = vars(instance)
    if not values:
        # Neither constructed nor filled yet: as Pydantic has it, it takes no attributes.
        object.__getattribute__(instance, "__pydantic_fields_set__")
    state = own_state(instance)
    if state is None:
        return
    columns = table_of(type(instance)).by_field
    # Validators that run on assignment may change any field.
    names = columns if instance.model_config.get("validate_assignment") else (name,)
    for field in names:
        if (column := columns.get(field)) is None:
            continue
        if column.type.mutable:
            state.seen.setdefault(field, as_kept(column, values.get(field)))
        else:
            state.originals.setdefault(field, values.get(field, ...))


def before_sharing(instance: BaseModel) -> None:
    """Write down every value of a loaded row that can change in place: someone is about to hold them all."""
    if state_of(instance) is not None:
        for column in table_of(type(instance)).mutable:
            watch(instance, column)


def watch(instance: BaseModel, column: Column) -> None:
    """Write down, once, how the database keeps a value that can change in place."""
    state = own_state(instance)
    if state is not None and column.field not in state.seen and column.field in vars(instance):
        state.seen[column.field] = as_kept(column, vars(instance)[column.field])


def copy_state(original: BaseModel, copied: BaseModel) -> None:
    """Let a copy of a loaded instance be a loaded one."""
    if (state := state_of(original)) is not None:
        remember(copied, state.copy())
    copy_origin(original, copied)
    if known := related_to(original):
        object.__setattr__(copied, "__ferro_related__", dict(known))


def note_update(original: BaseModel, copied: BaseModel, update: Mapping[str, Any]) -> None:
    """A copy made with other values: changed in those, and a new row if its primary key is another one."""
    state = own_state(copied)
    if state is None:
        return
    columns = table_of(type(copied)).by_field
    for name in update.keys() & columns.keys():
        value = vars(original).get(name, ...)
        if columns[name].primary_key and not is_same(value, update[name]):
            remember(copied, NEW)
        elif columns[name].type.mutable:
            state.seen.setdefault(name, as_kept(columns[name], None if value is ... else value))
        else:
            state.originals.setdefault(name, value)


# Where its row is, if there are several databases. It is no part of the row either.


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A database that instances come from. They keep it from nothing, and know where it was when it is gone.

    Attributes:
        database: the database, as long as it is there.
        where: the same for all handles of one database.
        called: what an error calls it.
    """

    database: ref[Any]
    where: object
    called: str


def origin_of(instance: BaseModel) -> Origin | None:
    """Where an instance was loaded from or saved to, if that was noted."""
    try:
        return object.__getattribute__(instance, "__ferro_origin__")
    except AttributeError:
        return None


def copy_origin(original: BaseModel, copied: BaseModel) -> None:
    """Let an instance belong to the same database as another one."""
    if (origin := origin_of(original)) is not None:
        object.__setattr__(copied, "__ferro_origin__", origin)


def must_come_from(origin: Origin | None, instance: BaseModel, relation: str) -> None:
    """Refuse to let rows of one database refer to an instance that came from another one."""
    other = origin_of(instance)
    if origin is not None and other is not None and origin.where != other.where:
        name = type(instance).__name__
        raise QueryError(
            f"{relation}: this {name} came from {other.called}, and what refers to it is in {origin.called}, where its key "
            f"is that of another row, or of none; give the {name} of {origin.called}, or the key itself if both have the row"
        )


# What was loaded along relations. It is no part of the row: neither compared nor dumped.


def related_to(instance: BaseModel) -> dict[str, Any]:
    """The other ends of relations, as far as they are known."""
    try:
        return object.__getattribute__(instance, "__ferro_related__")
    except AttributeError:
        return {}


def relate(instance: BaseModel, name: str, value: Any) -> None:
    """Note what is at the other end of a relation."""
    note_related(name, (instance,))
    object.__setattr__(instance, "__ferro_related__", {**related_to(instance), name: value})


def relate_all(instances: Sequence[BaseModel], name: str, values: Iterable[Any]) -> None:
    """The same for many instances of one model."""
    if not instances:
        return
    note_related(name, instances)
    slot = vars_of_slots(type(instances[0]))["__ferro_related__"]
    get, put = slot.__get__, slot.__set__
    for instance, value in zip(instances, values, strict=True):
        try:
            known = get(instance)
        except AttributeError:
            put(instance, {name: value})
        else:
            put(instance, {**known, name: value})


def relate_new(instances: Sequence[BaseModel], name: str, values: Mapping[Any, Any], keys: Sequence[Any]) -> None:
    """The same for instances of which nothing was noted yet, each given the value of its key."""
    if not instances:
        return
    note_related(name, instances)
    # What is noted is never changed in place, so that those with the same value share it.
    related = {key: {name: value} for key, value in values.items()}
    put: Callable[..., None] = vars_of_slots(type(instances[0]))["__ferro_related__"].__set__
    deque(map(put, instances, map(related.__getitem__, keys)), maxlen=0)


@informing("slots")
@lru_cache(maxsize=1024)
def vars_of_slots(model: type) -> dict[str, Any]:
    """The descriptors of the slots beside `__dict__`, past a metaclass that would look for columns."""
    return {
        name: vars(owner)[name]
        for owner in model.__mro__
        for name in ("__ferro_related__", "__ferro_siblings__", "__ferro_state__")
        if name in vars(owner)
    }


def forget_related(instance: BaseModel, name: str | None = None) -> None:
    """Forget what is at the other end of a relation, or of all."""
    known = related_to(instance)
    if known and (name is None or name in known):
        kept = {} if name is None else {key: one for key, one in known.items() if key != name}
        object.__setattr__(instance, "__ferro_related__", kept)


class Kept:
    """What was loaded along a relation, and the key it was loaded for: for another key it means nothing."""

    __slots__ = ("key", "value")

    def __init__(self, key: Any, value: Any) -> None:
        self.key = key
        self.value = value


class Siblings:
    """The instances of one result. None of them is kept alive by the others."""

    __slots__ = ("members",)

    def __init__(self) -> None:
        self.members: list[ref[BaseModel]] = []


def acquaint(instances: Sequence[BaseModel], siblings: Siblings) -> None:
    """Let the instances of one result know each other, if there are relations to be loaded for all of them."""
    if not instances or not getattr(type(instances[0]), "__ferro_relation_names__", ()):
        return
    if siblings.members or len(instances) > 1:
        note: Callable[..., None] = vars_of_slots(type(instances[0]))["__ferro_siblings__"].__set__
        # Neither this nor the references are loops of Python: they are a cost of every row that is read.
        siblings.members += map(ref, instances)
        deque(map(note, instances, repeat(siblings)), maxlen=0)


def siblings_of(instance: BaseModel) -> list[BaseModel]:
    """The instances that came with this one and are still held by someone, itself among them."""
    try:
        siblings: Siblings = object.__getattribute__(instance, "__ferro_siblings__")
    except AttributeError:
        return [instance]
    return [found for member in siblings.members if (found := member()) is not None]


def fill_slots(instance: BaseModel) -> None:
    """Fill Pydantic's slots of an instance that was filled from a row."""
    values = vars(instance)
    if not is_untouched(instance):
        return
    # The slot whose absence is the sign comes last.
    if state_slot(instance) is None:
        remember(instance, LOADED)
    fields = type(instance).model_fields
    extra: dict[str, Any] | None = {} if instance.model_config.get("extra") == "allow" else None
    object.__setattr__(instance, "__pydantic_extra__", extra)
    object.__setattr__(instance, "__pydantic_private__", None)
    object.__setattr__(instance, "__pydantic_fields_set__", {name for name in fields if name in values})


def lazy_slot(instance: BaseModel, name: str) -> Any:
    """The value of a slot that was empty when it was asked for."""
    fill_slots(instance)
    return object.__getattribute__(instance, name)


# The state itself. It is read and set past the class, which would look for it in other places too.


def state_of(instance: BaseModel) -> State | None:
    """What a loaded instance remembers; None of one that is new."""
    state = state_slot(instance)
    if state is None:
        state = LOADED if is_untouched(instance) else NEW
        remember(instance, state)
    return state if state.loaded else None


def state_slot(instance: BaseModel) -> State | None:
    try:
        return object.__getattribute__(instance, "__ferro_state__")
    except AttributeError:
        return None


def own_state(instance: BaseModel) -> State | None:
    """The same, to be written to: no other instance has it."""
    state = state_of(instance)
    if state is not LOADED:
        return state
    fill_slots(instance)
    own = State(loaded=True)
    remember(instance, own)
    return own


def remember(instance: BaseModel, state: State) -> None:
    object.__setattr__(instance, "__ferro_state__", state)


def is_untouched(instance: BaseModel) -> bool:
    """Whether nothing was asked of an instance since it was filled from a row."""
    try:
        object.__getattribute__(instance, "__pydantic_fields_set__")
    except AttributeError:
        return bool(vars(instance))
    return False


def is_same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and bool(one == other) and has_same_digits(one, other))


def has_same_digits(one: Any, other: Any) -> bool:
    # 1.0 equals 1.00, but a Decimal column keeps the two apart.
    return not isinstance(one, Decimal) or one.as_tuple() == other.as_tuple()


# Values that can change in place are compared as SQLite's text for them, which every such type has.


def as_kept(column: Column, value: Any) -> Any:
    """How the database keeps a value; an ellipsis for one that it would refuse."""
    dump = column.type.stored["sqlite"].dump
    try:
        return value if value is None or dump is None else dump(value)
    except ValueError:
        return ...


def is_kept_as(column: Column, value: Any, kept: Any) -> bool:
    return kept is not ... and is_same(as_kept(column, value), kept)


def restored(column: Column, kept: Any) -> Any:
    load = column.type.stored["sqlite"].load
    return kept if kept in (None, ...) or load is None else load(kept)


class Watched:
    """The attribute of a column whose values can change in place: the first look at it writes the value down."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: BaseModel | None, owner: type) -> Any:
        if instance is None:
            # Python then asks the metaclass, which has the column.
            raise AttributeError(self.name)
        state = state_slot(instance)
        if state is None or (state.loaded and self.name not in state.seen):
            self.first_look(instance)
        try:
            return instance.__dict__[self.name]
        except KeyError:
            raise self.missing(instance) from None

    def first_look(self, instance: BaseModel) -> None:
        column = table_of(type(instance)).by_field[self.name]
        if column.type.mutable:
            watch(instance, column)

    def __set__(self, instance: BaseModel, value: Any) -> None:
        vars(instance)[self.name] = value

    def __delete__(self, instance: BaseModel) -> None:
        if self.name not in vars(instance):
            raise self.missing(instance)
        del vars(instance)[self.name]

    def missing(self, instance: BaseModel) -> AttributeError:
        return AttributeError(f"{type(instance).__name__!r} object has no attribute {self.name!r}")
