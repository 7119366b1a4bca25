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
    interrupt_twice(database_url, SLOW[backend])


@pytest.mark.skipif(sys.platform == "win32", reason="a child process on Windows cannot be sent Ctrl-C alone")
@pytest.mark.backends("sqlite")
@pytest.mark.parametrize("called", ["ferro_decimal_sum(x)", "count(ferro_upper(x))", "count(ferro_decimal_round(x))"])
def test_ctrl_c_in_a_function_of_ferro_s_is_not_taken_for_a_bad_value(database_url, called):
    interrupt_twice(database_url, SLOW["sqlite"].replace("count(*)", called))


def interrupt_twice(database_url, slow):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, database_url, slow],
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


# A soft limit, as runners of jobs set one: another signal, whose handler raises an error of its own.
LIMITED = """
import signal, sys
from ferro.sync import connect

class TooLong(Exception):
    pass

def stop(*_):
    raise TooLong

signal.signal(signal.SIGALRM, stop)
url, slow, change = sys.argv[1:]
with connect(url, max_connections=1) as database:
    database.execute("CREATE TABLE entry (name text)")
    database.execute("INSERT INTO entry VALUES ('old')")
    for sql in (slow, change):
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            database.execute(sql)
        except TooLong:
            print("too long", database.fetch_all("SELECT name FROM entry"))
    with database.transaction() as block:
        block.execute("UPDATE entry SET name = 'new'")
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            block.execute(slow)
        except TooLong:
            print("too long")
"""

CHANGE = {
    "sqlite": f"UPDATE entry SET name = ({SLOW['sqlite']})",
    "postgres": "UPDATE entry SET name = 'new' FROM (SELECT pg_sleep(1)) AS s",
}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals on Windows")
def test_what_the_handler_of_a_signal_raises_arrives_and_stops_the_statement(database_url, backend):
    command = [sys.executable, "-c", LIMITED, database_url, SLOW[backend], CHANGE[backend]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "too long [{'name': 'old'}]\ntoo long [{'name': 'old'}]\ntoo long\n"
    assert done.stderr.splitlines()[-1].startswith("ferro.errors.TransactionAborted: this transaction is aborted")
