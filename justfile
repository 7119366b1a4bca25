# What people type; .ci/run runs the same. `just setup` once, then any of the others.

export PATH := justfile_directory() / ".venv/bin" + ":" + env("PATH")

# List what there is.
default:
    @just --list

# Make the virtual environment with everything development needs.
setup:
    python3 -m venv .venv
    .venv/bin/python -m pip install -e ".[dev]"

# Check the twins, the lint, the format, the types and the rooms.
check:
    python scripts/unasync.py --check
    ruff check
    ruff format --check
    pyright
    mypy
    lint-imports

# Run the tests that need no server.
test *arguments:
    pytest --db-backends=sqlite {{ arguments }}

# Run every test, on SQLite and on a PostgreSQL of the tests' own.
test-all *arguments:
    pytest -n auto {{ arguments }}

# Write the blocking twins from their async sources.
sync:
    python scripts/unasync.py

# Put the code into its format.
fmt:
    ruff check --fix
    ruff format

# Measure ferro beside the bare drivers, and write docs/performance.md: under ten minutes.
bench *arguments:
    python benchmarks/run.py --write {{ arguments }}

# Measure other libraries too, each in an environment of its own that is made at the first run; printed only.
bench-peers *arguments:
    python benchmarks/run.py --peers all {{ arguments }}

# The same as bench in a minute, printed only.
bench-quick *arguments:
    python benchmarks/run.py --quick {{ arguments }}
