"""The tables that can be uploaded, for type checkers: known by their shape, so that none of the libraries has to be there."""

from typing import Any, Protocol

class _Pandas(Protocol):
    def to_parquet(self, path: Any = ..., /, *args: Any, **kwargs: Any) -> Any: ...

class _Polars(Protocol):
    def write_parquet(self, file: Any, /, *args: Any, **kwargs: Any) -> Any: ...

class _Lazy(Protocol):
    def sink_parquet(self, path: Any, /, *args: Any, **kwargs: Any) -> Any: ...

class _Arrow(Protocol):
    def to_pylist(self) -> Any: ...

Frame = _Pandas | _Polars | _Lazy | _Arrow
