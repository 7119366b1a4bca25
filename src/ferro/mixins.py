"""What many models have in common: mixins without a colour, to be inherited beside any base."""

from datetime import datetime
from typing import ClassVar

from ferro.fields import Field, utc_now
from ferro.model import ModelBase


class Timestamps(ModelBase, use_attribute_docstrings=False):
    """When a row was made and last changed, in UTC: `class Post(Timestamps, Model)`.

    ferro sets both when it inserts a row and `updated_at` with every update, also those of queries and of
    `bulk_update()` and `upsert()`. The clock is the program's. A value that is given wins.
    """

    __ferro_abstract__: ClassVar[bool] = True

    created_at: datetime = Field(default_factory=utc_now, stamp="created")
    updated_at: datetime = Field(default_factory=utc_now, stamp="updated")


class SoftDelete(ModelBase, use_attribute_docstrings=False):
    """Rows that are deleted stay, and no query sees them: `class Post(SoftDelete, Model)`.

    `delete()` sets `deleted_at`, and `restore()` takes it back. `delete(hard=True)` deletes, and `unscoped()` queries
    see all rows.
    """

    __ferro_abstract__: ClassVar[bool] = True

    deleted_at: datetime | None = Field(default=None, stamp="deleted")


for mixin in (Timestamps, SoftDelete):
    # Reading a source for them takes longer than all else that imports do. Those of their children may have some.
    mixin.model_config["use_attribute_docstrings"] = True
