"""A model class and its instances: Pydantic's promises kept, columns on the class, changes remembered."""

import copy
import gc
import inspect
import pickle
import pydoc
import sys
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, ConfigDict, PrivateAttr, TypeAdapter, ValidationError, computed_field, model_validator

from ferro.errors import ModelDefinitionError, UnknownColumnError
from ferro.fields import SET_BY_DATABASE, Field
from ferro.instance.marks import adopt, mark_deleted, mark_saved
from ferro.instance.state import changed_fields, is_loaded, loaded_key
from ferro.mixins import SoftDelete, Timestamps
from ferro.model import Mapped, ModelBase
from ferro.operations.hydrate import filler
from ferro.query.expressions import ColumnRef, Expression
from ferro.query.functions import now
from ferro.query.row import Row
from ferro.query.sources import source_of
from ferro.schema.registry import table_of

T = TypeVar("T")
M = TypeVar("M", bound=ModelBase)


class Address(BaseModel):
    street: str
    tags: list[str] = []


class User(ModelBase):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    age: int = 0
    address: Address | None = None
    extra: dict[str, Any] = Field(default_factory=dict)


class Strict(ModelBase):
    model_config = ConfigDict(validate_assignment=True)
    id: int
    low: int
    high: int

    @model_validator(mode="after")
    def ordered(self) -> "Strict":
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Labelled(ModelBase):
    labels: dict[str, Any] = Field(primary_key=True)


class Clamped(ModelBase):
    model_config = ConfigDict(validate_assignment=True)
    id: int
    low: int
    high: int

    @model_validator(mode="before")
    @classmethod
    def follow(cls, data: Any) -> Any:
        return data

    @model_validator(mode="after")
    def clamp(self) -> "Clamped":
        if self.high < self.low:
            self.__dict__["high"] = self.low
        return self


class Frozen(ModelBase):
    model_config = ConfigDict(frozen=True)
    id: int = Field(primary_key=True)
    name: str


class Open(ModelBase):
    model_config = ConfigDict(extra="allow")
    id: int
    name: str


class Counting(ModelBase):
    id: int
    name: str
    _reads: int = PrivateAttr(default=7)
    _seen: list[str] = PrivateAttr(default_factory=list)


class Hooked(ModelBase):
    id: int
    _double: int = PrivateAttr(default=0)

    def model_post_init(self, context: Any) -> None:
        self._double = self.id * 2


class Derived(ModelBase):
    id: int

    @cached_property
    def square(self) -> int:
        return self.id**2

    @computed_field
    def next(self) -> int:
        return self.id + 1


class Slotted(ModelBase):
    __slots__ = ("note",)
    id: int


class Box(ModelBase, Generic[T]):
    content: T


class IntBox(Box[int]):
    id: int


ROWS: list[tuple[type[ModelBase], dict[str, Any]]] = [
    (User, {"id": 1, "name": "Ann", "age": 3, "address": Address(street="A", tags=["x"]), "extra": {"a": [1]}}),
    (Strict, {"id": 1, "low": 2, "high": 3}),
    (Frozen, {"id": 1, "name": "Ann"}),
    (Open, {"id": 1, "name": "Ann"}),
    (Counting, {"id": 1, "name": "Ann"}),
    (Hooked, {"id": 4}),
    (Derived, {"id": 4}),
    (Slotted, {"id": 4}),
    (IntBox, {"id": 4, "content": 3}),
]
EVERY = pytest.mark.parametrize(("model", "values"), ROWS, ids=[model.__name__ for model, _ in ROWS])


# How many rows come with it: a few and many are filled in other ways.
AT_ONCE = 1


def load(model: type[M], **values: Any) -> M:
    """An instance as it comes from SQLite."""
    columns = table_of(model).columns
    dumps = [column.type.stored["sqlite"].dump for column in columns]
    row = [
        values[column.field] if dump is None or values[column.field] is None else dump(values[column.field])
        for column, dump in zip(columns, dumps, strict=True)
    ]
    return filler(model, columns, "sqlite")([tuple(row)] * AT_ONCE)[0]


def ann(**values: Any) -> User:
    return load(User, **{"id": 1, "name": "Ann", "age": 3, "address": None, "extra": {}, **values})


def test_a_misspelt_column_of_a_class_names_the_closest():
    with pytest.raises(AttributeError, match=r"^User has no attribute 'nmae'; did you mean 'name'\?$"):
        assert User.nmae
    with pytest.raises(AttributeError, match="^User has no attribute 'zzz'$"):
        assert User.zzz


class TestAHydratedInstanceIsAPydanticOne:
    @pytest.fixture(autouse=True, params=[1, 60], ids=["one row", "60 rows"])
    def _rows_at_once(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys.modules[__name__], "AT_ONCE", request.param)

    @EVERY
    def test_it_equals_the_constructed_one(self, model, values):
        assert load(model, **values) == model(**values)
        assert model(**values) == load(model, **values)
        assert load(model, **values) == load(model, **values)

    @EVERY
    def test_it_shows_like_the_constructed_one(self, model, values):
        assert repr(load(model, **values)) == repr(model(**values))
        assert str(load(model, **values)) == str(model(**values))

    @EVERY
    def test_it_dumps_like_the_constructed_one(self, model, values):
        made = model(**values)
        assert load(model, **values).model_dump() == made.model_dump()
        assert load(model, **values).model_dump(exclude_unset=True) == made.model_dump(exclude_unset=True)
        assert load(model, **values).model_dump_json() == made.model_dump_json()
        assert dict(load(model, **values)) == dict(made)

    @EVERY
    def test_its_slots_are_those_of_the_constructed_one(self, model, values):
        made = model(**values)
        assert load(model, **values).model_fields_set == made.model_fields_set == set(values)
        assert load(model, **values).model_extra == made.model_extra
        assert load(model, **values).__pydantic_private__ == made.__pydantic_private__

    @EVERY
    @pytest.mark.parametrize(
        "copied",
        [
            copy.copy,
            copy.deepcopy,
            ModelBase.model_copy,
            lambda one: one.model_copy(deep=True),
            lambda one: pickle.loads(pickle.dumps(one)),
        ],
    )
    def test_its_copies_equal_it_and_are_loaded(self, model, values, copied):
        one = load(model, **values)
        other = copied(one)
        assert other == one == model(**values)
        assert other is not one
        assert other.model_fields_set == set(values)
        assert is_loaded(other)
        assert not is_loaded(copied(model(**values)))
        assert changed_fields(other) == {}

    @EVERY
    def test_it_can_be_validated_again(self, model, values):
        one = load(model, **values)
        assert model.model_validate(one) is one
        assert TypeAdapter(list[model]).validate_python([load(model, **values)]) == [model(**values)]
        assert model.model_validate(load(model, **values).model_dump(exclude={"next"})) == model(**values)

    @EVERY
    def test_it_can_be_a_part_of_another_model(self, model, values):
        outer = type("Outer", (BaseModel,), {"__annotations__": {"inner": model}, "__module__": __name__})
        one = load(model, **values)
        assert outer(inner=one).inner is one
        assert outer(inner=load(model, **values)).model_dump() == outer(inner=model(**values)).model_dump()

    def test_it_can_be_read_by_attributes(self):
        class Name(BaseModel):
            model_config = ConfigDict(from_attributes=True)
            name: str
            extra: dict[str, Any]

        assert Name.model_validate(ann(extra={"a": 1})) == Name(name="Ann", extra={"a": 1})

    def test_attributes_can_be_set_and_deleted(self):
        one = ann()
        one.age = 9
        assert one.age == 9
        assert one.model_fields_set == {"id", "name", "age", "address", "extra"}
        del one.age
        del one.extra
        for name in ("age", "extra"):
            with pytest.raises(AttributeError, match=f"'User' object has no attribute '{name}'"):
                getattr(one, name)
        with pytest.raises(AttributeError):
            del one.extra
        with pytest.raises(ValueError, match='"User" object has no field "nam"'):
            one.nam = "x"

    def test_an_attribute_that_is_not_there_is_missing(self):
        with pytest.raises(AttributeError, match="'User' object has no attribute 'nam'"):
            print(ann().nam)
        assert not hasattr(ann(), "nam")

    def test_a_frozen_one_stays_frozen_and_hashable(self):
        one = load(Frozen, id=1, name="Ann")
        with pytest.raises(ValidationError, match="frozen"):
            one.name = "Bob"
        assert hash(one) == hash(Frozen(id=1, name="Ann"))
        assert changed_fields(one) == {}

    def test_assignment_is_validated_when_the_model_asks_for_it(self):
        one = load(Strict, id=1, low=2, high=3)
        with pytest.raises(ValidationError, match="low is above high"):
            one.low = 9
        with pytest.raises(ValidationError, match="valid integer"):
            one.high = "x"
        one.low = 2
        one.high = 7
        assert changed_fields(one) == {"high": 3}

    def test_extra_values_have_a_place(self):
        one = load(Open, id=1, name="Ann")
        assert one.model_extra == {}
        one.colour = "red"
        assert one.colour == "red"
        assert one.model_extra == {"colour": "red"}
        assert one == Open(id=1, name="Ann", colour="red")
        assert changed_fields(one) == {}

    def test_private_attributes_are_there_and_its_own(self):
        one, other = load(Counting, id=1, name="Ann"), load(Counting, id=1, name="Ann")
        assert one._reads == 7
        one._reads += 1
        one._seen.append("x")
        assert (one._reads, one._seen) == (8, ["x"])
        assert (other._reads, other._seen) == (7, [])
        assert pickle.loads(pickle.dumps(one))._reads == 8

    def test_post_init_runs_once_as_for_a_constructed_one(self):
        assert load(Hooked, id=4)._double == 8

    def test_cached_and_computed_properties_work(self):
        one = load(Derived, id=4)
        assert (one.square, one.square, one.next) == (16, 16, 5)
        assert one == Derived(id=4)
        assert one.model_fields_set == {"id"}
        assert one.model_dump() == {"id": 4, "next": 5}

    def test_its_own_slots_work(self):
        one = load(Slotted, id=1)
        object.__setattr__(one, "note", "x")
        assert one.note == "x"

    def test_it_can_be_referred_to_weakly(self):
        one = load(Slotted, id=1)
        assert weakref.ref(one)() is one

    def test_a_new_instance_takes_no_attributes_before_it_is_constructed(self):
        class Early(ModelBase):
            id: int

            def __init__(self, **data: Any) -> None:
                self.id = 3
                super().__init__(**data)

        with pytest.raises(AttributeError, match="__pydantic_fields_set__"):
            Early(id=4)

    def test_a_constructor_of_its_own_makes_new_instances(self):
        class Named(ModelBase):
            id: int

            def __init__(self, id: int) -> None:
                super().__init__(id=id)
                self.id += 1

        assert Named(3).id == 4
        assert not is_loaded(Named(3))


class TestLoadedOrNew:
    def test_a_constructed_instance_is_new_and_a_hydrated_one_loaded(self):
        assert not is_loaded(User(name="Ann"))
        assert not is_loaded(User.model_construct(name="Ann"))
        assert not is_loaded(User.model_validate({"name": "Ann"}))
        assert is_loaded(ann())

    @pytest.mark.parametrize("look", [repr, dict, lambda one: one.model_fields_set, lambda one: one == User(name="?")])
    def test_looking_at_it_changes_nothing(self, look):
        one, new = ann(), User(name="Ann")
        look(one), look(new)
        assert is_loaded(one)
        assert not is_loaded(new)
        assert changed_fields(one) == {}

    def test_saving_makes_it_loaded_and_deleting_new(self):
        one = User(name="Ann")
        mark_saved(one, {"id": 7})
        assert is_loaded(one)
        assert one == User(id=7, name="Ann", age=0, address=None, extra={})
        assert one.model_fields_set == {"id", "name"}
        one.name = "Bob"
        assert changed_fields(one) == {"name": "Ann"}
        mark_saved(one)
        assert changed_fields(one) == {}
        mark_deleted(one)
        assert not is_loaded(one)
        assert changed_fields(one) == {}

    def test_deleting_one_nobody_has_touched_makes_it_new(self):
        one = ann()
        mark_deleted(one)
        assert not is_loaded(one)
        assert one.model_dump()["name"] == "Ann"
        assert not is_loaded(pickle.loads(pickle.dumps(one)))


class TestChanges:
    def test_an_assignment_is_a_change_until_it_is_taken_back(self):
        one = ann()
        one.age = 4
        one.name = "Bob"
        one.age = 5
        assert changed_fields(one) == {"age": 3, "name": "Ann"}
        one.age = 3
        assert changed_fields(one) == {"name": "Ann"}

    def test_an_equal_value_of_another_type_is_a_change(self):
        class Price(ModelBase):
            id: int
            value: Decimal
            flag: bool

        one = load(Price, id=1, value=Decimal("1.0"), flag=True)
        one.value, one.flag = Decimal("1.0"), True
        assert changed_fields(one) == {}
        one.value = Decimal("1.00")
        assert str(changed_fields(one)["value"]) == "1.0"
        one.value, one.flag = Decimal("1.0"), 1
        assert changed_fields(one) == {"flag": True}

    def test_the_second_of_two_equal_clocks_is_a_change(self):
        class Alarm(ModelBase):
            id: int
            at: datetime

        # On that night half past two comes twice in Berlin, and the two are equal to Python.
        first = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
        one = Alarm(id=1, at=first)
        mark_saved(one)
        one.at = first.replace()
        assert changed_fields(one) == {}
        one.at = first.replace(fold=1)
        assert changed_fields(one) == {"at": first}

    def test_values_validators_set_are_changes_too(self):
        one = load(Clamped, id=1, low=1, high=3)
        one.low = 5
        assert one.high == 5
        assert changed_fields(one) == {"low": 1, "high": 3}

    def test_a_changed_key_is_remembered_as_it_was(self):
        one = ann()
        assert loaded_key(one) == (1,)
        one.id = 9
        assert loaded_key(one) == (1,)
        assert changed_fields(one) == {"id": 1}
        mark_saved(one)
        assert loaded_key(one) == (9,)

    def test_a_changed_document_that_is_a_key_is_remembered_as_it_was(self):
        one = load(Labelled, labels={"a": [1]})
        one.labels["a"].append(2)
        assert loaded_key(one) == ({"a": [1]},)
        one.labels = {}
        assert loaded_key(one) == ({"a": [1]},)

    @pytest.mark.parametrize(
        ("edit", "changed"),
        [
            (lambda one: one.extra.update(b=2), {"extra": {"a": [1]}}),
            (lambda one: one.extra["a"].append(2), {"extra": {"a": [1]}}),
            (lambda one: one.extra.update(a=[True]), {"extra": {"a": [1]}}),
            (lambda one: one.address.tags.append("y"), {"address": Address(street="A", tags=["x"])}),
            (lambda one: setattr(one.address, "street", "B"), {"address": Address(street="A", tags=["x"])}),
            (lambda one: setattr(one, "extra", {}), {"extra": {"a": [1]}}),
            (lambda one: setattr(one, "address", None), {"address": Address(street="A", tags=["x"])}),
            (lambda one: setattr(one, "extra", {"a": [1]}), {}),
            (lambda one: (one.extra["a"].append(2), one.extra["a"].pop()), {}),
            (lambda one: (one.extra, one.address.tags, one.model_dump(), repr(one)), {}),
            (lambda one: dict(one)["extra"]["a"].append(2), {"extra": {"a": [1]}}),
            (lambda one: copy.copy(one).extra["a"].append(2), {"extra": {"a": [1]}}),
            (lambda one: copy.deepcopy(one).extra["a"].append(2), {}),
        ],
    )
    def test_a_value_edited_in_place_is_a_change_and_one_looked_at_is_none(self, edit, changed):
        one = ann(extra={"a": [1]}, address=Address(street="A", tags=["x"]))
        edit(one)
        assert changed_fields(one) == changed

    def test_a_null_that_becomes_a_document_is_a_change(self):
        one = ann()
        one.address = Address(street="B")
        assert changed_fields(one) == {"address": None}

    def test_what_a_user_held_before_saving_is_watched_after_it(self):
        one = User(name="Ann", extra={"a": 1})
        held = one.extra
        mark_saved(one, {"id": 1})
        held["b"] = 2
        assert changed_fields(one) == {"extra": {"a": 1}}

    def test_saving_some_fields_leaves_the_others_changed(self):
        one = ann(extra={"a": 1})
        one.age, one.name = 4, "Bob"
        one.extra["b"] = 2
        mark_saved(one, sent={"age": 4})
        assert changed_fields(one) == {"name": "Ann", "extra": {"a": 1}}
        mark_saved(one, sent={"extra": one.extra})
        assert changed_fields(one) == {"name": "Ann"}

    def test_what_is_assigned_while_saving_stays_a_change(self):
        one = ann()
        one.age = 4
        sent = {"age": one.age}
        one.age = 5
        mark_saved(one, sent=sent)
        assert changed_fields(one) == {"age": 4}
        new = User(name="Ann")
        sent = dict(vars(new))
        new.name = "Bob"
        mark_saved(new, {"id": 1}, sent=sent)
        assert changed_fields(new) == {"name": "Ann"}

    def test_refreshing_overwrites_changes_or_keeps_them(self):
        one = ann(extra={"a": 1})
        one.age = 4
        one.extra["b"] = 2
        fresh = {"id": 1, "name": "Cid", "age": 8, "address": None, "extra": {"a": 0}}
        adopt(one, fresh, changed_fields(one))
        assert (one.name, one.age, one.extra) == ("Cid", 4, {"a": 1, "b": 2})
        assert changed_fields(one) == {"age": 8, "extra": {"a": 0}}
        adopt(one, fresh)
        assert (one.name, one.age, one.extra) == ("Cid", 8, {"a": 0})
        assert changed_fields(one) == {}
        one.extra["c"] = 1
        assert changed_fields(one) == {"extra": {"a": 0}}

    def test_a_copy_has_the_changes_and_its_own_from_then_on(self):
        one = ann()
        one.age = 4
        for other in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one)), one.model_copy()):
            other.name = "Bob"
            assert changed_fields(other) == {"age": 3, "name": "Ann"}
        assert changed_fields(one) == {"age": 3}

    def test_a_copy_with_other_values_is_changed_in_those(self):
        one = ann(extra={"a": 1})
        other = one.model_copy(update={"name": "Bob", "extra": {"b": 1}, "age": 3})
        assert changed_fields(other) == {"name": "Ann", "extra": {"a": 1}}
        assert changed_fields(one) == {}

    def test_a_copy_under_another_key_is_a_new_row(self):
        assert not is_loaded(ann().model_copy(update={"id": None}))
        assert is_loaded(ann().model_copy(update={"id": 1}))

    def test_an_edit_the_database_would_refuse_is_a_change(self):
        one = ann(extra={"a": 1})
        one.extra["a"] = float("nan")
        assert changed_fields(one) == {"extra": {"a": 1}}

    def test_changes_to_one_instance_are_seen_by_no_other(self):
        one, other = ann(), ann()
        repr(one), repr(other)
        one.age = 9
        assert changed_fields(other) == {}


class TestValuesOfTheDatabase:
    def test_a_field_the_database_fills_in_can_be_left_out(self):
        class Event(ModelBase):
            id: int | None = Field(default=None, primary_key=True)
            created: datetime = Field(db_default=now)

        event = Event()
        assert event.created is SET_BY_DATABASE
        assert repr(event) == "Event(id=None, created=<set by the database>)"
        assert event.model_fields_set == set()
        assert copy.deepcopy(event).created is SET_BY_DATABASE
        assert pickle.loads(pickle.dumps(event.created)) is SET_BY_DATABASE
        mark_saved(event, {"id": 1, "created": datetime(2024, 1, 1)})
        assert event.created == datetime(2024, 1, 1)
        assert Event(created=datetime(2025, 1, 1)).created == datetime(2025, 1, 1)

    def test_a_default_of_its_own_goes_first(self):
        class Event(ModelBase):
            created: datetime | None = Field(default=None, db_default=now)

        assert Event().created is None


class TestTheClass:
    def test_a_field_of_the_class_is_a_column(self):
        assert isinstance(User.age, ColumnRef)
        assert repr((User.age >= 18) & (User.name == "Ann")) == "((user.age >= 18) AND (user.name == 'Ann'))"
        assert repr(User.extra) == "user.extra"
        with pytest.raises(AttributeError):
            print(User.agee)
        assert not hasattr(User, "agee")
        assert getattr(User, "agee", None) is None

    def test_an_abstract_base_has_no_columns(self):
        class Base(ModelBase):
            __ferro_abstract__ = True
            age: int

        assert not hasattr(Base, "age")

    def test_a_child_inherits_fields_not_columns(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")

            class Child(User):
                age: int
                level: int = 1
                extra: dict[str, int] = Field(default={"a": 1})

        assert Child.model_fields["age"].is_required()
        assert Child(name="Ann", age=2).model_dump() == {
            "id": None, "name": "Ann", "age": 2, "address": None, "extra": {"a": 1}, "level": 1,
        }  # fmt: skip
        assert repr(Child.age) == "child.age"
        assert repr(Child.name) == "child.name"
        assert repr(User.name) == "user.name"

    def test_a_child_may_change_a_document_into_a_plain_value(self):
        class Plain(User):
            extra: str = "x"

        one = load(Plain, id=1, name="Ann", age=3, address=None, extra="y")
        assert one.extra == "y"
        one.extra = "z"
        assert changed_fields(one) == {"extra": "y"}

    def test_a_field_may_be_called_like_a_method_of_its_base(self):
        class Base(ModelBase):
            __ferro_abstract__ = True

            @classmethod
            def count(cls) -> str:
                return f"{cls.__name__} counted"

            def first(self) -> str:
                return "first"

        with warnings.catch_warnings():
            warnings.simplefilter("error")

            class Total(Base):
                count: int

            class SubTotal(Total):
                of: str = ""

        for model in (Total, SubTotal):
            with pytest.raises(ValidationError, match="count"):
                model()
            assert model(count=3).count == 3
            assert model(count=3).first() == "first"
            assert table_of(model).columns[0].field == "count"
        # On the class it is the column, as every field is; the base keeps its method.
        assert repr(Total.count) == "total.count"
        assert repr(SubTotal.count) == "subtotal.count"
        assert Base.count() == "Base counted"

    def test_completion_offers_the_columns(self):
        assert {"id", "name", "age", "extra", "model_dump"} <= set(dir(User))
        assert "name" in dir(ann())

    def test_inspection_tools_survive(self):
        assert dict(inspect.getmembers(User))["model_dump"] is not None
        assert "class User" in pydoc.render_doc(User)
        assert list(inspect.signature(User).parameters) == ["id", "name", "age", "address", "extra"]
        assert copy.copy(User) is copy.deepcopy(User) is User
        assert pickle.loads(pickle.dumps(User)) is User

    def test_classes_can_be_told_apart_hashed_and_be_schemas(self):
        assert {User: 1}[User] == 1
        assert User.model_json_schema()["properties"]["age"] == {"default": 0, "title": "Age", "type": "integer"}

    def test_ferro_fields_are_those_ferro_was_told_about(self):
        assert list(User.ferro_fields) == ["id"]
        assert User.ferro_fields["id"].primary_key is True

    def test_docstrings_of_attributes_describe_them(self):
        assert Documented.model_fields["name"].description == "What it is called."
        assert DocumentedAndStamped.model_fields["name"].description == "What it is called, and since when."

    def test_names_around_a_class_are_not_kept_alive(self):
        def define() -> tuple[type[ModelBase], weakref.ref[Any]]:
            around = Address(street="A")

            class Local(ModelBase):
                id: int

            return Local, weakref.ref(around)

        local, around = define()
        gc.collect()
        assert around() is None
        assert local(id=1).id == 1

    def test_classes_are_defined_in_threads_at_once(self):
        def define(_: int) -> type[ModelBase]:
            return type(ModelBase)("Child", (User,), {"__module__": __name__, "__annotations__": {"age": int}})

        with ThreadPoolExecutor(4) as threads:
            made = threads.map(define, range(80))
            assert {repr(User.age) for _ in range(2000)} == {"user.age"}
            assert all(model.model_fields["age"].is_required() for model in made)

    def test_threads_that_need_a_late_table_get_the_same_one(self, monkeypatch):
        with ThreadPoolExecutor(4) as threads:
            for at in range(20):
                name = f"Missing{at}"
                late = type(ModelBase)("Late", (ModelBase,), {"__module__": __name__, "__annotations__": {"of": name}})
                monkeypatch.setattr(sys.modules[__name__], name, int, raising=False)
                assert len(set(map(id, threads.map(table_of, [late] * 4)))) == 1

    def test_mapped_is_nothing_but_its_type(self):
        class Book(ModelBase):
            id: Mapped[int | None] = Field(default=None, primary_key=True)
            title: "Mapped[str]"

        assert Book.model_fields["title"].annotation is str
        assert [(column.type.kind, column.nullable) for column in table_of(Book).columns] == [
            ("int", False),
            ("text", False),
        ]
        assert isinstance(Book.title.ilike("%x%"), Expression)

    def test_misspelling_in_a_predicate_names_the_column(self):
        with pytest.raises(UnknownColumnError, match="did you mean 'age'"):
            from_row(lambda u: u.agee)

    def test_something_undefined_says_so_when_a_column_is_asked_for(self):
        late = type(ModelBase)("Late", (ModelBase,), {"__module__": __name__, "__annotations__": {"of": "Missing"}})
        with pytest.raises(ModelDefinitionError, match="Late refers to 'Missing', which is not defined"):
            table_of(late)
        with pytest.raises(AttributeError, match="Late refers to 'Missing', which is not defined"):
            print(late.of)


class Documented(ModelBase):
    name: str
    """What it is called."""


class DocumentedAndStamped(SoftDelete, Timestamps):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    """What it is called, and since when."""


def from_row(predicate: Any) -> Any:
    return predicate(Row(source_of(table_of(User))))
