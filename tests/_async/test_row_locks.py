"""Row locks: what a transaction has locked is its own until it ends."""

import pytest

from ferro import AsyncDatabase, DatabaseBusy, Field, Model, TransactionError, connect


class Job(Model):
    id: int | None = Field(default=None, primary_key=True)
    done: bool = False


@pytest.fixture(autouse=True)
async def jobs(database: AsyncDatabase) -> None:
    await database.create_tables(Job)
    await Job.bulk_create([Job() for _ in range(5)])


@pytest.mark.backends("postgres")
async def test_a_worker_takes_rows_that_no_other_has_taken(database: AsyncDatabase, database_url: str) -> None:
    queue = Job.where(lambda j: ~j.done).order_by("id")
    async with connect(database_url, default=False) as other, database.transaction():
        assert [job.id for job in await queue.claim(2)] == [1, 2]
        others = other.query(Job).where(lambda j: ~j.done).order_by("id")
        async with other.transaction():
            assert [job.id for job in await others.claim(2)] == [3, 4]
            assert await others.select(lambda j: j.id).claim(9) == [3, 4, 5]


@pytest.mark.backends("postgres")
async def test_a_locked_row_is_waited_for_or_reported(database: AsyncDatabase, database_url: str) -> None:
    async with connect(database_url, default=False) as other, database.transaction():
        await Job.where(lambda j: j.id == 1).for_update().one()
        with pytest.raises(DatabaseBusy):
            async with other.transaction():
                await other.query(Job).where(lambda j: j.id == 1).for_update(nowait=True).all()
        async with other.transaction():
            await other.query(Job).where(lambda j: j.id == 2).for_update(nowait=True, of=Job).one()


async def test_a_queue_is_worked_off_on_every_database(database: AsyncDatabase) -> None:
    queue = Job.where(lambda j: ~j.done).order_by("id")
    taken: list[int | None] = []
    for _ in range(3):
        async with database.transaction():
            for job in await queue.claim(2):
                taken.append(job.id)
                job.done = True
                await job.save()
    assert taken == [1, 2, 3, 4, 5]
    async with database.transaction():
        assert await queue.claim(2) == []


@pytest.mark.backends("sqlite")
async def test_on_sqlite_nobody_writes_beside_a_transaction_that_locks(
    database: AsyncDatabase, database_url: str
) -> None:
    async with connect(database_url, default=False, busy_timeout=0.05) as other, database.transaction():
        job = await Job.order_by("id").for_update().first()
        assert job is not None
        with pytest.raises(DatabaseBusy):
            await other.query(Job).where(lambda j: j.id == 1).update(done=True)


async def test_a_lock_needs_a_transaction(database: AsyncDatabase) -> None:
    for call in (Job.query().for_update().all, Job.query().for_update().first, Job.query().for_update().one_or_none):
        with pytest.raises(
            TransactionError,
            match=r"^a row is locked until its transaction ends, and there is none: open a transaction",
        ):
            await call()
    with pytest.raises(TransactionError):
        await Job.order_by("id").claim(1)
    async with database.transaction(), database.transaction():
        assert len(await Job.query().for_update().all()) == 5


@pytest.mark.backends("sqlite")
@pytest.mark.parametrize(("option", "value"), [("read_only", True), ("immediate", False)])
async def test_a_transaction_that_reads_beside_writers_cannot_lock(
    database: AsyncDatabase, option: str, value: bool
) -> None:
    options = {option: value}
    async with database.transaction(**options):  # type: ignore[arg-type]
        with pytest.raises(
            TransactionError,
            match=rf"^on SQLite a transaction\({option}={value}\) lets others write, so it cannot keep rows for_update",
        ):
            await Job.query().for_update().all()
