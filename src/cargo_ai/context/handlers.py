"""Mark functions as handlers of operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from cargo_ai.context.context import Caller, Context
from cargo_ai.context.process import Services
from cargo_ai.kernel.operation import Operation, Reason, Req, Res

Handler = Callable[[Context, Any], Awaitable[Any]]
_MARK = "__operation__"
_BEFORE = "__before__"


@dataclass(frozen=True, slots=True)
class Preparation:
    """What may be used before the transaction of a request: calls of other services must not hold one open."""

    who: Caller
    services: Services
    base_url: str


Before = Callable[[Preparation, Any], Awaitable[object]]


def handles(
    operation: Operation[Req, Res, Reason], *, before: Callable[[Preparation, Req], Awaitable[object]] | None = None
) -> Callable[[Callable[[Context, Req], Awaitable[Res]]], Callable[[Context, Req], Awaitable[Res]]]:
    """Mark the function that answers an operation. `before` runs before its transaction; what it returns is the context's `prepared`."""

    def mark(function: Callable[[Context, Req], Awaitable[Res]]) -> Callable[[Context, Req], Awaitable[Res]]:
        setattr(function, _MARK, operation.name)
        setattr(function, _BEFORE, before)
        return function

    return mark


def before_of(handler: Handler) -> Before | None:
    """What is done before the handler's transaction."""
    return getattr(handler, _BEFORE, None)


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
