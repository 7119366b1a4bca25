"""Every verb on the blocking side, and what it returns."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, assert_type

from people import Borrower, Member, Reader, User

from ferro.sync import (
    Database,
    Query,
    Queued,
    Stream,
    Transaction,
    connect,
    execute,
    fetch_all,
    fetch_one,
    transaction,
    using,
)


def the_class_reads() -> None:
    assert_type(Reader.get(1), Reader)
    assert_type(Reader.get_or_none(1), Reader | None)
    assert_type(Reader.all(), list[Reader])
    assert_type(Reader.first(), Reader | None)
    assert_type(Reader.count(), int)
    assert_type(Reader.exists(), bool)
    assert_type(Borrower.get(1), Borrower)
    assert_type(Borrower.all(), list[Borrower])


def a_query_reads() -> None:
    assert_type(Reader.query(), Query[Reader])
    adults = Reader.where(lambda r: r.age >= 18)
    assert_type(adults.all(), list[Reader])
    assert_type(adults.order_by("-age").limit(10).all(), list[Reader])
    assert_type(adults.first(), Reader | None)
    assert_type(adults.one(), Reader)
    assert_type(adults.one_or_none(), Reader | None)
    assert_type(adults.count(), int)
    assert_type(adults.exists(), bool)
    assert_type(adults.sum(lambda r: r.age), int | None)
    assert_type(adults.max(lambda r: r.name), str | None)
    assert_type(Reader.min(lambda r: r.age), int | None)
    assert_type(Borrower.query().min(lambda b: b.name), str | None)
    assert_type(Borrower.sum(lambda b: b.age * 2), int | None)
    assert_type(Borrower.sum("age"), Any)
    assert_type(Borrower.where(lambda b: b.age >= 18).all(), list[Borrower])
    assert_type(Borrower.where(Borrower.name.ilike("a%")).first(), Borrower | None)


def a_query_writes() -> None:
    assert_type(Reader.where(lambda r: r.age >= 18).update(name="Ann"), int)
    assert_type(Reader.where(lambda r: r.age >= 18).update(lambda r: {"age": r.age + 1}), int)
    assert_type(Borrower.where(lambda b: b.name == "Ben").update(lambda b: {"age": b.age + 1}), int)
    assert_type(Reader.where(lambda r: r.name == "Ann").delete(), int)
    assert_type(Reader.update(age=18), int)


def the_class_writes() -> None:
    assert_type(Reader.create(name="Ann"), Reader)
    assert_type(Borrower.create(name="Ben"), Borrower)
    assert_type(Reader.get_or_create(name="Ann", defaults={"age": 42}), tuple[Reader, bool])
    assert_type(Reader.update_or_create(name="Ann", defaults={"age": 42}), tuple[Reader, bool])
    assert_type(Reader.upsert(id=1, name="Ann", key=["id"]), Reader)
    assert_type(Reader.bulk_create([Reader(name="Ann"), Reader(name="Ben")]), list[Reader])


def an_instance_writes(reader: Reader) -> None:
    assert_type(reader.save(only=["name"]), None)
    assert_type(reader.delete(), bool)


def the_handle_has_every_verb(db: Database, user: User) -> None:
    # Models of the other side take the colour of the handle.
    assert_type(db.query(User), Query[User])
    assert_type(db.query(User).where(lambda u: u.age >= 18).all(), list[User])
    assert_type(db.query(Member).where(lambda m: m.name.ilike("a%")).first(), Member | None)
    assert_type(db.query(Reader).one(), Reader)
    assert_type(db.query(User).select(lambda u: (u.id, u.name)).all(), list[tuple[int | None, str]])
    assert_type(db.query(Member).select(lambda m: (m.name, m.balance)).first(), tuple[str, Decimal] | None)
    assert_type(db.query(User).update(active=True), int)
    assert_type(db.query(User).delete(), int)
    assert_type(db.get(User, 1), User)
    assert_type(db.get_or_none(User, 1), User | None)
    assert_type(db.create(User, name="Ann"), User)
    assert_type(db.get_or_create(User, name="Ann"), tuple[User, bool])
    assert_type(db.update_or_create(User, {"age": 42}, name="Ann"), tuple[User, bool])
    assert_type(db.upsert(User, id=1, name="Ann"), User)
    assert_type(db.bulk_create(User, [user]), list[User])
    assert_type(db.bulk_create(User, [{"name": "Ann"}], returning=False), int)
    assert_type(db.bulk_upsert(User, [user], key=["id"]), list[User])
    assert_type(db.bulk_upsert(User, [{"id": 1}], returning=False), int)
    assert_type(db.delete(user), bool)
    assert_type(db.execute("DELETE FROM users"), int)
    assert_type(db.fetch_all("SELECT 1 AS one"), list[dict[str, Any]])
    assert_type(db.fetch_one("SELECT 1 AS one"), dict[str, Any] | None)
    assert_type(db.stream("SELECT 1 AS one"), Stream[dict[str, Any]])
    assert_type(db.check_connection(), bool)


def every_form_of_a_stream(db: Database) -> None:
    for reader in Reader.where(lambda r: r.age > 18).stream(chunk=100):
        assert_type(reader, Reader)
    with db.query(User).select(lambda u: (u.name, u.age)).stream() as rows:
        for row in rows:
            assert_type(row, tuple[str, int])
        rows.close()


def both_ways_to_connect() -> None:
    assert_type(connect("sqlite::memory:"), Database)
    with connect("sqlite::memory:", auto_migrate=True) as db:
        assert_type(db, Database)
        with using(db) as same:
            assert_type(same, Database)


def transfer(amount: Decimal, *, to: str) -> Reader:
    return Reader.where(lambda r: r.name == to).one()


@transaction(retry=3)
def decorated(amount: Decimal, *, to: str) -> Reader:
    return transfer(amount, to=to)


def every_form_of_a_transaction(db: Database) -> None:
    with transaction() as block:
        assert_type(block, Transaction)
        assert_type(block.execute("DELETE FROM users"), int)
        assert_type(block.fetch_all("SELECT 1 AS one"), list[dict[str, Any]])
    with db.transaction(isolation="serializable", read_only=True) as block:
        assert_type(block, Transaction)
    assert_type(transaction(retry=3).run_in(transfer, Decimal(1), to="Ann"), Reader)
    assert_type(db.transaction().run_in(transfer, Decimal(1), to="Ann"), Reader)
    assert_type(decorated(Decimal(1), to="Ann"), Reader)
    assert_type(db.transaction()(transfer)(Decimal(1), to="Ann"), Reader)


@transaction()
def without_arguments() -> int:
    return execute("DELETE FROM users")


# What is decorated stays what it was.
signature: Callable[[], int] = without_arguments


def raw_sql() -> None:
    assert_type(execute("DELETE FROM users WHERE id = ?", 1), int)
    assert_type(fetch_all("SELECT 1 AS one"), list[dict[str, Any]])
    assert_type(fetch_one("SELECT 1 AS one"), dict[str, Any] | None)


def a_pipeline_brings(db: Database) -> None:
    with db.pipeline() as pipe:
        assert_type(pipe.get(Reader, 1), Queued[Reader])
        assert_type(pipe.get_or_none(Reader, 1), Queued[Reader | None])
        assert_type(pipe.all(Reader.where(lambda u: u.age > 18)), Queued[list[Reader]])
        assert_type(pipe.all(Reader.select(lambda u: (u.name, u.age))), Queued[list[tuple[str, int]]])
        assert_type(pipe.first(Reader.order_by("name")), Queued[Reader | None])
        assert_type(pipe.count(Reader.query()), Queued[int])
        assert_type(pipe.exists(Reader.query()), Queued[bool])
        user = pipe.create(Reader, name="Ann", age=30)
        assert_type(pipe.update_rows(Reader.query(), lambda u: {"age": u.age + 1}), Queued[int])
        assert_type(pipe.fetch_all("SELECT 1 AS one"), Queued[list[dict[str, Any]]])
        assert_type(pipe.fetch_one("SELECT 1 AS one", into=Reader), Queued[Reader | None])
    assert_type(user.value, Reader)
