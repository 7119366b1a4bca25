"""From a class body to a table."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, ClassVar, Generic, Literal, Optional, TypeVar

import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, PrivateAttr, computed_field, create_model

from ferro.errors import ModelDefinitionError
from ferro.fields import FERRO_FIELD_EXTRA_KEY, FerroField, Field, varchar
from ferro.model import ModelBase
from ferro.query.functions import now
from ferro.rules import Check
from ferro.schema.registry import table_of

T = TypeVar("T")


class Role(Enum):
    READER = "reader"
    WRITER = "writer"


def facts(model: type) -> list[tuple[str, str, bool]]:
    return [(column.name, column.type.kind, column.nullable) for column in table_of(model).columns]


def names(constraints: tuple[Any, ...]) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.name, tuple(column.name for column in one.columns)) for one in constraints]


def define(**body: Any) -> type[ModelBase]:
    """A model named Event with these fields: `payload=(dict, ...)`, and these attributes."""
    attributes = {name: value for name, value in body.items() if name.startswith("__")}
    base = type(ModelBase)("Base", (ModelBase,), {"__module__": __name__, "__ferro_abstract__": True, **attributes})
    fields = {name: value for name, value in body.items() if not name.startswith("__")}
    return create_model("Event", __base__=base, __module__=__name__, **fields)


class TestColumns:
    def test_columns_stand_in_the_order_of_the_class_body(self):
        class Book(ModelBase):
            title: str
            id: int | None = Field(default=None, primary_key=True)
            price: Decimal

        table = table_of(Book)
        assert table.name == "book"
        assert facts(Book) == [("title", "text", False), ("id", "int", False), ("price", "decimal", False)]
        assert [column.name for column in table.primary_key] == ["id"]

    @pytest.mark.parametrize(
        ("annotation", "nullable"),
        [
            (int, False),
            (Optional[int], True),
            (Annotated[int | None, "any"], True),
            (Annotated[int, "any"], False),
            (Literal["a", None], True),
            (dict[str, Any] | None, True),
        ],
    )
    def test_a_column_is_nullable_when_its_annotation_admits_none(self, annotation, nullable):
        assert table_of(define(value=(annotation, ...))).by_field["value"].nullable is nullable

    def test_a_default_does_not_make_a_column_nullable(self):
        class Book(ModelBase):
            pages: int = 0
            tags: list[str] = Field(default_factory=list)

        assert [column.nullable for column in table_of(Book).columns] == [False, False]

    def test_nullable_overrules_the_annotation(self):
        class Book(ModelBase):
            a: int | None = Field(default=None, nullable=False)
            b: int = Field(nullable=True)

        assert facts(Book) == [("a", "int", False), ("b", "int", True)]

    def test_nullable_is_infer_or_a_bool(self):
        with pytest.raises(TypeError, match=r"^Field nullable must be 'infer', True, or False$"):
            Field(nullable="yes")
        with pytest.raises(TypeError, match=r"^FerroField nullable must be 'infer', True, or False$"):
            FerroField(nullable=1)

    def test_a_primary_key_is_never_null(self):
        with pytest.raises(ModelDefinitionError, match=r"Event\.id: a primary key cannot be nullable"):
            define(id=(int | None, Field(default=None, primary_key=True, nullable=True)))

    def test_what_is_no_field_is_no_column(self):
        class Book(ModelBase):
            id: int
            shelves: ClassVar[int] = 3
            _cache: dict[str, int] = PrivateAttr(default_factory=dict)

            @computed_field
            def twice(self) -> int:
                return self.id * 2

        assert facts(Book) == [("id", "int", False)]

    def test_a_column_can_have_a_name_of_its_own(self):
        class Book(ModelBase):
            kind: str = Field(column="class", index=True)

        table = table_of(Book)
        assert (table.columns[0].name, table.columns[0].field) == ("class", "kind")
        assert names(table.indexes) == [("idx_book_class", ("class",))]

    @pytest.mark.parametrize("name", ["", "a\0b", "x" * 64])
    def test_a_column_name_must_be_one_databases_take(self, name):
        with pytest.raises(ModelDefinitionError, match=r"Event\.kind: a column is named by 1 to 63 bytes of text"):
            define(kind=(str, Field(column=name)))

    def test_two_fields_cannot_be_one_column_not_even_in_another_case(self):
        with pytest.raises(ModelDefinitionError, match=r"Event\.B: 'a' already is the column 'A'"):
            define(a=(int, ...), B=(int, Field(column="A")))

    def test_a_type_that_cannot_be_stored_is_refused_naming_the_field_and_the_ways_out(self):
        with pytest.raises(
            ModelDefinitionError, match=r"^Event\.payload: object cannot be stored .* ClassVar"
        ) as caught:
            define(payload=(object, ...))
        assert isinstance(caught.value, TypeError)
        assert isinstance(caught.value, ValueError)

    def test_a_db_type_that_does_not_fit_is_refused(self):
        with pytest.raises(ModelDefinitionError, match=r'^Event\.n: int cannot be stored as db_type="date"'):
            define(n=(int, Field(db_type="date")))

    def test_a_field_not_named_by_an_identifier_is_refused(self):
        with pytest.raises(ModelDefinitionError, match="must be named by a Python identifier"):
            define(**{"a b": (int, ...)})

    def test_a_model_as_a_column_is_taken_for_a_forgotten_foreign_key(self):
        class Author(ModelBase):
            id: int = Field(primary_key=True)

        with pytest.raises(ModelDefinitionError, match=r"Event\.author: Author is a table of its own"):
            define(author=(Author | None, None))
        with pytest.raises(ModelDefinitionError, match=r"Event\.authors: Author is a table of its own"):
            define(authors=(list[Author], ...))
        assert facts(define(author=(Author, Field(db_type="json")))) == [("author", "json", False)]


class TestSpellings:
    def test_metadata_can_be_assigned_annotated_or_an_object(self):
        class Assigned(ModelBase):
            id: int | None = Field(default=None, primary_key=True)
            name: str = Field(unique=True)

        class InAnnotation(ModelBase):
            id: Annotated[int | None, Field(default=None, primary_key=True)]
            name: Annotated[str, Field(unique=True)]

        class AsObject(ModelBase):
            id: Annotated[int | None, FerroField(primary_key=True)] = None
            name: Annotated[str, FerroField(unique=True)]

        for model in (Assigned, InAnnotation, AsObject):
            id_, name = table_of(model).columns
            assert (id_.primary_key, id_.autoincrement, id_.nullable) == (True, True, False)
            assert names(table_of(model).uniques) == [(f"uq_{model.__name__.lower()}_name", ("name",))]
            assert model(name="x").id is None
            assert name.primary_key is False
            assert {field: (o.primary_key, o.unique) for field, o in model.ferro_fields.items()} == {
                "id": (True, False),
                "name": (False, True),
            }

    def test_plain_pydantic_metadata_is_honoured_and_not_listed(self):
        class User(ModelBase):
            id: int = pydantic.Field(json_schema_extra={"primary_key": True})
            email: str = pydantic.Field(json_schema_extra={"unique": True})
            name: str = pydantic.Field(json_schema_extra={"index": True, "db_type": "varchar(5)"})

        table = table_of(User)
        assert (table.columns[0].primary_key, table.columns[0].autoincrement) == (True, True)
        assert names(table.uniques) == [("uq_user_email", ("email",))]
        assert names(table.indexes) == [("idx_user_name", ("name",))]
        assert table.columns[2].type.stored["postgresql"].name == "varchar(5)"
        assert User.ferro_fields == {}

    def test_other_extra_schema_says_nothing_about_the_column(self):
        class User(ModelBase):
            name: str = pydantic.Field(json_schema_extra={"nullable": True, "example": "Ann"})

        assert facts(User) == [("name", "text", False)]

    def test_saying_it_twice_is_an_error(self):
        with pytest.raises(TypeError, match=r"^Field 'id' cannot declare Ferro field metadata twice \("):

            class User(ModelBase):
                id: Annotated[int | None, FerroField(primary_key=True)] = Field(default=None, index=True)

    def test_options_need_a_json_schema_that_is_no_callable(self):
        with pytest.raises(TypeError, match="json_schema_extra that is a callable"):
            Field(primary_key=True, json_schema_extra=lambda schema: None)

    def test_options_are_part_of_the_json_schema_whatever_their_values(self):
        class User(ModelBase):
            id: int | None = Field(default=None, primary_key=True, json_schema_extra={"example": 1})
            since: datetime = Field(db_default=now)
            price: Decimal = Field(default=Decimal(1), db_default=Decimal("1.50"))

        schema = json.loads(json.dumps(User.model_json_schema()))
        assert schema["properties"]["id"][FERRO_FIELD_EXTRA_KEY] == {"primary_key": True}
        assert schema["properties"]["id"]["example"] == 1
        assert schema["properties"]["since"][FERRO_FIELD_EXTRA_KEY] == {"db_default": "now"}
        assert "required" not in schema
        assert table_of(User).by_field["since"].default is now
        assert table_of(User).by_field["price"].default == Decimal("1.50")

    def test_pydantic_keywords_keep_their_meaning(self):
        class User(ModelBase):
            name: str = Field(unique=True, min_length=2, alias="userName", description="The name")

        with pytest.raises(pydantic.ValidationError, match="at least 2 characters"):
            User(userName="x")
        assert User(userName="Ann").name == "Ann"
        assert User.model_fields["name"].description == "The name"
        assert facts(User) == [("name", "text", False)]


class TestKeys:
    @pytest.mark.parametrize(
        ("annotation", "field", "autoincrement"),
        [
            (int, Field(primary_key=True), True),
            (int | None, Field(default=None, primary_key=True), True),
            (int, Field(primary_key=True, autoincrement=False), False),
            (int, Field(primary_key=True, db_default=7), False),
            (str, Field(primary_key=True), False),
            (bool, Field(primary_key=True), False),
        ],
    )
    def test_the_only_integer_primary_key_is_numbered_unless_told_otherwise(self, annotation, field, autoincrement):
        assert table_of(define(id=(annotation, field))).columns[0].autoincrement is autoincrement

    def test_columns_of_a_composite_key_are_not_numbered(self):
        model = define(a=(int, Field(primary_key=True)), b=(int, Field(primary_key=True)), c=(int, ...))
        assert [column.name for column in table_of(model).primary_key] == ["a", "b"]
        assert [column.autoincrement for column in table_of(model).columns] == [False, False, False]

    @pytest.mark.parametrize(
        "fields",
        [
            {"id": (str, Field(primary_key=True, autoincrement=True))},
            {"id": (int, Field(autoincrement=True))},
            {"id": (int, Field(primary_key=True, autoincrement=True)), "b": (int, Field(primary_key=True))},
        ],
    )
    def test_what_cannot_be_numbered_is_refused(self, fields):
        with pytest.raises(
            ModelDefinitionError, match=r"Event\.id: only a single integer primary key .* autoincrement"
        ):
            define(**fields)

    def test_a_model_may_have_no_primary_key(self):
        assert table_of(define(message=(str, ...))).primary_key == ()

    def test_a_unique_primary_key_needs_no_second_constraint(self):
        assert table_of(define(id=(int, Field(primary_key=True, unique=True)))).uniques == ()

    def test_a_unique_column_needs_no_second_index(self):
        table = table_of(define(id=(int, Field(unique=True, index=True))))
        assert names(table.uniques) == [("uq_event_id", ("id",))]
        assert table.indexes == ()


class TestTableNames:
    def test_the_name_is_the_class_name_in_lower_case_or_given(self):
        class ChessGame(ModelBase):
            id: int

        class Other(ModelBase):
            __ferro_table__ = "Games_2"
            id: int

        assert table_of(ChessGame).name == "chessgame"
        assert table_of(Other).name == "Games_2"

    def test_a_given_name_is_not_inherited(self):
        class Game(ModelBase):
            __ferro_table__ = "games"
            id: int

        class Match(Game):
            pass

        assert table_of(Match).name == "match"

    @pytest.mark.parametrize("name", ["", "2games", "a-b", 'a"b', "x" * 64, 3, "games\n"])
    def test_a_name_that_is_none_is_refused(self, name):
        with pytest.raises(ModelDefinitionError, match=r"Game\.__ferro_table__ must be a name of at most 63 letters"):
            type(ModelBase)("Game", (ModelBase,), {"__module__": __name__, "__ferro_table__": name})

    def test_a_class_name_that_is_too_long_is_refused(self):
        with pytest.raises(ModelDefinitionError, match="choose a shorter name with __ferro_table__"):
            type(ModelBase)("G" * 64, (ModelBase,), {"__module__": __name__})


class TestGroups:
    def test_groups_keep_their_order_and_are_named_after_it(self):
        class Seat(ModelBase):
            row: int
            number: int = Field(column="no")
            hall: int
            __ferro_composite_uniques__ = (("row", "number"), ("number", "row"), ("row", "number"))
            __ferro_composite_indexes__ = (("hall", "row"),)

        table = table_of(Seat)
        assert names(table.uniques) == [("uq_seat_row_no", ("row", "no")), ("uq_seat_no_row", ("no", "row"))]
        assert names(table.indexes) == [("idx_seat_hall_row", ("hall", "row"))]

    def test_long_names_are_cut_as_they_always_were(self):
        class Measurement(ModelBase):
            temperature_in_degrees: int
            pressure_in_hectopascal: int
            humidity_in_percent: int = Field(index=True)
            __ferro_composite_uniques__ = (("temperature_in_degrees", "pressure_in_hectopascal"),)
            __ferro_composite_indexes__ = (
                ("pressure_in_hectopascal", "temperature_in_degrees", "humidity_in_percent"),
            )
            __ferro_checks__ = (Check("x" * 60, lambda m: m.humidity_in_percent > 0),)

        table = table_of(Measurement)
        unique = "uq_measurement_temperature_in_degrees_pressure_in_hectopascal"
        assert len(unique) == 61
        assert names(table.uniques)[0][0] == unique
        assert [index.name for index in table.indexes] == [
            "idx_measurement_humidity_in_percent",
            "idx_measurement_pressure_in_hectopascal_temperature_in_degr_idx",
        ]
        assert table.checks[0].name == "ck_measurement_" + "x" * 45 + "_ck"
        assert [len(index.name) for index in table.indexes[1:]] == [63]

    def test_a_long_unique_keeps_sixty_characters(self):
        class Thing(ModelBase):
            a: int = Field(column="a" * 40)
            b: int = Field(column="b" * 40)
            __ferro_composite_uniques__ = (("a", "b"),)

        assert table_of(Thing).uniques[0].name == "uq_thing_" + "a" * 40 + "_" + "b" * 10 + "_uq"

    def test_two_constraints_of_one_name_are_refused(self):
        with pytest.raises(ModelDefinitionError, match="would both be named"):

            class Thing(ModelBase):
                a: int = Field(column="a" * 40)
                b: int = Field(column="b" * 20 + "1")
                c: int = Field(column="b" * 20 + "2")
                __ferro_composite_uniques__ = (("a", "b"), ("a", "c"))

    @pytest.mark.parametrize(
        ("groups", "problem"),
        [
            ([("a", "b")], "must be a tuple of tuples of field names"),
            ((["a", "b"],), "must hold tuples of field names"),
            (("a", "b"), "must hold tuples of field names"),
            (((1, "a"),), "must name fields by non-empty strings"),
            ((("", "a"),), "must name fields by non-empty strings"),
            ((("a",),), r"needs at least two columns in \('a',\): for a single one use Field\(unique=True\)"),
            ((("a", "c"),), "references unknown column 'c': the fields are a, b"),
            ((("a", "a"),), "names a column twice"),
        ],
    )
    def test_a_group_that_makes_no_sense_is_refused(self, groups, problem):
        with pytest.raises(ModelDefinitionError, match=r"^Event\.__ferro_composite_uniques__ " + problem):
            define(a=(int, ...), b=(int, ...), __ferro_composite_uniques__=groups)

    def test_an_index_over_a_unique_group_is_dropped_with_a_warning(self):
        with pytest.warns(UserWarning, match=r"Event: \(a, b\) is unique, and so has an index already"):
            model = define(
                a=(int, ...),
                b=(int, ...),
                __ferro_composite_uniques__=(("a", "b"),),
                __ferro_composite_indexes__=(("a", "b"), ("b", "a")),
            )
        assert names(table_of(model).indexes) == [("idx_event_b_a", ("b", "a"))]


class TestChecks:
    def test_a_check_is_named_after_the_table_and_its_suffix(self):
        class Product(ModelBase):
            price: int
            cost: int
            __ferro_checks__ = (Check("margin", lambda p: (p.price > p.cost) | (p.cost == None)),)

        assert [check.name for check in table_of(Product).checks] == ["ck_product_margin"]

    def test_a_check_may_use_values_from_around_it(self):
        lowest = 3

        class Product(ModelBase):
            price: int
            __ferro_checks__ = (Check("price", lambda p: p.price > lowest),)

        assert len(table_of(Product).checks) == 1

    @pytest.mark.parametrize(
        ("predicate", "problem"),
        [
            (lambda m: m.prize > 0, "has no column 'prize'; did you mean 'price'"),
            (lambda m: m.price > "x", "int"),
            (lambda m: m.price > 0 and m.price < 9, "no truth value"),
            (lambda m: True, "condition"),
            (lambda m: m.price.sum() > 3, "a check sees one row, and cannot aggregate"),
        ],
    )
    def test_mistakes_show_when_the_class_is_defined(self, predicate, problem):
        with pytest.raises(ModelDefinitionError, match=rf"Event\.__ferro_checks__ \(ck_event_price\): .*{problem}"):
            define(price=(int, ...), __ferro_checks__=(Check("price", predicate),))

    def test_a_check_cannot_look_at_another_table(self):
        other = define(limit=(int, ...))
        with pytest.raises(ModelDefinitionError, match="can only use columns of its own row"):
            define(price=(int, ...), __ferro_checks__=(Check("price", lambda m: m.price < other.limit),))

    @pytest.mark.parametrize("checks", [Check("a", lambda m: m.price > 0), ("a",), [Check("a", lambda m: m.price > 0)]])
    def test_checks_are_a_tuple_of_checks(self, checks):
        with pytest.raises(ModelDefinitionError, match=r"__ferro_checks__ must be a tuple of Check\(\.\.\.\)"):
            define(price=(int, ...), __ferro_checks__=checks)

    def test_a_check_has_a_plain_name(self):
        with pytest.raises(ModelDefinitionError, match="a check is named by letters, digits and _, not 'a b'"):
            Check("a b", lambda m: m.price > 0)

    def test_an_enum_column_can_be_checked_by_the_database(self):
        class User(ModelBase):
            role: Role | None = Field(default=None, db_check=True)

        (check,) = table_of(User).checks
        assert check.name == "ck_user_role"
        assert repr(check.predicate(User)) == "(user.role IN [<Role.READER: 'reader'>, <Role.WRITER: 'writer'>])"

    @pytest.mark.parametrize("annotation", [str, Literal["a", "b"]])
    def test_only_an_enum_tells_which_values_to_allow(self, annotation):
        with pytest.raises(ModelDefinitionError, match=r"Event\.role: db_check needs an Enum"):
            define(role=(annotation, Field(db_check=True)))


class TestDefaults:
    def test_a_default_that_does_not_fit_its_column_is_refused(self):
        with pytest.raises(ModelDefinitionError, match=r"Event\.n: as db_default, .*int"):
            define(n=(int, Field(db_default="many")))

    def test_a_varchar_has_a_positive_length(self):
        assert varchar(80) == "varchar(80)"
        with pytest.raises(ValueError, match="must be a positive number, not 0"):
            varchar(0)
        with pytest.raises(ModelDefinitionError, match="the length of a varchar must be a positive number, not '80'"):
            varchar("80")


class TestInheritance:
    def test_a_child_has_its_own_table_with_the_parents_fields_first(self):
        class Animal(ModelBase):
            id: int | None = Field(default=None, primary_key=True)
            name: str = Field(default="?", index=True)
            legs: int = 4
            __ferro_composite_uniques__ = (("name", "legs"),)
            __ferro_checks__ = (Check("legs", lambda a: a.legs >= 0),)

        class Bird(Animal):
            wings: int = 2
            legs: int = 2
            __ferro_composite_uniques__ = (("name", "wings"),)

        table = table_of(Bird)
        assert [column.name for column in table.columns] == ["id", "name", "legs", "wings"]
        assert Bird() == Bird(id=None, name="?", legs=2, wings=2)
        assert names(table.uniques) == [
            ("uq_bird_name_legs", ("name", "legs")),
            ("uq_bird_name_wings", ("name", "wings")),
        ]
        assert names(table.indexes) == [("idx_bird_name", ("name",))]
        assert [check.name for check in table.checks] == ["ck_bird_legs"]
        assert not {*table.columns} & {*table_of(Animal).columns}

    def test_a_child_may_replace_a_check(self):
        class Animal(ModelBase):
            legs: int
            __ferro_checks__ = (Check("legs", lambda a: a.legs >= 0),)

        class Bird(Animal):
            __ferro_checks__ = (Check("legs", lambda a: a.legs == 2),)

        (check,) = table_of(Bird).checks
        assert repr(check.predicate(Bird)) == "(bird.legs == 2)"

    def test_an_abstract_base_has_no_table(self):
        class Stamped(ModelBase):
            __ferro_abstract__ = True
            created: datetime = Field(db_default=now)

        class Book(Stamped):
            id: int = Field(primary_key=True)

        assert [column.name for column in table_of(Book).columns] == ["created", "id"]
        with pytest.raises(
            ModelDefinitionError, match="Stamped is abstract and has no table: use one of its subclasses"
        ):
            table_of(Stamped)

    def test_a_plain_pydantic_model_can_be_mixed_in(self):
        class Stamped(BaseModel):
            created: datetime | None = None

        class Book(Stamped, ModelBase):
            id: int = Field(primary_key=True)

        assert {column.name for column in table_of(Book).columns} == {"created", "id"}

    def test_a_generic_has_a_table_only_when_it_is_subclassed(self):
        class Box(ModelBase, Generic[T]):
            id: int = Field(primary_key=True)
            content: T

        class TextBox(Box[str]):
            pass

        assert facts(TextBox) == [("id", "int", False), ("content", "text", False)]
        for model in (Box, Box[int]):
            with pytest.raises(ModelDefinitionError, match="is abstract and has no table"):
                table_of(model)


class TestNamesNotYetDefined:
    def test_names_of_the_function_around_are_found(self):
        class Colour(Enum):
            RED = "red"

        class Car(ModelBase):
            colour: Colour
            old: Colour | None = None

        assert [(column.type.name, column.nullable) for column in table_of(Car).columns] == [
            ("Colour", False),
            ("Colour", True),
        ]

    def test_a_table_is_read_once_its_names_are_defined(self):
        class Shelf(ModelBase):
            id: int = Field(primary_key=True)
            books: list[Later]

        with pytest.raises(
            ModelDefinitionError, match="Shelf refers to 'Later', which is not defined: define it first"
        ):
            table_of(Shelf)

        class Later(BaseModel):
            title: str

        Shelf.model_rebuild()
        assert facts(Shelf) == [("id", "int", False), ("books", "json", False)]
        assert repr(Shelf.id > 3) == "(shelf.id > 3)"

    def test_a_deferred_build_changes_nothing(self):
        class Shelf(ModelBase):
            model_config = ConfigDict(defer_build=True)
            id: int = Field(primary_key=True)

        assert facts(Shelf) == [("id", "int", False)]


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("uniqe", "Field() has no option 'uniqe'; did you mean 'unique'?"),
        ("indx", "Field() has no option 'indx'; did you mean 'index'?"),
        ("zzz", "Field() has no option 'zzz'"),
    ],
)
def test_an_option_nobody_knows_is_refused(option: str, text: str) -> None:
    with pytest.raises(ModelDefinitionError) as caught:
        Field(default=1, **{option: True})
    assert str(caught.value) == text


def test_every_option_of_pydantics_is_taken() -> None:
    field = Field(default="a", max_length=3, title="A", examples=["a"], repr=False, frozen=True, index=True)
    assert (field.title, field.frozen, field.repr) == ("A", True, False)
