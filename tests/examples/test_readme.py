"""The programs of the README run as it shows them, and its commands are those of this project."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from ipykernel.kernelspec import write_kernel_spec
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import ferro

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCE = Path(ferro.__file__).parents[1]

BLOCK = re.compile(r"(?:<!-- (?P<note>[^>]+) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)\n```", re.DOTALL)
BLOCKS = [block.groupdict() for block in BLOCK.finditer(README)]
FILES = {block["note"].removeprefix("file: "): block["text"] for block in BLOCKS if (block["note"] or "")[:4] == "file"}
CELLS = [block["text"] for block in BLOCKS if block["note"] == "cell"]
SHOWN = [f"{block['text']}\n" for block in BLOCKS if block["language"] == "text"]
COMMANDS = [line[2:] for block in BLOCKS if block["language"] == "console" for line in block["text"].splitlines()]


@pytest.fixture
def folder(tmp_path):
    """A folder with the README's files in it."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(folder, program, url="sqlite:books.db?mode=rwc"):
    path = folder / program
    path.write_text(FILES[program].replace("sqlite:books.db?mode=rwc", url), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Name a Jupyter kernel of this very interpreter, which knows nothing of the user's own settings."""
    for variable, name in [
        ("JUPYTER_PATH", "jupyter"),
        ("JUPYTER_CONFIG_DIR", "config"),
        ("JUPYTER_DATA_DIR", "data"),
        ("JUPYTER_RUNTIME_DIR", "runtime"),
        ("IPYTHONDIR", "ipython"),
    ]:
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))
    write_kernel_spec(str(tmp_path / "jupyter" / "kernels" / "ferro"))
    return "ferro"


def run_notebook(folder, kernel, cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, kernel_name=kernel, timeout=60, resources={"metadata": {"path": str(folder)}})
    return client.execute().cells


def test_no_block_of_python_is_left_out():
    assert sorted(FILES) == ["failure.py", "models.py", "report.py", "service.py"]
    assert len(CELLS) == 4
    assert len([block for block in BLOCKS if block["language"] == "python"]) == len(FILES) + len(CELLS)


def test_the_service_prints_what_the_readme_says(folder, database_url):
    assert run(folder, "service.py", database_url) == SHOWN[0] == "SICP 4\nTAPL 1\n"


def test_the_script_prints_what_the_readme_says(folder, database_url):
    assert run(folder, "report.py", database_url) == SHOWN[0]


def test_the_two_programs_share_one_database(folder, database_url):
    run(folder, "service.py", database_url)
    assert run(folder, "report.py", database_url) == "SICP 8\nTAPL 2\n"


def test_the_failing_program_prints_what_the_readme_says(folder):
    assert run(folder, "failure.py") == SHOWN[1]


def test_the_notebook_runs_in_a_jupyter_kernel(folder, kernel):
    setup, loop, question, close = run_notebook(folder, kernel, CELLS)
    assert question.outputs[0].data["text/plain"] == "[('SICP', 4), ('TAPL', 1)]"
    assert [cell.outputs for cell in (setup, loop, close)] == [[], [], []]


def test_the_cells_of_a_notebook_may_run_again(folder, kernel):
    setup, loop, question, close = CELLS
    cells = run_notebook(folder, kernel, [setup, loop, setup, FILES["models.py"], loop, question, close])
    assert cells[5].outputs[0].data["text/plain"] == "[('SICP', 8), ('TAPL', 2)]"


def test_a_mistake_in_a_cell_is_a_mistake_of_the_notebook(folder, kernel):
    with pytest.raises(CellExecutionError, match="did you mean 'copies'"):
        run_notebook(folder, kernel, [CELLS[0], CELLS[2].replace("b.copies", "b.copeis")])


def test_every_link_leads_somewhere():
    links = [link.partition(")")[0] for link in README.split("](")[1:]]
    files = [link.partition("#")[0] for link in links if not urlsplit(link).scheme]
    assert [file for file in files if file and not (ROOT / file).exists()] == []
    headings = {line.lstrip("# ").lower().replace(" ", "-") for line in README.splitlines() if line.startswith("#")}
    assert [link for link in links if link.startswith("#") and link[1:] not in headings] == []


def test_the_commands_install_what_the_project_offers():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert COMMANDS == [
        'python3 -m venv .venv && .venv/bin/pip install -e ".[examples]" && .venv/bin/python examples/flights.py',
        'python3 -m venv .venv && .venv/bin/pip install -e ".[dev]" && .venv/bin/pytest -n auto',
        "uv run --no-dev --extra examples examples/flights.py",
        "uv run pytest -n auto",
    ]
    assert {"examples", "dev"} <= set(project["project"]["optional-dependencies"])
    assert project["dependency-groups"]["dev"] == ["ferro-dual[dev]"]
