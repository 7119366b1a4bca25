"""What ferro sends, as its own log tells it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def recorded() -> Iterator[list[logging.LogRecord]]:
    """Collect the log records of the statements sent inside the block."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append
    logger = logging.getLogger("ferro.sql")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield records
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def sent() -> Iterator[list[str]]:
    """Collect the SQL sent inside the block: complete at its end."""
    texts: list[str] = []
    with recorded() as records:
        yield texts
    texts += [record.sql for record in records]
