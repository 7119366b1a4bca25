"""Identifiers: `UUID`, a type of its own on PostgreSQL and 36 characters on SQLite."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, SafeUUID

from pydantic_core import SchemaValidator, core_schema

from ferro.types.annotations import Asked, DbType
from ferro.types.base import ColumnType, Convert, Kinds, Stored, unchanged
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
    # A third of what UUID's own takes; formatting the number as a whole is code that nothing else needs.
    digits = (value if type(value) is UUID else accept(value)).int.to_bytes(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def to_texts(values: Sequence[Any], kinds: Kinds) -> Sequence[Any] | None:
    return list(map(UUID.__str__, values)) if kinds == {UUID} else None


def fast_reader() -> Convert:
    """A reader of texts that takes a fifth of the time of UUID's own constructor: Pydantic's, if it makes the same."""
    parse = SchemaValidator(core_schema.uuid_schema()).validate_python
    if parse(str(UUID(int=0))).is_safe is not SafeUUID.unknown:
        return UUID

    def from_text(text: Any) -> UUID:
        try:
            return parse(text)
        except ValueError:
            # Spelt in a way that only the constructor knows, or it says what is wrong.
            return UUID(text)

    return from_text


from_text = fast_reader()


def stored_as_text(name: str) -> Stored:
    return Stored(name, dump=to_text, load=from_text, dump_many=to_texts)


NATIVE = ColumnType(
    name="UUID",
    python_type=UUID,
    kind="uuid",
    accept=accept,
    stored={"sqlite": stored_as_text("uuid_text"), "postgresql": Stored("uuid", dump=dump, dump_many=unchanged(UUID))},
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
