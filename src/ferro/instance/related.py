"""What was loaded along relations. It is no part of the row: neither compared nor dumped."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from ferro.instance.journal import note_related
from ferro.instance.state import vars_of_slots

if TYPE_CHECKING:
    from ferro.instance.siblings import Along


class Kept:
    """What was loaded along a relation, and the key it was loaded for: for another key it means nothing.

    `along` has the rows that were loaded together along it, as long as it is noted at both ends.
    """

    __slots__ = ("along", "key", "value")

    def __init__(self, key: Any, value: Any, along: "Along | None" = None) -> None:
        self.key = key
        self.value = value
        self.along = along


def related_to(instance: BaseModel) -> dict[str, Any]:
    """The other ends of relations, as far as they are known."""
    try:
        return object.__getattribute__(instance, "__ferro_related__")
    except AttributeError:
        return {}


def relate(instance: BaseModel, name: str, value: Any) -> None:
    """Note what is at the other end of a relation."""
    note_related(name, (instance,))
    known = related_to(instance)
    let_go(known.get(name))
    object.__setattr__(instance, "__ferro_related__", {**known, name: value})


def relate_all(instances: Sequence[BaseModel], name: str, values: Iterable[Any], *, new: bool = False) -> None:
    """The same for many instances of one model; of `new` ones nothing was noted yet."""
    if not instances:
        return
    note_related(name, instances)
    slot = vars_of_slots(type(instances[0]))["__ferro_related__"]
    get: Callable[..., Any] = slot.__get__
    put: Callable[..., None] = slot.__set__
    if new:
        deque(map(put, instances, [{name: value} for value in values]), maxlen=0)
        return
    for instance, value in zip(instances, values, strict=True):
        try:
            known = get(instance)
        except AttributeError:
            put(instance, {name: value})
        else:
            let_go(known.get(name))
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


def let_go(known: Any) -> None:
    """See to it that the rows that were loaded together still find each other without what one of them forgets."""
    if isinstance(known, Kept) and known.along is not None:
        known.along.part()


def forget_related(instance: BaseModel, name: str | None = None) -> None:
    """Forget what is at the other end of a relation, or of all."""
    known = related_to(instance)
    if known and (name is None or name in known):
        for one in known.values() if name is None else (known[name],):
            let_go(one)
        kept = {} if name is None else {key: one for key, one in known.items() if key != name}
        object.__setattr__(instance, "__ferro_related__", kept)
