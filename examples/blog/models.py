"""A blog as tables: what the service, the report and the management commands share."""

from datetime import datetime
from enum import Enum
from typing import Annotated, ClassVar

from ferro import BackRef, Check, Field, ForeignKey, ManyToMany, Model, Relation, Search, SoftDelete, Timestamps, now


class Role(Enum):
    READER = "reader"
    WRITER = "writer"
    EDITOR = "editor"


class Account(Model):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, min_length=1, max_length=40)
    email: str = Field(unique=True, pattern=r".@.")
    role: Role = Role.READER
    joined: datetime = Field(db_default=now)
    posts: Relation[list["Post"]] = BackRef()
    comments: Relation[list["Comment"]] = BackRef()
    voted: Relation[list["Post"]] = BackRef()


class Tag(Model):
    name: str = Field(primary_key=True, pattern=r"^[a-z0-9-]+$", max_length=30)
    posts: Relation[list["Post"]] = BackRef()


class Post(Timestamps, SoftDelete, Model):
    __ferro_search__: ClassVar = Search("title", "body", weights={"title": "A"})

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, pattern=r"^[a-z0-9-]+$", max_length=80)
    title: str = Field(min_length=1, max_length=200)
    body: str
    published: datetime | None = Field(default=None, index=True)
    version: int = Field(version=True)
    author: Annotated[Account, ForeignKey(related_name="posts", on_delete="RESTRICT", index=True)]
    tags: Relation[list[Tag]] = ManyToMany(related_name="posts", reverse_index=True)
    comments: Relation[list["Comment"]] = BackRef()
    votes: Relation[list["Vote"]] = BackRef()
    voters: Relation[list[Account]] = ManyToMany(related_name="voted", through="Vote")


class Comment(Model):
    id: int | None = Field(default=None, primary_key=True)
    body: str = Field(min_length=1)
    written: datetime = Field(db_default=now)
    post: Annotated[Post, ForeignKey(related_name="comments", index=True)]
    author: Annotated[Account, ForeignKey(related_name="comments")]
    parent: Annotated["Comment | None", ForeignKey(related_name="replies", index=True)] = None
    parent_id: int | None = None  # the column of `parent`, named so that type checkers know it
    replies: Relation[list["Comment"]] = BackRef()


class Vote(Model):
    __ferro_composite_uniques__: ClassVar = (("post_id", "account_id"),)
    __ferro_checks__: ClassVar = (Check("value", lambda v: (v.value == 1) | (v.value == -1)),)

    id: int | None = Field(default=None, primary_key=True)
    value: int
    post: Annotated[Post, ForeignKey(related_name="votes")]
    account: Annotated[Account, ForeignKey(index=True)]
