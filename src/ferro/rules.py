"""What a user says of a whole table in a class body: checks, scopes, what can be searched, row security."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ferro.errors import ModelDefinitionError

SUFFIX = re.compile(r"[A-Za-z0-9_]+")
SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that every row must meet, kept by the database.

    `__ferro_checks__ = (Check("positive", lambda m: m.price > 0),)`
    """

    suffix: str
    predicate: Callable[[Any], object]

    def __post_init__(self) -> None:
        if not SUFFIX.fullmatch(self.suffix):
            raise ModelDefinitionError(f"a check is named by letters, digits and _, not {self.suffix!r}")
        if not callable(self.predicate):
            raise ModelDefinitionError(f"Check({self.suffix!r}) takes a lambda over the model, not {self.predicate!r}")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows the queries of a model see: `__ferro_scope__ = Scope(lambda p: p.published == True)`.

    The scopes of a model and of its parents all hold. The function is called whenever a query is started, so it may
    look at what is so now, such as whose request is being answered. `unscoped()` leaves it out.
    """

    predicate: Callable[[Any], object]

    def __post_init__(self) -> None:
        if not callable(self.predicate):
            raise ModelDefinitionError(f"Scope takes a lambda over the model, not {self.predicate!r}")


LANGUAGES = frozenset(
    [
        "simple",
        "arabic",
        "armenian",
        "basque",
        "catalan",
        "danish",
        "dutch",
        "english",
        "finnish",
        "french",
        "german",
        "greek",
        "hindi",
        "hungarian",
        "indonesian",
        "irish",
        "italian",
        "lithuanian",
        "nepali",
        "norwegian",
        "portuguese",
        "romanian",
        "russian",
        "serbian",
        "spanish",
        "swedish",
        "tamil",
        "turkish",
        "yiddish",
    ]
)
WEIGHTS = ("A", "B", "C", "D")


class Search:
    """Fields whose words can be searched for: `__ferro_search__ = Search("title", "body", language="english")`.

    Args:
        fields: the names of text fields.
        language: "simple" finds words as they are; "english" and other languages find them in other forms too.
        weights: how much a field counts in `search_rank()`, by its name: "A" most, "D" least, and when nothing is said.
    """

    __slots__ = ("fields", "language", "weights")

    def __init__(self, *fields: str, language: str = "simple", weights: Mapping[str, str] | None = None) -> None:
        if not fields or not all(isinstance(name, str) for name in fields):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ModelDefinitionError(f"Search takes the names of text fields, not {fields!r}")
        if len(set(fields)) < len(fields):
            raise ModelDefinitionError(f"Search names a field twice: {', '.join(fields)}")
        if language not in LANGUAGES:
            raise ModelDefinitionError(
                f"Search(language={language!r}) is not known: it is one of {', '.join(sorted(LANGUAGES))}"
            )
        for name, weight in (weights or {}).items():
            if name not in fields or weight not in WEIGHTS:
                raise ModelDefinitionError(
                    f"Search(weights=...) gives {name!r} the weight {weight!r}: "
                    f'it takes names out of {", ".join(fields)}, and "A", "B", "C" or "D"'
                )
        self.fields = fields
        self.language = language
        self.weights: Mapping[str, str] = dict(weights or {})

    def __repr__(self) -> str:
        return f"Search({', '.join(map(repr, self.fields))}, language={self.language!r})"


# Row security.

# Which of the two conditions of a policy PostgreSQL takes for a command.
COMMANDS = {
    "all": ("using", "with_check"),
    "select": ("using",),
    "insert": ("with_check",),
    "update": ("using", "with_check"),
    "delete": ("using",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPolicy:
    """Which rows a session sees and may write: `RowPolicy(column="tenant_id", setting="app.tenant")`.

    Attributes:
        column, setting: the short form: those whose field is equal to a setting of the session.
        name: what it is called, after `rls_<table>_`; the column when left out.
        using: which of the rows that are there: `lambda d: d.owner == current_setting("app.user")`.
        with_check: which rows may be written; those of `using` when left out.
        command: for what: "all", "select", "insert", "update" or "delete".
        restrictive: it takes from what the other policies give, rather than adding to it.
    """

    column: str | None = None
    setting: str | None = None
    name: str | None = None
    using: Callable[[Any], object] | None = None
    with_check: Callable[[Any], object] | None = None
    command: str = "all"
    restrictive: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.column if self.name is None else self.name)
        given = [option for option in ("using", "with_check") if getattr(self, option) is not None]
        if (self.column is None) != (self.setting is None) or bool(given) == (self.column is not None):
            raise ModelDefinitionError(
                "RowPolicy takes either column= and setting=, or name= and using= or with_check="
            )
        if self.setting is not None and not SETTING.fullmatch(self.setting):
            raise ModelDefinitionError(
                f"a setting is named by words with dots between them, such as app.tenant, not {self.setting!r}"
            )
        if self.name is None or not SUFFIX.fullmatch(self.name):
            raise ModelDefinitionError(f"a row policy is named by letters, digits and _, not {self.name!r}")
        if self.command not in COMMANDS:
            raise ModelDefinitionError(
                f"RowPolicy {self.name!r}: command is one of {', '.join(map(repr, COMMANDS))}, not {self.command!r}"
            )
        for option in given:
            if option not in COMMANDS[self.command]:
                raise ModelDefinitionError(
                    f"RowPolicy {self.name!r}: a policy for {self.command} takes {COMMANDS[self.command][0]}=, not {option}="
                )
            if not callable(getattr(self, option)):
                raise ModelDefinitionError(
                    f"RowPolicy {self.name!r}: {option}= takes a lambda over the model, not {getattr(self, option)!r}"
                )


@dataclass(frozen=True, slots=True, init=False)
class RowSecurity:
    """Which rows of a table a session sees, kept by PostgreSQL: `__ferro_rls__ = RowSecurity(RowPolicy(...))`.

    Attributes:
        policies: what gives sight of rows; a row that none of them gives is hidden.
        force: it holds for the owner of the table too.
    """

    policies: tuple[RowPolicy, ...]
    force: bool

    def __init__(self, *policies: RowPolicy, force: bool = True) -> None:
        if wrong := [given for given in cast("tuple[object, ...]", policies) if not isinstance(given, RowPolicy)]:
            raise ModelDefinitionError(f"RowSecurity takes RowPolicy(...), not {wrong[0]!r}")
        if all(policy.restrictive for policy in policies):
            raise ModelDefinitionError(
                "RowSecurity needs a policy that is not restrictive: without one nobody sees any row"
            )
        names = [policy.name for policy in policies]
        if len(set(names)) < len(names):
            raise ModelDefinitionError(f"RowSecurity gives one name to two policies: {', '.join(map(str, names))}")
        object.__setattr__(self, "policies", policies)
        object.__setattr__(self, "force", force)


# Relations.
