"""What is between the two ends of a many-to-many relation: a table of nothing but keys, or that of a model."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

from ferro.errors import ModelDefinitionError
from ferro.fields import ForeignKey, ManyToManyField
from ferro.schema.declared import NAME, Declared
from ferro.schema.registry import registered_models, table_of
from ferro.schema.table import LONGEST_NAME, Column, Index, Table, Unique, can_be_named, constraint_name, foreign_key

if TYPE_CHECKING:
    from ferro.schema.relations import Relation


@dataclass(frozen=True)
class Link:
    """The table between two models.

    Attributes:
        near, far: its columns that hold the one key and the other.
        model: the model whose rows the links are; None for a table of nothing but keys.
    """

    table: Table
    near: tuple[Column, ...]
    far: tuple[Column, ...]
    model: type | None = None

    @cached_property
    def reversed(self) -> "Link":
        """The same, seen from the other end."""
        return replace(self, near=self.far, far=self.near)

    @cached_property
    def key(self) -> tuple[Column, ...] | None:
        """The unique key that keeps two rows from being linked twice, if there is one."""
        pair = {*self.near, *self.far}
        return next((key for key in self.table.keys if set(key) == pair), None)


def marker_of(relation: "Relation") -> ManyToManyField:
    return cast("ManyToManyField", relation.declared.marker)


def model_between(relation: "Relation") -> type | None:
    """The model that `through=` means now, or None where it means a table."""
    through = relation.through
    if not isinstance(through, Declared):
        return through
    found = through.find_target()
    return found if hasattr(found, "__ferro_read__") else None


def declared_between(relation: "Relation") -> Declared | type | None:
    """What `through=` says: a model, or a name that may be one."""
    through = marker_of(relation).through
    if not isinstance(through, str):
        return through
    return replace(relation.declared, target=through) if NAME.fullmatch(through) else None


def make_link(relation: "Relation", model: type | None) -> Link:
    """What a many-to-many relation goes through."""
    for table in (relation.table, relation.target_table):
        if not table.primary_key:
            raise ModelDefinitionError(f"{relation.where}: {table.model.__name__} has no primary key to refer to")
    return bare_link(relation) if model is None else link_of_model(relation, model)


def check_link(relation: "Relation") -> None:
    """Find what a many-to-many relation goes through; models may have been defined since that was done."""
    if relation.link.model is None:
        must_be_free(relation, relation.link.table.name)


# A model between.


def link_of_model(relation: "Relation", model: type) -> Link:
    marker = marker_of(relation)
    if marker.reverse_index:
        raise ModelDefinitionError(
            f"{relation.where}: reverse_index= makes an index in a table of nothing but keys; "
            f"{model.__name__} declares its own, with ForeignKey(index=True) or __ferro_composite_indexes__"
        )
    if marker.through_fields is None:
        near, far = the_only_keys(relation, model)
    else:
        near, far = (
            named_key(relation, model, name, end.name)
            for name, end in zip(marker.through_fields, (relation.table, relation.target_table), strict=True)
        )
    for key in (near, far):
        if key.referenced != key.target_table.primary_key:
            raise ModelDefinitionError(
                f"{relation.where} goes through {model.__name__}, and {key.where} does not refer to the primary key of "
                f"{key.target.__name__}: leave out its references="
            )
    return Link(table_of(model), near.columns, far.columns, model)


def keys_between(model: type, table_name: str) -> "list[Relation]":
    """The foreign keys of a model that lead to a table."""
    # By the name of the table: a class that was defined again has the rows of the one before.
    relations = table_of(model).relations.values()
    keys = (one for one in relations if isinstance(one.declared.marker, ForeignKey))
    return [key for key in keys if key.target_table.name == table_name]


def the_only_keys(relation: "Relation", model: type) -> "tuple[Relation, Relation]":
    """The foreign keys to the one end and to the other, where nobody has to choose."""
    ends = (relation.table, relation.target_table)
    near, far = (keys_between(model, end.name) for end in ends)
    for end, keys in zip(ends, (near, far), strict=True):
        needed = 2 if relation.table.name == relation.target_table.name else 1
        if len(keys) < needed:
            name = end.model.__name__
            has = "has no foreign key" if not keys else f"has one foreign key, {keys[0].name},"
            raise ModelDefinitionError(
                f"{relation.where} goes through {model.__name__}, which {has} to {name}: a link needs one for each "
                f"side, such as {name.lower()}: Annotated[{name}, ForeignKey()]"
            )
        if len(keys) > 1:
            names = ", ".join(key.name for key in keys)
            raise ModelDefinitionError(
                f"{relation.where} goes through {model.__name__}, which has several foreign keys to "
                f"{end.model.__name__} ({names}): choose with through_fields=, that to {relation.model.__name__} first, "
                f"such as through_fields={suggested(near, far)}"
            )
    return near[0], far[0]


def suggested(near: "list[Relation]", far: "list[Relation]") -> str:
    first = near[0].name
    second = next((key.name for key in far if key.name != first), far[0].name)
    return f'("{first}", "{second}")'


def named_key(relation: "Relation", model: type, name: str, table_name: str) -> "Relation":
    """A foreign key that `through_fields=` names."""
    fitting = keys_between(model, table_name)
    for key in fitting:
        if key.name == name:
            return key
    target = relation.table if relation.table.name == table_name else relation.target_table
    known = ", ".join(key.name for key in fitting) or "none"
    raise ModelDefinitionError(
        f"{relation.where}: through_fields= names {name!r}, which is no foreign key of {model.__name__} to "
        f"{target.model.__name__}; those are {known}"
    )


# A table of nothing but keys.


def bare_link(relation: "Relation") -> Link:
    marker = marker_of(relation)
    source, target = relation.table, relation.target_table
    name = f"{source.name}_{relation.name}" if marker.through is None else str(marker.through)
    if marker.through_fields is not None:
        raise ModelDefinitionError(
            f"{relation.where}: through_fields= chooses foreign keys of a model, and there is no model {name!r}: "
            "define it, or import the module that does"
        )
    must_be_name(relation, name)
    must_be_free(relation, name)
    itself = source.name == target.name
    near = link_columns(f"from_{source.name}" if itself else source.name, source)
    far = link_columns(f"to_{target.name}" if itself else target.name, target)
    for column in (*near, *far):
        if not can_be_named(column.name):
            raise ModelDefinitionError(
                f"{relation.where}: the table {name!r} would have a column {column.name!r}, and a column is named by at "
                f'most {LONGEST_NAME} bytes: choose a shorter table name with __ferro_table__ = "...", or let the rows of '
                "a model be the links, with through="
            )
    # Named like the relation, for error messages and the log.
    stand_in = type(relation.where, (), {"__module__": relation.model.__module__})
    bare = Table(name, stand_in, (*near, *far))
    unique = Unique(constraint_name("uq", bare, [column.name for column in (*near, *far)]), (*near, *far))
    back = Index(constraint_name("idx", bare, [column.name for column in (*far, *near)]), (*far, *near))
    made = replace(
        bare,
        uniques=(unique,),
        indexes=(back,) if marker.reverse_index else (),
        constraints=(
            foreign_key(bare, near, source, source.primary_key, on_delete="CASCADE"),
            foreign_key(bare, far, target, target.primary_key, on_delete="CASCADE"),
        ),
    )
    return Link(made, near, far)


def link_columns(prefix: str, table: Table) -> tuple[Column, ...]:
    key = table.primary_key
    names = [f"{prefix}_id"] if len(key) == 1 else [f"{prefix}_{column.field}" for column in key]
    return tuple(Column(name, name, column.type) for name, column in zip(names, key, strict=True))


def must_be_name(relation: "Relation", name: str) -> None:
    if not can_be_named(name):
        raise ModelDefinitionError(
            f"{relation.where}: a table is named by 1 to {LONGEST_NAME} bytes of text, not {name!r}; "
            'choose another name with through="..."'
        )


def must_be_free(relation: "Relation", name: str) -> None:
    """Two kinds of rows in one table would be found out by neither."""
    for model in registered_models():
        # SQLite tells names apart by their letters, not by their case.
        if (model.__dict__.get("__ferro_table__") or model.__name__).lower() != name.lower():
            continue
        known = model.__name__
        if marker_of(relation).through is None:
            raise ModelDefinitionError(
                f"{relation.where} is kept in a table {name!r}, and so is the model {known}: choose another name with "
                f"through=, or let its rows be the links with through={known}"
            )
        raise ModelDefinitionError(
            f"{relation.where}: through={name!r} is the table of the model {known}: "
            f"pass the class, through={known}, and its rows are the links"
        )
