"""What is done in a session is what is done without one: the same answers, the same errors, the same rows."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeAlias

from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ferro.errors import FerroError
from ferro.fields import Field
from ferro.instance.state import changed_fields
from ferro.schema.registry import active, declared
from ferro.sync import Database, Model, session


class Coin(Model):
    id: int = Field(primary_key=True)
    owner: str | None = Field(default=None, unique=True)
    worth: int = 0
    marks: list[int] = Field(default_factory=list)


# Other tests, which create all tables there are, need not know of it.
for known in (declared, active):
    known.pop("Coin")


class Trouble(Exception):
    """What a block raises by itself."""


@dataclass(frozen=True)
class Do:
    """One call, with a key, an owner and a number to use in it."""

    verb: str
    key: int
    owner: str | None
    number: int


@dataclass(frozen=True)
class Block:
    """Steps in a transaction, or in a savepoint; one that fails is survived by those around it."""

    steps: tuple["Step", ...]
    fails: bool


Step: TypeAlias = Do | Block

VERBS = (
    "create", "many", "get", "read", "change", "edit in place", "refresh", "delete", "update all", "delete all",
    "upsert", "get or create", "update or create", "raw", "save over", "move",
)  # fmt: skip

keys = st.integers(1, 4)
calls = st.builds(Do, st.sampled_from(VERBS), keys, st.none() | st.sampled_from("ab"), st.integers(0, 9))


def blocks(steps: SearchStrategy[Step]) -> SearchStrategy[Step]:
    return st.builds(Block, st.lists(steps, max_size=4).map(tuple), st.booleans())


steps = st.recursive(calls, blocks, max_leaves=8)


class Program:
    """Runs steps, and writes down what each has shown. Objects are kept, so that a map finds them again."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.kept: list[Coin] = []
        self.shown: list[Any] = []

    def run(self, todo: list[Step]) -> None:
        for step in todo:
            try:
                if isinstance(step, Block):
                    with self.db.transaction():
                        self.run(list(step.steps))
                        if step.fails:
                            raise Trouble
                else:
                    self.show(self.call(step))
            except FerroError as error:
                self.shown.append(type(error).__name__)
            except Trouble:
                self.shown.append("undone")

    def show(self, answer: Any) -> None:
        found = answer if isinstance(answer, list) else [answer]
        self.kept += [one for one in found if isinstance(one, Coin)]
        self.shown.append([one.model_dump() if isinstance(one, Coin) else one for one in found])

    def call(self, do: Do) -> Any:
        db, key, owner, number = self.db, do.key, do.owner, do.number
        rows = db.query(Coin).order_by("id")
        match do.verb:
            case "create":
                return db.create(Coin, id=key, owner=owner, worth=number)
            case "many":
                return db.bulk_create(Coin, [Coin(id=key, worth=number), Coin(id=key % 4 + 1, worth=number)])
            case "get":
                return db.get_or_none(Coin, key)
            case "read":
                return rows.where(lambda c: c.worth >= number).all()
            case "update all":
                return rows.where(lambda c: c.id <= key).update(worth=number)
            case "delete all":
                return rows.where(lambda c: c.worth < number - 5).delete()
            case "upsert":
                return db.upsert(Coin, key="id", id=key, owner=owner, worth=number)
            case "get or create":
                return list(db.get_or_create(Coin, {"worth": number, "owner": owner}, id=key))
            case "update or create":
                return list(db.update_or_create(Coin, {"worth": number, "owner": owner}, id=key))
            case "raw":
                return db.execute(f"UPDATE coin SET worth = {number} WHERE id = {key}")
            case "save over":
                coin = Coin(id=key, owner=owner, worth=number)
                db.save(coin, on_conflict="update")
                return coin
            case _:
                return self.change(db.get(Coin, key), do)

    def change(self, coin: Coin, do: Do) -> Any:
        match do.verb:
            case "change":
                coin.owner, coin.worth = do.owner, do.number
            case "edit in place":
                coin.marks.append(do.number)
            case "move":
                coin.id = do.key + 10
            case "refresh":
                coin.worth = -1
                self.db.refresh(coin)
                return coin
            case _:
                return self.db.delete(coin)
        try:
            self.db.save(coin)
        except FerroError:
            # What could not be saved stays as an edit, and only in a session would the next read show it.
            for name, value in changed_fields(coin).items():
                setattr(coin, name, value)
            raise
        return coin


def outcome(db: Database, todo: list[Step], *, inside: bool) -> tuple[list[Any], list[Any]]:
    db.query(Coin).delete()
    program = Program(db)
    with session(db) if inside else nullcontext():
        program.run(todo)
    return program.shown, [coin.model_dump() for coin in db.query(Coin).order_by("id").all()]


@settings(max_examples=150)
@given(todo=st.lists(steps, max_size=10))
def test_a_session_changes_nothing_but_which_object_is_which(databases: Mapping[str, Database], todo: list[Step]):
    for name, db in databases.items():
        note(name)
        db.create_tables(Coin)
        assert outcome(db, todo, inside=True) == outcome(db, todo, inside=False)


@settings(max_examples=50)
@given(todo=st.lists(steps, max_size=10))
def test_in_a_session_every_read_of_a_row_is_the_same_object(databases: Mapping[str, Database], todo: list[Step]):
    for db in databases.values():
        db.create_tables(Coin)
        db.query(Coin).delete()
        with session(db):
            program = Program(db)
            program.run(todo)
            first = db.query(Coin).order_by("id").all()
            assert [db.get(Coin, coin.id) for coin in first] == first
            assert all(db.get(Coin, coin.id) is coin for coin in first)
