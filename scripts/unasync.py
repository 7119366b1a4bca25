"""Write the blocking twin of every async folder: `_sync` beside `_async`, never edited by hand.

    python scripts/unasync.py            write the twins
    python scripts/unasync.py --check    fail unless the twins are what their sources give

The work is done by the list of rules below, and every rule must be of use somewhere. A rule applies
to code, to prose (comments and strings, docstrings among them), or to both; what stands in the braces
of an f-string is code.
"""

import argparse
import ast
import difflib
import io
import re
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import TypeAlias

FOLDERS = (Path("src/ferro/_async"), Path("tests/_async"))

CODE, PROSE = "code", "prose"

Position: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Rule:
    """Replace `pattern` by `replacement` wherever it stands in the given kinds of text."""

    pattern: str
    replacement: str
    kinds: tuple[str, ...] = (CODE, PROSE)


RULES = (
    # Keywords.
    Rule(r"\basync\s+(?=(?:def|with|for)\b)", ""),
    Rule(r"\basync(?=contextmanager\b)", ""),
    Rule(r"\bawait\b\s*", "", (CODE,)),
    Rule(r"(?<=`)await |(?<== )await |\bawait (?=\w+(?:\.\w+)*[(\[]|\w+\.\w)", "", (PROSE,)),
    # Names.
    Rule(r"Async(?=[A-Z])", ""),
    Rule(r"_async(?![a-z0-9])", "_sync"),
    Rule(r"__a(enter|exit|iter|next)__", r"__\1__"),
    Rule(r"\bfrom ferro import\b", "from ferro.sync import"),
    # Words.
    Rule(r"\bawait(s|ed|)\b", r"call\1", (PROSE,)),
)

FORBIDDEN = re.compile(
    r"\b(asyncio|anyio|gather|create_task|TaskGroup|Awaitable|Coroutine"
    r"|__await__|aiter|anext|aclose|aclosing|enter_async_context)\b"
)
LEFT_OVER = re.compile(r"\b(await\w*|async(?!io\b)\w*|coroutines?)\b", re.IGNORECASE)
COLOURED = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.AsyncFunctionDef)
PRIMARY = (ast.Attribute, ast.Call, ast.Name, ast.Subscript)

FSTRING = re.compile(r"(?:[fF][rR]?|[rR][fF])['\"]")
FSTRING_START = getattr(tokenize, "FSTRING_START", None)  # Python 3.12 and later
FSTRING_END = getattr(tokenize, "FSTRING_END", None)


@dataclass(frozen=True)
class Piece:
    """A stretch of source that is all code or all prose."""

    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class Result:
    """What became of one source: its twin, which rules were of use, and what is wrong with it."""

    text: str
    used: frozenset[Rule] = frozenset()
    problems: tuple[str, ...] = ()


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the blocking twin of every async folder.")
    parser.add_argument("--check", action="store_true", help="compare the twins with their sources; write nothing")
    parser.add_argument("--root", type=Path, default=Path(__file__).parent.parent, help="the project to work on")
    options = parser.parse_args()
    root: Path = options.root.resolve()
    ruff = ruff_of(root)
    if ruff is None:
        return report(
            [f"{sys.executable} has no ruff, which formats the twins: pip install -e '.[dev]', and run its python"]
        )
    results = {path: convert_file(root, path) for folder in FOLDERS for path in files(root, folder)}
    problems = [problem for result in results.values() for problem in result.problems]
    if not results:
        problems = [f"{root} has no {' or '.join(map(str, FOLDERS))} to make a twin of"]
    if problems:
        return report(problems)
    expected = tidy(root, ruff, {twin_of(path): result.text for path, result in results.items()})
    actual = {path: read(root / path) for folder in FOLDERS for path in files(root, twin_of(folder))}
    used = frozenset[Rule]().union(*(result.used for result in results.values()))
    unused = [f"the rule {rule.pattern!r} matches nothing: remove it" for rule in RULES if rule not in used]
    if options.check:
        return report([*compare(expected, actual), *unused])
    write(root, expected, stale=actual.keys() - expected.keys())
    return report(unused)


def report(problems: list[str]) -> int:
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


# One file.


def convert_file(root: Path, path: Path) -> Result:
    source = read(root / path)
    try:
        result = convert(source)
    except (SyntaxError, tokenize.TokenError) as error:
        return Result("", problems=(f"{path}: is not Python: {error}",))
    header = f"# Generated from {path.as_posix()} by scripts/unasync.py: edit that file, never this one.\n"
    return Result(header + result.text, result.used, tuple(f"{path}:{problem}" for problem in result.problems))


def convert(source: str) -> Result:
    """Give a source its other colour."""
    used: set[Rule] = set()
    found = list(pieces(unparenthesised(source)))
    text = "".join(apply(piece.text, piece.kind, used) for piece in found)
    problems = [*forbidden(found), *left_over(text)]
    return Result(text, frozenset(used), tuple(problems))


def apply(text: str, kind: str, used: set[Rule]) -> str:
    for rule in RULES:
        if kind in rule.kinds:
            text, count = re.subn(rule.pattern, rule.replacement, text)
            if count:
                used.add(rule)
    return text


def forbidden(found: list[Piece]) -> Iterator[str]:
    for piece in found:
        if piece.kind == CODE:
            for match in FORBIDDEN.finditer(piece.text):
                line = piece.line + piece.text.count("\n", 0, match.start())
                yield f"{line}: {match[0]} has no twin: what differs between the colours belongs in _concurrency"


def left_over(text: str) -> Iterator[str]:
    """Find what would make the twin a coroutine, or untrue."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, COLOURED):
            yield f"{node.lineno}: no rule takes the colour from {type(node).__name__}"
        elif isinstance(node, ast.comprehension) and node.is_async:
            yield f"{node.target.lineno}: no rule takes the colour from a comprehension"
    for number, line in enumerate(text.splitlines(), start=1):
        for match in LEFT_OVER.finditer(line):
            yield f"{number}: the twin would still say {match[0]!r}: say it another way, or add a rule"


# Source into pieces.


def pieces(source: str) -> Iterator[Piece]:
    """Split a source into code and prose; joined together again they are the source."""
    starts = list(accumulate(map(len, lines_of(source)), initial=0))
    at, line = 0, 1
    for first, last in prose_spans(source):
        start, end = starts[first[0] - 1] + first[1], starts[last[0] - 1] + last[1]
        yield Piece(CODE, source[at:start], line)
        yield from string_pieces(source[start:end], first[0])
        at, line = end, last[0]
    yield Piece(CODE, source[at:], line)


def lines_of(source: str) -> list[str]:
    """Split where Python does, which is not everywhere that `str.splitlines` would."""
    return list(io.StringIO(source, newline=""))


def prose_spans(source: str) -> Iterator[tuple[Position, Position]]:
    """Find comments and strings. Python 3.12 cuts f-strings into tokens: they are put together again."""
    depth = 0
    opened = (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(source, newline="").readline):
        if token.type == FSTRING_START:
            opened = opened if depth else token.start
            depth += 1
        elif token.type == FSTRING_END:
            depth -= 1
            if not depth:
                yield opened, token.end
        elif not depth and token.type in (tokenize.STRING, tokenize.COMMENT):
            yield token.start, token.end


def string_pieces(text: str, line: int) -> Iterator[Piece]:
    """Split an f-string into its prose and the code in its braces; anything else is all prose."""
    kind, at = PROSE, 0
    for brace in braces(text) if FSTRING.match(text) else ():
        yield Piece(kind, text[at:brace], line + text.count("\n", 0, at))
        kind, at = (CODE if kind == PROSE else PROSE), brace
    yield Piece(kind, text[at:], line + text.count("\n", 0, at))


def braces(text: str) -> Iterator[int]:
    """Find where the fields of an f-string begin and end, in turns."""
    depth = 0
    for match in re.finditer(r"\{\{|\}\}|\{|\}", text):
        if len(match[0]) == 2 and not depth:
            continue
        for at, brace in enumerate(match[0], start=match.start()):
            depth += 1 if brace == "{" else -1
            if (brace, depth) in (("{", 1), ("}", 0)):
                yield at


def unparenthesised(source: str) -> str:
    """Take the parentheses from `(await query.all())[0]`, which only `await` needed."""
    lines = source.encode().splitlines(keepends=True)
    for line, column in sorted(spare_parentheses(source, lines), reverse=True):
        lines[line] = lines[line][:column] + lines[line][column + 1 :]
    return b"".join(lines).decode()


def spare_parentheses(source: str, lines: list[bytes]) -> Iterator[Position]:
    for node in awaits(ast.parse(source)):
        first, last = node.lineno - 1, (node.end_lineno or 0) - 1
        start, end = node.col_offset, node.end_col_offset or 0
        # After a name or a closing bracket the parenthesis is a call's.
        opened = re.search(rb"(?<![\w)\]'\"])\($", lines[first][:start])
        if opened and lines[last][end:].startswith(b")") and isinstance(node.value, PRIMARY):
            yield first, start - 1
            yield last, end


def awaits(tree: ast.AST) -> Iterator[ast.Await]:
    """Find every `await` but those in f-strings, whose positions Python 3.11 does not know."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Await):
            yield node
        if not isinstance(node, ast.JoinedStr):
            waiting.extend(ast.iter_child_nodes(node))


# Trees.


def files(root: Path, folder: Path) -> list[Path]:
    """List the files of a folder, relative to the root, without what Python leaves there."""
    found = (path.relative_to(root) for path in sorted((root / folder).rglob("*")) if path.is_file())
    return [path for path in found if "__pycache__" not in path.parts]


def read(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def twin_of(path: Path) -> Path:
    return Path(*(part.replace("_async", "_sync") for part in path.parts))


def ruff_of(root: Path) -> list[str] | None:
    """The ruff that formats the twins: this Python's, or else that of the environment the README makes."""
    if find_spec("ruff") is not None:
        return [sys.executable, "-m", "ruff"]
    own = root / ".venv" / "bin" / "ruff"
    return [str(own)] if own.is_file() else None


def tidy(root: Path, ruff: list[str], texts: dict[Path, str]) -> dict[Path, str]:
    """Sort imports, drop what became unused or doubly parenthesised, and format, as the project does."""
    with tempfile.TemporaryDirectory() as folder:
        elsewhere = Path(folder)
        write(elsewhere, texts, stale=set())
        # The project's own lint leaves the twins alone, which must not be said here.
        settings = ["--config", str(root / "pyproject.toml"), "--config", "lint.per-file-ignores = {}"]
        for command in (["check", "--fix", "--exit-zero", "--select", "I,F401,UP034"], ["format"]):
            subprocess.run([*ruff, *command, "--quiet", "--no-cache", *settings, "."], cwd=elsewhere, check=True)
        return {path: read(elsewhere / path) for path in texts}


def write(root: Path, texts: dict[Path, str], stale: set[Path]) -> None:
    for path, text in texts.items():
        target = root / path
        if not target.is_file() or read(target) != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="")
    for path in stale:
        (root / path).unlink()


def compare(expected: dict[Path, str], actual: dict[Path, str]) -> Iterator[str]:
    """Say how one tree is not the other: every file of either is looked at, whole."""
    for path in sorted(expected.keys() | actual.keys()):
        if path not in actual:
            yield f"{path}: missing: run scripts/unasync.py"
        elif path not in expected:
            yield f"{path}: stale, it has no source: run scripts/unasync.py"
        elif expected[path] != actual[path]:
            yield f"{path}: is not what its source gives: run scripts/unasync.py\n{difference(expected[path], actual[path])}"


def difference(expected: str, actual: str) -> str:
    lines = difflib.unified_diff(actual.splitlines(), expected.splitlines(), "found", "generated", n=1, lineterm="")
    return "\n".join(list(lines)[:20])


if __name__ == "__main__":
    sys.exit(main())
