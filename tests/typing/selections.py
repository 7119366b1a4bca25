"""What the rows of `select()` are: values, tuples and dicts of the columns' own types."""

from datetime import datetime
from decimal import Decimal
from typing import Any, assert_type

from people import Borrower, Member, Reader, User

from ferro import (
    AsyncQuery,
    AsyncSelection,
    array_agg,
    coalesce,
    count,
    lag,
    lower,
    max_,
    object_agg,
    rank,
    rows,
    string_agg,
    sum_,
    sync,
)

# Without columns it starts a query.
assert_type(User.select(), AsyncQuery[User])
assert_type(Reader.select(), sync.Query[Reader])

# Plain annotations.
assert_type(User.select(lambda u: u.name), AsyncSelection[User, str])
assert_type(User.select(lambda u: u.nickname), AsyncSelection[User, str | None])
assert_type(User.select(lambda u: u.tags), AsyncSelection[User, list[str]])
assert_type(User.select(lambda u: (u.name,)), AsyncSelection[User, tuple[str]])
assert_type(User.select(lambda u: (u.id, u.name)), AsyncSelection[User, tuple[int | None, str]])
assert_type(
    User.select(lambda u: (u.id, u.name, u.age, u.balance, u.active, u.joined)),
    AsyncSelection[User, tuple[int | None, str, int, Decimal, bool, datetime]],
)
assert_type(
    User.select(lambda u: (u.id, u.name, u.age, u.balance, u.active, u.joined, u.tags)),
    AsyncSelection[User, tuple[Any, ...]],
)
assert_type(User.select(lambda u: {"name": u.name, "age": u.age}), AsyncSelection[User, dict[str, Any]])
assert_type(User.select(lambda u: (u.name, count(u.id))), AsyncSelection[User, tuple[str, int]])
assert_type(User.select(lambda u: (lower(u.name), sum_(u.age))), AsyncSelection[User, tuple[str, int | None]])
assert_type(User.select(lambda u: coalesce(u.nickname, u.name)), AsyncSelection[User, str])
assert_type(User.select("id", "name"), AsyncSelection[User, tuple[Any, ...]])
assert_type(User.select(User.id, User.name), AsyncSelection[User, tuple[Any, ...]])

# The same with `Mapped`.
assert_type(Member.select(lambda m: m.name), AsyncSelection[Member, str])
assert_type(Member.select(lambda m: m.nickname), AsyncSelection[Member, str | None])
assert_type(Member.select(lambda m: m.tags), AsyncSelection[Member, list[str]])
assert_type(Member.select(lambda m: (m.name,)), AsyncSelection[Member, tuple[str]])
assert_type(Member.select(lambda m: (m.id, m.name)), AsyncSelection[Member, tuple[int | None, str]])
assert_type(
    Member.select(lambda m: (m.id, m.name, m.age, m.balance, m.active, m.joined)),
    AsyncSelection[Member, tuple[int | None, str, int, Decimal, bool, datetime]],
)
assert_type(
    Member.select(lambda m: (m.id, m.name, m.age, m.balance, m.active, m.joined, m.tags)),
    AsyncSelection[Member, tuple[Any, ...]],
)
assert_type(Member.select(lambda m: {"name": m.name, "age": m.age}), AsyncSelection[Member, dict[str, Any]])
assert_type(Member.select(lambda m: m.age + 1), AsyncSelection[Member, int])
assert_type(Member.select(lambda m: (m.age / 2, m.name.upper())), AsyncSelection[Member, tuple[float, str]])
assert_type(Member.select(lambda m: (count(m.id), max_(m.age))), AsyncSelection[Member, tuple[int, int | None]])
assert_type(Member.select(Member.name), AsyncSelection[Member, str])

# Groups.
assert_type(
    Member.select(lambda m: (m.name, count())).having(lambda m: count() > 1), AsyncSelection[Member, tuple[str, int]]
)
assert_type(User.select(lambda u: array_agg(u.name, order_by=u.age)), AsyncSelection[User, list[str]])
assert_type(Member.select(lambda m: array_agg(m.nickname)), AsyncSelection[Member, list[str | None]])
assert_type(User.select(lambda u: object_agg(u.name, u.age)), AsyncSelection[User, dict[str, int]])
assert_type(User.select(lambda u: object_agg(u.nickname, u.id)), AsyncSelection[User, dict[str, int | None]])
assert_type(User.select(lambda u: object_agg(u.joined, u.tags)), AsyncSelection[User, dict[datetime, list[str]]])
assert_type(
    User.select(lambda u: (u.active, object_agg(u.id, lower(u.name), order_by=u.age, filter=u.active))),
    AsyncSelection[User, tuple[bool, dict[int, str]]],
)
assert_type(Member.select(lambda m: object_agg(m.name, m.age)), AsyncSelection[Member, dict[str, int]])
assert_type(Member.select(lambda m: object_agg(m.id, m.nickname)), AsyncSelection[Member, dict[int, str | None]])
assert_type(Member.select(lambda m: object_agg(m.nickname, m.age + 1)), AsyncSelection[Member, dict[str, int]])
assert_type(
    Member.select(lambda m: object_agg(m.active, object_agg(m.name, m.age))).having(lambda m: count() > 1),
    AsyncSelection[Member, dict[bool, dict[str, int]]],
)
assert_type(User.select(lambda u: string_agg(u.name, ", ")), AsyncSelection[User, str | None])
assert_type(Member.select(lambda m: m.age.sum(filter=m.active)), AsyncSelection[Member, int | None])

# Windows.
assert_type(Member.select(lambda m: rank().over(order_by=m.age.desc())), AsyncSelection[Member, int])
assert_type(User.select(lambda u: lag(u.name).over(partition_by=u.active)), AsyncSelection[User, str | None])
assert_type(Member.select(lambda m: m.age.sum().over(frame=rows(-1, 0))), AsyncSelection[Member, int | None])

# On the blocking side, and after other methods.
assert_type(Reader.select(lambda r: (r.id, r.name)), sync.Selection[Reader, tuple[int | None, str]])
assert_type(Borrower.select(lambda b: (b.id, b.name)), sync.Selection[Borrower, tuple[int | None, str]])
assert_type(User.where(lambda u: u.age >= 18).select(lambda u: u.name).order_by("name"), AsyncSelection[User, str])
assert_type(Borrower.where(lambda b: b.age >= 18).select(lambda b: b.name), sync.Selection[Borrower, str])


async def rows_of_selections() -> None:
    assert_type(await User.select(lambda u: (u.id, u.name)).all(), list[tuple[int | None, str]])
    assert_type(await Member.select(lambda m: m.name).first(), str | None)
    assert_type(await User.select(lambda u: {"name": u.name}).one(), dict[str, Any])
    assert_type(await Member.select(lambda m: (m.name, m.age)).one_or_none(), tuple[str, int] | None)


def rows_of_blocking_selections() -> None:
    assert_type(Reader.select(lambda r: (r.id, r.name)).all(), list[tuple[int | None, str]])
    assert_type(Borrower.select(lambda b: b.name).first(), str | None)
    assert_type(Reader.select(lambda r: {"name": r.name}).one(), dict[str, Any])
    assert_type(Borrower.select(lambda b: (b.name, b.age)).one_or_none(), tuple[str, int] | None)
