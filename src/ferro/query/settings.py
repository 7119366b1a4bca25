"""What a session was told about itself: `current_setting("app.tenant", int)`."""

from typing import Any, TypeVar, overload

from ferro.errors import QueryError
from ferro.query.expressions import Expression, Shape, Values
from ferro.query.kinds import type_for
from ferro.query.sqltext import ATOM, Text
from ferro.query.writer import Writer, literal
from ferro.rules import SETTING
from ferro.types.base import ColumnType
from ferro.types.values import with_article

T = TypeVar("T")


class Setting(Expression[T]):
    """A setting of the session, as a value of a type; null where it is not set, or empty."""

    __slots__ = ("_type", "name")

    def __init__(self, name: str, type: ColumnType) -> None:
        if not SETTING.fullmatch(name):
            raise QueryError(f"a setting is named by words with dots between them, such as app.tenant, not {name!r}")
        self.name = name
        self._type = type

    @property
    def type(self) -> ColumnType:
        return self._type

    def collect(self, shape: Shape, values: Values, arrays: bool) -> None:
        shape += ("setting", self.name, self._type)

    def write(self, writer: Writer) -> Text:
        dialect = writer.dialect
        if "setting" not in dialect.forms:
            raise QueryError(f"{self!r}: on {dialect.name} a session has no settings")
        if self.kind not in dialect.casts:
            raise QueryError(f"{self!r}: a setting is a text, and cannot become {with_article(self._type.name)}")
        return Text(dialect.forms["setting"].sql.format(literal(self.name, dialect), dialect.casts[self.kind]), ATOM)

    def __repr__(self) -> str:
        return f"current_setting({self.name!r})"


@overload
def current_setting(name: str) -> Expression[str | None]: ...
@overload
def current_setting(name: str, returns: type[T]) -> Expression[T | None]: ...
def current_setting(name: str, returns: Any = str) -> Any:
    """A setting of the session on PostgreSQL: `d.tenant_id == current_setting("app.tenant", int)`.

    It is null where the setting is not there, or empty.
    """
    try:
        kind = type_for(returns)
    except (TypeError, ValueError) as error:
        raise QueryError(f"current_setting({name!r}, {returns!r}): {error}") from None
    return Setting[Any](name, kind)
