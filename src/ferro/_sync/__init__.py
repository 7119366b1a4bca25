# Generated from src/ferro/_async/__init__.py by scripts/unasync.py: edit that file, never this one.
"""How it is done on an event loop."""
