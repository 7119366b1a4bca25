"""The blog: one set of models, run as a service over HTTP, as a blocking script, and as a management command."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

import ferro

BLOG = Path(__file__).parents[2] / "examples" / "blog"
SOURCE = Path(ferro.__file__).parents[1]


@pytest.fixture
def environment(database_url):
    return {**os.environ, "DATABASE_URL": database_url, "PYTHONPATH": str(SOURCE), "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def run(environment):
    """Run one of the blog's programs; return what it printed."""

    def run(program, *arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-W", "error", program, *arguments],
            cwd=BLOG,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    return run


@pytest.fixture
def service(environment):
    """Give the test a client of the running service."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "service:app", "--port", str(port), "--log-level", "warning"]
    server = subprocess.Popen(command, cwd=BLOG, env=environment, stderr=subprocess.PIPE, encoding="utf-8")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
        deadline = time.monotonic() + 30
        while True:
            try:
                client.get("/posts")
                break
            except httpx.TransportError:
                assert server.poll() is None, server.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield client
    server.terminate()
    _, errors = server.communicate(timeout=30)
    assert errors == ""


def ask(client, method, path, account=None, **json):
    headers = {} if account is None else {"x-account": account}
    return client.request(method, path, headers=headers, json=json or None)


def test_the_blog_is_one_for_its_service_its_report_and_its_commands(run, service):
    # The service has made the tables; doing it again changes nothing.
    assert run("manage.py", "migrate") == ""
    assert run("manage.py", "account", "ann", "ann@example.org", "writer") == "made ann, writer\n"
    assert run("manage.py", "account", "eve", "eve@example.org", "editor") == "made eve, editor\n"
    assert ask(service, "POST", "/accounts", name="bob", email="bob@example.org").status_code == 201

    draft = {"slug": "lisp", "title": "On Lisp", "body": "Parentheses.", "tags": ["code", "old"]}
    post = ask(service, "POST", "/posts", "ann", **draft)
    assert (post.status_code, post.json()["slug"], post.json()["version"]) == (201, "lisp", 1)
    assert ask(service, "POST", "/posts", "ann", **{**draft, "slug": "sql", "title": "On SQL", "tags": ["code"]})
    assert ask(service, "GET", "/posts").json() == {"posts": [], "after": None}
    for slug in ("lisp", "sql"):
        assert ask(service, "POST", f"/posts/{slug}/publish", "eve").status_code == 200

    first = ask(service, "POST", "/posts/lisp/comments", "bob", body="First!").json()
    reply = ask(service, "POST", "/posts/lisp/comments", "ann", body="Thanks.", parent=first["id"]).json()
    deepest = ask(service, "POST", "/posts/lisp/comments", "bob", body="So?", parent=reply["id"]).json()
    assert ask(service, "PUT", "/posts/lisp/vote", "bob", value=-1).json() == {"score": -1}
    assert ask(service, "PUT", "/posts/lisp/vote", "bob", value=1).json() == {"score": 1}
    assert ask(service, "PUT", "/posts/lisp/vote", "eve", value=1).json() == {"score": 2}

    shown = ask(service, "GET", "/posts/lisp").json()
    assert (shown["author"], sorted(shown["tags"])) == ("ann", ["code", "old"])
    (thread,) = shown["comments"]
    assert (thread["author"], thread["body"]) == ("bob", "First!")
    assert [one["body"] for one in thread["replies"][0]["replies"]] == ["So?"]
    assert ask(service, "GET", f"/comments/{reply['id']}").json() == {
        "comment": reply,
        "above": [first["id"]],
        "below": [{"id": deepest["id"], "depth": 1, "author": "bob"}],
    }

    listed = ask(service, "GET", "/posts", None).json()["posts"]
    assert [(one["slug"], one["score"], one["comments"]) for one in listed] == [("sql", 0, 0), ("lisp", 2, 3)]
    for query, found in [
        ("tag=old", ["lisp"]),
        ("author=ann", ["sql", "lisp"]),
        ("author=bob", []),
        ("search=SQL", ["sql"]),
    ]:
        assert [one["slug"] for one in service.get(f"/posts?{query}").json()["posts"]] == found

    assert run("report.py").splitlines() == [
        "Posts, best first",
        "  +2  lisp, by ann, 3 comments",
        "  +0  sql, by ann, 0 comments",
        "Tags",
        "  code: 2",
        "  old: 1",
        "Writers",
        "  ann: On SQL, On Lisp",
    ]

    assert run("manage.py", "unpublish", "--tag", "old") == "1 posts\n"
    assert [one["slug"] for one in service.get("/posts").json()["posts"]] == ["sql"]
    assert ask(service, "DELETE", "/posts/sql", "eve").status_code == 204
    assert service.get("/posts/sql").status_code == 404
    assert run("manage.py", "restore", "sql") == "1 posts\n"
    assert ask(service, "GET", "/posts/sql").json()["title"] == "On SQL"
    assert run("manage.py", "forget", "ann", "eve") == "2 posts now belong to eve; 1 comments are gone\n"
    assert [one["author"] for one in service.get("/posts").json()["posts"]] == ["eve"]


def test_the_service_says_what_was_asked_wrongly(run, service):
    run("manage.py", "account", "ann", "ann@example.org", "writer")
    draft = {"slug": "lisp", "title": "On Lisp", "body": "Parentheses."}
    assert ask(service, "POST", "/posts", **draft).status_code == 401
    assert ask(service, "POST", "/posts", "ann", **draft).status_code == 201
    assert ask(service, "POST", "/posts", "ann", **draft).status_code == 409
    assert ask(service, "POST", "/posts", "ann", **{**draft, "slug": "Not a slug"}).status_code == 422
    assert ask(service, "POST", "/posts/lisp/publish", "ann").status_code == 403
    assert ask(service, "GET", "/posts/none").status_code == 404
    assert ask(service, "PUT", "/posts/lisp/vote", "ann", value=3).status_code == 409
    assert service.get("/posts?after=broken").status_code == 422
    edited = ask(service, "PUT", "/posts/lisp", "ann", version=1, title="Lisp", body="More parentheses.")
    assert (edited.status_code, edited.json()["version"]) == (200, 2)
    late = ask(service, "PUT", "/posts/lisp", "ann", version=1, title="LISP", body="")
    assert (late.status_code, late.json()["detail"]) == (409, "version 1 was read, and there is version 2 by now")
    assert ask(service, "POST", "/posts/lisp/comments", "ann", body="?", parent=99).status_code == 422
    assert run("manage.py", "forget", "nobody", "ann", code=1).startswith("no Account matches this query")


def test_pages_of_posts_follow_each_other(service, run):
    run("manage.py", "account", "eve", "eve@example.org", "editor")
    for number in range(25):
        ask(service, "POST", "/posts", "eve", slug=f"post-{number}", title="Title", body="Body")
        ask(service, "POST", f"/posts/post-{number}/publish", "eve")
    first = service.get("/posts").json()
    second = service.get("/posts", params={"after": first["after"]}).json()
    slugs = [one["slug"] for one in first["posts"] + second["posts"]]
    assert slugs == [f"post-{number}" for number in reversed(range(25))]
    assert (len(first["posts"]), second["after"]) == (20, None)
