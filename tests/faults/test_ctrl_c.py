"""Ctrl-C stops a blocking call at once, and leaves the connection and the transaction in order."""

import signal
import subprocess
import sys
import time

import pytest

SLOW = {
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n",
    "postgres": "SELECT pg_sleep(30)",
}

PROGRAM = """
import sys, time
from ferro.sync import connect

url, slow = sys.argv[1:]
with connect(url, max_connections=1) as database:
    database.execute("CREATE TABLE entry (name text)")
    print("ready", flush=True)
    try:
        database.fetch_all(slow)
    except KeyboardInterrupt:
        print("stopped", database.fetch_one("SELECT count(*) AS rows FROM entry"), flush=True)
    try:
        with database.transaction() as block:
            block.execute("INSERT INTO entry VALUES ('ann')")
            print("ready", flush=True)
            block.fetch_all(slow)
    except KeyboardInterrupt:
        print("undone", database.fetch_one("SELECT count(*) AS rows FROM entry"), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a child process on Windows cannot be sent Ctrl-C alone")
def test_ctrl_c_stops_a_call_and_undoes_its_transaction(database_url, backend):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, database_url, SLOW[backend]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = []
    for _ in range(2):
        said.append(program.stdout.readline())
        time.sleep(0.3)
        began = time.monotonic()
        program.send_signal(signal.SIGINT)
        said.append(program.stdout.readline())
        assert time.monotonic() - began < 1
    assert program.wait(10) == 0
    assert program.stderr.read() == ""
    assert said == ["ready\n", "stopped {'rows': 0}\n", "ready\n", "undone {'rows': 0}\n"]
    program.stdout.close()
    program.stderr.close()
