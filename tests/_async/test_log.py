"""The statement log: everything that is sent, nothing that is secret, and silence unless asked."""

import logging
import re
import subprocess
import sys

import pytest
from pydantic import SecretBytes, SecretStr
from statements import recorded, sent

from ferro import AsyncDatabase, Field, Model, OperationalError, connect, transaction


class Safe(Model):
    id: int | None = Field(default=None, primary_key=True)
    label: str = ""
    pin: SecretStr | None = None
    key: SecretBytes | None = None


@pytest.fixture
async def database(database: AsyncDatabase) -> AsyncDatabase:
    await database.create_tables(Safe)
    return database


async def test_a_statement_is_one_line_with_its_values_and_its_time(database, caplog):
    with caplog.at_level(logging.DEBUG, logger="ferro.sql"):
        await Safe.where(lambda s: s.label == "x").order_by("id").all()
    (record,) = caplog.records
    assert record.levelno == logging.DEBUG
    assert record.name == "ferro.sql"
    assert record.getMessage().startswith(f"{record.sql} params=")
    assert "'x'" in record.getMessage()
    assert record.getMessage().endswith(f"{record.duration_ms:.2f}ms")


async def test_a_record_tells_what_was_done(database):
    safe = await Safe.create(label="a")
    with recorded() as records:
        await Safe.create(label="b")
        await Safe.get(safe.id)
        await Safe.all()
        await Safe.count()
        await Safe.update(label="c")
        await safe.delete()
        await Safe.bulk_create([Safe(), Safe()])
        await database.execute("SELECT 1")
    assert [(record.operation, record.subject, record.rows, record.error) for record in records] == [
        ("Save", "Safe", 1, None),
        ("Fetch", "Safe", 1, None),
        ("Fetch", "Safe", 2, None),
        ("Count", "Safe", 1, None),
        ("Update", "Safe", 2, None),
        ("Delete", "Safe", 1, None),
        ("Bulk save", "Safe", 2, None),
        ("Raw", "", 1, None),
    ]
    assert {(record.dialect, record.connection) for record in records} == {(database.dialect.name, None)}
    assert all(record.duration_ms >= 0 for record in records)


async def test_a_record_tells_the_name_of_its_connection(database, database_url):
    async with connect(database_url, name="archive", replicas=[database_url]) as archive:
        with recorded() as records:
            await database.execute("DELETE FROM safe")
            async with archive.transaction() as opened:
                await opened.execute("DELETE FROM safe")
            await archive.query(Safe).all()
    assert [record.connection for record in records] == [None, "archive", "archive", "archive", "archive"]


async def test_a_statement_that_fails_is_logged_with_its_error(database):
    with recorded() as records, pytest.raises(OperationalError) as caught:
        await database.execute("SELEC 1")
    (record,) = records
    assert record.error is caught.value
    assert f"failed: {caught.value}" in record.getMessage()
    assert record.rows == 0


async def test_what_surrounds_a_transaction_is_logged_in_the_order_it_is_sent(database):
    with sent() as statements:
        async with transaction():
            await database.execute("DELETE FROM safe")
            async with transaction():
                await database.execute("DELETE FROM safe")
            await database.execute("DELETE FROM safe")
    assert [re.sub(r"ferro_\d+", "…", text) for text in statements] == [
        "BEGIN IMMEDIATE" if database.dialect.name == "sqlite" else "BEGIN",
        "DELETE FROM safe",
        "SAVEPOINT …",
        "DELETE FROM safe",
        "RELEASE SAVEPOINT …",
        "DELETE FROM safe",
        "COMMIT",
    ]


async def test_a_transaction_nothing_happens_in_sends_nothing(database):
    with sent() as statements:
        async with transaction():
            async with transaction():
                pass
    assert statements == []


async def test_a_failed_block_is_rolled_back_in_the_log(database):
    with sent() as statements, pytest.raises(KeyError):
        async with transaction():
            await Safe.create()
            raise KeyError
    assert statements[0].startswith("BEGIN")
    assert statements[-1] == "ROLLBACK"
    assert len(statements) == 3


async def test_secret_values_are_redacted_wherever_they_go(database):
    with recorded() as records:
        safe = await Safe.create(label="open", pin=SecretStr("s3cret"), key=SecretBytes(b"s3cret"))
        safe.pin = SecretStr("s3cret-2")
        await safe.save()
        await Safe.bulk_create([Safe(pin=SecretStr("s3cret")), Safe(pin=SecretStr("s3cret"))])
        await Safe.where(lambda s: s.pin == SecretStr("s3cret")).all()
        await Safe.where(lambda s: s.pin.in_([SecretStr("s3cret"), SecretStr("s3cret-2")])).all()
        await Safe.where(lambda s: s.id == 1).update(pin=SecretStr("s3cret"))
        await Safe.get_or_create(pin=SecretStr("s3cret-4"), defaults={"label": "new"})
        await Safe.update_or_create(pin=SecretStr("s3cret-5"), defaults={"key": SecretBytes(b"s3cret")})
        await Safe.upsert(id=1, pin=SecretStr("s3cret"))
        placeholder = "?" if database.dialect.name == "sqlite" else "$1"
        await database.fetch_all(f"SELECT * FROM safe WHERE pin = {placeholder}", SecretStr("s3cret"))
    assert len(records) >= 10
    for record in records:
        assert "s3cret" not in f"{record.getMessage()} {vars(record)!r}"
    assert [str(value) for value in records[0].params] == ["open", "REDACTED", "REDACTED"]
    assert (await Safe.get(1)).pin.get_secret_value() == "s3cret"


async def test_nothing_is_shown_that_was_not_asked_for(database, capfd):
    await Safe.create(label="quiet")
    assert capfd.readouterr() == ("", "")
    assert [type(handler) for handler in logging.getLogger("ferro").handlers] == [logging.NullHandler]
    assert logging.getLogger("ferro").level == logging.NOTSET
    assert logging.getLogger("ferro").propagate is True


def test_importing_configures_no_logging():
    program = "import logging, ferro, ferro.sync; print(logging.root.handlers, logging.getLogger('ferro').level)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[] 0\n", "")
