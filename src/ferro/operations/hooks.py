"""Which hooks a model has: found once a class, so that a model without any pays nothing for them."""

from collections.abc import Callable
from functools import lru_cache
from inspect import iscoroutinefunction
from types import FunctionType
from typing import Any

from ferro.caches import informing
from ferro.errors import ModelDefinitionError, QueryError
from ferro.model import GivesWay, ModelBase
from ferro.types.values import with_article

HOOKS = ("before_save", "after_save", "before_delete", "after_delete", "after_load")


# What is given in the place of an instance, and what was meant.
MISTAKEN = {
    "ModelMeta": "a model: create(User, name='Ann') inserts a row of it",
    "dict": "a dict: create(User, name='Ann') takes the values of a row",
    "list": "a list: bulk_create() and bulk_update() take many instances",
}


@informing("hooks")
@lru_cache(maxsize=1024)
def known_hooks(model: type) -> frozenset[str]:
    name = model.__name__
    if not issubclass(model, ModelBase):
        given = MISTAKEN.get(name, with_article(name))
        raise QueryError(f"expected an instance of a model, such as User(name='Ann'), and got {given}")
    found = {name: hook for name in HOOKS if (hook := overridden(model, name)) is not None}
    if iscoroutinefunction(found.get("after_load")):
        raise ModelDefinitionError(
            f"{model.__name__}.after_load is called while rows are read, in both colours: make it a plain function"
        )
    return frozenset(found)


# The names of the hooks that a model overrides. What a cache is called with is hashable, which of a class needs no saying.
hooks_of: Callable[[type], frozenset[str]] = known_hooks


def overridden(model: type, name: str) -> Any:
    owner = next((owner for owner in model.__mro__ if name in vars(owner)), ModelBase)
    hook = vars(owner).get(name)
    hook = hook.method if isinstance(hook, GivesWay) else hook
    # A field may be called like a hook; it is none.
    return hook if owner is not ModelBase and isinstance(hook, FunctionType) else None
