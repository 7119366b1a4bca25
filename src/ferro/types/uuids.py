"""Identifiers: `UUID`, a type of its own on PostgreSQL and 36 characters on SQLite."""

from typing import Any
from uuid import UUID, SafeUUID

from ferro.types.annotations import Asked, DbType
from ferro.types.base import ColumnType, Stored
from ferro.types.values import unexpected

LENGTH = 36


def accept(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError:
            pass
    raise unexpected("UUID", value)


def dump(value: Any) -> UUID:
    return value if type(value) is UUID else accept(value)


def to_text(value: Any) -> str:
    return UUID.__str__(dump(value))


def from_text(text: Any) -> UUID:
    # A UUID's own constructor takes three times as long, most of it to look at arguments it
    # is not given. Its two slots are filled here as it fills them.
    if len(text) != LENGTH:
        return UUID(text)
    value = new(UUID)
    set_slot(value, "int", int(text.replace("-", ""), 16))
    set_slot(value, "is_safe", UNKNOWN)
    return value


new, set_slot, UNKNOWN = object.__new__, object.__setattr__, SafeUUID.unknown


def stored_as_text(name: str) -> Stored:
    return Stored(name, dump=to_text, load=from_text if "int" in UUID.__slots__ else UUID)


NATIVE = ColumnType(
    name="UUID",
    python_type=UUID,
    kind="uuid",
    accept=accept,
    stored={"sqlite": stored_as_text("uuid_text"), "postgresql": Stored("uuid", dump=dump)},
)


def as_text(db_type: DbType) -> ColumnType:
    if db_type.length is not None and db_type.length < LENGTH:
        raise ValueError(f"a UUID has {LENGTH} characters and does not fit {db_type}")
    kept = stored_as_text(str(db_type))
    return ColumnType("UUID", UUID, "uuid", accept, {"sqlite": kept, "postgresql": kept})


def match(asked: Asked) -> ColumnType | None:
    if asked.inner is not UUID:
        return None
    asked.token("uuid", "text", "varchar")
    return NATIVE if asked.db_type in (None, DbType("uuid")) else as_text(asked.db_type)
