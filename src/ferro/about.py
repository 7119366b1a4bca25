"""Which ferro this is."""

from importlib import metadata


def version() -> str:
    """The version of ferro that is installed, such as "0.1.0"."""
    return metadata.version("ferro-dual")
