"""Transactions: whole or not at all, and honest about which."""

from contextlib import nullcontext

import pytest
from pydantic import ConfigDict
from statements import sent

from ferro import (
    AsyncDatabase,
    DatabaseConnectionError,
    Field,
    InterfaceError,
    Model,
    OperationalError,
    OptionError,
    SerializationError,
    TransactionAborted,
    TransactionEnded,
    UniqueViolationError,
    connect,
    execute,
    fetch_all,
    fetch_one,
    transaction,
)
from ferro.operations import raw


class Account(Model):
    id: int | None = Field(default=None, primary_key=True)
    owner: str = Field(unique=True)
    balance: int = 0


class TroubleError(Exception):
    pass


@pytest.fixture(autouse=True)
async def accounts(database: AsyncDatabase):
    await database.create_tables(Account)


async def owners() -> list[str]:
    return [account.owner for account in await Account.order_by("owner").all()]


async def test_a_block_that_ends_well_is_in_the_database(database):
    async with transaction():
        await Account.create(owner="ann")
        await Account.create(owner="bob")
    assert await owners() == ["ann", "bob"]


async def test_a_failed_block_leaves_no_row(database):
    with pytest.raises(TroubleError):
        async with transaction():
            await Account.create(owner="ann")
            raise TroubleError
    assert await owners() == []


async def test_rows_of_an_open_block_are_seen_inside_it_only(database):
    async with transaction():
        await Account.create(owner="ann")
        assert await owners() == ["ann"]
        async with database.pool.another() as other:
            assert await other.run(raw.fetch_all('SELECT owner FROM "account"', (), database.dialect)) == []


async def test_a_nested_block_fails_alone(database):
    async with transaction():
        await Account.create(owner="ann")
        with pytest.raises(TroubleError):
            async with transaction():
                await Account.create(owner="bob")
                raise TroubleError
        await Account.create(owner="cid")
    assert await owners() == ["ann", "cid"]


async def test_an_outer_failure_undoes_the_inner_block(database):
    with pytest.raises(TroubleError):
        async with transaction():
            async with transaction():
                await Account.create(owner="ann")
            raise TroubleError
    assert await owners() == []


async def test_blocks_nest_to_any_depth(database):
    async with transaction():
        async with transaction():
            await Account.create(owner="ann")
            with pytest.raises(TroubleError):
                async with transaction():
                    async with transaction():
                        await Account.create(owner="bob")
                    raise TroubleError
            async with transaction():
                await Account.create(owner="cid")
    assert await owners() == ["ann", "cid"]


async def test_a_swallowed_error_then_a_normal_exit_raises(database):
    await Account.create(owner="ann")
    with pytest.raises(TransactionAborted, match="this transaction is aborted and none of it") as caught:
        async with transaction():
            await Account.create(owner="bob")
            try:
                await Account.create(owner="ann")
            except UniqueViolationError:
                pass
    assert isinstance(caught.value.__cause__, UniqueViolationError)
    assert await owners() == ["ann"]


async def test_after_an_error_every_call_in_the_block_says_so(database):
    await Account.create(owner="ann")
    with pytest.raises(TroubleError):
        async with transaction():
            with pytest.raises(UniqueViolationError):
                await Account.create(owner="ann")
            with pytest.raises(TransactionAborted, match="put the call in a nested transaction"):
                await owners()
            raise TroubleError
    assert await owners() == ["ann"]


async def test_an_expected_error_is_survived_in_a_nested_block(database):
    await Account.create(owner="ann")
    async with transaction():
        with pytest.raises(UniqueViolationError):
            async with transaction():
                await Account.create(owner="ann")
        await Account.create(owner="bob")
    assert await owners() == ["ann", "bob"]


async def test_an_error_swallowed_in_a_nested_block_is_told_at_its_end(database):
    await Account.create(owner="ann")
    async with transaction():
        with pytest.raises(TransactionAborted):
            async with transaction():
                await Account.create(owner="bob")
                with pytest.raises(UniqueViolationError):
                    await Account.create(owner="ann")
        await Account.create(owner="cid")
    assert await owners() == ["ann", "cid"]


async def test_hooks_run_after_the_commit_in_order(database):
    seen: list[object] = []
    async with transaction() as outer:
        outer.on_commit(lambda: seen.append("first"))
        await Account.create(owner="ann")
        async with transaction() as inner:
            inner.on_commit(lambda: seen.append("second"))
        assert seen == []
    assert seen == ["first", "second"]


async def test_hooks_of_what_was_undone_never_run(database):
    seen: list[object] = []
    async with transaction():
        with pytest.raises(TroubleError):
            async with transaction() as inner:
                inner.on_commit(lambda: seen.append("inner"))
                raise TroubleError
    with pytest.raises(TroubleError):
        async with transaction() as outer:
            outer.on_commit(lambda: seen.append("outer"))
            raise TroubleError
    assert seen == []


async def test_a_hook_that_fails_is_told_and_the_rows_stay(database):
    def fail() -> None:
        raise TroubleError

    with pytest.raises(TroubleError):
        async with transaction() as block:
            await Account.create(owner="ann")
            block.on_commit(fail)
    assert await owners() == ["ann"]


async def test_raw_sql_joins_the_block(database):
    with pytest.raises(TroubleError):
        async with transaction() as block:
            assert await block.execute("INSERT INTO account (owner, balance) VALUES ('ann', 3)") == 1
            assert await execute("INSERT INTO account (owner, balance) VALUES ('bob', 4)") == 1
            assert await block.fetch_one("SELECT owner FROM account WHERE balance = 3") == {"owner": "ann"}
            assert await fetch_one("SELECT owner FROM account WHERE balance = 5") is None
            assert await block.fetch_all("SELECT balance FROM account ORDER BY balance") == [
                {"balance": 3},
                {"balance": 4},
            ]
            raise TroubleError
    assert await fetch_all("SELECT * FROM account") == []


async def test_a_call_through_an_ended_block_is_refused(database):
    async with transaction() as block:
        await Account.create(owner="ann")
    with pytest.raises(TransactionEnded, match="came too late"):
        await block.execute("DELETE FROM account")
    assert await owners() == ["ann"]


async def test_a_block_is_entered_once(database):
    block = transaction()
    async with block:
        pass
    with pytest.raises(InterfaceError, match="entered before"):
        async with block:
            pass


async def test_a_read_only_block_refuses_to_write(database):
    with pytest.raises(OperationalError, match="^Save failed: cannot .* in a read-only transaction$"):
        async with transaction(read_only=True):
            assert await owners() == []
            await Account.create(owner="ann")
    await Account.create(owner="bob")
    assert await owners() == ["bob"]


async def test_terms_belong_to_the_outermost_block(database):
    async with transaction(isolation="serializable"):
        with pytest.raises(InterfaceError, match="belong to the outermost transaction"):
            async with transaction(read_only=True):
                pass


async def test_terms_that_make_no_sense_are_refused(database):
    with pytest.raises(OptionError, match="isolation is 'snapshot'; it is one of 'read uncommitted'"):
        transaction(isolation="snapshot")
    with pytest.raises(OptionError, match="deferrable is for transactions that are read_only"):
        transaction(deferrable=True)


async def test_every_isolation_level_begins(database):
    for isolation in ("read uncommitted", "read committed", "repeatable read", "serializable"):
        async with transaction(isolation=isolation):
            await Account.create(owner=isolation)
    async with transaction(isolation="serializable", read_only=True, deferrable=True):
        assert len(await owners()) == 4


@pytest.mark.backends("postgres")
async def test_postgresql_is_given_the_terms(database):
    async with transaction(isolation="repeatable read", read_only=True) as block:
        assert await block.fetch_one("SHOW transaction_isolation") == {"transaction_isolation": "repeatable read"}
        assert await block.fetch_one("SHOW transaction_read_only") == {"transaction_read_only": "on"}
    with pytest.raises(InterfaceError, match="immediate is for SQLite"):
        async with transaction(immediate=True):
            pass


async def test_a_function_is_decorated_to_be_a_transaction(database):
    @transaction()
    async def open_account(owner: str, *, fail: bool = False) -> Account:
        account = await Account.create(owner=owner)
        if fail:
            raise TroubleError
        return account

    assert (await open_account("ann")).owner == "ann"
    with pytest.raises(TroubleError):
        await open_account("bob", fail=True)
    assert await owners() == ["ann"]


async def test_retry_needs_something_to_call_again(database):
    with pytest.raises(InterfaceError, match="as a decorator, or its run_in"):
        async with transaction(retry=2):
            pass


@pytest.mark.backends("postgres")
async def test_a_serialization_failure_is_tried_again(database):
    await Account.create(owner="ann", balance=1)
    tries = 0

    @transaction(isolation="repeatable read", retry=3)
    async def add_one() -> None:
        nonlocal tries
        tries += 1
        account = await Account.where(lambda a: a.owner == "ann").one()
        if tries == 1:
            async with database.pool.another() as other:
                await other.run(raw.execute("UPDATE account SET balance = 10", (), database.dialect))
        account.balance += 1
        await account.save()

    await add_one()
    assert tries == 2
    assert (await Account.where(lambda a: a.owner == "ann").one()).balance == 11


# What instances remember of a block that was undone.


async def test_a_row_whose_insert_was_undone_is_new_again(database):
    ann = Account(owner="ann")
    with pytest.raises(TroubleError):
        async with transaction():
            await ann.save()
            raise TroubleError
    assert ann.id is None
    await ann.save()
    assert await owners() == ["ann"]


async def test_a_change_that_was_undone_is_saved_by_the_next_save(database):
    ann = await Account.create(owner="ann")
    with pytest.raises(TroubleError):
        async with transaction():
            ann.balance = 5
            await ann.save()
            raise TroubleError
    await ann.save()
    assert (await Account.get(ann.id)).balance == 5


async def test_what_was_changed_after_an_undone_save_is_saved_too(database):
    ann = await Account.create(owner="ann")
    with pytest.raises(TroubleError):
        async with transaction():
            ann.balance = 5
            await ann.save()
            ann.owner = "anna"
            raise TroubleError
    await ann.save()
    assert [(a.owner, a.balance) for a in await Account.all()] == [("anna", 5)]


async def test_a_row_whose_deletion_was_undone_is_updated(database):
    ann = await Account.create(owner="ann")
    with pytest.raises(TroubleError):
        async with transaction():
            await ann.delete()
            ann.balance = 5
            raise TroubleError
    await ann.save()
    assert [(a.id, a.balance) for a in await Account.all()] == [(ann.id, 5)]


@pytest.mark.parametrize("inner", [False, True])
async def test_a_row_that_was_deleted_and_inserted_anew_in_an_undone_block_has_its_first_key(database, inner):
    ann = await Account.create(owner="ann")
    key = ann.id
    with pytest.raises(TroubleError):
        async with transaction():
            await ann.delete()
            ann.id = None
            async with transaction() if inner else nullcontext():
                await ann.save()
            ann.balance = 5
            raise TroubleError
    assert (ann.id, ann.balance) == (key, 5)
    await ann.save()
    assert [(a.id, a.balance) for a in await Account.all()] == [(key, 5)]


async def test_an_undone_savepoint_takes_back_only_its_own(database):
    ann, bob, cid = Account(owner="ann"), Account(owner="bob"), Account(owner="cid")
    async with transaction():
        await ann.save()
        with pytest.raises(TroubleError):
            async with transaction():
                await bob.save()
                raise TroubleError
        async with transaction():
            await cid.save()
        assert (ann.id is None, bob.id is None, cid.id is None) == (False, True, False)
    for account in (ann, bob, cid):
        await account.save()
    assert await owners() == ["ann", "bob", "cid"]


async def test_an_undone_block_takes_back_what_its_savepoints_did(database):
    ann = Account(owner="ann")
    with pytest.raises(TroubleError):
        async with transaction():
            async with transaction():
                await ann.save()
            raise TroubleError
    await ann.save()
    assert await owners() == ["ann"]


async def test_rows_created_in_bulk_in_an_undone_block_are_new_again(database):
    accounts = [Account(owner=str(number)) for number in range(700)]
    with pytest.raises(TroubleError):
        async with transaction():
            await Account.bulk_create(accounts)
            raise TroubleError
    assert {account.id for account in accounts} == {None}
    await Account.bulk_create(accounts)
    assert await Account.count() == 700


async def test_rows_created_in_bulk_and_then_changed_are_new_again_with_their_changes(database):
    ann, bob = await Account.bulk_create([Account(owner="ann"), Account(owner="bob")])
    cid = Account(owner="cid")
    with pytest.raises(TroubleError):
        async with transaction():
            await ann.delete()
            async with transaction():
                await Account.bulk_create([ann, cid])
                cid.balance = bob.balance = 5
                await cid.save()
                await bob.save()
            raise TroubleError
    for account in (ann, bob, cid):
        await account.save()
    assert [(a.owner, a.balance) for a in await Account.order_by("owner").all()] == [("ann", 0), ("bob", 5), ("cid", 5)]


async def test_values_of_the_database_are_asked_for_again_after_an_undone_insert(database):
    class Ledger(Model):
        id: int | None = Field(default=None, primary_key=True)
        state: str = Field(db_default="open")
        rank: int | None = Field(default=None, db_default=7)

    await database.create_tables(Ledger)
    ledgers = [Ledger(), Ledger(state="shut"), Ledger(rank=None)]
    with pytest.raises(TroubleError):
        async with transaction():
            await ledgers[0].save()
            await Ledger.bulk_create(ledgers[1:])
            raise TroubleError
    await Ledger.bulk_create(ledgers)
    assert [(ledger.state, ledger.rank) for ledger in ledgers] == [("open", 7), ("shut", 7), ("open", None)]


async def test_a_key_that_was_undone_is_forgotten_where_assignments_are_checked(database):
    class Badge(Model):
        model_config = ConfigDict(validate_assignment=True)

        id: int | None = Field(default=None, primary_key=True)
        owner: str

    await database.create_tables(Badge)
    badge = Badge(owner="ann")
    with pytest.raises(TroubleError):
        async with transaction():
            await badge.save()
            badge.owner = "anna"
            raise TroubleError
    assert (badge.id, badge.owner) == (None, "anna")
    await Badge.create(owner="bob")
    await badge.save()
    assert await Badge.order_by("id").select(lambda b: b.owner).all() == ["bob", "anna"]


async def test_what_was_assigned_after_an_undone_insert_wins_over_the_databases_values(database):
    class Basket(Model):
        id: int | None = Field(default=None, primary_key=True)
        fruits: list[str] = Field(db_default=["apple"])
        nuts: list[str] = Field(db_default=["walnut"])
        weight: int = Field(db_default=5)

    await database.create_tables(Basket)
    basket = Basket()
    with pytest.raises(TroubleError):
        async with transaction():
            await basket.save()
            basket.fruits = ["pear"]
            basket.nuts.append("almond")
            basket.weight = 9
            raise TroubleError
    await basket.save()
    found = await Basket.get(basket.id)
    assert (found.fruits, found.nuts, found.weight) == (["pear"], ["walnut", "almond"], 9)


async def test_a_second_try_saves_what_the_first_one_saved(database):
    ann = Account(owner="ann")
    tries: list[int] = []

    @transaction(retry=2)
    async def open_account() -> None:
        tries.append(1)
        await ann.save()
        if len(tries) == 1:
            raise SerializationError("another transaction was in the way")

    await open_account()
    assert len(tries) == 2
    assert await owners() == ["ann"]


async def test_a_swallowed_error_takes_back_what_instances_remember(database):
    await Account.create(owner="ann")
    bob = Account(owner="bob")
    with pytest.raises(TransactionAborted):
        async with transaction():
            await bob.save()
            with pytest.raises(UniqueViolationError):
                await Account.create(owner="ann")
    await bob.save()
    assert await owners() == ["ann", "bob"]


async def test_what_is_committed_stays_remembered(database):
    async with transaction():
        ann = await Account.create(owner="ann")
        ann.balance = 5
        await ann.save()
    with sent() as statements:
        await ann.save()
    assert statements == []


@pytest.mark.backends("sqlite")
async def test_a_block_that_may_begin_as_a_reader_waits_where_it_begins_with_a_write(database, database_url):
    async with transaction(immediate=False):
        with sent() as statements:
            await Account.create(owner="ann")
    assert statements[0] == "BEGIN IMMEDIATE"
    async with transaction(immediate=False):
        with sent() as statements:
            await owners()
    assert statements[0] == "BEGIN"


async def test_a_transaction_whose_database_is_dropped_meanwhile_is_an_error(database_url, database):
    told = []
    account = Account(owner="ann")
    other = await connect(database_url, default=False)
    with pytest.raises(DatabaseConnectionError, match=": nothing of it is stored$"):
        async with other.transaction() as block:
            await other.save(account)
            block.on_commit(lambda: told.append("stored"))
            other.drop()
    assert (told, account.id, await owners()) == ([], None, [])


@pytest.mark.backends("postgres")
async def test_after_a_change_of_the_schema_the_next_transaction_is_well_again(database_url, database):
    async def read() -> list[str]:
        async with transaction():
            return await owners()

    await Account.create(owner="ann")
    for _ in range(4):
        await read()
    async with connect(database_url, default=False) as other:
        await other.execute("ALTER TABLE account ALTER owner TYPE varchar(50)")
    with pytest.raises(OperationalError, match="cached plan must not change result type"):
        await read()
    assert await read() == ["ann"]
