"""The documentation as programs: each page's blocks of Python, run in order by `python pages.py PAGE`.

A page is one program, and its blocks share their names. A block that awaits at its top level runs in the
page's loop, the others outside it. What a block prints must be shown in a `text` block right after it;
there, `…` stands for anything on its line. Three comments before a block change what is done with it:
`<!-- file: models.py -->` saves it as a module beside the program, `<!-- run -->` runs the commands of a
`console` block, which shows what they print, and `<!-- postgresql -->` leaves a block out unless the
environment's DATABASE_URL says where a server is.
"""

import ast
import asyncio
import builtins
import io
import os
import re
import subprocess
import sys
import types
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

FENCE = re.compile(r"(`{3,})(\w*)\s*")
NOTE = re.compile(r"<!-- (postgresql|run|file: ([\w./]+)) -->")


class PageError(Exception):
    """What is wrong with a page, and where."""


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        line: where its first line stands on the page.
        file: the name it is saved under, or empty for one that is run.
        shown: what the page says it prints, or None.
    """

    language: str
    line: int
    text: str
    postgresql: bool = False
    file: str = ""
    shown: str | None = None
    run: bool = False


def blocks_of(page: str) -> list[Block]:
    """Find the Python blocks of a page, with the output shown after each."""
    found: list[Block] = []
    for block, follows in fenced(page):
        if block.language == "python" or (block.language == "console" and block.run):
            found.append(block)
        elif block.language == "text" and follows:
            last = found.pop()
            found.append(Block(last.language, last.line, last.text, last.postgresql, last.file, block.text))
    return found


def fenced(page: str) -> list[tuple[Block, bool]]:
    """Every fenced block, and whether nothing stands between it and a Python block before it."""
    result: list[tuple[Block, bool]] = []
    fence, language, started, body = "", "", 0, list[str]()
    notes, between, after_python = list[str](), False, False
    for number, line in enumerate(page.splitlines(), 1):
        if fence:
            if line.rstrip() == fence:
                files = [name.removeprefix("file: ") for name in notes if name.startswith("file: ")]
                text = "".join(f"{one}\n" for one in body)
                block = Block(language, started, text, "postgresql" in notes, "".join(files), run="run" in notes)
                result.append((block, after_python and not between))
                fence, after_python, between, notes = "", language == "python", False, []
            else:
                body.append(line)
        elif opening := FENCE.fullmatch(line):
            fence, language, started, body = opening[1], opening[2], number + 1, []
        elif note := NOTE.fullmatch(line.strip()):
            notes.append(note[1])
        elif line.lstrip().startswith("<!--"):
            raise PageError(f"line {number}: {line.strip()} is not a note the tests know")
        elif line.lstrip().startswith("```"):
            raise PageError(f"line {number}: a fence begins at the margin and names one language")
        elif line.strip():
            between, notes = True, []
    if fence:
        raise PageError(f"line {started - 1}: this block is never closed")
    return result


def run(path: Path) -> int:
    """Run a page where we are; return how many of its blocks ran."""
    page = path.read_text(encoding="utf-8")
    program = types.ModuleType("page")
    # As in every module that Python runs itself.
    vars(program)["__builtins__"] = builtins
    sys.modules["page"] = program
    sys.path.insert(0, str(Path.cwd()))
    ran = 0
    with asyncio.Runner() as runner:
        for block in blocks_of(page):
            if block.postgresql and not os.environ.get("DATABASE_URL"):
                continue
            if block.language == "console":
                run_commands(block)
            elif block.file:
                Path(block.file).write_text(block.text, encoding="utf-8")
            else:
                check_output(block, printed(block, path, program, runner))
            ran += 1
    return ran


def printed(block: Block, path: Path, program: types.ModuleType, runner: asyncio.Runner) -> str:
    """Run a block; return what it printed."""
    # Its lines are counted as on the page, so that a traceback points there.
    text = "\n" * (block.line - 1) + block.text
    code = compile(text, str(path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with redirect_stdout(io.StringIO()) as output:
        function = types.FunctionType(code, vars(program))
        result = function()
        if result is not None:
            runner.run(result)
    return output.getvalue()


def run_commands(block: Block) -> None:
    """Run what stands after each dollar sign; the lines that follow are what it prints."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    commands, shown = list[str](), ""
    for line in block.text.splitlines(keepends=True):
        if line.startswith("$ "):
            commands.append(line[2:])
        else:
            shown += line
    ran = [
        subprocess.run(
            command,
            shell=True,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        for command in commands
    ]
    output = "".join(one.stdout for one in ran)
    if any(one.returncode for one in ran):
        raise PageError(f"line {block.line}: a command failed and printed\n{output}")
    check_output(replace(block, shown=shown), output)


def check_output(block: Block, output: str) -> None:
    shown = block.shown or ""
    if not matches(shown, output):
        raise PageError(f"line {block.line}: the block printed\n{output}and the page shows\n{shown}")


def matches(shown: str, output: str) -> bool:
    pattern = ".*".join(map(re.escape, shown.split("…")))
    return re.fullmatch(pattern, output) is not None


if __name__ == "__main__":
    print(run(Path(sys.argv[1])))
