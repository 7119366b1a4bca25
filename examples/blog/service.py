"""The blog as a service: `uvicorn service:app`, with DATABASE_URL saying where its tables are.

Who asks is named by the header X-Account; a real service would look at a session or a token there.
"""

import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from models import Account, Comment, Post, Role, Tag, Vote
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ferro import (
    IntegrityError,
    ModelDoesNotExist,
    QueryError,
    StaleObjectError,
    coalesce,
    col,
    connect,
    depth,
    search,
    transaction,
)

PAGE = 20


# What is asked for.


class Draft(BaseModel):
    """A new post."""

    slug: str
    title: str
    body: str
    tags: list[str] = []


class Edit(BaseModel):
    """A new text, for the version that its writer has read."""

    version: int
    title: str
    body: str


class Remark(BaseModel):
    """A comment on a post, or on another comment."""

    body: str
    parent: int | None = None


class Ballot(BaseModel):
    """1 for, -1 against."""

    value: int


# What is answered.


class Headline(BaseModel):
    """A post in a list."""

    id: int
    slug: str
    title: str
    published: datetime
    author: str
    score: int
    comments: int


json_of: TypeAdapter[Any] = TypeAdapter(Any)


def answer(content: Any, status: int = 200) -> Response:
    return Response(json_of.dump_json(content), status, media_type="application/json")


async def asker(request: Request, *roles: Role) -> Account:
    """The account that asks, if it may."""
    name = request.headers.get("x-account", "")
    account = await Account.where(lambda a: a.name == name).one_or_none()
    if account is None:
        raise HTTPException(401, "say who you are in the header X-Account")
    if roles and account.role not in roles:
        raise HTTPException(403, f"this takes a role of {' or '.join(role.value for role in roles)}")
    return account


async def post_of(request: Request) -> Post:
    slug = request.path_params["slug"]
    return await Post.where(lambda p: p.slug == slug).one()


async def create_account(request: Request) -> Response:
    return answer(await Account.create(**await request.json()), 201)


async def list_posts(request: Request) -> Response:
    """The newest posts first: `?tag=`, `?author=`, `?search=`, and `?after=`, the cursor of the page before."""
    asked = request.query_params
    posts = Post.where(lambda p: col(p.published).is_not_null()).order_by("-published", "-id")
    if tag := asked.get("tag"):
        posts = posts.where(lambda p: p.tags.any(lambda t: t.name == tag))
    if author := asked.get("author"):
        posts = posts.where(lambda p: p.author.name == author)
    if text := asked.get("search"):
        posts = posts.where(lambda p: search(p, text))
    if after := asked.get("after"):
        posts = posts.after(after)
    headlines = posts.select(
        lambda p: {
            "id": p.id,
            "slug": p.slug,
            "title": p.title,
            "published": p.published,
            "author": p.author.name,
            "score": coalesce(p.votes.sum(lambda v: v.value), 0),
            "comments": p.comments.count(),
        },
        into=Headline,
    )
    page = await headlines.limit(PAGE).all()
    return answer({"posts": page, "after": headlines.cursor_of(page[-1]) if len(page) == PAGE else None})


async def create_post(request: Request) -> Response:
    """Write a post, and let it have tags; tags that are new are made."""
    author = await asker(request, Role.WRITER, Role.EDITOR)
    draft = Draft.model_validate(await request.json())
    async with transaction():
        post = await Post.create(author=author, **draft.model_dump(exclude={"tags"}))
        for name in draft.tags:
            await Tag.get_or_create(name=name)
        await post.tags.set(*draft.tags)
    return answer(post, 201)


async def show_post(request: Request) -> Response:
    """A post with its author, its tags, and its comments, each below what it answers."""
    slug = request.path_params["slug"]
    post = await Post.where(lambda p: p.slug == slug).include("author", "tags", "comments.author").one()
    return answer(
        {
            **post.model_dump(exclude={"author_id"}),
            "author": post.author.name,
            "tags": [tag.name for tag in post.tags],
            "comments": nested(post.comments),
        }
    )


def nested(comments: Iterable[Comment]) -> list[dict[str, Any]]:
    below = defaultdict[int | None, list[Comment]](list)
    for comment in sorted(comments, key=lambda comment: comment.id or 0):
        below[comment.parent_id].append(comment)

    def thread(parent: int | None) -> list[dict[str, Any]]:
        return [
            {"id": one.id, "author": one.author.name, "body": one.body, "replies": thread(one.id)}
            for one in below[parent]
        ]

    return thread(None)


async def edit_post(request: Request) -> Response:
    """Change a post that nobody else has changed since it was read."""
    editor = await asker(request, Role.WRITER, Role.EDITOR)
    edit = Edit.model_validate(await request.json())
    post = await post_of(request)
    if await post.author != editor and editor.role is not Role.EDITOR:
        raise HTTPException(403, "this post is somebody else's")
    if post.version != edit.version:
        raise HTTPException(409, f"version {edit.version} was read, and there is version {post.version} by now")
    post.title, post.body = edit.title, edit.body
    await post.save()
    return answer(post)


async def delete_post(request: Request) -> Response:
    """Take a post out of sight; a management command can bring it back."""
    await asker(request, Role.EDITOR)
    post = await post_of(request)
    await post.delete()
    return Response(status_code=204)


async def publish_post(request: Request) -> Response:
    await asker(request, Role.EDITOR)
    post = await post_of(request)
    post.published = post.published or datetime.now(UTC)
    await post.save()
    return answer(post)


async def add_comment(request: Request) -> Response:
    author = await asker(request)
    remark = Remark.model_validate(await request.json())
    async with transaction():
        post = await post_of(request)
        if remark.parent is not None and not await post.comments.where(lambda c: c.id == remark.parent).exists():
            raise HTTPException(422, f"this post has no comment {remark.parent}")
        comment = await post.comments.create(author=author, body=remark.body, parent=remark.parent)
    return answer(comment, 201)


async def show_thread(request: Request) -> Response:
    """A comment and everything below it, as deep as it goes, and the comments it answers."""
    comment = await Comment.get(request.path_params["id"])
    below = Comment.query().descendants(of=comment, along=lambda c: c.parent).order_by(depth, "id")
    above = Comment.query().ancestors(of=comment, along=lambda c: c.parent).order_by(lambda c: depth(c).desc())
    return answer(
        {
            "comment": comment,
            "above": await above.select(lambda c: c.id).all(),
            "below": await below.select(lambda c: {"id": c.id, "depth": depth(c), "author": c.author.name}).all(),
        }
    )


async def delete_comment(request: Request) -> Response:
    """Take a comment away, and the answers to it with it."""
    editor = await asker(request)
    comment = await Comment.get(request.path_params["id"])
    if await comment.author != editor and editor.role is not Role.EDITOR:
        raise HTTPException(403, "this comment is somebody else's")
    await comment.delete()
    return Response(status_code=204)


async def vote(request: Request) -> Response:
    """Say what one thinks of a post; saying it again changes one's mind."""
    account = await asker(request)
    ballot = Ballot.model_validate(await request.json())
    post = await post_of(request)
    await Vote.upsert(post=post, account=account, value=ballot.value)
    return answer({"score": await post.votes.sum(lambda v: v.value)})


# What goes wrong, as HTTP says it.

PROBLEMS: dict[type[Exception], int] = {
    ModelDoesNotExist: 404,
    StaleObjectError: 409,
    IntegrityError: 409,
    ValidationError: 422,
    QueryError: 422,
}


async def problem(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return JSONResponse({"detail": error.detail}, error.status_code)
    status = next(status for kind, status in PROBLEMS.items() if isinstance(error, kind))
    return JSONResponse({"detail": str(error)}, status)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    async with connect(os.environ["DATABASE_URL"], auto_migrate=True):
        yield


app = Starlette(
    routes=[
        Route("/accounts", create_account, methods=["POST"]),
        Route("/posts", list_posts, methods=["GET"]),
        Route("/posts", create_post, methods=["POST"]),
        Route("/posts/{slug}", show_post, methods=["GET"]),
        Route("/posts/{slug}", edit_post, methods=["PUT"]),
        Route("/posts/{slug}", delete_post, methods=["DELETE"]),
        Route("/posts/{slug}/publish", publish_post, methods=["POST"]),
        Route("/posts/{slug}/comments", add_comment, methods=["POST"]),
        Route("/posts/{slug}/vote", vote, methods=["PUT"]),
        Route("/comments/{id:int}", show_thread, methods=["GET"]),
        Route("/comments/{id:int}", delete_comment, methods=["DELETE"]),
    ],
    exception_handlers=dict.fromkeys([*PROBLEMS, HTTPException], problem),
    lifespan=lifespan,
)
