"""What a checker knows of arrays, ranges and searches."""

from datetime import date
from decimal import Decimal
from typing import ClassVar, assert_type

from ferro import AsyncQuery, Expression, Field, Mapped, Model, Range, Search, col, search, search_rank


class Plan(Model):
    """Plain annotations."""

    __ferro_search__: ClassVar = Search("title", weights={"title": "A"})

    id: int | None = Field(default=None, primary_key=True)
    title: str
    topics: list[str] = Field(default_factory=list[str], db_type="array")
    days: Range[date]


class Draft(Model):
    """The same with `Mapped`."""

    id: Mapped[int | None] = Field(default=None, primary_key=True)
    topics: Mapped[list[str]] = Field(default_factory=list[str], db_type="array")
    scores: Mapped[tuple[int, ...] | None] = Field(default=None, db_type="array")
    days: Mapped[Range[date]] = Field(default_factory=Range[date])
    costs: Mapped[Range[Decimal] | None] = Field(default=None)


plan = Plan(title="one", days=Range(date(2024, 1, 1), None))
assert_type(plan.days, Range[date])
assert_type(plan.days.lower, date | None)
assert_type(plan.days.is_empty, bool)
assert_type(date(2024, 1, 1) in plan.days, bool)
assert_type(Range(1, 4, "[]"), Range[int])
assert_type(Range[int].empty(), Range[int])

assert_type(Plan.where(lambda p: col(p.topics).has("sql")), AsyncQuery[Plan])
assert_type(Plan.where(lambda p: col(p.topics).contains(["sql"])), AsyncQuery[Plan])
assert_type(Plan.where(lambda p: col(p.days).contains(date(2024, 1, 1))), AsyncQuery[Plan])
assert_type(Plan.where(lambda p: col(p.days).overlaps(Range(date(2024, 1, 1)))), AsyncQuery[Plan])
assert_type(Plan.where(lambda p: search(p, "quick fox")), AsyncQuery[Plan])
assert_type(Plan.order_by(lambda p: search_rank(p, "quick").desc()), AsyncQuery[Plan])

assert_type(Draft.topics.contains(["a"]), Expression[bool])
assert_type(Draft.topics.length(), Expression[int])
assert_type(Draft.topics[0], Expression[str | None])
assert_type(Draft.scores[-1], Expression[int | None])
more = ["a"]
assert_type(Draft.topics + more, Expression[list[str]])
assert_type(Draft.topics.append("a").remove("b"), Expression[list[str]])
assert_type(Draft.days.contains(date(2024, 1, 1)), Expression[bool])
assert_type(Draft.days.contains(Range(date(2024, 1, 1))), Expression[bool])
assert_type(Draft.days.lower(), Expression[date | None])
assert_type(Draft.costs.upper(), Expression[Decimal | None])
assert_type(Draft.days.is_empty(), Expression[bool])
assert_type(Draft.days == Range(date(2024, 1, 1)), Expression[bool])
assert_type(search_rank(Plan, "quick"), Expression[float])
