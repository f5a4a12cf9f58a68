"""Tables of the Python client: Parquet files to and from pandas, Polars and Arrow, each imported where it is asked for."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pandas  # pyright: ignore[reportMissingTypeStubs]
    import polars

_FRAMES = {"pandas": ("DataFrame",), "polars": ("DataFrame", "LazyFrame"), "pyarrow": ("Table", "RecordBatch")}


def is_frame(value: object) -> bool:
    """Whether it is a table of pandas, Polars or Arrow; none of them is imported to find out."""
    kind = type(value)
    return kind.__name__ in _FRAMES.get(kind.__module__.partition(".")[0], ())


def write_parquet(frame: object, path: Path) -> None:
    """Write a table to a Parquet file. The index of a pandas table is left out unless it has a name."""
    library = type(frame).__module__.partition(".")[0]
    table = cast("Any", frame)
    if library == "polars":
        (table.sink_parquet if type(frame).__name__ == "LazyFrame" else table.write_parquet)(path)
        return
    parquet = _library("pyarrow.parquet", library if library == "pandas" else "arrow")
    if library == "pandas":
        arrow = _library("pyarrow", "pandas")
        table = arrow.Table.from_pandas(table, preserve_index=any(name is not None for name in table.index.names))
    elif type(frame).__name__ == "RecordBatch":
        table = _library("pyarrow", "arrow").Table.from_batches([table])
    parquet.write_table(table, path)


def read_arrow(path: Path) -> Any:
    """A Parquet file as an Arrow table, which has no types for checkers."""
    return _library("pyarrow.parquet", "arrow").read_table(path, memory_map=False)


def read_pandas(path: Path) -> pandas.DataFrame:
    """A Parquet file as a pandas table."""
    return _library("pandas", "pandas").read_parquet(path)


def read_polars(path: Path) -> polars.DataFrame:
    """A Parquet file as a Polars table."""
    return _library("polars", "polars").read_parquet(path, memory_map=False)


def _library(name: str, extra: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"This needs {name.partition('.')[0]}: pip install 'cargo-ai[{extra}]'.", name=error.name) from error
