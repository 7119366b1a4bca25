"""What a transaction writes down about instances, so that it can be undone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from dataclasses import field as made_by
from typing import Any
from weakref import ref

from pydantic import BaseModel

from ferro.instance.state import LOADED, State, state_of
from ferro.schema.registry import table_of


@dataclass(frozen=True, slots=True, eq=False)
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
        values: list[tuple[Any, ...]] = []
        if not numbered:
            values = [tuple([held.get(name) for name in fields]) for held in map(vars, instances)]
        self._keep_batch(Batch(list(map(ref, instances)), fields, values))

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
        for batch in inner._batches:
            self._keep_batch(batch)
        for reference, noted in list(inner._before.values()):
            instance = reference()
            if instance is not None and id(instance) not in self._before:
                self._keep(instance, noted)
            elif instance is not None:
                self.note_source(noted.told, instance)

    def noted(self) -> Iterator[tuple[BaseModel, Before]]:
        """The instances that are still there, and how each of them was."""
        for reference, noted in list(self._before.values()):
            if (instance := reference()) is not None:
                yield instance, noted
        # What was changed after it was inserted with others is in both, and was new.
        for batch in self._batches:
            for at, reference in enumerate(batch.instances):
                if reference is not None and (instance := reference()) is not None:
                    yield instance, batch.before(at)

    def loaded_along(self) -> Iterator[tuple[str, BaseModel]]:
        """The relations of which something was noted, and the instances whose they are."""
        for name, references in self._related:
            for reference in references:
                if (instance := reference()) is not None:
                    yield name, instance

    def _keep_batch(self, batch: Batch) -> None:
        """Keep what is known of a batch, but for those of which it is written down how they were before."""
        for at, reference in enumerate(batch.instances) if self._before else ():
            instance = None if reference is None else reference()
            if instance is not None and id(instance) in self._before:
                # It was loaded then, and deleted.
                self.note_source(
                    {**dict.fromkeys(vars(instance), False), **dict.fromkeys(batch.fields, True)}, instance
                )
                batch.instances[at] = None
        self._batches.append(batch)

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
