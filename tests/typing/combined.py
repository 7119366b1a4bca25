"""Queries made of queries: what their rows are."""

from typing import Annotated, Any, assert_type

from people import Member, Reader, User

from ferro import AsyncCte, AsyncDatabase, AsyncQuery, AsyncSelection, Field, ForeignKey, Model, count, depth, sync


class Folder(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    parent: Annotated["Folder | None", ForeignKey(related_name="folders")] = None


grown = User.where(lambda u: u.age >= 18)
both = grown.union(User.where(lambda u: u.active), grown)
assert_type(both, AsyncQuery[User])
assert_type(both.order_by("name").except_(grown).select(lambda u: u.name), AsyncSelection[User, str])
names = User.select(lambda u: u.name).union_all(Member.select(lambda m: m.name))
assert_type(names, AsyncSelection[User, str])
assert_type(Reader.query().intersect(Reader.limit(3)), sync.Query[Reader])
assert_type(User.query().distinct_on(lambda u: u.age, "name").order_by("age"), AsyncQuery[User])

ages = User.select(lambda u: {"age": u.age, "n": count()}).cte("ages")
assert_type(ages, AsyncCte[dict[str, Any]])
assert_type(ages.alias("others").where(lambda a: a.n > 1), AsyncCte[dict[str, Any]])
assert_type(User.query().join_cte(ages, on=lambda u, a: a.age == u.age), AsyncQuery[User])
assert_type(Reader.select(lambda r: r.id).cte("ids"), sync.Cte[int | None])

chain = User.where(lambda u: u.age == 1).recursive(
    "chain", lambda rows: User.query().join_cte(rows, on=lambda u, r: u.age == r.age + 1)
)
assert_type(chain, AsyncCte[User])

below = Folder.query().descendants(of=1, along=lambda f: f.parent, max_depth=3)
assert_type(below, AsyncQuery[Folder])
assert_type(below.order_by(depth).select(lambda f: (f.name, depth(f))), AsyncSelection[Folder, tuple[str, int]])


async def asked(db: AsyncDatabase, other: sync.Database) -> None:
    assert_type(await both.all(), list[User])
    assert_type(await names.first(), str | None)
    assert_type(await ages.all(), list[dict[str, Any]])
    assert_type(await chain.one(), User)
    assert_type(await db.query(Folder).ancestors(of=[1, 2], along=lambda f: f.parent).all(), list[Folder])
    assert_type(other.query(Reader).union(other.query(Reader)).all(), list[Reader])
