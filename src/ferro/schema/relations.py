"""What leads from one model to another: declared relations, joined to tables and columns."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, ForwardRef, Literal, Optional, TypeAlias, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ferro.errors import ModelDefinitionError
from ferro.fields import BackReference, FerroField, Field, ForeignKey, ManyToManyField, column_options, plain_options
from ferro.schema.declared import Declared
from ferro.schema.links import Link, check_link, declared_between, make_link, model_between
from ferro.schema.registry import registered_models, table_of
from ferro.schema.table import Column, ForeignKeyConstraint, Table, foreign_key
from ferro.types import split_optional

# The annotation of a key column whose target is not known yet: a name that nobody has.
LATER = "__ferro_key_of_a_model_that_is_not_known_yet"

# Columns of one table, each with the column of another that is equal to it.
Pairs: TypeAlias = tuple[tuple[Column, Column], ...]

# Where Pydantic keeps the fields of a class; before 2.10 it was `model_fields`.
FIELDS = "__pydantic_fields__"


def relations_of(model: type) -> dict[str, Declared]:
    """The relations a model declares or inherits."""
    found: dict[str, Declared] = {}
    for owner in reversed(model.__mro__):
        found |= owner.__dict__.get("__ferro_declared__", {})
    return found


def foreign_keys_of(model: type) -> dict[str, Declared]:
    return {name: one for name, one in relations_of(model).items() if isinstance(one.marker, ForeignKey)}


def fields_of(model: type) -> dict[str, FieldInfo]:
    return model.__dict__.get(FIELDS) or model.__dict__.get("model_fields") or {}


# The columns of a foreign key. They are fields of the model, typed like the key they hold.


def key_fields(declared: Declared, target: type) -> dict[str, tuple[Any, FerroField]] | None:
    """The fields a foreign key refers to: annotation and options; None while they are not known."""
    found: dict[str, tuple[Any, FerroField]] = {}
    names = referenced_names(declared)
    for name, info in fields_of(target).items():
        options = column_options(name, info) or plain_options(info)
        if name in names or (options.primary_key and not names):
            if isinstance(info.annotation, str | ForwardRef):
                return None
            inner, _ = split_optional(info.annotation)
            metadata = tuple(one for one in info.metadata if not isinstance(one, FerroField))
            found[name] = (Annotated[(inner, *metadata)] if metadata else inner), options
    if unknown := [name for name in names if name not in found]:
        raise ModelDefinitionError(
            f"{declared.where} refers to {unknown[0]!r}, which is no field of {target.__name__}: "
            f"its fields are {', '.join(fields_of(target))}"
        )
    return {name: found[name] for name in names} if names else found


def referenced_names(declared: Declared) -> tuple[str, ...]:
    """The fields that `references=` names; none of a key that refers to the primary key."""
    names = cast("ForeignKey", declared.marker).references
    return (names,) if isinstance(names, str) else names or ()


def shadow_names(declared: Declared, key: dict[str, Any]) -> list[str]:
    """The fields that hold the key: `author_id`, and one for each column of a composite key."""
    return [f"{declared.name}_id"] if len(key) == 1 else [f"{declared.name}_{name}" for name in key]


def shadow_fields(declared: Declared, target: type) -> dict[str, tuple[Any, Any]] | None:
    """The fields a foreign key adds to its model: annotation and default; None while the target's key is not known."""
    key = key_fields(declared, target)
    if key is None:
        return None
    if not key:
        raise ModelDefinitionError(f"{declared.where}: {target.__name__} has no primary key to refer to; give it one")
    made: dict[str, tuple[Any, Any]] = {}
    for name, (annotation, options) in zip(shadow_names(declared, key), key.values(), strict=True):
        kept: dict[str, Any] = {} if options.db_type is None else {"db_type": options.db_type}
        if declared.nullable:
            made[name] = Optional[annotation], Field(default=None, **kept)  # noqa: UP045
        else:
            made[name] = annotation, Field(**kept)
    return made


def pending(model: type) -> list[Declared]:
    """The foreign keys of a model whose columns wait for their target."""
    fields = fields_of(model)
    return [
        one
        for name, one in foreign_keys_of(model).items()
        if (info := fields.get(f"{name}_id")) is not None and is_later(info)
    ]


def waits(model: type) -> bool:
    """Whether a foreign key leads to a model that is not known yet: its columns may be declared all the same."""
    keys = foreign_keys_of(model).values()
    return any((target := key.find_target()) is None or key_fields(key, target) is None for key in keys)


def is_later(info: FieldInfo) -> bool:
    annotation = info.annotation
    return (annotation.__forward_arg__ if isinstance(annotation, ForwardRef) else annotation) == LATER


def settle(model: type[BaseModel], *, itself: bool = False) -> None:
    """Give a model the columns of its foreign keys whose targets have become known: `itself` is its only target."""
    fields = fields_of(model)
    for declared in pending(model):
        target = model if itself else declared.find_target()
        if target is None:
            raise declared.missing()
        made = shadow_fields(declared, must_be_model(declared, target))
        if made is None:
            settle(target)
            made = shadow_fields(declared, target)
        if made is None:
            raise ModelDefinitionError(f"{declared.where}: the primary key of {target.__name__} is not known yet")
        replaced: dict[str, FieldInfo] = {}
        for name, info in fields.items():
            if name != f"{declared.name}_id":
                replaced.setdefault(name, info)
                continue
            for shadow, (annotation, default) in made.items():
                if shadow not in fields or is_later(fields[shadow]):
                    replaced[shadow] = FieldInfo.from_annotated_attribute(annotation, default)
        # At once: another thread may be looking at them.
        fields = replaced
        type.__setattr__(model, FIELDS if FIELDS in model.__dict__ else "model_fields", fields)
        note_annotations(model, declared, made)


def note_annotations(model: type, declared: Declared, made: dict[str, tuple[Any, Any]]) -> None:
    """Let the annotations of the class say the same, for the classes that inherit from it."""
    annotations = model.__dict__.get("__ferro_annotations__")
    if annotations is not None and annotations.get(f"{declared.name}_id") == LATER:
        del annotations[f"{declared.name}_id"]
        for name, (annotation, _) in made.items():
            annotations.setdefault(name, annotation)


def must_be_model(declared: Declared, target: Any) -> type:
    if not (isinstance(target, type) and hasattr(target, "__ferro_read__")):
        raise ModelDefinitionError(f"{declared.where} leads to {declared.target_name}, which is not a ferro model")
    return target


# The facts.


@dataclass(frozen=True, eq=False)
class Relation:
    """One direction of a relation: from a model to a model. The other end is looked for when it is first needed.

    What was found is kept by where the relation led to then: a name may stand for another class one day.
    """

    model: type
    declared: Declared
    links: dict[tuple[type, type | None], Link] = field(default_factory=dict[tuple[type, type | None], Link])
    others: dict[Table, "Relation"] = field(default_factory=dict[Table, "Relation"])
    paired: dict[tuple[Table, Table], Pairs] = field(default_factory=dict[tuple[Table, Table], Pairs])

    @property
    def kind(self) -> Literal["forward", "reverse", "many"]:
        """How it is kept: by a foreign key of its own, by one of the other's, or by a link table."""
        marker = self.declared.marker
        if isinstance(marker, ForeignKey):
            return "forward"
        if isinstance(marker, BackReference):
            return "many" if isinstance(self.other.declared.marker, ManyToManyField) else "reverse"
        return "many"

    @property
    def single(self) -> bool:
        """Whether it leads to one row at most."""
        return not self.declared.many

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def where(self) -> str:
        return f"{self.model.__name__}.{self.name}"

    @property
    def target(self) -> type:
        """The model it leads to: of a name, the one that has it now."""
        target = self.declared.find_target()
        if target is None:
            raise self.declared.missing()
        return must_be_model(self.declared, target)

    @property
    def table(self) -> Table:
        return table_of(self.model)

    @property
    def target_table(self) -> Table:
        return table_of(self.target)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of a foreign key, in the order of the key they hold."""
        return key_columns(self.table, self.declared)

    @property
    def referenced(self) -> tuple[Column, ...]:
        """The columns of the other table that a foreign key refers to: a key of it."""
        return referenced_columns(self.declared, self.target_table)

    @property
    def other(self) -> "Relation":
        """The relation that a way back belongs to."""
        target = self.target_table
        if target not in self.others:
            self.others[target] = find_other(self)
        return self.others[target]

    @property
    def pairs(self) -> Pairs:
        """The columns of this table that are equal to columns of the other: of all but link tables."""
        ends = self.table, self.target_table
        if ends not in self.paired:
            self.paired[ends] = find_pairs(self)
        return self.paired[ends]

    @property
    def constraint(self) -> ForeignKeyConstraint | None:
        """The constraint a foreign key asks for."""
        key = self.declared.marker
        if not isinstance(key, ForeignKey):
            return None
        return foreign_key(
            self.table,
            self.columns,
            self.target_table,
            self.referenced,
            on_delete=key.on_delete,
            on_update=key.on_update,
        )

    @cached_property
    def through(self) -> Declared | type | None:
        """What `through=` of a many-to-many relation says: a model, or a name that may be one."""
        return declared_between(self)

    @property
    def link(self) -> Link:
        """The table between the two ends of a many-to-many relation, near and far as seen from here."""
        if isinstance(self.declared.marker, BackReference):
            return self.other.link.reversed
        known = self.target, model_between(self)
        if known not in self.links:
            # Of two threads that come first, both must end up with the same columns.
            self.links.setdefault(known, make_link(self, known[1]))
        return self.links[known]

    def __repr__(self) -> str:
        return f"Relation({self.where})"


def make_relations(model: type) -> dict[str, Relation]:
    """The relations of a model."""
    return {name: Relation(model, declared) for name, declared in relations_of(model).items()}


def find_other(back: Relation) -> Relation:
    """The foreign key or link table that a way back goes along."""
    target = back.target
    found = [relation for relation in table_of(target).relations.values() if is_way_back(back, relation)]
    if len(found) > 1:
        raise ModelDefinitionError(
            f"{back.where} would be the way back of {' and of '.join(one.where for one in found)}: "
            "give each a related_name= of its own"
        )
    if found:
        marker = found[0].declared.marker
        unique = isinstance(marker, ForeignKey) and marker.unique
        if back.single != unique:
            raise ModelDefinitionError(must_be_as_many(back, found[0], unique=unique))
        return found[0]
    raise ModelDefinitionError(
        f"Relationship resolution failed: {back.where} is the way back from {target.__name__}, but "
        f"{target.__name__} has no relation to {back.model.__name__} with related_name={back.name!r}: write "
        f"{back.model.__name__.lower()}: Annotated[{back.model.__name__}, ForeignKey(related_name={back.name!r})] "
        f"in {target.__name__}"
    )


def find_pairs(relation: Relation) -> Pairs:
    if isinstance(relation.declared.marker, ForeignKey):
        return tuple(zip(relation.columns, relation.referenced, strict=True))
    other = relation.other
    return tuple(zip(referenced_columns(other.declared, relation.table), other.columns, strict=True))


def is_way_back(back: Relation, relation: Relation) -> bool:
    marker = relation.declared.marker
    return not isinstance(marker, BackReference) and marker.related_name == back.name and leads_to(relation, back.model)


def leads_to(relation: Relation, model: type) -> bool:
    target = relation.declared.find_target()
    # A class that was defined again has the rows of the one before.
    return target is not None and (issubclass(model, target) or target.__name__ == model.__name__)


def must_be_as_many(back: Relation, relation: Relation, *, unique: bool) -> str:
    name = relation.model.__name__
    if unique:
        return f"{back.where} is a list, but {relation.where} is unique: write {back.name}: {name} = BackRef()"
    return (
        f"{back.where} is a single {name}, but {relation.where} allows many: "
        f"write {back.name}: Relation[list[{name}]] = BackRef(), or ForeignKey(unique=True)"
    )


def key_columns(table: Table, declared: Declared) -> tuple[Column, ...]:
    """The columns of a table that hold a foreign key."""
    target = declared.find_target()
    key = key_fields(declared, target) if target else None
    if not key:
        raise declared.missing()
    return tuple(table.by_field[name] for name in shadow_names(declared, key))


def referenced_columns(declared: Declared, target: Table) -> tuple[Column, ...]:
    """The columns of a table that a foreign key to it refers to."""
    names = referenced_names(declared)
    if not names:
        return target.primary_key
    columns = tuple(target.by_field[name] for name in names)
    if set(columns) not in map(set, target.keys):
        name = target.model.__name__
        how = (
            f"Field(unique=True) on {name}.{names[0]}" if len(names) == 1 else f"__ferro_composite_uniques__ in {name}"
        )
        raise ModelDefinitionError(
            f"{declared.where} refers to {', '.join(names)} of {name}, which no constraint keeps unique: declare {how}"
        )
    return columns


def link_tables(table: Table) -> Iterator[Table]:
    """The tables of nothing but links that a model declares: those of no model."""
    for relation in table.relations.values():
        if isinstance(relation.declared.marker, ManyToManyField) and relation.link.model is None:
            yield relation.link.table


# Finding the other ends.


def check_every_relation() -> None:
    """Find the other end of every relation there is, or say what is missing, once for a model.

    A mistake is reported by one connect, and not by those that come after it: the model may be one
    that nobody needs any more.
    """
    for model in registered_models():
        if relations_of(model) and "__ferro_reported__" not in model.__dict__:
            try:
                check_relations(model)
            except ModelDefinitionError:
                type.__setattr__(model, "__ferro_reported__", True)
                raise


def check_relations(model: type) -> None:
    for relation in table_of(model).relations.values():
        marker = relation.declared.marker
        if isinstance(marker, BackReference):
            _ = relation.other
        elif isinstance(marker, ForeignKey):
            _ = relation.referenced
        else:
            check_link(relation)


def usable_models() -> list[type]:
    """The models whose tables are created: all but those that were reported to lead nowhere, and still do."""
    return [model for model in registered_models() if "__ferro_reported__" not in model.__dict__ or is_usable(model)]


def is_usable(model: type) -> bool:
    try:
        check_relations(model)
    except ModelDefinitionError:
        return False
    return True
