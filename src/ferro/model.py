"""ModelBase: a Pydantic model that knows its table, and does no I/O."""

from collections.abc import Mapping
from contextvars import ContextVar
from difflib import get_close_matches
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast, dataclass_transform, overload

from pydantic import BaseModel, ConfigDict, PrivateAttr
from pydantic import Field as PydanticField
from pydantic._internal._model_construction import ModelMetaclass, build_lenient_weakvaluedict
from pydantic._internal._typing_extra import parent_frame_namespace

from ferro import instance as state
from ferro.errors import ModelDefinitionError, QueryError, UnknownColumnError
from ferro.fields import Check, FerroField, Field, column_options
from ferro.query.expressions import ColumnRef, Expression, must_be_condition, source_of
from ferro.query.row import Row
from ferro.schema.reader import complete, is_abstract, is_complete, read_table
from ferro.schema.registry import register, table_of
from ferro.schema.table import CheckConstraint, Column, Table

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
        token = making.set(True)
        try:
            made = super().__new__(mcs, name, bases, namespace, **options)
        finally:
            making.reset(token)
        model = cast("type[ModelBase]", made)
        if namespace.get("__ferro_abstract__"):
            let_fields_win(model)
        if not is_abstract(model):
            if is_complete(model):
                read(model)
            register(model)
        return cast("ModelMeta", made)

    @property
    def ferro_fields(cls) -> dict[str, FerroField]:
        """The fields that ferro was told something about, and what."""
        fields = cast("type[BaseModel]", cls).model_fields
        found = {name: column_options(name, info) for name, info in fields.items()}
        return {name: options for name, options in found.items() if options is not None}

    def __dir__(cls) -> list[str]:
        return sorted({*super().__dir__(), *fields_of(cls)})

    # Hidden from type checkers, which would accept any attribute.
    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any:
            if name in fields_of(cls) and not making.get() and not is_abstract(cls):
                return column_of(cls, name)
            if name.startswith("_"):
                return super().__getattr__(name)
            close = get_close_matches(name, fields_of(cls), n=1)
            guess = f"; did you mean {close[0]!r}?" if close else ""
            raise AttributeError(f"{cls.__name__} has no attribute {name!r}{guess}")


def column_of(model: type, name: str) -> ColumnRef[Any]:
    try:
        table = table_of(model)
    except ModelDefinitionError as error:
        # For whoever only wants to know what attributes there are.
        raise UnknownColumnError(str(error)) from error
    return ColumnRef(source_of(table), table.by_field[name])


class GivesWay:
    """A method that is not there while a child class is made: a field of the same name is not hidden by it."""

    __slots__ = ("method",)

    def __init__(self, method: Any) -> None:
        self.method = method

    def __get__(self, instance: object, owner: type) -> Any:
        if making.get():
            raise AttributeError
        return self.method.__get__(instance, owner)


def let_fields_win(model: type) -> None:
    """Let the child classes have fields called like the methods of an abstract base: a table may well count things."""
    for name, value in list(vars(model).items()):
        is_method = isinstance(value, FunctionType | classmethod | staticmethod)
        is_own = not name.startswith(("_", "model_")) and not getattr(value, "__isabstractmethod__", False)
        if is_method and is_own:
            setattr(model, name, GivesWay(value))


def fields_of(model: type) -> Mapping[str, Any]:
    return model.__dict__.get("__pydantic_fields__") or model.__dict__.get("model_fields") or {}


class ModelBase(BaseModel, metaclass=ModelMeta):
    """What every ferro model is, on both sides: fields, a table, and the memory of what was loaded."""

    __slots__ = ("__ferro_state__", "__weakref__")

    __ferro_facts__: ClassVar[Table]
    __ferro_abstract__: ClassVar[bool] = True
    __ferro_table__: ClassVar[str]
    __ferro_composite_uniques__: ClassVar[tuple[tuple[str, ...], ...]] = ()
    __ferro_composite_indexes__: ClassVar[tuple[tuple[str, ...], ...]] = ()
    __ferro_checks__: ClassVar[tuple[Check, ...]] = ()

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

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Pydantic's copy. That of a loaded row is loaded, unless `update` gives it another primary key."""
        copied = super().model_copy(update=dict(update) if update else None, deep=deep)
        if update:
            state.note_update(self, copied, update)
        return copied

    def __copy__(self) -> Self:
        state.before_sharing(self)
        copied = super().__copy__()
        state.copy_state(self, copied)
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        copied = super().__deepcopy__(memo)
        state.copy_state(self, copied)
        return copied

    def __getstate__(self) -> dict[Any, Any]:
        kept = super().__getstate__()
        remembered = state.state_of(self)
        return kept if remembered is None else {**kept, "__ferro_state__": remembered}

    def __setstate__(self, kept: dict[Any, Any]) -> None:
        super().__setstate__(kept)
        if "__ferro_state__" in kept:
            state.remember(self, kept["__ferro_state__"])

    # Hidden from type checkers, which would accept any attribute.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in state.LAZY:
                return state.lazy_slot(self, name)
            return super().__getattr__(name)

        def __setattr__(self, name: str, value: Any) -> None:
            if not name.startswith("_"):
                state.before_assignment(self, name)
            super().__setattr__(name, value)

        def __iter__(self) -> Any:
            state.before_sharing(self)
            return super().__iter__()


def read(model: type[ModelBase]) -> Table:
    """Read the table of a complete class, check what only queries can tell, and keep it on the class."""
    table = read_table(model)
    for column in table.columns:
        check_default(table, column)
    for check in table.checks:
        check_predicate(table, check)
    # Of two threads that read a class at once, both must end up with the same columns.
    tables: dict[str, Table] = model.__dict__["__ferro_tables__"]
    table = tables.setdefault("", table)
    for column in table.mutable:
        setattr(model, column.field, state.Watched(column.field))
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


def check_predicate(table: Table, check: CheckConstraint) -> None:
    """Call the predicate once, so that its mistakes show where the class is defined."""
    where = f"{table.model.__name__}.__ferro_checks__ ({check.name})"
    shape: list[Any] = []
    try:
        must_be_condition(check.predicate(Row(source_of(table))), "Check").collect(shape, [], False)
    except QueryError as error:
        raise ModelDefinitionError(f"{where}: {error}") from error
    if "aggregate" in shape:
        raise ModelDefinitionError(f"{where}: a check sees one row, and cannot aggregate")
    if any(isinstance(part, Column) and part not in table.columns for part in shape):
        raise ModelDefinitionError(f"{where}: a check can only use columns of its own row")


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
