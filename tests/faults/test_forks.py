"""A process that forks, and its child: neither loses a row, whatever the other does with its connections."""

import os
import subprocess
import sys

import pytest

from ferro import sync

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork()"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

# Each of the two writes on while the other closes the database, and a third program looks at it and closes it too.
PROGRAM = """
import asyncio, os, sys
import ferro, ferro.sync

class Entry(ferro.Model):
    id: int | None = ferro.Field(default=None, primary_key=True)
    name: str

url, colour = sys.argv[1:]
hears, tells = os.pipe()

def child(database):
    database.create(Entry, name="child 1")
    os.write(tells_parent, b"!")
    os.read(hears, 1)
    for at in range(2, 6):
        database.create(Entry, name=f"child {at}")
    os._exit(0 if database.query(Entry).count() == 7 else 1)

hears_child, tells_parent = os.pipe()

def fork_and_close(database):
    with ferro.sync.connect(url, default=False) as other:
        other.create(Entry, name="parent 1")
        made = os.fork()
        if made == 0:
            child(other)
        os.read(hears_child, 1)
        other.create(Entry, name="parent 2")
    return made

async def on_a_loop():
    async with ferro.connect(url, auto_migrate=True, max_connections=3, min_connections=3) as database:
        made = fork_and_close(database)
        assert await database.query(Entry).count() == 3
    return made

if colour == "awaiting":
    made = asyncio.run(on_a_loop())
else:
    with ferro.sync.connect(url, auto_migrate=True) as database:
        made = fork_and_close(database)
os.write(tells, b"!")
_, status = os.waitpid(made, 0)
print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize("colour", ["awaiting", "blocking"])
def test_what_a_child_writes_stays_when_its_parent_closes(database_url, entry, colour):
    command = [sys.executable, "-W", "error", "-c", PROGRAM, database_url, colour]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")
    with sync.connect(database_url) as database:
        names = {row.name for row in database.query(entry).all()}
    assert names == {"parent 1", "parent 2", *(f"child {at}" for at in range(1, 6))}


def outcome_in_a_child(database, entry) -> str:
    """What comes of a question in a forked child."""
    hears, tells = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = str([row.name for row in database.query(entry).all()])
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(tells, said.encode())
        os._exit(0)
    os.waitpid(child, 0)
    said = os.read(hears, 1000).decode()
    os.close(hears)
    os.close(tells)
    return said


REFUSED = (
    "DatabaseConnectionError: DB Connection failed: {}: this process was forked while its parent was in a transaction, a "
    "stream or a call on this file, and would take the parent's locks for its own: fork while nothing is under way, or "
    "start the process by spawning it"
)


def test_a_child_that_is_forked_in_a_transaction_is_not_in_it(database_url, entry, backend):
    with sync.connect(database_url, max_connections=3) as database:
        database.create_tables(entry)
        database.create(entry, name="before")
        with database.transaction():
            database.create(entry, name="parent")
            # A file that is in use is not to be opened there.
            expected = REFUSED.format(database.url) if backend == "sqlite" else "['before']"
            assert outcome_in_a_child(database, entry) == expected
            database.create(entry, name="parent too")
        assert outcome_in_a_child(database, entry) == "['before', 'parent', 'parent too']"
        assert database.query(entry).count() == 3
