"""Which models there are: by bare class name, the last one of a name wins."""

from ferro.errors import ModelDefinitionError, QueryError
from ferro.schema.table import Table

# Classes are held strongly: a model defined inside a function has a table for as long as nobody forgets it,
# not for as long as the garbage collector happens to leave it alone.
declared: dict[str, type] = {}
active: dict[str, type] = {}


def register(model: type) -> type | None:
    """Make a model known; one of the same name is forgotten, in silence, as notebooks and tests need it.

    Returns the one that is forgotten.
    """
    former = declared.get(model.__name__)
    for known in (declared, active):
        known.pop(model.__name__, None)
        known[model.__name__] = model
    return former


def withdraw(model: type, former: type | None) -> None:
    """Undo a registration: the class could not be made."""
    for known in (declared, active):
        known.pop(model.__name__, None)
    if former is not None:
        register(former)


def registered_models() -> tuple[type, ...]:
    """Every model whose table `create_tables()` makes, in the order of their definition."""
    return tuple(active.values())


def model_named(name: str) -> type | None:
    """The model a bare class name stands for now."""
    return declared.get(name)


def clear_registry() -> None:
    """Put every model aside until the next connect: the classes stay declared, and usable."""
    active.clear()


def restore_registry() -> None:
    """Take every declared model back: what connecting does first."""
    active.clear()
    active.update(declared)


def forget_models() -> None:
    """Forget every model: no table is created for those defined until now."""
    declared.clear()
    active.clear()


def table_of(model: type) -> Table:
    """The table of a model, read when it is first asked for if the class was not complete before."""
    # Looked up in the class itself: an attribute would be found on a parent, whose table is another one.
    try:
        table = model.__dict__.get("__ferro_facts__")
    except AttributeError:
        table = None
    return read_late(model) if table is None else table


def read_late(model: object) -> Table:
    read = getattr(model, "__ferro_read__", None)
    kind = type(model)
    if read is not None and not issubclass(kind, type):
        name = kind.__name__
        raise QueryError(f"expected a model, such as {name}, and got an instance of {name}")
    if read is None:
        name = getattr(model, "__name__", repr(model))
        raise ModelDefinitionError(f"{name} is not a ferro model: inherit from ferro.Model")
    return read()
