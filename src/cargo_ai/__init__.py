"""cargo-ai: self-hosted revenue orchestration, driven from the shell, and from Python by `Cargo` and `AsyncCargo`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cargo_ai.sdk import AsyncCargo as AsyncCargo
    from cargo_ai.sdk import Cargo as Cargo
    from cargo_ai.sdk import CargoError as CargoError

__version__ = "0.1.0"
_CLIENT = ("AsyncCargo", "Cargo", "CargoError")


def __getattr__(name: str) -> object:
    # Imported when it is asked for: the command line starts without the client's libraries.
    if name not in _CLIENT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    try:
        return getattr(importlib.import_module("cargo_ai.sdk"), name)
    except ModuleNotFoundError as error:
        if error.name not in ("httpx", "pydantic"):
            raise
        raise ImportError(f"The Python client needs {error.name}: pip install 'cargo-ai[sdk]'.", name=error.name) from error


def __dir__() -> list[str]:
    return sorted([*globals(), *_CLIENT])
