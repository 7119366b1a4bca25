"""Several databases and sessions: what brings a model to a database has the colour of that database."""

from typing import Any, assert_type

from people import Borrower, Member, Reader, User

import ferro.sync
from ferro import (
    AsyncDatabase,
    AsyncModelConnection,
    AsyncQuery,
    AsyncSession,
    connect,
    create_tables,
    current_session,
    execute,
    fetch_one,
    session,
    transaction,
)
from ferro.sync import Database, ModelConnection, Query, Session


async def a_model_on_a_database_that_is_awaited(db: AsyncDatabase) -> None:
    assert_type(User.using("archive"), AsyncModelConnection[User])
    users = User.using(db)
    assert_type(users, AsyncModelConnection[User])
    assert_type(users.query(), AsyncQuery[User])
    assert_type(users.where(lambda u: u.age >= 18), AsyncQuery[User])
    assert_type(await users.where(lambda u: u.age >= 18).all(), list[User])
    assert_type(await users.all(), list[User])
    assert_type(await users.first(), User | None)
    assert_type(await users.get(1), User)
    assert_type(await users.get_or_none(1), User | None)
    assert_type(await users.create(name="Ann", age=1), User)
    assert_type(await users.upsert(id=1, name="Ann", age=1), User)
    assert_type(await users.bulk_create([User(name="Ann", age=1)]), list[User])
    assert_type(await users.bulk_update([User(name="Ann", age=1)]), int)
    assert_type(await users.bulk_create([{"name": "Ann"}], returning=False), int)
    assert_type(await users.bulk_upsert([{"id": 1}]), list[User])
    assert_type(await users.get_or_create(name="Ann", age=1), tuple[User, bool])
    assert_type(await users.update_or_create({"age": 1}, name="Ann"), tuple[User, bool])
    assert_type(await users.count(), int)
    assert_type(await users.exists(), bool)
    assert_type(await users.select(lambda u: u.age).all(), list[int])
    assert_type(await users.select("id", "name", "age", into=User).all(), list[User])
    assert_type(await users.max(lambda u: u.age), int | None)
    assert_type(users.unscoped(), AsyncQuery[User])
    assert_type(await Member.using(db).all(), list[Member])


def the_same_where_it_blocks(db: Database) -> None:
    readers = Reader.using(db)
    assert_type(readers, ModelConnection[Reader])
    assert_type(readers.where(lambda r: r.age >= 18), Query[Reader])
    assert_type(readers.all(), list[Reader])
    assert_type(readers.get(1), Reader)
    assert_type(Borrower.using("archive").all(), list[Borrower])


async def a_model_of_the_other_colour(db: AsyncDatabase, blocking: Database) -> None:
    assert_type(User.using(blocking), ModelConnection[Any])
    assert_type(Reader.using(db), AsyncModelConnection[Any])
    assert_type(db.bind(Reader), AsyncModelConnection[Reader])
    assert_type(await db.bind(Reader).all(), list[Reader])


async def the_calls_take_a_name_or_a_handle(db: AsyncDatabase, user: User) -> None:
    assert_type(await user.save(using="archive"), None)
    assert_type(await user.delete(using=db), bool)
    assert_type(await user.refresh(using=db), None)
    assert_type(await User.all(using=db), list[User])
    assert_type(await User.bulk_create([user], using="archive"), list[User])
    assert_type(await execute("SELECT 1", using="archive"), int)
    assert_type(await fetch_one("SELECT 1 AS one", using=db), dict[str, Any] | None)
    await create_tables(User, using=db)
    async with transaction(using="archive"):
        pass


async def sessions(db: AsyncDatabase, blocking: Database) -> None:
    async with session() as here, db.session(settings={"app.tenant": "7"}) as inner:
        assert_type(here, AsyncSession)
        assert_type(inner, AsyncSession)
        assert_type(await here.query(User).all(), list[User])
    assert_type(current_session(), AsyncSession | None)
    with blocking.session() as other:
        assert_type(other, Session)
        assert_type(other.query(Reader).all(), list[Reader])
    with db.primary() as primary:
        assert_type(primary, AsyncDatabase)
    assert_type(await connect("sqlite::memory:", name="archive"), AsyncDatabase)
    assert_type(ferro.sync.connect("sqlite::memory:", replicas=["sqlite:copy.db"]), Database)
