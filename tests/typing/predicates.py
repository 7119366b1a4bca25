"""Conditions and orders, as plain annotations and `Mapped` ones let a checker see them."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, assert_type

from people import Member, User, Visit

from ferro import (
    AsyncQuery,
    Expression,
    Field,
    Model,
    RowPolicy,
    RowSecurity,
    case,
    cast,
    coalesce,
    col,
    count,
    current_setting,
    date_trunc,
    exists,
    length,
    lower,
    max_,
    min_,
    not_,
    now,
    raw,
    scalar,
    sum_,
    upper,
    weekday,
    when,
    year,
)

# Plain annotations: Python's own operators and methods, and functions for what only SQL has.
assert_type(User.where(lambda u: u.age >= 18), AsyncQuery[User])
assert_type(User.where(lambda u: u.name.startswith("A"), lambda u: u.name.lower() == "ann"), AsyncQuery[User])
assert_type(User.where(lambda u: (u.age >= 18) & (u.name != "Ann")), AsyncQuery[User])
assert_type(User.where(lambda u: (u.age >= 18) & col(u.name).ilike("a%")), AsyncQuery[User])
assert_type(User.where(lambda u: col(u.name).ilike("a%") | (u.age >= 18)), AsyncQuery[User])
assert_type(User.where(lambda u: not_(u.active)), AsyncQuery[User])
assert_type(User.where(lambda u: ~col(u.active)), AsyncQuery[User])
assert_type(User.where(lambda u: col(u.nickname) >= u.name), AsyncQuery[User])
assert_type(User.where(lambda u: col(u.age).in_([1, 2]) & col(u.nickname).is_null()), AsyncQuery[User])
assert_type(User.where(User.age >= 18, col(User.name).ilike("a%")), AsyncQuery[User])
assert_type(User.query().filter_by(name="Ann").order_by("-age", "name").limit(10).offset(5), AsyncQuery[User])
assert_type(User.order_by(lambda u: (u.age, col(u.name).desc(nulls="first"))).distinct(), AsyncQuery[User])
assert_type(User.order_by(User.age, col(User.name).desc()), AsyncQuery[User])

assert_type(col(User.name), Expression[str])
assert_type(col(User.nickname), Expression[str | None])
assert_type(col(User.nickname) == "Annie", Expression[bool])
assert_type(coalesce(User.nickname, User.name), Expression[str])
assert_type(lower(User.name), Expression[str])
assert_type(upper(User.nickname), Expression[str | None])
assert_type(length(User.name), Expression[int])
assert_type(cast(User.age, str), Expression[str])
assert_type(count(User.id), Expression[int])
assert_type(sum_(User.balance), Expression[Decimal | None])
assert_type(case(when(User.age < 18, "child"), else_="adult"), Expression[str])
assert_type(case(when(User.age < 18, User.balance)), Expression[Decimal | None])
assert_type(User.where(lambda u: col(u.age).in_(Member.select(lambda m: m.age))), AsyncQuery[User])
assert_type(User.where(lambda u: exists(Member.where(lambda m: m.name == u.name))), AsyncQuery[User])
assert_type(User.where(lambda u: u.age > scalar(Member.select(lambda m: m.age.max()))), AsyncQuery[User])
assert_type(scalar(User.select(lambda u: u.name)), Expression[str | None])

# `Mapped`: the operators themselves are typed, and nullable columns meet the others.
assert_type(Member.where(lambda m: m.age >= 18), AsyncQuery[Member])
assert_type(Member.where(lambda m: m.name.ilike("a%") & ~m.active), AsyncQuery[Member])
assert_type(Member.where(lambda m: m.id.in_([1, 2]) | (m.age << [18, 19])), AsyncQuery[Member])
assert_type(Member.where(lambda m: m.nickname == m.name, Member.active), AsyncQuery[Member])
assert_type(Member.order_by(Member.age.desc(), Member.name), AsyncQuery[Member])

assert_type(Member.age >= 18, Expression[bool])
assert_type(Member.age.between(18, 65), Expression[bool])
assert_type(Member.name == Member.nickname, Expression[bool])
assert_type(Member.nickname >= Member.name, Expression[bool])
assert_type(Member.nickname == None, Expression[bool])
assert_type((Member.age >= 18) & (Member.name != "Ann"), Expression[bool])
assert_type(~Member.active | Member.nickname.is_null(), Expression[bool])
assert_type(Member.age + 1, Expression[int])
assert_type(1 + Member.age, Expression[int])
assert_type(Member.age / 2, Expression[float])
assert_type(Member.balance * 2, Expression[Decimal])
assert_type(Member.balance * 2.5, Expression[Decimal])
assert_type(100 - Member.balance * Member.age, Expression[Decimal])
assert_type(Member.age * 1.5, Expression[Any])
assert_type(Member.name + "!", Expression[str])
assert_type(-Member.age, Expression[int])
assert_type(Member.name.lower(), Expression[str])
assert_type(Member.nickname.upper(), Expression[str | None])
assert_type(Member.name.length(), Expression[int])
assert_type(col(Member.nickname), Expression[str | None])
assert_type(coalesce(Member.nickname, Member.name), Expression[str])
assert_type(coalesce(Member.nickname, "nobody"), Expression[str])
assert_type(lower(Member.name), Expression[str])
assert_type(upper(Member.nickname), Expression[str | None])
assert_type(cast(Member.age, Decimal), Expression[Decimal])
assert_type(min_(Member.age), Expression[int | None])
assert_type(Member.age.max(), Expression[int | None])
assert_type(max_(Member.joined), Expression[datetime | None])
assert_type(now >= Member.joined, Expression[bool])
assert_type(Member.joined <= now(), Expression[bool])
assert_type(case(when(Member.age < 18, Member.name), when(Member.active, "x"), else_=Member.name), Expression[str])
assert_type(case(when(Member.age < 18, Member.age)), Expression[int | None])
assert_type(Member.age.in_(User.select(lambda u: u.age)), Expression[bool])
assert_type(Member.nickname.not_in(Member.select(Member.name)), Expression[bool])
assert_type(exists(Member.where(Member.age > 3)) | Member.active, Expression[bool])
assert_type(scalar(Member.select(lambda m: m.age)), Expression[int | None])
assert_type(User.where(lambda u: raw("{} % {} = 0", u.id, 7)), AsyncQuery[User])
assert_type(raw("{} + 1", Member.age, returns=int), Expression[int])

# Documents: a part of one is anything, and a typed part is of its type.
assert_type(User.where(lambda u: col(u.tags).contains("new") & col(u.tags)[0].is_not_null()), AsyncQuery[User])
assert_type(Visit.where(lambda v: v.meta["a"]["b"] > 5), AsyncQuery[Visit])
assert_type(Visit.where(lambda v: cast(v.meta["n"], int) > 5), AsyncQuery[Visit])
assert_type(col(Visit.meta)["a"], Expression[Any])
assert_type(Visit.notes["a"]["b"], Expression[Any])
assert_type(cast(Visit.notes["a"], int), Expression[int])
assert_type(Visit.notes.contains({"a": [1]}), Expression[bool])
assert_type(Visit.notes.has_key("a") | Visit.notes.has_any_key(["a", "b"]), Expression[bool])
assert_type(Visit.notes.merge({"a": 1}), Expression[dict[str, Any]])
assert_type(Visit.notes.without("a"), Expression[dict[str, Any]])
assert_type(Member.name.matches("^A") & ~Member.name.imatches("b$"), Expression[bool])

# Dates.
assert_type(Visit.where(lambda v: col(v.began) > now - timedelta(days=7)), AsyncQuery[Visit])
assert_type(year(Visit.began) == 2026, Expression[bool])
assert_type(weekday(Visit.born), Expression[int])
assert_type(date_trunc("month", Visit.born), Expression[date])
assert_type(date_trunc("day", Visit.began), Expression[datetime])
assert_type(now - timedelta(days=7), Expression[datetime])
assert_type(timedelta(days=7) + now, Expression[datetime])
assert_type(Visit.born + Visit.lasted, Expression[date])
assert_type(now - Member.joined, Expression[timedelta])
assert_type(now - Visit.ended, Expression[timedelta])
assert_type(Visit.ended - timedelta(1), Expression[datetime | None])
assert_type(Visit.lasted - timedelta(1), Expression[timedelta])

assert_type(current_setting("app.user"), Expression[str | None])
assert_type(User.where(lambda u: u.age == current_setting("app.age", int)), AsyncQuery[User])


class Deed(Model):
    """What the tables that inherit from it hide."""

    __ferro_abstract__ = True
    __ferro_rls__ = RowSecurity(
        RowPolicy(column="owner", setting="app.owner"),
        RowPolicy(name="shared", using=lambda d: d.shared | (d.owner == current_setting("app.owner", int))),
        force=False,
    )

    id: int | None = Field(default=None, primary_key=True)
    owner: int
    shared: bool = False
