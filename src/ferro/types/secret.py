"""Secrets: `SecretStr` and `SecretBytes`, stored as they are and never shown."""

from typing import Any

from pydantic import SecretBytes, SecretStr

from ferro.types.annotations import Asked, DbType
from ferro.types.base import ColumnType, Stored
from ferro.types.text import TEXT, TOKENS, stored_as_text, text_dump
from ferro.types.values import BINARY, exact_text


def hidden(_: str) -> str:
    return "the secret"


def accept_text(value: Any) -> SecretStr:
    if isinstance(value, SecretStr):
        return value
    if isinstance(value, str):
        return SecretStr(exact_text(value))
    raise ValueError(f"expected SecretStr, got {type(value).__name__}")


def accept_bytes(value: Any) -> SecretBytes:
    if isinstance(value, SecretBytes):
        return value
    if isinstance(value, BINARY):
        return SecretBytes(bytes(value))
    raise ValueError(f"expected SecretBytes, got {type(value).__name__}")


def dump_bytes(value: Any) -> bytes:
    return accept_bytes(value).get_secret_value()


def secret_text(db_type: DbType) -> ColumnType:
    check = text_dump(db_type, hidden)

    def dump(value: Any) -> str:
        return check(accept_text(value).get_secret_value())

    stored = stored_as_text(db_type, dump, SecretStr)
    return ColumnType("SecretStr", SecretStr, "text", accept_text, stored, secret=True)


SECRET_BYTES = ColumnType(
    name="SecretBytes",
    python_type=SecretBytes,
    kind="bytes",
    accept=accept_bytes,
    stored={
        "sqlite": Stored("blob", dump=dump_bytes, load=SecretBytes),
        "postgresql": Stored("bytea", dump=dump_bytes, load=SecretBytes),
    },
    secret=True,
)


def match(asked: Asked) -> ColumnType | None:
    if asked.inner is SecretStr:
        asked.token(*TOKENS)
        return secret_text(asked.db_type or TEXT)
    if asked.inner is SecretBytes:
        asked.token()
        return SECRET_BYTES
    return None
