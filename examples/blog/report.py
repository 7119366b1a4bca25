"""The blog's numbers, as a blocking script: `DATABASE_URL=... python report.py`, or its cells in a notebook."""

import os

from models import Account, Post, Tag

from ferro import coalesce, col
from ferro.sync import Database, connect


def report(db: Database) -> None:
    print("Posts, best first")
    best = db.query(Post).where(lambda p: col(p.published).is_not_null())
    best = best.order_by(lambda p: coalesce(p.votes.sum(lambda v: v.value), 0).desc(), "slug")
    for slug, author, score, comments in (
        best.select(lambda p: (p.slug, p.author.name, coalesce(p.votes.sum(lambda v: v.value), 0), p.comments.count()))
        .limit(10)
        .all()
    ):
        print(f"  {score:+d}  {slug}, by {author}, {comments} comments")

    print("Tags")
    tags = db.query(Tag).where(lambda t: t.posts.any(lambda p: col(p.published).is_not_null()))
    for name, posts in (
        tags.order_by(lambda t: t.posts.count().desc(), "name").select(lambda t: (t.name, t.posts.count())).all()
    ):
        print(f"  {name}: {posts}")

    print("Writers")
    writers = db.query(Account).where(lambda a: a.posts.any())
    for account in writers.order_by("name").include(lambda a: a.posts.order_by("-id").limit(2)).all():
        print(f"  {account.name}: " + ", ".join(post.title for post in account.posts))


if __name__ == "__main__":
    with connect(os.environ["DATABASE_URL"]) as database:
        report(database)
