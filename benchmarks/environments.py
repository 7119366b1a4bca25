"""The environments of the peers: each has its own, with its own requirements, made when it is first asked for."""

import ast
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

PEERS_FOLDER = Path(__file__).with_name("peers")
FOLDER = Path(__file__).with_name(".environments")
PEERS = tuple(sorted(path.stem for path in PEERS_FOLDER.glob("*.py")))
# Newest last: the oldest that will do is nearest to the Python that measures.
NEWER_PYTHONS = ("python3.12", "python3.13", "python3.14")


class Unavailable(Exception):
    """A peer cannot take part here."""


@dataclass(frozen=True)
class Environment:
    """What a contender runs in: what it is called, its module and class, and the Python it runs by.

    A guest has nothing to do with what is installed here.
    """

    name: str
    module: Path
    python: Path = Path(sys.executable)
    contender: str = "Peer"
    guest: bool = True

    @property
    def flags(self) -> tuple[str, ...]:
        return ("-I",) if self.guest else ("-P",)

    def versions(self) -> str:
        """Say what is installed of what it asked for, and by which Python it runs."""
        places = [str(path) for path in self.python.parents[1].glob("lib/python*/site-packages")]
        installed = {one.name.lower(): one.version for one in distributions(path=places)}
        asked = [named(requirement) for requirement in facts(self.module)["REQUIREMENTS"]]
        return ", ".join([*(f"{name} {installed[name.lower()]}" for name in asked), f"Python {version(self.python)}"])


def facts(module: Path) -> dict[str, Any]:
    """Read a peer's constants, without importing what is not installed here."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    found: dict[str, Any] = {"PYTHON": (3, 11)}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name("REQUIREMENTS" | "PYTHON" as name)], value=value):
                found[name] = ast.literal_eval(value)
            case _:
                pass
    return found


def named(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def prepared(name: str, python: str | None = None) -> Environment:
    """Give the environment of a peer; make it if it is missing, or was made for something else."""
    if name not in PEERS:
        raise Unavailable(f"there is no peer of this name, only {', '.join(PEERS)}")
    module = PEERS_FOLDER / f"{name}.py"
    asked = facts(module)
    folder = FOLDER / name
    made = folder / "made-for.txt"
    environment = Environment(name, module, folder / "bin" / "python")
    wanted = f"{asked['REQUIREMENTS']}\n"
    there = made.read_text(encoding="utf-8") if made.exists() else ""
    if there.startswith(wanted) and python is None:
        return environment
    chosen = python_for(asked["PYTHON"], python)
    made_for = wanted + version(chosen)
    if there != made_for:
        print(f"making an environment for {name} …", flush=True)
        run(chosen, "-m", "venv", "--clear", folder)
        run(environment.python, "-m", "pip", "install", "--quiet", *asked["REQUIREMENTS"])
        made.write_text(made_for, encoding="utf-8")
    return environment


def python_for(oldest: tuple[int, ...], given: str | None) -> Path:
    """Give a Python that is new enough: the one that is given, or else this one, or else one that is on the path."""
    for candidate in [given] if given else [sys.executable, *NEWER_PYTHONS]:
        found = shutil.which(candidate)
        if found is not None and tuple(map(int, version(Path(found)).split(".")))[:2] >= oldest:
            return Path(found)
    needed = ".".join(map(str, oldest))
    raise Unavailable(f"it needs Python {needed} or newer: give the path of one with --python")


def version(python: Path) -> str:
    """Give the version of a Python, as numbers; 0 if it does not run."""
    said = "import sys; print(*sys.version_info[:3], sep='.')"
    return ran(python, "-I", "-c", said).stdout.strip() or "0"


def run(*command: str | Path) -> None:
    found = ran(*command)
    if found.returncode:
        lines = (found.stderr or found.stdout).strip().splitlines() or ["no reason was given"]
        raise Unavailable(lines[-1])


def ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    # Pythons of our own choice.
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
