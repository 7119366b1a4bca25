"""Every verb on the asynchronous side, and what it returns."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict, assert_type

from people import Member, Reader, User

from ferro import (
    AsyncDatabase,
    AsyncQuery,
    AsyncStream,
    AsyncTransaction,
    Page,
    Queued,
    connect,
    execute,
    fetch_all,
    fetch_one,
    transaction,
    using,
)


async def the_class_reads() -> None:
    assert_type(await User.get(1), User)
    assert_type(await User.get_or_none(1), User | None)
    assert_type(await User.all(), list[User])
    assert_type(await User.first(), User | None)
    assert_type(await User.count(), int)
    assert_type(await User.exists(), bool)
    assert_type(await Member.get(1), Member)
    assert_type(await Member.all(), list[Member])


async def a_query_reads() -> None:
    assert_type(User.query(), AsyncQuery[User])
    adults = User.where(lambda u: u.age >= 18)
    assert_type(await adults.all(), list[User])
    assert_type(await adults.order_by("-age").limit(10).all(), list[User])
    assert_type(await adults.first(), User | None)
    assert_type(await adults.one(), User)
    assert_type(await adults.one_or_none(), User | None)
    assert_type(await adults.count(), int)
    assert_type(await adults.exists(), bool)
    assert_type(await adults.sum(lambda u: u.balance), Decimal | None)
    assert_type(await adults.max(lambda u: u.name), str | None)
    assert_type(await User.min(lambda u: u.age), int | None)
    assert_type(await Member.query().min(lambda m: m.joined), datetime | None)
    assert_type(await Member.sum(lambda m: m.balance * m.age), Decimal | None)
    assert_type(await Member.sum("balance"), Any)
    assert_type(await Member.where(lambda m: m.age >= 18).all(), list[Member])
    assert_type(await Member.where(Member.name.ilike("a%")).first(), Member | None)


async def pages_and_plans() -> None:
    adults = User.where(lambda u: u.age >= 18).order_by("id")
    assert_type(await adults.page(1, 10), Page[User])
    assert_type(await adults.select(lambda u: u.name).page(1, 10), Page[str])
    assert_type(await adults.after(User(id=1, name="Ann")).all(), list[User])
    assert_type(await adults.for_update(skip_locked=True).first(), User | None)
    assert_type(await adults.claim(5), list[User])
    assert_type(await adults.update_returning(active=False), list[User])
    assert_type(await adults.select(lambda u: (u.id, u.name)).delete_returning(), list[tuple[int | None, str]])
    assert_type(await adults.explain(), str)


class Total(TypedDict):
    people: int


async def raw_rows_have_types() -> None:
    assert_type(await fetch_all("SELECT 1 AS people", into=Total), list[Total])
    assert_type(await fetch_one("SELECT * FROM user WHERE id = ?", 1, into=User), User | None)
    assert_type(await User.raw("SELECT * FROM user"), list[User])
    assert_type(await User.bulk_update([User(name="Ann")], ["name"]), int)


async def a_query_writes() -> None:
    assert_type(await User.where(lambda u: u.age >= 18).update(active=True), int)
    assert_type(await User.where(lambda u: u.age >= 18).update(lambda u: {"age": u.age + 1}), int)
    assert_type(await Member.where(lambda m: m.active).update(lambda m: {"balance": m.balance * 2}), int)
    assert_type(await User.where(lambda u: u.name == "Ann").delete(), int)
    assert_type(await User.update(active=False), int)


async def the_class_writes() -> None:
    assert_type(await User.create(name="Ann"), User)
    assert_type(await Member.create(name="Ben"), Member)
    assert_type(await User.get_or_create(name="Ann", defaults={"age": 42}), tuple[User, bool])
    assert_type(await User.update_or_create(name="Ann", defaults={"age": 42}), tuple[User, bool])
    assert_type(await User.upsert(id=1, name="Ann", key=["id"]), User)
    assert_type(await User.bulk_create([User(name="Ann"), User(name="Ben")]), list[User])
    assert_type(await User.bulk_create([User(name="Ann"), {"name": "Ben"}]), list[User])
    assert_type(await User.bulk_create(({"name": name} for name in "ab"), returning=False, progress=print), int)
    assert_type(await User.bulk_upsert([{"id": 1, "name": "Ben"}], key=["id"]), list[User])
    assert_type(await User.bulk_upsert([User(name="Ann")], returning=False, progress=True), int)


async def an_instance_writes(user: User) -> None:
    assert_type(await user.save(only=["name"]), None)
    assert_type(await user.delete(), bool)


async def the_handle_has_every_verb(db: AsyncDatabase, user: User) -> None:
    assert_type(db.query(User), AsyncQuery[User])
    assert_type(await db.query(User).where(lambda u: u.age >= 18).all(), list[User])
    assert_type(await db.query(Member).where(lambda m: m.name.ilike("a%")).first(), Member | None)
    # A model of the other side takes the colour of the handle.
    assert_type(await db.query(Reader).one(), Reader)
    assert_type(await db.query(User).select(lambda u: (u.id, u.name)).all(), list[tuple[int | None, str]])
    assert_type(await db.query(Member).select(lambda m: (m.name, m.balance)).first(), tuple[str, Decimal] | None)
    assert_type(await db.query(User).update(active=True), int)
    assert_type(await db.query(User).delete(), int)
    assert_type(await db.get(User, 1), User)
    assert_type(await db.get_or_none(User, 1), User | None)
    assert_type(await db.create(User, name="Ann"), User)
    assert_type(await db.get_or_create(User, name="Ann"), tuple[User, bool])
    assert_type(await db.update_or_create(User, {"age": 42}, name="Ann"), tuple[User, bool])
    assert_type(await db.upsert(User, id=1, name="Ann"), User)
    assert_type(await db.bulk_create(User, [user]), list[User])
    assert_type(await db.bulk_create(User, [user], returning=False), int)
    assert_type(await db.bulk_upsert(User, [user]), list[User])
    assert_type(await db.bulk_upsert(User, [{"id": 1}], returning=False), int)
    assert_type(await db.delete(user), bool)
    assert_type(await db.execute("DELETE FROM users"), int)
    assert_type(await db.fetch_all("SELECT 1 AS one"), list[dict[str, Any]])
    assert_type(await db.fetch_one("SELECT 1 AS one"), dict[str, Any] | None)
    assert_type(db.stream("SELECT 1 AS one"), AsyncStream[dict[str, Any]])
    assert_type(await db.check_connection(), bool)


async def every_form_of_a_stream(db: AsyncDatabase) -> None:
    async for user in User.where(lambda u: u.age > 18).stream(chunk=100):
        assert_type(user, User)
    async with db.query(User).select(lambda u: (u.name, u.age)).stream() as rows:
        async for row in rows:
            assert_type(row, tuple[str, int])
        await rows.close()


async def both_ways_to_connect() -> None:
    assert_type(await connect("sqlite::memory:"), AsyncDatabase)
    async with connect("sqlite::memory:", auto_migrate=True) as db:
        assert_type(db, AsyncDatabase)
        with using(db) as same:
            assert_type(same, AsyncDatabase)


async def transfer(amount: Decimal, *, to: str) -> User:
    return await User.where(lambda u: u.name == to).one()


@transaction(retry=3)
async def decorated(amount: Decimal, *, to: str) -> User:
    return await transfer(amount, to=to)


async def every_form_of_a_transaction(db: AsyncDatabase) -> None:
    async with transaction() as block:
        assert_type(block, AsyncTransaction)
        assert_type(await block.execute("DELETE FROM users"), int)
        assert_type(await block.fetch_all("SELECT 1 AS one"), list[dict[str, Any]])
    async with db.transaction(isolation="serializable", read_only=True) as block:
        assert_type(block, AsyncTransaction)
    assert_type(await transaction(retry=3).run_in(transfer, Decimal(1), to="Ann"), User)
    assert_type(await db.transaction().run_in(transfer, Decimal(1), to="Ann"), User)
    assert_type(await decorated(Decimal(1), to="Ann"), User)
    assert_type(await db.transaction()(transfer)(Decimal(1), to="Ann"), User)


@transaction()
async def without_arguments() -> int:
    return await execute("DELETE FROM users")


# What is decorated stays what it was.
signature: Callable[[], Coroutine[Any, Any, int]] = without_arguments


async def raw_sql() -> None:
    assert_type(await execute("DELETE FROM users WHERE id = ?", 1), int)
    assert_type(await fetch_all("SELECT 1 AS one"), list[dict[str, Any]])
    assert_type(await fetch_one("SELECT 1 AS one"), dict[str, Any] | None)


async def a_pipeline_brings(db: AsyncDatabase) -> None:
    async with db.pipeline() as pipe:
        assert_type(pipe.get(User, 1), Queued[User])
        assert_type(pipe.get_or_none(User, 1), Queued[User | None])
        assert_type(pipe.all(User.where(lambda u: u.age > 18)), Queued[list[User]])
        assert_type(pipe.all(User.select(lambda u: (u.name, u.age))), Queued[list[tuple[str, int]]])
        assert_type(pipe.first(User.order_by("name")), Queued[User | None])
        assert_type(pipe.count(User.query()), Queued[int])
        assert_type(pipe.exists(User.query()), Queued[bool])
        user = pipe.create(User, name="Ann", age=30)
        assert_type(pipe.update_rows(User.query(), lambda u: {"age": u.age + 1}), Queued[int])
        assert_type(pipe.fetch_all("SELECT 1 AS one"), Queued[list[dict[str, Any]]])
        assert_type(pipe.fetch_one("SELECT 1 AS one", into=User), Queued[User | None])
    assert_type(user.value, User)
