# Generated from tests/_async/test_transaction.py by scripts/unasync.py: edit that file, never this one.
"""Transactions: whole or not at all, and honest about which."""

from contextlib import nullcontext

import pytest
from pydantic import ConfigDict
from statements import sent

from ferro.operations import raw
from ferro.sync import (
    Database,
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


class Account(Model):
    id: int | None = Field(default=None, primary_key=True)
    owner: str = Field(unique=True)
    balance: int = 0


class TroubleError(Exception):
    pass


@pytest.fixture(autouse=True)
def accounts(database: Database):
    database.create_tables(Account)


def owners() -> list[str]:
    return [account.owner for account in Account.order_by("owner").all()]


def test_a_block_that_ends_well_is_in_the_database(database):
    with transaction():
        Account.create(owner="ann")
        Account.create(owner="bob")
    assert owners() == ["ann", "bob"]


def test_a_failed_block_leaves_no_row(database):
    with pytest.raises(TroubleError):
        with transaction():
            Account.create(owner="ann")
            raise TroubleError
    assert owners() == []


def test_rows_of_an_open_block_are_seen_inside_it_only(database):
    with transaction():
        Account.create(owner="ann")
        assert owners() == ["ann"]
        with database.pool.another() as other:
            assert other.run(raw.fetch_all('SELECT owner FROM "account"', (), database.dialect)) == []


def test_a_nested_block_fails_alone(database):
    with transaction():
        Account.create(owner="ann")
        with pytest.raises(TroubleError):
            with transaction():
                Account.create(owner="bob")
                raise TroubleError
        Account.create(owner="cid")
    assert owners() == ["ann", "cid"]


def test_an_outer_failure_undoes_the_inner_block(database):
    with pytest.raises(TroubleError):
        with transaction():
            with transaction():
                Account.create(owner="ann")
            raise TroubleError
    assert owners() == []


def test_blocks_nest_to_any_depth(database):
    with transaction():
        with transaction():
            Account.create(owner="ann")
            with pytest.raises(TroubleError):
                with transaction():
                    with transaction():
                        Account.create(owner="bob")
                    raise TroubleError
            with transaction():
                Account.create(owner="cid")
    assert owners() == ["ann", "cid"]


def test_a_swallowed_error_then_a_normal_exit_raises(database):
    Account.create(owner="ann")
    with pytest.raises(TransactionAborted, match="this transaction is aborted and none of it") as caught:
        with transaction():
            Account.create(owner="bob")
            try:
                Account.create(owner="ann")
            except UniqueViolationError:
                pass
    assert isinstance(caught.value.__cause__, UniqueViolationError)
    assert owners() == ["ann"]


def test_after_an_error_every_call_in_the_block_says_so(database):
    Account.create(owner="ann")
    with pytest.raises(TroubleError):
        with transaction():
            with pytest.raises(UniqueViolationError):
                Account.create(owner="ann")
            with pytest.raises(TransactionAborted, match="put the call in a nested transaction"):
                owners()
            raise TroubleError
    assert owners() == ["ann"]


def test_an_expected_error_is_survived_in_a_nested_block(database):
    Account.create(owner="ann")
    with transaction():
        with pytest.raises(UniqueViolationError):
            with transaction():
                Account.create(owner="ann")
        Account.create(owner="bob")
    assert owners() == ["ann", "bob"]


def test_an_error_swallowed_in_a_nested_block_is_told_at_its_end(database):
    Account.create(owner="ann")
    with transaction():
        with pytest.raises(TransactionAborted):
            with transaction():
                Account.create(owner="bob")
                with pytest.raises(UniqueViolationError):
                    Account.create(owner="ann")
        Account.create(owner="cid")
    assert owners() == ["ann", "cid"]


def test_hooks_run_after_the_commit_in_order(database):
    seen: list[object] = []
    with transaction() as outer:
        outer.on_commit(lambda: seen.append("first"))
        Account.create(owner="ann")
        with transaction() as inner:
            inner.on_commit(lambda: seen.append("second"))
        assert seen == []
    assert seen == ["first", "second"]


def test_hooks_of_what_was_undone_never_run(database):
    seen: list[object] = []
    with transaction():
        with pytest.raises(TroubleError):
            with transaction() as inner:
                inner.on_commit(lambda: seen.append("inner"))
                raise TroubleError
    with pytest.raises(TroubleError):
        with transaction() as outer:
            outer.on_commit(lambda: seen.append("outer"))
            raise TroubleError
    assert seen == []


def test_a_hook_that_fails_is_told_and_the_rows_stay(database):
    def fail() -> None:
        raise TroubleError

    with pytest.raises(TroubleError):
        with transaction() as block:
            Account.create(owner="ann")
            block.on_commit(fail)
    assert owners() == ["ann"]


def test_raw_sql_joins_the_block(database):
    with pytest.raises(TroubleError):
        with transaction() as block:
            assert block.execute("INSERT INTO account (owner, balance) VALUES ('ann', 3)") == 1
            assert execute("INSERT INTO account (owner, balance) VALUES ('bob', 4)") == 1
            assert block.fetch_one("SELECT owner FROM account WHERE balance = 3") == {"owner": "ann"}
            assert fetch_one("SELECT owner FROM account WHERE balance = 5") is None
            assert block.fetch_all("SELECT balance FROM account ORDER BY balance") == [
                {"balance": 3},
                {"balance": 4},
            ]
            raise TroubleError
    assert fetch_all("SELECT * FROM account") == []


def test_a_call_through_an_ended_block_is_refused(database):
    with transaction() as block:
        Account.create(owner="ann")
    with pytest.raises(TransactionEnded, match="came too late"):
        block.execute("DELETE FROM account")
    assert owners() == ["ann"]


def test_a_block_is_entered_once(database):
    block = transaction()
    with block:
        pass
    with pytest.raises(InterfaceError, match="entered before"):
        with block:
            pass


def test_a_read_only_block_refuses_to_write(database):
    with pytest.raises(OperationalError, match="^Save failed: cannot .* in a read-only transaction$"):
        with transaction(read_only=True):
            assert owners() == []
            Account.create(owner="ann")
    Account.create(owner="bob")
    assert owners() == ["bob"]


def test_terms_belong_to_the_outermost_block(database):
    with transaction(isolation="serializable"):
        with pytest.raises(InterfaceError, match="belong to the outermost transaction"):
            with transaction(read_only=True):
                pass


def test_terms_that_make_no_sense_are_refused(database):
    with pytest.raises(OptionError, match="isolation is 'snapshot'; it is one of 'read uncommitted'"):
        transaction(isolation="snapshot")
    with pytest.raises(OptionError, match="deferrable is for transactions that are read_only"):
        transaction(deferrable=True)


def test_every_isolation_level_begins(database):
    for isolation in ("read uncommitted", "read committed", "repeatable read", "serializable"):
        with transaction(isolation=isolation):
            Account.create(owner=isolation)
    with transaction(isolation="serializable", read_only=True, deferrable=True):
        assert len(owners()) == 4


@pytest.mark.backends("postgres")
def test_postgresql_is_given_the_terms(database):
    with transaction(isolation="repeatable read", read_only=True) as block:
        assert block.fetch_one("SHOW transaction_isolation") == {"transaction_isolation": "repeatable read"}
        assert block.fetch_one("SHOW transaction_read_only") == {"transaction_read_only": "on"}
    with pytest.raises(InterfaceError, match="immediate is for SQLite"):
        with transaction(immediate=True):
            pass


def test_a_function_is_decorated_to_be_a_transaction(database):
    @transaction()
    def open_account(owner: str, *, fail: bool = False) -> Account:
        account = Account.create(owner=owner)
        if fail:
            raise TroubleError
        return account

    assert open_account("ann").owner == "ann"
    with pytest.raises(TroubleError):
        open_account("bob", fail=True)
    assert owners() == ["ann"]


def test_retry_needs_something_to_call_again(database):
    with pytest.raises(InterfaceError, match="as a decorator, or its run_in"):
        with transaction(retry=2):
            pass


@pytest.mark.backends("postgres")
def test_a_serialization_failure_is_tried_again(database):
    Account.create(owner="ann", balance=1)
    tries = 0

    @transaction(isolation="repeatable read", retry=3)
    def add_one() -> None:
        nonlocal tries
        tries += 1
        account = Account.where(lambda a: a.owner == "ann").one()
        if tries == 1:
            with database.pool.another() as other:
                other.run(raw.execute("UPDATE account SET balance = 10", (), database.dialect))
        account.balance += 1
        account.save()

    add_one()
    assert tries == 2
    assert Account.where(lambda a: a.owner == "ann").one().balance == 11


# What instances remember of a block that was undone.


def test_a_row_whose_insert_was_undone_is_new_again(database):
    ann = Account(owner="ann")
    with pytest.raises(TroubleError):
        with transaction():
            ann.save()
            raise TroubleError
    assert ann.id is None
    ann.save()
    assert owners() == ["ann"]


def test_a_change_that_was_undone_is_saved_by_the_next_save(database):
    ann = Account.create(owner="ann")
    with pytest.raises(TroubleError):
        with transaction():
            ann.balance = 5
            ann.save()
            raise TroubleError
    ann.save()
    assert Account.get(ann.id).balance == 5


def test_what_was_changed_after_an_undone_save_is_saved_too(database):
    ann = Account.create(owner="ann")
    with pytest.raises(TroubleError):
        with transaction():
            ann.balance = 5
            ann.save()
            ann.owner = "anna"
            raise TroubleError
    ann.save()
    assert [(a.owner, a.balance) for a in Account.all()] == [("anna", 5)]


def test_a_row_whose_deletion_was_undone_is_updated(database):
    ann = Account.create(owner="ann")
    with pytest.raises(TroubleError):
        with transaction():
            ann.delete()
            ann.balance = 5
            raise TroubleError
    ann.save()
    assert [(a.id, a.balance) for a in Account.all()] == [(ann.id, 5)]


@pytest.mark.parametrize("inner", [False, True])
def test_a_row_that_was_deleted_and_inserted_anew_in_an_undone_block_has_its_first_key(database, inner):
    ann = Account.create(owner="ann")
    key = ann.id
    with pytest.raises(TroubleError):
        with transaction():
            ann.delete()
            ann.id = None
            with transaction() if inner else nullcontext():
                ann.save()
            ann.balance = 5
            raise TroubleError
    assert (ann.id, ann.balance) == (key, 5)
    ann.save()
    assert [(a.id, a.balance) for a in Account.all()] == [(key, 5)]


def test_an_undone_savepoint_takes_back_only_its_own(database):
    ann, bob, cid = Account(owner="ann"), Account(owner="bob"), Account(owner="cid")
    with transaction():
        ann.save()
        with pytest.raises(TroubleError):
            with transaction():
                bob.save()
                raise TroubleError
        with transaction():
            cid.save()
        assert (ann.id is None, bob.id is None, cid.id is None) == (False, True, False)
    for account in (ann, bob, cid):
        account.save()
    assert owners() == ["ann", "bob", "cid"]


def test_an_undone_block_takes_back_what_its_savepoints_did(database):
    ann = Account(owner="ann")
    with pytest.raises(TroubleError):
        with transaction():
            with transaction():
                ann.save()
            raise TroubleError
    ann.save()
    assert owners() == ["ann"]


def test_rows_created_in_bulk_in_an_undone_block_are_new_again(database):
    accounts = [Account(owner=str(number)) for number in range(700)]
    with pytest.raises(TroubleError):
        with transaction():
            Account.bulk_create(accounts)
            raise TroubleError
    assert {account.id for account in accounts} == {None}
    Account.bulk_create(accounts)
    assert Account.count() == 700


def test_rows_created_in_bulk_and_then_changed_are_new_again_with_their_changes(database):
    ann, bob = Account.bulk_create([Account(owner="ann"), Account(owner="bob")])
    cid = Account(owner="cid")
    with pytest.raises(TroubleError):
        with transaction():
            ann.delete()
            with transaction():
                Account.bulk_create([ann, cid])
                cid.balance = bob.balance = 5
                cid.save()
                bob.save()
            raise TroubleError
    for account in (ann, bob, cid):
        account.save()
    assert [(a.owner, a.balance) for a in Account.order_by("owner").all()] == [("ann", 0), ("bob", 5), ("cid", 5)]


def test_values_of_the_database_are_asked_for_again_after_an_undone_insert(database):
    class Ledger(Model):
        id: int | None = Field(default=None, primary_key=True)
        state: str = Field(db_default="open")
        rank: int | None = Field(default=None, db_default=7)

    database.create_tables(Ledger)
    ledgers = [Ledger(), Ledger(state="shut"), Ledger(rank=None)]
    with pytest.raises(TroubleError):
        with transaction():
            ledgers[0].save()
            Ledger.bulk_create(ledgers[1:])
            raise TroubleError
    Ledger.bulk_create(ledgers)
    assert [(ledger.state, ledger.rank) for ledger in ledgers] == [("open", 7), ("shut", 7), ("open", None)]


def test_a_key_that_was_undone_is_forgotten_where_assignments_are_checked(database):
    class Badge(Model):
        model_config = ConfigDict(validate_assignment=True)

        id: int | None = Field(default=None, primary_key=True)
        owner: str

    database.create_tables(Badge)
    badge = Badge(owner="ann")
    with pytest.raises(TroubleError):
        with transaction():
            badge.save()
            badge.owner = "anna"
            raise TroubleError
    assert (badge.id, badge.owner) == (None, "anna")
    Badge.create(owner="bob")
    badge.save()
    assert Badge.order_by("id").select(lambda b: b.owner).all() == ["bob", "anna"]


def test_what_was_assigned_after_an_undone_insert_wins_over_the_databases_values(database):
    class Basket(Model):
        id: int | None = Field(default=None, primary_key=True)
        fruits: list[str] = Field(db_default=["apple"])
        nuts: list[str] = Field(db_default=["walnut"])
        weight: int = Field(db_default=5)

    database.create_tables(Basket)
    basket = Basket()
    with pytest.raises(TroubleError):
        with transaction():
            basket.save()
            basket.fruits = ["pear"]
            basket.nuts.append("almond")
            basket.weight = 9
            raise TroubleError
    basket.save()
    found = Basket.get(basket.id)
    assert (found.fruits, found.nuts, found.weight) == (["pear"], ["walnut", "almond"], 9)


def test_a_second_try_saves_what_the_first_one_saved(database):
    ann = Account(owner="ann")
    tries: list[int] = []

    @transaction(retry=2)
    def open_account() -> None:
        tries.append(1)
        ann.save()
        if len(tries) == 1:
            raise SerializationError("another transaction was in the way")

    open_account()
    assert len(tries) == 2
    assert owners() == ["ann"]


def test_a_swallowed_error_takes_back_what_instances_remember(database):
    Account.create(owner="ann")
    bob = Account(owner="bob")
    with pytest.raises(TransactionAborted):
        with transaction():
            bob.save()
            with pytest.raises(UniqueViolationError):
                Account.create(owner="ann")
    bob.save()
    assert owners() == ["ann", "bob"]


def test_what_is_committed_stays_remembered(database):
    with transaction():
        ann = Account.create(owner="ann")
        ann.balance = 5
        ann.save()
    with sent() as statements:
        ann.save()
    assert statements == []


@pytest.mark.backends("sqlite")
def test_a_block_that_may_begin_as_a_reader_waits_where_it_begins_with_a_write(database, database_url):
    with transaction(immediate=False):
        with sent() as statements:
            Account.create(owner="ann")
    assert statements[0] == "BEGIN IMMEDIATE"
    with transaction(immediate=False):
        with sent() as statements:
            owners()
    assert statements[0] == "BEGIN"


def test_a_transaction_whose_database_is_dropped_meanwhile_is_an_error(database_url, database):
    told = []
    account = Account(owner="ann")
    other = connect(database_url, default=False)
    with pytest.raises(DatabaseConnectionError, match=": nothing of it is stored$"):
        with other.transaction() as block:
            other.save(account)
            block.on_commit(lambda: told.append("stored"))
            other.drop()
    assert (told, account.id, owners()) == ([], None, [])


@pytest.mark.backends("postgres")
def test_after_a_change_of_the_schema_the_next_transaction_is_well_again(database_url, database):
    def read() -> list[str]:
        with transaction():
            return owners()

    Account.create(owner="ann")
    for _ in range(4):
        read()
    with connect(database_url, default=False) as other:
        other.execute("ALTER TABLE account ALTER owner TYPE varchar(50)")
    with pytest.raises(OperationalError, match="cached plan must not change result type"):
        read()
    assert read() == ["ann"]
