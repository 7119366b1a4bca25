# Generated from tests/_async/test_row_locks.py by scripts/unasync.py: edit that file, never this one.
"""Row locks: what a transaction has locked is its own until it ends."""

import pytest

from ferro.sync import Database, DatabaseBusy, Field, Model, TransactionError, connect


class Job(Model):
    id: int | None = Field(default=None, primary_key=True)
    done: bool = False


@pytest.fixture(autouse=True)
def jobs(database: Database) -> None:
    database.create_tables(Job)
    Job.bulk_create([Job() for _ in range(5)])


@pytest.mark.backends("postgres")
def test_a_worker_takes_rows_that_no_other_has_taken(database: Database, database_url: str) -> None:
    queue = Job.where(lambda j: ~j.done).order_by("id")
    with connect(database_url, default=False) as other, database.transaction():
        assert [job.id for job in queue.claim(2)] == [1, 2]
        others = other.query(Job).where(lambda j: ~j.done).order_by("id")
        with other.transaction():
            assert [job.id for job in others.claim(2)] == [3, 4]
            assert others.select(lambda j: j.id).claim(9) == [3, 4, 5]


@pytest.mark.backends("postgres")
def test_a_locked_row_is_waited_for_or_reported(database: Database, database_url: str) -> None:
    with connect(database_url, default=False) as other, database.transaction():
        Job.where(lambda j: j.id == 1).for_update().one()
        with pytest.raises(DatabaseBusy):
            with other.transaction():
                other.query(Job).where(lambda j: j.id == 1).for_update(nowait=True).all()
        with other.transaction():
            other.query(Job).where(lambda j: j.id == 2).for_update(nowait=True, of=Job).one()


def test_a_queue_is_worked_off_on_every_database(database: Database) -> None:
    queue = Job.where(lambda j: ~j.done).order_by("id")
    taken: list[int | None] = []
    for _ in range(3):
        with database.transaction():
            for job in queue.claim(2):
                taken.append(job.id)
                job.done = True
                job.save()
    assert taken == [1, 2, 3, 4, 5]
    with database.transaction():
        assert queue.claim(2) == []


@pytest.mark.backends("sqlite")
def test_on_sqlite_nobody_writes_beside_a_transaction_that_locks(database: Database, database_url: str) -> None:
    with connect(database_url, default=False, busy_timeout=0.05) as other, database.transaction():
        job = Job.order_by("id").for_update().first()
        assert job is not None
        with pytest.raises(DatabaseBusy):
            other.query(Job).where(lambda j: j.id == 1).update(done=True)


def test_a_lock_needs_a_transaction(database: Database) -> None:
    for call in (Job.query().for_update().all, Job.query().for_update().first, Job.query().for_update().one_or_none):
        with pytest.raises(
            TransactionError,
            match=r"^a row is locked until its transaction ends, and there is none: open a transaction",
        ):
            call()
    with pytest.raises(TransactionError):
        Job.order_by("id").claim(1)
    with database.transaction(), database.transaction():
        assert len(Job.query().for_update().all()) == 5


@pytest.mark.backends("sqlite")
@pytest.mark.parametrize(("option", "value"), [("read_only", True), ("immediate", False)])
def test_a_transaction_that_reads_beside_writers_cannot_lock(database: Database, option: str, value: bool) -> None:
    options = {option: value}
    with database.transaction(**options):  # type: ignore[arg-type]
        with pytest.raises(
            TransactionError,
            match=rf"^on SQLite a transaction\({option}={value}\) lets others write, so it cannot keep rows for_update",
        ):
            Job.query().for_update().all()
