"""What the tests of ferro's users import."""

from collections.abc import Generator
from contextlib import contextmanager

from ferro.operations.repeats import Action, Guard, guards
from ferro.schema.registry import forget_models

__all__ = ["forget_models", "no_n_plus_one"]


@contextmanager
def no_n_plus_one(after: int = 3, *, action: Action = "raise") -> Generator[None]:
    """Fail when one line of the block's code reads the same more than so many times: `with no_n_plus_one(): ...`.

    Everything counts that runs inside the block, tasks that were started there included; writing does not.

    Raises:
        NPlusOneError: it does. `action="warn"` gives an NPlusOneWarning instead.
    """
    token = guards.set((*guards.get(), Guard(action, after)))
    try:
        yield
    finally:
        guards.reset(token)
