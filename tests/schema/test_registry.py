"""Which models there are."""

from typing import Any

import pytest

from ferro.errors import ModelDefinitionError
from ferro.fields import Field
from ferro.model import ModelBase
from ferro.schema import registry
from ferro.schema.registry import clear_registry, model_named, registered_models, restore_registry, table_of
from ferro.testing import forget_models


@pytest.fixture(autouse=True)
def only_these_models(monkeypatch):
    monkeypatch.setattr(registry, "declared", {})
    monkeypatch.setattr(registry, "active", {})


def define(name: str, **body: object) -> type[ModelBase]:
    return type(ModelBase)(name, (ModelBase,), {"__module__": __name__, "__annotations__": {"id": int}, **body})


def test_models_stand_in_the_order_of_their_definition():
    one, two = define("One"), define("Two")
    assert registered_models() == (one, two)


def test_the_last_one_of_a_name_wins_silently():
    define("User", __ferro_table__="old")
    other = define("Other")
    user = define("User", __ferro_table__="new")
    assert registered_models() == (other, user)
    assert model_named("User") is user


def test_a_class_that_lost_its_name_keeps_its_table():
    old = define("User")
    define("User")
    assert table_of(old).model is old


def test_abstract_bases_are_not_registered():
    define("Base", __ferro_abstract__=True)
    assert registered_models() == ()


def test_a_class_that_fails_is_not_registered():
    with pytest.raises(ModelDefinitionError):
        define("User", __ferro_table__="no name")
    assert registered_models() == ()


def test_a_cleared_registry_comes_back():
    user = define("User")
    clear_registry()
    assert registered_models() == ()
    assert model_named("User") is user
    other = define("Other")
    assert registered_models() == (other,)
    restore_registry()
    assert registered_models() == (user, other)


def test_forgotten_models_do_not_come_back_and_stay_usable():
    user = define("User", id=Field(primary_key=True))
    forget_models()
    restore_registry()
    assert registered_models() == ()
    assert model_named("User") is None
    assert table_of(user).name == "user"


def test_only_models_have_tables():
    with pytest.raises(ModelDefinitionError, match="int is not a ferro model"):
        table_of(int)
    name: Any = "user; --"
    with pytest.raises(ModelDefinitionError, match="^'user; --' is not a ferro model: inherit from ferro.Model$"):
        table_of(name)
