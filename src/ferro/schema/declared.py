"""Relations as a class body declares them, in any spelling, before anyone knows what the names stand for."""

import builtins
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Annotated, Any, ForwardRef, Union, cast, get_args, get_origin

from ferro.errors import ModelDefinitionError
from ferro.fields import BackRef, BackReference, ForeignKey, ManyToManyField, RelationMark
from ferro.schema.registry import model_named
from ferro.types.annotations import NONE, is_union

NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
MARKERS = (ForeignKey, ManyToManyField, BackReference)

Known = Callable[[str], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Declared:
    """One relation as its model declares it.

    Attributes:
        owner: the name of the model.
        target: the class the annotation holds, or the name it gives.
        many: the annotation is a list.
        optional: the annotation admits None.
        names: what names mean where the model is defined.
        module: the module the model is defined in; empty for one inside a function.
    """

    owner: str
    name: str
    marker: ForeignKey | ManyToManyField | BackReference
    target: type | str
    many: bool
    optional: bool
    names: Known
    module: str = ""

    @property
    def where(self) -> str:
        return f"{self.owner}.{self.name}"

    @property
    def target_name(self) -> str:
        return self.target if isinstance(self.target, str) else self.target.__name__

    @property
    def nullable(self) -> bool:
        """Whether the column of a foreign key may be null."""
        key = cast("ForeignKey", self.marker)
        if key.nullable != "infer":
            return key.nullable
        return self.optional or "SET NULL" in (key.on_delete, key.on_update)

    def find_target(self) -> type | None:
        """The model at the other end, or None when there is none of that name yet."""
        if not isinstance(self.target, str):
            return self.target
        if "." not in self.target:
            # A model means its neighbour, also when there is another one of that name somewhere else.
            module = sys.modules.get(self.module)
            neighbour = None if module is None else vars(module).get(self.target)
            if isinstance(neighbour, type):
                return neighbour
            found = model_named(self.target) or self.names(self.target)
            return found if isinstance(found, type) else None
        found = evaluate(self.target, self.names)
        if isinstance(found, type):
            return found
        known = model_named(self.target.rpartition(".")[2])
        full = f".{known.__module__}.{known.__qualname__}" if known else ""
        return known if full.endswith(f".{self.target}") else None

    def missing(self) -> ModelDefinitionError:
        """What to say when there is no such model."""
        return ModelDefinitionError(
            f"Relationship resolution failed: {self.target_name!r} not found, which {self.where} leads to: "
            f"define the model {self.target_name}, or import the module that does, before {self.owner} is used"
        )


class Unknown:
    """Stands for a name that means nothing yet, wherever an annotation may have it."""

    __slots__ = ("__forward_arg__",)

    def __init__(self, name: str) -> None:
        self.__forward_arg__ = name

    def __getattr__(self, name: str) -> "Unknown":
        if name.startswith("__"):
            raise AttributeError(name)
        return Unknown(f"{self.__forward_arg__}.{name}")

    def __or__(self, other: Any) -> Any:
        return Union[ForwardRef(self.__forward_arg__), other]  # noqa: UP007

    def __ror__(self, other: Any) -> Any:
        return Union[other, ForwardRef(self.__forward_arg__)]  # noqa: UP007

    def __call__(self) -> None:
        """`typing` takes for a type what can be called."""


class Half:
    """Stands for a module that may not be whole yet, as two that import each other: what is missing stands for itself."""

    # No name that the module may have.
    __slots__ = ("__module", "__name")

    def __init__(self, module: ModuleType, name: str) -> None:
        self.__module = module
        self.__name = name

    def __getattr__(self, name: str) -> Any:
        return known_or_not(getattr(self.__module, name, None), f"{self.__name}.{name}")


def known_or_not(found: Any, name: str) -> Any:
    if isinstance(found, ModuleType):
        return Half(found, name)
    return Unknown(name) if found is None and name != "None" else found


class Names(dict[str, Any]):
    """The names an annotation may use; one that means nothing yet stands for itself."""

    def __init__(self, known: Known) -> None:
        super().__init__()
        self.known = known

    def __missing__(self, name: str) -> Any:
        return known_or_not(self.known(name), name)


def evaluate(text: str, names: Known) -> Any:
    """What an annotation says that was written as a string; None when that cannot be told."""
    try:
        # An annotation of the program's own, as Pydantic and typing evaluate it.
        return eval(text, {}, Names(names))  # noqa: S307
    except Exception:
        # Pydantic reads it as well, and has an error for what means nothing.
        return None


def names_of(module: str, frame: Mapping[str, Any], inner: Mapping[str, Any]) -> Known:
    """A function from names to what they mean now: in the function the class is defined in, and in its module."""

    def known(name: str) -> Any:
        outer = vars(sys.modules[module]) if module in sys.modules else {}
        for space in (inner, outer, frame, vars(builtins)):
            if space.get(name) is not None:
                return space[name]
        return None

    return known


def read_relation(
    owner: str, name: str, annotation: Any, default: Any, names: Known, module: str = ""
) -> Declared | None:
    """The relation a field declares, or None when it is a plain field."""
    reader = Reader(owner, name, names, module)
    reader.read(annotation)
    if not reader.markers and not isinstance(default, MARKERS) and not reader.is_relation:
        return None
    return reader.declared(default)


class Reader:
    """Walks through an annotation, and keeps what it says of a relation."""

    def __init__(self, owner: str, name: str, names: Known, module: str) -> None:
        self.where = f"{owner}.{name}"
        self.blank = Declared(owner, name, BackReference(), "", many=False, optional=False, names=names, module=module)
        self.names = names
        self.markers: list[Any] = []
        self.back_ref = self.is_relation = self.many = self.optional = False
        self.target: Any = None

    def read(self, annotation: Any) -> None:
        text = annotation if isinstance(annotation, str) else getattr(annotation, "__forward_arg__", None)
        origin, arguments = get_origin(annotation), get_args(annotation)
        if isinstance(text, str):
            self.read_text(text)
        elif origin is Annotated:
            self.markers += [marker for marker in arguments[1:] if isinstance(marker, MARKERS)]
            self.read(arguments[0])
        elif is_union(annotation):
            self.optional = self.optional or NONE in arguments
            for argument in arguments:
                if argument is not NONE:
                    self.read(argument)
        elif origin in (BackRef, RelationMark):
            self.is_relation = True
            self.back_ref = self.back_ref or origin is BackRef
            self.read(arguments[0])
        elif origin is list or annotation is list:
            self.many = True
            self.read(arguments[0] if arguments else None)
        else:
            self.target = annotation

    def read_text(self, text: str) -> None:
        if NAME.fullmatch(text):
            # Whichever model has that name when it is asked for: it may be defined later, or again.
            self.target = text
        elif (found := evaluate(text, self.names)) is not None:
            self.read(found)

    def declared(self, default: Any) -> Declared:
        given = [*self.markers, *([default] if isinstance(default, MARKERS) else [])]
        if self.back_ref and given:
            raise ModelDefinitionError(
                f"Cannot use both BackRef and Field(back_ref=True) on the same field {self.blank.name!r}."
            )
        if self.back_ref:
            given = [BackReference(by_field=True)]
        if len(given) != 1:
            missing = "Relation[...] needs = BackRef() or = ManyToMany(related_name=...)"
            raise ModelDefinitionError(
                f"{self.where}: " + (f"it is declared {len(given)} times: keep one mark" if given else missing)
            )
        (marker,) = given
        if not isinstance(self.target, type | str):
            raise ModelDefinitionError(f"{self.where}: {self.target!r} is no model; name the model it leads to")
        if isinstance(marker, ForeignKey) and self.many:
            raise ModelDefinitionError(f"{self.where}: a ForeignKey leads to one row, not to a list")
        if isinstance(marker, ManyToManyField) and not self.many:
            raise ModelDefinitionError(f"{self.where}: a many-to-many relation leads to a list: write list[...]")
        if self.many and not self.is_relation and isinstance(marker, BackReference) and not marker.by_field:
            raise ModelDefinitionError(f"{self.where}: write Relation[list[...]] = BackRef() instead of a plain list")
        return replace(self.blank, marker=marker, target=self.target, many=self.many, optional=self.optional)
