"""Mark functions as handlers of operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from types import ModuleType
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.kernel.operation import Operation, Reason, Req, Res

Handler = Callable[[Context, Any], Awaitable[Any]]
_MARK = "__operation__"


def handles(
    operation: Operation[Req, Res, Reason],
) -> Callable[[Callable[[Context, Req], Awaitable[Res]]], Callable[[Context, Req], Awaitable[Res]]]:
    """Mark the function that answers an operation."""

    def mark(function: Callable[[Context, Req], Awaitable[Res]]) -> Callable[[Context, Req], Awaitable[Res]]:
        setattr(function, _MARK, operation.name)
        return function

    return mark


def collect(modules: Iterable[ModuleType]) -> dict[str, Handler]:
    """The marked functions of the modules, by the name of their operation. Two for one operation are a bug (ValueError)."""
    handlers: dict[str, Handler] = {}
    for module in modules:
        for value in vars(module).values():
            name = getattr(value, _MARK, None)
            if not isinstance(name, str) or getattr(value, "__module__", None) != module.__name__:
                continue
            if name in handlers:
                raise ValueError(f"two handlers for {name}")
            handlers[name] = value
    return handlers
