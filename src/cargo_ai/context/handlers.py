"""Handlers: which function answers which operation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cargo_ai.context.context import Context
from cargo_ai.kernel.operation import Operation, Reason, Req, Res

Handler = Callable[[Context, Any], Awaitable[Any]]

handlers: dict[str, Handler] = {}


def handles(
    operation: Operation[Req, Res, Reason],
) -> Callable[[Callable[[Context, Req], Awaitable[Res]]], Callable[[Context, Req], Awaitable[Res]]]:
    """Mark the function that answers an operation. A second one for the same operation is a bug."""

    def bind(function: Callable[[Context, Req], Awaitable[Res]]) -> Callable[[Context, Req], Awaitable[Res]]:
        if operation.name in handlers:
            raise ValueError(f"two handlers for {operation.name}")
        handlers[operation.name] = function
        return function

    return bind
