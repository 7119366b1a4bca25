"""Steps that are answered by a replica as long as they read, and by the primary from there on."""

import pytest

from ferro.errors import DatabaseConnectionError, OperationalError
from ferro.operations.reading import Done, Unanswered, only_reads, resumed
from ferro.operations.steps import Steps
from ferro.query.dialect import Compiled, Result, Template

READ = Compiled(Template("SELECT 1", fetches=True, writes=False), ())
WRITE = Compiled(Template("DELETE", fetches=False, writes=True), ())


def reads_and_writes() -> Steps[int]:
    first = yield READ
    second = yield READ
    third = yield WRITE
    return first.count + second.count + third.count


def end_of(steps, answer):
    with pytest.raises(StopIteration) as stop:
        steps.throw(answer) if isinstance(answer, Exception) else steps.send(answer)
    return stop.value.value


def test_a_replica_answers_until_a_statement_writes_and_the_primary_goes_on_from_there():
    steps = reads_and_writes()
    reading = only_reads(steps, next(steps))
    assert next(reading) is READ
    assert reading.send(Result([], 1)) is READ
    assert end_of(reading, Result([], 2)) == Unanswered(WRITE)
    rest = resumed(steps, WRITE)
    assert next(rest) is WRITE
    assert end_of(rest, Result([], 3)) == 6


def test_a_read_whose_link_is_lost_is_not_answered_and_its_steps_know_nothing_of_it():
    steps = reads_and_writes()
    reading = only_reads(steps, next(steps))
    next(reading)
    lost = DatabaseConnectionError("lost")
    assert end_of(reading, lost) == Unanswered(READ, lost)
    rest = resumed(steps, READ)
    assert [next(rest), rest.send(Result([], 1))] == [READ, READ]


def test_steps_that_only_read_are_done_on_the_replica():
    def reads() -> Steps[str]:
        yield READ
        return "read"

    steps = reads()
    reading = only_reads(steps, next(steps))
    next(reading)
    assert end_of(reading, Result([], 1)) == Done("read")


def test_an_error_of_a_statement_is_for_the_steps():
    def survives() -> Steps[str]:
        try:
            yield READ
        except OperationalError as error:
            return str(error)
        return ""

    steps = survives()
    reading = only_reads(steps, next(steps))
    next(reading)
    assert end_of(reading, OperationalError("no")) == Done("no")
