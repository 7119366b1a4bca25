"""The instances of one result, for all of which a relation can be loaded at once."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from weakref import ref

from pydantic import BaseModel

from ferro.instance.related import Kept, related_to
from ferro.instance.state import vars_of_slots


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
        return loaded_with(instance)
    return [found for member in siblings.members if (found := member()) is not None]


class Along:
    """The rows that were loaded together because they belong to certain others, which are held weakly, and have them."""

    __slots__ = ("_name", "_owners")

    def __init__(self, owners: Sequence[BaseModel], name: str) -> None:
        self._owners = list(map(ref, owners))
        self._name = name

    def rows(self) -> Iterator[BaseModel]:
        for one in self._owners:
            kept = None if (owner := one()) is None else related_to(owner).get(self._name)
            value = kept.value if isinstance(kept, Kept) else None
            if isinstance(value, BaseModel):
                yield value
            elif value is not None:
                yield from value

    def part(self) -> None:
        """Let them know each other by themselves: one is about to forget whom it belongs to."""
        if self._owners:
            acquaint(list(self.rows()), Siblings())
            self._owners = []


def loaded_with(instance: BaseModel) -> list[BaseModel]:
    """The rows that were loaded along a relation with this one, itself among them; they need no note of each other."""
    for kept in related_to(instance).values():
        if isinstance(kept, Kept) and kept.along is not None:
            found = list(kept.along.rows())
            if any(one is instance for one in found):
                return found
    return [instance]
