"""Which hooks a model has."""

import pytest

from ferro import Field, Model, ModelDefinitionError
from ferro.model import ModelBase
from ferro.operations.hooks import hooks_of


class Plain(Model):
    id: int | None = Field(default=None, primary_key=True)
    before_save: str = ""  # type: ignore[assignment]


class Stamped(ModelBase):
    __ferro_abstract__ = True

    def before_save(self) -> None: ...


class Letter(Stamped, Model):
    id: int | None = Field(default=None, primary_key=True)

    def after_load(self) -> None: ...


class Wrong(Model):
    id: int | None = Field(default=None, primary_key=True)

    async def after_load(self) -> None: ...  # type: ignore[override]


def test_a_model_has_the_hooks_it_or_its_parents_override():
    assert hooks_of(Letter) == {"before_save", "after_load"}
    assert hooks_of(Plain) == frozenset()


def test_after_load_is_a_plain_function():
    with pytest.raises(ModelDefinitionError) as caught:
        hooks_of(Wrong)
    assert str(caught.value) == (
        "Wrong.after_load is called while rows are read, in both colours: make it a plain function"
    )
