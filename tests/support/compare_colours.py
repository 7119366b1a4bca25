"""A pytest plugin that compares what each test of `tests/_async` sends with what its twin sends.

    PYTHONPATH=tests/support pytest -p compare_colours tests/_async tests/_sync

The run fails when a test and its twin have sent different statements.
"""

import logging
import re
from collections.abc import Iterator

import pytest

# The schema of a test and the files of a test are its own.
OWN = re.compile(r"\bt_[0-9a-f]{16}\b")

statements: dict[str, list[str]] = {}
problems: list[str] = []


class Listener(logging.Handler):
    """Keeps the SQL of the test that is running."""

    def emit(self, record: logging.LogRecord) -> None:
        statements[running].append(OWN.sub("its_own", record.sql))


running = ""
listener = Listener()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    global running  # noqa: PLW0603
    running = item.nodeid
    statements[running] = []
    logger = logging.getLogger("ferro.sql")
    logger.addHandler(listener)
    logger.setLevel(logging.DEBUG)
    return (yield)


def pytest_sessionfinish(session: pytest.Session) -> None:
    for test, sent in statements.items():
        twin = statements.get(test.replace("_async", "_sync"))
        if twin is not None and twin != sent:
            at = next((at for at, (one, other) in enumerate(zip(sent, twin, strict=False)) if one != other), len(twin))
            problems.append(f"{test}: statement {at + 1}: {sent[at : at + 1]} and {twin[at : at + 1]}")
    if problems:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    count = sum("_async" in test for test in statements)
    terminalreporter.write_line(f"{count} tests and their twins compared: {len(problems)} sent something else")
    for problem in problems:
        terminalreporter.write_line(problem, red=True)
