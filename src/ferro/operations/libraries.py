"""The libraries of data frames: imported when the first frame is asked for, and never needed before."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ferro.errors import InterfaceError

if TYPE_CHECKING:
    from pandas import DataFrame as PandasFrame
    from polars import DataFrame as PolarsFrame
    from pyarrow import Table as ArrowTable
else:
    ArrowTable = PandasFrame = PolarsFrame = object

__all__ = ["ArrowTable", "PandasFrame", "PolarsFrame", "library"]

# The extra that installs each of them, and what it stands on.
EXTRAS = {"pyarrow": "arrow", "polars": "polars", "pandas": "pandas"}


def library(name: str) -> Any:
    """One of the libraries, or an error that says how to get it."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        raise InterfaceError(
            f"frames of {name} need the package {missing}, which is not installed: "
            f'pip install "ferro-dual[{EXTRAS[name]}]"'
        ) from error
