"""Which hooks a model has: found once a class, so that a model without any pays nothing for them."""

from collections.abc import Callable
from functools import lru_cache
from inspect import iscoroutinefunction
from types import FunctionType
from typing import Any

from ferro.caches import informing
from ferro.errors import ModelDefinitionError
from ferro.model import GivesWay, ModelBase

HOOKS = ("before_save", "after_save", "before_delete", "after_delete", "after_load")


@informing("hooks")
@lru_cache(maxsize=1024)
def known_hooks(model: type) -> frozenset[str]:
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
