"""A loop and the threads that read SQLite for it: how they tell each other, and what is left when either has gone."""

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, nullcontext
from contextvars import ContextVar
from pathlib import Path
from queue import SimpleQueue
from weakref import ref

import pytest

from ferro import OperationalError, connect
from ferro._concurrency._async.workers import Bell, Job, Worker, bell_of, nudge, work


@pytest.fixture(params=["pipe", "call"])
def told(request, monkeypatch):
    """How a loop is told, where it can watch a pipe and where it cannot."""
    if request.param == "call":
        monkeypatch.setattr(Bell, "_watched_pipe", lambda bell, loop: bell._call_from_threads(ref(loop)))


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.mark.usefixtures("told")
def test_loops_that_have_ended_leave_nothing_open(tmp_path):
    async def count() -> int:
        async with connect(f"sqlite:{tmp_path / 'a.db'}?mode=rwc", max_connections=3) as database:
            counted = await asyncio.gather(*(database.fetch_one("SELECT 1 AS one") for _ in range(20)))
            return len(counted)

    def read() -> int:
        read = asyncio.run(count())
        gc.collect()
        return read

    assert read() == 20
    before = open_files()
    for _ in range(10):
        assert read() == 20
    # What tests before this one left may have been closed meanwhile; a thread may be closing its last file.
    deadline = time.monotonic() + 5
    while open_files() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert open_files() <= before


@pytest.mark.usefixtures("told")
async def test_every_one_of_many_connections_has_its_answer(tmp_path):
    async with connect(f"sqlite:{tmp_path / 'a.db'}?mode=rwc", max_connections=8) as database:

        async def ask(number: int) -> object:
            return await database.fetch_one("SELECT ? AS number", number)

        answers = await asyncio.gather(*(ask(number) for number in range(2000)))
        assert answers == [{"number": number} for number in range(2000)]


@pytest.mark.usefixtures("told")
def test_a_loop_that_is_closed_is_told_no_more(tmp_path):
    loop = asyncio.new_event_loop()

    async def opened():
        return await connect(f"sqlite:{tmp_path / 'a.db'}?mode=rwc")

    database = loop.run_until_complete(opened())
    left = loop.create_task(
        database.fetch_one(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT sum(i) AS s FROM n"
        )
    )
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    # The thread comes back to nobody, and ends with the connection it belongs to.
    database.drop()
    del left
    again = asyncio.new_event_loop()
    with asyncio.Runner(loop_factory=lambda: again) as runner:

        async def read() -> object:
            async with connect(f"sqlite:{tmp_path / 'a.db'}") as other:
                return await other.fetch_one("SELECT 1 AS one")

        assert runner.run(read()) == {"one": 1}


def jobs_of(*calls: Callable[[], object]) -> list[Job]:
    loop = asyncio.get_running_loop()
    return [Job(call, (), loop) for call in calls]


async def answer_of(job: Job) -> object:
    return await asyncio.wait_for(awaited(job), 5)


async def awaited(job: Job) -> object:
    return await job


def begin(*what: Job | Callable[[], None] | None) -> threading.Thread:
    """Give a thread all of this to do before it begins."""
    queue: SimpleQueue[Job | Callable[[], None] | None] = SimpleQueue()
    for each in what:
        queue.put(each)
    thread = threading.Thread(target=work, args=(bell_of(asyncio.get_running_loop()), queue))
    thread.start()
    return thread


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("last", [None, lambda: time.sleep(0.05)], ids=["its end", "a call that nobody awaits"])
async def test_what_is_done_is_told_whatever_comes_after_it(last):
    (job,) = jobs_of(lambda: 7)
    thread = begin(job, last, *([] if last is None else [None]))
    assert await answer_of(job) == 7
    thread.join(5)


@pytest.mark.usefixtures("told")
async def test_what_is_done_is_told_though_the_call_the_thread_was_woken_for_never_comes():
    (job,) = jobs_of(lambda: 7)
    queue: SimpleQueue[Job | Callable[[], None] | None] = SimpleQueue()
    queue.put(job)
    queue.put(nudge)
    thread = threading.Thread(target=work, args=(bell_of(asyncio.get_running_loop()), queue))
    thread.start()
    try:
        assert await answer_of(job) == 7
    finally:
        queue.put(None)
        thread.join(5)


@pytest.mark.usefixtures("told")
async def test_a_loop_that_comes_before_a_call_is_done_is_told_again():
    worker = Worker("early")

    def slow() -> int:
        worker.soon()
        time.sleep(0.05)
        return 7

    for _ in range(3):
        worker.expect()
        assert await asyncio.wait_for(worker.call(slow), 5) == 7
    worker.finish(lambda: None)


@pytest.mark.usefixtures("told")
async def test_who_is_answered_first_does_not_wait_for_all_of_the_others():
    go_on = threading.Event()
    quick, slow, last = jobs_of(lambda: 1, lambda: time.sleep(0.01), lambda: go_on.wait(5))
    thread = begin(quick, slow, last, None)
    assert await answer_of(quick) == 1
    assert not last.over
    go_on.set()
    assert await answer_of(last) is True
    thread.join(5)


async def test_a_task_may_be_cancelled_while_the_thread_is_at_it():
    go_on = threading.Event()
    (job,) = jobs_of(lambda: go_on.wait(5))
    thread = begin(job, None)
    task = asyncio.create_task(awaited(job))
    await asyncio.sleep(0)
    task.cancel("not wanted any more")
    with pytest.raises(asyncio.CancelledError, match="not wanted any more"):
        await task
    assert not job.over
    go_on.set()
    await job.settle()
    thread.join(5)


async def test_what_a_thread_raises_is_raised_where_it_is_awaited():
    job, after = jobs_of(lambda: 1 // 0, lambda: 2)
    thread = begin(job, after, None)
    with pytest.raises(ZeroDivisionError):
        await answer_of(job)
    assert await answer_of(after) == 2
    thread.join(5)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("way", ["alone", "among other databases", "in a session", "in a transaction", "on a replica"])
async def test_an_error_is_gone_once_it_was_handled(tmp_path, caplog, way):
    # A record of the log would hold it.
    caplog.set_level(logging.WARNING, logger="ferro.sql")
    url = f"sqlite:{tmp_path / 'a.db'}?mode=rwc"
    async with AsyncExitStack() as stack:
        replicas = [url] if way == "on a replica" else []
        database = await stack.enter_async_context(connect(url, replicas=replicas))
        if way == "among other databases":
            await stack.enter_async_context(connect(url, default=False))
        if way == "in a session":
            await stack.enter_async_context(database.session())

        async def fail() -> "ref[OperationalError]":
            try:
                async with database.transaction() if way == "in a transaction" else nullcontext():
                    await database.fetch_one("SELECT nonsense")
            except OperationalError as error:
                return ref(error)
            pytest.fail("it is nonsense")

        gc.disable()
        try:
            failed = [await fail() for _ in range(3)]
            # asyncio holds what woke a task until the task waits again, and the thread may not have gone on yet.
            await asyncio.wait_for(until(lambda: [one() for one in failed] == [None] * 3), 5)
        finally:
            gc.enable()


@pytest.mark.usefixtures("told")
def test_a_task_that_ends_the_program_leaves_the_others_their_answers():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    async def leave(job: Job) -> None:
        await job
        raise SystemExit(3)

    async def start() -> tuple[list[Job], list[asyncio.Task[object]]]:
        jobs = jobs_of(lambda: 1, lambda: 2)
        return jobs, [loop.create_task(leave(jobs[0])), loop.create_task(awaited(jobs[1]))]

    async def work_both() -> None:
        begin(*jobs, None).join(5)
        await asyncio.sleep(10)

    jobs, tasks = loop.run_until_complete(start())
    with pytest.raises(SystemExit):
        loop.run_until_complete(work_both())
    assert loop.run_until_complete(asyncio.wait_for(tasks[1], 5)) == 2
    with pytest.raises(SystemExit):
        tasks[0].result()
    loop.close()


async def test_a_task_goes_on_in_its_own_context():
    name: ContextVar[str] = ContextVar("name")

    async def ask(job: Job, own: str) -> str:
        name.set(own)
        await job
        return name.get()

    jobs = jobs_of(lambda: 1, lambda: 2)
    tasks = [asyncio.create_task(ask(job, own)) for job, own in zip(jobs, ("one", "two"), strict=True)]
    await asyncio.sleep(0)
    thread = begin(*jobs, None)
    assert await asyncio.gather(*tasks) == ["one", "two"]
    thread.join(5)
