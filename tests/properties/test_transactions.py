"""Random trees of transactions leave the table as a dict would be left: on both databases, in both colours."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ferro import AsyncDatabase, Field, Model, TransactionAborted, UniqueViolationError
from ferro.schema.registry import active, declared
from ferro.sync import Database


class Account(Model):
    id: int = Field(primary_key=True)
    balance: int
    owner: str | None = Field(default=None, unique=True)


# Other tests, which create all tables there are, need not know of it.
for known in (declared, active):
    known.pop("Account")

Table: TypeAlias = dict[int, tuple[int, str | None]]


class Trouble(Exception):
    """What a block raises by itself."""


# What can happen in a transaction. Each may fail, and its error may be swallowed where it happens.


@dataclass(frozen=True)
class Create:
    """One new row; the key or the owner may be taken."""

    key: int
    balance: int
    owner: str | None


@dataclass(frozen=True)
class CreateMany:
    """Several new rows, all or none."""

    keys: tuple[int, ...]


@dataclass(frozen=True)
class Change:
    """Read a row, change it, save it; its new owner may be taken."""

    key: int
    owner: str | None


@dataclass(frozen=True)
class Add:
    """One UPDATE of several rows."""

    least: int
    amount: int


@dataclass(frozen=True)
class Delete:
    """Delete a row, if it is there."""

    key: int


@dataclass(frozen=True)
class Note:
    """Do something once the transaction is committed."""

    text: str


@dataclass(frozen=True)
class Swallowed:
    """Something whose error goes no further."""

    inner: "Step"


@dataclass(frozen=True)
class Block:
    """A transaction, or a savepoint inside one; it may end by raising."""

    steps: "tuple[Step, ...]"
    raises: bool


Step: TypeAlias = Create | CreateMany | Change | Add | Delete | Note | Swallowed | Block
ERRORS = (Trouble, UniqueViolationError, TransactionAborted)

few_keys = st.integers(1, 4)
owners = st.sampled_from([None, "Ann", "Bob"])


def statements() -> SearchStrategy[Step]:
    return st.one_of(
        st.builds(Create, few_keys, st.integers(0, 9), owners),
        st.builds(CreateMany, st.lists(few_keys, min_size=1, max_size=3).map(tuple)),
        st.builds(Change, few_keys, owners),
        st.builds(Add, st.integers(0, 9), st.integers(1, 9)),
        st.builds(Delete, few_keys),
        st.builds(Note, st.sampled_from(["first", "second"])),
    )


def blocks(inner: SearchStrategy[Step]) -> SearchStrategy[Block]:
    several = st.lists(inner | inner.map(Swallowed), max_size=4).map(tuple)
    return st.builds(Block, several, st.integers(0, 3).map(lambda number: number == 0))


def trees() -> SearchStrategy[Block]:
    return blocks(st.recursive(statements(), lambda inner: inner | blocks(inner), max_leaves=8))


# The model: what is said about transactions, and nothing else.


class Expected:
    """The table as a dict, and what was noted."""

    def __init__(self) -> None:
        self.table: Table = {}
        self.notes: list[str] = []
        # Whether a statement of the block that is open has failed: then nothing of it can be kept.
        self.failed = False

    def run(self, block: Block) -> None:
        """A block leaves everything or nothing."""
        self.must_be_whole()
        before, noted = dict(self.table), list(self.notes)
        try:
            for step in block.steps:
                self.step(step)
            if block.raises:
                raise Trouble
            # An error that was swallowed on the way does not turn half a block into a whole one.
            self.must_be_whole()
        except ERRORS:
            self.table, self.notes = before, noted
            raise
        finally:
            self.failed = False

    def must_be_whole(self) -> None:
        if self.failed:
            raise TransactionAborted

    def step(self, step: Step) -> None:
        if isinstance(step, Swallowed):
            try:
                self.step(step.inner)
            except ERRORS:
                pass
        elif isinstance(step, Block):
            self.run(step)
        elif isinstance(step, Note):
            self.notes.append(step.text)
        else:
            self.must_be_whole()
            try:
                self.table = CHANGES[type(step)](dict(self.table), step)
            except UniqueViolationError:
                self.failed = True
                raise


def create(table: Table, step: Create) -> Table:
    return with_row(table, step.key, (step.balance, step.owner))


def with_row(table: Table, key: int, row: tuple[int, str | None]) -> Table:
    if key in table or (row[1] is not None and row[1] in [owner for _, owner in table.values()]):
        raise UniqueViolationError
    return {**table, key: row}


def create_many(table: Table, step: CreateMany) -> Table:
    for key in step.keys:
        table = with_row(table, key, (key, None))
    return table


def change(table: Table, step: Change) -> Table:
    if step.key not in table:
        return table
    balance, _ = table.pop(step.key)
    return with_row(table, step.key, (balance + 1, step.owner))


def add(table: Table, step: Add) -> Table:
    return {
        key: (balance + step.amount if balance >= step.least else balance, owner)
        for key, (balance, owner) in table.items()
    }


def delete(table: Table, step: Delete) -> Table:
    table.pop(step.key, None)
    return table


CHANGES: dict[type, Callable[[Table, Any], Table]] = {
    Create: create,
    CreateMany: create_many,
    Change: change,
    Add: add,
    Delete: delete,
}


def expected(forest: list[Block]) -> Expected:
    model = Expected()
    for tree in forest:
        try:
            model.run(tree)
        except ERRORS:
            pass
    return model


# The same with ferro, in both colours.


class Blocking:
    """Runs a tree on a handle that blocks."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.notes: list[str] = []

    def run(self, block: Block) -> None:
        with self.database.transaction() as transaction:
            for step in block.steps:
                self.step(step, transaction)
            if block.raises:
                raise Trouble

    def step(self, step: Step, transaction: Any) -> None:
        accounts = self.database.query(Account)
        match step:
            case Swallowed(inner):
                try:
                    self.step(inner, transaction)
                except ERRORS:
                    pass
            case Block():
                self.run(step)
            case Note(text):
                transaction.on_commit(lambda: self.notes.append(text))
            case Create(key, balance, owner):
                self.database.create(Account, id=key, balance=balance, owner=owner)
            case CreateMany(keys):
                self.database.bulk_create(Account, [Account(id=key, balance=key) for key in keys])
            case Change(key, owner):
                if account := self.database.get_or_none(Account, key):
                    account.balance, account.owner = account.balance + 1, owner
                    self.database.save(account)
            case Add(least, amount):
                accounts.where(lambda a: a.balance >= least).update(lambda a: {"balance": a.balance + amount})
            case Delete(key):
                accounts.where(lambda a: a.id == key).delete()

    def all(self, forest: list[Block]) -> Table:
        self.database.query(Account).delete()
        for tree in forest:
            try:
                self.run(tree)
            except ERRORS:
                pass
        return {account.id: (account.balance, account.owner) for account in self.database.query(Account).all()}


class Awaiting:
    """Runs a tree on a handle that is awaited."""

    def __init__(self, database: AsyncDatabase) -> None:
        self.database = database
        self.notes: list[str] = []

    async def run(self, block: Block) -> None:
        async with self.database.transaction() as transaction:
            for step in block.steps:
                await self.step(step, transaction)
            if block.raises:
                raise Trouble

    async def step(self, step: Step, transaction: Any) -> None:
        accounts = self.database.query(Account)
        match step:
            case Swallowed(inner):
                try:
                    await self.step(inner, transaction)
                except ERRORS:
                    pass
            case Block():
                # A task started inside a transaction joins it; awaited at once, it changes nothing.
                await asyncio.create_task(self.run(step))
            case Note(text):
                transaction.on_commit(lambda: self.notes.append(text))
            case Create(key, balance, owner):
                await self.database.create(Account, id=key, balance=balance, owner=owner)
            case CreateMany(keys):
                await self.database.bulk_create(Account, [Account(id=key, balance=key) for key in keys])
            case Change(key, owner):
                if account := await self.database.get_or_none(Account, key):
                    account.balance, account.owner = account.balance + 1, owner
                    await self.database.save(account)
            case Add(least, amount):
                await accounts.where(lambda a: a.balance >= least).update(lambda a: {"balance": a.balance + amount})
            case Delete(key):
                await accounts.where(lambda a: a.id == key).delete()

    async def all(self, forest: list[Block]) -> Table:
        await self.database.query(Account).delete()
        for tree in forest:
            try:
                await self.run(tree)
            except ERRORS:
                pass
        return {account.id: (account.balance, account.owner) for account in await self.database.query(Account).all()}


@pytest.fixture(scope="session")
def tables(databases: Mapping[str, Database]) -> Mapping[str, Database]:
    for database in databases.values():
        database.create_tables(Account)
    return databases


forests = st.lists(trees(), min_size=1, max_size=3)


@settings(max_examples=300)
@given(forests)
def test_blocking_transactions_leave_what_a_dict_would_hold(tables, forest):
    model = expected(forest)
    for name, database in tables.items():
        note(f"on {name}")
        runner = Blocking(database)
        assert runner.all(forest) == model.table
        assert runner.notes == model.notes


@settings(max_examples=300)
@given(forest=forests)
async def test_awaited_transactions_leave_what_a_dict_would_hold(tables, async_databases, forest):
    model = expected(forest)
    for name, database in async_databases.items():
        note(f"on {name}")
        runner = Awaiting(database)
        assert await runner.all(forest) == model.table
        assert runner.notes == model.notes
