"""Many-to-many relations whose links are rows of a model, with columns of their own."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError
from statements import sent

from ferro import (
    AsyncDatabase,
    BackRef,
    Field,
    ForeignKey,
    ForeignKeyViolationError,
    ManyToMany,
    ManyToManyField,
    Model,
    QueryError,
    Relation,
    UniqueViolationError,
    UnknownColumnError,
)


class Person(Model):
    email: str = Field(primary_key=True)
    groups: Relation[list["Group"]] = BackRef()
    follows: Annotated[
        list["Person"],
        ManyToManyField(related_name="followed_by", through="Following", through_fields=("follower", "followed")),
    ] = None
    followed_by: Relation[list["Person"]] = BackRef()


class Membership(Model):
    __ferro_composite_uniques__ = (("group_id", "member_id"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    member: Annotated[Person, ForeignKey()]
    group: Annotated["Group", ForeignKey(on_delete="RESTRICT")]
    role: str = Field(min_length=2)
    weight: int = 1
    inviter: Annotated["Group | None", ForeignKey()] = None
    joined: datetime = Field(db_default=datetime(2026, 1, 2, tzinfo=UTC))


class Group(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    members: Relation[list[Person]] = ManyToMany(
        related_name="groups", through=Membership, through_fields=("group", "member")
    )


class Following(Model):
    id: int | None = Field(default=None, primary_key=True)
    follower: Annotated[Person, ForeignKey()]
    followed: Annotated[Person, ForeignKey()]
    note: str | None = None


class Ticket(Model):
    event: int = Field(primary_key=True)
    seat: str = Field(primary_key=True)
    holders: Relation[list["Holder"]] = ManyToMany(related_name="tickets", through="Sale")


class Holder(Model):
    id: int | None = Field(default=None, primary_key=True)
    tickets: Relation[list[Ticket]] = BackRef()


class Sale(Model):
    ticket: Annotated[Ticket, ForeignKey()]
    ticket_event: int = Field(primary_key=True)
    ticket_seat: str = Field(primary_key=True)
    holder: Annotated[Holder, ForeignKey()]
    holder_id: int = Field(primary_key=True)
    code: str = Field(default="none", unique=True)
    version: int = Field(version=True)


MODELS = (Person, Group, Membership, Following, Ticket, Holder, Sale)


@pytest.fixture
async def group(database: AsyncDatabase) -> Group:
    await database.create_tables(*MODELS)
    return await Group.create(name="chess")


async def people(*names: str) -> list[Person]:
    return await Person.bulk_create([Person(email=name) for name in names])


async def roles() -> dict[tuple[int, str], tuple[str, int]]:
    return {(m.group_id, m.member_id): (m.role, m.weight) for m in await Membership.all()}


async def test_a_link_takes_the_columns_of_its_model(group):
    ann, bob = await people("ann", "bob")
    with sent() as statements:
        await group.members.add(ann, "bob", role="admin", inviter=group)
    assert len([sql for sql in map(str, statements) if sql.startswith("INSERT")]) == 1
    found = await Membership.order_by("member_id").all()
    assert [(m.member_id, m.role, m.weight, m.inviter_id) for m in found] == [
        ("ann", "admin", 1, group.id),
        ("bob", "admin", 1, group.id),
    ]
    assert found[0].joined == datetime(2026, 1, 2, tzinfo=UTC)
    assert found[0].id != found[1].id
    assert await group.members.order_by("email").all() == [ann, bob]
    assert await ann.groups.all() == [group]


async def test_links_are_added_from_the_other_side(group):
    (ann,) = await people("ann")
    await ann.groups.add(group, role="member", weight=3)
    assert await roles() == {(group.id, "ann"): ("member", 3)}
    await ann.groups.remove(group)
    assert await ann.groups.count() == 0
    assert await Group.count() == 1


async def test_a_link_that_is_there_names_both_ends(group):
    ann, bob = await people("ann", "bob")
    await group.members.add(ann, role="member")
    with pytest.raises(UniqueViolationError) as error:
        await group.members.add(ann, role="member")
    assert str(error.value).startswith("Add M2M links failed: ")
    assert str(error.value).endswith(
        f": Group {group.id} is linked to Person 'ann' by Group.members already, and ignore_existing=True does not mind"
    )
    with pytest.raises(
        UniqueViolationError, match="Group 1 is linked to one of Person 'bob', Person 'ann' by Group.mem"
    ):
        await group.members.add(bob, ann, role="member")
    assert await group.members.all() == [ann]
    with pytest.raises(UniqueViolationError, match="Person 'ann' is linked to Group 1 by Person.groups already"):
        await ann.groups.add(group, role="member")
    await group.members.add(ann, bob, ignore_existing=True, role="admin")
    assert await roles() == {(1, "ann"): ("member", 1), (1, "bob"): ("admin", 1)}


MISTAKES: list[Any] = [
    ({}, QueryError, r"^Group.members goes through Membership, which needs role: add\(..., role=...\)$"),
    ({"rule": "admin"}, UnknownColumnError, r"^membership has no column 'rule'; did you mean 'role'\?"),
    ({"role": "x"}, ValidationError, "at least 2 characters"),
    ({"role": None}, ValidationError, "valid string"),
    ({"role": "ok", "group_id": 3}, QueryError, r"^Group.members sets Membership.group_id itself: leave it out$"),
    ({"role": "ok", "member": "bob"}, QueryError, r"^Group.members sets Membership.member itself: leave it out$"),
    ({"role": "ok", "inviter": Group(name="new")}, QueryError, "^Membership.inviter: this Group is not saved yet"),
]


@pytest.mark.parametrize(("columns", "kind", "message"), MISTAKES)
async def test_what_the_model_between_refuses_is_said_before_anything_is_sent(group, columns, kind, message):
    await people("ann")
    with sent() as statements, pytest.raises(kind, match=message):
        await group.members.add("ann", **columns)
    assert statements == []


async def test_create_makes_the_row_and_its_link(group):
    made = await group.members.create(email="ann", through={"role": "admin", "weight": 2})
    assert await group.members.all() == [made]
    assert await roles() == {(group.id, "ann"): ("admin", 2)}
    with pytest.raises(
        QueryError,
        match=r'^Group.members goes through Membership, which needs role: create\(..., through=\{"role": ...\}\)$',
    ):
        await group.members.create(email="bob")
    with pytest.raises(
        QueryError, match=r"^Group.members.create\(through=...\) takes a dict of the columns of Membership"
    ):
        await group.members.create(email="bob", through="admin")
    with pytest.raises(UnknownColumnError, match="membership has no column 'rank'"):
        await group.members.create(email="bob", through={"rank": 1})
    assert await Person.count() == 1


async def test_set_keeps_the_links_that_stay(group):
    ann, bob, _ = await people("ann", "bob", "eve")
    await group.members.add(ann, bob, role="member")
    kept = await Membership.where(lambda m: m.member_id == "bob").one()
    await group.members.set(bob, "eve", role="admin")
    assert await roles() == {(1, "bob"): ("admin", 1), (1, "eve"): ("admin", 1)}
    assert (await Membership.where(lambda m: m.member_id == "bob").one()).id == kept.id
    with pytest.raises(ForeignKeyViolationError):
        await group.members.set("nobody", role="admin")
    assert await group.members.count() == 2
    await group.members.set()
    assert (await Membership.count(), await Person.count()) == (0, 3)


async def test_clear_undoes_the_links_of_one_instance(group):
    (ann,) = await people("ann")
    other = await Group.create(name="go")
    for one in (group, other):
        await one.members.add(ann, role="member")
    with sent() as statements:
        await group.members.clear()
    assert [sql.split(" ")[0] for sql in statements] == ["DELETE"]
    assert await roles() == {(other.id, "ann"): ("member", 1)}


async def test_rows_that_are_linked_twice_are_loaded_once(database):
    await database.create_tables(*MODELS)
    ann, bob = await Person.create(email="ann"), await Person.create(email="bob")
    await ann.follows.add(bob)
    await ann.follows.add(bob)
    found = await Person.include("follows", "followed_by").order_by("email").all()
    assert [(list(one.follows), list(one.followed_by)) for one in found] == [([bob], []), ([], [ann])]
    (found,) = await Person.where(Person.email == "ann").include(lambda p: p.follows.limit(2)).all()
    assert list(found.follows) == [bob]
    assert await Person.select(lambda p: p.follows.count()).order_by("email").all() == [1, 0]


async def test_without_a_unique_key_a_pair_may_be_linked_again(group):
    ann, bob = await people("ann", "bob")
    await ann.follows.add(bob, note="first")
    await ann.follows.add(bob, bob)
    assert await Following.count() == 3
    assert await ann.follows.all() == [bob]
    assert (await ann.follows.count(), await bob.followed_by.count(), await bob.follows.count()) == (1, 1, 0)
    with pytest.raises(QueryError) as error:
        await ann.follows.add(bob, ignore_existing=True)
    assert str(error.value) == (
        "Person.follows: nothing keeps two Following of one pair apart, so none can be told to exist; declare "
        '__ferro_composite_uniques__ = (("follower_id", "followed_id"),) in Following, or leave out ignore_existing'
    )
    await bob.followed_by.remove(ann)
    assert await Following.count() == 0


async def test_a_row_that_does_not_exist_cannot_be_linked(group):
    with pytest.raises(ForeignKeyViolationError):
        await group.members.add("nobody", role="member")
    with pytest.raises(QueryError, match=r"^Group.members takes a Person, not a Group$"):
        await group.members.add(group, role="member")


async def test_no_rows_are_no_links(group):
    with sent() as statements:
        await group.members.add(role="admin")
        await group.members.remove()
    assert statements == []
    with pytest.raises(UnknownColumnError):
        await group.members.add(rule="admin")


async def test_many_links_take_few_statements(group):
    names = [f"p{number:04}" for number in range(1000)]
    await people(*names)
    with sent() as statements:
        await group.members.add(*names, role="member")
        await group.members.remove(*names[1:])
    assert len(statements) < 40
    assert [one.email for one in await group.members.all()] == ["p0000"]


async def test_composite_keys_are_linked_by_tuples(group):
    ticket, _ = [await Ticket.create(event=1, seat=seat) for seat in "AB"]
    one, two = [await Holder.create() for _ in range(2)]
    await ticket.holders.add(one, code="x")
    await two.tickets.add((1, "A"), code="y")
    await two.tickets.add((1, "A"), code="z", ignore_existing=True)
    assert await ticket.holders.order_by("id").all() == [one, two]
    with pytest.raises(
        UniqueViolationError, match=r"Ticket \(1, 'A'\) is linked to Holder 1 by Ticket.holders already"
    ):
        await ticket.holders.add(one, code="w")
    # Another unique key is not taken for the link's, whether links that exist matter or not.
    with pytest.raises(UniqueViolationError) as error:
        await one.tickets.add((1, "B"), code="y", ignore_existing=True)
    assert "is linked" not in str(error.value)
    await two.tickets.set((1, "A"), code="new")
    assert [(s.code, s.version) for s in await Sale.order_by("holder_id").all()] == [("x", 1), ("new", 2)]
    await two.tickets.remove((1, "A"), (1, "B"))
    assert await ticket.holders.all() == [one]


async def test_links_follow_the_transaction_they_are_made_in(database, group):
    (ann,) = await people("ann")
    with pytest.raises(ZeroDivisionError):
        async with database.transaction():
            await group.members.add(ann, role="member")
            1 / 0  # noqa: B018
    assert await Membership.count() == 0


async def test_a_query_of_some_rows_is_no_collection_to_be_changed(group):
    with pytest.raises(QueryError) as error:
        await group.members.where(lambda p: p.email == "ann").clear()
    assert str(error.value) == (
        "clear() changes Group.members as a whole, and this query reads some of its rows: call members.clear() without "
        "conditions, or update() or delete() what it finds"
    )
    with pytest.raises(QueryError, match=r"^add\(\) changes Group.members as a whole"):
        await group.members.limit(3).add("ann", role="member")


async def test_a_bare_link_has_no_columns(database):
    class Song(Model):
        id: int | None = Field(default=None, primary_key=True)
        genres: Relation[list["Genre"]] = ManyToMany(related_name="songs")

    class Genre(Model):
        id: int | None = Field(default=None, primary_key=True)
        through: int = 0

    await database.create_tables(Song, Genre)
    song = await Song.create()
    with pytest.raises(
        QueryError, match="^Song.genres: its links hold nothing but two keys, and no rank; a model between has columns"
    ):
        await song.genres.add(1, rank=2)
    assert (await song.genres.create(through=4)).through == 4
    with pytest.raises(UniqueViolationError, match="Song 1 is linked to Genre 1 by Song.genres already"):
        await song.genres.add(1)
    with sent() as statements:
        await song.genres.set(1)
    assert not any(str(statement).startswith(("INSERT", "DELETE")) for statement in statements)
