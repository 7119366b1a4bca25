"""ModelBase: a Pydantic model that knows its table, and does no I/O."""

import inspect
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from difflib import get_close_matches
from functools import wraps
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast, dataclass_transform, overload

from pydantic import BaseModel, ConfigDict, PrivateAttr, model_validator
from pydantic import Field as PydanticField
from pydantic._internal._model_construction import ModelMetaclass, build_lenient_weakvaluedict
from pydantic._internal._typing_extra import parent_frame_namespace

from ferro.errors import InterfaceError, ModelDefinitionError, QueryError, UnknownColumnError
from ferro.fields import BackReference, FerroField, Field, ForeignKey, ManyToManyField, column_options
from ferro.instance.edits import Watched, before_assignment, before_sharing, copy_state, note_update
from ferro.instance.origin import forget_origin, must_come_from, origin_of
from ferro.instance.related import Kept, forget_related, relate, related_to
from ferro.instance.state import LAZY, LOADED, lazy_slot, remember, state_of
from ferro.query.builder import INSTEAD
from ferro.query.ddl import policy_predicates
from ferro.query.documents import reference
from ferro.query.expressions import ColumnRef, Expression, must_be_condition
from ferro.query.keys import key_values
from ferro.query.related import kept_along, related_query
from ferro.query.row import OwnRow, Row
from ferro.query.sources import source_of
from ferro.rules import Check, RowSecurity, Scope, Search
from ferro.schema.declared import Declared, names_of, read_relation
from ferro.schema.reader import complete, is_abstract, is_complete, read_table
from ferro.schema.registry import register, table_of, withdraw
from ferro.schema.relations import LATER, Relation, fields_of, pending, relations_of, settle, shadow_fields, waits
from ferro.schema.table import Column, Table

T = TypeVar("T")

# While a class is being made, Pydantic looks on its parents for what their fields would hide.
# Columns must not be found then: they would become the defaults of the child's fields.
making: ContextVar[bool] = ContextVar("making", default=False)


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, PydanticField, PrivateAttr))
class ModelMeta(ModelMetaclass):
    """Reads the table of a model class, and offers its columns as attributes: `User.age >= 18`."""

    def __new__(
        mcs, name: str, bases: tuple[type[Any], ...], namespace: dict[str, Any], /, **options: Any
    ) -> "ModelMeta":
        if options.get("__pydantic_reset_parent_namespace__", True):
            # Pydantic would take this frame for the one whose names the annotations may use.
            namespace["__pydantic_parent_namespace__"] = build_lenient_weakvaluedict(parent_frame_namespace())
            options["__pydantic_reset_parent_namespace__"] = False
        namespace["__ferro_tables__"] = {}
        inner = {name: value for name, value in namespace.items() if isinstance(value, type)}
        take_relations(name, namespace, {**(parent_frame_namespace() or {})} | inner, caller_globals())
        unread = not has_docstrings(bases, namespace, options)
        if unread:
            options["use_attribute_docstrings"] = False
        token = making.set(True)
        try:
            made = super().__new__(mcs, name, bases, namespace, **options)
        finally:
            making.reset(token)
        model = cast("type[ModelBase]", made)
        if unread:
            # For the child classes.
            model.model_config["use_attribute_docstrings"] = True
        if any(isinstance(base, ModelMeta) for base in bases):
            find_slots_first(made)
        for declared in namespace["__ferro_declared__"]:
            type.__setattr__(made, declared, RelationAttribute(declared))
        type.__setattr__(made, "__ferro_relation_names__", frozenset(relations_of(made)))
        if namespace.get("__ferro_abstract__"):
            let_fields_win(model)
        if not is_abstract(model):
            # Known before it is read: it may refer to itself.
            former = register(model)
            try:
                read_early(model)
            except BaseException:
                withdraw(model, former)
                raise
        return cast("ModelMeta", made)

    @property
    def ferro_fields(cls) -> dict[str, FerroField]:
        """The fields that ferro was told something about, and what."""
        fields = cast("type[BaseModel]", cls).model_fields
        found = {name: column_options(name, info) for name, info in fields.items()}
        return {name: options for name, options in found.items() if options is not None}

    @property
    def ferro_relations(cls) -> dict[str, ForeignKey | ManyToManyField | BackReference]:
        """The relations it declares or inherits, and how they were declared."""
        return {name: declared.marker for name, declared in relations_of(cls).items()}

    def __dir__(cls) -> list[str]:
        return sorted({*super().__dir__(), *fields_of(cls)})

    # Hidden from type checkers, which would accept any attribute.
    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any:
            if name in fields_of(cls) and not making.get() and not is_abstract(cls):
                return column_of(cls, name)
            if name.startswith("_"):
                return super().__getattr__(name)
            if name in INSTEAD:
                raise UnknownColumnError(INSTEAD[name].format(name=name))
            close = get_close_matches(name, fields_of(cls), n=1)
            guess = f"; did you mean {close[0]!r}?" if close else ""
            raise AttributeError(f"{cls.__name__} has no attribute {name!r}{guess}")


def find_slots_first(made: type) -> None:
    """Keep a `__getattr__` of a user's, which may ask no other, from what fills itself when it is asked for."""
    owner = next(one for one in made.__mro__ if "__getattr__" in vars(one))
    if owner is not made and isinstance(owner, ModelMeta):
        return
    own = vars(owner)["__getattr__"]

    @wraps(own)
    def get(self: BaseModel, name: str) -> Any:
        return lazy_slot(self, name) if name in LAZY else own(self, name)

    type.__setattr__(made, "__getattr__", get)


def has_docstrings(bases: tuple[type[Any], ...], namespace: dict[str, Any], options: Mapping[str, Any]) -> bool:
    """Whether the source of a class may describe fields: reading it takes longer than all else that imports do."""
    key = "use_attribute_docstrings"
    inherited = [getattr(base, "model_config", {}).get(key) for base in bases]
    wanted = namespace.get("model_config", {}).get(key, True in inherited and False not in inherited)
    return wanted is not True or key in options or any(not name.startswith("_") for name in own_annotations(namespace))


def read_early(model: "type[ModelBase]") -> None:
    """Read the table of a class that was just made, unless it waits for other classes."""
    if (waiting := pending(model)) and all(declared.target == model.__name__ for declared in waiting):
        settle(model, itself=True)
        model.model_rebuild(raise_errors=False)
    if is_complete(model) and not waits(model):
        read(model)


def column_of(model: type, name: str) -> ColumnRef[Any]:
    try:
        table = table_of(model)
    except ModelDefinitionError as error:
        # For whoever only wants to know what attributes there are.
        raise UnknownColumnError(str(error)) from error
    return reference(source_of(table), table.by_field[name])


class GivesWay:
    """A method that is not there while a child class is made, nor on one that has a field of its name."""

    __slots__ = ("method", "name")

    def __init__(self, method: Any, name: str) -> None:
        self.method = method
        self.name = name

    def __get__(self, instance: object, owner: type) -> Any:
        if making.get() or (instance is None and self.name in fields_of(owner)):
            # The metaclass is asked next, and knows the column.
            raise AttributeError(self.name)
        return self.method.__get__(instance, owner)


def let_fields_win(model: type) -> None:
    """Let the child classes have fields called like the methods of an abstract base: a table may well count things."""
    for name, value in list(vars(model).items()):
        is_method = isinstance(value, FunctionType | classmethod | staticmethod)
        is_own = not name.startswith(("_", "model_")) and not getattr(value, "__isabstractmethod__", False)
        if is_method and is_own:
            setattr(model, name, GivesWay(value, name))


# Relations: taken out of the class body before Pydantic sees it.


def take_relations(owner: str, namespace: dict[str, Any], inner: Mapping[str, Any], outer: Mapping[str, Any]) -> None:
    """Replace the relations of a class body by the columns of their foreign keys."""
    annotations = own_annotations(namespace)
    module = namespace.get("__module__", "")
    names = names_of(module, outer, inner)
    at_top = "<locals>" not in namespace.get("__qualname__", "")
    found: dict[str, Declared] = {}
    kept: dict[str, Any] = {}
    for name, annotation in annotations.items():
        default = namespace.get(name)
        declared = (
            None
            if name.startswith("_")
            else read_relation(owner, name, annotation, default, names, module if at_top else "")
        )
        if declared is None:
            kept[name] = annotation
            continue
        found[name] = declared
        namespace.pop(name, None)
        if isinstance(declared.marker, ForeignKey):
            add_key(declared, kept, annotations, namespace)
    namespace["__ferro_declared__"] = found
    if found:
        # Of those without a column too: what leads to other rows would be dropped in silence.
        namespace["__ferro_take_relations__"] = model_validator(mode="wrap")(take_instances)
        namespace["__ferro_annotations__"] = kept
        set_annotations(namespace, kept)


def add_key(
    declared: Declared, kept: dict[str, Any], annotations: Mapping[str, Any], namespace: dict[str, Any]
) -> None:
    """Add the columns of a foreign key, unless the class body has them already."""
    # A name means whichever model has it when the columns are needed.
    target = declared.target
    made = shadow_fields(declared, target) if isinstance(target, type) and hasattr(target, "__ferro_read__") else None
    if made is None:
        default = Field(default=None) if declared.nullable else Field()
        made = {f"{declared.name}_id": (LATER, default)}
    for name, (annotation, default) in made.items():
        if name not in annotations:
            kept[name] = annotation
            namespace[name] = default


def caller_globals() -> dict[str, Any]:
    """The global names where a class is being defined: not always those of a module that can be imported."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals is globals():
        frame = frame.f_back
    return {} if frame is None else frame.f_globals


def own_annotations(namespace: dict[str, Any]) -> dict[str, Any]:
    """The annotations of a class body; names that mean nothing yet stay names."""
    if "__annotations__" in namespace or sys.version_info < (3, 14):
        return namespace.get("__annotations__", {})
    import annotationlib  # noqa: PLC0415 - it exists from Python 3.14 on

    annotate = annotationlib.get_annotate_from_class_namespace(namespace)
    if annotate is None:
        return {}
    return annotationlib.call_annotate_function(annotate, annotationlib.Format.FORWARDREF)


def set_annotations(namespace: dict[str, Any], kept: dict[str, Any]) -> None:
    if sys.version_info >= (3, 14) and "__annotations__" not in namespace:
        namespace.pop("__annotate__", None)
        namespace["__annotate_func__"] = lambda _format: dict(kept)
    else:
        namespace["__annotations__"] = kept


def take_instances(cls: "type[ModelBase]", data: Any, handler: Callable[[Any], Any]) -> Any:
    """Let a model be made with `author=alice`: the instance, or its key, becomes the columns of the foreign key."""
    names = keys_given(cls, data)
    if not names:
        return handler(data)
    relations = table_of(cls).relations
    values = {name: value for name, value in data.items() if name not in names}
    for name in names:
        values |= key_values(relations[name], data[name])
    made = handler(values)
    for name in names:
        if isinstance(data[name], ModelBase):
            relate(made, name, data[name])
    return made


def keys_given(model: "type[ModelBase]", data: Any) -> list[str]:
    found: frozenset[str] = model.__ferro_relation_names__
    if not isinstance(data, dict) or found.isdisjoint(cast("dict[str, Any]", data)):
        return []
    return [name for name in cast("dict[str, Any]", data) if name in found and name not in fields_of(model)]


class RelationAttribute:
    """The attribute of a relation: what was loaded, or what the model's colour makes of it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: "ModelBase | None", owner: type) -> Any:
        if instance is None:
            if making.get() or is_abstract(owner):
                raise AttributeError(self.name)
            return getattr(Row(source_of(table_of(owner))), self.name)
        relation = table_of(type(instance)).relations[self.name]
        return related(instance, relation)

    def __set__(self, instance: "ModelBase", value: Any) -> None:
        relation = table_of(type(instance)).relations[self.name]
        if isinstance(value, BaseModel):
            must_come_from(origin_of(instance), value, relation.where)
        for field, held in key_values(relation, value).items():
            setattr(instance, field, held)
        forget_related(instance, self.name)
        if isinstance(value, BaseModel):
            relate(instance, self.name, value)


def related(instance: "ModelBase", relation: Relation) -> Any:
    """What is known at the other end of a relation, else what the model's colour makes of it."""
    known = related_to(instance)
    if relation.name in known:
        found = known[relation.name]
        if isinstance(found, Kept):
            kept = kept_along(relation, instance)
            if kept is None:
                forget_related(instance, relation.name)
            elif relation.single:
                return kept.value
            # A collection is a query as well, which finds by itself what was loaded.
            return instance.__ferro_unloaded__(relation)
        if relation.kind != "forward" or found is None or not is_stale(instance, relation, found):
            return found
        forget_related(instance, relation.name)
    return instance.__ferro_unloaded__(relation)


def is_stale(instance: BaseModel, relation: Relation, found: BaseModel) -> bool:
    """Whether a foreign key was assigned to since the row it leads to was loaded."""
    return any(vars(instance).get(mine.field) != vars(found).get(theirs.field) for mine, theirs in relation.pairs)


class ModelBase(BaseModel, metaclass=ModelMeta):
    """What every ferro model is, on both sides: fields, a table, and the memory of what was loaded."""

    __slots__ = ("__ferro_origin__", "__ferro_related__", "__ferro_siblings__", "__ferro_state__", "__weakref__")

    __ferro_relation_names__: ClassVar[frozenset[str]] = frozenset()
    __ferro_facts__: ClassVar[Table]
    __ferro_abstract__: ClassVar[bool] = True
    __ferro_table__: ClassVar[str]
    __ferro_composite_uniques__: ClassVar[tuple[tuple[str, ...], ...]] = ()
    __ferro_composite_indexes__: ClassVar[tuple[tuple[str, ...], ...]] = ()
    __ferro_checks__: ClassVar[tuple[Check, ...]] = ()
    __ferro_scope__: ClassVar[Scope]
    __ferro_search__: ClassVar[Search | None] = None
    __ferro_rls__: ClassVar[RowSecurity | None] = None

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True, arbitrary_types_allowed=True)

    @classmethod
    def __ferro_read__(cls) -> Table:
        """Read the table of a class that could not be read when it was defined."""
        if is_abstract(cls):
            raise ModelDefinitionError(f"{cls.__name__} is abstract and has no table: use one of its subclasses")
        if not is_complete(cls):
            complete(cls)
        return read(cls)

    # Hooks: to be overridden. They may be coroutines where the model is used from the side that awaits.

    def before_save(self) -> object:
        """Called before this instance is inserted or updated; what it assigns is saved too."""

    def after_save(self) -> object:
        """Called when this instance has been inserted or updated."""

    def before_delete(self) -> object:
        """Called before this instance's row is deleted; an exception keeps the row."""

    def after_delete(self) -> object:
        """Called when this instance's row has been deleted."""

    def after_load(self) -> None:
        """Called when this instance has been filled from a row; always a plain function."""

    @classmethod
    def model_rebuild(
        cls,
        *,
        force: bool = False,
        raise_errors: bool = True,
        _parent_namespace_depth: int = 2,
        _types_namespace: Any = None,
    ) -> bool | None:
        """Pydantic's: resolve the names that were not defined yet, the targets of foreign keys among them."""
        if pending(cls):
            settle(cls)
        return super().model_rebuild(
            force=force,
            raise_errors=raise_errors,
            _parent_namespace_depth=_parent_namespace_depth + 1,
            _types_namespace=_types_namespace,
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Pydantic's copy. That of a loaded row is loaded, unless `update` gives it another primary key."""
        copied = super().model_copy(update=dict(update) if update else None, deep=deep)
        if update:
            note_update(self, copied, update)
        return copied

    def __ferro_unloaded__(self, relation: Relation) -> Any:
        """What reading a relation gives that was not loaded. A model without a colour cannot load it."""
        if not relation.single:
            return related_query(relation, self)
        name = type(self).__name__.lower()
        raise InterfaceError(
            f"{relation.where} is not loaded: load it with the database you hold, db.load({name}, lambda m: m.{relation.name})"
        )

    def __copy__(self) -> Self:
        before_sharing(self)
        copied = super().__copy__()
        copy_state(self, copied)
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        copied = super().__deepcopy__(memo)
        copy_state(self, copied)
        return copied

    def __getstate__(self) -> dict[Any, Any]:
        kept = super().__getstate__()
        remembered = state_of(self)
        return kept if remembered is None else {**kept, "__ferro_state__": remembered}

    def __setstate__(self, kept: dict[Any, Any]) -> None:
        super().__setstate__(kept)
        if (state := kept.get("__ferro_state__")) is not None:
            # What all untouched instances share was pickled once for them all, and is no longer what nobody may change.
            remember(self, state if state.originals or state.seen else LOADED)
            # Another process may have pickled it.
            forget_origin(self)

    # Hidden from type checkers, which would accept any attribute.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in LAZY:
                return lazy_slot(self, name)
            return super().__getattr__(name)

        def __setattr__(self, name: str, value: Any) -> None:
            if not name.startswith("_"):
                if name in type(self).__ferro_relation_names__:
                    object.__setattr__(self, name, value)
                    return
                before_assignment(self, name)
            super().__setattr__(name, value)

        def __iter__(self) -> Any:
            before_sharing(self)
            return super().__iter__()


def read(model: type[ModelBase]) -> Table:
    """Read the table of a complete class, check what only queries can tell, and keep it on the class."""
    table = read_table(model)
    for column in table.columns:
        check_default(table, column)
    for check in table.checks:
        check_predicate(table, check.predicate, f"__ferro_checks__ ({check.name})", "check")
    for policy in table.secured.policies if table.secured else ():
        for predicate in policy_predicates(policy).values():
            check_predicate(table, predicate, f"__ferro_rls__ ({policy.name})", "policy")
    for scope in table.scopes:
        check_scope(table, scope)
    # Of two threads that read a class at once, both must end up with the same columns.
    tables: dict[str, Table] = model.__dict__["__ferro_tables__"]
    table = tables.setdefault("", table)
    for column in table.mutable:
        setattr(model, column.field, Watched(column.field))
    model.__ferro_facts__ = table
    return table


def check_default(table: Table, column: Column) -> None:
    default = column.default
    if default is None or isinstance(default, Expression):
        return
    try:
        column.type.accept(default)
    except ValueError as error:
        raise ModelDefinitionError(f"{table.model.__name__}.{column.field}: as db_default, {error}") from error


def check_predicate(table: Table, predicate: Callable[[Any], object], declared: str, what: str) -> None:
    """Call the predicate once, so that its mistakes show where the class is defined."""
    where = f"{table.model.__name__}.{declared}"
    shape: list[Any] = []
    try:
        must_be_condition(predicate(OwnRow(source_of(table))), what.capitalize()).collect(shape, [], False)
    except QueryError as error:
        raise ModelDefinitionError(f"{where}: {error}") from error
    if "aggregate" in shape:
        raise ModelDefinitionError(f"{where}: a {what} sees one row, and cannot aggregate")
    if any(is_foreign(part, table) for part in shape):
        raise ModelDefinitionError(f"{where}: a {what} can only use columns of its own row")


def is_foreign(part: Any, table: Table) -> bool:
    """Whether a part of a condition's shape is a column of other rows."""
    column = cast("tuple[object, ...]", part)[:1] if isinstance(part, tuple) else (part,)
    return any(isinstance(one, Column) and one not in table.columns for one in column)


def check_scope(table: Table, scope: Callable[[Any], object]) -> None:
    """Call a scope once, so that a misspelt column shows where the class is defined."""
    try:
        scope(Row(source_of(table)))
    except UnknownColumnError as error:
        raise ModelDefinitionError(f"{table.model.__name__}.__ferro_scope__: {error}") from error
    except Exception:  # noqa: S110 - it may look at what is only there while a program runs: every query looks again
        pass


if TYPE_CHECKING:

    class Mapped(Generic[T]):
        """An annotation whose attribute has every SQL operator on the class: `pages: Mapped[int]`."""

        @overload
        def __get__(self, instance: None, owner: Any, /) -> Expression[T]: ...
        @overload
        def __get__(self, instance: object, owner: Any, /) -> T: ...
        def __get__(self, instance: object, owner: Any, /) -> Any: ...
        def __set__(self, instance: Any, value: T, /) -> None: ...

else:

    class Mapped:
        """An annotation whose attribute has every SQL operator on the class: `pages: Mapped[int]`."""

        def __class_getitem__(cls, annotation: Any) -> Any:
            return annotation
