"""The blog's management commands: `DATABASE_URL=... python manage.py --help`."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import TypeAlias

from models import Account, Comment, Post, Role

from ferro import FerroError, col
from ferro.sync import Database, connect


def migrate(db: Database, _: argparse.Namespace) -> None:
    """Create the tables that are missing."""
    db.create_tables()


def account(db: Database, asked: argparse.Namespace) -> None:
    """Make an account, or give one another role."""
    found, created = db.update_or_create(Account, {"role": Role(asked.role), "email": asked.email}, name=asked.name)
    print(f"{'made' if created else 'changed'} {found.name}, {found.role.value}")


def unpublish(db: Database, asked: argparse.Namespace) -> None:
    """Take the posts of an author, or with a tag, off the front page."""
    posts = db.query(Post).where(lambda p: col(p.published).is_not_null())
    if asked.author:
        posts = posts.where(lambda p: p.author.name == asked.author)
    if asked.tag:
        posts = posts.where(lambda p: p.tags.any(lambda t: t.name == asked.tag))
    print(f"{posts.update(published=None)} posts")


def restore(db: Database, asked: argparse.Namespace) -> None:
    """Bring back a post that was deleted."""
    print(f"{db.unscoped(Post).where(lambda p: p.slug == asked.slug).restore()} posts")


def forget(db: Database, asked: argparse.Namespace) -> None:
    """Delete an account with its comments and votes; its posts go to another one."""
    with db.transaction():
        gone = db.query(Account).where(lambda a: a.name == asked.name).one()
        heir = db.query(Account).where(lambda a: a.name == asked.heir).one()
        moved = db.unscoped(Post).where(lambda p: p.author == gone).update(author=heir)
        comments = db.query(Comment).where(lambda c: c.author == gone).count()
        db.delete(gone)
    print(f"{moved} posts now belong to {heir.name}; {comments} comments are gone")


Command: TypeAlias = Callable[[Database, argparse.Namespace], None]

COMMANDS: dict[Command, tuple[str, ...]] = {
    migrate: (),
    account: ("name", "email", "role"),
    unpublish: ("--author", "--tag"),
    restore: ("slug",),
    forget: ("name", "heir"),
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for run, names in COMMANDS.items():
        command = commands.add_parser(run.__name__, help=run.__doc__)
        command.set_defaults(run=run)
        for name in names:
            command.add_argument(name)
    return made


if __name__ == "__main__":
    asked = parser().parse_args()
    try:
        with connect(os.environ["DATABASE_URL"]) as database:
            asked.run(database, asked)
    except FerroError as error:
        sys.exit(str(error))
