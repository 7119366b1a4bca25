"""`SecretStr` and `SecretBytes`."""

import pytest
from pydantic import SecretBytes, SecretStr

from ferro.types import column_type


def test_secrets_are_stored_as_they_are_and_wrapped_again(through, dialect):
    assert through(SecretStr, SecretStr("päss")) == SecretStr("päss")
    assert through(SecretBytes, SecretBytes(b"\0\xff")) == SecretBytes(b"\0\xff")
    assert column_type(SecretStr).stored[dialect].dump(SecretStr("pass")) == "pass"
    assert column_type(SecretBytes).stored[dialect].dump(SecretBytes(b"pass")) == b"pass"


def test_secrets_are_known_as_secret():
    assert column_type(SecretStr).secret
    assert column_type(SecretBytes).secret
    assert not column_type(str).secret


def test_a_bare_value_becomes_a_secret():
    assert column_type(SecretStr).accept("pass") == SecretStr("pass")
    assert column_type(SecretBytes).accept(bytearray(b"pass")) == SecretBytes(b"pass")


@pytest.mark.parametrize(
    ("db_type", "value", "message"),
    [
        (
            None,
            SecretStr("hush\0"),
            "the secret contains a NUL character at position 4, which no database keeps",
        ),
        ("varchar(3)", SecretStr("hush"), "the secret has 4 characters and does not fit varchar(3)"),
        (None, b"hush", "expected SecretStr, got bytes"),
    ],
)
def test_no_refusal_shows_a_secret(dialect, db_type, value, message):
    with pytest.raises(ValueError) as refused:
        column_type(SecretStr, db_type=db_type).stored[dialect].dump(value)
    assert str(refused.value) == message


def test_a_text_is_no_secret_bytes():
    with pytest.raises(ValueError, match="^expected SecretBytes, got str$"):
        column_type(SecretBytes).accept("hush")
