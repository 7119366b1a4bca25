"""Mistakes that both checkers must report.

Each line carries what they say of it. A line they accept fails the check as much as an error that
is not announced: an `ignore` that silences nothing is an error itself.
"""

# What a checker no longer knows after a mistake is no second mistake.
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from decimal import Decimal

from people import Borrower, Member, Reader, User
from related import Author, Book

from ferro import (
    AsyncDatabase,
    AsyncQuery,
    RowPolicy,
    RowSecurity,
    col,
    connect,
    date_trunc,
    fetch_all,
    lower,
    sync,
    transaction,
)


async def a_misspelt_column() -> None:
    await User.query().update(lambda u: {"age": u.agee + 1})  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    User.where(lambda u: u.nmae == "Ann")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    Member.where(lambda m: m.nmae == "Ann")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    User.where(User.nmae == "Ann")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    User.order_by(lambda u: u.agee)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    User.select(lambda u: u.nmae)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    Member.select(lambda m: (m.id, m.nmae))  # type: ignore[arg-type, attr-defined, return-value]  # pyright: ignore[reportAttributeAccessIssue]
    Reader.where(lambda r: r.nmae == "Ann")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def a_misspelt_column_across_a_relation() -> None:
    Book.where(lambda b: b.author.nmae == "Ann")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    Book.where(lambda b: b.auhtor.name == "Ann")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    Book.select(lambda b: (b.title, b.author.nmae))  # type: ignore[arg-type, attr-defined, return-value]  # pyright: ignore[reportAttributeAccessIssue]
    Author.where(lambda a: a.books.any(lambda b: b.titel == "SICP"))  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    Author.select(lambda a: a.books.sum(lambda b: b.pagse))  # type: ignore[arg-type, attr-defined, return-value]  # pyright: ignore[reportAttributeAccessIssue]


def a_misspelt_relation() -> None:
    Author.include(lambda a: a.bookz)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    Author.include(lambda a: a.books.where(lambda b: b.titel == ""))  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def rows_of_another_kind() -> None:
    User.query().union(Member.query())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    names, ages = User.select(lambda u: u.name), User.select(lambda u: u.age)
    names.union(ages)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    User.query().join_cte(3, on=lambda u, r: u.age == r.age)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_wrong_operand() -> None:
    User.where(lambda u: u.age >= "x")  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    Member.where(lambda m: m.age >= "x")  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    Member.where(lambda m: m.age >= m.name)  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    Member.where(lambda m: m.nickname < 3)  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    User.where(lambda u: col(u.age) >= "x")  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    User.where(lambda u: u.age == "x")  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison]
    Member.where(lambda m: m.age.in_(["x"]))  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    Member.where(lambda m: m.age.between("a", "b"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Member.where(lambda m: m.name.ilike(3))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    User.where(lambda u: u.name.startswith(3))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    User.where(lambda u: u.name + 1 == "x")  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    Member.where(lambda m: m.age + "x" == 1)  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    Member.where(lambda m: m.name + 1 == "x")  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    Member.where(lambda m: m.name + m.age == "x")  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    User.where(lambda u: lower(u.age) == "x")  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    Member.where(lambda m: lower(m.age) == "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    User.where(lambda u: date_trunc("months", u.joined) == u.joined)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    Member.where(lambda m: m.joined + 1 > m.joined)  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    Member.where(lambda m: m.name.matches(3))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Member.where(lambda m: (m.age >= 18) & m.name)  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]


def what_is_no_condition() -> None:
    User.where("age >= 18")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    User.where(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    User.limit("10")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    User.order_by(User)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def a_missing_await(db: AsyncDatabase, user: User) -> None:
    users: list[User] = User.all()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    same: list[User] = db.query(User).all()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    one: User = User.get(1)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    user.save()  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    db.save(user)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    print(User.where(lambda u: u.age >= 18).first().name)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    if await User.count() > User.count():  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
        print(users, same, one)


async def an_await_on_the_blocking_side(db: sync.Database, reader: Reader) -> None:
    await db.query(User).all()  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    await db.get(Reader, 1)  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    await Reader.all()  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    await Reader.get(1)  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    await reader.save()  # type: ignore[func-returns-value, misc]  # pyright: ignore[reportGeneralTypeIssues]
    await sync.connect("sqlite::memory:")  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


async def the_wrong_kind_of_block(db: AsyncDatabase, blocking: sync.Database) -> None:
    async with blocking.transaction():  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    async with sync.transaction():  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    async with sync.connect("sqlite::memory:"):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    with db.transaction():  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    with transaction():  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    with connect("sqlite::memory:"):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass


def the_wrong_colour(db: AsyncDatabase, blocking: sync.Database) -> None:
    other: sync.Database = db  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    query: AsyncQuery[User] = blocking.query(User)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    users: list[User] = db.query(User).where(lambda u: u.age >= 18).all()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(db.query(User).first().name)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    print(connect("sqlite::memory:").query(User), other, query, users)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def a_wrong_type(db: AsyncDatabase, user: User, member: Member) -> None:
    members: list[Member] = await User.all()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    user = await User.first()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    name: int = user.name  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    user.age = "old"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    member.age = "old"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    user.balance = "3"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    member.nickname = 3  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    ids: list[int] = await User.select(lambda u: u.name).all()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    pairs: list[tuple[int, int]] = await db.query(Member).select(lambda m: (m.age, m.name)).all()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    print(members, name, ids, pairs)


def a_wrong_constructor() -> None:
    User()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    User(name=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    User(nmae="Ann")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    User(name="Ann", age="old")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Member()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Member(name=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Member(nmae="Ann")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Member(name="Ann", balance=[Decimal(3)])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Borrower(name=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@transaction()
async def transfer(amount: Decimal, *, to: str) -> User:
    return await User.where(lambda u: u.name == to).one()


@sync.transaction()
def pay(amount: Decimal, *, to: str) -> Reader:
    return Reader.where(lambda r: r.name == to).one()


async def wrong_arguments() -> None:
    await transfer("1", to="Ann")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await transfer(Decimal(1))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await transaction().run_in(transfer, Decimal(1), to=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    pay("1", to="Ann")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    sync.transaction().run_in(pay, Decimal(1))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await pay(Decimal(1), to="Ann")  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]


@transaction()  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
def not_awaitable() -> int:
    return 1


async def what_does_not_exist(user: User) -> None:
    await User.wehre(lambda u: u.age >= 18).all()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    await User.where(lambda u: u.age >= 18).al()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    await user.sav()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def rows_of_no_class() -> None:
    User.select("id", into=int)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    User.query().select(lambda u: (u.id, u.name), into=tuple)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    await fetch_all("SELECT 1 AS n", into=dict)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]


def policies_of_texts() -> None:
    RowSecurity("owner")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    RowPolicy(name="owner", using="owner = 1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
